//! Service sockets of modules and control interfaces: Unix stream and datagram sockets, and UDP.
//! What the bytes mean is their owners' business.
//!
//! A peer is a number: a connection on a stream socket, a sender on a datagram socket (remembered
//! as long as no `service_max_peers` others came after it). The worker is part of it, as it is of
//! a [`ConnId`].

use std::collections::{HashMap, VecDeque};
use std::io::{self, IoSlice, Read};
use std::net::SocketAddr;
use std::path::PathBuf;

use bytes::Bytes;
use mio::event::Event;
use mio::net::{UdpSocket, UnixDatagram, UnixListener, UnixStream};
use mio::{Interest, Registry};
use sip_core::net::ConnId;
use sip_core::output::{Input, ServiceId};
use socket2::SockRef;

use super::service_path::BoundPath;
use super::shared::{Dirty, Ready, Shared};
use super::token::Source;
use crate::conn::{ConnTable, WriteQueue};
use crate::error::TransportError;
use crate::stats::Counter;

/// Where a service socket is to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ServiceAddr {
    /// A Unix stream socket at this path, mode 0600.
    UnixStream(PathBuf),
    /// A Unix datagram socket at this path, mode 0600.
    UnixDatagram(PathBuf),
    /// A UDP socket at this address; port 0 for one that the system picks.
    Udp(SocketAddr),
}

/// A worker's service sockets and their peers.
#[derive(Debug)]
pub(super) struct ServiceSide {
    services: Vec<Option<Service>>,
    peers: ConnTable<Peer>,
    buffer: Vec<u8>,
}

#[derive(Debug)]
struct Service {
    id: ServiceId,
    socket: ServiceSocket,
    ready: bool,
    /// Stream peers open now.
    open: usize,
    /// Datagram senders by address, and in the order in which they were first heard.
    senders: HashMap<Sender, ConnId>,
    order: VecDeque<ConnId>,
    /// Removes the socket's file.
    _path: Option<BoundPath>,
}

#[derive(Debug)]
enum ServiceSocket {
    Stream(UnixListener),
    Datagram(UnixDatagram),
    Udp(UdpSocket),
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Sender {
    Path(PathBuf),
    Addr(SocketAddr),
}

#[derive(Debug)]
enum Peer {
    Stream(StreamPeer),
    /// The service's place and the address to answer to.
    Datagram(usize, Sender),
}

#[derive(Debug)]
struct StreamPeer {
    place: usize,
    service: ServiceId,
    socket: UnixStream,
    queue: WriteQueue,
    writable: bool,
    /// The peer has shut its end; it is still answered.
    ended: bool,
    /// The peer has closed altogether: nobody is there to be answered.
    gone: bool,
    /// To be closed once the queue is written.
    closing: bool,
    ready: bool,
    dirty: bool,
}

/// Bytes read from one peer at a time, and the largest datagram.
const BUFFER: usize = 65536;
/// Reads, accepts or datagrams of one socket in one turn.
const BUDGET: usize = 16;

impl ServiceSide {
    pub(super) const fn new(worker: u16) -> Self {
        Self { services: Vec::new(), peers: ConnTable::new(worker), buffer: Vec::new() }
    }

    /// Opens the socket of service `id`.
    pub(super) fn open(
        &mut self,
        id: ServiceId,
        address: &ServiceAddr,
        shared: &Shared,
    ) -> Result<(), TransportError> {
        let place = self.services.len();
        let token = Source::Service(u32::try_from(place).unwrap_or(u32::MAX));
        let (mut socket, path) = bind(address)?;
        socket.register(&shared.registry, token).map_err(TransportError::Poll)?;
        self.buffer.resize(BUFFER, 0);
        self.services.push(Some(Service {
            id,
            socket,
            ready: false,
            open: 0,
            senders: HashMap::new(),
            order: VecDeque::new(),
            _path: path,
        }));
        Ok(())
    }

