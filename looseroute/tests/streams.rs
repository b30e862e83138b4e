//! Transports, from datagram to connection and from one address family to the other: how answers
//! find their way back, and what may go wrong on a stream.

mod kit;

use kit::{DOMAIN, Msg, Phone, PhoneListener, Served, until, usual_builder};
use looseroute::core::time::Duration;
use looseroute::prelude::*;
use parking_lot::Mutex;

const V4: &[&str] = &["127.0.0.1:0"];
const V6: &[&str] = &["[::1]:0"];

/// Calls, talks both ways within the dialog, and hangs up; the callee's INVITE and the caller's
/// 200, for what the test wants to see of them.
#[track_caller]
fn call_through(caller: &Phone, callee: &Phone) -> (Msg, Msg) {
    let invite = caller.invite(&callee.user);
    caller.say(&invite);
    let heard = callee.hear_request("INVITE");
    callee.send(heard.answer(180, "Ringing", &[]));
    caller.hear_code(180);
    callee.send(heard.answer(200, "OK", &[&format!("Contact: <{}>", callee.uri())]));
    let ok = caller.hear_code(200);
    caller.say(&invite.within("ACK", &ok));
    let ack = callee.hear_request("ACK");
    assert_eq!((ack.uri(), ack.all("Route").len()), (callee.uri().as_str(), 0), "{ack:?}");

    // The caller talks to the callee ...
    caller.say(&invite.within("INFO", &ok));
    let info = callee.hear_request("INFO");
    callee.send(info.answer(200, "OK", &[]));
    assert_eq!(caller.hear_code(200).of(), "INFO");

    // ... and the callee hangs up: by the Record-Routes in the order they came (RFC 3261 12.1.1).
    let mut bye = callee.request("BYE", &caller.uri());
    bye.from = ok.header("To").into();
    bye.to = heard.header("From").into();
    bye.call_id = heard.header("Call-ID").into();
    bye.more = heard.all("Record-Route").iter().map(|r| format!("Route: {r}")).collect();
    callee.say(&bye);
    let hung_up = caller.hear_request("BYE");
    assert_eq!((hung_up.uri(), hung_up.all("Route").len()), (caller.uri().as_str(), 0));
    caller.send(hung_up.answer(200, "OK", &[]));
    assert_eq!(callee.hear_code(200).of(), "BYE");
    (heard, ok)
}

#[test]
fn calls_go_from_datagrams_to_datagrams_over_both_families() {
    for listen in [V4, V6] {
        let served = Served::usual(listen);
        let (alice, bob) = (Phone::udp("alice", served.udp()), Phone::udp("bob", served.udp()));
        bob.register();
        let (invite, _) = call_through(&alice, &bob);
        assert_eq!(invite.all("Record-Route").len(), 1, "one listener, one value");
        assert_eq!(
            invite.header("Via").split(';').next(),
            Some(&*format!("SIP/2.0/UDP {}", served.udp()))
        );
    }
}

#[test]
fn calls_go_from_datagrams_to_connections_and_back_with_two_record_routes() {
    for listen in [V4, V6] {
        let served = Served::usual(listen);
        let (udp, tcp) = (served.udp(), served.tcp());
        let (alice, bob) = (Phone::udp("alice", udp), Phone::tcp("bob", tcp));
        alice.register();
        bob.register();
        let (invite, ok) = call_through(&alice, &bob);
        // Outgoing side first, each with its transport, marked as a pair.
        let routes = invite.all("Record-Route");
        assert_eq!(routes.len(), 2, "{routes:?}");
        assert!(routes[0].contains(&format!("sip:{tcp};transport=tcp")), "{routes:?}");
        assert!(routes[1].contains(&format!("sip:{udp}")) && !routes[1].contains("transport=tcp"));
        assert!(routes.iter().all(|r| r.contains("r2=on") && r.contains(";lr")), "{routes:?}");
        assert_eq!(ok.all("Record-Route"), routes);
        let (invite, _) = call_through(&bob, &alice);
        assert!(invite.header("Via").starts_with("SIP/2.0/UDP "), "{invite:?}");
        assert_eq!(served.engine.statistic("tcp", "connect_success"), Some(0));
    }
}

