//! Waking a worker that waits in its poll, from any thread.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use mio::{Registry, Token, Waker};

/// Ends a worker's wait. What it is woken for lies in a queue of the caller's: push first, then
/// wake.
#[derive(Debug)]
pub struct Wake {
    waker: Waker,
    /// Whether a wake-up is on its way, so that a burst costs one system call.
    pending: AtomicBool,
}

impl Wake {
    pub(super) fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        Ok(Self { waker: Waker::new(registry, token)?, pending: AtomicBool::new(false) })
    }

    /// Makes the worker's poll return, now or when it is next called. Any thread, any time; cheap
    /// when it was called before and the worker has not come to it yet.
    ///
    /// # Errors
    /// When the system refuses to signal; the next call tries again.
    pub fn wake(&self) -> io::Result<()> {
        if self.pending.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        self.waker.wake().inspect_err(|_| self.pending.store(false, Ordering::Release))
    }

    /// The wake-up has arrived: the next one signals again. What was pushed before a
    /// [`wake`](Self::wake) that this ends is seen after it.
    pub(super) fn arrived(&self) {
        self.pending.swap(false, Ordering::AcqRel);
    }
}
