//! The module `tm`: failure, branch, reply and branch failure routes; serial forking; times of one
//! transaction's own.

use looseroute::Level;

use crate::rig::{PHONE, Rig, Step, f, with};
use crate::text::{Msg, Req};
use crate::tm::{answer, invite, options};

pub const TESTED: &[&str] = &[
    "t_on_failure",
    "t_on_branch",
    "t_on_reply",
    "t_on_branch_failure",
    "t_set_fr",
    "t_reset_fr",
    "t_set_retr",
    "t_reset_retr",
    "t_set_max_lifetime",
    "t_reset_max_lifetime",
    "t_set_disable_6xx",
    "t_load_contacts",
    "t_next_contacts",
    "t_drop_replies",
];

const BOB: &str = "10.0.0.3:5060";
const CAROL: &str = "10.0.0.4:5060";
const DAVE: &str = "10.0.0.5:5060";

fn rig() -> Rig {
    Rig::params(&[])
}

/// Adds the branch of carol or dave.
fn to(address: &'static str) -> Step {
    with(move |call| call.append_branch(format!("sip:x@{address}")))
}

/// Those of the messages that went to `peer`.
fn at<'a>(sent: &'a [(String, Msg)], peer: &str) -> Vec<&'a Msg> {
    sent.iter().filter(|(to, _)| to == peer).map(|(_, m)| m).collect()
}

fn sent(rig: &Rig) -> Vec<(String, Msg)> {
    rig.sent().into_iter().map(|(to, m)| (to.peer.to_string(), m)).collect()
}

/// Runs a request route of `steps` that ends with t_relay; what was sent.
#[track_caller]
fn relay(rig: &Rig, req: &Req, steps: &[Step]) -> Vec<(String, Msg)> {
    let ran = rig.run(req, &[steps, &[f("t_relay", &[])]].concat());
    assert!(ran.results.iter().all(|r| r == &Ok(1)), "{:?}", ran.results);
    ran.sent.into_iter().map(|(to, m)| (to.peer.to_string(), m)).collect()
}

/// `from` answers `request`.
fn reply(rig: &Rig, from: &str, request: &Msg, code: u16, more: &[&str]) -> Vec<(String, Msg)> {
    rig.feed(from, &request.answer(code, "Reason", more));
    sent(rig)
}

/// The codes that went to the caller.
fn up(sent: &[(String, Msg)]) -> Vec<u16> {
    at(sent, PHONE).iter().map(|m| m.code()).collect()
}

/// After the test's calls nothing may be left.
#[track_caller]
fn ends(rig: &Rig) {
    rig.pass(200_000);
    assert_eq!(rig.engine.live(), (0, 0, 0));
    assert_eq!(rig.stat("tmx", "active_transactions"), 0);
}

#[test]
fn a_failure_route_tries_the_next_destination() {
    let rig = rig();
    rig.hook("failed", &[to(CAROL), f("t_relay", &[])]);
    let req = invite();
    let out = relay(&rig, &req, &[f("t_on_failure", &["failed"])]);
    let bob = at(&out, BOB)[0].clone();
    let busy = reply(&rig, BOB, &bob, 486, &[]);
    assert_eq!(at(&busy, BOB).iter().map(|m| m.method()).collect::<Vec<_>>(), ["ACK"]);
    assert!(up(&busy).is_empty(), "the 486 stays here: {busy:?}");
    let carol = at(&busy, CAROL)[0].clone();
    assert_eq!((carol.method(), carol.uri()), ("INVITE", "sip:x@10.0.0.4:5060"));
    assert_eq!(rig.hooked(), [("failed", vec![Ok(1)])]);
    assert_ne!(carol.header("Via"), bob.header("Via"));
    assert_eq!(up(&reply(&rig, CAROL, &carol, 180, &[])), [180]);
    assert_eq!(up(&reply(&rig, CAROL, &carol, 200, &[])), [200]);
    ends(&rig);
}

