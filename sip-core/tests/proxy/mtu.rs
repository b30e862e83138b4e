//! RFC 3261 18.1.1: what is too long for a datagram goes over TCP, and over UDP after all if that
//! does not work.

use sip_core::net::{ListenId, Proto};
use sip_core::output::SendError;

use crate::support::{BOB, CALLER, Sent, World, ladder, list, request, request_with};

fn long(method: &str, branch: &str) -> String {
    request_with(method, branch, &format!("X-Long: {}\r\n", "x".repeat(1200)))
}

fn over(sent: &[Sent]) -> Vec<(Proto, &str)> {
    sent.iter().map(|s| (s.to.proto, s.what())).collect()
}

#[test]
fn a_long_request_goes_over_tcp_and_says_so() {
    let mut w = World::new(&[BOB]);
    let out = w.recv(CALLER, &long("OPTIONS", "o1"));
    assert_eq!(over(&out), [(Proto::Tcp, "OPTIONS")]);
    assert!(out[0].text.len() > 1300);
    assert!(out[0].all("Via")[0].starts_with("SIP/2.0/TCP 192.0.2.100:5060;branch=z9hG4bKt"));
    assert_eq!(out[0].to.listen, Some(ListenId(1)));
    // As TCP it is not sent again (RFC 3261 17.1.2.2).
    assert!(w.advance(3_000).is_empty());
    assert_eq!(list(&w.recv(BOB, &out[0].answer(200))), "200");
    w.drain();
    let short = w.recv(CALLER, &request("OPTIONS", "o2"));
    assert_eq!(over(&short), [(Proto::Udp, "OPTIONS")]);
}

/// RFC 3261 18.1.1: on a reset or a refusal, UDP after all; the client transaction begins anew.
#[test]
fn without_a_connection_it_goes_over_udp_after_all() {
    let mut w = World::new(&[BOB]);
    let out = w.recv(CALLER, &long("INVITE", "i1"));
    assert_eq!(over(&out), [(Proto::Udp, "100"), (Proto::Tcp, "INVITE")]);
    let again = w.fail(&out[1], SendError::Unreachable);
    assert_eq!(over(&again), [(Proto::Udp, "INVITE")]);
    assert!(again[0].all("Via")[0].starts_with("SIP/2.0/UDP 192.0.2.100:5060;branch=z9hG4bKt"));
    assert_eq!(again[0].text.replace("/UDP 192.0.2.100", "/TCP 192.0.2.100"), out[1].text);
    // Now with UDP's retransmissions, and it fails for good the second time.
    assert_eq!(over(&w.advance(600)), [(Proto::Udp, "INVITE")]);
    assert_eq!(ladder(&w.fail(&again[0], SendError::Unreachable)), "500@1");
    w.drain();
}

#[test]
fn a_cancel_that_came_meanwhile_is_not_forgotten() {
    let mut w = World::new(&[BOB]);
    let out = w.recv(CALLER, &long("INVITE", "i1"));
    w.recv(CALLER, &request("CANCEL", "i1"));
    let again = w.fail(&out[1], SendError::Unreachable);
    let ringing = w.recv(BOB, &again[0].answer(180));
    assert_eq!(list(&ringing), "CANCEL 180");
    let cancelled = w.recv(BOB, &again[0].answer(487));
    assert_eq!(list(&cancelled), "ACK 487");
    w.drain();
}

#[test]
fn an_answer_that_came_makes_the_failure_a_failure() {
    let mut w = World::new(&[BOB]);
    let out = w.recv(CALLER, &long("INVITE", "i1"));
    w.recv(BOB, &out[1].answer(180));
    assert_eq!(ladder(&w.fail(&out[1], SendError::Unreachable)), "500@1");
    w.drain();
}

#[test]
fn the_length_is_a_parameter_and_a_known_flow_is_kept() {
    let mut w = World::new(&[BOB]);
    w.proxy.params().udp_mtu.set(0);
    assert_eq!(over(&w.recv(CALLER, &long("OPTIONS", "o1"))), [(Proto::Udp, "OPTIONS")]);
    w.proxy.params().udp_mtu.set(300);
    let out = w.recv(CALLER, &request("OPTIONS", "o2"));
    assert!(out[0].text.len() > 300);
    assert_eq!(over(&out), [(Proto::Tcp, "OPTIONS")]);
    // A phone that registered over UDP behind its listener has no other way.
    w.targets[0].target.listen = Some(ListenId(0));
    assert_eq!(over(&w.recv(CALLER, &request("OPTIONS", "o3"))), [(Proto::Udp, "OPTIONS")]);
}
