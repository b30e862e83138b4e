//! The small things that no larger test happens to ask for: phrases, accessors, faults at the
//! edges of start lines, and what is written of values that are read as numbers.

use bytes::{Bytes, BytesMut};
use sip_parser::body::{EditFault, NewPart, add_parts};
use sip_parser::frame::{Framed, Framer};
use sip_parser::sdp::{Direction, Place, Sdp};
use sip_parser::{
    Challenge, ChargingAddresses, Date, Host, Identity, Limits, Message, Method, MimeVersion,
    NameAddr, Number, ParseError, ParseErrorKind, PartialMessage, Patch, SubscriptionState, Tel,
    Uri, http, reason_phrase,
};
use std::net::IpAddr;

fn parse(text: &str) -> Result<Message, ParseError> {
    Message::parse(Bytes::copy_from_slice(text.as_bytes()))
}

fn written(put: impl FnOnce(&mut BytesMut)) -> String {
    let mut out = BytesMut::new();
    put(&mut out);
    String::from_utf8(out.to_vec()).unwrap()
}

#[test]
fn every_status_has_a_phrase_and_those_of_the_rfcs_their_own() {
    for (code, phrase) in [
        (100, "Trying"),
        (183, "Session Progress"),
        (200, "OK"),
        (302, "Moved Temporarily"),
        (404, "Not Found"),
        (407, "Proxy Authentication Required"),
        (423, "Interval Too Brief"),
        (481, "Call/Transaction Does Not Exist"),
        (486, "Busy Here"),
        (503, "Service Unavailable"),
        (603, "Decline"),
        (608, "Rejected"),
    ] {
        assert_eq!(reason_phrase(code), phrase);
    }
    let all: Vec<&str> = (100..700).map(reason_phrase).collect();
    assert!(all.iter().all(|phrase| !phrase.is_empty()));
    // A code without a name of its own gets that of its class.
    let classes: Vec<&str> = [199, 299, 399, 499, 599, 699].map(|c| reason_phrase(c - 11)).to_vec();
    assert_eq!(classes.iter().collect::<std::collections::BTreeSet<_>>().len(), 6);
    assert_eq!(reason_phrase(499), reason_phrase(498));
    assert_ne!(reason_phrase(499), reason_phrase(404));
}

#[test]
fn an_http_request_and_its_answer_show_what_they_are() {
    let text = "GET /x HTTP/1.1\r\nUpgrade: a, websocket\r\n\r\n";
    let request = http::Request::parse(Bytes::from(text)).unwrap();
    assert_eq!(request.bytes(), text);
    assert_eq!(format!("{request:?}"), "http::Request(GET /x)");
    let names: Vec<_> = request.headers().map(|h| h.name).collect();
    assert_eq!(names, [b"Upgrade"]);
    let text = "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: x, Upgrade\r\n\r\n";
    let answer = http::Response::parse(Bytes::from(text)).unwrap();
    assert_eq!((answer.bytes(), answer.status()), (&Bytes::from(text), 101));
    assert_eq!(answer.header("upgrade"), Some(&b"websocket"[..]));
    assert!(answer.header_has("Connection", "upgrade") && !answer.header_has("Connection", "y"));
    assert!(answer.body().is_empty() && answer.body_span().is_empty());
    assert_eq!(format!("{answer:?}"), "http::Response(101 Switching)");
    let limits = Limits { body: 2, ..Limits::DEFAULT };
    let long = Bytes::from("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc");
    let refused = http::Request::parse_with(long, &limits).unwrap_err();
    assert_eq!(refused.kind, ParseErrorKind::BodyTooLong);
}

#[test]
fn a_direction_has_a_name_and_another_side() {
    use Direction::*;
    for (one, name, other) in [
        (SendRecv, "sendrecv", SendRecv),
        (SendOnly, "sendonly", RecvOnly),
        (RecvOnly, "recvonly", SendOnly),
        (Inactive, "inactive", Inactive),
    ] {
        assert_eq!((one.name(), one.reversed()), (name, other));
        assert_eq!(Direction::parse(name.as_bytes()), Some(one));
    }
}

#[test]
fn a_description_on_hold_by_an_unspecified_address_is_seen() {
    let held = |ip: &str| {
        let text = format!("v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\n");
        Sdp::parse(text.as_bytes()).unwrap().connection().unwrap().is_held()
    };
    assert!(held("0.0.0.0") && !held("192.0.2.1"));
}

