//! A worker in small: it parses, runs one fixed route, and delivers what the proxy sends to
//! whoever looks. Peers are lines of text.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use sip_core::mem::SlotPool;
use sip_core::net::{ConnId, Flow, ListenId, Listener, Listeners, Proto, Target};
use sip_core::output::{Output, Outputs, SendError};
use sip_core::proxy::{
    BranchPlan, CreateError, Cx, FailureStart, ForkEvent, Handled, Incoming, Proxy, RecordRoute,
    RelayError, RelayPlan,
};
use sip_core::rng::SeededRng;
use sip_core::stats::{Builder, Shard, Stats};
use sip_core::time::{Duration, Now};
use sip_core::timer::Wheel;
use sip_core::txn::{Arm, Letter, TimerEvent, TxnId};
use sip_core::uas::Reply;
use sip_parser::{Message, Method, Patch};

pub(crate) const CALLER: &str = "192.0.2.1:5060";
pub(crate) const BOB: &str = "192.0.2.11:5060";
pub(crate) const CAROL: &str = "192.0.2.12:5060";
pub(crate) const DAVE: &str = "192.0.2.13:5060";

/// A message that the proxy sent.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) to: Target,
    pub(crate) text: String,
    pub(crate) origin: Option<u64>,
}

impl Sent {
    /// The first line.
    pub(crate) fn line(&self) -> &str {
        self.text.lines().next().unwrap()
    }

    /// The method of a request, the code of a response.
    pub(crate) fn what(&self) -> &str {
        let mut words = self.line().split(' ');
        match words.next().unwrap() {
            "SIP/2.0" => words.next().unwrap(),
            method => method,
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.all(name).into_iter().next()
    }

    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let head = self.text.split("\r\n\r\n").next().unwrap();
        head.lines().filter_map(|l| l.strip_prefix(name)?.strip_prefix(": ")).collect()
    }

    /// The response of a peer to this request.
    pub(crate) fn answer(&self, code: u16) -> String {
        self.answer_with(code, "", "")
    }

    /// The same with a To tag and more header lines.
    pub(crate) fn answer_with(&self, code: u16, tag: &str, extra: &str) -> String {
        let mut text = format!("SIP/2.0 {code} Because\r\n");
        for name in ["Via", "From", "To", "Call-ID", "CSeq", "Record-Route"] {
            for value in self.all(name) {
                let add = name == "To" && code > 100 && !value.contains("tag=");
                let tag =
                    if tag.is_empty() { format!("t{}", self.to.peer.port()) } else { tag.into() };
                let tag = if add { format!(";tag={tag}") } else { String::new() };
                text += &format!("{name}: {value}{tag}\r\n");
            }
        }
        text + extra + "Content-Length: 0\r\n\r\n"
    }
}

/// A worker with one proxy and a fixed route.
pub(crate) struct World {
    pub(crate) proxy: Arc<Proxy>,
    pub(crate) now: Now,
    /// Where requests are relayed to: all at once.
    pub(crate) targets: Vec<BranchPlan>,
    pub(crate) record_route: bool,
    /// Answer everything with this code, without a transaction.
    pub(crate) stateless: Option<u16>,
    /// Only well-formed messages come in, so only such may go out.
    pub(crate) strict: bool,
    /// What the last relay said.
    pub(crate) relayed: Option<Result<(), RelayError>>,
    pub(crate) txn: Option<TxnId>,
    pub(crate) events: Vec<ForkEvent>,
    /// What is armed for each transaction before it is relayed.
    pub(crate) arm: Option<Arm>,
    /// Responses whose reply route runs, the one that came first in front.
    pub(crate) replying: VecDeque<(TxnId, Letter)>,
    last_reply: Option<Sent>,
    /// Failures whose route runs.
    pub(crate) failing: VecDeque<(TxnId, FailureStart)>,
    pub(crate) wheel: Wheel<TimerEvent>,
    stats: Arc<Stats>,
    shard: Arc<Shard>,
    rng: SeededRng,
    out: Outputs,
    scratch: BytesMut,
    pool: SlotPool,
    patch: Patch,
}

