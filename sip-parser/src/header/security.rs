//! Security-Client, Security-Server and Security-Verify (RFC 3329 2.2): which protection the hop
//! agrees on.

use super::write::{put_params, put_token};
use super::{At, Value, grammar};
use crate::Params;
use bytes::BytesMut;

/// One mechanism of such a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecurityMechanism<'a> {
    /// `digest`, `tls`, `ipsec-ike`, `ipsec-man`, `ipsec-3gpp` or another token.
    pub name: &'a [u8],
    /// Parameters.
    pub params: Params<'a>,
}

impl<'a> SecurityMechanism<'a> {
    /// How much it is preferred, in thousandths, 0 to 1000; None when absent or malformed.
    pub fn q(&self) -> Option<u16> {
        self.params.value(b"q").and_then(super::name_addr::thousandths)
    }

    /// The digest algorithm (`d-alg`).
    pub fn digest_algorithm(&self) -> Option<&'a [u8]> {
        self.params.value(b"d-alg")
    }

    /// The digest quality of protection (`d-qop`).
    pub fn digest_qop(&self) -> Option<&'a [u8]> {
        self.params.value(b"d-qop")
    }

    /// The digest of the challenge in Security-Verify (`d-ver`), without quotes.
    pub fn digest_verify(&self) -> Option<&'a [u8]> {
        self.params.value(b"d-ver").map(|v| super::quoted::QuotedText::new(v).inside())
    }
}

public_face!(SecurityMechanism: Other);

impl<'a> Value<'a> for SecurityMechanism<'a> {
    fn parse_member(s: &'a [u8], at: usize, _: u32) -> At<(SecurityMechanism<'a>, usize)> {
        let (name, params, end) = grammar::token_and_params(s, at)?;
        Ok((SecurityMechanism { name, params }, end))
    }

    fn put(&self, out: &mut BytesMut) {
        put_token(out, self.name);
        put_params(out, self.params);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fault;

    #[test]
    fn mechanisms_have_preferences() {
        let text = b"ipsec-ike;q=0.1, digest;d-alg=md5;d-qop=auth;d-ver=\"0000000000000000000000000000a248\"";
        let (ike, end) = SecurityMechanism::parse_member(text, 0, 0).unwrap();
        assert_eq!((ike.name, ike.q()), (&b"ipsec-ike"[..], Some(100)));
        let (digest, _) = SecurityMechanism::parse_member(text, end + 2, 0).unwrap();
        assert_eq!(digest.digest_algorithm(), Some(&b"md5"[..]));
        assert_eq!(digest.digest_qop(), Some(&b"auth"[..]));
        assert_eq!(digest.digest_verify(), Some(&b"0000000000000000000000000000a248"[..]));
        assert_eq!(digest.to_string().as_bytes(), &text[end + 2..]);
        for (s, fault, offset) in [
            (&b""[..], Fault::Empty, 0),
            (b"tls q=0.1", Fault::Syntax, 4),
            (b"tls;q=", Fault::Parameter, 6),
        ] {
            let e = SecurityMechanism::parse(s).unwrap_err();
            assert_eq!((e.fault, e.offset), (fault, offset), "{}", String::from_utf8_lossy(s));
        }
    }
}
