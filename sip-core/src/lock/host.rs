//! Locks of the host program: taken by one call and given back by another, as C does.
//!
//! No guard's life bounds such a lock, so every mistake is possible and every one is an error:
//! given back by a thread that does not hold it, taken twice by one thread, taken against the
//! order, closed while held. It is a state under a mutex and a condition, not a bare mutex, and
//! costs some tens of nanoseconds.
//!
//! A worker never waits for one: a take that would have to is [`HostLockError::WouldBlock`] there.

use std::borrow::Cow;
use std::cell::RefCell;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use super::report::Holds;
use super::sync::{AtomicU64, Condvar, Mutex, MutexGuard, Ordering};
use super::{Clock, HeldLock, LockReport, Locks, Rank, Site, thread};
use crate::time::Instant;

/// One lock or a set of them, with a name and a level.
///
/// The level is the order among the host's own locks: a thread that holds one waits for another
/// only of a higher level, or of the same set at a higher index. All of them come before the
/// engine's locks, which the engine never holds while it calls the host.
pub struct HostLocks {
    name: Arc<str>,
    level: u32,
    clock: Clock,
    parts: Box<[Part]>,
    contended: AtomicU64,
    holds: Holds,
}

#[derive(Default)]
struct Part {
    state: Mutex<State>,
    free: Condvar,
}

#[derive(Default)]
struct State {
    /// The holder's thread number, 0 when free.
    thread: u32,
    site: Option<Site>,
    since: Instant,
    taken: u32,
    waiting: u32,
    closed: bool,
}

/// Why a lock was not taken or given back.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum HostLockError {
    /// It is held, and the call was not to wait, or is a worker's.
    #[error("{lock} is held by thread {thread}, taken at {site}")]
    WouldBlock {
        /// The lock.
        lock: String,
        /// Its holder.
        thread: u32,
        /// Where it was taken.
        site: String,
    },
    /// It was not free in time.
    #[error("{lock} is still held by thread {thread}, taken at {site}")]
    TimedOut {
        /// The lock.
        lock: String,
        /// Its holder.
        thread: u32,
        /// Where it was taken.
        site: String,
    },
    /// The calling thread holds it already and would wait for itself.
    #[error("{lock} is held by this very thread, taken at {site}")]
    HeldAlready {
        /// The lock.
        lock: String,
        /// Where it was taken.
        site: String,
    },
    /// The calling thread holds another lock that comes later in the order.
    #[error("lock order: {lock} (level {level}) while holding {held} (level {held_level})")]
    Order {
        /// The lock that was asked for.
        lock: String,
        /// Its level.
        level: u32,
        /// The lock that is held.
        held: String,
        /// Its level.
        held_level: u32,
    },
    /// It is given back by a thread that does not hold it.
    #[error("{lock} is held by thread {thread} (taken at {site}), not by this one")]
    NotYours {
        /// The lock.
        lock: String,
        /// Its holder.
        thread: u32,
        /// Where it was taken.
        site: String,
    },
    /// It is given back and nobody holds it.
    #[error("{0} is not held by anybody")]
    NotHeld(String),
    /// It is closed while somebody holds or awaits it.
    #[error("{0} is held or waited for")]
    InUse(String),
    /// It was closed.
    #[error("{0} was destroyed")]
    Closed(String),
    /// The set has no such lock.
    #[error("{name} has {count} locks, none number {index}")]
    NoSuchIndex {
        /// The set.
        name: String,
        /// How many it has.
        count: usize,
        /// What was asked for.
        index: usize,
    },
}

/// A host lock that the calling thread holds.
struct Held {
    /// Which lock: the address of its part.
    part: usize,
    /// Which set: the address of its first part.
    set: usize,
    index: usize,
    level: u32,
    name: Arc<str>,
    /// How many locks the set has.
    count: usize,
}

super::sync::per_thread! {
    static HELD: RefCell<Vec<Held>> = RefCell::new(Vec::new());
}