    /// Where the UDP socket of service `id` is bound.
    pub(super) fn local_addr(&self, id: ServiceId) -> Option<SocketAddr> {
        let service = self.services.iter().flatten().find(|s| s.id == id)?;
        match &service.socket {
            ServiceSocket::Udp(socket) => socket.local_addr().ok(),
            ServiceSocket::Stream(_) | ServiceSocket::Datagram(_) => None,
        }
    }

    /// Closes the socket of service `id`, with all peers on it, and removes its file.
    pub(super) fn close(&mut self, id: ServiceId, shared: &Shared) {
        for place in 0..self.services.len() {
            let Some(slot) = self.services.get_mut(place) else { continue };
            let Some(mut service) = slot.take_if(|s| s.id == id) else { continue };
            // Closing takes a socket out of the poll by itself; this is for order's sake.
            let _ = service.socket.deregister(&shared.registry);
            let ids: Vec<ConnId> = self.peers.ids().collect();
            for peer in ids {
                if self.peers.get_mut(peer).is_some_and(|p| p.place() == place) {
                    self.peers.remove(peer);
                }
            }
        }
    }

    /// The socket at `place` has a peer or datagrams waiting.
    pub(super) fn event(&mut self, place: u32, shared: &mut Shared) {
        if let Some(Some(service)) = self.services.get_mut(place as usize) {
            shared.mark_ready(&mut service.ready, Ready::Service(place));
        }
    }

    /// Gives the socket at `place`, just off the list of ready sources, a bounded turn.
    pub(super) fn serve(&mut self, place: u32, shared: &mut Shared) {
        for _ in 0..BUDGET {
            let Some(Some(service)) = self.services.get_mut(place as usize) else { return };
            service.ready = false;
            let more = match &service.socket {
                ServiceSocket::Stream(listener) => match listener.accept() {
                    Ok((socket, _)) => self.admit(place as usize, socket, shared),
                    Err(e) => Err(e),
                },
                ServiceSocket::Datagram(_) | ServiceSocket::Udp(_) => {
                    self.receive(place as usize, shared)
                }
            };
            match more {
                Ok(()) => {}
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                // Nothing more, or nothing that could be done about it: the next event tries again.
                Err(_) => return,
            }
        }
        self.event(place, shared);
    }

    fn admit(
        &mut self,
        place: usize,
        mut socket: UnixStream,
        shared: &mut Shared,
    ) -> io::Result<()> {
        let Some(Some(service)) = self.services.get_mut(place) else { return Ok(()) };
        if service.open >= shared.params.service_max_peers() as usize {
            shared.stats.inc(Counter::ServiceReject);
            return Ok(());
        }
        let slot = self.peers.next_slot();
        let interest = Interest::READABLE | Interest::WRITABLE;
        shared.registry.register(&mut socket, Source::ServicePeer(slot).token(), interest)?;
        let id = self.peers.insert(|_| {
            Peer::Stream(StreamPeer {
                place,
                service: service.id,
                socket,
                queue: WriteQueue::default(),
                writable: true,
                ended: false,
                gone: false,
                closing: false,
                ready: false,
                dirty: false,
            })
        });
        if id.is_some() {
            service.open += 1;
            shared.stats.inc(Counter::ServiceOpened);
        }
        Ok(())
    }

    /// Receives one datagram.
    fn receive(&mut self, place: usize, shared: &mut Shared) -> io::Result<()> {
        let Some(Some(service)) = self.services.get_mut(place) else { return Ok(()) };
        let (n, sender) = match &service.socket {
            ServiceSocket::Datagram(socket) => {
                let (n, from) = socket.recv_from(&mut self.buffer)?;
                (n, from.as_pathname().map(|p| Sender::Path(p.into())))
            }
            ServiceSocket::Udp(socket) => {
                let (n, from) = socket.recv_from(&mut self.buffer)?;
                (n, Some(Sender::Addr(from)))
            }
            ServiceSocket::Stream(_) => return Ok(()),
        };
        let max = shared.params.service_max_peers() as usize;
        let peer = match sender {
            Some(sender) => service.number_of(sender, place, &mut self.peers, max),
            // A sender without a name cannot be answered; its number names nobody.
            None => Some(ConnId::new(shared.worker, u16::MAX, u32::MAX)),
        };
        if let Some(peer) = peer {
            let bytes = shared.pool.take(self.buffer.get(..n).unwrap_or_default());
            shared.inputs.push_back(Input::Service { service: service.id, peer: peer.0, bytes });
        }
        Ok(())
    }

