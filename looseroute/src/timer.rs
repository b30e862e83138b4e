//! Timers of the host: a function that a worker calls at a time, once or again and again.
//!
//! ```text
//!   after / every ── table: id → function ── letter ── worker 0 arms its wheel
//!   the wheel fires ── function taken out ── called, no lock held ── put back and armed again
//!   cancel ── taken out of the table ── letter ── disarmed
//! ```
//!
//! What is out of the table does not run again, whatever is still on the wheel or in a letter.
//!
//! A timer takes 40 to 84 bytes on the wheel and about twice 64 in the table, beside what the
//! function holds; a million of them are 110 to 220 MB. `async.max_timers` bounds them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use hashbrown::HashMap;
use sip_core::lock::{Lock, LockReport, Locks, Rank, thread_number};
use sip_core::time::{Instant, Now};
use sip_core::timer::TimerId;

use crate::engine::Engine;
use crate::mail::{Mail, Mailboxes};

/// The worker that runs them.
const WORKER: u16 = 0;
/// A timer is never repeated more often.
const SHORTEST: Duration = Duration::from_millis(1);

type Function = Box<dyn FnMut(Now) + Send>;

/// The host's timers.
pub(crate) struct HostTimers {
    table: Lock<Table>,
    mail: Arc<Mailboxes>,
    limit: AtomicI64,
}

#[derive(Default)]
struct Table {
    timers: HashMap<u64, Entry>,
    next: u64,
}

struct Entry {
    /// `None` while it runs.
    function: Option<Function>,
    /// The thread that runs it, 0 for none.
    thread: u32,
    every: Option<Duration>,
    due: Instant,
    /// Where it is on the wheel; `None` until the worker has read the letter.
    armed: Option<TimerId>,
}

/// A timer that was started. Dropping this leaves it running.
#[derive(Clone)]
pub struct Timer {
    timers: Arc<HostTimers>,
    id: u64,
}

/// What [`Timer::cancel`] came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cancelled {
    /// It does not run and will not run again; or it was cancelled by its own function, whose last
    /// run this is.
    Stopped,
    /// It runs at this very moment, on another thread, and will not run again.
    Running,
    /// It had run, or was cancelled, before.
    Gone,
}

/// As many timers are started as may be (`async.max_timers`), or the engine has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("as many timers are started as async.max_timers allows, or the engine has ended")]
pub struct TooManyTimers;

impl Engine {
    /// Calls `function` once, on a worker, `delay` from now or up to a tick (10 ms) later. It must
    /// not block; while the engine is not driven, nothing is called.
    ///
    /// # Errors
    /// [`TooManyTimers`].
    pub fn after(
        &self,
        delay: Duration,
        function: impl FnOnce(Now) + Send + 'static,
    ) -> Result<Timer, TooManyTimers> {
        let mut function = Some(function);
        let once = move |now| {
            if let Some(function) = function.take() {
                function(now);
            }
        };
        self.start_timer(delay, None, Box::new(once))
    }

    /// Calls `function` again and again, on a worker, first `interval` from now. A call that comes
    /// late does not put the next one off; calls that were missed are left out.
    ///
    /// # Errors
    /// [`TooManyTimers`].
    pub fn every(
        &self,
        interval: Duration,
        function: impl FnMut(Now) + Send + 'static,
    ) -> Result<Timer, TooManyTimers> {
        self.start_timer(interval, Some(interval.max(SHORTEST)), Box::new(function))
    }

    /// Stops the timer number `id` ([`Timer::id`]), as [`Timer::cancel`] does; for bindings.
    pub fn cancel_timer(&self, id: u64) -> Cancelled {
        self.shared.host_timers.cancel(id)
    }

    fn start_timer(
        &self,
        delay: Duration,
        every: Option<Duration>,
        function: Function,
    ) -> Result<Timer, TooManyTimers> {
        if self.shared.stage() == crate::shared::Stage::Stopped {
            return Err(TooManyTimers);
        }
        let timers = Arc::clone(&self.shared.host_timers);
        let id = timers.start(self.shared.now().mono + delay, every, function)?;
        Ok(Timer { timers, id })
    }
}

impl Timer {
    /// Stops it, from any thread, also from within its own function.
    pub fn cancel(&self) -> Cancelled {
        self.timers.cancel(self.id)
    }

