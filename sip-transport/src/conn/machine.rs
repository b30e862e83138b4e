//! One stream connection, without its socket. Read first: RFC 3261 18.3 (framing), RFC 5626 4.4.1
//! (CRLF keep-alive).

use std::collections::VecDeque;
use std::io::IoSlice;
use std::mem;

use bytes::{Buf, Bytes, BytesMut};
use sip_core::mem::SlotPool;
use sip_core::net::{Flow, Target};
use sip_core::output::{CloseReason, Input, SendError};
use sip_core::time::{Duration, Instant};
use sip_parser::frame::{BadFrame, Framed, Framer};

use super::WriteQueue;
use crate::params::{TransportParams, seconds};
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
    flow: Flow,
    inbound: bool,
    state: State,
    framer: Framer,
    /// What was read and is no whole message yet. No memory when empty.
    rx: BytesMut,
    tx: WriteQueue,
    opened: Instant,
    /// When a byte last passed, either way.
    active: Instant,
    /// Since when a message is unfinished.
    partial: Option<Instant>,
    /// Since when the peer takes nothing of what waits.
    stalled: Option<Instant>,
    /// Whether a message has passed, either way.
    carried: bool,
    /// When the first half of a ping came by itself.
    half_ping: Option<Instant>,
    /// How much was read and thrown away while closing.
    discarded: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
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

