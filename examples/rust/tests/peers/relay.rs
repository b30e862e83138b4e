//! What the examples relay and for whom: those who proved to be one of ours, and what was led
//! through them. Everybody else gets a refusal whose reason the live line names, and nothing of
//! what a stranger sends reaches the address it was meant for.

use std::io::ErrorKind;
use std::net::UdpSocket;
use std::time::Duration;

use crate::support::WorkDir;
use crate::support::ports::Ports;
use crate::support::server::{Account, Kind, Server, Spec, Transport, alice, bob};
use crate::support::ua::{ANSWER, Ask, Reply, Ua};

const ALICE: &str = "<sip:alice@127.0.0.1>";
const EVE: &str = "<sip:eve@elsewhere.test>";

/// A server of ours and somebody elsewhere whom strangers would like to reach through it.
struct Scene {
    server: Server,
    elsewhere: UdpSocket,
    uri: String,
    _work: WorkDir,
    _port: Ports,
}

impl Scene {
    fn new(test: &str, kind: Kind) -> Option<Scene> {
        if !kind.available(test) {
            return None;
        }
        let (work, port) = (WorkDir::new(test), Ports::server());
        let server = Spec::new(kind, &port, work.sub("data")).start();
        let elsewhere = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let at = elsewhere.local_addr().expect("it is bound");
        Some(Scene { server, elsewhere, uri: format!("sip:x@{at}"), _work: work, _port: port })
    }

    fn ua(&self) -> Ua {
        Ua::connect(self.server.address(), Transport::Udp)
    }

    /// A request to elsewhere.
    fn ask<'a>(&'a self, from: &'a str, to: &'a str, headers: &'a str) -> Ask<'a> {
        Ask { method: "MESSAGE", uri: &self.uri, from, to, headers }
    }

    fn send(&self, ask: &Ask<'_>) -> Reply {
        self.ua().ask(ask, ANSWER).expect("an answer")
    }

