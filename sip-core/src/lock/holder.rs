//! The holder's record beside each mutex, and what the mutexes of one lock share.

use std::borrow::Cow;
use std::panic::Location;
use std::sync::Arc;

use super::report::Holds;
use super::sync::{AtomicU32, AtomicU64, AtomicUsize, OnceLock, Ordering};
use super::{HeldLock, LockReport, Rank, Site, thread};
use crate::time::Instant;

/// What is shared by all buckets of a lock: its name, rank, call sites, contention and hold times.
#[derive(Debug)]
pub(super) struct Class {
    pub(super) name: &'static str,
    pub(super) rank: Rank,
    contended: AtomicU64,
    holds: Arc<Holds>,
    /// An open-addressed table from call site to slot, filled once and never emptied, so that a
    /// holder can be recorded as a small number.
    sites: Box<[SiteSlot]>,
}

#[derive(Debug, Default)]
struct SiteSlot {
    /// The address of `site`, set after it: one load tells a known site. 0: the slot is free.
    address: AtomicUsize,
    site: OnceLock<&'static Location<'static>>,
}

/// Call sites that a record has room for.
const MOST_SITES: usize = 64;

impl Class {
    /// `sites` is how many call sites are told apart, up to 64; later ones are reported as
    /// unknown.
    pub(super) fn new(name: &'static str, rank: Rank, sites: usize) -> Self {
        let sites = sites.clamp(1, MOST_SITES).next_power_of_two();
        Self {
            name,
            rank,
            contended: AtomicU64::new(0),
            holds: Arc::default(),
            sites: (0..sites).map(|_| SiteSlot::default()).collect(),
        }
    }

    pub(super) fn count_contention(&self) {
        self.contended.fetch_add(1, Ordering::Relaxed);
    }

    /// Where the search for `site` begins.
    #[inline]
    fn first_slot(&self, site: &'static Location<'static>) -> usize {
        (std::ptr::from_ref(site).addr() >> 3) & (self.sites.len() - 1)
    }

    /// The slot of `site` plus one if that is the first that is looked at, else 0.
    #[inline]
    fn known_site(&self, site: &'static Location<'static>) -> u32 {
        let first = self.first_slot(site);
        let address = std::ptr::from_ref(site).addr();
        match self.sites.get(first) {
            Some(slot) if slot.address.load(Ordering::Relaxed) == address => first as u32 + 1,
            _ => 0,
        }
    }

    /// The slot of `site` plus one, 0 when the table is full.
    fn find_site(&self, site: &'static Location<'static>) -> u32 {
        let (first, mask) = (self.first_slot(site), self.sites.len() - 1);
        let address = std::ptr::from_ref(site).addr();
        for step in 0..self.sites.len() {
            let at = (first + step) & mask;
            let Some(slot) = self.sites.get(at) else { break };
            if std::ptr::eq(*slot.site.get_or_init(|| site), site) {
                slot.address.store(address, Ordering::Relaxed);
                return at as u32 + 1;
            }
        }
        0
    }

    #[allow(clippy::explicit_auto_deref, reason = "what the models' cell gives is no reference")]
    fn site(&self, number: u32) -> Option<Site> {
        let at = usize::try_from(number.checked_sub(1)?).ok()?;
        self.sites.get(at)?.site.get().map(|site| Site::Rust(*site))
    }

    pub(super) fn report<'a>(&self, holders: impl Iterator<Item = &'a Holder>) -> LockReport {
        let mut buckets = 0;
        let mut held = Vec::new();
        for (index, holder) in holders.enumerate() {
            buckets += 1;
            held.extend(holder.read(self, index));
        }
        LockReport {
            name: Cow::Borrowed(self.name),
            rank: self.rank,
            buckets,
            contended: self.contended.load(Ordering::Relaxed),
            hold: self.holds.read(),
            held,
        }
    }
}

