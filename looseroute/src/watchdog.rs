//! The watchdog: tells of locks that are held too long, with who holds them and where they were
//! taken, and of workers that do not turn.
//!
//! ```text
//!   a turn:      Beat::wait(due) ── poll ── Beat::turn(now) ── work ── (guard dropped) Beat idle
//!   watchdog:    check(now) reads every beat and every lock's holder, takes none of the locks
//! ```
//!
//! An engine on its own threads has a thread for it; a host that drives one calls
//! [`Engine::watchdog`](crate::Engine::watchdog). A lock counts as stuck when it is seen at two
//! looks as the same taking and for longer than the limit: what is held only while it is looked at
//! is not. Everything is told once, and again if it happens again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::thread::{Builder, JoinHandle};

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, bounded};
use hashbrown::HashMap;
use parking_lot::Mutex;
use sip_core::lock::{self, Turn, thread_name, thread_number};
use sip_core::time::{Duration, Instant, Now};
use sip_module_api::Value;
use sip_module_api::log;
use sip_modules::core::WatchdogParams;
use smallvec::smallvec;

use crate::error::EngineError;
use crate::shared::Shared;

/// What a worker is at, written by its thread only. On a cache line of its own.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct Beat {
    /// When the turn that runs now began, in nanoseconds; [`NEVER`] between turns.
    busy: AtomicU64,
    /// When the next turn is due at the latest; [`NEVER`] when nothing is, or the worker turns.
    due: AtomicU64,
    /// How many turns there were.
    turns: AtomicU64,
    /// The thread of the last one.
    thread: AtomicU32,
}

const NEVER: u64 = u64::MAX;

impl Default for Beat {
    fn default() -> Self {
        Self {
            busy: AtomicU64::new(NEVER),
            due: AtomicU64::new(NEVER),
            turns: AtomicU64::new(0),
            thread: AtomicU32::new(0),
        }
    }
}

/// A turn that runs; the worker is idle again when it is dropped.
pub(crate) struct Busy<'a> {
    beat: &'a Beat,
    _turn: Turn,
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.beat.busy.store(NEVER, Ordering::Relaxed);
    }
}

impl Beat {
    /// The worker waits for something to do, at most until `due`.
    pub(crate) fn wait(&self, due: Option<Instant>) {
        self.due.store(due.map_or(NEVER, Instant::as_nanos), Ordering::Relaxed);
    }
}

impl Shared {
    /// A turn of worker `index` begins.
    pub(crate) fn begin_turn(&self, index: u16, now: Now) -> Busy<'_> {
        let beat = &self.beats[usize::from(index)];
        beat.busy.store(now.mono.as_nanos(), Ordering::Relaxed);
        beat.due.store(NEVER, Ordering::Relaxed);
        let turns = beat.turns.load(Ordering::Relaxed).wrapping_add(1);
        beat.turns.store(turns, Ordering::Relaxed);
        beat.thread.store(thread_number(), Ordering::Relaxed);
        Busy { beat, _turn: lock::begin_turn(now.mono, &self.lock_clock) }
    }
}

/// Something that does not move.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Stuck {
    /// A lock is held for longer than `core.lock_hold_limit`.
    Lock(StuckLock),
    /// A worker has not turned for `core.worker_turn_limit`.
    Worker(LateWorker),
}

/// A lock that is held too long.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StuckLock {
    /// The lock's name.
    pub name: String,
    /// Its bucket, 0 for a single lock.
    pub bucket: usize,
    /// The holder's number (see `core.locks`).
    pub thread: u32,
    /// The holder's name; empty when it has none or has ended.
    pub thread_name: String,
    /// Where it was taken, as `file:line`; empty when that is not known.
    pub site: String,
    /// For how long it is held at least.
    pub held: Duration,
}

/// A worker that does not turn.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LateWorker {
    /// The worker, from 0.
    pub worker: usize,
    /// The thread of its last turn.
    pub thread: u32,
    /// Whether it is in a turn that does not end; otherwise one is due and does not begin.
    pub busy: bool,
    /// For how long.
    pub late: Duration,
}

