//! One stream connection, without its socket: its states and what leads from one to another. Read
//! first: RFC 3261 18.3 (framing), RFC 5626 4.4.1 (CRLF keep-alive).

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Bytes, BytesMut};
use sip_core::mem::SlotPool;
use sip_core::net::{Flow, Target};
use sip_core::output::{CloseReason, Input, SendError};
use sip_core::time::Instant;
use sip_parser::frame::Framer;

use super::WriteQueue;
use crate::params::TransportParams;
use crate::stats::{Counter, Counters};

/// A connection's surroundings while it handles something.
#[derive(Debug)]
pub struct ConnCx<'a> {
    /// The time of this turn.
    pub now: Instant,
    /// Limits and timeouts.
    pub params: &'a TransportParams,
    /// Where whole messages are copied to.
    pub pool: &'a mut SlotPool,
    /// What is counted.
    pub stats: &'a Counters,
    /// Where messages and events go.
    pub inputs: &'a mut VecDeque<Input>,
}

/// One stream connection.
///
/// The driver's order of calls: [`new`](Self::new), then [`handle_accepted`](Self::handle_accepted)
/// or [`handle_connected`](Self::handle_connected) or its failure; then `handle_*` for whatever
/// happens, in any order; after each, while
/// [`wants_write`](Self::wants_write), write what [`slices`](Self::slices) shows and tell
/// [`handle_written`](Self::handle_written); once a turn, when nothing waits to be written,
/// [`poll_finish`](Self::poll_finish); and [`handle_timeout`](Self::handle_timeout) no earlier than
/// [`poll_timeout`](Self::poll_timeout) says (earlier is harmless). Once
/// [`is_closed`](Self::is_closed) the socket is to be closed; every call is harmless then.
#[derive(Debug)]
pub struct Conn {
    pub(super) flow: Flow,
    pub(super) inbound: bool,
    pub(super) state: State,
    pub(super) framer: Framer,
    /// What was read and is no whole message yet. No memory when empty.
    pub(super) rx: BytesMut,
    pub(super) tx: WriteQueue,
    pub(super) opened: Instant,
    /// When a byte last passed, either way.
    pub(super) active: Instant,
    /// Since when a message is unfinished.
    pub(super) partial: Option<Instant>,
    /// Since when the peer takes nothing of what waits.
    pub(super) stalled: Option<Instant>,
    /// Whether a message has passed, either way.
    pub(super) carried: bool,
    /// When the first half of a ping came by itself.
    pub(super) half_ping: Option<Instant>,
    /// How much was read and thrown away while closing.
    pub(super) discarded: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    Connecting,
    Open,
    /// An HTTP request is with the worker.
    Http,
    /// What is queued is written, and what this turn still sends.
    Finishing(CloseReason),
    /// All is written and our end is shut; waits for the peer's end, so that a reset does not
    /// destroy what it has not read.
    Lingering(CloseReason, Instant),
    Closed,
}

/// What the driver is to do with a connection on which nothing waits to be written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Finish {
    /// Nothing.
    No,
    /// Shut the writing side and keep reading.
    Shutdown,
    /// Close it.
    Close,
}

/// What a peer may still send while its connection is being closed, in bytes.
const MAX_DISCARD: usize = 1 << 20;

impl Conn {
    /// A connection that the driver is opening, or (`inbound`) has accepted and is about to tell
    /// so with [`handle_accepted`](Self::handle_accepted). `flow` must carry its id.
    #[must_use]
    pub fn new(flow: Flow, inbound: bool, now: Instant, params: &TransportParams) -> Self {
        Self {
            flow,
            inbound,
            state: State::Connecting,
            framer: Framer::new(params.stream_limits()),
            rx: BytesMut::new(),
            tx: WriteQueue::default(),
            opened: now,
            active: now,
            partial: None,
            stalled: None,
            carried: false,
            half_ping: None,
            discarded: 0,
        }
    }

    /// Its flow.
    #[must_use]
    pub const fn flow(&self) -> &Flow {
        &self.flow
    }

    /// Whether the peer opened it.
    #[must_use]
    pub const fn is_inbound(&self) -> bool {
        self.inbound
    }

