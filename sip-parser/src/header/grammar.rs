//! Pieces of grammar for nom, shared by the value parsers that not every message pays for:
//! tokens, quoted strings, white space. Errors are positions only; what failed is said by whoever
//! calls.

use super::At;
use crate::lex::{self, class};
use crate::uri::params;
use crate::{Fault, Params};
use nom::branch::alt;
use nom::bytes::complete::take_while1;
use nom::combinator::{map, recognize};
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

/// Runs a grammar on `s` from `at` on: what it found, and the offset behind it.
pub(crate) fn run<'a, T>(
    s: &'a [u8],
    at: usize,
    mut grammar: impl Parser<&'a [u8], Output = T, Error = Rest<'a>>,
) -> At<(T, usize)> {
    let rest = s.get(at..).unwrap_or_default();
    match located(rest, grammar.parse(rest)) {
        Ok((value, len)) => Ok((value, at + len)),
        Err((fault, from)) => Err((fault, at + from)),
    }
}

/// The parameters at `at`, and the offset behind them, where a comma or the end stands.
pub(crate) fn params(s: &[u8], at: usize) -> At<(Params<'_>, usize)> {
    let (params_end, end) = params::header_params(s, at)?;
    let from = lex::skip_lws(s, at).min(params_end);
    Ok((Params::new(s.get(from..params_end).unwrap_or_default()), ending(s, end)?))
}

/// The offset of the comma or of the end that must follow `at` and white space.
pub(crate) fn ending(s: &[u8], at: usize) -> At<usize> {
    let end = lex::skip_lws(s, at);
    if end < s.len() && lex::peek(s, end) != b',' { Err((Fault::Syntax, end)) } else { Ok(end) }
}

/// Checks that a value begins at `at`, which is neither the end nor a comma.
pub(crate) fn present(s: &[u8], at: usize) -> At<()> {
    if at >= s.len() || lex::peek(s, at) == b',' { Err((Fault::Empty, at)) } else { Ok(()) }
}

/// A token with parameters.
pub(crate) fn token_and_params(s: &[u8], at: usize) -> At<(&[u8], Params<'_>, usize)> {
    present(s, at)?;
    let (name, end) = run(s, at, token)?;
    let (params, end) = params(s, end)?;
    Ok((name, params, end))
}

/// A token or a quoted string, the latter with its quotes, and parameters.
pub(crate) fn text_and_params(s: &[u8], at: usize) -> At<(&[u8], Params<'_>, usize)> {
    present(s, at)?;
    let (text, end) = run(s, at, alt((recognize(quoted), token)))?;
    let (params, end) = params(s, end)?;
    Ok((text, params, end))
}

/// A decimal number of at most 32 bits.
pub(crate) fn number(s: &[u8], at: usize) -> At<(u32, usize)> {
    present(s, at)?;
    let (text, end) = run(s, at, digits).map_err(|_| (Fault::Number, at))?;
    Ok((lex::number(text).ok_or((Fault::Number, at))?, end))
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
