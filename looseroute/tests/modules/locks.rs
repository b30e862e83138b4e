//! What the module `core` tells of locks, and when its watchdog speaks up.

use std::sync::Arc;
use std::sync::mpsc::channel;

use looseroute::core::lock::{Lock, LockReport, LockSet, Locks, Rank, set_turn, thread_number};
use looseroute::core::time::Duration;
use looseroute::module_api::module::{InitCx, InitError};
use looseroute::module_api::registry::Declare;
use looseroute::{Module, RpcValue, Stuck};

use crate::rig::{PHONE, Rig, Step, f, request, set};

pub const TESTED: &[&str] = &[
    "core.locks",
    "lock_hold_limit",
    "worker_turn_limit",
    "watchdog_interval",
    "max_logical_locks",
    "core:lock-stuck",
    "core:worker-stuck",
];

/// A module with locks that a test takes.
struct Planted {
    one: Lock<u32>,
    set: LockSet<u32>,
}

impl Planted {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            one: Lock::new("planted", Rank::HOST, 0),
            set: LockSet::new("planted set", Rank::TXN, 8, || 0),
        })
    }
}

impl Locks for Planted {
    fn report_locks(&self, into: &mut Vec<LockReport>) {
        self.one.report_locks(into);
        self.set.report_locks(into);
    }
}

impl Module for Planted {
    fn name(&self) -> &'static str {
        "planted"
    }
    fn doc(&self) -> &'static str {
        "locks that get stuck"
    }
    fn declare(self: Arc<Self>, _: &mut Declare<'_>) {}
    fn init(self: Arc<Self>, cx: &mut InitCx<'_>) -> Result<(), InitError> {
        cx.engine.locks.add(&self);
        Ok(())
    }
}

#[track_caller]
fn lock_named(rig: &Rig, name: &str) -> RpcValue {
    let all = rig.rpc("core.locks", &[]).expect("a list");
    let Some(RpcValue::Array(list)) = all.get("locks") else { panic!("{all:?}") };
    let found = list.iter().find(|l| l.get("name") == Some(&name.into()));
    found.unwrap_or_else(|| panic!("no {name} in {list:?}")).clone()
}