    /// Whether it will run (again).
    #[must_use]
    pub fn is_started(&self) -> bool {
        self.timers.table.lock().timers.contains_key(&self.id)
    }

    /// Its number in the engine, never given twice and never 0.
    #[must_use]
    pub const fn id(&self) -> u64 {
        self.id
    }
}

impl std::fmt::Debug for Timer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Timer({})", self.id)
    }
}

impl HostTimers {
    pub(crate) fn new(mail: Arc<Mailboxes>) -> Self {
        let table = Lock::new("host timers", Rank::QUEUE, Table::default());
        Self { table, mail, limit: AtomicI64::new(MOST) }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.table.lock().timers.len()
    }

    pub(crate) fn limit(&self) -> i64 {
        self.limit.load(Ordering::Relaxed)
    }

    pub(crate) fn set_limit(&self, limit: i64) {
        self.limit.store(limit, Ordering::Relaxed);
    }

    /// Drops them all, as the engine ends.
    pub(crate) fn clear(&self) {
        let all = std::mem::take(&mut self.table.lock().timers);
        drop(all);
    }

    fn start(
        &self,
        due: Instant,
        every: Option<Duration>,
        function: Function,
    ) -> Result<u64, TooManyTimers> {
        let mut table = self.table.lock();
        if i64::try_from(table.timers.len()).unwrap_or(i64::MAX) >= self.limit() {
            return Err(TooManyTimers);
        }
        table.next += 1;
        let id = table.next;
        table
            .timers
            .insert(id, Entry { function: Some(function), thread: 0, every, due, armed: None });
        drop(table);
        self.mail.post(WORKER, Mail::ArmTimer(id));
        Ok(id)
    }

    fn cancel(&self, id: u64) -> Cancelled {
        let entry = self.table.lock().timers.remove(&id);
        let Some(entry) = entry else { return Cancelled::Gone };
        if let Some(armed) = entry.armed {
            self.mail.post(WORKER, Mail::DisarmTimer(armed));
        }
        match entry.thread {
            0 => Cancelled::Stopped,
            own if own == thread_number() => Cancelled::Stopped,
            _ => Cancelled::Running,
        }
    }

    /// The worker puts timer `id` on its wheel with `arm`, unless it was cancelled.
    pub(crate) fn arm(&self, id: u64, arm: impl FnOnce(Instant) -> TimerId) {
        if let Some(entry) = self.table.lock().timers.get_mut(&id) {
            entry.armed = Some(arm(entry.due));
        }
    }

    /// The wheel has fired: runs the function. Answers whether it is to be armed again, and what a
    /// panic of it said.
    pub(crate) fn fire(&self, id: u64, now: Now) -> (bool, Option<String>) {
        let taken = self.table.lock().timers.get_mut(&id).and_then(|entry| {
            entry.armed = None;
            entry.thread = thread_number();
            entry.function.take()
        });
        let Some(mut function) = taken else { return (false, None) };
        let ran = catch_unwind(AssertUnwindSafe(|| function(now)));
        let again = self.put_back(id, function, now);
        let said = ran.err().map(|panic| {
            let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
            text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
        });
        (again, said)
    }

    /// What repeats and was not cancelled meanwhile waits for its next time.
    fn put_back(&self, id: u64, function: Function, now: Now) -> bool {
        let mut table = self.table.lock();
        let again = match table.timers.get_mut(&id) {
            Some(Entry { every: None, .. }) => {
                table.timers.remove(&id);
                None
            }
            entry => entry.and_then(|entry| Some((entry.every?, entry))),
        };
        let Some((every, entry)) = again else {
            // Foreign code may run when it is dropped.
            drop(table);
            return false;
        };
        entry.function = Some(function);
        entry.thread = 0;
        let next = entry.due + every;
        entry.due = if next > now.mono { next } else { now.mono + every };
        true
    }
}

impl Locks for HostTimers {
    fn report_locks(&self, into: &mut Vec<LockReport>) {
        self.table.report_locks(into);
    }
}

/// Timers unless `async.max_timers` says otherwise.
pub(crate) const MOST: i64 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_takes_what_is_documented() {
        assert!(size_of::<(u64, Entry)>() <= 64, "{}", size_of::<(u64, Entry)>());
    }
}
