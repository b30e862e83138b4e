//! Properties that hold for all input: nothing panics, spans lie inside, untouched bytes survive,
//! what is built is read back.

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use sip_parser::{
    Contact, HeaderId, Host, Limits, Message, NameAddr, Patch, RequestBuilder, ResponseBuilder,
    Scheme, Span, Tel, Uri, Via,
};

/// Text made of what SIP is made of, so that random input gets deep into the grammar.
fn soup() -> impl Strategy<Value = Vec<u8>> {
    let pieces: Vec<&'static [u8]> = vec![
        b"INVITE sip:a@b SIP/2.0\r\n",
        b"SIP/2.0 200 OK\r\n",
        b"\r\n",
        b"\r\n ",
        b"\r",
        b"\n",
        b" ",
        b"\t",
        b"Via",
        b"v",
        b"From",
        b"t",
        b"Contact",
        b"Route",
        b"CSeq",
        b"Call-ID",
        b"l",
        b"X-Y",
        b":",
        b": ",
        b"SIP/2.0/UDP",
        b" h",
        b":5060",
        b";",
        b"branch",
        b"=",
        b"\"",
        b"\\",
        b"<",
        b">",
        b",",
        b"sip:",
        b"sips:a@[::1]:5",
        b"tel:+1",
        b"*",
        b"@",
        b"%41",
        b"%",
        b"?",
        b"&",
        b"1",
        b"4294967296",
        b"INVITE",
        b"Digest realm=\"x\"",
        b"0",
        b"\0",
        b"\xff",
        b"(",
        b")",
        b"q=0.5",
    ];
    prop::collection::vec(prop::sample::select(pieces), 0..40).prop_map(|p| p.concat())
}

fn inside(m: &Message, s: Span) -> bool {
    s.start <= s.end && s.end as usize <= m.bytes().len()
}

/// Asks a message for everything; panics only if the parser does, or a span is wrong.
fn visit(m: &Message) {
    let _ = (m.check(), m.check_routing(), m.uri(), m.sip_uri(), m.to_string(), format!("{m:?}"));
    for h in m.headers() {
        assert!(inside(m, h.span) && inside(m, h.value_span));
        assert_eq!(m.slice(h.value_span), h.value);
        assert!(m.slice(h.span).starts_with(h.name) && m.slice(h.span).ends_with(b"\n"));
        assert!(m.headers_named(h.name).any(|other| other.span == h.span));
        let via = Via::parse(h.value);
        let addr = NameAddr::parse(h.value);
        for (span, params) in
            via.iter().map(|v| (v.span, v.params)).chain(addr.iter().map(|a| (a.span, a.params)))
        {
            assert!(span.end as usize <= h.value.len());
            params.iter().for_each(|(name, _)| assert!(!name.is_empty()));
        }
        for id in [h.id, HeaderId::Contact] {
            m.addresses(id).flatten().for_each(|a| {
                assert_eq!(m.slice(a.uri_span), a.uri);
                assert!(inside(m, a.span) && a.span.start <= a.uri_span.start);
                let _ = (a.q(), a.expires(), a.tag(), a.display_text(), a.parsed_uri());
            });
            m.tokens(id).flatten().for_each(|t| assert!(m.slice(t.span).starts_with(t.token)));
            m.credentials(id).for_each(drop);
            m.challenges(id).for_each(drop);
        }
    }
    m.vias().flatten().for_each(|v| {
        assert_eq!(m.slice(v.sent_by_span), v.sent_by);
        assert!(inside(m, v.span));
        let _ = (v.branch(), v.received_ip(), v.rport(), v.ttl());
    });
    m.contacts().flatten().for_each(|c| assert!(matches!(c, Contact::Star) || c.addr().is_some()));
    let _ = (m.cseq(), m.call_id(), m.expires(), m.date(), m.retry_after(), m.event());
    let _ = (m.subscription_state(), m.content_type(), m.max_forwards());
}

fn user() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9_.!~*'()&=+$,;?/-]{1,12}|%[0-9A-F]{2}[a-z]{0,4}"
}

