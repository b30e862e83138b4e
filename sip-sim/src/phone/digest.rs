//! Answering a digest challenge (RFC 3261 22, RFC 7616, RFC 8760).
//!
//! Written apart from the engine's own digest code, so that each is a check on the other.

use bytes::Bytes;
use md5::Md5;
use sha2::{Digest, Sha256};
use sip_core::rng::Rng;

use super::plan::Account;

/// The hash of a challenge.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Hash {
    Md5,
    Sha256,
}

/// A challenge that can be answered, and how often its nonce was used.
#[derive(Clone, Debug)]
pub(crate) struct Challenge {
    /// Whether a proxy asked (407) and not the server itself (401).
    proxy: bool,
    hash: Hash,
    realm: String,
    nonce: String,
    opaque: Option<String>,
    /// Whether `auth` was offered; without it the answer has no client nonce (RFC 2069).
    qop: bool,
    pub(crate) stale: bool,
    uses: u32,
}

impl Challenge {
    /// Reads the value of a WWW-Authenticate or Proxy-Authenticate header. `None` when it is no
    /// digest challenge with a hash we know.
    pub(crate) fn parse(value: &[u8], proxy: bool) -> Option<Self> {
        let text = std::str::from_utf8(value).ok()?;
        let (scheme, rest) = text.trim().split_once([' ', '\t'])?;
        if !scheme.eq_ignore_ascii_case("Digest") {
            return None;
        }
        let mut challenge = Self {
            proxy,
            hash: Hash::Md5,
            realm: String::new(),
            nonce: String::new(),
            opaque: None,
            qop: false,
            stale: false,
            uses: 0,
        };
        for (name, value) in parameters(rest) {
            match name.to_ascii_lowercase().as_str() {
                "realm" => challenge.realm = value,
                "nonce" => challenge.nonce = value,
                "opaque" => challenge.opaque = Some(value),
                "stale" => challenge.stale = value.eq_ignore_ascii_case("true"),
                "qop" => challenge.qop = value.split(',').any(|q| q.trim() == "auth"),
                "algorithm" => {
                    challenge.hash = match value.to_ascii_uppercase().as_str() {
                        "MD5" => Hash::Md5,
                        "SHA-256" => Hash::Sha256,
                        _ => return None,
                    };
                }
                _ => {}
            }
        }
        (!challenge.nonce.is_empty()).then_some(challenge)
    }

    /// The header line, with its line end, that answers for a request.
    pub(crate) fn answer(
        &mut self,
        account: &Account,
        method: &str,
        uri: &[u8],
        rng: &mut dyn Rng,
    ) -> Bytes {
        self.uses += 1;
        let user = String::from_utf8_lossy(&account.user);
        let password = String::from_utf8_lossy(&account.password);
        let uri = String::from_utf8_lossy(uri);
        let ha1 = self.hash.of(&format!("{user}:{}:{password}", self.realm));
        let ha2 = self.hash.of(&format!("{method}:{uri}"));
        let (response, tail) = if self.qop {
            let (nc, cnonce) = (format!("{:08x}", self.uses), format!("{:016x}", rng.next_u64()));
            let secret = format!("{ha1}:{}:{nc}:{cnonce}:auth:{ha2}", self.nonce);
            (self.hash.of(&secret), format!(", qop=auth, nc={nc}, cnonce=\"{cnonce}\""))
        } else {
            (self.hash.of(&format!("{ha1}:{}:{ha2}", self.nonce)), String::new())
        };
        let name = if self.proxy { "Proxy-Authorization" } else { "Authorization" };
        let algorithm = match self.hash {
            Hash::Md5 => "MD5",
            Hash::Sha256 => "SHA-256",
        };
        let opaque = self.opaque.as_ref().map_or_else(String::new, |o| format!(", opaque=\"{o}\""));
        Bytes::from(format!(
            "{name}: Digest username=\"{user}\", realm=\"{}\", nonce=\"{}\", uri=\"{uri}\", \
             response=\"{response}\", algorithm={algorithm}{opaque}{tail}\r\n",
            self.realm, self.nonce
        ))
    }
}

