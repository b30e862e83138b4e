//! A keyed hash for tables and for names on the wire: fast, seeded, not cryptographic. A peer that
//! does not know the seed cannot choose keys that collide.

use crate::rng::Rng;

/// The secret of one purpose. Each purpose has its own, so that what leaves the process says
/// nothing about where a key lies in a table.
#[derive(Clone, Copy)]
pub(crate) struct HashKey {
    seed: u64,
    mix: u64,
}

impl std::fmt::Debug for HashKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HashKey(..)")
    }
}

impl HashKey {
    pub(crate) fn new(rng: &mut dyn Rng) -> Self {
        Self { seed: rng.next_u64(), mix: rng.next_u64() | 1 }
    }

    pub(crate) const fn start(&self) -> Hash {
        Hash { state: self.seed, mix: self.mix }
    }
}

/// A hash in the making.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hash {
    state: u64,
    mix: u64,
}

impl Hash {
    /// Takes in a string; its length counts, so that two strings in a row cannot trade bytes.
    #[inline]
    pub(crate) fn bytes(mut self, bytes: &[u8]) -> Self {
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            let mut word = [0; 8];
            word.copy_from_slice(chunk);
            self = self.word(u64::from_le_bytes(word));
        }
        let rest = chunks.remainder();
        // What is left of a longer string is the top of its last eight bytes.
        let tail = match bytes.last_chunk::<8>() {
            Some(last) if !rest.is_empty() => u64::from_le_bytes(*last) >> (64 - 8 * rest.len()),
            Some(_) => 0,
            None => rest.iter().rev().fold(0, |tail, b| tail << 8 | u64::from(*b)),
        };
        self.word(tail ^ (bytes.len() as u64) << 56)
    }

    /// Takes in a number.
    #[inline]
    pub(crate) fn word(mut self, word: u64) -> Self {
        self.state = fold(self.state ^ word, self.mix ^ 0x9e37_79b9_7f4a_7c15);
        self.mix = self.mix.rotate_left(23).wrapping_add(word);
        self
    }

    #[inline]
    pub(crate) fn finish(self) -> u64 {
        fold(self.state ^ self.mix, 0xd6e8_feb8_6659_fd93 ^ self.state.rotate_left(32))
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
    use crate::rng::SeededRng;

    fn hash(parts: &[&[u8]]) -> u64 {
        let key = HashKey::new(&mut SeededRng::new(1));
        parts.iter().fold(key.start(), |h, p| h.bytes(p)).finish()
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(hash(&[b"ab", b"c"]), hash(&[b"a", b"bc"]));
        assert_ne!(hash(&[b"", b"abc"]), hash(&[b"abc", b""]));
        assert_ne!(hash(&[b"12345678"]), hash(&[b"12345678", b""]));
        assert_eq!(hash(&[b"a", b"b"]), hash(&[b"a", b"b"]));
    }

    #[test]
    fn neighbouring_strings_fill_the_buckets_evenly() {
        let mut buckets = [0u32; 64];
        for i in 0..6400 {
            buckets[hash(&[format!("z9hG4bK-{i}").as_bytes(), b"127.0.0.1:5060"]) as usize & 63] +=
                1;
        }
        assert!(buckets.iter().all(|n| (50..160).contains(n)), "{buckets:?}");
    }
}
