//! Listen addresses as users write them, read into values; nothing is bound or resolved here.
//!
//! The form is Kamailio's (core cookbook, `listen`): `[proto:]host[:port] [advertise host[:port]]`.
//! Without a transport it means UDP and TCP on the same port, without a port the transport's
//! default; port 0 lets the system pick one.

use std::fmt;
use std::str::FromStr;

use sip_core::net::Proto;

/// One listen address as written: which transports, where, and what peers are told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListenSpec {
    /// The transports on this address: one, or UDP and TCP sharing a port.
    pub protos: Vec<Proto>,
    /// An IP address, without brackets, or the name of an interface or a host, which is resolved
    /// when it is bound.
    pub host: String,
    /// The port; 0 for one that the system picks.
    pub port: u16,
    /// The host and port that peers are told instead; its port is the bound one when not written.
    pub advertised: Option<(String, Option<u16>)>,
}

/// What is wrong with a listen address.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ListenError {
    /// Nothing was written.
    #[error("empty listen address")]
    Empty,
    /// The transport is none that this build has.
    #[error("listen address \"{0}\": transport \"{1}\" is not supported (udp and tcp are)")]
    Transport(String, String),
    /// The host is missing or is no address or name.
    #[error(
        "listen address \"{0}\": \"{1}\" is no IP address or host name (write IPv6 in brackets)"
    )]
    Host(String, String),
    /// The port is no number up to 65535.
    #[error("listen address \"{0}\": \"{1}\" is no port")]
    Port(String, String),
    /// Something follows that is no `advertise host:port`.
    #[error("listen address \"{0}\": expected \"advertise host:port\", found \"{1}\"")]
    Trailing(String, String),
}

impl FromStr for ListenSpec {
    type Err = ListenError;

    fn from_str(text: &str) -> Result<Self, ListenError> {
        let mut words = text.split_whitespace();
        let address = words.next().ok_or(ListenError::Empty)?;
        let (protos, rest) = split_protos(text, address)?;
        let (host, port) = split_host_port(text, rest)?;
        let advertised = match (words.next(), words.next(), words.next()) {
            (None, ..) => None,
            (Some("advertise"), Some(at), None) => Some(split_host_port(text, at)?),
            (Some("advertise"), Some(_), Some(extra)) | (Some(extra), ..) => {
                return Err(ListenError::Trailing(text.into(), extra.into()));
            }
        };
        let default = protos.first().map_or(5060, |p| p.default_port());
        Ok(Self { protos, host, port: port.unwrap_or(default), advertised })
    }
}

impl fmt::Display for ListenSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [one] = self.protos.as_slice() {
            write!(f, "{one}:")?;
        }
        let brackets = self.host.contains(':');
        let (open, close) = if brackets { ("[", "]") } else { ("", "") };
        write!(f, "{open}{}{close}:{}", self.host, self.port)
    }
}

/// The transports before the host. A first part that is a transport's token is one; `host:port` is
/// told from it by what follows being a number.
fn split_protos<'a>(text: &str, address: &'a str) -> Result<(Vec<Proto>, &'a str), ListenError> {
    let both = || vec![Proto::Udp, Proto::Tcp];
    if address.starts_with('[') {
        return Ok((both(), address));
    }
    let Some((first, rest)) = address.split_once(':') else { return Ok((both(), address)) };
    match Proto::from_token(first.as_bytes()) {
        Some(p @ (Proto::Udp | Proto::Tcp)) => Ok((vec![p], rest)),
        Some(other) => Err(ListenError::Transport(text.into(), other.token().into())),
        None if rest.parse::<u16>().is_ok() => Ok((both(), address)),
        None if first.parse::<std::net::Ipv4Addr>().is_ok() => {
            Err(ListenError::Port(text.into(), rest.into()))
        }
        None if rest.contains(':') && !rest.starts_with('[') && !rest.contains('.') => {
            Err(ListenError::Host(text.into(), address.into()))
        }
        None => Err(ListenError::Transport(text.into(), first.into())),
    }
}

