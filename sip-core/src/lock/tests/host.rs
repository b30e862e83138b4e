//! The host's locks: what each mistake is answered, and that a worker never waits.

use std::sync::Arc;

use super::*;
use HostLockError::{Closed, HeldAlready, InUse, NoSuchIndex, NotHeld, NotYours, Order, TimedOut};

fn clock() -> Clock {
    Arc::new(|| Instant::from_millis(700))
}

fn lock(name: &str, level: u32) -> HostLocks {
    HostLocks::new(name, level, 1, clock())
}

/// Runs `what` on another thread while the calling one goes on holding its locks.
fn elsewhere<R: Send>(what: impl FnOnce() -> R + Send) -> R {
    std::thread::scope(|s| s.spawn(what).join().expect("it ends"))
}

#[test]
fn a_lock_is_taken_by_one_call_and_given_back_by_another() {
    let lock = lock("queue", 0);
    assert_eq!(lock.get(0), Ok(()));
    let line = line!() - 1;
    assert_eq!(held_by_this_thread(), 0, "foreign code may run under it");
    let mut reports = Vec::new();
    lock.report_locks(&mut reports);
    let report = &reports[0];
    assert_eq!((&*report.name, report.rank, report.buckets), ("queue", Rank::HOST, 1));
    let held = &report.held[0];
    assert_eq!((held.thread, held.since), (thread_number(), Instant::from_millis(700)));
    let site = held.site.expect("known").to_string();
    assert!(site.ends_with(&format!("lock/tests/host.rs:{line}")), "{site}");
    let busy = elsewhere(|| lock.try_get(0)).expect_err("it is held");
    assert_eq!(
        busy.to_string(),
        format!("queue is held by thread {}, taken at {site}", held.thread)
    );
    assert_eq!(lock.release(0), Ok(()));
    assert_eq!(elsewhere(|| lock.try_get(0).and_then(|()| lock.release(0))), Ok(()));
    reports.clear();
    lock.report_locks(&mut reports);
    assert!(reports[0].held.is_empty() && reports[0].contended == 1);
}

#[test]
fn a_call_in_another_language_names_its_place() {
    let lock = lock("c", 0);
    assert_eq!(lock.get_at(0, Site::Text("main.c:17")), Ok(()));
    let said = elsewhere(|| lock.try_get_at(0, Site::Text("x"))).expect_err("held").to_string();
    assert!(said.ends_with("taken at main.c:17"), "{said}");
    assert_eq!(lock.release(0), Ok(()));
}

#[test]
fn each_mistake_has_its_own_error() {
    let lock = lock("l", 0);
    assert!(matches!(lock.release(0), Err(NotHeld(name)) if name == "l"));
    assert!(matches!(lock.get(1), Err(NoSuchIndex { count: 1, index: 1, .. })));
    assert!(matches!(lock.release(9), Err(NoSuchIndex { .. })));
    lock.get(0).expect("free");
    assert!(matches!(lock.get(0), Err(HeldAlready { .. })));
    assert!(matches!(lock.get_for(0, Duration::from_secs(60)), Err(HeldAlready { .. })));
    assert!(matches!(lock.try_get(0), Err(HostLockError::WouldBlock { .. })));
    assert!(matches!(elsewhere(|| lock.release(0)), Err(NotYours { .. })));
    assert!(matches!(lock.close(), Err(InUse(_))));
    let late = elsewhere(|| lock.get_for(0, Duration::from_millis(1)));
    assert!(matches!(late, Err(TimedOut { .. })), "{late:?}");
    lock.release(0).expect("it is ours");
    lock.close().expect("free");
    assert!(matches!(lock.get(0), Err(Closed(_))));
    assert!(matches!(lock.try_get(0), Err(Closed(_))));
}

#[test]
fn the_order_is_an_error_before_it_is_a_deadlock() {
    let (low, high, same) = (lock("low", 1), lock("high", 2), lock("same", 2));
    high.get(0).expect("free");
    let error = low.get(0).expect_err("against the order");
    let text = "lock order: low (level 1) while holding high (level 2)";
    assert_eq!(error.to_string(), text);
    assert!(matches!(same.get(0), Err(Order { .. })));
    // A try cannot deadlock; what it took counts from then on.
    low.try_get(0).expect("free");
    assert!(matches!(elsewhere(|| low.get_for(0, Duration::ZERO)), Err(TimedOut { .. })));
    high.release(0).expect("ours");
    same.get(0).expect("a rising level");
    same.release(0).expect("ours");
    low.release(0).expect("ours");

    let set = HostLocks::new("set", 5, 4, clock());
    set.get(1).expect("free");
    set.get(3).expect("a rising index");
    let error = set.get(2).expect_err("a falling index").to_string();
    assert_eq!(error, "lock order: set[2] (level 5) while holding set[3] (level 5)");
    set.release(3).expect("ours");
    set.get(2).expect("a rising index");
    (1..=2).for_each(|i| set.release(i).expect("ours"));
    set.close().expect("all are free");
}

#[test]
fn a_worker_is_told_instead_of_waiting() {
    let lock = lock("l", 0);
    lock.get(0).expect("free");
    let told = elsewhere(|| {
        let _turn = begin_turn(Instant::from_millis(42), &clock());
        (lock.get(0), lock.get_for(0, Duration::from_secs(60)))
    });
    assert!(matches!(told.0, Err(HostLockError::WouldBlock { .. })), "{told:?}");
    assert!(matches!(told.1, Err(HostLockError::WouldBlock { .. })), "{told:?}");
    lock.release(0).expect("ours");
    elsewhere(|| {
        let _turn = begin_turn(Instant::from_millis(42), &clock());
        lock.get(0).expect("a free one is taken");
        let mut reports = Vec::new();
        lock.report_locks(&mut reports);
        // A worker's clock is its turn.
        assert_eq!(reports[0].held[0].since, Instant::from_millis(42));
        lock.release(0).expect("ours");
    });
}

#[test]
fn those_who_wait_take_turns_and_none_is_forgotten() {
    let set = HostLocks::new("set", 0, 2, clock());
    let cells = [parking_lot::Mutex::new(0), parking_lot::Mutex::new(0)];
    std::thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                for n in 0..2000 {
                    let i = n % 2;
                    set.get(i).expect("no order is broken");
                    // Exclusive: the inner lock is never found taken.
                    *cells[i].try_lock().expect("nobody else is in here") += 1;
                    set.release(i).expect("ours");
                }
            });
        }
    });
    assert_eq!(cells.map(parking_lot::Mutex::into_inner), [4000, 4000]);
    let mut reports = Vec::new();
    set.report_locks(&mut reports);
    assert_eq!(reports[0].hold.samples, 2 * (4000 / 64));
}
