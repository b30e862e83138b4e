//! Hostile input: much of the same in one place of a message, URI or stream. Each case says what
//! is done with it, so that its cost a byte can be held against that of the corpus.

use std::hint::black_box;

use bytes::{Bytes, BytesMut};
use sip_parser::body::Multipart;
use sip_parser::frame::{Framed, Framer};
use sip_parser::sdp::{Sdp, Section};
use sip_parser::{HeaderId, Limits, Message, Patch, Uri, http};

use crate::corpus::Sample;
use crate::depths::every;
use crate::fillers::{Filler, delimiters, single_bytes, structure_and_members};

/// What is done with the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// The one pass; a message that is refused is salvaged, as a server does that answers it.
    Split,
    /// And every header by its own parser.
    Every,
    /// A URI by itself.
    Uri,
    /// A URI compared with itself.
    Compare,
    /// The stream framer, given all at once.
    Frame,
    /// The stream framer, given a byte more each time.
    Dribble,
    /// An HTTP/1.x request.
    Http,
    /// A session description with all its lines and attributes.
    Sdp,
    /// A multipart body with the headers of its parts, and parts in parts.
    Multipart,
}

/// All of them, with names for the table.
pub const OPS: [(Op, &str); 9] = [
    (Op::Split, "split"),
    (Op::Every, "every header"),
    (Op::Uri, "URI"),
    (Op::Compare, "URI comparison"),
    (Op::Frame, "framer"),
    (Op::Dribble, "framer, byte by byte"),
    (Op::Http, "HTTP head"),
    (Op::Sdp, "SDP"),
    (Op::Multipart, "multipart"),
];

/// One case: what is counted in one go.
pub struct Case {
    /// Where the filling stands.
    pub place: String,
    /// Which filling it is.
    pub filler: String,
    /// What is done.
    pub op: Op,
    before: Vec<u8>,
    after: &'static [u8],
    fillers: Vec<Filler>,
    len: usize,
    /// How much larger its cost a byte may be than that of the corpus.
    pub factor: f64,
}

/// The filling of most cases, in bytes: as much as a header section of 65,535 bytes has room for.
const LARGE: usize = 64_000;
/// The filling of those that go through every header or byte by byte: enough for anything
/// quadratic to show.
const SMALL: usize = 4_000;

/// Wide enough that the filling is read and not refused for its length.
fn limits() -> Limits {
    let most = usize::MAX;
    Limits {
        line: most,
        uri: most,
        params: most,
        parts: most,
        sdp_lines: most,
        sdp_formats: most,
        ..Limits::DEFAULT
    }
}

const REST: &[u8] = b"\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\n\
    To: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n";
const REST_OF_LINE: &[u8] = b" SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n\
    From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n\
    Content-Length: 0\r\n\r\n";

/// Where in a message: a name, what stands before the filling, and what behind it.
const IN_MESSAGE: [(&str, &str, &[u8]); 15] = [
    ("start of the message", "", REST),
    ("method", "INV", b" sip:a SIP/2.0\r\n\r\n"),
    ("Request-URI", "INVITE ", REST_OF_LINE),
    ("Request-URI, user", "INVITE sip:", b"@h SIP/2.0\r\n\r\n"),
    ("Request-URI, parameters", "INVITE sip:a@h;a", REST_OF_LINE),
    ("Request-URI, headers", "INVITE sip:a@h?a=", REST_OF_LINE),
    ("SIP version", "INVITE sip:a@h SIP/2.0", REST),
    ("reason phrase", "SIP/2.0 200 ", REST),
    ("header name", "INVITE sip:a SIP/2.0\r\n", REST),
    ("header name with a colon behind it", "INVITE sip:a SIP/2.0\r\nA", b": x\r\n\r\n"),
    ("unknown header", "INVITE sip:a SIP/2.0\r\nX: ", REST),
    ("Content-Length", "INVITE sip:a SIP/2.0\r\nl: ", REST),
    ("Call-ID", "INVITE sip:a SIP/2.0\r\ni: ", REST),
    ("body", "INVITE sip:a SIP/2.0\r\nCall-ID: c\r\n\r\n", b""),
    ("body of a known length", "INVITE sip:a SIP/2.0\r\nl: 64000\r\n\r\n", b""),
];

/// What lets a parser of header values go deep before the filling begins.
const DEEP: [&str; 11] = [
    "",
    "\"",
    "a",
    "a;",
    "a;b=",
    "a;b=\"",
    "<sip:",
    "<sip:a@h>;",
    "SIP/2.0/UDP h;",
    "Digest a=\"",
    "Digest a=\"b\",",
];

