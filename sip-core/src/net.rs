//! Where messages come from and go to: transports, listeners, flows and targets. Plain values;
//! no socket is known here.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;

/// A transport protocol of SIP (RFC 3261 18, RFC 4168, RFC 7118).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Proto {
    /// UDP.
    Udp = 1,
    /// TCP.
    Tcp = 2,
    /// TLS over TCP.
    Tls = 3,
    /// SCTP.
    Sctp = 4,
    /// WebSocket.
    Ws = 5,
    /// WebSocket over TLS.
    Wss = 6,
}

impl Proto {
    /// Whether the transport delivers reliably, so that transactions do not retransmit over it
    /// (RFC 3261 17: everything but UDP).
    #[must_use]
    pub const fn is_reliable(self) -> bool {
        !matches!(self, Self::Udp)
    }

    /// Whether the transport works on connections.
    #[must_use]
    pub const fn is_stream(self) -> bool {
        !matches!(self, Self::Udp)
    }

    /// The token of a Via's sent-protocol, as `UDP`.
    #[must_use]
    pub const fn via_token(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Sctp => "SCTP",
            Self::Ws => "WS",
            Self::Wss => "WSS",
        }
    }

    /// The token of a URI's transport parameter and of a listen address, as `udp`.
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Sctp => "sctp",
            Self::Ws => "ws",
            Self::Wss => "wss",
        }
    }

    /// The transport that a token names, in any case; `None` for a token of none of ours.
    #[must_use]
    pub fn from_token(token: &[u8]) -> Option<Self> {
        [Self::Udp, Self::Tcp, Self::Tls, Self::Sctp, Self::Ws, Self::Wss]
            .into_iter()
            .find(|p| p.token().as_bytes().eq_ignore_ascii_case(token))
    }

    /// The port a URI or Via without one means (RFC 3261 18.2.2, RFC 7118 5.2.1).
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Tls => 5061,
            Self::Ws => 80,
            Self::Wss => 443,
            Self::Udp | Self::Tcp | Self::Sctp => 5060,
        }
    }
}

impl fmt::Display for Proto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.token())
    }
}

/// The number of a listener: its index in [`Listeners`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ListenId(pub u16);

/// One connection of a stream transport, checked by generation: the id of a closed connection
/// names nothing. The worker that owns it is in the upper 16 bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ConnId(pub u64);

impl ConnId {
    /// An id from its worker, slot and generation.
    #[must_use]
    pub const fn new(worker: u16, generation: u16, slot: u32) -> Self {
        Self((worker as u64) << 48 | (generation as u64) << 32 | slot as u64)
    }

    /// The worker that owns the connection.
    #[must_use]
    pub const fn worker(self) -> u16 {
        (self.0 >> 48) as u16
    }

    /// The slot's generation.
    #[must_use]
    pub const fn generation(self) -> u16 {
        (self.0 >> 32) as u16
    }

    /// The slot in its worker's table.
    #[must_use]
    pub const fn slot(self) -> u32 {
        self.0 as u32
    }
}

/// The way a message came: the listener it arrived on, its sender, and its connection if it has
/// one. A reply that goes back the same way is sent to [`Flow::back`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Flow {
    /// The transport.
    pub proto: Proto,
    /// The listener that received it (for a connection we opened: the one it counts to).
    pub listen: ListenId,
    /// The sender's address.
    pub peer: SocketAddr,
    /// The connection, on stream transports.
    pub conn: Option<ConnId>,
}

impl Flow {
    /// The target that leads back along this flow.
    #[must_use]
    pub const fn back(&self) -> Target {
        Target { proto: self.proto, peer: self.peer, listen: Some(self.listen), conn: self.conn }
    }
}

/// Where a message is to be sent.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Target {
    /// The transport to use.
    pub proto: Proto,
    /// The address to send to.
    pub peer: SocketAddr,
    /// The listener to send from; `None`: the first that fits transport and address family.
    pub listen: Option<ListenId>,
    /// A connection to use if it is still open; otherwise one to `peer` is found or opened.
    pub conn: Option<ConnId>,
}

