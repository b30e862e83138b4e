//! The digests of RFC 7616 3.4: HA1, HA2 and the response.

use std::fmt;
use std::ops::Deref;

use md5::Md5;
use sha2::{Digest, Sha256, Sha512_256};

/// A hash algorithm of digest authentication (RFC 7616 6.1). The `-sess` variants are not
/// supported: no SIP phone was seen to use one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Algorithm {
    /// MD5: what a challenge or response without the parameter means.
    Md5 = 1,
    /// SHA-256.
    Sha256 = 2,
    /// SHA-512/256.
    Sha512_256 = 4,
}

impl Algorithm {
    /// All of them, the strongest first: the order of the challenges in one answer (RFC 8760 2.3).
    pub const ALL: [Self; 3] = [Self::Sha512_256, Self::Sha256, Self::Md5];

    /// The token of the `algorithm` parameter.
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
            Self::Sha512_256 => "SHA-512-256",
        }
    }

    /// The algorithm that a token names, in any case; `None` for any other.
    #[must_use]
    pub fn from_token(token: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.token().as_bytes().eq_ignore_ascii_case(token))
    }

    /// The hash of `parts` joined by colons.
    #[must_use]
    pub fn hash(self, parts: &[&[u8]]) -> HexDigest {
        match self {
            Self::Md5 => joined::<Md5>(parts),
            Self::Sha256 => joined::<Sha256>(parts),
            Self::Sha512_256 => joined::<Sha512_256>(parts),
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.token())
    }
}

/// A hash in lower-case hexadecimal, 32 or 64 digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct HexDigest {
    digits: [u8; 64],
    len: u8,
}

impl HexDigest {
    fn of(hash: &[u8]) -> Self {
        let mut hex = Self { digits: [0; 64], len: 0 };
        for (pair, byte) in hex.digits.chunks_exact_mut(2).zip(hash) {
            pair.copy_from_slice(&hex_pair(*byte));
            hex.len += 2;
        }
        hex
    }
}

impl Deref for HexDigest {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        self.digits.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl fmt::Display for HexDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(self).unwrap_or_default())
    }
}

impl fmt::Debug for HexDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How far a response protects its request (RFC 7616 3.4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Qop {
    /// `auth`: method and URI.
    Auth,
    /// `auth-int`: the body too.
    AuthInt,
}

impl Qop {
    /// The token of the `qop` parameter.
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::AuthInt => "auth-int",
        }
    }

    /// The protection that a token names, in any case.
    #[must_use]
    pub fn from_token(token: &[u8]) -> Option<Self> {
        [Self::Auth, Self::AuthInt]
            .into_iter()
            .find(|q| q.token().as_bytes().eq_ignore_ascii_case(token))
    }
}

/// The part of a response that only exists with `qop`.
#[derive(Clone, Copy, Debug)]
pub struct Protection<'a> {
    /// The protection.
    pub qop: Qop,
    /// The nonce count as on the wire: eight hexadecimal digits.
    pub nc: &'a [u8],
    /// The client's nonce.
    pub cnonce: &'a [u8],
}

/// H(username:realm:password) (RFC 7616 3.4.2).
#[must_use]
pub fn ha1(algorithm: Algorithm, username: &[u8], realm: &[u8], password: &[u8]) -> HexDigest {
    algorithm.hash(&[username, realm, password])
}

/// H(method:uri), or with the body's hash for `auth-int` (RFC 7616 3.4.3). The method is the
/// request's, in upper case as it stands there.
#[must_use]
pub fn ha2(
    algorithm: Algorithm,
    qop: Option<Qop>,
    method: &[u8],
    uri: &[u8],
    body: &[u8],
) -> HexDigest {
    match qop {
        Some(Qop::AuthInt) => algorithm.hash(&[method, uri, &algorithm.hash(&[body])]),
        Some(Qop::Auth) | None => algorithm.hash(&[method, uri]),
    }
}

/// The response: with `qop` that of RFC 7616 3.4.1, without it that of RFC 2069. `ha1` and `ha2`
/// are in lower-case hexadecimal.
#[must_use]
pub fn respond(
    algorithm: Algorithm,
    ha1: &[u8],
    nonce: &[u8],
    protection: Option<Protection<'_>>,
    ha2: &[u8],
) -> HexDigest {
    match protection {
        Some(p) => algorithm.hash(&[ha1, nonce, p.nc, p.cnonce, p.qop.token().as_bytes(), ha2]),
        None => algorithm.hash(&[ha1, nonce, ha2]),
    }
}

