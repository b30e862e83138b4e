//! The loop: sockets, pace, clock, the phases of a run.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::time::Instant;

use looseroute_benches::batch::{Received, wait};
use looseroute_benches::pin;
use looseroute_benches::usage::{self, Usage};
use socket2::SockRef;

use crate::side::{Addresses, Scenario, Sides};
use crate::slot::Slots;
use crate::tally::Outcome;

const SECOND: f64 = 1e9;
/// How often the timers are looked at.
const TICK: u64 = 20_000_000;
/// Datagrams a call of recvmmsg.
const BATCH: usize = 64;
/// How many at a time while the users are registered.
const PRELOAD_INFLIGHT: usize = 64;

/// How new ones start.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// The next when one ends.
    Closed { inflight: usize },
    /// By the clock, in starts per second.
    Open { rate: f64 },
}

/// What to run.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) scenario: Scenario,
    pub(crate) server: SocketAddrV4,
    pub(crate) pace: Pace,
    pub(crate) slots: usize,
    pub(crate) users: u32,
    pub(crate) seconds: f64,
    pub(crate) warmup: f64,
    pub(crate) give_up: f64,
    pub(crate) pid: Option<u32>,
    pub(crate) cpu: Option<usize>,
    pub(crate) sleep: bool,
    pub(crate) floor: bool,
    pub(crate) answer_port: u16,
}

/// Runs all phases: register the users, warm up, measure, let what is in flight end.
///
/// # Errors
/// Sockets, pinning, a server process that is not there, or users that cannot be registered.
pub(crate) fn run(config: &Config) -> io::Result<Outcome> {
    if let Some(cpu) = config.cpu {
        pin::to_cpu(cpu)?;
    }
    let mut driver = Driver::new(config)?;
    if config.scenario != Scenario::Options && !config.floor {
        // A binding of an earlier run, with another port, would make every call fork.
        driver.each_user(Scenario::Unregister)?;
        driver.each_user(Scenario::Register)?;
    }
    driver.measure()
}

struct Driver<'a> {
    config: &'a Config,
    caller: UdpSocket,
    answerer: UdpSocket,
    addresses: Addresses,
    received: Received,
    epoch: Instant,
    run: u16,
}

