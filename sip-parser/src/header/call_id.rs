//! Call-ID and In-Reply-To (RFC 3261 20.8, 20.21). Owns how far the identifier of a call reaches
//! where other things may follow it.

use super::write::put_class;
use super::{At, Value, grammar};
use crate::Fault;
use crate::lex::{block, class};
use bytes::BytesMut;

/// The identifier of a call; compared byte by byte, with case. Any visible text is taken, not
/// only the `word` of the grammar: peers put base64 there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CallId<'a>(pub &'a [u8]);

/// Text of a Call-ID that a header can hold: blanks and control characters become `_`.
fn put_visible(out: &mut BytesMut, text: &[u8]) {
    out.extend(text.iter().map(|b| if *b > b' ' && *b != 0x7f { *b } else { b'_' }));
}

public_face!(CallId: CallId, InReplyTo: InReplyTo);

impl<'a> Value<'a> for CallId<'a> {
    fn parse_member(s: &'a [u8], at: usize, _: u32) -> At<(CallId<'a>, usize)> {
        if at >= s.len() {
            return Err((Fault::Empty, at));
        }
        let end = block::find(s, at, b' ', [0x7f]);
        let rest = crate::lex::skip_lws(s, end);
        if end == at || rest < s.len() {
            return Err((Fault::Syntax, end));
        }
        Ok((CallId(s.get(at..end).unwrap_or_default()), rest))
    }

    fn put(&self, out: &mut BytesMut) {
        put_visible(out, self.0);
    }
}

/// One call that an In-Reply-To header refers to: its Call-ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InReplyTo<'a>(pub &'a [u8]);

impl<'a> Value<'a> for InReplyTo<'a> {
    fn parse_member(s: &'a [u8], at: usize, _: u32) -> At<(InReplyTo<'a>, usize)> {
        let (call_id, end) = embedded(s, at)?;
        Ok((InReplyTo(call_id), grammar::ending(s, end)?))
    }

    fn put(&self, out: &mut BytesMut) {
        put_embedded(out, self.0);
    }
}

/// The Call-ID at `at` in a header where commas and semicolons end it, and the offset behind it.
pub(super) fn embedded(s: &[u8], at: usize) -> At<(&[u8], usize)> {
    grammar::present(s, at)?;
    let end = block::find(s, at, b' ', [b';', b',', 0x7f]);
    if end == at {
        return Err((Fault::Syntax, at));
    }
    Ok((s.get(at..end).unwrap_or_default(), end))
}

/// Appends a Call-ID where [`embedded`] will read it: what would end it becomes `_`.
pub(super) fn put_embedded(out: &mut BytesMut, call_id: &[u8]) {
    // A quote or bracket is lawful in a Call-ID and ends no member here.
    let lawful = |b: u8| crate::lex::is(b, class::VALUE) || matches!(b, b'"' | b'<' | b'>' | b'\\');
    if call_id.iter().all(|b| lawful(*b)) {
        out.extend_from_slice(call_id);
    } else {
        put_class(out, call_id, class::VALUE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_visible_text_is_a_call_id() {
        let id = CallId::parse(b"f81d4fae-7dec;a,b=\"<@foo.bar.com").unwrap();
        assert_eq!(id.0, b"f81d4fae-7dec;a,b=\"<@foo.bar.com");
        assert_eq!(CallId(b"a b\r\nc").to_string(), "a_b__c");
        let e = CallId::parse(b"a b").unwrap_err();
        assert_eq!((e.fault, e.offset), (Fault::Syntax, 1));
        assert_eq!(CallId::parse(b"").unwrap_err().fault, Fault::Empty);
    }

    #[test]
    fn a_reply_names_its_calls_one_by_one() {
        let text = b"70710@saturn.bell-tel.com , 17320@\"x\"";
        let (first, end) = InReplyTo::parse_member(text, 0, 0).unwrap();
        assert_eq!((first.0, end), (&b"70710@saturn.bell-tel.com"[..], 26));
        let (second, _) = InReplyTo::parse_member(text, 28, 0).unwrap();
        assert_eq!(second.to_string(), "17320@\"x\"");
        assert_eq!(InReplyTo(b"a;b").to_string(), "a_b");
        assert_eq!(InReplyTo::parse(b"a b").unwrap_err().offset, 2);
        assert_eq!(InReplyTo::parse(b";").unwrap_err().fault, Fault::Syntax);
    }
}
