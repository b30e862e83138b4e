//! CANCEL: RFC 3261 9.1, 9.2, 16.10.

use sip_core::proxy::RelayError;

use crate::support::{BOB, CALLER, CAROL, World, ack, ladder, list, request};

#[test]
fn a_cancel_is_answered_here_and_goes_to_every_branch_that_rings() {
    let mut w = World::new(&[BOB, CAROL]);
    let out = w.recv(CALLER, &request("INVITE", "i1"));
    w.recv(BOB, &out[1].answer(180));
    w.recv(CAROL, &out[2].answer(180));
    let sent = w.recv(CALLER, &request("CANCEL", "i1"));
    assert_eq!(ladder(&sent), "200@1 CANCEL@11 CANCEL@12");
    assert_eq!(sent[0].header("CSeq"), Some("1 CANCEL"));
    assert_eq!(sent[1].line(), format!("CANCEL sip:user@{BOB} SIP/2.0"));
    assert!(w.recv(BOB, &sent[1].answer(200)).is_empty());
    assert!(w.recv(CAROL, &sent[2].answer(200)).is_empty());
    assert_eq!(ladder(&w.recv(BOB, &out[1].answer(487))), "ACK@11");
    let up = w.recv(CAROL, &out[2].answer(487));
    assert_eq!(ladder(&up), "ACK@12 487@1");
    assert!(w.recv(CALLER, &ack("i1", &up[1])).is_empty());
    assert!(w.drain().is_empty());
}

/// RFC 3261 9.1: no CANCEL before a provisional answer.
#[test]
fn a_cancel_before_any_answer_waits_for_one() {
    let mut w = World::new(&[BOB]);
    let out = w.recv(CALLER, &request("INVITE", "i1"));
    assert_eq!(ladder(&w.recv(CALLER, &request("CANCEL", "i1"))), "200@1");
    assert_eq!(ladder(&w.advance(500)), "INVITE@11");
    // The provisional answer goes up, the CANCEL goes out.
    assert_eq!(ladder(&w.recv(BOB, &out[1].answer(180))), "CANCEL@11 180@1");
    assert_eq!(ladder(&w.recv(BOB, &out[1].answer(487))), "ACK@11 487@1");
    // A 100 would have done.
    let out = w.recv(CALLER, &request("INVITE", "i2"));
    w.recv(CALLER, &request("CANCEL", "i2"));
    assert_eq!(ladder(&w.recv(BOB, &out[1].answer(100))), "CANCEL@11");
}

/// RFC 3261 9.1: the CANCEL and a 200 cross; the call is up, and the caller hangs up with BYE.
#[test]
fn a_200_that_crosses_the_cancel_goes_up() {
    let mut w = World::new(&[BOB]);
    let out = w.recv(CALLER, &request("INVITE", "i1"));
    w.recv(BOB, &out[1].answer(180));
    let cancel = w.recv(CALLER, &request("CANCEL", "i1"));
    assert_eq!(ladder(&cancel), "200@1 CANCEL@11");
    assert_eq!(ladder(&w.recv(BOB, &out[1].answer(200))), "200@1");
    assert!(w.recv(BOB, &cancel[1].answer(481)).is_empty());
    w.drain();
    // Before any provisional answer: the CANCEL is never sent.
    let out = w.recv(CALLER, &request("INVITE", "i2"));
    w.recv(CALLER, &request("CANCEL", "i2"));
    assert_eq!(ladder(&w.recv(BOB, &out[1].answer(200))), "200@1");
    assert!(w.drain().is_empty());
}

#[test]
fn a_cancel_after_the_final_answer_changes_nothing() {
    let mut w = World::new(&[BOB]);
    let out = w.recv(CALLER, &request("INVITE", "i1"));
    w.recv(BOB, &out[1].answer(200));
    assert_eq!(ladder(&w.recv(CALLER, &request("CANCEL", "i1"))), "200@1");
    assert!(w.drain().is_empty());
}

