//! `name-addr` and `addr-spec` with header parameters (RFC 3261 25.1, 20.10).

use super::lexical::{Read, header_params, is_token, quoted, sws};
use super::{Pairs, collect};
use crate::NameAddr;
use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::{tag, take_while, take_while1};
use nom::character::complete::satisfy;
use nom::combinator::{all_consuming, map, recognize, verify};
use nom::sequence::{delimited, terminated};

/// An address as it was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address<'a> {
    /// Display name, a quoted one with its quotes.
    pub display: Option<&'a [u8]>,
    /// The URI, whose scheme alone was judged.
    pub uri: &'a [u8],
    /// Parameters of the header.
    pub params: Pairs<'a>,
}

/// A URI in angle brackets: anything visible that does not look like the end of it.
fn bracketed(s: &[u8]) -> Read<'_, &[u8]> {
    let inside = take_while(|b: u8| b > b' ' && !b"<>\"".contains(&b));
    delimited(tag(&b"<"[..]), verify(inside, has_scheme), tag(&b">"[..])).parse(s)
}

/// A URI without brackets ends where the header goes on, and may have no headers of its own.
fn bare(s: &[u8]) -> Read<'_, &[u8]> {
    let text = take_while1(|b: u8| !b";, \t\r\n<>\"".contains(&b));
    verify(text, |t: &[u8]| has_scheme(t) && !t.contains(&b'?')).parse(s)
}

/// `scheme ":"`.
fn has_scheme(s: &[u8]) -> bool {
    let first = satisfy(|c| c.is_ascii_alphabetic());
    let rest = take_while(|b: u8| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    let scheme: Read<'_, _> = (first, rest, tag(&b":"[..])).parse(s);
    scheme.is_ok()
}

/// `*(token LWS)` as a display name, raw UTF-8 as good as a token.
fn tokens(s: &[u8]) -> Read<'_, &[u8]> {
    let word = |b: u8| is_token(b) || b >= 0x80;
    let more = take_while(move |b: u8| word(b) || b" \t\r\n".contains(&b));
    map(recognize((take_while1(word), more)), |t: &[u8]| {
        let end = t.iter().rposition(|b| word(*b)).map_or(0, |i| i + 1);
        &t[..end]
    })
    .parse(s)
}

/// One address that is all of `s`.
pub fn name_addr(s: &[u8]) -> Option<Address<'_>> {
    let named = |s| {
        let display = alt((quoted, tokens));
        map((terminated(display, sws), bracketed), |(d, uri)| (Some(d), uri)).parse(s)
    };
    let plain = |s| map(alt((bracketed, bare)), |uri| (None, uri)).parse(s);
    let value = (alt((named, plain)), header_params);
    let (_, ((display, uri), params)) = all_consuming(delimited(sws, value, sws)).parse(s).ok()?;
    Some(Address { display, uri, params })
}

/// Reads `s` in both ways. Panics where they differ.
pub fn check_name_addr(s: &[u8]) {
    let by_hand = NameAddr::parse(s).ok().map(|a| Address {
        display: a.display,
        uri: a.uri,
        params: collect(a.params),
    });
    assert_eq!(by_hand, name_addr(s), "address {:?}", String::from_utf8_lossy(s));
}
