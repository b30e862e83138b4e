//! Taking messages, keep-alives and HTTP requests out of what a connection reads.
//!
//! Framed right in the caller's buffer when nothing was left over from before; only an unfinished
//! rest is kept.

use std::mem;

use bytes::{Buf, Bytes};
use sip_core::output::{CloseReason, Input};
use sip_core::time::{Duration, Instant};
use sip_parser::frame::{BadFrame, Framed};

use super::machine::{Conn, ConnCx, State};
use crate::stats::Counter;

/// The two halves of a ping belong together when they come within this time.
const HALF_PING: Duration = Duration::from_secs(1);
/// The longest part of a malformed message that is shown to the worker, in bytes.
const MAX_HEAD: usize = 8192;

impl Conn {
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

    fn keeps_rest(&self) -> bool {
        matches!(self.state, State::Open | State::Http)
    }

    /// Frames what lies in `rx`.
    pub(super) fn frame_rest(&mut self, cx: &mut ConnCx<'_>) {
        let mut rx = mem::take(&mut self.rx);
        let used = self.frame(cx, &rx);
        if self.keeps_rest() && used < rx.len() {
            rx.advance(used);
            self.rx = rx;
        }
    }

    /// Since when the rest, if there is one, is waiting for its other part.
    pub(super) fn note_partial(&mut self, now: Instant) {
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
