//! Too much, too large, or nothing that makes sense: each gets its answer or is counted, and the
//! engine goes on.

mod kit;

use kit::{DOMAIN, Phone, Served, Told, usual_builder};
use looseroute::core::net::Proto;
use looseroute::prelude::*;

const PHONE: &str = "10.0.0.2:5062";

fn told() -> Told {
    let t = Told::new(usual_builder());
    t.add("bob", "sip:bob@10.0.0.3:5060");
    t
}

#[test]
fn transactions_beyond_the_limit_get_a_503_and_are_welcome_later() {
    let t = told();
    t.engine.modparam("tm", "max_transactions", 2).expect("it may be set at run time");
    for method in ["OPTIONS", "MESSAGE"] {
        t.say(PHONE, &Told::request(PHONE, method, "bob"));
        assert_eq!(t.sent_one("10.0.0.3:5060").method(), method);
    }
    for method in ["INVITE", "OPTIONS"] {
        t.say(PHONE, &Told::request(PHONE, method, "bob"));
        let refused = t.sent_one(PHONE);
        assert_eq!((refused.code(), refused.header("Retry-After")), (503, "10"), "{method}");
    }
    assert_eq!(t.engine.live(), (0, 2, 0));
    // What needs no transaction is served all the same.
    t.say(PHONE, &Told::request(PHONE, "OPTIONS", "nobody"));
    assert_eq!(t.sent_one(PHONE).code(), 404);
    t.settle();
    t.say(PHONE, &Told::request(PHONE, "INVITE", "bob"));
    let sent = t.sent();
    assert_eq!(sent.last().map(|(_, m)| m.method()), Some("INVITE"), "{sent:?}");
}

#[test]
fn a_waiting_call_needs_a_transaction_as_well() {
    let t = Told::new(usual_builder().modparam("tm", "max_transactions", 1).request_route(
        |call: Call| async move {
            call.pause(std::time::Duration::from_secs(1)).await?;
            Ok(call.reply(200, "OK").await?)
        },
    ));
    t.say(PHONE, &Told::request(PHONE, "OPTIONS", "bob"));
    assert!(t.sent().is_empty());
    t.say(PHONE, &Told::request(PHONE, "OPTIONS", "bob"));
    assert_eq!(t.sent_one(PHONE).code(), 503);
    t.pass(1100);
    assert_eq!(t.sent_one(PHONE).code(), 200);
    t.settle();
}

#[test]
fn a_datagram_as_large_as_they_come_is_relayed() {
    let served = Served::usual(&["udp:127.0.0.1:0", "tcp:127.0.0.1:0"]);
    let (alice, bob) = (Phone::udp("alice", served.udp()), Phone::tcp("bob", served.tcp()));
    bob.register();
    let mut message = alice.request("MESSAGE", &format!("sip:bob@{DOMAIN}"));
    // 65,507 bytes are the most that UDP over IPv4 carries.
    message.body = "x".repeat(65_507 - message.text().len() - "60000".len() + 1);
    assert_eq!(message.text().len(), 65_507);
    alice.say(&message);
    let heard = bob.hear_request("MESSAGE");
    assert!(heard.body == message.body, "{} bytes came", heard.body.len());
    bob.send(heard.answer(200, "OK", &[]));
    assert_eq!(alice.hear_code(200).of(), "MESSAGE");
}

#[test]
fn a_message_too_large_for_a_datagram_is_refused_towards_the_caller() {
    let served = Served::usual(&["udp:127.0.0.1:0", "tcp:127.0.0.1:0"]);
    let (alice, bob) = (Phone::tcp("alice", served.tcp()), Phone::udp("bob", served.udp()));
    bob.register();
    let mut message = alice.request("MESSAGE", &format!("sip:bob@{DOMAIN}"));
    message.body = "x".repeat(65_500 - message.text().len() - "6000".len());
    assert_eq!(message.text().len(), 65_500);
    alice.say(&message);
    // Our Via makes it longer than any datagram: the send fails, which counts as a 503.
    let answer = alice.hear();
    assert_eq!((answer.code(), answer.of()), (500, "MESSAGE"));
    bob.hears_nothing();
    let longer = Phone::tcp("carol", served.tcp());
    message.body = "x".repeat(70_000);
    longer.say(&message);
    let refused = longer.hear();
    assert_eq!(refused.code(), 513, "longer than msg_recv_max_size");
    assert!(longer.is_closed());
}

