//! The threads that run what may block: one for each queue a module asked for.

use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use crossbeam::channel::Receiver;
use sip_module_api::job::{Job, JobQueueDecl};

use crate::clock::Clock;

/// The job threads of an engine. Each ends when every sender of its queue is gone or it is told to
/// stop, after it has done what was queued.
pub(crate) struct Jobs {
    stop: crossbeam::channel::Sender<()>,
    threads: Vec<JoinHandle<()>>,
}

impl Jobs {
    /// Starts a thread for each queue.
    pub(crate) fn start(queues: Vec<JobQueueDecl>, clock: &Arc<Clock>) -> std::io::Result<Self> {
        let (stop, stopped) = crossbeam::channel::bounded(0);
        let mut threads = Vec::new();
        for queue in queues {
            let (stopped, clock) = (stopped.clone(), Arc::clone(clock));
            let name = format!("lr-{}", queue.name);
            threads.push(Builder::new().name(name).spawn(move || run(queue, &stopped, &clock))?);
        }
        Ok(Self { stop, threads })
    }

    /// Lets the threads finish what is queued, and waits for them.
    pub(crate) fn stop(self) {
        drop(self.stop);
        for thread in self.threads {
            // A runner that panicked has failed its own waits already; nothing is left to do.
            let _panicked = thread.join();
        }
    }
}

fn run(mut queue: JobQueueDecl, stopped: &Receiver<()>, clock: &Clock) {
    let mut batch: Vec<Job> = Vec::with_capacity(queue.max_batch);
    loop {
        crossbeam::select! {
            recv(queue.receiver) -> job => match job {
                Ok(job) => batch.push(job),
                Err(_) => break,
            },
            recv(stopped) -> _ => {
                if queue.receiver.is_empty() || queue.runner.drops_at_stop() { break }
            }
        }
        if queue.runner.drops_at_stop() && is_stopped(stopped) {
            break;
        }
        while batch.len() < queue.max_batch {
            let Ok(job) = queue.receiver.try_recv() else { break };
            batch.push(job);
        }
        if !batch.is_empty() {
            sip_core::lock::set_turn(clock.now().mono);
            queue.runner.run(&mut batch);
            batch.clear();
        }
    }
    sip_core::lock::set_turn(clock.now().mono);
    queue.runner.finish();
}

fn is_stopped(stopped: &Receiver<()>) -> bool {
    matches!(stopped.try_recv(), Err(crossbeam::channel::TryRecvError::Disconnected))
}

#[cfg(test)]
mod tests {
    use super::*;
    use parking_lot::Mutex;
    use sip_module_api::job::{JobRunner, job_queue};

    struct Collect(Arc<Mutex<Vec<u32>>>);
    impl JobRunner for Collect {
        fn run(&mut self, batch: &mut Vec<Job>) {
            self.0.lock().extend(batch.iter().filter_map(|j| j.work.downcast_ref::<u32>()));
        }
        fn finish(&mut self) {
            self.0.lock().push(u32::MAX);
        }
    }

    #[test]
    fn what_is_queued_is_done_before_the_threads_stop() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (queue, decl) = job_queue("t", 100, 7, Box::new(Collect(Arc::clone(&seen))));
        let jobs =
            Jobs::start(vec![decl], &Arc::new(Clock::told())).expect("threads can be started");
        for n in 0..50u32 {
            assert!(queue.submit(Job { work: Box::new(n), done: None }).is_ok());
        }
        jobs.stop();
        assert_eq!(*seen.lock(), (0..50).chain([u32::MAX]).collect::<Vec<_>>());
    }
}
