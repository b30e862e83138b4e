//! URNs (RFC 8141) and the service URNs of emergency calls (RFC 5031). Owns their parts and when
//! two are equivalent.

use super::compare::no_case_eq;
use super::{Scheme, Uri, UriError, UriFault, fault};

/// A URN; borrows the text of its URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Urn<'a> {
    /// Namespace identifier, such as `service`, `uuid` or `gsma`; compared without case.
    pub nid: &'a [u8],
    /// Namespace-specific string.
    pub nss: &'a [u8],
    /// What follows it: `?+` (for resolvers), `?=` (for the resource) and `#` components, as
    /// received; they do not count in comparison.
    pub components: &'a [u8],
}

impl<'a> Urn<'a> {
    /// The parts of a URI of scheme urn; None for any other, an error when it breaks the grammar.
    pub fn of(uri: &Uri<'a>) -> Option<Result<Urn<'a>, UriError>> {
        (uri.scheme == Scheme::Urn).then(|| Urn::parse(uri.opaque))
    }

    fn parse(text: &'a [u8]) -> Result<Urn<'a>, UriError> {
        let start = b"urn:".len();
        let colon = memchr::memchr(b':', text).unwrap_or(text.len());
        let nid = text.get(..colon).unwrap_or_default();
        let inner = |b: &u8| b.is_ascii_alphanumeric() || *b == b'-';
        let ends = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
        let lawful = (2..=32).contains(&nid.len()) && nid.iter().all(inner);
        if !lawful || !ends(nid.first()) || !ends(nid.last()) {
            return Err(fault(UriFault::User, start));
        }
        let rest = text.get(colon + 1..).unwrap_or_default();
        let end = rest.iter().position(|b| matches!(b, b'?' | b'#')).unwrap_or(rest.len());
        let (nss, components) = rest.split_at_checked(end).unwrap_or_default();
        if nss.is_empty() || nss.first() == Some(&b'/') {
            return Err(fault(UriFault::Character, start + colon + 1));
        }
        Ok(Urn { nid, nss, components })
    }

    /// The labels of a service URN behind its top one: for `urn:service:sos.fire` the service
    /// `sos.fire` (RFC 5031 4.1). None in other namespaces.
    pub fn service(&self) -> Option<&'a [u8]> {
        self.nid.eq_ignore_ascii_case(b"service").then_some(self.nss)
    }

    /// Whether it asks for help in an emergency: `sos` or below it (RFC 5031 4.2).
    pub fn is_emergency(&self) -> bool {
        let top = |s: &[u8]| {
            s.split(|b| *b == b'.').next().is_some_and(|t| t.eq_ignore_ascii_case(b"sos"))
        };
        self.service().is_some_and(top)
    }

    /// Whether both name the same (RFC 8141 3.1): namespaces without case, names with case but
    /// for the digits of escapes; service names without case (RFC 5031 4.1).
    pub fn equivalent(&self, other: &Urn<'_>) -> bool {
        if !self.nid.eq_ignore_ascii_case(other.nid) {
            return false;
        }
        if self.service().is_some() {
            return no_case_eq(self.nss, other.nss);
        }
        same_but_for_escapes(self.nss, other.nss)
    }
}

/// Whether two texts are equal when the two digits behind each percent sign have no case.
fn same_but_for_escapes(a: &[u8], b: &[u8]) -> bool {
    let mut hex = 0;
    a.len() == b.len()
        && a.iter().zip(b).all(|(x, y)| {
            let same = if hex > 0 { x.eq_ignore_ascii_case(y) } else { x == y };
            hex = if *x == b'%' { 2 } else { u32::saturating_sub(hex, 1) };
            same
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urn(text: &'static str) -> Result<Urn<'static>, UriFault> {
        let uri = Uri::parse(text.as_bytes()).unwrap_or_else(|e| panic!("{text}: {e}"));
        Urn::of(&uri).unwrap().map_err(|e| e.fault)
    }

    #[test]
    fn urns_are_taken_apart() {
        let u = urn("urn:service:SOS.fire").unwrap();
        assert_eq!((u.service(), u.is_emergency()), (Some(&b"SOS.fire"[..]), true));
        assert!(!urn("urn:service:counseling.sos").unwrap().is_emergency());
        let u = urn("urn:gsma:imei:1?+a?=b#c").unwrap();
        assert_eq!((u.nid, u.nss, u.components), (&b"gsma"[..], &b"imei:1"[..], &b"?+a?=b#c"[..]));
        assert_eq!(u.service(), None);
        assert!(Urn::of(&Uri::parse(b"sip:a").unwrap()).is_none());
        for (bad, what) in [
            ("urn:x", UriFault::User),
            ("urn:a:b", UriFault::User),
            ("urn:-a:b", UriFault::User),
            ("urn:ab-:b", UriFault::User),
            ("urn:a_b:c", UriFault::User),
            ("urn:ab:", UriFault::Character),
            ("urn:ab:?b", UriFault::Character),
        ] {
            assert_eq!(urn(bad), Err(what), "{bad}");
        }
    }

    #[test]
    fn urns_are_compared_by_their_names() {
        let same = |a, b| urn(a).unwrap().equivalent(&urn(b).unwrap());
        assert!(same("urn:UUID:ab", "URN:uuid:ab"));
        assert!(same("urn:ex:a%2cb", "urn:ex:a%2Cb"));
        assert!(same("urn:ex:a?=1", "urn:ex:a#2"));
        assert!(same("urn:service:sos.Fire", "urn:service:SOS.fire"));
        assert!(!same("urn:ex:a%2Cb", "urn:ex:a%2CB"));
        assert!(!same("urn:ex:a%2Cb", "urn:ex:a,b"));
        assert!(!same("urn:ex:a", "urn:ey:a"));
    }
}
