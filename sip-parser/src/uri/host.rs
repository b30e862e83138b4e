//! Hosts: names, IPv4 addresses and IPv6 references (RFC 3261 25.1, RFC 5954). Owns `host` and
//! `hostport`.

use crate::lex::{self, class, is, peek};
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A host as it stands in a URI or a Via.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Host<'a> {
    /// A name, case as received. Empty in URIs that have no host.
    Name(&'a [u8]),
    /// A dotted quad.
    V4(Ipv4Addr),
    /// An IPv6 address; on the wire it stands in brackets.
    V6(Ipv6Addr),
    /// An IPv6 address of a zone of the machine that wrote it (RFC 4007 11, in the forms of
    /// RFC 6874: `[fe80::1%25eth0]`, and `[fe80::1%eth0]` as many write it). SIP's own grammar has
    /// no zones, and none means anything on another machine.
    Scoped(Scoped<'a>),
}

/// An IPv6 address with a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scoped<'a> {
    /// What stands between the brackets; judged when it was read.
    text: &'a [u8],
}

impl<'a> Scoped<'a> {
    /// The address that is all of `text`, which stands without brackets.
    fn parse(text: &'a [u8]) -> Option<Scoped<'a>> {
        let scoped = Scoped { text };
        let zone = scoped.zone();
        let lawful = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
        let escapes_hold = zone.split(|b| *b == b'%').enumerate().all(|(i, part)| {
            let hex = part.get(..2).is_some_and(|h| lex::all(h, class::HEX));
            (i == 0 || hex) && part.iter().all(lawful)
        });
        // A zone behind a bare percent sign may not begin with an escape: whose would it be?
        let clear = !text.windows(2).any(|pair| pair == b"%%");
        (!zone.is_empty() && clear && escapes_hold && scoped.halves().0.is_some()).then_some(scoped)
    }

    /// The address and the zone.
    fn halves(&self) -> (Option<Ipv6Addr>, &'a [u8]) {
        let percent = memchr::memchr(b'%', self.text).unwrap_or(self.text.len());
        let (address, zone) = self.text.split_at_checked(percent).unwrap_or((self.text, b""));
        let address = core::str::from_utf8(address).ok().and_then(|a| a.parse().ok());
        let zone = zone.strip_prefix(b"%25").filter(|z| !z.is_empty()).or(zone.strip_prefix(b"%"));
        (address, zone.unwrap_or_default())
    }

    /// The address without its zone.
    pub fn address(&self) -> Ipv6Addr {
        self.halves().0.unwrap_or(Ipv6Addr::UNSPECIFIED)
    }

    /// The zone, such as `eth0` or `2`, escapes as received; compared with case.
    pub fn zone(&self) -> &'a [u8] {
        self.halves().1
    }

    /// Address and zone as received, without brackets.
    pub fn text(&self) -> &'a [u8] {
        self.text
    }
}

impl<'a> Host<'a> {
    /// The host that is all of `s`; IPv6 with its brackets. None when it is not one.
    pub fn parse(s: &'a [u8]) -> Option<Host<'a>> {
        let (host, end) = scan(s, 0)?;
        (end == s.len()).then_some(host)
    }

    /// The address, when the host is one; without the zone, when it has one.
    pub fn as_ip(&self) -> Option<IpAddr> {
        match self {
            Host::Name(_) => None,
            Host::V4(a) => Some(IpAddr::V4(*a)),
            Host::V6(a) => Some(IpAddr::V6(*a)),
            Host::Scoped(a) => Some(IpAddr::V6(a.address())),
        }
    }

    /// The zone of an IPv6 address that has one.
    pub fn zone(&self) -> Option<&'a [u8]> {
        match self {
            Host::Scoped(scoped) => Some(scoped.zone()),
            _ => None,
        }
    }

    /// The name, when the host is one.
    pub fn as_name(&self) -> Option<&'a [u8]> {
        match self {
            Host::Name(name) => Some(name),
            _ => None,
        }
    }

    /// Whether both mean the same host without asking the DNS: names without case, addresses by
    /// value, with their zones (RFC 3261 19.1.4).
    pub fn equivalent(&self, other: &Host<'_>) -> bool {
        match (self, other) {
            (Host::Name(a), Host::Name(b)) => a.eq_ignore_ascii_case(b),
            (a, b) => a.as_ip().is_some() && a.as_ip() == b.as_ip() && a.zone() == b.zone(),
        }
    }
}

/// As on the wire: IPv6 in brackets, bytes that are not UTF-8 replaced.
impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Name(name) => f.write_str(&String::from_utf8_lossy(name)),
            Host::V4(a) => a.fmt(f),
            Host::V6(a) => write!(f, "[{a}]"),
            Host::Scoped(a) => write!(f, "[{}]", String::from_utf8_lossy(a.text)),
        }
    }
}