impl World {
    /// A proxy on UDP and TCP 192.0.2.100:5060 that relays to `targets` over UDP.
    pub(crate) fn new(targets: &[&str]) -> Self {
        let on = |proto| Listener::new(proto, "192.0.2.100:5060".parse().unwrap(), None);
        let listeners = Arc::new(Listeners::new(vec![on(Proto::Udp), on(Proto::Tcp)]));
        let (mut builder, mut rng) = (Builder::new(), SeededRng::new(1));
        let proxy = Proxy::new(listeners, &mut builder, &mut rng);
        Self::worker(Arc::new(proxy), Arc::new(builder.build(2)), 0, targets)
    }

    /// Another worker of the same engine.
    pub(crate) fn second(&self, targets: &[&str]) -> Self {
        Self::worker(self.proxy.clone(), self.stats.clone(), 1, targets)
    }

    fn worker(proxy: Arc<Proxy>, stats: Arc<Stats>, shard: usize, targets: &[&str]) -> Self {
        let (shard, rng) = (stats.shard(shard).unwrap(), SeededRng::new(shard as u64));
        Self {
            proxy,
            now: Now::default().later(Duration::from_secs(1000)),
            targets: targets.iter().map(|t| branch(t)).collect(),
            record_route: false,
            stateless: None,
            strict: true,
            relayed: None,
            txn: None,
            events: Vec::new(),
            arm: None,
            replying: VecDeque::new(),
            failing: VecDeque::new(),
            last_reply: None,
            wheel: Wheel::new(),
            stats,
            shard,
            rng,
            out: Outputs::new(),
            scratch: BytesMut::new(),
            pool: SlotPool::default(),
            patch: Patch::new(),
        }
    }

