//! Two baresip phones register with digest and call each other by their addresses of record
//! through the server, over UDP and over TCP; tshark judges every message the server sent.

use crate::support::baresip::Phone;
use crate::support::ports::Ports;
use crate::support::server::{Account, Kind, Server, Spec, Transport, alice, bob};
use crate::support::trace::Entry;
use crate::support::tshark::Capture;
use crate::support::{WorkDir, have};

#[test]
fn phones_register_and_call_each_other_over_udp() {
    converse("phones-udp", Kind::main(), Transport::Udp);
}

#[test]
fn phones_register_and_call_each_other_over_tcp() {
    converse("phones-tcp", Kind::main(), Transport::Tcp);
}

#[test]
fn phones_call_each_other_over_udp_through_the_c_example() {
    converse("phones-udp-c", Kind::CProxy, Transport::Udp);
}

#[test]
fn phones_call_each_other_over_tcp_through_the_c_example() {
    converse("phones-tcp-c", Kind::CProxy, Transport::Tcp);
}

#[test]
fn phones_call_each_other_through_the_c_example_under_memcheck() {
    converse("phones-udp-c-memcheck", Kind::CProxyChecked, Transport::Udp);
}

fn converse(test: &str, kind: Kind, transport: Transport) {
    if !have(test, &["baresip"]) || !kind.available(test) {
        return;
    }
    let work = WorkDir::new(test);
    let port = Ports::server();
    let (alice_ports, bob_ports) = (Phone::ports(), Phone::ports());
    let listeners = [alice_ports.at(0), bob_ports.at(0)];
    let capture = Capture::start(test, work.path(), port.at(0), &listeners);
    let mut server = Spec::new(kind, &port, work.sub("data")).start();

    let mut alice = join(&mut server, &work, &alice(), alice_ports, transport);
    let mut bob = join(&mut server, &work, &bob(), bob_ports, transport);
    call_and_hang_up(&server, &mut alice, &mut bob, HangsUp::Caller);
    call_and_hang_up(&server, &mut bob, &mut alice, HangsUp::Callee);
    call_and_give_up(&server, &mut alice, &mut bob);
    call_nobody(&server, &mut alice);
    for phone in [alice, bob] {
        leave(phone);
    }

    server.stop();
    if let Some(capture) = capture {
        let seen = capture.finish();
        // OPTIONS answered, REGISTER answered eight times, two whole calls, one given up, one 404.
        let least = 1 + 8 + 2 * 7 + 7 + 1;
        assert!(seen >= least, "tshark saw only {seen} of {least} messages");
    }
}

/// Starts a phone and sees it registered: challenged, then accepted.
fn join(
    server: &mut Server,
    work: &WorkDir,
    account: &Account,
    ports: Ports,
    transport: Transport,
) -> Phone {
    let mut phone = Phone::start(&work.sub(&account.user), account, ports, server.port, transport);
    let first = phone.next_message("REGISTER", |entry| entry.is_request("REGISTER"));
    assert_eq!(first.transport, transport.name());
    assert_eq!(first.header("authorization"), None);
    phone.next_message("401", |entry| entry.is_reply("REGISTER", 401));
    let proof = phone.next_message("REGISTER", |entry| entry.is_request("REGISTER"));
    assert!(proof.header("authorization").is_some_and(|value| value.starts_with("Digest ")));
    let accepted = phone.next_message("200", |entry| entry.is_reply("REGISTER", 200));
    let contact = accepted.header("contact").expect("the binding is in the 200");
    assert!(contact.contains(&format!("sip:{}", account.user)), "Contact: {contact}");
    assert!(contact.contains("expires="), "Contact: {contact}");
    server.expect_event("registered", &[&account.user, &format!("sip:{}", account.user)]);
    phone
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum HangsUp {
    Caller,
    Callee,
}

fn call_and_hang_up(server: &Server, caller: &mut Phone, callee: &mut Phone, who: HangsUp) {
    dial(server, caller, &callee.user);
    let invite = callee.next_message("INVITE", |entry| entry.is_request("INVITE"));
    assert_from_server(server, &invite);
    assert!(invite.header("record-route").is_some_and(|value| value.contains(";lr")));
    assert_eq!(invite.header("max-forwards"), Some("69"));
    callee.event("CALL_INCOMING");
    caller.next_message("180", |entry| entry.is_reply("INVITE", 180));
    callee.command("accept", "");
    let answer = caller.next_message("200 to INVITE", |entry| entry.is_reply("INVITE", 200));
    assert_from_server(server, &answer);
    caller.next_message("ACK sent", |entry| entry.is_request("ACK"));
    let ack = callee.next_message("ACK", |entry| entry.is_request("ACK"));
    assert_from_server(server, &ack);
    assert_eq!(ack.header("route"), None, "our own Route goes no further");
    caller.event("CALL_ESTABLISHED");
    callee.event("CALL_ESTABLISHED");

    let (first, second) = match who {
        HangsUp::Caller => (caller, callee),
        HangsUp::Callee => (callee, caller),
    };
    first.command("hangup", "");
    let bye = second.next_message("BYE", |entry| entry.is_request("BYE"));
    assert_from_server(server, &bye);
    let done = first.next_message("200 to BYE", |entry| entry.is_reply("BYE", 200));
    assert_from_server(server, &done);
    first.event("CALL_CLOSED");
    second.event("CALL_CLOSED");
}

/// The caller hangs up while it rings: CANCEL, 487, ACK.
fn call_and_give_up(server: &Server, caller: &mut Phone, callee: &mut Phone) {
    dial(server, caller, &callee.user);
    callee.event("CALL_INCOMING");
    caller.next_message("180", |entry| entry.is_reply("INVITE", 180));
    caller.command("hangup", "");
    // The callee may be quicker than the answer to the CANCEL.
    caller.next_replies(&[("CANCEL", 200), ("INVITE", 487)]);
    let cancel = callee.next_message("CANCEL", |entry| entry.is_request("CANCEL"));
    assert_from_server(server, &cancel);
    callee.next_message("ACK", |entry| entry.is_request("ACK"));
    callee.event("CALL_CLOSED");
    caller.event("CALL_CLOSED");
}

/// A callee that never registered: a final error, not silence.
fn call_nobody(server: &Server, caller: &mut Phone) {
    dial(server, caller, "carol");
    let refusal = caller.next_message("final error", |entry| {
        let status = entry.status().unwrap_or_default();
        entry.method == "INVITE" && status >= 400 && status != 407
    });
    assert!([404, 480].contains(&refusal.status().unwrap_or_default()), "{refusal:?}");
    caller.event("CALL_CLOSED");
}

/// Ends the phone, which takes its binding out.
fn leave(phone: Phone) {
    let user = phone.user.clone();
    let trace = phone.quit();
    let last = trace.iter().rev().find(|entry| entry.status().is_some()).expect("it was answered");
    assert!(last.is_reply("REGISTER", 200), "{user} left with {last:?}");
    assert_eq!(last.header("contact"), None, "{user}'s binding is gone");
}

fn dial(server: &Server, caller: &mut Phone, callee: &str) {
    caller.command("dial", &format!("sip:{callee}@{}", server.address()));
}

/// A phone's server speaks to it from its own port over UDP. Over TCP a connection that the server
/// opened comes from another port, so there the far end is only known not to be the other phone.
fn assert_from_server(server: &Server, entry: &Entry) {
    assert!(
        entry.transport == "TCP" || entry.from == server.address().to_string(),
        "{} came from {}, around the server",
        entry.start_line,
        entry.from
    );
}
