//! RFC 3261 16.3 step 4, and the spirals that are none of it.

use sip_core::proxy::{ForkEvent, RelayError};

use crate::support::{CALLER, World, ladder, request, request_with};

/// Where the proxy itself listens.
const HERE: &str = "192.0.2.100:5060";

/// A proxy that sends everything to itself, with the Request-URI as it came.
fn mirror() -> World {
    let mut w = World::new(&[HERE]);
    w.targets[0].uri = bytes::Bytes::new();
    w
}

#[test]
fn a_request_that_comes_back_unchanged_is_answered_482() {
    let mut w = mirror();
    let out = w.recv(CALLER, &request("OPTIONS", "o1"));
    assert_eq!(ladder(&out), "OPTIONS@100");
    let back = w.recv(HERE, &out[0].text);
    assert_eq!((ladder(&back).as_str(), back[0].line()), ("482@100", "SIP/2.0 482 Loop Detected"));
    assert_eq!(w.relayed, Some(Err(RelayError::Loop)));
    // It goes on to the caller as any other answer does.
    let up = w.recv(HERE, &back[0].text);
    assert_eq!(ladder(&up), "482@1");
    assert_eq!(w.events.last(), Some(&ForkEvent::Answered { branch: Some(0), code: 482 }));
    w.drain();
}

#[test]
fn a_loop_through_somebody_else_is_one_too() {
    let mut w = World::new(&["192.0.2.50:5060"]);
    w.targets[0].uri = bytes::Bytes::new();
    let out = w.recv(CALLER, &request("INVITE", "i1"));
    let next = "Via: SIP/2.0/UDP 192.0.2.50:5060;branch=z9hG4bKnext\r\nVia: ";
    let back = w.recv("192.0.2.50:5060", &out[1].text.replacen("Via: ", next, 1));
    assert_eq!(ladder(&back), "100@50 482@50");
}

/// RFC 3261 16.3: a spiral comes back changed, and is routed again.
#[test]
fn a_spiral_goes_on() {
    for (from, to) in [
        ("sip:bob@example.com SIP", "sip:carol@example.com SIP"),
        ("From: <sip:alice@example.com>;tag=a1", "From: <sip:alice@example.com>;tag=a2"),
        ("CSeq: 1", "CSeq: 2"),
        ("Call-ID: ", "Call-ID: x"),
        ("To: ", "Route: <sip:192.0.2.60;lr>\r\nTo: "),
        ("To: ", "Proxy-Authorization: Digest a=b\r\nTo: "),
    ] {
        let mut w = mirror();
        let out = w.recv(CALLER, &request("OPTIONS", "o1"));
        let text = out[0].text.replacen(from, to, 1);
        assert_ne!(text, out[0].text, "{from}");
        assert_eq!(ladder(&w.recv(HERE, &text)), "OPTIONS@100", "{to}");
        assert_eq!(w.relayed, Some(Ok(())));
    }
}

#[test]
fn a_via_that_only_looks_like_ours_is_no_loop() {
    let mut w = mirror();
    let out = w.recv(CALLER, &request("OPTIONS", "o1"));
    // The same request by another sender, with a branch of ours that names nothing.
    let other = out[0].text.replace("z9hG4bKt", "z9hG4bKtf");
    let sent = w.recv("192.0.2.50:5060", &other);
    assert_eq!(ladder(&sent), "OPTIONS@100");
    // And one that names a transaction that is answered by now.
    w.drain();
    assert_eq!(ladder(&w.recv(HERE, &out[0].text)), "OPTIONS@100");
}

#[test]
fn the_check_can_be_turned_off() {
    let mut w = mirror();
    w.proxy.params().loop_detection.set(0);
    let mut out = w.recv(CALLER, &request_with("OPTIONS", "o1", ""));
    for _ in 0..5 {
        out = w.recv(HERE, &out[0].text);
        assert_eq!(ladder(&out), "OPTIONS@100");
    }
}
