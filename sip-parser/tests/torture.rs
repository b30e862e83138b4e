//! RFC 4475 and RFC 5118 torture messages, judged as `expectations.csv` says, as far as the
//! parser decides; what is for a proxy core or a registrar is named in [`OTHERS_DECIDE`] and the
//! parser's part of it checked. And the published inputs that broke other servers.

use bytes::{Bytes, BytesMut};
use sip_parser::frame::{Framed, Framer};
use sip_parser::{HeaderId, Limits, Message, Method, Patch, Scheme};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

/// One row of the table: what is expected of a message.
struct Row {
    file: String,
    expected: String,
    actions: Vec<String>,
}

/// Splits a CSV line; quotes hold commas.
fn fields(line: &str) -> Vec<String> {
    let (mut all, mut quoted) = (vec![String::new()], false);
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => all.push(String::new()),
            c => all.last_mut().unwrap().push(c),
        }
    }
    all
}

fn table() -> BTreeMap<String, Row> {
    let csv = std::fs::read_to_string(corpus().join("torture/expectations.csv")).unwrap();
    let rows = csv.lines().skip(1).filter(|l| !l.is_empty()).map(|line| {
        let f = fields(line);
        let actions = f[4].split('|').map(str::to_string).collect();
        (f[0].clone(), Row { file: f[1].clone(), expected: f[3].clone(), actions })
    });
    rows.collect()
}

fn bytes_of(name: &str) -> Bytes {
    let file = &table()[name].file;
    Bytes::from(std::fs::read(corpus().join("torture").join(file)).unwrap())
}

