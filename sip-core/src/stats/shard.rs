//! The memory that is counted in.

use std::sync::atomic::{AtomicU64, Ordering};

use super::CounterId;

/// The counters of one worker. Only that worker's thread counts in it; anyone may read. A second
/// writer would lose counts (and nothing worse): other threads have [`SharedShard`].
#[derive(Debug)]
pub struct Shard(Counters);

/// The counters of everyone who is no worker: slower, any number of writers.
#[derive(Debug)]
pub struct SharedShard(Counters);

impl Shard {
    pub(super) fn new(counters: u32) -> Self {
        Self(Counters::new(counters))
    }

    /// Counts one.
    #[inline]
    pub fn inc(&self, id: CounterId) {
        self.add(id, 1);
    }

    /// Counts `n`. An id of another engine's statistics counts nowhere or elsewhere.
    #[inline]
    pub fn add(&self, id: CounterId, n: u64) {
        if let Some(c) = self.0.counter(id) {
            c.store(c.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
        }
    }

    pub(super) fn load(&self, id: CounterId) -> u64 {
        self.0.load(id)
    }
}

impl SharedShard {
    pub(super) fn new(counters: u32) -> Self {
        Self(Counters::new(counters))
    }

    /// Counts one.
    pub fn inc(&self, id: CounterId) {
        self.add(id, 1);
    }

    /// Counts `n`.
    pub fn add(&self, id: CounterId, n: u64) {
        if let Some(c) = self.0.counter(id) {
            c.fetch_add(n, Ordering::Relaxed);
        }
    }

    pub(super) fn load(&self, id: CounterId) -> u64 {
        self.0.load(id)
    }
}

/// Counters on cache lines that belong to nothing else.
#[derive(Debug)]
struct Counters(Box<[Line]>);

#[derive(Debug, Default)]
#[repr(align(64))]
struct Line([AtomicU64; LINE]);

const LINE: usize = 8;

impl Counters {
    fn new(counters: u32) -> Self {
        let lines = (counters as usize).div_ceil(LINE);
        Self((0..lines).map(|_| Line::default()).collect())
    }

    #[inline]
    fn counter(&self, id: CounterId) -> Option<&AtomicU64> {
        let i = id.0 as usize;
        self.0.get(i / LINE).map(|line| &line.0[i % LINE])
    }

    fn load(&self, id: CounterId) -> u64 {
        self.counter(id).map_or(0, |c| c.load(Ordering::Relaxed))
    }
}
