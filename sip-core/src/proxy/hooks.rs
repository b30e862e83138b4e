//! The places in a transaction's life where a route may be run: before a response goes upstream
//! (`onreply_route`), and when branches have failed (`failure_route`, branch failure routes). The
//! proxy says that one is wanted ([`ForkEvent`]), holds what must wait, and goes on when it is told
//! that the route has ended. No route is ever run from here.
//!
//! ```text
//!   response ── machine (ACK, timers) ── Replying ── the route ── end_reply ── fork ── upstream
//!                    └ another one runs: into the mailbox, taken out by end_reply
//!   last branch failed ── Failing ── next_failure ── the route ── end_failure ── best answer,
//!                                      └ relay: more branches         or wait for them
//! ```
//!
//! While a failure route runs or waits, provisional answers and 2xx go up as ever; negative ones
//! only count, and are looked at when it ends.

use bytes::Bytes;
use sip_parser::Message;
use smallvec::SmallVec;

use super::fork::{Received, best};
use super::{Cx, ForkEvent, Proxy};
use crate::net::Flow;
use crate::time::{Duration, Instant};
use crate::txn::TxnId;
use crate::txn::cell::Cell;
use crate::txn::hooks::{Arm, FailureKind, Kept, Letter, RouteName};
use crate::txn::id::Part;
use crate::uas::Reply;

/// What a reply route is started with.
#[derive(Clone)]
pub struct ReplyStart {
    /// The route.
    pub route: RouteName,
    /// What the routes of the transaction hand on.
    pub kept: Option<Kept>,
}

/// What became of a response whose route has ended.
#[derive(Debug)]
pub struct ReplyEnd {
    /// What it meant to the fork.
    pub event: ForkEvent,
    /// The response that has waited meanwhile: its route is to be run now, and ended as this one.
    pub next: Option<Letter>,
}

/// What a failure route is started with.
#[derive(Clone)]
pub struct FailureStart {
    /// Which kind.
    pub kind: FailureKind,
    /// The route.
    pub route: RouteName,
    /// The request as it was received.
    pub request: Bytes,
    /// The way it came.
    pub flow: Flow,
    /// The branch it is about: of all that failed, the one whose answer would go upstream.
    pub branch: u8,
    /// Its code; 408 for a timeout, 503 for a request that could not be sent.
    pub code: u16,
    /// The answer behind it; empty when there was none.
    pub reply: Bytes,
    /// How many branches there are.
    pub made: usize,
    /// What the routes of the transaction hand on.
    pub kept: Option<Kept>,
}

/// A transaction as its routes may ask about it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ForkState {
    /// The final code sent upstream; 0 while one is owed.
    pub answered: u16,
    /// A CANCEL came.
    pub cancelled: bool,
    /// The longest time without a final answer is over.
    pub expired: bool,
    /// A failure route is armed.
    pub on_failure: bool,
    /// A reply route is armed.
    pub on_reply: bool,
    /// The branch that the running failure route is about.
    pub winner: Option<u8>,
    /// The branches in the order they were made.
    pub branches: SmallVec<[BranchState; 4]>,
}

/// One branch, as routes may ask about it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct BranchState {
    /// Its final code; 0 while it is awaited. 408 of a timeout and 503 of a failed send count.
    pub code: u16,
    /// The highest provisional code from 101 on; 0: none.
    pub provisional: u16,
    /// It ended without a final response.
    pub silent: bool,
    /// It answered at all.
    pub replied: bool,
}

impl Proxy {
    /// Changes the routes and times of a transaction. `false` when it is over.
    pub fn arm(&self, cx: &mut Cx<'_>, txn: TxnId, arm: Arm) -> bool {
        self.with_cell(cx, txn, |cx, cell| {
            let now = cx.now.mono;
            if let Some(ms) = arm.lifetime
                && cell.answered == 0
            {
                cell.life = now + Duration::from_millis(u64::from(ms));
            }
            let hooks = cell.hooks.get_or_insert_default();
            if let Some(route) = arm.failure {
                hooks.failure = route;
            }
            if let Some(route) = arm.reply {
                hooks.reply = route;
            }
            if let Some(route) = arm.branch_failure {
                hooks.branch_failure = route;
            }
            hooks.ignore_6xx = arm.ignore_6xx.or(hooks.ignore_6xx);
            if arm.kept.is_some() {
                hooks.kept = arm.kept;
            }
            let before = hooks.times;
            if arm.reset_fr {
                (hooks.times.fr, hooks.times.fr_inv) = (0, 0);
            }
            if arm.reset_retr {
                (hooks.times.t1, hooks.times.t2) = (0, 0);
            }
            hooks.times.merge(arm.times);
            if (before.fr, before.fr_inv) != (hooks.times.fr, hooks.times.fr_inv) {
                self.retime(cell, now);
            }
        })
        .is_some()
    }

