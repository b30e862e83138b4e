//! Via: the way a response goes back (RFC 3261 20.42, 18.2; rport from RFC 3581). Owns the
//! grammar of `via-parm`.

use super::write::{put_host_port, put_params, put_token};
use super::{At, Value};
use crate::lex::{self, class, peek, skip_lws};
use crate::uri::{host, params};
use crate::{Fault, Host, Params, Span};
use bytes::{BufMut, BytesMut};
use core::net::SocketAddr;

/// One value of a Via header.
#[derive(Clone, Copy, Debug)]
pub struct Via<'a> {
    /// Protocol name, normally `SIP`.
    pub protocol: &'a [u8],
    /// Protocol version, normally `2.0`.
    pub version: &'a [u8],
    /// Transport as received, such as `UDP` or `WSS`.
    pub transport: &'a [u8],
    /// Host of sent-by.
    pub host: Host<'a>,
    /// Port of sent-by, when there is one.
    pub port: Option<u16>,
    /// Host and port of sent-by, as received. What is written is made of the two above.
    pub sent_by: &'a [u8],
    /// Where sent-by stands in the message.
    pub sent_by_span: Span,
    /// Parameters.
    pub params: Params<'a>,
    /// The whole value in the message, from the protocol to the last parameter.
    pub span: Span,
}

impl<'a> Via<'a> {
    /// A value to write: SIP/2.0 over that transport, to be answered at that host and port. Its
    /// spans are empty.
    pub fn new(
        transport: &'a [u8],
        host: Host<'a>,
        port: Option<u16>,
        params: Params<'a>,
    ) -> Via<'a> {
        Via {
            protocol: b"SIP",
            version: b"2.0",
            transport,
            host,
            port,
            sent_by: b"",
            sent_by_span: Span::default(),
            params,
            span: Span::default(),
        }
    }

    /// The branch parameter (RFC 3261 8.1.1.7).
    pub fn branch(&self) -> Option<&'a [u8]> {
        self.params.value(b"branch")
    }

    /// The received parameter as it stands; an IPv6 address with or without brackets
    /// (RFC 3261 18.2.1, RFC 5118 4.5).
    pub fn received(&self) -> Option<&'a [u8]> {
        self.params.value(b"received")
    }

    /// The address in the received parameter, when it is one.
    pub fn received_ip(&self) -> Option<core::net::IpAddr> {
        let mut text = self.received()?;
        if let [b'[', inside @ .., b']'] = text {
            text = inside;
        }
        core::str::from_utf8(text).ok()?.parse().ok()
    }

    /// The rport parameter (RFC 3581): `Some(None)` when it is there without a value, and also
    /// when its value is no port number.
    pub fn rport(&self) -> Option<Option<u16>> {
        self.params.get(b"rport").map(|value| value.and_then(lex::port))
    }

    /// The maddr parameter, as received.
    pub fn maddr(&self) -> Option<&'a [u8]> {
        self.params.value(b"maddr")
    }

    /// Whether the server that got this value from `source` must note that (RFC 3261 18.2.1:
    /// sent-by holds a name or another address; RFC 3581 4: rport was asked for).
    pub fn needs_received(&self, source: SocketAddr) -> bool {
        self.host.as_ip() != Some(source.ip()) || self.rport().is_some()
    }

    /// Appends this value with `received` set to the address of `source` and, when rport was
    /// asked for, `rport` set to its port (RFC 3581 4). Other parameters keep their text and
    /// order; when nothing is to be noted the value is copied as it is. `buf` is what the value
    /// was parsed from: the bytes of its message.
    pub fn write_received(&self, buf: &[u8], source: SocketAddr, out: &mut BytesMut) {
        if !self.needs_received(source) {
            out.put_slice(self.span.of(buf));
            return;
        }
        out.put_slice(Span::new(self.span.start, self.sent_by_span.end).of(buf));
        for (name, value) in self.params {
            if name.eq_ignore_ascii_case(b"received") || name.eq_ignore_ascii_case(b"rport") {
                continue;
            }
            out.put_u8(b';');
            out.put_slice(name);
            if let Some(value) = value {
                out.put_u8(b'=');
                out.put_slice(value);
            }
        }
        out.put_slice(format!(";received={}", source.ip()).as_bytes());
        if self.rport().is_some() {
            out.put_slice(format!(";rport={}", source.port()).as_bytes());
        }
    }

    /// The ttl parameter, when it is a number up to 255.
    pub fn ttl(&self) -> Option<u8> {
        self.params.value(b"ttl").and_then(lex::number).and_then(|n| u8::try_from(n).ok())
    }
}

/// The token at `at`, between white space, followed by a slash: the token and what follows.
fn slashed(s: &[u8], at: usize) -> At<(&[u8], usize)> {
    let end = lex::span(s, at, class::TOKEN);
    let slash = skip_lws(s, end);
    if end == at || peek(s, slash) != b'/' {
        return Err((Fault::Syntax, end));
    }
    Ok((s.get(at..end).unwrap_or_default(), skip_lws(s, slash + 1)))
}

public_face!(Via: Via);

