//! One worker's UDP sockets: datagrams in, copied once into pooled memory, and datagrams out,
//! collected over a turn and sent a batch at a time.
//!
//! A socket that the system takes no more from keeps its datagrams, in order and bounded by
//! `udp_wq_max`, until it is writable.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;

use bytes::Bytes;
use mio::Interest;
use mio::net::UdpSocket;
use sip_core::net::{Flow, ListenId, Proto, Target};
use sip_core::output::{Input, Send, SendError};

use super::bind::BoundSocket;
use super::plain;
use super::shared::{Dirty, Ready, Shared, send_error};
use super::token::Source;
use crate::stats::Counter;

#[cfg(target_os = "linux")]
use super::mmsg;

/// A worker's UDP sockets and the buffers they share.
#[derive(Debug)]
pub(super) struct UdpSide {
    ports: Vec<Port>,
    /// Places in `ports` by listener number.
    by_listen: Vec<Option<u32>>,
    buffers: Buffers,
}

#[derive(Debug)]
struct Port {
    socket: UdpSocket,
    listen: ListenId,
    queue: VecDeque<Datagram>,
    /// The system took no more; cleared when it says it does again.
    blocked: bool,
    /// In the list of ready sources.
    ready: bool,
    /// In the list of what is to be flushed.
    dirty: bool,
}

#[derive(Debug)]
struct Datagram {
    bytes: Bytes,
    to: Target,
    origin: Option<u64>,
}

/// How datagrams pass the system: in batches or one by one.
#[derive(Debug)]
enum Buffers {
    #[cfg(target_os = "linux")]
    Batched(mmsg::Receiver, mmsg::Sender),
    Plain(plain::Receiver),
}

/// Errors in one turn after which a socket waits for its next event.
const MAX_ERRORS: u32 = 16;

impl UdpSide {
    pub(super) fn new(bound: Vec<BoundSocket>, shared: &Shared) -> io::Result<Self> {
        let buffers = Buffers::new(shared, !bound.is_empty());
        let mut side = Self { ports: Vec::new(), by_listen: Vec::new(), buffers };
        for (b, index) in bound.into_iter().zip(0..) {
            let mut socket = UdpSocket::from_std(b.socket.into());
            let interest = Interest::READABLE | Interest::WRITABLE;
            shared.registry.register(&mut socket, Source::Udp(index).token(), interest)?;
            let place = usize::from(b.listen.0);
            if side.by_listen.len() <= place {
                side.by_listen.resize(place + 1, None);
            }
            if let Some(slot) = side.by_listen.get_mut(place) {
                *slot = Some(index);
            }
            side.ports.push(Port {
                socket,
                listen: b.listen,
                queue: VecDeque::new(),
                blocked: false,
                ready: false,
                dirty: false,
            });
        }
        Ok(side)
    }

    /// The system says that socket `index` may be read or written.
    pub(super) fn event(&mut self, index: u32, event: &mio::event::Event, shared: &mut Shared) {
        let Some(port) = self.ports.get_mut(index as usize) else { return };
        if event.is_readable() || event.is_error() {
            shared.mark_ready(&mut port.ready, Ready::Udp(index));
        }
        if event.is_writable() && port.blocked {
            port.blocked = false;
            shared.mark_dirty(&mut port.dirty, Dirty::Udp(index));
        }
    }