impl HostLocks {
    /// `count` free locks (at least one) called `name`, of `level` in the order; `clock` tells since
    /// when they are held on threads that have no turn.
    #[must_use]
    pub fn new(name: &str, level: u32, count: usize, clock: Clock) -> Self {
        Self {
            name: name.into(),
            level,
            clock,
            parts: (0..count.max(1)).map(|_| Part::default()).collect(),
            contended: AtomicU64::new(0),
            holds: Holds::default(),
        }
    }

    /// How many locks there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.parts.len()
    }

    /// Takes lock number `index`, waiting for as long as it takes; not at all on a worker.
    ///
    /// # Errors
    /// `WouldBlock` on a worker, `HeldAlready`, `Order`, `Closed`, `NoSuchIndex`.
    #[track_caller]
    pub fn get(&self, index: usize) -> Result<(), HostLockError> {
        self.take(index, Site::Rust(Location::caller()), Wait::Forever)
    }

    /// Takes lock number `index` if it is free.
    ///
    /// # Errors
    /// `WouldBlock` (also when this very thread holds it), `Closed`, `NoSuchIndex`.
    #[track_caller]
    pub fn try_get(&self, index: usize) -> Result<(), HostLockError> {
        self.take(index, Site::Rust(Location::caller()), Wait::No)
    }

    /// Takes lock number `index`, waiting at most `timeout`; not at all on a worker.
    ///
    /// # Errors
    /// `TimedOut`, and as [`HostLocks::get`].
    #[track_caller]
    pub fn get_for(&self, index: usize, timeout: Duration) -> Result<(), HostLockError> {
        self.take(index, Site::Rust(Location::caller()), Wait::For(timeout))
    }

    /// As [`HostLocks::get`] for a caller in another language, whose place is `site`.
    ///
    /// # Errors
    /// As [`HostLocks::get`].
    pub fn get_at(&self, index: usize, site: Site) -> Result<(), HostLockError> {
        self.take(index, site, Wait::Forever)
    }

    /// As [`HostLocks::try_get`] for a caller in another language.
    ///
    /// # Errors
    /// As [`HostLocks::try_get`].
    pub fn try_get_at(&self, index: usize, site: Site) -> Result<(), HostLockError> {
        self.take(index, site, Wait::No)
    }

    /// Gives lock number `index` back.
    ///
    /// # Errors
    /// `NotYours` when another thread holds it, `NotHeld` when none does, `NoSuchIndex`.
    pub fn release(&self, index: usize) -> Result<(), HostLockError> {
        let part = self.part(index)?;
        let mut state = part.state.lock();
        let (me, _) = thread::numbered();
        if state.thread != me {
            return Err(match state.thread {
                0 => HostLockError::NotHeld(self.called(index)),
                thread => HostLockError::NotYours {
                    lock: self.called(index),
                    thread,
                    site: shown(state.site),
                },
            });
        }
        if is_sampled(state.taken) {
            self.holds.add((self.clock)().saturating_since(state.since));
        }
        state.thread = 0;
        let awaited = state.waiting > 0;
        drop(state);
        if awaited {
            part.free.notify_one();
        }
        HELD.with(|held| held.borrow_mut().retain(|h| h.part != address(part)));
        Ok(())
    }

    /// Lets nobody take them from now on.
    ///
    /// # Errors
    /// `InUse` when one is held or waited for, and then nothing is changed.
    pub fn close(&self) -> Result<(), HostLockError> {
        let mut all: Vec<_> = self.parts.iter().map(|part| part.state.lock()).collect();
        if let Some(index) = all.iter().position(|s| s.thread != 0 || s.waiting > 0) {
            return Err(HostLockError::InUse(self.called(index)));
        }
        all.iter_mut().for_each(|state| state.closed = true);
        Ok(())
    }

    fn take(&self, index: usize, site: Site, wait: Wait) -> Result<(), HostLockError> {
        let part = self.part(index)?;
        let (me, turn) = thread::numbered();
        let mut state = part.state.lock();
        if state.thread != 0 && !state.closed {
            self.contended.fetch_add(1, Ordering::Relaxed);
        }
        if !matches!(wait, Wait::No) {
            if state.thread == me {
                let (lock, site) = (self.called(index), shown(state.site));
                return Err(HostLockError::HeldAlready { lock, site });
            }
            self.check_order(index)?;
        }
        while state.thread != 0 && !state.closed {
            if matches!(wait, Wait::No) || thread::on_worker() {
                let (lock, thread) = (self.called(index), state.thread);
                return Err(HostLockError::WouldBlock { lock, thread, site: shown(state.site) });
            }
            if !part.wait(&mut state, wait) && state.thread != 0 {
                let (lock, thread) = (self.called(index), state.thread);
                return Err(HostLockError::TimedOut { lock, thread, site: shown(state.site) });
            }
        }
        if state.closed {
            return Err(HostLockError::Closed(self.called(index)));
        }
        state.taken = state.taken.wrapping_add(1);
        let timed = is_sampled(state.taken) || !thread::on_worker();
        state.since = if timed { (self.clock)() } else { Instant::from_nanos(turn) };
        state.thread = me;
        state.site = Some(site);
        drop(state);
        let held = Held {
            part: address(part),
            set: self.set(),
            index,
            level: self.level,
            name: Arc::clone(&self.name),
            count: self.parts.len(),
        };
        HELD.with(|all| all.borrow_mut().push(held));
        Ok(())
    }

    /// Whether this thread may wait for lock number `index`.
    fn check_order(&self, index: usize) -> Result<(), HostLockError> {
        HELD.with(|held| {
            let held = held.borrow();
            let later = |h: &&Held| match h.set == self.set() {
                true => h.index >= index,
                false => h.level >= self.level,
            };
            match held.iter().find(later) {
                None => Ok(()),
                Some(h) => Err(HostLockError::Order {
                    lock: self.called(index),
                    level: self.level,
                    held: called(&h.name, h.index, h.count),
                    held_level: h.level,
                }),
            }
        })
    }

    fn part(&self, index: usize) -> Result<&Part, HostLockError> {
        let (name, count) = (&self.name, self.parts.len());
        self.parts.get(index).ok_or_else(|| {
            let name = name.to_string();
            HostLockError::NoSuchIndex { name, count, index }
        })
    }

    fn set(&self) -> usize {
        self.parts.as_ptr().addr()
    }

    fn called(&self, index: usize) -> String {
        called(&self.name, index, self.parts.len())
    }
}

