//! What waits in a job queue when the engine ends: work that nobody needs any more is dropped and
//! its requests are answered; the rest is done first.

mod kit;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use kit::{DOMAIN, Phone, Served, until};
use looseroute::core::time::Duration as Wait;
use looseroute::module_api::flow::{Flow, Resumed, Suspend};
use looseroute::module_api::job::{Job, JobQueue, JobRunner};
use looseroute::module_api::module::{InitCx, InitError};
use looseroute::module_api::registry::Declare;
use looseroute::prelude::*;
use looseroute::{Engine, Module, RouteMask};
use parking_lot::Mutex;

const PHONES: usize = 5;

/// How many jobs the thread has begun, how many were thrown away without it, and whether the end
/// has come so far that queues are closed next.
#[derive(Default)]
struct Counts {
    begun: AtomicUsize,
    dropped: AtomicUsize,
    closing: AtomicBool,
}

/// A job that tells when it is thrown away.
struct Work {
    counts: Arc<Counts>,
    begun: bool,
}

impl Drop for Work {
    fn drop(&mut self) {
        let counter = if self.begun { &self.counts.begun } else { &self.counts.dropped };
        counter.fetch_add(1, Ordering::SeqCst);
    }
}

/// A thread whose first job lasts until the test lets go, as a name server that does not answer.
struct Slow {
    drops: bool,
    held: Option<Receiver<()>>,
    started: Sender<()>,
}

impl JobRunner for Slow {
    fn drops_at_stop(&self) -> bool {
        self.drops
    }

    fn run(&mut self, batch: &mut Vec<Job>) {
        for mut job in batch.drain(..) {
            let work = job.work.downcast_mut::<Work>().expect("its own work");
            work.begun = true;
            if let Some(held) = self.held.take() {
                self.started.send(()).expect("the test listens");
                // The test lets go by dropping its end.
                let _let_go = held.recv();
            }
            if let Some(done) = job.done.take() {
                done.complete(Box::new(()));
            }
        }
    }
}

/// The function `slow()`: waits for the thread.
struct SlowModule {
    runner: Mutex<Option<Slow>>,
    queue: OnceLock<JobQueue>,
    counts: Arc<Counts>,
}

impl Module for SlowModule {
    fn name(&self) -> &'static str {
        "slow"
    }

    fn doc(&self) -> &'static str {
        "a test's module"
    }

    fn declare(self: Arc<Self>, d: &mut Declare<'_>) {
        d.function("slow", 0..=0, RouteMask::REQUEST, "slow()", move |cx, _, _| {
            let work = Work { counts: Arc::clone(&self.counts), begun: false };
            let job = Job { work: Box::new(work), done: Some(cx.completion()) };
            let queue = self.queue.get().expect("initialised");
            match queue.submit(job) {
                Ok(()) => Flow::Suspend(waiting()),
                Err(_) => Flow::Return(-1),
            }
        });
    }

    fn init(self: Arc<Self>, cx: &mut InitCx<'_>) -> Result<(), InitError> {
        let runner = self.runner.lock().take().expect("initialised once");
        let queue = cx.job_queue("slow", 100, 1, Box::new(runner));
        self.queue.set(queue).map_err(|_| InitError::new("slow", "is initialised twice"))
    }

    fn shutdown(&self, _now: looseroute::core::time::Now) {
        self.counts.closing.store(true, Ordering::SeqCst);
    }
}

fn waiting() -> Suspend {
    Suspend {
        deadline: Some(Wait::from_secs(100)),
        then: Box::new(|_, _, with| match with {
            Resumed::Shutdown => Flow::Error(ActionError::Shutdown),
            _ => Flow::Return(1),
        }),
    }
}

/// Ends an engine whose thread is busy with the first of the phones' jobs; answers how many jobs
/// were done and how many dropped.
fn end_with_a_queue(drops: bool) -> (usize, usize) {
    let (let_go, held) = channel::<()>();
    let (started, begun) = channel();
    let counts = Arc::new(Counts::default());
    let runner = Slow { drops, held: Some(held), started };
    let module = SlowModule {
        runner: Mutex::new(Some(runner)),
        queue: OnceLock::new(),
        counts: Arc::clone(&counts),
    };
    let engine = Engine::builder()
        .domain(DOMAIN)
        .listen("udp:127.0.0.1:0")
        .module(Arc::new(module))
        .request_route(|call: Call| async move {
            call.function("slow", []).await?;
            Ok(call.reply(200, "OK").await?)
        })
        .build();
    let served = Served::started(engine.expect("the engine builds"));
    let phones: Vec<Phone> =
        (0..PHONES).map(|n| Phone::udp(&format!("user{n}"), served.udp())).collect();
    for phone in &phones {
        phone.say(&phone.invite("bob"));
    }
    begun.recv_timeout(kit::PATIENCE).expect("the first job begins");
    until("all of them wait", || {
        served.engine.statistic("core", "parked_calls") == Some(PHONES as u64)
    });

    let engine = Arc::clone(&served.engine);
    let ending = std::thread::spawn(move || engine.shutdown(Duration::from_millis(50)));
    // They are answered before the thread is done with its first job.
    for phone in &phones {
        let last = phone.hear_code(503);
        assert_eq!(last.header("Retry-After"), "10", "{last:?}");
    }
    until("queues are closed next", || counts.closing.load(Ordering::SeqCst));
    phones.iter().for_each(Phone::hears_nothing);
    drop(let_go);
    assert!(!ending.join().expect("the thread lives"), "not all had ended in time");
    drop(served);
    (counts.begun.load(Ordering::SeqCst), counts.dropped.load(Ordering::SeqCst))
}

#[test]
fn queued_work_that_nobody_needs_any_more_is_dropped_and_its_requests_are_answered() {
    assert_eq!(end_with_a_queue(true), (1, PHONES - 1));
}

#[test]
fn queued_work_that_must_not_be_lost_is_done_before_the_end() {
    assert_eq!(end_with_a_queue(false), (PHONES, 0));
}
