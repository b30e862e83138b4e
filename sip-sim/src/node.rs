//! What lives in a world: anything that is driven by values alone.

use std::any::Any;
use std::net::SocketAddr;

use sip_core::net::Proto;
use sip_core::output::{Input, Output};
use sip_core::time::{Instant, Now};

/// The number of a node in its world, in the order of joining.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct NodeId(pub(crate) u32);

impl NodeId {
    /// The number as an index from 0.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A participant: an engine's worker, a phone, a relay.
///
/// The world calls [`handle_input`](Node::handle_input) or
/// [`handle_timeout`](Node::handle_timeout), then [`poll_output`](Node::poll_output) until it is
/// empty, then [`poll_timeout`](Node::poll_timeout). Spare timeouts happen and must be harmless.
pub trait Node: Any {
    /// The addresses it receives on; the index is the number of the listener
    /// ([`ListenId`](sip_core::net::ListenId)). Asked once, when the node joins.
    fn listeners(&self) -> Vec<(Proto, SocketAddr)>;

    /// Something has arrived.
    fn handle_input(&mut self, now: Now, input: Input);

    /// The next thing it wants done.
    fn poll_output(&mut self) -> Option<Output>;

    /// When it wants [`handle_timeout`](Node::handle_timeout) at the latest; `None`: never.
    fn poll_timeout(&self) -> Option<Instant>;

    /// Its time has come, or a spare call.
    fn handle_timeout(&mut self, now: Now);

    /// Whether it has nothing left to do by itself. A node with eternal timers (sweeps, refreshes)
    /// says here when those are all it waits for.
    fn is_idle(&self) -> bool {
        self.poll_timeout().is_none()
    }

    /// What must be zero once the world is idle and is not: a name and a count each.
    fn leftovers(&self) -> Vec<(String, u64)> {
        Vec::new()
    }
}
