//! The response context: RFC 3261 16.7. What the branches of a transaction answer, together, and
//! which of it goes upstream.
//!
//! ```text
//!   1xx but 100   up at once, to an INVITE
//!   2xx           up at once, every one; the other branches are cancelled
//!   6xx           the other branches are cancelled; up once all have ended
//!   others        kept; once all branches have ended the best one goes up:
//!                 6xx, 3xx, 401 407, 415 420 484, other 4xx, 408 of a timer, 5xx, 503
//! ```

use bytes::{BufMut, Bytes, BytesMut};
use sip_parser::{HeaderId, Message, Span};

use super::{Cx, ForkEvent, Proxy};
use crate::txn::Effects;
use crate::txn::cell::{Branch, Cell};
use crate::txn::id::Part;
use crate::uas::Reply;

impl Proxy {
    /// A response that the client machine of `index` passed up.
    pub(super) fn on_response(
        &self,
        cx: &mut Cx<'_>,
        cell: &mut Cell,
        index: u8,
        msg: &Received<'_>,
        code: u16,
    ) -> ForkEvent {
        if cell.is_local() {
            return self.on_local_response(cx, cell, index, msg, code);
        }
        if cell.branches.get(usize::from(index)).is_some_and(Branch::is_replica) {
            return ForkEvent::Absorbed;
        }
        match code {
            // RFC 3261 16.7 step 5: a 100 stays here.
            ..=100 => ForkEvent::Absorbed,
            // RFC 4320 4.1: nothing but an INVITE is answered provisionally, except with 100.
            101..200 if !cell.is_invite() => ForkEvent::Absorbed,
            101..200 => match self.forward(cx, cell, msg, code, b"") {
                true => ForkEvent::Progress { branch: index, code },
                false => ForkEvent::Absorbed,
            },
            200..300 => self.on_success(cx, cell, index, msg, code),
            503 if self.fail_over(cx, cell, index) => ForkEvent::Absorbed,
            _ => {
                if !set_outcome(cell, index, code, msg.message.bytes()) {
                    return ForkEvent::Absorbed;
                }
                if code >= 600 && self.ends_the_search(cell) {
                    cell.closed = true;
                    self.cancel_branches(cx, cell);
                }
                self.on_failure(cx, cell, index, Some(msg))
            }
        }
    }

    /// Whether a 6xx ends the search (RFC 3261 16.7 step 5).
    fn ends_the_search(&self, cell: &Cell) -> bool {
        let ignored = cell.hooks.as_ref().and_then(|h| h.ignore_6xx);
        !ignored.unwrap_or_else(|| self.params.disable_6xx_block.is_on())
    }

    /// A branch that ended without a response: `code` is what it counts as (RFC 3261 16.8, 16.9).
    pub(super) fn on_silence(
        &self,
        cx: &mut Cx<'_>,
        cell: &mut Cell,
        index: u8,
        code: u16,
    ) -> ForkEvent {
        if !set_outcome(cell, index, code, &Bytes::new()) {
            return ForkEvent::Absorbed;
        }
        if cell.is_local() {
            return self.end_local(cx, cell, code, None);
        }
        self.on_failure(cx, cell, index, None)
    }

    fn on_success(
        &self,
        cx: &mut Cx<'_>,
        cell: &mut Cell,
        index: u8,
        msg: &Received<'_>,
        code: u16,
    ) -> ForkEvent {
        set_outcome(cell, index, code, &Bytes::new());
        // RFC 3261 16.7 step 5: a 2xx to an INVITE goes up even after another final answer, when
        // the server transaction cannot take it any more.
        let sent = if cell.is_invite() {
            self.forward(cx, cell, msg, code, b"") || self.forward_around(cx, cell, msg)
        } else {
            cell.server.is_pending() && self.forward(cx, cell, msg, code, b"")
        };
        self.cancel_branches(cx, cell);
        match sent {
            true => ForkEvent::Answered { branch: Some(index), code },
            false => ForkEvent::Absorbed,
        }
    }

