//! What other threads hand to a worker, and the waits that hosts may end.
//!
//! Each worker has a queue and a waker. A wait for the host is a record in one table of the
//! engine: whoever takes the record out ends the wait, so that ending it twice, or after its
//! deadline, is told apart on the spot and from any thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam::queue::SegQueue;
use hashbrown::HashMap;
use parking_lot::RwLock;
use sip_core::lock::{Lock, LockReport, Locks, Rank};
use sip_core::output::Output;
use sip_core::timer::TimerId;
use sip_module_api::Value;
use sip_module_api::call::WaitToken;
use sip_module_api::flow::Resumed;
use sip_module_api::job::{Mailbox, ResumeToken};

/// A letter to a worker.
pub(crate) enum Mail {
    /// A wait of a parked call has ended.
    Resume(ResumeToken, Resumed),
    /// A waker was called: poll the route again.
    Wake(ResumeToken),
    /// The host has ended a wait it was given.
    External(ResumeToken, WaitToken, Value),
    /// Nothing but the wake-up itself, so that a worker looks whether it is to stop.
    Nudge,
    /// A timer of the host was started, by its number.
    ArmTimer(u64),
    /// A timer of the host was cancelled that is on the wheel.
    DisarmTimer(TimerId),
    /// Another worker's output for a connection that this one owns.
    Send(Output),
}

type Waker = Arc<dyn Fn() + Send + Sync>;

#[derive(Default)]
struct Slot {
    queue: SegQueue<Mail>,
    waker: RwLock<Option<Waker>>,
    /// Set from the first letter after the worker looked until it looks again, so that a burst of
    /// letters costs one wake-up.
    rung: AtomicBool,
}

/// The letter boxes of all workers.
pub(crate) struct Mailboxes {
    slots: Vec<Slot>,
    waits: Lock<Waits>,
}

#[derive(Default)]
struct Waits {
    open: HashMap<u64, ResumeToken>,
    next: u64,
}

/// The wait has ended already: it was resumed before, its deadline has passed, or its call is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "the wait has ended already: it was resumed before, its deadline passed, or its call is over"
)]
pub struct WaitGone;

impl Mailboxes {
    /// Boxes for up to `workers` workers.
    pub(crate) fn new(workers: usize) -> Self {
        let slots = (0..workers).map(|_| Slot::default()).collect();
        Self { slots, waits: Lock::new("waits of the host", Rank::QUEUE, Waits::default()) }
    }

    /// Sets how worker number `worker` is woken. It is woken at once if letters came before.
    pub(crate) fn set_waker(&self, worker: u16, waker: Waker) {
        let Some(slot) = self.slots.get(usize::from(worker)) else { return };
        *slot.waker.write() = Some(Arc::clone(&waker));
        if !slot.queue.is_empty() {
            waker();
        }
    }

    /// Whether letters wait for a worker.
    pub(crate) fn has_letters(&self, worker: u16) -> bool {
        self.slots.get(usize::from(worker)).is_some_and(|slot| !slot.queue.is_empty())
    }

    /// Puts a letter into a worker's box and wakes it.
    pub(crate) fn post(&self, worker: u16, mail: Mail) {
        let Some(slot) = self.slots.get(usize::from(worker)) else { return };
        slot.queue.push(mail);
        if !slot.rung.swap(true, Ordering::AcqRel) {
            let waker = slot.waker.read().clone();
            if let Some(wake) = waker {
                wake();
            }
        }
    }

    /// Takes the next letter of a worker.
    pub(crate) fn take(&self, worker: u16) -> Option<Mail> {
        self.slots.get(usize::from(worker))?.queue.pop()
    }

    /// Says that the worker is about to read its box: letters from now on wake it again.
    pub(crate) fn open(&self, worker: u16) {
        if let Some(slot) = self.slots.get(usize::from(worker)) {
            slot.rung.store(false, Ordering::Release);
        }
    }

    /// Wakes a worker that could not read all its letters.
    pub(crate) fn ring(&self, worker: u16) {
        let Some(slot) = self.slots.get(usize::from(worker)) else { return };
        if !slot.queue.is_empty()
            && !slot.rung.swap(true, Ordering::AcqRel)
            && let Some(wake) = slot.waker.read().clone()
        {
            wake();
        }
    }

    /// Ends a wait for the host with `value`.
    pub(crate) fn end_wait(&self, wait: WaitToken, value: Value) -> Result<(), WaitGone> {
        let call = self.waits.lock().open.remove(&wait.0).ok_or(WaitGone)?;
        self.post(call.worker(), Mail::External(call, wait, value));
        Ok(())
    }

    /// Takes a wait out of the table, as its deadline does; false when it has ended already.
    pub(crate) fn expire_wait(&self, wait: WaitToken) -> bool {
        self.waits.lock().open.remove(&wait.0).is_some()
    }

    /// How many waits are open.
    pub(crate) fn open_waits(&self) -> usize {
        self.waits.lock().open.len()
    }
}

impl Locks for Mailboxes {
    fn report_locks(&self, into: &mut Vec<LockReport>) {
        self.waits.report_locks(into);
    }
}

impl Mailbox for Mailboxes {
    fn resume(&self, token: ResumeToken, with: Resumed) {
        self.post(token.worker(), Mail::Resume(token, with));
    }

    fn wake(&self, token: ResumeToken) {
        self.post(token.worker(), Mail::Wake(token));
    }

    fn open_wait(&self, token: ResumeToken) -> WaitToken {
        let mut waits = self.waits.lock();
        // Never 0, never the same twice in the life of an engine: a stale token names nothing.
        waits.next += 1;
        let id = waits.next;
        waits.open.insert(id, token);
        WaitToken(id)
    }

    fn close_wait(&self, wait: WaitToken) {
        self.expire_wait(wait);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    #[test]
    fn a_wait_is_ended_once_and_a_burst_wakes_once() {
        let boxes = Mailboxes::new(1);
        let rings = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&rings);
        boxes.set_waker(
            0,
            Arc::new(move || {
                count.fetch_add(1, Ordering::Relaxed);
            }),
        );
        let call = ResumeToken::new(0, 1, 1);
        let (a, b) = (boxes.open_wait(call), boxes.open_wait(call));
        assert_eq!(boxes.end_wait(a, Value::Int(1)), Ok(()));
        assert_eq!(boxes.end_wait(a, Value::Int(2)), Err(WaitGone));
        assert!(boxes.expire_wait(b));
        assert_eq!(boxes.end_wait(b, Value::Null), Err(WaitGone));
        boxes.wake(call);
        assert_eq!(rings.load(Ordering::Relaxed), 1);
        boxes.open(0);
        boxes.wake(call);
        assert_eq!(rings.load(Ordering::Relaxed), 2);
    }
}
