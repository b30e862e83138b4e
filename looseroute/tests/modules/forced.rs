//! The module `tm`: relaying to where the route says, and copies for somebody else.

use looseroute::core::net::Proto;

use crate::rig::{PHONE, Rig, f, request, with};
use crate::text::Msg;
use crate::tm::{answer, options};

pub const TESTED: &[&str] = &[
    "t_relay_to",
    "t_relay_to_proxy",
    "t_forward_nonack",
    "t_forward_nonack_udp",
    "t_forward_nonack_tcp",
    "t_forward_nonack_uri",
    "t_replicate",
    "t_replicate_udp",
    "t_replicate_tcp",
];

#[test]
fn a_request_goes_to_the_proxy_that_is_named() {
    for (name, args, proto, peer) in [
        ("t_relay_to", &["10.0.0.6:7000"][..], Proto::Udp, "10.0.0.6:7000"),
        ("t_relay_to", &["tcp:10.0.0.6", "4"], Proto::Tcp, "10.0.0.6:5060"),
        ("t_relay_to", &[], Proto::Udp, "10.0.0.3:5060"),
        ("t_relay_to_proxy", &["udp:10.0.0.6:7000"], Proto::Udp, "10.0.0.6:7000"),
        ("t_forward_nonack", &["10.0.0.6", "7000"], Proto::Udp, "10.0.0.6:7000"),
        ("t_forward_nonack_udp", &["10.0.0.6", "7000"], Proto::Udp, "10.0.0.6:7000"),
        ("t_forward_nonack_tcp", &["10.0.0.6", "7000"], Proto::Tcp, "10.0.0.6:7000"),
        ("t_forward_nonack_uri", &[], Proto::Udp, "10.0.0.3:5060"),
    ] {
        let rig = Rig::params(&[]);
        let ran = rig.run(&options(), &[f(name, args)]);
        assert_eq!(ran.codes(), [1], "{name}");
        let (to, msg) = &ran.sent[0];
        assert_eq!((to.proto, to.peer.to_string().as_str()), (proto, peer), "{name} {args:?}");
        assert_eq!(msg.uri(), "sip:bob@10.0.0.3", "the Request-URI stays");
        assert_eq!(rig.engine.live().1, 1, "by a transaction");
    }
    let rig = Rig::params(&[]);
    for (name, args, text) in [
        ("t_relay_to", &["a b"][..], "t_relay_to: argument 1 must be `[transport:]host[:port]`"),
        ("t_relay_to", &["10.0.0.6", "x"], "t_relay_to: argument 2 must be a number"),
        ("t_replicate", &["", "1"], "t_replicate: argument 1 must be a host"),
        ("t_replicate", &["10.0.0.6", "0"], "t_replicate: argument 2 must be a port"),
    ] {
        assert_eq!(rig.run(&options(), &[f(name, args)]).error(), text);
    }
}

#[test]
fn a_copy_goes_out_and_its_answer_goes_nowhere() {
    for (name, args, proto) in [
        ("t_replicate", &["10.0.0.6", "7000"][..], Proto::Udp),
        ("t_replicate_udp", &["10.0.0.6", "7000"], Proto::Udp),
        ("t_replicate_tcp", &["10.0.0.6", "7000"], Proto::Tcp),
    ] {
        let rig = Rig::params(&[]);
        let ran = rig.run(&request("REGISTER", "sip:lr.test"), &[f(name, args)]);
        assert_eq!(ran.codes(), [1]);
        let (to, copy) = &ran.sent[0];
        assert_eq!((to.proto, to.peer.to_string().as_str()), (proto, "10.0.0.6:7000"), "{name}");
        assert_eq!((copy.method(), copy.uri()), ("REGISTER", "sip:lr.test"));
        for code in [100, 401, 200] {
            rig.feed("10.0.0.6:7000", &copy.answer(code, "x", &[]));
            assert!(rig.sent().is_empty(), "{code}");
        }
        rig.pass(60_000);
        assert_eq!(rig.engine.live(), (0, 0, 0));
    }
}

#[test]
fn the_route_answers_or_relays_beside_its_copies() {
    let rig = Rig::params(&[]);
    let copy = f("t_replicate", &["10.0.0.6", "7000"]);
    let ran = rig.run(&options(), &[copy.clone(), f("t_reply", &["200", "OK"])]);
    assert_eq!(ran.codes(), [1, 1]);
    let ways: Vec<(String, u16)> =
        ran.sent.iter().map(|(to, m)| (to.peer.to_string(), m.code())).collect();
    assert_eq!(ways, [("10.0.0.6:7000".into(), 0), (PHONE.into(), 200)]);
    // The relayed branch alone decides, whatever the copy's fate.
    let ran = rig.run(&options(), &[copy, f("t_relay", &[])]);
    let (lost, out) = (ran.sent[0].1.clone(), ran.sent[1].1.clone());
    rig.feed("10.0.0.6:7000", &lost.answer(603, "x", &[]));
    assert!(rig.sent().is_empty());
    let up: Vec<u16> = answer(&rig, &out, 404, &[]).iter().map(Msg::code).collect();
    assert_eq!(up, [404]);
    // Without a host the copy goes where the request would.
    let there = with(|call| call.set_request_uri("sip:copy@10.0.0.4"));
    let ran = rig.run(&options(), &[there, f("t_replicate", &[])]);
    assert_eq!(ran.sent[0].0.peer.to_string(), "10.0.0.4:5060");
    rig.pass(60_000);
    assert_eq!(rig.engine.live(), (0, 0, 0));
}

#[test]
fn what_has_no_transaction_is_not_copied() {
    let rig = Rig::params(&[]);
    let ran =
        rig.run(&request("ACK", "sip:bob@10.0.0.3"), &[f("t_replicate", &["10.0.0.6", "7000"])]);
    assert_eq!(ran.error(), "an ACK and a CANCEL are not replicated");
}
