//! The module `tm`: relaying and replying.

use looseroute::RpcValue;
use looseroute::core::net::Proto;

use crate::rig::{PHONE, Rig, Step, f, request, with};
use crate::text::{Msg, Req};

pub const TESTED: &[&str] = &[
    "t_relay",
    "t_relay_to_udp",
    "t_relay_to_tcp",
    "forward",
    "t_newtran",
    "t_reply",
    "t_send_reply",
    "t_check_trans",
    "t_lookup_request",
    "t_lookup_cancel",
    "t_relay_cancel",
    "t_reply_error",
    "t_set_auto_inv_100",
    "t_is_merged",
    "tm.stats",
];

pub fn options() -> Req {
    request("OPTIONS", "sip:bob@10.0.0.3")
}

pub fn invite() -> Req {
    request("INVITE", "sip:bob@10.0.0.3")
}

/// An INVITE relayed to `10.0.0.3:5060`; answers what went there.
#[track_caller]
pub fn relayed(rig: &Rig, req: &Req) -> Msg {
    let ran = rig.run(req, &[f("t_relay", &[])]);
    let out = ran.sent.iter().find(|(to, _)| to.peer.to_string() == "10.0.0.3:5060");
    out.expect("it was relayed").1.clone()
}

/// The callee's answer; gives what the engine sends then.
pub fn answer(rig: &Rig, out: &Msg, code: u16, more: &[&str]) -> Vec<Msg> {
    rig.feed("10.0.0.3:5060", &out.answer(code, "Reason", more));
    rig.sent().into_iter().map(|(_, m)| m).collect()
}

#[test]
fn a_request_goes_where_it_is_told() {
    let elsewhere = || with(|call| call.set_request_uri("sip:carol@10.0.0.4:5080;transport=tcp"));
    let by = || with(|call| call.set_destination("sip:10.0.0.5:5090;lr"));
    for (steps, proto, peer, uri) in [
        (vec![f("t_relay", &[])], Proto::Udp, "10.0.0.3:5060", "sip:bob@10.0.0.3"),
        (vec![f("forward", &[])], Proto::Udp, "10.0.0.3:5060", "sip:bob@10.0.0.3"),
        (
            vec![elsewhere(), f("t_relay", &[])],
            Proto::Tcp,
            "10.0.0.4:5080",
            "sip:carol@10.0.0.4:5080;transport=tcp",
        ),
        (vec![by(), f("t_relay", &[])], Proto::Udp, "10.0.0.5:5090", "sip:bob@10.0.0.3"),
        (
            vec![f("t_relay", &["10.0.0.6", "7000"])],
            Proto::Udp,
            "10.0.0.6:7000",
            "sip:bob@10.0.0.3",
        ),
        (
            vec![f("forward", &["10.0.0.6", "7000"])],
            Proto::Udp,
            "10.0.0.6:7000",
            "sip:bob@10.0.0.3",
        ),
        (vec![f("t_relay", &["10.0.0.6"])], Proto::Udp, "10.0.0.6:5060", "sip:bob@10.0.0.3"),
        (
            vec![f("t_relay_to_tcp", &["10.0.0.6", "7000"])],
            Proto::Tcp,
            "10.0.0.6:7000",
            "sip:bob@10.0.0.3",
        ),
        (
            vec![f("t_relay_to_udp", &["10.0.0.6", "7000"])],
            Proto::Udp,
            "10.0.0.6:7000",
            "sip:bob@10.0.0.3",
        ),
        (vec![f("t_relay_to_tcp", &[])], Proto::Tcp, "10.0.0.3:5060", "sip:bob@10.0.0.3"),
        (
            vec![elsewhere(), f("t_relay_to_udp", &[])],
            Proto::Udp,
            "10.0.0.4:5080",
            "sip:carol@10.0.0.4:5080;transport=tcp",
        ),
        (vec![by(), f("t_relay_to_tcp", &[])], Proto::Tcp, "10.0.0.5:5090", "sip:bob@10.0.0.3"),
    ] {
        let rig = Rig::params(&[]);
        let ran = rig.run(&options(), &steps);
        let (target, msg) = &ran.sent[0];
        assert_eq!((target.proto, target.peer.to_string().as_str()), (proto, peer), "{uri}");
        assert_eq!((ran.codes(), msg.uri()), (vec![1], uri));
        let stateful = !matches!(steps.last(), Some(Step::Function("forward", _)));
        assert_eq!(rig.engine.live().1, usize::from(stateful), "{peer}");
    }
}

