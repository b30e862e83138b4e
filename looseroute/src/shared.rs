//! What all workers of an engine and every handle on it share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, Ordering};

use sip_core::lock;
use sip_core::proxy::Proxy;
use sip_core::stats::CounterId;
use sip_core::time::{Duration, Now};
use sip_module_api::job::Mailbox;
use sip_module_api::module::{EngineParts, Module, TimerDecl};
use sip_module_api::router::RouterFactory;

use crate::clock::Clock;
use crate::control::HttpRpc;
use crate::mail::Mailboxes;
use crate::timer::HostTimers;
use crate::watchdog::{Beat, Watchdog};

/// The counters the worker itself keeps (group `core`, Kamailio's names where it has them).
#[derive(Clone, Copy, Debug)]
pub(crate) struct WorkerCounters {
    pub(crate) bad_messages: CounterId,
    pub(crate) dropped_requests: CounterId,
    pub(crate) route_errors: CounterId,
    pub(crate) parked: CounterId,
    pub(crate) late_resumes: CounterId,
    pub(crate) refused_parking: CounterId,
    pub(crate) deadlines: CounterId,
    pub(crate) stuck_locks: CounterId,
    pub(crate) stuck_workers: CounterId,
}

impl WorkerCounters {
    pub(crate) fn declare(stats: &mut sip_core::stats::Builder) -> Self {
        let mut counter = |name, doc| stats.counter("core", name, doc);
        Self {
            bad_messages: counter("bad_msg", "messages that could not be parsed"),
            dropped_requests: counter(
                "unanswered_requests",
                "requests whose route ended without answering or relaying them",
            ),
            route_errors: counter("route_errors", "routes that ended with an error or a panic"),
            parked: counter("parked_calls", "times a route was suspended"),
            late_resumes: counter(
                "late_resumes",
                "results and wake-ups for a wait that had ended already",
            ),
            refused_parking: counter(
                "refused_parking",
                "calls answered 503 because max_parked_calls were waiting",
            ),
            deadlines: counter("async_deadlines", "waits that ended at their deadline"),
            stuck_locks: counter("stuck_locks", "locks held for longer than lock_hold_limit"),
            stuck_workers: counter(
                "stuck_workers",
                "turns that took, or were due for, longer than worker_turn_limit",
            ),
        }
    }
}

/// The engine's own run-time parameters (declared by the module `core`).
#[derive(Debug)]
pub(crate) struct CoreParams {
    /// Longest wait of an action, in milliseconds (`async_deadline`).
    pub(crate) async_deadline: AtomicI64,
    /// Most calls one worker parks (`max_parked_calls`).
    pub(crate) max_parked: AtomicI64,
}

impl CoreParams {
    pub(crate) fn deadline(&self) -> Duration {
        let ms = self.async_deadline.load(Ordering::Relaxed);
        Duration::from_millis(u64::try_from(ms).unwrap_or(0))
    }
}

/// The life of an engine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Stage {
    /// Built; parameters may be set.
    Built = 0,
    /// Serving.
    Running = 1,
    /// No new calls; what is there is brought to its end.
    Draining = 2,
    /// Over.
    Stopped = 3,
}

pub(crate) struct Shared {
    pub(crate) parts: Arc<EngineParts>,
    pub(crate) proxy: Arc<Proxy>,
    pub(crate) routes: Arc<dyn RouterFactory>,
    pub(crate) modules: Vec<Arc<dyn Module>>,
    pub(crate) mail: Arc<Mailboxes>,
    pub(crate) mailbox: Arc<dyn Mailbox>,
    pub(crate) clock: Arc<Clock>,
    pub(crate) counters: WorkerCounters,
    pub(crate) params: Arc<CoreParams>,
    pub(crate) timers: parking_lot::RwLock<Arc<Vec<TimerDecl>>>,
    pub(crate) http_rpc: Option<HttpRpc>,
    /// Where metrics are answered.
    pub(crate) http_metrics: Option<String>,
    pub(crate) stop: AtomicBool,
    pub(crate) seed: Option<u64>,
    /// The same clock for those who hold locks.
    pub(crate) lock_clock: lock::Clock,
    /// What each worker is at.
    pub(crate) beats: Vec<Beat>,
    pub(crate) watchdog: Watchdog,
    pub(crate) host_timers: Arc<HostTimers>,
    stage: AtomicU8,
}

/// What the builder hands over.
pub(crate) struct SharedInit {
    pub(crate) parts: Arc<EngineParts>,
    pub(crate) proxy: Arc<Proxy>,
    pub(crate) routes: Arc<dyn RouterFactory>,
    pub(crate) modules: Vec<Arc<dyn Module>>,
    pub(crate) mail: Arc<Mailboxes>,
    pub(crate) host_timers: Arc<HostTimers>,
    pub(crate) clock: Arc<Clock>,
    pub(crate) counters: WorkerCounters,
    pub(crate) params: Arc<CoreParams>,
    pub(crate) http_rpc: Option<HttpRpc>,
    /// Where metrics are answered.
    pub(crate) http_metrics: Option<String>,
    pub(crate) seed: Option<u64>,
}

impl Shared {
    pub(crate) fn new(init: SharedInit) -> Self {
        let mailbox: Arc<dyn Mailbox> = Arc::clone(&init.mail) as Arc<dyn Mailbox>;
        let clock = Arc::clone(&init.clock);
        let workers = init.parts.stats.shards();
        Self {
            parts: init.parts,
            proxy: init.proxy,
            routes: init.routes,
            modules: init.modules,
            mail: init.mail,
            mailbox,
            clock: init.clock,
            counters: init.counters,
            params: init.params,
            timers: parking_lot::RwLock::default(),
            http_rpc: init.http_rpc,
            http_metrics: init.http_metrics,
            stop: AtomicBool::new(false),
            seed: init.seed,
            lock_clock: Arc::new(move || clock.now().mono),
            beats: (0..workers).map(|_| Beat::default()).collect(),
            watchdog: Watchdog::default(),
            host_timers: init.host_timers,
            stage: AtomicU8::new(Stage::Built as u8),
        }
    }

    pub(crate) fn now(&self) -> Now {
        self.clock.now()
    }

    pub(crate) fn stage(&self) -> Stage {
        match self.stage.load(Ordering::Acquire) {
            0 => Stage::Built,
            1 => Stage::Running,
            2 => Stage::Draining,
            _ => Stage::Stopped,
        }
    }

    /// Goes from serving to draining, once; false when that or the end came before.
    pub(crate) fn begin_draining(&self) -> bool {
        let draining = Stage::Draining as u8;
        let begin = |stage| (stage < draining).then_some(draining);
        self.stage.fetch_update(Ordering::AcqRel, Ordering::Acquire, begin).is_ok()
    }

    pub(crate) fn set_stage(&self, stage: Stage) {
        self.stage.store(stage as u8, Ordering::Release);
    }
}
