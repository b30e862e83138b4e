//! Work that may block, done by threads of the engine: the queue a module submits to, the runner
//! that its thread drives, and the completion that brings the result back to the parked call.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam::channel::{Receiver, Sender, TrySendError, bounded};
use sip_core::lock::{KeyLock, KeyWaiter};

use crate::call::WaitToken;
use crate::flow::Resumed;
use crate::value::Value;

/// Names one wait of one parked call, checked by generation: used twice, or after the deadline, it
/// names nothing. The worker is in the upper 16 bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ResumeToken(pub u64);

impl ResumeToken {
    /// A token of `worker` for its parking slot `slot` in generation `generation`.
    #[must_use]
    pub const fn new(worker: u16, generation: u32, slot: u32) -> Self {
        Self(
            (worker as u64) << 48
                | ((generation & 0xff_ffff) as u64) << 24
                | (slot & 0xff_ffff) as u64,
        )
    }

    /// The worker that parked the call.
    #[must_use]
    pub const fn worker(self) -> u16 {
        (self.0 >> 48) as u16
    }

    /// The generation of the slot, 24 bits.
    #[must_use]
    pub const fn generation(self) -> u32 {
        ((self.0 >> 24) & 0xff_ffff) as u32
    }

    /// The parking slot.
    #[must_use]
    pub const fn slot(self) -> u32 {
        (self.0 & 0xff_ffff) as u32
    }
}

/// Where what ends a wait is posted; the engine's workers read it. Any thread may post.
pub trait Mailbox: Send + Sync {
    /// Ends the wait named by `token`; one that is no longer waited for is counted and dropped.
    fn resume(&self, token: ResumeToken, with: Resumed);
    /// Polls the route of the call again, without ending an action (a Rust waker's call).
    fn wake(&self, token: ResumeToken);
    /// Opens a wait for the host on the call whose next token is `token`.
    fn open_wait(&self, token: ResumeToken) -> WaitToken;
    /// Closes a wait that was never ended; resuming it from now on answers that it is gone.
    fn close_wait(&self, wait: WaitToken);
}

/// The right to end one wait. Dropped unused, it ends the wait as a failure with a `Null` value,
/// so that no call is parked for a job that was lost.
pub struct Completion {
    token: ResumeToken,
    mailbox: Option<Arc<dyn Mailbox>>,
}

impl Completion {
    /// The completion of the wait that `token` names.
    #[must_use]
    pub fn new(token: ResumeToken, mailbox: Arc<dyn Mailbox>) -> Self {
        Self { token, mailbox: Some(mailbox) }
    }

    /// Gives the right up: the function that asked for it does not wait after all.
    pub fn withdraw(mut self) {
        self.mailbox = None;
    }

    /// Ends the wait with a result.
    pub fn complete(mut self, result: Box<dyn Any + Send>) {
        if let Some(mailbox) = self.mailbox.take() {
            mailbox.resume(self.token, Resumed::Done(result));
        }
    }
}

/// A call that waits for a logical lock is resumed with it. If the wait has ended by then, the lock
/// is dropped with the letter and goes to the next.
impl KeyWaiter for Completion {
    fn granted(self: Box<Self>, lock: KeyLock) {
        self.complete(Box::new(lock));
    }

    fn withdrawn(self: Box<Self>) {
        self.withdraw();
    }
}

impl Drop for Completion {
    fn drop(&mut self) {
        if let Some(mailbox) = self.mailbox.take() {
            mailbox.resume(self.token, Resumed::Value(Value::Null));
        }
    }
}

impl fmt::Debug for Completion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Completion({:x})", self.token.0)
    }
}

/// One piece of work for a queue's thread.
pub struct Job {
    /// What to do, in a type that the module and its runner share.
    pub work: Box<dyn Any + Send>,
    /// Whom to tell; `None` when nobody waits.
    pub done: Option<Completion>,
}

/// What a queue's thread runs. It may block.
pub trait JobRunner: Send {
    /// Does all jobs of `batch`, in order, and completes those that have a completion. What is
    /// left in the batch afterwards is dropped, which fails the waits.
    fn run(&mut self, batch: &mut Vec<Job>);

