//! Session-ID (RFC 7989 5): what names a session across servers that change its Call-ID.

use super::write::put_params;
use super::{At, Value, grammar};
use crate::lex::{class, span};
use crate::{Fault, Params};
use bytes::BytesMut;

/// Hexadecimal digits in one identifier.
const LEN: usize = 32;

/// The value of a Session-ID header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionId<'a> {
    /// The sender's identifier: 32 hexadecimal digits, in lower case by the RFC.
    pub local: &'a [u8],
    /// Parameters.
    pub params: Params<'a>,
}

impl<'a> SessionId<'a> {
    /// The receiver's identifier (`remote`), all zeros when the sender does not know it yet; None
    /// when it is absent, as from senders of RFC 7329, or malformed.
    pub fn remote(&self) -> Option<&'a [u8]> {
        self.params.value(b"remote").filter(|id| id.len() == LEN && span(id, 0, class::HEX) == LEN)
    }
}

public_face!(SessionId: SessionId);

impl<'a> Value<'a> for SessionId<'a> {
    fn parse_member(s: &'a [u8], at: usize, _: u32) -> At<(SessionId<'a>, usize)> {
        grammar::present(s, at)?;
        let end = span(s, at, class::HEX);
        if end != at + LEN {
            return Err((Fault::Syntax, end));
        }
        let local = s.get(at..end).unwrap_or_default();
        let (params, end) = grammar::params(s, end)?;
        Ok((SessionId { local, params }, end))
    }

    fn put(&self, out: &mut BytesMut) {
        let digits = self.local.iter().chain(core::iter::repeat(&b'0')).take(LEN);
        out.extend(digits.map(|b| if b.is_ascii_hexdigit() { *b } else { b'0' }));
        put_params(out, self.params);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_are_named() {
        let text = b"ab30317f1a784dc48ff824d0d3715d86;remote=47755a9de7794ba387653f2099600ef2";
        let s = SessionId::parse(text).unwrap();
        assert_eq!(s.local, &text[..32]);
        assert_eq!(s.remote(), Some(&text[40..]));
        assert_eq!(s.to_string().as_bytes(), text);
        assert_eq!(SessionId::parse(&text[..32]).unwrap().remote(), None);
        for (s, fault, offset) in [
            (&b""[..], Fault::Empty, 0),
            (&text[..31], Fault::Syntax, 31),
            (b"ab30317f1a784dc48ff824d0d3715d866", Fault::Syntax, 33),
            (b"ab30317f1a784dc48ff824d0d3715d86;", Fault::Parameter, 33),
        ] {
            let e = SessionId::parse(s).unwrap_err();
            assert_eq!((e.fault, e.offset), (fault, offset), "{}", String::from_utf8_lossy(s));
        }
    }
}
