//! Logical locks: a key, an owner and a queue of those who wait for it.
//!
//! What a script or a host may hold for as long as it likes must not be a mutex, or a worker would
//! stand behind it. Here nobody's thread waits: who comes second leaves a [`KeyWaiter`] in the
//! key's queue, and is handed the lock when its turn has come. A lock that is dropped goes to the
//! next in the queue; so the end of a route, which drops what it holds, releases it.
//!
//! ```text
//!   lock_or_queue(space, key) ─┬─ Locked(KeyLock)              free: it is ours
//!                              └─ Queued(KeyWait)              held: the waiter is in the queue
//!   drop(KeyLock) ── queue empty: the key is gone; else waiter.granted(KeyLock)
//!   drop(KeyWait) ── still queued: waiter.withdrawn(); granted meanwhile: nothing
//! ```
//!
//! Keys of several users are kept apart by a space (`cfgutils`, `host`). The number of keys held
//! and waiters queued together is bounded. No waiter is called under the table's lock.

use std::collections::VecDeque;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;
use thiserror::Error;

use super::sync::{AtomicU64, AtomicUsize, Condvar, HashBuilder, Mutex, Ordering};
use super::{LockReport, LockSet, Locks, Rank, thread};
use crate::time::Instant;

/// Parts of the table.
const BUCKETS: usize = 64;
/// How long a list waits for a part.
const PATIENCE: Duration = Duration::from_millis(20);
/// The longest key, in bytes.
const LONGEST_KEY: usize = 1024;

/// Who waits in a key's queue.
pub trait KeyWaiter: Send {
    /// The lock is the waiter's now. Called on the thread that gave it up; must not block.
    fn granted(self: Box<Self>, lock: KeyLock);

    /// It is taken out of the queue and will not be granted.
    fn withdrawn(self: Box<Self>);
}

/// Why a key was not locked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum Refused {
    /// It is held, and the call was not to wait.
    #[error("the key is locked")]
    Held,
    /// It was not free in time.
    #[error("the key was not unlocked in time")]
    TimedOut,
    /// A worker would have had to wait.
    #[error("a worker must not wait for a key")]
    WouldBlock,
    /// As many keys are held and waited for as may be.
    #[error("too many keys are locked or waited for")]
    Full,
    /// The key is longer than 1024 bytes.
    #[error("a key has at most {LONGEST_KEY} bytes")]
    TooLong,
}

/// The table of all logical locks of an engine.
pub struct KeyLocks {
    table: LockSet<HashMap<Key, Entry>>,
    hasher: HashBuilder,
    limit: AtomicUsize,
    held: AtomicUsize,
    waiting: AtomicUsize,
    refused: AtomicU64,
    next: AtomicU64,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    space: &'static str,
    key: Arc<[u8]>,
}

struct Entry {
    /// The number of the holder, never given twice.
    ticket: u64,
    owner: Arc<str>,
    since: Instant,
    queue: VecDeque<Queued>,
}

struct Queued {
    ticket: u64,
    owner: Arc<str>,
    since: Instant,
    waiter: Box<dyn KeyWaiter>,
}

/// The right to a key; given up when dropped.
#[must_use = "a key is unlocked when its lock is dropped"]
pub struct KeyLock {
    table: Arc<KeyLocks>,
    key: Key,
    ticket: u64,
}

/// A place in a key's queue; given up when dropped.
#[must_use = "a waiter leaves the queue when this is dropped"]
pub struct KeyWait {
    table: Arc<KeyLocks>,
    key: Key,
    ticket: u64,
}

/// What asking for a key came to.
pub enum Locked {
    /// It was free.
    Locked(KeyLock),
    /// The waiter is in the queue.
    Queued(KeyWait),
}

/// One key that is held.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyReport {
    /// Whose key it is, as `cfgutils`.
    pub space: &'static str,
    /// The key.
    pub key: Vec<u8>,
    /// Who holds it.
    pub owner: String,
    /// Since when.
    pub since: Instant,
    /// Who waits for it, the next one first.
    pub waiters: Vec<WaitingKey>,
}

/// Somebody in a queue.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WaitingKey {
    /// Who.
    pub owner: String,
    /// Since when.
    pub since: Instant,
}