fn host() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z][a-z0-9]{0,8}(\\.[a-z][a-z0-9]{0,8}){0,2}",
        any::<std::net::Ipv4Addr>().prop_map(|a| a.to_string()),
        any::<std::net::Ipv6Addr>().prop_map(|a| format!("[{a}]")),
        (any::<std::net::Ipv6Addr>(), "%25|%", "[a-z][a-z0-9._~-]{0,7}")
            .prop_map(|(a, mark, zone)| format!("[{a}{mark}{zone}]")),
    ]
}

fn params() -> impl Strategy<Value = String> {
    prop::collection::vec("[a-z][a-z0-9-]{0,6}(=[a-zA-Z0-9.-]{1,8})?", 0..4)
        .prop_map(|p| p.iter().map(|x| format!(";{x}")).collect())
}

type UriParts = (bool, Option<String>, Option<String>, String, Option<u16>, String, Option<String>);

fn uri_parts() -> impl Strategy<Value = UriParts> {
    (
        any::<bool>(),
        prop::option::of(user()),
        prop::option::of("[a-z0-9]{0,6}"),
        host(),
        prop::option::of(any::<u16>()),
        params(),
        prop::option::of("[a-z]{1,5}=[a-z%]{0}[a-z0-9]{0,5}(&[a-z]{1,4}=[a-z]{0,4})?"),
    )
}

