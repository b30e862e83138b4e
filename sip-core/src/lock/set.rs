//! A table's locks: one name, many buckets.

use std::panic::Location;
use std::time::Duration;

use super::holder::Class;
use super::single::Cell;
use super::{LockGuard, LockReport, Locks, Rank};
use crate::near::bring_near;

/// Call sites told apart by a set.
const SITES: usize = 64;

/// A power of two of mutexes under one name and rank, each around its own `T` and on its own
/// cache lines: the buckets of a table.
#[derive(Debug)]
pub struct LockSet<T> {
    class: Class,
    buckets: Box<[Bucket<T>]>,
    mask: usize,
}

/// Aligned so that two workers on neighbouring buckets do not share a cache line.
#[derive(Debug)]
#[repr(align(64))]
struct Bucket<T>(Cell<T>);

/// Two buckets of one set: the first belongs to the first index asked for, the second is `None`
/// when both indexes are the same bucket.
pub type BucketPair<'a, T> = (LockGuard<'a, T>, Option<LockGuard<'a, T>>);

impl<T> LockSet<T> {
    /// `buckets` mutexes, rounded up to a power of two (at least 1), each around what `value`
    /// makes.
    #[must_use]
    pub fn new(
        name: &'static str,
        rank: Rank,
        buckets: usize,
        mut value: impl FnMut() -> T,
    ) -> Self {
        let n = buckets.max(1).next_power_of_two();
        Self {
            class: Class::new(name, rank, SITES),
            buckets: (0..n).map(|i| Bucket(Cell::new(value(), i))).collect(),
            mask: n - 1,
        }
    }

    /// How many buckets there are.
    #[must_use]
    pub fn buckets(&self) -> usize {
        self.buckets.len()
    }

    /// The bucket of a hash. Both halves of the hash count, so a hash may be weak in either.
    #[must_use]
    #[inline]
    pub fn index_of(&self, hash: u64) -> usize {
        (hash ^ (hash >> 32)) as usize & self.mask
    }

    /// Takes the bucket of `hash`, waiting for as long as it takes. Panics in debug builds when
    /// this thread holds a lock of the same or a higher rank.
    #[track_caller]
    #[inline]
    pub fn lock_by_hash(&self, hash: u64) -> LockGuard<'_, T> {
        self.lock(self.index_of(hash))
    }

    /// Takes bucket `index` (wrapping round at [`buckets`](Self::buckets)), as
    /// [`lock_by_hash`](Self::lock_by_hash) does. Walking a table takes one bucket after another.
    #[track_caller]
    #[inline]
    pub fn lock(&self, index: usize) -> LockGuard<'_, T> {
        self.cell(index).lock(&self.class, None, Location::caller())
    }

    /// Takes bucket `index` if it is free. Never waits, so it may be tried in any order.
    #[track_caller]
    #[inline]
    pub fn try_lock(&self, index: usize) -> Option<LockGuard<'_, T>> {
        self.cell(index).try_lock(&self.class, Location::caller())
    }

    /// Takes bucket `index`, waiting at most `timeout`.
    #[track_caller]
    pub fn lock_for(&self, index: usize, timeout: Duration) -> Option<LockGuard<'_, T>> {
        self.cell(index).lock_for(&self.class, timeout, Location::caller())
    }

    /// Takes the buckets `a` and `b`, the lower index first, so that two threads asking for the
    /// same two cannot block each other.
    #[track_caller]
    pub fn pair(&self, a: usize, b: usize) -> BucketPair<'_, T> {
        let site = Location::caller();
        let (a, b) = (a & self.mask, b & self.mask);
        if a == b {
            return (self.cell(a).lock(&self.class, None, site), None);
        }
        let low = self.cell(a.min(b)).lock(&self.class, None, site);
        let high = self.cell(a.max(b)).lock(&self.class, Some(&low), site);
        if a < b { (low, Some(high)) } else { (high, Some(low)) }
    }

    /// Brings the bucket of `hash` near, for who is going to take it a little later.
    #[inline]
    pub fn bring_near(&self, hash: u64) {
        let cell = self.cell(self.index_of(hash));
        bring_near(&cell.holder);
        bring_near(&cell.mutex);
    }

    /// The value of bucket `index`, when nobody else can hold the set.
    pub fn get_mut(&mut self, index: usize) -> &mut T {
        let i = index & self.mask;
        self.buckets[i].0.mutex.get_mut()
    }

    /// The state of all its buckets, read without taking any.
    #[must_use]
    pub fn report(&self) -> LockReport {
        self.class.report(self.buckets.iter().map(|b| &b.0.holder))
    }

    #[inline]
    fn cell(&self, index: usize) -> &Cell<T> {
        // The mask keeps the index below the length, a power of two.
        &self.buckets[index & self.mask].0
    }
}

impl<T: Send> Locks for LockSet<T> {
    fn report_locks(&self, into: &mut Vec<LockReport>) {
        into.push(self.report());
    }
}