impl Hash {
    fn of(self, text: &str) -> String {
        let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect();
        match self {
            Self::Md5 => hex(&Md5::digest(text)),
            Self::Sha256 => hex(&Sha256::digest(text)),
        }
    }
}

/// `name=value` and `name="value"` between commas, quotes taken off.
fn parameters(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((name, after)) = rest.split_once('=') {
        let after = after.trim_start();
        let (value, tail) = match after.strip_prefix('"') {
            Some(quoted) => unquote(quoted),
            None => {
                let end = after.find(',').unwrap_or(after.len());
                (after[..end].trim().to_string(), &after[end..])
            }
        };
        found.push((name.trim().trim_start_matches(',').trim().to_string(), value));
        rest = tail.trim_start().trim_start_matches(',');
    }
    found
}

/// A quoted string's text from behind its first quote, and what follows its last.
fn unquote(quoted: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, &quoted[at + 1..]),
            // Escapes stay: they are hashed and sent back as they came (RFC 7616 3.4, unq).
            '\\' => {
                value.push(c);
                value.extend(chars.next().map(|(_, escaped)| escaped));
            }
            c => value.push(c),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use sip_core::rng::SeededRng;

    #[test]
    fn an_answer_without_qop_is_that_of_rfc_2069() {
        // Worked out by hand with md5sum: HA1 "alice:example.com:secret", HA2 "REGISTER:sip:example.com".
        let mut challenge =
            Challenge::parse(b"Digest realm=\"example.com\", nonce=\"abc\"", false).unwrap();
        let line = challenge.answer(
            &Account::new("alice", "secret"),
            "REGISTER",
            b"sip:example.com",
            &mut SeededRng::new(1),
        );
        let ha1 = Hash::Md5.of("alice:example.com:secret");
        let ha2 = Hash::Md5.of("REGISTER:sip:example.com");
        let expected = Hash::Md5.of(&format!("{ha1}:abc:{ha2}"));
        let text = String::from_utf8(line.to_vec()).unwrap();
        assert!(text.starts_with("Authorization: Digest username=\"alice\""), "{text}");
        assert!(text.contains(&format!("response=\"{expected}\"")), "{text}");
        assert!(!text.contains("cnonce") && text.ends_with("\r\n"), "{text}");
    }

    #[test]
    fn hashes_are_the_published_ones() {
        // RFC 1321 A.5 and FIPS 180-4's "abc".
        assert_eq!(Hash::Md5.of("abc"), "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(
            Hash::Sha256.of("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn a_nonce_is_counted_up_and_a_strange_hash_is_left_alone() {
        let value = b"Digest realm=\"a, \\\"b\\\"\" , nonce=\"n\",qop=\"auth-int,auth\",algorithm=SHA-256,stale=TRUE";
        let mut challenge = Challenge::parse(value, true).unwrap();
        assert_eq!((challenge.realm.as_str(), challenge.stale), ("a, \\\"b\\\"", true));
        let account = Account::new("a", "b");
        let mut rng = SeededRng::new(1);
        let mut nc = || {
            let line = challenge.answer(&account, "INVITE", b"sip:x", &mut rng);
            let text = String::from_utf8(line.to_vec()).unwrap();
            assert!(text.starts_with("Proxy-Authorization: "));
            text.split("nc=").nth(1).unwrap()[..8].to_string()
        };
        assert_eq!((nc(), nc()), ("00000001".to_string(), "00000002".to_string()));
        assert!(Challenge::parse(b"Digest nonce=\"n\", algorithm=MD7", false).is_none());
        assert!(Challenge::parse(b"Basic realm=\"x\"", false).is_none());
    }
}