fn uri_text((sips, user, password, host, port, params, headers): &UriParts) -> String {
    let mut text = String::from(if *sips { "sips:" } else { "sip:" });
    if let Some(user) = user {
        text += user;
        if let Some(password) = password {
            text += &format!(":{password}");
        }
        text.push('@');
    }
    text += host;
    if let Some(port) = port {
        text += &format!(":{port}");
    }
    text += params;
    if let Some(headers) = headers {
        text += &format!("?{headers}");
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let bytes = Bytes::from(bytes);
        if let Ok(m) = Message::parse(bytes.clone()) {
            visit(&m);
        }
        if let Some(m) = Message::salvage(bytes.clone(), &Limits::DEFAULT) {
            visit(&m);
        }
        let _ = (Uri::parse(&bytes), sip_parser::http::Request::parse(bytes.clone()));
    }

    #[test]
    fn sip_soup_does_no_harm(head in soup(), tail in soup()) {
        let text = [&b"INVITE sip:a SIP/2.0\r\n"[..], &head, b"\r\n\r\n", &tail].concat();
        for bytes in [Bytes::from(text), Bytes::from(head)] {
            if let Ok(m) = Message::parse(bytes.clone()) {
                visit(&m);
                let mut out = BytesMut::new();
                Patch::new().write(&m, &mut out);
                prop_assert_eq!(&out, m.bytes());
            }
            if let Some(m) = Message::salvage(bytes, &Limits::DEFAULT) {
                visit(&m);
            }
        }
    }

    #[test]
    fn each_header_value_is_read_without_harm(value in soup()) {
        let value: Vec<u8> = value.into_iter().filter(|b| !b"\r\n".contains(b)).collect();
        let _ = (Uri::parse(&value), Host::parse(&value));
        for name in ["Via", "From", "Contact", "CSeq", "Authorization", "WWW-Authenticate", "Date",
                     "Event", "Retry-After", "Supported", "Content-Type", "Call-ID", "Expires"] {
            let text = [b"ACK sip:a SIP/2.0\r\n", name.as_bytes(), b":", &value, b"\r\n\r\n"].concat();
            visit(&Message::parse(Bytes::from(text)).unwrap());
        }
    }

    #[test]
    fn a_uri_is_read_as_it_was_written(parts in uri_parts()) {
        let text = uri_text(&parts);
        let (sips, user, password, host, port, params, headers) = &parts;
        let u = Uri::parse(text.as_bytes()).map_err(|e| TestCaseError::fail(format!("{text}: {e}")))?;
        prop_assert_eq!(u.scheme == Scheme::Sips, *sips);
        prop_assert_eq!(u.user, user.as_ref().map(String::as_bytes));
        let password = password.as_ref().filter(|_| user.is_some());
        prop_assert_eq!(u.password, password.map(String::as_bytes));
        prop_assert_eq!(Some(u.host), Host::parse(host.as_bytes()));
        prop_assert_eq!(u.port, *port);
        prop_assert_eq!(u.params.raw(), params.as_bytes());
        prop_assert_eq!(u.headers, headers.as_deref().unwrap_or("").as_bytes());
        prop_assert!(Uri::equivalent(&u, &u));
        // And written as it was read.
        prop_assert_eq!(u.to_string(), text);
    }

    #[test]
    fn a_number_is_read_as_it_was_written(
        digits in "[0-9]([0-9.()-]{0,10}[0-9])?", global in any::<bool>(),
        ext in prop::option::of("[0-9]{1,5}"), more in prop::option::of("[a-z]{1,3}=[a-z0-9]{1,4}"),
        context in "\\+[0-9]{1,3}|[a-z]{1,5}\\.[a-z]{1,5}", as_sip in any::<bool>(),
    ) {
        let mut number = if global { format!("+{digits}") } else { digits.clone() };
        let plain: String = number.chars().filter(|c| !"-.()".contains(*c)).collect();
        if let Some(ext) = &ext {
            number += &format!(";ext={ext}");
        }
        if !global {
            number += &format!(";phone-context={context}");
        }
        if let Some(more) = &more {
            number += &format!(";x{more}");
        }
        let text = if as_sip { format!("sip:{number}@h;user=phone") } else { format!("tel:{number}") };
        let uri = Uri::parse(text.as_bytes()).unwrap();
        let tel = Tel::of(&uri).unwrap().map_err(|e| TestCaseError::fail(format!("{text}: {e}")))?;
        prop_assert_eq!((tel.is_global(), &tel.digits()[..]), (global, plain.as_bytes()));
        prop_assert_eq!(tel.extension(), ext.as_ref().map(String::as_bytes));
        prop_assert_eq!(tel.context().is_some(), !global);
        prop_assert!(tel.equivalent(&tel));
        prop_assert_eq!(uri.to_string(), text);
    }

    #[test]
    fn equivalence_is_symmetric(a in uri_parts(), b in uri_parts(), same in any::<bool>()) {
        let (a, mut b) = (a, b);
        if same {
            (b.0, b.1, b.2, b.3, b.4) = (a.0, a.1.clone(), a.2.clone(), a.3.clone(), a.4);
        }
        let (ta, tb) = (uri_text(&a), uri_text(&b));
        let (ua, ub) = (Uri::parse(ta.as_bytes()).unwrap(), Uri::parse(tb.as_bytes()).unwrap());
        prop_assert_eq!(Uri::equivalent(&ua, &ub), Uri::equivalent(&ub, &ua));
        let upper = tb.replace("sip", "SIP");
        let shouted = Uri::parse(upper.as_bytes()).unwrap();
        if !upper[4..].contains("SIP") {
            prop_assert!(Uri::equivalent(&ub, &shouted));
        }
    }

    #[test]
    fn an_address_is_read_as_it_was_written(
        display in prop::option::of("[a-zA-Z0-9]{1,6}( [a-z.~]{1,6}){0,2}|\"([a-z ,;<>]|\\\\\\\\|\\\\\")*\""),
        parts in uri_parts(), params in params(),
    ) {
        let uri = uri_text(&parts);
        let name = display.clone().unwrap_or_default();
        let text = format!("{name} <{uri}>{params}");
        let trimmed = text.trim_start().as_bytes();
        let a = NameAddr::parse(trimmed).map_err(|e| TestCaseError::fail(format!("{text}: {e}")))?;
        prop_assert_eq!(a.display, display.as_ref().map(String::as_bytes));
        prop_assert_eq!(a.uri, uri.as_bytes());
        prop_assert_eq!(a.params.raw(), params.as_bytes());
        prop_assert_eq!(a.span.of(trimmed), trimmed);
    }

    #[test]
    fn patched_messages_hold_the_edits_and_nothing_else_changes(
        edits in prop::collection::vec((0usize..120, 0usize..20, "[A-Z]{0,5}"), 0..8),
    ) {
        let text = "MESSAGE sip:b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nTo: <sip:t>\r\n\
                    From: <sip:f>;tag=2\r\nCall-ID: c\r\nCSeq: 1 MESSAGE\r\nl: 4\r\n\r\nbody";
        let m = Message::parse(Bytes::from_static(text.as_bytes())).unwrap();
        let mut patch = Patch::new();
        // Edits that do not touch each other, in a shuffled order, must equal plain splicing.
        let (mut spans, mut at) = (Vec::new(), 0);
        for (gap, len, put) in edits {
            let start = at + gap % 30 + 1;
            let end = (start + len).min(text.len());
            if start >= text.len() {
                break;
            }
            spans.push((start, end, put));
            at = end;
        }
        // An edit in the body makes Content-Length fit, unless it was edited itself.
        let (body, value) = (text.len() - 4, text.find("l: 4").unwrap() + 3);
        let grown = |s: usize, e: usize| {
            let inside = spans.iter().filter(|x| x.1 > s || x.0 >= s).filter(|x| x.0 < e);
            inside.fold(e - s, |n, x| if x.0 < s { n } else { n + x.2.len() } - (x.1.min(e) - x.0.max(s)))
        };
        let length = grown(body, usize::MAX - 100) - (usize::MAX - 100 - text.len());
        let touches = spans.iter().any(|x| x.1 >= body);
        let own = spans.iter().any(|x| x.0 <= value + 1 && x.1 >= value);
        let mut splices = spans.clone();
        if touches && !own && length != 4 {
            splices.push((value, value + 1, length.to_string()));
            splices.sort();
        }
        let mut expected = text.to_string();
        for (start, end, put) in splices.iter().rev() {
            expected.replace_range(*start..*end, put);
        }
        for (i, _) in spans.iter().enumerate() {
            let (start, end, put) = &spans[if i % 2 == 0 { i / 2 } else { spans.len() - 1 - i / 2 }];
            let span = Span::new(u32::try_from(*start).unwrap(), u32::try_from(*end).unwrap());
            patch.replace(span, put.as_bytes());
        }
        let mut out = BytesMut::new();
        patch.write(&m, &mut out);
        prop_assert_eq!(patch.written_len(&m), out.len());
        prop_assert_eq!(String::from_utf8(out.to_vec()).unwrap(), expected);
    }

    #[test]
    fn what_is_built_is_read_back(
        headers in prop::collection::vec(("X-[A-Za-z]{1,8}", "[ -~\r\n\u{e4}]{0,30}"), 0..30),
        body in prop::collection::vec(any::<u8>(), 0..60), code in 100u16..700, reason in "[ -~\r\n]{0,12}",
    ) {
        let mut b = RequestBuilder::new("OPTIONS", b"sip:a@b")
            .header("Via", "SIP/2.0/UDP h;branch=z9hG4bK1")
            .header("From", "<sip:a@b>;tag=1").header("To", "<sip:a@b>")
            .header("Call-ID", "1@x").header("CSeq", "7 OPTIONS");
        for (name, value) in &headers {
            b = b.header(name, value);
        }
        let m = Message::parse(b.body("a/b", body.clone()).build()).unwrap();
        prop_assert_eq!(m.check(), Ok(()));
        prop_assert_eq!(m.body(), &body[..]);
        let got: Vec<_> = m.headers().filter(|h| h.name.starts_with(b"X-")).collect();
        prop_assert_eq!(got.len(), headers.len());
        for (h, (name, value)) in got.iter().zip(&headers) {
            let value = value.replace(['\r', '\n'], " ");
            prop_assert_eq!((h.name, h.value), (name.as_bytes(), value.trim_matches(' ').as_bytes()));
        }
        let answer = ResponseBuilder::from_request(&m, code, &reason).to_tag(b"tt").build();
        let answer = Message::parse(answer).unwrap();
        prop_assert_eq!((answer.check(), answer.status()), (Ok(()), Some(code)));
        prop_assert_eq!(answer.to().unwrap().tag().is_some(), code != 100);
    }
}
