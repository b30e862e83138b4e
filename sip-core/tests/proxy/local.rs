//! Requests of our own (RFC 3261 8.1, 17.1.2, 22).

use std::sync::Arc;

use sip_core::auth::{Algorithm, Protection, Qop, ha1, ha2, respond};
use sip_core::lock::{Lock, Rank};
use sip_core::output::SendError;
use sip_core::proxy::ForkEvent;
use sip_core::uac::{Account, LocalError, LocalOutcome, LocalRequest};

use crate::support::{BOB, Sent, World, branch, ladder, list};

type Told = Arc<Lock<Vec<LocalOutcome>>>;

fn request() -> LocalRequest<'static> {
    LocalRequest {
        method: b"OPTIONS",
        uri: b"sip:bob@example.com",
        target: branch(BOB).target,
        from: b"<sip:us@example.com>",
        to: b"<sip:bob@example.com>",
        call_id: b"",
        cseq: 1,
        headers: b"X-Ours: yes\r\n",
        body: b"",
    }
}

fn send(w: &mut World, request: &LocalRequest<'_>, account: bool) -> (Vec<Sent>, Told) {
    let told: Told = Arc::new(Lock::new("told", Rank::HOST, Vec::new()));
    let noted = told.clone();
    let account = account.then(|| Account { user: (*b"us").into(), password: (*b"secret").into() });
    let done = Box::new(move |outcome| noted.lock().push(outcome));
    let (made, sent) = w.with(|p, cx| p.send_local(cx, request, account, Some(done)));
    w.txn = Some(made.expect("it is sent"));
    (sent, told)
}

/// Fetches the answer, if one is there.
fn fetch(w: &mut World) {
    let txn = w.txn.unwrap();
    assert_eq!(w.events.last(), Some(&ForkEvent::LocalDone { txn }));
    let (done, outcome) = w.with(|p, cx| p.take_local(cx, txn)).0.expect("it is there");
    done(outcome);
    assert!(w.with(|p, cx| p.take_local(cx, txn)).0.is_none(), "once");
}

#[test]
fn a_request_goes_out_whole_and_its_answer_comes_back_once() {
    let mut w = World::new(&[]);
    let (out, told) = send(&mut w, &request(), false);
    assert_eq!(ladder(&out), "OPTIONS@11");
    assert_eq!(out[0].line(), "OPTIONS sip:bob@example.com SIP/2.0");
    assert_eq!(out[0].header("CSeq"), Some("1 OPTIONS"));
    assert!(out[0].header("From").unwrap().starts_with("<sip:us@example.com>;tag="));
    assert_eq!(out[0].header("X-Ours"), Some("yes"));
    assert_eq!(w.stat("tmx", "UAC_transactions"), 1);
    // Lost at first: sent again (RFC 3261 17.1.2.2).
    assert_eq!(ladder(&w.advance(600)), "OPTIONS@11");
    assert!(w.recv(BOB, &out[0].answer(100)).is_empty());
    assert!(w.recv(BOB, &out[0].answer(200)).is_empty());
    fetch(&mut w);
    assert!(w.recv(BOB, &out[0].answer(200)).is_empty());
    w.drain();
    let told = told.lock();
    let codes: Vec<u16> = told.iter().map(|o| o.code).collect();
    assert_eq!(codes, [200]);
    assert_eq!(told[0].response.as_ref().and_then(|r| r.status()), Some(200));
    assert_eq!(w.stat("tmx", "2xx_transactions"), 1);
}

/// RFC 3261 8.1.3.1: a timeout counts as 408, a failure to send as 503.
#[test]
fn silence_and_failure_are_answers_too() {
    let mut w = World::new(&[]);
    let (_, told) = send(&mut w, &request(), false);
    w.advance(31_000);
    fetch(&mut w);
    let (out, lost) = send(&mut w, &request(), false);
    w.fail(&out[0], SendError::Unreachable);
    fetch(&mut w);
    w.drain();
    for (told, code) in [(told, 408), (lost, 503)] {
        let told = told.lock();
        assert_eq!((told.len(), told[0].code, told[0].response.is_none()), (1, code, true));
    }
}

fn challenge(algorithm: &str, qop: &str) -> String {
    let qop = if qop.is_empty() { String::new() } else { format!(", qop=\"{qop}\"") };
    format!(
        "WWW-Authenticate: Digest realm=\"there\", nonce=\"n0nce\", opaque=\"op\", \
         algorithm={algorithm}{qop}\r\n"
    )
}

/// The value of a parameter of the Authorization.
fn param<'a>(sent: &'a Sent, name: &str) -> &'a str {
    let value = sent.header("Authorization").expect("credentials");
    let at = value.find(&format!("{name}=")).expect("the parameter") + name.len() + 1;
    value[at..].trim_start_matches('"').split(['"', ',']).next().unwrap()
}

