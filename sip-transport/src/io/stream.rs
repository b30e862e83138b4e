//! One connection's machine on its socket: what was ready, what was read, what could be written.

use std::io::{self, IoSlice, Read};
use std::net::IpAddr;

use mio::net::TcpStream;
use sip_core::net::{ConnId, Proto};
use sip_core::output::SendError;
use sip_core::time::{Duration, Instant};
use sip_core::timer::{TimerId, Wheel};
use socket2::SockRef;

use super::shared::{Shared, send_error};
use crate::conn::Conn;
use crate::directory::ConnState;

/// A connection and its socket.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) socket: TcpStream,
    pub(super) conn: Conn,
    /// Its address is counted in the directory.
    pub(super) counted: Option<IpAddr>,
    pub(super) readable: bool,
    pub(super) writable: bool,
    /// The peer has shut its end or the socket failed: read on until that shows.
    pub(super) hung_up: bool,
    /// The socket failed.
    pub(super) broken: bool,
    pub(super) ready: bool,
    pub(super) dirty: bool,
    /// Listed as one that takes messages.
    pub(super) routed: bool,
    /// When the armed timer fires. It may be earlier than what is waited for: the deadline is
    /// worked out again then, so that a busy connection arms none for each message.
    pub(super) timer: Option<(TimerId, Instant)>,
    /// What the directory counts as waiting here.
    pub(super) queued: usize,
}

/// What a worker's timers are for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Timer {
    Conn(ConnId),
    /// A listener that had no descriptor left tries again.
    Accept(u32),
}

/// Messages written with one call.
const SLICES: usize = 32;

impl Stream {
    /// A socket whose readiness is not known yet. `counted`: the directory counts it for that
    /// address.
    pub(super) fn new(socket: TcpStream, conn: Conn, counted: Option<IpAddr>) -> Self {
        Self {
            socket,
            conn,
            counted,
            readable: false,
            writable: false,
            hung_up: false,
            broken: false,
            ready: false,
            dirty: false,
            routed: true,
            timer: None,
            queued: 0,
        }
    }

    /// The socket may be connected by now, or never will be.
    pub(super) fn finish_connect(&mut self, id: ConnId, now: Instant, shared: &mut Shared) {
        let failed = match self.socket.take_error() {
            Ok(None) if self.socket.peer_addr().is_ok() => None,
            Ok(None) => return,
            Ok(Some(e)) | Err(e) => Some(e),
        };
        match failed {
            None => {
                let local = self.socket.local_addr();
                shared.directory.update(id, |info| {
                    info.state = ConnState::Open;
                    info.local = local.unwrap_or(info.local);
                });
                self.writable = true;
                self.conn.handle_connected(&mut shared.cx(now));
            }
            Some(e) => {
                let error = match send_error(&e, Proto::Tcp) {
                    SendError::Unreachable => SendError::Unreachable,
                    _ => SendError::Connect,
                };
                self.conn.handle_connect_failed(&mut shared.cx(now), error);
            }
        }
    }

    /// Reads a bounded number of times into `buffer`.
    pub(super) fn read(&mut self, buffer: &mut [u8], now: Instant, shared: &mut Shared) {
        for _ in 0..shared.params.tcp_reads_per_turn() {
            if !self.readable || !self.conn.wants_read() {
                return;
            }
            match self.socket.read(buffer) {
                Ok(0) => {
                    self.readable = false;
                    self.conn.handle_eof(&mut shared.cx(now));
                }
                Ok(n) => {
                    // Edge-triggered: a short read has emptied the socket, unless its end, whose
                    // edge has passed already, lies behind.
                    self.readable = n == buffer.len() || self.hung_up;
                    let data = buffer.get(..n).unwrap_or_default();
                    self.conn.handle_bytes(&mut shared.cx(now), data);
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => self.readable = false,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => {
                    self.readable = false;
                    self.conn.handle_reset(&mut shared.cx(now));
                }
            }
        }
    }

    /// Writes until nothing waits or the system takes no more.
    pub(super) fn write(&mut self, now: Instant, shared: &mut Shared) {
        while self.writable && self.conn.wants_write() {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let filled = self.conn.slices(&mut slices);
            let ready = slices.get(..filled).unwrap_or_default();
            // MSG_NOSIGNAL: a library must not have its host killed by SIGPIPE.
            let sent =
                SockRef::from(&self.socket).send_vectored_with_flags(ready, libc::MSG_NOSIGNAL);
            match sent {
                Ok(n) => self.conn.handle_written(now, n),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => self.writable = false,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => {
                    self.writable = false;
                    self.conn.handle_reset(&mut shared.cx(now));
                }
            }
        }
    }

    /// Brings the directory's count of waiting bytes up to date.
    pub(super) fn account(&mut self, shared: &Shared) {
        let waiting = self.conn.queued();
        if waiting > self.queued {
            shared.directory.queue(waiting - self.queued);
        } else if waiting < self.queued {
            shared.directory.unqueue(self.queued - waiting);
        }
        self.queued = waiting;
    }

    /// Has `timers` call no later than the connection's next deadline.
    pub(super) fn arm(
        &mut self,
        id: ConnId,
        now: Instant,
        timers: &mut Wheel<Timer>,
        shared: &Shared,
    ) {
        let Some(due) = self.conn.poll_timeout(&shared.params) else { return };
        // Never for a time that is over: it would fire within this very turn.
        let due = due.max(now + Duration::from_millis(1));
        match self.timer {
            Some((_, armed)) if armed <= due => {}
            other => {
                if let Some((timer, _)) = other {
                    timers.cancel(timer);
                }
                self.timer = Some((timers.arm(due, Timer::Conn(id)), due));
            }
        }
    }
}