/// What was seen at the last look.
#[derive(Default)]
pub(crate) struct Watchdog(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    last: Instant,
    locks: HashMap<LockKey, Taking>,
    workers: HashMap<usize, Wait>,
}

/// Which lock: its place in the list, its name (in case the list has changed) and bucket.
type LockKey = (usize, String, usize);

/// A turn that runs, or one that is due.
#[derive(Clone, Copy)]
struct Wait {
    busy: bool,
    turns: u64,
    since: Instant,
    told: bool,
}

/// One taking of a lock.
#[derive(Clone, Copy)]
struct Taking {
    thread: u32,
    taken: u32,
    since: Instant,
    told: bool,
}

impl Watchdog {
    /// Looks, tells what is new, and answers all that is stuck. `local` is when a worker that the
    /// host drives is due.
    pub(crate) fn check(
        &self,
        shared: &Shared,
        now: Instant,
        local: Option<Instant>,
    ) -> Vec<Stuck> {
        let Some(params) = shared.parts.registry.api::<WatchdogParams>() else { return Vec::new() };
        let mut seen = self.0.lock();
        let mut stuck = Vec::new();
        let mut new = Vec::new();
        if let Some(limit) = milliseconds(params.lock_hold_limit.get()) {
            seen.look_at_locks(shared, now, limit, &mut |lock, is_new| {
                if is_new {
                    new.push(stuck.len());
                }
                stuck.push(Stuck::Lock(lock));
            });
        }
        if let Some(limit) = milliseconds(params.worker_turn_limit.get()) {
            seen.look_at_workers(shared, now, limit, local, &mut |worker, is_new| {
                if is_new {
                    new.push(stuck.len());
                }
                stuck.push(Stuck::Worker(worker));
            });
        }
        seen.last = now;
        drop(seen);
        for at in new {
            match &stuck[at] {
                Stuck::Lock(lock) => tell_lock(shared, lock),
                Stuck::Worker(worker) => tell_worker(shared, worker),
            }
        }
        stuck
    }
}

impl Seen {
    fn look_at_locks(
        &mut self,
        shared: &Shared,
        now: Instant,
        limit: Duration,
        found: &mut dyn FnMut(StuckLock, bool),
    ) {
        let mut held_now = HashMap::new();
        for (place, report) in shared.parts.locks.report().into_iter().enumerate() {
            for held in report.held {
                let key = (place, report.name.to_string(), held.index);
                let known = self.locks.get(&key).copied();
                let same = known.filter(|k| (k.thread, k.taken) == (held.thread, held.taken));
                let mut taking = same.unwrap_or(Taking {
                    thread: held.thread,
                    taken: held.taken,
                    // It was not this taking at the last look; a holder's turn may be older.
                    since: if held.since == Instant::ZERO {
                        now
                    } else {
                        held.since.max(self.last)
                    },
                    told: false,
                });
                let time = now.saturating_since(taking.since);
                if same.is_some() && time > limit {
                    let lock = StuckLock {
                        name: key.1.clone(),
                        bucket: held.index,
                        thread: held.thread,
                        thread_name: thread_name(held.thread).unwrap_or_default(),
                        site: held.site.map(|site| site.to_string()).unwrap_or_default(),
                        held: time,
                    };
                    found(lock, !taking.told);
                    taking.told = true;
                }
                held_now.insert(key, taking);
            }
        }
        self.locks = held_now;
    }

