//! Whose is an ACK: RFC 3261 17.2.1, 17.2.3, RFC 6026, and of RFC 2543 peers.

use crate::support::{BOB, CALLER, World, ack, ladder, list, request};

#[test]
fn the_ack_to_a_negative_answer_ends_here_and_ours_goes_to_the_callee() {
    let mut w = World::new(&[BOB]);
    let out = w.recv(CALLER, &request("INVITE", "i1"));
    let sent = w.recv(BOB, &out[1].answer_with(486, "busy", ""));
    assert_eq!(ladder(&sent), "ACK@11 486@1");
    // RFC 3261 17.1.1.3.
    let own = &sent[0];
    assert_eq!(own.line(), format!("ACK sip:user@{BOB} SIP/2.0"));
    assert_eq!(own.all("Via"), [out[1].all("Via")[0]]);
    assert_eq!(own.header("To"), Some("<sip:bob@example.com>;tag=busy"));
    assert_eq!(own.header("CSeq"), Some("1 ACK"));
    // Until the caller acknowledges, timer G sends the answer again.
    assert_eq!(list(&w.advance(1500)), "486 486");
    assert!(w.recv(CALLER, &ack("i1", &sent[1])).is_empty());
    assert!(w.recv(CALLER, &ack("i1", &sent[1])).is_empty());
    assert!(w.drain().is_empty());
}

#[test]
fn a_retransmitted_negative_answer_is_acknowledged_again() {
    let mut w = World::new(&[BOB]);
    let out = w.recv(CALLER, &request("INVITE", "i1"));
    let first = w.recv(BOB, &out[1].answer(486));
    let second = w.recv(BOB, &out[1].answer(486));
    assert_eq!(ladder(&second), "ACK@11");
    assert_eq!(second[0].text, first[0].text);
}

#[test]
fn the_ack_to_a_2xx_is_a_request_of_its_own_and_is_forwarded() {
    let mut w = World::new(&[BOB]);
    let out = w.recv(CALLER, &request("INVITE", "i1"));
    w.recv(BOB, &out[1].answer(200));
    let first = w.recv(CALLER, &request("ACK", "a1"));
    assert_eq!(ladder(&first), "ACK@11");
    assert_eq!(first[0].header("Max-Forwards"), Some("69"));
    let second = w.recv(CALLER, &request("ACK", "a1"));
    assert_eq!(second[0].text, first[0].text, "RFC 3261 16.11: the same branch each time");
    // RFC 6026: under the INVITE's own branch it goes up as well.
    assert_eq!(ladder(&w.recv(CALLER, &request("ACK", "i1"))), "ACK@11");
    assert_eq!(w.proxy.live(), 1);
}

/// RFC 3261 8.2.7.
#[test]
fn the_ack_to_a_stateless_answer_is_known_by_its_tag() {
    let mut w = World::new(&[BOB]);
    w.stateless = Some(404);
    let sent = w.recv(CALLER, &request("INVITE", "i1"));
    assert_eq!(ladder(&sent), "404@1");
    let again = w.recv(CALLER, &request("INVITE", "i1"));
    assert_eq!(again[0].text, sent[0].text, "the same tag each time");
    assert!(w.recv(CALLER, &ack("i1", &sent[0])).is_empty());
    assert_eq!(w.stat("sl", "received_ACKs"), 1);
    assert_eq!((w.stat("sl", "404_replies"), w.stat("sl", "sent_err_replies")), (2, 2));
    // With another tag it is somebody else's.
    let forged = ack("i1", &sent[0]).replace("tag=", "tag=x");
    assert_eq!(list(&w.recv(CALLER, &forged)), "ACK");
    assert_eq!(w.proxy.live(), 0);
}

/// RFC 3261 17.2.3, second half.
#[test]
fn peers_of_rfc_2543_are_matched_by_what_they_send() {
    let mut w = World::new(&[BOB]);
    let old = |method: &str| request(method, "i1").replace(";branch=z9hG4bKi1", "");
    let out = w.recv(CALLER, &old("INVITE"));
    assert_eq!(list(&out), "100 INVITE");
    assert_eq!(list(&w.recv(CALLER, &old("INVITE"))), "100");
    let other = old("INVITE").replace("CSeq: 1", "CSeq: 2");
    assert_eq!(list(&w.recv(CALLER, &other)), "100 INVITE");
    w.recv(BOB, &out[1].answer(180));
    let cancel = w.recv(CALLER, &old("CANCEL"));
    assert_eq!(list(&cancel), "200 CANCEL");
    assert_eq!(list(&w.recv(CALLER, &old("CANCEL"))), "200");
    let up = w.recv(BOB, &out[1].answer_with(487, "b1", ""));
    assert_eq!(list(&up), "ACK 487");
    let to = up[1].header("To").unwrap();
    let ack = old("ACK").replace("To: <sip:bob@example.com>", &format!("To: {to}"));
    assert_eq!(
        list(&w.recv(CALLER, &ack.replace("tag=b1", "tag=b2"))),
        "ACK",
        "not for this answer"
    );
    assert!(w.recv(CALLER, &ack).is_empty());
    w.drain();
}
