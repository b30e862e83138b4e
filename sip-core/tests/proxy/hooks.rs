//! What waits for the routes of a transaction, and what does not.

use sip_core::output::SendError;
use sip_core::proxy::{ForkEvent, RelayError};
use sip_core::txn::{Arm, FailureKind};
use sip_core::uas::Reply;

use crate::support::{BOB, CALLER, CAROL, DAVE, Sent, World, ack, ladder, list, request};

fn world(targets: &[&str], reply: bool, failure: bool) -> World {
    let mut w = World::new(targets);
    let route = |armed: bool| armed.then(|| Some("route".into()));
    w.arm = Some(Arm { reply: route(reply), failure: route(failure), ..Arm::default() });
    w
}

fn invite(w: &mut World) -> Vec<Sent> {
    let mut sent = w.recv(CALLER, &request("INVITE", "i1"));
    sent.remove(0);
    sent
}

#[test]
fn a_response_waits_for_its_route_but_not_the_ack_nor_the_timers() {
    let mut w = world(&[BOB], true, false);
    let out = invite(&mut w);
    assert!(w.recv(BOB, &out[0].answer(180)).is_empty());
    assert!(w.advance(600).is_empty(), "the INVITE is not sent again");
    assert_eq!(list(&w.end_reply(true)), "180");
    assert_eq!(list(&w.recv(BOB, &out[0].answer(486))), "ACK");
    assert_eq!(list(&w.end_reply(true)), "486");
    w.recv(CALLER, &ack("i1", &w.last_reply()));
    w.drain();
}

#[test]
fn those_behind_wait_in_the_mailbox_in_their_order() {
    let mut w = world(&[BOB, CAROL], true, false);
    let out = invite(&mut w);
    w.recv(BOB, &out[0].answer(180));
    w.recv(CAROL, &out[1].answer(183));
    w.recv(BOB, &out[0].answer(200));
    assert_eq!(w.replying.len(), 1, "one runs, two wait");
    assert_eq!(list(&w.end_reply(true)), "180");
    assert_eq!(list(&w.end_reply(false)), "", "dropped");
    assert_eq!(list(&w.end_reply(true)), "200 CANCEL");
    assert!(w.replying.is_empty());
    w.recv(CAROL, &out[1].answer(487));
    while !w.replying.is_empty() {
        w.end_reply(true);
    }
    w.drain();
}

#[test]
fn the_mailbox_is_bounded_and_final_answers_are_never_turned_away() {
    let mut w = world(&[BOB, CAROL], true, false);
    let out = invite(&mut w);
    for _ in 0..500 {
        w.recv(BOB, &out[0].answer(183));
    }
    w.recv(CAROL, &out[1].answer(404));
    w.recv(BOB, &out[0].answer(486));
    let mut ended = 0;
    let mut last = Vec::new();
    while !w.replying.is_empty() {
        last = w.end_reply(true);
        ended += 1;
    }
    assert!((60..=70).contains(&ended), "{ended}");
    assert_eq!(list(&last), "486");
    assert_eq!(w.stat("core", "drop_replies"), 502 - ended);
    w.drain();
}

#[test]
fn a_2xx_whose_route_outlives_all_timers_goes_on_all_the_same() {
    let mut w = world(&[BOB], true, false);
    let out = invite(&mut w);
    w.recv(BOB, &out[0].answer(200));
    let txn = w.txn.unwrap();
    // A local answer meanwhile, and its end.
    w.with(|p, cx| p.reply(cx, txn, &Reply::new(480))).0.unwrap();
    w.advance(400_000);
    assert_eq!(w.proxy.live(), 1, "it stays for what its route still has");
    assert_eq!(ladder(&w.end_reply(true)), "200@1");
    w.drain();
}