    /// Whether it is being opened.
    #[must_use]
    pub fn is_connecting(&self) -> bool {
        self.state == State::Connecting
    }

    /// Whether messages may be sent on it (while it is being opened they wait).
    #[must_use]
    pub const fn takes_messages(&self) -> bool {
        matches!(self.state, State::Connecting | State::Open | State::Http)
    }

    /// Whether a message that names this connection may still go over it: also while it is closing
    /// and this turn's answers are being written.
    #[must_use]
    pub const fn takes_answers(&self) -> bool {
        self.takes_messages() || matches!(self.state, State::Finishing(_))
    }

    /// Whether nothing is read because an HTTP request is with the worker.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.state == State::Http
    }

    /// Whether it is over and its socket to be closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// Whether bytes are wanted. While an HTTP request is with the worker they stay in the system,
    /// which slows the peer down.
    #[must_use]
    pub const fn wants_read(&self) -> bool {
        matches!(self.state, State::Open | State::Lingering(..))
    }

    /// Whether [`poll_finish`](Self::poll_finish) has something to do.
    #[must_use]
    pub fn wants_finish(&self) -> bool {
        match self.state {
            State::Finishing(_) => self.tx.is_empty(),
            State::Lingering(..) => self.discarded > MAX_DISCARD,
            State::Closed => true,
            State::Connecting | State::Open | State::Http => false,
        }
    }

    /// Whether a message of `len` bytes may be queued: an empty queue takes any.
    #[must_use]
    pub fn has_room(&self, len: usize, params: &TransportParams) -> bool {
        let after = self.tx.len().saturating_add(len);
        self.tx.is_empty() || after <= params.tcp_conn_wq_max() as usize
    }

    /// Whether something waits to be written and may be.
    #[must_use]
    pub fn wants_write(&self) -> bool {
        !self.tx.is_empty() && !matches!(self.state, State::Connecting | State::Closed)
    }

    /// How many bytes wait to be written.
    #[must_use]
    pub const fn queued(&self) -> usize {
        self.tx.len()
    }

    /// The connection was accepted and its socket is ready.
    pub fn handle_accepted(&mut self, cx: &mut ConnCx<'_>) {
        if self.state == State::Connecting {
            cx.stats.inc(Counter::PassiveOpen);
            self.establish(cx);
        }
    }

    /// How many bytes it holds beyond itself for what is unfinished and what waits.
    #[must_use]
    pub fn held(&self) -> usize {
        self.rx.capacity() + self.tx.held()
    }

    /// The driver's connect has succeeded.
    pub fn handle_connected(&mut self, cx: &mut ConnCx<'_>) {
        if self.state == State::Connecting {
            cx.stats.inc(Counter::ConnectSuccess);
            self.establish(cx);
            if !self.tx.is_empty() {
                self.stalled = Some(cx.now);
            }
        }
    }

    /// The driver's connect has failed.
    pub fn handle_connect_failed(&mut self, cx: &mut ConnCx<'_>, error: SendError) {
        if self.state == State::Connecting {
            cx.stats.inc(Counter::ConnectFailed);
            self.end(cx, CloseReason::ConnectFailed, error);
        }
    }

    /// The peer has shut its end. Answers to what it sent before are still written.
    pub fn handle_eof(&mut self, cx: &mut ConnCx<'_>) {
        match self.state {
            State::Open | State::Http => self.state = State::Finishing(CloseReason::Peer),
            State::Lingering(reason, _) => self.end(cx, reason, SendError::Closed),
            State::Connecting | State::Finishing(_) | State::Closed => {}
        }
    }

    /// The connection was reset, or broke in another way.
    pub fn handle_reset(&mut self, cx: &mut ConnCx<'_>) {
        match self.state {
            State::Closed => {}
            State::Connecting => self.handle_connect_failed(cx, SendError::Connect),
            State::Lingering(reason, _) => self.end(cx, reason, SendError::Closed),
            State::Open | State::Http | State::Finishing(_) => {
                cx.stats.inc(Counter::ConReset);
                self.end(cx, CloseReason::Reset, SendError::Closed);
            }
        }
    }

    /// Queues a message; `notify` is told if the connection ends before it was written.
    ///
    /// # Errors
    /// [`SendError::Closed`] on a connection that is closing for another reason than its peer's
    /// bytes; [`SendError::QueueFull`] when `tcp_conn_wq_max` does not let it in.
    pub fn send(
        &mut self,
        now: Instant,
        bytes: Bytes,
        notify: Option<(u64, Target)>,
        params: &TransportParams,
    ) -> Result<(), SendError> {
        if !self.takes_answers() {
            return Err(SendError::Closed);
        }
        if !self.has_room(bytes.len(), params) {
            return Err(SendError::QueueFull);
        }
        self.carried = true;
        self.enqueue(now, bytes, notify);
        Ok(())
    }

    /// Answers the HTTP request and reads on, or closes once the answer is written. `false`, doing
    /// nothing, when no request is waiting.
    pub fn reply_http(&mut self, cx: &mut ConnCx<'_>, bytes: Bytes, close: bool) -> bool {
        if self.state != State::Http {
            return false;
        }
        self.enqueue(cx.now, bytes, None);
        self.state = if close { State::Finishing(CloseReason::Local) } else { State::Open };
        self.active = cx.now;
        self.frame_rest(cx);
        self.note_partial(cx.now);
        true
    }

    /// Closes it once what is queued is written.
    pub fn close(&mut self, cx: &mut ConnCx<'_>) {
        match self.state {
            State::Connecting => self.end(cx, CloseReason::Local, SendError::Closed),
            State::Open | State::Http => self.state = State::Finishing(CloseReason::Local),
            State::Finishing(_) | State::Lingering(..) | State::Closed => {}
        }
    }

    /// Ends it at once, whatever waits.
    pub fn abort(&mut self, cx: &mut ConnCx<'_>, reason: CloseReason) {
        if self.state != State::Closed {
            self.end(cx, reason, SendError::Closed);
        }
    }

    /// Fills `slices` with what is to be written next and tells how many were filled.
    pub fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        self.tx.slices(slices)
    }

    /// The first `n` bytes were written.
    pub fn handle_written(&mut self, now: Instant, n: usize) {
        self.tx.advance(n);
        if n > 0 {
            self.active = now;
            self.stalled = Some(now);
        }
        if self.tx.is_empty() {
            self.stalled = None;
            self.tx.release();
        }
    }

    /// What is to be done now that this turn's messages are queued and written as far as possible.
    pub fn poll_finish(&mut self, cx: &mut ConnCx<'_>) -> Finish {
        match self.state {
            State::Finishing(CloseReason::Peer) if self.tx.is_empty() => {
                self.end(cx, CloseReason::Peer, SendError::Closed);
                Finish::Close
            }
            State::Finishing(reason) if self.tx.is_empty() => {
                self.state = State::Lingering(reason, cx.now);
                self.rx = BytesMut::new();
                Finish::Shutdown
            }
            State::Lingering(reason, _) if self.discarded > MAX_DISCARD => {
                self.end(cx, reason, SendError::Closed);
                Finish::Close
            }
            State::Closed => Finish::Close,
            _ => Finish::No,
        }
    }

    fn establish(&mut self, cx: &mut ConnCx<'_>) {
        self.state = State::Open;
        self.active = cx.now;
        cx.stats.inc(Counter::Established);
        cx.inputs.push_back(Input::ConnOpened { flow: self.flow });
    }

    /// The one way out: tells of unwritten messages, then of the end.
    pub(super) fn end(&mut self, cx: &mut ConnCx<'_>, reason: CloseReason, error: SendError) {
        self.state = State::Closed;
        self.rx = BytesMut::new();
        let failed = self.tx.drain().map(|(origin, to)| Input::SendFailed { origin, to, error });
        cx.inputs.extend(failed);
        cx.inputs.push_back(Input::ConnClosed { flow: self.flow, reason });
    }

    pub(super) fn enqueue(&mut self, now: Instant, bytes: Bytes, notify: Option<(u64, Target)>) {
        if self.tx.is_empty() && self.state != State::Connecting {
            self.stalled = Some(now);
        }
        self.tx.push(bytes, notify);
    }
}
