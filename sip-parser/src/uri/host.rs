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
}

impl<'a> Host<'a> {
    /// The host that is all of `s`; IPv6 with its brackets. None when it is not one.
    pub fn parse(s: &'a [u8]) -> Option<Host<'a>> {
        let (host, end) = scan(s, 0)?;
        (end == s.len()).then_some(host)
    }

    /// The address, when the host is one.
    pub fn as_ip(&self) -> Option<IpAddr> {
        match self {
            Host::Name(_) => None,
            Host::V4(a) => Some(IpAddr::V4(*a)),
            Host::V6(a) => Some(IpAddr::V6(*a)),
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
    /// value (RFC 3261 19.1.4).
    pub fn equivalent(&self, other: &Host<'_>) -> bool {
        match (self, other) {
            (Host::Name(a), Host::Name(b)) => a.eq_ignore_ascii_case(b),
            (a, b) => a.as_ip().is_some() && a.as_ip() == b.as_ip(),
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
        }
    }
}

/// The host at `at` and the offset after it. None when there is no host.
#[inline]
pub(crate) fn scan(s: &[u8], at: usize) -> Option<(Host<'_>, usize)> {
    if peek(s, at) == b'[' {
        return scan_v6(s, at);
    }
    let end = lex::span(s, at, class::HOST);
    let text = s.get(at..end)?;
    // Only an address ends in a digit group: the last label of a name begins with a letter.
    let last = *text.last()?;
    if last.is_ascii_digit()
        && text[0].is_ascii_digit()
        && let Some(v4) = dotted_quad(text)
    {
        return Some((Host::V4(v4), end));
    }
    if is(text[0], class::HOST) && text[0] != b'.' && text[0] != b'-' {
        return Some((Host::Name(text), end));
    }
    None
}

#[cold]
fn scan_v6(s: &[u8], at: usize) -> Option<(Host<'_>, usize)> {
    // The longest text form has 45 characters; a longer search would only cost time.
    let inside = s.get(at + 1..)?;
    let close = inside.iter().take(64).position(|b| *b == b']')?;
    let text = core::str::from_utf8(inside.get(..close)?).ok()?;
    Some((Host::V6(text.parse().ok()?), at + 1 + close + 1))
}

fn dotted_quad(s: &[u8]) -> Option<Ipv4Addr> {
    let mut quad = [0u8; 4];
    let (mut part, mut digits, mut n) = (0, 0, 0u16);
    for b in s {
        if *b == b'.' {
            if digits == 0 || part == 3 {
                return None;
            }
            quad[part] = u8::try_from(n).ok()?;
            (part, digits, n) = (part + 1, 0, 0);
        } else {
            let digit = b.wrapping_sub(b'0');
            if digit > 9 || digits == 3 {
                return None;
            }
            (digits, n) = (digits + 1, n * 10 + u16::from(digit));
        }
    }
    if part != 3 || digits == 0 {
        return None;
    }
    quad[3] = u8::try_from(n).ok()?;
    Some(Ipv4Addr::from(quad))
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
    fn what_is_no_host_is_refused() {
        for bad in [&b""[..], b"[::1", b"[:::1]", b"[fe80::1%25eth0]", b"-a", b".a", b"a b", b"[1]"]
        {
            assert_eq!(Host::parse(bad), None, "{}", String::from_utf8_lossy(bad));
        }
    }

    #[test]
    fn a_quad_out_of_range_is_only_a_name() {
        assert_eq!(Host::parse(b"256.0.2.1"), Some(Host::Name(b"256.0.2.1")));
        assert_eq!(Host::parse(b"1.2.3"), Some(Host::Name(b"1.2.3")));
    }
}