    /// The system tells about the peer in `slot`.
    pub(super) fn peer_event(&mut self, slot: u32, event: &Event, shared: &mut Shared) {
        let Some(id) = self.peers.id_at(slot) else { return };
        let Some(Peer::Stream(peer)) = self.peers.get_mut(id) else { return };
        peer.writable |= event.is_writable() || event.is_error();
        peer.gone |= event.is_write_closed();
        if peer.ended && peer.gone {
            self.forget(id, shared);
            return;
        }
        if !peer.ended {
            shared.mark_ready(&mut peer.ready, Ready::ServicePeer(id));
        }
        if peer.writable && !peer.queue.is_empty() {
            shared.mark_dirty(&mut peer.dirty, Dirty::ServicePeer(id));
        }
    }

    /// Gives a peer, just off the list of ready sources, a bounded turn.
    pub(super) fn serve_peer(&mut self, id: ConnId, shared: &mut Shared) {
        let Some(Peer::Stream(peer)) = self.peers.get_mut(id) else { return };
        peer.ready = false;
        for _ in 0..BUDGET {
            if peer.ended {
                return;
            }
            let told = |bytes| Input::Service { service: peer.service, peer: id.0, bytes };
            match peer.socket.read(&mut self.buffer) {
                Ok(0) => {
                    peer.ended = true;
                    shared.inputs.push_back(told(Bytes::new()));
                    if peer.gone {
                        self.forget(id, shared);
                        return;
                    }
                }
                Ok(n) => {
                    let data = self.buffer.get(..n).unwrap_or_default();
                    shared.inputs.push_back(told(Bytes::copy_from_slice(data)));
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => {
                    self.lose(id, shared);
                    return;
                }
            }
        }
        shared.mark_ready(&mut peer.ready, Ready::ServicePeer(id));
    }

    /// Writes to a peer: a datagram now, a stream's bytes at the next flush. Nothing happens when
    /// the peer is gone.
    pub(super) fn send(&mut self, id: ConnId, bytes: Bytes, close: bool, shared: &mut Shared) {
        match self.peers.get_mut(id) {
            None => {}
            Some(Peer::Datagram(place, to)) => {
                if let Some(Some(service)) = self.services.get(*place)
                    && service.socket.send_to(&bytes, to).is_err()
                {
                    shared.stats.inc(Counter::ServiceOverflow);
                }
            }
            Some(Peer::Stream(peer)) => {
                let waiting = peer.queue.len().saturating_add(bytes.len());
                if waiting > shared.params.service_wq_max() as usize {
                    shared.stats.inc(Counter::ServiceOverflow);
                    self.lose(id, shared);
                    return;
                }
                peer.queue.push(bytes, None);
                peer.closing |= close;
                shared.mark_dirty(&mut peer.dirty, Dirty::ServicePeer(id));
            }
        }
    }

    /// Writes what waits for a peer, and closes it if it is to be closed.
    pub(super) fn flush(&mut self, id: ConnId, shared: &mut Shared) {
        let Some(Peer::Stream(peer)) = self.peers.get_mut(id) else { return };
        peer.dirty = false;
        while peer.writable && !peer.queue.is_empty() {
            let mut slices = [IoSlice::new(&[]); 16];
            let filled = peer.queue.slices(&mut slices);
            let ready = slices.get(..filled).unwrap_or_default();
            // MSG_NOSIGNAL: a library must not have its host killed by SIGPIPE.
            let sent =
                SockRef::from(&peer.socket).send_vectored_with_flags(ready, libc::MSG_NOSIGNAL);
            match sent {
                Ok(n) => peer.queue.advance(n),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => peer.writable = false,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => {
                    self.lose(id, shared);
                    return;
                }
            }
        }
        if peer.queue.is_empty() {
            peer.queue.release();
            if peer.closing {
                self.forget(id, shared);
            }
        }
    }

    /// A peer broke off: its service is told unless it knows already.
    fn lose(&mut self, id: ConnId, shared: &mut Shared) {
        if let Some(Peer::Stream(peer)) = self.forget(id, shared)
            && !peer.ended
        {
            let bytes = Bytes::new();
            shared.inputs.push_back(Input::Service { service: peer.service, peer: id.0, bytes });
        }
    }

    fn forget(&mut self, id: ConnId, shared: &Shared) -> Option<Peer> {
        let mut peer = self.peers.remove(id)?;
        if let Peer::Stream(stream) = &mut peer {
            // Closing takes a socket out of the poll by itself; this is for order's sake.
            let _ = shared.registry.deregister(&mut stream.socket);
            if let Some(Some(service)) = self.services.get_mut(stream.place) {
                service.open = service.open.saturating_sub(1);
            }
        }
        Some(peer)
    }
}

impl Service {
    /// The number of a datagram's sender, a new one if it is heard for the first time or was
    /// forgotten.
    fn number_of(
        &mut self,
        sender: Sender,
        place: usize,
        peers: &mut ConnTable<Peer>,
        max: usize,
    ) -> Option<ConnId> {
        if let Some(known) = self.senders.get(&sender) {
            return Some(*known);
        }
        while self.order.len() >= max {
            if let Some(Peer::Datagram(_, oldest)) =
                self.order.pop_front().and_then(|id| peers.remove(id))
            {
                self.senders.remove(&oldest);
            }
        }
        let id = peers.insert(|_| Peer::Datagram(place, sender.clone()))?;
        self.senders.insert(sender, id);
        self.order.push_back(id);
        Some(id)
    }
}

impl Peer {
    const fn place(&self) -> usize {
        match self {
            Self::Stream(peer) => peer.place,
            Self::Datagram(place, _) => *place,
        }
    }
}

impl ServiceSocket {
    fn register(&mut self, registry: &Registry, source: Source) -> io::Result<()> {
        let token = source.token();
        match self {
            Self::Stream(s) => registry.register(s, token, Interest::READABLE),
            Self::Datagram(s) => registry.register(s, token, Interest::READABLE),
            Self::Udp(s) => registry.register(s, token, Interest::READABLE),
        }
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        match self {
            Self::Stream(s) => registry.deregister(s),
            Self::Datagram(s) => registry.deregister(s),
            Self::Udp(s) => registry.deregister(s),
        }
    }

    fn send_to(&self, bytes: &[u8], to: &Sender) -> io::Result<usize> {
        match (self, to) {
            (Self::Datagram(s), Sender::Path(path)) => s.send_to(bytes, path),
            (Self::Udp(s), Sender::Addr(addr)) => s.send_to(bytes, *addr),
            _ => Err(io::Error::from(io::ErrorKind::InvalidInput)),
        }
    }
}

fn bind(address: &ServiceAddr) -> Result<(ServiceSocket, Option<BoundPath>), TransportError> {
    Ok(match address {
        ServiceAddr::UnixStream(path) => {
            let (socket, bound) = BoundPath::stream(path)?;
            (ServiceSocket::Stream(UnixListener::from_std(socket.into())), Some(bound))
        }
        ServiceAddr::UnixDatagram(path) => {
            let (socket, bound) = BoundPath::datagram(path)?;
            (ServiceSocket::Datagram(UnixDatagram::from_std(socket.into())), Some(bound))
        }
        ServiceAddr::Udp(at) => {
            let failed = |source| TransportError::Service { address: format!("udp:{at}"), source };
            (ServiceSocket::Udp(UdpSocket::bind(*at).map_err(failed)?), None)
        }
    })
}
