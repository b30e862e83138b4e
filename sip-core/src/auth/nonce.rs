//! Nonces that need no memory: time, chance and a MAC over both and what they are bound to.

use std::fmt;
use std::ops::Deref;

use sha2::{Digest, Sha256};

use super::digest::hex_pair;
use crate::time::WallTime;

/// Bytes of a nonce before it is written in hexadecimal: 6 of milliseconds, 8 of chance, 14 of MAC.
const RAW: usize = STAMP + MAC;
const STAMP: usize = 14;
const MAC: usize = 14;

/// A nonce as it stands on the wire: 56 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Nonce([u8; 2 * RAW]);

impl Deref for Nonce {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.0).unwrap_or_default())
    }
}

impl fmt::Debug for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a nonce says about itself, once its MAC proved that we said it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct NonceStamp {
    /// When it was made, in milliseconds since the Unix epoch.
    pub issued_ms: u64,
    /// What tells it from others of that millisecond.
    pub unique: u64,
}

/// Why a text is no nonce of ours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NonceError {
    /// It is not 56 lower-case hexadecimal digits.
    Malformed,
    /// Its MAC is wrong: another secret, another binding, or tampered with.
    Foreign,
}

/// Makes nonces and recognises them: HMAC-SHA-256 (RFC 2104) over time, chance and binding.
///
/// Any server with the same secret recognises them. A secret that is drawn anew at each start
/// makes all earlier nonces foreign; phones then try again, without their user (`stale`).
#[derive(Clone)]
pub struct NonceMaker {
    /// SHA-256 after the key's block, inner and outer.
    inner: Sha256,
    outer: Sha256,
}

impl fmt::Debug for NonceMaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NonceMaker").finish_non_exhaustive()
    }
}

impl NonceMaker {
    /// A maker with this secret, of any length; 32 bytes from the operating system are right.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        const BLOCK: usize = 64;
        let mut key = [0u8; BLOCK];
        if secret.len() > BLOCK {
            key.iter_mut().zip(Sha256::digest(secret)).for_each(|(k, h)| *k = h);
        } else {
            key.iter_mut().zip(secret).for_each(|(k, s)| *k = *s);
        }
        let keyed = |pad: u8| Sha256::new_with_prefix(key.map(|k| k ^ pad));
        Self { inner: keyed(0x36), outer: keyed(0x5c) }
    }

    /// A nonce of this moment. `unique` is drawn at random; `binding` is what must be the same
    /// when it comes back, such as the realm or the source address.
    #[must_use]
    pub fn make(&self, now: WallTime, unique: u64, binding: &[&[u8]]) -> Nonce {
        let mut raw = [0u8; RAW];
        let stamp = NonceStamp { issued_ms: millis(now), unique }.to_bytes();
        let mac = self.mac(&stamp, binding);
        raw.iter_mut().zip(stamp.into_iter().chain(mac)).for_each(|(r, b)| *r = b);
        let mut text = [0u8; 2 * RAW];
        text.chunks_exact_mut(2).zip(raw).for_each(|(pair, b)| pair.copy_from_slice(&hex_pair(b)));
        Nonce(text)
    }

    /// Reads a nonce of ours that is bound to `binding`. How old it may be is the caller's to say.
    pub fn open(&self, text: &[u8], binding: &[&[u8]]) -> Result<NonceStamp, NonceError> {
        let raw = from_hex(text).ok_or(NonceError::Malformed)?;
        let (stamp, mac) = raw.split_first_chunk::<STAMP>().ok_or(NonceError::Malformed)?;
        if !same_bytes(&self.mac(stamp, binding), mac) {
            return Err(NonceError::Foreign);
        }
        Ok(NonceStamp::from_bytes(stamp))
    }

    fn mac(&self, stamp: &[u8; STAMP], binding: &[&[u8]]) -> [u8; MAC] {
        let mut inner = self.inner.clone();
        inner.update(stamp);
        for part in binding {
            // The length first, so that no two lists of parts run together into one text.
            inner.update((part.len() as u64).to_be_bytes());
            inner.update(part);
        }
        let mut outer = self.outer.clone();
        outer.update(inner.finalize());
        let mut mac = [0; MAC];
        mac.iter_mut().zip(outer.finalize()).for_each(|(m, b)| *m = b);
        mac
    }
}