#[test]
fn calls_go_from_one_address_family_to_the_other() {
    let served = Served::usual(&["udp:127.0.0.1:0", "tcp:[::1]:0"]);
    let (alice, bob) = (Phone::udp("alice", served.udp()), Phone::tcp("bob", served.tcp()));
    alice.register();
    bob.register();
    let (invite, _) = call_through(&alice, &bob);
    assert_eq!(invite.all("Record-Route").len(), 2);
    assert!(invite.all("Record-Route")[0].contains("[::1]"));
    call_through(&bob, &alice);
}

#[test]
fn answers_go_to_where_the_request_came_from_when_it_asks_for_rport() {
    let served = Served::usual(V4);
    let phone = Phone::udp("alice", served.udp());
    // It believes to be somewhere else, as a phone behind a NAT does (RFC 3581).
    let mut req = phone.request("OPTIONS", "sip:nobody@lr.test");
    req.via = "UDP 192.0.2.7:5999".into();
    phone.say(&req);
    let via = phone.hear_code(404).header("Via").to_owned();
    assert!(via.contains(&format!(";rport={}", phone.addr.port())), "{via}");
    assert!(via.contains(";received=127.0.0.1"), "{via}");

    // Without rport the answer goes to the source address and the port of the Via (18.2.2).
    let there = Phone::udp("alice", served.udp());
    let mut req = phone.request("OPTIONS", "sip:nobody@lr.test");
    req.via = format!("UDP localhost:{}", there.addr.port());
    phone.send(req.text().replace(";rport", ""));
    let via = there.hear_code(404).header("Via").to_owned();
    assert!(via.contains(";received=127.0.0.1") && !via.contains("rport"), "{via}");
    phone.hears_nothing();
}

#[test]
fn what_is_relayed_tells_the_next_hop_where_it_came_from() {
    let served = Served::usual(V4);
    let (alice, bob) = (Phone::udp("alice", served.udp()), Phone::udp("bob", served.udp()));
    bob.register();
    let mut req = alice.request("OPTIONS", "sip:bob@lr.test");
    req.via = "UDP 192.0.2.7:5999".into();
    alice.say(&req);
    let heard = bob.hear_request("OPTIONS");
    let below = heard.all("Via")[1].to_owned();
    assert!(below.contains("192.0.2.7:5999") && below.contains(";received=127.0.0.1"), "{below}");
    assert!(below.contains(&format!(";rport={}", alice.addr.port())), "{below}");
    bob.send(heard.answer(200, "OK", &[]));
    assert_eq!(alice.hear_code(200).all("Via").len(), 1);
}

#[test]
fn answers_stay_on_the_connection_the_request_came_by() {
    let served = Served::usual(V4);
    // The Via names a port where nobody listens: it must not be tried.
    let phone = Phone::tcp("alice", served.tcp());
    let mut req = phone.request("OPTIONS", "sip:nobody@lr.test");
    req.via = "TCP 127.0.0.1:1".into();
    phone.say(&req);
    assert_eq!(phone.hear_code(404).of(), "OPTIONS");
    assert_eq!(served.engine.statistic("tcp", "connect_success"), Some(0));
    assert_eq!(served.engine.statistic("tcp", "connect_failed"), Some(0));
}

#[test]
fn an_answer_whose_connection_is_gone_goes_to_the_address_in_the_via() {
    let token = std::sync::Arc::new(Mutex::new(None));
    let given = token.clone();
    let engine = usual_builder()
        .listen("tcp:127.0.0.1:0")
        .request_route(move |call: Call| {
            let wait = call.external_wait(Duration::from_secs(8));
            *given.lock() = Some(wait.token());
            async move {
                wait.await?;
                Ok(call.reply(200, "Late").await?)
            }
        })
        .build()
        .expect("the engine builds");
    let served = Served::new(engine);
    let listener = PhoneListener::near(served.tcp());
    let phone = Phone::tcp("alice", served.tcp());
    let mut req = phone.request("OPTIONS", "sip:nobody@lr.test");
    req.via = format!("TCP {}", listener.addr);
    // With rport the port would be that of the connection (RFC 3581 4).
    phone.send(req.text().replace(";rport", ""));
    until("the route runs", || token.lock().is_some());
    phone.hang_up();
    let open = || served.engine.statistic("tcp", "current_opened_connections");
    until("the engine has seen the end", || open() == Some(0));
    let token = token.lock().expect("it was set");
    assert_eq!(served.engine.resume(token, 1), Ok(()));
    let again = listener.accept("alice");
    assert_eq!(again.hear_code(200).start, "SIP/2.0 200 Late");
}

