//! Which nonces were used, and how often: a table of fixed size that never forgets silently.

use std::sync::atomic::{AtomicU64, Ordering};

use super::nonce::NonceStamp;
use crate::lock::{LockReport, LockSet, Locks, Rank};

/// The uses of nonces, to refuse a second use of the same one.
///
/// For each nonce the highest count and the 64 counts below it are remembered, so requests of one
/// phone may overtake each other and none is taken twice. The table is bounded: 16 nonces a bucket
/// (40 bytes each, allocated at first use). A full bucket gives up its oldest nonce and remembers
/// how old that one was: an unknown nonce that is not younger is refused as forgotten, since it
/// may be that one. Forgetting therefore costs a phone one more challenge and never lets a replay
/// through.
#[derive(Debug)]
pub struct NonceCounts {
    table: LockSet<Bucket>,
    evicted: AtomicU64,
}

/// Why a use is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NonceRefusal {
    /// This count was used, or is more than 63 behind the highest; or the nonce was used and may
    /// be used once.
    Replayed,
    /// The nonce is not in the table and is as old as one that was dropped from it.
    Forgotten,
}

#[derive(Debug, Default)]
struct Bucket {
    seen: Vec<Seen>,
    /// The youngest nonce that was dropped while it was still valid.
    floor_ms: u64,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    stamp: NonceStamp,
    /// The highest count used.
    high: u32,
    /// Bit `n` set: count `high - n` was used.
    window: u64,
}

const PER_BUCKET: usize = 16;

