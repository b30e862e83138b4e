//! What a thread knows about itself: its number and name, its turn, its clock and, in debug
//! builds, the locks it holds.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::report::Holds;
use crate::time::Instant;

/// What a thread asks for the time when it samples how long it holds a lock: the clock of the
/// engine whose turn it is.
pub type Clock = Arc<dyn Fn() -> Instant + Send + Sync>;

/// Numbers the threads that take locks. Numbers name threads of the process, so this is one
/// counter for all engines; nothing else hangs on it.
static NEXT_THREAD: AtomicU32 = AtomicU32::new(1);
/// The names of the threads that have a number and live.
static NAMES: parking_lot::Mutex<BTreeMap<u32, Box<str>>> =
    parking_lot::Mutex::new(BTreeMap::new());

/// What every lock looks at, in one thread-local: in a shared library, reaching one is a call.
struct Me {
    number: Cell<u32>,
    turn: Cell<u64>,
    worker: Cell<bool>,
    /// The address of the clock in [`CLOCK`], which keeps it from being another's.
    clock: Cell<usize>,
}

thread_local! {
    static ME: Me = const {
        Me {
            number: Cell::new(0),
            turn: Cell::new(0),
            worker: Cell::new(false),
            clock: Cell::new(0),
        }
    };
    static CLOCK: RefCell<Option<Clock>> = const { RefCell::new(None) };
    static SAMPLES: RefCell<Vec<Sample>> = const { RefCell::new(Vec::new()) };
    static NAME: Name = const { Name(Cell::new(0)) };
}

/// Tells this thread's locks what time it is. Whoever serves calls it once for each piece of work;
/// the locks taken then are known to be held since that time. On a thread that never calls it:
/// since [`Instant::ZERO`], which stands for unknown.
pub fn set_turn(now: Instant) {
    ME.with(|me| me.turn.set(now.as_nanos()));
}

/// A worker's turn on the calling thread: [`on_worker`] is true until this is dropped.
#[must_use = "the turn ends when this is dropped"]
#[derive(Debug)]
pub struct Turn {
    outer: bool,
    /// A turn belongs to its thread.
    _here: std::marker::PhantomData<*const ()>,
}

/// Begins a worker's turn at `now`: as [`set_turn`]; and one in 64 locks taken from now on
/// measures by `clock` how long it is held.
#[inline]
pub fn begin_turn(now: Instant, clock: &Clock) -> Turn {
    let address = Arc::as_ptr(clock).addr();
    let outer = ME.with(|me| {
        if me.clock.replace(address) != address {
            set_clock(clock);
        }
        me.turn.set(now.as_nanos());
        me.worker.replace(true)
    });
    Turn { outer, _here: std::marker::PhantomData }
}

#[cold]
#[inline(never)]
fn set_clock(clock: &Clock) {
    // A thread that is ending has no clock any more, and nothing to measure.
    let _ending = CLOCK.try_with(|own| own.replace(Some(Arc::clone(clock))));
}

impl Drop for Turn {
    #[inline]
    fn drop(&mut self) {
        ME.with(|me| me.worker.set(self.outer));
    }
}

/// Whether the calling thread is in a worker's turn, and so must not wait.
#[must_use]
pub fn on_worker() -> bool {
    ME.with(|me| me.worker.get())
}

/// The number that [`HeldLock::thread`](super::HeldLock::thread) shows for the calling thread,
/// never 0. Given out at first use, unique in the process.
#[must_use]
pub fn thread_number() -> u32 {
    numbered().0
}

/// The name of the thread with this number, as the system knows it; `None` when it has none or has
/// ended.
#[must_use]
pub fn thread_name(number: u32) -> Option<String> {
    NAMES.lock().get(&number).map(ToString::to_string)
}

/// This thread's number, 0 when it has none yet, and the time of its last turn in nanoseconds.
#[inline]
pub(super) fn me() -> (u32, u64) {
    ME.with(|me| (me.number.get(), me.turn.get()))
}

/// As [`me`], with a number.
pub(super) fn numbered() -> (u32, u64) {
    ME.with(|me| match me.number.get() {
        0 => (number_this_thread(me), me.turn.get()),
        known => (known, me.turn.get()),
    })
}

