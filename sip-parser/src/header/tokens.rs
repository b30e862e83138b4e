//! Lists of tokens: Require, Proxy-Require, Supported, Unsupported (RFC 3261 20.29, 20.32, 20.37,
//! 20.40), Allow, Allow-Events, Accept-Encoding and the like.

use super::{At, ListValue};
use crate::lex::{self, class, peek, skip_lws};
use crate::uri::params;
use crate::{Fault, Params, Span};

/// One member of a token list, with parameters where the header has some.
#[derive(Clone, Copy, Debug)]
pub struct Tokens<'a> {
    /// The token.
    pub token: &'a [u8],
    /// Its parameters.
    pub params: Params<'a>,
    /// The member in the message.
    pub span: Span,
}

impl<'a> ListValue<'a> for Tokens<'a> {
    fn parse_member(s: &'a [u8], at: usize, base: u32) -> At<(Tokens<'a>, usize)> {
        let token_end = lex::span(s, at, class::TOKEN);
        if token_end == at {
            let empty = at >= s.len() || peek(s, at) == b',';
            return Err((if empty { Fault::Empty } else { Fault::Syntax }, at));
        }
        let (params_end, end) = params::header_params(s, token_end)?;
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
}
