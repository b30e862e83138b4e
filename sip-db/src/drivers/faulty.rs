//! A driver that fails when told to: what tests and simulations put between a store and its
//! database.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::driver::Driver;
use crate::error::DbError;
use crate::query::{Batch, BatchResult};

/// How a batch fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The database is gone: nothing happens.
    Unavailable,
    /// There is no space left: nothing happens.
    Full,
    /// Somebody else holds the lock: nothing happens.
    Locked,
    /// The batch happens, but its answer is lost: a connection cut behind the commit.
    AnswerLost,
}

/// The plan of failures that one or more [`FaultyDriver`]s follow. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<Plan>>);

#[derive(Debug, Default)]
struct Plan {
    /// Batches to let pass before `next` applies.
    pass: u64,
    /// How many batches fail after that, and how.
    next: Option<(u64, Fault)>,
    batches: u64,
    failed: u64,
}

impl Faults {
    /// No failure planned.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets `pass` batches through, then fails the `count` after them. Replaces what was planned.
    pub fn fail(&self, pass: u64, count: u64, fault: Fault) {
        let mut plan = self.0.lock();
        plan.pass = pass;
        plan.next = Some((count, fault));
    }

    /// Lets everything through again.
    pub fn clear(&self) {
        self.0.lock().next = None;
    }

    /// How many batches were run, failed ones included.
    #[must_use]
    pub fn batches(&self) -> u64 {
        self.0.lock().batches
    }

    /// How many batches failed by plan.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.0.lock().failed
    }

    fn turn(&self) -> Option<Fault> {
        let mut plan = self.0.lock();
        plan.batches += 1;
        let (left, fault) = plan.next?;
        if plan.pass > 0 {
            plan.pass -= 1;
            return None;
        }
        plan.next = (left > 1).then_some((left - 1, fault));
        plan.failed += 1;
        Some(fault)
    }
}

/// A driver in front of another one, failing as its [`Faults`] say.
pub struct FaultyDriver<D> {
    inner: D,
    faults: Faults,
}

impl<D: Driver> FaultyDriver<D> {
    /// `inner` behind `faults`.
    #[must_use]
    pub const fn new(inner: D, faults: Faults) -> Self {
        Self { inner, faults }
    }
}

impl<D: Driver> Driver for FaultyDriver<D> {
    fn run(&mut self, batch: &Batch) -> Result<BatchResult, DbError> {
        let database = self.inner.database().to_owned();
        let reason = || "planned by the test".to_owned();
        match self.faults.turn() {
            None => self.inner.run(batch),
            Some(Fault::Unavailable) => Err(DbError::Unavailable { database, reason: reason() }),
            Some(Fault::Full) => Err(DbError::Full { database }),
            Some(Fault::Locked) => Err(DbError::Locked { database, waited_ms: 0 }),
            Some(Fault::AnswerLost) => {
                self.inner.run(batch)?;
                Err(DbError::Unavailable { database, reason: reason() })
            }
        }
    }

    fn database(&self) -> &str {
        self.inner.database()
    }
}

impl<D: Driver> std::fmt::Debug for FaultyDriver<D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FaultyDriver({})", self.inner.database())
    }
}
