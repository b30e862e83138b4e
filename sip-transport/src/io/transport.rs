//! One worker's transport: the poll, and what goes through it in a turn.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mio::event::Event;
use mio::{Events, Poll};
use sip_core::mem::{DEFAULT_POOL_LIMIT, SlotPool};
use sip_core::net::{ConnId, Listeners, Proto};
use sip_core::output::{Input, Output, Send, SendError, ServiceId};
use sip_core::time::{Instant, Now};

use super::bind::BoundSocket;
use super::service::{ServiceAddr, ServiceSide};
use super::shared::{Dirty, Ready, Shared};
use super::tcp::TcpSide;
use super::token::Source;
use super::udp::UdpSide;
use super::waker::Wake;
use crate::directory::ConnDirectory;
use crate::error::TransportError;
use crate::params::TransportParams;
use crate::stats::Counters;

/// One worker's transport: owns its poll, its sockets on all listeners, its connections and its
/// service sockets. Made on any thread, then used by one at a time.
///
/// A turn is [`poll`](Self::poll), then [`send`](Self::send) for each output, then
/// [`flush`](Self::flush). Dropping it closes everything; connections that were open are not told.
pub struct Transport {
    poll: Poll,
    events: Events,
    wake: Arc<Wake>,
    shared: Shared,
    udp: UdpSide,
    tcp: TcpSide,
    service: ServiceSide,
}

/// What became of an [`Output`].
#[derive(Debug)]
#[must_use]
pub enum SendOutcome {
    /// It is taken care of here; a failure comes back as [`Input::SendFailed`].
    Taken,
    /// Its connection or peer is another worker's: hand it over to that worker's
    /// [`Transport::send`], as it is.
    Foreign {
        /// The worker.
        worker: u16,
        /// What was given.
        output: Output,
    },
}

/// Events taken from the system at a time; the rest come with the next turn.
const EVENTS: usize = 1024;

/// The answer to a protocol switch that this build has no codec for (RFC 9110 15.6.2).
const NOT_IMPLEMENTED: &[u8] =
    b"HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

impl Transport {
    /// The transport of `worker`, with the sockets that [`bind`](super::bind()) gave it. `listeners`,
    /// `params` and `directory` are shared by all workers of the engine, `stats` is its own.
    ///
    /// # Errors
    /// [`TransportError::Poll`] when the system gives no poll, or not for these sockets.
    pub fn new(
        worker: u16,
        listeners: Arc<Listeners>,
        bound: Vec<BoundSocket>,
        params: Arc<TransportParams>,
        directory: Arc<ConnDirectory>,
        stats: Counters,
    ) -> Result<Self, TransportError> {
        let set_up = || {
            let poll = Poll::new()?;
            let wake = Arc::new(Wake::new(poll.registry(), Source::Wake.token())?);
            let shared = Shared {
                worker,
                registry: poll.registry().try_clone()?,
                listeners,
                params,
                directory,
                stats,
                pool: SlotPool::new(DEFAULT_POOL_LIMIT),
                ready: VecDeque::new(),
                dirty: VecDeque::new(),
                inputs: VecDeque::new(),
            };
            let (udp, tcp) = bound.into_iter().partition(|b| b.proto == Proto::Udp);
            Ok(Self {
                poll,
                events: Events::with_capacity(EVENTS),
                wake,
                udp: UdpSide::new(udp, &shared)?,
                tcp: TcpSide::new(tcp, &shared)?,
                service: ServiceSide::new(worker),
                shared,
            })
        };
        set_up().map_err(TransportError::Poll)
    }

    /// The descriptor that is readable when [`poll`](Self::poll) has something to do: for a host's
    /// own epoll, level-triggered. Belongs to the transport.
    #[must_use]
    pub fn fd(&self) -> RawFd {
        self.poll.as_raw_fd()
    }

    /// What ends a wait of this worker from any thread.
    #[must_use]
    pub fn waker(&self) -> Arc<Wake> {
        Arc::clone(&self.wake)
    }

