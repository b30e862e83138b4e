//! The holder's record beside each mutex, the call sites of a lock, and the report made of both.

use std::panic::Location;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::{Rank, thread};
use crate::time::Instant;

/// What is shared by all buckets of a lock: its name, rank, call sites and contention.
#[derive(Debug)]
pub(super) struct Class {
    pub(super) name: &'static str,
    pub(super) rank: Rank,
    contended: AtomicU64,
    /// An open-addressed table from call site to slot, filled once and never emptied, so that a
    /// holder can be recorded as a small number.
    sites: Box<[OnceLock<&'static Location<'static>>]>,
}

impl Class {
    /// `sites` is how many call sites are told apart, a power of two; later ones are reported as
    /// unknown.
    pub(super) fn new(name: &'static str, rank: Rank, sites: usize) -> Self {
        let sites = (0..sites.next_power_of_two()).map(|_| OnceLock::new()).collect();
        Self { name, rank, contended: AtomicU64::new(0), sites }
    }

    #[cold]
    pub(super) fn count_contention(&self) {
        self.contended.fetch_add(1, Ordering::Relaxed);
    }

    /// The slot of `site` plus one, 0 when the table is full.
    #[inline]
    fn site_number(&self, site: &'static Location<'static>) -> u32 {
        let mask = self.sites.len() - 1;
        let address = std::ptr::from_ref(site).addr();
        let mut slot = (address >> 3) & mask;
        for _ in 0..self.sites.len() {
            let Some(cell) = self.sites.get(slot) else { break };
            let known = match cell.get() {
                Some(known) => *known,
                None => *cell.get_or_init(|| site),
            };
            if std::ptr::eq(known, site) {
                return slot as u32 + 1;
            }
            slot = (slot + 1) & mask;
        }
        0
    }

    fn site(&self, number: u32) -> Option<&'static Location<'static>> {
        let slot = usize::try_from(number.checked_sub(1)?).ok()?;
        self.sites.get(slot)?.get().copied()
    }

    pub(super) fn report<'a>(&self, holders: impl Iterator<Item = &'a Holder>) -> LockReport {
        let mut buckets = 0;
        let mut held = Vec::new();
        for (index, holder) in holders.enumerate() {
            buckets += 1;
            held.extend(holder.read(self, index));
        }
        LockReport {
            name: self.name,
            rank: self.rank,
            buckets,
            contended: self.contended.load(Ordering::Relaxed),
            held,
        }
    }
}

/// Who holds a mutex. Written by the holder only, read by anyone at any time: what is read while
/// the lock changes hands may mix two holders, which is good enough for a report.
#[derive(Debug, Default)]
pub(super) struct Holder {
    /// The thread's number, 0 when free.
    thread: AtomicU32,
    /// The call site's number in the class.
    site: AtomicU32,
    /// The holder's turn time in nanoseconds.
    since: AtomicU64,
}

impl Holder {
    #[inline]
    pub(super) fn set(&self, class: &Class, site: &'static Location<'static>) {
        self.since.store(thread::turn(), Ordering::Relaxed);
        self.site.store(class.site_number(site), Ordering::Relaxed);
        self.thread.store(thread::thread_number(), Ordering::Relaxed);
        #[cfg(debug_assertions)]
        thread::push(class.name, class.rank, self.key(), site);
    }

    #[inline]
    pub(super) fn clear(&self) {
        self.thread.store(0, Ordering::Relaxed);
        #[cfg(debug_assertions)]
        thread::pop(self.key());
    }

    /// Tells this lock from every other one that exists.
    #[cfg(debug_assertions)]
    pub(super) fn key(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    fn read(&self, class: &Class, index: usize) -> Option<HeldLock> {
        let thread = self.thread.load(Ordering::Relaxed);
        (thread != 0).then(|| HeldLock {
            name: class.name,
            rank: class.rank,
            index,
            thread,
            site: class.site(self.site.load(Ordering::Relaxed)),
            since: Instant::from_nanos(self.since.load(Ordering::Relaxed)),
        })
    }
}

/// One lock that is held at the moment of asking.
#[derive(Clone, Debug)]
pub struct HeldLock {
    /// The lock's name.
    pub name: &'static str,
    /// Its rank.
    pub rank: Rank,
    /// The bucket, 0 for a single lock.
    pub index: usize,
    /// The holder, as [`thread_number`](super::thread_number) numbers it.
    pub thread: u32,
    /// Where it was taken; `None` when the lock has more call sites than it tells apart (16 for a
    /// [`Lock`](super::Lock), 64 for a [`LockSet`](super::LockSet)).
    pub site: Option<&'static Location<'static>>,
    /// The holder's last [`set_turn`](super::set_turn) before it took the lock.
    pub since: Instant,
}

/// The state of one lock or lock set, read without taking it.
#[derive(Clone, Debug)]
pub struct LockReport {
    /// Its name.
    pub name: &'static str,
    /// Its rank.
    pub rank: Rank,
    /// How many mutexes it is made of.
    pub buckets: usize,
    /// How often a thread found it taken and had to wait or give up, since it was made.
    pub contended: u64,
    /// The mutexes that are held right now.
    pub held: Vec<HeldLock>,
}

impl LockReport {
    /// Those held for longer than `limit` at `now`: what a watchdog asks.
    pub fn stuck(
        &self,
        now: Instant,
        limit: std::time::Duration,
    ) -> impl Iterator<Item = &HeldLock> {
        self.held.iter().filter(move |h| now.saturating_since(h.since) > limit)
    }
}

/// What has locks to report: implemented by the locks, and by tables for the locks inside them.
pub trait Locks: Send + Sync {
    /// Appends the state of every lock in `self`, without taking any.
    fn report_locks(&self, into: &mut Vec<LockReport>);
}
