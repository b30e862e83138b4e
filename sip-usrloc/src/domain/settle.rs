//! The end of a change that was on its way to the database.

use hashbrown::hash_table::Entry;

use super::turn::{Effects, Turn};
use super::{Bucket, Domain};
use crate::contact::State;
use crate::params::OnFailure;
use crate::persist::change::{RowAction, RowChange};
use crate::record::Settled;

impl Domain {
    /// Makes `changes` from the outbox final, or takes them back when `committed` is false (under
    /// [`OnFailure::WriteLater`]: leaves them to the next flush). To be called once for each
    /// change, in the order of the outbox, before whoever waits for them is answered.
    pub fn settle(&self, changes: &[RowChange], committed: bool) {
        for change in changes {
            self.settle_one(change, committed);
        }
    }

    /// Undoes [`collect`](Self::collect): a flush failed, and what it took is to be taken again.
    pub fn uncollect(&self, changes: &[RowChange]) {
        for change in changes {
            self.soil(change);
        }
    }

    fn settle_one(&self, change: &RowChange, committed: bool) {
        let later = self.config.on_failure == OnFailure::WriteLater;
        let hash = self.key.hash(&change.aor);
        let mut effects = Effects::default();
        let mut guard = self.table.lock_by_hash(hash);
        let Bucket { records, meta } = &mut *guard;
        let entry = records.entry(hash, |r| r.is(hash, &change.aor), |r| r.hash);
        let Entry::Occupied(mut entry) = entry else { return };
        let record = entry.get_mut();
        let before = record.contacts().len();
        let deleted = change.action == RowAction::Delete;
        if committed {
            record.commit(&change.contact, deleted);
        } else if later {
            if matches!(record.let_go(&change.contact), Settled::Final | Settled::Superseded) {
                let mut turn = Turn { domain: self, meta, effects: &mut effects };
                turn.write_later(record, change);
            }
        } else {
            record.take_back(&change.contact, self.config.newest_first);
            for contact in record.contacts() {
                meta.next_expiry = meta.next_expiry.min(contact.expires());
            }
        }
        effects.count_record(before, record.contacts().len());
        if record.is_unused() {
            entry.remove();
        }
        drop(guard);
        effects.count(self);
    }

    fn soil(&self, change: &RowChange) {
        let hash = self.key.hash(&change.aor);
        let mut effects = Effects::default();
        let mut guard = self.table.lock_by_hash(hash);
        let Bucket { records, meta } = &mut *guard;
        let mut turn = Turn { domain: self, meta, effects: &mut effects };
        match records.find_mut(hash, |r| r.is(hash, &change.aor)) {
            Some(record) => turn.write_later(record, change),
            None => turn.delete_later(&change.aor, &change.contact),
        }
    }
}

impl Turn<'_> {
    /// Leaves `change` to the next flush: the binding as it is by then, or its row's deletion.
    fn write_later(&mut self, record: &mut crate::record::Record, change: &RowChange) {
        let place = record.find_ruid(change.contact.ruid());
        match place.and_then(|place| record.contact_mut(place)) {
            Some(contact) => {
                contact.state.set(State::TENTATIVE, false);
                contact.state.set(State::DIRTY | State::DIRTY_FULL, true);
                self.meta.dirty = true;
            }
            None => self.delete_later(&change.aor, &change.contact),
        }
    }
}
