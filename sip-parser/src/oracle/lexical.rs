//! The basic rules of RFC 3261 25.1, each with its own idea of which bytes it takes: nothing here
//! uses the tables of the parsers that are checked against it.

use super::Pairs;
use nom::branch::alt;
use nom::bytes::complete::{tag, take, take_while, take_while1};
use nom::character::complete::one_of;
use nom::combinator::{opt, recognize, verify};
use nom::multi::{fold_many0, many0_count, many1_count};
use nom::sequence::{delimited, preceded};
use nom::{IResult, Parser};

pub(super) type Failed<'a> = nom::error::Error<&'a [u8]>;
pub(super) type Read<'a, T> = IResult<&'a [u8], T>;

/// `SWS`, with every line end taken for part of a fold.
pub(super) fn sws(s: &[u8]) -> Read<'_, &[u8]> {
    take_while(|b| b" \t\r\n".contains(&b)).parse(s)
}

/// `LWS`.
pub(super) fn lws(s: &[u8]) -> Read<'_, &[u8]> {
    take_while1(|b| b" \t\r\n".contains(&b)).parse(s)
}

/// A delimiter with optional white space on both sides: `SLASH`, `SEMI`, `EQUAL`, `COLON`.
pub(super) fn mark<'a>(
    byte: &'static [u8],
) -> impl Parser<&'a [u8], Output = &'a [u8], Error = Failed<'a>> {
    delimited(sws, tag(byte), sws)
}

pub(super) fn is_token(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&b)
}

/// `token`.
pub(super) fn token(s: &[u8]) -> Read<'_, &[u8]> {
    take_while1(is_token).parse(s)
}

/// `quoted-string` with its quotes. Between them any byte may stand; `quoted-pair` takes any byte
/// but CR and LF.
pub(super) fn quoted(s: &[u8]) -> Read<'_, &[u8]> {
    let pair =
        recognize((tag(&b"\\"[..]), verify(take(1usize), |b: &[u8]| !b"\r\n".contains(&b[0]))));
    let text = take_while1(|b| !b"\"\\".contains(&b));
    recognize((tag(&b"\""[..]), many0_count(alt((text, pair))), tag(&b"\""[..]))).parse(s)
}

/// The unquoted value of a header parameter: `token` or `host` in the RFC, here any bytes above
/// the blank that cannot be taken for a delimiter.
pub(super) fn loose_value(s: &[u8]) -> Read<'_, &[u8]> {
    take_while1(|b| b > b' ' && !b";,\"<>\\\x7f".contains(&b)).parse(s)
}

/// `*(SEMI generic-param)`.
pub(super) fn header_params(s: &[u8]) -> Read<'_, Pairs<'_>> {
    let value = preceded(mark(b"="), alt((quoted, loose_value)));
    all(preceded(mark(b";"), (token, opt(value)))).parse(s)
}

/// As many as there are, in a list.
pub(super) fn all<'a, T>(
    one: impl Parser<&'a [u8], Output = T, Error = Failed<'a>>,
) -> impl Parser<&'a [u8], Output = Vec<T>, Error = Failed<'a>> {
    fold_many0(one, Vec::new, |mut list, item| {
        list.push(item);
        list
    })
}

/// `escaped`.
pub(super) fn escaped(s: &[u8]) -> Read<'_, &[u8]> {
    let hex = || one_of("0123456789abcdefABCDEF");
    recognize((tag(&b"%"[..]), hex(), hex())).parse(s)
}

/// One or more of: unreserved characters, escapes, and those in `more`.
pub(super) fn uri_text<'a>(
    more: &'static [u8],
) -> impl Parser<&'a [u8], Output = &'a [u8], Error = Failed<'a>> {
    let plain = take_while1(move |b: u8| {
        b.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&b) || more.contains(&b)
    });
    recognize(many1_count(alt((plain, escaped))))
}
