//! Every limit is a value of its own at run time: input of exactly its size passes, one more is
//! refused with its own error and the status that goes with it, in datagrams, streams and bodies.

use bytes::Bytes;
use sip_parser::body::BodyFault;
use sip_parser::frame::{BadFrame, Framed, Framer};
use sip_parser::sdp::{Sdp, SdpFault};
use sip_parser::{Limits, Message, ParseErrorKind, PartialMessage, http};

/// A message of so many bytes of start line and headers.
fn with_head(len: usize) -> Vec<u8> {
    let frame = b"INVITE sip:a SIP/2.0\r\nl: 0\r\nX: \r\n\r\n";
    let mut text = b"INVITE sip:a SIP/2.0\r\nl: 0\r\nX: ".to_vec();
    text.resize(text.len() + len - frame.len(), b'x');
    text.extend_from_slice(b"\r\n\r\n");
    assert_eq!(text.len(), len);
    text
}

fn with_body(len: usize) -> Vec<u8> {
    let mut text = format!("INVITE sip:a SIP/2.0\r\nl: {len}\r\n\r\n").into_bytes();
    text.resize(text.len() + len, b'x');
    text
}

fn with_headers(count: usize) -> Vec<u8> {
    format!("INVITE sip:a SIP/2.0\r\nl: 0\r\n{}\r\n", "X: y\r\n".repeat(count - 1)).into_bytes()
}

/// A header field of so many bytes, folds counted, line end not.
fn with_line(len: usize) -> Vec<u8> {
    let text = "x".repeat(len - "X: \r\n ".len());
    format!("INVITE sip:a SIP/2.0\r\nX: \r\n {text}\r\nl: 0\r\n\r\n").into_bytes()
}

fn with_uri(len: usize) -> Vec<u8> {
    format!("INVITE sip:{} SIP/2.0\r\nl: 0\r\n\r\n", "a".repeat(len - 4)).into_bytes()
}

type Case =
    (fn(&mut Limits, usize), fn(usize) -> Vec<u8>, usize, ParseErrorKind, Option<BadFrame>, u16);

/// How the limit is set, what makes input of a size, the size, the errors of message and stream,
/// and the status.
const CASES: [Case; 5] = [
    (
        |l, n| l.head = n,
        with_head,
        300,
        ParseErrorKind::HeadTooLong,
        Some(BadFrame::HeadTooLong),
        513,
    ),
    (
        |l, n| l.body = n,
        with_body,
        700,
        ParseErrorKind::BodyTooLong,
        Some(BadFrame::BodyTooLong),
        513,
    ),
    (
        |l, n| l.headers = n,
        with_headers,
        30,
        ParseErrorKind::TooManyHeaders,
        Some(BadFrame::TooManyHeaders),
        513,
    ),
    (
        |l, n| l.line = n,
        with_line,
        90,
        ParseErrorKind::LineTooLong,
        Some(BadFrame::LineTooLong),
        513,
    ),
    (|l, n| l.uri = n, with_uri, 60, ParseErrorKind::UriTooLong, None, 414),
];

#[test]
fn messages_and_streams_are_taken_at_the_limit_and_refused_beyond() {
    for (set, make, at, kind, stream, status) in CASES {
        let mut limits = Limits::DEFAULT;
        set(&mut limits, at);
        let (fits, over) = (make(at), make(at + 1));
        assert!(Message::parse_with(Bytes::from(fits.clone()), &limits).is_ok(), "{kind:?}");
        let partial = PartialMessage::new_with(Bytes::from(fits.clone()), &limits);
        assert!(partial.and_then(PartialMessage::finish).is_ok(), "{kind:?}");
        let e = Message::parse_with(Bytes::from(over.clone()), &limits).unwrap_err();
        assert_eq!((e.kind, e.status().0), (kind, status));
        let partial = PartialMessage::new_with(Bytes::from(over.clone()), &limits);
        assert_eq!(partial.and_then(PartialMessage::finish).unwrap_err(), e);
        // The default takes both.
        assert!(Message::parse(Bytes::from(over.clone())).is_ok());
        assert_eq!(Framer::new(limits).next(&fits), Framed::Message(fits.len()), "{kind:?}");
        let wanted = stream.map_or(Framed::Message(over.len()), Framed::Bad);
        assert_eq!(Framer::new(limits).next(&over), wanted, "{kind:?}");
    }
}

#[test]
fn the_index_bounds_a_head_whatever_the_limit_says() {
    let limits = Limits { head: 1 << 20, line: 1 << 20, ..Limits::DEFAULT };
    assert!(Message::parse_with(Bytes::from(with_head(65_535)), &limits).is_ok());
    let e = Message::parse_with(Bytes::from(with_head(65_536)), &limits).unwrap_err();
    assert_eq!(e.kind, ParseErrorKind::HeadTooLong);
}

