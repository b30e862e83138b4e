//! The fields of a session section: `o=`, `c=`, `t=` (RFC 8866 5.2, 5.7, 5.9).

use super::line::Line;
use crate::{Span, lex};
use core::net::IpAddr;

/// Who made the session, `o=` (RFC 8866 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin<'a> {
    /// User name; `-` when there is none.
    pub username: &'a [u8],
    /// Session identifier: digits, of any length.
    pub session_id: &'a [u8],
    /// Session version: digits, of any length; grows with every change.
    pub version: &'a [u8],
    /// Network type, `IN`.
    pub net_type: &'a [u8],
    /// Address type, `IP4` or `IP6`.
    pub addr_type: &'a [u8],
    /// Address or name.
    pub address: &'a [u8],
    /// Where the version stands.
    pub version_span: Span,
    /// Where address type and address stand.
    pub address_span: Span,
}

impl<'a> Origin<'a> {
    pub(super) fn parse(line: &Line<'a>) -> Option<Origin<'a>> {
        let mut words = line.words();
        let (username, _) = words.next()?;
        let (session_id, _) = words.next()?;
        let (version, version_span) = words.next()?;
        let (net_type, _) = words.next()?;
        let (addr_type, from) = words.next()?;
        let (address, to) = words.next()?;
        let numbers =
            lex::all(session_id, lex::class::DIGIT) && lex::all(version, lex::class::DIGIT);
        let address_span = Span::new(from.start, to.end);
        (numbers && words.next().is_none()).then_some(Origin {
            username,
            session_id,
            version,
            net_type,
            addr_type,
            address,
            version_span,
            address_span,
        })
    }
}

/// Where media go, `c=` (RFC 8866 5.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection<'a> {
    /// Network type, `IN`.
    pub net_type: &'a [u8],
    /// Address type, `IP4` or `IP6`.
    pub addr_type: &'a [u8],
    /// Address or name, without the parts behind a slash.
    pub address: &'a [u8],
    /// What stands behind the first slash of a multicast address: time to live and number of
    /// addresses (IP4), or number of addresses (IP6).
    pub multicast: Option<&'a [u8]>,
    /// The value of the line.
    pub span: Span,
    /// The whole line with its line end.
    pub line: Span,
}

impl<'a> Connection<'a> {
    pub(super) fn parse(line: &Line<'a>) -> Option<Connection<'a>> {
        let mut words = line.words();
        let (net_type, _) = words.next()?;
        let (addr_type, _) = words.next()?;
        let (address, _) = words.next()?;
        let slash = memchr::memchr(b'/', address);
        let bare = address.get(..slash.unwrap_or(address.len())).unwrap_or_default();
        (!bare.is_empty() && words.next().is_none()).then_some(Connection {
            net_type,
            addr_type,
            address: bare,
            multicast: slash.and_then(|i| address.get(i + 1..)),
            span: line.value_span,
            line: line.span,
        })
    }

    /// The address, when it is one and of the type it says. An IPv6 zone is not an address here.
    pub fn ip(&self) -> Option<IpAddr> {
        let ip: IpAddr = core::str::from_utf8(self.address).ok()?.parse().ok()?;
        let wanted = if ip.is_ipv4() { &b"IP4"[..] } else { b"IP6" };
        self.addr_type.eq_ignore_ascii_case(wanted).then_some(ip)
    }

    /// Whether the media are on hold by the old way: an unspecified address (RFC 3264 8.4).
    pub fn is_held(&self) -> bool {
        self.ip().is_some_and(|ip| ip.is_unspecified())
    }
}

/// When the session is, `t=` (RFC 8866 5.9): seconds since 1900 as digits, 0 for no bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing<'a> {
    /// Start.
    pub start: &'a [u8],
    /// Stop.
    pub stop: &'a [u8],
    /// The value of the line.
    pub span: Span,
}

impl<'a> Timing<'a> {
    pub(super) fn parse(line: &Line<'a>) -> Option<Timing<'a>> {
        let mut words = line.words();
        let ((start, _), (stop, _)) = (words.next()?, words.next()?);
        let digits = lex::all(start, lex::class::DIGIT) && lex::all(stop, lex::class::DIGIT);
        (digits && words.next().is_none()).then_some(Timing { start, stop, span: line.value_span })
    }
}
