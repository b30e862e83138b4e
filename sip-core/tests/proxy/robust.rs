//! Load, limits and garbage.

use sip_core::proxy::{DropCause, Handled};
use sip_core::rng::{Rng, SeededRng};
use sip_core::txn::TxnId;
use sip_core::uas::{Reply, ReplyError};
use sip_parser::Message;

use crate::support::{BOB, CALLER, World, ladder, list, request, request_with, udp};

#[test]
fn beyond_the_limit_new_transactions_are_refused_and_old_ones_go_on() {
    let mut w = World::new(&[BOB]);
    w.proxy.params().max_transactions.set(1);
    let out = w.recv(CALLER, &request("OPTIONS", "o1"));
    assert_eq!(list(&w.recv(CALLER, &request("OPTIONS", "o2"))), "503");
    assert_eq!(w.stat("tmx", "refused_transactions"), 1);
    assert_eq!(list(&w.recv(BOB, &out[0].answer(200))), "200");
    w.drain();
    assert_eq!(list(&w.recv(CALLER, &request("OPTIONS", "o3"))), "OPTIONS");
}

#[test]
fn a_thousand_transactions_come_and_go_in_the_same_storage() {
    let mut w = World::new(&[BOB]);
    for round in 0..3 {
        let mut out = Vec::new();
        for i in 0..1000 {
            out.extend(w.recv(CALLER, &request("OPTIONS", &format!("r{round}x{i}"))));
        }
        assert_eq!(w.proxy.live(), 1000);
        for sent in &out {
            let up = w.recv(BOB, &sent.answer(200));
            assert_eq!(list(&up), "200");
            assert_eq!(up[0].header("Call-ID"), sent.header("Call-ID"));
        }
        assert!(w.drain().is_empty());
    }
    assert_eq!(w.stat("tmx", "UAS_transactions"), 3000);
    assert_eq!(w.stat("tmx", "2xx_transactions"), 3000);
    assert_eq!(w.stat("tmx", "stray_events"), 0);
}

/// An old id, an old branch or one that was guessed finds nothing.
#[test]
fn what_is_gone_stays_gone_when_its_slot_is_used_again() {
    let mut w = World::new(&[BOB]);
    let mut first: Option<(TxnId, String)> = None;
    for i in 0..2000 {
        let out = w.recv(CALLER, &request("OPTIONS", &format!("b{i}")));
        let answer = out[0].answer(404);
        w.recv(BOB, &answer);
        let (old, late) = first.get_or_insert((w.txn.unwrap(), answer)).clone();
        if i > 0 {
            assert!(w.recv(BOB, &late).is_empty());
            assert_eq!(w.with(|p, cx| p.reply(cx, old, &Reply::new(200))).0, Err(ReplyError::Gone));
            assert_eq!(w.proxy.request(old), None);
        }
        w.drain();
    }
}

#[test]
fn a_guessed_branch_finds_nothing() {
    let mut w = World::new(&[BOB]);
    let out = w.recv(CALLER, &request("INVITE", "i1"));
    let answer = out[1].answer(486);
    let at = answer.find("z9hG4bKt").unwrap() + 8 + 14;
    for index in [at, at + 5, at + 13] {
        let mut forged = answer.clone().into_bytes();
        forged[index] = if forged[index] == b'0' { b'1' } else { b'0' };
        let msg = Message::parse(forged.into()).unwrap();
        let (handled, sent) = w.with(|p, cx| p.handle_response(cx, &udp(BOB), &msg));
        assert_eq!(handled, Handled::Dropped(DropCause::Stray));
        assert!(sent.is_empty());
    }
    assert_eq!(ladder(&w.recv(BOB, &answer)), "ACK@11 486@1");
}