/// The host at `at` and the offset after it. None when there is no host.
#[inline]
pub(crate) fn scan(s: &[u8], at: usize) -> Option<(Host<'_>, usize)> {
    if peek(s, at) == b'[' {
        return scan_v6(s, at);
    }
    if let Some(found) = dotted_quad(s, at) {
        return Some(found);
    }
    let end = lex::long_span(s, at, class::HOST);
    let text = s.get(at..end)?;
    match text.first()? {
        b'.' | b'-' => None,
        _ => Some((Host::Name(text), end)),
    }
}

#[cold]
fn scan_v6(s: &[u8], at: usize) -> Option<(Host<'_>, usize)> {
    // The longest text form has 45 characters; a longer search would only cost time.
    let inside = s.get(at + 1..)?;
    let close = inside.iter().take(64).position(|b| *b == b']')?;
    let text = inside.get(..close)?;
    let host = match core::str::from_utf8(text).ok()?.parse() {
        Ok(address) => Host::V6(address),
        Err(_) => Host::Scoped(Scoped::parse(text)?),
    };
    Some((host, at + 1 + close + 1))
}

/// An IPv4 address at `at` with nothing of a name behind it.
#[inline(always)]
fn dotted_quad(s: &[u8], at: usize) -> Option<(Host<'_>, usize)> {
    let digit = |i: usize| Some(peek(s, i).wrapping_sub(b'0')).filter(|d| *d <= 9).map(u16::from);
    let mut quad = [0u8; 4];
    let mut i = at;
    for (part, byte) in quad.iter_mut().enumerate() {
        if part > 0 {
            if peek(s, i) != b'.' {
                return None;
            }
            i += 1;
        }
        let mut n = digit(i)?;
        i += 1;
        if let Some(d) = digit(i) {
            (n, i) = (n * 10 + d, i + 1);
            if let Some(d) = digit(i) {
                (n, i) = (n * 10 + d, i + 1);
            }
        }
        *byte = u8::try_from(n).ok()?;
    }
    if is(peek(s, i), class::HOST) { None } else { Some((Host::V4(Ipv4Addr::from(quad)), i)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_are_told_apart() {
        assert_eq!(Host::parse(b"192.0.2.1"), Some(Host::V4(Ipv4Addr::new(192, 0, 2, 1))));
        assert_eq!(Host::parse(b"a.example"), Some(Host::Name(b"a.example")));
        assert_eq!(Host::parse(b"1.example"), Some(Host::Name(b"1.example")));
        assert_eq!(Host::parse(b"host_1"), Some(Host::Name(b"host_1")));
        let v6 = Host::parse(b"[2001:db8::10:5070]").and_then(|h| h.as_ip());
        assert_eq!(v6, Some("2001:db8::10:5070".parse().unwrap()));
    }

    #[test]
    fn zones_are_read_in_both_forms() {
        let parse = |s: &'static str| Host::parse(s.as_bytes()).unwrap_or_else(|| panic!("{s}"));
        for (text, zone) in [
            ("[fe80::1%25eth0]", "eth0"),
            ("[fe80::1%eth0]", "eth0"),
            ("[fe80::1%25]", "25"),
            ("[fe80::1%251]", "1"),
            ("[fe80::1%25en%2E0]", "en%2E0"),
        ] {
            let host = parse(text);
            assert_eq!(host.as_ip(), Some("fe80::1".parse().unwrap()), "{text}");
            assert_eq!((host.zone(), host.to_string()), (Some(zone.as_bytes()), text.to_string()));
        }
        assert!(parse("[fe80::1%25eth0]").equivalent(&parse("[FE80:0::1%eth0]")));
        assert!(!parse("[fe80::1%25eth0]").equivalent(&parse("[fe80::1%25ETH0]")));
        assert!(!parse("[fe80::1%25eth0]").equivalent(&parse("[fe80::1]")));
        for bad in [
            "[fe80::1%]",
            "[%25eth0]",
            "[fe80::1%25e th]",
            "[fe80::1%25e%4]",
            "[fe80::1%e:h]",
            "[fe80::1%%25a]",
        ] {
            assert_eq!(Host::parse(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for bad in [&b""[..], b"[::1", b"[:::1]", b"-a", b".a", b"a b", b"[1]"] {
            assert_eq!(Host::parse(bad), None, "{}", String::from_utf8_lossy(bad));
        }
    }

    #[test]
    fn a_quad_out_of_range_is_only_a_name() {
        assert_eq!(Host::parse(b"256.0.2.1"), Some(Host::Name(b"256.0.2.1")));
        assert_eq!(Host::parse(b"1.2.3"), Some(Host::Name(b"1.2.3")));
    }
}