    /// Receives up to `udp_budget` datagrams from socket `index`, which has just come off the list
    /// of ready sources; it goes back there when there may be more.
    pub(super) fn receive(&mut self, index: u32, shared: &mut Shared) {
        let Some(port) = self.ports.get_mut(index as usize) else { return };
        port.ready = false;
        let mut budget = shared.params.udp_budget() as usize;
        let mut errors = 0;
        while budget > 0 {
            match self.buffers.receive(port, budget, shared) {
                Ok(Received { count, drained }) => {
                    budget = budget.saturating_sub(count);
                    if drained {
                        return;
                    }
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => {
                    // What an earlier datagram met on its way (ICMP) stands before those that wait
                    // and is told once each. An error that stays is no reason to spin: the next
                    // datagram is an event again.
                    shared.stats.inc(Counter::UdpReceiveError);
                    errors += 1;
                    if errors == MAX_ERRORS {
                        return;
                    }
                }
            }
        }
        shared.mark_ready(&mut port.ready, Ready::Udp(index));
    }

    /// Queues a message for the next flush.
    pub(super) fn send(&mut self, send: Send, shared: &mut Shared) {
        let Send { to, bytes, origin } = send;
        let place = shared.listener_for(&to).map(|l| usize::from(l.0));
        let index = place.and_then(|p| self.by_listen.get(p).copied().flatten());
        let Some((index, port)) =
            index.and_then(|i| self.ports.get_mut(i as usize).map(|port| (i, port)))
        else {
            shared.fail(origin, to, SendError::NoListener);
            return;
        };
        let max = shared.params.udp_wq_max() as usize;
        if port.queue.len() >= max && !port.blocked {
            self.buffers.flush(port, shared);
        }
        if port.queue.len() >= max {
            shared.stats.inc(Counter::UdpSendqFull);
            shared.fail(origin, to, SendError::QueueFull);
            return;
        }
        port.queue.push_back(Datagram { bytes, to, origin });
        if !port.blocked {
            shared.mark_dirty(&mut port.dirty, Dirty::Udp(index));
        }
    }

    /// Sends what waits on socket `index`, as far as the system takes it.
    pub(super) fn flush(&mut self, index: u32, shared: &mut Shared) {
        if let Some(port) = self.ports.get_mut(index as usize) {
            port.dirty = false;
            self.buffers.flush(port, shared);
        }
    }

    /// How many datagrams wait on all sockets.
    pub(super) fn queued(&self) -> usize {
        self.ports.iter().map(|p| p.queue.len()).sum()
    }
}

impl Port {
    fn input(&self, datagram: &[u8], peer: SocketAddr, shared: &mut Shared) {
        if is_keepalive(datagram) {
            shared.stats.inc(Counter::UdpKeepalive);
            return;
        }
        if datagram.len() > shared.params.msg_recv_max_size() as usize {
            shared.stats.inc(Counter::UdpTooLong);
            return;
        }
        shared.stats.inc(Counter::UdpReceived);
        let flow = Flow { proto: Proto::Udp, listen: self.listen, peer, conn: None };
        let bytes = shared.pool.take(datagram);
        shared.inputs.push_back(Input::Message { flow, bytes });
    }

    /// The first datagram could not be sent.
    fn fail_first(&mut self, e: &io::Error, shared: &mut Shared) {
        if let Some(d) = self.queue.pop_front() {
            shared.stats.inc(Counter::UdpSendError);
            shared.fail(d.origin, d.to, send_error(e, Proto::Udp));
        }
    }
}

/// What one call received.
struct Received {
    count: usize,
    /// No more was there.
    drained: bool,
}

impl Buffers {
    #[cfg(target_os = "linux")]
    fn new(shared: &Shared, needed: bool) -> Self {
        if shared.params.udp_plain() != 0 {
            return Self::Plain(plain::Receiver::new());
        }
        let batch = if needed { shared.params.udp_batch() as usize } else { 1 };
        Self::Batched(mmsg::Receiver::new(batch), mmsg::Sender::new(batch))
    }

    #[cfg(not(target_os = "linux"))]
    fn new(_: &Shared, _: bool) -> Self {
        Self::Plain(plain::Receiver::new())
    }

    fn receive(&mut self, port: &Port, max: usize, shared: &mut Shared) -> io::Result<Received> {
        shared.stats.inc(Counter::UdpReceiveCall);
        match self {
            #[cfg(target_os = "linux")]
            Self::Batched(receiver, _) => {
                let asked = max.min(receiver.room());
                let count = receiver.receive(port.socket.as_fd(), asked)?;
                for i in 0..count {
                    if let Some((bytes, from)) = receiver.datagram(i) {
                        port.input(bytes, from, shared);
                    }
                }
                Ok(Received { count, drained: count < asked })
            }
            Self::Plain(receiver) => {
                let (bytes, from) = receiver.receive(&port.socket)?;
                port.input(bytes, from, shared);
                Ok(Received { count: 1, drained: false })
            }
        }
    }

