//! What the parts of one worker's transport have in common.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use mio::Registry;
use sip_core::mem::SlotPool;
use sip_core::net::{ConnId, ListenId, Listeners, Proto, Target};
use sip_core::output::{Input, SendError};
use sip_core::time::Instant;

use crate::conn::ConnCx;
use crate::directory::ConnDirectory;
use crate::params::TransportParams;
use crate::stats::Counters;

/// Something that may be ready for more: it gets a bounded turn and goes back to the end of the
/// list when that did not do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ready {
    Udp(u32),
    Accept(u32),
    Conn(ConnId),
    Service(u32),
    ServicePeer(ConnId),
}

/// Something that has bytes to write, or to be closed, at the next flush.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Dirty {
    Udp(u32),
    Conn(ConnId),
    ServicePeer(ConnId),
}

/// One worker's surroundings.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) worker: u16,
    pub(super) registry: Registry,
    pub(super) listeners: Arc<Listeners>,
    pub(super) params: Arc<TransportParams>,
    pub(super) directory: Arc<ConnDirectory>,
    pub(super) stats: Counters,
    pub(super) pool: SlotPool,
    /// Edge-triggered readiness that is not used up yet.
    pub(super) ready: VecDeque<Ready>,
    /// What the next flush looks at; each entry's owner knows that it is in the list.
    pub(super) dirty: VecDeque<Dirty>,
    /// What happened and was not handed over yet.
    pub(super) inputs: VecDeque<Input>,
}

impl Shared {
    /// The listener to send from: the target's own if it fits, else the first that does.
    pub(super) fn listener_for(&self, to: &Target) -> Option<ListenId> {
        let fits = |id: &ListenId| {
            self.listeners
                .by_id(*id)
                .is_some_and(|l| l.proto == to.proto && l.addr.is_ipv4() == to.peer.is_ipv4())
        };
        to.listen.filter(fits).or_else(|| self.listeners.for_target(to.proto, &to.peer))
    }

    /// The address that a listener is bound to.
    pub(super) fn local(&self, listen: ListenId) -> Option<SocketAddr> {
        self.listeners.by_id(listen).map(|l| l.addr)
    }

    /// The surroundings of a connection at `now`.
    pub(super) fn cx(&mut self, now: Instant) -> ConnCx<'_> {
        ConnCx {
            now,
            params: &self.params,
            pool: &mut self.pool,
            stats: &self.stats,
            inputs: &mut self.inputs,
        }
    }

    /// Puts a source on the list of ready ones unless `listed` says that it is there.
    pub(super) fn mark_ready(&mut self, listed: &mut bool, ready: Ready) {
        if !*listed {
            *listed = true;
            self.ready.push_back(ready);
        }
    }

    /// Has the next flush look at something unless `listed` says that it will.
    pub(super) fn mark_dirty(&mut self, listed: &mut bool, dirty: Dirty) {
        if !*listed {
            *listed = true;
            self.dirty.push_back(dirty);
        }
    }

    /// Tells whoever wants to hear that a message was not sent.
    pub(super) fn fail(&mut self, origin: Option<u64>, to: Target, error: SendError) {
        if let Some(origin) = origin {
            self.inputs.push_back(Input::SendFailed { origin, to, error });
        }
    }
}

/// What an error of the system means for a message.
pub(super) fn send_error(e: &io::Error, proto: Proto) -> SendError {
    use io::ErrorKind as K;
    match e.kind() {
        K::ConnectionRefused | K::HostUnreachable | K::NetworkUnreachable | K::NetworkDown => {
            SendError::Unreachable
        }
        K::ConnectionReset | K::BrokenPipe | K::NotConnected => SendError::Closed,
        K::TimedOut | K::AddrNotAvailable if proto.is_stream() => SendError::Connect,
        _ if e.raw_os_error() == Some(libc::EMSGSIZE) => SendError::TooLarge,
        _ => SendError::System,
    }
}
