//! One request, one branch: RFC 3261 16.6, 18.2, RFC 3581.

use bytes::BytesMut;
use sip_core::output::SendError;
use sip_core::proxy::{Follow, ForkEvent, RelayError, RelayPlan, is_local_uri, loose_route};
use sip_core::proxy::{unsupported, validate};
use sip_parser::{Message, Patch};

use crate::support::{
    BOB, CALLER, World, branch_over, ladder, list, request, request_with, tcp, udp,
};
use sip_core::net::Proto;

#[test]
fn a_request_goes_out_with_our_via_on_top_and_one_hop_less() {
    let mut w = World::new(&[BOB]);
    let sent = w.recv(CALLER, &request("OPTIONS", "o1"));
    assert_eq!(ladder(&sent), "OPTIONS@11");
    assert_eq!(sent[0].line(), format!("OPTIONS sip:user@{BOB} SIP/2.0"));
    let vias = sent[0].all("Via");
    assert!(vias[0].starts_with("SIP/2.0/UDP 192.0.2.100:5060;branch=z9hG4bKt"), "{}", vias[0]);
    // RFC 3261 18.2.1: sent-by is where it came from, so nothing is added.
    assert_eq!(vias[1], "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKo1");
    assert_eq!(sent[0].header("Max-Forwards"), Some("69"));
    assert_eq!(sent[0].to.listen.map(|l| l.0), Some(0));
}

#[test]
fn the_answer_comes_back_without_our_via_and_is_kept_for_retransmissions() {
    let mut w = World::new(&[BOB]);
    let out = w.recv(CALLER, &request("OPTIONS", "o1"));
    let up = w.recv(BOB, &out[0].answer(200));
    assert_eq!(ladder(&up), "200@1");
    assert_eq!(up[0].all("Via"), ["SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKo1"]);
    assert_eq!(w.events, [ForkEvent::Answered { branch: Some(0), code: 200 }]);
    // RFC 3261 17.2.2 Completed.
    let again = w.recv(CALLER, &request("OPTIONS", "o1"));
    assert_eq!(again[0].text, up[0].text);
    // RFC 3261 17.1.2.2 Completed.
    assert!(w.recv(BOB, &out[0].answer(200)).is_empty());
    assert!(w.drain().is_empty());
    assert_eq!(w.stat("tmx", "2xx_transactions"), 1);
    assert_eq!(w.stat("tmx", "rpl_absorbed"), 1);
    assert_eq!(w.stat("core", "rcv_requests_options"), 2);
}

#[test]
fn a_retransmission_before_any_answer_is_swallowed() {
    let mut w = World::new(&[BOB]);
    w.recv(CALLER, &request("OPTIONS", "o1"));
    assert!(w.recv(CALLER, &request("OPTIONS", "o1")).is_empty());
    // The same branch from another sent-by is another transaction (RFC 3261 17.2.3).
    let other = request("OPTIONS", "o1").replace("192.0.2.1:5060", "192.0.2.9:5060");
    assert_eq!(list(&w.recv(CALLER, &other)), "OPTIONS");
    assert_eq!(w.proxy.live(), 2);
}

/// RFC 3261 18.2.1, RFC 3581 4.
#[test]
fn received_and_rport_are_added_to_the_via_and_the_answer_goes_there() {
    let mut w = World::new(&[BOB]);
    let nat = "198.51.100.7:41000";
    let text = request("OPTIONS", "o1").replace("192.0.2.1:5060;", "10.0.0.1:5060;rport;");
    let out = w.recv(nat, &text);
    assert_eq!(
        out[0].all("Via")[1],
        "SIP/2.0/UDP 10.0.0.1:5060;rport=41000;branch=z9hG4bKo1;received=198.51.100.7"
    );
    let up = w.recv(BOB, &out[0].answer(200));
    assert_eq!(up[0].to.peer, nat.parse().unwrap());
    // Without rport: to the source address, at the port of sent-by.
    let text = request("OPTIONS", "o2").replace("192.0.2.1:5060;", "phone.example.com:5070;");
    let out = w.recv(nat, &text);
    assert!(out[0].all("Via")[1].ends_with(";received=198.51.100.7"));
    let up = w.recv(BOB, &out[0].answer(200));
    assert_eq!(up[0].to.peer, "198.51.100.7:5070".parse().unwrap());
}

