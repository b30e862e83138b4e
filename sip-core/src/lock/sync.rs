//! What the locks are made of, in one place: `tests/loom` puts models in its stead, so that the
//! bookkeeping itself, and not a copy of it, runs through every order of two threads.

pub(super) use std::sync::OnceLock;
pub(super) use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

pub(super) use hashbrown::DefaultHashBuilder as HashBuilder;
pub(super) use parking_lot::{Condvar, Mutex, MutexGuard};

/// A thread-local that is used in the same way whatever it is made of.
macro_rules! per_thread {
    ($(static $name:ident: $type:ty = $init:expr;)+) => {
        std::thread_local! { $(static $name: $type = const { $init };)+ }
    };
}
pub(super) use per_thread;