#[test]
fn a_host_may_be_a_name() {
    for (name, args, proto) in [
        ("t_relay", ["localhost", "7000"], Proto::Udp),
        ("t_relay_to_tcp", ["localhost", "7000"], Proto::Tcp),
        ("forward", ["localhost", "7000"], Proto::Udp),
    ] {
        // The names of this machine may be of either family.
        let rig = Rig::new(|b| b.listen("udp:[::1]:5060").listen("tcp:[::1]:5060"));
        let ran = rig.run_and_wait(&options(), &[f(name, &args)]);
        let (target, msg) = &ran.sent[0];
        assert!(target.peer.ip().is_loopback(), "{name}: {target:?}");
        assert_eq!((target.peer.port(), target.proto), (7000, proto), "{name}");
        assert_eq!((ran.codes(), msg.uri()), (vec![1], "sip:bob@10.0.0.3"), "{name}");
    }
    let rig = Rig::params(&[]);
    for (args, error) in [
        (["", "1"], "t_relay: argument 1 must be a host"),
        (["a b", "1"], "t_relay: argument 1 must be a host"),
        (["10.0.0.6", "65536"], "t_relay: argument 2 must be a port"),
    ] {
        assert_eq!(rig.run(&options(), &[f("t_relay", &args)]).error(), error, "{args:?}");
    }
}

#[test]
fn a_request_is_relayed_to_all_of_its_branches_and_once() {
    let rig = Rig::params(&[]);
    let branch = with(|call| call.append_branch("sip:carol@10.0.0.4"));
    let ran = rig.run(&options(), &[branch, f("t_relay", &[]), f("t_relay", &[])]);
    assert_eq!(ran.error(), "the request was answered or relayed already");
    let uris: Vec<&str> = ran.sent.iter().map(|(_, m)| m.uri()).collect();
    assert_eq!(uris, ["sip:bob@10.0.0.3", "sip:carol@10.0.0.4"]);
}

#[test]
fn a_new_transaction_absorbs_what_is_repeated() {
    let rig = Rig::params(&[]);
    let req = invite();
    let asked = [f("t_lookup_request", &[]), f("t_check_trans", &[])];
    let steps = [&asked[..], &[f("t_newtran", &[])], &asked[..]].concat();
    let ran = rig.run(&req, &steps);
    assert_eq!(ran.codes(), [-1, -1, 1, 1, 1]);
    assert_eq!(ran.one().code(), 100);
    let again = rig.run(&req, &steps);
    assert!(again.results.is_empty() && again.one().code() == 100, "{again:?}");
}

#[test]
fn t_reply_needs_a_transaction_and_t_send_reply_makes_one() {
    let rig = Rig::params(&[]);
    let late = rig.run(&options(), &[f("t_reply", &["486", "Busy"])]);
    assert_eq!(late.error(), "t_reply needs a transaction; t_newtran makes one");
    assert!(late.sent.is_empty());
    for steps in [
        vec![f("t_newtran", &[]), f("t_reply", &["486", "Busy"])],
        vec![f("t_send_reply", &["486", "Busy"])],
        vec![f("t_newtran", &[]), f("t_send_reply", &["486", "Busy"])],
    ] {
        let req = options();
        let add = with(|call| call.append_to_reply("X-Why", "so"));
        let ran = rig.run(&req, &[vec![add], steps].concat());
        assert_eq!(ran.one().start, "SIP/2.0 486 Busy");
        assert_eq!(ran.one().header("X-Why"), "so");
        assert_eq!(rig.run(&req, &[]).one(), ran.one(), "it is sent again");
    }
    assert_eq!(rig.stat("sl", "sent_replies"), 0);
    let twice = [f("t_send_reply", &["486", "Busy"]), f("t_reply", &["404", "x"])];
    assert_eq!(rig.run(&options(), &twice).error(), "the transaction is already answered");
    let ran = rig.run(&options(), &[f("t_newtran", &[]), f("t_reply", &["1", "x"])]);
    assert_eq!(ran.error(), "t_reply: argument 1 must be a code from 100 to 699");
}