fn message(name: &str) -> Message {
    Message::parse(bytes_of(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// What the parser says: accepted, or the code to answer with (a response: to be dropped).
fn verdict(name: &str) -> Result<(), String> {
    let text = bytes_of(name);
    let code = |(code, _): (u16, &str)| match text.starts_with(b"SIP/") {
        true if code != 505 => "drop".to_string(),
        _ => code.to_string(),
    };
    let m = Message::parse(text.clone()).map_err(|e| code(e.status()))?;
    m.check().map_err(|e| code(e.status()))
}

/// Accepted by the parser, refused further up, and by whom.
const OTHERS_DECIDE: [(&str, &str); 7] = [
    ("unkscm", "proxy core, by sip_uri()"),
    ("novelsc", "proxy core, by sip_uri()"),
    ("unksm2", "registrar"),
    ("bext01", "proxy core"),
    ("zeromf", "proxy core"),
    ("bcast", "proxy core"),
    ("regaut01", "registrar"),
];

#[test]
fn every_torture_message_is_judged_as_expected() {
    let rows = table();
    assert_eq!(rows.len(), 61);
    let mut wrong = Vec::new();
    for (name, row) in &rows {
        let got = verdict(name);
        let lawful_code = |code: &String| row.actions.contains(code);
        let fine = match (row.expected.as_str(), &got) {
            ("accept", Ok(())) => true,
            ("reject", Err(code)) => lawful_code(code),
            ("either", Ok(())) => true,
            ("either", Err(code)) => lawful_code(code),
            _ => false,
        };
        let only_refusals = row.actions.iter().all(|a| a == "drop" || a.starts_with(['4', '5']));
        let delegated = OTHERS_DECIDE.iter().any(|(n, _)| n == name);
        let mut left_alone = row.expected == "accept" && only_refusals && !delegated;
        left_alone |= row.expected == "either" && got.is_ok() && only_refusals;
        if !fine || left_alone {
            wrong.push(format!("{name}: {got:?}, expected {} {:?}", row.expected, row.actions));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_request_that_is_refused_can_be_answered() {
    for (name, row) in &table() {
        let text = bytes_of(name);
        if Message::parse(text.clone()).is_ok() || row.actions == ["drop"] {
            continue;
        }
        let m = Message::salvage(text, &Limits::DEFAULT).unwrap_or_else(|| panic!("{name}"));
        assert!(m.top_via().is_ok() && m.cseq().is_ok() && m.call_id().is_ok(), "{name}");
    }
}

#[test]
fn what_others_refuse_is_shown_to_them() {
    for name in ["unkscm", "novelsc"] {
        assert_eq!(message(name).sip_uri().unwrap_err().status().0, 416, "{name}");
    }
    let m = message("unksm2");
    assert_eq!(m.to().unwrap().parsed_uri().unwrap().scheme, Scheme::Other);
    let m = message("bext01");
    let tags: Vec<_> = m.tokens(HeaderId::ProxyRequire).map(|t| t.unwrap().token).collect();
    assert_eq!(tags, [&b"noProxiesSupportThis"[..], b"norDoAnyProxiesSupportThis"]);
    assert_eq!(message("zeromf").max_forwards(), Ok(Some(0)));
    let m = message("bcast");
    let second = m.vias().nth(1).unwrap().unwrap();
    assert_eq!(second.host.as_ip(), Some("255.255.255.255".parse::<IpAddr>().unwrap()));
    let m = message("regaut01");
    assert!(!m.credentials(HeaderId::Authorization).next().unwrap().unwrap().is_digest());
}

#[test]
fn odd_but_valid_messages_are_read_right() {
    let m = message("wsinv");
    assert_eq!(m.vias().map(Result::unwrap).count(), 3);
    assert_eq!(m.routes().map(Result::unwrap).count(), 1);
    assert_eq!(m.max_forwards(), Ok(Some(68)));
    assert_eq!(m.cseq().unwrap().number, 9);
    assert_eq!(m.to().unwrap().tag(), Some(&b"1918181833n"[..]));
    assert_eq!(m.from().unwrap().display_text(), "J Rosenberg \\\"");
    let contact = m.contacts().next().unwrap().unwrap();
    assert_eq!(contact.addr().unwrap().q(), Some(330));
    assert_eq!(m.header(HeaderId::Subject).unwrap().value, b"");
    assert_eq!(m.vias().nth(2).unwrap().unwrap().branch(), Some(&b"z9hG4bK30239"[..]));

    let m = message("intmeth");
    assert_eq!(m.method(), Some(Method::Other));
    assert_eq!(m.method_name(), b"!interesting-Method0123456789_*+`.%indeed'~");
    assert!(m.call_id().unwrap().ends_with(b"}{"));
    assert_eq!(m.to().unwrap().display_text(), "BEL:\u{7} NUL:\0 DEL:\u{7f}");
    assert_eq!(m.max_forwards(), Ok(Some(255)));

    let m = message("escnull");
    let contacts: Vec<_> = m.contacts().map(|c| *c.unwrap().addr().unwrap()).collect();
    let uris: Vec<_> = contacts.iter().map(|c| c.parsed_uri().unwrap()).collect();
    assert_eq!(uris.len(), 2);
    assert!(!sip_parser::Uri::equivalent(&uris[0], &uris[1]));
    assert_eq!(&*sip_parser::unescape(uris[0].user.unwrap()), b"\0");

    let m = message("esc02");
    assert_eq!(m.method(), Some(Method::Other));
    assert_eq!(m.contacts().map(Result::unwrap).count(), 2);

    let m = message("lwsdisp");
    assert_eq!(m.from().unwrap().display, Some(&b"caller"[..]));

    let m = message("longreq");
    assert!(m.vias().map(Result::unwrap).count() > 30);
    assert!(m.call_id().unwrap().len() > 100);

    let m = message("dblreq");
    assert_eq!((m.method(), m.body()), (Some(Method::Register), &b""[..]));
    assert!(m.bytes().len() < bytes_of("dblreq").len());

    let m = message("semiuri");
    let uri = m.uri().unwrap();
    assert_eq!(&*sip_parser::unescape(uri.user.unwrap()), b"user;par=u@example.net");
    assert!(uri.params.is_empty());

    let m = message("mpart01");
    assert_eq!(m.content_length().unwrap().map(|n| n as usize), Some(m.body().len()));
    assert!(m.body().iter().any(|b| *b == 0 || *b > 0x7f));
    assert_eq!((message("noreason").status(), message("noreason").reason()), (Some(100), &b""[..]));
    assert!(message("unreason").reason().len() > 30);

    // Behind the brackets a parameter is the header's, inside them the URI's.
    for (name, outside) in [("cparam01", true), ("cparam02", false)] {
        let m = message(name);
        let contact = m.contacts().next().unwrap().unwrap();
        let addr = contact.addr().unwrap();
        let inside = addr.parsed_uri().unwrap().params.has(b"unknownparam");
        assert_eq!((addr.params.has(b"unknownparam"), inside), (outside, !outside), "{name}");
    }
    let m = message("regescrt");
    let c = *m.contacts().next().unwrap().unwrap().addr().unwrap();
    assert!(!c.parsed_uri().unwrap().headers.is_empty());
    assert!(message("inv2543").header(HeaderId::ContentLength).is_none());
    assert!(!message("inv2543").body().is_empty());
}

#[test]
fn ipv6_is_read_right() {
    let ip = |s: &str| Some(s.parse::<IpAddr>().unwrap());
    let uri = |name: &str| {
        let m = message(name);
        let u = m.uri().unwrap();
        (u.host.as_ip(), u.port)
    };
    assert_eq!(uri("port-ambiguous"), (ip("2001:db8::10:5070"), None));
    assert_eq!(uri("port-unambiguous"), (ip("2001:db8::10"), Some(5070)));
    for name in ["via-received-param-with-delim", "via-received-param-no-delim"] {
        let m = message(name);
        assert_eq!(m.top_via().unwrap().received_ip(), ip("2001:db8::9:255"), "{name}");
    }
    let m = message("mult-ip-in-header");
    let kinds: Vec<_> = m.vias().map(|v| v.unwrap().host.as_ip().unwrap().is_ipv6()).collect();
    assert!(kinds.contains(&true) && kinds.contains(&false));
}

#[test]
fn every_message_that_parses_is_written_back_byte_for_byte() {
    for name in table().keys() {
        let text = bytes_of(name);
        let Ok(m) = Message::parse(text.clone()) else { continue };
        let mut out = BytesMut::new();
        Patch::new().write(&m, &mut out);
        assert!(text.starts_with(&out), "{name}");
        assert_eq!(out, m.bytes(), "{name}");
    }
}

#[test]
fn streams_cut_at_the_same_place_as_datagrams() {
    for name in table().keys() {
        let text = bytes_of(name);
        let Ok(m) = Message::parse(text.clone()) else { continue };
        if m.header(HeaderId::ContentLength).is_some() {
            let framed = Framer::new(Limits::DEFAULT).next(&text);
            assert_eq!(framed, Framed::Message(m.bytes().len()), "{name}");
        }
    }
}

#[test]
fn inputs_that_broke_other_servers_do_no_harm_here() {
    let mut seen = 0;
    for file in std::fs::read_dir(corpus().join("cve")).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|e| e != "bin") {
            continue;
        }
        let text = Bytes::from(std::fs::read(&path).unwrap());
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        seen += 1;
        let parsed = Message::parse(text.clone());
        match name.as_str() {
            // Control characters before the colon are no white space.
            n if n.starts_with("CVE-2016-9938") => assert!(parsed.is_err(), "{n}"),
            // Lines that end in LF alone.
            n if n.starts_with("CVE-2017-9359") => assert!(parsed.is_err(), "{n}"),
            n if n.starts_with("CVE-2017-9372") => assert!(parsed.unwrap().check().is_err(), "{n}"),
            // A blank before the colon hides nothing.
            n if n.starts_with("CVE-2020-28361") => {
                let m = parsed.unwrap();
                assert!(m.headers().all(|h| !h.name.ends_with(b" ")), "{n}");
            }
            n => assert_eq!(parsed.unwrap().check_routing(), Ok(()), "{n}"),
        }
    }
    assert_eq!(seen, 10);
}
