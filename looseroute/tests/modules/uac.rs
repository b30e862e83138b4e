//! The module `tm`: requests of our own.

use looseroute::core::net::Proto;

use crate::rig::{Rig, SECOND, f};
use crate::tm::options;

pub const TESTED: &[&str] = &["t_uac_send"];

const HEADERS: &str = "From: <sip:us@lr.test>\r\nTo: <sip:bob@10.0.0.3>\r\nX-Ours: yes\r\n";

#[test]
fn a_route_sends_a_request_of_our_own() {
    let rig = Rig::params(&[]);
    let args = ["NOTIFY", "sip:bob@10.0.0.3:7000", "", "", HEADERS, "hello"];
    let ran = rig.run(&options(), &[f("t_uac_send", &args)]);
    assert_eq!(ran.codes(), [1]);
    let (to, msg) = &ran.sent[0];
    assert_eq!(to.peer.to_string(), "10.0.0.3:7000");
    assert_eq!(msg.start, "NOTIFY sip:bob@10.0.0.3:7000 SIP/2.0");
    assert_eq!((msg.header("X-Ours"), msg.body.as_str()), ("yes", "hello"));
    assert_eq!((msg.header("To"), msg.of()), ("<sip:bob@10.0.0.3>", "NOTIFY"));
    assert!(msg.header("From").starts_with("<sip:us@lr.test>;tag="));
    assert_eq!(rig.stat("tmx", "UAC_transactions"), 1);
    // Sent again until it is answered; the answer goes nowhere.
    let again = rig.pass(600);
    assert_eq!(&again[0].1, msg);
    rig.feed("10.0.0.3:7000", &msg.answer(200, "OK", &[]));
    assert!(rig.sent().is_empty());
    rig.pass(60_000);
    assert_eq!(rig.engine.live(), (0, 0, 0));
    // By a proxy, from a listener.
    let socket = format!("udp:{SECOND}");
    let args = ["OPTIONS", "sip:bob@example.com", "sip:10.0.0.9:7;lr", &socket, HEADERS, ""];
    let ran = rig.run(&options(), &[f("t_uac_send", &args)]);
    assert_eq!(ran.sent[0].0.peer.to_string(), "10.0.0.9:7");
    assert_eq!(ran.sent[0].0.listen, Some(rig.listener(Proto::Udp, SECOND)));
    assert!(ran.one().header("Via").contains(SECOND));
}

#[test]
fn a_next_hop_may_be_a_name() {
    let rig = Rig::new(|b| b.listen("udp:[::1]:5060"));
    let args = ["OPTIONS", "sip:bob@localhost:7000", "", "", HEADERS, ""];
    let ran = rig.run_and_wait(&options(), &[f("t_uac_send", &args)]);
    let out = ran.sent.iter().find(|(_, m)| m.method() == "OPTIONS").expect("it is sent");
    assert!(out.0.peer.ip().is_loopback());
}

#[test]
fn what_is_wrong_is_said() {
    let rig = Rig::params(&[]);
    for (args, text) in [
        (
            ["INVITE", "sip:a@10.0.0.3", "", "", HEADERS, ""],
            "only requests that stand alone are sent here",
        ),
        (
            ["OPTIONS", "sip:a@10.0.0.3", "tel:1", "", HEADERS, ""],
            "t_uac_send: argument 3 the next hop `tel:1` is no SIP URI",
        ),
        (
            ["OPTIONS", "sip:a@10.0.0.3", "", "udp:10.9.9.9:1", HEADERS, ""],
            "t_uac_send: argument 4 must be `transport:address:port` of a listener",
        ),
        (
            ["OPTIONS", "sip:a@10.0.0.3", "", "", "To: <sip:a@b>\r\n", ""],
            "t_uac_send: argument 5 must have a To and a From without a tag",
        ),
    ] {
        assert_eq!(rig.run(&options(), &[f("t_uac_send", &args)]).error(), text);
    }
}