#[test]
fn a_contact_whose_connection_is_gone_is_reached_by_a_new_one() {
    let served = Served::usual(V4);
    let listener = PhoneListener::near(served.tcp());
    let bob = Phone::tcp("bob", served.tcp());
    let mut registration = bob.registration();
    registration.more =
        vec![format!("Contact: <sip:bob@{};transport=tcp>", listener.addr), "Expires: 600".into()];
    bob.say(&registration);
    assert_eq!(bob.hear().code(), 200);
    let alice = Phone::udp("alice", served.udp());
    alice.say(&alice.invite("bob"));
    // While the connection is open it is used (RFC 5626 5.3) ...
    let heard = bob.hear_request("INVITE");
    bob.send(heard.answer(486, "Busy Here", &[]));
    alice.hear_code(486);
    bob.hear_request("ACK");
    bob.hang_up();
    let open = || served.engine.statistic("tcp", "current_opened_connections");
    until("the engine has seen the end", || open() == Some(0));
    // ... and then the contact's address.
    alice.say(&alice.invite("bob"));
    let bob = listener.accept("bob");
    let heard = bob.hear_request("INVITE");
    bob.send(heard.answer(200, "OK", &["Contact: <sip:bob@127.0.0.1>"]));
    assert_eq!(alice.hear_code(200).to_tag(), "callee200");
}

#[test]
fn a_contact_that_nobody_listens_at_is_answered_503_as_500() {
    let served = Served::usual(V4);
    let alice = Phone::udp("alice", served.udp());
    let closed = PhoneListener::near(served.tcp()).addr;
    let add = [
        "location".into(),
        "bob@lr.test".into(),
        RpcValue::from(format!("sip:bob@{closed};transport=tcp")),
        RpcValue::Int(60),
    ];
    served.engine.rpc("ul.add", &add).expect("the contact is added");
    alice.say(&alice.invite("bob"));
    // RFC 3261 16.9 and 16.7 step 6: a refused connection counts as a 503, which goes up as a 500.
    assert_eq!(alice.hear_code(500).of(), "INVITE");
    assert_eq!(served.engine.statistic("tcp", "connect_failed"), Some(1));
}

#[test]
fn keep_alives_are_answered_between_messages() {
    let served = Served::usual(V4);
    let phone = Phone::tcp("alice", served.tcp());
    phone.send("\r\n\r\n");
    assert_eq!(phone.hear_bytes(2), b"\r\n");
    // A single CRLF before a message is none (RFC 3261 7.5).
    phone.send("\r\n".to_owned() + &phone.registration().text());
    assert_eq!(phone.hear().code(), 200);
    phone.send(phone.registration().again().text() + "\r\n\r\n");
    // The pong does not wait for the registrar.
    assert_eq!(phone.hear_bytes(2), b"\r\n");
    assert_eq!(phone.hear().code(), 200);
    let udp = Phone::udp("bob", served.udp());
    udp.send("\r\n\r\n");
    udp.send("\0\0\0\0");
    udp.register();
    assert_eq!(served.engine.statistic("udp", "keepalives"), Some(2));
    assert_eq!(served.engine.statistic("core", "bad_msg"), Some(0));
}

