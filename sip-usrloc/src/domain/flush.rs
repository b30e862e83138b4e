//! Write-back: what has changed since the last flush.

use super::expire::Sweep;
use super::{Bucket, Domain};
use crate::aor::Aor;
use crate::contact::State;
use crate::persist::change::{RowAction, RowChange};

impl Domain {
    /// Takes changes that the database has not seen, from where `sweep` stands, until this call
    /// has `limit` of them (or a few more, since it goes bucket by bucket) or the table is
    /// through, and appends them to `changes`. They count as written from now on; when writing
    /// them fails, [`uncollect`](Self::uncollect) is to be called. `true`: there is more; `false`:
    /// the table is through, and `sweep` at the start again.
    pub fn collect(&self, sweep: &mut Sweep, limit: usize, changes: &mut Vec<RowChange>) -> bool {
        let start = changes.len();
        while sweep.next < self.table.buckets() {
            if changes.len() - start >= limit {
                return true;
            }
            self.collect_bucket(sweep.next, changes);
            sweep.next += 1;
        }
        *sweep = Sweep::new();
        false
    }

    fn collect_bucket(&self, index: usize, changes: &mut Vec<RowChange>) {
        let mut guard = self.table.lock(index);
        let Bucket { records, meta } = &mut *guard;
        changes.append(&mut meta.gone);
        if !std::mem::take(&mut meta.dirty) {
            return;
        }
        for record in records.iter_mut() {
            let aor = Aor::from_slice(record.aor());
            for place in 0..record.contacts().len() {
                let Some(contact) = record.contact_mut(place) else { continue };
                if !contact.state.has(State::DIRTY) {
                    continue;
                }
                let full = contact.state.has(State::DIRTY_FULL);
                contact.state.set(State::DIRTY | State::DIRTY_FULL, false);
                contact.state.set(State::STORED, true);
                changes.push(RowChange {
                    aor: aor.clone(),
                    contact: contact.clone(),
                    action: RowAction::Put { full },
                });
            }
        }
    }
}