#[track_caller]
fn held(lock: &RpcValue) -> &[RpcValue] {
    match lock.get("held") {
        Some(RpcValue::Array(held)) => held,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_table_of_the_engine_is_listed() {
    let rig = Rig::params(&[]);
    for (name, rank) in [
        ("tm.cells", 30),
        ("usrloc.location", 10),
        ("usrloc.outbox", 60),
        ("usrloc.waiting", 60),
        ("auth nonces", 8),
        ("connections", 40),
        ("logical locks", 2),
        ("host timers", 60),
        ("waits of the host", 60),
    ] {
        let lock = lock_named(&rig, name);
        assert_eq!(lock.get("rank"), Some(&RpcValue::Int(rank)), "{name}");
        assert!(lock.get("buckets").and_then(RpcValue::as_int) >= Some(1), "{name}");
        assert_eq!(lock.get("contended"), Some(&RpcValue::Int(0)), "{name}");
        assert!(held(&lock).is_empty(), "{name}");
    }
}

#[test]
fn a_held_lock_shows_its_thread_its_place_and_its_time() {
    let planted = Planted::new();
    let rig = Rig::new(|b| b.module(planted.clone()));
    rig.pass(5000);
    let (taken, holds) = channel();
    let (release, released) = channel::<()>();
    let (turn, table) = (rig.now().mono, planted.clone());
    let holder = move || {
        set_turn(turn);
        let _guard = table.set.lock(3);
        taken.send((thread_number(), line!() - 1)).expect("the test listens");
        released.recv().expect_err("the test only hangs up");
    };
    let thread = std::thread::Builder::new().name("holder".into()).spawn(holder);
    let thread = thread.expect("a thread");
    let (number, line) = holds.recv().expect("it is taken");
    assert!(planted.set.try_lock(3).is_none());
    rig.pass(250);
    let lock = lock_named(&rig, "planted set");
    assert_eq!(lock.get("contended"), Some(&RpcValue::Int(1)));
    let [holder] = held(&lock) else { panic!("{lock:?}") };
    let text = |name| holder.get(name).expect("a member").to_string();
    assert_eq!((text("bucket"), text("thread")), ("3".into(), number.to_string()));
    assert_eq!((text("thread_name"), text("held_ms")), ("holder".into(), "250".into()));
    assert_eq!(text("since_ms"), turn.as_millis().to_string());
    assert!(text("site").ends_with(&format!("tests/modules/locks.rs:{line}")), "{holder:?}");
    drop(release);
    thread.join().expect("it ends");
    assert!(held(&lock_named(&rig, "planted set")).is_empty());
}

#[test]
fn hold_times_are_sampled_by_the_engines_clock() {
    let rig = Rig::params(&[]);
    for n in 0..200 {
        let mut req = request("REGISTER", "sip:lr.test");
        req.to = format!("<sip:u{n}@lr.test>");
        req.more = vec!["Contact: <sip:u@10.0.0.2>".into()];
        rig.run(&req, &[f("save", &["location"])]);
    }
    let samples: i64 = ["tm.cells", "usrloc.location"]
        .iter()
        .filter_map(|name| lock_named(&rig, name).get("hold_samples")?.as_int())
        .sum();
    assert!(samples > 0, "some of hundreds of takings were measured");
    // The clock that the host turns stands still within a turn.
    let lock = lock_named(&rig, "usrloc.location");
    assert_eq!(lock.get("hold_mean_ns"), Some(&RpcValue::Int(0)));
    assert_eq!(lock.get("hold_longest_ns"), Some(&RpcValue::Int(0)));
}

#[test]
fn a_lock_held_beyond_the_limit_is_told_once_with_its_holders_place() {
    let planted = Planted::new();
    let params = [("core", "lock_hold_limit", 700.into())];
    let rig = Rig::new(|b| set(b.module(planted.clone()), &params));
    rig.pass(1000);
    let look = || rig.engine.watchdog();
    assert_eq!(look(), []);
    let guard = planted.one.lock();
    let line = line!() - 1;
    assert_eq!(look(), [], "seen for the first time");
    rig.pass(600);
    assert_eq!(look(), [], "not for long enough");
    rig.pass(101);
    let stuck = look();
    let [Stuck::Lock(lock)] = &stuck[..] else { panic!("{stuck:?}") };
    assert_eq!((lock.name.as_str(), lock.bucket), ("planted", 0));
    assert_eq!(lock.held, Duration::from_millis(701));
    assert!(lock.site.ends_with(&format!("locks.rs:{line}")), "{lock:?}");
    rig.pass(1000);
    assert_eq!(look().len(), 1, "it is stuck still");
    assert_eq!(rig.stat("core", "stuck_locks"), 1, "and was told once");
    let events = rig.events();
    let told: Vec<_> = events.iter().filter(|e| e.name == "core:lock-stuck").collect();
    assert_eq!(told.len(), 1);
    let field = |name| told[0].field(name).expect("a field").to_string();
    assert_eq!(
        (field("lock"), field("bucket"), field("held_ms")),
        ("planted".into(), "0".into(), "701".into())
    );
    assert_eq!((field("site"), field("name")), (lock.site.clone(), lock.thread_name.clone()));
    let line = format!("lock planted[0] has been held for 701 ms by thread {}", lock.thread);
    assert!(rig.log().iter().any(|l| l.starts_with(&line) && l.ends_with(&lock.site)));

    // Given up and taken anew, it is another taking.
    drop(guard);
    let _again = planted.one.lock();
    assert_eq!(look(), []);
    rig.pass(701);
    assert_eq!(look().len(), 1);
    assert_eq!(rig.stat("core", "stuck_locks"), 2);
    // 0 switches it off.
    rig.engine.modparam("core", "lock_hold_limit", 0).expect("it may change");
    assert_eq!(look(), []);
}

#[test]
fn a_lock_that_is_only_busy_is_not_stuck() {
    let planted = Planted::new();
    let params = [("core", "lock_hold_limit", 100.into())];
    let rig = Rig::new(|b| set(b.module(planted.clone()), &params));
    for _ in 0..10 {
        let guard = planted.one.lock();
        assert_eq!(rig.engine.watchdog(), []);
        drop(guard);
        rig.pass(1000);
    }
    assert_eq!(rig.stat("core", "stuck_locks"), 0);
}

#[test]
fn a_worker_that_is_due_and_does_not_turn_is_told() {
    let rig = Rig::params(&[("core", "worker_turn_limit", 2000.into())]);
    rig.pass(10);
    rig.program(&[Step::Pause(1000)]);
    rig.feed(PHONE, &request("MESSAGE", "sip:bob@10.0.0.3").text());
    let start = rig.now().mono;
    let look = |ms| rig.engine.watchdog_at(start + Duration::from_millis(ms));
    assert_eq!(look(0), [], "nothing is due");
    assert_eq!(look(1900), [], "late at most by as much");
    let stuck = look(4000);
    let [Stuck::Worker(worker)] = &stuck[..] else { panic!("{stuck:?}") };
    assert_eq!((worker.worker, worker.busy), (0, false));
    assert!(worker.late >= Duration::from_millis(2900), "{worker:?}");
    assert_eq!(look(4100).len(), 1);
    assert_eq!(rig.stat("core", "stuck_workers"), 1);
    let events = rig.events();
    let told: Vec<_> = events.iter().filter(|e| e.name == "core:worker-stuck").collect();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].field("worker"), Some(&0.into()));
    assert_eq!(told[0].field("state"), Some(&"late".into()));
    // A turn, and all is well.
    rig.leap(4100);
    assert_eq!(look(4100), []);
    rig.engine.modparam("core", "worker_turn_limit", 0).expect("it may change");
    assert_eq!(look(100_000), []);
}

#[test]
fn the_parameters_have_ranges() {
    let rig = Rig::params(&[]);
    for (name, wrong) in [
        ("lock_hold_limit", -1),
        ("worker_turn_limit", -1),
        ("watchdog_interval", 9),
        ("max_logical_locks", 0),
    ] {
        let error = rig.engine.modparam("core", name, wrong).expect_err(name).to_string();
        assert!(error.starts_with(&format!("core.{name} takes ")), "{error}");
    }
}

#[test]
fn logical_locks_are_bounded() {
    let rig = Rig::params(&[("core", "max_logical_locks", 2.into())]);
    let steps = [f("lock", &["a"]), f("trylock", &["b"]), f("lock", &["c"]), f("trylock", &["d"])];
    let ran = rig.run(&request("OPTIONS", "sip:x"), &steps);
    let full = Err("too many keys are locked or waited for".to_owned());
    assert_eq!(ran.results, [Ok(1), Ok(1), full.clone(), full]);
    assert_eq!(rig.stat("core", "logical_refused"), 2);
    rig.engine.modparam("core", "max_logical_locks", 3).expect("it may change");
    assert_eq!(rig.run(&request("OPTIONS", "sip:x"), &steps).results[2], Ok(1));
}