#[test]
fn t_reply_error_answers_with_the_default_code() {
    let rig = Rig::params(&[("tm", "default_code", 550.into())]);
    let ran = rig.run(&options(), &[f("t_newtran", &[]), f("t_reply_error", &[])]);
    assert_eq!(ran.one().start, "SIP/2.0 550 Server Internal Error");
    let late = rig.run(&options(), &[f("t_reply_error", &[])]);
    assert_eq!(late.error(), "t_reply_error needs a transaction; t_newtran makes one");
}

#[test]
fn the_100_of_one_transaction_is_left_out_or_sent() {
    for (param, set, sent) in [(1, "0", 1), (0, "1", 2), (1, "1", 2)] {
        let rig = Rig::params(&[("tm", "auto_inv_100", param.into())]);
        for relay in [f("t_relay", &[]), f("t_newtran", &[])] {
            let ran = rig.run(&invite(), &[f("t_set_auto_inv_100", &[set]), relay.clone()]);
            let relayed = ran.sent.iter().filter(|(_, m)| m.method() == "INVITE").count();
            assert_eq!(ran.sent.len() - relayed, sent - 1, "{param} {set}");
        }
    }
    let rig = Rig::params(&[]);
    let late = [f("t_newtran", &[]), f("t_set_auto_inv_100", &["0"])];
    assert_eq!(rig.run(&invite(), &late).codes(), [1, -1]);
    let ran = rig.run(&invite(), &[f("t_set_auto_inv_100", &["2"])]);
    assert_eq!(ran.error(), "t_set_auto_inv_100: argument 1 must be 0 or 1");
}

/// RFC 3261 16.4.
#[test]
fn our_own_address_as_maddr_is_taken_off() {
    for (uri, peer, out) in [
        ("sip:bob@10.0.0.3;maddr=10.0.0.1", "10.0.0.3:5060", "sip:bob@10.0.0.3"),
        ("sip:bob@10.0.0.3:5060;maddr=10.0.0.1", "10.0.0.3:5060", "sip:bob@10.0.0.3"),
        // Another port than the one it came by, and somebody else's address.
        ("sip:bob@10.0.0.3:7;maddr=10.0.0.1", "10.0.0.1:7", "sip:bob@10.0.0.3:7;maddr=10.0.0.1"),
        ("sip:bob@10.0.0.3;maddr=10.0.0.9", "10.0.0.9:5060", "sip:bob@10.0.0.3;maddr=10.0.0.9"),
    ] {
        let rig = Rig::params(&[]);
        let ran = rig.run(&request("OPTIONS", uri), &[f("t_relay", &[])]);
        let (to, msg) = &ran.sent[0];
        assert_eq!((to.peer.to_string().as_str(), msg.uri()), (peer, out), "{uri}");
    }
}

#[test]
fn a_request_that_merges_here_is_known() {
    let rig = Rig::params(&[]);
    let merged = |req: &Req| rig.run(req, &[f("t_is_merged", &[])]).codes();
    let req = options();
    let other_way = |req: &Req| Req { branch: format!("{}x", req.branch), ..req.clone() };
    assert_eq!(merged(&req), [-1]);
    assert_eq!(merged(&req), [-1], "the same one again");
    assert_eq!(merged(&other_way(&req)), [1]);
    assert_eq!(merged(&other_way(&req.again())), [-1], "the next request of the call");
    let elsewhere = Req { call_id: "other@test".into(), ..other_way(&req) };
    assert_eq!(merged(&elsewhere), [-1]);
    let dialog = Req { to: format!("{};tag=x", req.to), ..other_way(&req) };
    assert_eq!(merged(&dialog), [-1], "RFC 3261 8.2.2.2: only without a To tag");
    rig.pass(33_000);
    assert_eq!(merged(&other_way(&req)), [-1], "64 T1 later");
}

