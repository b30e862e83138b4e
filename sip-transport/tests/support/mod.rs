//! A transport with its own loop for tests over loopback: turns are driven until something has
//! happened, never for a fixed time.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sip_core::net::{ConnId, Flow, ListenId, Listeners, Proto, Target};
use sip_core::output::{Input, Output, Send};
use sip_core::stats::{Builder, Stats};
use sip_core::time::{Instant, Now};
use sip_transport::{
    Clock, ConnDirectory, ListenSpec, SendOutcome, Transport, TransportParams, TransportStats, bind,
};

/// How long a test waits for what must happen.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Workers on common listeners, all driven by the test's thread.
pub struct Rig {
    pub workers: Vec<Worker>,
    pub listeners: Arc<Listeners>,
    pub params: Arc<TransportParams>,
    pub directory: Arc<ConnDirectory>,
    pub stats: Stats,
}

pub struct Worker {
    pub transport: Transport,
    pub clock: Clock,
    pub inputs: VecDeque<Input>,
    pub now: Instant,
}

pub fn specs(listen: &[&str]) -> Vec<ListenSpec> {
    listen.iter().map(|s| s.parse().unwrap()).collect()
}

impl Rig {
    pub fn new(listen: &[&str]) -> Self {
        Self::with(listen, 1, &[])
    }

    pub fn with(listen: &[&str], workers: u16, params: &[(&str, u32)]) -> Self {
        let p = Arc::new(TransportParams::default());
        for (name, value) in params {
            p.set(name, *value).unwrap();
        }
        let directory = Arc::new(ConnDirectory::new());
        let mut builder = Builder::new();
        let declared = TransportStats::declare(&mut builder, &directory);
        let stats = builder.build(usize::from(workers));
        let bound = bind(&specs(listen), workers, &p).unwrap();
        let clock = Clock::start();
        let workers = (0..workers)
            .zip(bound.workers)
            .map(|(n, sockets)| {
                let counters = declared.on(stats.shard(usize::from(n)).unwrap());
                let listeners = Arc::clone(&bound.listeners);
                let (params, directory) = (Arc::clone(&p), Arc::clone(&directory));
                let transport =
                    Transport::new(n, listeners, sockets, params, directory, counters).unwrap();
                Worker { transport, clock, inputs: VecDeque::new(), now: clock.now().mono }
            })
            .collect();
        Self { workers, listeners: bound.listeners, params: p, directory, stats }
    }

    pub fn addr(&self, listener: u16) -> SocketAddr {
        self.listeners.by_id(ListenId(listener)).unwrap().addr
    }

    pub fn tcp(&self, name: &str) -> u64 {
        self.stats.get("tcp", name).unwrap()
    }

    pub fn udp(&self, name: &str) -> u64 {
        self.stats.get("udp", name).unwrap()
    }

    /// The only worker.
    pub fn one(&mut self) -> &mut Worker {
        assert_eq!(self.workers.len(), 1);
        &mut self.workers[0]
    }

    /// Turns all workers until `done`; fails the test when that does not come.
    pub fn until(&mut self, what: &str, mut done: impl FnMut(&mut Self) -> bool) {
        let start = self.workers[0].clock.now().mono;
        while !done(self) {
            let waited = self.workers[0].clock.now().mono - start;
            assert!(waited < PATIENCE, "waited in vain for {what}");
            for w in &mut self.workers {
                w.turn(Duration::from_millis(5));
            }
        }
    }
}

impl Worker {
    /// One turn that waits for at most `timeout`.
    pub fn turn(&mut self, timeout: Duration) {
        let clock = self.clock;
        let mut read = || clock.now();
        let wait = match self.transport.next_timeout(clock.now().mono) {
            Some(at) => (at - clock.now().mono).min(timeout),
            None => timeout,
        };
        let Now { mono, .. } =
            self.transport.poll(&mut read, Some(wait), &mut self.inputs).unwrap();
        self.now = mono;
        self.transport.flush(mono, &mut self.inputs);
    }

    /// Turns until an input that `want` takes is there, and takes it out; earlier ones stay.
    pub fn expect<T>(&mut self, what: &str, mut want: impl FnMut(&Input) -> Option<T>) -> T {
        let start = self.clock.now().mono;
        loop {
            let found = self.inputs.iter().enumerate().find_map(|(i, x)| Some((i, want(x)?)));
            if let Some((i, value)) = found {
                self.inputs.remove(i);
                return value;
            }
            let waited = self.clock.now().mono - start;
            assert!(waited < PATIENCE, "waited in vain for {what}; have {:?}", self.inputs);
            self.turn(Duration::from_millis(20));
        }
    }

    pub fn message(&mut self) -> (Flow, Bytes) {
        self.expect("a message", |i| match i {
            Input::Message { flow, bytes } => Some((*flow, bytes.clone())),
            _ => None,
        })
    }

    pub fn output(&mut self, output: Output) {
        let outcome = self.transport.send(self.now, output);
        assert!(matches!(outcome, SendOutcome::Taken), "{outcome:?}");
    }

    pub fn send(&mut self, to: Target, bytes: impl Into<Bytes>, origin: Option<u64>) {
        self.output(Output::Send(Send { to, bytes: bytes.into(), origin }));
    }

    pub fn flush(&mut self) {
        self.transport.flush(self.now, &mut self.inputs);
    }
}

pub fn target(proto: Proto, peer: SocketAddr) -> Target {
    Target { proto, peer, listen: None, conn: None }
}

pub fn closed(conn: ConnId) -> impl FnMut(&Input) -> Option<sip_core::output::CloseReason> {
    move |i| match i {
        Input::ConnClosed { flow, reason } if flow.conn == Some(conn) => Some(*reason),
        _ => None,
    }
}

pub fn sip(name: &str, body: &str) -> Vec<u8> {
    format!(
        "{name} sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
