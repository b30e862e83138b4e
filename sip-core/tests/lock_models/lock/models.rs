//! The models. Each runs in every order; a deadlock or a lost wake-up fails it too.

use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use super::holder::{Class, Holder};
use super::*;
use crate::time::Instant;

/// As `std::thread::spawn` for a loom thread with this number.
fn thread<R: 'static>(number: u32, body: impl FnOnce() -> R + 'static) -> Joined<R> {
    Joined(loom::thread::spawn(move || {
        thread::be(number);
        body()
    }))
}

struct Joined<R>(loom::thread::JoinHandle<R>);

impl<R> Joined<R> {
    fn end(self) -> R {
        self.0.join().expect("the thread ends")
    }
}

/// Runs with at most three changes of thread that nothing forces; beyond that, the orders are
/// many and find nothing new.
fn model(body: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(body);
}

#[test]
fn holders_exclude_each_other_and_only_waiting_counts_as_contention() {
    model(|| {
        let lock = Arc::new(Lock::new("x", Rank::HOST, 0));
        let other = Arc::clone(&lock);
        let t = thread(1, move || *other.lock() += 1);
        thread::be(2);
        *lock.lock() += 1;
        t.end();
        assert_eq!(*lock.lock(), 2);
        let report = lock.report();
        assert!(report.contended <= 1 && report.held.is_empty(), "{report:?}");
    });
}

#[test]
fn a_report_never_mixes_two_holders_and_shows_none_in_the_end() {
    model(|| {
        let lock = Arc::new(Lock::new("x", Rank::HOST, ()));
        let threads = [1, 2].map(|number| {
            let lock = Arc::clone(&lock);
            thread(number, move || drop(lock.lock()))
        });
        for held in lock.report().held {
            // Never one holder's thread with the other's turn.
            assert!([1, 2].contains(&held.thread) && [1, 2].contains(&held.taken), "{held:?}");
            assert_eq!(held.since.as_nanos(), u64::from(held.thread) * 100);
            assert!(held.site.is_some(), "{held:?}");
        }
        threads.into_iter().for_each(Joined::end);
        assert!(lock.report().held.is_empty());
    });
}

#[test]
fn call_sites_that_meet_in_the_table_are_told_apart() {
    model(|| {
        let class = Arc::new(Class::new("x", Rank::HOST, 2));
        let hold = |number, site: &'static Location<'static>, class: Arc<Class>| {
            thread(number, move || {
                let holder = Holder::new(0);
                holder.set(&class, site);
                let held = class.report(std::iter::once(&holder)).held.remove(0);
                holder.clear();
                assert_eq!(held.site, Some(Site::Rust(site)));
                assert_eq!((held.thread, held.since.as_nanos()), (number, u64::from(number) * 100));
            })
        };
        let (a, b) = (Location::caller(), here());
        let first = hold(1, a, Arc::clone(&class));
        let second = hold(2, b, Arc::clone(&class));
        first.end();
        second.end();
    });
}

#[track_caller]
fn here() -> &'static Location<'static> {
    elsewhere()
}

#[track_caller]
fn elsewhere() -> &'static Location<'static> {
    Location::caller()
}

#[test]
fn one_of_two_holders_is_measured_when_it_is_the_64th() {
    model(|| {
        let class = Arc::new(Class::new("x", Rank::HOST, 2));
        let cell = Arc::new(single::Cell::new((), 62));
        let take = |cell: Arc<single::Cell<()>>, class: Arc<Class>| {
            drop(cell.lock(&class, None, Location::caller()));
        };
        let (cell2, class2) = (Arc::clone(&cell), Arc::clone(&class));
        let t = thread(1, move || take(cell2, class2));
        thread::be(2);
        take(Arc::clone(&cell), Arc::clone(&class));
        t.end();
        let report = class.report(std::iter::once(&cell.holder));
        assert_eq!((report.hold.samples, report.held.len()), (1, 0));
    });
}

fn host_lock() -> Arc<HostLocks> {
    let clock: Clock = Arc::new(|| Instant::from_nanos(1));
    Arc::new(HostLocks::new("h", 0, 1, clock))
}

