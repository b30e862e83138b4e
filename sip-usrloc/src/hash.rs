//! The keyed hash of addresses-of-record. Not cryptographic; who does not know the key cannot
//! choose addresses that share a bucket.

use sip_core::rng::Rng;

/// The secret of one table.
#[derive(Clone, Copy)]
pub(crate) struct HashKey {
    seed: u64,
    mix: u64,
}

impl HashKey {
    pub(crate) fn new(rng: &mut dyn Rng) -> Self {
        Self { seed: rng.next_u64(), mix: rng.next_u64() | 1 }
    }

    /// The hash of `bytes`.
    #[inline]
    pub(crate) fn hash(&self, bytes: &[u8]) -> u64 {
        let mut state = self.seed ^ (bytes.len() as u64);
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            let mut word = [0; 8];
            word.copy_from_slice(chunk);
            state = fold(state ^ u64::from_le_bytes(word), self.mix).rotate_left(29) ^ self.seed;
        }
        let mut tail = 0;
        for (i, b) in chunks.remainder().iter().enumerate() {
            tail |= u64::from(*b) << (8 * i);
        }
        fold(fold(state ^ tail, self.mix) ^ self.seed, 0x9e37_79b9_7f4a_7c15 ^ self.mix)
    }
}

impl std::fmt::Debug for HashKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HashKey(..)")
    }
}

/// The two halves of the product, over each other.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ ((product >> 64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sip_core::rng::SeededRng;

    #[test]
    fn neighbouring_addresses_fill_the_buckets_evenly() {
        let key = HashKey::new(&mut SeededRng::new(1));
        let mut buckets = [0u32; 64];
        for i in 0..6400 {
            buckets[key.hash(format!("user{i}@example.com").as_bytes()) as usize & 63] += 1;
        }
        assert!(buckets.iter().all(|n| (50..160).contains(n)), "{buckets:?}");
        assert_ne!(key.hash(b"a"), key.hash(b"a\0"));
        let other = HashKey::new(&mut SeededRng::new(2));
        assert_ne!(key.hash(b"a"), other.hash(b"a"));
    }
}
