//! `host` (RFC 3261 25.1 with the IPv6 of RFC 5954) and ports.

use super::lexical::{Read, all, escaped};
use crate::Host;
use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::{tag, take_while_m_n, take_while1};
use nom::combinator::{all_consuming, map, map_opt, opt, recognize};
use nom::multi::many1_count;
use nom::sequence::{delimited, preceded};

/// A host as it was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place<'a> {
    /// A name.
    Name(&'a [u8]),
    /// A dotted quad.
    V4([u8; 4]),
    /// An IPv6 address and its zone.
    V6([u16; 8], Option<&'a [u8]>),
}

impl<'a> From<Host<'a>> for Place<'a> {
    fn from(host: Host<'a>) -> Place<'a> {
        match host {
            Host::Name(name) => Place::Name(name),
            Host::V4(a) => Place::V4(a.octets()),
            Host::V6(a) => Place::V6(a.segments(), None),
            Host::Scoped(s) => Place::V6(s.address().segments(), Some(s.zone())),
        }
    }
}

fn decimal(digits: &[u8]) -> Option<u8> {
    core::str::from_utf8(digits).ok()?.parse().ok()
}

/// `IPv4address`; leading zeros are decimal.
fn quad(s: &[u8]) -> Read<'_, [u8; 4]> {
    let part = || map_opt(take_while_m_n(1, 3, |b: u8| b.is_ascii_digit()), decimal);
    let dot = || tag(&b"."[..]);
    map((part(), dot(), part(), dot(), part(), dot(), part()), |(a, _, b, _, c, _, d)| [a, b, c, d])
        .parse(s)
}

/// A dotted quad as part of an IPv6 address, where a leading zero is not lawful.
fn quad_groups(s: &[u8]) -> Read<'_, Vec<u16>> {
    let (rest, [a, b, c, d]) = quad(s)?;
    let text = &s[..s.len() - rest.len()];
    if text != format!("{a}.{b}.{c}.{d}").as_bytes() {
        return Err(nom::Err::Error(nom::error::Error::new(s, nom::error::ErrorKind::Verify)));
    }
    Ok((rest, vec![u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])]))
}

/// `h16` groups with colons between them, a dotted quad in place of the last two.
fn groups(s: &[u8]) -> Read<'_, Vec<u16>> {
    let hex = || {
        map_opt(take_while_m_n(1, 4, |b: u8| b.is_ascii_hexdigit()), |h: &[u8]| {
            u16::from_str_radix(core::str::from_utf8(h).ok()?, 16).ok()
        })
    };
    let one = || alt((quad_groups, map(hex(), |group| vec![group])));
    let more = all(preceded(tag(&b":"[..]), one()));
    map_opt((one(), more), |(first, more)| {
        let list = [vec![first], more].concat();
        let quad_before_the_end = list.split_last()?.1.iter().any(|group| group.len() > 1);
        (!quad_before_the_end).then(|| list.concat())
    })
    .parse(s)
}

/// The same without a dotted quad.
fn plain_groups(s: &[u8]) -> Read<'_, Vec<u16>> {
    let (rest, list) = groups(s)?;
    let text = &s[..s.len() - rest.len()];
    if text.contains(&b'.') {
        return Err(nom::Err::Error(nom::error::Error::new(s, nom::error::ErrorKind::Verify)));
    }
    Ok((rest, list))
}

/// `IPv6address`: eight groups, or fewer with one `::` in place of at least one.
fn v6(s: &[u8]) -> Read<'_, [u16; 8]> {
    let gap = map((opt(plain_groups), tag(&b"::"[..]), opt(groups)), |(front, _, back)| {
        (front.unwrap_or_default(), Some(back.unwrap_or_default()))
    });
    let full = map(groups, |all| (all, None));
    map_opt(alt((gap, full)), |(front, back)| match back {
        None => front.try_into().ok(),
        Some(back) => {
            let zeros = 8usize.checked_sub(front.len() + back.len()).filter(|n| *n > 0)?;
            [front, vec![0; zeros], back].concat().try_into().ok()
        }
    })
    .parse(s)
}

/// The zone of RFC 6874, its percent sign escaped or not.
fn zone(s: &[u8]) -> Read<'_, &[u8]> {
    let plain = || take_while1(|b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b));
    let id = || recognize(many1_count(alt((plain(), escaped))));
    alt((
        preceded(tag(&b"%25"[..]), id()),
        preceded(tag(&b"%"[..]), recognize((plain(), opt(id())))),
    ))
    .parse(s)
}

/// `IPv6reference`, with a zone or without, of at most 63 bytes between the brackets.
fn reference(s: &[u8]) -> Read<'_, Place<'_>> {
    let inside = take_while_m_n(0, 63, |b| b != b']');
    let (rest, text) = delimited(tag(&b"["[..]), inside, tag(&b"]"[..])).parse(s)?;
    let place = map((v6, opt(zone)), |(address, zone)| Place::V6(address, zone));
    match all_consuming(place).parse(text) {
        Ok((_, place)) => Ok((rest, place)),
        Err(_) => Err(nom::Err::Error(nom::error::Error::new(s, nom::error::ErrorKind::Verify))),
    }
}

/// `hostname`, where labels may hold `_`, the last one may begin with a digit, and dots may stand
/// anywhere but in front.
pub(super) fn name(s: &[u8]) -> Read<'_, &[u8]> {
    let inner = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
    recognize((
        nom::character::complete::satisfy(|c| c.is_ascii_alphanumeric() || c == '_'),
        nom::bytes::complete::take_while(inner),
    ))
    .parse(s)
}

/// `host`: what reads as a whole dotted quad is one, anything else of the same letters a name.
pub(super) fn host(s: &[u8]) -> Read<'_, Place<'_>> {
    let named = map(name, |text| match quad(text) {
        Ok((b"", octets)) => Place::V4(octets),
        _ => Place::Name(text),
    });
    alt((reference, named)).parse(s)
}

/// `port`: at most five digits, at most 65,535.
pub(super) fn port(s: &[u8]) -> Read<'_, u16> {
    let digits = take_while1(|b: u8| b.is_ascii_digit());
    map_opt(digits, |d: &[u8]| {
        let text = core::str::from_utf8(d).ok().filter(|t| t.len() <= 5)?;
        text.parse().ok()
    })
    .parse(s)
}
