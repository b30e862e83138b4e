//! Content-Disposition (RFC 3261 20.11): what a body is for.

use super::write::{put_params, put_token};
use super::{At, Value, grammar};
use crate::Params;
use bytes::BytesMut;

/// The value of a Content-Disposition header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentDisposition<'a> {
    /// `session`, `render`, `icon`, `alert` or another token.
    pub kind: &'a [u8],
    /// Parameters.
    pub params: Params<'a>,
}

impl ContentDisposition<'_> {
    /// Whether a receiver may ignore the body when it does not understand it:
    /// `handling=optional`. Without the parameter the body is required.
    pub fn is_optional(&self) -> bool {
        self.params.value(b"handling").is_some_and(|h| h.eq_ignore_ascii_case(b"optional"))
    }
}

public_face!(ContentDisposition: ContentDisposition);

impl<'a> Value<'a> for ContentDisposition<'a> {
    fn parse_member(s: &'a [u8], at: usize, _: u32) -> At<(ContentDisposition<'a>, usize)> {
        let (kind, params, end) = grammar::token_and_params(s, at)?;
        Ok((ContentDisposition { kind, params }, end))
    }

    fn put(&self, out: &mut BytesMut) {
        put_token(out, self.kind);
        put_params(out, self.params);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fault;

    #[test]
    fn bodies_are_required_unless_they_say_otherwise() {
        let c = ContentDisposition::parse(b"Session ; handling=Optional").unwrap();
        assert!(c.is_optional());
        assert_eq!(c.to_string(), "Session;handling=Optional");
        assert!(!ContentDisposition::parse(b"session").unwrap().is_optional());
        assert!(!ContentDisposition::parse(b"x;handling=required").unwrap().is_optional());
        for (s, fault, offset) in [
            (&b""[..], Fault::Empty, 0),
            (b"\"session\"", Fault::Quote, 0),
            (b"session;=x", Fault::Parameter, 8),
        ] {
            let e = ContentDisposition::parse(s).unwrap_err();
            assert_eq!((e.fault, e.offset), (fault, offset), "{}", String::from_utf8_lossy(s));
        }
    }
}