impl NonceStamp {
    fn to_bytes(self) -> [u8; STAMP] {
        let mut out = [0; STAMP];
        let time = self.issued_ms.to_be_bytes().into_iter().skip(2);
        out.iter_mut().zip(time.chain(self.unique.to_be_bytes())).for_each(|(o, b)| *o = b);
        out
    }

    fn from_bytes(bytes: &[u8; STAMP]) -> Self {
        let number = |part: &[u8]| part.iter().fold(0, |n, b| n << 8 | u64::from(*b));
        let (time, unique) = bytes.split_at(6);
        Self { issued_ms: number(time), unique: number(unique) }
    }
}

/// Wall time in milliseconds, as nonces count it.
pub(super) const fn millis(now: WallTime) -> u64 {
    now.as_nanos() / 1_000_000
}

/// Only the digits that [`NonceMaker::make`] writes: one text for each nonce.
fn from_hex(text: &[u8]) -> Option<[u8; RAW]> {
    let nibble = |c: u8| match c {
        b'0'..=b'9' => Some(c - b'0'),
        b'a'..=b'f' => Some(c - b'a' + 10),
        _ => None,
    };
    if text.len() != 2 * RAW {
        return None;
    }
    let mut raw = [0u8; RAW];
    for (byte, pair) in raw.iter_mut().zip(text.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *byte = nibble(*high)? << 4 | nibble(*low)?;
    }
    Some(raw)
}

fn same_bytes(a: &[u8; MAC], b: &[u8]) -> bool {
    let differing = a.iter().zip(b).fold(0, |acc, (x, y)| acc | (x ^ y));
    a.len() == b.len() && std::hint::black_box(differing) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: WallTime = WallTime::from_secs(1_700_000_000);

    #[test]
    fn a_nonce_tells_when_it_was_made() {
        let maker = NonceMaker::new(b"secret");
        let nonce = maker.make(NOW, 0xdead_beef_0000_0001, &[b"realm"]);
        let stamp = maker.open(&nonce, &[b"realm"]).unwrap();
        assert_eq!(stamp.issued_ms, 1_700_000_000_000);
        assert_eq!(stamp.unique, 0xdead_beef_0000_0001);
        assert_eq!(nonce.len(), 56);
    }

    #[test]
    fn another_secret_binding_or_bit_makes_it_foreign() {
        let maker = NonceMaker::new(b"secret");
        let nonce = maker.make(NOW, 7, &[b"ab", b"c"]);
        assert_eq!(
            NonceMaker::new(b"secre").open(&nonce, &[b"ab", b"c"]),
            Err(NonceError::Foreign)
        );
        assert_eq!(maker.open(&nonce, &[b"a", b"bc"]), Err(NonceError::Foreign));
        assert_eq!(maker.open(&nonce, &[]), Err(NonceError::Foreign));
        for i in 0..nonce.len() {
            let mut bad = nonce.0;
            bad[i] = if bad[i] == b'0' { b'1' } else { b'0' };
            assert_eq!(maker.open(&bad, &[b"ab", b"c"]), Err(NonceError::Foreign), "digit {i}");
        }
    }

    #[test]
    fn a_text_of_another_form_is_malformed() {
        let maker = NonceMaker::new(b"secret");
        let nonce = maker.make(NOW, 0xabcd, &[]);
        let upper = nonce.to_ascii_uppercase();
        for bad in [&b""[..], b"x", &nonce[1..], &upper, &[0xff; 56]] {
            assert_eq!(maker.open(bad, &[]), Err(NonceError::Malformed));
        }
    }

    #[test]
    fn the_mac_is_hmac_sha_256_of_rfc_4231() {
        // Test case 2 of RFC 4231 4.3, cut to our length; the stamp is the first 14 bytes of its
        // data, and a binding would add a length, so the rest goes into the hash by hand.
        let maker = NonceMaker::new(b"Jefe");
        let mut inner = maker.inner.clone();
        inner.update(b"what do ya want for nothing?");
        let mut outer = maker.outer.clone();
        outer.update(inner.finalize());
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        let hex: String = outer.finalize().iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, expected);
        // Test case 6: a key longer than a block is hashed first.
        let long = NonceMaker::new(&[0xaa; 131]);
        let mut inner = long.inner.clone();
        inner.update(b"Test Using Larger Than Block-Size Key - Hash Key First");
        let mut outer = long.outer.clone();
        outer.update(inner.finalize());
        let hex: String = outer.finalize().iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    }
}