    /// The running waits for an answer begin again with the times that hold now (`t_set_fr`).
    fn retime(&self, cell: &mut Cell, now: Instant) {
        for index in 0..cell.branches.len() {
            // Bounded by the branch limit.
            let Some((branch, times)) = cell.branch(index as u8, &self.params) else { break };
            branch.client.retime(now, &times);
        }
    }

    /// The route that a response of `branch` goes through, after [`ForkEvent::Replying`].
    #[must_use]
    pub fn reply_route(&self, txn: TxnId, branch: u8) -> Option<ReplyStart> {
        let mut bucket = self.table.by_id(txn);
        let hooks = bucket.cell(txn)?.hooks.as_ref()?;
        let route = hooks.reply_route(branch)?.clone();
        Some(ReplyStart { route, kept: hooks.kept.clone() })
    }

    /// A response's route has ended, or there was none: it goes on as `msg`, edited or not, or, if
    /// it is provisional and `keep` is false, no further. The transaction stays until this is called.
    pub fn end_reply(
        &self,
        cx: &mut Cx<'_>,
        txn: TxnId,
        branch: u8,
        msg: &Message,
        keep: bool,
    ) -> ReplyEnd {
        let code = msg.status().unwrap_or_default();
        let via = msg.top_via();
        let ended = self.with_cell(cx, txn, |cx, cell| {
            let event = match &via {
                Ok(via) if keep || code >= 200 => {
                    let msg = Received { message: msg, via: via.span };
                    self.on_response(cx, cell, branch, &msg, code)
                }
                _ => ForkEvent::Absorbed,
            };
            if event == ForkEvent::Absorbed {
                cx.stats.inc(self.ids.rpl_absorbed);
            }
            let hooks = cell.hooks.get_or_insert_default();
            let next = hooks.next_letter();
            hooks.replying = next.is_some();
            ReplyEnd { event, next }
        });
        ended.unwrap_or(ReplyEnd { event: ForkEvent::Absorbed, next: None })
    }

    /// A response that the machine passed up, of a transaction with hooks.
    pub(super) fn on_hooked_reply(
        &self,
        cx: &mut Cx<'_>,
        cell: &mut Cell,
        branch: u8,
        msg: &Received<'_>,
        flow: &Flow,
    ) -> ForkEvent {
        let code = msg.message.status().unwrap_or_default();
        let txn = cell.id;
        if let Some(hooks) = &mut cell.hooks {
            if hooks.replying {
                let letter = Letter { branch, code, message: msg.message.clone(), flow: *flow };
                if !hooks.post(letter) {
                    cx.stats.inc(self.ids.drop_replies);
                }
                return ForkEvent::Absorbed;
            }
            if hooks.reply_route(branch).is_some() {
                hooks.replying = true;
                return ForkEvent::Replying { txn, branch };
            }
        }
        self.on_response(cx, cell, branch, msg, code)
    }

    /// Whether a branch that failed has a route for it.
    pub(super) fn branch_has_failed(&self, cell: &mut Cell, branch: u8, code: u16) -> bool {
        let Some(hooks) = &mut cell.hooks else { return false };
        let Some(route) = hooks.branch_failure.clone() else { return false };
        hooks.fail(FailureKind::Branch, route, branch, code);
        true
    }

    /// Whether all branches failed and a failure route is to be run. It is armed for once: a
    /// failure route that wants another arms it anew, and adds a branch.
    pub(super) fn all_have_failed(&self, cell: &mut Cell, branch: u8, code: u16) -> bool {
        let made = cell.branches.len();
        let Some(hooks) = &mut cell.hooks else { return false };
        let Some(route) = hooks.failure.take() else { return false };
        if made <= hooks.failed_at {
            return false;
        }
        hooks.last_from = hooks.failed_at;
        hooks.failed_at = made;
        hooks.winner = Some((branch, code));
        hooks.fail(FailureKind::All, route, branch, code);
        true
    }

    /// The next failure route to be started, after [`ForkEvent::Failing`], until there is none.
    /// Each must be followed by [`end_failure`](Self::end_failure).
    #[must_use]
    pub fn next_failure(&self, txn: TxnId) -> Option<FailureStart> {
        let mut bucket = self.table.by_id(txn);
        let cell = bucket.cell(txn)?;
        let hooks = cell.hooks.as_mut()?;
        let due = hooks.due.pop_front()?;
        let reply = cell.branches.get(usize::from(due.branch)).map(|b| b.reply.clone());
        Some(FailureStart {
            kind: due.kind,
            route: due.route,
            request: cell.request.clone(),
            flow: cell.flow,
            branch: due.branch,
            code: due.code,
            reply: reply.unwrap_or_default(),
            made: cell.branches.len(),
            kept: hooks.kept.clone(),
        })
    }

