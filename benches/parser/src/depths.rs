//! How deep a message is read: the depths whose cost has a mark, each including the one pass over
//! start line and header names.

use std::hint::black_box;

use bytes::{Bytes, BytesMut};
use sip_parser::{HeaderId, Message, Patch, Uri, Via};

/// What is done with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// The start line and where every header is.
    Split,
    /// And what a proxy reads: Request-URI, top Via, From, To, Call-ID, CSeq, top Route.
    ProxyView,
    /// And all headers that route, each value with its URI.
    Routing,
    /// The proxy view, five edits, and the new datagram.
    Forward,
    /// Every header by the parser of its own.
    Every,
}

/// All depths, with the name and the mark of each: the most instructions a message may take in
/// the mean over the corpus.
pub const MARKS: [(Depth, &str, u64); 5] = [
    (Depth::Split, "split", 3_800),
    (Depth::ProxyView, "proxy view", 7_500),
    (Depth::Routing, "routing", 11_000),
    (Depth::Forward, "forward", 9_500),
    (Depth::Every, "every", 13_000),
];

/// What a worker keeps between messages.
pub struct Reader {
    message: Message,
    patch: Patch,
    out: BytesMut,
}

impl Reader {
    /// With buffers that have seen no message yet.
    pub fn new() -> Reader {
        let out = BytesMut::with_capacity(8192);
        Reader { message: Message::empty(), patch: Patch::new(), out }
    }

    /// Reads one well-formed message so deep. Panics when it is not well formed.
    pub fn read(&mut self, depth: Depth, text: &Bytes) {
        let m = &mut self.message;
        m.parse_into(text.clone()).expect("the corpus is well formed");
        match depth {
            Depth::Split => {
                black_box(&*m);
            }
            Depth::ProxyView => {
                black_box(proxy_view(m));
            }
            Depth::Routing => routing(m),
            Depth::Forward => {
                let via = proxy_view(m);
                forward(m, &via, &mut self.patch, &mut self.out);
            }
            Depth::Every => assert_eq!(every(m), 0, "the corpus is well formed"),
        }
    }
}

impl Default for Reader {
    fn default() -> Reader {
        Reader::new()
    }
}

fn proxy_view(m: &Message) -> Via<'_> {
    if m.is_request() {
        black_box(Uri::parse(m.request_uri()).is_ok());
    }
    let via = m.top_via().expect("the corpus is well formed");
    black_box(via.branch());
    black_box(m.from().expect("the corpus is well formed").tag());
    black_box(m.to().expect("the corpus is well formed").tag());
    black_box(m.call_id().expect("the corpus is well formed"));
    black_box(m.cseq().expect("the corpus is well formed"));
    if let Some(route) = m.routes().next() {
        black_box(route.is_ok_and(|r| r.parsed_uri().is_ok()));
    }
    via
}

fn routing(m: &Message) {
    if m.is_request() {
        black_box(Uri::parse(m.request_uri()).is_ok());
    }
    for via in m.vias() {
        black_box(via.is_ok());
    }
    for addr in [m.from(), m.to()] {
        black_box(addr.is_ok_and(|a| a.parsed_uri().is_ok()));
    }
    for contact in m.contacts() {
        let addr = contact.ok().and_then(|c| c.addr().copied());
        black_box(addr.map(|a| a.parsed_uri().is_ok()));
    }
    for route in m.routes().chain(m.record_routes()) {
        black_box(route.is_ok_and(|a| a.parsed_uri().is_ok()));
    }
    black_box(m.call_id().is_ok() && m.cseq().is_ok());
}

/// The edits of a hop (RFC 3261 16.6, 16.7): a request gets a Via, a Record-Route, `received`, a
/// Request-URI and one hop less; a response loses its top Via.
fn forward(m: &Message, via: &Via<'_>, patch: &mut Patch, out: &mut BytesMut) {
    patch.clear();
    out.clear();
    if m.is_request() {
        let own = b"SIP/2.0/UDP 192.0.2.254:5060;branch=z9hG4bKcafe.0123456789abcdef.0";
        patch.add_before_first(m, HeaderId::Via, "Via", own);
        patch.insert(via.span.end, b";received=198.51.100.200");
        patch.add_before_first(m, HeaderId::RecordRoute, "Record-Route", b"<sip:192.0.2.254;lr>");
        patch.set_request_uri(m, b"sip:2044@198.51.100.77:5060;transport=udp");
        if let Some(h) = m.header(HeaderId::MaxForwards) {
            patch.replace(h.value_span, b"69");
        }
    } else {
        patch.remove_value(m, HeaderId::Via, via.span);
    }
    patch.write(m, out);
    black_box(out.len());
}

/// The Request-URI and every header by its own parser, every member of a list and the URIs in
/// them; returns how many are malformed.
pub fn every(m: &Message) -> usize {
    let uri = usize::from(m.is_request() && m.uri().is_err());
    if m.check_headers().is_ok() {
        return uri;
    }
    // Not only up to the first.
    uri + m.headers().filter(|h| h.id.check(h.value).is_err()).count()
}
