//! Pieces of grammar for nom, shared by the value parsers that not every message pays for:
//! tokens, quoted strings, white space. Errors are positions only; what failed is said by whoever
//! calls.

use super::At;
use crate::Fault;
use crate::lex::{self, class};
use nom::branch::alt;
use nom::bytes::complete::take_while1;
use nom::combinator::map;
use nom::{IResult, Parser};

/// nom's smallest error that keeps the place: the rest of the input.
pub(crate) type Rest<'a> = nom::error::Error<&'a [u8]>;
pub(crate) type Parsed<'a, T> = IResult<&'a [u8], T, Rest<'a>>;

/// `token` (RFC 3261 25.1).
pub(crate) fn token(s: &[u8]) -> Parsed<'_, &[u8]> {
    take_while1(|b| lex::is(b, class::TOKEN)).parse(s)
}

/// One or more digits.
pub(crate) fn digits(s: &[u8]) -> Parsed<'_, &[u8]> {
    take_while1(|b| lex::is(b, class::DIGIT)).parse(s)
}

/// Optional white space and folds.
pub(crate) fn sws(s: &[u8]) -> Parsed<'_, ()> {
    let at = lex::skip_lws(s, 0);
    Ok((s.get(at..).unwrap_or_default(), ()))
}

/// A quoted string: what stands between its quotes, escapes as received.
pub(crate) fn quoted(s: &[u8]) -> Parsed<'_, &[u8]> {
    let end = match s.first() {
        Some(b'"') => lex::quoted_end(s, 0).ok(),
        _ => None,
    };
    let inside = end.and_then(|end| Some((s.get(end..)?, s.get(1..end - 1)?)));
    inside.ok_or(nom::Err::Error(Rest::new(s, nom::error::ErrorKind::Char)))
}

/// A delimiter with optional white space round it.
pub(crate) fn mark(byte: u8) -> impl Fn(&[u8]) -> Parsed<'_, ()> {
    move |s| {
        let (s, ()) = sws(s)?;
        match s.split_first() {
            Some((b, rest)) if *b == byte => sws(rest),
            _ => Err(nom::Err::Error(Rest::new(s, nom::error::ErrorKind::Char))),
        }
    }
}

/// `name = value`, the value a token, a quoted string, or lenient unquoted text; says whether
/// it was quoted.
pub(crate) fn pair(s: &[u8]) -> Parsed<'_, (&[u8], &[u8], bool)> {
    let (s, name) = token(s)?;
    let (s, ()) = mark(b'=')(s)?;
    let loose = take_while1(|b| lex::is(b, class::VALUE));
    let (s, (value, was_quoted)) =
        alt((map(quoted, |v| (v, true)), map(loose, |v| (v, false)))).parse(s)?;
    Ok((s, (name, value, was_quoted)))
}

/// Turns nom's outcome for the text `s` into a fault with its offset.
pub(crate) fn located<T>(s: &[u8], outcome: Parsed<'_, T>) -> At<(T, usize)> {
    match outcome {
        Ok((rest, value)) => Ok((value, s.len() - rest.len())),
        Err(nom::Err::Error(e) | nom::Err::Failure(e)) => {
            let at = s.len().saturating_sub(e.input.len());
            Err((if e.input.first() == Some(&b'"') { Fault::Quote } else { Fault::Syntax }, at))
        }
        Err(nom::Err::Incomplete(_)) => Err((Fault::Syntax, s.len())),
    }
}