    /// Sends the best answer upstream if no branch is awaited any more. `msg` is the response of
    /// `last`, if that is what ended the wait.
    fn on_failure(
        &self,
        cx: &mut Cx<'_>,
        cell: &mut Cell,
        last: u8,
        msg: Option<&Received<'_>>,
    ) -> ForkEvent {
        let failed = cell.branches.get(usize::from(last)).map_or(0, |b| b.outcome);
        if !cell.server.is_pending() {
            return ForkEvent::Absorbed;
        }
        let mut event = ForkEvent::BranchFailed { branch: last, code: failed };
        if cell.hooks.is_some() && self.branch_has_failed(cell, last, failed) {
            event = ForkEvent::Failing { txn: cell.id };
        }
        if cell.branches.iter().any(|b| b.outcome == 0) || cell.is_failing() {
            return event;
        }
        let Some((index, code)) = best(cell) else { return ForkEvent::Absorbed };
        if cell.hooks.is_some() && self.all_have_failed(cell, index, code) {
            return ForkEvent::Failing { txn: cell.id };
        }
        self.send_best(cx, cell, index, code, msg.filter(|_| index == last))
    }

    pub(super) fn send_best(
        &self,
        cx: &mut Cx<'_>,
        cell: &mut Cell,
        index: u8,
        code: u16,
        msg: Option<&Received<'_>>,
    ) -> ForkEvent {
        let reply = cell.branches.get(usize::from(index)).map(|b| b.reply.clone());
        let reply = reply.unwrap_or_default();
        let remapped = code == 503 && self.params.remap_503_500.is_on();
        if reply.is_empty() || remapped {
            return self.answer_failure(cx, cell, code, remapped);
        }
        let parsed;
        let msg = match msg {
            Some(msg) => *msg,
            None => {
                parsed = Message::parse(reply);
                match parsed.as_ref().ok().and_then(Received::read) {
                    Some(msg) => msg,
                    None => return self.answer_failure(cx, cell, 500, true),
                }
            }
        };
        let mut extra = BytesMut::new();
        if matches!(code, 401 | 407) && self.params.aggregate_challenges.is_on() {
            challenges(&cell.branches, index, &mut extra);
        }
        match self.forward(cx, cell, &msg, code, &extra) {
            true => ForkEvent::Answered { branch: Some(index), code },
            false => ForkEvent::Absorbed,
        }
    }

    /// Answers for branches that all failed, none of them with a response worth forwarding.
    fn answer_failure(
        &self,
        cx: &mut Cx<'_>,
        cell: &mut Cell,
        code: u16,
        remapped: bool,
    ) -> ForkEvent {
        let code = if remapped { 500 } else { code };
        if code == 408 {
            return self.answer_timeout(cx, cell);
        }
        self.answer(cx, cell, &Reply::new(code));
        ForkEvent::Answered { branch: None, code }
    }

    /// Answers for a transaction whose time is up.
    pub(super) fn answer_timeout(&self, cx: &mut Cx<'_>, cell: &mut Cell) -> ForkEvent {
        if !cell.is_invite() {
            // RFC 4320 4.1: by now a 408 would only come too late.
            cell.server.abandon();
            return ForkEvent::Abandoned;
        }
        let code = u16::try_from(self.params.reply_408_code.value()).unwrap_or(408);
        let code = if (300..700).contains(&code) { code } else { 408 };
        self.params.with_reply_408_reason(|reason| {
            self.answer(cx, cell, &Reply::with_reason(code, reason.as_bytes()))
        });
        ForkEvent::Answered { branch: None, code }
    }

    /// Sends a response upstream without our Via, through the server machine. `extra` are header
    /// lines to add. `false` when the machine does not want it.
    fn forward(
        &self,
        cx: &mut Cx<'_>,
        cell: &mut Cell,
        msg: &Received<'_>,
        code: u16,
        extra: &[u8],
    ) -> bool {
        let times = cell.server_times(&self.params);
        if !cell.server.is_pending() && code < 200 {
            return false;
        }
        let Some(bytes) = without_via(cx, msg, extra) else {
            cx.stats.inc(self.ids.drop_replies);
            return false;
        };
        let effects = self.note(cx, cell.server.respond(cx.now.mono, &times, code));
        if !effects.has(Effects::SEND) {
            return false;
        }
        cx.stats.inc(self.ids.rpl_relayed);
        self.send_reply(cx, cell, bytes, code);
        true
    }

