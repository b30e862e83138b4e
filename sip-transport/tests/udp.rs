//! Datagrams over loopback, in batches and one by one.

mod support;

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use sip_core::net::{Flow, ListenId, Proto, Target};
use sip_core::output::{Input, SendError};
use sip_transport::Transport;
use support::{PATIENCE, Rig, target};

fn peer(host: &str) -> UdpSocket {
    let s = UdpSocket::bind((host, 0)).unwrap();
    s.set_read_timeout(Some(PATIENCE)).unwrap();
    s
}

fn failed(i: &Input) -> Option<(u64, SendError)> {
    match i {
        Input::SendFailed { origin, error, .. } => Some((*origin, *error)),
        _ => None,
    }
}

#[test]
fn a_datagram_comes_in_with_its_flow_and_an_answer_goes_back_along_it() {
    for plain in [0, 1] {
        for (listen, host) in [("udp:127.0.0.1:0", "127.0.0.1"), ("udp:[::1]:0", "::1")] {
            let mut rig = Rig::with(&[listen], 1, &[("udp_plain", plain)]);
            let (phone, server) = (peer(host), rig.addr(0));
            phone.send_to(b"OPTIONS sip:a SIP/2.0\r\n\r\n", server).unwrap();
            let (flow, bytes) = rig.one().message();
            let from = phone.local_addr().unwrap();
            let listen = ListenId(0);
            assert_eq!(flow, Flow { proto: Proto::Udp, listen, peer: from, conn: None });
            assert_eq!(bytes, &b"OPTIONS sip:a SIP/2.0\r\n\r\n"[..]);
            rig.one().send(flow.back(), &b"SIP/2.0 200 OK\r\n\r\n"[..], Some(1));
            rig.one().flush();
            let mut buf = [0; 100];
            let (n, from) = phone.recv_from(&mut buf).unwrap();
            assert_eq!((&buf[..n], from), (&b"SIP/2.0 200 OK\r\n\r\n"[..], server));
            assert_eq!((rig.udp("received_messages"), rig.udp("sent_messages")), (1, 1));
            assert!(rig.one().inputs.is_empty());
        }
    }
}

#[test]
fn the_largest_datagrams_pass_and_larger_ones_fail_with_their_reason() {
    for plain in [0, 1] {
        let mut rig = Rig::with(&["udp:127.0.0.1:0"], 1, &[("udp_plain", plain)]);
        let phone = peer("127.0.0.1");
        let to = target(Proto::Udp, phone.local_addr().unwrap());
        let one = rig.one();
        one.send(to, vec![b'a'; 65507], Some(1));
        one.send(to, vec![b'b'; 65508], Some(2));
        one.send(to, vec![b'c'; 10], Some(3));
        one.flush();
        assert_eq!(one.expect("a failure", failed), (2, SendError::TooLarge));
        let mut buf = vec![0; 70000];
        let n = phone.recv(&mut buf).unwrap();
        assert_eq!((n, buf[0]), (65507, b'a'));
        phone.send_to(&buf[..n], rig.addr(0)).unwrap();
        assert_eq!(phone.recv(&mut buf).unwrap(), 10, "the one after it is not lost");
        rig.params.set("msg_recv_max_size", 65535).unwrap();
        assert_eq!(rig.one().message().1.len(), 65507);
    }
}

#[test]
fn keepalives_and_what_is_too_long_are_counted_and_dropped() {
    let mut rig = Rig::with(&["udp:127.0.0.1:0"], 1, &[("msg_recv_max_size", 1000)]);
    let phone = peer("127.0.0.1");
    let long = vec![b'x'; 1001];
    for d in [&b"\r\n"[..], b"\r\n\r\n", b"\0\0\0\0", b"", &long, b"BYE sip:a SIP/2.0\r\n\r\n"] {
        phone.send_to(d, rig.addr(0)).unwrap();
    }
    let (_, bytes) = rig.one().message();
    assert!(bytes.starts_with(b"BYE"));
    assert!(rig.one().inputs.is_empty());
    assert_eq!((rig.udp("keepalives"), rig.udp("too_long")), (4, 1));
}

#[test]
fn a_target_without_a_fitting_listener_fails_at_once() {
    let mut rig = Rig::new(&["udp:127.0.0.1:0"]);
    let one = rig.one();
    one.send(target(Proto::Udp, "[::1]:5060".parse().unwrap()), &b"x"[..], Some(1));
    one.send(target(Proto::Tls, "127.0.0.1:5060".parse().unwrap()), &b"x"[..], Some(2));
    one.send(target(Proto::Tcp, "127.0.0.1:5060".parse().unwrap()), &b"x"[..], Some(3));
    one.send(target(Proto::Tcp, "127.0.0.1:5060".parse().unwrap()), &b"x"[..], None);
    one.flush();
    let failures: Vec<_> = one.inputs.iter().filter_map(failed).collect();
    assert_eq!(failures, [1, 2, 3].map(|o| (o, SendError::NoListener)));
}