#[test]
fn garbage_is_counted_and_the_engine_goes_on() {
    let t = told();
    let mut noise = 0x9e37_79b9_7f4a_7c15_u64;
    let mut datagrams = 0;
    for length in [0usize, 1, 2, 3, 7, 64, 500, 1500, 9000, 60_000] {
        for _ in 0..20 {
            let bytes: Vec<u8> = (0..length)
                .map(|_| {
                    noise ^= noise << 13;
                    noise ^= noise >> 7;
                    noise ^= noise << 17;
                    noise as u8
                })
                .collect();
            let fed = t.engine.handle_input(
                t.now(),
                Proto::Udp,
                bytes.into(),
                kit::addr(PHONE),
                kit::addr(Told::HERE),
            );
            fed.expect("the engine listens there");
            datagrams += 1;
        }
    }
    assert!(t.sent().is_empty(), "noise is not answered");
    assert_eq!(t.statistic("core", "bad_msg"), datagrams);
    t.say(PHONE, &Told::request(PHONE, "OPTIONS", "nobody"));
    assert_eq!(t.sent_one(PHONE).code(), 404);
    assert_eq!(t.engine.live(), (0, 0, 0));
}

#[test]
fn every_way_to_cut_a_request_short_is_survived() {
    let t = told();
    let text = Told::request(PHONE, "INVITE", "bob").with("Contact: <sip:alice@10.0.0.2>").text();
    for length in 0..text.len() - 2 {
        t.feed(PHONE, &text[..length]);
        for (to, msg) in t.sent() {
            assert_eq!(to, kit::addr(PHONE));
            assert!((400..500).contains(&msg.code()), "cut at {length}: {msg:?}");
        }
    }
    assert_eq!(t.engine.live(), (0, 0, 0));
}

/// What a broken request is answered.
#[track_caller]
fn answered(t: &Told, text: &str) -> String {
    t.feed(PHONE, text);
    let sent = t.sent();
    match &sent[..] {
        [] => "nothing".into(),
        [(to, msg)] => {
            assert_eq!(*to, kit::addr(PHONE));
            msg.start.clone()
        }
        more => panic!("{more:?}"),
    }
}

#[test]
fn requests_that_cannot_be_read_are_answered_when_they_can_be_answered() {
    let t = told();
    let good = |method| Told::request(PHONE, method, "bob").text();
    let options = good("OPTIONS");
    let cases = [
        (options.replace("SIP/2.0\r\nVia", "SIP/7.0\r\nVia"), "505 Version Not Supported"),
        (
            options.replace("Content-Length: 0", "Content-Length: 10"),
            "400 Content-Length Beyond Message",
        ),
        (options.replace("sip:bob@lr.test SIP", "sip:bob@[::: SIP"), "400 Bad Request-URI"),
        (options.replace("1 OPTIONS", "1 INVITE"), "400 Bad CSeq"),
        (options.replace("Content-Length: 0\r\n", "broken line\r\n"), "400 Bad Header Name"),
    ];
    for (text, expected) in cases {
        assert_ne!(text, options);
        assert_eq!(answered(&t, &text), format!("SIP/2.0 {expected}"));
    }
    assert_eq!(
        answered(&t, &options.replace("Call-ID: ", "Call-Id-: ")),
        "SIP/2.0 400 Missing Call-ID"
    );
    // No answer without a Via to send it by, and none to an ACK or a response.
    assert_eq!(answered(&t, &options.replace("Via: ", "Viaa: ")), "nothing");
    assert_eq!(answered(&t, &good("ACK").replace("CSeq: 1", "CSeq: x")), "nothing");
    assert_eq!(answered(&t, "SIP/2.0 200 OK\r\nVia: nonsense\r\n\r\n"), "nothing");
    assert_eq!(t.engine.live(), (0, 0, 0));
}

#[test]
fn a_broken_stream_is_answered_before_it_is_closed() {
    let served = Served::usual(&["tcp:127.0.0.1:0"]);
    let phone = Phone::tcp("alice", served.tcp());
    let text = phone.request("OPTIONS", "sip:bob@lr.test").text();
    phone.send(text.replace("Content-Length: 0\r\n", ""));
    assert_eq!(phone.hear().code(), 400, "a stream needs the length (RFC 3261 18.3)");
    assert!(phone.is_closed());
    assert_eq!(served.engine.statistic("core", "bad_msg"), Some(1));
}

#[test]
fn a_request_that_has_used_its_hops_up_is_not_relayed_even_by_a_careless_route() {
    let t = Told::new(usual_builder().request_route(|call: Call| async move {
        call.set_request_uri("sip:bob@10.0.0.3");
        Ok(call.relay().await?)
    }));
    let mut req = Told::request(PHONE, "OPTIONS", "bob");
    req.max_forwards = 0;
    t.say(PHONE, &req);
    assert_eq!(t.sent_one(PHONE).code(), 483);
    let asks = Told::request(PHONE, "OPTIONS", "bob").with("Proxy-Require: teleport");
    t.say(PHONE, &asks);
    let refused = t.sent_one(PHONE);
    assert_eq!((refused.code(), refused.header("Unsupported")), (420, "teleport"));
    t.settle();
}
