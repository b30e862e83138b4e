//! One location table with its database: who waits for which commit, and the thread that writes.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use hashbrown::HashMap;
use sip_core::lock::{Lock, LockReport, Locks, Rank};
use sip_core::time::Now;
use sip_module_api::job::{Completion, Job, JobQueue, JobRunner};
use sip_module_api::log::Log;
use sip_usrloc::{Domain, LocationStore, StoreError, Writer};

/// A location table as routes and commands use it.
pub struct Table {
    /// The table.
    pub domain: Arc<Domain>,
    queue: OnceLock<JobQueue>,
    waiting: Lock<HashMap<u64, Completion>>,
    tokens: AtomicU64,
    /// Whether the writer has been told that the outbox was filled.
    rung: AtomicBool,
}

/// What the writer's thread is asked for.
#[derive(Clone, Copy, Debug)]
enum Work {
    /// The outbox was filled.
    Turn,
    /// Write what is dirty.
    Flush,
    /// Delete what has expired.
    Clean(Now),
}

impl Locks for Table {
    fn report_locks(&self, into: &mut Vec<LockReport>) {
        self.domain.report_locks(into);
        self.waiting.report_locks(into);
    }
}

impl Table {
    pub(super) fn new(domain: Arc<Domain>) -> Self {
        Self {
            domain,
            queue: OnceLock::new(),
            waiting: Lock::new("usrloc.waiting", Rank::QUEUE, HashMap::new()),
            tokens: AtomicU64::new(1),
            rung: AtomicBool::new(false),
        }
    }

    pub(super) fn set_queue(&self, queue: JobQueue) {
        let _set_once = self.queue.set(queue);
    }

    /// Whether changes are committed before they are answered.
    #[must_use]
    pub fn is_write_through(&self) -> bool {
        self.domain.config().mode == sip_usrloc::DbMode::WriteThrough
    }

    /// A number for a change whose commit `completion` waits for. To be taken back with
    /// [`Table::forget`] if nothing is to be committed.
    pub fn expect(&self, completion: Completion) -> u64 {
        let token = self.tokens.fetch_add(1, Ordering::Relaxed);
        self.waiting.lock().insert(token, completion);
        token
    }

    /// Nobody waits for `token` any more; the completion is handed back unused.
    pub fn forget(&self, token: u64) -> Option<Completion> {
        self.waiting.lock().remove(&token)
    }

    /// Tells the writer that the outbox was filled. A writer that was told and has not looked yet
    /// is not told again.
    pub fn ring(&self) {
        if !self.rung.swap(true, Ordering::AcqRel) {
            self.submit(Work::Turn);
        }
    }

    /// Asks for a flush of what is dirty.
    pub fn flush(&self) {
        self.submit(Work::Flush);
    }

    /// Asks for the removal of rows that have expired.
    pub fn clean(&self, now: Now) {
        self.submit(Work::Clean(now));
    }

    /// A full queue holds a turn or flush already, which will do this one's work too.
    fn submit(&self, work: Work) {
        if let Some(queue) = self.queue.get() {
            let _queued = queue.submit(Job { work: Box::new(work), done: None });
        }
    }
}

/// What a commit came to, for the call that waited.
pub struct Committed(pub Result<(), StoreError>);

/// The writer's thread.
pub(super) struct Runner<S> {
    pub(super) writer: Writer<S>,
    pub(super) table: Arc<Table>,
    pub(super) log: Arc<Log>,
}

impl<S: LocationStore> JobRunner for Runner<S> {
    fn run(&mut self, batch: &mut Vec<Job>) {
        let (mut flush, mut clean) = (false, None);
        for job in batch.drain(..) {
            match job.work.downcast_ref::<Work>() {
                Some(Work::Turn) | None => {}
                Some(Work::Flush) => flush = true,
                Some(Work::Clean(now)) => clean = Some(*now),
            }
        }
        self.turn();
        if flush && let Err(error) = self.writer.flush() {
            self.complain("flush", &error);
        }
        if let Some(now) = clean
            && let Err(error) = self.writer.clean(now)
        {
            self.complain("clean-up", &error);
        }
    }

    fn finish(&mut self) {
        self.turn();
        if let Err(error) = self.writer.flush() {
            self.complain("last flush", &error);
        }
    }
}

impl<S: LocationStore> Runner<S> {
    fn turn(&mut self) {
        self.table.rung.store(false, Ordering::Release);
        let mut done = Vec::new();
        loop {
            let turned = self.writer.turn(&mut done);
            for end in done.drain(..) {
                if let Err(error) = &end.result {
                    self.complain("commit", error);
                }
                let waiting = self.table.waiting.lock().remove(&end.token);
                if let Some(completion) = waiting {
                    completion.complete(Box::new(Committed(end.result)));
                }
            }
            if !turned.more {
                return;
            }
        }
    }

    fn complain(&self, what: &str, error: &StoreError) {
        let name = self.table.domain.name();
        sip_module_api::log!(self.log, Error, "usrloc", "{what} of table {name}: {error}");
    }
}