#[test]
fn a_failure_route_is_armed_for_once() {
    let rig = rig();
    rig.hook("failed", &[to(CAROL), f("t_relay", &[])]);
    let req = invite();
    let out = relay(&rig, &req, &[f("t_on_failure", &["failed"])]);
    let busy = reply(&rig, BOB, &at(&out, BOB)[0].clone(), 486, &[]);
    let last = reply(&rig, CAROL, &at(&busy, CAROL)[0].clone(), 404, &[]);
    // RFC 3261 16.7 step 6: any of two 4xx will do; it is the last one's, as in Kamailio.
    assert_eq!(up(&last), [404]);
    assert_eq!(rig.hooked().len(), 1);
    // Armed again it runs again; a branch that was tried is not tried anew.
    rig.hook("failed", &[f("t_on_failure", &["failed-again"]), to(CAROL), f("t_relay", &[])]);
    rig.hook("failed-again", &[f("t_on_failure", &["failed"])]);
    let out = relay(&rig, &invite(), &[f("t_on_failure", &["failed"])]);
    let busy = reply(&rig, BOB, &at(&out, BOB)[0].clone(), 404, &[]);
    let last = reply(&rig, CAROL, &at(&busy, CAROL)[0].clone(), 603, &[]);
    assert_eq!(up(&last), [603]);
    assert_eq!(
        rig.hooked(),
        [("failed", vec![Ok(1), Ok(1)]), ("failed-again", vec![Ok(1)])],
        "one that adds no branch is the last"
    );
    // Taken off, it does not run.
    let off = [f("t_on_failure", &["failed"]), f("t_on_failure", &["0"])];
    let out = relay(&rig, &invite(), &off);
    assert_eq!(up(&reply(&rig, BOB, &at(&out, BOB)[0].clone(), 404, &[])), [404]);
    assert!(rig.hooked().is_empty());
}

#[test]
fn a_route_that_is_not_there_cannot_be_armed() {
    let rig = rig();
    for (name, kind) in [
        ("t_on_failure", "failure"),
        ("t_on_branch", "branch"),
        ("t_on_reply", "onreply"),
        ("t_on_branch_failure", "branch-failure"),
    ] {
        let ran = rig.run(&options(), &[f(name, &["nobody"])]);
        let text = format!("{name}: argument 1 names no {kind} route: `nobody`");
        assert_eq!(ran.error(), text);
    }
}

#[test]
fn a_failure_route_answers_itself() {
    let rig = rig();
    rig.hook("failed", &[f("t_reply", &["480", "Not Now"])]);
    let req = invite();
    let out = relay(&rig, &req, &[f("t_on_failure", &["failed"])]);
    let answer = reply(&rig, BOB, &at(&out, BOB)[0].clone(), 486, &[]);
    assert_eq!(up(&answer), [480]);
    assert_eq!(at(&answer, PHONE)[0].start, "SIP/2.0 480 Not Now");
    // send_reply goes the same way.
    rig.hook("failed", &[f("send_reply", &["403", "No"])]);
    let out = relay(&rig, &invite(), &[f("t_on_failure", &["failed"])]);
    assert_eq!(up(&reply(&rig, BOB, &at(&out, BOB)[0].clone(), 486, &[])), [403]);
    ends(&rig);
}

#[test]
fn a_failure_route_that_fails_lets_the_best_answer_pass() {
    let rig = rig();
    rig.hook("failed", &[f("t_relay", &["a b", "1"])]);
    let out = relay(&rig, &invite(), &[f("t_on_failure", &["failed"])]);
    assert_eq!(up(&reply(&rig, BOB, &at(&out, BOB)[0].clone(), 486, &[])), [486]);
    assert!(matches!(&rig.hooked()[..], [("failed", r)] if r[0].is_err()));
}

#[test]
fn a_failure_route_runs_when_nobody_answers() {
    let rig = Rig::params(&[("tm", "fr_timer", 2_000.into())]);
    rig.hook("failed", &[to(CAROL), f("t_relay", &[])]);
    for req in [invite(), options()] {
        relay(&rig, &req, &[f("t_on_failure", &["failed"])]);
        let late = rig.pass(2_100);
        let next = late.iter().find(|(_, m)| m.uri() == "sip:x@10.0.0.4:5060");
        let carol = next.expect("the next one is tried").1.clone();
        assert!(late.iter().all(|(_, m)| m.code() == 0), "nothing goes up: {late:?}");
        assert_eq!(up(&reply(&rig, CAROL, &carol, 200, &[])), [200]);
        rig.pass(40_000);
    }
    ends(&rig);
}

