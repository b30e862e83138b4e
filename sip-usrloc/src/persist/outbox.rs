//! Changes on their way to the database, in the order they were made.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};

use sip_core::lock::{Lock, LockReport, Locks, Rank};

use super::change::RowChange;

/// The queue between a table and its writer. Filled under the guard of the bucket that was
/// changed, so that the changes of one binding stay in order; drained by one writer.
#[derive(Debug)]
pub struct Outbox {
    queue: Lock<VecDeque<Job>>,
    waiting: AtomicUsize,
    capacity: usize,
}

/// What one call changed: committed as a whole, under one token.
#[derive(Debug)]
struct Job {
    token: u64,
    changes: Vec<RowChange>,
}

/// Jobs taken together, for one transaction.
#[derive(Debug, Default)]
pub(crate) struct Group {
    /// Their changes in order.
    pub(crate) changes: Vec<RowChange>,
    /// For each job its token and where its changes end.
    pub(crate) jobs: Vec<(u64, usize)>,
}

impl Outbox {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            queue: Lock::new("usrloc.outbox", Rank::QUEUE, VecDeque::new()),
            waiting: AtomicUsize::new(0),
            capacity: capacity.max(1),
        }
    }

    /// How many calls wait for their commit.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Whether another call may join. Asked before a change is made, so as many calls as there
    /// are workers may go over the limit at once.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.waiting() < self.capacity
    }

    pub(crate) fn push(&self, token: u64, changes: Vec<RowChange>) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.queue.lock().push_back(Job { token, changes });
    }

    /// Takes jobs until `group` has `limit` changes.
    pub(crate) fn take(&self, limit: usize, group: &mut Group) {
        let mut queue = self.queue.lock();
        let before = group.jobs.len();
        while group.changes.len() < limit {
            let Some(mut job) = queue.pop_front() else { break };
            group.changes.append(&mut job.changes);
            group.jobs.push((job.token, group.changes.len()));
        }
        self.waiting.fetch_sub(group.jobs.len() - before, Ordering::Relaxed);
    }
}

impl Locks for Outbox {
    fn report_locks(&self, into: &mut Vec<LockReport>) {
        into.push(self.queue.report());
    }
}