#[test]
fn a_cancel_finds_its_invite() {
    for known in [true, false] {
        let rig = Rig::params(&[]);
        let req = invite();
        let asked = [f("t_lookup_cancel", &[]), f("t_check_trans", &[]), f("t_relay_cancel", &[])];
        if known {
            let out = relayed(&rig, &req);
            answer(&rig, &out, 180, &[]);
        }
        let ran = rig.run(&req.cancel(), &asked);
        if known {
            // The CANCEL is answered and passed on, and the route ends.
            assert_eq!(ran.codes(), [1, 1]);
            let ways: Vec<(String, u16)> =
                ran.sent.iter().map(|(to, m)| (to.peer.to_string(), m.code())).collect();
            assert!(ways.contains(&(PHONE.into(), 200)), "{ways:?}");
            let passed = ran.sent.iter().find(|(to, _)| to.peer.to_string() == "10.0.0.3:5060");
            assert_eq!(passed.map(|(_, m)| m.method()), Some("CANCEL"));
        } else {
            assert_eq!(ran.codes(), [-1, -1, 1]);
            assert!(ran.sent.is_empty());
        }
    }
    let ran =
        Rig::params(&[]).run(&options(), &[f("t_relay_cancel", &[]), f("t_lookup_cancel", &[])]);
    assert_eq!(ran.codes(), [1, -1]);
}

#[test]
fn answers_are_counted_by_what_became_of_them() {
    let rig = Rig::params(&[]);
    let req = invite();
    let out = relayed(&rig, &req);
    answer(&rig, &out, 100, &[]);
    assert_eq!((rig.stat("tmx", "rpl_absorbed"), rig.stat("tmx", "rpl_relayed")), (1, 0));
    answer(&rig, &out, 180, &[]);
    assert_eq!((rig.stat("tmx", "rpl_absorbed"), rig.stat("tmx", "rpl_relayed")), (1, 1));
    assert_eq!(rig.stat("tmx", "retransmissions"), 0);
    assert_eq!(rig.run(&req, &[]).one().code(), 180);
    assert_eq!(rig.stat("tmx", "retransmissions"), 1);
}

#[test]
fn the_counters_tell_transactions_and_answers() {
    let rig = Rig::params(&[]);
    let told = |name: &str| {
        let stats = rig.rpc("tm.stats", &[]).expect("the command works");
        stats.get(name).and_then(RpcValue::as_int).unwrap_or_else(|| panic!("no {name}"))
    };
    let out = relayed(&rig, &options());
    assert_eq!(["current", "waiting", "total", "created", "freed"].map(told), [1, 0, 1, 1, 0]);
    answer(&rig, &out, 200, &[]);
    assert_eq!(["current", "waiting", "2xx", "rpl_received"].map(told), [1, 1, 1, 1]);
    for (code, class) in [(302, "3xx"), (404, "4xx"), (501, "5xx"), (603, "6xx")] {
        rig.run(&options(), &[f("t_send_reply", &[&code.to_string(), "x"])]);
        assert_eq!(told(class), 1, "{class}");
    }
    assert_eq!(["rpl_generated", "rpl_sent", "total_local", "total"].map(told), [4, 5, 0, 5]);
    rig.pass(60_000);
    assert_eq!(["current", "waiting", "freed", "delayed_free"].map(told), [0, 0, 5, 0]);
    for (group, name, member) in [
        ("tmx", "UAS_transactions", "total"),
        ("tmx", "UAC_transactions", "total_local"),
        ("tmx", "inuse_transactions", "current"),
        ("tmx", "active_transactions", "waiting"),
        ("tmx", "rpl_received", "rpl_received"),
        ("tmx", "rpl_generated", "rpl_generated"),
        ("tmx", "rpl_sent", "rpl_sent"),
        ("tmx", "2xx_transactions", "2xx"),
        ("tmx", "6xx_transactions", "6xx"),
    ] {
        assert_eq!(i64::try_from(rig.stat(group, name)), Ok(told(member)), "{name}");
    }
}
