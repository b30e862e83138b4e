//! What is known of a lock without taking it: the report of one lock or set.

use std::borrow::Cow;
use std::fmt;
use std::panic::Location;
use std::time::Duration;

use super::Rank;
use super::sync::{AtomicU64, Ordering};
use crate::time::Instant;

/// A place in a program's source.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Site {
    /// In Rust.
    Rust(&'static Location<'static>),
    /// In another language, as `file:line`.
    Text(&'static str),
}

impl Site {
    /// The place that called the function which calls this, both with `#[track_caller]`.
    #[must_use]
    #[track_caller]
    pub const fn here() -> Self {
        Self::Rust(Location::caller())
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rust(site) => write!(f, "{}:{}", site.file(), site.line()),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// One lock that is held at the moment of asking.
#[derive(Clone, Debug)]
pub struct HeldLock {
    /// The bucket, 0 for a single lock.
    pub index: usize,
    /// The holder, as [`thread_number`](super::thread_number) numbers it.
    pub thread: u32,
    /// Where it was taken; `None` when the lock has more call sites than it tells apart (16 for a
    /// [`Lock`](super::Lock), 64 for a [`LockSet`](super::LockSet)).
    pub site: Option<Site>,
    /// The holder's last [`set_turn`](super::set_turn) before it took the lock;
    /// [`Instant::ZERO`] when it had none.
    pub since: Instant,
    /// How often the bucket was taken before, in 24 bits: tells this taking from the next one.
    pub taken: u32,
}

/// How long a lock is held, measured on one taking in 64 on threads that have a clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct HoldTimes {
    /// How many were measured.
    pub samples: u64,
    /// All of them together.
    pub total: Duration,
    /// The longest.
    pub longest: Duration,
}

impl HoldTimes {
    /// The average; zero without samples.
    #[must_use]
    pub fn mean(&self) -> Duration {
        u32::try_from(self.samples).ok().and_then(|n| self.total.checked_div(n)).unwrap_or_default()
    }
}

/// Adds up hold times; written by holders, read by anyone.
#[derive(Debug, Default)]
pub(super) struct Holds {
    samples: AtomicU64,
    total: AtomicU64,
    longest: AtomicU64,
}

impl Holds {
    pub(super) fn add(&self, held: Duration) {
        let ns = u64::try_from(held.as_nanos()).unwrap_or(u64::MAX);
        self.samples.fetch_add(1, Ordering::Relaxed);
        self.total.fetch_add(ns, Ordering::Relaxed);
        self.longest.fetch_max(ns, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> HoldTimes {
        HoldTimes {
            samples: self.samples.load(Ordering::Relaxed),
            total: Duration::from_nanos(self.total.load(Ordering::Relaxed)),
            longest: Duration::from_nanos(self.longest.load(Ordering::Relaxed)),
        }
    }
}

/// The state of one lock or lock set, read without taking it.
#[derive(Clone, Debug)]
pub struct LockReport {
    /// Its name.
    pub name: Cow<'static, str>,
    /// Its rank.
    pub rank: Rank,
    /// How many mutexes it is made of.
    pub buckets: usize,
    /// How often a thread found it taken and had to wait or give up, since it was made.
    pub contended: u64,
    /// How long it is held.
    pub hold: HoldTimes,
    /// The mutexes that are held right now.
    pub held: Vec<HeldLock>,
}

impl LockReport {
    /// Those held for longer than `limit` at `now`, as far as their holders' turns tell.
    pub fn stuck(&self, now: Instant, limit: Duration) -> impl Iterator<Item = &HeldLock> {
        self.held.iter().filter(move |h| now.saturating_since(h.since) > limit)
    }
}

/// What has locks to report: implemented by the locks, and by tables for the locks inside them.
pub trait Locks: Send + Sync {
    /// Appends the state of every lock in `self`. Takes none of them, so that it answers whatever
    /// is stuck.
    fn report_locks(&self, into: &mut Vec<LockReport>);
}