#[test]
fn a_failure_route_may_wait_and_the_transaction_waits_with_it() {
    let rig = rig();
    rig.hook("failed", &[Step::Pause(700), to(CAROL), f("t_relay", &[])]);
    let req = invite();
    let out = relay(&rig, &req, &[f("t_on_failure", &["failed"])]);
    let bob = at(&out, BOB)[0].clone();
    assert!(up(&reply(&rig, BOB, &bob, 486, &[])).is_empty());
    // What comes again meanwhile is absorbed, and acknowledged.
    let again = reply(&rig, BOB, &bob, 486, &[]);
    assert_eq!(again.iter().map(|(_, m)| m.method()).collect::<Vec<_>>(), ["ACK"]);
    let asked = rig.run(&req, &[]);
    assert_eq!(asked.one().code(), 100, "the INVITE comes again");
    let later = rig.pass(750);
    let carol = &later.iter().find(|(_, m)| m.method() == "INVITE").expect("it goes on").1;
    assert_eq!(up(&reply(&rig, CAROL, carol, 200, &[])), [200]);
    ends(&rig);
}

#[test]
fn a_cancel_while_a_failure_route_waits_is_answered_487() {
    let rig = rig();
    rig.hook("failed", &[Step::Pause(700), to(CAROL), f("t_relay", &[])]);
    let req = invite();
    let out = relay(&rig, &req, &[f("t_on_failure", &["failed"])]);
    reply(&rig, BOB, &at(&out, BOB)[0].clone(), 486, &[]);
    let ran = rig.run(&req.cancel(), &[f("t_relay_cancel", &[])]);
    let codes: Vec<u16> = ran.sent.iter().map(|(_, m)| m.code()).collect();
    assert_eq!(codes, [200, 487]);
    let later = rig.pass(750);
    assert!(later.iter().all(|(_, m)| m.method() != "INVITE"), "{later:?}");
    assert!(rig.hooked()[0].1[0].is_err(), "it was too late");
    ends(&rig);
}

#[test]
fn a_2xx_that_comes_while_a_failure_route_waits_wins() {
    let rig = Rig::params(&[("tm", "fr_timer", 2_000.into())]);
    rig.hook("failed", &[Step::Pause(1_000), to(DAVE), f("t_relay", &[])]);
    let req = invite();
    let out = relay(&rig, &req, &[f("t_on_failure", &["failed"]), to(CAROL)]);
    let (bob, carol) = (at(&out, BOB)[0].clone(), at(&out, CAROL)[0].clone());
    reply(&rig, BOB, &bob, 486, &[]);
    reply(&rig, CAROL, &carol, 180, &[]);
    // Timer C ends carol's branch for the fork; her 200 comes all the same (RFC 3261 16.8).
    rig.pass(120_500);
    assert_eq!(up(&reply(&rig, CAROL, &carol, 200, &[])), [200]);
    let rest = rig.pass(2_000);
    assert!(rest.iter().all(|(_, m)| m.method() != "INVITE"), "{rest:?}");
    ends(&rig);
}

#[test]
fn what_the_request_route_left_is_there_in_the_failure_route() {
    let rig = rig();
    let show = with(|call| {
        let left = call.avp("who").map(|v| v.to_string()).unwrap_or_default();
        call.append_header("X-Left", left);
        call.append_branch("sip:x@10.0.0.4");
    });
    rig.hook("failed", &[show, f("t_relay", &[])]);
    let before = with(|call| {
        call.append_header("X-Before", "yes");
        call.set_avp("who", "alice".into());
    });
    let out = relay(&rig, &invite(), &[before, f("t_on_failure", &["failed"])]);
    let busy = reply(&rig, BOB, &at(&out, BOB)[0].clone(), 486, &[]);
    let carol = at(&busy, CAROL)[0];
    assert_eq!((carol.header("X-Before"), carol.header("X-Left")), ("yes", "alice"));
    assert_eq!(at(&out, BOB)[0].header("X-Left"), "");
}

