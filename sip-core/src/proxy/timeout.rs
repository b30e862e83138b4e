//! Timers running out and sends that failed. A timer is a hint: it says which cell to look at; the
//! cell knows its own deadlines.

use super::{Cx, ForkEvent, Proxy};
use crate::time::Instant;
use crate::txn::cell::Cell;
use crate::txn::client_other::Stimulus;
use crate::txn::id::Part;
use crate::txn::{Effects, Timer, TimerEvent, TxnId};
use crate::uas::Reply;

pub(super) fn timer(proxy: &Proxy, cx: &mut Cx<'_>, event: TimerEvent) -> ForkEvent {
    let now = cx.now.mono;
    let happened = proxy.with_cell(cx, event.txn, |cx, cell| {
        if cell.armed_at <= now {
            cell.armed_at = Instant::FAR;
        }
        let mut last = ForkEvent::Absorbed;
        let mut note = |event| {
            let must_follow =
                matches!(last, ForkEvent::Failing { .. } | ForkEvent::LocalDone { .. });
            if event != ForkEvent::Absorbed && !must_follow {
                last = event;
            }
        };
        if cell.life <= now {
            note(proxy.on_lifetime(cx, cell));
        }
        for index in 0..cell.branches.len() {
            // Bounded by the branch limit.
            note(proxy.on_branch_timers(cx, cell, index as u8));
            proxy.on_cancel_timers(cx, cell, index as u8);
        }
        note(proxy.on_server_timers(cx, cell));
        last
    });
    happened.unwrap_or(ForkEvent::Absorbed)
}

pub(super) fn send_failed(proxy: &Proxy, cx: &mut Cx<'_>, origin: u64) -> ForkEvent {
    let (txn, part) = TxnId::from_origin(origin);
    let happened = proxy.with_cell(cx, txn, |cx, cell| match part {
        Part::Server => proxy.on_server_failed(cx, cell),
        Part::Branch(index) => proxy.on_branch_failed(cx, cell, index),
        Part::Cancel(index) => proxy.on_cancel_failed(cx, cell, index),
    });
    happened.unwrap_or(ForkEvent::Absorbed)
}

impl Proxy {
    /// The transaction has been without a final answer for as long as it may.
    fn on_lifetime(&self, cx: &mut Cx<'_>, cell: &mut Cell) -> ForkEvent {
        cell.life = Instant::FAR;
        if !cell.server.is_pending() {
            return ForkEvent::Absorbed;
        }
        let was_failing = cell.is_failing();
        if let Some(hooks) = &mut cell.hooks {
            hooks.expired = true;
        }
        let mut event = ForkEvent::Absorbed;
        for index in 0..cell.branches.len() {
            let Some((branch, times)) = cell.branch(index as u8, &self.params) else { break };
            if !branch.client.is_pending() {
                continue;
            }
            let effects = branch.client.expire(cx.now.mono, &times);
            event = self.on_branch_effects(cx, cell, index as u8, effects);
        }
        if !was_failing && cell.is_failing() {
            // A failure route may still answer it, and no more.
            cell.closed = true;
            return ForkEvent::Failing { txn: cell.id };
        }
        if cell.server.is_pending() {
            // Nothing was ever relayed, or a cancelled branch is still silent.
            return self.answer_timeout(cx, cell);
        }
        event
    }

    fn on_branch_timers(&self, cx: &mut Cx<'_>, cell: &mut Cell, index: u8) -> ForkEvent {
        let mut event = ForkEvent::Absorbed;
        // Each step stops its timer or moves it on; two are the most that can be due.
        for _ in 0..2 {
            let Some((branch, times)) = cell.branch(index, &self.params) else { break };
            let Some(timer) = branch.client.due(cx.now.mono) else { break };
            let effects = branch.client.timer(cx.now.mono, &times, timer);
            event = self.on_branch_effects(cx, cell, index, effects);
        }
        event
    }

