//! Forwarding without transactions: parse, edit as a proxy does, write.

mod corpus;

use bytes::BytesMut;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sip_parser::{HeaderId, Message, Patch};

/// A request gets a Via, a Record-Route, `received`, a Request-URI and one hop less; a response
/// loses its top Via (RFC 3261 16.6, 16.7).
fn forward(c: &mut Criterion) {
    let mut group = c.benchmark_group("parse, edit and write");
    for (name, bytes) in corpus::messages() {
        let (mut message, mut patch, mut out) =
            (Message::empty(), Patch::new(), BytesMut::with_capacity(8192));
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(&name, |b| {
            b.iter(|| {
                message.parse_into(bytes.clone()).expect("well formed");
                patch.clear();
                out.clear();
                edit(&message, &mut patch);
                patch.write(&message, &mut out);
                out.len()
            });
        });
    }
    group.finish();
}

fn edit(m: &Message, patch: &mut Patch) {
    let via = m.top_via().expect("well formed");
    if !m.is_request() {
        patch.remove_value(m, HeaderId::Via, via.span);
        return;
    }
    let own = b"SIP/2.0/UDP 192.0.2.254:5060;branch=z9hG4bKcafe.0123456789abcdef.0";
    patch.add_before_first(m, HeaderId::Via, "Via", own);
    patch.insert(via.span.end, b";received=198.51.100.200");
    patch.add_before_first(m, HeaderId::RecordRoute, "Record-Route", b"<sip:192.0.2.254;lr>");
    patch.set_request_uri(m, b"sip:2044@198.51.100.77:5060");
    if let Some(hops) = m.header(HeaderId::MaxForwards) {
        patch.replace(hops.value_span, b"69");
    }
}

criterion_group!(benches, forward);
criterion_main!(benches);