    /// Waits for at most `timeout` (`None`: without end) until something happens, not at all when
    /// something is ready still, reads `clock`, and appends what happened to `inputs`: a bounded
    /// turn, with at most `udp_budget` datagrams from each UDP socket and little more than
    /// `turn_inputs` inputs. Fires what timed out, too. Gives the time it read.
    ///
    /// # Errors
    /// When the system's poll fails for another reason than a signal, which ends the wait.
    pub fn poll(
        &mut self,
        clock: &mut dyn FnMut() -> Now,
        timeout: Option<Duration>,
        inputs: &mut VecDeque<Input>,
    ) -> io::Result<Now> {
        let idle = self.shared.ready.is_empty() && self.shared.inputs.is_empty();
        let timeout = if idle { timeout } else { Some(Duration::ZERO) };
        match self.poll.poll(&mut self.events, timeout) {
            Err(e) if e.kind() != io::ErrorKind::Interrupted => return Err(e),
            _ => {}
        }
        let now = clock();
        for event in &self.events {
            note(
                event,
                &self.wake,
                &mut self.udp,
                &mut self.tcp,
                &mut self.service,
                &mut self.shared,
            );
        }
        self.turn(now.mono);
        self.handle_timeout(now.mono, inputs);
        Ok(now)
    }

    /// Does what an [`Output`] says; messages and bytes are collected until [`flush`](Self::flush).
    pub fn send(&mut self, now: Instant, output: Output) -> SendOutcome {
        if let Some(worker) = owner(&output).filter(|w| *w != self.shared.worker) {
            return SendOutcome::Foreign { worker, output };
        }
        match output {
            Output::Send(send) => return self.send_message(now, send),
            Output::HttpReply { conn, bytes, close } => {
                self.tcp.reply_http(conn, bytes, close, now, &mut self.shared);
            }
            Output::Upgrade { conn, .. } => {
                let refusal = Bytes::from_static(NOT_IMPLEMENTED);
                self.tcp.reply_http(conn, refusal, true, now, &mut self.shared);
            }
            Output::Close { conn } => self.tcp.close(conn, now, &mut self.shared),
            Output::Service { peer, bytes, close, .. } => {
                self.service.send(ConnId(peer), bytes, close, &mut self.shared);
            }
        }
        SendOutcome::Taken
    }

    /// Writes what was collected, and what waited for a socket that is writable again; closes what
    /// is to be closed. Failures and closed connections are appended to `inputs`.
    pub fn flush(&mut self, now: Instant, inputs: &mut VecDeque<Input>) {
        while let Some(dirty) = self.shared.dirty.pop_front() {
            match dirty {
                Dirty::Udp(index) => self.udp.flush(index, &mut self.shared),
                Dirty::Conn(id) => self.tcp.flush(id, now, &mut self.shared),
                Dirty::ServicePeer(id) => self.service.flush(id, &mut self.shared),
            }
        }
        self.hand_over(inputs);
    }

    /// When [`handle_timeout`](Self::handle_timeout) or [`poll`](Self::poll) is to be called next,
    /// whatever happens: `now` when something is ready still; `None`: never.
    #[must_use]
    pub fn next_timeout(&self, now: Instant) -> Option<Instant> {
        let pending = !(self.shared.ready.is_empty()
            && self.shared.dirty.is_empty()
            && self.shared.inputs.is_empty());
        if pending { Some(now) } else { self.tcp.next_timeout() }
    }

    /// Fires what has timed out. Early and spare calls are harmless.
    pub fn handle_timeout(&mut self, now: Instant, inputs: &mut VecDeque<Input>) {
        self.tcp.handle_timeout(now, &mut self.shared);
        self.hand_over(inputs);
    }

    /// Opens the service socket of `service` on this worker. Give one service to one worker.
    ///
    /// # Errors
    /// [`TransportError::ServicePath`] when another program answers there or a file is in the way,
    /// [`TransportError::Service`] when the system refuses.
    pub fn open_service(
        &mut self,
        service: ServiceId,
        address: &ServiceAddr,
    ) -> Result<(), TransportError> {
        self.service.open(service, address, &self.shared)
    }

    /// Where a UDP service socket of this worker is bound.
    #[must_use]
    pub fn service_addr(&self, service: ServiceId) -> Option<SocketAddr> {
        self.service.local_addr(service)
    }

