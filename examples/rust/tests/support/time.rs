//! The only clock of the peer tests: deadlines, and waiting for a condition until one.
#![allow(clippy::disallowed_methods, reason = "real peers on real sockets run in real time")]

use std::time::{Duration, Instant};

/// A moment by which something must have happened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    pub(crate) fn after(wait: Duration) -> Deadline {
        Deadline(Instant::now() + wait)
    }

    /// What is left until then; zero once it has passed.
    pub(crate) fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    pub(crate) fn passed(self) -> bool {
        self.left().is_zero()
    }
}

/// Asks `look` every few milliseconds until it finds something or the wait is over.
pub(crate) fn poll<T>(wait: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Deadline::after(wait);
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        if deadline.passed() {
            return None;
        }
        std::thread::sleep(Duration::from_millis(5).min(deadline.left()));
    }
}