/// Headers whose values are read with each filling at full length.
const DEEPEST: [HeaderId; 9] = [
    HeaderId::Via,
    HeaderId::From,
    HeaderId::Contact,
    HeaderId::Route,
    HeaderId::CSeq,
    HeaderId::Supported,
    HeaderId::Authorization,
    HeaderId::WwwAuthenticate,
    HeaderId::ContentType,
];

const IN_URI: [(&str, &str, &[u8]); 11] = [
    ("all of it", "", b""),
    ("user", "sip:a", b"@h"),
    ("password", "sip:a:b", b"@h"),
    ("host", "sip:", b""),
    ("IPv6 host", "sip:[", b"]"),
    ("parameters", "sip:a@h;a", b""),
    ("parameter value", "sip:a@h;a=", b""),
    ("headers", "sip:a@h?a=", b""),
    ("tel", "tel:+1", b""),
    ("tel parameters", "tel:+1;a", b""),
    ("urn", "urn:", b""),
];

const IN_STREAM: [(&str, &str, &[u8]); 6] = [
    ("start", "", b"\r\n\r\n"),
    ("start line", "INVITE ", b"\r\n\r\n"),
    ("header name", "INVITE sip:a SIP/2.0\r\n", b"\r\n\r\n"),
    ("header", "INVITE sip:a SIP/2.0\r\nl: 0\r\nX: ", b"\r\n\r\n"),
    ("Content-Length", "INVITE sip:a SIP/2.0\r\nl: ", b"\r\n\r\n"),
    ("body", "INVITE sip:a SIP/2.0\r\nl: 64000\r\n\r\n", b""),
];

const IN_HTTP: [(&str, &str, &[u8]); 4] = [
    ("path", "GET /", b" HTTP/1.1\r\n\r\n"),
    ("header name", "GET / HTTP/1.1\r\n", b": x\r\n\r\n"),
    ("header", "GET / HTTP/1.1\r\nX: ", b"\r\n\r\n"),
    ("Connection", "GET / HTTP/1.1\r\nConnection: ", b"\r\n\r\n"),
];

const IN_SDP: [(&str, &str, &[u8]); 9] = [
    ("all of it", "", b""),
    ("session name", "v=0\r\no=- 1 1 IN IP4 h\r\ns=", b"\r\nt=0 0\r\n"),
    ("origin", "v=0\r\no=", b"\r\ns=-\r\nt=0 0\r\n"),
    ("connection", "v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nc=IN IP4 ", b"\r\nt=0 0\r\n"),
    ("media", "v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nt=0 0\r\nm=", b"\r\n"),
    ("formats", "v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nt=0 0\r\nm=audio 1 RTP/AVP 0", b"\r\n"),
    ("attribute", "v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nt=0 0\r\na=", b"\r\n"),
    (
        "rtpmap",
        "v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nt=0 0\r\nm=audio 1 RTP/AVP 0\r\na=rtpmap:0 a",
        b"\r\n",
    ),
    ("lines", "v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nt=0 0\r\n", b""),
];

const IN_MULTIPART: [(&str, &str, &[u8]); 7] = [
    ("all of it", "", b""),
    ("behind a boundary", "--b\r\n\r\n", b"\r\n--b--\r\n"),
    ("at a boundary", "--b", b"\r\n\r\n\r\n--b--\r\n"),
    ("at the last boundary", "--b\r\n\r\n\r\n--b--", b"\r\n"),
    ("header of a part", "--b\r\nContent-Type: ", b"\r\n\r\n\r\n--b--\r\n"),
    ("header name of a part", "--b\r\n", b": x\r\n\r\n\r\n--b--\r\n"),
    (
        "inner part",
        "--b\r\nContent-Type: multipart/mixed;boundary=b\r\n\r\n--c\r\n",
        b"\r\n--b--\r\n",
    ),
];

