//! The clock of drivers that have no other: the one place of this crate where time is read.

use sip_core::time::{Instant, Now, WallTime};

/// Reads the system's clocks as the engine's [`Now`]. Copies share one origin, so that all workers
/// of an engine mean the same by an [`Instant`].
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: std::time::Instant,
}

impl Default for Clock {
    fn default() -> Self {
        Self::start()
    }
}

impl Clock {
    /// A clock whose monotonic time begins now, at one second: nothing is due at its zero.
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "the loop's own clock")]
    pub fn start() -> Self {
        Self { origin: std::time::Instant::now() }
    }

    /// The time now.
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "the loop's own clock")]
    pub fn now(&self) -> Now {
        let mono = nanos(self.origin.elapsed()).saturating_add(1_000_000_000);
        let wall =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, nanos);
        Now { mono: Instant::from_nanos(mono), wall: WallTime::from_nanos(wall) }
    }
}

fn nanos(d: std::time::Duration) -> u64 {
    u64::try_from(d.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_on_and_copies_agree() {
        let clock = Clock::start();
        let copy = clock;
        let (a, b) = (clock.now(), copy.now());
        assert!(a.mono <= b.mono && a.mono >= Instant::from_millis(1000));
        assert!(a.wall.as_secs() > 1_700_000_000);
    }
}
