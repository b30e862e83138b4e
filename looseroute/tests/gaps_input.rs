//! Input that means harm: more header lines than any message has, lengths that lie, streams fed a
//! byte at a time, connections by the thousand, and what is no SIP. Each has its answer or its
//! counter, and whoever means well is served meanwhile.

mod kit;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use kit::{Phone, Served, Told, now, until, usual_builder};
use looseroute::core::net::Proto;

const PHONE: &str = "10.0.0.2:5062";
const TCP: &[&str] = &["tcp:127.0.0.1:0"];

fn count(served: &Served, group: &str, name: &str) -> u64 {
    served.engine.statistic(group, name).expect("there is such a statistic")
}

// ---- heads ----

#[test]
fn a_hundred_thousand_header_lines_are_refused_in_linear_time() {
    let t = Told::new(usual_builder());
    let padded = |lines: usize| {
        let text = Told::request(PHONE, "OPTIONS", "bob").text();
        text.replace("Content-Length: 0", &("a:\r\n".repeat(lines) + "Content-Length: 0"))
    };
    // As few as the default allows are served: 7 of its own and these.
    t.feed(PHONE, &padded(249));
    assert_eq!(t.sent_one(PHONE).code(), 404);
    for lines in [250, 10_000, 100_000] {
        for proto in [Proto::Udp, Proto::Tcp] {
            let text = padded(lines).replace("SIP/2.0/UDP", &format!("SIP/2.0/{}", proto.token()));
            t.feed_over(proto, PHONE, &text);
        }
    }
    let sent = t.sent();
    assert!(sent.iter().all(|(_, msg)| (400..=513).contains(&msg.code())), "{sent:?}");
    assert_eq!(t.statistic("core", "bad_msg"), 6);
    // A thousand of the longest take as long as their bytes do to copy: a square of the number of
    // lines would be hours.
    let text = padded(100_000);
    let began = now();
    for _ in 0..1000 {
        t.feed(PHONE, &text);
    }
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!(t.engine.live(), (0, 0, 0));
}

#[test]
fn a_stream_of_header_lines_without_end_is_cut_off() {
    let served = Served::usual(TCP);
    let good = Phone::tcp("alice", served.tcp());
    good.register();
    let endless = TcpStream::connect(served.tcp()).expect("it accepts");
    let mut sent = 0usize;
    let line = "a:\r\n".repeat(256);
    (&endless).write_all(b"OPTIONS sip:bob@lr.test SIP/2.0\r\n").expect("it is open");
    // At most what the socket's buffers hold goes in after the engine has seen too much.
    while (&endless).write_all(line.as_bytes()).is_ok() {
        sent += line.len();
        assert!(sent < 64 << 20, "it reads on and on");
    }
    good.say(&good.registration().again());
    assert_eq!(good.hear().code(), 200);
    assert_eq!(count(&served, "tcp", "malformed"), 1);
}

// ---- lengths ----

/// What comes back, until the connection is closed, for a request whose Content-Length line is
/// replaced, with `rest` behind it.
#[track_caller]
fn with_length(served: &Served, line: &str, rest: &str) -> Vec<u16> {
    let phone = Phone::tcp("mallory", served.tcp());
    let text = phone.request("OPTIONS", "sip:nobody@lr.test").text();
    phone.send(text.replace("Content-Length: 0\r\n", line) + rest);
    // A status line begins a line; the version in a Via does not.
    let said = phone.hear_rest();
    let codes = said.split("\r\n").filter_map(|line| line.strip_prefix("SIP/2.0 ")?.get(..3));
    codes.map(|code| code.parse().expect("a status")).collect()
}

#[test]
fn a_length_that_lies_ends_the_stream_and_smuggles_nothing() {
    let served = Served::usual(TCP);
    // What a second reader of the stream might take for a request of its own.
    let inner = {
        let phone = Phone::tcp("inner", served.tcp());
        phone.request("OPTIONS", "sip:inner@lr.test").text()
    };
    let length = inner.len();
    let refused = [
        "Content-Length: -1\r\n".to_owned(),
        "Content-Length: 4294967296\r\n".to_owned(),
        "Content-Length: 18446744073709551617\r\n".to_owned(),
        "Content-Length: 0x10\r\n".to_owned(),
        "Content-Length: +5\r\n".to_owned(),
        "Content-Length: 5 5\r\n".to_owned(),
        "Content-Length: 0, 5\r\n".to_owned(),
        "Content-Length:\r\n".to_owned(),
        format!("Content-Length: 0\r\nContent-Length: {length}\r\n"),
        format!("Content-Length: {length}\r\nContent-Length: 0\r\n"),
        format!("l: 0\r\nContent-Length: {length}\r\n"),
        format!("Content-Length: {length}\r\nl: {length}\r\n"),
    ];
    let good = Phone::tcp("alice", served.tcp());
    good.register();
    for (n, line) in refused.iter().enumerate() {
        let codes = with_length(&served, line, &inner);
        // Nothing, or one refusal; the inner request is never answered.
        assert!(
            codes.len() <= 1 && codes.iter().all(|c| (400..600).contains(c)),
            "{line:?}: {codes:?}"
        );
        assert!(!codes.contains(&404), "{line:?}: it was routed");
        assert_eq!(count(&served, "tcp", "malformed"), n as u64 + 1, "{line:?}");
    }
    good.say(&good.registration().again());
    assert_eq!(good.hear().code(), 200);
}

