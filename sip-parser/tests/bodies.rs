//! Bodies, generated and known: what is made is read, nothing does harm, edits change what they
//! are for and nothing else.

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use sip_parser::body::{Multipart, NewPart, add_parts};
use sip_parser::sdp::{Direction, Place, Sdp};
use sip_parser::{HeaderId, Limits, Message, Patch, Span};
use std::net::IpAddr;
use std::path::Path;

#[derive(Clone, Debug)]
struct Section {
    kind: String,
    port: u16,
    payloads: Vec<u8>,
    mapped: Vec<u8>,
    connection: Option<IpAddr>,
    attributes: Vec<String>,
}

#[derive(Clone, Debug)]
struct Description {
    version: u64,
    connection: Option<IpAddr>,
    attributes: Vec<String>,
    media: Vec<Section>,
    crlf: bool,
    ended: bool,
}

fn address(ip: &IpAddr) -> String {
    format!("IN IP{} {ip}", if ip.is_ipv4() { 4 } else { 6 })
}

impl Description {
    fn text(&self) -> String {
        let mut lines = vec!["v=0".to_string()];
        lines.push(format!("o=- 1 {} IN IP4 192.0.2.1", self.version));
        lines.push("s=-".into());
        lines.extend(self.connection.iter().map(|c| format!("c={}", address(c))));
        lines.push("t=0 0".into());
        lines.extend(self.attributes.iter().map(|a| format!("a={a}")));
        for m in &self.media {
            let formats: String = m.payloads.iter().map(|p| format!(" {p}")).collect();
            lines.push(format!("m={} {} RTP/AVP{formats}", m.kind, m.port));
            lines.extend(m.connection.iter().map(|c| format!("c={}", address(c))));
            for p in &m.mapped {
                lines.push(format!("a=rtpmap:{p} codec{p}/8000"));
                lines.push(format!("a=fmtp:{p} x={p}"));
            }
            lines.extend(m.attributes.iter().map(|a| format!("a={a}")));
        }
        let end = if self.crlf { "\r\n" } else { "\n" };
        let text = lines.join(end);
        if self.ended { text + end } else { text }
    }
}

fn attribute() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z]{1,8}", "x-[a-z]{1,8}:[!-~]([ -~]{0,12}[!-~])?", "sendonly|recvonly|inactive"]
}

fn ip() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<std::net::Ipv4Addr>().prop_map(IpAddr::V4),
        any::<std::net::Ipv6Addr>().prop_map(IpAddr::V6),
    ]
}

fn section() -> impl Strategy<Value = Section> {
    let payloads = prop::collection::btree_set(0u8..128, 1..9).prop_shuffle_set();
    let attributes = prop::collection::vec(attribute(), 0..5);
    ("audio|video|text", any::<u16>(), payloads, any::<u8>(), prop::option::of(ip()), attributes)
        .prop_map(|(kind, port, payloads, bits, connection, attributes)| {
            let chosen = payloads.iter().enumerate().filter(|(i, _)| bits >> (i % 8) & 1 == 1);
            let mapped = chosen.map(|(_, p)| *p).collect();
            Section { kind, port, payloads, mapped, connection, attributes }
        })
}

/// Sets as shuffled lists.
trait Shuffled {
    fn prop_shuffle_set(self) -> BoxedStrategy<Vec<u8>>;
}

impl<S: Strategy<Value = std::collections::BTreeSet<u8>> + 'static> Shuffled for S {
    fn prop_shuffle_set(self) -> BoxedStrategy<Vec<u8>> {
        self.prop_map(|set| set.into_iter().collect::<Vec<u8>>()).prop_shuffle().boxed()
    }
}

fn description() -> impl Strategy<Value = Description> {
    let attributes = prop::collection::vec(attribute(), 0..5);
    let media = prop::collection::vec(section(), 0..5);
    (any::<u64>(), prop::option::of(ip()), attributes, media, any::<bool>(), any::<bool>())
        .prop_map(|(version, connection, attributes, media, crlf, ended)| Description {
            version,
            connection,
            attributes,
            media,
            crlf,
            ended,
        })
}

fn direction_of(attributes: &[String]) -> Option<Direction> {
    attributes.iter().find_map(|a| Direction::parse(a.as_bytes()))
}