    /// Sends until nothing waits or the system takes no more.
    fn flush(&mut self, port: &mut Port, shared: &mut Shared) {
        while !port.queue.is_empty() && !port.blocked {
            shared.stats.inc(Counter::UdpSendCall);
            match self.send_some(port) {
                Ok(n) => {
                    // At least one, or this would not end.
                    let n = n.max(1).min(port.queue.len());
                    port.queue.drain(..n);
                    shared.stats.add(Counter::UdpSent, n as u64);
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => port.blocked = true,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => port.fail_first(&e, shared),
            }
        }
    }

    fn send_some(&mut self, port: &Port) -> io::Result<usize> {
        match self {
            #[cfg(target_os = "linux")]
            Self::Batched(_, sender) => {
                let waiting = port.queue.iter().map(|d| (d.bytes.as_ref(), &d.to.peer));
                sender.send(port.socket.as_fd(), waiting)
            }
            Self::Plain(_) => match port.queue.front() {
                Some(d) => port.socket.send_to(&d.bytes, d.to.peer).map(|_| 1),
                None => Ok(0),
            },
        }
    }
}

/// Whether a datagram only keeps a NAT binding open: nothing in it but line ends or zeros. (RFC
/// 5626 4.4 uses STUN on UDP, but line ends and four zero bytes are what many phones send.)
fn is_keepalive(datagram: &[u8]) -> bool {
    let blank = |b: &u8| matches!(b, b'\r' | b'\n' | 0);
    match datagram.first() {
        None => true,
        Some(first) => blank(first) && datagram.iter().all(blank),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use sip_core::mem::SlotPool;

    use super::super::bind;
    use super::*;
    use crate::directory::ConnDirectory;
    use crate::params::TransportParams;
    use crate::stats::TransportStats;

    #[test]
    fn only_line_ends_and_zeros_are_keepalives() {
        for k in [&b""[..], b"\r\n", b"\r\n\r\n", b"\0\0\0\0", b"\0"] {
            assert!(is_keepalive(k));
        }
        for m in [&b"OPTIONS"[..], b"\r\nOPTIONS sip:a SIP/2.0\r\n", b"\x80\0\0\0"] {
            assert!(!is_keepalive(m));
        }
    }

    fn side() -> (UdpSide, Shared, mio::Poll) {
        let params = Arc::new(TransportParams::default());
        let directory = Arc::new(ConnDirectory::new());
        let bound = bind::bind(&["udp:127.0.0.1:0".parse().unwrap()], 1, &params).unwrap();
        let mut builder = sip_core::stats::Builder::new();
        let declared = TransportStats::declare(&mut builder, &directory);
        let poll = mio::Poll::new().unwrap();
        let shared = Shared {
            worker: 0,
            registry: poll.registry().try_clone().unwrap(),
            listeners: bound.listeners,
            params,
            directory,
            stats: declared.on(builder.build(1).shard(0).unwrap()),
            pool: SlotPool::new(1 << 20),
            ready: VecDeque::new(),
            dirty: VecDeque::new(),
            inputs: VecDeque::new(),
        };
        let sockets = bound.workers.into_iter().flatten().collect();
        (UdpSide::new(sockets, &shared).unwrap(), shared, poll)
    }

    #[test]
    fn datagrams_wait_bounded_and_in_order_while_the_system_takes_none() {
        // Loopback takes everything at once, so the block is made by hand.
        let (mut side, mut shared, _poll) = side();
        shared.params.set("udp_wq_max", 50).unwrap();
        let phone = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let peer = phone.local_addr().unwrap();
        let to = Target { proto: Proto::Udp, peer, listen: None, conn: None };
        side.ports[0].blocked = true;
        for i in 0..60_u8 {
            let bytes = Bytes::copy_from_slice(&[i]);
            side.send(Send { to, bytes, origin: Some(i.into()) }, &mut shared);
        }
        assert!(shared.dirty.is_empty(), "a flush would be in vain");
        side.flush(0, &mut shared);
        assert_eq!(side.queued(), 50);
        let refused: Vec<u64> = shared
            .inputs
            .drain(..)
            .map(|i| match i {
                Input::SendFailed { origin, error: SendError::QueueFull, .. } => origin,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(refused, (50..60).collect::<Vec<_>>());
        side.ports[0].blocked = false;
        side.flush(0, &mut shared);
        assert_eq!(side.queued(), 0);
        let mut buf = [0];
        for i in 0..50 {
            phone.recv(&mut buf).unwrap();
            assert_eq!(buf, [i]);
        }
        assert!(shared.inputs.is_empty());
    }
}