    /// A failure route has ended. If it has not answered and no branch is awaited, the best answer
    /// goes upstream now; after a CANCEL, a 487 (RFC 3261 9.2).
    pub fn end_failure(&self, cx: &mut Cx<'_>, txn: TxnId) -> ForkEvent {
        let ended = self.with_cell(cx, txn, |cx, cell| {
            if let Some(hooks) = &mut cell.hooks {
                hooks.failing = hooks.failing.saturating_sub(1);
            }
            let awaited = cell.branches.iter().any(|b| b.outcome == 0);
            if !cell.server.is_pending() || awaited || cell.is_failing() {
                return ForkEvent::Absorbed;
            }
            self.go_on_without_route(cx, cell)
        });
        ended.unwrap_or(ForkEvent::Absorbed)
    }

    fn go_on_without_route(&self, cx: &mut Cx<'_>, cell: &mut Cell) -> ForkEvent {
        let chosen = best(cell);
        if cell.cancelled && chosen.is_none_or(|(_, code)| code != 487) {
            self.answer(cx, cell, &Reply::new(487));
            return ForkEvent::Answered { branch: None, code: 487 };
        }
        let Some((branch, code)) = chosen else {
            // All answers were dropped (`t_drop_replies`), and nothing came instead.
            let (code, reason) = self.params.default_status();
            self.answer(cx, cell, &Reply::with_reason(code, reason.as_bytes()));
            return ForkEvent::Answered { branch: None, code };
        };
        if self.all_have_failed(cell, branch, code) {
            return ForkEvent::Failing { txn: cell.id };
        }
        self.send_best(cx, cell, branch, code, None)
    }

    /// The answers that came so far count no more (`t_drop_replies`): all of them, or with `last`
    /// those of the branches that the running failure route is about. `false` when the transaction
    /// is over.
    pub fn drop_replies(&self, txn: TxnId, last: bool) -> bool {
        let mut bucket = self.table.by_id(txn);
        let Some(cell) = bucket.cell(txn) else { return false };
        let from = if last { cell.hooks.as_ref().map_or(0, |h| h.last_from) } else { 0 };
        for branch in cell.branches.iter_mut().skip(from).filter(|b| b.outcome >= 300) {
            branch.dropped = true;
        }
        true
    }

    /// Forgets a transaction that was neither answered nor relayed (`t_release`). `false` when it is
    /// not of that kind, or over.
    pub fn release(&self, cx: &mut Cx<'_>, txn: TxnId) -> bool {
        self.with_cell(cx, txn, |_, cell| {
            let idle = cell.answered == 0 && cell.branches.is_empty();
            if idle {
                cell.server.abandon();
            }
            idle
        })
        .unwrap_or(false)
    }

    /// Sends the last response of a transaction again (`t_retransmit_reply`). `false` when there was
    /// none, or the transaction is over.
    pub fn send_again(&self, cx: &mut Cx<'_>, txn: TxnId) -> bool {
        self.with_cell(cx, txn, |cx, cell| {
            if cell.last.is_empty() {
                return false;
            }
            cx.stats.inc(self.ids.retransmissions);
            cx.out.send(cell.reply_to, cell.last.clone(), Some(cell.id.origin(Part::Server)));
            true
        })
        .unwrap_or(false)
    }

    /// What the routes of a transaction may ask about it; `None` when it is over.
    #[must_use]
    pub fn fork_state(&self, txn: TxnId) -> Option<ForkState> {
        let mut bucket = self.table.by_id(txn);
        let cell = bucket.cell(txn)?;
        let branches = cell.branches.iter().map(|b| BranchState {
            code: if b.is_replica() { 0 } else { b.outcome },
            provisional: b.provisional,
            silent: b.outcome >= 300 && b.reply.is_empty(),
            replied: b.provisional != 0 || !b.reply.is_empty(),
        });
        let hooks = cell.hooks.as_ref();
        Some(ForkState {
            answered: cell.answered,
            cancelled: cell.cancelled,
            expired: hooks.is_some_and(|h| h.expired),
            on_failure: hooks.is_some_and(|h| h.failure.is_some()),
            on_reply: hooks.is_some_and(|h| h.reply.is_some()),
            winner: hooks.and_then(|h| h.winner).map(|(branch, _)| branch),
            branches: branches.collect(),
        })
    }
}

impl std::fmt::Debug for ReplyStart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ReplyStart({})", self.route)
    }
}

impl std::fmt::Debug for FailureStart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FailureStart({} for branch {}: {})", self.route, self.branch, self.code)
    }
}
