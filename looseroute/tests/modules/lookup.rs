//! The module `registrar`: looking up.

use looseroute::RpcValue;
use looseroute::core::net::Proto;

use crate::registrar::{contact, registrar, save};
use crate::rig::{HERE, SECOND, f, register, request, with};
use crate::text::Req;

pub const TESTED: &[&str] = &[
    "lookup",
    "lookup_to_dset",
    "lookup_branches",
    "registered",
    "unregister",
    "method_filtering",
    "append_branches",
    "lookup_filter_mode",
];

const A: &str = "<sip:a@10.0.0.2>;q=0.5";
const B: &str = "<sip:b@10.0.0.3>;q=0.9";
const C: &str = "<sip:c@10.0.0.4>";

fn to(user: &str) -> Req {
    request("OPTIONS", &format!("sip:{user}@lr.test"))
}

#[test]
fn contacts_are_found_by_falling_q() {
    let rig = registrar(&[]);
    save(&rig, &register("alice", &[A, C, B]));
    let ran = rig.run(&to("alice"), &[f("lookup", &["location"])]);
    assert_eq!((ran.codes(), ran.seen.uri.as_str()), (vec![1], "sip:b@10.0.0.3"));
    assert_eq!(ran.seen.branches, ["sip:a@10.0.0.2", "sip:c@10.0.0.4"]);
    let ran = rig.run(&to("alice"), &[f("lookup", &["location"]), f("t_relay", &[])]);
    assert_eq!(ran.sent.len(), 3);
    let ran = rig.run(&to("nobody"), &[f("lookup", &["location"])]);
    assert_eq!((ran.codes(), ran.seen.uri.as_str()), (vec![-1], "sip:nobody@lr.test"));
    let ran = rig.run(&to("x"), &[f("lookup", &["location", "sip:alice@lr.test"])]);
    assert_eq!((ran.codes(), ran.seen.uri.as_str()), (vec![1], "sip:b@10.0.0.3"));
    let ran = rig.run(&to("alice"), &[f("lookup", &["nowhere"])]);
    assert!(ran.error().contains("nowhere"), "{}", ran.error());
    let ran = rig.run(&request("OPTIONS", "urn:x"), &[f("lookup", &["location"])]);
    assert!(!ran.error().is_empty());
}

#[test]
fn the_destinations_may_be_added_beside_the_request_uri() {
    let rig = registrar(&[]);
    save(&rig, &register("alice", &[A, B]));
    let ran = rig.run(&to("alice"), &[f("lookup_to_dset", &["location"])]);
    assert_eq!((ran.codes(), ran.seen.uri.as_str()), (vec![1], "sip:alice@lr.test"));
    assert_eq!(ran.seen.branches, ["sip:b@10.0.0.3", "sip:a@10.0.0.2"]);
    let ran = rig.run(&to("x"), &[f("lookup_to_dset", &["location", "sip:alice@lr.test"])]);
    assert_eq!(ran.seen.branches.len(), 2);
    assert_eq!(rig.run(&to("x"), &[f("lookup_to_dset", &["location"])]).codes(), [-1]);
}

#[test]
fn branches_are_looked_up_too_if_they_are_bare() {
    let rig = registrar(&[]);
    save(&rig, &register("alice", &[A, B]));
    save(&rig, &register("carol", &[C]));
    let branches = || {
        with(|call| {
            call.append_branch("sip:alice@lr.test");
            call.append_branch("sip:nobody@lr.test");
            call.append_branch("sip:alice@lr.test");
            call.lock().branches[2].flags = 1;
        })
    };
    let steps = [branches(), f("lookup_branches", &["location"])];
    let ran = rig.run(&to("carol"), &steps);
    assert_eq!((ran.codes(), ran.seen.uri.as_str()), (vec![1], "sip:c@10.0.0.4"));
    let all = ["sip:b@10.0.0.3", "sip:nobody@lr.test", "sip:alice@lr.test", "sip:a@10.0.0.2"];
    assert_eq!(ran.seen.branches, all);
    let ran = rig.run(&to("nobody"), &steps);
    assert_eq!((ran.codes(), ran.seen.uri.as_str()), (vec![1], "sip:nobody@lr.test"));
    assert_eq!(ran.seen.branches, all);
    assert_eq!(rig.run(&to("nobody"), &[f("lookup_branches", &["location"])]).codes(), [-1]);
}

#[test]
fn only_the_first_contact_may_be_taken() {
    let rig = registrar(&[("append_branches", 0)]);
    save(&rig, &register("alice", &[A, B]));
    let ran = rig.run(&to("alice"), &[f("lookup", &["location"])]);
    assert_eq!((ran.seen.uri.as_str(), ran.seen.branches.len()), ("sip:b@10.0.0.3", 0));
}

