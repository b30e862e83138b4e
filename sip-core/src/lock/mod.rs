//! Locks that can be asked who holds them.
//!
//! Every lock has a name and a [`Rank`], and knows, without a clock read, which thread holds it,
//! where in the source it was taken and since which turn of that thread; how often threads met at
//! it; and, measured on one taking in 64, how long it is held. A thread takes a second lock only in
//! rising rank; two buckets of one [`LockSet`] only through [`LockSet::pair`]. Debug builds assert
//! that before they block, so a deadlock shows as a message with both call sites.
//!
//! ```text
//!   worker turn:  begin_turn(now, clock) -> lock(..) -> [holder | call site | since] -> guard dropped
//!   elsewhere:    report() reads the holders while they hold, without taking the lock
//! ```
//!
//! | | held by | a second one waits |
//! | --- | --- | --- |
//! | [`Lock`], [`LockSet`] | a guard, for short work on a table | the thread |
//! | [`HostLocks`] | a thread of the host's, from a call to another | the thread, unless it is a worker |
//! | [`KeyLocks`] | a route or a host, by a key | the route is parked, no thread |
//!
//! Uncontended, in a release build on x86-64, taking and giving up a [`Lock`] costs 17.0 ns and a
//! bucket of a [`LockSet`] 14.7 where parking_lot's bare mutex costs 13.3, samples included (`cargo
//! bench -p looseroute-benches --bench lock`, on a busy machine); in instructions 50 and 55 where
//! it has 9 (callgrind). A mutex takes 16 bytes more. A [`HostLocks`] costs 69 ns.
//!
//! The locks are parking_lot mutexes underneath, without poisoning. Kamailio's counterparts are
//! `gen_lock_t` and `gen_lock_set_t`, which know none of this.

mod holder;
mod host;
mod keys;
mod list;
mod rank;
mod report;
mod set;
mod single;
mod sync;
mod thread;

pub use host::{HostLockError, HostLocks};
pub use keys::{KeyLock, KeyLocks, KeyReport, KeyWait, KeyWaiter, Locked, Refused, WaitingKey};
pub use list::LockList;
pub use rank::Rank;
pub use report::{HeldLock, HoldTimes, LockReport, Locks, Site};
pub use set::{BucketPair, LockSet};
pub use single::{Lock, LockGuard};
pub use thread::{
    Clock, Turn, begin_turn, held_by_this_thread, on_worker, set_turn, thread_name, thread_number,
};

#[cfg(test)]
mod tests;
