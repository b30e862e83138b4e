//! sipp calls a registered callee through the record-routing server, fifty times a second: no call
//! fails, and tshark finds nothing wrong with any message of the server's.

use std::time::Duration;

use crate::support::ports::Ports;
use crate::support::server::{Kind, Server, Spec, Transport, alice};
use crate::support::sipp::{Run, Sipp};
use crate::support::tshark::Capture;
use crate::support::ua::Ua;
use crate::support::{WorkDir, have};

const RATE: u64 = 50;

#[test]
fn fifty_calls_a_second_over_udp_lose_none() {
    call_through("sipp-udp", Transport::Udp, seconds());
}

#[test]
fn fifty_calls_a_second_over_tcp_lose_none() {
    call_through("sipp-tcp", Transport::Tcp, seconds().min(5));
}

/// How long calls are made for.
fn seconds() -> u64 {
    match std::env::var("PEERS_SIPP_SECONDS") {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("PEERS_SIPP_SECONDS={text}: a number")),
        Err(_) => 30,
    }
}

fn call_through(test: &str, transport: Transport, seconds: u64) {
    let kind = Kind::main();
    if !have(test, &["sipp"]) || !kind.available(test) {
        return;
    }
    let work = WorkDir::new(test);
    let port = Ports::server();
    let callee_ports = Ports::phone(8);
    let capture = Capture::start(test, work.path(), port.at(0), &[callee_ports.at(0)]);
    let server = Spec::new(kind, &port, work.sub("data")).start();

    let calls = RATE * seconds;
    register_callee(&server, &work, transport, callee_ports.at(0));
    let run = |scenario, rate| Run { scenario, transport, calls, rate, keys: Vec::new() };
    let callee =
        Sipp::start_on(&run("callee", None), server.port, work.sub("callee"), callee_ports);
    let caller = Sipp::start(&run("caller", Some(RATE)), server.port, work.sub("caller"));
    assert_ne!(caller.port(), callee.port());

    let called = caller.finish(Duration::from_secs(seconds + 30));
    let answered = callee.finish(Duration::from_secs(30));
    for outcome in [&called, &answered] {
        assert_eq!((outcome.successful, outcome.failed), (calls, 0), "{called:?} {answered:?}");
        assert_eq!(outcome.out_of_call, 0, "{called:?} {answered:?}");
    }
    if transport == Transport::Tcp {
        assert_eq!(called.retransmissions, 0, "nothing is sent twice over TCP");
    }

    // It still serves, and the accounts are as they were.
    let mut ua = Ua::connect(server.address(), transport);
    let reply = ua.register(&alice(), None).expect("the server answers after the load");
    assert_eq!((reply.code, reply.contacts().len()), (200, 0));
    server.stop();
    if let Some(capture) = capture {
        let seen = capture.finish();
        // 100, 180, 200, INVITE, ACK, BYE and 200 for each call.
        assert!(seen as u64 >= 7 * calls, "tshark saw only {seen}");
    }
}

/// One REGISTER with digest, by sipp itself, for the port the callee will answer on.
fn register_callee(server: &Server, work: &WorkDir, transport: Transport, port: u16) {
    let keys = vec![("user", "bob".to_owned()), ("contact_port", port.to_string())];
    let run = Run { scenario: "register", transport, calls: 1, rate: None, keys };
    let sipp = Sipp::start(&run, server.port, work.sub("register"));
    let outcome = sipp.finish(Duration::from_secs(15));
    assert_eq!((outcome.successful, outcome.failed), (1, 0), "{outcome:?}");
}
