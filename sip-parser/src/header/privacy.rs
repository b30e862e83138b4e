//! Privacy (RFC 3323 4.2, RFC 3325 9.3 for `id`, RFC 7044 for `history`): what is to be hidden.
//! Owns the list, whose members are parted by semicolons.

use super::write::put_token;
use super::{At, Value, grammar};
use crate::lex::{class, peek, skip_lws, span};
use crate::{Fault, lex};
use bytes::{BufMut, BytesMut};

/// The value of a Privacy header: one or more tokens, such as `id` or `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Privacy<'a> {
    /// The list as received. To be written, tokens parted by semicolons.
    pub list: &'a [u8],
}

impl<'a> Privacy<'a> {
    /// The tokens in order.
    pub fn values(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.list.split(|b| *b == b';').map(lex::trim)
    }

    /// Whether that token is in the list, compared without case.
    pub fn has(&self, wanted: &str) -> bool {
        self.values().any(|v| v.eq_ignore_ascii_case(wanted.as_bytes()))
    }
}

public_face!(Privacy: Privacy);

impl<'a> Value<'a> for Privacy<'a> {
    fn parse_member(s: &'a [u8], at: usize, _: u32) -> At<(Privacy<'a>, usize)> {
        grammar::present(s, at)?;
        let mut from = at;
        loop {
            let end = span(s, from, class::TOKEN);
            if end == from {
                return Err((Fault::Syntax, from));
            }
            let next = skip_lws(s, end);
            if peek(s, next) != b';' {
                let list = s.get(at..end).unwrap_or_default();
                return Ok((Privacy { list }, grammar::ending(s, next)?));
            }
            from = skip_lws(s, next + 1);
        }
    }

    fn put(&self, out: &mut BytesMut) {
        for (i, value) in self.values().enumerate() {
            if i > 0 {
                out.put_u8(b';');
            }
            put_token(out, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_hidden_is_a_list() {
        let p = Privacy::parse(b"Header ;\r\n user;critical").unwrap();
        assert!(p.has("header") && p.has("critical") && !p.has("id"));
        assert_eq!(p.to_string(), "Header;user;critical");
        for (s, fault, offset) in [
            (&b""[..], Fault::Empty, 0),
            (b";", Fault::Syntax, 0),
            (b"id;", Fault::Syntax, 3),
            (b"id;;user", Fault::Syntax, 3),
            (b"id user", Fault::Syntax, 3),
            (b"id, user", Fault::Syntax, 2),
        ] {
            let e = Privacy::parse(s).unwrap_err();
            assert_eq!((e.fault, e.offset), (fault, offset), "{}", String::from_utf8_lossy(s));
        }
    }
}
