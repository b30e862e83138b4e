//! What taking and giving up a lock costs, beside parking_lot's bare mutex.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use looseroute::core::lock::{Clock, HostLocks, Lock, LockSet, Rank, begin_turn};
use looseroute::core::time::Instant;
use parking_lot::Mutex;

/// Uncontended, on a worker's thread: with a number, a turn and a clock. One taking in 64 is
/// measured, and its two clock reads are in the average.
#[allow(clippy::disallowed_methods, reason = "the clock that it measures by is the real one")]
fn uncontended(c: &mut Criterion) {
    let start = std::time::Instant::now();
    let clock: Clock = std::sync::Arc::new(move || {
        Instant::from_nanos(u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX))
    });
    let _turn = begin_turn(Instant::from_millis(1), &clock);
    let mut group = c.benchmark_group("take and give up");
    let bare = Mutex::new(0u64);
    group.bench_function("parking_lot::Mutex", |b| b.iter(|| *black_box(&bare).lock() += 1));
    let lock = Lock::new("bench", Rank::HOST, 0u64);
    group.bench_function("Lock", |b| b.iter(|| *black_box(&lock).lock() += 1));
    let set = LockSet::new("bench", Rank::HOST, 64, || 0u64);
    let mut hash = 0u64;
    group.bench_function("LockSet", |b| {
        b.iter(|| {
            hash = hash.wrapping_add(1);
            *black_box(&set).lock_by_hash(hash) += 1;
        });
    });
    let host = HostLocks::new("bench", 0, 1, clock.clone());
    group.bench_function("HostLocks", |b| {
        b.iter(|| black_box(&host).get(0).and_then(|()| host.release(0)).expect("free"));
    });
    group.finish();
}

criterion_group!(benches, uncontended);
criterion_main!(benches);
