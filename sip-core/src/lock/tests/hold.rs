//! Turns, thread names and sampled hold times.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::*;

/// A clock that a test sets, in nanoseconds.
fn clock() -> (Clock, Arc<AtomicU64>) {
    let time = Arc::new(AtomicU64::new(0));
    let read = Arc::clone(&time);
    (Arc::new(move || Instant::from_nanos(read.load(Ordering::Relaxed))), time)
}

#[test]
fn one_taking_in_64_is_measured_by_the_clock_of_the_turn() {
    let (clock, time) = clock();
    let lock = Lock::new("x", Rank::HOST, ());
    // Without a turn there is no clock, and nothing is measured.
    std::thread::scope(|s| {
        s.spawn(|| (0..128).for_each(|_| drop(lock.lock())));
    });
    assert_eq!(lock.report().hold, HoldTimes::default());
    let _turn = begin_turn(Instant::from_nanos(5), &clock);
    for n in 1..=64 * 3 {
        let guard = lock.lock();
        assert_eq!(lock.report().held[0].since, Instant::from_nanos(5), "taking {n}");
        time.fetch_add(n * 10, Ordering::Relaxed);
        drop(guard);
    }
    let hold = lock.report().hold;
    assert_eq!(hold.samples, 3);
    assert_eq!(hold.total, Duration::from_nanos(10 * (64 + 128 + 192)));
    assert_eq!(hold.longest, Duration::from_nanos(1920));
    assert_eq!(hold.mean(), Duration::from_nanos(1280));
}

#[test]
fn the_buckets_of_a_set_are_not_all_measured_at_once() {
    let (clock, _) = clock();
    let set = LockSet::new("t", Rank::TXN, 64, || ());
    let _turn = begin_turn(Instant::ZERO, &clock);
    (0..64).for_each(|i| drop(set.lock(i)));
    assert_eq!(set.report().hold.samples, 1);
    (0..63).for_each(|_| (0..64).for_each(|i| drop(set.lock(i))));
    assert_eq!(set.report().hold.samples, 64);
}

#[test]
fn takings_of_one_bucket_are_told_apart() {
    let lock = Lock::new("x", Rank::HOST, ());
    let taken = || {
        let _guard = lock.lock();
        lock.report().held[0].taken
    };
    assert_eq!((taken(), taken(), taken()), (1, 2, 3));
}

#[test]
fn a_turn_makes_a_worker_and_gives_it_back() {
    let (clock, _) = clock();
    assert!(!on_worker());
    let outer = begin_turn(Instant::from_millis(1), &clock);
    let inner = begin_turn(Instant::from_millis(2), &clock);
    assert!(on_worker());
    drop(inner);
    assert!(on_worker(), "the outer turn goes on");
    drop(outer);
    assert!(!on_worker());
}

#[test]
fn a_thread_is_known_by_its_name_until_it_ends() {
    let named = std::thread::Builder::new().name("lr-test-thread".into());
    let thread = named.spawn(|| {
        let number = thread_number();
        (number, thread_name(number))
    });
    let (number, name) = thread.expect("a thread").join().expect("it ends");
    assert_eq!(name.as_deref(), Some("lr-test-thread"));
    assert_eq!(thread_name(number), None);
}