#[test]
fn a_datagram_leaves_from_the_listener_that_the_target_names() {
    let mut rig = Rig::new(&["udp:127.0.0.1:0", "udp:127.0.0.2:0", "udp:[::1]:0"]);
    let phone = peer("127.0.0.1");
    let to = target(Proto::Udp, phone.local_addr().unwrap());
    for listen in [None, Some(ListenId(1)), Some(ListenId(2))] {
        rig.one().send(Target { listen, ..to }, &b"x"[..], None);
    }
    rig.one().flush();
    let from: Vec<SocketAddr> = (0..3).map(|_| phone.recv_from(&mut [0; 9]).unwrap().1).collect();
    let mut expected = [rig.addr(0), rig.addr(1), rig.addr(0)].to_vec();
    let mut got = from;
    got.sort();
    expected.sort();
    assert_eq!(got, expected, "one of the wrong family is not used");
}

#[test]
fn a_burst_is_read_in_batches_and_answered_in_batches() {
    const BURST: usize = 150;
    let mut rig = Rig::with(&["udp:127.0.0.1:0"], 1, &[("udp_batch", 64), ("udp_budget", 1000)]);
    let phone = peer("127.0.0.1");
    for i in 0..BURST {
        phone.send_to(format!("MESSAGE {i}").as_bytes(), rig.addr(0)).unwrap();
    }
    rig.until("the burst", |r| r.workers[0].inputs.len() == BURST);
    assert_eq!(rig.udp("receive_calls"), 3, "64 + 64 + 22");
    let one = rig.one();
    for (i, input) in std::mem::take(&mut one.inputs).into_iter().enumerate() {
        let Input::Message { flow, bytes } = input else { panic!("{input:?}") };
        assert_eq!(bytes, format!("MESSAGE {i}").as_bytes());
        one.send(flow.back(), bytes, None);
    }
    one.flush();
    assert_eq!(rig.udp("send_calls"), 3);
    let mut buf = [0; 100];
    for i in 0..BURST {
        let n = phone.recv(&mut buf).unwrap();
        assert_eq!(&buf[..n], format!("MESSAGE {i}").as_bytes());
    }
}

#[test]
fn a_socket_cut_at_its_budget_is_ready_still_and_does_not_starve_another() {
    let budget = [("udp_budget", 10), ("udp_batch", 4)];
    let mut rig = Rig::with(&["udp:127.0.0.1:0", "udp:127.0.0.1:0"], 1, &budget);
    let phone = peer("127.0.0.1");
    for _ in 0..35 {
        phone.send_to(b"FLOOD", rig.addr(0)).unwrap();
    }
    phone.send_to(b"QUIET", rig.addr(1)).unwrap();
    let mut turns = Vec::new();
    let one = rig.one();
    for _ in 0..4 {
        // Without a wait: edge-triggered, the system would not tell of the rest again.
        one.turn(Duration::ZERO);
        turns.push(one.inputs.len());
        if turns.len() == 1 {
            let quiet = |i: &Input| matches!(i, Input::Message { bytes, .. } if bytes == "QUIET");
            assert!(one.inputs.iter().any(quiet), "the other socket has its turn in the first");
        }
        if turns.len() < 4 {
            let now = one.now;
            assert_eq!(one.transport.next_timeout(now), Some(now), "more is ready");
        }
    }
    assert_eq!(turns, [11, 21, 31, 36]);
    let now = one.now;
    assert_eq!(one.transport.next_timeout(now), None, "nothing is left");
}

#[test]
fn a_turn_ends_at_its_room_for_inputs() {
    let limits = [("turn_inputs", 20), ("udp_budget", 15), ("udp_batch", 5)];
    let mut rig = Rig::with(&["udp:127.0.0.1:0", "udp:127.0.0.1:0", "udp:127.0.0.1:0"], 1, &limits);
    let phone = peer("127.0.0.1");
    for listener in 0..3 {
        for _ in 0..15 {
            phone.send_to(b"X", rig.addr(listener)).unwrap();
        }
    }
    let one = rig.one();
    one.turn(Duration::from_secs(1));
    assert_eq!(one.inputs.len(), 30, "the third socket waits for the next turn");
    one.turn(Duration::ZERO);
    assert_eq!(one.inputs.len(), 45);
}

#[test]
fn more_than_the_queue_holds_is_sent_within_the_turn() {
    for plain in [0, 1] {
        let limits = [("udp_wq_max", 50), ("udp_plain", plain)];
        let mut rig = Rig::with(&["udp:127.0.0.1:0"], 1, &limits);
        let phone = peer("127.0.0.1");
        let to = target(Proto::Udp, phone.local_addr().unwrap());
        for i in 0..120 {
            rig.one().send(to, vec![i], Some(1));
        }
        rig.one().flush();
        assert!(rig.one().inputs.is_empty());
        let mut buf = [0];
        for i in 0..120 {
            phone.recv(&mut buf).unwrap();
            assert_eq!(buf, [i]);
        }
    }
}

#[test]
fn a_transport_may_move_to_its_thread() {
    fn is_send<T: Send>() {}
    is_send::<Transport>();
}
