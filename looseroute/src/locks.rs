//! Locks as a host has them: its own, the keys that routes lock, and the look at what is stuck.

use std::sync::Arc;
use std::time::Duration;

use sip_core::lock::{HostLocks, KeyLock, Refused};
use sip_core::time::Instant;
use sip_modules::cfgutils::RouteKeys;

use crate::engine::Engine;
use crate::watchdog::Stuck;

impl Engine {
    /// Looks for locks that are held too long and workers that do not turn, as an engine on its own
    /// threads does by itself every `core.watchdog_interval`. For a host that drives the engine: to
    /// be called now and then, from a thread that does not drive it, or a stuck one would not get
    /// there. Answers what is stuck; what is new is logged, counted (`core:stuck_locks`,
    /// `core:stuck_workers`) and told as an event too. A lock is stuck when two calls find it held
    /// by the same taking for longer than `core.lock_hold_limit`.
    pub fn watchdog(&self) -> Vec<Stuck> {
        self.watchdog_at(self.shared.now().mono)
    }

    /// As [`Engine::watchdog`], with the time of a host that hands in messages itself: the engine
    /// knows only the time it was told last.
    pub fn watchdog_at(&self, now: Instant) -> Vec<Stuck> {
        // Whoever drives the engine now is in a turn, and its beat says since when.
        let idle = self.local.try_lock();
        let due = idle.as_ref().and_then(|local| local.as_ref()?.due(self.shared.now()));
        drop(idle);
        let stuck = self.shared.watchdog.check(&self.shared, now, due);
        self.shared.parts.log.drain();
        stuck
    }

    /// Locks for the host's own use, `count` of them under one name, as a binding to another
    /// language needs them: taken by one call and given back by another. They are listed by
    /// `core.locks` as long as they live. `level` is the order among the host's locks.
    #[must_use]
    pub fn host_locks(&self, name: &str, level: u32, count: usize) -> Arc<HostLocks> {
        let clock = Arc::clone(&self.shared.lock_clock);
        let locks = Arc::new(HostLocks::new(name, level, count, clock));
        self.shared.parts.locks.add(&locks);
        locks
    }

    /// Locks `key`, which routes lock with `lock` (module cfgutils), if it is free: until the
    /// answer is dropped, a route that wants it waits. `owner` is what `core.locks` shows.
    ///
    /// # Errors
    /// [`Refused`]: it is held, or too many are.
    pub fn try_lock_key(&self, key: &[u8], owner: &str) -> Result<KeyLock, Refused> {
        self.keys()?.try_lock(key, owner, self.shared.now().mono)
    }

    /// As [`Engine::try_lock_key`], blocking the calling thread for at most `timeout` behind those
    /// who wait already. Never called on a worker's thread: it is not blocked and answers
    /// [`Refused::WouldBlock`].
    ///
    /// # Errors
    /// [`Refused`].
    pub fn lock_key(&self, key: &[u8], owner: &str, timeout: Duration) -> Result<KeyLock, Refused> {
        self.keys()?.lock_for(key, owner, self.shared.now().mono, timeout)
    }

    fn keys(&self) -> Result<Arc<RouteKeys>, Refused> {
        self.shared.parts.registry.api().ok_or(Refused::Full)
    }
}
