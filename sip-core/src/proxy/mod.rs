//! The proxy core: RFC 3261 16, on the transactions of [`crate::txn`].
//!
//! One [`Proxy`] is shared by all workers; each lends its own things as a [`Cx`] with every call.
//! The way of one INVITE:
//!
//! ```text
//!   handle_request -> Route --(the route runs, no lock held)--> create -> 100
//!        |                                                        |
//!        | a retransmission, an ACK to a negative answer          v
//!        v                                                      relay: a branch for each target
//!     Absorbed                                                    |
//!   handle_response -> client machine -> fork -> server machine -> upstream
//!   handle_timeout  -> the cell's own deadlines -> the same
//! ```
//!
//! Requests are only looked up when they come. A transaction begins when something wants one: a
//! relay or a reply that remembers. Effects go to `cx.out`; they are performed by the caller after
//! the call, when no lock is held.

mod branch;
mod cancel;
mod cx;
mod events;
mod failover;
mod fork;
mod hooks;
mod hop;
mod local;
mod looped;
mod mtu;
mod plan;
mod record_route;
mod relay;
mod request;
mod response;
mod route;
mod stateless;
mod stats;
mod timeout;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

pub use cx::Cx;
pub use events::{CreateError, DropCause, ForkEvent, Handled, Incoming, RelayError};
pub use hooks::{BranchState, FailureStart, ForkState, ReplyEnd, ReplyStart};
pub use plan::{BranchOwn, BranchPlan, RelayPlan};
pub use record_route::{DoubleRr, RecordRoute, record_route};
pub use request::{unsupported, validate};
pub use route::{Follow, LooseRoute, is_local_uri, local_listener, loose_route};

use crate::lock::{LockReport, Locks};
use crate::net::Listeners;
use crate::output::SendError;
use crate::rng::Rng;
use crate::stats::Builder;
use crate::time::Instant;
use crate::txn::cell::Cell;
use crate::txn::hash::HashKey;
use crate::txn::table::{Bucket, Table};
use crate::txn::{Effects, TimerEvent, TmParams, TxnId};
use crate::uas::{Merged, Reply, ReplyError};
use stats::Ids;

/// The stateful proxy: transactions, forks and stateless forwarding, for all workers of an engine.
#[derive(Debug)]
pub struct Proxy {
    table: Table,
    listeners: Arc<Listeners>,
    params: TmParams,
    ids: Ids,
    keys: Keys,
    /// Transactions that still owe a final answer; a gauge reads it too.
    active: Arc<AtomicUsize>,
    server_header: Bytes,
    merged: Merged,
}

/// The secrets, one for each purpose.
#[derive(Debug)]
struct Keys {
    table: HashKey,
    tag: HashKey,
    branch: HashKey,
}

impl Proxy {
    /// A proxy without transactions. Its statistics are declared in `stats`; its secrets are drawn
    /// from `rng`.
    #[must_use]
    pub fn new(listeners: Arc<Listeners>, stats: &mut Builder, rng: &mut dyn Rng) -> Self {
        let (table, active) = (Table::new(), Arc::new(AtomicUsize::new(0)));
        let (inuse, open) = (table.live_count(), active.clone());
        stats.gauge("tmx", "inuse_transactions", "Transactions in memory", move || {
            inuse.load(Ordering::Relaxed) as u64
        });
        stats.gauge(
            "tmx",
            "active_transactions",
            "Transactions without a final answer",
            move || open.load(Ordering::Relaxed) as u64,
        );
        let keys =
            Keys { table: HashKey::new(rng), tag: HashKey::new(rng), branch: HashKey::new(rng) };
        let ids = Ids::new(stats);
        let params = TmParams::default();
        Self {
            table,
            listeners,
            params,
            ids,
            keys,
            active,
            server_header: Bytes::new(),
            merged: Merged::new(),
        }
    }

    /// Sets a header for all answers made here: its name and value, such as `Server: looseroute`,
    /// without a line end. Empty: none.
    pub fn set_server_header(&mut self, header: &str) {
        let line: String = header.chars().filter(|c| !c.is_control()).collect();
        self.server_header = match line.is_empty() {
            true => Bytes::new(),
            false => Bytes::from(format!("{line}\r\n")),
        };
    }

    /// The run-time parameters.
    #[must_use]
    pub const fn params(&self) -> &TmParams {
        &self.params
    }

    /// The addresses that requests come in by and leave by.
    #[must_use]
    pub const fn listeners(&self) -> &Arc<Listeners> {
        &self.listeners
    }

    /// How many transactions are in memory. 0 once all their timers have run out.
    #[must_use]
    pub fn live(&self) -> usize {
        self.table.live()
    }

