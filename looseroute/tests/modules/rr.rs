//! The module `rr`.

use looseroute::Value;
use looseroute::core::net::Proto;

use crate::rig::{HERE, Rig, SECOND, Step, addr, f, request};
use crate::text::Req;

pub const TESTED: &[&str] = &[
    "append_fromtag",
    "enable_double_rr",
    "enable_full_lr",
    "add_username",
    "record_route",
    "add_rr_param",
    "remove_record_route",
    "loose_route",
];

fn invite() -> Req {
    let mut req = request("INVITE", "sip:bob@10.0.0.3");
    req.from = "<sip:alice@lr.test>;tag=caller".into();
    req
}

/// The Record-Route values of the request after these steps and a relay.
#[track_caller]
fn recorded(params: &[(&str, &str, Value)], req: &Req, steps: &[Step]) -> Vec<String> {
    let rig = Rig::params(params);
    let mut all = steps.to_vec();
    all.push(f("forward", &[]));
    let ran = rig.run(req, &all);
    ran.one().all("Record-Route").iter().map(|v| (*v).to_owned()).collect()
}

#[test]
fn a_record_route_says_what_its_parameters_ask_for() {
    let plain = [f("record_route", &[])];
    for (params, value) in [
        (vec![], "<sip:10.0.0.1:5060;lr;ftag=caller>"),
        (vec![("rr", "append_fromtag", 0.into())], "<sip:10.0.0.1:5060;lr>"),
        (vec![("rr", "enable_full_lr", 1.into())], "<sip:10.0.0.1:5060;lr=on;ftag=caller>"),
        (vec![("rr", "add_username", 1.into())], "<sip:bob@10.0.0.1:5060;lr;ftag=caller>"),
    ] {
        assert_eq!(recorded(&params, &invite(), &plain), [value], "{params:?}");
    }
    let mut secure = invite();
    secure.uri = "sips:bob@10.0.0.3;transport=udp".into();
    assert_eq!(recorded(&[], &secure, &plain), ["<sips:10.0.0.1:5060;lr;ftag=caller>"]);
}

#[test]
fn parameters_of_the_route_go_into_the_value() {
    let more = |name: &'static str| f(name, &[";nat=yes"]);
    let want = ["<sip:10.0.0.1:5060;lr;ftag=caller;nat=yes>"];
    assert_eq!(recorded(&[], &invite(), &[more("record_route")]), want);
    let (before, after) = (more("add_rr_param"), f("record_route", &[]));
    assert_eq!(recorded(&[], &invite(), &[before.clone(), after.clone()]), want);
    assert_eq!(recorded(&[], &invite(), &[after, before]), want);
    for name in ["record_route", "add_rr_param"] {
        for wrong in ["nat=yes", ";a=b>", ";a b", ";a=\r\nEvil: 1", ""] {
            let ran = Rig::params(&[]).run(&invite(), &[f(name, &[wrong])]);
            assert!(ran.error().starts_with(name), "{wrong}: {}", ran.error());
        }
    }
}

#[test]
fn a_request_is_recorded_once_and_not_after_it_was_taken_back() {
    let ran = Rig::params(&[]).run(&invite(), &[f("record_route", &[]), f("record_route", &[])]);
    assert_eq!(ran.error(), "the request has our Record-Route already");
    let (record, remove) = (f("record_route", &[";x=1"]), f("remove_record_route", &[]));
    let none: [&str; 0] = [];
    assert_eq!(recorded(&[], &invite(), &[record.clone(), remove.clone()]), none);
    let again = [record, remove, f("record_route", &[])];
    assert_eq!(recorded(&[], &invite(), &again), ["<sip:10.0.0.1:5060;lr;ftag=caller>"]);
}

#[test]
fn ours_stands_before_those_of_others_and_a_failure_leaves_none() {
    let other = invite().with("Record-Route: <sip:edge.test;lr>");
    let all = recorded(&[], &other, &[f("record_route", &[])]);
    assert_eq!(all, ["<sip:10.0.0.1:5060;lr;ftag=caller>", "<sip:edge.test;lr>"]);
}

#[test]
fn another_transport_makes_two_values_as_the_mode_says() {
    let outer = "<sip:10.0.0.1:5060;transport=tcp;r2=on;lr;ftag=caller;x=1>";
    let inner = "<sip:10.0.0.1:5060;r2=on;lr;ftag=caller;x=1>";
    let single = "<sip:10.0.0.1:5060;transport=tcp;lr;ftag=caller;x=1>";
    let mut over_tcp = invite();
    over_tcp.uri = "sip:bob@10.0.0.3;transport=tcp".into();
    for (mode, values) in [(0, vec![single]), (1, vec![outer, inner]), (2, vec![outer, inner])] {
        let params = [("rr", "enable_double_rr", mode.into())];
        let all = recorded(&params, &over_tcp, &[f("record_route", &[";x=1"])]);
        assert_eq!(all, values, "mode {mode}");
    }
    for (mode, count) in [(0, 1), (1, 1), (2, 2)] {
        let params = [("rr", "enable_double_rr", mode.into())];
        let all = recorded(&params, &invite(), &[f("record_route", &[])]);
        assert_eq!(all.len(), count, "mode {mode}: {all:?}");
        let pairs = all.iter().filter(|v| v.contains(";r2=on")).count();
        assert_eq!(pairs, if count == 2 { 2 } else { 0 }, "mode {mode}: {all:?}");
    }
}

