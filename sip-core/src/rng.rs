//! Chance as a parameter: the worker hands one generator down, a test hands down a seeded one.

/// A source of random numbers. What names things on the wire (branches, tags, nonces) is drawn
/// from it, so the engine's own source must be unpredictable; a test's must be repeatable.
pub trait Rng: Send {
    /// The next 64 random bits.
    fn next_u64(&mut self) -> u64;

    /// A number below `bound`, which must not be 0; 0 is answered when it is.
    fn below(&mut self, bound: u64) -> u64 {
        // A 64-bit multiply-shift: the bias is below 2^-32 for every bound used here.
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u64
    }
}

/// xoshiro256++: fast and repeatable. Seeded from the operating system by the engine, by a number
/// in tests. Not for keys: secrets come from the operating system alone.
#[derive(Clone, Debug)]
pub struct SeededRng {
    s: [u64; 4],
}

impl SeededRng {
    /// A generator whose whole sequence follows from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        // splitmix64 spreads the seed, so that neighbouring seeds give unrelated sequences.
        let mut z = seed;
        let mut next = || {
            z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut x = z;
            x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            x ^ (x >> 31)
        };
        Self { s: [next(), next(), next(), next()] }
    }

    /// A generator from 32 bytes of entropy.
    #[must_use]
    pub fn from_entropy(bytes: [u8; 32]) -> Self {
        let mut rng = Self::new(0);
        for (word, chunk) in rng.s.iter_mut().zip(bytes.chunks_exact(8)) {
            *word ^= chunk.iter().fold(0, |acc, b| (acc << 8) | u64::from(*b));
        }
        rng
    }
}

impl Rng for SeededRng {
    fn next_u64(&mut self) -> u64 {
        let s = &mut self.s;
        let out = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_sequence() {
        let (mut a, mut b) = (SeededRng::new(7), SeededRng::new(7));
        assert!((0..100).all(|_| a.next_u64() == b.next_u64()));
        let mut c = SeededRng::new(8);
        assert_ne!(SeededRng::new(7).next_u64(), c.next_u64());
    }

    #[test]
    fn below_stays_below_and_reaches_the_edges() {
        let mut r = SeededRng::new(1);
        let seen = (0..1000).map(|_| r.below(3)).fold(0, |m, v| m | (1 << v));
        assert_eq!(seen, 0b111);
        assert_eq!(r.below(0), 0);
    }
}
