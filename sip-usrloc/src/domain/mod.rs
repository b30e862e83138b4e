//! A location table: addresses-of-record and their bindings, shared by all workers.
//!
//! ```text
//!   Domain ── LockSet (rank LOCATION) ── Bucket ── HashTable<Record> ── Contact, Contact…
//!     │                                    └ Meta: versions, earliest expiry, rows to delete
//!     └ Outbox: under write-through, the changes on their way to the database, in order
//! ```
//!
//! One bucket guard is held per call, nothing foreign runs under it, and whatever a call leads to
//! (events, rows to write) comes back as values or lies in the outbox.
//!
//! **Write-through.** A change is made in memory and put into the outbox under the same guard, so
//! the database sees the changes of an address-of-record in their order. Until its commit a new
//! binding is tentative: neither looked up nor listed. [`Domain::settle`] makes the change final
//! or takes it back to what the database has, unless a later change of the same binding is on its
//! way: that one then decides. So what was answered 200 is in the database, and what was bound
//! before a failure stays bound.

mod admin;
mod expire;
mod flush;
mod save;
mod settle;
mod turn;

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use hashbrown::HashTable;
use sip_core::lock::{LockReport, LockSet, Locks, Rank};
use sip_core::rng::Rng;
use sip_core::time::{Now, WallTime};
use sip_db::Name;

use crate::contact::{Contact, State};
use crate::events::EventMask;
use crate::hash::HashKey;
use crate::params::DomainConfig;
use crate::persist::change::RowChange;
use crate::persist::outbox::Outbox;
use crate::record::Record;
use crate::ruid::Ruids;

pub use admin::{Changed, Listed, Loaded};
pub use expire::Sweep;
pub use save::{SaveKind, Saved};

/// A location table. See the module.
#[derive(Debug)]
pub struct Domain {
    name: Name,
    config: DomainConfig,
    key: HashKey,
    table: LockSet<Bucket>,
    ruids: Arc<Ruids>,
    outbox: Outbox,
    events: AtomicU8,
    counts: Counts,
}

/// The table's live numbers.
#[derive(Debug, Default)]
struct Counts {
    users: AtomicU64,
    contacts: AtomicU64,
    expired: AtomicU64,
    dropped_deletes: AtomicU64,
}

#[derive(Debug, Default)]
struct Bucket {
    /// Boxed, so that a table that has just grown does not hold twice its records' size.
    records: HashTable<Box<Record>>,
    meta: Meta,
}

/// A bucket's numbers beside its records.
#[derive(Debug)]
struct Meta {
    /// Counts changes; gives the contacts their versions.
    versions: u32,
    /// No contact expires before this, in seconds of wall time.
    next_expiry: u32,
    /// Some contact may be dirty.
    dirty: bool,
    /// Rows to delete at the next flush.
    gone: Vec<RowChange>,
}

impl Default for Meta {
    fn default() -> Self {
        Self { versions: 0, next_expiry: u32::MAX, dirty: false, gone: Vec::new() }
    }
}

impl Domain {
    /// An empty table named `name`, which is also the name of its database table. `rng` gives the
    /// key of its hash.
    #[must_use]
    pub fn new(name: Name, config: DomainConfig, ruids: Arc<Ruids>, rng: &mut dyn Rng) -> Self {
        let buckets = 1usize << config.hash_size.min(20);
        Self {
            key: HashKey::new(rng),
            table: LockSet::new("usrloc.location", Rank::LOCATION, buckets, Bucket::default),
            outbox: Outbox::new(config.queue),
            events: AtomicU8::new(0),
            counts: Counts::default(),
            name,
            config,
            ruids,
        }
    }

    /// The table's name.
    #[must_use]
    pub const fn name(&self) -> &Name {
        &self.name
    }

    /// Its parameters.
    #[must_use]
    pub const fn config(&self) -> &DomainConfig {
        &self.config
    }

    /// The changes on their way to the database; empty unless under write-through.
    #[must_use]
    pub const fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Chooses the events that calls return from now on.
    pub fn set_events(&self, mask: EventMask) {
        self.events.store(mask.0, Ordering::Relaxed);
    }

    /// The events that calls return.
    #[must_use]
    pub fn events(&self) -> EventMask {
        EventMask(self.events.load(Ordering::Relaxed))
    }

    /// Addresses-of-record with a binding (statistic `<domain>-users`).
    #[must_use]
    pub fn users(&self) -> u64 {
        self.counts.users.load(Ordering::Relaxed)
    }

    /// Bindings (statistic `<domain>-contacts`).
    #[must_use]
    pub fn contacts(&self) -> u64 {
        self.counts.contacts.load(Ordering::Relaxed)
    }

    /// Bindings that have expired since the table was made (statistic `<domain>-expires`).
    #[must_use]
    pub fn expired(&self) -> u64 {
        self.counts.expired.load(Ordering::Relaxed)
    }

    /// Rows that were to be deleted and had no room to wait for it; they expire by themselves.
    #[must_use]
    pub fn dropped_deletes(&self) -> u64 {
        self.counts.dropped_deletes.load(Ordering::Relaxed)
    }

    /// How many buckets the table has.
    #[must_use]
    pub fn buckets(&self) -> usize {
        self.table.buckets()
    }

    /// Calls `with` with the live bindings of `aor`, in order, under the bucket's guard: `with`
    /// copies out what it needs and does nothing else.
    pub(crate) fn with_contacts<R>(
        &self,
        now: Now,
        aor: &[u8],
        with: impl FnOnce(&mut dyn Iterator<Item = &Contact>) -> R,
    ) -> R {
        let hash = self.key.hash(aor);
        let now = seconds(now.wall);
        let bucket = self.table.lock_by_hash(hash);
        match bucket.records.find(hash, |r| r.is(hash, aor)) {
            Some(record) => with(&mut record.contacts().iter().filter(|c| is_visible(c, now))),
            None => with(&mut std::iter::empty()),
        }
    }

    /// The live bindings of `aor`, in order, appended to `into`; returns how many.
    pub fn lookup(&self, now: Now, aor: &[u8], into: &mut impl Extend<Contact>) -> usize {
        self.with_contacts(now, aor, |contacts| {
            let mut found = 0;
            into.extend(contacts.inspect(|_| found += 1).cloned());
            found
        })
    }

    /// Whether `aor` has a live binding.
    #[must_use]
    pub fn is_registered(&self, now: Now, aor: &[u8]) -> bool {
        self.with_contacts(now, aor, |contacts| contacts.next().is_some())
    }

    /// The bytes of memory that the table holds, by adding up what it made itself. Takes every
    /// bucket in turn.
    #[must_use]
    pub fn memory(&self) -> usize {
        (0..self.table.buckets())
            .map(|i| {
                let bucket = self.table.lock(i);
                let sizes = bucket.records.iter().map(|r| r.heap_size() + size_of::<Record>());
                let records = sizes.sum::<usize>();
                records + bucket.records.capacity() * (size_of::<Box<Record>>() + 1)
            })
            .sum()
    }
}

impl Locks for Domain {
    fn report_locks(&self, into: &mut Vec<LockReport>) {
        into.push(self.table.report());
        self.outbox.report_locks(into);
    }
}

/// Whether anybody but its own REGISTER may see it.
#[inline]
fn is_visible(contact: &Contact, now: u32) -> bool {
    contact.is_live(now) && !contact.state.has(State::TENTATIVE)
}

/// Wall time in the seconds that contacts count in; saturates in the year 2106.
#[must_use]
pub(crate) fn seconds(wall: WallTime) -> u32 {
    u32::try_from(wall.as_secs()).unwrap_or(u32::MAX - 1)
}