    fn on_branch_effects(
        &self,
        cx: &mut Cx<'_>,
        cell: &mut Cell,
        index: u8,
        effects: Effects,
    ) -> ForkEvent {
        self.note(cx, effects);
        if effects.has(Effects::SEND)
            && let Some(branch) = cell.branches.get(usize::from(index))
        {
            cx.stats.inc(self.ids.retransmissions);
            let origin = cell.id.origin(Part::Branch(index));
            cx.out.send(branch.target, branch.request.clone(), Some(origin));
        }
        if effects.has(Effects::CANCEL) {
            self.send_cancel(cx, cell, index);
        }
        let lost = effects.has(Effects::TIMEOUT) || effects.has(Effects::FAILED);
        if lost && self.fail_over(cx, cell, index) {
            return ForkEvent::Absorbed;
        }
        if effects.has(Effects::TIMEOUT) {
            let code = if cell.cancelled { 487 } else { 408 };
            return self.on_silence(cx, cell, index, code);
        }
        if effects.has(Effects::FAILED) {
            // RFC 3261 16.9: as if it had answered 503.
            return self.on_silence(cx, cell, index, 503);
        }
        ForkEvent::Absorbed
    }

    fn on_cancel_timers(&self, cx: &mut Cx<'_>, cell: &mut Cell, index: u8) {
        let id = cell.id;
        let Some((branch, times)) = cell.branch(index, &self.params) else { return };
        let Some(cancel) = &mut branch.cancel else { return };
        let Some(timer) = cancel.client.due(cx.now.mono) else { return };
        let effects = cancel.client.step(cx.now.mono, &times, Stimulus::Timer(timer));
        if self.note(cx, effects).has(Effects::SEND) {
            cx.stats.inc(self.ids.retransmissions);
            let origin = id.origin(Part::Cancel(index));
            cx.out.send(branch.target, cancel.request.clone(), Some(origin));
        }
    }

    fn on_server_timers(&self, cx: &mut Cx<'_>, cell: &mut Cell) -> ForkEvent {
        let Some(timer) = cell.server.due(cx.now.mono) else { return ForkEvent::Absorbed };
        let times = cell.server_times(&self.params);
        let effects = self.note(cx, cell.server.timer(cx.now.mono, &times, timer));
        if effects.has(Effects::SEND) {
            cx.stats.inc(self.ids.retransmissions);
            let origin = cell.id.origin(Part::Server);
            cx.out.send(cell.reply_to, cell.last.clone(), Some(origin));
        }
        if effects.has(Effects::TRYING) {
            self.answer(cx, cell, &Reply::new(100));
        }
        match timer {
            Timer::H => ForkEvent::Unacknowledged,
            _ => ForkEvent::Absorbed,
        }
    }

    /// A response was not sent: it is dropped, and the branches go on (RFC 3261 16.9).
    fn on_server_failed(&self, cx: &mut Cx<'_>, cell: &mut Cell) -> ForkEvent {
        let times = cell.server_times(&self.params);
        let effects = cell.server.transport_error(cx.now.mono, &times);
        match effects.has(Effects::FAILED) {
            true => ForkEvent::Unacknowledged,
            false => ForkEvent::Absorbed,
        }
    }

    fn on_branch_failed(&self, cx: &mut Cx<'_>, cell: &mut Cell, index: u8) -> ForkEvent {
        let branch = cell.branches.get_mut(usize::from(index));
        let unanswered = branch.filter(|b| b.client.is_unanswered());
        if let Some(udp) = unanswered.and_then(|b| b.spare.as_mut()?.udp.take()) {
            self.fall_back(cx, cell, index, udp);
            return ForkEvent::Absorbed;
        }
        let Some((branch, times)) = cell.branch(index, &self.params) else {
            return ForkEvent::Absorbed;
        };
        let effects = branch.client.transport_error(cx.now.mono, &times);
        self.on_branch_effects(cx, cell, index, effects)
    }

    fn on_cancel_failed(&self, cx: &mut Cx<'_>, cell: &mut Cell, index: u8) -> ForkEvent {
        if let Some((branch, times)) = cell.branch(index, &self.params)
            && let Some(cancel) = &mut branch.cancel
        {
            let error = Stimulus::TransportError;
            self.note(cx, cancel.client.step(cx.now.mono, &times, error));
        }
        ForkEvent::Absorbed
    }
}
