//! Escapes of URIs (`%41`). Owns decoding, done once only, and encoding of user parts, parameters
//! and headers.

use crate::lex::{class, is};
use std::borrow::Cow;

fn hex(b: u8) -> Option<u8> {
    char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok())
}

/// The byte that the escape at the start of `s` stands for, when there is a whole one.
pub(crate) fn escaped(s: &[u8]) -> Option<u8> {
    match s {
        [b'%', h, l, ..] => Some(hex(*h)? << 4 | hex(*l)?),
        _ => None,
    }
}

/// Decodes `%HH` once; `%2541` becomes `%41`, never `A`. A percent sign that begins no escape
/// stays as it is. Borrows when there is nothing to decode (RFC 3261 19.1.2).
pub fn unescape(s: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'%', s).is_none() {
        return Cow::Borrowed(s);
    }
    Cow::Owned(decoded(s).collect())
}

/// The bytes of `s` with escapes decoded, one at a time and without allocating.
pub(crate) fn decoded(s: &[u8]) -> impl Iterator<Item = u8> + '_ {
    let mut rest = s;
    core::iter::from_fn(move || {
        let (first, tail) = rest.split_first()?;
        if let Some(b) = escaped(rest) {
            rest = rest.get(3..).unwrap_or_default();
            return Some(b);
        }
        rest = tail;
        Some(*first)
    })
}

/// Encodes `s` as the user part of a URI: what the grammar of `user` (RFC 3261 25.1) does not
/// allow becomes `%HH`; a percent sign too, since `s` is taken as plain text.
pub fn escape_user(s: &[u8]) -> Vec<u8> {
    escape(s, class::USER, b"")
}

/// Encodes `s` as the name or value of a URI parameter (`paramchar`, RFC 3261 25.1), as
/// [`escape_user`] does for the user part.
pub fn escape_param(s: &[u8]) -> Vec<u8> {
    escape(s, class::URI_PARAM, b"")
}

/// Encodes `s` as the name or value of a URI header (`hname`, `hvalue`, RFC 3261 25.1), such as
/// the Replaces of a Refer-To.
pub fn escape_header(s: &[u8]) -> Vec<u8> {
    escape(s, class::URI_HEADER, b"&=")
}

/// Encodes what is not of the class, percent signs, and what is in `too`.
fn escape(s: &[u8], allowed: u16, too: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = Vec::with_capacity(s.len() + 8);
    for &b in s {
        if is(b, allowed) && b != b'%' && !too.contains(&b) {
            out.push(b);
        } else {
            let (high, low) = (usize::from(b >> 4), usize::from(b & 15));
            out.extend_from_slice(&[b'%', DIGITS[high], DIGITS[low]]);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_decoded_exactly_once() {
        assert_eq!(&*unescape(b"%2541"), b"%41");
        assert_eq!(&*unescape(b"a%00b"), b"a\0b");
        assert_eq!(&*unescape(b"%Z%45%"), b"%ZE%");
        assert!(matches!(unescape(b"plain"), Cow::Borrowed(_)));
    }

    #[test]
    fn what_was_escaped_comes_back() {
        let all: Vec<u8> = (0..=255).collect();
        for escape in [escape_user, escape_param, escape_header] {
            assert_eq!(&*unescape(&escape(&all)), &all[..]);
        }
        let uri = |user, param, header| {
            let [user, param, header] =
                [user, param, header].map(String::from_utf8).map(Result::unwrap);
            format!("sip:{user}@h;p={param}?h={header}&i={header}")
        };
        let text = uri(escape_user(&all), escape_param(&all), escape_header(&all));
        let read = crate::Uri::parse(text.as_bytes()).unwrap();
        assert_eq!(&*unescape(read.user.unwrap()), &all[..]);
        assert_eq!(&*unescape(read.params.value(b"p").unwrap()), &all[..]);
        let values: Vec<_> = read.header_iter().map(|(_, v)| unescape(v).into_owned()).collect();
        assert_eq!(values, [&all[..], &all[..]]);
    }
}
