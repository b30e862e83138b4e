//! The module as it is, but for what it is made of.

#[path = "../../../src/lock/holder.rs"]
mod holder;
#[path = "../../../src/lock/host.rs"]
mod host;
#[path = "../../../src/lock/keys.rs"]
mod keys;
#[path = "../../../src/lock/rank.rs"]
mod rank;
#[path = "../../../src/lock/report.rs"]
mod report;
#[path = "../../../src/lock/set.rs"]
mod set;
#[path = "../../../src/lock/single.rs"]
mod single;

mod models;
mod sync;
mod thread;

use host::{HostLockError, HostLocks};
use keys::{KeyLock, KeyLocks, KeyWaiter, Locked, Refused};
use rank::Rank;
use report::{HeldLock, LockReport, Locks, Site};
use set::LockSet;
use single::{Lock, LockGuard};
use thread::Clock;