    /// Closes the socket of `service` with all its peers, who are not told of in inputs, and removes
    /// its file.
    pub fn close_service(&mut self, service: ServiceId) {
        self.service.close(service, &self.shared);
    }

    /// Accepts no more connections: the TCP listeners are closed. The first step of a shutdown.
    pub fn stop_listening(&mut self) {
        self.tcp.stop_listening(&self.shared);
    }

    /// Closes every connection once what is queued on it is written; go on polling and flushing
    /// until [`connections`](Self::connections) is 0 or patience ends.
    pub fn close_all(&mut self, now: Instant) {
        self.tcp.close_all(now, &mut self.shared);
    }

    /// How many connections this worker has. [`ConnDirectory::list`] lists them, and all others.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.tcp.len()
    }

    /// How many datagrams wait for sockets that take no more at the moment.
    #[must_use]
    pub fn udp_queued(&self) -> usize {
        self.udp.queued()
    }

    fn send_message(&mut self, now: Instant, send: Send) -> SendOutcome {
        match send.to.proto {
            Proto::Udp => self.udp.send(send, &mut self.shared),
            Proto::Tcp => {
                if let Err((worker, send)) = self.tcp.send(send, now, &mut self.shared) {
                    return SendOutcome::Foreign { worker, output: Output::Send(send) };
                }
            }
            Proto::Tls | Proto::Sctp | Proto::Ws | Proto::Wss => {
                self.shared.fail(send.origin, send.to, SendError::NoListener);
            }
        }
        SendOutcome::Taken
    }

    /// Gives every source that was ready at the start of the turn its share, as long as the turn's
    /// room lasts.
    fn turn(&mut self, now: Instant) {
        let room = self.shared.params.turn_inputs() as usize;
        for _ in 0..self.shared.ready.len() {
            if self.shared.inputs.len() >= room {
                return;
            }
            let Some(ready) = self.shared.ready.pop_front() else { return };
            match ready {
                Ready::Udp(index) => self.udp.receive(index, &mut self.shared),
                Ready::Accept(index) => self.tcp.accept(index, now, &mut self.shared),
                Ready::Conn(id) => self.tcp.serve(id, now, &mut self.shared),
                Ready::Service(place) => self.service.serve(place, &mut self.shared),
                Ready::ServicePeer(id) => self.service.serve_peer(id, &mut self.shared),
            }
        }
    }

    fn hand_over(&mut self, inputs: &mut VecDeque<Input>) {
        if inputs.is_empty() {
            std::mem::swap(inputs, &mut self.shared.inputs);
        } else {
            inputs.append(&mut self.shared.inputs);
        }
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport")
            .field("worker", &self.shared.worker)
            .field("connections", &self.connections())
            .finish_non_exhaustive()
    }
}

impl Drop for Transport {
    fn drop(&mut self) {
        self.tcp.abandon(&mut self.shared);
    }
}

/// Notes what an event says, on the lists.
fn note(
    event: &Event,
    wake: &Wake,
    udp: &mut UdpSide,
    tcp: &mut TcpSide,
    service: &mut ServiceSide,
    shared: &mut Shared,
) {
    match Source::of(event.token()) {
        Some(Source::Wake) => wake.arrived(),
        Some(Source::Udp(index)) => udp.event(index, event, shared),
        Some(Source::Accept(index)) => tcp.accept_event(index, shared),
        Some(Source::Conn(slot)) => tcp.conn_event(slot, event, shared),
        Some(Source::Service(place)) => service.event(place, shared),
        Some(Source::ServicePeer(slot)) => service.peer_event(slot, event, shared),
        None => {}
    }
}

/// The worker that an output is for, as far as it is written in it. A message's connection is
/// looked up by its transport.
fn owner(output: &Output) -> Option<u16> {
    match output {
        Output::Send(_) => None,
        Output::HttpReply { conn, .. } | Output::Upgrade { conn, .. } | Output::Close { conn } => {
            Some(conn.worker())
        }
        Output::Service { peer, .. } => Some(ConnId(*peer).worker()),
    }
}
