//! Subject and Organization (RFC 3261 20.36, 20.25): text for humans.

use super::write::put_text;
use super::{At, Value};
use bytes::BytesMut;

/// The value of a Subject or Organization header: UTF-8 by the RFC, any bytes in practice, folds as
/// received. It may be empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text<'a>(pub &'a [u8]);

public_face!(Text: Other);

impl<'a> Value<'a> for Text<'a> {
    fn parse_member(s: &'a [u8], at: usize, _: u32) -> At<(Text<'a>, usize)> {
        let text = crate::lex::trim_end(s.get(at..).unwrap_or_default());
        Ok((Text(text), s.len()))
    }

    fn put(&self, out: &mut BytesMut) {
        put_text(out, self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_is_taken_and_shown_without_its_folds() {
        let text = Text::parse("Tech Support —\r\n\t urgent, \"now\" ".as_bytes()).unwrap();
        assert_eq!(text.to_string(), "Tech Support —\t urgent, \"now\"");
        assert_eq!(Text::parse(b"").unwrap(), Text(b""));
        assert_eq!(Text(b"a\r\nX: y").to_string(), "a X: y");
    }
}