    /// How many transactions still owe a final answer.
    #[must_use]
    pub fn unfinished(&self) -> usize {
        self.active.load(Ordering::Relaxed)
    }

    /// The transactions that still owe a final answer, for the end of an engine: each gets one by
    /// [`reply`](Self::reply), which cancels its branches. Takes every bucket in turn.
    #[must_use]
    pub fn pending(&self) -> Vec<TxnId> {
        self.table.pending()
    }

    /// The request that made a transaction, as it was received. `None` when it is answered.
    #[must_use]
    pub fn request(&self, txn: TxnId) -> Option<Bytes> {
        let mut bucket = self.table.by_id(txn);
        bucket.cell(txn).filter(|cell| !cell.lean).map(|cell| cell.request.clone())
    }

    /// The final code that a transaction sent upstream: `Some(0)` while it owes one, `None` when it
    /// is over.
    #[must_use]
    pub fn final_code(&self, txn: TxnId) -> Option<u16> {
        self.table.by_id(txn).cell(txn).map(|cell| cell.answered)
    }

    /// Answers the request of `txn` ourselves. A final answer to an INVITE that was relayed cancels
    /// its branches.
    ///
    /// # Errors
    /// The transaction is over or has its final answer, or the reply is malformed.
    pub fn reply(&self, cx: &mut Cx<'_>, txn: TxnId, reply: &Reply<'_>) -> Result<(), ReplyError> {
        reply.check()?;
        self.with_cell(cx, txn, |cx, cell| {
            if !cell.server.is_pending() || !self.answer(cx, cell, reply) {
                return Err(ReplyError::Answered);
            }
            if reply.code >= 200 {
                self.cancel_branches(cx, cell);
            }
            Ok(())
        })
        .unwrap_or(Err(ReplyError::Gone))
    }

    /// Takes word that a send with this `origin` failed (RFC 3261 16.9, 17.1.4, 17.2.4). A request
    /// that was not sent counts as answered 503, whatever the cause; a response is dropped.
    pub fn handle_send_failed(&self, cx: &mut Cx<'_>, origin: u64, _: SendError) -> ForkEvent {
        timeout::send_failed(self, cx, origin)
    }

    /// Takes a timer that ran out. A spare one does nothing.
    pub fn handle_timeout(&self, cx: &mut Cx<'_>, event: TimerEvent) -> ForkEvent {
        timeout::timer(self, cx, event)
    }

    /// Runs a step on a cell and then settles it: removes it if that was its end, arms a timer if
    /// it needs an earlier one. `None` when the transaction is gone.
    fn with_cell<R>(
        &self,
        cx: &mut Cx<'_>,
        txn: TxnId,
        step: impl FnOnce(&mut Cx<'_>, &mut Cell) -> R,
    ) -> Option<R> {
        let mut bucket = self.table.by_id(txn);
        let cell = bucket.cell(txn)?;
        let result = step(cx, cell);
        self.settle(cx, &mut bucket, txn);
        Some(result)
    }

    fn settle(&self, cx: &mut Cx<'_>, bucket: &mut Bucket, txn: TxnId) {
        let Some(cell) = bucket.cell(txn) else { return };
        if cell.is_over() {
            if cell.answered == 0 {
                self.active.fetch_sub(1, Ordering::Relaxed);
            }
            self.table.remove(bucket, txn);
            return;
        }
        cell.slim(cx.pool);
        let next = cell.deadline();
        if next == cell.armed_at {
            return;
        }
        // A hint of our own wheel is moved; one of another worker's comes when it comes, and is
        // harmless, so it only matters if it would come too late.
        let ours = cell.timer.filter(|id| cx.timers.value(*id).is_some_and(|e| e.txn == txn));
        match ours {
            Some(id) => {
                cx.timers.cancel(id);
            }
            None if next > cell.armed_at => return,
            None => {}
        }
        cell.armed_at = next;
        cell.timer = (next != Instant::FAR).then(|| cx.timers.arm(next, TimerEvent { txn }));
    }

    /// Notes that the final answer went upstream.
    fn note_answer(&self, cx: &Cx<'_>, cell: &mut Cell, code: u16) {
        if cell.answered == 0 {
            cell.answered = code;
            cell.life = Instant::FAR;
            self.active.fetch_sub(1, Ordering::Relaxed);
            self.ids.answered(cx.stats, code);
        }
    }

    /// Counts what a machine did not expect.
    fn note(&self, cx: &Cx<'_>, effects: Effects) -> Effects {
        if effects.has(Effects::STRAY) {
            cx.stats.inc(self.ids.strays);
        }
        effects
    }
}

impl Locks for Proxy {
    fn report_locks(&self, into: &mut Vec<LockReport>) {
        self.table.locks().report_locks(into);
        self.merged.locks().report_locks(into);
    }
}
