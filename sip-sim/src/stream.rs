//! Simulated connections: who is connected to whom, and when the next message of each direction
//! can arrive at the earliest, which keeps them in order.

use std::collections::HashMap;
use std::net::SocketAddr;

use sip_core::net::{ConnId, Flow, ListenId, Proto};
use sip_core::time::Instant;

use crate::node::NodeId;

/// One end of a connection: the node that has it and the flow it knows it by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    pub(crate) node: NodeId,
    pub(crate) flow: Flow,
    /// The last message on its way to this end arrives then.
    pub(crate) busy_until: Instant,
}

#[derive(Debug)]
struct Conn {
    ends: [End; 2],
    open: bool,
}

/// All connections of a world. An end's [`ConnId`] is twice the connection's number, plus one for
/// the end that accepted; numbers are never used again.
#[derive(Default, Debug)]
pub(crate) struct Streams {
    conns: Vec<Conn>,
    by_peer: HashMap<(NodeId, Proto, SocketAddr), ConnId>,
    opened: u32,
}

/// Who connects to whom.
pub(crate) struct Connect {
    pub(crate) proto: Proto,
    pub(crate) from: NodeId,
    pub(crate) from_listen: ListenId,
    pub(crate) from_addr: SocketAddr,
    pub(crate) to: NodeId,
    pub(crate) to_listen: ListenId,
    pub(crate) to_addr: SocketAddr,
}

impl Streams {
    /// The open connection that `node` has by that id, or else to that peer.
    pub(crate) fn find(
        &self,
        node: NodeId,
        conn: Option<ConnId>,
        proto: Proto,
        peer: SocketAddr,
    ) -> Option<ConnId> {
        let named = conn.filter(|id| self.end(*id).is_some_and(|end| end.node == node));
        named.or_else(|| {
            self.by_peer.get(&(node, proto, peer)).copied().filter(|id| self.end(*id).is_some())
        })
    }

    /// Opens a connection from an ephemeral port; returns the opener's end. Nothing is delivered
    /// to either end before `established`.
    pub(crate) fn open(&mut self, connect: &Connect, established: Instant) -> ConnId {
        // Linux' ephemeral ports; a world that opens more meets the old numbers on dead connections.
        let port = 32_768 + u16::try_from(self.opened % 28_232).expect("below 28,232");
        self.opened += 1;
        let from_addr = SocketAddr::new(connect.from_addr.ip(), port);
        let slot = u32::try_from(self.conns.len() * 2).expect("fewer than 2^31 connections");
        let (here, there) = (ConnId::new(0, 1, slot), ConnId::new(0, 1, slot + 1));
        let end = |node, listen, peer, conn| End {
            node,
            flow: Flow { proto: connect.proto, listen, peer, conn: Some(conn) },
            busy_until: established,
        };
        let ends = [
            end(connect.from, connect.from_listen, connect.to_addr, here),
            end(connect.to, connect.to_listen, from_addr, there),
        ];
        self.conns.push(Conn { ends, open: true });
        self.by_peer.insert((connect.from, connect.proto, connect.to_addr), here);
        self.by_peer.insert((connect.to, connect.proto, from_addr), there);
        here
    }

    /// An end of an open connection.
    pub(crate) fn end(&self, id: ConnId) -> Option<&End> {
        let conn = self.conns.get(id.slot() as usize / 2).filter(|c| c.open)?;
        Some(&conn.ends[id.slot() as usize % 2])
    }

    /// The other end of an open connection.
    pub(crate) fn other_end(&mut self, id: ConnId) -> Option<&mut End> {
        let conn = self.conns.get_mut(id.slot() as usize / 2).filter(|c| c.open)?;
        Some(&mut conn.ends[1 - id.slot() as usize % 2])
    }

    /// Closes a connection; returns the end of `id` and the other one.
    pub(crate) fn close(&mut self, id: ConnId) -> Option<[End; 2]> {
        let conn = self.conns.get_mut(id.slot() as usize / 2).filter(|c| c.open)?;
        conn.open = false;
        let [a, b] = conn.ends;
        Some(if id.slot().is_multiple_of(2) { [a, b] } else { [b, a] })
    }

    /// The open connections of a node.
    pub(crate) fn of_node(&self, node: NodeId) -> Vec<ConnId> {
        let open = self.conns.iter().filter(|c| c.open);
        open.flat_map(|c| &c.ends).filter(|e| e.node == node).filter_map(|e| e.flow.conn).collect()
    }
}