/// Compares what is read with what was made; the meaning only, so that edits may move lines.
fn means(text: &[u8], made: &Description) -> Result<(), TestCaseError> {
    let sdp = Sdp::parse(text).map_err(|e| TestCaseError::fail(e.to_string()))?;
    let attributes = |s: sip_parser::sdp::Section<'_>| -> Vec<String> {
        let all = s
            .lines()
            .filter(|l| l.kind == b'a')
            .map(|l| String::from_utf8_lossy(l.value).into_owned());
        all.filter(|a| !a.starts_with("rtpmap") && !a.starts_with("fmtp")).collect()
    };
    let version = made.version.to_string();
    prop_assert_eq!(sdp.origin().unwrap().version, version.as_bytes());
    prop_assert_eq!(sdp.connection().and_then(|c| c.ip()), made.connection);
    prop_assert_eq!(attributes(sdp.session()), made.attributes.clone());
    prop_assert_eq!(sdp.direction(), direction_of(&made.attributes));
    prop_assert_eq!(sdp.media_count(), made.media.len());
    for (m, wanted) in sdp.media().zip(&made.media) {
        prop_assert_eq!((m.kind, m.port), (wanted.kind.as_bytes(), wanted.port));
        let c = m.connection().and_then(|c| c.ip());
        prop_assert_eq!(c, wanted.connection.or(made.connection));
        let codecs: Vec<u8> = m.codecs().iter().map(|c| c.payload).collect();
        prop_assert_eq!(&codecs, &wanted.payloads);
        for codec in m.codecs().iter() {
            let mapped = wanted.mapped.contains(&codec.payload);
            let name = format!("codec{}", codec.payload);
            prop_assert_eq!(codec.encoding == name.as_bytes(), mapped);
            prop_assert_eq!(codec.fmtp.is_some(), mapped);
        }
        prop_assert_eq!(m.rtpmaps().count(), wanted.mapped.len());
        prop_assert_eq!(attributes(m.section()), wanted.attributes.clone());
        let inherited = direction_of(&wanted.attributes).or(direction_of(&made.attributes));
        prop_assert_eq!(m.direction(), inherited.unwrap_or(Direction::SendRecv));
    }
    Ok(())
}

fn inside(span: Span, whole: Span) -> bool {
    span.start <= span.end && whole.start <= span.start && span.end <= whole.end
}

/// Asks a description for everything; fails where a span lies outside.
fn visit(sdp: &Sdp<'_>) {
    let whole = sdp.span();
    let _ = (sdp.check(), sdp.origin(), sdp.name(), sdp.timings().count());
    for section in sdp.media().map(|m| m.section()).chain([sdp.session()]) {
        assert!(inside(section.span(), whole));
        section
            .lines()
            .for_each(|l| assert!(inside(l.span, whole) && inside(l.value_span, l.span)));
        section
            .attributes()
            .for_each(|a| assert!(a.value_span.is_none_or(|s| inside(s, a.line.span))));
        section.bandwidths().for_each(drop);
    }
    for m in sdp.media() {
        assert!(inside(m.port_span, m.head().span));
        m.formats().for_each(|(_, s)| assert!(inside(s, m.head().span)));
        let _ = (m.codecs().iter().count(), m.candidates().count(), m.direction(), m.mid());
        m.fmtps().for_each(|f| assert!(f.get(b"x").is_none_or(|v| v.len() <= f.parameters.len())));
    }
}

fn soup() -> impl Strategy<Value = Vec<u8>> {
    let pieces: Vec<&'static [u8]> = vec![
        b"v=0\r\n",
        b"v=0\n",
        b"o=- 1 1 IN IP4 h\r\n",
        b"s=-\r\n",
        b"t=0 0\r\n",
        b"c=IN IP4 1.2.3.4\r\n",
        b"m=audio 1 RTP/AVP 0 8 97\r\n",
        b"m=",
        b"a=rtpmap:97 x/1\r\n",
        b"a=fmtp:97 apt=8\r\n",
        b"a=",
        b"a=candidate:1 1 UDP 1 h 1 typ host raddr x rport 1 y z\r\n",
        b"a=inactive\n",
        b"b=AS:1\r\n",
        b"\r\n",
        b"\n",
        b"\r",
        b" ",
        b":",
        b"/",
        b"0",
        b"99999",
        b"\0",
        b"\xff",
        b"x",
        b"--b\r\n",
        b"\r\n--b\r\n",
        b"\r\n--b--\r\n",
        b"--b",
        b"Content-Type: multipart/mixed;boundary=b\r\n",
        b"Content-Type: application/sdp\r\n",
        b"c: multipart/mixed;boundary=c\r\n\r\n--c\r\n",
        b"\r\n--c--",
    ];
    prop::collection::vec(prop::sample::select(pieces), 0..24).prop_map(|p| p.concat())
}

fn written(text: &[u8], edit: impl FnOnce(&mut Patch)) -> Vec<u8> {
    let (mut patch, mut out) = (Patch::new(), BytesMut::new());
    edit(&mut patch);
    patch.write_text(text, &mut out);
    out.to_vec()
}