/// The two halves of a ping belong together when they come within this time.
const HALF_PING: Duration = Duration::from_secs(1);
/// What a peer may still send while its connection is being closed, in bytes.
const MAX_DISCARD: usize = 1 << 20;
/// The longest part of a malformed message that is shown to the worker, in bytes.
const MAX_HEAD: usize = 8192;

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

    /// Bytes were read.
    pub fn handle_bytes(&mut self, cx: &mut ConnCx<'_>, data: &[u8]) {
        match self.state {
            State::Open => {}
            State::Http => {
                self.rx.extend_from_slice(data);
                return;
            }
            State::Finishing(_) | State::Lingering(..) => {
                self.discarded = self.discarded.saturating_add(data.len());
                return;
            }
            State::Connecting | State::Closed => return,
        }
        self.active = cx.now;
        if self.rx.is_empty() {
            let used = self.frame(cx, data);
            if self.keeps_rest() {
                self.rx.extend_from_slice(data.get(used..).unwrap_or_default());
            }
        } else {
            self.rx.extend_from_slice(data);
            self.frame_rest(cx);
        }
        self.note_partial(cx.now);
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
        if !(self.takes_messages() || matches!(self.state, State::Finishing(_))) {
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

    fn establish(&mut self, cx: &mut ConnCx<'_>) {
        self.state = State::Open;
        self.active = cx.now;
        cx.stats.inc(Counter::Established);
        cx.inputs.push_back(Input::ConnOpened { flow: self.flow });
    }

    /// The one way out: tells of unwritten messages, then of the end.
    fn end(&mut self, cx: &mut ConnCx<'_>, reason: CloseReason, error: SendError) {
        self.state = State::Closed;
        self.rx = BytesMut::new();
        let failed = self.tx.drain().map(|(origin, to)| Input::SendFailed { origin, to, error });
        cx.inputs.extend(failed);
        cx.inputs.push_back(Input::ConnClosed { flow: self.flow, reason });
    }

    fn enqueue(&mut self, now: Instant, bytes: Bytes, notify: Option<(u64, Target)>) {
        if self.tx.is_empty() && self.state != State::Connecting {
            self.stalled = Some(now);
        }
        self.tx.push(bytes, notify);
    }

    fn keeps_rest(&self) -> bool {
        matches!(self.state, State::Open | State::Http)
    }

    /// Frames what lies in `rx`.
    fn frame_rest(&mut self, cx: &mut ConnCx<'_>) {
        let mut rx = mem::take(&mut self.rx);
        let used = self.frame(cx, &rx);
        if self.keeps_rest() && used < rx.len() {
            rx.advance(used);
            self.rx = rx;
        }
    }

    /// Since when the rest, if there is one, is waiting for its other part.
    fn note_partial(&mut self, now: Instant) {
        if self.state != State::Open || self.rx.is_empty() {
            self.partial = None;
        } else {
            self.partial.get_or_insert(now);
        }
    }

    /// Takes whole messages from the front of `buf` and tells how many bytes they were.
    fn frame(&mut self, cx: &mut ConnCx<'_>, buf: &[u8]) -> usize {
        let mut used = 0;
        while self.state == State::Open {
            let rest = buf.get(used..).unwrap_or_default();
            if rest.is_empty() {
                break;
            }
            let framed = self.framer.next(rest);
            let whole = |n: usize| rest.get(..n).unwrap_or(rest);
            let max = cx.params.msg_recv_max_size() as usize;
            match framed {
                Framed::NeedMore { at_least: n } | Framed::Message(n) | Framed::Http(n)
                    if n > max =>
                {
                    self.malformed(cx, rest, "the message is too long");
                }
                // The framer waits to see whether this is half a ping; a pong is all there is.
                Framed::NeedMore { .. } if rest == b"\r\n" => {
                    self.keepalive(cx, rest.len());
                    used += rest.len();
                }
                Framed::NeedMore { .. } => break,
                Framed::Message(n) => {
                    self.unit();
                    self.carried = true;
                    cx.stats.inc(Counter::TcpReceived);
                    let bytes = cx.pool.take(whole(n));
                    cx.inputs.push_back(Input::Message { flow: self.flow, bytes });
                    used += n;
                }
                Framed::Keepalive(n) => {
                    self.keepalive(cx, n);
                    used += n;
                }
                Framed::Http(n) => {
                    self.unit();
                    self.carried = true;
                    self.state = State::Http;
                    cx.stats.inc(Counter::TcpHttp);
                    let bytes = cx.pool.take(whole(n));
                    cx.inputs.push_back(Input::Http { flow: self.flow, bytes });
                    used += n;
                }
                Framed::Bad(bad) => self.malformed(cx, rest, reason_of(bad)),
            }
        }
        used
    }

    /// A whole unit has ended here: what follows is a new one.
    fn unit(&mut self) {
        self.partial = None;
        self.half_ping = None;
    }

    /// RFC 5626 4.4.1: a double CRLF is a ping and answered with a single one, which is not
    /// answered. The halves of a ping may come apart.
    fn keepalive(&mut self, cx: &mut ConnCx<'_>, len: usize) {
        self.partial = None;
        cx.stats.inc(Counter::TcpKeepalive);
        let second = |first: Instant| cx.now.saturating_since(first) <= HALF_PING;
        let ping = len >= 4 || self.half_ping.is_some_and(second);
        self.half_ping = (!ping).then_some(cx.now);
        if ping && self.has_room(2, cx.params) && cx.params.tcp_crlf_ping() != 0 {
            self.enqueue(cx.now, Bytes::from_static(b"\r\n"), None);
        }
    }

    fn malformed(&mut self, cx: &mut ConnCx<'_>, rest: &[u8], reason: &'static str) {
        cx.stats.inc(Counter::TcpMalformed);
        self.state = State::Finishing(CloseReason::Protocol);
        self.partial = None;
        // Something that begins as a message may be answered; TLS or noise may not.
        let text = rest.first().is_some_and(u8::is_ascii_alphabetic);
        let shown = if text { rest.get(..MAX_HEAD).unwrap_or(rest) } else { &[] };
        let head = Bytes::copy_from_slice(shown);
        cx.inputs.push_back(Input::Malformed { flow: self.flow, reason, head });
    }
}

const fn reason_of(bad: BadFrame) -> &'static str {
    match bad {
        BadFrame::LineEnd => "a line does not end in CRLF",
        BadFrame::HeadTooLong => "the head is too long",
        BadFrame::TooManyHeaders => "there are too many headers",
        BadFrame::LineTooLong => "a header is too long",
        BadFrame::BodyTooLong => "the body is too long",
        BadFrame::NoContentLength => "there is no Content-Length",
        BadFrame::ContentLength => "the Content-Length is malformed",
        BadFrame::TransferEncoding => "the transfer encoding is not supported",
        BadFrame::NotAMessage => "this is no message",
    }
}

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
