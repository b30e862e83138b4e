//! A workload to count instructions over: transactions from received bytes to the bytes to send,
//! parsing, retransmission buffers and timers included, sockets and routes excluded.
//!
//! ```sh
//! cargo build --release -p looseroute-core --example instr
//! valgrind --tool=callgrind --toggle-collect='*measured*' \
//!     --callgrind-out-file=/dev/null target/release/examples/instr options 2000
//! ```
//!
//! The total that callgrind prints, divided by the count, is the cost of one transaction. Modes:
//! `options` (one request, one answer) and `call` (13 messages: INVITE 100, 180, 200, ACK, BYE,
//! 200; record-routed). Time goes by meanwhile, so that as many old transactions end as new ones
//! begin.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use sip_core::mem::{DEFAULT_POOL_LIMIT, SlotPool};
use sip_core::net::{Flow, ListenId, Listener, Listeners, Proto, Target};
use sip_core::output::{Output, Outputs};
use sip_core::proxy::{BranchPlan, Cx, Incoming, Proxy, RecordRoute, RelayPlan};
use sip_core::proxy::{Follow, is_local_uri, loose_route};
use sip_core::rng::SeededRng;
use sip_core::stats::{Builder, Shard};
use sip_core::time::{Duration, Now};
use sip_core::timer::Wheel;
use sip_core::txn::TimerEvent;
use sip_parser::{Message, Method, Patch};

const CALLER: &str = "127.0.0.1:5061";
const CALLEE: &str = "127.0.0.1:5062";

struct Worker {
    proxy: Proxy,
    now: Now,
    wheel: Wheel<TimerEvent>,
    rng: SeededRng,
    out: Outputs,
    shard: Arc<Shard>,
    scratch: BytesMut,
    patch: Patch,
    route_patch: Patch,
    message: Message,
    pool: SlotPool,
    /// The transport has one of its own.
    received: SlotPool,
}

impl Worker {
    fn new() -> Self {
        let udp = Listener::new(Proto::Udp, "127.0.0.1:5060".parse().expect("an address"), None);
        let (mut builder, mut rng) = (Builder::new(), SeededRng::new(1));
        let proxy = Proxy::new(Arc::new(Listeners::new(vec![udp])), &mut builder, &mut rng);
        Self {
            proxy,
            now: Now::default().later(Duration::from_secs(1)),
            wheel: Wheel::new(),
            rng,
            out: Outputs::new(),
            shard: builder.build(1).shard(0).expect("one shard"),
            scratch: BytesMut::new(),
            patch: Patch::new(),
            route_patch: Patch::new(),
            message: Message::empty(),
            pool: SlotPool::new(DEFAULT_POOL_LIMIT),
            received: SlotPool::new(DEFAULT_POOL_LIMIT),
        }
    }

    /// One message in: what a worker does for it, with a fixed route.
    #[inline(never)]
    fn measured(&mut self, flow: &Flow, data: &[u8]) {
        let bytes = self.received.take(data);
        self.message.parse_into(bytes).expect("well formed");
        let msg = &self.message;
        let mut cx = Cx {
            now: self.now,
            rng: &mut self.rng,
            out: &mut self.out,
            timers: &mut self.wheel,
            stats: &self.shard,
            scratch: &mut self.scratch,
            pool: &mut self.pool,
            patch: &mut self.patch,
        };
        if !msg.is_request() {
            self.proxy.handle_response(&mut cx, flow, msg);
            return;
        }
        if let Incoming::Route { .. } = self.proxy.handle_request(&mut cx, flow, msg) {
            route(&self.proxy, &mut cx, &mut self.route_patch, flow, msg);
        }
    }

    /// Time going by: timers as a worker runs them.
    #[inline(never)]
    fn measured_timers(&mut self) {
        while let Some(event) = self.wheel.pop(self.now.mono) {
            let mut cx = Cx {
                now: self.now,
                rng: &mut self.rng,
                out: &mut self.out,
                timers: &mut self.wheel,
                stats: &self.shard,
                scratch: &mut self.scratch,
                pool: &mut self.pool,
                patch: &mut self.patch,
            };
            self.proxy.handle_timeout(&mut cx, event);
        }
    }

    /// The last message sent, the others forgotten.
    fn sent(&mut self) -> Bytes {
        let mut last = Bytes::new();
        while let Some(output) = self.out.pop() {
            if let Output::Send(send) = output {
                last = send.bytes;
            }
        }
        last
    }

    fn tick(&mut self) {
        self.now = self.now.later(Duration::from_millis(2));
        self.measured_timers();
    }
}

