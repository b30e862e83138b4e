//! Comparison of URIs (RFC 3261 19.1.4). Owns the rules of what must match; those of tel and urn
//! are with their types.

use crate::escape::{decoded, escaped};
use crate::lex;
use crate::{Params, Scheme, Tel, Uri, Urn};
use core::cmp::Ordering;
use smallvec::SmallVec;

/// Parameters that never match when only one side has them.
const BOTH_OR_NEITHER: [&[u8]; 5] = [b"user", b"ttl", b"method", b"maddr", b"transport"];

pub(super) fn equivalent(a: &Uri<'_>, b: &Uri<'_>) -> bool {
    match (a.scheme, b.scheme) {
        (Scheme::Sip, Scheme::Sip) | (Scheme::Sips, Scheme::Sips) => sip(a, b),
        (Scheme::Tel, Scheme::Tel) => tel(a, b),
        (Scheme::Urn, Scheme::Urn) => match (Urn::of(a), Urn::of(b)) {
            (Some(Ok(a)), Some(Ok(b))) => a.equivalent(&b),
            _ => a.opaque == b.opaque,
        },
        (Scheme::Other, Scheme::Other) => {
            a.scheme_name.eq_ignore_ascii_case(b.scheme_name) && a.opaque == b.opaque
        }
        _ => false,
    }
}

fn sip(a: &Uri<'_>, b: &Uri<'_>) -> bool {
    same_text(a.user, b.user)
        && same_text(a.password, b.password)
        && a.host.equivalent(&b.host)
        && a.port == b.port
        && params(a.params, b.params)
        && headers(a, b)
}

/// A number that breaks the grammar is only equal to the same text.
fn tel(a: &Uri<'_>, b: &Uri<'_>) -> bool {
    match (Tel::of(a), Tel::of(b)) {
        (Some(Ok(a)), Some(Ok(b))) => a.equivalent(&b),
        _ => a.opaque.eq_ignore_ascii_case(b.opaque),
    }
}

/// Case counts; an escaped character equals itself, unless it is reserved.
fn same_text(a: Option<&[u8]>, b: Option<&[u8]>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a == b || canonical(a).eq(canonical(b)),
        (None, None) => true,
        _ => false,
    }
}

/// Each byte with whether it is an escaped reserved character: `%3b` is not `;`, `%61` is `a`.
fn canonical(s: &[u8]) -> impl Iterator<Item = (u8, bool)> + '_ {
    let mut rest = s;
    core::iter::from_fn(move || {
        let (first, tail) = rest.split_first()?;
        if let Some(b) = escaped(rest) {
            rest = rest.get(3..).unwrap_or_default();
            return Some((b, b";/?:@&=+$,%".contains(&b)));
        }
        rest = tail;
        Some((*first, false))
    })
}

fn no_case(a: &[u8], b: &[u8]) -> Ordering {
    let fold = |s| canonical(s).map(|(b, reserved)| (b.to_ascii_lowercase(), reserved));
    fold(a).cmp(fold(b))
}

/// Whether both mean the same without case; an escaped reserved character is not the plain one.
pub(super) fn no_case_eq(a: &[u8], b: &[u8]) -> bool {
    no_case(a, b) == Ordering::Equal
}

type Pairs<'a> = SmallVec<[(&'a [u8], &'a [u8]); 8]>;

/// Sorted by name, so that two lists are compared in one walk and a hostile list costs
/// n log n, never n squared.
fn sorted<'a>(pairs: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Pairs<'a> {
    let mut all: Pairs<'a> = pairs.collect();
    all.sort_by(|x, y| no_case(x.0, y.0));
    all
}

/// A parameter that only one side has is a difference when it is of [`BOTH_OR_NEITHER`].
fn params(a: Params<'_>, b: Params<'_>) -> bool {
    if a.is_empty() && b.is_empty() {
        return true;
    }
    let one = sorted(a.iter().map(|(n, v)| (n, v.unwrap_or_default())));
    let two = sorted(b.iter().map(|(n, v)| (n, v.unwrap_or_default())));
    let lonely = |name: &[u8]| !BOTH_OR_NEITHER.iter().any(|n| no_case_eq(name, n));
    let (mut i, mut j) = (0, 0);
    loop {
        match (one.get(i), two.get(j)) {
            (None, None) => return true,
            (Some(x), Some(y)) => match no_case(x.0, y.0) {
                Ordering::Equal if no_case(x.1, y.1) != Ordering::Equal => return false,
                Ordering::Equal => (i, j) = (i + 1, j + 1),
                Ordering::Less if lonely(x.0) => i += 1,
                Ordering::Greater if lonely(y.0) => j += 1,
                _ => return false,
            },
            (Some(x), None) if lonely(x.0) => i += 1,
            (None, Some(y)) if lonely(y.0) => j += 1,
            _ => return false,
        }
    }
}

