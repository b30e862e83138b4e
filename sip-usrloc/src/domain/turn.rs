//! The three changes a binding can go through, with everything that follows from each: versions,
//! counters, events, and what the database is to be told.

use std::sync::atomic::Ordering;

use super::{Domain, Meta};
use crate::aor::Aor;
use crate::contact::{Contact, ContactData, State};
use crate::events::{Event, EventKind};
use crate::params::DbMode;
use crate::persist::change::{RowAction, RowChange};
use crate::record::Record;

/// What a call leads to, gathered under the guard.
#[derive(Default)]
pub(super) struct Effects {
    pub(super) events: Vec<Event>,
    pub(super) changes: Vec<RowChange>,
    inserted: u64,
    removed: u64,
    expired: u64,
    users: i64,
}

impl Effects {
    /// Adds up the counters; after the guard.
    pub(super) fn count(&self, domain: &Domain) {
        let counts = &domain.counts;
        if self.inserted > 0 {
            counts.contacts.fetch_add(self.inserted, Ordering::Relaxed);
        }
        if self.removed > 0 {
            counts.contacts.fetch_sub(self.removed, Ordering::Relaxed);
        }
        if self.expired > 0 {
            counts.expired.fetch_add(self.expired, Ordering::Relaxed);
        }
        match self.users {
            0 => {}
            1.. => drop(counts.users.fetch_add(self.users.unsigned_abs(), Ordering::Relaxed)),
            _ => drop(counts.users.fetch_sub(self.users.unsigned_abs(), Ordering::Relaxed)),
        }
    }

    /// Compares a record's number of bindings before and after.
    pub(super) const fn count_record(&mut self, before: usize, after: usize) {
        if after >= before {
            self.inserted += (after - before) as u64;
        } else {
            self.removed += (before - after) as u64;
        }
        self.users += (before == 0 && after > 0) as i64 - (before > 0 && after == 0) as i64;
    }
}

/// One call on a bucket.
pub(super) struct Turn<'a> {
    pub(super) domain: &'a Domain,
    pub(super) meta: &'a mut Meta,
    pub(super) effects: &'a mut Effects,
}

impl Turn<'_> {
    /// Adds a binding; `memory_only`: the database is never told of it.
    pub(super) fn insert(
        &mut self,
        record: &mut Record,
        data: &ContactData<'_>,
        memory_only: bool,
    ) {
        let mut contact = Contact::new(data, &self.domain.ruids.next());
        contact.version = self.version();
        contact.state.set(State::MEMORY_ONLY, memory_only);
        self.expires_at(contact.expires());
        match self.mode_of(&contact) {
            DbMode::WriteThrough => {
                contact.state.set(State::TENTATIVE | State::STORED, true);
                record.hold(&contact, None);
                self.change(record, &contact, RowAction::Put { full: true });
            }
            DbMode::WriteBack => {
                contact.state.set(State::DIRTY | State::DIRTY_FULL, true);
                self.meta.dirty = true;
            }
            DbMode::None | DbMode::LoadOnly => {}
        }
        self.tell(EventKind::Inserted, record, &contact);
        record.place(contact, self.domain.config.newest_first);
    }

    /// Refreshes or changes the binding at `place`.
    pub(super) fn update(
        &mut self,
        record: &mut Record,
        place: usize,
        data: &ContactData<'_>,
        memory_only: bool,
    ) {
        let version = self.version();
        self.expires_at(data.expires);
        let newest_first = self.domain.config.newest_first;
        let Some(contact) = record.contact_mut(place) else { return };
        let mode = if memory_only { DbMode::None } else { self.mode_of(contact) };
        let before = (mode == DbMode::WriteThrough).then(|| contact.clone());
        let rank = contact.rank();
        let full = contact.update(data);
        contact.version = version;
        match mode {
            DbMode::WriteThrough => {
                let now = contact.clone();
                record.hold(&now, before);
                self.change(record, &now, RowAction::Put { full });
            }
            DbMode::WriteBack => {
                contact.state.set(State::DIRTY, true);
                if full {
                    contact.state.set(State::DIRTY_FULL, true);
                }
                self.meta.dirty = true;
            }
            DbMode::None | DbMode::LoadOnly => {}
        }
        if let Some(contact) = record.contacts().get(place) {
            let moved = contact.rank() != rank;
            self.tell(EventKind::Updated, record, contact);
            if newest_first || moved {
                record.replace(place, newest_first);
            }
        }
    }

    /// Removes the binding at `place`. A commit that fails brings a removed one back, but not an
    /// expired one.
    pub(super) fn remove(&mut self, record: &mut Record, place: usize, kind: EventKind) {
        let Some(before) = record.take(place) else { return };
        let mut contact = before.clone();
        contact.version = self.version();
        match self.mode_of(&contact) {
            DbMode::WriteThrough => {
                if kind != EventKind::Expired {
                    record.hold(&contact, Some(before));
                }
                self.change(record, &contact, RowAction::Delete);
            }
            DbMode::WriteBack if contact.state.has(State::STORED) => {
                self.delete_later(record.aor(), &contact);
            }
            DbMode::WriteBack | DbMode::None | DbMode::LoadOnly => {}
        }
        if kind == EventKind::Expired {
            self.effects.expired += 1;
        }
        self.tell(kind, record, &contact);
    }

    /// Makes removals that are on their way, of bindings for which `which` says so, part of this
    /// call too: if the earlier call fails and this one does not, they stay removed.
    pub(super) fn remove_again(&mut self, record: &mut Record, which: impl Fn(&Contact) -> bool) {
        let again: Vec<Contact> = record.removals().filter(|c| which(c)).cloned().collect();
        for mut contact in again {
            contact.version = self.version();
            record.hold(&contact, None);
            self.change(record, &contact, RowAction::Delete);
        }
    }

    /// Has the row deleted by the next flush.
    pub(super) fn delete_later(&mut self, aor: &[u8], contact: &Contact) {
        if self.meta.gone.len() >= self.domain.config.unflushed_deletes {
            self.domain.counts.dropped_deletes.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.meta.gone.push(RowChange {
            aor: Aor::from_slice(aor),
            contact: contact.clone(),
            action: RowAction::Delete,
        });
    }

    fn change(&mut self, record: &Record, contact: &Contact, action: RowAction) {
        self.effects.changes.push(RowChange {
            aor: Aor::from_slice(record.aor()),
            contact: contact.clone(),
            action,
        });
    }

    fn tell(&mut self, kind: EventKind, record: &Record, contact: &Contact) {
        if self.domain.events().has(kind) {
            self.effects.events.push(Event {
                kind,
                aor: Aor::from_slice(record.aor()),
                contact: contact.clone(),
            });
        }
    }

    fn mode_of(&self, contact: &Contact) -> DbMode {
        if contact.state.has(State::MEMORY_ONLY) { DbMode::None } else { self.domain.config.mode }
    }

    const fn version(&mut self) -> u32 {
        self.meta.versions = self.meta.versions.wrapping_add(1);
        self.meta.versions
    }

    pub(super) fn expires_at(&mut self, expires: u32) {
        self.meta.next_expiry = self.meta.next_expiry.min(expires);
    }
}