/// RFC 3261 22.2, RFC 7616 3.4, RFC 8760 2.
#[test]
fn a_challenge_is_answered_once_with_the_same_request_and_a_higher_cseq() {
    for (algorithm, known) in [
        ("MD5", Algorithm::Md5),
        ("SHA-256", Algorithm::Sha256),
        ("SHA-512-256", Algorithm::Sha512_256),
    ] {
        for qop in ["auth", "auth-int", "auth,auth-int", ""] {
            let mut w = World::new(&[]);
            let request = LocalRequest { body: b"hello", ..request() };
            let (out, told) = send(&mut w, &request, true);
            let again = w.recv(BOB, &out[0].answer_with(401, "", &challenge(algorithm, qop)));
            assert_eq!(ladder(&again), "OPTIONS@11");
            assert_eq!(again[0].header("CSeq"), Some("2 OPTIONS"));
            for same in ["From", "To", "Call-ID", "X-Ours"] {
                assert_eq!(again[0].header(same), out[0].header(same), "{same}");
            }
            assert_ne!(again[0].header("Via"), out[0].header("Via"));
            let used = match qop {
                "" => None,
                "auth-int" => Some(Qop::AuthInt),
                _ => Some(Qop::Auth),
            };
            let protection = used.map(|qop| Protection {
                qop,
                nc: b"00000001",
                cnonce: param(&again[0], "cnonce").as_bytes(),
            });
            let a1 = ha1(known, b"us", b"there", b"secret");
            let a2 = ha2(known, used, b"OPTIONS", b"sip:bob@example.com", b"hello");
            let expected = respond(known, &a1, b"n0nce", protection, &a2).to_string();
            assert_eq!(param(&again[0], "response"), expected, "{algorithm} {qop}");
            assert_eq!((param(&again[0], "opaque"), param(&again[0], "username")), ("op", "us"));
            assert!(told.lock().is_empty());
            // A second challenge is the answer.
            let end = w.recv(BOB, &again[0].answer_with(401, "", &challenge(algorithm, qop)));
            assert!(end.is_empty());
            fetch(&mut w);
            assert_eq!(told.lock()[0].code, 401);
            w.drain();
        }
    }
}

#[test]
fn a_challenge_that_cannot_be_answered_is_the_answer() {
    for (account, extra) in [
        (false, challenge("MD5", "auth")),
        (true, challenge("SHA-3", "auth")),
        (true, challenge("MD5", "new")),
        (true, "WWW-Authenticate: Basic realm=\"x\"\r\n".into()),
        (true, String::new()),
    ] {
        let mut w = World::new(&[]);
        let (out, told) = send(&mut w, &request(), account);
        assert!(w.recv(BOB, &out[0].answer_with(401, "", &extra)).is_empty(), "{extra}");
        fetch(&mut w);
        assert_eq!(told.lock()[0].code, 401);
        w.drain();
    }
    // Of two, the one that is known; a proxy's with a proxy's header.
    let mut w = World::new(&[]);
    let (out, _) = send(&mut w, &request(), true);
    let both = challenge("SHA-3", "auth") + &challenge("MD5", "auth");
    let both = both.replace("WWW-", "Proxy-");
    let again = w.recv(BOB, &out[0].answer_with(407, "", &both));
    assert!(again[0].header("Proxy-Authorization").unwrap().contains("algorithm=MD5"));
}

#[test]
fn what_would_break_the_message_or_needs_a_dialog_is_refused() {
    let mut w = World::new(&[]);
    let mut refused = |request: LocalRequest<'_>| {
        let (made, sent) = w.with(|p, cx| p.send_local(cx, &request, None, None));
        assert_eq!(list(&sent), "");
        made.expect_err("it is refused")
    };
    for method in [&b"INVITE"[..], b"ACK", b"CANCEL", b"", b"A B", b"X\r\nY"] {
        assert_eq!(refused(LocalRequest { method, ..request() }), LocalError::Method);
    }
    for broken in [
        LocalRequest { uri: b"sip:a b", ..request() },
        LocalRequest { from: b"", ..request() },
        LocalRequest { to: b"x\r\nEvil: yes", ..request() },
        LocalRequest { headers: b"X: y", ..request() },
        LocalRequest { headers: b"X: y\r\n\r\nbody\r\n", ..request() },
        LocalRequest { call_id: b"a b", ..request() },
    ] {
        assert_eq!(refused(broken), LocalError::Malformed, "{broken:?}");
    }
    let v6 = LocalRequest { target: branch("[2001:db8::1]:5060").target, ..request() };
    assert_eq!(refused(v6), LocalError::NoListener);
    w.proxy.params().max_transactions.set(0);
    let (made, _) = w.with(|p, cx| p.send_local(cx, &request(), None, None));
    assert_eq!(made, Err(LocalError::Full));
    w.drain();
}