/// Who holds a mutex. Written by the holder only, read by anyone at any time.
#[derive(Debug)]
pub(super) struct Holder {
    /// The thread's number, 0 when free.
    thread: AtomicU32,
    /// The call site's number in the class (bits 0 to 6), whether this taking is measured (bit 7),
    /// and how often the mutex was taken (the rest, wrapping round).
    tag: AtomicU32,
    /// The holder's turn time in nanoseconds.
    since: AtomicU64,
}

const SITE: u32 = 0x7f;
const MEASURED: u32 = 0x80;
const COUNT: u32 = !0xff;
const ONE: u32 = 0x100;
/// One taking in 64 is measured: the one whose count ends in these zeros.
const SAMPLE: u32 = 63 * ONE;

impl Holder {
    /// A free mutex. `index` sets the buckets of a lock apart, so that they are not all measured
    /// at their 64th taking.
    pub(super) fn new(index: usize) -> Self {
        let count = (index as u32 & 63) * ONE;
        Self { thread: AtomicU32::new(0), tag: AtomicU32::new(count), since: AtomicU64::new(0) }
    }

    /// Notes the calling thread as the holder, in the usual case; false, with nothing done, when
    /// the thread or the call site is new to it or the taking is to be measured.
    #[inline]
    pub(super) fn set_known(&self, class: &Class, site: &'static Location<'static>) -> bool {
        let (number, turn) = thread::me();
        let count = self.next_count();
        let known = class.known_site(site);
        if number == 0 || known == 0 || count & SAMPLE == 0 {
            return false;
        }
        self.store(count | known, turn, number);
        #[cfg(debug_assertions)]
        thread::push(class.name, class.rank, self.key(), site);
        true
    }

    /// Notes the calling thread as the holder.
    pub(super) fn set(&self, class: &Class, site: &'static Location<'static>) {
        let (number, turn) = thread::numbered();
        let count = self.next_count();
        self.store(count | class.find_site(site), turn, number);
        if count & SAMPLE == 0 && thread::begin_sample(self.key(), &class.holds) {
            self.tag.fetch_or(MEASURED, Ordering::Relaxed);
        }
        #[cfg(debug_assertions)]
        thread::push(class.name, class.rank, self.key(), site);
    }

    #[inline]
    fn next_count(&self) -> u32 {
        (self.tag.load(Ordering::Relaxed) & COUNT).wrapping_add(ONE)
    }

    /// In this order, and read in the reverse one: who reads the same tag before and after the rest
    /// has read what belongs to it.
    #[inline]
    fn store(&self, tag: u32, turn: u64, number: u32) {
        self.tag.store(tag, Ordering::Relaxed);
        self.since.store(turn, Ordering::Release);
        self.thread.store(number, Ordering::Release);
    }

    #[inline]
    pub(super) fn clear(&self) {
        if self.tag.load(Ordering::Relaxed) & MEASURED != 0 {
            self.end_sample();
        }
        self.thread.store(0, Ordering::Release);
        #[cfg(debug_assertions)]
        thread::pop(self.key());
    }

    #[cold]
    #[inline(never)]
    fn end_sample(&self) {
        thread::end_sample(self.key());
        self.tag.fetch_and(!MEASURED, Ordering::Relaxed);
    }

    /// Tells this lock from every other one that exists.
    pub(super) fn key(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    fn read(&self, class: &Class, index: usize) -> Option<HeldLock> {
        for _ in 0..READS {
            let thread = self.thread.load(Ordering::Acquire);
            if thread == 0 {
                return None;
            }
            let tag = self.tag.load(Ordering::Acquire) & !MEASURED;
            let since = self.since.load(Ordering::Acquire);
            let again = (self.thread.load(Ordering::Acquire), self.tag.load(Ordering::Acquire));
            if (thread, tag) == (again.0, again.1 & !MEASURED) {
                return Some(HeldLock {
                    index,
                    thread,
                    site: class.site(tag & SITE),
                    since: Instant::from_nanos(since),
                    taken: tag / ONE,
                });
            }
        }
        None
    }
}

/// How often a record that changes while it is read is read again; a lock that changes hands as
/// fast as that is not stuck.
const READS: usize = 4;
