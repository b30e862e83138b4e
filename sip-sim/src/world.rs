//! The world: its clock, its nodes, and what happens to everything they send.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;

use bytes::Bytes;
use sip_core::net::{ConnId, Flow, ListenId, Proto, Target};
use sip_core::output::{CloseReason, Input, Output, Send, SendError};
use sip_core::rng::{Rng, SeededRng};
use sip_core::time::{Duration, Instant, Now, WallTime};

use crate::clock::EventQueue;
use crate::link::{Links, Transit};
use crate::node::{Node, NodeId};
use crate::stream::{Connect, End, Streams};
use crate::trace::{Fate, Record, Trace};

/// Virtual time, nodes and the network between them. See the crate's head for the picture.
pub struct World {
    seed: u64,
    start: Instant,
    now: Now,
    rng: SeededRng,
    queue: EventQueue<Event>,
    /// How many planned events are not wake-ups: messages on their way, planned actions.
    in_flight: usize,
    nodes: Vec<Slot>,
    addresses: HashMap<(Proto, SocketAddr), (NodeId, ListenId)>,
    links: Links,
    streams: Streams,
    trace: Trace,
    taps: Vec<Box<dyn Tap>>,
    aside: Vec<(NodeId, Output)>,
    spins: u32,
}

/// A message at the moment it is sent, before or after its fate is known.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    /// The sender's address.
    pub from: SocketAddr,
    /// The address it goes to.
    pub to: SocketAddr,
    /// What becomes of it.
    pub fate: Fate,
    /// The whole message.
    pub bytes: &'a [u8],
}

/// Someone who listens to the wire without taking part.
pub trait Tap: Any {
    /// A message was sent, and `sent.fate` is what the network is going to do with it.
    fn on_sent(&mut self, sent: &Sent<'_>);
    /// A message has arrived. Called once for each copy, before the receiver handles it.
    fn on_arrived(&mut self, from: SocketAddr, to: SocketAddr, bytes: &[u8]);
}

/// A world did not come to rest in the time it was given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StillBusy {
    /// The names of the nodes that were not idle.
    pub nodes: Vec<String>,
    /// Messages and planned actions still on their way.
    pub in_flight: usize,
}

impl fmt::Display for StillBusy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "still busy: {}; {} on the way", self.nodes.join(", "), self.in_flight)
    }
}

impl std::error::Error for StillBusy {}

struct Slot {
    node: Option<Box<dyn Node>>,
    listeners: Vec<(Proto, SocketAddr)>,
    armed: Instant,
}

enum Event {
    Input(NodeId, SocketAddr, Input),
    Wake(NodeId),
    Action(Box<dyn FnOnce(&mut World)>),
}

impl World {
    /// How often a node may be woken in one instant before the world calls it a spin.
    const SPIN_LIMIT: u32 = 10_000;
    /// How long a stream tries to get through a cut before it breaks.
    const STREAM_PATIENCE: Duration = Duration::from_secs(5);