#[test]
fn a_failure_route_names_the_next_destination_itself() {
    let rig = rig();
    let other = with(|call| call.set_request_uri("sip:voicemail@10.0.0.5"));
    rig.hook("failed", &[other, f("t_relay", &[])]);
    let out = relay(&rig, &invite(), &[f("t_on_failure", &["failed"])]);
    let busy = reply(&rig, BOB, &at(&out, BOB)[0].clone(), 486, &[]);
    assert_eq!(at(&busy, DAVE)[0].uri(), "sip:voicemail@10.0.0.5");
    // Without a new destination there is none.
    rig.hook("failed", &[f("t_relay", &[])]);
    let out = relay(&rig, &invite(), &[f("t_on_failure", &["failed"])]);
    assert_eq!(up(&reply(&rig, BOB, &at(&out, BOB)[0].clone(), 486, &[])), [486]);
}

#[test]
fn a_branch_route_sees_each_branch_and_may_change_or_drop_it() {
    let rig = rig();
    let edit = with(|call| {
        let n = call.branch_index().expect("a branch");
        call.append_header("X-Branch", n.to_string());
        match n {
            0 => call.set_request_uri("sip:other@10.0.0.5"),
            1 => call.discard(),
            _ => {}
        }
    });
    rig.hook("branch", &[edit]);
    let more = with(|call| {
        call.append_header("X-All", "1");
        call.append_branch("sip:x@10.0.0.4");
        call.append_branch("sip:y@10.0.0.6");
    });
    let out = relay(&rig, &options(), &[more, f("t_on_branch", &["branch"])]);
    let seen: Vec<(&str, &str, &str, &str)> = out
        .iter()
        .map(|(to, m)| (to.as_str(), m.uri(), m.header("X-Branch"), m.header("X-All")))
        .collect();
    assert_eq!(
        seen,
        [(DAVE, "sip:other@10.0.0.5", "0", "1"), ("10.0.0.6:5060", "sip:y@10.0.0.6", "2", "1"),]
    );
    assert_eq!(rig.hooked().len(), 3);
    // All dropped: there is nowhere to go, and the engine says so.
    rig.hook("branch", &[with(|call| call.discard())]);
    let ran = rig.run(&options(), &[f("t_on_branch", &["branch"]), f("t_relay", &[])]);
    assert_eq!(ran.error(), "no branch is left by the branch route");
    ends(&rig);
}

/// As in Kamailio: the reply route stays, the branch route has to be armed again.
#[test]
fn what_a_failure_route_adds_has_the_reply_route_and_no_branch_route() {
    let rig = rig();
    rig.hook("failed", &[to(CAROL), f("t_relay", &[])]);
    let arm = ["branch", "replied", "failed"];
    let names = ["t_on_branch", "t_on_reply", "t_on_failure"];
    let arm: Vec<Step> = names.iter().zip(arm).map(|(name, route)| f(name, &[route])).collect();
    let out = relay(&rig, &invite(), &arm);
    let busy = reply(&rig, BOB, &at(&out, BOB)[0].clone(), 486, &[]);
    reply(&rig, CAROL, &at(&busy, CAROL)[0].clone(), 404, &[]);
    let ran: Vec<&str> = rig.hooked().iter().map(|(n, _)| *n).collect();
    assert_eq!(ran, ["branch", "replied", "failed", "replied"]);
}

#[test]
fn a_branch_route_may_wait_and_the_next_one_waits_for_it() {
    let rig = rig();
    rig.hook("branch", &[Step::Pause(200), with(|call| call.append_header("X-Late", "1"))]);
    let steps = [to(CAROL), f("t_on_branch", &["branch"]), f("t_relay", &[])];
    let ran = rig.run(&options(), &steps);
    assert!(ran.sent.is_empty(), "{ran:?}");
    let early = rig.pass(250);
    assert!(early.is_empty(), "the second branch waits: {early:?}");
    let later = rig.pass(200);
    let uris: Vec<&str> = later.iter().map(|(_, m)| m.uri()).collect();
    assert_eq!(uris, ["sip:bob@10.0.0.3", "sip:x@10.0.0.4:5060"]);
    assert!(later.iter().all(|(_, m)| m.header("X-Late") == "1"));
    ends(&rig);
}

