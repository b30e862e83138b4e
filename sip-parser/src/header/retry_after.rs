//! Retry-After (RFC 3261 20.33): seconds, a comment, a duration.

use super::write::{put_number, put_params, put_unfolded};
use super::{At, Value, grammar};
use crate::lex::{self, peek, skip_lws};
use crate::{Fault, Params};
use bytes::{BufMut, BytesMut};

/// The value of a Retry-After header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryAfter<'a> {
    /// Seconds to wait.
    pub seconds: u32,
    /// The comment with its parentheses, when there is one. To be written, it may also be plain
    /// text.
    pub comment: Option<&'a [u8]>,
    /// Parameters.
    pub params: Params<'a>,
}

impl<'a> RetryAfter<'a> {
    /// The duration parameter in seconds: how long the callee will be reachable afterwards.
    pub fn duration(&self) -> Option<u32> {
        self.params.value(b"duration").and_then(lex::number)
    }
}

public_face!(RetryAfter: RetryAfter);

impl<'a> Value<'a> for RetryAfter<'a> {
    fn parse_member(s: &'a [u8], at: usize, _: u32) -> At<(RetryAfter<'a>, usize)> {
        let (seconds, end) = grammar::number(s, at)?;
        let mut at = skip_lws(s, end);
        let mut comment = None;
        if peek(s, at) == b'(' {
            let close = comment_end(s, at)?;
            comment = s.get(at..close);
            at = close;
        }
        let (params, end) = grammar::params(s, at)?;
        Ok((RetryAfter { seconds, comment, params }, end))
    }

    fn put(&self, out: &mut BytesMut) {
        put_number(out, self.seconds);
        if let Some(comment) = self.comment {
            out.put_u8(b' ');
            put_comment(out, comment);
        }
        put_params(out, self.params);
    }
}

/// Appends a comment: as it is when it is one, else the text inside a new one.
fn put_comment(out: &mut BytesMut, comment: &[u8]) {
    if peek(comment, 0) == b'(' && comment_end(comment, 0) == Ok(comment.len()) {
        return put_unfolded(out, comment);
    }
    out.put_u8(b'(');
    for b in comment {
        match b {
            b'\r' | b'\n' | 0 => out.put_u8(b' '),
            b'(' | b')' | b'\\' => out.put_slice(&[b'\\', *b]),
            b => out.put_u8(*b),
        }
    }
    out.put_u8(b')');
}

/// Offset after the comment at `at` (RFC 3261 25.1). Comments nest; the depth is counted, not
/// recursed into.
pub(super) fn comment_end(s: &[u8], at: usize) -> At<usize> {
    let mut depth = 0u32;
    let mut i = at;
    while i < s.len() {
        match s[i] {
            b'(' => depth += 1,
            b')' => depth -= 1,
            b'\\' => i += 1,
            _ => {}
        }
        i += 1;
        if depth == 0 {
            return Ok(i.min(s.len()));
        }
    }
    Err((Fault::Quote, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_comment_and_duration() {
        let r = RetryAfter::parse(b"18000 (in a (long) meeting);duration=3600").unwrap();
        assert_eq!((r.seconds, r.duration()), (18000, Some(3600)));
        assert_eq!(r.comment, Some(&b"(in a (long) meeting)"[..]));
        assert_eq!(r.to_string(), "18000 (in a (long) meeting);duration=3600");
        let refused = |s| RetryAfter::parse(s).map_err(|e| (e.fault, e.offset)).unwrap_err();
        assert_eq!(refused(b"949302838503028349304023988"), (Fault::Number, 0));
        assert_eq!(refused(b"soon"), (Fault::Number, 0));
        assert_eq!(refused(b"5 (open"), (Fault::Quote, 2));
        assert_eq!(refused(b"5 x"), (Fault::Syntax, 2));
        let plain = RetryAfter { comment: Some(b"a) b\r\n"), ..r };
        assert_eq!(plain.to_string(), "18000 (a\\) b  );duration=3600");
    }
}
