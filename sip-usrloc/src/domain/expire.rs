//! The end of bindings by time. Nobody sees an expired binding from its second on; the sweep only
//! gives its memory back and tells who asked.
//!
//! A sweep goes through the buckets a few at a time, so that a million bindings that expire at
//! once do not stop a worker. A bucket knows the earliest expiry in it, so a sweep over a table
//! where nothing has expired costs one guard for each bucket. A timer for each binding would tell
//! the second exactly, at 24 bytes and an insertion in every refresh; a sweep every second or so
//! costs less and is as exact as the database's own column.

use hashbrown::HashTable;
use sip_core::time::Now;

use super::turn::{Effects, Turn};
use super::{Bucket, Domain, seconds};
use crate::events::{Event, EventKind};
use crate::params::DbMode;
use crate::record::Record;

/// Where a sweep over a table's buckets stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sweep {
    pub(super) next: usize,
}

impl Sweep {
    /// A sweep from the first bucket.
    #[must_use]
    pub const fn new() -> Self {
        Self { next: 0 }
    }
}

impl Domain {
    /// Removes bindings that have expired, from where `sweep` stands, until `budget` bindings
    /// were looked at or the table is through. Appends [`EventKind::Expired`] events to `events`
    /// if they are asked for. `true`: there is more to do, call again soon; `false`: the sweep is
    /// through and stands at the start again.
    pub fn expire(
        &self,
        now: Now,
        sweep: &mut Sweep,
        budget: usize,
        events: &mut Vec<Event>,
    ) -> bool {
        let now = seconds(now.wall);
        let mut looked = 0;
        while sweep.next < self.table.buckets() {
            if looked >= budget || self.is_clogged() {
                return true;
            }
            looked += self.expire_bucket(sweep.next, now, events);
            sweep.next += 1;
        }
        *sweep = Sweep::new();
        false
    }

    /// Deletes need room in the outbox; expired bindings can wait for it.
    fn is_clogged(&self) -> bool {
        self.config.mode == DbMode::WriteThrough && !self.outbox.has_room()
    }

    /// Sweeps one bucket; returns how many bindings it looked at.
    fn expire_bucket(&self, index: usize, now: u32, events: &mut Vec<Event>) -> usize {
        let mut effects = Effects::default();
        let mut guard = self.table.lock(index);
        if guard.meta.next_expiry > now {
            return 0;
        }
        let Bucket { records, meta } = &mut *guard;
        meta.next_expiry = u32::MAX;
        let mut turn = Turn { domain: self, meta, effects: &mut effects };
        let mut looked = 0;
        records.retain(|record| {
            looked += record.contacts().len();
            turn.expire_record(record, now);
            !record.is_unused()
        });
        give_back(records);
        if !effects.changes.is_empty() {
            self.outbox.push(0, std::mem::take(&mut effects.changes));
        }
        drop(guard);
        effects.count(self);
        events.append(&mut effects.events);
        looked
    }
}

/// Lets go of the memory of a table that has become almost empty.
fn give_back(records: &mut HashTable<Box<Record>>) {
    if records.capacity() > 64 && records.len() < records.capacity() / 8 {
        let room = records.len() * 2;
        records.shrink_to(room, |r| r.hash);
    }
}

impl Turn<'_> {
    fn expire_record(&mut self, record: &mut Record, now: u32) {
        let before = record.contacts().len();
        self.expire_contacts(record, now);
        for contact in record.contacts() {
            self.expires_at(contact.expires());
        }
        self.effects.count_record(before, record.contacts().len());
    }

    /// Removes what has expired. One whose change is on its way is looked at again once that is
    /// settled.
    pub(super) fn expire_contacts(&mut self, record: &mut Record, now: u32) {
        for place in (0..record.contacts().len()).rev() {
            let Some(contact) = record.contacts().get(place) else { continue };
            if !contact.is_live(now) && !record.is_held(contact.ruid()) {
                self.remove(record, place, EventKind::Expired);
            }
        }
    }
}