    /// Whether what is still queued when the engine stops is to be dropped, which fails its waits,
    /// rather than done: for work that nobody needs any more then.
    fn drops_at_stop(&self) -> bool {
        false
    }

    /// Called once after the last batch, when the engine shuts down.
    fn finish(&mut self) {}
}

/// The submitting side of a job queue. Bounded: a full queue refuses, and says so.
#[derive(Clone)]
pub struct JobQueue {
    sender: Sender<Job>,
    refused: Arc<AtomicU64>,
}

/// The queue was full or its thread has ended; the job comes back.
pub struct JobRefused(pub Job);

impl JobQueue {
    /// Hands a job to the queue's thread.
    ///
    /// # Errors
    /// The job itself when the queue is full or closed; nothing was done.
    pub fn submit(&self, job: Job) -> Result<(), JobRefused> {
        self.sender.try_send(job).map_err(|e| {
            self.refused.fetch_add(1, Ordering::Relaxed);
            match e {
                TrySendError::Full(job) | TrySendError::Disconnected(job) => JobRefused(job),
            }
        })
    }

    /// How many jobs wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sender.len()
    }

    /// Whether no job waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sender.is_empty()
    }

    /// How many jobs were refused since the start.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

/// A queue that a module asked for at init; the engine starts its thread.
pub struct JobQueueDecl {
    /// The thread's name.
    pub name: String,
    /// How many jobs one batch holds at most.
    pub max_batch: usize,
    /// What the thread runs.
    pub runner: Box<dyn JobRunner>,
    /// The receiving side.
    pub receiver: Receiver<Job>,
}

/// A queue of at most `bound` jobs whose thread will drive `runner` with batches of up to
/// `max_batch`.
#[must_use]
pub fn job_queue(
    name: impl Into<String>,
    bound: usize,
    max_batch: usize,
    runner: Box<dyn JobRunner>,
) -> (JobQueue, JobQueueDecl) {
    let (sender, receiver) = bounded(bound.max(1));
    let queue = JobQueue { sender, refused: Arc::default() };
    (queue, JobQueueDecl { name: name.into(), max_batch: max_batch.max(1), runner, receiver })
}

#[cfg(test)]
mod tests {
    use super::*;
    use parking_lot::Mutex;

    #[derive(Default)]
    struct Seen(Mutex<Vec<(u64, bool)>>);
    impl Mailbox for Seen {
        fn resume(&self, token: ResumeToken, with: Resumed) {
            self.0.lock().push((token.0, matches!(with, Resumed::Done(_))));
        }
        fn wake(&self, _: ResumeToken) {}
        fn open_wait(&self, _: ResumeToken) -> WaitToken {
            WaitToken(1)
        }
        fn close_wait(&self, _: WaitToken) {}
    }

    struct Noop;
    impl JobRunner for Noop {
        fn run(&mut self, batch: &mut Vec<Job>) {
            batch.clear();
        }
    }

    #[test]
    fn a_token_keeps_its_parts() {
        let t = ResumeToken::new(9, 0x12_3456, 77);
        assert_eq!((t.worker(), t.generation(), t.slot()), (9, 0x12_3456, 77));
    }

    #[test]
    fn a_lost_job_fails_its_wait_and_a_done_one_ends_it_once() {
        let seen = Arc::new(Seen::default());
        let mailbox: Arc<dyn Mailbox> = Arc::clone(&seen) as Arc<dyn Mailbox>;
        drop(Completion::new(ResumeToken(1), Arc::clone(&mailbox)));
        Completion::new(ResumeToken(2), mailbox).complete(Box::new(()));
        assert_eq!(*seen.0.lock(), [(1, false), (2, true)]);
    }

    #[test]
    fn a_full_queue_gives_the_job_back() {
        let (queue, _decl) = job_queue("q", 1, 8, Box::new(Noop));
        assert!(queue.submit(Job { work: Box::new(1), done: None }).is_ok());
        let Err(JobRefused(job)) = queue.submit(Job { work: Box::new(2), done: None }) else {
            panic!("the second job was taken")
        };
        assert_eq!(job.work.downcast_ref::<i32>(), Some(&2));
        assert_eq!((queue.len(), queue.refused()), (1, 1));
    }
}