#[test]
fn a_reply_route_sees_every_response_and_edits_it() {
    let rig = rig();
    let edit = with(|call| {
        let code = call.code().expect("a code");
        call.append_header("X-Code", code.to_string());
        if code == 183 {
            call.discard();
        }
    });
    rig.hook("replied", &[edit]);
    let req = invite();
    let out = relay(&rig, &req, &[f("t_on_reply", &["replied"])]);
    let bob = at(&out, BOB)[0].clone();
    assert!(up(&reply(&rig, BOB, &bob, 100, &[])).is_empty());
    let ringing = reply(&rig, BOB, &bob, 180, &[]);
    assert_eq!(at(&ringing, PHONE)[0].header("X-Code"), "180");
    assert!(up(&reply(&rig, BOB, &bob, 183, &[])).is_empty(), "it was dropped");
    let ok = reply(&rig, BOB, &bob, 200, &[]);
    assert_eq!(at(&ok, PHONE)[0].header("X-Code"), "200");
    assert_eq!(at(&ok, PHONE)[0].all("Via").len(), 1);
    assert_eq!(rig.hooked().len(), 4, "the 100 too");
    assert_eq!(rig.stat("tmx", "rpl_relayed"), 2);
    // A final answer goes up even if the route drops it.
    rig.hook("replied", &[with(|call| call.discard())]);
    let out = relay(&rig, &options(), &[f("t_on_reply", &["replied"])]);
    assert_eq!(up(&reply(&rig, BOB, &at(&out, BOB)[0].clone(), 404, &[])), [404]);
    ends(&rig);
}

#[test]
fn a_branch_has_a_reply_route_of_its_own() {
    let rig = rig();
    let second = with(|call| {
        if call.branch_index() == Some(1) {
            call.set_avp("second", 1.into());
        }
    });
    rig.hook("branch", &[second, f("t_on_reply", &["replied-too"])]);
    let out = relay(
        &rig,
        &invite(),
        &[to(CAROL), f("t_on_reply", &["replied"]), f("t_on_branch", &["branch"])],
    );
    reply(&rig, CAROL, &at(&out, CAROL)[0].clone(), 180, &[]);
    let names: Vec<&str> = rig.hooked().iter().map(|(n, _)| *n).collect();
    assert_eq!(names, ["branch", "branch", "replied-too"]);
}

#[test]
fn responses_wait_for_the_reply_route_of_the_one_before() {
    let rig = rig();
    rig.hook("replied", &[Step::Pause(300)]);
    let out = relay(&rig, &invite(), &[f("t_on_reply", &["replied"])]);
    let bob = at(&out, BOB)[0].clone();
    for code in [180, 183, 200] {
        assert!(up(&reply(&rig, BOB, &bob, code, &[])).is_empty(), "{code} waits");
    }
    let times: Vec<(u64, u16)> =
        rig.pass(1_000).iter().map(|(t, m)| (*t / 100, m.code())).collect();
    assert_eq!(times, [(3, 180), (6, 183), (9, 200)], "in the order in which they came");
    ends(&rig);
}

#[test]
fn a_failure_waits_for_the_reply_route_and_then_has_its_own() {
    let rig = rig();
    rig.hook("replied", &[Step::Pause(100)]);
    rig.hook("failed", &[to(CAROL), f("t_relay", &[])]);
    let arm = [f("t_on_reply", &["replied"]), f("t_on_failure", &["failed"])];
    let out = relay(&rig, &invite(), &arm);
    let acked = reply(&rig, BOB, &at(&out, BOB)[0].clone(), 486, &[]);
    let methods: Vec<&str> = acked.iter().map(|(_, m)| m.method()).collect();
    assert_eq!(methods, ["ACK"], "the ACK does not wait");
    let later = rig.pass(150);
    assert_eq!(later.iter().map(|(_, m)| m.method()).collect::<Vec<_>>(), ["INVITE"]);
    let names: Vec<&str> = rig.hooked().iter().map(|(n, _)| *n).collect();
    assert_eq!(names, ["replied", "failed"]);
    ends(&rig);
}