/// `host[:port]`, the host an IPv4 address, a bracketed IPv6 address (returned bare) or a name.
fn split_host_port(text: &str, at: &str) -> Result<(String, Option<u16>), ListenError> {
    let bad_host = |h: &str| ListenError::Host(text.into(), h.into());
    let (host, port) = if let Some(inner) = at.strip_prefix('[') {
        let (host, after) = inner.split_once(']').ok_or_else(|| bad_host(at))?;
        host.parse::<std::net::Ipv6Addr>().map_err(|_| bad_host(host))?;
        match after {
            "" => (host, None),
            _ => (host, Some(after.strip_prefix(':').ok_or_else(|| bad_host(at))?)),
        }
    } else {
        match at.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (at, None),
        }
    };
    let name_like = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':');
    if host.is_empty() || !host.bytes().all(name_like) {
        return Err(bad_host(if host.is_empty() { at } else { host }));
    }
    let port = match port {
        Some(p) => {
            let digits = !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit());
            let bad_port = || ListenError::Port(text.into(), p.into());
            Some(p.parse().ok().filter(|_| digits).ok_or_else(bad_port)?)
        }
        None => None,
    };
    Ok((host.into(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(text: &str) -> ListenSpec {
        text.parse().unwrap_or_else(|e| panic!("{e}"))
    }

    #[test]
    fn an_address_with_a_transport_means_that_one() {
        let s = spec("udp:127.0.0.1:5062");
        assert_eq!((s.protos, s.host.as_str(), s.port), (vec![Proto::Udp], "127.0.0.1", 5062));
        let s = spec("TCP:[::1]:5060");
        assert_eq!((s.protos, s.host.as_str(), s.port), (vec![Proto::Tcp], "::1", 5060));
    }

    #[test]
    fn an_address_without_a_transport_means_udp_and_tcp() {
        for text in ["127.0.0.1:5070", "[::1]:5070", "localhost:5070"] {
            let s = spec(text);
            assert_eq!(s.protos, [Proto::Udp, Proto::Tcp]);
            assert_eq!(s.port, 5070);
            assert_eq!(s.to_string(), text);
        }
        assert_eq!(spec("127.0.0.1").port, 5060);
        assert_eq!(spec("udp:[::]").port, 5060);
        assert_eq!(spec("udp:host:0").port, 0);
    }

    #[test]
    fn an_advertised_address_is_kept_beside_the_bound_one() {
        let s = spec("udp:10.0.0.1:5060 advertise sip.example.org:5080");
        assert_eq!(s.advertised, Some(("sip.example.org".into(), Some(5080))));
        let s = spec("tcp:10.0.0.1 advertise [2001:db8::1]");
        assert_eq!(s.advertised, Some(("2001:db8::1".into(), None)));
    }

    #[test]
    fn each_mistake_has_its_own_error() {
        let err = |t: &str| t.parse::<ListenSpec>().unwrap_err();
        assert_eq!(err("  "), ListenError::Empty);
        assert!(matches!(err("tls:127.0.0.1:5061"), ListenError::Transport(_, p) if p == "tls"));
        assert!(matches!(err("foo:127.0.0.1:5061"), ListenError::Transport(_, p) if p == "foo"));
        assert!(matches!(err("udp:127.0.0.1:70000"), ListenError::Port(_, p) if p == "70000"));
        assert!(matches!(err("127.0.0.1:sip"), ListenError::Port(..)));
        assert!(matches!(err("udp:h:+5"), ListenError::Port(..)));
        assert!(matches!(err("udp:[::1"), ListenError::Host(..)));
        assert!(matches!(err("udp:[::x]:1"), ListenError::Host(..)));
        assert!(matches!(err("::1"), ListenError::Host(..) | ListenError::Transport(..)));
        assert!(matches!(err("udp::5060"), ListenError::Host(..)));
        assert!(matches!(err("udp:a:1 as b:2"), ListenError::Trailing(_, w) if w == "as"));
        assert!(matches!(err("udp:a:1 advertise b:2 c"), ListenError::Trailing(_, w) if w == "c"));
        assert!(matches!(err("udp:a:1 advertise"), ListenError::Trailing(..)));
    }
}
