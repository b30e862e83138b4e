//! Reading: the first pass over a message, and the headers that a proxy asks for.

mod corpus;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sip_parser::{Message, Uri};

/// The start line and the header index of each message of the corpus.
fn split(c: &mut Criterion) {
    let mut group = c.benchmark_group("split");
    for (name, bytes) in corpus::messages() {
        let mut message = Message::empty();
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(&name, |b| {
            b.iter(|| message.parse_into(bytes.clone()).expect("well formed"));
        });
    }
    group.finish();
}

/// The same and what a proxy reads: Request-URI, top Via, From, To, Call-ID, CSeq, top Route.
fn routing(c: &mut Criterion) {
    let mut group = c.benchmark_group("split and read to route");
    for (name, bytes) in corpus::messages() {
        let mut message = Message::empty();
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(&name, |b| {
            b.iter(|| {
                message.parse_into(bytes.clone()).expect("well formed");
                read_to_route(&message);
            });
        });
    }
    group.finish();
}

fn read_to_route(m: &Message) {
    if m.is_request() {
        black_box(Uri::parse(m.request_uri()).is_ok());
    }
    black_box(m.top_via().expect("well formed").branch());
    black_box(m.from().expect("well formed").tag());
    black_box(m.to().expect("well formed").tag());
    black_box(m.call_id().expect("well formed"));
    black_box(m.cseq().expect("well formed"));
    if let Some(route) = m.routes().next() {
        black_box(route.is_ok_and(|r| r.parsed_uri().is_ok()));
    }
}

criterion_group!(benches, split, routing);
criterion_main!(benches);