#[test]
fn a_branch_that_fails_has_a_route_while_others_ring() {
    let rig = rig();
    rig.hook("one", &[to(DAVE), f("t_relay", &[])]);
    let req = invite();
    let out = relay(&rig, &req, &[to(CAROL), f("t_on_branch_failure", &["one"])]);
    let (bob, carol) = (at(&out, BOB)[0].clone(), at(&out, CAROL)[0].clone());
    reply(&rig, CAROL, &carol, 180, &[]);
    let busy = reply(&rig, BOB, &bob, 486, &[]);
    let dave = at(&busy, DAVE)[0].clone();
    assert_eq!(rig.hooked(), [("one", vec![Ok(1)])]);
    rig.hook("one", &[]);
    reply(&rig, DAVE, &dave, 404, &[]);
    let last = reply(&rig, CAROL, &carol, 480, &[]);
    assert_eq!(up(&last), [486]);
    assert_eq!(rig.hooked().len(), 2);
    ends(&rig);
}

#[test]
fn two_branches_that_time_out_together_have_a_route_each() {
    let rig = Rig::params(&[("tm", "fr_timer", 1_000.into())]);
    rig.hook("one", &[]);
    rig.hook("failed", &[]);
    let arm = [f("t_on_branch_failure", &["one"]), f("t_on_failure", &["failed"])];
    relay(&rig, &invite(), &[&[to(CAROL)], &arm[..]].concat());
    let sent = rig.pass(1_100);
    assert_eq!(sent.last().map(|(_, m)| m.code()), Some(408));
    let names: Vec<&str> = rig.hooked().iter().map(|(n, _)| *n).collect();
    assert_eq!(names, ["one", "one", "failed"]);
    ends(&rig);
}

#[test]
fn contacts_are_tried_by_q_one_group_after_the_other() {
    let rig = rig();
    let q = |uri: &'static str, q: u16| {
        with(move |call| {
            call.append_branch(uri);
            let mut state = call.lock();
            if let Some(branch) = state.branches.last_mut() {
                branch.q = q;
            }
        })
    };
    let main = with(|call| call.lock().rewrite.q = 500);
    let load = [
        main,
        q("sip:last@10.0.0.5", 100),
        q("sip:first@10.0.0.4", 900),
        f("t_load_contacts", &[]),
        f("t_next_contacts", &[]),
        f("t_on_failure", &["failed"]),
    ];
    let next = [f("t_next_contacts", &[]), f("t_on_failure", &["failed"]), f("t_relay", &[])];
    rig.hook("failed", &next);
    let out = relay(&rig, &invite(), &load);
    assert_eq!(out.iter().filter(|(_, m)| m.method() == "INVITE").count(), 1);
    let second = reply(&rig, CAROL, &at(&out, CAROL)[0].clone(), 486, &[]);
    assert_eq!(at(&second, BOB)[0].uri(), "sip:bob@10.0.0.3");
    let third = reply(&rig, BOB, &at(&second, BOB)[0].clone(), 486, &[]);
    assert_eq!(at(&third, DAVE)[0].uri(), "sip:last@10.0.0.5");
    let end = reply(&rig, DAVE, &at(&third, DAVE)[0].clone(), 486, &[]);
    assert_eq!(up(&end), [486]);
    let answers: Vec<_> = rig.hooked().into_iter().map(|(_, r)| r[0].clone()).collect();
    assert_eq!(answers, [Ok(1), Ok(1), Ok(-2)]);
    assert_eq!(rig.run(&options(), &[f("t_next_contacts", &[])]).codes(), [-1]);
    ends(&rig);
}

#[test]
fn answers_that_were_dropped_do_not_go_up() {
    for (mode, expected) in [(&["a"][..], 404), (&[][..], 404), (&["l"], 404), (&["n"], 302)] {
        let rig = rig();
        let drop = f("t_drop_replies", mode);
        rig.hook("failed", &[drop, to(CAROL), f("t_relay", &[])]);
        let out = relay(&rig, &invite(), &[f("t_on_failure", &["failed"])]);
        let moved = reply(&rig, BOB, &at(&out, BOB)[0].clone(), 302, &[]);
        let last = reply(&rig, CAROL, &at(&moved, CAROL)[0].clone(), 404, &[]);
        assert_eq!(up(&last), [expected], "{mode:?}");
    }
    // Nothing left: an error of our own.
    let rig = rig();
    rig.hook("failed", &[f("t_drop_replies", &[])]);
    let out = relay(&rig, &invite(), &[f("t_on_failure", &["failed"])]);
    assert_eq!(up(&reply(&rig, BOB, &at(&out, BOB)[0].clone(), 486, &[])), [500]);
}

