//! sipsak and a hand-made user agent ask the server: OPTIONS, REGISTER, wrong passwords.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::support::ports::Ports;
use crate::support::process::Process;
use crate::support::server::{Account, Kind, Server, Spec, Transport, alice};
use crate::support::ua::Ua;
use crate::support::{WorkDir, have};

#[test]
fn sipsak_finds_the_server_and_registers() {
    let test = "sipsak";
    let kind = Kind::main();
    if !have(test, &["sipsak"]) || !kind.available(test) {
        return;
    }
    let work = WorkDir::new(test);
    let port = Ports::server();
    let mut server = Spec::new(kind, &port, work.sub("data")).start();

    let (code, said) = sipsak(work.path(), &server, "options", &["-vv"], "");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("SIP/2.0 200"), "{said}");

    let (code, said) = sipsak(work.path(), &server, "register", &register("secret-a"), "alice@");
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(bindings(&server), ["sip:alice@127.0.0.1:9999"]);
    server.expect_event("registered", &["alice@", "-> sip:alice@127.0.0.1:9999"]);

    let (code, said) = sipsak(work.path(), &server, "wrong", &register("wrong"), "alice@");
    assert_ne!(code, Some(0), "{said}");
    assert!(said.contains("SIP/2.0 401 ") || said.contains("SIP/2.0 403 "), "{said}");
    assert_eq!(bindings(&server), ["sip:alice@127.0.0.1:9999"], "a stranger changed nothing");
    server.stop();
}

#[test]
fn a_wrong_password_is_refused_with_a_reason_and_an_event_over_udp() {
    refuse("refuse-udp", Transport::Udp);
}

#[test]
fn a_wrong_password_is_refused_with_a_reason_and_an_event_over_tcp() {
    refuse("refuse-tcp", Transport::Tcp);
}

fn refuse(test: &str, transport: Transport) {
    let kind = Kind::main();
    if !kind.available(test) {
        return;
    }
    let work = WorkDir::new(test);
    let port = Ports::server();
    let mut server = Spec::new(kind, &port, work.sub("data")).start();
    let strangers =
        [Account::new("alice", "guess"), Account::new("mallory", "guess"), Account::new("bob", "")];
    for account in strangers {
        let mut ua = Ua::connect(server.address(), transport);
        let contact = format!("sip:{}@{}", account.user, ua.local());
        let reply = ua.register(&account, Some((&contact, 60))).expect("an answer");
        assert!([401, 403].contains(&reply.code), "{}: {reply:?}", account.user);
        assert!(!reply.reason.is_empty());
        assert!(reply.contacts().is_empty(), "{reply:?}");
        server.expect_event("rejected", &[&account.user, &reply.code.to_string()]);
    }
    let mut ua = Ua::connect(server.address(), transport);
    let contact = format!("sip:alice@{}{}", ua.local(), transport.uri_parameter());
    let reply = ua.register(&alice(), Some((&contact, 60))).expect("an answer");
    assert_eq!((reply.code, reply.contacts()), (200, vec![contact.clone()]), "the right password");
    let reply = ua.register(&alice(), Some((&contact, 0))).expect("an answer");
    assert_eq!((reply.code, reply.contacts().len()), (200, 0), "and out again");
    server.stop();
}

fn register(password: &str) -> Vec<&str> {
    vec![
        "-vv",
        "-i",
        "-U",
        "-C",
        "sip:alice@127.0.0.1:9999",
        "-x",
        "60",
        "-u",
        "alice",
        "-a",
        password,
    ]
}

fn sipsak(
    dir: &Path,
    server: &Server,
    name: &str,
    options: &[&str],
    user: &str,
) -> (Option<i32>, String) {
    let mut command = Command::new("sipsak");
    command.args(options).arg("-s").arg(format!("sip:{user}{}", server.address()));
    let mut process = Process::spawn("sipsak", &mut command, dir.join(name));
    let status = process.wait_end(Duration::from_secs(15));
    (status.code(), process.lines().join("\n"))
}

/// Alice's contacts as the server tells them.
fn bindings(server: &Server) -> Vec<String> {
    let mut ua = Ua::connect(server.address(), Transport::Udp);
    let reply = ua.register(&alice(), None).expect("an answer");
    assert_eq!(reply.code, 200, "{reply:?}");
    reply.contacts()
}
