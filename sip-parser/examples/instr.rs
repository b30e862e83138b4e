//! A workload to count instructions over: the benchmark corpus, so many rounds, in one mode.
//!
//! ```sh
//! cargo build --release -p looseroute-parser --example instr
//! valgrind --tool=callgrind --toggle-collect='*measured*' \
//!     --callgrind-out-file=/dev/null target/release/examples/instr split 100
//! ```
//!
//! The total that callgrind prints, divided by the number of messages printed here, is the cost
//! of one message. Modes: `split` (start line and header index), `proxy` (what a proxy reads),
//! `routing` (every header that routes, with its URI), `forward` (the proxy view, five edits,
//! new datagram).

use bytes::{Bytes, BytesMut};
use sip_parser::{HeaderId, Message, Patch, Span, Uri, Via};
use std::hint::black_box;
use std::path::Path;

fn corpus() -> Vec<Bytes> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../benches/corpus");
    let entries = std::fs::read_dir(&dir).expect("benches/corpus is there");
    let mut files: Vec<_> = entries.flatten().map(|e| e.path()).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "sip"));
    files.sort();
    files
        .iter()
        .map(|f| Bytes::from(std::fs::read(f).expect("a corpus file is readable")))
        .collect()
}

/// What a proxy reads: Request-URI, top Via, From, To, Call-ID, CSeq, top Route.
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

fn routing_view(m: &Message) {
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

/// The edits of a hop: a request gets a Via, a Record-Route, received, a Request-URI and
/// Max-Forwards; a response loses its top Via.
fn compose(m: &Message, via: &Via<'_>, patch: &mut Patch, out: &mut BytesMut) {
    patch.clear();
    out.clear();
    if m.is_request() {
        patch.add_before_first(
            m,
            HeaderId::Via,
            "Via",
            b"SIP/2.0/UDP 192.0.2.254:5060;branch=z9hG4bKcafe.0123456789abcdef.0",
        );
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
    black_box(Span::new(0, 1).of(out));
}

#[inline(never)]
fn measured(mode: &str, rounds: usize, corpus: &[Bytes]) {
    let mut m = Message::empty();
    let mut patch = Patch::new();
    let mut out = BytesMut::with_capacity(8192);
    for _ in 0..rounds {
        for text in corpus {
            m.parse_into(text.clone()).expect("the corpus is well formed");
            match mode {
                "split" => {
                    black_box(&m);
                }
                "proxy" => {
                    black_box(proxy_view(&m));
                }
                "routing" => routing_view(&m),
                "forward" => {
                    let via = proxy_view(&m);
                    compose(&m, &via, &mut patch, &mut out);
                }
                other => panic!("no such mode: {other}"),
            }
        }
    }
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let mode = args.get(1).map_or("split", String::as_str);
    let rounds = args.get(2).and_then(|n| n.parse().ok()).unwrap_or(100);
    let corpus = corpus();
    measured(mode, rounds, &corpus);
    let bytes: usize = corpus.iter().map(Bytes::len).sum();
    println!("{mode}: {} messages, mean {} bytes", rounds * corpus.len(), bytes / corpus.len());
}
