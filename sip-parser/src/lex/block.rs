//! Block masks: which of 64 bytes are control characters and which are colons. Owns the only
//! processor-dependent code of the crate, by way of safe wrappers, and its portable twin.
//!
//! SIP delimiters stand 15 to 40 bytes apart, where one search call for each costs more than
//! looking at all bytes once; so the header index loads 64 bytes, takes two masks, and walks
//! their bits.

/// Bytes looked at in one go.
pub(crate) const BLOCK: usize = 64;

/// One bit for each byte of a block, the lowest for the first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Masks {
    /// Control characters below 0x20, so CR, LF and TAB too.
    pub(crate) ctl: u64,
    /// Colons.
    pub(crate) colon: u64,
}

/// Masks of one block, by the fastest means of this target.
#[inline(always)]
pub(crate) fn masks(block: &[u8; BLOCK]) -> Masks {
    #[cfg(target_arch = "x86_64")]
    return sse2::masks(block);
    #[cfg(not(target_arch = "x86_64"))]
    return portable::masks(block);
}

/// Whether the 16 bytes of `text`, with `case` or-ed in, equal `name` in the first `len` bytes.
#[inline(always)]
pub(crate) fn matches16(text: &[u8; 16], case: &[u8; 16], name: &[u8; 16], len: usize) -> bool {
    #[cfg(target_arch = "x86_64")]
    return sse2::matches16(text, case, name, len);
    #[cfg(not(target_arch = "x86_64"))]
    return portable::matches16(text, case, name, len);
}

#[cfg(target_arch = "x86_64")]
mod sse2 {
    use super::{BLOCK, Masks};
    use safe_arch::{
        bitor_m128i, cmp_eq_mask_i8_m128i, load_unaligned_m128i, m128i, min_u8_m128i,
        move_mask_i8_m128i,
    };

    #[inline(always)]
    fn bits(v: m128i) -> u64 {
        u64::from(move_mask_i8_m128i(v).cast_unsigned() & 0xffff)
    }

    #[inline(always)]
    pub(super) fn masks(block: &[u8; BLOCK]) -> Masks {
        let top = m128i::from([0x1fu8; 16]);
        let colons = m128i::from([b':'; 16]);
        let (mut ctl, mut colon) = (0, 0);
        let (lanes, _) = block.as_chunks::<16>();
        for (i, lane) in lanes.iter().enumerate() {
            let v = load_unaligned_m128i(lane);
            ctl |= bits(cmp_eq_mask_i8_m128i(min_u8_m128i(v, top), v)) << (16 * i);
            colon |= bits(cmp_eq_mask_i8_m128i(v, colons)) << (16 * i);
        }
        Masks { ctl, colon }
    }

    #[inline(always)]
    pub(super) fn matches16(text: &[u8; 16], case: &[u8; 16], name: &[u8; 16], len: usize) -> bool {
        let lowered = bitor_m128i(load_unaligned_m128i(text), load_unaligned_m128i(case));
        let equal = bits(cmp_eq_mask_i8_m128i(lowered, load_unaligned_m128i(name)));
        let past = if len >= 16 { 0 } else { u64::MAX << len };
        equal | past | !0xffff == u64::MAX
    }
}

/// The same with 64-bit words, for every other processor; on x86-64 built for the tests only.
#[cfg(any(test, not(target_arch = "x86_64")))]
pub(crate) mod portable {
    use super::{BLOCK, Masks};

    const ONES: u64 = 0x0101_0101_0101_0101;
    const LOW7: u64 = 0x7f7f_7f7f_7f7f_7f7f;

    /// The top bit of each byte of `w` that is zero, gathered to one bit a byte.
    #[inline(always)]
    fn zero_bytes(w: u64) -> u64 {
        let tops = !(((w & LOW7) + LOW7) | w | LOW7);
        (tops >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
    }

    #[inline(always)]
    pub(crate) fn masks(block: &[u8; BLOCK]) -> Masks {
        let (mut ctl, mut colon) = (0, 0);
        let (words, _) = block.as_chunks::<8>();
        for (i, word) in words.iter().enumerate() {
            let w = u64::from_le_bytes(*word);
            ctl |= zero_bytes(w & (ONES * 0xe0)) << (8 * i);
            colon |= zero_bytes(w ^ (ONES * 0x3a)) << (8 * i);
        }
        Masks { ctl, colon }
    }

    #[inline(always)]
    pub(crate) fn matches16(text: &[u8; 16], case: &[u8; 16], name: &[u8; 16], len: usize) -> bool {
        let keep = if len >= 16 { u128::MAX } else { (1 << (8 * len)) - 1 };
        let lowered = u128::from_le_bytes(*text) | u128::from_le_bytes(*case);
        (lowered ^ u128::from_le_bytes(*name)) & keep == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn both_twins_see_what_a_byte_loop_sees(bytes in prop::collection::vec(any::<u8>(), BLOCK)) {
            let block: [u8; BLOCK] = bytes.try_into().unwrap();
            let bit = |f: &dyn Fn(u8) -> bool| {
                block.iter().enumerate().fold(0u64, |m, (i, b)| m | (u64::from(f(*b)) << i))
            };
            let plain = Masks { ctl: bit(&|b| b < 0x20), colon: bit(&|b| b == b':') };
            prop_assert_eq!(masks(&block), plain);
            prop_assert_eq!(portable::masks(&block), plain);
        }

        #[test]
        fn both_twins_compare_alike(text: [u8; 16], case: [u8; 16], mut name: [u8; 16],
                                    len in 0usize..=16, same: bool) {
            if same {
                for i in 0..len {
                    name[i] = text[i] | case[i];
                }
            }
            let plain = (0..len).all(|i| text[i] | case[i] == name[i]);
            prop_assert_eq!(matches16(&text, &case, &name, len), plain);
            prop_assert_eq!(portable::matches16(&text, &case, &name, len), plain);
        }
    }
}
