//! Names that nobody answers for: a look-up holds up its own call and no other, an answer needs
//! none, and at the end those that are still queued are dropped and their callers answered.

use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::support::ports::Ports;
use crate::support::server::{Kind, Server, Spec, Transport, alice};
use crate::support::time::Deadline;
use crate::support::ua::{ANSWER, Ask, Ua};
use crate::support::{WorkDir, have, skip};

/// How long one look-up takes, as `slow_names.c` has it.
const LOOKUP: Duration = Duration::from_secs(2);
/// What is answered without a look-up comes within a fraction of one.
const SOON: Duration = Duration::from_millis(1500);

/// The Rust example with a name server that is slow to say no; `None` where that cannot be.
fn start(test: &str) -> Option<(Server, WorkDir, Ports)> {
    if !cfg!(all(target_os = "linux", target_env = "gnu")) {
        skip(test, "it replaces a function of glibc");
        return None;
    }
    if !have(test, &["cc"]) || !Kind::RustProxy.available(test) {
        return None;
    }
    let work = WorkDir::new(test);
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/slow_names.c");
    let library = work.path().join("slow_names.so");
    let mut compile = Command::new("cc");
    compile.args(["-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-o"]).arg(&library);
    let compiled = compile.args([source, "-ldl"]).output().expect("cc was found before");
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    let port = Ports::server();
    let mut spec = Spec::new(Kind::RustProxy, &port, work.sub("data"));
    spec.preload = Some(PathBuf::from(&library));
    Some((spec.start(), work, port))
}

fn lookups(server: &mut Server) -> usize {
    server.process.lines().iter().filter(|line| line.starts_with("looked up ")).count()
}

fn to_a_name<'a>(method: &'a str, uri: &'a str) -> Ask<'a> {
    let (from, to) = ("<sip:alice@127.0.0.1>", "<sip:x@there.test>");
    Ask { method, uri, from, to, headers: "" }
}

#[test]
fn a_name_that_is_never_found_holds_up_its_own_call_only() {
    let Some((mut server, _work, _port)) = start("slow-name") else { return };
    let address = server.address();
    let call = std::thread::spawn(move || {
        let mut ua = Ua::connect(address, Transport::Udp);
        ua.prove(&to_a_name("MESSAGE", "sip:x@a.slow.test"), &alice()).expect("an answer")
    });
    server.process.expect_line("a look-up", ANSWER, |line| line == "looked up a.slow.test");
    // Meanwhile others are served, and the waiting one is not asked for again.
    let mut ua = Ua::connect(address, Transport::Udp);
    let before = Deadline::after(SOON);
    for _ in 0..20 {
        assert_eq!(ua.options(SOON).expect("an answer").code, 200);
    }
    assert_eq!(ua.register(&alice(), None).expect("an answer").code, 200);
    assert!(!before.passed(), "they waited for the name");
    // It is told that nobody could be found, not left to time out (RFC 3261 16.7: 503 becomes 500).
    let failed = call.join().expect("its thread lives").code;
    assert!([478, 500].contains(&failed), "{failed}");
    assert_eq!(lookups(&mut server), 1);
    server.stop();
}

#[test]
fn an_answer_needs_no_name() {
    let Some((mut server, _work, _port)) = start("via-name") else { return };
    let options = |via: &str| {
        let aor = "<sip:probe@127.0.0.1>";
        format!(
            "OPTIONS sip:{address} SIP/2.0\r\nVia: SIP/2.0/{via};branch=z9hG4bK{via_id}\r\n\
             Max-Forwards: 70\r\nFrom: {aor};tag=1\r\nTo: {aor}\r\nCall-ID: {via_id}\r\n\
             CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
            address = server.address(),
            via_id = via.replace(|c: char| !c.is_ascii_alphanumeric(), ""),
        )
    };
    // Datagrams go to where the request came from (RFC 3261 18.2.1), streams back the same way.
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    socket.set_read_timeout(Some(SOON)).expect("a timeout above zero");
    let port = socket.local_addr().expect("it is bound").port();
    let text = options(&format!("UDP phone.slow.test:{port}"));
    socket.send_to(text.as_bytes(), server.address()).expect("loopback takes a datagram");
    let mut bytes = [0; 2000];
    let length = socket.recv(&mut bytes).expect("it is answered at once");
    let reply = String::from_utf8_lossy(&bytes[..length]).into_owned();
    assert!(reply.starts_with("SIP/2.0 200 ") && reply.contains("received=127.0.0.1"), "{reply}");

    let mut stream = TcpStream::connect(server.address()).expect("it accepts");
    stream.set_read_timeout(Some(SOON)).expect("a timeout above zero");
    let text = options("TCP stream.slow.test:9");
    stream.write_all(text.as_bytes()).expect("the connection is open");
    let length = stream.read(&mut bytes).expect("it is answered at once");
    assert!(bytes[..length].starts_with(b"SIP/2.0 200 "));

    // An answer that is told to go to a name goes nowhere, and nobody waits for it.
    let text = options(&format!("UDP maddr.slow.test:{port};maddr=group.slow.test"));
    socket.send_to(text.as_bytes(), server.address()).expect("loopback takes a datagram");
    let mut ua = Ua::connect(server.address(), Transport::Udp);
    assert_eq!(ua.options(SOON).expect("an answer").code, 200);
    assert_eq!(lookups(&mut server), 0, "names were looked up for answers");
    server.stop();
}

#[test]
fn names_that_are_queued_at_the_end_are_dropped_and_their_callers_answered() {
    const CALLERS: usize = 15;
    let Some((mut server, _work, _port)) = start("queued-names") else { return };
    let address = server.address();
    let callers: Vec<_> = (0..CALLERS)
        .map(|n| {
            std::thread::spawn(move || {
                let uri = format!("sip:x@n{n}.slow.test");
                let mut ua = Ua::connect(address, Transport::Tcp);
                ua.prove_within(&to_a_name("INVITE", &uri), &alice(), Duration::from_secs(20))
            })
        })
        .collect();
    server.process.expect_line("a look-up", ANSWER, |line| line.starts_with("looked up "));
    // All are challenged and have come back when each has been heard of once.
    server.process.expect("all of them", ANSWER, |lines| {
        let challenged = lines.iter().filter(|line| line.contains(": 407 ")).count();
        (challenged == CALLERS).then_some(())
    });
    let time = Deadline::after(LOOKUP * CALLERS as u32 / 2);
    let lines = server.stop();
    assert!(!time.passed(), "it looked all names up first");
    let looked = lines.iter().filter(|line| line.starts_with("looked up ")).count();
    assert!(looked < CALLERS / 2 + 1, "{looked} look-ups");
    for caller in callers {
        let reply = caller.join().expect("its thread lives").expect("it is answered");
        assert!([500, 503].contains(&reply.code), "{reply:?}");
    }
}
