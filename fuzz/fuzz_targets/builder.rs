//! Requests and responses that are built from any text: nothing given ends a line early, and what
//! was given is what is read.
#![no_main]

use bytes::{Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use sip_parser::{HeaderId, Message, RequestBuilder, ResponseBuilder};

/// What becomes of a value on the wire: line ends and NUL are blanks, blanks at its ends go.
fn wire(value: &[u8]) -> Vec<u8> {
    let blank = |b: &u8| if matches!(b, b'\r' | b'\n' | 0) { b' ' } else { *b };
    let text: Vec<u8> = value.iter().map(blank).collect();
    let is_blank = |b: &u8| matches!(b, b' ' | b'\t');
    let start = text.iter().position(|b| !is_blank(b)).unwrap_or(text.len());
    let end = text.iter().rposition(|b| !is_blank(b)).map_or(start, |i| i + 1);
    text[start..end].to_vec()
}

fn is_token(text: &str) -> bool {
    let extra = |b: u8| b"-.!%*_+`'~".contains(&b);
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || extra(b))
}

/// What becomes of a Request-URI on the wire: blanks and control characters are escaped.
fn escaped(uri: &[u8]) -> Vec<u8> {
    let one = |b: &u8| match b {
        0..=b' ' | 0x7f => format!("%{b:02X}").into_bytes(),
        _ => vec![*b],
    };
    uri.iter().flat_map(one).collect()
}

/// What becomes of a name on the wire: other bytes are `_`, and so is a method that has none.
fn token(text: &str) -> Vec<u8> {
    if text.is_empty() {
        return b"_".to_vec();
    }
    let one = |b: u8| if is_token(&char::from(b).to_string()) { b } else { b'_' };
    text.bytes().map(one).collect()
}

fuzz_target!(|data: &[u8]| {
    // Lines: method, Request-URI, then names and values in turn; behind 0xfe the body.
    let cut = data.iter().position(|b| *b == 0xfe).unwrap_or(data.len());
    let body = data.get(cut + 1..).unwrap_or_default();
    let mut fields = data[..cut].split(|b| *b == 0xff);
    let Ok(method) = std::str::from_utf8(fields.next().unwrap_or_default()) else { return };
    let uri = fields.next().unwrap_or_default();
    let mut request = RequestBuilder::new(method, uri);
    let mut given: Vec<(&str, &[u8])> = Vec::new();
    while let (Some(name), Some(value)) = (fields.next(), fields.next()) {
        let Ok(name) = std::str::from_utf8(name) else { return };
        request = request.header(name, value);
        // A header without a name is left out.
        if !name.is_empty() && HeaderId::from_name(name.as_bytes()) != HeaderId::ContentLength {
            given.push((name, value));
        }
    }
    if !body.is_empty() {
        request = request.body("text/x", body.to_vec());
        given.push(("Content-Type", b"text/x"));
    }
    let mut written = BytesMut::new();
    request.write(&mut written);
    let text = request.build();
    assert_eq!(written, text);
    // What is no token, no URI, or more than the limits allow may be refused; never taken apart
    // elsewhere.
    let Ok(m) = Message::parse(text.clone()) else {
        let plain = given.iter().all(|(name, _)| is_token(name)) && given.len() < 200;
        let sound = is_token(method) && plain && uri == b"sip:a@b" && text.len() < 30_000;
        assert!(!sound, "{}", String::from_utf8_lossy(&text));
        return;
    };
    assert_eq!((m.method_name(), m.body()), (&*token(method), body));
    assert_eq!(m.request_uri(), escaped(uri));
    assert_eq!(m.headers().count(), given.len() + 1);
    for (h, (name, value)) in m.headers().zip(&given) {
        assert_eq!((h.name, h.value), (&*token(name), &*wire(value)));
    }
    respond(&m, uri, body);
});

fn respond(m: &Message, text: &[u8], body: &[u8]) {
    let reason = String::from_utf8_lossy(text);
    let builder = ResponseBuilder::from_request(m, 200, &reason)
        .to_tag(b"t")
        .copy_record_route()
        .header("X-Own", text)
        .body("text/x", Bytes::copy_from_slice(body));
    let answer = Message::parse(builder.build()).expect("an answer is a message");
    assert_eq!((answer.status(), answer.body()), (Some(200), body));
    for id in [HeaderId::Via, HeaderId::RecordRoute, HeaderId::CallId, HeaderId::CSeq] {
        let values = |m: &Message| m.headers_of(id).map(|h| h.value.to_vec()).collect::<Vec<_>>();
        assert_eq!(values(&answer), values(m), "{id}");
    }
    let own: Vec<_> = answer.headers_named(b"X-Own").map(|h| h.value.to_vec()).collect();
    assert_eq!(own.last(), Some(&wire(text)));
}
