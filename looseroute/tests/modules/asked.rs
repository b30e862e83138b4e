//! The module `tm`: what routes ask about their transaction.

use crate::rig::{Rig, Step, f, with};
use crate::tm::{answer, invite, options, relayed};

pub const TESTED: &[&str] = &[
    "t_check_status",
    "t_get_status_code",
    "t_grep_status",
    "t_any_timeout",
    "t_any_replied",
    "t_branch_timeout",
    "t_branch_replied",
    "t_is_canceled",
    "t_is_expired",
    "t_is_set",
    "t_exists",
    "t_release",
    "t_retransmit_reply",
];

/// Questions with their expected answers, as steps and results.
fn asked(questions: &[(&'static str, &[&str], bool)]) -> (Vec<Step>, Vec<Result<i64, String>>) {
    let steps = questions.iter().map(|(name, args, _)| f(name, args)).collect();
    let answers = questions.iter().map(|(_, _, yes)| Ok(if *yes { 1 } else { -1 })).collect();
    (steps, answers)
}

#[test]
fn a_failure_route_knows_the_answer_that_would_go_up() {
    let rig = Rig::params(&[]);
    let (steps, expected) = asked(&[
        ("t_check_status", &["486"], true),
        ("t_check_status", &["4[0-9][0-9]"], true),
        ("t_check_status", &["(408)|(486)"], true),
        ("t_check_status", &["5.."], false),
        ("t_check_status", &["^86"], false),
        ("t_grep_status", &["486"], true),
        ("t_grep_status", &["408"], false),
        ("t_branch_timeout", &[], false),
        ("t_branch_replied", &[], true),
        ("t_any_timeout", &[], false),
        ("t_any_replied", &[], true),
        ("t_is_canceled", &[], false),
        ("t_is_expired", &[], false),
        ("t_exists", &[], true),
    ]);
    rig.hook("failed", &[steps, vec![f("t_get_status_code", &[])]].concat());
    rig.run(&invite(), &[f("t_on_failure", &["failed"]), f("t_relay", &[])]).codes();
    let out = rig.run(&options(), &[]);
    assert!(out.sent.is_empty());
    let req = invite();
    let ran = rig.run(&req, &[f("t_on_failure", &["failed"]), f("t_relay", &[])]);
    let out = ran.sent.iter().find(|(_, m)| m.method() == "INVITE").expect("relayed").1.clone();
    answer(&rig, &out, 180, &[]);
    answer(&rig, &out, 486, &[]);
    assert_eq!(rig.hooked(), [("failed", [expected, vec![Ok(486)]].concat())]);
}

#[test]
fn a_failure_route_knows_that_nobody_answered() {
    let rig = Rig::params(&[("tm", "fr_timer", 1_000.into())]);
    let (steps, expected) = asked(&[
        ("t_check_status", &["408"], true),
        ("t_grep_status", &["408"], true),
        ("t_branch_timeout", &[], true),
        ("t_branch_replied", &[], false),
        ("t_any_timeout", &[], true),
        ("t_any_replied", &[], false),
        ("t_is_expired", &[], false),
    ]);
    rig.hook("failed", &steps);
    rig.run(&invite(), &[f("t_on_failure", &["failed"]), f("t_relay", &[])]).codes();
    rig.pass(1_100);
    assert_eq!(rig.hooked(), [("failed", expected)]);
}

#[test]
fn a_failure_route_knows_of_a_cancel_and_of_the_end_of_time() {
    let rig = Rig::params(&[("tm", "max_inv_lifetime", 3_000.into())]);
    let (steps, _) = asked(&[("t_is_canceled", &[], true), ("t_is_expired", &[], true)]);
    rig.hook("failed", &steps);
    let arm = [f("t_on_failure", &["failed"]), f("t_relay", &[])];
    let req = invite();
    let ran = rig.run(&req, &arm);
    let out = ran.sent.iter().find(|(_, m)| m.method() == "INVITE").expect("relayed").1.clone();
    answer(&rig, &out, 180, &[]);
    rig.run(&req.cancel(), &[f("t_relay_cancel", &[])]);
    let up = answer(&rig, &out, 487, &[]);
    assert!(up.iter().any(|m| m.code() == 487), "{up:?}");
    assert_eq!(rig.hooked(), [("failed", vec![Ok(1), Ok(-1)])]);
    let ran = rig.run(&invite(), &arm);
    let out = ran.sent.iter().find(|(_, m)| m.method() == "INVITE").expect("relayed").1.clone();
    answer(&rig, &out, 180, &[]);
    // The route may answer; a branch that it adds is refused.
    let late = with(|call| call.append_branch("sip:x@10.0.0.4"));
    rig.hook("failed", &[steps, vec![late, f("t_relay", &[])]].concat());
    let sent = rig.pass(3_100);
    assert!(sent.iter().any(|(_, m)| m.code() == 408), "{sent:?}");
    let hooked = rig.hooked();
    let [("failed", results)] = &hooked[..] else { panic!("{hooked:?}") };
    assert_eq!(results[..2], [Ok(-1), Ok(1)]);
    assert!(results[2].is_err(), "{results:?}");
}

#[test]
fn a_reply_route_knows_its_code_and_a_request_route_the_one_it_sent() {
    let rig = Rig::params(&[]);
    rig.hook("replied", &[f("t_check_status", &["18[03]"]), f("t_get_status_code", &[])]);
    let req = invite();
    let ran = rig.run(&req, &[f("t_on_reply", &["replied"]), f("t_relay", &[])]);
    let out = ran.sent.iter().find(|(_, m)| m.method() == "INVITE").expect("relayed").1.clone();
    answer(&rig, &out, 183, &[]);
    answer(&rig, &out, 200, &[]);
    let told: Vec<_> = rig.hooked().into_iter().map(|(_, r)| r).collect();
    assert_eq!(told, [vec![Ok(1), Ok(183)], vec![Ok(-1), Ok(200)]]);
    let steps = [
        f("t_get_status_code", &[]),
        f("t_exists", &[]),
        f("t_newtran", &[]),
        f("t_exists", &[]),
        f("t_reply", &["486", "Busy"]),
        f("t_get_status_code", &[]),
        f("t_check_status", &["486"]),
    ];
    assert_eq!(rig.run(&options(), &steps).codes(), [-1, -1, 1, 1, 1, 486, 1]);
    for (args, text) in
        [(["("], "is no regular expression"), ([""], "must be a regular expression")]
    {
        let ran = rig.run(&options(), &[f("t_check_status", &args)]);
        assert!(ran.error().contains(text), "{}", ran.error());
    }
    let ran = rig.run(&options(), &[f("t_grep_status", &["99"])]);
    assert_eq!(ran.error(), "t_grep_status: argument 1 must be a code from 100 to 699");
}

#[test]
fn what_is_armed_is_known() {
    let rig = Rig::params(&[]);
    for (arm, route, what) in [
        ("t_on_branch", "branch", "branch_route"),
        ("t_on_failure", "failed", "failure_route"),
        ("t_on_reply", "replied", "onreply_route"),
    ] {
        let steps = [f("t_is_set", &[what]), f(arm, &[route]), f("t_is_set", &[what])];
        assert_eq!(rig.run(&options(), &steps).codes(), [-1, 1, 1], "{what}");
    }
    let text = "t_is_set: argument 1 must be `branch_route`, `failure_route` or `onreply_route`";
    assert_eq!(rig.run(&options(), &[f("t_is_set", &["x"])]).error(), text);
}

#[test]
fn a_transaction_is_released_unless_something_came_of_it() {
    let rig = Rig::params(&[]);
    let steps = [f("t_newtran", &[]), f("t_release", &[]), f("t_check_trans", &[])];
    assert_eq!(rig.run(&options(), &steps).codes(), [1, 1, -1]);
    assert_eq!(rig.engine.live().1, 0);
    assert_eq!(rig.stat("tmx", "active_transactions"), 0);
    let steps = [f("t_newtran", &[]), f("t_reply", &["200", "OK"]), f("t_release", &[])];
    assert_eq!(rig.run(&options(), &steps).codes(), [1, 1, -1]);
    assert_eq!(rig.run(&options(), &[f("t_release", &[])]).codes(), [-1]);
}

#[test]
fn the_last_response_is_sent_again_when_asked_for() {
    let rig = Rig::params(&[]);
    let ran = rig.run(&options(), &[f("t_newtran", &[]), f("t_retransmit_reply", &[])]);
    assert_eq!((ran.codes(), ran.sent.len()), (vec![1, -1], 0));
    let steps = [f("t_newtran", &[]), f("t_reply", &["486", "Busy"]), f("t_retransmit_reply", &[])];
    let ran = rig.run(&options(), &steps);
    assert_eq!(ran.codes(), [1, 1, 1]);
    let codes: Vec<u16> = ran.sent.iter().map(|(_, m)| m.code()).collect();
    assert_eq!(codes, [486, 486]);
    assert_eq!(ran.sent[0].1, ran.sent[1].1);
    relayed(&rig, &options());
}