#[test]
fn two_lengths_in_a_datagram_are_refused() {
    let t = Told::new(usual_builder());
    let text = Told::request(PHONE, "OPTIONS", "nobody").text();
    for lines in ["Content-Length: 0\r\nContent-Length: 4", "Content-Length: 4\r\nl: 0"] {
        t.feed(PHONE, &(text.replace("Content-Length: 0", lines) + "body"));
        let refused = t.sent_one(PHONE);
        assert_eq!(refused.code(), 400, "{refused:?}");
    }
    assert_eq!(t.statistic("core", "bad_msg"), 2);
}

// ---- slowness ----

#[test]
fn a_stream_fed_a_byte_at_a_time_does_not_outlive_the_time_for_a_message() {
    let builder = usual_builder().listen(TCP[0]);
    let builder = builder.modparam("transport", "tcp_msg_read_timeout", 1);
    let served = Served::new(builder.build().expect("the engine builds"));
    let text = Phone::tcp("slow", served.tcp()).registration().text();
    let slow = TcpStream::connect(served.tcp()).expect("it accepts");
    slow.set_nodelay(true).expect("a flag is set");
    let began = now();
    let mut fed = 0;
    for byte in text.bytes() {
        if (&slow).write_all(&[byte]).is_err() {
            break;
        }
        fed += 1;
        std::thread::park_timeout(Duration::from_millis(20));
    }
    let took = began.elapsed();
    assert!(fed < text.len() / 2 && took < Duration::from_secs(4), "{fed} bytes in {took:?}");
    assert_eq!(count(&served, "tcp", "con_timeout"), 1);
    assert_eq!(count(&served, "usrloc", "registered_users"), 0);
}

// ---- numbers ----

#[test]
fn ten_thousand_connections_beyond_the_limit_change_nothing_for_those_within() {
    const LIMIT: usize = 50;
    const BEYOND: usize = 10_000;
    let builder = usual_builder().listen(TCP[0]);
    let builder = builder.modparam("transport", "tcp_max_connections", LIMIT as i64);
    let served = Served::new(builder.build().expect("the engine builds"));
    let good = Phone::tcp("alice", served.tcp());
    good.register();
    let idle: Vec<TcpStream> =
        (1..LIMIT).map(|_| TcpStream::connect(served.tcp()).expect("it accepts")).collect();
    let open = || count(&served, "tcp", "current_opened_connections");
    until("all are in", || open() == LIMIT as u64);
    let mut beyond = Vec::new();
    for n in 0..BEYOND {
        beyond.push(TcpStream::connect(served.tcp()).expect("the system accepts"));
        // Held a while, as somebody would who wants to use them up.
        if beyond.len() == 100 {
            beyond.clear();
        }
        if n % 1000 == 0 {
            good.say(&good.registration().again());
            assert_eq!(good.hear().code(), 200);
        }
    }
    until("all were refused", || count(&served, "tcp", "local_reject") == BEYOND as u64);
    assert_eq!(open(), LIMIT as u64);
    drop((beyond, idle));
    until("there is room again", || open() == 1);
    let bob = Phone::tcp("bob", served.tcp());
    bob.register();
}

// ---- other protocols ----

#[test]
fn http_on_a_sip_port_is_answered_as_http_and_what_is_neither_is_closed() {
    let served = Served::usual(TCP);
    let get = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let http = Phone::tcp("browser", served.tcp());
    http.send(get);
    assert_eq!(http.hear().start, "HTTP/1.1 404 Not Found");
    // An HTTP connection does not turn into a SIP one half-way, or the other way round.
    let (sip, other) = (Phone::tcp("alice", served.tcp()), Phone::tcp("bob", served.tcp()));
    sip.register();
    for hello in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"EHLO mallory\r\n\r\n",
        b"*1\r\n$4\r\nPING\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(served.tcp()).expect("it accepts");
        stream.set_read_timeout(Some(kit::PATIENCE)).expect("a timeout above zero");
        stream.write_all(hello).expect("it is open");
        stream.shutdown(std::net::Shutdown::Write).expect("it is open");
        let mut said = Vec::new();
        // A connection with bytes unread is reset.
        let ended = stream.read_to_end(&mut said);
        assert!(said.is_empty(), "{hello:?}: {ended:?} {}", String::from_utf8_lossy(&said));
    }
    other.register();
    sip.say(&sip.registration().again());
    assert_eq!(sip.hear().code(), 200);
}

// ---- forged Routes ----

#[test]
fn a_route_of_somebody_else_is_not_followed_and_one_of_ours_is() {
    let t = Told::new(usual_builder());
    let within = |route: &str| {
        let mut info = Told::request(PHONE, "INFO", "x");
        info.uri = "sip:x@10.0.0.3".into();
        info.to = "<sip:x@there.test>;tag=1".into();
        t.say(PHONE, &info.with(format!("Route: {route}")));
        t.sent()
    };
    for forged in ["<sip:10.0.0.4;lr>", "<sip:10.0.0.4;lr>, <sip:10.0.0.9;lr>", "<sip:]>", "x"] {
        let sent = within(forged);
        assert!(sent.iter().all(|(to, m)| *to == kit::addr(PHONE) && m.code() >= 400), "{sent:?}");
        assert_eq!(sent.len(), 1, "{forged}");
    }
    let sent = within("<sip:10.0.0.9:5060;lr>");
    let (to, info) = sent.iter().find(|(_, m)| m.method() == "INFO").expect("it is relayed");
    assert_eq!((*to, info.all("Route").len()), (kit::addr("10.0.0.3:5060"), 0));
    t.settle();
}
