//! Content-Type (RFC 3261 20.15) and the media ranges of Accept (20.1).

use super::grammar::{self, mark};
use super::write::{put_params, put_token};
use super::{At, Value};
use crate::Params;
use bytes::{BufMut, BytesMut};

/// A media type with its parameters, or a range of them such as `text/*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentType<'a> {
    /// Type, such as `application`.
    pub kind: &'a [u8],
    /// Subtype, such as `sdp`.
    pub subtype: &'a [u8],
    /// Parameters.
    pub params: Params<'a>,
}

impl<'a> ContentType<'a> {
    /// Whether it is that type and subtype, compared without case.
    pub fn is(&self, kind: &str, subtype: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind.as_bytes())
            && self.subtype.eq_ignore_ascii_case(subtype.as_bytes())
    }

    /// The boundary parameter of a multipart type, without quotes.
    pub fn boundary(&self) -> Option<&'a [u8]> {
        self.params.value(b"boundary").map(|b| super::quoted::QuotedText::new(b).inside())
    }

    /// Whether this range of Accept covers that type and subtype: `*` covers all.
    pub fn covers(&self, kind: &str, subtype: &str) -> bool {
        let fits =
            |own: &[u8], asked: &str| own == b"*" || own.eq_ignore_ascii_case(asked.as_bytes());
        fits(self.kind, kind) && fits(self.subtype, subtype)
    }

    /// The q parameter of a range of Accept in thousandths, 0 to 1000; None when absent or
    /// malformed.
    pub fn q(&self) -> Option<u16> {
        self.params.value(b"q").and_then(super::name_addr::thousandths)
    }
}

public_face!(ContentType: ContentType);

impl<'a> Value<'a> for ContentType<'a> {
    fn parse_member(s: &'a [u8], at: usize, _: u32) -> At<(ContentType<'a>, usize)> {
        grammar::present(s, at)?;
        let parts = (grammar::token, mark(b'/'), grammar::token);
        let ((kind, (), subtype), end) = grammar::run(s, at, parts)?;
        let (params, end) = grammar::params(s, end)?;
        Ok((ContentType { kind, subtype, params }, end))
    }

    fn put(&self, out: &mut BytesMut) {
        put_token(out, self.kind);
        out.put_u8(b'/');
        put_token(out, self.subtype);
        put_params(out, self.params);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fault;

    #[test]
    fn media_types_are_taken_apart() {
        let c = ContentType::parse(b"multipart / mixed ; boundary=\"a b\"").unwrap();
        assert!(c.is("Multipart", "MIXED"));
        assert_eq!(c.boundary(), Some(&b"a b"[..]));
        assert_eq!(c.to_string(), "multipart/mixed;boundary=\"a b\"");
        let refused = |s| ContentType::parse(s).map_err(|e| (e.fault, e.offset)).unwrap_err();
        assert_eq!(refused(b"application"), (Fault::Syntax, 11));
        assert_eq!(refused(b"a/b c"), (Fault::Syntax, 4));
        assert_eq!(refused(b""), (Fault::Empty, 0));
    }

    #[test]
    fn ranges_cover_types() {
        let range = ContentType::parse(b"text/*;level=1;q=0.5").unwrap();
        assert!(range.covers("text", "plain") && !range.covers("application", "sdp"));
        assert_eq!(range.q(), Some(500));
    }
}