#[test]
fn a_retransmitted_cancel_gets_the_same_answer_and_cancels_once() {
    let mut w = World::new(&[BOB]);
    let out = w.recv(CALLER, &request("INVITE", "i1"));
    w.recv(BOB, &out[1].answer(180));
    let first = w.recv(CALLER, &request("CANCEL", "i1"));
    let second = w.recv(CALLER, &request("CANCEL", "i1"));
    assert_eq!((ladder(&first), ladder(&second)), ("200@1 CANCEL@11".into(), "200@1".into()));
    assert_eq!(first[0].text, second[0].text);
}

#[test]
fn a_cancel_of_nothing_is_481() {
    let mut w = World::new(&[BOB]);
    assert_eq!(ladder(&w.recv(CALLER, &request("CANCEL", "none"))), "481@1");
    // A CANCEL matches an INVITE only.
    w.recv(CALLER, &request("OPTIONS", "o1"));
    assert_eq!(ladder(&w.recv(CALLER, &request("CANCEL", "o1"))), "481@1");
}

#[test]
fn our_cancel_is_sent_again_until_it_is_answered() {
    let mut w = World::new(&[BOB]);
    let out = w.recv(CALLER, &request("INVITE", "i1"));
    w.recv(BOB, &out[1].answer(180));
    let cancel = w.recv(CALLER, &request("CANCEL", "i1"));
    let again = w.advance(1500);
    assert_eq!(ladder(&again), "CANCEL@11 CANCEL@11");
    assert_eq!(again[0].text, cancel[1].text);
    w.recv(BOB, &cancel[1].answer(200));
    assert!(w.advance(10_000).is_empty());
}

/// RFC 3261 9.1: a callee that answers the CANCEL and never the INVITE.
#[test]
fn a_cancelled_branch_that_stays_silent_is_answered_487() {
    let mut w = World::new(&[BOB]);
    let out = w.recv(CALLER, &request("INVITE", "i1"));
    w.recv(BOB, &out[1].answer(180));
    let cancel = w.recv(CALLER, &request("CANCEL", "i1"));
    w.recv(BOB, &cancel[1].answer(200));
    assert!(w.advance(29_000).is_empty());
    let up = w.advance(1_010);
    assert_eq!(ladder(&up), "487@1");
    w.recv(CALLER, &ack("i1", &up[0]));
    assert!(w.drain().is_empty());
}

#[test]
fn an_invite_that_was_never_relayed_is_answered_487_at_once() {
    let mut w = World::new(&[]);
    assert_eq!(list(&w.recv(CALLER, &request("INVITE", "i1"))), "100");
    let sent = w.recv(CALLER, &request("CANCEL", "i1"));
    assert_eq!(ladder(&sent), "200@1 487@1");
    assert_eq!(sent[0].header("To"), sent[1].header("To"), "RFC 3261 9.2: one To tag");
    w.recv(CALLER, &ack("i1", &sent[1]));
    w.drain();
}

/// A route that took its time relays an INVITE that was cancelled meanwhile.
#[test]
fn a_cancelled_invite_is_not_relayed_any_more() {
    let mut w = World::new(&[BOB]);
    let text = request("INVITE", "i1");
    let out = w.recv(CALLER, &text);
    w.recv(BOB, &out[1].answer(180));
    w.recv(CALLER, &request("CANCEL", "i1"));
    let msg = sip_parser::Message::parse(text.into()).unwrap();
    let patch = sip_parser::Patch::new();
    let plan = sip_core::proxy::RelayPlan::new(&patch).branch(crate::support::branch(CAROL));
    let txn = w.txn.unwrap();
    let (relayed, sent) = w.with(|p, cx| p.relay(cx, txn, &msg, &plan));
    assert_eq!(relayed, Err(RelayError::Cancelled));
    assert!(sent.is_empty());
}
