//! Challenges: the values of WWW-Authenticate and Proxy-Authenticate.

use bytes::{BufMut, BytesMut};

use super::digest::Algorithm;
use super::nonce::Nonce;

/// Who challenges: a server (registrar, user agent) or a proxy (RFC 3261 22.2 and 22.3).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Authority {
    /// 401, WWW-Authenticate, Authorization.
    Server,
    /// 407, Proxy-Authenticate, Proxy-Authorization.
    Proxy,
}

impl Authority {
    /// The status of the challenge.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Server => 401,
            Self::Proxy => 407,
        }
    }

    /// The reason phrase of the challenge.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Server => "Unauthorized",
            Self::Proxy => "Proxy Authentication Required",
        }
    }

    /// The header that the challenge is in.
    #[must_use]
    pub const fn challenge_header(self) -> &'static str {
        match self {
            Self::Server => "WWW-Authenticate",
            Self::Proxy => "Proxy-Authenticate",
        }
    }

    /// The header that the credentials come in.
    #[must_use]
    pub const fn credentials_header(self) -> &'static str {
        match self {
            Self::Server => "Authorization",
            Self::Proxy => "Proxy-Authorization",
        }
    }
}

/// The protections that a challenge offers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum QopOffer {
    /// None: for phones older than RFC 3261. No nonce count comes back.
    None,
    /// `auth`.
    #[default]
    Auth,
    /// `auth-int`.
    AuthInt,
    /// Both.
    AuthOrAuthInt,
}

impl QopOffer {
    const fn list(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Auth => Some("auth"),
            Self::AuthInt => Some("auth-int"),
            Self::AuthOrAuthInt => Some("auth,auth-int"),
        }
    }
}

/// What a challenge says beside its nonce.
#[derive(Clone, Copy, Debug)]
pub struct Challenge<'a> {
    /// The realm.
    pub realm: &'a [u8],
    /// The algorithms offered; one header each, the strongest first whatever their order here
    /// (RFC 8760 2.3).
    pub algorithms: &'a [Algorithm],
    /// The protections offered.
    pub qop: QopOffer,
    /// The previous credentials failed for their nonce only.
    pub stale: bool,
    /// A text that the client returns unchanged.
    pub opaque: Option<&'a [u8]>,
}

impl Challenge<'_> {
    /// Hands the value of each header to `each`, in the order in which they are to stand. `scratch`
    /// is overwritten.
    pub fn write(&self, nonce: &Nonce, scratch: &mut BytesMut, each: &mut dyn FnMut(&[u8])) {
        for algorithm in Algorithm::ALL.into_iter().filter(|a| self.algorithms.contains(a)) {
            scratch.clear();
            self.write_one(algorithm, nonce, scratch);
            each(scratch);
        }
    }

    /// Appends the value for one algorithm.
    pub fn write_one(&self, algorithm: Algorithm, nonce: &Nonce, out: &mut BytesMut) {
        out.put_slice(b"Digest realm=");
        quote(self.realm, out);
        out.put_slice(b", nonce=\"");
        out.put_slice(nonce);
        out.put_slice(b"\", algorithm=");
        out.put_slice(algorithm.token().as_bytes());
        if let Some(list) = self.qop.list() {
            out.put_slice(b", qop=\"");
            out.put_slice(list.as_bytes());
            out.put_slice(b"\"");
        }
        if self.stale {
            out.put_slice(b", stale=true");
        }
        if let Some(opaque) = self.opaque {
            out.put_slice(b", opaque=");
            quote(opaque, out);
        }
    }
}

/// Writes a quoted string (RFC 3261 25.1). Control characters, which none may hold and which could
/// end the header, are left out.
fn quote(text: &[u8], out: &mut BytesMut) {
    out.put_u8(b'"');
    for c in text.iter().filter(|c| !c.is_ascii_control()) {
        if matches!(c, b'"' | b'\\') {
            out.put_u8(b'\\');
        }
        out.put_u8(*c);
    }
    out.put_u8(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::NonceMaker;
    use crate::time::WallTime;

    fn values(challenge: &Challenge<'_>) -> Vec<String> {
        let nonce = NonceMaker::new(b"k").make(WallTime::from_secs(1), 1, &[]);
        let (mut out, mut scratch) = (Vec::new(), BytesMut::new());
        challenge.write(&nonce, &mut scratch, &mut |v| {
            let text = String::from_utf8(v.to_vec()).unwrap();
            out.push(text.replace(&nonce.to_string(), "N"));
        });
        out
    }

    #[test]
    fn one_header_an_algorithm_and_the_strongest_first() {
        let c = Challenge {
            realm: b"sip.test",
            algorithms: &[Algorithm::Md5, Algorithm::Sha256],
            qop: QopOffer::Auth,
            stale: false,
            opaque: None,
        };
        assert_eq!(
            values(&c),
            [
                "Digest realm=\"sip.test\", nonce=\"N\", algorithm=SHA-256, qop=\"auth\"",
                "Digest realm=\"sip.test\", nonce=\"N\", algorithm=MD5, qop=\"auth\"",
            ]
        );
    }

    #[test]
    fn what_is_optional_is_there_when_asked_for() {
        let c = Challenge {
            realm: b"a\"b\\c\r\nd",
            algorithms: &[Algorithm::Md5],
            qop: QopOffer::None,
            stale: true,
            opaque: Some(b"x"),
        };
        assert_eq!(
            values(&c),
            ["Digest realm=\"a\\\"b\\\\cd\", nonce=\"N\", algorithm=MD5, stale=true, opaque=\"x\""]
        );
        let both = Challenge { qop: QopOffer::AuthOrAuthInt, opaque: None, stale: false, ..c };
        assert!(values(&both)[0].ends_with("qop=\"auth,auth-int\""));
    }

    #[test]
    fn each_authority_has_its_headers() {
        let names = |a: Authority| (a.status(), a.challenge_header(), a.credentials_header());
        assert_eq!(names(Authority::Server), (401, "WWW-Authenticate", "Authorization"));
        assert_eq!(names(Authority::Proxy), (407, "Proxy-Authenticate", "Proxy-Authorization"));
    }
}
