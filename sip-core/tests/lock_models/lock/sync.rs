//! Loom's parts in the shape of those that the locks are made of.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

/// The same bucket in every run of a model.
pub(super) type HashBuilder = std::hash::BuildHasherDefault<std::hash::DefaultHasher>;

pub(super) use loom::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

/// A mutex with parking_lot's face.
#[derive(Debug, Default)]
pub(super) struct Mutex<T>(loom::sync::Mutex<T>);

pub(super) struct MutexGuard<'a, T>(Option<loom::sync::MutexGuard<'a, T>>);

impl<T> Mutex<T> {
    pub(super) fn new(value: T) -> Self {
        Self(loom::sync::Mutex::new(value))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, T> {
        MutexGuard(Some(self.0.lock().expect("loom's are not poisoned")))
    }

    pub(super) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.0.try_lock().ok().map(|guard| MutexGuard(Some(guard)))
    }

    /// The time is up at once, which is one of the things that may happen.
    pub(super) fn try_lock_for(&self, _: Duration) -> Option<MutexGuard<'_, T>> {
        self.try_lock()
    }

    pub(super) fn get_mut(&mut self) -> &mut T {
        self.0.get_mut().expect("loom's are not poisoned")
    }

    pub(super) fn into_inner(self) -> T {
        self.0.into_inner().expect("loom's are not poisoned")
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        self.0.as_ref().expect("it is not waiting")
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.as_mut().expect("it is not waiting")
    }
}

/// A condition with parking_lot's face.
#[derive(Debug, Default)]
pub(super) struct Condvar(loom::sync::Condvar);

/// Whether a wait ended because the time was up.
pub(super) struct Waited(bool);

impl Waited {
    pub(super) const fn timed_out(&self) -> bool {
        self.0
    }
}

impl Condvar {
    pub(super) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        let inner = guard.0.take().expect("it is not waiting");
        guard.0 = Some(self.0.wait(inner).expect("loom's are not poisoned"));
    }

    /// The time is up at once, which is one of the things that may happen.
    pub(super) fn wait_for<T>(&self, _: &mut MutexGuard<'_, T>, _: Duration) -> Waited {
        Waited(true)
    }

    pub(super) fn wait_while_for<T>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        condition: impl Fn(&mut T) -> bool,
        _: Duration,
    ) -> Waited {
        Waited(condition(&mut **guard))
    }

    pub(super) fn notify_one(&self) {
        self.0.notify_one();
    }
}

/// A cell that is set once: as the standard library's, a thread sees the value or nothing.
#[derive(Debug)]
pub(super) struct OnceLock<T>(loom::sync::Mutex<Option<T>>);

impl<T> Default for OnceLock<T> {
    fn default() -> Self {
        Self(loom::sync::Mutex::new(None))
    }
}

/// What the cell holds.
pub(super) struct Got<T>(T);

impl<T> Deref for Got<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Copy> OnceLock<T> {
    pub(super) fn get(&self) -> Option<Got<T>> {
        self.0.lock().expect("loom's are not poisoned").map(Got)
    }

    pub(super) fn get_or_init(&self, init: impl FnOnce() -> T) -> Got<T> {
        let mut cell = self.0.lock().expect("loom's are not poisoned");
        Got(*cell.get_or_insert_with(init))
    }
}

/// A thread-local of loom's threads.
macro_rules! per_thread {
    ($(static $name:ident: $type:ty = $init:expr;)+) => {
        loom::thread_local! { $(static $name: $type = $init;)+ }
    };
}
pub(super) use per_thread;
