//! Block masks: which of 16 bytes are of a kind, one bit a byte. Owns the only
//! processor-dependent code of the crate, by way of safe wrappers, and its portable twin, which
//! is chosen at compile time and equal by test.
//!
//! SIP delimiters stand 15 to 40 bytes apart, where one search call for each costs more than the
//! search, and a byte at a time costs five instructions a byte; a mask costs about ten for 16.

/// Bytes looked at in one go.
const BLOCK: usize = 16;

#[cfg(not(target_arch = "x86_64"))]
use portable as imp;
#[cfg(target_arch = "x86_64")]
use sse2 as imp;

/// First offset at or after `at` whose byte is at most `top` or one of `stops`; the length of `s`
/// when there is none. `top` must be below 0x80.
#[inline(always)]
pub(crate) fn find<const N: usize>(s: &[u8], at: usize, top: u8, stops: [u8; N]) -> usize {
    let (blocks, _) = s.get(at..).unwrap_or_default().as_chunks::<BLOCK>();
    let mut i = at;
    for block in blocks {
        let mask = imp::stops(block, top, stops);
        if mask != 0 {
            return i + mask.trailing_zeros() as usize;
        }
        i += BLOCK;
    }
    find_in_tail(s, i, top, stops)
}

/// The same for fewer than 16 bytes: the last whole block of `s` is looked at again, and what
/// lies before `at` is masked out.
#[inline]
fn find_in_tail<const N: usize>(s: &[u8], at: usize, top: u8, stops: [u8; N]) -> usize {
    if at >= s.len() {
        return s.len();
    }
    if let Some(block) = s.last_chunk::<BLOCK>() {
        let mask = imp::stops(block, top, stops) >> ((at + BLOCK - s.len()) & (BLOCK - 1));
        return if mask == 0 { s.len() } else { at + mask.trailing_zeros() as usize };
    }
    let mut i = at;
    while i < s.len() && s[i] > top && !stops.contains(&s[i]) {
        i += 1;
    }
    i
}

/// First offset at or after `at` whose byte is `wanted`; the length of `s` when there is none.
#[inline(always)]
pub(crate) fn find_byte(s: &[u8], at: usize, wanted: u8) -> usize {
    let (blocks, _) = s.get(at..).unwrap_or_default().as_chunks::<BLOCK>();
    let mut i = at;
    for block in blocks {
        let mask = imp::equal(block, wanted);
        if mask != 0 {
            return i + mask.trailing_zeros() as usize;
        }
        i += BLOCK;
    }
    if let Some(block) = s.last_chunk::<BLOCK>().filter(|_| i < s.len()) {
        let mask = imp::equal(block, wanted) >> ((i + BLOCK - s.len()) & (BLOCK - 1));
        return if mask == 0 { s.len() } else { i + mask.trailing_zeros() as usize };
    }
    while i < s.len() && s[i] != wanted {
        i += 1;
    }
    i.min(s.len())
}

/// First offset at or after `at` whose byte is none of `these`; the length of `s` when all are.
#[inline(always)]
pub(crate) fn skip<const N: usize>(s: &[u8], at: usize, these: [u8; N]) -> usize {
    let (blocks, _) = s.get(at..).unwrap_or_default().as_chunks::<BLOCK>();
    let mut i = at;
    for block in blocks {
        let mask = these.iter().fold(0, |mask, b| mask | imp::equal(block, *b));
        if mask != 0xffff {
            return i + mask.trailing_ones() as usize;
        }
        i += BLOCK;
    }
    while i < s.len() && these.contains(&s[i]) {
        i += 1;
    }
    i.min(s.len())
}

/// One bit for each of the 16 bytes of `text` that, with `case` or-ed in, equals that of `name`.
#[inline(always)]
pub(crate) fn equal_folded(text: &[u8; 16], case: &[u8; 16], name: &[u8; 16]) -> u32 {
    imp::equal_folded(text, case, name)
}

#[cfg(target_arch = "x86_64")]
mod sse2 {
    use super::BLOCK;
    use safe_arch::{
        bitor_m128i, cmp_eq_mask_i8_m128i, load_unaligned_m128i, m128i, min_u8_m128i,
        move_mask_i8_m128i,
    };

    #[inline(always)]
    fn bits(v: m128i) -> u32 {
        move_mask_i8_m128i(v).cast_unsigned()
    }

    #[inline(always)]
    pub(super) fn stops<const N: usize>(block: &[u8; BLOCK], top: u8, stops: [u8; N]) -> u32 {
        let v = load_unaligned_m128i(block);
        let low = min_u8_m128i(v, m128i::from([top; 16]));
        let mut hit = cmp_eq_mask_i8_m128i(low, v);
        for stop in stops {
            hit = bitor_m128i(hit, cmp_eq_mask_i8_m128i(v, m128i::from([stop; 16])));
        }
        bits(hit)
    }

    #[inline(always)]
    pub(super) fn equal(block: &[u8; BLOCK], wanted: u8) -> u32 {
        let v = load_unaligned_m128i(block);
        bits(cmp_eq_mask_i8_m128i(v, m128i::from([wanted; 16])))
    }

    #[inline(always)]
    pub(super) fn equal_folded(text: &[u8; 16], case: &[u8; 16], name: &[u8; 16]) -> u32 {
        let lowered = bitor_m128i(load_unaligned_m128i(text), load_unaligned_m128i(case));
        bits(cmp_eq_mask_i8_m128i(lowered, load_unaligned_m128i(name)))
    }
}

/// The same with 64-bit words, for every other processor; on x86-64 built for the tests only.
#[cfg(any(test, fuzzing, not(target_arch = "x86_64")))]
mod portable {
    use super::BLOCK;

