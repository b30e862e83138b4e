//! The steps of the transaction layer and proxy core: what one message costs between its parsed
//! form and the bytes to send, in a table that holds thousands of transactions.
//!
//! Each step is timed over a batch of fresh transactions; making the messages, and letting the
//! transactions run out afterwards, is not timed.

#![expect(clippy::disallowed_methods, reason = "a bench reads the clock")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use criterion::{Criterion, criterion_group, criterion_main};
use looseroute_benches::wire;
use sip_core::mem::SlotPool;
use sip_core::net::{Flow, ListenId, Listener, Listeners, Proto, Target};
use sip_core::output::{Output, Outputs};
use sip_core::proxy::{BranchPlan, Cx, Handled, Incoming, Proxy, RecordRoute, RelayPlan};
use sip_core::rng::SeededRng;
use sip_core::stats::{Builder, Shard};
use sip_core::time::Now;
use sip_core::timer::Wheel;
use sip_core::txn::TimerEvent;
use sip_parser::{Message, Patch};

/// Transactions in the table at once.
const BATCH: u64 = 4096;
const CALLER: &str = "192.0.2.1:5060";
const CALLED: &str = "192.0.2.2:5060";

/// What a worker lends the proxy.
struct Worker {
    proxy: Proxy,
    rng: SeededRng,
    out: Outputs,
    timers: Wheel<TimerEvent>,
    stats: Arc<Shard>,
    scratch: BytesMut,
    pool: SlotPool,
    patch: Patch,
    now: Now,
    serial: u64,
}

/// The step that is timed; those before it are played without a clock.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    /// From the request to the forwarded request (and for INVITE the 100).
    Request,
    /// A 180 forwarded upstream.
    Ringing,
    /// The final answer forwarded upstream.
    Final,
}

impl Worker {
    fn new() -> Worker {
        let address = "192.0.2.254:5060".parse().expect("address");
        let listeners = Listeners::new(vec![Listener::new(Proto::Udp, address, None)]);
        let (mut stats, mut rng) = (Builder::new(), SeededRng::new(1));
        let proxy = Proxy::new(Arc::new(listeners), &mut stats, &mut rng);
        let stats = stats.build(1).shard(0).expect("one shard");
        Worker {
            proxy,
            rng,
            out: Outputs::new(),
            timers: Wheel::new(),
            stats,
            scratch: BytesMut::new(),
            pool: SlotPool::default(),
            patch: Patch::new(),
            now: Now::default().later(Duration::from_secs(1)),
            serial: 0,
        }
    }