#[test]
fn contacts_that_do_not_take_the_method_are_left_out() {
    let invites = "<sip:b@10.0.0.3>;q=0.9;methods=\"INVITE,BYE\"";
    for (filtering, in_dialog, code, uri) in [
        (0, false, 1, "sip:b@10.0.0.3"),
        (1, false, 1, "sip:a@10.0.0.2"),
        (1, true, 1, "sip:b@10.0.0.3"),
    ] {
        let rig = registrar(&[("method_filtering", filtering)]);
        save(&rig, &register("alice", &[A, invites]));
        let mut req = to("alice");
        if in_dialog {
            req.to = "<sip:alice@lr.test>;tag=x".into();
        }
        let ran = rig.run(&req, &[f("lookup", &["location"])]);
        assert_eq!((ran.codes(), ran.seen.uri.as_str()), (vec![code], uri), "{filtering}");
        save(&rig, &register("bob", &[invites]));
        let code = if filtering == 1 { -2 } else { 1 };
        assert_eq!(rig.run(&to("bob"), &[f("lookup", &["location"])]).codes(), [code]);
    }
    // What Allow says holds for contacts that do not say.
    let rig = registrar(&[("method_filtering", 1)]);
    save(&rig, &register("alice", &[A]).with("Allow: INVITE, BYE"));
    assert_eq!(rig.run(&to("alice"), &[f("lookup", &["location"])]).codes(), [-2]);
}

#[test]
fn contacts_may_be_chosen_by_their_branch_flags() {
    for (mode, flags, uris) in [
        (0, 4, vec!["sip:b@10.0.0.3", "sip:a@10.0.0.2"]),
        (1, 4, vec!["sip:a@10.0.0.2"]),
        (1, 12, vec!["sip:b@10.0.0.3", "sip:a@10.0.0.2"]),
        (1, 0, vec!["sip:b@10.0.0.3", "sip:a@10.0.0.2"]),
        (1, 16, vec![]),
    ] {
        let rig = registrar(&[("lookup_filter_mode", mode)]);
        for (contact, flag) in [(A, 4), (B, 8)] {
            let mark = with(move |call| call.lock().rewrite.flags = flag);
            rig.run(&register("alice", &[contact]), &[mark, f("save", &["location"])]);
        }
        let want = with(move |call| call.lock().rewrite.flags = flags);
        let ran = rig.run(&to("alice"), &[want, f("lookup_to_dset", &["location"])]);
        assert_eq!(ran.seen.branches, uris, "mode {mode}, flags {flags}");
        assert_eq!(ran.codes(), [if uris.is_empty() { -1 } else { 1 }]);
    }
}

#[test]
fn a_contact_is_reached_by_the_way_it_registered() {
    let rig = registrar(&[]);
    rig.program(&[f("save", &["location"])]);
    rig.feed_to("10.0.0.2:5062", SECOND, &register("alice", &["<sip:a@10.0.0.2:5062>"]).text());
    let phone = register("tom", &["<sip:t@10.0.0.7:40000;transport=tcp>"]).text();
    rig.feed_tcp("10.0.0.7:40001", 9, &phone.replace("/UDP 10.0.0.2:5062", "/TCP 10.0.0.7:40001"));
    assert_eq!(rig.ran().codes(), [1, 1]);
    let steps = [f("lookup", &["location"]), f("t_relay", &[])];
    let target = rig.run(&to("alice"), &steps).sent[0].0;
    assert_eq!(target.listen, Some(rig.listener(Proto::Udp, SECOND)));
    let target = rig.run(&to("tom"), &steps).sent[0].0;
    assert_eq!((target.proto, target.conn.map(|c| c.slot())), (Proto::Tcp, Some(9)));
    assert_eq!(target.peer.to_string(), "10.0.0.7:40000");
    assert_eq!(contact(&rig, "tom", "Tcpconn-Id"), RpcValue::Int(9));
    assert_eq!(contact(&rig, "alice", "Socket"), format!("udp:{SECOND}").into());
    assert_eq!(contact(&rig, "tom", "Socket"), format!("tcp:{HERE}").into());
}

#[test]
fn who_is_registered_is_told_without_touching_the_request() {
    let rig = registrar(&[]);
    save(&rig, &register("alice", &[A]));
    for (args, user, code) in [
        (&["location"][..], "alice", 1),
        (&["location"], "bob", -1),
        (&["location", "sip:alice@lr.test"], "bob", 1),
        (&["location", "sip:bob@lr.test"], "alice", -1),
        (&["location", ""], "alice", 1),
    ] {
        let ran = rig.run(&to(user), &[f("registered", args)]);
        assert_eq!(ran.codes(), [code], "{args:?} {user}");
        assert_eq!(ran.seen.uri, format!("sip:{user}@lr.test"));
    }
}

#[test]
fn bindings_are_removed_all_or_by_name() {
    let rig = registrar(&[]);
    let unregister = |args: &[&str]| rig.run(&to("x"), &[f("unregister", args)]);
    save(&rig, &register("bob", &[B]));
    let ruid = contact(&rig, "bob", "Ruid").to_string();
    save(&rig, &register("bob", &[A]));
    let uri = "sip:bob@lr.test";
    assert_eq!(unregister(&["location", uri, "uloc-0"]).codes(), [-3]);
    assert_eq!(unregister(&["location", uri, &ruid]).codes(), [1]);
    assert_eq!(contact(&rig, "bob", "Address"), "sip:a@10.0.0.2".into());
    assert_eq!(unregister(&["location", uri]).codes(), [1]);
    assert_eq!(unregister(&["location", uri]).codes(), [-3]);
    assert_eq!(rig.stat("usrloc", "registered_users"), 0);
    assert_eq!(unregister(&["location", ""]).error(), "unregister: argument 2 must be a URI");
    assert!(!unregister(&["location", "nonsense"]).error().is_empty());
}
