//! Contact: an address, or the `*` that removes every binding (RFC 3261 20.10, 10.2.2).

use super::{At, Value};
use crate::lex::{peek, skip_lws};
use crate::{NameAddr, Span};
use bytes::{BufMut, BytesMut};

/// One value of a Contact header.
#[derive(Clone, Copy, Debug)]
pub enum Contact<'a> {
    /// `*`. It is lawful only alone, in a REGISTER with Expires 0; that is for the registrar.
    Star,
    /// An address.
    Addr(NameAddr<'a>),
}

impl<'a> Contact<'a> {
    /// The address, unless it is `*`.
    pub fn addr(&self) -> Option<&NameAddr<'a>> {
        match self {
            Contact::Star => None,
            Contact::Addr(addr) => Some(addr),
        }
    }
}

public_face!(Contact: Contact);

impl<'a> Value<'a> for Contact<'a> {
    fn parse_member(s: &'a [u8], at: usize, base: u32) -> At<(Contact<'a>, usize)> {
        if peek(s, at) == b'*' {
            let end = skip_lws(s, at + 1);
            if end >= s.len() || peek(s, end) == b',' {
                return Ok((Contact::Star, end));
            }
        }
        let (addr, end) = NameAddr::parse_member(s, at, base)?;
        Ok((Contact::Addr(addr), end))
    }

    fn put(&self, out: &mut BytesMut) {
        match self {
            Contact::Star => out.put_u8(b'*'),
            Contact::Addr(addr) => addr.put(out),
        }
    }

    fn uri(&self) -> Option<(&'a [u8], Span)> {
        self.addr()?.uri()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_told_from_a_name_that_begins_with_one() {
        assert!(matches!(Contact::parse_member(b"*", 0, 0), Ok((Contact::Star, 1))));
        let (contact, _) = Contact::parse_member(b"*star* <sip:a@b>", 0, 0).unwrap();
        assert_eq!(contact.addr().and_then(|a| a.display), Some(&b"*star*"[..]));
        assert_eq!(contact.to_string(), "*star* <sip:a@b>");
        assert_eq!(Contact::parse(b"*").unwrap().to_string(), "*");
        assert_eq!(Contact::parse(b"*, *").unwrap_err().offset, 1);
    }
}