#[test]
fn a_failure_route_holds_the_answer_and_adds_branches() {
    let mut w = world(&[BOB], false, true);
    let out = invite(&mut w);
    assert_eq!(list(&w.recv(BOB, &out[0].answer(486))), "ACK");
    let (txn, start) = w.failing[0].clone();
    assert_eq!((start.kind, start.branch, start.code), (FailureKind::All, 0, 486));
    assert_eq!(w.events.last(), Some(&ForkEvent::Failing { txn }));
    let next = w.end_failure(&[CAROL, DAVE]);
    assert_eq!(ladder(&next), "INVITE@12 INVITE@13");
    assert_eq!(ladder(&w.recv(CAROL, &next[0].answer(404))), "ACK@12");
    // All three count for the best answer; the route is not armed any more.
    assert_eq!(ladder(&w.recv(DAVE, &next[1].answer(302))), "ACK@13 302@1");
    w.recv(CALLER, &ack("i1", &w.last_reply()));
    w.drain();
}

#[test]
fn what_comes_while_it_runs_is_passed_on_or_counts_when_it_ends() {
    let mut w = world(&[BOB, CAROL], false, true);
    let route = Some(Some("one".into()));
    w.arm = Some(Arm { branch_failure: route, ..Arm::default() });
    let out = invite(&mut w);
    w.recv(BOB, &out[0].answer(486));
    assert_eq!((w.failing.len(), w.failing[0].1.kind), (1, FailureKind::Branch));
    assert_eq!(ladder(&w.recv(CAROL, &out[1].answer(180))), "180@1");
    assert_eq!(ladder(&w.recv(CAROL, &out[1].answer(404))), "ACK@12");
    assert_eq!(w.failing.len(), 2);
    assert!(w.end_failure(&[]).is_empty(), "the other one runs yet");
    assert_eq!(ladder(&w.end_failure(&[])), "486@1");
    w.drain();
}

#[test]
fn a_2xx_while_it_runs_ends_the_search() {
    let mut w = world(&[BOB], false, true);
    w.proxy.params().fr_inv_timer.set(1_000);
    let out = invite(&mut w);
    w.recv(BOB, &out[0].answer(180));
    assert_eq!(list(&w.advance(1_100)), "CANCEL");
    assert_eq!((w.failing.len(), w.failing[0].1.code), (1, 408));
    assert_eq!(list(&w.recv(BOB, &out[0].answer(200))), "200");
    assert!(w.end_failure(&[CAROL]).is_empty());
    assert_eq!(w.relayed, Some(Err(RelayError::Answered)));
    w.drain();
}

#[test]
fn a_send_that_fails_calls_for_it_too() {
    let mut w = world(&[BOB], false, true);
    let out = invite(&mut w);
    assert!(w.fail(&out[0], SendError::Unreachable).is_empty());
    assert_eq!(w.failing[0].1.code, 503);
    let next = w.end_failure(&[CAROL]);
    assert_eq!(ladder(&w.recv(CAROL, &next[0].answer(200))), "200@1");
    w.drain();
}

#[test]
fn a_cancel_while_it_runs_is_answered_at_once() {
    let mut w = world(&[BOB], false, true);
    let out = invite(&mut w);
    w.recv(BOB, &out[0].answer(486));
    assert_eq!(ladder(&w.recv(CALLER, &request("CANCEL", "i1"))), "200@1 487@1");
    assert!(w.end_failure(&[CAROL]).is_empty());
    assert_eq!(w.relayed, Some(Err(RelayError::Cancelled)));
    w.drain();
}

#[test]
fn the_longest_time_ends_a_route_that_never_does() {
    let mut w = world(&[BOB], false, true);
    w.proxy.params().max_inv_lifetime.set(5_000);
    let out = invite(&mut w);
    w.recv(BOB, &out[0].answer(486));
    let sent = w.advance(6_000);
    assert_eq!(sent[0].what(), "408");
    w.advance(400_000);
    assert_eq!(w.proxy.live(), 0, "a route holds no transaction");
    assert!(w.end_failure(&[CAROL]).is_empty());
    w.drain();
}