#[test]
fn a_received_that_the_sender_made_up_is_replaced() {
    let mut w = World::new(&[BOB]);
    let forged = ";received=203.0.113.9;branch=z9hG4bK";
    let text =
        request("OPTIONS", "o1").replace("192.0.2.1:5060;branch=z9hG4bK", &format!("h{forged}"));
    let out = w.recv(CALLER, &text);
    assert_eq!(out[0].all("Via")[1], "SIP/2.0/UDP h;branch=z9hG4bKo1;received=192.0.2.1");
    // The answers made here say the same.
    w.stateless = Some(404);
    let up = w.recv(CALLER, &text.replace("z9hG4bKo1", "z9hG4bKo2"));
    assert_eq!(up[0].all("Via"), ["SIP/2.0/UDP h;branch=z9hG4bKo2;received=192.0.2.1"]);
}

#[test]
fn an_invite_is_answered_100_at_once_and_rings_through() {
    let mut w = World::new(&[BOB]);
    let out = w.recv(CALLER, &request("INVITE", "i1"));
    assert_eq!(ladder(&out), "100@1 INVITE@11");
    assert!(!out[0].header("To").unwrap().contains("tag="));
    assert_eq!(list(&w.recv(CALLER, &request("INVITE", "i1"))), "100");
    // RFC 3261 16.7 step 5: a 100 is not forwarded.
    assert!(w.recv(BOB, &out[1].answer(100)).is_empty());
    assert_eq!(ladder(&w.recv(BOB, &out[1].answer(180))), "180@1");
    assert_eq!(list(&w.recv(CALLER, &request("INVITE", "i1"))), "180");
    assert_eq!(ladder(&w.recv(BOB, &out[1].answer(200))), "200@1");
    assert!(w.recv(CALLER, &request("INVITE", "i1")).is_empty());
    // RFC 6026: the callee's retransmissions of the 200 all go up.
    assert_eq!(ladder(&w.recv(BOB, &out[1].answer(200))), "200@1");
    assert!(w.drain().is_empty());
}

#[test]
fn the_100_can_be_turned_off_and_reworded() {
    let mut w = World::new(&[BOB]);
    w.proxy.params().set_auto_inv_100_reason("Patience");
    let out = w.recv(CALLER, &request("INVITE", "i1"));
    assert_eq!(out[0].line(), "SIP/2.0 100 Patience");
    w.proxy.params().auto_inv_100.set(0);
    assert_eq!(list(&w.recv(CALLER, &request("INVITE", "i2"))), "INVITE");
}

/// RFC 3261 16.3.
#[test]
fn what_must_not_be_forwarded_is_refused() {
    let mut w = World::new(&[BOB]);
    let no_hops = request("OPTIONS", "o1").replace("Max-Forwards: 70", "Max-Forwards: 0");
    assert_eq!(list(&w.recv(CALLER, &no_hops)), "483");
    assert_eq!(w.relayed, Some(Err(RelayError::TooManyHops)));
    let extension = request_with("OPTIONS", "o2", "Proxy-Require: magic\r\n");
    assert_eq!(list(&w.recv(CALLER, &extension)), "420");
    let mismatch = request("OPTIONS", "o3").replace("CSeq: 1 OPTIONS", "CSeq: 1 INVITE");
    assert_eq!(list(&w.recv(CALLER, &mismatch)), "400");
    assert_eq!(w.stat("core", "bad_msg_hdr"), 1);
    let ack = request("ACK", "o4").replace("CSeq: 1 ACK", "CSeq: 1 INVITE");
    assert!(w.recv(CALLER, &ack).is_empty(), "an ACK is never answered");
    w.drain();
}

/// RFC 3261 16.3 step 5, 20.40.
#[test]
fn a_420_says_what_is_not_supported() {
    let text = request_with("OPTIONS", "o1", "Proxy-Require: a, b\r\nProxy-Require: c\r\n");
    let msg = Message::parse(text.into()).unwrap();
    assert_eq!(validate(&msg), Err(RelayError::BadExtension));
    let mut lines = BytesMut::new();
    unsupported(&msg, &mut lines);
    assert_eq!(lines, &b"Unsupported: a, b\r\nUnsupported: c\r\n"[..]);
    // An ACK and a CANCEL are not negotiated about.
    let ack = request_with("ACK", "o1", "Proxy-Require: a\r\n");
    assert_eq!(validate(&Message::parse(ack.into()).unwrap()), Ok(Some(70)));
}

#[test]
fn without_max_forwards_one_is_added() {
    let mut w = World::new(&[BOB]);
    let out = w.recv(CALLER, &request("OPTIONS", "o1").replace("Max-Forwards: 70\r\n", ""));
    assert_eq!(out[0].header("Max-Forwards"), Some("70"));
}