/// How long a take waits.
#[derive(Clone, Copy)]
enum Wait {
    No,
    For(Duration),
    Forever,
}

impl Part {
    /// Waits until it may be free; false when the time was up.
    fn wait(&self, state: &mut MutexGuard<'_, State>, wait: Wait) -> bool {
        state.waiting += 1;
        let in_time = match wait {
            Wait::For(time) => !self.free.wait_for(state, time).timed_out(),
            Wait::No | Wait::Forever => {
                self.free.wait(state);
                true
            }
        };
        state.waiting -= 1;
        in_time
    }
}

/// One taking in 64 is measured.
const fn is_sampled(taken: u32) -> bool {
    taken & 63 == 0
}

fn address(part: &Part) -> usize {
    std::ptr::from_ref(part).addr()
}

/// A lock by its name; one of a set by its number too.
fn called(name: &str, index: usize, count: usize) -> String {
    if count == 1 { name.to_owned() } else { format!("{name}[{index}]") }
}

fn shown(site: Option<Site>) -> String {
    site.map_or_else(String::new, |site| site.to_string())
}

impl Locks for HostLocks {
    /// Reads the state under its mutex, which is never held for longer than that takes.
    fn report_locks(&self, into: &mut Vec<LockReport>) {
        let held = self.parts.iter().enumerate().filter_map(|(index, part)| {
            let state = part.state.lock();
            (state.thread != 0).then(|| HeldLock {
                index,
                thread: state.thread,
                site: state.site,
                since: state.since,
                taken: state.taken,
            })
        });
        into.push(LockReport {
            held: held.collect(),
            name: Cow::Owned(self.name.to_string()),
            rank: Rank::HOST,
            buckets: self.parts.len(),
            contended: self.contended.load(Ordering::Relaxed),
            hold: self.holds.read(),
        });
    }
}

impl std::fmt::Debug for HostLocks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HostLocks({} x {})", self.name, self.parts.len())
    }
}
