//! RFC 3263 4.3: the other addresses of a next hop.

use sip_core::output::SendError;
use sip_core::proxy::{BranchOwn, ForkEvent};

use crate::support::{BOB, CALLER, CAROL, DAVE, World, branch, ladder, list, request};

/// A proxy whose only next hop has three addresses.
fn world() -> World {
    let mut w = World::new(&[BOB]);
    let elsewhere = [CAROL, DAVE].iter().map(|a| branch(a).target).collect();
    w.targets[0].own = Some(Box::new(BranchOwn { elsewhere, ..BranchOwn::default() }));
    w
}

#[test]
fn a_hop_that_cannot_be_reached_gives_way_to_its_next_address() {
    let mut w = world();
    let out = w.recv(CALLER, &request("INVITE", "i1"));
    assert_eq!(ladder(&out), "100@1 INVITE@11");
    let next = w.fail(&out[1], SendError::Unreachable);
    assert_eq!(ladder(&next), "INVITE@12");
    // A client transaction of its own; the request is the same.
    assert_eq!(next[0].line(), out[1].line());
    assert_ne!(next[0].header("Via"), out[1].header("Via"));
    assert_eq!(next[0].all("Via")[1..], out[1].all("Via")[1..]);
    assert_eq!(ladder(&w.advance(600)), "INVITE@12");
    assert_eq!(ladder(&w.recv(CAROL, &next[0].answer(200))), "200@1");
    w.drain();
}

#[test]
fn one_that_answers_503_or_nothing_gives_way_too_and_the_last_one_counts() {
    let mut w = world();
    let out = w.recv(CALLER, &request("INVITE", "i1"));
    let next = w.recv(BOB, &out[1].answer(503));
    assert_eq!(ladder(&next), "ACK@11 INVITE@12");
    let late = w.advance(30_100);
    assert_eq!(
        late.last().map(|s| (s.what(), s.to.peer.to_string())),
        Some(("INVITE", DAVE.into()))
    );
    let dave = late.last().unwrap().clone();
    assert_eq!(ladder(&w.recv(DAVE, &dave.answer(486))), "ACK@13 486@1");
    assert_eq!(w.events.last(), Some(&ForkEvent::Answered { branch: Some(2), code: 486 }));
    w.drain();
    // Not one of them: as with a single address, a 503 goes up as a 500.
    let mut w = world();
    let mut sent = w.recv(CALLER, &request("OPTIONS", "o1"));
    for address in [BOB, CAROL] {
        sent = w.recv(address, &sent[0].answer(503));
        assert_eq!(list(&sent), "OPTIONS");
    }
    assert_eq!(ladder(&w.recv(DAVE, &sent[0].answer(503))), "500@1");
    w.drain();
}

#[test]
fn a_hop_that_has_spoken_is_the_one() {
    let mut w = world();
    let out = w.recv(CALLER, &request("INVITE", "i1"));
    w.recv(BOB, &out[1].answer(180));
    assert_eq!(ladder(&w.recv(BOB, &out[1].answer(503))), "ACK@11 500@1");
    w.drain();
    for code in [404, 500, 600] {
        let mut w = world();
        let out = w.recv(CALLER, &request("OPTIONS", "o1"));
        assert_eq!(ladder(&w.recv(BOB, &out[0].answer(code))), format!("{code}@1"));
        w.drain();
    }
}

#[test]
fn after_a_cancel_no_other_address_is_tried() {
    let mut w = world();
    let out = w.recv(CALLER, &request("INVITE", "i1"));
    w.recv(CALLER, &request("CANCEL", "i1"));
    assert_eq!(ladder(&w.fail(&out[1], SendError::Unreachable)), "500@1");
    w.drain();
}

#[test]
fn an_address_of_another_family_is_passed_over() {
    let mut w = world();
    let own = w.targets[0].own.as_mut().unwrap();
    own.elsewhere[0] = branch("[2001:db8::1]:5060").target;
    let out = w.recv(CALLER, &request("OPTIONS", "o1"));
    assert_eq!(ladder(&w.fail(&out[0], SendError::Unreachable)), "OPTIONS@13");
}
