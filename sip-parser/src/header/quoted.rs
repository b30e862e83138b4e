//! Quoted strings (RFC 3261 25.1 quoted-string). Owns taking the quotes and escapes off and
//! putting them on.

use crate::lex::{class, is, peek};
use bytes::{BufMut, BytesMut};

/// Text that may be a quoted string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotedText<'a> {
    inside: &'a [u8],
    escaped: bool,
}

impl<'a> QuotedText<'a> {
    /// A view of `raw`: with quotes at both ends its content is meant, and backslashes escape;
    /// without, the text itself is meant.
    pub fn new(raw: &'a [u8]) -> QuotedText<'a> {
        match raw {
            [b'"', inside @ .., b'"'] => QuotedText { inside, escaped: true },
            _ => QuotedText { inside: raw, escaped: false },
        }
    }

    /// What stands between the quotes, escapes as received.
    pub fn inside(&self) -> &'a [u8] {
        self.inside
    }

    /// The bytes it means: escapes taken off, and folds (RFC 3261 7.3.1) too, of which only the
    /// blanks stay.
    pub fn chars(&self) -> impl Iterator<Item = u8> + use<'a> {
        let (mut rest, escaped) = (self.inside, self.escaped);
        core::iter::from_fn(move || {
            let (mut first, mut tail) = rest.split_first()?;
            while matches!(first, b'\r' | b'\n') && is(peek(tail, 0), class::LWS) {
                (first, tail) = tail.split_first()?;
            }
            if escaped && *first == b'\\' {
                (first, tail) = tail.split_first().unwrap_or((first, tail));
            }
            rest = tail;
            Some(*first)
        })
    }
}

/// `text` as a quoted string: in quotes, with quotes and backslashes in it escaped. Line ends and
/// NUL become blanks, so that no text can leave its quotes or its header.
///
/// ```
/// assert_eq!(sip_parser::quote(br#"say "hi""#), br#""say \"hi\"""#);
/// ```
pub fn quote(text: &[u8]) -> Vec<u8> {
    let mut out = BytesMut::with_capacity(text.len() + 2);
    put_plain_quoted(&mut out, text);
    out.to_vec()
}

/// Appends `text`, in which nothing is escaped yet, as a quoted string.
pub(crate) fn put_plain_quoted(out: &mut BytesMut, text: &[u8]) {
    out.put_u8(b'"');
    for b in text {
        match b {
            b'\r' | b'\n' | 0 => out.put_u8(b' '),
            b'"' | b'\\' => out.put_slice(&[b'\\', *b]),
            b => out.put_u8(*b),
        }
    }
    out.put_u8(b'"');
}

/// Writes `inside`, which is text between quotes with its escapes, in quotes. What would end the
/// string early is escaped, and line ends become blanks, so that no value can break the header.
pub(crate) fn write_quoted(out: &mut BytesMut, inside: &[u8]) {
    out.put_u8(b'"');
    let mut bytes = inside.iter().copied();
    while let Some(b) = bytes.next() {
        match b {
            b'\r' | b'\n' | 0 => out.put_u8(b' '),
            b'"' => out.put_slice(b"\\\""),
            b'\\' => match bytes.next() {
                Some(next) if !matches!(next, b'\r' | b'\n' | 0) => out.put_slice(&[b, next]),
                _ => out.put_slice(b"\\\\"),
            },
            _ => out.put_u8(b),
        }
    }
    out.put_u8(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_come_off_only_inside_quotes() {
        let text = |raw: &[u8]| QuotedText::new(raw).chars().collect::<Vec<_>>();
        assert_eq!(text(br#""a\"b\\""#), b"a\"b\\");
        assert_eq!(text(br"a\b"), br"a\b");
        assert_eq!(text(b"\"\""), b"");
        assert_eq!(text(b"\"a\r\n b\""), b"a b");
        assert_eq!(text(b"\"a\nb\""), b"a\nb");
    }

    #[test]
    fn quoted_text_is_read_back() {
        let all: Vec<u8> = (1..=255).filter(|b| !matches!(b, b'\r' | b'\n')).collect();
        let quoted = quote(&all);
        assert_eq!(QuotedText::new(&quoted).chars().collect::<Vec<_>>(), all);
    }

    #[test]
    fn written_text_cannot_leave_its_quotes() {
        let written = |inside: &[u8]| {
            let mut out = BytesMut::new();
            write_quoted(&mut out, inside);
            out.to_vec()
        };
        assert_eq!(written(b"a\", realm=\"x\r\ny"), b"\"a\\\", realm=\\\"x  y\"");
        assert_eq!(written(br"a\"), br#""a\\""#);
        assert_eq!(written(br"a\\"), br#""a\\""#);
        assert_eq!(written(br#"a\""#), br#""a\"""#);
    }
}