impl KeyLocks {
    /// A table for up to `limit` keys and waiters.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            table: LockSet::new("logical locks", Rank::KEY, BUCKETS, HashMap::default),
            hasher: HashBuilder::default(),
            limit: AtomicUsize::new(limit),
            held: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            refused: AtomicU64::new(0),
            next: AtomicU64::new(1),
        }
    }

    /// Sets how many keys and waiters there may be. What is there stays.
    pub fn set_limit(&self, limit: usize) {
        self.limit.store(limit, Ordering::Relaxed);
    }

    /// How many keys and waiters there may be.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit.load(Ordering::Relaxed)
    }

    /// How many keys are held.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// How many wait for one.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// How many were refused because of the limit.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Locks `key` if it is free. `owner` is what lists show.
    ///
    /// # Errors
    /// [`Refused::Held`], `Full` or `TooLong`.
    pub fn try_lock(
        self: &Arc<Self>,
        space: &'static str,
        key: &[u8],
        owner: &str,
        now: Instant,
    ) -> Result<KeyLock, Refused> {
        let key = self.key(space, key)?;
        let ticket = self.ticket();
        let mut bucket = self.table.lock_by_hash(self.hasher.hash_one(&key));
        if bucket.contains_key(&key) {
            return Err(Refused::Held);
        }
        self.make_room()?;
        bucket.insert(key.clone(), Entry::new(ticket, owner.into(), now));
        self.held.fetch_add(1, Ordering::Relaxed);
        drop(bucket);
        Ok(KeyLock { table: Arc::clone(self), key, ticket })
    }

    /// Locks `key`, or puts what `waiter` makes into its queue.
    ///
    /// # Errors
    /// [`Refused::Full`] or `TooLong`; no waiter is made then.
    pub fn lock_or_queue(
        self: &Arc<Self>,
        space: &'static str,
        key: &[u8],
        owner: &str,
        now: Instant,
        waiter: impl FnOnce() -> Box<dyn KeyWaiter>,
    ) -> Result<Locked, Refused> {
        let key = self.key(space, key)?;
        let ticket = self.ticket();
        let mut bucket = self.table.lock_by_hash(self.hasher.hash_one(&key));
        self.make_room()?;
        let table = Arc::clone(self);
        match bucket.get_mut(&key) {
            None => {
                bucket.insert(key.clone(), Entry::new(ticket, owner.into(), now));
                self.held.fetch_add(1, Ordering::Relaxed);
                drop(bucket);
                Ok(Locked::Locked(KeyLock { table, key, ticket }))
            }
            Some(entry) => {
                let waiter = waiter();
                entry.queue.push_back(Queued { ticket, owner: owner.into(), since: now, waiter });
                self.waiting.fetch_add(1, Ordering::Relaxed);
                drop(bucket);
                Ok(Locked::Queued(KeyWait { table, key, ticket }))
            }
        }
    }

    /// Locks `key`, blocking the calling thread for at most `timeout`; a worker is not blocked.
    ///
    /// # Errors
    /// [`Refused::TimedOut`], `WouldBlock` on a worker when it is held, `Full` or `TooLong`.
    pub fn lock_for(
        self: &Arc<Self>,
        space: &'static str,
        key: &[u8],
        owner: &str,
        now: Instant,
        timeout: Duration,
    ) -> Result<KeyLock, Refused> {
        if thread::on_worker() {
            let done = self.try_lock(space, key, owner, now);
            return done.map_err(|e| if e == Refused::Held { Refused::WouldBlock } else { e });
        }
        let slot = Arc::new(Slot::default());
        let made = Arc::clone(&slot);
        let waiter = move || Box::new(Waiting(made)) as Box<dyn KeyWaiter>;
        match self.lock_or_queue(space, key, owner, now, waiter)? {
            Locked::Locked(lock) => Ok(lock),
            Locked::Queued(wait) => {
                let mut granted = slot.granted.lock();
                if granted.is_none() {
                    slot.changed.wait_while_for(&mut granted, |g| g.is_none(), timeout);
                }
                let in_time = granted.take();
                drop(granted);
                // One that was granted after the last look is given up again with the slot.
                drop(wait);
                in_time.ok_or(Refused::TimedOut)
            }
        }
    }

    /// Every key that is held, with its queue; sorted by space and key. A part of the table that
    /// somebody sits on is left out, so that a list of locks is not stuck behind one.
    #[must_use]
    pub fn list(&self) -> Vec<KeyReport> {
        let mut all = Vec::new();
        for index in 0..self.table.buckets() {
            let Some(bucket) = self.table.lock_for(index, PATIENCE) else { continue };
            all.extend(bucket.iter().map(|(key, entry)| {
                KeyReport {
                    space: key.space,
                    key: key.key.to_vec(),
                    owner: entry.owner.to_string(),
                    since: entry.since,
                    waiters: entry
                        .queue
                        .iter()
                        .map(|q| WaitingKey { owner: q.owner.to_string(), since: q.since })
                        .collect(),
                }
            }));
        }
        all.sort_unstable_by(|a, b| (a.space, &a.key).cmp(&(b.space, &b.key)));
        all
    }

    fn key(&self, space: &'static str, key: &[u8]) -> Result<Key, Refused> {
        if key.len() > LONGEST_KEY {
            return Err(Refused::TooLong);
        }
        Ok(Key { space, key: key.into() })
    }

    fn ticket(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    fn make_room(&self) -> Result<(), Refused> {
        if self.held() + self.waiting() < self.limit() {
            return Ok(());
        }
        self.refused.fetch_add(1, Ordering::Relaxed);
        Err(Refused::Full)
    }

    /// Gives the key of holder `ticket` to the next in its queue.
    fn release(self: &Arc<Self>, key: &Key, ticket: u64) {
        let mut bucket = self.table.lock_by_hash(self.hasher.hash_one(key));
        let Some(entry) = bucket.get_mut(key).filter(|e| e.ticket == ticket) else { return };
        let Some(next) = entry.queue.pop_front() else {
            bucket.remove(key);
            self.held.fetch_sub(1, Ordering::Relaxed);
            return;
        };
        (entry.ticket, entry.owner) = (next.ticket, next.owner);
        // The releaser's turn; where there is none, no earlier than the wait began.
        entry.since = Instant::from_nanos(thread::me().1).max(next.since);
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        drop(bucket);
        let (table, key) = (Arc::clone(self), key.clone());
        next.waiter.granted(KeyLock { table, key, ticket: next.ticket });
    }

    /// Takes waiter `ticket` out of a queue, if it is still there.
    fn withdraw(&self, key: &Key, ticket: u64) {
        let mut bucket = self.table.lock_by_hash(self.hasher.hash_one(key));
        let Some(entry) = bucket.get_mut(key) else { return };
        let Some(at) = entry.queue.iter().position(|q| q.ticket == ticket) else { return };
        let Some(queued) = entry.queue.remove(at) else { return };
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        drop(bucket);
        queued.waiter.withdrawn();
    }
}

