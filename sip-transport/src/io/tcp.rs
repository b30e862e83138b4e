//! One worker's TCP sockets: listeners, and the connections' machines with the sockets they run on.
//!
//! Sockets are registered once, for both directions, edge-triggered: `readable` and `writable`
//! remember the edges until they are used up. Who may have more to give goes on the list of ready
//! sources, who has something to write on the list for the next flush.

use std::io;
use std::net::{IpAddr, Shutdown, SocketAddr};

use bytes::Bytes;
use mio::Interest;
use mio::event::Event;
use mio::net::{TcpListener, TcpStream};
use sip_core::net::{ConnId, Flow, ListenId, Proto, Target};
use sip_core::output::{CloseReason, Send, SendError};
use sip_core::time::{Duration, Instant};
use sip_core::timer::Wheel;
use socket2::SockRef;

use super::bind::{self, BoundSocket};
use super::shared::{Dirty, Ready, Shared, send_error};
use super::stream::{Stream, Timer};
use super::token::Source;
use crate::conn::{Conn, ConnTable, Finish};
use crate::directory::{ConnInfo, ConnState};
use crate::stats::Counter;

/// A worker's listeners and connections.
#[derive(Debug)]
pub(super) struct TcpSide {
    acceptors: Vec<Acceptor>,
    /// Boxed, so that growing the table moves no more than pointers.
    conns: ConnTable<Box<Stream>>,
    timers: Wheel<Timer>,
    /// What every read goes into.
    buffer: Vec<u8>,
}

#[derive(Debug)]
struct Acceptor {
    socket: TcpListener,
    listen: ListenId,
    /// In the list of ready sources.
    ready: bool,
}

/// How long a listener rests when the system has no descriptor or memory for it.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

impl TcpSide {
    pub(super) fn new(bound: Vec<BoundSocket>, shared: &Shared) -> io::Result<Self> {
        let mut acceptors = Vec::with_capacity(bound.len());
        for (b, index) in bound.into_iter().zip(0..) {
            let mut socket = TcpListener::from_std(b.socket.into());
            let token = Source::Accept(index).token();
            shared.registry.register(&mut socket, token, Interest::READABLE)?;
            acceptors.push(Acceptor { socket, listen: b.listen, ready: false });
        }
        Ok(Self {
            acceptors,
            conns: ConnTable::new(shared.worker),
            timers: Wheel::new(),
            buffer: vec![0; shared.params.tcp_rd_buf_size() as usize],
        })
    }

    /// How many connections there are.
    pub(super) fn len(&self) -> usize {
        self.conns.len()
    }

    /// Someone wants to connect to listener `index`.
    pub(super) fn accept_event(&mut self, index: u32, shared: &mut Shared) {
        if let Some(acceptor) = self.acceptors.get_mut(index as usize) {
            shared.mark_ready(&mut acceptor.ready, Ready::Accept(index));
        }
    }

    /// Accepts up to `tcp_accepts_per_turn` connections on listener `index`.
    pub(super) fn accept(&mut self, index: u32, now: Instant, shared: &mut Shared) {
        let mut budget = shared.params.tcp_accepts_per_turn();
        loop {
            let Some(acceptor) = self.acceptors.get_mut(index as usize) else { return };
            acceptor.ready = false;
            if budget == 0 {
                shared.mark_ready(&mut acceptor.ready, Ready::Accept(index));
                return;
            }
            budget -= 1;
            let listen = acceptor.listen;
            match acceptor.socket.accept() {
                Ok((socket, peer)) => self.admit(socket, peer, listen, now, shared),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return,
                Err(e) if gave_up(&e) => {}
                Err(_) => {
                    shared.stats.inc(Counter::AcceptError);
                    self.timers.arm(now + ACCEPT_PAUSE, Timer::Accept(index));
                    return;
                }
            }
        }
    }

    fn admit(
        &mut self,
        socket: TcpStream,
        peer: SocketAddr,
        listen: ListenId,
        now: Instant,
        shared: &mut Shared,
    ) {
        let from = Some(peer.ip());
        if shared.directory.admit(from, &shared.params).is_err() {
            shared.stats.inc(Counter::LocalReject);
            return;
        }
        if !cfg!(target_os = "linux") {
            // A connection without these options still works.
            let _ = bind::stream_options(&SockRef::from(&socket), &shared.params);
        }
        let Some(id) = self.insert(socket, peer, listen, from, now, shared) else { return };
        if let Some(stream) = self.conns.get_mut(id) {
            stream.conn.handle_accepted(&mut shared.cx(now));
            // An accepted socket's bytes may be there already.
            stream.readable = true;
            stream.writable = true;
            shared.mark_ready(&mut stream.ready, Ready::Conn(id));
        }
        self.settle(id, now, shared);
    }

