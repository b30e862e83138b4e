//! One named lock, and the guard that all locks give.

use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::time::Duration;

use super::holder::{Class, Holder};
use super::sync::{Mutex, MutexGuard};
#[cfg(debug_assertions)]
use super::thread;
use super::{LockReport, Locks, Rank};

/// Call sites told apart by a single lock.
const SITES: usize = 16;

/// A mutex that knows its name, rank and holder. Never poisoned: a panic under the guard releases
/// it, and the value is as the panic left it.
#[derive(Debug)]
pub struct Lock<T> {
    class: Class,
    cell: Cell<T>,
}

impl<T> Lock<T> {
    /// A free lock around `value`.
    #[must_use]
    pub fn new(name: &'static str, rank: Rank, value: T) -> Self {
        Self { class: Class::new(name, rank, SITES), cell: Cell::new(value, 0) }
    }

    /// Takes the lock, waiting for as long as it takes. Panics in debug builds when this thread
    /// holds a lock of the same or a higher rank.
    #[track_caller]
    #[inline]
    pub fn lock(&self) -> LockGuard<'_, T> {
        self.cell.lock(&self.class, None, Location::caller())
    }

    /// Takes the lock if it is free. Never waits, so it may be tried in any order.
    #[track_caller]
    #[inline]
    pub fn try_lock(&self) -> Option<LockGuard<'_, T>> {
        self.cell.try_lock(&self.class, Location::caller())
    }

    /// Takes the lock, waiting at most `timeout`; `None` when it was not free in time. The same
    /// order is asserted as for [`lock`](Self::lock).
    #[track_caller]
    pub fn lock_for(&self, timeout: Duration) -> Option<LockGuard<'_, T>> {
        self.cell.lock_for(&self.class, timeout, Location::caller())
    }

    /// The value, when nobody else can hold the lock.
    pub fn get_mut(&mut self) -> &mut T {
        self.cell.mutex.get_mut()
    }

    /// The value itself.
    pub fn into_inner(self) -> T {
        self.cell.mutex.into_inner()
    }

    /// Its state, read without taking it.
    #[must_use]
    pub fn report(&self) -> LockReport {
        self.class.report(std::iter::once(&self.cell.holder))
    }
}

impl<T: Send> Locks for Lock<T> {
    fn report_locks(&self, into: &mut Vec<LockReport>) {
        into.push(self.report());
    }
}

/// A mutex with its holder's record: the whole of a [`Lock`] but its class, and one bucket of a
/// [`LockSet`](super::LockSet).
#[derive(Debug)]
pub(super) struct Cell<T> {
    pub(super) holder: Holder,
    pub(super) mutex: Mutex<T>,
}

impl<T> Cell<T> {
    /// `index`: which bucket of its set it is.
    pub(super) fn new(value: T, index: usize) -> Self {
        Self { holder: Holder::new(index), mutex: Mutex::new(value) }
    }

    /// `pair_with`: the guard of the same set that this thread may hold.
    #[track_caller]
    #[inline]
    pub(super) fn lock<'a>(
        &'a self,
        class: &Class,
        pair_with: Option<&LockGuard<'a, T>>,
        site: &'static Location<'static>,
    ) -> LockGuard<'a, T> {
        #[cfg(debug_assertions)]
        thread::check(class.name, class.rank, pair_with.map(|g| g.holder.key()));
        #[cfg(not(debug_assertions))]
        let _ = pair_with;
        match self.mutex.try_lock() {
            Some(guard) => self.guard(class, guard, site),
            None => self.wait(class, site),
        }
    }

    #[cold]
    #[inline(never)]
    fn wait(&self, class: &Class, site: &'static Location<'static>) -> LockGuard<'_, T> {
        class.count_contention();
        self.guard(class, self.mutex.lock(), site)
    }

    #[inline]
    pub(super) fn try_lock<'a>(
        &'a self,
        class: &Class,
        site: &'static Location<'static>,
    ) -> Option<LockGuard<'a, T>> {
        match self.mutex.try_lock() {
            Some(guard) => Some(self.guard(class, guard, site)),
            None => {
                class.count_contention();
                None
            }
        }
    }

    #[track_caller]
    pub(super) fn lock_for<'a>(
        &'a self,
        class: &Class,
        timeout: Duration,
        site: &'static Location<'static>,
    ) -> Option<LockGuard<'a, T>> {
        #[cfg(debug_assertions)]
        thread::check(class.name, class.rank, None);
        let guard = match self.mutex.try_lock() {
            Some(guard) => guard,
            None => {
                class.count_contention();
                self.mutex.try_lock_for(timeout)?
            }
        };
        Some(self.guard(class, guard, site))
    }

    #[inline]
    fn guard<'a>(
        &'a self,
        class: &Class,
        guard: MutexGuard<'a, T>,
        site: &'static Location<'static>,
    ) -> LockGuard<'a, T> {
        if self.holder.set_known(class, site) {
            return LockGuard { holder: &self.holder, guard };
        }
        self.first_guard(class, guard, site)
    }

    /// What is seldom: the way that is not inlined.
    #[cold]
    #[inline(never)]
    fn first_guard<'a>(
        &'a self,
        class: &Class,
        guard: MutexGuard<'a, T>,
        site: &'static Location<'static>,
    ) -> LockGuard<'a, T> {
        self.holder.set(class, site);
        LockGuard { holder: &self.holder, guard }
    }
}

/// The right to the value behind a lock; released when dropped. It stays on its thread. Nothing
/// foreign (script, callback, database, log sink, send) is called while one is held.
#[must_use = "a lock is released when its guard is dropped"]
pub struct LockGuard<'a, T> {
    // Cleared in `drop`, before the mutex is released.
    holder: &'a Holder,
    guard: MutexGuard<'a, T>,
}

impl<T> Drop for LockGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.holder.clear();
    }
}

impl<T> Deref for LockGuard<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> DerefMut for LockGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}

impl<T: std::fmt::Debug> std::fmt::Debug for LockGuard<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        (**self).fmt(f)
    }
}
