//! Time: RFC 3261 17, 16.8, RFC 4320, and the parameters.

use sip_core::proxy::ForkEvent;

use crate::support::{BOB, CALLER, CAROL, World, ack, branch_over, ladder, list, request};
use sip_core::net::Proto;

#[test]
fn an_invite_that_nobody_hears_is_answered_408() {
    let mut w = World::new(&[BOB]);
    w.recv(CALLER, &request("INVITE", "i1"));
    assert_eq!(list(&w.advance(29_990)), "INVITE INVITE INVITE INVITE INVITE");
    let up = w.advance(20);
    assert_eq!(ladder(&up), "408@1");
    assert_eq!(up[0].line(), "SIP/2.0 408 Request Timeout");
    assert_eq!(w.events, [ForkEvent::Answered { branch: None, code: 408 }]);
    w.recv(CALLER, &ack("i1", &up[0]));
    assert!(w.drain().is_empty());
}

#[test]
fn the_timeout_answer_can_be_changed() {
    let mut w = World::new(&[BOB]);
    w.proxy.params().fr_timer.set(1000);
    w.proxy.params().reply_408_code.set(480);
    w.proxy.params().set_reply_408_reason("Nobody Home");
    w.recv(CALLER, &request("INVITE", "i1"));
    assert_eq!(w.advance(1010).last().unwrap().line(), "SIP/2.0 480 Nobody Home");
}

/// RFC 4320 4.1.
#[test]
fn a_request_other_than_invite_is_never_answered_408() {
    let mut w = World::new(&[BOB]);
    w.recv(CALLER, &request("OPTIONS", "o1"));
    let sent = w.drain();
    // A 100 when a client's timer E is at T2, and nothing else.
    let (trying, out): (Vec<_>, Vec<_>) = sent.iter().partition(|s| s.what() == "100");
    assert!(out.iter().all(|s| s.what() == "OPTIONS"));
    assert_eq!((out.len(), trying.len()), (9, 1));
    assert_eq!(w.events, [ForkEvent::Abandoned]);
}

/// RFC 4320 4.1.
#[test]
fn a_request_other_than_invite_has_a_100_in_time_and_no_other_provisional_answer() {
    let mut w = World::new(&[BOB]);
    let out = w.recv(CALLER, &request("OPTIONS", "o1"));
    for code in [100, 180, 183] {
        assert!(w.recv(BOB, &out[0].answer(code)).is_empty(), "{code} stays here");
    }
    assert!(w.advance(3_400).iter().all(|s| s.what() == "OPTIONS"));
    let trying = w.advance(200);
    assert_eq!(list(&trying), "100");
    assert_eq!(list(&w.recv(CALLER, &request("OPTIONS", "o1"))), "100");
    assert_eq!(list(&w.recv(BOB, &out[0].answer(200))), "200");
    w.drain();
}

#[test]
fn a_branch_that_times_out_leaves_the_answer_to_the_others() {
    let mut w = World::new(&[BOB, CAROL]);
    let out = w.recv(CALLER, &request("OPTIONS", "o1"));
    w.recv(BOB, &out[0].answer(404));
    assert_eq!(w.advance(31_000).last().unwrap().what(), "404");
    w.drain();
    let out = w.recv(CALLER, &request("INVITE", "i1"));
    w.recv(BOB, &out[1].answer(180));
    w.advance(30_000);
    assert_eq!(w.events.last(), Some(&ForkEvent::BranchFailed { branch: 1, code: 408 }));
    assert_eq!(ladder(&w.recv(BOB, &out[1].answer(486))), "ACK@11 486@1");
}

/// RFC 3261 16.8: timer C cancels and answers; what the callee then says is kept to ourselves.
#[test]
fn a_callee_that_rings_for_too_long_is_cancelled() {
    let mut w = World::new(&[BOB]);
    let out = w.recv(CALLER, &request("INVITE", "i1"));
    w.recv(BOB, &out[1].answer(180));
    assert!(w.advance(119_990).is_empty());
    let sent = w.advance(20);
    assert_eq!(ladder(&sent), "CANCEL@11 408@1");
    w.recv(CALLER, &ack("i1", &sent[1]));
    w.recv(BOB, &sent[0].answer(200));
    assert_eq!(ladder(&w.recv(BOB, &out[1].answer(487))), "ACK@11");
    assert!(w.drain().is_empty());
}

