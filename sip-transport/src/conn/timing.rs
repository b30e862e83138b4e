//! What a connection waits for, and what happens when it has waited too long.
//!
//! A connection has no timers of its own: its deadlines follow from when things happened, so that a
//! message costs no timer, and a parameter that is changed acts at once.

use sip_core::output::{CloseReason, SendError};
use sip_core::time::{Duration, Instant};

use super::machine::{Conn, ConnCx, State};
use crate::params::{TransportParams, seconds};
use crate::stats::Counter;

/// What a connection waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Timer {
    /// The connection to be established.
    Connect,
    /// The peer to take something of what is queued.
    Write,
    /// The rest of a message.
    Read,
    /// Anything at all.
    Idle,
    /// The peer to close too.
    Linger,
}

impl Conn {
    /// When [`handle_timeout`](Self::handle_timeout) has something to do unless something happens
    /// before; `None`: never.
    #[must_use]
    pub fn poll_timeout(&self, params: &TransportParams) -> Option<Instant> {
        self.deadlines(params).into_iter().flatten().map(|(at, _)| at).min()
    }

    /// Ends the connection if one of its times is over.
    pub fn handle_timeout(&mut self, cx: &mut ConnCx<'_>) {
        let due = self.deadlines(cx.params).into_iter().flatten().min_by_key(|(at, _)| *at);
        let Some((_, timer)) = due.filter(|(at, _)| *at <= cx.now) else { return };
        match (timer, self.state) {
            (Timer::Linger, State::Lingering(reason, _)) => {
                self.end(cx, reason, SendError::Closed);
            }
            (Timer::Connect, _) => self.handle_connect_failed(cx, SendError::Connect),
            (Timer::Write, _) => {
                cx.stats.inc(Counter::SendTimeout);
                self.end(cx, CloseReason::WriteTimeout, SendError::Closed);
            }
            (Timer::Read, _) => {
                cx.stats.inc(Counter::ConTimeout);
                self.end(cx, CloseReason::ReadTimeout, SendError::Closed);
            }
            (Timer::Idle | Timer::Linger, _) => {
                cx.stats.inc(Counter::ConTimeout);
                self.end(cx, CloseReason::Idle, SendError::Closed);
            }
        }
    }

    fn deadlines(&self, params: &TransportParams) -> [Option<(Instant, Timer)>; 4] {
        let after = |from: Instant, secs: u32| seconds(secs).map(|d| from + d);
        match self.state {
            State::Closed => [None; 4],
            State::Connecting => {
                let at = after(self.opened, params.tcp_connect_timeout());
                [at.map(|at| (at, Timer::Connect)), None, None, None]
            }
            State::Lingering(_, since) => {
                let at = since + Duration::from_millis(u64::from(params.tcp_linger()));
                [Some((at, Timer::Linger)), None, None, None]
            }
            State::Open | State::Http | State::Finishing(_) => {
                let write = self.stalled.and_then(|s| after(s, params.tcp_send_timeout()));
                let unfinished = self.partial.filter(|_| self.state == State::Open);
                let read = unfinished.and_then(|p| after(p, params.tcp_msg_read_timeout()));
                let silent = self.inbound && !self.carried && self.partial.is_none();
                let data = silent.then(|| after(self.opened, params.tcp_msg_data_timeout()));
                let idle = after(self.active, params.tcp_connection_lifetime());
                [
                    write.map(|at| (at, Timer::Write)),
                    read.map(|at| (at, Timer::Read)),
                    data.flatten().map(|at| (at, Timer::Idle)),
                    idle.map(|at| (at, Timer::Idle)),
                ]
            }
        }
    }
}
