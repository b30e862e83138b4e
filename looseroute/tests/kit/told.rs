//! An engine without sockets (way D) on a clock that the test turns.

use std::cell::Cell;
use std::net::SocketAddr;

use bytes::Bytes;
use looseroute::core::net::Proto;
use looseroute::core::output::Output;
use looseroute::core::time::{Duration, Now};
use looseroute::{Builder, Engine, RpcValue};

use super::{DOMAIN, Msg, Req};

pub fn addr(text: &str) -> SocketAddr {
    text.parse().expect("an address of the test")
}

/// The engine and its time in milliseconds.
pub struct Told {
    pub engine: Engine,
    ms: Cell<u64>,
}

impl Told {
    /// Where it listens, on UDP and TCP.
    pub const HERE: &'static str = "10.0.0.9:5060";

    #[track_caller]
    pub fn new(builder: Builder) -> Self {
        let engine = builder.listen(Self::HERE).without_sockets().seed(7).build();
        let told = Self { engine: engine.expect("the engine builds"), ms: Cell::new(1) };
        told.engine.handle_timeout(told.now());
        told
    }

    pub fn now(&self) -> Now {
        let start = Now::default().later(Duration::from_secs(1_700_000_000));
        start.later(Duration::from_millis(self.ms.get()))
    }

    /// A message from a phone over UDP.
    pub fn feed(&self, from: &str, text: &str) {
        self.feed_over(Proto::Udp, from, text);
    }

    pub fn feed_over(&self, proto: Proto, from: &str, text: &str) {
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        let fed = self.engine.handle_input(self.now(), proto, bytes, addr(from), addr(Self::HERE));
        fed.expect("the engine listens there");
    }

    pub fn say(&self, from: &str, req: &Req) {
        self.feed(from, &req.text());
    }

    /// A request of the phone at `from`.
    pub fn request(from: &str, method: &str, user: &str) -> Req {
        Req::new(method, &format!("sip:{user}@{DOMAIN}"), &format!("UDP {from}"))
    }

    /// Everything the engine wants sent, with its target.
    pub fn sent(&self) -> Vec<(SocketAddr, Msg)> {
        let mut all = Vec::new();
        while let Some(output) = self.engine.poll_output() {
            if let Output::Send(send) = output {
                all.push((send.to.peer, Msg::parse(&String::from_utf8_lossy(&send.bytes))));
            }
        }
        all
    }

    /// The one message that the engine wants sent, to `to`.
    #[track_caller]
    pub fn sent_one(&self, to: &str) -> Msg {
        let mut all = self.sent();
        assert_eq!(all.len(), 1, "{all:?}");
        let (target, msg) = all.remove(0);
        assert_eq!(target, addr(to), "{msg:?}");
        msg
    }

    /// As [`Told::sent`] without the automatic 100.
    pub fn sent_but_100(&self) -> Vec<(SocketAddr, Msg)> {
        let mut all = self.sent();
        all.retain(|(_, m)| m.code() != 100);
        all
    }

    /// Lets time pass, stopping wherever a timer wants it.
    pub fn pass(&self, ms: u64) {
        let end = self.ms.get() + ms;
        for _ in 0..100_000 {
            let now = self.now();
            let due = self.engine.poll_timeout().map(|at| at.saturating_since(now.mono));
            let step = due.map_or(u64::MAX, |d| d.as_micros().div_ceil(1000) as u64).max(1);
            self.ms.set(self.ms.get().saturating_add(step).min(end));
            self.engine.handle_timeout(self.now());
            if self.ms.get() == end {
                return;
            }
        }
        panic!("the engine wants to be called without end");
    }

    /// Lets time pass at once: the engine is called at its end only.
    pub fn leap(&self, ms: u64) {
        self.ms.set(self.ms.get() + ms);
        self.engine.handle_timeout(self.now());
    }

    /// Lets all timers run out; nothing is left of any call then. Answers what was sent.
    #[track_caller]
    pub fn settle(&self) -> Vec<(SocketAddr, Msg)> {
        let mut all = self.sent();
        for _ in 0..400 {
            if self.engine.live() == (0, 0, 0) {
                return all;
            }
            self.pass(1000);
            all.extend(self.sent());
        }
        panic!("left over: {:?}", self.engine.live());
    }

    /// Adds a contact of a user.
    #[track_caller]
    pub fn add(&self, user: &str, contact: &str) {
        let aor = format!("{user}@{DOMAIN}");
        let params: [RpcValue; 4] =
            ["location".into(), aor.as_str().into(), contact.into(), RpcValue::Int(600)];
        self.engine.rpc("ul.add", &params).expect("the contact is added");
    }

    #[track_caller]
    pub fn statistic(&self, group: &str, name: &str) -> u64 {
        self.engine.statistic(group, name).expect("there is such a statistic")
    }
}
