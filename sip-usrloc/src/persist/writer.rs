//! The one who writes: runs on a thread of the database's own, between a table and its store.
//! A plain struct; the thread, its wake-ups and its timer are the caller's.

use std::sync::Arc;

use sip_core::time::Now;

use super::change::RowChange;
use super::outbox::Group;
use crate::domain::{Domain, Loaded, Sweep};
use crate::store::{LocationStore, StoreError};

/// Keeps a store in step with a table.
///
/// A thread calls [`load`](Self::load) once at start; [`turn`](Self::turn) whenever the table's
/// outbox was filled; [`flush`](Self::flush) at every `timer_interval` and at the end. There is
/// one writer for a table, so its changes reach the store in order.
#[derive(Debug)]
pub struct Writer<S> {
    domain: Arc<Domain>,
    store: S,
    group_limit: usize,
    page: u32,
    group: Group,
}

/// The end of what was saved under a token. The change is settled in the table by the time this
/// is told.
#[derive(Debug)]
pub struct Completion {
    /// The token that was given to [`Domain::save`]; never 0.
    pub token: u64,
    /// Committed, or why not.
    pub result: Result<(), StoreError>,
}

/// What a turn did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Turned {
    /// Calls whose changes were committed or refused.
    pub jobs: usize,
    /// Rows that were written or deleted.
    pub rows: usize,
    /// There is more to do: call again.
    pub more: bool,
}

/// What a flush did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FlushReport {
    /// Rows that were written or deleted.
    pub rows: usize,
}

/// What a load found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LoadReport {
    /// Pages that were read, of `fetch_rows` rows at most.
    pub pages: u64,
    /// Rows that became bindings.
    pub added: u64,
    /// Rows whose binding has expired.
    pub expired: u64,
    /// Rows that name a binding another row has named.
    pub duplicates: u64,
    /// Rows that cannot be used: without a contact, or of another server.
    pub skipped: u64,
}

impl<S: LocationStore> Writer<S> {
    /// A writer from `domain` to `store`, with at most 1,000 changes in a transaction and 2,000
    /// rows in a page of a load.
    #[must_use]
    pub fn new(domain: Arc<Domain>, store: S) -> Self {
        Self { domain, store, group_limit: 1000, page: 2000, group: Group::default() }
    }

    /// Chooses how many changes a transaction has at most.
    #[must_use]
    pub fn group_limit(mut self, changes: usize) -> Self {
        self.group_limit = changes.max(1);
        self
    }

    /// Chooses how many rows a load reads at once (`fetch_rows`).
    #[must_use]
    pub fn fetch_rows(mut self, rows: u32) -> Self {
        self.page = rows.max(1);
        self
    }

    /// The table.
    #[must_use]
    pub const fn domain(&self) -> &Arc<Domain> {
        &self.domain
    }

    /// The store.
    pub const fn store(&mut self) -> &mut S {
        &mut self.store
    }

    /// Fills the table with what the store holds.
    ///
    /// # Errors
    /// When the store cannot be read; what was loaded by then stays in the table.
    pub fn load(&mut self, now: Now) -> Result<LoadReport, StoreError> {
        let mut report = LoadReport::default();
        let mut after = None;
        loop {
            let scanned = self.store.scan(after, self.page)?;
            report.pages += 1;
            for row in &scanned.rows {
                let data = row.data(now);
                *match self.domain.load(now, &row.aor, &data, &row.ruid) {
                    Loaded::Added => &mut report.added,
                    Loaded::Expired => &mut report.expired,
                    Loaded::Duplicate => &mut report.duplicates,
                } += 1;
            }
            report.skipped += scanned.skipped;
            match scanned.next {
                Some(next) => after = Some(next),
                None => return Ok(report),
            }
        }
    }

    /// Commits a group of what waits in the outbox, and appends to `done` whom to answer. When
    /// the store refuses a group for the fault of one, each call's changes are tried alone.
    pub fn turn(&mut self, done: &mut Vec<Completion>) -> Turned {
        let mut group = std::mem::take(&mut self.group);
        self.domain.outbox().take(self.group_limit, &mut group);
        let turned = Turned {
            jobs: group.jobs.len(),
            rows: group.changes.len(),
            more: self.domain.outbox().waiting() > 0,
        };
        if turned.jobs > 0 {
            match self.store.apply(&group.changes) {
                Err(error) if group.jobs.len() > 1 && !error.is_transient() => {
                    self.one_by_one(&group, done);
                }
                result => {
                    self.domain.settle(&group.changes, result.is_ok());
                    complete(&group.jobs, &result, done);
                }
            }
        }
        group.changes.clear();
        group.jobs.clear();
        self.group = group;
        turned
    }

    fn one_by_one(&mut self, group: &Group, done: &mut Vec<Completion>) {
        let mut start = 0;
        for job in &group.jobs {
            let changes = group.changes.get(start..job.1).unwrap_or_default();
            start = job.1;
            let result = self.store.apply(changes);
            self.domain.settle(changes, result.is_ok());
            complete(std::slice::from_ref(job), &result, done);
        }
    }

    /// Writes all changes that the store has not seen (write-back, and what a failed commit left
    /// to be written later).
    ///
    /// # Errors
    /// When the store refuses; what it has not taken is taken by the next flush.
    pub fn flush(&mut self) -> Result<FlushReport, StoreError> {
        let mut report = FlushReport::default();
        if !self.domain.config().mode.writes() {
            return Ok(report);
        }
        let mut sweep = Sweep::new();
        let mut changes: Vec<RowChange> = Vec::new();
        loop {
            changes.clear();
            let more = self.domain.collect(&mut sweep, self.group_limit, &mut changes);
            if !changes.is_empty() {
                if let Err(error) = self.store.apply(&changes) {
                    self.domain.uncollect(&changes);
                    return Err(error);
                }
                report.rows += changes.len();
            }
            if !more {
                return Ok(report);
            }
        }
    }

    /// Deletes the rows of expired bindings from the store; returns how many.
    ///
    /// # Errors
    /// When the store refuses.
    pub fn clean(&mut self, now: Now) -> Result<u64, StoreError> {
        if self.domain.config().mode.writes() { self.store.clean(now) } else { Ok(0) }
    }
}

/// Token 0 is nobody's.
fn complete(jobs: &[(u64, usize)], result: &Result<(), StoreError>, done: &mut Vec<Completion>) {
    done.extend(
        jobs.iter()
            .filter(|(token, _)| *token != 0)
            .map(|(token, _)| Completion { token: *token, result: result.clone() }),
    );
}