/// Headers are never ignored. Values are compared decoded and, since the rules of each header
/// are not known here, without case.
fn headers(a: &Uri<'_>, b: &Uri<'_>) -> bool {
    let (mut one, mut two) = (sorted(a.header_iter()), sorted(b.header_iter()));
    let key = |p: &(&[u8], &[u8])| -> (Vec<u8>, Vec<u8>) {
        let lower = |s| decoded(s).map(|b| b.to_ascii_lowercase()).collect();
        (lower(lex::trim(p.0)), lower(p.1))
    };
    if one.len() != two.len() {
        return false;
    }
    one.sort_by_cached_key(key);
    two.sort_by_cached_key(key);
    one.iter().zip(&two).all(|(x, y)| key(x) == key(y))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(a: &str, b: &str) -> bool {
        let parse = |s: &'_ str| Uri::parse(s.as_bytes().to_vec().leak()).unwrap();
        let (ab, ba) = (equivalent(&parse(a), &parse(b)), equivalent(&parse(b), &parse(a)));
        assert_eq!(ab, ba, "{a} and {b} compare differently the other way round");
        ab
    }

    /// The sets of RFC 3261 19.1.4 whose members are all equivalent, in its order.
    #[test]
    fn the_sets_of_the_rfc_are_equivalent() {
        let sets: [&[&str]; 4] = [
            &["sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"],
            &[
                "sip:carol@chicago.com",
                "sip:carol@chicago.com;newparam=5",
                "sip:carol@chicago.com;security=on",
            ],
            &[
                "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
                "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
            ],
            &[
                "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
                "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
            ],
        ];
        for set in sets {
            for a in set {
                for b in set {
                    assert!(same(a, b), "{a} {b}");
                }
            }
        }
    }

    /// The pairs of RFC 3261 19.1.4 that are not equivalent, in its order.
    #[test]
    fn the_pairs_of_the_rfc_differ() {
        for (a, b) in [
            ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
            ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
        ] {
            assert!(!same(a, b), "{a} {b}");
        }
    }

    /// Its note that equivalence is not transitive.
    #[test]
    fn equivalence_is_not_transitive() {
        let [plain, on, off] =
            ["", ";security=on", ";security=off"].map(|p| format!("sip:carol@chicago.com{p}"));
        assert!(same(&plain, &on) && same(&plain, &off) && !same(&on, &off));
    }

    #[test]
    fn each_rule_holds() {
        for (a, b) in [
            ("sip:a@[2001:db8::1]", "sip:a@[2001:0db8:0::1]"),
            ("sip:a@b;x=%41", "sip:a@b;X=a"),
            ("sip:a@b;lr", "sip:a@b"),
            ("sip:a@b?h=1&H=2", "sip:a@b?H=2&h=1"),
            ("sip:%c3%a9@b", "sip:%C3%A9@b"),
            ("tel:+1-201-555-0123", "tel:+12015550123"),
            ("tel:911", "TEL:911"),
            ("URN:Service:sos", "urn:service:SOS"),
            ("HTTP://a", "http://a"),
        ] {
            assert!(same(a, b), "{a} {b}");
        }
        for (a, b) in [
            ("sip:a@b", "sips:a@b"),
            ("sip:a@b", "sip:b"),
            ("sip:a:@b", "sip:a@b"),
            ("sip:a:x@b", "sip:a:X@b"),
            ("sip:a%3Bb@c", "sip:a;b@c"),
            ("sip:a@b;user=phone", "sip:a@b"),
            ("sip:a@b;ttl=1", "sip:a@b"),
            ("sip:a@b;method=INVITE", "sip:a@b"),
            ("sip:a@b;maddr=1.2.3.4", "sip:a@b"),
            ("sip:a@b;x=1", "sip:a@b;x=2"),
            ("sip:a@b;x", "sip:a@b;x=2"),
            ("sip:a@b?h=1", "sip:a@b?h=1&h=1"),
            ("sip:a@[fe80::1%25a]", "sip:a@[fe80::1]"),
            ("sip:x%00y@b", "sip:x@b"),
            ("tel:+1;ext=5", "tel:+1"),
            ("tel:911", "tel:9-11"),
            ("sip:+1@b;user=phone", "tel:+1"),
            ("urn:ex:a", "urn:ex:A"),
            ("http://a", "http://A"),
        ] {
            assert!(!same(a, b), "{a} {b}");
        }
    }
}
