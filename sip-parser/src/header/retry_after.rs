//! Retry-After (RFC 3261 20.33): seconds, a comment, a duration.

use super::At;
use super::grammar::{self, located};
use crate::lex::{self, peek, skip_lws};
use crate::uri::params;
use crate::{Fault, Params};

/// The value of a Retry-After header.
#[derive(Clone, Copy, Debug)]
pub struct RetryAfter<'a> {
    /// Seconds to wait.
    pub seconds: u32,
    /// The comment with its parentheses, when there is one.
    pub comment: Option<&'a [u8]>,
    /// Parameters.
    pub params: Params<'a>,
}

impl<'a> RetryAfter<'a> {
    /// Parses `s`, which must be one value and nothing else.
    pub fn parse(s: &'a [u8]) -> Result<RetryAfter<'a>, Fault> {
        RetryAfter::parse_whole(s).map_err(|(fault, _)| fault)
    }

    pub(crate) fn parse_whole(s: &'a [u8]) -> At<RetryAfter<'a>> {
        let (digits, end) = located(s, grammar::digits(s))?;
        let seconds = lex::number(digits).ok_or((Fault::Number, 0))?;
        let mut at = skip_lws(s, end);
        let mut comment = None;
        if peek(s, at) == b'(' {
            let close = comment_end(s, at)?;
            comment = s.get(at..close);
            at = close;
        }
        let (params_end, end) = params::header_params(s, at)?;
        if end < s.len() {
            return Err((Fault::Syntax, end));
        }
        let from = skip_lws(s, at);
        let params = Params::new(s.get(from..params_end).unwrap_or_default());
        Ok(RetryAfter { seconds, comment, params })
    }

    /// The duration parameter in seconds: how long the callee will be reachable afterwards.
    pub fn duration(&self) -> Option<u32> {
        self.params.value(b"duration").and_then(lex::number)
    }
}

/// Offset after the comment at `at`. Comments nest; the depth is counted, not recursed into.
fn comment_end(s: &[u8], at: usize) -> At<usize> {
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
        assert_eq!(RetryAfter::parse(b"949302838503028349304023988").unwrap_err(), Fault::Number);
        assert_eq!(RetryAfter::parse(b"5 (open").unwrap_err(), Fault::Quote);
        assert_eq!(RetryAfter::parse(b"5 x").unwrap_err(), Fault::Syntax);
    }
}
