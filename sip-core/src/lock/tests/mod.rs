//! The locks as a whole: who holds what, in which order, and what a report says meanwhile.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::*;
use crate::time::Instant;

mod hold;
mod host;
mod keys;

fn message(panic: Box<dyn std::any::Any + Send>) -> String {
    *panic.downcast::<String>().expect("a formatted panic")
}

#[test]
fn a_held_lock_names_its_holder_its_call_site_and_its_turn() {
    let lock = Lock::new("conn", Rank::CONN, 1);
    set_turn(Instant::from_millis(1500));
    let guard = lock.lock();
    let line = line!() - 1;
    let report = lock.report();
    assert_eq!((&*report.name, report.rank, report.buckets), ("conn", Rank::CONN, 1));
    let held = &report.held[0];
    assert_eq!((held.thread, held.index), (thread_number(), 0));
    assert_eq!(held.since, Instant::from_millis(1500));
    let site = held.site.unwrap();
    assert!(site.to_string().ends_with(&format!("lock/tests/mod.rs:{line}")), "{site}");
    drop(guard);
    assert!(lock.report().held.is_empty());
}

#[test]
fn a_stuck_lock_is_found_from_another_thread_without_taking_it() {
    let set = LockSet::new("txn", Rank::TXN, 8, || 0);
    let (taken, seen) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|s| {
        let holder = s.spawn(|| {
            set_turn(Instant::from_millis(100));
            let _guard = set.lock(5);
            taken.store(true, Ordering::Release);
            while !seen.load(Ordering::Acquire) {
                std::thread::yield_now();
            }
            thread_number()
        });
        while !taken.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
        let report = set.report();
        let limit = Duration::from_millis(50);
        let stuck: Vec<_> = report.stuck(Instant::from_millis(200), limit).collect();
        assert_eq!(stuck.len(), 1);
        assert_eq!(stuck[0].index, 5);
        let thread = stuck[0].thread;
        assert_eq!(report.stuck(Instant::from_millis(149), limit).count(), 0);
        seen.store(true, Ordering::Release);
        let holder = holder.join().unwrap();
        assert_eq!(thread, holder);
        assert_ne!(thread, thread_number());
    });
}

#[test]
fn call_sites_are_told_apart_until_the_table_is_full() {
    let lock = Lock::new("x", Rank::HOST, ());
    let mut sites = Vec::new();
    macro_rules! take {
        ($($take:expr),*) => {
            $({
                let guard = $take;
                sites.push(lock.report().held[0].site.map(|s| match s {
                    Site::Rust(s) => (s.line(), s.column()),
                    Site::Text(_) => panic!("it was taken in Rust"),
                }));
                drop(guard);
            })*
        };
    }
    // Twenty places in the source, four more than are told apart.
    #[rustfmt::skip]
    take!(
        lock.lock(), lock.lock(), lock.lock(), lock.lock(), lock.lock(),
        lock.lock(), lock.lock(), lock.lock(), lock.lock(), lock.lock(),
        lock.lock(), lock.lock(), lock.lock(), lock.lock(), lock.lock(),
        lock.lock(), lock.lock(), lock.lock(), lock.lock(), lock.lock()
    );
    let known: std::collections::HashSet<_> = sites.iter().flatten().collect();
    assert_eq!(known.len(), 16);
    assert!(sites[..16].iter().all(Option::is_some));
    assert!(sites[16..].iter().all(Option::is_none));
}

#[test]
fn contention_is_counted_and_a_timeout_gives_up() {
    let lock = Lock::new("q", Rank::QUEUE, 0);
    let guard = lock.lock();
    std::thread::scope(|s| {
        s.spawn(|| {
            assert!(lock.try_lock().is_none());
            assert!(lock.lock_for(Duration::from_millis(1)).is_none());
        });
    });
    drop(guard);
    assert_eq!(lock.report().contended, 2);
    assert!(lock.try_lock().is_some());
    assert!(lock.lock_for(Duration::ZERO).is_some());
    assert_eq!(lock.report().contended, 2);
}

#[test]
fn a_panic_under_the_guard_frees_the_lock() {
    let lock = Lock::new("x", Rank::CONN, 1);
    let r = catch_unwind(AssertUnwindSafe(|| {
        *lock.lock() = 2;
        let _g = lock.lock();
        panic!("planted");
    }));
    assert!(r.is_err());
    assert_eq!(*lock.try_lock().expect("free"), 2);
    assert_eq!(held_by_this_thread(), 0);
}