    /// Puts a socket into the table, the poll and the directory. `from`: counted there for this
    /// address, else for none. On failure nothing is left of it.
    fn insert(
        &mut self,
        socket: TcpStream,
        peer: SocketAddr,
        listen: ListenId,
        from: Option<IpAddr>,
        now: Instant,
        shared: &mut Shared,
    ) -> Option<ConnId> {
        let inbound = from.is_some();
        let local = listed_local(&socket, listen, inbound, shared);
        let params = &shared.params;
        let id = self.conns.insert(|id| {
            let flow = Flow { proto: Proto::Tcp, listen, peer, conn: Some(id) };
            Box::new(Stream::new(socket, Conn::new(flow, inbound, now, params), from))
        });
        let Some(id) = id else {
            shared.directory.release(from);
            return None;
        };
        let state = if inbound { ConnState::Open } else { ConnState::Connecting };
        let proto = Proto::Tcp;
        let info = ConnInfo { id, proto, listen, peer, local, inbound, opened: now, state };
        let interest = Interest::READABLE | Interest::WRITABLE;
        let registered = self.conns.get_mut(id).map(|stream| {
            shared.registry.register(&mut stream.socket, Source::Conn(id.slot()).token(), interest)
        });
        if !matches!(registered, Some(Ok(()))) || shared.directory.insert(info).is_err() {
            self.forget(id, shared);
            return None;
        }
        Some(id)
    }

    /// The system tells about the connection in `slot`.
    pub(super) fn conn_event(&mut self, slot: u32, event: &Event, shared: &mut Shared) {
        let Some(id) = self.conns.id_at(slot) else { return };
        let Some(stream) = self.conns.get_mut(id) else { return };
        stream.broken |= event.is_error();
        stream.hung_up |= event.is_error() || event.is_read_closed();
        stream.readable |= event.is_readable() || stream.hung_up;
        stream.writable |= event.is_writable() || event.is_write_closed() || stream.broken;
        let conn = &stream.conn;
        if conn.is_connecting() || stream.broken || (stream.readable && conn.wants_read()) {
            shared.mark_ready(&mut stream.ready, Ready::Conn(id));
        }
        if stream.writable && conn.wants_write() {
            shared.mark_dirty(&mut stream.dirty, Dirty::Conn(id));
        }
    }

    /// Gives connection `id`, which has just come off the list of ready sources, a bounded turn.
    pub(super) fn serve(&mut self, id: ConnId, now: Instant, shared: &mut Shared) {
        let Some(stream) = self.conns.get_mut(id) else { return };
        stream.ready = false;
        if stream.conn.is_connecting() && (stream.writable || stream.readable) {
            stream.finish_connect(id, now, shared);
        }
        stream.read(&mut self.buffer, now, shared);
        if stream.broken && stream.conn.is_paused() {
            stream.conn.handle_reset(&mut shared.cx(now));
        }
        if stream.readable && stream.conn.wants_read() {
            shared.mark_ready(&mut stream.ready, Ready::Conn(id));
        }
        self.settle(id, now, shared);
    }

    /// Sends a message over its target's connection, one to the same peer, or a new one. Given
    /// back with the worker whose connection it is, when that is not this one.
    pub(super) fn send(
        &mut self,
        send: Send,
        now: Instant,
        shared: &mut Shared,
    ) -> Result<(), (u16, Send)> {
        let Some(id) = self.route(&send.to, shared) else {
            match self.open(&send.to, now, shared) {
                Ok(id) => self.deliver(id, send, now, shared),
                Err(Unopened::Taken(id)) if id.worker() != shared.worker => {
                    return Err((id.worker(), send));
                }
                Err(Unopened::Taken(id)) => self.deliver(id, send, now, shared),
                Err(Unopened::Failed(error)) => shared.fail(send.origin, send.to, error),
            }
            return Ok(());
        };
        if id.worker() != shared.worker {
            return Err((id.worker(), send));
        }
        self.deliver(id, send, now, shared);
        Ok(())
    }

    /// The connection that a message to `to` goes over, if there is one; another worker's may be
    /// gone by the time the message gets there.
    fn route(&mut self, to: &Target, shared: &Shared) -> Option<ConnId> {
        if let Some(id) = to.conn
            && (id.worker() != shared.worker || self.takes_answers(id))
        {
            return Some(id);
        }
        let id = shared.directory.find(to.proto, to.peer)?;
        (id.worker() != shared.worker || self.takes_answers(id)).then_some(id)
    }