#[test]
fn parameters_are_counted_when_a_message_is_judged() {
    let text = |count: usize| {
        let params = ";p=1".repeat(count);
        format!(
            "OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP h{params}\r\nFrom: <sip:a>;tag=1\r\n\
             To: <sip:a>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n\r\n"
        )
    };
    let limits = Limits { params: 9, ..Limits::DEFAULT };
    let check = |count| Message::parse(Bytes::from(text(count))).unwrap().check_with(&limits);
    assert_eq!(check(9), Ok(()));
    let e = check(10).unwrap_err();
    assert_eq!((e.kind, e.status().0), (ParseErrorKind::TooManyParameters, 513));
}

/// Multipart bodies inside each other, `depth` of them, each with `parts` parts.
fn nested(depth: usize, parts: usize) -> Vec<u8> {
    let mut body = b"innermost".to_vec();
    for level in 0..depth {
        let kind = if level == 0 {
            "a/b".into()
        } else {
            format!("multipart/mixed;boundary=b{}", level - 1)
        };
        let mut outer = format!("--b{level}\r\nContent-Type: {kind}\r\n\r\n").into_bytes();
        outer.append(&mut body);
        for _ in 1..parts {
            outer.extend_from_slice(format!("\r\n--b{level}\r\n\r\nmore").as_bytes());
        }
        outer.extend_from_slice(format!("\r\n--b{level}--").as_bytes());
        body = outer;
    }
    let head = format!(
        "INVITE sip:a SIP/2.0\r\nContent-Type: multipart/mixed;boundary=b{}\r\nl: {}\r\n\r\n",
        depth.wrapping_sub(1),
        body.len()
    );
    [head.into_bytes(), body].concat()
}

#[test]
fn bodies_are_taken_at_the_limit_and_refused_beyond() {
    let limits = Limits { nesting: 3, parts: 5, ..Limits::DEFAULT };
    let find = |depth, parts| {
        let m = Message::parse(Bytes::from(nested(depth, parts))).unwrap();
        m.content_with("a", "b", &limits).map(|c| c.map(|c| c.bytes.to_vec())).map_err(|e| e.fault)
    };
    assert_eq!(find(3, 5), Ok(Some(b"innermost".to_vec())));
    assert_eq!(find(4, 5), Err(BodyFault::TooDeep));
    assert_eq!(find(3, 6), Err(BodyFault::TooManyParts));
    // A bottomless body costs its bytes and no stack.
    let deep = Message::parse(Bytes::from(nested(2000, 1))).unwrap();
    let wide_open = Limits { nesting: usize::MAX, ..Limits::DEFAULT };
    assert_eq!(deep.content_with("a", "b", &wide_open).unwrap().unwrap().bytes, b"innermost");
}

#[test]
fn session_descriptions_are_taken_at_the_limit_and_refused_beyond() {
    let text = |lines: usize, media: usize, formats: usize| {
        let mut text = String::from("v=0\r\n");
        (1..lines - media).for_each(|_| text += "a=x\r\n");
        (0..media).for_each(|_| text += &format!("m=audio 1 RTP/AVP{}\r\n", " 0".repeat(formats)));
        text
    };
    let limits = Limits { sdp_lines: 20, sdp_media: 4, sdp_formats: 6, ..Limits::DEFAULT };
    let parse = |lines, media, formats| {
        let text = text(lines, media, formats);
        Sdp::parse_at(text.as_bytes(), 0, &limits).map(|s| s.media_count()).map_err(|e| e.fault)
    };
    assert_eq!(parse(20, 4, 6), Ok(4));
    assert_eq!(parse(21, 4, 6), Err(SdpFault::TooManyLines));
    assert_eq!(parse(20, 5, 6), Err(SdpFault::TooManyMedia));
    assert_eq!(parse(20, 4, 7), Err(SdpFault::TooManyFormats));
}

#[test]
fn http_heads_have_the_same_limits() {
    let limits = Limits { uri: 9, headers: 2, ..Limits::DEFAULT };
    let parse = |path: usize, headers: usize| {
        let text =
            format!("GET /{} HTTP/1.1\r\n{}\r\n", "p".repeat(path - 1), "A: b\r\n".repeat(headers));
        http::Request::parse_with(Bytes::from(text), &limits).map(|_| ()).map_err(|e| e.kind)
    };
    assert_eq!(parse(9, 2), Ok(()));
    assert_eq!(parse(10, 2), Err(ParseErrorKind::UriTooLong));
    assert_eq!(parse(9, 3), Err(ParseErrorKind::TooManyHeaders));
}
