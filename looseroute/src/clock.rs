//! Where an engine's time comes from: the transport's clock, or the host.

use std::sync::atomic::{AtomicU64, Ordering};

use sip_core::time::{Instant, Now, WallTime};

/// Where an engine's time comes from.
#[derive(Debug)]
pub(crate) enum Clock {
    /// The machine's clocks, monotonic since the engine was made.
    System(sip_transport::Clock),
    /// The last time the host gave.
    Told {
        /// Nanoseconds of the monotonic clock.
        mono: AtomicU64,
        /// Nanoseconds of the wall clock.
        wall: AtomicU64,
    },
}

impl Clock {
    /// The machine's clocks.
    pub(crate) fn system() -> Self {
        Self::System(sip_transport::Clock::start())
    }

    /// A clock that shows what it is told.
    pub(crate) const fn told() -> Self {
        Self::Told { mono: AtomicU64::new(0), wall: AtomicU64::new(0) }
    }

    /// The time.
    pub(crate) fn now(&self) -> Now {
        match self {
            Self::System(clock) => clock.now(),
            Self::Told { mono, wall } => Now {
                mono: Instant::from_nanos(mono.load(Ordering::Acquire)),
                wall: WallTime::from_nanos(wall.load(Ordering::Acquire)),
            },
        }
    }

    /// Sets a told clock; time never goes back, and the system's clock is not set.
    pub(crate) fn tell(&self, now: Now) {
        if let Self::Told { mono, wall } = self {
            mono.fetch_max(now.mono.as_nanos(), Ordering::AcqRel);
            wall.store(now.wall.as_nanos(), Ordering::Release);
        }
    }
}