    fn takes_answers(&mut self, id: ConnId) -> bool {
        self.conns.get_mut(id).is_some_and(|stream| stream.conn.takes_answers())
    }

    fn deliver(&mut self, id: ConnId, send: Send, now: Instant, shared: &mut Shared) {
        let Send { to, bytes, origin } = send;
        let len = bytes.len();
        let has_room = |stream: &Stream, shared: &Shared| {
            let waiting = shared.directory.queued().saturating_add(len as u64);
            let total =
                stream.conn.queued() == 0 || waiting <= u64::from(shared.params.tcp_wq_max());
            total && stream.conn.has_room(len, &shared.params)
        };
        let Some(stream) = self.conns.get_mut(id) else {
            shared.fail(origin, to, SendError::Closed);
            return;
        };
        if !has_room(stream, shared) {
            stream.write(now, shared);
        }
        if !has_room(stream, shared) {
            shared.stats.inc(Counter::SendqFull);
            shared.fail(origin, to, SendError::QueueFull);
            // One that is being opened may still come to it; one that does not read is given up.
            if !stream.conn.is_connecting() && !stream.conn.has_room(len, &shared.params) {
                stream.conn.abort(&mut shared.cx(now), CloseReason::WriteTimeout);
            }
            self.settle(id, now, shared);
            return;
        }
        match stream.conn.send(now, bytes, origin.map(|o| (o, to)), &shared.params) {
            Ok(()) => shared.stats.inc(Counter::TcpSent),
            Err(error) => shared.fail(origin, to, error),
        }
        if stream.conn.wants_write() && stream.writable {
            shared.mark_dirty(&mut stream.dirty, Dirty::Conn(id));
        }
    }

    /// Begins to open a connection.
    fn open(&mut self, to: &Target, now: Instant, shared: &mut Shared) -> Result<ConnId, Unopened> {
        let failed = Unopened::Failed;
        let listen = shared.listener_for(to).ok_or(failed(SendError::NoListener))?;
        if shared.params.tcp_no_connect() != 0 {
            return Err(failed(SendError::Connect));
        }
        if shared.directory.admit(None, &shared.params).is_err() {
            shared.stats.inc(Counter::LocalReject);
            return Err(failed(SendError::Connect));
        }
        let socket = start_connect(to, listen, shared).map_err(|e| {
            shared.directory.release(None);
            shared.stats.inc(Counter::ConnectFailed);
            match send_error(&e, Proto::Tcp) {
                SendError::System => failed(SendError::Connect),
                other => failed(other),
            }
        })?;
        match self.insert(socket, to.peer, listen, None, now, shared) {
            Some(id) => {
                self.settle(id, now, shared);
                Ok(id)
            }
            // Another worker was quicker, or the system refused.
            None => Err(match shared.directory.find(to.proto, to.peer) {
                Some(other) => Unopened::Taken(other),
                None => failed(SendError::Connect),
            }),
        }
    }

    /// Answers the HTTP request of connection `id`.
    pub(super) fn reply_http(
        &mut self,
        id: ConnId,
        bytes: Bytes,
        close: bool,
        now: Instant,
        shared: &mut Shared,
    ) {
        let Some(stream) = self.conns.get_mut(id) else { return };
        stream.conn.reply_http(&mut shared.cx(now), bytes, close);
        self.settle(id, now, shared);
    }

    /// Closes connection `id` once what is queued is written.
    pub(super) fn close(&mut self, id: ConnId, now: Instant, shared: &mut Shared) {
        let Some(stream) = self.conns.get_mut(id) else { return };
        stream.conn.close(&mut shared.cx(now));
        self.settle(id, now, shared);
    }

    /// Closes all connections, each once what is queued on it is written.
    pub(super) fn close_all(&mut self, now: Instant, shared: &mut Shared) {
        let all: Vec<ConnId> = self.conns.ids().collect();
        for id in all {
            self.close(id, now, shared);
        }
    }

    /// Accepts no more connections: the listeners are closed.
    pub(super) fn stop_listening(&mut self, shared: &Shared) {
        for mut acceptor in self.acceptors.drain(..) {
            // Closing takes a socket out of the poll by itself; this is for order's sake.
            let _ = shared.registry.deregister(&mut acceptor.socket);
        }
    }

