//! What must not allocate once it is warm: parking a message, timers, counters, locks, checking
//! credentials. Counted by an allocator of the test's own, for each thread apart.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::VecDeque;

use sip_core::auth::{Algorithm, ha1, ha2, respond};
use sip_core::auth::{Authenticator, DigestFields, Protection, Qop, Secret};
use sip_core::lock::{Lock, LockSet, Rank};
use sip_core::mem::{Budget, SlotPool};
use sip_core::rng::{Rng, SeededRng};
use sip_core::stats::Builder;
use sip_core::time::{Duration, Instant, Now, WallTime};
use sip_core::timer::Wheel;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    // An allocation while the thread ends is nobody's.
    let _ = ALLOCATIONS.try_with(|n| n.set(n.get() + 1));
}

// SAFETY: every call goes to the system's allocator unchanged; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps `GlobalAlloc`'s contract, which is also that of `System`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: as for `alloc`; `ptr` came from `System`.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count();
        // SAFETY: as for `dealloc`.
        unsafe { System.realloc(ptr, layout, new_size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(work: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.with(Cell::get);
    work();
    ALLOCATIONS.with(Cell::get) - before
}

#[test]
fn the_allocator_counts() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(1)))), 1);
}

#[test]
fn parking_a_message_allocates_nothing_in_the_steady_state() {
    let mut pool = SlotPool::default();
    let mut rng = SeededRng::new(4);
    let data = vec![b'x'; 4096];
    let mut parked = VecDeque::with_capacity(600);
    let mut round = |n: usize| {
        for _ in 0..n {
            let len = 300 + rng.below(1200) as usize;
            parked.push_back(pool.take(&data[..len]));
            // Lives of different lengths: one in four goes early.
            if rng.below(4) == 0 {
                let i = rng.below(parked.len() as u64) as usize;
                parked.remove(i);
            }
            if parked.len() > 500 {
                parked.pop_front();
            }
        }
    };
    round(200_000);
    assert_eq!(allocations(|| round(100_000)), 0);
}

#[test]
fn parked_messages_pin_at_most_twice_their_bytes() {
    let mut pool = SlotPool::new(usize::MAX);
    let mut rng = SeededRng::new(9);
    let data = vec![b'x'; 2048];
    let mut bytes = 0;
    let parked: Vec<_> = (0..10_000)
        .map(|_| {
            let len = 350 + rng.below(1000) as usize;
            bytes += len;
            pool.take(&data[..len])
        })
        .collect();
    let usage = pool.usage();
    assert_eq!(usage.parked, parked.len());
    // A slot's handle in the pool, its shared record and the allocator's two headers.
    let overhead = usage.parked * (2 * 32 + 48 + 32);
    assert!(usage.parked_bytes + overhead <= 2 * bytes, "{usage:?} for {bytes}");
}

#[test]
fn timers_allocate_nothing_once_warm() {
    let mut wheel: Wheel<(u64, u32)> = Wheel::new();
    let mut rng = SeededRng::new(5);
    let mut now = Instant::from_millis(1_000);
    let mut round = |n: usize| {
        for i in 0..n as u32 {
            let keep = wheel.arm(now + Duration::from_millis(rng.below(5_000)), (1, i));
            let drop = wheel.arm(now + Duration::from_millis(32_000), (2, i));
            assert!(wheel.cancel(drop));
            now += Duration::from_millis(3);
            let _ = (keep, wheel.next());
            wheel.expire(now, &mut |_| {});
        }
    };
    round(10_000);
    assert_eq!(allocations(|| round(50_000)), 0);
}

#[test]
fn locks_counters_and_charges_allocate_nothing() {
    let (set, lock) =
        (LockSet::new("t", Rank::TXN, 16, || 0u64), Lock::new("q", Rank::QUEUE, 0u64));
    let mut builder = Builder::new();
    let id = builder.counter("sl", "sent_replies", "");
    let stats = builder.build(1);
    let shard = stats.shard(0).unwrap();
    let budget = Budget::new("transactions", 1 << 20);
    let round = || {
        for i in 0..1000u64 {
            let mut bucket = set.lock_by_hash(i);
            *lock.lock() += 1;
            *bucket += 1;
            drop(bucket);
            let (_low, _high) = set.pair(3, i as usize);
            shard.inc(id);
            let charge = budget.charge(700).unwrap();
            budget.release(charge);
        }
    };
    round();
    assert_eq!(allocations(round), 0);
    assert_eq!(stats.get("sl", "sent_replies"), Some(2000));
}

#[test]
fn checking_credentials_allocates_nothing() {
    let server = Authenticator::new(b"secret", 64);
    let now = Now { mono: Instant::ZERO, wall: WallTime::from_secs(1_700_000_000) };
    let nonce = server.nonce(now, &mut SeededRng::new(1), b"sip.test", &[b"192.0.2.1"]);
    let a = Algorithm::Sha256;
    let check = |count: u32| {
        let mut nc = *b"00000000";
        for (i, c) in nc.iter_mut().rev().enumerate() {
            *c = b"0123456789abcdef"[(count >> (4 * i)) as usize & 15];
        }
        let p = Protection { qop: Qop::Auth, nc: &nc, cnonce: b"c0" };
        let ha2 = ha2(a, Some(Qop::Auth), b"REGISTER", b"sip:sip.test", b"");
        let ha1 = ha1(a, b"alice", b"sip.test", b"wonder");
        let response = respond(a, &ha1, &nonce, Some(p), &ha2);
        let fields = DigestFields {
            scheme: b"Digest",
            username: Some(b"alice"),
            realm: Some(b"sip.test"),
            nonce: Some(&nonce),
            uri: Some(b"sip:sip.test"),
            response: Some(&response),
            algorithm: Some(b"SHA-256"),
            cnonce: Some(b"c0"),
            opaque: None,
            qop: Some(b"auth"),
            nc: Some(&nc),
        };
        let claim = server.precheck(now, &fields, &[b"192.0.2.1"]).unwrap();
        server.verify(now, &claim, b"REGISTER", b"", Secret::Ha1(&ha1)).unwrap();
    };
    check(1);
    assert_eq!(allocations(|| (2..500).for_each(check)), 0);
}
