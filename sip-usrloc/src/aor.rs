//! Addresses-of-record in canonical form: the keys of the location tables (RFC 3261 10.3 step 5).
//!
//! The form is `user`, or `user@host` under `use_domain`: URI parameters, port and password are
//! dropped, escapes undone, the host in lower case, the user too unless cases are told apart. A
//! tel URI's user is its number and it has no host.

use sip_parser::{Host, Scheme, Uri, unescape};
use smallvec::SmallVec;
use thiserror::Error;

/// A canonical address-of-record.
pub type Aor = SmallVec<[u8; 64]>;

/// How addresses-of-record are made canonical.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AorRules {
    /// The host belongs to it (usrloc `use_domain`).
    pub use_domain: bool,
    /// Users that differ in case are different (registrar `case_sensitive`).
    pub case_sensitive: bool,
    /// What is taken off the front of a host, as `sip.` (registrar `realm_prefix`).
    pub realm_prefix: Vec<u8>,
    /// The longest one that is taken, in bytes.
    pub max_size: usize,
}

impl Default for AorRules {
    /// Without the host, without case, at most 256 bytes.
    fn default() -> Self {
        Self { use_domain: false, case_sensitive: false, realm_prefix: Vec::new(), max_size: 256 }
    }
}

/// Why a URI is no address-of-record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum AorError {
    /// It cannot be parsed.
    #[error("malformed URI")]
    Malformed,
    /// Its scheme is not sip, sips or tel.
    #[error("neither a sip, a sips nor a tel URI")]
    Scheme,
    /// It is longer than allowed.
    #[error("address-of-record too long")]
    TooLong,
    /// It has an escaped character that no user name may hold: a control character.
    #[error("control character in the address-of-record")]
    Control,
}

impl AorRules {
    /// The canonical address-of-record of `uri`, which is the text of a whole URI.
    ///
    /// # Errors
    /// When `uri` is malformed, of another scheme, or too long.
    pub fn canonical(&self, uri: &[u8]) -> Result<Aor, AorError> {
        let uri = Uri::parse(uri).map_err(|_| AorError::Malformed)?;
        self.of(&uri)
    }

    /// The canonical address-of-record of a parsed URI.
    ///
    /// # Errors
    /// As [`canonical`](Self::canonical).
    pub fn of(&self, uri: &Uri<'_>) -> Result<Aor, AorError> {
        if !matches!(uri.scheme, Scheme::Sip | Scheme::Sips | Scheme::Tel) {
            return Err(AorError::Scheme);
        }
        let mut aor = Aor::new();
        self.push_user(&mut aor, uri.user.unwrap_or_default())?;
        if self.use_domain && uri.is_sip() {
            aor.push(b'@');
            self.push_host(&mut aor, &uri.host);
        }
        if aor.len() > self.max_size { Err(AorError::TooLong) } else { Ok(aor) }
    }

    fn push_user(&self, aor: &mut Aor, user: &[u8]) -> Result<(), AorError> {
        if user.contains(&b'%') {
            aor.extend_from_slice(&unescape(user));
            if aor.iter().any(u8::is_ascii_control) {
                return Err(AorError::Control);
            }
        } else {
            aor.extend_from_slice(user);
        }
        if !self.case_sensitive {
            aor.make_ascii_lowercase();
        }
        Ok(())
    }

    fn push_host(&self, aor: &mut Aor, host: &Host<'_>) {
        match host {
            Host::Name(name) => {
                let prefix = &self.realm_prefix;
                let name = name
                    .split_at_checked(prefix.len())
                    .filter(|(front, _)| front.eq_ignore_ascii_case(prefix))
                    .map_or(*name, |(_, rest)| rest);
                let start = aor.len();
                aor.extend_from_slice(name);
                aor[start..].make_ascii_lowercase();
            }
            Host::V4(address) => push_v4(aor, address.octets()),
            Host::V6(_) | Host::Scoped(_) => aor.extend_from_slice(host.to_string().as_bytes()),
        }
    }
}

/// A dotted quad, without the detour of formatting: registrars are often named by address.
fn push_v4(aor: &mut Aor, octets: [u8; 4]) {
    for (i, octet) in octets.into_iter().enumerate() {
        if i > 0 {
            aor.push(b'.');
        }
        for (unit, wanted) in [(100, octet >= 100), (10, octet >= 10), (1, true)] {
            if wanted {
                aor.push(b'0' + octet / unit % 10);
            }
        }
    }
}

/// The user and the host of a canonical address-of-record; the host empty when there is none.
#[must_use]
pub fn split(aor: &[u8]) -> (&[u8], &[u8]) {
    match aor.iter().rposition(|b| *b == b'@') {
        Some(at) => (&aor[..at], &aor[at + 1..]),
        None => (aor, b""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(rules: &AorRules, uri: &str) -> String {
        let aor = rules.canonical(uri.as_bytes()).unwrap_or_else(|e| panic!("{uri}: {e}"));
        String::from_utf8(aor.to_vec()).unwrap()
    }

    #[test]
    fn parameters_ports_passwords_escapes_and_case_do_not_count() {
        let rules = AorRules { use_domain: true, ..AorRules::default() };
        for (uri, aor) in [
            ("sip:alice@test.org", "alice@test.org"),
            ("sips:ALICE@TEST.org:5061;user=phone", "alice@test.org"),
            ("sip:ALICE%41@test.org", "alicea@test.org"),
            ("sip:a:pw@test.org:5070", "a@test.org"),
            ("sip:a%40b%20c@test.org", "a@b c@test.org"),
            ("sip:test.org", "@test.org"),
            ("sip:x@192.0.2.1", "x@192.0.2.1"),
            ("sip:x@[2001:DB8::1]:5060", "x@[2001:db8::1]"),
            ("tel:+1234", "+1234"),
        ] {
            assert_eq!(canonical(&rules, uri), aor, "{uri}");
        }
        assert_eq!(canonical(&AorRules::default(), "sip:Alice@test.org"), "alice");
    }

    #[test]
    fn case_and_realm_prefix_are_parameters() {
        let rules = AorRules {
            use_domain: true,
            case_sensitive: true,
            realm_prefix: b"sip.".to_vec(),
            max_size: 24,
        };
        assert_eq!(canonical(&rules, "sip:Alice@SIP.Test.org"), "Alice@test.org");
        assert_eq!(canonical(&rules, "sip:Alice@test.org"), "Alice@test.org");
        assert_eq!(rules.canonical(b"sip:a-very-long-user-name@test.org"), Err(AorError::TooLong));
    }

    #[test]
    fn what_is_no_address_of_record_is_refused() {
        let rules = AorRules::default();
        assert_eq!(rules.canonical(b"mailto:a@b"), Err(AorError::Scheme));
        assert_eq!(rules.canonical(b"alice"), Err(AorError::Malformed));
        assert_eq!(rules.canonical(b"sip:a%00b@c"), Err(AorError::Control));
        assert_eq!(rules.canonical(b"sip:a%0d%0ab@c"), Err(AorError::Control));
    }

    #[test]
    fn a_canonical_address_splits_at_its_last_at_sign() {
        assert_eq!(split(b"a@b c@test.org"), (&b"a@b c"[..], &b"test.org"[..]));
        assert_eq!(split(b"alice"), (&b"alice"[..], &b""[..]));
        assert_eq!(split(b"@test.org"), (&b""[..], &b"test.org"[..]));
    }
}
