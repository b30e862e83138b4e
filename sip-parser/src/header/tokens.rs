//! Tokens, with parameters where the header has some. Lists of them: Require, Proxy-Require,
//! Supported, Unsupported (RFC 3261 20.29, 20.32, 20.37, 20.40), Allow (20.5), Accept-Encoding
//! (20.2), Accept-Language (20.3), Content-Encoding (20.12), Content-Language (20.13), Allow-Events
//! (RFC 6665 8.2.2), Request-Disposition (RFC 3841 9.1), P-Early-Media (RFC 5009 8), Recv-Info (RFC
//! 6086 10.9). One alone: Priority (RFC 3261 20.26), SIP-ETag and SIP-If-Match (RFC 3903 11.3),
//! Suppress-If-Match (RFC 5839), Geolocation-Routing (RFC 6442 4.2), Info-Package (RFC 6086
//! 10.8), Answer-Mode and Priv-Answer-Mode (RFC 5373).

use super::write::{put_params, put_token};
use super::{At, Value};
use crate::lex::{self, class, peek, skip_lws};
use crate::uri::params;
use crate::{Fault, Params, Span};
use bytes::BytesMut;

/// A token, or one member of a list of tokens, with parameters where the header has some.
#[derive(Clone, Copy, Debug)]
pub struct Tokens<'a> {
    /// The token.
    pub token: &'a [u8],
    /// Its parameters.
    pub params: Params<'a>,
    /// The member in the message.
    pub span: Span,
}

impl<'a> Tokens<'a> {
    /// A member to write. Its span is empty.
    pub fn new(token: &'a [u8], params: Params<'a>) -> Tokens<'a> {
        Tokens { token, params, span: Span::default() }
    }

    /// Whether it is that token, compared without case. (Methods are compared with case: see
    /// [`crate::Method`].)
    pub fn is(&self, token: &str) -> bool {
        self.token.eq_ignore_ascii_case(token.as_bytes())
    }

    /// The q parameter in thousandths, 0 to 1000 (RFC 3261 25.1 qvalue); None when absent or
    /// malformed.
    pub fn q(&self) -> Option<u16> {
        self.params.value(b"q").and_then(super::name_addr::thousandths)
    }
}

public_face!(Tokens: Other);

impl<'a> Value<'a> for Tokens<'a> {
    fn parse_member(s: &'a [u8], at: usize, base: u32) -> At<(Tokens<'a>, usize)> {
        let token_end = lex::span(s, at, class::TOKEN);
        if token_end == at {
            let empty = at >= s.len() || peek(s, at) == b',';
            return Err((if empty { Fault::Empty } else { Fault::Syntax }, at));
        }
        // Most have no parameters.
        let alone = token_end >= s.len() || peek(s, token_end) == b',';
        let (params_end, end) = match alone {
            true => (token_end, token_end),
            false => params::header_params(s, token_end)?,
        };
        if end < s.len() && peek(s, end) != b',' {
            return Err((Fault::Syntax, end));
        }
        let params_at = skip_lws(s, token_end);
        let member = Tokens {
            token: s.get(at..token_end).unwrap_or_default(),
            params: Params::new(s.get(params_at..params_end).unwrap_or_default()),
            span: Span::at(base, at, params_end),
        };
        Ok((member, end))
    }

    fn put(&self, out: &mut BytesMut) {
        put_token(out, self.token);
        put_params(out, self.params);
    }
}

/// A token alone in its header, without parameters.
pub(crate) struct Word<'a>(pub(crate) &'a [u8]);

impl<'a> Value<'a> for Word<'a> {
    fn parse_member(s: &'a [u8], at: usize, _: u32) -> At<(Word<'a>, usize)> {
        super::grammar::present(s, at)?;
        let end = lex::span(s, at, class::TOKEN);
        if end == at {
            return Err((Fault::Syntax, at));
        }
        Ok((Word(s.get(at..end).unwrap_or_default()), super::grammar::ending(s, end)?))
    }

    fn put(&self, out: &mut BytesMut) {
        put_token(out, self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_end_at_commas() {
        let (m, end) = Tokens::parse_member(b"100rel , path", 0, 0).unwrap();
        assert_eq!((m.token, end), (&b"100rel"[..], 7));
        assert_eq!(Tokens::parse_member(b",a", 0, 0).unwrap_err(), (Fault::Empty, 0));
        assert_eq!(Tokens::parse_member(b"a b", 0, 0).unwrap_err(), (Fault::Syntax, 2));
    }

    #[test]
    fn languages_have_weights() {
        let m = Tokens::parse(b"en-GB ; q=0.8").unwrap();
        assert!(m.is("en-gb") && m.q() == Some(800));
        assert_eq!(m.to_string(), "en-GB;q=0.8");
        assert_eq!(Tokens::parse(b"en, da").unwrap_err().offset, 2);
    }
}
