//! What a thread knows about itself: its number, its turn's time and, in debug builds, the locks
//! it holds.

use std::cell::Cell;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::time::Instant;

/// Numbers the threads that take locks. Numbers name threads of the process, so this is one
/// counter for all engines; nothing else hangs on it.
static NEXT_THREAD: AtomicU32 = AtomicU32::new(1);

thread_local! {
    static NUMBER: Cell<u32> = const { Cell::new(0) };
    static TURN: Cell<u64> = const { Cell::new(0) };
}

/// Tells this thread's locks what time it is. A worker calls it once a turn; the locks it takes
/// are then known to be held since that time. On a thread that never calls it: since
/// [`Instant::ZERO`].
pub fn set_turn(now: Instant) {
    TURN.with(|t| t.set(now.as_nanos()));
}

/// The number that [`HeldLock::thread`](super::HeldLock::thread) shows for the calling thread,
/// never 0. Given out at first use, unique in the process; who starts threads keeps it beside
/// their names.
#[must_use]
pub fn thread_number() -> u32 {
    NUMBER.with(|n| match n.get() {
        0 => number_this_thread(n),
        known => known,
    })
}

#[cold]
fn number_this_thread(cell: &Cell<u32>) -> u32 {
    let number = NEXT_THREAD.fetch_add(1, Ordering::Relaxed).max(1);
    cell.set(number);
    number
}

/// The time of this thread's last turn, in nanoseconds.
#[inline]
pub(super) fn turn() -> u64 {
    TURN.with(Cell::get)
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