#[test]
fn threads_exclude_each_other() {
    let set = LockSet::new("t", Rank::TXN, 4, || 0u64);
    std::thread::scope(|s| {
        for t in 0..4usize {
            let set = &set;
            s.spawn(move || {
                for i in 0..5000usize {
                    let (mut a, b) = set.pair(i, i * t);
                    *a += 1;
                    if let Some(mut b) = b {
                        *b += 1;
                    }
                    drop(a);
                    *set.lock_by_hash((i as u64) << 32) += 1;
                }
            });
        }
    });
    let total: u64 = (0..set.buckets()).map(|i| *set.lock(i)).sum();
    let doubles: u64 =
        (0..4u64).map(|t| (0..5000).filter(|i| i & 3 != (i * t) & 3).count() as u64).sum();
    assert_eq!(total, 4 * 5000 * 2 + doubles);
}

#[test]
fn a_set_rounds_up_and_wraps_round() {
    let mut set = LockSet::new("t", Rank::TXN, 5, || 0);
    assert_eq!(set.buckets(), 8);
    *set.lock(8) = 7;
    assert_eq!(*set.get_mut(0), 7);
    assert_eq!(LockSet::new("t", Rank::TXN, 0, || ()).buckets(), 1);
    assert!((0..1000u64).all(|h| set.index_of(h << 32) < 8));
}

#[test]
fn the_pair_belongs_to_the_indexes_asked_for() {
    let mut n = 0;
    let set = LockSet::new("t", Rank::TXN, 4, || {
        n += 1;
        n - 1
    });
    let (a, b) = set.pair(3, 1);
    assert_eq!((*a, b.as_deref().copied()), (3, Some(1)));
    drop((a, b));
    let (a, b) = set.pair(2, 6);
    assert_eq!((*a, b.is_none()), (2, true));
}

#[test]
fn a_list_reports_what_lives() {
    let list = LockList::default();
    let (one, two) = (
        std::sync::Arc::new(Lock::new("one", Rank::HOST, ())),
        std::sync::Arc::new(LockSet::new("two", Rank::TXN, 4, || ())),
    );
    list.add(&one);
    list.add(&two);
    let names = || list.report().iter().map(|r| r.name.to_string()).collect::<Vec<_>>();
    assert_eq!(names(), ["one", "two"]);
    drop(one);
    assert_eq!(names(), ["two"]);
}

#[cfg(debug_assertions)]
mod order {
    use super::*;

    #[test]
    fn a_rising_rank_is_allowed_and_a_falling_one_names_both_places() {
        let (conn, txn) = (Lock::new("conn", Rank::CONN, ()), Lock::new("txn", Rank::TXN, ()));
        let a = txn.lock();
        let b = conn.lock();
        assert_eq!(held_by_this_thread(), 2);
        drop(a);
        let said = message(catch_unwind(AssertUnwindSafe(|| drop(txn.lock()))).unwrap_err());
        assert!(said.contains("\"txn\" (rank 30) while holding \"conn\" (rank 40)"), "{said}");
        assert!(said.contains("lock/tests/mod.rs:"), "{said}");
        drop(b);
        drop(txn.lock());
        assert_eq!(held_by_this_thread(), 0);
    }

    #[test]
    fn two_buckets_of_a_set_only_as_a_pair() {
        let set = LockSet::new("txn", Rank::TXN, 4, || ());
        let one = set.lock(1);
        assert!(catch_unwind(AssertUnwindSafe(|| drop(set.lock(2)))).is_err());
        assert!(catch_unwind(AssertUnwindSafe(|| drop(set.pair(2, 3)))).is_err());
        drop(one);
        let pair = set.pair(0, 3);
        assert!(catch_unwind(AssertUnwindSafe(|| drop(set.lock(1)))).is_err());
        drop(pair);
        assert_eq!(held_by_this_thread(), 0);
    }

    #[test]
    fn taking_a_lock_twice_is_an_assertion_and_not_a_deadlock() {
        let lock = Lock::new("x", Rank::new(33), ());
        let _guard = lock.lock();
        assert!(catch_unwind(AssertUnwindSafe(|| drop(lock.lock()))).is_err());
        let timed = || drop(lock.lock_for(Duration::from_secs(60)));
        assert!(catch_unwind(AssertUnwindSafe(timed)).is_err());
    }

    #[test]
    fn a_try_may_come_in_any_order_and_then_counts() {
        let (conn, txn) = (Lock::new("conn", Rank::CONN, ()), Lock::new("txn", Rank::TXN, ()));
        let _a = conn.lock();
        let b = txn.try_lock().expect("free");
        assert_eq!(held_by_this_thread(), 2);
        drop(b);
        assert_eq!(held_by_this_thread(), 1);
    }
}
