//! A relay that keeps no state (RFC 3261 16.11): the smallest thing that can stand between two
//! phones. The simulator is tested with it; it is no model of the engine.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};
use sip_core::net::{Flow, Proto, Target};
use sip_core::output::{Input, Output, Send};
use sip_core::time::{Instant, Now};
use sip_parser::{HeaderId, Message, Method, NameAddr, Patch, Uri};

use crate::node::Node;

/// A stateless relay at one UDP address.
pub struct Relay {
    address: SocketAddr,
    record_route: bool,
    users: HashMap<Bytes, SocketAddr>,
    out: VecDeque<Output>,
    dropped: u64,
}

impl Relay {
    /// A relay that stays in the way of the dialogs it makes.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            record_route: true,
            users: HashMap::new(),
            out: VecDeque::new(),
            dropped: 0,
        }
    }

    /// The same without Record-Route.
    #[must_use]
    pub fn without_record_route(self) -> Self {
        Self { record_route: false, ..self }
    }

    /// Sends requests for `user` to `address`.
    pub fn add_user(&mut self, user: &str, address: SocketAddr) {
        self.users.insert(Bytes::copy_from_slice(user.as_bytes()), address);
    }

    /// Messages it did not know where to send.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    fn relay(&mut self, msg: &Message) -> Option<()> {
        if msg.is_request() { self.relay_request(msg) } else { self.relay_response(msg) }
    }

    fn relay_request(&mut self, msg: &Message) -> Option<()> {
        let mut patch = Patch::new();
        let hops = msg.max_forwards().ok()?.unwrap_or(70).checked_sub(1)?;
        let line = msg.header(HeaderId::MaxForwards)?;
        patch.replace(line.value_span, hops.to_string().as_bytes());
        let mut routes = msg.routes().filter_map(Result::ok);
        let mut next = routes.next();
        if let Some(route) = next.filter(|route| self.is_me(route)) {
            patch.remove_value(msg, HeaderId::Route, route.span);
            next = routes.next();
        }
        let to = match next {
            Some(route) => socket_of(route.uri)?,
            None => self.destination(msg.request_uri())?,
        };
        let via = msg.top_via().ok()?;
        let mut hash = DefaultHasher::new();
        (via.branch(), via.sent_by, msg.request_uri()).hash(&mut hash);
        let here = self.address;
        let own = format!("SIP/2.0/UDP {here};branch=z9hG4bKr{:016x}", hash.finish());
        patch.add_before_first(msg, HeaderId::Via, "Via", own.as_bytes());
        if self.record_route && msg.method() == Some(Method::Invite) {
            let route = format!("<sip:{here};lr>");
            patch.add_before_first(msg, HeaderId::RecordRoute, "Record-Route", route.as_bytes());
        }
        self.send(msg, &patch, to);
        Some(())
    }

    fn relay_response(&mut self, msg: &Message) -> Option<()> {
        let mut vias = msg.vias().filter_map(Result::ok);
        let own = vias.next()?;
        let next = vias.next()?;
        let to = SocketAddr::new(next.host.as_ip()?, next.port.unwrap_or(5060));
        let mut patch = Patch::new();
        patch.remove_value(msg, HeaderId::Via, own.span);
        self.send(msg, &patch, to);
        Some(())
    }

    fn is_me(&self, route: &NameAddr<'_>) -> bool {
        socket_of(route.uri) == Some(self.address)
    }

    /// Where a Request-URI leads: a number to itself, a name to the user's address.
    fn destination(&self, uri: &[u8]) -> Option<SocketAddr> {
        match socket_of(uri).filter(|to| *to != self.address) {
            Some(to) => Some(to),
            None => self.users.get(Uri::parse(uri).ok()?.user?).copied(),
        }
    }

    fn send(&mut self, msg: &Message, patch: &Patch, peer: SocketAddr) {
        let mut bytes = BytesMut::with_capacity(msg.bytes().len() + 256);
        patch.write(msg, &mut bytes);
        let to = Target { proto: Proto::Udp, peer, listen: None, conn: None };
        self.out.push_back(Output::Send(Send { to, bytes: bytes.freeze(), origin: None }));
    }

    fn on_message(&mut self, _flow: &Flow, bytes: Bytes) {
        let relayed = Message::parse(bytes).ok().and_then(|msg| self.relay(&msg));
        if relayed.is_none() {
            self.dropped += 1;
        }
    }
}

impl Node for Relay {
    fn listeners(&self) -> Vec<(Proto, SocketAddr)> {
        vec![(Proto::Udp, self.address)]
    }

    fn handle_input(&mut self, _now: Now, input: Input) {
        if let Input::Message { flow, bytes } = input {
            self.on_message(&flow, bytes);
        }
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    fn handle_timeout(&mut self, _now: Now) {}
}

fn socket_of(uri: &[u8]) -> Option<SocketAddr> {
    let uri = Uri::parse(uri).ok()?;
    Some(SocketAddr::new(uri.host.as_ip()?, uri.port.unwrap_or(5060)))
}