    fn look_at_workers(
        &mut self,
        shared: &Shared,
        now: Instant,
        limit: Duration,
        local: Option<Instant>,
        found: &mut dyn FnMut(LateWorker, bool),
    ) {
        for (worker, beat) in shared.beats.iter().enumerate() {
            let busy_since = beat.busy.load(Ordering::Relaxed);
            let busy = busy_since != NEVER;
            let turns = beat.turns.load(Ordering::Relaxed);
            let due = match local.filter(|_| worker == 0) {
                Some(local) => local.as_nanos(),
                None => beat.due.load(Ordering::Relaxed),
            };
            let since = Instant::from_nanos(if busy { busy_since } else { due });
            if since > now {
                self.workers.remove(&worker);
                continue;
            }
            let known = self.workers.get(&worker).filter(|w| (w.busy, w.turns) == (busy, turns));
            // What is due at once was not so at the last look, or there was a turn since.
            let first = || if busy { since } else { since.max(self.last) };
            let mut wait =
                known.copied().unwrap_or_else(|| Wait { busy, turns, since: first(), told: false });
            let late = now.saturating_since(wait.since);
            if late > limit {
                let thread = beat.thread.load(Ordering::Relaxed);
                found(LateWorker { worker, thread, busy, late }, !wait.told);
                wait.told = true;
            }
            self.workers.insert(worker, wait);
        }
    }
}

fn tell_lock(shared: &Shared, lock: &StuckLock) {
    let StuckLock { name, bucket, thread, thread_name, site, held } = lock;
    let ms = held.as_millis();
    shared.parts.stats.shared().inc(shared.counters.stuck_locks);
    log!(
        shared.parts.log,
        Error,
        "core",
        "lock {name}[{bucket}] has been held for {ms} ms by thread {thread} ({thread_name}), taken \
         at {site}"
    );
    shared.parts.events.emit("core:lock-stuck", || {
        smallvec![
            ("lock", Value::from(name.clone())),
            ("bucket", integer(*bucket)),
            ("thread", Value::Int(i64::from(*thread))),
            ("name", Value::from(thread_name.clone())),
            ("site", Value::from(site.clone())),
            ("held_ms", integer(ms)),
        ]
    });
}

fn tell_worker(shared: &Shared, worker: &LateWorker) {
    let LateWorker { worker, thread, busy, late } = worker;
    let ms = late.as_millis();
    let state = if *busy { "busy" } else { "late" };
    shared.parts.stats.shared().inc(shared.counters.stuck_workers);
    log!(
        shared.parts.log,
        Error,
        "core",
        "worker {worker} has not turned for {ms} ms: {state}, thread {thread}"
    );
    shared.parts.events.emit("core:worker-stuck", || {
        smallvec![
            ("worker", integer(*worker)),
            ("thread", Value::Int(i64::from(*thread))),
            ("state", Value::from(state)),
            ("ms", integer(ms)),
        ]
    });
}

fn integer<T: TryInto<i64>>(n: T) -> Value {
    Value::Int(n.try_into().unwrap_or(i64::MAX))
}

/// A limit; `None` when it is switched off.
fn milliseconds(ms: i64) -> Option<Duration> {
    u64::try_from(ms).ok().filter(|ms| *ms > 0).map(Duration::from_millis)
}

/// The watchdog's own thread.
pub(crate) struct WatchdogThread {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl WatchdogThread {
    /// Starts it.
    pub(crate) fn start(shared: &Arc<Shared>) -> Result<Self, EngineError> {
        let (stop, stopped) = bounded(0);
        let shared = Arc::clone(shared);
        let thread = Builder::new()
            .name("lr-watchdog".into())
            .spawn(move || watch(&shared, &stopped))
            .map_err(|source| EngineError::System { what: "a thread", source })?;
        Ok(Self { stop, thread })
    }

    /// Ends it.
    pub(crate) fn end(self) {
        drop(self.stop);
        // One that panicked has ended too.
        let _panicked = self.thread.join();
    }
}

fn watch(shared: &Shared, stopped: &Receiver<()>) {
    let params = shared.parts.registry.api::<WatchdogParams>();
    loop {
        let interval = params.as_ref().and_then(|p| milliseconds(p.interval.get()));
        match stopped.recv_timeout(interval.unwrap_or(Duration::from_secs(1))) {
            Err(RecvTimeoutError::Timeout) => {}
            _ => return,
        }
        shared.watchdog.check(shared, shared.now().mono, None);
        // The workers, who do this otherwise, may be what is stuck.
        shared.parts.log.drain();
    }
}
