//! Transport addresses: a protocol, a numeric host and a port.

use std::ffi::c_char;
use std::net::{IpAddr, SocketAddr};

use looseroute::core::net::Proto;

use crate::boundary::{boundary, c_str, put, read, required};
use crate::status::{Failure, Outcome, lr_error, lr_status};

/// A transport protocol of SIP.
#[repr(i32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum lr_proto {
    /// UDP.
    LR_UDP = 1,
    /// TCP.
    LR_TCP = 2,
    /// TLS over TCP.
    LR_TLS = 3,
    /// SCTP.
    LR_SCTP = 4,
    /// WebSocket.
    LR_WS = 5,
    /// WebSocket over TLS.
    LR_WSS = 6,
}

/// As C hands an lr_proto in: any number may come.
pub type lr_proto_raw = i32;

/// Bytes of the host in an lr_address, its NUL included.
pub const LR_HOST_TEXT: usize = 64;

/// A transport address. Plain data: copy it as you like.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lr_address {
    /// The protocol, an `lr_proto`.
    pub proto: lr_proto_raw,
    /// The port.
    pub port: u16,
    /// The IPv4 or IPv6 address as text, without brackets, NUL-terminated.
    pub host: [c_char; LR_HOST_TEXT],
}

impl lr_address {
    /// No address.
    pub(crate) const NONE: Self = Self { proto: 0, port: 0, host: [0; LR_HOST_TEXT] };

    pub(crate) fn new(proto: Proto, address: SocketAddr) -> Self {
        let mut host = [0; LR_HOST_TEXT];
        let text = address.ip().to_string();
        for (to, from) in host.iter_mut().take(LR_HOST_TEXT - 1).zip(text.bytes()) {
            *to = from as c_char;
        }
        let proto = match proto {
            Proto::Udp => lr_proto::LR_UDP,
            Proto::Tcp => lr_proto::LR_TCP,
            Proto::Tls => lr_proto::LR_TLS,
            Proto::Sctp => lr_proto::LR_SCTP,
            Proto::Ws => lr_proto::LR_WS,
            Proto::Wss => lr_proto::LR_WSS,
        };
        Self { proto: proto as lr_proto_raw, port: address.port(), host }
    }

    /// The protocol and address that C describes.
    pub(crate) fn parsed(&self, what: &str) -> Outcome<(Proto, SocketAddr)> {
        let proto = match self.proto {
            1 => Proto::Udp,
            2 => Proto::Tcp,
            3 => Proto::Tls,
            4 => Proto::Sctp,
            5 => Proto::Ws,
            6 => Proto::Wss,
            other => return Err(Failure::invalid(format!("{what}: {other} is no protocol"))),
        };
        let text: Vec<u8> = self.host.iter().map(|c| *c as u8).take_while(|b| *b != 0).collect();
        let ip = std::str::from_utf8(&text).ok().and_then(|t| t.parse::<IpAddr>().ok());
        let ip = ip.ok_or_else(|| {
            let text = String::from_utf8_lossy(&text);
            Failure::invalid(format!("{what}: `{text}` is no IP address"))
        })?;
        Ok((proto, SocketAddr::new(ip, self.port)))
    }
}

/// Reads an address from text as `udp:10.0.0.1:5060` or `tcp:[::1]:5060`; without a protocol it is
/// UDP. `LR_INVALID_ARGUMENT` when the text is no address.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_address_parse(
    text: *const c_char,
    address: *mut lr_address,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || {
        let text = c_str(text, "text")?;
        required(address, "address")?;
        let (proto, rest) = match text.split_once(':') {
            Some((token, rest)) if Proto::from_token(token.as_bytes()).is_some() => {
                (Proto::from_token(token.as_bytes()).unwrap_or(Proto::Udp), rest)
            }
            _ => (Proto::Udp, text),
        };
        let parsed: SocketAddr = rest.parse().map_err(|_| {
            Failure::invalid(format!("`{text}` is no address as udp:10.0.0.1:5060"))
        })?;
        put(address, lr_address::new(proto, parsed));
        Ok(())
    })
}

/// The address at `pointer`.
pub(crate) fn address_at(pointer: *const lr_address, what: &str) -> Outcome<(Proto, SocketAddr)> {
    read(pointer, what)?.parsed(what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_go_over_and_come_back() {
        let long = "[1111:2222:3333:4444:5555:6666:7777:8888]:65535";
        for (proto, text) in [(Proto::Udp, "127.0.0.1:5060"), (Proto::Wss, long)] {
            let address: SocketAddr = text.parse().expect("an address");
            let over = lr_address::new(proto, address);
            assert_eq!(over.parsed("x").expect("ours"), (proto, address));
        }
        let mut bad = lr_address::new(Proto::Udp, "127.0.0.1:1".parse().expect("an address"));
        bad.host[0] = b'x' as c_char;
        assert!(bad.parsed("from").unwrap_err().text.contains("`x27.0.0.1` is no IP"));
        bad.proto = 0;
        assert!(bad.parsed("from").unwrap_err().text.contains("0 is no protocol"));
        // A host without its NUL is cut at the array's end, not read beyond it.
        bad = lr_address { proto: 1, port: 1, host: [b'1' as c_char; LR_HOST_TEXT] };
        assert!(bad.parsed("from").is_err());
    }
}