    fn forward_around(&self, cx: &mut Cx<'_>, cell: &Cell, msg: &Received<'_>) -> bool {
        let Some(bytes) = without_via(cx, msg, b"") else { return false };
        cx.stats.inc(self.ids.rpl_relayed);
        cx.stats.inc(self.ids.rpl_sent);
        cx.out.send(cell.reply_to, bytes, Some(cell.id.origin(Part::Server)));
        true
    }
}

/// Notes what a branch ended with. `false` when it had ended before.
fn set_outcome(cell: &mut Cell, index: u8, code: u16, reply: &Bytes) -> bool {
    match cell.branches.get_mut(usize::from(index)) {
        Some(branch) if branch.outcome == 0 || code < 300 => {
            branch.outcome = code;
            branch.reply = reply.clone();
            true
        }
        _ => false,
    }
}

/// The branch whose final answer is to go upstream, and its code (RFC 3261 16.7 step 6). Of equals
/// one of those that were tried last, as Kamailio has it, and of them the first.
pub(super) fn best(cell: &Cell) -> Option<(u8, u16)> {
    let newest = cell.hooks.as_ref().map_or(0, |h| h.newest(cell.branches.len()));
    (0u8..)
        .zip(&cell.branches)
        .filter(|(_, b)| b.outcome >= 300 && !b.dropped)
        .min_by_key(|(i, b)| (rank(b.outcome), b.reply.is_empty(), usize::from(*i) < newest))
        .map(|(i, b)| (i, b.outcome))
}

/// How little a code is worth to the caller: the lower, the better.
const fn rank(code: u16) -> u8 {
    match code {
        600.. => 0,
        ..=399 => 1,
        // Where their challenges are not put together, a 401 goes before a 407.
        401 => 2,
        407 => 3,
        415 | 420 | 484 => 4,
        408 => 6,
        503 => 8,
        500.. => 7,
        _ => 5,
    }
}

/// Appends the challenges of all branches but `chosen` (RFC 3261 16.7 step 7).
fn challenges(branches: &[Branch], chosen: u8, out: &mut BytesMut) {
    for (i, branch) in (0u8..).zip(branches) {
        if i == chosen || branch.dropped || !matches!(branch.outcome, 401 | 407) {
            continue;
        }
        let Ok(msg) = Message::parse(branch.reply.clone()) else { continue };
        for id in [HeaderId::WwwAuthenticate, HeaderId::ProxyAuthenticate] {
            for header in msg.headers_of(id) {
                out.put_slice(msg.slice(header.span));
            }
        }
    }
}

/// A response and its topmost Via value, read once.
#[derive(Clone, Copy)]
pub(super) struct Received<'a> {
    pub(super) message: &'a Message,
    pub(super) via: Span,
}

impl<'a> Received<'a> {
    fn read(message: &'a Message) -> Option<Self> {
        message.top_via().ok().map(|via| Self { message, via: via.span })
    }
}

/// A response's bytes without the topmost Via value (RFC 3261 16.7 step 3), and with `extra` lines
/// in its place. `None` when no Via would be left: it was meant for us.
pub(super) fn without_via(cx: &mut Cx<'_>, msg: &Received<'_>, extra: &[u8]) -> Option<Bytes> {
    let (message, top) = (msg.message, msg.via);
    let header = message.header(HeaderId::Via)?;
    let line = header.span;
    // A list: cut from this value to the next one. A line of its own: cut the line.
    let cut = if top.end < header.value_span.end {
        let next = message.vias().nth(1)?.ok()?.span;
        Span::new(top.start, next.start)
    } else {
        message.headers_of(HeaderId::Via).nth(1)?;
        line
    };
    let all = message.bytes();
    let piece = |from: u32, to: u32| Span::new(from, to).of(all);
    Some(cx.build(|out, _| {
        out.reserve(all.len() + extra.len());
        out.put_slice(piece(0, line.start));
        out.put_slice(extra);
        out.put_slice(piece(line.start, cut.start));
        out.put_slice(all.get(cut.end as usize..).unwrap_or_default());
    }))
}