/// RFC 3261 16.7 step 5: a 2xx is forwarded whatever was sent before.
#[test]
fn a_2xx_after_timer_c_still_goes_up() {
    let mut w = World::new(&[BOB]);
    let out = w.recv(CALLER, &request("INVITE", "i1"));
    w.recv(BOB, &out[1].answer(180));
    let sent = w.advance(120_010);
    assert_eq!(list(&sent), "CANCEL 408");
    w.recv(CALLER, &ack("i1", &sent[1]));
    assert_eq!(ladder(&w.recv(BOB, &out[1].answer(200))), "200@1");
    w.drain();
}

#[test]
fn a_call_that_rings_on_and_on_ends_at_its_lifetime() {
    let mut w = World::new(&[BOB]);
    let out = w.recv(CALLER, &request("INVITE", "i1"));
    for _ in 0..17 {
        w.recv(BOB, &out[1].answer(180));
        assert!(w.advance(10_000).is_empty());
    }
    w.recv(BOB, &out[1].answer(180));
    assert_eq!(ladder(&w.advance(10_010)), "CANCEL@11 408@1");
    w.drain();
}

#[test]
fn a_transaction_that_the_route_forgot_ends_too() {
    let mut w = World::new(&[]);
    w.recv(CALLER, &request("INVITE", "i1"));
    w.recv(CALLER, &request("OPTIONS", "o1"));
    assert_eq!(w.proxy.live(), 2);
    let sent = w.drain();
    assert_eq!((sent[0].what(), sent[1].what()), ("100", "408"));
    assert!(sent[1..].iter().all(|s| s.what() == "408"));
    assert_eq!(w.events[0], ForkEvent::Abandoned);
    assert_eq!(w.events.last(), Some(&ForkEvent::Unacknowledged));
}

/// RFC 6026: a 2xx that comes after everything is forgotten goes by its Via; nothing else does
/// (RFC 4320 4.2).
#[test]
fn a_late_2xx_to_an_invite_is_forwarded_and_other_late_answers_are_not() {
    let mut w = World::new(&[BOB]);
    let invite = w.recv(CALLER, &request("INVITE", "i1"));
    let options = w.recv(CALLER, &request("OPTIONS", "o1"));
    let up = w.recv(BOB, &invite[1].answer(200));
    w.recv(BOB, &options[0].answer(200));
    w.drain();
    let late = w.recv(BOB, &invite[1].answer(200));
    assert_eq!(ladder(&late), "200@1");
    assert_eq!(late[0].text, up[0].text);
    assert!(w.recv(BOB, &invite[1].answer(486)).is_empty());
    assert!(w.recv(BOB, &options[0].answer(200)).is_empty());
    assert_eq!(w.stat("core", "drop_replies"), 2);
    assert_eq!(w.stat("core", "fwd_replies"), 1);
}

#[test]
fn nothing_is_sent_again_over_tcp() {
    let mut w = World::new(&[]);
    w.targets = vec![branch_over(Proto::Tcp, BOB)];
    w.recv(CALLER, &request("INVITE", "i1"));
    assert_eq!(list(&w.advance(30_010)), "408");
    w.drain();
}

/// Timers are hints: another worker's, late ones and spare ones do no harm.
#[test]
fn a_spare_timer_does_nothing() {
    let mut w = World::new(&[BOB]);
    let out = w.recv(CALLER, &request("INVITE", "i1"));
    let txn = w.txn.unwrap();
    let event = sip_core::txn::TimerEvent { txn };
    for _ in 0..3 {
        let (event, sent) = w.with(|p, cx| p.handle_timeout(cx, event));
        assert_eq!((event, sent.len()), (ForkEvent::Absorbed, 0));
    }
    w.recv(BOB, &out[1].answer(200));
    w.drain();
    let (event, _) = w.with(|p, cx| p.handle_timeout(cx, event));
    assert_eq!(event, ForkEvent::Absorbed);
}

/// One timer hint is armed for a transaction at a time, and a second only for an earlier deadline.
#[test]
fn hints_do_not_pile_up() {
    let mut w = World::new(&[BOB]);
    let out = w.recv(CALLER, &request("INVITE", "i1"));
    w.recv(BOB, &out[1].answer(180));
    for _ in 0..100 {
        w.recv(BOB, &out[1].answer(183));
        w.advance(1000);
    }
    assert!(w.wheel.len() <= 3, "{}", w.wheel.len());
}
