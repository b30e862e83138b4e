//! `SIP-URI`, `SIPS-URI` and `absoluteURI` (RFC 3261 25.1), and tel as far as it is read before
//! its number is looked at (RFC 3966 3).

use super::host::{Place, host, port};
use super::lexical::{Read, all, uri_text};
use super::{Pairs, collect};
use crate::{Scheme, Uri};
use nom::Parser;
use nom::bytes::complete::{tag, take_while, take_while1};
use nom::character::complete::satisfy;
use nom::combinator::{all_consuming, map, opt, recognize, rest, verify};
use nom::sequence::{preceded, terminated};

/// A URI as it was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UriParts<'a> {
    /// Scheme as received.
    pub scheme: &'a [u8],
    /// User part, or the number of a tel URI.
    pub user: Option<&'a [u8]>,
    /// Password.
    pub password: Option<&'a [u8]>,
    /// Host; an empty name where there is none.
    pub host: Place<'a>,
    /// Port.
    pub port: Option<u16>,
    /// Parameters.
    pub params: Pairs<'a>,
    /// Headers.
    pub headers: Vec<(&'a [u8], &'a [u8])>,
}

/// `uri-parameters`.
fn params(s: &[u8]) -> Read<'_, Pairs<'_>> {
    let text = || uri_text(b"[]/:&+$");
    all(preceded(tag(&b";"[..]), (text(), opt(preceded(tag(&b"="[..]), text()))))).parse(s)
}

/// `headers` without the question mark. A value may hold an equals sign.
fn headers(s: &[u8]) -> Read<'_, Vec<(&[u8], &[u8])>> {
    let one = || {
        let name = terminated(uri_text(b"[]/?:+$"), tag(&b"="[..]));
        (name, recognize(opt(uri_text(b"[]/?:+$="))))
    };
    let more = all(preceded(tag(&b"&"[..]), one()));
    map((one(), more), |(first, more)| [vec![first], more].concat()).parse(s)
}

fn empty<'a>(scheme: &'a [u8]) -> UriParts<'a> {
    let (host, params, headers) = (Place::Name(b""), Vec::new(), Vec::new());
    UriParts { scheme, user: None, password: None, host, port: None, params, headers }
}

/// What follows `sip:`.
fn sip<'a>(scheme: &'a [u8], s: &'a [u8]) -> Read<'a, UriParts<'a>> {
    let user = uri_text(b"&=+$,;?/");
    let password = recognize(opt(uri_text(b"&=+$,")));
    let userinfo = terminated((user, opt(preceded(tag(&b":"[..]), password))), tag(&b"@"[..]));
    let place = (host, opt(preceded(tag(&b":"[..]), port)));
    let (left, (userinfo, (host, port), params, headers)) =
        (opt(userinfo), place, params, opt(preceded(tag(&b"?"[..]), headers))).parse(s)?;
    let (user, password) = userinfo.map_or((None, None), |(u, p)| (Some(u), p));
    let headers = headers.unwrap_or_default();
    Ok((left, UriParts { scheme, user, password, host, port, params, headers }))
}

/// What follows `tel:`.
fn tel<'a>(scheme: &'a [u8], s: &'a [u8]) -> Read<'a, UriParts<'a>> {
    let digit = |b: &u8| b.is_ascii_hexdigit() || b"*#".contains(b);
    let number = take_while1(move |b: u8| digit(&b) || b"+-.()".contains(&b));
    let number = verify(number, move |n: &[u8]| n.iter().any(digit));
    let (left, (number, params)) = (number, params).parse(s)?;
    Ok((left, UriParts { user: Some(number), params, ..empty(scheme) }))
}

/// What follows any other scheme: at least one character that URIs may hold.
fn opaque<'a>(scheme: &'a [u8], s: &'a [u8]) -> Read<'a, UriParts<'a>> {
    let visible = |b: &u8| b.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(b);
    let lawful = move |t: &[u8]| !t.is_empty() && t.iter().all(visible);
    let (left, _) = verify(rest, lawful).parse(s)?;
    Ok((left, empty(scheme)))
}

/// One URI that is all of `s`.
pub fn uri(s: &[u8]) -> Option<UriParts<'_>> {
    let letters = take_while(|b: u8| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    let scheme = recognize((satisfy(|c| c.is_ascii_alphabetic()), letters));
    let scheme: Read<'_, &[u8]> = terminated(scheme, tag(&b":"[..])).parse(s);
    let (after, scheme) = scheme.ok()?;
    let parts = match &scheme.to_ascii_lowercase()[..] {
        b"sip" | b"sips" => all_consuming(|s| sip(scheme, s)).parse(after),
        b"tel" => all_consuming(|s| tel(scheme, s)).parse(after),
        _ => all_consuming(|s| opaque(scheme, s)).parse(after),
    };
    Some(parts.ok()?.1)
}

/// Reads `s` in both ways. Panics where they differ.
pub fn check_uri(s: &[u8]) {
    let by_hand = Uri::parse(s).ok().map(|u| UriParts {
        scheme: u.scheme_name,
        user: u.user,
        password: u.password,
        host: u.host.into(),
        port: u.port,
        params: collect(u.params),
        headers: u.header_iter().collect(),
    });
    if let Ok(u) = Uri::parse(s) {
        let sip = u.scheme_name.eq_ignore_ascii_case(b"sip");
        let sips = u.scheme_name.eq_ignore_ascii_case(b"sips");
        assert_eq!((sip, sips), (u.scheme == Scheme::Sip, u.scheme == Scheme::Sips));
    }
    assert_eq!(by_hand, uri(s), "URI {:?}", String::from_utf8_lossy(s));
}