    /// What has come elsewhere within `wait`.
    fn heard(&self, wait: Duration) -> Option<String> {
        self.elsewhere.set_read_timeout(Some(wait)).expect("a timeout above zero");
        let mut datagram = vec![0; 65_536];
        match self.elsewhere.recv(&mut datagram) {
            Ok(length) => Some(String::from_utf8_lossy(&datagram[..length]).into_owned()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            Err(error) => panic!("{error}"),
        }
    }

    /// It was answered with one of these codes, the live line says why, and nothing came elsewhere.
    #[track_caller]
    fn refused(&mut self, what: &str, reply: &Reply, expected: (u16, &str), from: &str) {
        assert_eq!((reply.code, reply.reason.as_str()), expected, "{what}");
        let code = expected.0.to_string();
        let from = from.trim_matches(['<', '>']);
        self.server.expect_event("rejected", &[from, &code, expected.1]);
        let heard = self.heard(Duration::from_millis(40));
        assert_eq!(heard, None, "{what} was relayed");
    }
}

const PROVE: (u16, &str) = (407, "Proxy Authentication Required");
const NOT_YOURS: (u16, &str) = (403, "Not Your Address");

#[test]
fn a_stranger_may_not_relay_through_the_rust_example() {
    strangers("relay-rust", Kind::RustProxy, (403, "Relaying Denied"), (404, "Not Here"));
}

#[test]
fn a_stranger_may_not_relay_through_the_c_example() {
    strangers("relay-c", Kind::CProxy, PROVE, (404, "Not Found"));
}

/// `denied`: the answer to who claims nothing; `lost`: to a dialog that was not led through here.
fn strangers(test: &str, kind: Kind, denied: (u16, &str), lost: (u16, &str)) {
    let Some(mut scene) = Scene::new(test, kind) else { return };
    let server = scene.server.address();

    for method in ["MESSAGE", "INVITE", "OPTIONS", "SUBSCRIBE", "REFER"] {
        let uri = scene.uri.clone();
        let ask = Ask { method, uri: &uri, from: EVE, to: "<sip:x@there.test>", headers: "" };
        let reply = scene.send(&ask);
        scene.refused(method, &reply, denied, EVE);
    }

    // As if it were within a dialog: without a Route, and with one that is not ours.
    let elsewhere = scene.elsewhere.local_addr().expect("it is bound");
    let forged = format!("Route: <sip:{elsewhere};lr>\r\n");
    for headers in ["", forged.as_str()] {
        let reply = scene.send(&scene.ask(EVE, "<sip:x@there.test>;tag=1", headers));
        scene.refused(&format!("a To tag and {headers:?}"), &reply, lost, EVE);
        let ack = Ask { method: "ACK", ..scene.ask(EVE, "<sip:x@there.test>;tag=1", headers) };
        scene.ua().tell(&ack).expect("loopback takes a datagram");
        assert_eq!(scene.heard(Duration::from_millis(100)), None, "an ACK with {headers:?}");
    }

    // A preloaded Route, of ours or not, makes nobody known.
    let ours = format!("Route: <sip:{server};lr>\r\n");
    for headers in [ours.clone(), forged.clone(), ours + &forged] {
        let reply = scene.send(&scene.ask(EVE, "<sip:x@there.test>", &headers));
        scene.refused(&format!("preloaded {headers:?}"), &reply, denied, EVE);
    }
    scene.server.stop();
}

#[test]
fn an_address_of_ours_must_be_proved_to_the_rust_example() {
    impostors("impostor-rust", Kind::RustProxy);
}

#[test]
fn an_address_of_ours_must_be_proved_to_the_c_example() {
    impostors("impostor-c", Kind::CProxy);
}

fn impostors(test: &str, kind: Kind) {
    let Some(mut scene) = Scene::new(test, kind) else { return };
    let to = "<sip:x@there.test>";

    let reply = scene.send(&scene.ask(ALICE, to, ""));
    scene.refused("no credentials", &reply, PROVE, ALICE);
    for guess in [Account::new("alice", "guess"), Account::new("mallory", "guess")] {
        let reply = scene.ua().prove(&scene.ask(ALICE, to, ""), &guess).expect("an answer");
        scene.refused("a wrong password", &reply, PROVE, ALICE);
    }
    scene.server.expect_event("refused", &["alice"]);

    // Another port, or a dot at the end of the name, makes no other name of it.
    for from in ["<sip:alice@127.0.0.1:1>", "<sips:ALICE@127.0.0.1>"] {
        let reply = scene.send(&scene.ask(from, to, ""));
        scene.refused("alice at another port", &reply, PROVE, from);
    }

    // Bob, with the right password, as alice: calling, and registering her.
    let reply = scene.ua().prove(&scene.ask(ALICE, to, ""), &bob()).expect("an answer");
    scene.refused("bob as alice", &reply, NOT_YOURS, ALICE);
    let realm = format!("sip:{}", scene.server.address());
    let headers = "Contact: <sip:bob@127.0.0.1:9>\r\n";
    let register = Ask { method: "REGISTER", uri: &realm, from: ALICE, to: ALICE, headers };
    let reply = scene.ua().prove(&register, &bob()).expect("an answer");
    scene.refused("bob registers alice", &reply, NOT_YOURS, ALICE);
    let bindings = scene.ua().register(&alice(), None).expect("an answer");
    assert_eq!((bindings.code, bindings.contacts().len()), (200, 0), "nothing was bound");

    // Alice herself is relayed, and her credentials stay here.
    let ask = scene.ask(ALICE, to, "");
    let mut ua = scene.ua();
    let (reply, heard) = std::thread::scope(|scope| {
        let asked = scope.spawn(|| ua.prove(&ask, &alice()).expect("an answer"));
        let heard = scene.heard(ANSWER).expect("it is relayed");
        scene.elsewhere.send_to(ok(&heard).as_bytes(), scene.server.address()).expect("it is sent");
        (asked.join().expect("her thread lives"), heard)
    });
    assert!(heard.starts_with(&format!("MESSAGE {} SIP/2.0\r\n", scene.uri)), "{heard}");
    assert!(!heard.contains("Authorization:"), "{heard}");
    assert_eq!(reply.code, 200);
    scene.server.stop();
}

/// The 200 to a request.
fn ok(request: &str) -> String {
    let kept = ["Via:", "From:", "To:", "Call-ID:", "CSeq:"];
    let lines = request.split("\r\n").filter(|line| kept.iter().any(|name| line.starts_with(name)));
    let lines: String = lines.map(|line| format!("{line}\r\n")).collect();
    format!("SIP/2.0 200 OK\r\n{lines}Content-Length: 0\r\n\r\n")
}

#[test]
fn a_cancel_of_nothing_is_refused_by_the_rust_example() {
    cancels("cancel-rust", Kind::RustProxy);
}

#[test]
fn a_cancel_of_nothing_is_refused_by_the_c_example() {
    cancels("cancel-c", Kind::CProxy);
}

/// RFC 3261 9.2: a CANCEL that matches no INVITE gets 481, whomever it names.
fn cancels(test: &str, kind: Kind) {
    let Some(mut scene) = Scene::new(test, kind) else { return };
    let uri = scene.uri.clone();
    for (uri, from) in [(uri.as_str(), EVE), ("sip:bob@127.0.0.1", ALICE)] {
        let reply = scene.send(&Ask { method: "CANCEL", uri, from, to: EVE, headers: "" });
        let expected = (481, "Call/Transaction Does Not Exist");
        scene.refused("a CANCEL", &reply, expected, from);
    }
    scene.server.stop();
}