/// A request with these Routes.
fn routed(routes: &[&str], in_dialog: bool) -> Req {
    let mut req = request("OPTIONS", "sip:bob@10.0.0.3");
    if in_dialog {
        req.to = "<sip:bob@lr.test>;tag=callee".into();
    }
    req.more = routes.iter().map(|r| format!("Route: {r}")).collect();
    req
}

const OURS: &str = "<sip:10.0.0.1:5060;lr;ftag=caller>";
const NEXT: &str = "<sip:10.0.0.4:5080;lr>";

#[test]
fn loose_route_tells_what_it_found() {
    for (routes, in_dialog, code, destination, leaves) in [
        (&[][..], true, -1, "", &[][..]),
        (&[][..], false, -1, "", &[]),
        (&[OURS], true, 1, "", &[]),
        (&[OURS], false, -3, "", &[]),
        (&[OURS, NEXT], true, 1, "sip:10.0.0.4:5080;lr", &[NEXT]),
        (&[OURS, NEXT], false, 1, "sip:10.0.0.4:5080;lr", &[NEXT]),
        (&[NEXT], false, 1, "sip:10.0.0.4:5080;lr", &[NEXT]),
        (&["<sip:lr.test;lr>"], true, 1, "", &[]),
        (
            &["<sip:10.0.0.1:5060;lr>, <sip:10.0.0.4;lr>"],
            true,
            1,
            "sip:10.0.0.4;lr",
            &["<sip:10.0.0.4;lr>"],
        ),
    ] {
        let rig = Rig::params(&[]);
        let twice = [f("loose_route", &[]), f("loose_route", &[]), f("forward", &[])];
        let ran = rig.run(&routed(routes, in_dialog), &twice);
        assert_eq!(ran.codes(), [code, code, 1], "{routes:?} {in_dialog}");
        assert_eq!(ran.seen.destination, destination, "{routes:?}");
        assert_eq!(ran.one().all("Route"), leaves, "{routes:?}");
        let to = if destination.is_empty() { "10.0.0.3:5060" } else { "10.0.0.4" };
        assert!(ran.sent[0].0.peer.to_string().starts_with(to), "{routes:?}: {:?}", ran.sent);
    }
    let broken = Rig::params(&[]).run(&routed(&["garbage"], true), &[f("loose_route", &[])]);
    assert!(broken.error().contains("Route"), "{}", broken.error());
}

#[test]
fn a_strict_router_is_translated_both_ways() {
    let rig = Rig::params(&[]);
    let steps = [f("loose_route", &[]), f("t_relay", &[])];
    // One follows: it becomes the Request-URI, and the Request-URI the last Route.
    let ran = rig.run(&routed(&[OURS, "<sip:10.0.0.4>", "<sip:10.0.0.5;lr>"], true), &steps);
    assert_eq!(ran.one().uri(), "sip:10.0.0.4");
    assert_eq!(ran.one().all("Route"), ["<sip:10.0.0.5;lr>", "<sip:bob@10.0.0.3>"]);
    assert_eq!(ran.sent[0].0.peer, addr("10.0.0.4:5060"));
    // One came before: our own URI is the Request-URI, and the real one the last Route.
    let mut req = routed(&[NEXT, "<sip:bob@10.0.0.3:7000>"], true);
    req.uri = "sip:10.0.0.1:5060;lr;ftag=caller".into();
    let ran = rig.run(&req, &steps);
    assert_eq!(ran.one().uri(), "sip:bob@10.0.0.3:7000");
    assert_eq!(ran.one().all("Route"), [NEXT]);
    assert_eq!(ran.sent[0].0.peer, addr("10.0.0.4:5080"));
}

#[test]
fn a_pair_is_taken_off_together_and_its_second_side_is_left_by() {
    let rig = Rig::params(&[]);
    let pair = ["<sip:10.0.0.1:5060;r2=on;lr>", "<sip:10.0.0.1:5070;r2=on;lr>"];
    let steps = [f("loose_route", &[]), f("t_relay", &[])];
    for (routes, side, values) in [
        ([pair[0], pair[1]], SECOND, 0),
        ([pair[1], pair[0]], HERE, 0),
        // Without r2 they are two hops, which happen to be both ours.
        (["<sip:10.0.0.1:5060;lr>", "<sip:10.0.0.1:5070;lr>"], HERE, 1),
    ] {
        let ran = rig.run(&routed(&routes, true), &steps);
        assert_eq!(ran.codes(), [1, 1], "{routes:?}");
        assert_eq!(ran.one().all("Route").len(), values, "{routes:?}");
        assert_eq!(ran.sent[0].0.listen, Some(rig.listener(Proto::Udp, side)), "{routes:?}");
        let via = ran.one().header("Via").to_owned();
        assert!(via.contains(side), "{routes:?}: {via}");
    }
}

#[test]
fn the_dialogs_two_directions_remember_the_same_tag() {
    let steps = [f("loose_route", &[]), f("record_route", &[])];
    let mut callers = routed(&["<sip:10.0.0.1:5060;lr;ftag=caller>"], true);
    callers.from = "<sip:alice@lr.test>;tag=caller".into();
    let mut callees = callers.clone();
    callees.from = "<sip:bob@lr.test>;tag=callee".into();
    callees.to = "<sip:alice@lr.test>;tag=caller".into();
    callees.branch = format!("{}x", callees.branch);
    for req in [callers, callees] {
        assert_eq!(recorded(&[], &req, &steps), ["<sip:10.0.0.1:5060;lr;ftag=caller>"]);
    }
}