fn route(proxy: &Proxy, cx: &mut Cx<'_>, patch: &mut Patch, flow: &Flow, msg: &Message) {
    patch.clear();
    let listeners = proxy.listeners();
    let found = loose_route(msg, patch, Follow::Any, |uri| is_local_uri(listeners, uri))
        .expect("well formed");
    let in_dialog = found.own.is_some();
    let target = Target { proto: Proto::Udp, peer: addr(CALLEE), listen: None, conn: None };
    let uri = if in_dialog { Bytes::new() } else { Bytes::from_static(b"sip:b@127.0.0.1:5062") };
    let mut plan = RelayPlan::new(patch).branch(BranchPlan::new(uri, target));
    if msg.method() == Some(Method::Invite) {
        let ftag = msg.from().expect("well formed").tag();
        plan.record_route = Some(RecordRoute { ftag, ..RecordRoute::default() });
    }
    if msg.method() == Some(Method::Ack) {
        proxy.forward_stateless(cx, flow, msg, &plan).expect("a target");
        return;
    }
    let txn = proxy.create(cx, flow, msg).expect("a new request");
    proxy.relay(cx, txn, msg, &plan).expect("a target");
}

fn addr(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn flow(peer: &str) -> Flow {
    Flow { proto: Proto::Udp, listen: ListenId(0), peer: addr(peer), conn: None }
}

fn request(method: &str, n: usize, routes: &str) -> String {
    format!(
        "{method} sip:b@127.0.0.1 SIP/2.0\r\n\
         Via: SIP/2.0/UDP 127.0.0.1:5061;rport;branch=z9hG4bK-524287-1---{method}{n:08x}\r\n\
         Max-Forwards: 70\r\n{routes}\
         Contact: <sip:a@127.0.0.1:5061>\r\n\
         To: <sip:b@127.0.0.1>\r\n\
         From: \"Alice\" <sip:a@127.0.0.1>;tag=73c1{n:08x}\r\n\
         Call-ID: 89c1a1e7-{n:08x}@127.0.0.1\r\n\
         CSeq: 1 {method}\r\n\
         Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY\r\n\
         User-Agent: example/1.0\r\n\
         Content-Length: 0\r\n\r\n"
    )
}

fn answer(sent: &Bytes, line: &str) -> String {
    let text = String::from_utf8_lossy(sent);
    let keep = ["Via", "From", "To", "Call-ID", "CSeq", "Record-Route"];
    let mut out = format!("SIP/2.0 {line}\r\n");
    for header in text.lines().skip(1) {
        if keep.iter().any(|k| header.strip_prefix(k).is_some_and(|r| r.starts_with(':'))) {
            let tag =
                if header.starts_with("To:") && !header.contains("tag=") { ";tag=9" } else { "" };
            out += &format!("{header}{tag}\r\n");
        }
    }
    out + "Contact: <sip:b@127.0.0.1:5062>\r\nContent-Length: 0\r\n\r\n"
}

fn options(w: &mut Worker, n: usize) {
    w.measured(&flow(CALLER), request("OPTIONS", n, "").as_bytes());
    let ok = answer(&w.sent(), "200 OK");
    w.measured(&flow(CALLEE), ok.as_bytes());
    w.sent();
    w.tick();
}

fn call(w: &mut Worker, n: usize) {
    w.measured(&flow(CALLER), request("INVITE", n, "").as_bytes());
    let invite = w.sent();
    for line in ["100 Trying", "180 Ringing", "200 OK"] {
        w.measured(&flow(CALLEE), answer(&invite, line).as_bytes());
        w.sent();
    }
    let routes = format!("Route: <sip:127.0.0.1:5060;lr;ftag=73c1{n:08x}>\r\n");
    w.measured(&flow(CALLER), request("ACK", n, &routes).as_bytes());
    w.sent();
    w.measured(&flow(CALLER), request("BYE", n, &routes).as_bytes());
    let ok = answer(&w.sent(), "200 OK");
    w.measured(&flow(CALLEE), ok.as_bytes());
    w.sent();
    w.tick();
}

fn main() {
    let mut args = std::env::args().skip(1);
    let mode = args.next().unwrap_or_else(|| "options".into());
    let count: usize = args.next().and_then(|n| n.parse().ok()).unwrap_or(2000);
    let mut w = Worker::new();
    for n in 0..count {
        match mode.as_str() {
            "call" => call(&mut w, n),
            _ => options(&mut w, n),
        }
    }
    println!("{mode}: {count} done, {} live", w.proxy.live());
}
