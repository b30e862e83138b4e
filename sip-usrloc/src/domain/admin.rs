//! What is done to a table from the side: rows loaded at start, and the commands and calls of an
//! operator or a host (`ul.add`, `ul.rm`, `ul.rm_contact`, `ul.dump`).

use hashbrown::hash_table::Entry;
use sip_core::time::Now;

use super::expire::Sweep;
use super::turn::{Effects, Turn};
use super::{Bucket, Domain, seconds};
use crate::aor::Aor;
use crate::contact::{Contact, ContactData, State};
use crate::events::{Event, EventKind};
use crate::record::Record;

/// What became of a row that was loaded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Loaded {
    /// It is a binding now.
    Added,
    /// It has expired; it is left to the clean-up of the database.
    Expired,
    /// It names a binding that another row has named; the newer of both is kept, and the other
    /// row is deleted by the next flush if the table is written at all.
    Duplicate,
}

/// An address-of-record in a listing of a table.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The address-of-record.
    pub aor: Aor,
    /// Its bindings in order, expired ones that were not swept yet included.
    pub contacts: Vec<Contact>,
}

/// What a change from the side did.
#[derive(Debug, Default)]
pub struct Changed {
    /// How many bindings it added, changed or removed.
    pub contacts: usize,
    /// It is on its way to the database, under its token.
    pub pending: bool,
    /// What happened, as far as [`Domain::set_events`] asked for it.
    pub events: Vec<Event>,
}

impl Domain {
    /// Adds a binding that a row says. No event, and nothing to be written.
    pub fn load(&self, now: Now, aor: &[u8], data: &ContactData<'_>, ruid: &[u8]) -> Loaded {
        if data.expires <= seconds(now.wall) {
            return Loaded::Expired;
        }
        let hash = self.key.hash(aor);
        let mut contact = Contact::new(data, ruid);
        contact.state.set(State::STORED, true);
        let mut effects = Effects::default();
        let mut guard = self.table.lock_by_hash(hash);
        let Bucket { records, meta } = &mut *guard;
        let mut turn = Turn { domain: self, meta, effects: &mut effects };
        turn.expires_at(contact.expires());
        let mut entry = records
            .entry(hash, |r| r.is(hash, aor), |r| r.hash)
            .or_insert_with(|| Box::new(Record::new(hash, aor)));
        let record = entry.get_mut();
        let before = record.contacts().len();
        let loaded = turn.place_loaded(record, contact);
        turn.effects.count_record(before, record.contacts().len());
        drop(guard);
        effects.count(self);
        loaded
    }

    /// Adds a binding, or changes the one that it means, whatever Call-ID and CSeq say. `token`
    /// is settled with the commit, under write-through.
    pub fn put(&self, now: Now, aor: &[u8], data: &ContactData<'_>, token: u64) -> Changed {
        let now = seconds(now.wall);
        let data = ContactData { modified: now, ..*data };
        self.change(aor, token, true, |turn, record| {
            let matching = turn.domain.config.matching;
            turn.remove_again(record, |c| {
                let one = std::slice::from_ref(c);
                matching.find(one, data.uri, data.call_id, data.path).is_some()
            });
            match matching.find(record.contacts(), data.uri, data.call_id, data.path) {
                Some(place) => turn.update(record, place, &data, false),
                None => turn.insert(record, &data, false),
            }
            1
        })
    }

    /// Removes the bindings of `aor` for which `which` says so; it is called under the bucket's
    /// guard and only looks. `token` is settled with the commit, under write-through.
    pub fn remove(&self, aor: &[u8], token: u64, which: impl Fn(&Contact) -> bool) -> Changed {
        self.change(aor, token, false, |turn, record| {
            let mut removed = 0;
            turn.remove_again(record, &which);
            for place in (0..record.contacts().len()).rev() {
                if record.contacts().get(place).is_some_and(&which) {
                    turn.remove(record, place, EventKind::Removed);
                    removed += 1;
                }
            }
            removed
        })
    }

    /// Lists the table, from where `sweep` stands, until this call has appended `limit`
    /// addresses-of-record to `into` (or a few more, since it goes bucket by bucket) or the table
    /// is through. `true`: there is more.
    pub fn list(&self, sweep: &mut Sweep, limit: usize, into: &mut Vec<Listed>) -> bool {
        let start = into.len();
        while sweep.next < self.table.buckets() {
            if into.len() - start >= limit {
                return true;
            }
            let bucket = self.table.lock(sweep.next);
            into.extend(bucket.records.iter().filter(|r| !r.contacts().is_empty()).map(|r| {
                Listed { aor: Aor::from_slice(r.aor()), contacts: r.contacts().to_vec() }
            }));
            drop(bucket);
            sweep.next += 1;
        }
        *sweep = Sweep::new();
        false
    }

    fn change(
        &self,
        aor: &[u8],
        token: u64,
        create: bool,
        with: impl FnOnce(&mut Turn<'_>, &mut Record) -> usize,
    ) -> Changed {
        let hash = self.key.hash(aor);
        let mut effects = Effects::default();
        let mut guard = self.table.lock_by_hash(hash);
        let Bucket { records, meta } = &mut *guard;
        let mut turn = Turn { domain: self, meta, effects: &mut effects };
        let mut entry = match records.entry(hash, |r| r.is(hash, aor), |r| r.hash) {
            Entry::Occupied(entry) => entry,
            Entry::Vacant(entry) if create => entry.insert(Box::new(Record::new(hash, aor))),
            Entry::Vacant(_) => return Changed::default(),
        };
        let record = entry.get_mut();
        let before = record.contacts().len();
        let contacts = with(&mut turn, record);
        turn.effects.count_record(before, record.contacts().len());
        if record.is_unused() {
            entry.remove();
        }
        let pending = !effects.changes.is_empty();
        if pending {
            self.outbox.push(token, std::mem::take(&mut effects.changes));
        }
        drop(guard);
        effects.count(self);
        Changed { contacts, pending, events: effects.events }
    }
}

impl Turn<'_> {
    fn place_loaded(&mut self, record: &mut Record, contact: Contact) -> Loaded {
        let matching = self.domain.config.matching;
        let newest_first = self.domain.config.newest_first;
        let known =
            record.find_ruid(contact.ruid()).filter(|_| !contact.ruid().is_empty()).or_else(|| {
                let path = contact.path();
                matching.find(record.contacts(), contact.uri(), contact.call_id(), path)
            });
        let Some(place) = known else {
            record.place(contact, newest_first);
            return Loaded::Added;
        };
        let newer = |known: &Contact| known.modified() >= contact.modified();
        let loser = if record.contacts().get(place).is_some_and(newer) {
            contact
        } else {
            let Some(old) = record.take(place) else { return Loaded::Duplicate };
            record.place(contact, newest_first);
            old
        };
        // The same row read twice is not to be deleted.
        if self.domain.config.mode.writes() && record.find_ruid(loser.ruid()).is_none() {
            self.delete_later(record.aor(), &loser);
        }
        Loaded::Duplicate
    }
}