/// Whether two hexadecimal texts are the same hash, in either case, in a time that does not depend
/// on where they differ.
#[must_use]
pub fn same_digest(a: &[u8], b: &[u8]) -> bool {
    // Bit 0x20 is all that tells an upper-case letter from a lower-case one, and digits have it.
    let differing = a.iter().zip(b).fold(0, |acc, (x, y)| acc | ((x | 0x20) ^ (y | 0x20)));
    a.len() == b.len() && std::hint::black_box(differing) == 0
}

fn joined<D: Digest>(parts: &[&[u8]]) -> HexDigest {
    let mut hash = D::new();
    for (i, part) in parts.iter().enumerate() {
        if i > 0 {
            hash.update(b":");
        }
        hash.update(part);
    }
    HexDigest::of(&hash.finalize())
}

/// The two lower-case hexadecimal digits of a byte.
pub(super) const fn hex_pair(byte: u8) -> [u8; 2] {
    [hex_digit(byte >> 4), hex_digit(byte & 15)]
}

const fn hex_digit(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(a: Algorithm, user: &str, realm: &str, password: &str, rest: [&str; 4]) -> String {
        let [nonce, cnonce, method, uri] = rest.map(str::as_bytes);
        let p = Protection { qop: Qop::Auth, nc: b"00000001", cnonce };
        let ha1 = ha1(a, user.as_bytes(), realm.as_bytes(), password.as_bytes());
        respond(a, &ha1, nonce, Some(p), &ha2(a, Some(p.qop), method, uri, b"")).to_string()
    }

    #[test]
    fn the_examples_of_rfc_7616_3_9_1() {
        let realm = "http-auth@example.org";
        let rest = [
            "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
            "GET",
            "/dir/index.html",
        ];
        assert_eq!(
            response(Algorithm::Md5, "Mufasa", realm, "Circle of Life", rest),
            "8ca523f5e9506fed4657c9700eebdbec"
        );
        assert_eq!(
            response(Algorithm::Sha256, "Mufasa", realm, "Circle of Life", rest),
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
        );
    }

    #[test]
    fn the_example_of_rfc_7616_3_9_2_as_erratum_4897_corrects_it() {
        let rest = [
            "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK",
            "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v",
            "GET",
            "/doe.json",
        ];
        assert_eq!(
            response(
                Algorithm::Sha512_256,
                "J\u{e4}s\u{f8}n Doe",
                "api@example.org",
                "Secret, or not?",
                rest
            ),
            "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"
        );
    }

    #[test]
    fn the_example_of_rfc_2617_3_5() {
        let rest = ["dcd98b7102dd2f0e8b11d0f600bfb0c093", "0a4f113b", "GET", "/dir/index.html"];
        assert_eq!(
            response(Algorithm::Md5, "Mufasa", "testrealm@host.com", "Circle Of Life", rest),
            "6629fae49393a05397450978507c4ef1"
        );
    }

    #[test]
    fn without_qop_the_response_is_that_of_rfc_2069() {
        let a = Algorithm::Md5;
        let ha1 = ha1(a, b"bob", b"biloxi.com", b"zanzibar");
        let ha2 = ha2(a, None, b"REGISTER", b"sip:biloxi.com", b"ignored");
        let nonce = b"dcd98b7102dd2f0e8b11d0f600bfb0c093";
        let by_hand = a.hash(&[&ha1, nonce, &ha2]);
        assert_eq!(respond(a, &ha1, nonce, None, &ha2), by_hand);
        assert_eq!(by_hand.len(), 32);
    }

    #[test]
    fn auth_int_depends_on_the_body() {
        let a = Algorithm::Sha256;
        let of = |body: &[u8]| ha2(a, Some(Qop::AuthInt), b"INVITE", b"sip:a", body);
        assert_ne!(of(b"v=0"), of(b"v=1"));
        let auth = |body: &[u8]| ha2(a, Some(Qop::Auth), b"INVITE", b"sip:a", body);
        assert_eq!(auth(b"v=0"), auth(b"v=1"));
    }

    #[test]
    fn digests_compare_in_either_case_and_whole() {
        assert!(same_digest(b"0a9f", b"0A9f"));
        assert!(!same_digest(b"0a9f", b"0a9e"));
        assert!(!same_digest(b"0a9f", b"0a9"));
        assert!(!same_digest(b"", b"0"));
        assert!(same_digest(b"", b""));
    }

    #[test]
    fn tokens_go_both_ways() {
        for a in Algorithm::ALL {
            assert_eq!(Algorithm::from_token(a.token().to_lowercase().as_bytes()), Some(a));
        }
        assert_eq!(Algorithm::from_token(b"MD5-sess"), None);
        assert_eq!(Qop::from_token(b"AUTH-INT"), Some(Qop::AuthInt));
        assert_eq!(Qop::from_token(b"auth,auth-int"), None);
    }
}