/// An address the engine listens on.
#[derive(Clone, Debug)]
pub struct Listener {
    /// The transport.
    pub proto: Proto,
    /// The bound address, its port never 0.
    pub addr: SocketAddr,
    /// The host and port that peers are told instead of the bound address, if any.
    pub advertised: Option<(String, u16)>,
    sent_by: Bytes,
}

impl Listener {
    /// A listener bound to `addr`, shown to peers as `advertised` if given.
    #[must_use]
    pub fn new(proto: Proto, addr: SocketAddr, advertised: Option<(String, u16)>) -> Self {
        let sent_by = match &advertised {
            Some((host, port)) => format!("{host}:{port}"),
            None => addr.to_string(),
        };
        Self { proto, addr, advertised, sent_by: Bytes::from(sent_by) }
    }

    /// The `host:port` for Via and Record-Route, IPv6 in brackets (RFC 3261 25.1 sent-by).
    #[must_use]
    pub const fn sent_by(&self) -> &Bytes {
        &self.sent_by
    }
}

/// All listeners of an engine, by [`ListenId`]. Fixed when the engine starts.
#[derive(Clone, Debug, Default)]
pub struct Listeners(Vec<Listener>);

impl Listeners {
    /// A list in the order the engine was given.
    #[must_use]
    pub const fn new(listeners: Vec<Listener>) -> Self {
        Self(listeners)
    }

    /// The listener with number `id`.
    #[must_use]
    pub fn by_id(&self, id: ListenId) -> Option<&Listener> {
        self.0.get(usize::from(id.0))
    }

    /// All of them with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (ListenId, &Listener)> {
        self.0.iter().enumerate().map(|(i, l)| (ListenId(i as u16), l))
    }

    /// The first listener that can send over `proto` to an address of `peer`'s family.
    #[must_use]
    pub fn for_target(&self, proto: Proto, peer: &SocketAddr) -> Option<ListenId> {
        self.iter()
            .find(|(_, l)| l.proto == proto && l.addr.is_ipv4() == peer.is_ipv4())
            .map(|(id, _)| id)
    }

    /// Whether `host` and `port` (absent: the transport's default) name one of our listeners, bound
    /// or advertised. `proto` narrows it when given. `host` may be an IPv6 reference in brackets.
    #[must_use]
    pub fn is_local(&self, host: &[u8], port: Option<u16>, proto: Option<Proto>) -> bool {
        let bare = host.strip_prefix(b"[").and_then(|h| h.strip_suffix(b"]")).unwrap_or(host);
        let ip: Option<IpAddr> = std::str::from_utf8(bare).ok().and_then(|s| s.parse().ok());
        self.0.iter().any(|l| {
            let wanted = port.unwrap_or_else(|| proto.unwrap_or(l.proto).default_port());
            let bound = || l.addr.port() == wanted && ip == Some(l.addr.ip());
            let advertised = || {
                l.advertised
                    .as_ref()
                    .is_some_and(|(h, p)| *p == wanted && h.as_bytes().eq_ignore_ascii_case(host))
            };
            proto.is_none_or(|p| p == l.proto) && (bound() || advertised())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listeners() -> Listeners {
        Listeners::new(vec![
            Listener::new(Proto::Udp, "127.0.0.1:5060".parse().unwrap(), None),
            Listener::new(Proto::Tcp, "[::1]:5070".parse().unwrap(), Some(("sip.test".into(), 80))),
        ])
    }

    #[test]
    fn a_listener_is_local_under_its_bound_and_its_advertised_name() {
        let l = listeners();
        assert!(l.is_local(b"127.0.0.1", None, None));
        assert!(l.is_local(b"[::1]", Some(5070), Some(Proto::Tcp)));
        assert!(l.is_local(b"SIP.test", Some(80), None));
        assert!(!l.is_local(b"127.0.0.1", Some(5061), None));
        assert!(!l.is_local(b"127.0.0.1", None, Some(Proto::Tcp)));
        assert_eq!(l.by_id(ListenId(1)).unwrap().sent_by().as_ref(), b"sip.test:80");
    }

    #[test]
    fn a_connection_id_keeps_its_parts() {
        let id = ConnId::new(3, 65535, 0xdead_beef);
        assert_eq!((id.worker(), id.generation(), id.slot()), (3, 65535, 0xdead_beef));
    }
}
