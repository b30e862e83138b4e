//! Plays a scenario.

use std::collections::HashMap;
use std::net::SocketAddr;

use sip_core::net::{Flow, Proto, Target};
use sip_core::time::{Duration, Now};

use super::Subject;
use super::error::{Failure, Place};
use super::parse::{Expect, RpcExpect, Scenario, Step};
use super::peer::{Peer, Received};
use super::text::{Variables, response_lines};
use crate::node::NodeId;
use crate::trace::Keep;
use crate::world::World;

/// What a subject is started with.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'a> {
    /// The scenario's CONFIG block.
    pub config: &'a str,
    /// A seed for the subject's own chance.
    pub seed: u64,
    /// The time.
    pub now: Now,
}

/// Plays `scenario` against the subject that `start` makes from its configuration; an error of
/// `start` is a line of that configuration, counted from 1, and what is wrong with it.
///
/// # Errors
/// With the place, the reason, the seed and the ladder, when anything goes otherwise than it says.
pub fn run<S: Subject>(
    scenario: &Scenario,
    start: impl FnOnce(&Setup<'_>) -> Result<S, (usize, String)>,
) -> Result<(), Failure> {
    let mut world = World::new(scenario.seed);
    world.trace_mut().keep(Keep::Last(400));
    let setup = Setup { config: &scenario.config.0, seed: world.draw_seed(), now: world.now() };
    let subject = start(&setup).map_err(|(line, message)| {
        let place = Place { line: scenario.config.1 + line.max(1), column: 1 };
        scenario.failure(place, message, String::new())
    })?;
    let listeners = subject.listeners();
    let mut peers = HashMap::new();
    // In the ladder the first peer stands on the left of the subject.
    if let Some((_, Step::Peer { name, proto, address })) = scenario.steps.first() {
        let id = world.add(name, Peer::new(*proto, *address));
        peers.insert(name.clone(), (id, *address));
    }
    let engine = world.add("engine", subject);
    let mut play = Play::<S> {
        variables: Variables::new(scenario.seed),
        world,
        engine,
        listeners,
        peers,
        subject: std::marker::PhantomData,
    };
    play.name_addresses();
    let first = play.peers.len();
    for (place, step) in scenario.steps.iter().skip(first) {
        play.step(step).map_err(|Wrong { at, message }| {
            scenario.failure(at.unwrap_or(*place), message, play.world.trace().ladder())
        })?;
    }
    play.finish().map_err(|wrong| {
        scenario.failure(scenario.end(), wrong.message, play.world.trace().ladder())
    })
}

/// What went wrong, and where if not at the step's own line.
struct Wrong {
    at: Option<Place>,
    message: String,
}

impl<T: Into<String>> From<T> for Wrong {
    fn from(message: T) -> Self {
        Self { at: None, message: message.into() }
    }
}

struct Play<S> {
    variables: Variables,
    world: World,
    engine: NodeId,
    listeners: Vec<(Proto, SocketAddr)>,
    peers: HashMap<String, (NodeId, SocketAddr)>,
    subject: std::marker::PhantomData<S>,
}

impl<S: Subject> Play<S> {
    fn name_addresses(&mut self) {
        for (name, (_, address)) in self.peers.clone() {
            self.name_address(&name, address);
        }
        for (proto, address) in self.listeners.clone().iter().rev() {
            let name = format!("engine_{}", proto.token());
            for name in [name.as_str(), "engine"] {
                self.name_address(name, *address);
            }
        }
    }

    fn name_address(&mut self, name: &str, address: SocketAddr) {
        self.variables.set(name, address.to_string());
        self.variables.set(&format!("{name}.ip"), address.ip().to_string());
        self.variables.set(&format!("{name}.port"), address.port().to_string());
    }

    fn step(&mut self, step: &Step) -> Result<(), Wrong> {
        match step {
            Step::Peer { name, proto, address } => self.add_peer(name, *proto, *address),
            Step::Let { name, value } => {
                let value = self.variables.fill(value)?;
                self.variables.set(name, value);
                Ok(())
            }
            Step::Link { peer, link } if peer == "all" => {
                self.world.links().set_default(*link);
                Ok(())
            }
            Step::Link { peer, link } => {
                let ip = self.address(peer)?.ip();
                self.world.links().set_host(ip, *link);
                Ok(())
            }
            Step::Loss { peer, loss } if peer == "all" => {
                let any = SocketAddr::from(([0, 0, 0, 0], 0)).ip();
                let link = self.world.links().between(any, any).with_loss(*loss);
                self.world.links().set_default(link);
                Ok(())
            }
            Step::Loss { peer, loss } => {
                let ip = self.address(peer)?.ip();
                let link = self.world.links().between(ip, ip).with_loss(*loss);
                self.world.links().set_host(ip, link);
                Ok(())
            }
            Step::Drop { peer, count } => {
                let address = self.address(peer)?;
                self.world.links().drop_next(address, *count);
                Ok(())
            }
            Step::Cut { peer } => self.cut(peer),
            Step::Heal => {
                self.world.links().heal();
                Ok(())
            }
            Step::Time(time) => {
                self.world.run_for(*time);
                Ok(())
            }
            Step::Send { peer, raw, text } => self.send(peer, *raw, text),
            Step::Expect(expect) => self.expect(expect),
            Step::Reply { peer, to, status, reason, text } => {
                self.reply(peer, to, (*status, reason), text)
            }
            Step::Ignore { peer, pattern } => {
                let (id, _) = self.peer(peer)?;
                self.world.with(id, |p: &mut Peer, _| p.ignore(pattern.clone()));
                Ok(())
            }
            Step::Drain { peer } => {
                let (id, _) = self.peer(peer)?;
                self.world.with(id, |p: &mut Peer, _| p.drain());
                Ok(())
            }
            Step::Silence { peer, time } => self.silence(peer, *time),
            Step::Stat { name, operator, value } => {
                let found = self.world.node::<S>(self.engine).statistic(name);
                let found = found.ok_or_else(|| format!("there is no statistic {name}"))?;
                if operator.holds(found, *value) {
                    Ok(())
                } else {
                    Err(format!("{name} is {found}").into())
                }
            }
            Step::Rpc { method, params, expect } => self.rpc(method, params, expect),
            Step::Do(command) => {
                let command = self.variables.fill(command)?;
                let act = |s: &mut S, now| s.command(now, &command);
                self.world.with(self.engine, act).map_err(Wrong::from)
            }
            Step::Rest(time) => self.rest(*time),
        }
    }

    fn add_peer(&mut self, name: &str, proto: Proto, address: SocketAddr) -> Result<(), Wrong> {
        if self.peers.contains_key(name) {
            return Err(format!("{name} is taken").into());
        }
        let id = self.world.add(name, Peer::new(proto, address));
        self.peers.insert(name.to_string(), (id, address));
        self.name_address(name, address);
        Ok(())
    }

    fn peer(&self, name: &str) -> Result<(NodeId, SocketAddr), Wrong> {
        self.peers.get(name).copied().ok_or_else(|| format!("no peer is called {name}").into())
    }

    fn address(&self, name: &str) -> Result<SocketAddr, Wrong> {
        match self.listeners.first() {
            Some((_, address)) if name == "engine" => Ok(*address),
            _ => self.peer(name).map(|(_, address)| address),
        }
    }

    fn cut(&mut self, peer: &str) -> Result<(), Wrong> {
        let these = [self.address(peer)?.ip()];
        let mut those: Vec<_> = self.peers.values().map(|(_, address)| address.ip()).collect();
        those.extend(self.listeners.iter().map(|(_, address)| address.ip()));
        self.world.links().partition(&these, &those);
        Ok(())
    }

    fn send(&mut self, peer: &str, raw: bool, text: &[String]) -> Result<(), Wrong> {
        let (id, _) = self.peer(peer)?;
        let bytes = self.variables.message_text(text, raw)?;
        let proto = self.world.node::<Peer>(id).proto();
        let engine = self.listeners.iter().find(|(p, _)| *p == proto);
        let to = engine.ok_or_else(|| format!("the engine does not listen on {proto}"))?.1;
        self.world.with(id, |p: &mut Peer, _| p.send(to, bytes));
        Ok(())
    }

    fn reply(
        &mut self,
        peer: &str,
        to: &str,
        (status, reason): (u16, &str),
        text: &[String],
    ) -> Result<(), Wrong> {
        let (id, _) = self.peer(peer)?;
        let (request, flow) = self.variables.message(to)?.clone();
        if !request.is_request() {
            return Err(format!("{to} is no request").into());
        }
        let reason = if reason.is_empty() { sip_parser::reason_phrase(status) } else { reason };
        let lines = response_lines(&request, (status, reason), &format!("tag-{peer}"), text);
        let bytes = self.variables.message_text(&lines, false)?;
        let back = Self::way_back(&flow, &request)?;
        self.world.with(id, |p: &mut Peer, _| p.send_to(back, bytes));
        Ok(())
    }

    /// Where a peer's answer to a request goes: the connection it came by, or its top Via
    /// (RFC 3261 18.2.2).
    fn way_back(flow: &Flow, request: &sip_parser::Message) -> Result<Target, Wrong> {
        let mut target = flow.back();
        if !flow.proto.is_stream() {
            let via = request.top_via().map_err(|e| e.to_string())?;
            let ip = via.host.as_ip().ok_or("the top Via names no address")?;
            target.peer = SocketAddr::new(ip, via.port.unwrap_or(flow.proto.default_port()));
        }
        Ok(target)
    }

    fn expect(&mut self, expect: &Expect) -> Result<(), Wrong> {
        let (id, _) = self.peer(&expect.peer)?;
        let started = self.world.now().mono;
        let Some(received) = self.next_message(id, expect.within)? else {
            return Err(format!("nothing came within {:?}", expect.within).into());
        };
        let Received { at, msg, flow } = received;
        let start = first_line(&msg);
        if !expect.pattern.matches(&msg) {
            return Err(format!("{start} came").into());
        }
        let took = at.saturating_since(started);
        if took < expect.after {
            return Err(format!("{start} came after {took:?} already").into());
        }
        for (place, check) in &expect.checks {
            let fill = |template: &str| self.variables.fill(template);
            check.look(&msg, fill).map_err(|message| Wrong {
                at: Some(*place),
                message: format!("{start}: {message}"),
            })?;
        }
        if let Some(name) = &expect.name {
            self.variables.name_message(name, msg, flow);
        }
        Ok(())
    }

    /// The next message of a peer, waiting for it at most so long.
    fn next_message(&mut self, id: NodeId, within: Duration) -> Result<Option<Received>, Wrong> {
        let end = self.world.now().mono + within;
        loop {
            if let Some(why) = self.world.with(id, |p: &mut Peer, _| p.take_unreadable()) {
                return Err(format!("a message came that cannot be read: {why}").into());
            }
            if let Some(received) = self.world.with(id, |p: &mut Peer, _| p.take_first()) {
                return Ok(Some(received));
            }
            if !self.world.step_before(end) {
                return Ok(None);
            }
        }
    }

    fn silence(&mut self, peer: &str, time: Duration) -> Result<(), Wrong> {
        let names: Vec<String> = match peer {
            "all" => self.sorted_peers(),
            one => vec![one.to_string()],
        };
        for name in &names {
            self.peer(name)?;
        }
        self.expect_silence(&names)?;
        self.world.run_for(time);
        self.expect_silence(&names)
    }

    fn sorted_peers(&self) -> Vec<String> {
        let mut names: Vec<String> = self.peers.keys().cloned().collect();
        names.sort();
        names
    }

    fn expect_silence(&mut self, names: &[String]) -> Result<(), Wrong> {
        for name in names {
            let (id, _) = self.peer(name)?;
            if let Some(why) = self.world.with(id, |p: &mut Peer, _| p.take_unreadable()) {
                return Err(format!("{name} got what cannot be read: {why}").into());
            }
            if let Some(received) = self.world.node::<Peer>(id).first() {
                return Err(format!("{name} got {}", first_line(&received.msg)).into());
            }
        }
        Ok(())
    }

    fn rpc(&mut self, method: &str, params: &str, expect: &RpcExpect) -> Result<(), Wrong> {
        let params = self.variables.fill(params)?;
        let result = self.world.with(self.engine, |s: &mut S, now| s.rpc(now, method, &params));
        let mut fill = |text: &String| self.variables.fill(text);
        match (expect, result) {
            (RpcExpect::Fails(text), Err(message)) if message.contains(&fill(text)?) => Ok(()),
            (RpcExpect::Success, Ok(_)) => Ok(()),
            (RpcExpect::Contains(text), Ok(result)) if result.contains(&fill(text)?) => Ok(()),
            (RpcExpect::Lacks(text), Ok(result)) if !result.contains(&fill(text)?) => Ok(()),
            (_, Ok(result)) => Err(format!("{method} answers {result}").into()),
            (_, Err(message)) => Err(format!("{method} fails: {message}").into()),
        }
    }

    fn rest(&mut self, limit: Duration) -> Result<(), Wrong> {
        let busy = self.world.run_until_idle(limit).err().map(|busy| busy.to_string());
        let left = self.world.leftovers();
        match (busy, left.is_empty()) {
            (None, true) => Ok(()),
            (busy, _) => {
                let left = left.join(", ");
                Err(format!("{}; left over: {left}", busy.unwrap_or_default()).into())
            }
        }
    }

    fn finish(&mut self) -> Result<(), Wrong> {
        self.rest(Duration::from_secs(400))?;
        let names = self.sorted_peers();
        self.expect_silence(&names).map_err(|w| format!("at the end {}", w.message).into())
    }
}

fn first_line(msg: &sip_parser::Message) -> String {
    let end = msg.start_line_end() as usize;
    String::from_utf8_lossy(msg.bytes().get(..end).unwrap_or_default()).trim().to_string()
}
