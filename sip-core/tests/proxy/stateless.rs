//! Without a transaction: RFC 3261 16.11, 18.2.2.

use bytes::Bytes;
use sip_core::net::Flow;
use sip_core::proxy::{DropCause, Handled, RelayPlan};
use sip_parser::{Message, Patch};

use crate::support::{
    BOB, CALLER, Sent, World, branch, branch_over, ladder, request, request_with, tcp, udp,
};
use sip_core::net::Proto;

fn forward(w: &mut World, flow: Flow, text: &str, to: Proto) -> Vec<Sent> {
    let msg = Message::parse(Bytes::from(text.to_owned())).unwrap();
    let patch = Patch::new();
    let plan = RelayPlan::new(&patch).branch(branch_over(to, BOB));
    let (forwarded, sent) = w.with(|p, cx| p.forward_stateless(cx, &flow, &msg, &plan));
    assert_eq!(forwarded, Ok(()));
    sent
}

/// RFC 3261 16.11: the same branch for a retransmission, a CANCEL and the ACK, another for others.
#[test]
fn the_branch_follows_from_the_received_one() {
    let mut w = World::new(&[BOB]);
    let mut via =
        |text: &str| forward(&mut w, udp(CALLER), text, Proto::Udp)[0].all("Via")[0].to_owned();
    let first = via(&request("INVITE", "i1"));
    assert!(first.contains(";branch=z9hG4bKs"), "{first}");
    for method in ["INVITE", "CANCEL", "ACK"] {
        assert_eq!(via(&request(method, "i1")), first);
    }
    assert_ne!(via(&request("INVITE", "i2")), first);
    let old = |method: &str| request(method, "i1").replace(";branch=z9hG4bKi1", "");
    let first = via(&old("INVITE"));
    assert_eq!(via(&old("INVITE")), first);
    assert_eq!(via(&old("CANCEL")), first);
    assert_ne!(via(&old("INVITE").replace("CSeq: 1 ", "CSeq: 2 ")), first);
}

#[test]
fn an_answer_goes_by_the_next_via() {
    let mut w = World::new(&[BOB]);
    let nat = "198.51.100.7:41000";
    let text = request("OPTIONS", "o1").replace("192.0.2.1:5060;", "10.0.0.1;rport;");
    let out = forward(&mut w, udp(nat), &text, Proto::Udp);
    let up = w.recv(BOB, &out[0].answer(200));
    assert_eq!(up[0].to.peer, nat.parse().unwrap());
    assert_eq!(up[0].all("Via").len(), 1);
    assert_eq!(w.stat("core", "fwd_replies"), 1);
    assert_eq!(w.proxy.live(), 0);
}

/// RFC 3261 18.2.2: back on the connection that the request came on.
#[test]
fn an_answer_finds_the_connection_of_its_request_and_no_other() {
    let mut w = World::new(&[BOB]);
    let flow = tcp("192.0.2.1:49152", 7);
    let out = forward(&mut w, flow, &request_with("OPTIONS", "o1", "X: tcp\r\n"), Proto::Udp);
    let answer = out[0].answer(200);
    let up = w.recv(BOB, &answer);
    assert_eq!((up[0].to.proto, up[0].to.conn), (Proto::Tcp, flow.conn));
    // Whoever writes another connection's number into the branch gets nowhere near it.
    let id = format!("{:016x}", flow.conn.unwrap().0);
    let forged = answer.replace(&id, &format!("{:016x}", flow.conn.unwrap().0 + 1));
    assert_ne!(forged, answer);
    assert_eq!(w.recv(BOB, &forged)[0].to.conn, None);
}

#[test]
fn an_answer_that_is_not_ours_is_dropped() {
    let mut w = World::new(&[BOB]);
    let out = forward(&mut w, udp(CALLER), &request("OPTIONS", "o1"), Proto::Udp);
    let answer = out[0].answer(200);
    let mut drop = |text: String| {
        let msg = Message::parse(text.into()).unwrap();
        w.with(|p, cx| p.handle_response(cx, &udp(BOB), &msg)).0
    };
    let foreign = answer.replace("192.0.2.100:5060", "203.0.113.5:5060");
    assert_eq!(drop(foreign), Handled::Dropped(DropCause::NotOurs));
    let named = answer.replace("UDP 192.0.2.1:5060", "UDP phone.example.com");
    assert_eq!(drop(named), Handled::Dropped(DropCause::NoRoute));
    let last = answer.replace("Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKo1\r\n", "");
    assert_eq!(drop(last), Handled::Dropped(DropCause::NoRoute));
    let broken = answer.replace("CSeq: 1 OPTIONS", "CSeq: x");
    assert_eq!(drop(broken), Handled::Dropped(DropCause::Malformed));
}

#[test]
fn several_vias_in_one_line_lose_the_first() {
    let mut w = World::new(&[BOB]);
    let out = w.recv(CALLER, &request("OPTIONS", "o1"));
    let vias = out[0].all("Via");
    let two = format!("Via: {}\r\nVia: {}\r\n", vias[0], vias[1]);
    let one = format!("v: {} , {}\r\n", vias[0], vias[1]);
    let up = w.recv(BOB, &out[0].answer(200).replace(&two, &one));
    assert_eq!(ladder(&up), "200@1");
    assert!(up[0].text.contains("\r\nv: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKo1\r\n"));
}

#[test]
fn a_plan_says_whether_it_can_be_carried_out() {
    let w = World::new(&[]);
    assert!(branch(BOB).is_reachable(w.proxy.listeners()));
    assert!(!branch("[2001:db8::1]:5060").is_reachable(w.proxy.listeners()));
}