    const ONES: u64 = 0x0101_0101_0101_0101;
    const LOW7: u64 = ONES * 0x7f;

    fn words(block: &[u8; BLOCK]) -> [u64; 2] {
        let (words, _) = block.as_chunks::<8>();
        [u64::from_le_bytes(words[0]), u64::from_le_bytes(words[1])]
    }

    /// The top bit of each byte that is zero.
    fn zero(w: u64) -> u64 {
        !(((w & LOW7) + LOW7) | w | LOW7)
    }

    /// The top bit of each byte that is at most `top`.
    fn at_most(w: u64, top: u8) -> u64 {
        let carry = ONES * u64::from(0x7f - top);
        !(((w & LOW7) + carry) | w | LOW7)
    }

    /// Gathers the top bits of both words to one bit a byte.
    fn gather(tops: [u64; 2]) -> u32 {
        let one = |t: u64| (t >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        u32::try_from(one(tops[0]) | one(tops[1]) << 8).unwrap_or(0)
    }

    pub(super) fn stops<const N: usize>(block: &[u8; BLOCK], top: u8, stops: [u8; N]) -> u32 {
        gather(words(block).map(|w| {
            stops
                .iter()
                .fold(at_most(w, top), |hit, stop| hit | zero(w ^ (ONES * u64::from(*stop))))
        }))
    }

    pub(super) fn equal(block: &[u8; BLOCK], wanted: u8) -> u32 {
        gather(words(block).map(|w| zero(w ^ (ONES * u64::from(wanted)))))
    }

    pub(super) fn equal_folded(text: &[u8; 16], case: &[u8; 16], name: &[u8; 16]) -> u32 {
        let (t, c, n) = (words(text), words(case), words(name));
        gather([zero((t[0] | c[0]) ^ n[0]), zero((t[1] | c[1]) ^ n[1])])
    }
}

/// Both twins and the searches on any bytes, against a byte loop. Panics where they differ.
#[cfg(any(test, fuzzing))]
pub(crate) fn check_twins(data: &[u8]) {
    let Some(([top, a, b, at], rest)) = data.split_first_chunk::<4>() else { return };
    let (top, stops) = (*top & 0x7f, [*a, *b]);
    for (block, after) in rest.windows(BLOCK).zip(rest.windows(BLOCK).skip(3)) {
        let (Some(block), Some(name)) = (block.first_chunk(), after.first_chunk()) else { return };
        assert_eq!(imp::stops(block, top, stops), portable::stops(block, top, stops));
        assert_eq!(imp::equal(block, *a), portable::equal(block, *a));
        let case = [*b & 0x20; BLOCK];
        let folded = |i| imp::equal_folded(block, &case, i);
        assert_eq!(folded(name), portable::equal_folded(block, &case, name));
    }
    let from = usize::from(*at).min(rest.len());
    let first = |f: &dyn Fn(u8) -> bool| {
        rest.iter().skip(from).position(|b| f(*b)).map_or(rest.len(), |i| from + i)
    };
    assert_eq!(find(rest, from, top, stops), first(&|b| b <= top || stops.contains(&b)));
    assert_eq!(find_byte(rest, from, *a), first(&|b| b == *a));
    assert_eq!(skip(rest, from, stops), first(&|b| !stops.contains(&b)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plain(block: &[u8; BLOCK], f: impl Fn(usize, u8) -> bool) -> u32 {
        block.iter().enumerate().fold(0, |m, (i, b)| m | (u32::from(f(i, *b)) << i))
    }

    proptest! {
        #[test]
        fn both_twins_see_what_a_byte_loop_sees(
            block: [u8; BLOCK], top in 0u8..0x80, stops: [u8; 3], wanted: u8,
        ) {
            let hit = plain(&block, |_, b| b <= top || stops.contains(&b));
            prop_assert_eq!(imp::stops(&block, top, stops), hit);
            prop_assert_eq!(portable::stops(&block, top, stops), hit);
            let same = plain(&block, |_, b| b == wanted);
            prop_assert_eq!(imp::equal(&block, wanted), same);
            prop_assert_eq!(portable::equal(&block, wanted), same);
        }

        #[test]
        fn what_the_fuzz_target_checks_holds(data in prop::collection::vec(any::<u8>(), 0..80)) {
            check_twins(&data);
        }

        #[test]
        fn both_twins_fold_case_alike(text: [u8; 16], case: [u8; 16], mut name: [u8; 16], keep: u16) {
            for i in (0..16).filter(|i| keep >> i & 1 == 1) {
                name[i] = text[i] | case[i];
            }
            let same = plain(&text, |i, b| b | case[i] == name[i]);
            prop_assert_eq!(imp::equal_folded(&text, &case, &name), same);
            prop_assert_eq!(portable::equal_folded(&text, &case, &name), same);
        }

        #[test]
        fn a_search_finds_the_first_of_any_length(
            s in prop::collection::vec(prop::sample::select(b"abc;,\t \r\xff".to_vec()), 0..70),
            at in 0usize..72,
        ) {
            let from = at.min(s.len());
            let first = |f: &dyn Fn(u8) -> bool| {
                s[from..].iter().position(|b| f(*b)).map_or(s.len(), |i| from + i)
            };
            prop_assert_eq!(find(&s, at, 0x1f, [b';', b',']), first(&|b| b < b' ' || b";,".contains(&b)));
            prop_assert_eq!(find(&s, at, 0x20, []), first(&|b| b <= b' '));
            prop_assert_eq!(find_byte(&s, at, b';'), first(&|b| b == b';'));
            prop_assert_eq!(skip(&s, at, [b'a', b'\t']), first(&|b| b != b'a' && b != b'\t'));
        }
    }
}