#[test]
fn record_route_is_a_pair_when_the_transport_changes() {
    let mut w = World::new(&[]);
    w.record_route = true;
    w.targets = vec![branch_over(Proto::Tcp, BOB)];
    let out = w.recv(CALLER, &request("OPTIONS", "o1"));
    assert_eq!(
        out[0].all("Record-Route"),
        ["<sip:192.0.2.100:5060;transport=tcp;r2=on;lr>", "<sip:192.0.2.100:5060;r2=on;lr>"]
    );
    assert!(out[0].all("Via")[0].starts_with("SIP/2.0/TCP "));
    w.targets = vec![branch_over(Proto::Udp, BOB)];
    let text = request_with("OPTIONS", "o2", "Record-Route: <sip:p1;lr>\r\n");
    let out = w.recv(CALLER, &text);
    assert_eq!(out[0].all("Record-Route"), ["<sip:192.0.2.100:5060;lr>", "<sip:p1;lr>"]);
}

#[test]
fn the_path_of_a_binding_becomes_the_route() {
    let mut w = World::new(&[BOB]);
    w.targets[0].path = Some("<sip:edge1;lr>, <sip:edge2;lr>".into());
    let out = w.recv(CALLER, &request_with("OPTIONS", "o1", "Route: <sip:far;lr>\r\n"));
    assert_eq!(out[0].all("Route"), ["<sip:edge1;lr>, <sip:edge2;lr>", "<sip:far;lr>"]);
}

/// A preloaded Route to us, and a callee behind an edge proxy (RFC 3327 5.5).
#[test]
fn the_path_takes_the_place_of_our_own_route() {
    let mut w = World::new(&[]);
    for text in [
        request_with("OPTIONS", "o1", "Route: <sip:192.0.2.100;lr>, <sip:far;lr>\r\n"),
        request("OPTIONS", "o2").replacen(
            "Via:",
            "Route: <sip:192.0.2.100;lr>\r\nRoute: <sip:far;lr>\r\nVia:",
            1,
        ),
    ] {
        w.recv(CALLER, &text);
        let (msg, mut patch) = (Message::parse(text.into()).unwrap(), Patch::new());
        let listeners = w.proxy.listeners().clone();
        loose_route(&msg, &mut patch, Follow::Any, |uri| is_local_uri(&listeners, uri)).unwrap();
        let mut branch = crate::support::branch(BOB);
        branch.path = Some("<sip:edge;lr>".into());
        let plan = RelayPlan::new(&patch).branch(branch);
        let txn = w.txn.unwrap();
        let (relayed, out) = w.with(|p, cx| p.relay(cx, txn, &msg, &plan));
        assert_eq!(relayed, Ok(()));
        assert_eq!(out[0].all("Route"), ["<sip:edge;lr>", "<sip:far;lr>"]);
    }
}

/// RFC 3261 18.2.2: over a connection the answer goes back on it.
#[test]
fn over_tcp_the_answer_uses_the_connection_and_nothing_lingers() {
    let mut w = World::new(&[]);
    w.targets = vec![branch_over(Proto::Tcp, BOB)];
    let flow = tcp("192.0.2.1:49152", 7);
    let out = w.recv_on(flow, &request_with("OPTIONS", "o1", "X: tcp\r\n"));
    let back = tcp(BOB, 8);
    let up = w.recv_on(back, &out[0].answer(200));
    assert_eq!(up[0].to.conn, flow.conn);
    // If the connection is gone: the source address, the port of sent-by.
    assert_eq!(up[0].to.peer, CALLER.parse().unwrap());
    assert_eq!(w.proxy.live(), 0, "timers J and K are 0");
}

/// RFC 3261 16.9: a request that cannot be sent counts as 503, which goes up as 500.
#[test]
fn a_send_that_fails_is_answered() {
    let mut w = World::new(&[BOB]);
    let out = w.recv(CALLER, &request("INVITE", "i1"));
    let up = w.fail(&out[1], SendError::Unreachable);
    assert_eq!(ladder(&up), "500@1");
    assert_eq!(w.events, [ForkEvent::Answered { branch: None, code: 500 }]);
    w.drain();
}

#[test]
fn a_reply_that_cannot_be_sent_changes_nothing_for_the_branches() {
    let mut w = World::new(&[BOB]);
    let out = w.recv(CALLER, &request("INVITE", "i1"));
    let up = w.recv(BOB, &out[1].answer(180));
    assert!(w.fail(&up[0], SendError::Closed).is_empty());
    assert_eq!(list(&w.recv(BOB, &out[1].answer(200))), "200");
    w.drain();
}

#[test]
fn a_target_that_no_listener_reaches_leaves_the_answer_to_the_route() {
    let mut w = World::new(&["[2001:db8::1]:5060"]);
    let out = w.recv_on(udp(CALLER), &request("OPTIONS", "o1"));
    assert_eq!(w.relayed, Some(Err(RelayError::NoListener)));
    assert_eq!(list(&out), "500");
    w.drain();
}