impl<'a> Value<'a> for Via<'a> {
    fn parse_member(s: &'a [u8], at: usize, base: u32) -> At<(Via<'a>, usize)> {
        let (protocol, version, i) = if s.get(at..).is_some_and(|r| r.starts_with(b"SIP/2.0/")) {
            (s.get(at..at + 3), s.get(at + 4..at + 7), skip_lws(s, at + 8))
        } else {
            let (protocol, i) = slashed(s, at)?;
            let (version, i) = slashed(s, i)?;
            (Some(protocol), Some(version), i)
        };
        let transport_end = lex::span(s, i, class::TOKEN);
        let transport = s.get(i..transport_end).unwrap_or_default();
        let host_at = skip_lws(s, transport_end);
        if transport.is_empty() || host_at == transport_end {
            return Err((Fault::Syntax, transport_end));
        }
        let (host, mut sent_end) = host::scan(s, host_at).ok_or((Fault::Host, host_at))?;
        let mut port = None;
        let colon = skip_lws(s, sent_end);
        if peek(s, colon) == b':' {
            let from = skip_lws(s, colon + 1);
            sent_end = lex::span(s, from, class::DIGIT);
            let digits = s.get(from..sent_end).unwrap_or_default();
            port = Some(lex::port(digits).ok_or((Fault::Host, from))?);
        }
        let (params_end, end) = params::header_params(s, sent_end)?;
        if end < s.len() && peek(s, end) != b',' {
            return Err((Fault::Syntax, end));
        }
        let params_at = skip_lws(s, sent_end);
        let via = Via {
            protocol: protocol.unwrap_or_default(),
            version: version.unwrap_or_default(),
            transport,
            host,
            port,
            sent_by: s.get(host_at..sent_end).unwrap_or_default(),
            sent_by_span: Span::at(base, host_at, sent_end),
            params: Params::new(s.get(params_at..params_end).unwrap_or_default()),
            span: Span::at(base, at, params_end),
        };
        Ok((via, end))
    }

    fn put(&self, out: &mut BytesMut) {
        put_token(out, self.protocol);
        out.put_u8(b'/');
        put_token(out, self.version);
        out.put_u8(b'/');
        put_token(out, self.transport);
        out.put_u8(b' ');
        put_host_port(out, &self.host, self.port);
        put_params(out, self.params);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_via_is_taken_apart() {
        let text = b"SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bK77;rport;received=[2001:db8::1]";
        let via = Via::parse(text).unwrap();
        assert_eq!(
            (via.protocol, via.version, via.transport),
            (&b"SIP"[..], &b"2.0"[..], &b"UDP"[..])
        );
        assert_eq!((via.sent_by, via.port), (&b"192.0.2.1:5062"[..], Some(5062)));
        assert_eq!(via.branch(), Some(&b"z9hG4bK77"[..]));
        assert_eq!(via.rport(), Some(None));
        assert_eq!(via.received_ip(), Some("2001:db8::1".parse().unwrap()));
        assert_eq!(via.span.of(text), text);
    }

    #[test]
    fn white_space_may_stand_anywhere_between_the_parts() {
        let text =
            b"SIP  / 2.0\r\n /  TCP   spindle.example.com : 5060  ;\r\n branch  =  z9 ;rport = 5";
        let via = Via::parse(text).unwrap();
        assert_eq!((via.transport, via.port), (&b"TCP"[..], Some(5060)));
        assert_eq!((via.branch(), via.rport()), (Some(&b"z9"[..]), Some(Some(5))));
        let plain = "SIP/2.0/TCP spindle.example.com:5060;branch=z9;rport=5";
        assert_eq!(via.to_string(), plain);
        let params = Params::new(b";branch=z9hG4bK1");
        let own = Via::new(b"WSS", Host::parse(b"[2001:db8::1]").unwrap(), None, params);
        assert_eq!(own.to_string(), "SIP/2.0/WSS [2001:db8::1];branch=z9hG4bK1");
    }

    #[test]
    fn the_source_is_noted_when_it_must_be() {
        let noted = |text: &str, source: &str| {
            let mut out = BytesMut::new();
            let via = Via::parse(text.as_bytes()).unwrap();
            via.write_received(text.as_bytes(), source.parse().unwrap(), &mut out);
            String::from_utf8(out.to_vec()).unwrap()
        };
        let plain = "SIP/2.0/UDP 192.0.2.1 ; branch=z";
        assert_eq!(noted(plain, "192.0.2.1:5060"), plain);
        assert_eq!(
            noted(plain, "[2001:db8::1]:9"),
            "SIP/2.0/UDP 192.0.2.1;branch=z;received=2001:db8::1"
        );
        assert_eq!(
            noted("SIP/2.0/UDP a;received=9.9.9.9;rport;branch=z", "192.0.2.1:7"),
            "SIP/2.0/UDP a;branch=z;received=192.0.2.1;rport=7"
        );
    }

    #[test]
    fn malformed_vias_are_refused() {
        for (s, fault) in [
            (&b"SIP/2.0/UDP"[..], Fault::Syntax),
            (b"SIP/2.0 host", Fault::Syntax),
            (b"SIP/2.0/UDP ;branch=1", Fault::Host),
            (b"SIP/2.0/UDP 192.0.2.15;;", Fault::Parameter),
            (b"SIP/2.0/UDP h:99999", Fault::Host),
            (b"SIP/2.0/UDP h x", Fault::Syntax),
            (b"SIP/2.0/UDP h,SIP/2.0/UDP i", Fault::Syntax),
        ] {
            assert_eq!(Via::parse(s).unwrap_err().fault, fault, "{}", String::from_utf8_lossy(s));
        }
    }
}
