//! The list of everything in an engine that has locks.

use std::sync::{Arc, Weak};

use parking_lot::RwLock;

use super::{LockReport, Locks};

/// What has locks to report, as long as it lives.
#[derive(Default)]
pub struct LockList(RwLock<Vec<Weak<dyn Locks>>>);

impl LockList {
    /// Adds `what`, which the list does not keep alive.
    pub fn add<T: Locks + 'static>(&self, what: &Arc<T>) {
        let weak = Arc::downgrade(what);
        let mut list = self.0.write();
        list.retain(|known| known.strong_count() > 0);
        list.push(weak);
    }

    /// The state of every lock, in the order in which they were added; takes none of them.
    #[must_use]
    pub fn report(&self) -> Vec<LockReport> {
        let all: Vec<_> = self.0.read().iter().filter_map(Weak::upgrade).collect();
        let mut reports = Vec::with_capacity(all.len());
        for locks in all {
            locks.report_locks(&mut reports);
        }
        reports
    }
}