/// Messages with bytes changed, put in and left out: whatever they are taken for, what the proxy
/// sends can be read (checked for each), it never panics, and forgets everything in the end.
#[test]
fn broken_messages_do_no_harm() {
    let mut rng = SeededRng::new(7);
    let mut w = World::new(&[BOB]);
    w.strict = false;
    for i in 0..3000 {
        let method = ["INVITE", "ACK", "CANCEL", "OPTIONS", "BYE"][rng.below(5) as usize];
        let out = w.recv(CALLER, &request("INVITE", &format!("m{i}")));
        // A broken message of the last round may have been the INVITE of this one.
        let Some(invite) = out.iter().find(|s| s.what() == "INVITE") else { continue };
        let good = match rng.below(3) {
            0 => invite.answer(100 + rng.below(600) as u16),
            _ => request_with(method, &format!("m{}", i + rng.below(2)), "Route: <sip:a;lr>\r\n"),
        };
        let mut bytes = good.into_bytes();
        for _ in 0..1 + rng.below(4) {
            let at = rng.below(bytes.len() as u64) as usize;
            match rng.below(3) {
                0 => bytes[at] = rng.next_u64() as u8,
                1 => _ = bytes.remove(at),
                _ => bytes.insert(at, b":;,<>\"\r\n =@[]"[rng.below(13) as usize]),
            }
        }
        if let Ok(msg) = Message::parse(bytes.into()) {
            w.take_in(udp(CALLER), &msg);
        }
        if i % 100 == 0 {
            w.advance(1000);
        }
    }
    w.drain();
}

/// RFC 3261 17.1.3: an answer under another method is none.
#[test]
fn an_answer_must_have_the_method_of_its_request() {
    let mut w = World::new(&[BOB]);
    let out = w.recv(CALLER, &request("INVITE", "i1"));
    let other = out[1].answer(200).replace("CSeq: 1 INVITE", "CSeq: 1 BYE");
    assert!(w.recv(BOB, &other).is_empty());
    assert_eq!(w.proxy.final_code(w.txn.unwrap()), Some(0));
}

#[test]
fn a_reply_cannot_break_the_message() {
    let mut w = World::new(&[]);
    w.recv(CALLER, &request("INVITE", "i1"));
    let txn = w.txn.unwrap();
    let bad = [
        Reply::new(99),
        Reply::new(700),
        Reply::with_reason(200, b"OK\r\nEvil: 1"),
        Reply::new(200).headers(b"X: 1"),
        Reply::new(200).headers(b"X: 1\r\n\r\nbody\r\n"),
        Reply::new(200).body(b"text/plain\r\n", b"x"),
    ];
    for reply in bad {
        assert_eq!(w.with(|p, cx| p.reply(cx, txn, &reply)).0, Err(ReplyError::Malformed));
    }
    let good = Reply::new(200).headers(b"X: 1\r\n").body(b"text/plain", b"hello");
    let (_, sent) = w.with(|p, cx| p.reply(cx, txn, &good));
    assert!(
        sent[0]
            .text
            .ends_with("X: 1\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello")
    );
    assert_eq!(w.with(|p, cx| p.reply(cx, txn, &good)).0, Err(ReplyError::Answered));
}

#[test]
fn two_methods_without_a_name_here_are_told_apart() {
    let mut w = World::new(&[BOB]);
    assert_eq!(list(&w.recv(CALLER, &request("FOO", "x1"))), "FOO");
    assert!(w.recv(CALLER, &request("FOO", "x1")).is_empty());
    assert_eq!(list(&w.recv(CALLER, &request("FOOBAR", "x1"))), "FOOBAR");
    assert_eq!(w.stat("core", "unsupported_methods"), 3);
}

#[test]
fn our_answers_carry_the_server_header_when_there_is_one() {
    let mut w = World::new(&[BOB]);
    std::sync::Arc::get_mut(&mut w.proxy).unwrap().set_server_header("Server: looseroute\r\n");
    let out = w.recv(CALLER, &request("INVITE", "i1"));
    assert_eq!(out[0].header("Server"), Some("looseroute"));
    assert_eq!(out[1].header("Server"), None);
}