/// Begins to measure how long the lock `key` is held; false when this thread has no clock.
pub(super) fn begin_sample(key: usize, into: &Arc<Holds>) -> bool {
    let begun = CLOCK.try_with(|own| {
        let Some(clock) = own.borrow().clone() else { return false };
        let sample = Sample { key, since: clock(), into: Arc::clone(into) };
        SAMPLES.try_with(|samples| samples.borrow_mut().push(sample)).is_ok()
    });
    begun.unwrap_or(false)
}

/// The lock `key` is given up: adds what was measured.
pub(super) fn end_sample(key: usize) {
    // A thread that is ending has lost what it measured.
    let _ending = SAMPLES.try_with(|samples| {
        let mut samples = samples.borrow_mut();
        let Some(at) = samples.iter().rposition(|s| s.key == key) else { return };
        let Sample { since, into, .. } = samples.swap_remove(at);
        drop(samples);
        let clock = CLOCK.try_with(|own| own.borrow().clone()).ok().flatten();
        if let Some(clock) = clock {
            into.add(clock().saturating_since(since));
        }
    });
}

/// A taking that is being measured.
struct Sample {
    key: usize,
    since: Instant,
    into: Arc<Holds>,
}

#[cold]
#[inline(never)]
fn number_this_thread(me: &Me) -> u32 {
    let number = NEXT_THREAD.fetch_add(1, Ordering::Relaxed).max(1);
    me.number.set(number);
    // One that is ending already takes its name along.
    let _ending = NAME.try_with(|name| {
        if let Some(known) = std::thread::current().name() {
            NAMES.lock().insert(number, known.into());
            name.0.set(number);
        }
    });
    number
}

/// Takes the thread's name out of the table when the thread ends.
struct Name(Cell<u32>);

impl Drop for Name {
    fn drop(&mut self) {
        NAMES.lock().remove(&self.0.get());
    }
}

#[cfg(debug_assertions)]
pub(super) use checked::{check, pop, push};

#[cfg(debug_assertions)]
mod checked {
    //! The order, asserted: a stack of what this thread holds.

    use std::cell::RefCell;
    use std::panic::Location;

    use crate::lock::Rank;

    #[derive(Clone, Copy)]
    struct Held {
        rank: Rank,
        name: &'static str,
        /// The address of the lock's holder record: which lock it is.
        key: usize,
        site: &'static Location<'static>,
    }

    thread_local! {
        static HELD: RefCell<Vec<Held>> = const { RefCell::new(Vec::new()) };
    }

    /// Panics when this thread may not take a lock of `rank` now. `pair_with`: for the second
    /// bucket of a pair, the first one's key, which may have the same rank.
    #[track_caller]
    pub(in crate::lock) fn check(name: &'static str, rank: Rank, pair_with: Option<usize>) {
        let above = HELD.with(|h| {
            h.borrow()
                .iter()
                .filter(|held| held.rank >= rank && Some(held.key) != pair_with)
                .max_by_key(|held| held.rank)
                .copied()
        });
        if let Some(held) = above {
            panic!(
                "lock order: \"{name}\" (rank {rank}) while holding \"{}\" (rank {}) taken at {}",
                held.name, held.rank, held.site
            );
        }
    }

    pub(in crate::lock) fn push(
        name: &'static str,
        rank: Rank,
        key: usize,
        site: &'static Location<'static>,
    ) {
        HELD.with(|h| h.borrow_mut().push(Held { rank, name, key, site }));
    }

    pub(in crate::lock) fn pop(key: usize) {
        // A guard may outlive the thread-local at thread exit; there is nothing to check then.
        let _ = HELD.try_with(|h| {
            let mut h = h.borrow_mut();
            if let Some(i) = h.iter().rposition(|held| held.key == key) {
                h.remove(i);
            }
        });
    }

    pub(in crate::lock) fn count() -> usize {
        HELD.with(|h| h.borrow().len())
    }
}

/// How many locks the calling thread holds. Debug builds only count them; 0 otherwise. For tests
/// and for asserting that nothing foreign is called under a lock.
#[must_use]
pub fn held_by_this_thread() -> usize {
    #[cfg(debug_assertions)]
    return checked::count();
    #[cfg(not(debug_assertions))]
    0
}