#[test]
fn every_thread_that_waits_for_a_host_lock_gets_it() {
    model(|| {
        let lock = host_lock();
        let inside = Arc::new(loom::cell::UnsafeCell::new(0));
        let threads: Vec<_> = (1..=2)
            .map(|number| {
                let (lock, inside) = (Arc::clone(&lock), Inside(Arc::clone(&inside)));
                thread(number, move || {
                    assert_eq!(lock.get(0), Ok(()));
                    inside.enter();
                    assert_eq!(lock.release(0), Ok(()));
                })
            })
            .collect();
        threads.into_iter().for_each(Joined::end);
        thread::be(9);
        assert_eq!(lock.close(), Ok(()));
    });
}

/// Loom tells when two threads are in here at once.
struct Inside(Arc<loom::cell::UnsafeCell<u32>>);

impl Inside {
    fn enter(&self) {
        // SAFETY: the lock under test excludes others; where it does not, loom fails the model.
        self.0.with_mut(|n| unsafe { *n += 1 });
    }
}

#[test]
fn a_host_lock_is_closed_or_taken_and_never_both() {
    model(|| {
        let lock = host_lock();
        let other = Arc::clone(&lock);
        let t = thread(1, move || {
            let got = other.get(0);
            (got.is_ok(), got.is_ok().then(|| other.release(0)))
        });
        thread::be(2);
        let closed = lock.close().is_ok();
        let (taken, released) = t.end();
        assert_ne!(released, Some(Err(HostLockError::NotHeld("h".into()))));
        if !closed {
            assert!(taken, "only a lock that is held cannot be closed");
        }
        if !taken {
            assert!(closed, "only a closed lock refuses");
        }
    });
}

/// Counts what becomes of a waiter; a lock it is granted is dropped at once.
struct Fate(Arc<loom::sync::atomic::AtomicU32>);

impl KeyWaiter for Fate {
    fn granted(self: Box<Self>, lock: KeyLock) {
        self.0.fetch_add(1, loom::sync::atomic::Ordering::SeqCst);
        drop(lock);
    }
    fn withdrawn(self: Box<Self>) {
        self.0.fetch_add(100, loom::sync::atomic::Ordering::SeqCst);
    }
}

#[test]
fn a_waiter_is_granted_the_key_or_withdrawn_and_the_key_is_free_in_the_end() {
    model(|| {
        thread::be(1);
        let keys = Arc::new(KeyLocks::new(8));
        let now = Instant::ZERO;
        let first = keys.try_lock("s", b"k", "a", now).expect("free");
        let fate = Arc::new(loom::sync::atomic::AtomicU32::new(0));
        let counted = Fate(Arc::clone(&fate));
        let made = move || Box::new(counted) as Box<dyn KeyWaiter>;
        let Ok(Locked::Queued(wait)) = keys.lock_or_queue("s", b"k", "b", now, made) else {
            panic!("it is held");
        };
        let t = thread(2, move || drop(wait));
        drop(first);
        t.end();
        let fate = fate.load(loom::sync::atomic::Ordering::SeqCst);
        assert!(fate == 1 || fate == 100, "{fate}");
        assert_eq!((keys.held(), keys.waiting()), (0, 0));
        assert!(keys.try_lock("s", b"k", "c", now).is_ok());
    });
}

#[test]
fn a_thread_that_gives_up_waiting_leaves_no_key_locked() {
    model(|| {
        thread::be(1);
        let keys = Arc::new(KeyLocks::new(8));
        let first = keys.try_lock("s", b"k", "a", Instant::ZERO).expect("free");
        let other = Arc::clone(&keys);
        let t = thread(2, move || {
            match other.lock_for("s", b"k", "b", Instant::ZERO, Duration::from_secs(1)) {
                Ok(lock) => drop(lock),
                Err(error) => assert_eq!(error, Refused::TimedOut),
            }
        });
        drop(first);
        t.end();
        assert_eq!((keys.held(), keys.waiting()), (0, 0));
    });
}
