//! Content-Type (RFC 3261 20.15) and the media ranges of Accept (20.1).

use super::At;
use super::grammar::{self, located, mark};
use crate::lex::skip_lws;
use crate::uri::params;
use crate::{Fault, Params};
use nom::Parser;

/// A media type with its parameters.
#[derive(Clone, Copy, Debug)]
pub struct ContentType<'a> {
    /// Type, such as `application`.
    pub kind: &'a [u8],
    /// Subtype, such as `sdp`.
    pub subtype: &'a [u8],
    /// Parameters.
    pub params: Params<'a>,
}

impl<'a> ContentType<'a> {
    /// Parses `s`, which must be one value and nothing else.
    pub fn parse(s: &'a [u8]) -> Result<ContentType<'a>, Fault> {
        ContentType::parse_whole(s).map_err(|(fault, _)| fault)
    }

    pub(crate) fn parse_whole(s: &'a [u8]) -> At<ContentType<'a>> {
        let parts = (grammar::sws, grammar::token, mark(b'/'), grammar::token).parse(s);
        let (((), kind, (), subtype), at) = located(s, parts)?;
        let (params_end, end) = params::header_params(s, at)?;
        if end < s.len() {
            return Err((Fault::Syntax, end));
        }
        let from = skip_lws(s, at);
        let params = Params::new(s.get(from..params_end).unwrap_or_default());
        Ok(ContentType { kind, subtype, params })
    }

    /// Whether it is that type and subtype, compared without case.
    pub fn is(&self, kind: &str, subtype: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind.as_bytes())
            && self.subtype.eq_ignore_ascii_case(subtype.as_bytes())
    }

    /// The boundary parameter of a multipart type, without quotes.
    pub fn boundary(&self) -> Option<&'a [u8]> {
        self.params.value(b"boundary").map(|b| super::quoted::QuotedText::new(b).inside())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_are_taken_apart() {
        let c = ContentType::parse(b"multipart / mixed ; boundary=\"a b\"").unwrap();
        assert!(c.is("Multipart", "MIXED"));
        assert_eq!(c.boundary(), Some(&b"a b"[..]));
        assert_eq!(ContentType::parse(b"application").unwrap_err(), Fault::Syntax);
        assert_eq!(ContentType::parse(b"a/b c").unwrap_err(), Fault::Syntax);
    }
}