fn message(kind: &str, body: &[u8]) -> Message {
    let head = format!("INVITE sip:b SIP/2.0\r\nContent-Type: {kind}\r\nl: {}\r\n\r\n", body.len());
    Message::parse(Bytes::from([head.as_bytes(), body].concat())).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn a_description_is_read_as_it_was_made(made in description()) {
        let text = made.text();
        means(text.as_bytes(), &made)?;
        visit(&Sdp::parse(text.as_bytes()).unwrap());
        prop_assert_eq!(written(text.as_bytes(), |_| {}), text.as_bytes());
    }

    #[test]
    fn edits_do_what_they_say_and_nothing_else(
        made in description(), ip in ip(), port in 1u16.., pick in any::<prop::sample::Index>(),
        which in 0usize..7, name in "y-[a-z]{1,6}",
    ) {
        let text = made.text();
        let sdp = Sdp::parse(text.as_bytes()).unwrap();
        let mut wanted = made.clone();
        let i = if made.media.is_empty() { 0 } else { pick.index(made.media.len()) };
        let out = written(text.as_bytes(), |p| {
            let mut e = sdp.edit(p);
            match (which, wanted.media.get_mut(i)) {
                (0, _) => {
                    e.set_connection(Place::Session, ip);
                    wanted.connection = Some(ip);
                }
                (1, Some(m)) => {
                    e.set_connection(Place::Media(i), ip);
                    m.connection = Some(ip);
                }
                (2, Some(m)) => {
                    e.set_port(i, 7);
                    e.set_port(i, port);
                    m.port = port;
                }
                (3, Some(m)) => {
                    e.add_attribute(Place::Media(i), name.as_bytes(), None);
                    m.attributes.push(name.clone());
                }
                (4, Some(_)) => {
                    e.remove_media(i);
                    wanted.media.remove(i);
                }
                (5, Some(m)) => {
                    let gone = m.payloads[pick.index(m.payloads.len())];
                    let left = e.remove_payloads(i, &[gone]);
                    if left.left == 0 {
                        m.port = 0;
                    } else {
                        m.payloads.retain(|p| *p != gone);
                        m.mapped.retain(|p| *p != gone);
                    }
                }
                _ => {
                    let removed = e.remove_attributes_where(Place::Session, |_| true);
                    assert_eq!(removed, wanted.attributes.len());
                    wanted.attributes.clear();
                }
            }
        });
        means(&out, &wanted)?;
        // What is left of the lines that no edit was for is as it was.
        if which != 4 {
            let kept = |t: &[u8]| {
                t.split(|b| *b == b'\n').filter(|l| l.starts_with(b"o=") || l.starts_with(b"t=")).count()
            };
            prop_assert_eq!(kept(&out), 2);
        }
    }

    #[test]
    fn soup_does_no_harm(front in prop::sample::select(vec![&b""[..], b"v=0\r\n", b"--b\r\n\r\n"]), rest in soup()) {
        let text = [front, &rest].concat();
        if let Ok(sdp) = Sdp::parse(&text) {
            visit(&sdp);
            let out = written(&text, |p| {
                let mut e = sdp.edit(p);
                e.set_connections("192.0.2.1".parse().unwrap());
                e.remove_payloads(0, &[8]);
                e.add_attribute(Place::Media(1), b"x", Some(b"y"));
                e.set_direction(Place::Session, Direction::Inactive);
                e.remove_attributes(Place::Media(0), b"fmtp");
            });
            prop_assert!(Sdp::parse(&out).is_ok(), "{:?}", String::from_utf8_lossy(&out));
        }
        if let Ok(body) = Multipart::parse(&text, b"b") {
            for part in body.walk(&Limits::DEFAULT).flatten() {
                prop_assert_eq!(part.content_span.of(&text), part.content);
                part.headers().for_each(|h| assert_eq!(h.value_span.of(&text), h.value));
                let _ = (part.content_type(), part.content_id());
            }
            let out = written(&text, |p| body.add_part(p, &[("c", b"a/b")], b"added").unwrap());
            let again = Multipart::parse(&out, b"b").unwrap();
            prop_assert_eq!(again.count(), body.count() + 1);
            prop_assert_eq!(again.part(body.count()).unwrap().content, b"added");
        }
        let m = message("multipart/mixed;boundary=b", &text);
        let _ = (m.sdp(), m.content("a", "b"));
    }

    #[test]
    fn parts_come_back_as_they_went_in(
        contents in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..6),
        body in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let m = message("text/plain", &body);
        let parts: Vec<_> = contents.iter()
            .map(|c| NewPart { content_type: "a/b", headers: &[("Content-ID", b"<1>")], content: c })
            .collect();
        let (mut patch, mut out) = (Patch::new(), BytesMut::new());
        add_parts(&mut patch, &m, &parts, &Limits::DEFAULT).unwrap();
        patch.write(&m, &mut out);
        let new = Message::parse(out.clone().freeze()).unwrap();
        // Content-Length fits, or bytes would be missing or cut off.
        prop_assert_eq!(new.bytes().len(), out.len());
        let mut wanted = contents.clone();
        if body.is_empty() && contents.len() == 1 {
            prop_assert_eq!(new.body(), &contents[0][..]);
            return Ok(());
        }
        if !body.is_empty() {
            wanted.insert(0, body);
        }
        let read = new.multipart().unwrap().unwrap();
        let got: Vec<_> = read.parts().map(|p| p.content.to_vec()).collect();
        prop_assert_eq!(got, wanted);
    }
}

