//! Binding: ports that are taken, groups, picked ports.

mod support;

use std::collections::HashSet;
use std::net::{TcpListener, TcpStream, UdpSocket};

use sip_core::net::{ListenId, Proto};
use sip_core::output::Input;
use sip_transport::{TransportError, TransportParams, bind};
use support::{Rig, specs};

fn params() -> TransportParams {
    TransportParams::default()
}

fn refusal(listen: &[&str], workers: u16) -> TransportError {
    bind(&specs(listen), workers, &params()).map(|_| ()).unwrap_err()
}

#[test]
fn a_port_that_another_program_holds_is_an_error_that_names_it() {
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let tcp = TcpListener::bind("[::1]:0").unwrap();
    for workers in [1, 3] {
        let at = udp.local_addr().unwrap();
        let e = refusal(&[&format!("udp:{at}")], workers);
        assert!(matches!(e, TransportError::InUse { proto: Proto::Udp, address } if address == at));
        assert_eq!(
            e.to_string(),
            format!("udp:{at} is in use: another engine or program holds it")
        );
        let at = tcp.local_addr().unwrap();
        let e = refusal(&[&format!("tcp:{at}")], workers);
        assert!(matches!(e, TransportError::InUse { proto: Proto::Tcp, address } if address == at));
    }
}

#[test]
fn a_second_engine_of_ours_is_refused_whatever_the_two_numbers_of_workers() {
    for first in [1, 4] {
        for second in [1, 4] {
            for proto in ["udp", "tcp"] {
                let held =
                    bind(&specs(&[&format!("{proto}:127.0.0.1:0")]), first, &params()).unwrap();
                let at = held.listeners.by_id(ListenId(0)).unwrap().addr;
                let e = refusal(&[&format!("{proto}:{at}")], second);
                assert!(matches!(e, TransportError::InUse { .. }), "{proto} {first} {second}: {e}");
                drop(held);
                bind(&specs(&[&format!("{proto}:{at}")]), second, &params()).unwrap();
            }
        }
    }
}

#[test]
fn when_one_address_fails_the_others_are_let_go() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let free = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let list = [format!("udp:{free}"), format!("udp:{}", taken.local_addr().unwrap())];
    let list: Vec<&str> = list.iter().map(String::as_str).collect();
    assert!(matches!(refusal(&list, 2), TransportError::InUse { .. }));
    UdpSocket::bind(free).unwrap();
}

#[test]
fn an_address_listed_twice_is_said_to_be_so() {
    let free = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let list = [format!("udp:{free}"), format!("{free}")];
    let list: Vec<&str> = list.iter().map(String::as_str).collect();
    assert!(
        matches!(refusal(&list, 1), TransportError::Duplicate { address, .. } if address == free)
    );
}

#[test]
fn an_address_of_another_host_and_a_name_of_none_are_errors() {
    let e = refusal(&["udp:198.51.100.1:5060"], 1);
    assert!(matches!(e, TransportError::Bind { .. }), "{e}");
    assert!(e.to_string().contains("udp:198.51.100.1:5060"), "{e}");
    let e = refusal(&["udp:no-such-host.invalid:5060"], 1);
    assert!(matches!(e, TransportError::Resolve { .. }), "{e}");
}

#[test]
fn a_picked_port_is_the_same_for_udp_and_tcp_and_known_to_all() {
    for workers in [1, 3] {
        let bound = bind(&specs(&["127.0.0.1:0", "[::1]:0"]), workers, &params()).unwrap();
        let listeners: Vec<_> = bound.listeners.iter().map(|(_, l)| (l.proto, l.addr)).collect();
        assert_eq!(listeners.len(), 4);
        for pair in listeners.chunks(2) {
            assert_eq!([pair[0].0, pair[1].0], [Proto::Udp, Proto::Tcp]);
            assert_eq!(pair[0].1, pair[1].1);
            assert_ne!(pair[0].1.port(), 0);
        }
        assert_eq!(bound.workers.len(), usize::from(workers));
        assert!(bound.workers.iter().all(|w| w.len() == 4));
    }
}

#[test]
fn an_interface_a_name_and_any_address_stand_for_the_addresses_behind_them() {
    for host in ["lo", "localhost", "0.0.0.0"] {
        let bound = bind(&specs(&[&format!("udp:{host}:0")]), 1, &params()).unwrap();
        let ips: Vec<_> = bound.listeners.iter().map(|(_, l)| l.addr.ip()).collect();
        assert!(ips.iter().any(std::net::IpAddr::is_loopback), "{host}: {ips:?}");
        assert!(ips.iter().all(|ip| !ip.is_unspecified()));
        let distinct: HashSet<_> = ips.iter().collect();
        assert_eq!(distinct.len(), ips.len());
    }
    let bound = bind(&specs(&["tcp:[::]:0"]), 1, &params()).unwrap();
    assert!(bound.listeners.iter().all(|(_, l)| l.addr.is_ipv6()));
}

#[test]
fn advertised_addresses_reach_the_listeners() {
    let list = specs(&[
        "udp:127.0.0.1:0 advertise sip.example.org:5080",
        "udp:127.0.0.1:0 advertise [2001:db8::1]",
    ]);
    let bound = bind(&list, 1, &params()).unwrap();
    let of = |n| bound.listeners.by_id(ListenId(n)).unwrap();
    assert_eq!(of(0).sent_by().as_ref(), b"sip.example.org:5080");
    let expected = format!("[2001:db8::1]:{}", of(1).addr.port());
    assert_eq!(of(1).sent_by().as_ref(), expected.as_bytes());
}

#[test]
fn a_group_shares_datagrams_and_connections_among_all_its_workers() {
    let mut rig = Rig::with(&["127.0.0.1:0"], 3, &[]);
    let at = rig.addr(0);
    let phones: Vec<UdpSocket> = (0..64)
        .map(|_| {
            let s = UdpSocket::bind("127.0.0.1:0").unwrap();
            s.send_to(b"OPTIONS", at).unwrap();
            s
        })
        .collect();
    let count = |r: &Rig, want: fn(&Input) -> bool| -> Vec<usize> {
        r.workers.iter().map(|w| w.inputs.iter().filter(|i| want(i)).count()).collect()
    };
    let message = |i: &Input| matches!(i, Input::Message { .. });
    let opened = |i: &Input| matches!(i, Input::ConnOpened { .. });
    rig.until("all datagrams", |r| count(r, message).iter().sum::<usize>() == phones.len());
    assert!(count(&rig, message).iter().all(|n| *n > 0), "{:?}", count(&rig, message));
    let callers: Vec<TcpStream> = (0..64).map(|_| TcpStream::connect(at).unwrap()).collect();
    rig.until("all connections", |r| count(r, opened).iter().sum::<usize>() == callers.len());
    assert!(count(&rig, opened).iter().all(|n| *n > 0), "{:?}", count(&rig, opened));
    let owners: HashSet<u16> = rig.directory.list().iter().map(|c| c.id.worker()).collect();
    assert_eq!(owners.len(), 3);
    assert_eq!(rig.tcp("current_opened_connections"), 64);
    drop(rig);
    UdpSocket::bind(at).unwrap();
}

#[test]
fn a_single_worker_is_in_no_group() {
    use socket2::{Domain, Socket, Type};
    let bound = bind(&specs(&["udp:127.0.0.1:0"]), 1, &params()).unwrap();
    let at = bound.listeners.by_id(ListenId(0)).unwrap().addr;
    let intruder = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
    intruder.set_reuse_port(true).unwrap();
    assert!(intruder.bind(&at.into()).is_err());
}
