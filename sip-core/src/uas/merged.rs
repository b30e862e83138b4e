//! Merged requests: RFC 3261 8.2.2.2. A request that was forked on its way and arrives here twice
//! has the same Call-ID, From tag and CSeq, but another branch: whoever acts as its user agent
//! server answers the first and refuses the others. A proxy passes them all on, so nobody pays for
//! this who does not ask.

use hashbrown::HashMap;

use crate::lock::{LockSet, Rank};
use crate::time::{Duration, Instant};

const BUCKETS: usize = 64;
/// Requests remembered in one bucket at most; beyond it new ones are taken for the first.
const PER_BUCKET: usize = 4096;

/// The requests that were asked about, each until its sender has stopped to repeat it.
#[derive(Debug)]
pub(crate) struct Merged(LockSet<Seen>);

#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// By the hash of what merged requests have in common.
    first: HashMap<u64, First>,
    /// How many there may be before those that are too old are looked for.
    prune_at: usize,
}

#[derive(Clone, Copy, Debug)]
struct First {
    /// The hash of its branch and sent-by.
    branch: u64,
    until: Instant,
}

impl Merged {
    pub(crate) fn new() -> Self {
        // Between the transactions, of which none is held then, and the connections.
        Self(LockSet::new("tm.merged", Rank::new(36), BUCKETS, Seen::default))
    }

    /// Whether another request of the same kind came before; remembers the first for `keep`.
    pub(crate) fn is_merged(&self, kind: u64, branch: u64, now: Instant, keep: Duration) -> bool {
        let mut seen = self.0.lock_by_hash(kind);
        if let Some(first) = seen.first.get_mut(&kind)
            && first.until > now
        {
            return first.branch != branch;
        }
        if seen.first.len() >= seen.prune_at {
            seen.first.retain(|_, first| first.until > now);
            seen.prune_at = (seen.first.len() * 2).max(64);
        }
        if seen.first.len() < PER_BUCKET {
            seen.first.insert(kind, First { branch, until: now + keep });
        }
        false
    }

    pub(crate) const fn locks(&self) -> &LockSet<Seen> {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_way_is_remembered_for_a_time_and_no_more() {
        let (merged, keep) = (Merged::new(), Duration::from_secs(32));
        let at = |s| Instant::ZERO + Duration::from_secs(s);
        assert!(!merged.is_merged(1, 10, at(0), keep));
        assert!(!merged.is_merged(1, 10, at(1), keep), "the same one");
        assert!(merged.is_merged(1, 11, at(31), keep), "by another way");
        assert!(!merged.is_merged(2, 11, at(31), keep), "another request");
        assert!(!merged.is_merged(1, 11, at(32), keep), "forgotten");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (merged, keep) = (Merged::new(), Duration::from_secs(32));
        let n = (BUCKETS * PER_BUCKET * 2) as u64;
        // All in one bucket or in all of them: the index may be of any bits.
        for kind in 0..n {
            merged.is_merged(kind.wrapping_mul(0x9e37_79b9_7f4a_7c15), 1, Instant::ZERO, keep);
        }
        let held: usize = (0..BUCKETS).map(|b| merged.0.lock(b).first.len()).sum();
        assert!(held <= BUCKETS * PER_BUCKET, "{held}");
        let later = Instant::ZERO + Duration::from_secs(40);
        for kind in 0..n {
            merged.is_merged(kind.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 1, 1, later, keep);
        }
        let held: usize = (0..BUCKETS).map(|b| merged.0.lock(b).first.len()).sum();
        assert!(held <= BUCKETS * PER_BUCKET, "{held}");
    }
}