fn file(name: &str) -> Message {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    Message::parse(Bytes::from(std::fs::read(path).unwrap())).unwrap()
}

#[test]
fn the_bodies_of_the_torture_messages_are_read() {
    let m = file("tests/corpus/torture/rfc4475/mpart01.dat");
    let body = m.multipart().unwrap().unwrap();
    let kinds: Vec<_> = body.parts().map(|p| p.content_type().unwrap().subtype).collect();
    assert_eq!(kinds, [&b"plain"[..], b"octet-stream"]);
    assert_eq!(body.part(0).unwrap().content, b"Hello");
    // The second part is binary, and ends where the delimiter does.
    let second = body.part(1).unwrap();
    assert!(second.content.len() > 300 && second.content.contains(&0));
    let m = file("tests/corpus/torture/rfc4475/sdp01.dat");
    assert!(m.sdp().unwrap().is_some_and(|s| s.check().is_ok()));
}

#[test]
fn descriptions_that_broke_other_servers_do_no_harm() {
    use sip_parser::body::ContentError;
    use sip_parser::sdp::SdpFault;
    let name = "CVE-2018-1000099-fmtp-nul.bin";
    let m = file(&format!("tests/corpus/cve/{name}"));
    let Err(ContentError::Sdp(e)) = m.sdp() else { panic!("{:?}", m.sdp()) };
    assert_eq!((e.kind, e.fault, e.status().0), (b'a', SdpFault::Character, 400));
    assert_eq!(m.bytes()[e.offset as usize], 0);
    // A format that is no payload type is a word like any other, and no codec.
    let m = file("tests/corpus/cve/CVE-2018-1000098-m-2pow32.bin");
    let sdp = m.sdp().unwrap().unwrap();
    let audio = sdp.medium(0).unwrap();
    assert_eq!(audio.formats().map(|f| f.0).collect::<Vec<_>>(), [b"4294967296"]);
    assert_eq!(audio.codecs().iter().count(), 0);
}

#[test]
fn every_description_of_the_corpus_is_read_and_edited_in_place() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../benches/corpus");
    let mut seen = 0;
    for file in std::fs::read_dir(dir).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|e| e != "sip") {
            continue;
        }
        let m = Message::parse(Bytes::from(std::fs::read(&path).unwrap())).unwrap();
        let Some(sdp) = m.sdp().unwrap() else { continue };
        seen += 1;
        visit(&sdp);
        assert_eq!(sdp.check(), Ok(()), "{path:?}");
        let named = |m: sip_parser::sdp::Media<'_>| {
            m.codecs().iter().next().is_some_and(|c| !c.encoding.is_empty() && c.clock > 0)
        };
        assert!(sdp.media().all(named), "{path:?}");
        let (mut patch, mut out) = (Patch::new(), BytesMut::new());
        let mut edit = sdp.edit(&mut patch);
        edit.set_connections("2001:db8::1234:5678".parse().unwrap());
        edit.set_port(0, 1);
        patch.write(&m, &mut out);
        let new = Message::parse(out.freeze()).unwrap();
        let length = new.header(HeaderId::ContentLength).unwrap().value;
        assert_eq!(length, new.body().len().to_string().as_bytes());
        let read = new.sdp().unwrap().unwrap();
        assert_eq!((read.medium(0).unwrap().port, read.media_count()), (1, sdp.media_count()));
        assert_eq!(new.body().len() as u32, read.span().len());
        // The head is the same but for that one number.
        let head = |m: &Message| m.bytes()[..m.body_start() as usize].to_vec();
        let old = head(&m);
        let differing = head(&new).iter().zip(&old).filter(|(a, b)| a != b).count();
        assert!(differing <= 4, "{path:?}");
    }
    assert!(seen >= 3, "{seen}");
}