#[test]
fn messages_are_cut_from_a_stream_wherever_its_segments_end() {
    let served = Served::usual(V4);
    let phone = Phone::tcp("alice", served.tcp());
    let whole = phone.registration();
    for part in whole.text().as_bytes().chunks(50) {
        phone.send(part);
    }
    assert_eq!(phone.hear().code(), 200);
    let (a, b, c) =
        (whole.again(), whole.again().again(), phone.request("OPTIONS", "sip:x@lr.test"));
    let three = a.text() + &b.text() + &c.text();
    let (front, back) = three.split_at(three.len() - 100);
    phone.send(front);
    assert_eq!((phone.hear().code(), phone.hear().code()), (200, 200));
    phone.hears_nothing();
    phone.send(back);
    assert_eq!(phone.hear().code(), 404);
}

#[test]
fn a_large_body_goes_through_a_stream_whole() {
    let served = Served::usual(V4);
    let (alice, bob) = (Phone::tcp("alice", served.tcp()), Phone::tcp("bob", served.tcp()));
    bob.register();
    let mut message = alice.request("MESSAGE", &format!("sip:bob@{DOMAIN}"));
    message.body = "0123456789".repeat(6000);
    alice.say(&message);
    let heard = bob.hear_request("MESSAGE");
    assert!(heard.body == message.body, "{} bytes came", heard.body.len());
    bob.send(heard.answer(200, "OK", &[]));
    assert_eq!(alice.hear_code(200).of(), "MESSAGE");
}

#[test]
fn a_stream_of_garbage_is_closed_and_the_others_go_on() {
    let served = Served::usual(V4);
    let good = Phone::tcp("alice", served.tcp());
    good.register();
    for garbage in [
        "this is no SIP at all\r\n\r\n",
        "OPTIONS sip:a@b SIP/2.0\r\nContent-Length: -5\r\n\r\n",
        "OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "\u{1}\u{2}\u{3}\u{4}\r\n\r\n",
    ] {
        let bad = Phone::tcp("mallory", served.tcp());
        bad.send(garbage);
        assert!(bad.is_closed(), "{garbage:?}");
    }
    // A message that never ends is closed once it is longer than any may be.
    let endless = Phone::tcp("mallory", served.tcp());
    endless.send("OPTIONS sip:a@b SIP/2.0\r\nX: ".to_owned() + &"x".repeat(40_000));
    assert!(endless.is_closed());
    good.say(&good.registration().again());
    assert_eq!(good.hear().code(), 200);
    assert_eq!(served.engine.statistic("tcp", "malformed"), Some(5));
    // Half a message, and then the end: nothing of it is served.
    let half = Phone::tcp("mallory", served.tcp());
    half.send(&half.registration().text()[..100]);
    half.hang_up();
    until("only one is left", || {
        served.engine.statistic("tcp", "current_opened_connections") == Some(1)
    });
    assert_eq!(served.engine.statistic("usrloc", "registered_users"), Some(1));
}

#[test]
fn a_connection_that_stays_unfinished_is_given_up_in_time() {
    let builder = usual_builder().listen("tcp:127.0.0.1:0");
    let engine = builder
        .modparam("transport", "tcp_msg_read_timeout", 1)
        .modparam("transport", "tcp_msg_data_timeout", 1)
        .build()
        .expect("the engine builds");
    let served = Served::new(engine);
    let (half, silent) = (Phone::tcp("half", served.tcp()), Phone::tcp("silent", served.tcp()));
    half.send(&half.registration().text()[..100]);
    assert!(half.is_closed() && silent.is_closed());
    assert_eq!(served.engine.statistic("tcp", "con_timeout"), Some(2));
}

#[test]
fn connections_beyond_the_limit_are_refused_and_the_rest_is_served() {
    let builder = usual_builder().listen("tcp:127.0.0.1:0");
    let engine = builder.modparam("transport", "tcp_max_connections", 2).build();
    let served = Served::new(engine.expect("the engine builds"));
    let (a, b) = (Phone::tcp("a", served.tcp()), Phone::tcp("b", served.tcp()));
    a.register();
    b.register();
    let c = Phone::tcp("c", served.tcp());
    assert!(c.is_closed());
    a.say(&a.registration().again());
    assert_eq!(a.hear().code(), 200);
    b.hang_up();
    until("there is room again", || {
        let d = Phone::tcp("d", served.tcp());
        d.send(d.registration().text());
        d.is_answered()
    });
}
