//! Any bytes as a datagram: nothing panics, every span lies inside and holds what its field says,
//! the message is written back byte for byte, and reading it again gives the same.
#![no_main]

use bytes::{Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use sip_parser::frame::{Framed, Framer};
use sip_parser::{Contact, HeaderId, Limits, Message, Patch, ResponseBuilder, Span, Uri};

fn inside(m: &Message, span: Span) {
    assert!(span.start <= span.end && span.end as usize <= m.bytes().len());
}

fn headers(m: &Message) {
    let mut end = m.start_line_end();
    for h in m.headers() {
        inside(m, h.span);
        assert_eq!(h.span.start, end, "headers follow each other");
        end = h.span.end;
        assert_eq!(m.slice(h.value_span), h.value);
        assert!(m.slice(h.span).starts_with(h.name) && m.slice(h.span).ends_with(b"\r\n"));
        assert_eq!(HeaderId::from_name(h.name), h.id);
        let name_end = h.span.start + h.name.len() as u32;
        let between = m.slice(Span::new(name_end, h.value_span.start));
        let colon = between.iter().position(|b| !matches!(b, b' ' | b'\t'));
        assert_eq!(colon.map(|i| between[i]), Some(b':'), "only blanks stand behind a name");
        assert!(m.header(h.id).is_some());
    }
    assert_eq!(end, m.headers_end());
}

fn values(m: &Message) {
    for via in m.vias().flatten() {
        inside(m, via.span);
        assert_eq!(m.slice(via.sent_by_span), via.sent_by);
        let mut out = BytesMut::new();
        via.write_received(m.bytes(), ([192, 0, 2, 1], 5060).into(), &mut out);
        let stamped = sip_parser::Via::parse(&out).expect("a stamped Via is a Via");
        assert!(!via.needs_received(([192, 0, 2, 1], 5060).into()) || stamped.received().is_some());
        let _ = (via.branch(), via.rport(), via.ttl(), via.received_ip());
    }
    let lists = [
        HeaderId::From,
        HeaderId::To,
        HeaderId::Route,
        HeaderId::RecordRoute,
        HeaderId::Path,
        HeaderId::ServiceRoute,
        HeaderId::Contact,
        HeaderId::PAssertedIdentity,
        HeaderId::ReferTo,
        HeaderId::Other,
    ];
    for addr in lists.into_iter().flat_map(|id| m.addresses(id)).flatten() {
        inside(m, addr.span);
        assert_eq!(m.slice(addr.uri_span), addr.uri);
        if let Ok(uri) = addr.parsed_uri() {
            assert!(Uri::equivalent(&uri, &uri));
        }
        let _ = (addr.tag(), addr.q(), addr.expires(), addr.display_text());
    }
    for contact in m.contacts().flatten() {
        assert!(matches!(contact, Contact::Star) || contact.addr().is_some());
    }
    for id in [HeaderId::Authorization, HeaderId::ProxyAuthorization] {
        for c in m.credentials(id).flatten() {
            let mut out = BytesMut::new();
            c.write(&mut out);
            if c.is_digest() && c.username.is_some() {
                sip_parser::Credentials::parse(&out).expect("written credentials are readable");
            }
        }
    }
    for id in [HeaderId::WwwAuthenticate, HeaderId::ProxyAuthenticate] {
        m.challenges(id).flatten().for_each(|c| c.write(&mut BytesMut::new()));
    }
    for id in [HeaderId::Supported, HeaderId::Require, HeaderId::Allow, HeaderId::Accept] {
        m.tokens(id).flatten().for_each(|t| inside(m, t.span));
    }
    let _ = (m.date(), m.retry_after(), m.event(), m.subscription_state(), m.content_type());
    let _ = (m.expires(), m.min_expires(), m.max_forwards(), m.content_length());
    let _ = (m.to_string(), format!("{m:?}"), m.check_routing(), m.sip_uri());
}

/// On a stream it ends at the same byte, when framing takes it at all.
fn framed(m: &Message) {
    match Framer::new(Limits::DEFAULT).next(m.bytes()) {
        Framed::Message(n) => assert_eq!(n, m.bytes().len()),
        other => assert!(matches!(other, Framed::Bad(_)), "{other:?}"),
    }
}

fuzz_target!(|data: &[u8]| {
    let bytes = Bytes::copy_from_slice(data);
    match Message::parse(bytes.clone()) {
        Ok(m) => {
            headers(&m);
            values(&m);
            framed(&m);
            let mut out = BytesMut::new();
            Patch::new().write(&m, &mut out);
            assert_eq!(out, m.bytes());
            let again = Message::parse(out.freeze()).expect("a message stays a message");
            assert_eq!(again.headers().count(), m.headers().count());
            assert_eq!(again.body(), m.body());
            assert_eq!(again.check(), m.check());
            if m.is_request() && m.check().is_ok() {
                let answer = ResponseBuilder::from_request(&m, 200, "").to_tag(b"t").build();
                let answer = Message::parse(answer).expect("an answer is a message");
                assert_eq!(answer.check(), Ok(()), "{answer}");
                assert_eq!(answer.vias().count(), m.vias().count());
            }
        }
        Err(e) => {
            assert!(e.offset as usize <= data.len(), "{e:?}");
            let (code, reason) = e.status();
            assert!((400..600).contains(&code) && !reason.is_empty());
            if let Some(m) = Message::salvage(bytes.clone(), &Limits::DEFAULT) {
                headers(&m);
                values(&m);
            }
        }
    }
    if let Ok(r) = sip_parser::http::Request::parse(bytes) {
        assert!(r.body_span().end as usize == r.bytes().len());
        let _ = (r.wants_sip_websocket(), r.headers().count());
    }
});
