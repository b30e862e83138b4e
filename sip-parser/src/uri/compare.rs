//! Comparison of URIs (RFC 3261 19.1.4; RFC 3966 4 for tel). Owns the rules of what must match.

use crate::escape::{decoded, escaped};
use crate::lex;
use crate::{Params, Scheme, Uri};
use core::cmp::Ordering;
use smallvec::SmallVec;

/// Parameters that never match when only one side has them.
const BOTH_OR_NEITHER: [&[u8]; 5] = [b"user", b"ttl", b"method", b"maddr", b"transport"];

pub(super) fn equivalent(a: &Uri<'_>, b: &Uri<'_>) -> bool {
    match (a.scheme, b.scheme) {
        (Scheme::Sip, Scheme::Sip) | (Scheme::Sips, Scheme::Sips) => sip(a, b),
        (Scheme::Tel, Scheme::Tel) => tel(a, b),
        (Scheme::Urn, Scheme::Urn) | (Scheme::Other, Scheme::Other) => {
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
        && params(a.params, b.params, false)
        && headers(a, b)
}

fn tel(a: &Uri<'_>, b: &Uri<'_>) -> bool {
    let digits = |u: &Uri<'_>| -> SmallVec<[u8; 32]> {
        let number = u.user.unwrap_or_default().iter();
        number.filter(|b| !b"-.()".contains(b)).map(u8::to_ascii_lowercase).collect()
    };
    digits(a) == digits(b) && params(a.params, b.params, true)
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

type Pairs<'a> = SmallVec<[(&'a [u8], &'a [u8]); 8]>;

/// Sorted by name, so that two lists are compared in one walk and a hostile list costs
/// n log n, never n squared.
fn sorted<'a>(pairs: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Pairs<'a> {
    let mut all: Pairs<'a> = pairs.collect();
    all.sort_by(|x, y| no_case(x.0, y.0));
    all
}

/// With `strict`, a parameter that only one side has is a difference, whatever its name
/// (RFC 3966 4); otherwise only those of [`BOTH_OR_NEITHER`].
fn params(a: Params<'_>, b: Params<'_>, strict: bool) -> bool {
    if a.is_empty() && b.is_empty() {
        return true;
    }
    let one = sorted(a.iter().map(|(n, v)| (n, v.unwrap_or_default())));
    let two = sorted(b.iter().map(|(n, v)| (n, v.unwrap_or_default())));
    let lonely = |name: &[u8]| {
        !strict && !BOTH_OR_NEITHER.iter().any(|n| no_case(name, n) == Ordering::Equal)
    };
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

    #[test]
    fn the_rfc_examples_of_equivalence_hold() {
        for (a, b) in [
            ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
            ("sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on"),
            (
                "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
                "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
            ),
            (
                "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
                "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
            ),
            ("sip:a@[2001:db8::1]", "sip:a@[2001:0db8:0::1]"),
            ("tel:+1-201-555-0123", "tel:+12015550123"),
        ] {
            assert!(same(a, b), "{a} {b}");
        }
    }

    #[test]
    fn the_rfc_examples_of_difference_hold() {
        for (a, b) in [
            ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
            ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
            ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
            ("sip:a@b", "sips:a@b"),
            ("sip:a@b", "sip:b"),
            ("sip:a:@b", "sip:a@b"),
            ("sip:a%3Bb@c", "sip:a;b@c"),
            ("sip:a@b;maddr=1.2.3.4", "sip:a@b"),
            ("sip:x%00y@b", "sip:x@b"),
            ("tel:+1;ext=5", "tel:+1"),
        ] {
            assert!(!same(a, b), "{a} {b}");
        }
    }
}