#[test]
fn sections_have_their_text_and_lines_only_where_they_may() {
    let text = b"v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nt=0 0\r\nm=audio 1 RTP/AVP 0\r\n\r\n";
    let sdp = Sdp::parse(text).unwrap();
    assert_eq!(sdp.medium(0).unwrap().section().text(), b"m=audio 1 RTP/AVP 0\r\n");
    let mut patch = Patch::new();
    assert!(patch.is_empty());
    sdp.edit(&mut patch).add_line(Place::Session, b'm', b"audio 1 RTP/AVP 0");
    sdp.edit(&mut patch).add_line(Place::Session, b'!', b"x");
    sdp.edit(&mut patch).add_line(Place::Media(7), b'a', b"x");
    assert!(patch.is_empty());
    sdp.edit(&mut patch).add_line(Place::Session, b'a', b"x");
    assert!(!patch.is_empty());
    assert!(Sdp::parse(b"v=0\r\n\r\nx=1\r\n").is_err());
}

#[test]
fn hosts_say_what_they_are() {
    let host = |s: &'static str| Host::parse(s.as_bytes()).unwrap();
    let ip = |s: &str| s.parse::<IpAddr>().ok();
    assert_eq!((host("a.b").as_ip(), host("a.b").as_name()), (None, Some(&b"a.b"[..])));
    assert_eq!((host("192.0.2.1").as_ip(), host("192.0.2.1").as_name()), (ip("192.0.2.1"), None));
    assert_eq!(host("[::1]").as_ip(), ip("::1"));
    let scoped = host("[fe80::1%25eth0]");
    assert_eq!((scoped.as_ip(), scoped.zone()), (ip("fe80::1"), Some(&b"eth0"[..])));
    assert!(matches!(scoped, Host::Scoped(s) if s.text() == b"fe80::1%25eth0"));
    assert_eq!(host("[::1]").zone(), None);
}

#[test]
fn uris_give_maddr_and_numbers_their_parts() {
    let uri = Uri::parse(b"sip:a@b;maddr=192.0.2.9").unwrap();
    assert_eq!(uri.maddr(), Some(&b"192.0.2.9"[..]));
    assert_eq!(Uri::parse(b"sip:a@b").unwrap().maddr(), None);
    let tel = Uri::parse(b"tel:+1-201;ext=7").unwrap();
    let tel = Tel::of(&tel).unwrap().unwrap();
    assert_eq!((tel.number(), tel.params().value(b"ext")), (&b"+1-201"[..], Some(&b"7"[..])));
    // Both alike but for a parameter that must be there on both sides or on none.
    let (a, b) = (Uri::parse(b"sip:a@b;ttl=1").unwrap(), Uri::parse(b"sip:a@b;x=1").unwrap());
    assert!(!Uri::equivalent(&a, &b) && !Uri::equivalent(&b, &a));
}

#[test]
fn a_framer_knows_whether_a_message_is_cut_and_forgets_it() {
    let mut framer = Framer::new(Limits::DEFAULT);
    assert!(!framer.is_inside());
    assert!(matches!(framer.next(b"ACK sip:a SIP/2.0\r\n"), Framed::NeedMore { .. }));
    assert!(framer.is_inside());
    framer.reset();
    assert!(!framer.is_inside());
    assert_eq!(framer.next(b"\r\n\r\n"), Framed::Keepalive(4));
}

#[test]
fn start_lines_fail_where_and_as_they_must() {
    use ParseErrorKind::*;
    for (text, kind) in [
        ("ACK sip:a SIP/2\r\n\r\n", StartLine),
        ("ACK sip:a SIP/2.\r\n\r\n", StartLine),
        ("SIP/2.0 200 OK", Unterminated),
        ("SIP/2.0 200 OK\n\r\n", LineEnd),
    ] {
        assert_eq!(parse(text).unwrap_err().kind, kind, "{text:?}");
    }
    let limited = |text: &'static str, head| {
        let limits = Limits { head, ..Limits::DEFAULT };
        Message::parse_with(Bytes::from(text), &limits).unwrap_err().kind
    };
    assert_eq!(limited("ACK sip:a SIP/2.0\r\n\r\n", 18), HeadTooLong);
    assert_eq!(limited("SIP/2.0 200 OK\r\n\r\n", 15), HeadTooLong);
    assert_eq!(limited("SIP/2.0 200 OK\r\n\r\n", 13), HeadTooLong);
    assert!(PartialMessage::new(Bytes::from("\r\n\r\n")).is_err_and(|e| e.kind == Empty));
}