    /// Writes what waits on connection `id`, and closes it if it is to be closed.
    pub(super) fn flush(&mut self, id: ConnId, now: Instant, shared: &mut Shared) {
        let Some(stream) = self.conns.get_mut(id) else { return };
        stream.dirty = false;
        stream.write(now, shared);
        if stream.conn.poll_finish(&mut shared.cx(now)) == Finish::Shutdown {
            // A peer that is gone already shows in the read that follows.
            let _ = stream.socket.shutdown(Shutdown::Write);
            stream.readable = true;
            shared.mark_ready(&mut stream.ready, Ready::Conn(id));
        }
        self.settle(id, now, shared);
    }

    /// When the next timer fires.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Fires what is due.
    pub(super) fn handle_timeout(&mut self, now: Instant, shared: &mut Shared) {
        while let Some(timer) = self.timers.pop(now) {
            match timer {
                Timer::Accept(index) => self.accept_event(index, shared),
                Timer::Conn(id) => {
                    let Some(stream) = self.conns.get_mut(id) else { continue };
                    stream.timer = None;
                    stream.conn.handle_timeout(&mut shared.cx(now));
                    self.settle(id, now, shared);
                }
            }
        }
    }

    /// Draws the consequences of whatever has just happened to connection `id`.
    fn settle(&mut self, id: ConnId, now: Instant, shared: &mut Shared) {
        let Some(stream) = self.conns.get_mut(id) else { return };
        if stream.conn.is_closed() {
            self.forget(id, shared);
            return;
        }
        if stream.routed && !stream.conn.takes_messages() {
            stream.routed = false;
            shared.directory.unroute(id, Proto::Tcp, stream.conn.flow().peer);
            shared.directory.update(id, |info| info.state = ConnState::Closing);
        }
        if stream.conn.wants_finish() || (stream.conn.wants_write() && stream.writable) {
            shared.mark_dirty(&mut stream.dirty, Dirty::Conn(id));
        }
        if stream.readable && stream.conn.wants_read() {
            shared.mark_ready(&mut stream.ready, Ready::Conn(id));
        }
        stream.account(shared);
        stream.arm(id, now, &mut self.timers, shared);
    }

    /// Closes the socket of connection `id` and takes it off every list.
    fn forget(&mut self, id: ConnId, shared: &mut Shared) {
        let Some(mut stream) = self.conns.remove(id) else { return };
        if let Some((timer, _)) = stream.timer {
            self.timers.cancel(timer);
        }
        // Closing takes a socket out of the poll by itself; this is for order's sake.
        let _ = shared.registry.deregister(&mut stream.socket);
        shared.directory.remove(id, Proto::Tcp, stream.conn.flow().peer);
        shared.directory.release(stream.counted);
        shared.directory.unqueue(stream.queued);
    }

    /// Takes every connection off the shared lists: the worker ends.
    pub(super) fn abandon(&mut self, shared: &mut Shared) {
        let all: Vec<ConnId> = self.conns.ids().collect();
        for id in all {
            self.forget(id, shared);
        }
    }
}

/// Why there is no new connection.
enum Unopened {
    Failed(SendError),
    /// There is one to the same peer.
    Taken(ConnId),
}

/// Our end as listed: the listener's address, unless that is any address.
fn listed_local(
    socket: &TcpStream,
    listen: ListenId,
    inbound: bool,
    shared: &Shared,
) -> SocketAddr {
    let unspecified = SocketAddr::from(([0, 0, 0, 0], 0));
    let bound = shared.local(listen).unwrap_or(unspecified);
    if inbound && bound.ip().is_unspecified() {
        return socket.local_addr().unwrap_or(bound);
    }
    bound
}

/// A connection that its peer gave up before it was accepted: the next one may be fine.
fn gave_up(e: &io::Error) -> bool {
    matches!(e.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted)
}

/// A socket that connects to `to`, from the listener's address if the target names the listener.
fn start_connect(to: &Target, listen: ListenId, shared: &Shared) -> io::Result<TcpStream> {
    use socket2::{Domain, Protocol, Socket, Type};
    let socket = Socket::new(Domain::for_address(to.peer), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    bind::stream_options(&socket, &shared.params)?;
    let from = shared.local(listen).filter(|a| to.listen.is_some() && !a.ip().is_unspecified());
    if let Some(from) = from {
        bind::late_port(&socket)?;
        socket.bind(&SocketAddr::new(from.ip(), 0).into())?;
    }
    match socket.connect(&to.peer.into()) {
        Err(e) if e.raw_os_error() != Some(libc::EINPROGRESS) => Err(e),
        _ => Ok(TcpStream::from_std(socket.into())),
    }
}
