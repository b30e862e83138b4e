//! What the core tells of locks: the command `core.locks`, the parameters of the watchdog, which
//! `looseroute` runs, and the bound of the logical locks.

use std::sync::Arc;

use sip_core::lock::{HeldLock, KeyLocks, KeyReport, LockReport, thread_name};
use sip_core::time::{Duration, Instant};
use sip_module_api::module::InitCx;
use sip_module_api::registry::{Declare, IntParam, When};
use sip_module_api::rpc::{RpcCx, RpcError, RpcValue, StructBuilder};

/// Keys that may be held and waited for unless `max_logical_locks` says otherwise.
const MOST_KEYS: usize = 100_000;

/// When the watchdog speaks up, in milliseconds.
#[derive(Clone)]
pub struct WatchdogParams {
    /// A lock held for longer is reported; 0: none is.
    pub lock_hold_limit: IntParam,
    /// A worker whose turn takes longer, or is due for longer, is reported; 0: none is.
    pub worker_turn_limit: IntParam,
    /// How often it looks.
    pub interval: IntParam,
}

pub(super) struct LockParams {
    watchdog: WatchdogParams,
    keys: Arc<KeyLocks>,
}

impl Default for LockParams {
    fn default() -> Self {
        Self {
            watchdog: WatchdogParams {
                lock_hold_limit: IntParam::new(1000),
                worker_turn_limit: IntParam::new(2000),
                interval: IntParam::new(1000),
            },
            keys: Arc::new(KeyLocks::new(MOST_KEYS)),
        }
    }
}

impl LockParams {
    pub(super) fn declare(&self, d: &mut Declare<'_>) {
        let always = When::Always;
        d.int(
            "lock_hold_limit",
            &self.watchdog.lock_hold_limit,
            0..=86_400_000,
            always,
            "milliseconds that a lock may be held before the watchdog reports it; 0: for ever",
        );
        d.int(
            "worker_turn_limit",
            &self.watchdog.worker_turn_limit,
            0..=86_400_000,
            always,
            "milliseconds that a worker's turn may take, or be due, before the watchdog reports it; \
             0: for ever",
        );
        d.int(
            "watchdog_interval",
            &self.watchdog.interval,
            10..=60_000,
            always,
            "milliseconds from one look of the watchdog to the next, on an engine with threads of \
             its own",
        );
        let (set, get) = (Arc::clone(&self.keys), Arc::clone(&self.keys));
        d.int_with(
            "max_logical_locks",
            MOST_KEYS as i64,
            1..=i64::from(i32::MAX),
            always,
            "logical locks that may be held and waited for; beyond it lock() fails",
            move |n| {
                set.set_limit(usize::try_from(n).unwrap_or(usize::MAX));
                Ok(())
            },
            move || i64::try_from(get.limit()).unwrap_or(i64::MAX),
        );
        d.event(
            "core:lock-stuck",
            &["lock", "bucket", "thread", "name", "site", "held_ms"],
            "a lock is held for longer than lock_hold_limit; told once for each taking, on the \
             watchdog's thread",
        );
        d.event(
            "core:worker-stuck",
            &["worker", "thread", "state", "ms"],
            "a worker has not turned for worker_turn_limit: state is `busy` in a turn and `late` \
             when one is due; told once, on the watchdog's thread",
        );
        self.declare_gauges(d);
        let keys = Arc::clone(&self.keys);
        d.rpc(
            "core.locks",
            "every lock: name, rank, buckets, how often threads met at it, its sampled hold times, \
             and who holds it where since when; and the logical locks with owner and waiters",
            move |cx, _| locks(cx, &keys),
        );
        d.api(Arc::new(self.watchdog.clone()));
        d.api(Arc::clone(&self.keys));
    }

    pub(super) fn init(&self, cx: &mut InitCx<'_>) {
        cx.engine.locks.add(&self.keys);
    }

    fn declare_gauges(&self, d: &mut Declare<'_>) {
        type Read = fn(&KeyLocks) -> u64;
        let gauges: [(&str, &str, Read); 3] = [
            ("logical_locks", "logical locks that are held", |k| k.held() as u64),
            ("logical_waiters", "routes and hosts that wait for one", |k| k.waiting() as u64),
            (
                "logical_refused",
                "logical locks refused because of max_logical_locks",
                KeyLocks::refused,
            ),
        ];
        for (name, doc, read) in gauges {
            let keys = Arc::clone(&self.keys);
            d.stats().gauge("core", name, doc, move || read(&keys));
        }
    }
}

fn locks(cx: &mut RpcCx<'_>, keys: &KeyLocks) -> Result<RpcValue, RpcError> {
    let now = cx.now.mono;
    let locks = cx.engine.locks.report().into_iter().map(|report| lock(now, &report));
    let logical = keys.list().into_iter().map(|key| logical(now, &key));
    Ok(StructBuilder::new()
        .with("locks", RpcValue::Array(locks.collect()))
        .with("logical", RpcValue::Array(logical.collect()))
        .build())
}

fn lock(now: Instant, report: &LockReport) -> RpcValue {
    let held = report.held.iter().map(|h| holder(now, h)).collect();
    StructBuilder::new()
        .with("name", report.name.as_ref())
        .with("rank", i32::from(report.rank.level()))
        .with("buckets", report.buckets)
        .with("contended", report.contended)
        .with("hold_samples", report.hold.samples)
        .with("hold_mean_ns", nanoseconds(report.hold.mean()))
        .with("hold_longest_ns", nanoseconds(report.hold.longest))
        .with("held", RpcValue::Array(held))
        .build()
}

fn holder(now: Instant, held: &HeldLock) -> RpcValue {
    let site = held.site.map_or(RpcValue::Null, |site| RpcValue::from(site.to_string()));
    let name = thread_name(held.thread).map_or(RpcValue::Null, RpcValue::from);
    let known = held.since != Instant::ZERO;
    let ms = |n: u128| RpcValue::from(u64::try_from(n).unwrap_or(u64::MAX));
    StructBuilder::new()
        .with("bucket", held.index)
        .with("thread", held.thread)
        .with("thread_name", name)
        .with("site", site)
        .with("since_ms", if known { ms(held.since.as_millis().into()) } else { RpcValue::Null })
        .with(
            "held_ms",
            match known {
                true => ms(now.saturating_since(held.since).as_millis()),
                false => RpcValue::Null,
            },
        )
        .build()
}

fn logical(now: Instant, key: &KeyReport) -> RpcValue {
    let ms = |since| {
        let ms = now.saturating_since(since).as_millis();
        RpcValue::from(u64::try_from(ms).unwrap_or(u64::MAX))
    };
    let waiters = key.waiters.iter().map(|waiter| {
        let waiting = StructBuilder::new().with("owner", waiter.owner.as_str());
        waiting.with("waiting_ms", ms(waiter.since)).build()
    });
    StructBuilder::new()
        .with("space", key.space)
        .with("key", key.key.as_slice())
        .with("owner", key.owner.as_str())
        .with("held_ms", ms(key.since))
        .with("waiters", RpcValue::Array(waiters.collect()))
        .build()
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