#[test]
fn faults_of_size_name_what_was_too_much() {
    let status = |kind| ParseError { offset: 0, header: None, kind }.status();
    assert_eq!(status(ParseErrorKind::TooManyHeaders).1, "Message Too Large (header count)");
    assert_eq!(status(ParseErrorKind::LineTooLong).1, "Message Too Large (header length)");
    assert_eq!(status(ParseErrorKind::TooManyParameters).0, 513);
    assert_eq!(Limits::default(), Limits::DEFAULT);
}

#[test]
fn values_that_are_numbers_are_written_as_they_are_meant() {
    let number = Number::parse(b"0042").unwrap();
    assert_eq!(written(|out| number.write(out)), number.to_string());
    let version = MimeVersion::parse(b"1.0").unwrap();
    assert_eq!(written(|out| version.write(out)), "1.0");
    let date = Date::parse(b"Sat, 13 Nov 2010 23:29:00 GMT").unwrap();
    assert_eq!(written(|out| date.write(out)), "Sat, 13 Nov 2010 23:29:00 GMT");
}

#[test]
fn values_give_the_parts_that_few_ask_for() {
    let challenge = Challenge::parse(b"Basic realm=x").unwrap();
    assert!(!challenge.is_digest() && Challenge::parse(b"digest realm=\"x\"").unwrap().is_digest());
    let addresses = ChargingAddresses::parse(b"ccf=\"a\"; ecf=b").unwrap();
    let all: Vec<_> = addresses.iter().collect();
    assert_eq!(all, [(&b"ccf"[..], Some(&b"\"a\""[..])), (b"ecf", Some(b"b"))]);
    let state = SubscriptionState::parse(b"active;expires=60").unwrap();
    assert_eq!(state.expires(), Some(60));
    let identity = Identity::parse(b"abc;info=\"x\"").unwrap();
    assert_eq!(identity.info(), Some(&b"\"x\""[..]));
    assert_eq!(NameAddr::parse(b"<sip:a>;q=.5").unwrap().q(), Some(500));
    assert_eq!(NameAddr::parse(b"<sip:a>;q=2").unwrap().q(), None);
    assert_eq!(Method::Update.name(), "UPDATE");
    assert_eq!(Method::Other.name(), "");
}

#[test]
fn a_salvaged_request_has_no_body_to_edit() {
    let text = Bytes::from("ACK sip:a SIP/2.0\r\nTo: x\r\nFrom: y\r\n z\r\nbroken\r\n\r\nbody");
    let m = Message::salvage(text, &Limits::DEFAULT).unwrap();
    assert!(m.bytes().ends_with(b"From: y\r\n z\r\n"));
    let mut patch = Patch::new();
    patch.set_body(&m, b"new");
    assert!(written(|out| patch.write(&m, out)).starts_with("ACK sip:a SIP/2.0\r\nTo: x\r\n"));
    assert!(Message::default().bytes().is_empty());
    let lines = parse("ACK sip:a SIP/2.0\r\nTo: x\r\nFrom: y\r\n\r\n").unwrap();
    let ids: Vec<_> = lines.lines().map(|(id, span)| (id.name(), lines.slice(span))).collect();
    assert_eq!(ids, [("To", &b"To: x\r\n"[..]), ("From", b"From: y\r\n")]);
}

#[test]
fn a_content_that_holds_the_boundary_is_not_put_in_and_unknown_headers_move_with_a_body() {
    let mixed = "MESSAGE sip:a SIP/2.0\r\nContent-Type: multipart/mixed;boundary=b\r\n\r\n\
        --b\r\n\r\nx\r\n--b--\r\n";
    let part = |content| NewPart { content_type: "text/plain", headers: &[], content };
    let add = |m: &Message, content: &'static [u8]| {
        let mut patch = Patch::new();
        add_parts(&mut patch, m, &[part(content)], &Limits::DEFAULT)?;
        Ok(written(|out| patch.write(m, out)))
    };
    let m = parse(mixed).unwrap();
    assert_eq!(add(&m, b"y\r\n--b\r\n"), Err(EditFault::Boundary));
    assert!(add(&m, b"y").is_ok_and(|text| text.contains("\r\n\r\ny\r\n--b--")));
    let plain =
        "MESSAGE sip:a SIP/2.0\r\nContent-Type: text/x\r\ncontent-own: 1\r\nOwn: 2\r\n\r\nx";
    let text = add(&parse(plain).unwrap(), b"y").unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("Own: 2") && !head.contains("content-own"));
    assert!(body.contains("content-own: 1\r\n"));
}
