//! A scripted endpoint: it sends what it is told and keeps what comes until it is asked for.

use std::collections::VecDeque;
use std::net::SocketAddr;

use bytes::Bytes;
use sip_core::net::{Flow, Proto, Target};
use sip_core::output::{Input, Output, Send};
use sip_core::time::{Instant, Now};
use sip_parser::Message;

use super::check::Pattern;
use crate::node::Node;

/// A message that came to a peer.
#[derive(Clone, Debug)]
pub(super) struct Received {
    pub(super) at: Instant,
    pub(super) flow: Flow,
    pub(super) msg: Message,
}

/// See the file's head.
pub(super) struct Peer {
    proto: Proto,
    address: SocketAddr,
    inbox: VecDeque<Received>,
    ignored: Vec<Pattern>,
    out: VecDeque<Output>,
    /// The first message that could not be read, and why.
    unreadable: Option<String>,
}

impl Peer {
    pub(super) const fn new(proto: Proto, address: SocketAddr) -> Self {
        Self {
            proto,
            address,
            inbox: VecDeque::new(),
            ignored: Vec::new(),
            out: VecDeque::new(),
            unreadable: None,
        }
    }

    pub(super) const fn proto(&self) -> Proto {
        self.proto
    }

    /// Sends to an address over the peer's transport.
    pub(super) fn send(&mut self, to: SocketAddr, bytes: Bytes) {
        self.send_to(Target { proto: self.proto, peer: to, listen: None, conn: None }, bytes);
    }

    pub(super) fn send_to(&mut self, to: Target, bytes: Bytes) {
        self.out.push_back(Output::Send(Send { to, bytes, origin: None }));
    }

    pub(super) fn first(&self) -> Option<&Received> {
        self.inbox.front()
    }

    pub(super) fn take_first(&mut self) -> Option<Received> {
        self.inbox.pop_front()
    }

    pub(super) fn take_unreadable(&mut self) -> Option<String> {
        self.unreadable.take()
    }

    pub(super) fn drain(&mut self) {
        self.inbox.clear();
    }

    pub(super) fn ignore(&mut self, pattern: Pattern) {
        self.inbox.retain(|received| !pattern.matches(&received.msg));
        self.ignored.push(pattern);
    }
}

impl Node for Peer {
    fn listeners(&self) -> Vec<(Proto, SocketAddr)> {
        vec![(self.proto, self.address)]
    }

    fn handle_input(&mut self, now: Now, input: Input) {
        let Input::Message { flow, bytes } = input else { return };
        match Message::parse(bytes) {
            Ok(msg) => {
                if !self.ignored.iter().any(|pattern| pattern.matches(&msg)) {
                    self.inbox.push_back(Received { at: now.mono, flow, msg });
                }
            }
            Err(error) => {
                self.unreadable.get_or_insert_with(|| error.to_string());
            }
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