    fn with<R>(&mut self, step: impl FnOnce(&Proxy, &mut Cx<'_>) -> R) -> R {
        let mut cx = Cx {
            now: self.now,
            rng: &mut self.rng,
            out: &mut self.out,
            timers: &mut self.timers,
            stats: &self.stats,
            scratch: &mut self.scratch,
            pool: &mut self.pool,
            patch: &mut self.patch,
        };
        step(&self.proxy, &mut cx)
    }

    fn request(&mut self, method: &str) -> Message {
        self.serial += 1;
        let id = self.serial;
        let text = format!(
            "{method} sip:2044@example.com SIP/2.0\r\n\
             Via: SIP/2.0/UDP {CALLER};branch=z9hG4bK{id:016x};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:1000@example.com>;tag={id:016x}\r\n\
             To: <sip:2044@example.com>\r\nCall-ID: {id:016x}@192.0.2.1\r\nCSeq: 1 {method}\r\n\
             Contact: <sip:1000@{CALLER}>\r\nContent-Length: 0\r\n\r\n"
        );
        Message::parse(Bytes::from(text)).expect("well formed")
    }

    /// Plays a batch of at most `count` transactions and returns the time of one step.
    fn batch(&mut self, method: &str, timed: Step, count: u64) -> Duration {
        let requests: Vec<Message> = (0..count).map(|_| self.request(method)).collect();
        let (caller, called) = (flow(CALLER), flow(CALLED));
        let relayed = clock(|| {
            for request in &requests {
                self.relay(&caller, request);
            }
        });
        let forwarded = self.sent(CALLED);
        let mut answer = |line: &[u8]| {
            let answers: Vec<Message> = forwarded.iter().map(|f| response(line, f)).collect();
            clock(|| {
                for answer in &answers {
                    let handled = self.with(|proxy, cx| proxy.handle_response(cx, &called, answer));
                    assert!(matches!(handled, Handled::Matched { .. }));
                }
            })
        };
        let rung = match timed {
            Step::Ringing => answer(b"SIP/2.0 180 Ringing\r\n"),
            Step::Request | Step::Final => Duration::ZERO,
        };
        let answered = answer(b"SIP/2.0 200 OK\r\n");
        self.run_out();
        match timed {
            Step::Request => relayed,
            Step::Ringing => rung,
            Step::Final => answered,
        }
    }

    fn relay(&mut self, from: &Flow, request: &Message) {
        let uri = Bytes::from_static(b"sip:2044@192.0.2.2:5060");
        let target = Target { listen: None, ..flow(CALLED).back() };
        self.with(|proxy, cx| {
            let incoming = proxy.handle_request(cx, from, request);
            assert!(matches!(incoming, Incoming::Route { invite: None, .. }));
            let txn = proxy.create(cx, from, request).expect("a new transaction");
            let patch = Patch::new();
            let mut plan = RelayPlan::new(&patch).branch(BranchPlan::new(uri, target));
            plan.record_route = Some(RecordRoute::default());
            proxy.relay(cx, txn, request, &plan).expect("one branch");
        });
    }

    /// What was sent to one side; what was sent to the other is dropped.
    fn sent(&mut self, to: &str) -> Vec<Bytes> {
        let to: SocketAddr = to.parse().expect("address");
        let mut all = Vec::new();
        while let Some(output) = self.out.pop() {
            match output {
                Output::Send(send) if send.to.peer == to => all.push(send.bytes),
                _ => {}
            }
        }
        all
    }

    /// Lets every transaction end by its timers.
    fn run_out(&mut self) {
        while self.proxy.live() > 0 {
            self.now = self.now.later(Duration::from_secs(40));
            while let Some(event) = self.timers.pop(self.now.mono) {
                self.with(|proxy, cx| proxy.handle_timeout(cx, event));
            }
            self.sent(CALLER);
        }
    }
}

fn flow(peer: &str) -> Flow {
    let peer = peer.parse().expect("address");
    Flow { proto: Proto::Udp, listen: ListenId(0), peer, conn: None }
}

fn response(line: &[u8], request: &Bytes) -> Message {
    let mut text = Vec::new();
    wire::response(line, request, b"called", &mut text);
    text.extend_from_slice(b"Contact: <sip:2044@192.0.2.2:5060>\r\nContent-Length: 0\r\n\r\n");
    Message::parse(Bytes::from(text)).expect("well formed")
}

fn clock(work: impl FnOnce()) -> Duration {
    let begin = Instant::now();
    work();
    begin.elapsed()
}

fn steps(c: &mut Criterion) {
    let mut group = c.benchmark_group("transactions");
    let mut worker = Worker::new();
    for (name, method, step) in [
        ("invite, relayed", "INVITE", Step::Request),
        ("invite, 180 back", "INVITE", Step::Ringing),
        ("invite, 200 back", "INVITE", Step::Final),
        ("options, relayed", "OPTIONS", Step::Request),
        ("options, 200 back", "OPTIONS", Step::Final),
    ] {
        group.bench_function(name, |b| {
            b.iter_custom(|count| {
                let mut total = Duration::ZERO;
                let mut left = count;
                while left > 0 {
                    let now = left.min(BATCH);
                    total += worker.batch(method, step, now);
                    left -= now;
                }
                total
            });
        });
    }
    group.finish();
}

criterion_group!(benches, steps);
criterion_main!(benches);