impl<'a> Driver<'a> {
    fn new(config: &'a Config) -> io::Result<Driver<'a>> {
        let (caller, caller_at) = open(0, config.server)?;
        let (answerer, answerer_at) = open(config.answer_port, config.server)?;
        Ok(Driver {
            config,
            caller,
            answerer,
            addresses: Addresses {
                server: config.server,
                caller: caller_at,
                answerer: answerer_at,
            },
            received: Received::new(BATCH),
            epoch: Instant::now(),
            // Four phases a process at most.
            run: (std::process::id() as u16).wrapping_mul(4),
        })
    }

    fn now(&self) -> u64 {
        self.epoch.elapsed().as_nanos() as u64
    }

    /// The sides of a phase. Each phase has keys of its own, so that no Call-ID comes twice.
    fn sides(&mut self, scenario: Scenario, slots: usize) -> Sides {
        self.run = self.run.wrapping_add(1);
        let give_up = (self.config.give_up * SECOND) as u64;
        let slots = Slots::new(slots, self.run);
        let users = self.config.users;
        Sides::new(scenario, self.addresses, slots, users, give_up, self.config.floor)
    }

    /// One REGISTER of every user.
    fn each_user(&mut self, scenario: Scenario) -> io::Result<()> {
        let users = self.config.users as usize;
        let mut sides = self.sides(scenario, users);
        let (mut started, mut tick) = (0, 0);
        while sides.tally.done + sides.tally.failed < users as u64 {
            let now = self.now();
            while started < users && sides.slots.busy() < PRELOAD_INFLIGHT {
                sides.start(now, now);
                started += 1;
            }
            self.turn(&mut sides, now, &mut tick)?;
        }
        match (sides.tally.failed, sides.tally.first_failure) {
            (0, _) => Ok(()),
            (failed, first) => Err(io::Error::other(format!(
                "{failed} of {users} users failed to {}: {}",
                scenario.name(),
                first.unwrap_or_default()
            ))),
        }
    }

    fn measure(&mut self) -> io::Result<Outcome> {
        let config = self.config;
        let slots = match (config.scenario, config.pace) {
            (Scenario::Register, _) => config.users as usize,
            (_, Pace::Closed { inflight }) => inflight,
            (_, Pace::Open { .. }) => config.slots,
        };
        let mut sides = self.sides(config.scenario, slots);
        let begin = self.now();
        let from = begin + (config.warmup * SECOND) as u64;
        let until = from + (config.seconds * SECOND) as u64;
        let mut pacer = Pacer { pace: config.pace, next: begin as f64 };
        let mut tick = 0;
        self.load(&mut sides, &mut pacer, from, &mut tick)?;
        let before = self.usage()?;
        let (done_before, at) = (sides.tally.done, self.now());
        sides.latency.clear();
        sides.setup.clear();
        self.load(&mut sides, &mut pacer, until, &mut tick)?;
        let after = self.usage()?;
        let done = sides.tally.done - done_before;
        let seconds = (self.now() - at) as f64 / SECOND;
        let (latency, setup) = (sides.latency.clone(), sides.setup.clone());
        while sides.slots.busy() > 0 {
            let now = self.now();
            self.turn(&mut sides, now, &mut tick)?;
        }
        Ok(Outcome {
            scenario: config.scenario.name(),
            load: match config.pace {
                Pace::Closed { inflight } => format!("closed:{inflight}"),
                Pace::Open { rate } => format!("open:{rate}"),
            },
            seconds,
            done,
            tally: std::mem::take(&mut sides.tally),
            usage: before.zip(after).map(|(before, after)| after.since(before)),
            latency,
            setup,
        })
    }

    fn usage(&self) -> io::Result<Option<Usage>> {
        self.config.pid.map(usage::of_family).transpose()
    }

    fn load(
        &mut self,
        sides: &mut Sides,
        pacer: &mut Pacer,
        until: u64,
        tick: &mut u64,
    ) -> io::Result<()> {
        loop {
            let now = self.now();
            if now >= until {
                return Ok(());
            }
            pacer.start_due(sides, now);
            self.turn(sides, now, tick)?;
        }
    }

    /// One turn: send what waits, take what came, look at the timers. Waits a little when asked to
    /// sleep and nothing came.
    fn turn(&mut self, sides: &mut Sides, now: u64, tick: &mut u64) -> io::Result<()> {
        if *tick <= now {
            sides.on_time(now);
            *tick = now + TICK;
        }
        self.flush(sides)?;
        let mut came = self.received.receive(&self.caller)?;
        if came > 0 {
            let now = self.now();
            for at in 0..came {
                sides.on_caller(self.received.datagram(at), now);
            }
        }
        // Nothing is addressed to the answering side while users register.
        let to_answerer = match sides.answers() {
            true => self.received.receive(&self.answerer)?,
            false => 0,
        };
        if to_answerer > 0 {
            let now = self.now();
            for at in 0..to_answerer {
                sides.on_answerer(self.received.datagram(at), now);
            }
        }
        came += to_answerer;
        if came > 0 {
            return self.flush(sides);
        }
        if self.config.sleep {
            let gap = match self.config.pace {
                Pace::Open { rate } => (SECOND / rate) as u64,
                Pace::Closed { .. } => TICK,
            };
            wait(&[&self.caller, &self.answerer], libc::POLLIN, gap.min(TICK))?;
        }
        Ok(())
    }

    fn flush(&self, sides: &mut Sides) -> io::Result<()> {
        sides.from_answerer.flush(&self.answerer)?;
        sides.from_caller.flush(&self.caller)
    }
}

struct Pacer {
    pace: Pace,
    /// Open loop: when the next is due.
    next: f64,
}

impl Pacer {
    fn start_due(&mut self, sides: &mut Sides, now: u64) {
        match self.pace {
            Pace::Closed { inflight } => {
                while sides.slots.busy() < inflight && sides.start(now, now) {}
            }
            Pace::Open { rate } => {
                while self.next <= now as f64 {
                    if !sides.start(self.next as u64, now) {
                        sides.tally.missed += 1;
                    }
                    self.next += SECOND / rate;
                }
            }
        }
    }
}

/// A non-blocking socket on loopback that talks to the server only.
fn open(port: u16, server: SocketAddrV4) -> io::Result<(UdpSocket, SocketAddrV4)> {
    let ip = if server.ip().is_loopback() { *server.ip() } else { Ipv4Addr::UNSPECIFIED };
    let socket = UdpSocket::bind((ip, port))?;
    // The kernel gives less when its limit is lower; the counters show what was lost.
    SockRef::from(&socket).set_recv_buffer_size(4 << 20)?;
    socket.connect(server)?;
    socket.set_nonblocking(true)?;
    match socket.local_addr()? {
        std::net::SocketAddr::V4(own) => Ok((socket, own)),
        other => Err(io::Error::other(format!("not an IPv4 address: {other}"))),
    }
}