    /// Calls the proxy with a context, and takes what it sends.
    pub(crate) fn with<R>(
        &mut self,
        call: impl FnOnce(&Proxy, &mut Cx<'_>) -> R,
    ) -> (R, Vec<Sent>) {
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
        let result = call(&self.proxy, &mut cx);
        let mut sent = Vec::new();
        while let Some(output) = self.out.pop() {
            if let Output::Send(s) = output {
                let text = String::from_utf8_lossy(&s.bytes).into_owned();
                let msg = Message::parse(s.bytes).unwrap();
                assert!(!self.strict || msg.check().is_ok(), "{text}");
                let one = Sent { to: s.to, text, origin: s.origin };
                if one.text.starts_with("SIP/2.0 ") && one.to.peer == addr(CALLER) {
                    self.last_reply = Some(one.clone());
                }
                sent.push(one);
            }
        }
        (result, sent)
    }

    /// A message arrives from `from` over UDP; what the proxy sends for it.
    pub(crate) fn recv(&mut self, from: &str, text: &str) -> Vec<Sent> {
        self.recv_on(udp(from), text)
    }

    pub(crate) fn recv_on(&mut self, flow: Flow, text: &str) -> Vec<Sent> {
        self.take_in(flow, &Message::parse(Bytes::from(text.to_owned())).unwrap())
    }

    pub(crate) fn take_in(&mut self, flow: Flow, msg: &Message) -> Vec<Sent> {
        if !msg.is_request() {
            let (handled, sent) = self.with(|p, cx| p.handle_response(cx, &flow, msg));
            match handled {
                Handled::Matched { event: ForkEvent::Replying { txn, branch }, .. } => {
                    let (code, message) = (msg.status().unwrap(), msg.clone());
                    self.replying.push_back((txn, Letter { branch, code, message, flow }));
                }
                Handled::Matched { event, .. } => self.happened(event),
                _ => {}
            }
            return sent;
        }
        let (incoming, mut sent) = self.with(|p, cx| p.handle_request(cx, &flow, msg));
        match incoming {
            Incoming::Absorbed => {}
            Incoming::Reject { code, reason } => {
                let reply = Reply::with_reason(code, reason.as_bytes());
                sent.extend(self.with(|p, cx| p.reply_stateless(cx, &flow, msg, &reply)).1);
            }
            Incoming::Route { invite, .. } => sent.extend(self.route(&flow, msg, invite)),
        }
        sent
    }

    /// The route: stateless answers if asked for, CANCEL to its INVITE, ACK on its way, anything
    /// else to all targets.
    fn route(&mut self, flow: &Flow, msg: &Message, invite: Option<TxnId>) -> Vec<Sent> {
        let empty = Patch::new();
        let mut plan = RelayPlan::new(&empty);
        plan.branches = self.targets.iter().cloned().collect();
        plan.record_route = self.record_route.then(RecordRoute::default);
        let (code, arm) = (self.stateless, self.arm.clone());
        let (outcome, sent) = self.with(|p, cx| {
            if msg.method() == Some(Method::Ack) {
                return (None, Some(p.forward_stateless(cx, flow, msg, &plan)));
            }
            if let Some(code) = code {
                p.reply_stateless(cx, flow, msg, &Reply::new(code)).unwrap();
                return (None, None);
            }
            if msg.method() == Some(Method::Cancel) {
                match invite {
                    Some(invite) => _ = p.relay_cancel(cx, flow, msg, invite),
                    None => p.reply_stateless(cx, flow, msg, &Reply::new(481)).unwrap(),
                }
                return (None, None);
            }
            let txn = match p.create(cx, flow, msg) {
                Ok(txn) => txn,
                Err(CreateError::Full) => {
                    p.reply_stateless(cx, flow, msg, &Reply::new(503)).unwrap();
                    return (None, None);
                }
                Err(e) => panic!("{e}"),
            };
            if plan.branches.is_empty() {
                return (Some(txn), None);
            }
            if let Some(arm) = arm {
                assert!(p.arm(cx, txn, arm));
            }
            let relayed = p.relay(cx, txn, msg, &plan);
            if let Err(e) = relayed
                && let Some((code, reason)) = e.status()
            {
                let reply = Reply::with_reason(code, reason.as_bytes()).to(msg);
                p.reply(cx, txn, &reply).unwrap();
            }
            (Some(txn), Some(relayed))
        });
        self.relayed = outcome.1;
        self.txn = outcome.0.or(self.txn);
        sent
    }

    /// Lets time go by, timers included; what was sent meanwhile.
    pub(crate) fn advance(&mut self, ms: u64) -> Vec<Sent> {
        let end = self.now.later(Duration::from_millis(ms));
        let mut sent = Vec::new();
        while let Some(next) = self.wheel.next().filter(|n| *n <= end.mono) {
            self.now = self.now.later(next.saturating_since(self.now.mono));
            while let Some(event) = self.wheel.pop(self.now.mono) {
                let (event, more) = self.with(|p, cx| p.handle_timeout(cx, event));
                if event != ForkEvent::Absorbed {
                    self.happened(event);
                }
                sent.extend(more);
            }
        }
        self.now = end;
        sent
    }

    /// Lets all timers run out: nothing may be left then.
    pub(crate) fn drain(&mut self) -> Vec<Sent> {
        let sent = self.advance(400_000);
        assert_eq!(self.proxy.live(), 0, "transactions are left");
        assert!(self.wheel.is_empty(), "timers are left");
        assert_eq!(self.stat("tmx", "inuse_transactions"), 0);
        assert_eq!(self.stat("tmx", "active_transactions"), 0);
        sent
    }

    pub(crate) fn fail(&mut self, sent: &Sent, error: SendError) -> Vec<Sent> {
        let origin = sent.origin.unwrap();
        let (event, sent) = self.with(|p, cx| p.handle_send_failed(cx, origin, error));
        self.happened(event);
        sent
    }

    /// The last response that went to the caller.
    pub(crate) fn last_reply(&self) -> Sent {
        self.last_reply.clone().expect("one went up")
    }

    /// Notes an event, and the failure routes that it calls for.
    fn happened(&mut self, event: ForkEvent) {
        self.events.push(event);
        if let ForkEvent::Failing { txn } = event {
            while let Some(start) = self.proxy.next_failure(txn) {
                self.failing.push_back((txn, start));
            }
        }
    }

    /// The first reply route that runs ends.
    pub(crate) fn end_reply(&mut self, keep: bool) -> Vec<Sent> {
        let (txn, letter) = self.replying.pop_front().expect("a reply route runs");
        let Letter { branch, message, .. } = letter;
        let (end, sent) = self.with(|p, cx| p.end_reply(cx, txn, branch, &message, keep));
        if let Some(next) = end.next {
            self.replying.push_back((txn, next));
        }
        self.happened(end.event);
        sent
    }

    /// The first failure route that runs relays to `targets` and ends.
    pub(crate) fn end_failure(&mut self, targets: &[&str]) -> Vec<Sent> {
        let (txn, start) = self.failing.pop_front().expect("a failure route runs");
        let request = Message::parse(start.request).unwrap();
        let empty = Patch::new();
        let mut plan = RelayPlan::new(&empty);
        plan.branches = targets.iter().map(|t| branch(t)).collect();
        let mut sent = Vec::new();
        if !targets.is_empty() {
            let (relayed, more) = self.with(|p, cx| p.relay(cx, txn, &request, &plan));
            self.relayed = Some(relayed);
            sent.extend(more);
        }
        let (event, more) = self.with(|p, cx| p.end_failure(cx, txn));
        sent.extend(more);
        self.happened(event);
        sent
    }

    pub(crate) fn stat(&self, group: &str, name: &str) -> u64 {
        self.stats.get(group, name).unwrap()
    }
}

pub(crate) fn udp(from: &str) -> Flow {
    Flow { proto: Proto::Udp, listen: ListenId(0), peer: addr(from), conn: None }
}

pub(crate) fn tcp(from: &str, conn: u32) -> Flow {
    let conn = Some(ConnId::new(0, 1, conn));
    Flow { proto: Proto::Tcp, listen: ListenId(1), peer: addr(from), conn }
}

pub(crate) fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// A branch over UDP to a user at that address.
pub(crate) fn branch(to: &str) -> BranchPlan {
    branch_over(Proto::Udp, to)
}

pub(crate) fn branch_over(proto: Proto, to: &str) -> BranchPlan {
    let target = Target { proto, peer: addr(to), listen: None, conn: None };
    BranchPlan::new(Bytes::from(format!("sip:user@{to}")), target)
}

/// A request of the caller with the branch `z9hG4bK{branch}`.
pub(crate) fn request(method: &str, branch: &str) -> String {
    request_with(method, branch, "")
}

pub(crate) fn request_with(method: &str, branch: &str, extra: &str) -> String {
    let transport = if extra.contains("tcp") { "TCP" } else { "UDP" };
    format!(
        "{method} sip:bob@example.com SIP/2.0\r\n\
         Via: SIP/2.0/{transport} 192.0.2.1:5060;branch=z9hG4bK{branch}\r\n\
         Max-Forwards: 70\r\n\
         From: <sip:alice@example.com>;tag=a1\r\n\
         To: <sip:bob@example.com>\r\n\
         Call-ID: call-{branch}\r\n\
         CSeq: 1 {method}\r\n\
         Contact: <sip:alice@192.0.2.1>\r\n\
         {extra}Content-Length: 0\r\n\r\n"
    )
}

/// The ACK to a negative answer, as the caller's client transaction makes it.
pub(crate) fn ack(branch: &str, answer: &Sent) -> String {
    let to = answer.header("To").unwrap();
    request("ACK", branch).replace("To: <sip:bob@example.com>", &format!("To: {to}"))
}

/// What was sent, as `180 486` or `INVITE CANCEL`.
pub(crate) fn list(sent: &[Sent]) -> String {
    sent.iter().map(Sent::what).collect::<Vec<_>>().join(" ")
}

/// What was sent, with the last octet of where to: `INVITE@11`.
pub(crate) fn ladder(sent: &[Sent]) -> String {
    let one = |s: &Sent| {
        let ip = s.to.peer.ip().to_string();
        format!("{}@{}", s.what(), ip.rsplit('.').next().unwrap())
    };
    sent.iter().map(one).collect::<Vec<_>>().join(" ")
}