impl Case {
    fn new(op: Op, place: &(&str, &str, &'static [u8]), filler: &Filler) -> Case {
        Case {
            place: place.0.to_owned(),
            filler: filler.to_string(),
            op,
            before: place.1.as_bytes().to_vec(),
            after: place.2,
            fillers: vec![filler.clone()],
            len: if op == Op::Dribble { SMALL } else { LARGE },
            factor: filler.factor,
        }
    }

    /// The values of one header that begin so, with each filling of [`structure`], in one go.
    fn header(id: HeaderId, deep: &str) -> Case {
        let before = format!("INVITE sip:a SIP/2.0\r\n{}: {deep}", id.name());
        Case {
            place: format!("{} beginning with {deep:?}", id.name()),
            filler: "each in turn".to_owned(),
            op: Op::Every,
            before: before.into_bytes(),
            after: b"\r\n\r\n",
            fillers: structure_and_members(),
            len: SMALL,
            factor: 3.0,
        }
    }

    /// What it is given, one after the other.
    pub fn inputs(&self) -> Vec<Bytes> {
        let input = |f: &Filler| {
            let mut text = self.before.clone();
            text.extend_from_slice(&f.bytes(self.len));
            text.extend_from_slice(self.after);
            Bytes::from(text)
        };
        self.fillers.iter().map(input).collect()
    }

    /// Bytes of all inputs.
    pub fn bytes(&self) -> usize {
        (self.before.len() + self.len + self.after.len()) * self.fillers.len()
    }
}

/// Every case, in the order in which they are counted.
pub fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    let all_structure = structure_and_members();
    let single = single_bytes();
    let mut add = |op, places: &[(&str, &str, &'static [u8])], fillers: &[Filler]| {
        for place in places {
            all.extend(fillers.iter().map(|f| Case::new(op, place, f)));
        }
    };
    for op in [Op::Split, Op::Every] {
        add(op, &IN_MESSAGE, &all_structure);
    }
    for op in [Op::Uri, Op::Compare] {
        add(op, &IN_URI, &all_structure);
    }
    for op in [Op::Frame, Op::Dribble] {
        add(op, &IN_STREAM, &all_structure);
    }
    add(Op::Http, &IN_HTTP, &all_structure);
    for (op, places, own) in [
        (Op::Sdp, &IN_SDP[..], ["a=b\r\n", "m=a 1 b 0\r\n", "0 ", "a=\r\n"]),
        (Op::Multipart, &IN_MULTIPART[..], ["--", "\r\n--", "\r\n--b\r\n\r\n", "--b"]),
    ] {
        add(op, places, &all_structure);
        add(op, places, &own.map(|unit| Filler::member(unit.as_bytes())));
    }
    for place in ["header name", "unknown header", "Request-URI", "reason phrase", "body"] {
        let place = IN_MESSAGE.iter().find(|p| p.0 == place).copied();
        add(Op::Every, place.as_slice(), &single);
    }
    add(Op::Uri, &IN_URI[1..4], &single);
    add(Op::Frame, &IN_STREAM[2..4], &single);
    for id in DEEPEST {
        for deep in DEEP {
            let before = format!("INVITE sip:a SIP/2.0\r\n{}: {deep}", id.name());
            for filler in delimiters() {
                let case = Case::new(Op::Every, &("", &before, REST), &filler);
                let place = format!("{} beginning with {deep:?}", id.name());
                all.push(Case { place, ..case });
            }
        }
    }
    for id in HeaderId::all() {
        all.extend(DEEP.iter().map(|deep| Case::header(*id, deep)));
    }
    all
}

/// What `op` is given of the corpus, for its usual cost a byte. Bodies are not looked at when a
/// head is, and would make a byte seem cheaper than it is: they are left out.
pub fn usual(op: Op, corpus: &[Sample]) -> Vec<Bytes> {
    match op {
        Op::Split | Op::Every | Op::Frame | Op::Dribble => corpus.iter().map(head).collect(),
        Op::Uri | Op::Compare => corpus.iter().flat_map(uris).collect(),
        Op::Sdp => {
            let bodies = corpus.iter().map(|s| s.text.slice(s.head..));
            bodies.filter(|body| body.starts_with(b"v=")).collect()
        }
        Op::Multipart => vec![Bytes::from_static(
            b"--b\r\nContent-Type: application/sdp\r\nContent-ID: <offer@pbx.example>\r\n\r\n\
              v=0\r\no=- 39102 39102 IN IP4 203.0.113.77\r\ns=call\r\n\
              c=IN IP4 203.0.113.77\r\nt=0 0\r\nm=audio 18432 RTP/AVP 9 8 0 18 101\r\n\
              a=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n\r\n--b\r\n\
              Content-Type: application/pidf+xml\r\nContent-Disposition: render\r\n\r\n\
              <presence entity=\"sip:2044@voice.example.net\"><tuple id=\"t1\"/></presence>\r\n\
              --b--\r\n",
        )],
        Op::Http => vec![Bytes::from_static(
            b"GET /sip HTTP/1.1\r\nHost: edge.voice.example.net\r\nConnection: Upgrade\r\n\
              Pragma: no-cache\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0)\r\n\
              Upgrade: websocket\r\nOrigin: https://voice.example.net\r\n\
              Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: a2V5IG9mIHRoZSBiZW5jaA==\r\n\
              Sec-WebSocket-Protocol: sip\r\n\r\n",
        )],
    }
}

/// A message without its body.
fn head(sample: &Sample) -> Bytes {
    let m = Message::parse(sample.text.clone()).expect("the corpus is well formed");
    let (mut patch, mut out) = (Patch::new(), BytesMut::new());
    patch.set_body(&m, b"");
    patch.write(&m, &mut out);
    out.freeze()
}

/// The URIs that stand in a message.
fn uris(sample: &Sample) -> Vec<Bytes> {
    let m = Message::parse(sample.text.clone()).expect("the corpus is well formed");
    let lists = [HeaderId::From, HeaderId::To, HeaderId::Contact, HeaderId::Route];
    let addresses = lists.iter().flat_map(|id| m.addresses(*id)).flatten();
    let mut all: Vec<Bytes> = addresses.map(|a| Bytes::copy_from_slice(a.uri)).collect();
    if m.is_request() {
        all.push(Bytes::copy_from_slice(m.request_uri()));
    }
    all
}

/// Does it.
pub fn run(op: Op, input: &Bytes) {
    match op {
        Op::Split | Op::Every => {
            let limits = limits();
            let read = Message::parse_with(input.clone(), &limits).ok();
            let m = read.or_else(|| Message::salvage(input.clone(), &limits));
            if let (Some(m), Op::Every) = (&m, op) {
                black_box(every(m));
            }
            black_box(m.is_some());
        }
        Op::Uri => {
            black_box(Uri::parse(input).is_ok());
        }
        Op::Compare => {
            if let Ok(uri) = Uri::parse(input) {
                black_box(Uri::equivalent(&uri, &uri));
            }
        }
        Op::Frame => frame(input, input.len()),
        Op::Dribble => frame(input, 1),
        Op::Sdp => sdp(input),
        Op::Multipart => multipart(input),
        Op::Http => {
            let request = http::Request::parse_with(input.clone(), &limits());
            black_box(request.is_ok_and(|r| r.wants_sip_websocket()));
        }
    }
}

fn sdp(text: &[u8]) {
    let Ok(sdp) = Sdp::parse_at(text, 0, &limits()) else { return };
    let attributes = |section: Section<'_>| section.attributes().map(|a| a.name.len()).sum();
    let mut seen: usize = attributes(sdp.session());
    for media in sdp.media() {
        seen += attributes(media.section()) + media.codecs().iter().count();
    }
    black_box(seen);
}

fn multipart(text: &[u8]) {
    let limits = limits();
    let Ok(parts) = Multipart::parse_at(text, 0, b"b", &limits) else { return };
    for part in parts.walk(&limits) {
        let Ok(part) = part else { return };
        black_box((part.content_type().is_some(), part.headers().count()));
    }
}

/// Gives the stream in such steps, as a connection does that keeps what is not cut yet.
fn frame(stream: &[u8], step: usize) {
    let mut framer = Framer::new(limits());
    let (mut at, mut given) = (0, 0);
    while given < stream.len() {
        given = (given + step).min(stream.len());
        loop {
            match framer.next(&stream[at..given]) {
                Framed::Message(n) | Framed::Keepalive(n) | Framed::Http(n) => at += n,
                Framed::NeedMore { .. } => break,
                Framed::Bad(bad) => {
                    black_box(bad);
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fillings_are_read_and_not_refused_for_their_length() {
        let case = |op, place: &str, filler: &str| {
            let all = cases().into_iter();
            let mut found = all.filter(|c| c.op == op && c.place == place && c.filler == filler);
            found.next().expect("there is such a case").inputs().remove(0)
        };
        let text = case(Op::Every, "unknown header", "a");
        assert_eq!(Message::parse_with(text, &limits()).expect("read").headers().count(), 7);
        let text = case(Op::Every, "Contact beginning with \"\\\"\"", "a");
        assert!(Message::parse_with(text, &limits()).expect("read").contacts().next().is_some());
        let text = case(Op::Uri, "user", "a");
        assert_eq!(Uri::parse(&text).expect("read").user.map(<[u8]>::len), Some(LARGE + 1));
        let text = case(Op::Frame, "header", "a");
        let mut framer = Framer::new(limits());
        assert_eq!(framer.next(&text), Framed::Message(text.len()));
        assert!(http::Request::parse_with(case(Op::Http, "header", "a"), &limits()).is_ok());
    }

    #[test]
    fn every_header_and_every_byte_has_its_case() {
        let all = cases();
        for id in HeaderId::all() {
            assert!(all.iter().any(|c| c.place.starts_with(id.name())), "{id}");
        }
        for filler in single_bytes() {
            let name = filler.to_string();
            assert!(all.iter().filter(|c| c.filler == name).count() >= 10, "{name}");
        }
    }
}