#[test]
fn after_a_6xx_no_branch_is_added_unless_it_counts_as_others_do() {
    for (steps, tried) in [(vec![], false), (vec![f("t_set_disable_6xx", &["1"])], true)] {
        let rig = rig();
        rig.hook("failed", &[to(CAROL), f("t_relay", &[])]);
        let steps = [steps, vec![f("t_on_failure", &["failed"])]].concat();
        let out = relay(&rig, &invite(), &steps);
        let declined = reply(&rig, BOB, &at(&out, BOB)[0].clone(), 603, &[]);
        assert_eq!(!at(&declined, CAROL).is_empty(), tried);
        assert_eq!(up(&declined), if tried { vec![] } else { vec![603] });
    }
}

/// When the first message with `code` was sent upstream, in tenths of a second.
fn when(sent: &[(u64, Msg)], code: u16) -> Option<u64> {
    sent.iter().find(|(_, m)| m.code() == code).map(|(t, _)| *t / 100)
}

#[test]
fn a_transaction_has_times_of_its_own() {
    for (steps, expected) in [
        (vec![], 300),
        (vec![f("t_set_fr", &["60000", "2000"])], 20),
        (vec![f("t_set_fr", &["60000", "2000"]), f("t_reset_fr", &[])], 300),
        (vec![f("t_set_max_lifetime", &["5000", "4000"])], 50),
        (vec![f("t_set_max_lifetime", &["5000", "4000"]), f("t_reset_max_lifetime", &[])], 300),
    ] {
        let rig = rig();
        relay(&rig, &invite(), &steps);
        assert_eq!(when(&rig.pass(60_000), 408), Some(expected), "{expected}");
    }
    // While it rings, fr_inv_timer; changed in the reply route, it holds at once.
    let rig = rig();
    rig.hook("replied", &[f("t_set_fr", &["3000"])]);
    let out = relay(&rig, &invite(), &[f("t_on_reply", &["replied"])]);
    reply(&rig, BOB, &at(&out, BOB)[0].clone(), 180, &[]);
    assert_eq!(when(&rig.pass(60_000), 408), Some(30));
    ends(&rig);
}

#[test]
fn a_transaction_has_intervals_of_its_own() {
    let copies = |steps: &[Step]| {
        let rig = rig();
        relay(&rig, &options(), steps);
        rig.pass(1_000).iter().filter(|(_, m)| m.method() == "OPTIONS").count()
    };
    assert_eq!(copies(&[]), 1);
    let own = f("t_set_retr", &["100", "200"]);
    assert_eq!(copies(std::slice::from_ref(&own)), 5);
    assert_eq!(copies(&[own, f("t_reset_retr", &[])]), 1);
}

#[test]
fn times_and_switches_are_checked() {
    let rig = rig();
    for (name, args, text) in [
        ("t_set_fr", &["x"][..], "t_set_fr: argument 1 must be a number of milliseconds"),
        ("t_set_retr", &["1", "-1"], "t_set_retr: argument 2 must be a number of milliseconds"),
        (
            "t_set_max_lifetime",
            &["", "1"],
            "t_set_max_lifetime: argument 1 must be a number of milliseconds",
        ),
        ("t_set_disable_6xx", &["2"], "t_set_disable_6xx: argument 1 must be 0 or 1"),
    ] {
        assert_eq!(rig.run(&options(), &[f(name, args)]).error(), text);
    }
    rig.hook("failed", &[f("t_drop_replies", &["x"])]);
    let out = relay(&rig, &invite(), &[f("t_on_failure", &["failed"])]);
    answer(&rig, at(&out, BOB)[0], 486, &[]);
    let wrong = "t_drop_replies: argument 1 must be `a`, `l` or `n`";
    assert_eq!(rig.hooked(), [("failed", vec![Err(wrong.into())])]);
}

#[test]
fn a_route_that_panics_in_a_failure_route_does_not_stop_the_answer() {
    let rig = Rig::new(|b| b.log(Level::Critical, |_| {}));
    rig.hook("failed", &[with(|_| panic!("the route's own mistake"))]);
    let out = relay(&rig, &invite(), &[f("t_on_failure", &["failed"])]);
    assert_eq!(up(&reply(&rig, BOB, &at(&out, BOB)[0].clone(), 486, &[])), [486]);
    ends(&rig);
}