impl Entry {
    fn new(ticket: u64, owner: Arc<str>, since: Instant) -> Self {
        Self { ticket, owner, since, queue: VecDeque::new() }
    }
}

impl KeyLock {
    /// Whether this is the lock of `key`.
    #[must_use]
    pub fn is(&self, space: &str, key: &[u8]) -> bool {
        self.key.space == space && *self.key.key == *key
    }
}

impl Drop for KeyLock {
    fn drop(&mut self) {
        self.table.release(&self.key, self.ticket);
    }
}

impl Drop for KeyWait {
    fn drop(&mut self) {
        self.table.withdraw(&self.key, self.ticket);
    }
}

impl std::fmt::Debug for KeyLock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyLock({} {})", self.key.space, String::from_utf8_lossy(&self.key.key))
    }
}

impl Locks for KeyLocks {
    fn report_locks(&self, into: &mut Vec<LockReport>) {
        into.push(self.table.report());
    }
}

/// Where a blocked thread's lock is laid down.
#[derive(Default)]
struct Slot {
    granted: Mutex<Option<KeyLock>>,
    changed: Condvar,
}

struct Waiting(Arc<Slot>);

impl KeyWaiter for Waiting {
    fn granted(self: Box<Self>, lock: KeyLock) {
        *self.0.granted.lock() = Some(lock);
        self.0.changed.notify_one();
    }

    fn withdrawn(self: Box<Self>) {}
}