impl NonceCounts {
    /// A table for some `capacity` nonces at a time (rounded up to 16 times a power of two).
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let buckets = capacity.div_ceil(PER_BUCKET);
        let table = LockSet::new("auth nonces", Rank::NONCE, buckets, Bucket::default);
        Self { table, evicted: AtomicU64::new(0) }
    }

    /// Records a use of a nonce: with its count, or as the only one. `valid_from_ms` is the issue
    /// time before which nonces are refused as stale anyway.
    pub fn record(
        &self,
        stamp: NonceStamp,
        count: Option<u32>,
        valid_from_ms: u64,
    ) -> Result<(), NonceRefusal> {
        let mut bucket = self.table.lock_by_hash(stamp.unique);
        if let Some(seen) = bucket.seen.iter_mut().find(|s| s.stamp == stamp) {
            return match count {
                Some(count) => seen.record(count),
                None => Err(NonceRefusal::Replayed),
            };
        }
        if stamp.issued_ms <= bucket.floor_ms {
            return Err(NonceRefusal::Forgotten);
        }
        let seen = Seen { stamp, high: count.unwrap_or(u32::MAX), window: 1 };
        if bucket.insert(seen, valid_from_ms) {
            self.evicted.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// How many nonces were dropped while they were still valid: when it grows, the table is too
    /// small.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }

    /// How many nonces are remembered, stale ones included; walks the table.
    #[must_use]
    pub fn len(&self) -> usize {
        (0..self.table.buckets()).map(|i| self.table.lock(i).seen.len()).sum()
    }

    /// Whether no nonce is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Locks for NonceCounts {
    fn report_locks(&self, into: &mut Vec<LockReport>) {
        self.table.report_locks(into);
    }
}

impl Bucket {
    /// Puts a nonce in. `true` when another valid one had to go.
    fn insert(&mut self, seen: Seen, valid_from_ms: u64) -> bool {
        if self.seen.len() < PER_BUCKET {
            if self.seen.capacity() == 0 {
                self.seen.reserve_exact(PER_BUCKET);
            }
            self.seen.push(seen);
            return false;
        }
        let Some(oldest) = self.seen.iter_mut().min_by_key(|s| s.stamp.issued_ms) else {
            return false;
        };
        let gone = std::mem::replace(oldest, seen).stamp.issued_ms;
        let was_valid = gone >= valid_from_ms;
        if was_valid {
            self.floor_ms = self.floor_ms.max(gone);
        }
        was_valid
    }
}

impl Seen {
    fn record(&mut self, count: u32) -> Result<(), NonceRefusal> {
        if let Some(ahead) = count.checked_sub(self.high).filter(|a| *a > 0) {
            self.window = self.window.checked_shl(ahead).unwrap_or(0) | 1;
            self.high = count;
            return Ok(());
        }
        match 1u64.checked_shl(self.high - count) {
            Some(bit) if self.window & bit == 0 => {
                self.window |= bit;
                Ok(())
            }
            _ => Err(NonceRefusal::Replayed),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::rng::{Rng, SeededRng};

    fn stamp(issued_ms: u64, unique: u64) -> NonceStamp {
        NonceStamp { issued_ms, unique }
    }

    #[test]
    fn each_count_once_in_any_order_within_the_window() {
        let t = NonceCounts::new(64);
        let s = stamp(1000, 5);
        let used = |n| t.record(s, Some(n), 0);
        assert_eq!([used(1), used(3), used(2)], [Ok(()); 3]);
        assert_eq!([used(1), used(2), used(3)], [Err(NonceRefusal::Replayed); 3]);
        assert_eq!(used(100), Ok(()));
        assert_eq!(used(37), Ok(()), "63 behind");
        assert_eq!(used(36), Err(NonceRefusal::Replayed), "64 behind");
        assert_eq!(used(u32::MAX), Ok(()));
        assert_eq!(used(u32::MAX), Err(NonceRefusal::Replayed));
        assert_eq!(used(100), Err(NonceRefusal::Replayed));
    }

    #[test]
    fn a_window_takes_exactly_what_a_set_would() {
        let (t, mut rng) = (NonceCounts::new(16), SeededRng::new(11));
        let (mut set, mut high) = (HashSet::new(), 0u32);
        for _ in 0..20_000 {
            let count = (high as u64 + 3).saturating_sub(rng.below(80)).max(1) as u32;
            let fresh =
                !set.contains(&count) && (set.is_empty() || high.saturating_sub(count) < 64);
            assert_eq!(t.record(stamp(9, 9), Some(count), 0).is_ok(), fresh, "{count} of {high}");
            if fresh {
                set.insert(count);
                high = high.max(count);
            }
        }
    }

    #[test]
    fn a_one_time_nonce_is_used_once() {
        let t = NonceCounts::new(16);
        assert_eq!(t.record(stamp(1, 1), None, 0), Ok(()));
        assert_eq!(t.record(stamp(1, 1), None, 0), Err(NonceRefusal::Replayed));
        assert_eq!(t.record(stamp(1, 1), Some(7), 0), Err(NonceRefusal::Replayed));
        assert_eq!(t.record(stamp(1, 2), None, 0), Ok(()));
    }

    #[test]
    fn what_is_forgotten_cannot_be_replayed() {
        let t = NonceCounts::new(16);
        let all: Vec<NonceStamp> = (0..1000).map(|i| stamp(10_000 + i, i)).collect();
        assert!(all.iter().all(|s| t.record(*s, Some(1), 0).is_ok()));
        assert_eq!((t.len(), t.evicted()), (16, 1000 - 16));
        assert!(all.iter().all(|s| t.record(*s, Some(1), 0).is_err()));
        assert_eq!(t.record(all[0], Some(1), 0), Err(NonceRefusal::Forgotten));
        assert_eq!(t.record(stamp(20_000, 1), Some(1), 0), Ok(()), "a young one is welcome");
    }

    #[test]
    fn stale_nonces_make_room_without_a_trace() {
        let t = NonceCounts::new(16);
        (0..16).for_each(|i| t.record(stamp(100, i), Some(1), 0).unwrap());
        assert_eq!(t.record(stamp(90, 99), Some(1), 500), Ok(()));
        assert_eq!(t.evicted(), 0);
        assert_eq!(t.record(stamp(95, 98), Some(1), 500), Ok(()), "no floor was set");
    }
}