    /// An empty world whose whole course follows from `seed`. Its clock starts at one second,
    /// its wall clock on the first of January 2026.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let start = Instant::from_millis(1000);
        Self {
            seed,
            start,
            now: Now { mono: start, wall: WallTime::from_secs(1_767_225_600) },
            rng: SeededRng::new(seed),
            queue: EventQueue::new(),
            in_flight: 0,
            nodes: Vec::new(),
            addresses: HashMap::new(),
            links: Links::default(),
            streams: Streams::default(),
            trace: Trace::new(seed, start),
            taps: Vec::new(),
            aside: Vec::new(),
            spins: 0,
        }
    }

    /// The seed it was made from.
    #[must_use]
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// The time.
    #[must_use]
    pub const fn now(&self) -> Now {
        self.now
    }

    /// The time since the world began.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.now.mono.saturating_since(self.start)
    }

    /// A seed for a part of the world, such as a phone, drawn from the world's own.
    pub fn draw_seed(&mut self) -> u64 {
        self.rng.next_u64()
    }

    /// Lets a node join under a name for the ladder.
    ///
    /// # Panics
    /// When one of its addresses is taken.
    pub fn add(&mut self, name: &str, node: impl Node) -> NodeId {
        let id = NodeId(u32::try_from(self.nodes.len()).expect("fewer than 2^32 nodes"));
        let listeners = node.listeners();
        for (index, address) in listeners.iter().enumerate() {
            let listen = ListenId(u16::try_from(index).expect("fewer than 65,536 listeners"));
            let taken = self.addresses.insert(*address, (id, listen));
            assert!(taken.is_none(), "{name}: {}:{} is taken", address.0, address.1);
        }
        self.trace.name(name.to_string());
        self.nodes.push(Slot { node: Some(Box::new(node)), listeners, armed: Instant::FAR });
        self.settle(id);
        id
    }

    /// Takes a node out at once, as a crash does: its addresses fall silent, its connections are
    /// reset, what is on its way to it is lost. `None` when it is gone already.
    pub fn remove(&mut self, id: NodeId) -> Option<Box<dyn Node>> {
        let node = self.nodes[id.index()].node.take()?;
        self.addresses.retain(|_, (owner, _)| *owner != id);
        for conn in self.streams.of_node(id) {
            self.close(conn, CloseReason::Reset, CloseReason::Reset);
        }
        Some(node)
    }

    /// The network's links.
    pub fn links(&mut self) -> &mut Links {
        &mut self.links
    }

    /// The record of the run.
    #[must_use]
    pub const fn trace(&self) -> &Trace {
        &self.trace
    }

    /// The record of the run, to set what it keeps or to note something.
    pub fn trace_mut(&mut self) -> &mut Trace {
        &mut self.trace
    }

    /// Lets `tap` listen from now on; returns its number for [`World::tap`].
    pub fn add_tap(&mut self, tap: impl Tap) -> usize {
        self.taps.push(Box::new(tap));
        self.taps.len() - 1
    }

    /// A tap by its number.
    ///
    /// # Panics
    /// When there is none, or it is of another type.
    #[must_use]
    pub fn tap<T: Tap>(&self, number: usize) -> &T {
        let tap: &dyn Any = &*self.taps[number];
        tap.downcast_ref().expect("the tap is of the type asked for")
    }

    /// A node, to look at.
    ///
    /// # Panics
    /// When it was removed, or is of another type.
    #[must_use]
    pub fn node<T: Node>(&self, id: NodeId) -> &T {
        let node: &dyn Any = &**self.nodes[id.index()].node.as_ref().expect("the node is there");
        node.downcast_ref().expect("the node is of the type asked for")
    }

    /// Does something with a node, then carries away what that made it say.
    ///
    /// # Panics
    /// When it was removed, or is of another type.
    pub fn with<T: Node, R>(&mut self, id: NodeId, act: impl FnOnce(&mut T, Now) -> R) -> R {
        let now = self.now;
        let slot = self.nodes[id.index()].node.as_mut().expect("the node is there");
        let node: &mut dyn Any = &mut **slot;
        let result = act(node.downcast_mut().expect("the node is of the type asked for"), now);
        self.settle(id);
        result
    }

    /// Hands a node an input at once, as its own transport would.
    pub fn inject(&mut self, id: NodeId, input: Input) {
        let now = self.now;
        if let Some(node) = self.nodes[id.index()].node.as_mut() {
            node.handle_input(now, input);
            self.settle(id);
        }
    }

    /// Plans an action, such as a cut of the network.
    pub fn at(&mut self, when: Instant, action: impl FnOnce(&mut Self) + 'static) {
        self.in_flight += 1;
        self.queue.plan(when.max(self.now.mono), Event::Action(Box::new(action)));
    }

    /// What nodes wanted done that no network carries: HTTP replies, upgrades, service sockets.
    pub fn take_aside(&mut self) -> Vec<(NodeId, Output)> {
        std::mem::take(&mut self.aside)
    }

    /// Lets the next event happen; `false` when there is none.
    pub fn step(&mut self) -> bool {
        let Some((at, event)) = self.queue.take_next() else { return false };
        self.advance_to(at);
        match event {
            Event::Input(id, from, input) => {
                self.in_flight -= 1;
                self.deliver(id, from, input);
            }
            Event::Wake(id) => self.wake(id, at),
            Event::Action(action) => {
                self.in_flight -= 1;
                action(self);
            }
        }
        true
    }

    /// Lets the next event happen if it is due by `when`. Otherwise `false`, and it is `when`.
    pub fn step_before(&mut self, when: Instant) -> bool {
        if self.queue.next_at().is_some_and(|at| at <= when) {
            return self.step();
        }
        self.advance_to(when);
        false
    }

    /// Lets everything happen up to and including `when`.
    pub fn run_until(&mut self, when: Instant) {
        while self.step_before(when) {}
    }

    /// Lets so much time pass.
    pub fn run_for(&mut self, time: Duration) {
        self.run_until(self.now.mono + time);
    }

    /// Runs until nothing is on its way and every node is idle; at most for `limit`. Returns the
    /// time it came to rest at.
    ///
    /// # Errors
    /// [`StillBusy`] when it did not come to rest within `limit`.
    pub fn run_until_idle(&mut self, limit: Duration) -> Result<Instant, StillBusy> {
        let end = self.now.mono + limit;
        loop {
            if self.in_flight == 0 && self.live().all(|(_, node)| node.is_idle()) {
                return Ok(self.now.mono);
            }
            if self.queue.next_at().is_none_or(|at| at > end) {
                return Err(self.still_busy());
            }
            self.step();
        }
    }

    /// What should be zero and is not, one line for each node and thing.
    #[must_use]
    pub fn leftovers(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (id, node) in self.live() {
            let name = self.trace.name_of(id);
            lines.extend(
                node.leftovers().into_iter().map(|(what, n)| format!("{name}: {n} {what}")),
            );
        }
        lines
    }

    /// Comes to rest within `limit` with nothing left over.
    ///
    /// # Panics
    /// With the ladder, when it does not.
    pub fn expect_rest(&mut self, limit: Duration) {
        if let Err(busy) = self.run_until_idle(limit) {
            panic!("{busy}\n{}{}", self.leftovers().join("\n"), self.trace.ladder());
        }
        let left = self.leftovers();
        assert!(left.is_empty(), "left over:\n{}\n{}", left.join("\n"), self.trace.ladder());
    }

    fn live(&self) -> impl Iterator<Item = (NodeId, &dyn Node)> {
        let number = |i: usize| NodeId(u32::try_from(i).expect("nodes are numbered in 32 bits"));
        let slots = self.nodes.iter().enumerate();
        slots.filter_map(move |(i, slot)| Some((number(i), slot.node.as_deref()?)))
    }

    fn still_busy(&self) -> StillBusy {
        let busy = self.live().filter(|(_, node)| !node.is_idle());
        let nodes = busy.map(|(id, _)| self.trace.name_of(id).to_string()).collect();
        StillBusy { nodes, in_flight: self.in_flight }
    }

    fn advance_to(&mut self, at: Instant) {
        if at > self.now.mono {
            self.now = self.now.later(at.saturating_since(self.now.mono));
            self.spins = 0;
        }
    }

    fn deliver(&mut self, id: NodeId, to: SocketAddr, input: Input) {
        if let Input::Message { flow, bytes } = &input {
            for tap in &mut self.taps {
                tap.on_arrived(flow.peer, to, bytes);
            }
        }
        self.inject(id, input);
    }

    fn wake(&mut self, id: NodeId, at: Instant) {
        let now = self.now;
        let slot = &mut self.nodes[id.index()];
        if slot.armed != at {
            return;
        }
        slot.armed = Instant::FAR;
        let Some(node) = slot.node.as_mut() else { return };
        node.handle_timeout(now);
        self.spins += 1;
        assert!(
            self.spins < Self::SPIN_LIMIT,
            "{} asks to be woken over and over at {:?}\n{}",
            self.trace.name_of(id),
            at,
            self.trace.ladder()
        );
        self.settle(id);
    }

    /// Carries away what a node says and plans its wake-up.
    fn settle(&mut self, id: NodeId) {
        while let Some(output) = self.node_mut(id).and_then(|node| node.poll_output()) {
            match output {
                Output::Send(send) => self.send(id, send),
                Output::Close { conn } => self.close(conn, CloseReason::Local, CloseReason::Peer),
                other => self.aside.push((id, other)),
            }
        }
        let now = self.now.mono;
        let slot = &mut self.nodes[id.index()];
        let Some(at) = slot.node.as_ref().and_then(|node| node.poll_timeout()) else { return };
        let at = at.max(now);
        if at < slot.armed {
            slot.armed = at;
            self.queue.plan(at, Event::Wake(id));
        }
    }

    fn node_mut(&mut self, id: NodeId) -> Option<&mut Box<dyn Node>> {
        self.nodes[id.index()].node.as_mut()
    }

    fn send(&mut self, id: NodeId, send: Send) {
        let Some((listen, from)) = self.source(id, &send.to) else {
            return self.fail(id, &send, SendError::NoListener, Duration::ZERO);
        };
        if send.to.proto.is_stream() {
            self.send_on_stream(id, listen, from, send);
        } else {
            self.send_datagram(id, from, send);
        }
    }

    /// The listener that a node sends to `to` from.
    fn source(&self, id: NodeId, to: &Target) -> Option<(ListenId, SocketAddr)> {
        let listeners = &self.nodes[id.index()].listeners;
        let fits = |(proto, addr): &(Proto, SocketAddr)| {
            *proto == to.proto && addr.is_ipv4() == to.peer.is_ipv4()
        };
        let asked = to.listen.filter(|l| listeners.get(usize::from(l.0)).is_some_and(fits));
        let listen = match asked {
            Some(listen) => listen,
            None => ListenId(u16::try_from(listeners.iter().position(fits)?).ok()?),
        };
        Some((listen, listeners[usize::from(listen.0)].1))
    }

    fn send_datagram(&mut self, id: NodeId, from: SocketAddr, send: Send) {
        if send.bytes.len() > 65_507 {
            return self.fail(id, &send, SendError::TooLarge, Duration::ZERO);
        }
        let (to, now) = (send.to.peer, self.now.mono);
        let receiver = self.addresses.get(&(send.to.proto, to)).copied();
        let fate = match receiver {
            None => Fate::Nobody,
            Some(_) if self.links.is_cut(from.ip(), to.ip()) => Fate::Cut,
            Some(_) if self.links.take_drop(to) => Fate::Lost,
            Some(_) => match self.links.between(from.ip(), to.ip()).datagram(&mut self.rng) {
                Transit::Lost => Fate::Lost,
                Transit::Once(a) => Fate::Arrives(now + a),
                Transit::Twice(a, b) => Fate::Twice(now + a, now + b),
            },
        };
        if let Some((node, listen)) = receiver {
            let flow = Flow { proto: send.to.proto, listen, peer: from, conn: None };
            let (one, two) = match fate {
                Fate::Arrives(at) => (Some(at), None),
                Fate::Twice(one, two) => (Some(one), Some(two)),
                _ => (None, None),
            };
            for at in [one, two].into_iter().flatten() {
                self.plan_message(node, to, flow, at, send.bytes.clone());
            }
        }
        self.record((id, from), (receiver.map(|r| r.0), to), send.to.proto, fate, send.bytes);
    }

    fn send_on_stream(&mut self, id: NodeId, listen: ListenId, from: SocketAddr, send: Send) {
        let proto = send.to.proto;
        let conn = match self.streams.find(id, send.to.conn, proto, send.to.peer) {
            Some(conn) => conn,
            None => {
                let Some((to, to_listen)) = self.addresses.get(&(proto, send.to.peer)).copied()
                else {
                    let nobody = (None, send.to.peer);
                    self.fail(id, &send, SendError::Connect, Duration::from_millis(1));
                    return self.record((id, from), nobody, proto, Fate::Nobody, send.bytes);
                };
                let (from_listen, from_addr, to_addr) = (listen, from, send.to.peer);
                let from = id;
                self.connect(&Connect {
                    proto,
                    from,
                    from_listen,
                    from_addr,
                    to,
                    to_listen,
                    to_addr,
                })
            }
        };
        self.write(id, conn, from, send);
    }

    /// Opens a connection and tells both ends once it is established.
    fn connect(&mut self, connect: &Connect) -> ConnId {
        let (a, b) = (connect.from_addr.ip(), connect.to_addr.ip());
        let there = self.links.between(a, b).stream(&mut self.rng);
        let back = self.links.between(b, a).stream(&mut self.rng);
        let established = self.now.mono + there + back;
        let conn = self.streams.open(connect, established);
        let here = *self.streams.end(conn).expect("just opened");
        let other = *self.streams.other_end(conn).expect("just opened");
        self.tell(here, established, Input::ConnOpened { flow: here.flow });
        self.tell(other, established, Input::ConnOpened { flow: other.flow });
        conn
    }

    /// Writes a message to a connection. One that meets a cut is lost, and the connection breaks.
    fn write(&mut self, id: NodeId, conn: ConnId, from: SocketAddr, send: Send) {
        let to_ip = send.to.peer.ip();
        let Some(other) = self.streams.other_end(conn) else { return };
        let node = other.node;
        if self.links.is_cut(from.ip(), to_ip) {
            self.fail(id, &send, SendError::Closed, Self::STREAM_PATIENCE);
            self.at(self.now.mono + Self::STREAM_PATIENCE, move |world| {
                world.close(conn, CloseReason::WriteTimeout, CloseReason::Reset);
            });
            let to = (Some(node), send.to.peer);
            return self.record((id, from), to, send.to.proto, Fate::Cut, send.bytes);
        }
        let took = self.links.between(from.ip(), to_ip).stream(&mut self.rng);
        let at = (self.now.mono + took).max(other.busy_until);
        other.busy_until = at;
        let flow = other.flow;
        self.plan_message(node, send.to.peer, flow, at, send.bytes.clone());
        let to = (Some(node), send.to.peer);
        self.record((id, from), to, send.to.proto, Fate::Arrives(at), send.bytes);
    }

    fn close(&mut self, conn: ConnId, here: CloseReason, there: CloseReason) {
        let Some([mine, other]) = self.streams.close(conn) else { return };
        let (now, late) = (self.now.mono, other.busy_until);
        self.tell(mine, now, Input::ConnClosed { flow: mine.flow, reason: here });
        self.tell(other, late.max(now), Input::ConnClosed { flow: other.flow, reason: there });
    }

    fn tell(&mut self, end: End, at: Instant, input: Input) {
        self.in_flight += 1;
        self.queue.plan(at, Event::Input(end.node, end.flow.peer, input));
    }

    fn plan_message(
        &mut self,
        to: NodeId,
        addr: SocketAddr,
        flow: Flow,
        at: Instant,
        bytes: Bytes,
    ) {
        self.in_flight += 1;
        self.queue.plan(at, Event::Input(to, addr, Input::Message { flow, bytes }));
    }

    /// Tells a sender that it failed, if it wants to know.
    fn fail(&mut self, id: NodeId, send: &Send, error: SendError, after: Duration) {
        let Some(origin) = send.origin else { return };
        self.in_flight += 1;
        let input = Input::SendFailed { origin, to: send.to, error };
        self.queue.plan(self.now.mono + after, Event::Input(id, send.to.peer, input));
    }

    fn record(
        &mut self,
        from: (NodeId, SocketAddr),
        to: (Option<NodeId>, SocketAddr),
        proto: Proto,
        fate: Fate,
        bytes: Bytes,
    ) {
        for tap in &mut self.taps {
            tap.on_sent(&Sent { from: from.1, to: to.1, fate, bytes: &bytes });
        }
        self.trace.record(Record { at: self.now.mono, from, to, proto, fate, bytes });
    }
}
