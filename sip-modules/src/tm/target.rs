//! From a URI to an address: the part of RFC 3263 that needs no name server. A numeric host is a
//! target at once; a name is resolved by a thread of the module (addresses only) while the call
//! waits.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

use bytes::Bytes;
use sip_core::net::{Proto, Target};
use sip_module_api::Value;
use sip_module_api::call::CallState;
use sip_module_api::flow::ActionError;
use sip_module_api::job::{Job, JobRunner};
use sip_parser::{Host, Scheme, Uri};

/// Where a URI leads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Hop {
    /// To an address.
    Known(Target),
    /// To a host that must be looked up.
    Name(Name),
}

/// A host to be looked up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Name {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) proto: Proto,
}

/// Why a URI leads nowhere.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum HopError {
    #[error("the next hop `{0}` is no URI: {1}")]
    Uri(String, String),
    #[error("the next hop `{0}` is no SIP URI")]
    Scheme(String),
    #[error("the next hop `{0}` is no address of anybody")]
    Unspecified(String),
    #[error("the next hop `{0}` asks for an unknown transport")]
    Transport(String),
}

/// The next hop that `uri` names (RFC 3263 4.1 and 4.2 for numeric hosts; `maddr` counts, RFC 3261
/// 16.6 step 7).
pub(super) fn next_hop(uri: &[u8]) -> Result<Hop, HopError> {
    let text = || String::from_utf8_lossy(uri).into_owned();
    let parsed = Uri::parse(uri).map_err(|e| HopError::Uri(text(), e.to_string()))?;
    if !parsed.is_sip() {
        return Err(HopError::Scheme(text()));
    }
    let secure = parsed.scheme == Scheme::Sips;
    let proto = match parsed.transport() {
        Some(token) => Proto::from_token(token).ok_or_else(|| HopError::Transport(text()))?,
        None if secure => Proto::Tls,
        None => Proto::Udp,
    };
    let proto = if secure && proto == Proto::Tcp { Proto::Tls } else { proto };
    let port = parsed.port.unwrap_or_else(|| proto.default_port());
    let host = match parsed.maddr() {
        Some(maddr) => Host::parse(maddr)
            .ok_or_else(|| HopError::Uri(text(), "its maddr is no host".into()))?,
        None => parsed.host,
    };
    // Sent to nobody's address, it would come back to us.
    if host.as_ip().is_some_and(|ip| ip.is_unspecified()) {
        return Err(HopError::Unspecified(text()));
    }
    Ok(hop_to(&host, port, proto))
}

/// `uri` without its maddr, transport and port (RFC 3261 16.4); `None` when it has no maddr.
pub(super) fn without_maddr(uri: &[u8]) -> Option<Bytes> {
    let parsed = Uri::parse(uri).ok()?;
    parsed.maddr()?;
    let mut out = Vec::with_capacity(uri.len());
    out.extend_from_slice(parsed.scheme_name);
    out.push(b':');
    if let Some(user) = parsed.user {
        out.extend_from_slice(user);
        if let Some(password) = parsed.password {
            out.push(b':');
            out.extend_from_slice(password);
        }
        out.push(b'@');
    }
    out.extend_from_slice(parsed.host.to_string().as_bytes());
    for (name, value) in parsed.params.iter() {
        if name.eq_ignore_ascii_case(b"maddr") || name.eq_ignore_ascii_case(b"transport") {
            continue;
        }
        out.push(b';');
        out.extend_from_slice(name);
        if let Some(value) = value {
            out.push(b'=');
            out.extend_from_slice(value);
        }
    }
    Some(out.into())
}

/// The target of `uri` if its host is numeric.
pub(crate) fn numeric_hop(uri: &[u8]) -> Option<Target> {
    match next_hop(uri) {
        Ok(Hop::Known(target)) => Some(target),
        _ => None,
    }
}

fn target(proto: Proto, ip: IpAddr, port: u16) -> Target {
    Target { proto, peer: SocketAddr::new(ip, port), listen: None, conn: None }
}

/// Points branch 0 of `call` to the host and port in `args`, over `proto` or else the transport
/// that the request came by. Without arguments its next hop stays, over `proto` if that is given.
pub(super) fn send_to(
    function: &'static str,
    call: &mut CallState,
    args: &[Value],
    proto: Option<Proto>,
) -> Result<(), ActionError> {
    let (hop, proto) = match (args.first(), proto) {
        (None, None) => return Ok(()),
        (None, Some(proto)) => {
            let first_of_path = call.rewrite.path.as_ref().and_then(first_uri);
            let uri = call.rewrite.dst_uri.as_deref().or(first_of_path.as_deref());
            let hop = next_hop(uri.unwrap_or_else(|| call.request_uri()));
            (hop.map_err(|e| ActionError::Transaction(e.to_string()))?, proto)
        }
        (Some(host), proto) => {
            let proto = proto.unwrap_or(call.flow.proto);
            let host = host.as_bytes().and_then(|h| Host::parse(h));
            let host = host.ok_or_else(|| ActionError::argument(function, 1, "must be a host"))?;
            let port = match args.get(1) {
                None => Some(0),
                Some(port) => port.as_int().and_then(|n| u16::try_from(n).ok()),
            };
            let port = port.ok_or_else(|| ActionError::argument(function, 2, "must be a port"))?;
            let port = if port == 0 { proto.default_port() } else { port };
            (hop_to(&host, port, proto), proto)
        }
    };
    match hop {
        Hop::Known(to) => call.rewrite.target = Some(target(proto, to.peer.ip(), to.peer.port())),
        Hop::Name(name) => {
            let uri = format!("sip:{}:{};transport={}", name.host, name.port, proto.token());
            call.rewrite.target = None;
            call.rewrite.dst_uri = Some(Bytes::from(uri));
        }
    }
    Ok(())
}

pub(super) fn hop_to(host: &Host<'_>, port: u16, proto: Proto) -> Hop {
    match host.as_ip() {
        Some(ip) => Hop::Known(target(proto, ip, port)),
        None => Hop::Name(Name { host: host.to_string(), port, proto }),
    }
}

/// Addresses of one name that are tried at most.
const ADDRESSES: usize = 8;

/// Names to look up for one request.
pub(super) struct Lookup(pub(super) Vec<Name>);

/// Their targets, in the same order and each name's in the order of preference; a failed one with
/// its reason.
pub(super) struct Found(pub(super) Vec<Result<Vec<Target>, String>>);

/// The thread that looks names up with the system's resolver.
pub(super) struct Resolver;

impl JobRunner for Resolver {
    fn drops_at_stop(&self) -> bool {
        true
    }

    fn run(&mut self, batch: &mut Vec<Job>) {
        for job in batch.drain(..) {
            let Ok(lookup) = job.work.downcast::<Lookup>() else { continue };
            let found = lookup.0.iter().map(resolve).collect();
            if let Some(done) = job.done {
                done.complete(Box::new(Found(found)));
            }
        }
    }
}

fn resolve(name: &Name) -> Result<Vec<Target>, String> {
    let addresses = (name.host.as_str(), name.port)
        .to_socket_addrs()
        .map_err(|e| format!("{}: {e}", name.host))?;
    let mut found: Vec<Target> = Vec::new();
    for address in addresses.take(ADDRESSES) {
        let target = target(name.proto, address.ip(), address.port());
        if !found.contains(&target) {
            found.push(target);
        }
    }
    if found.is_empty() { Err(format!("{} has no address", name.host)) } else { Ok(found) }
}

/// The first URI of a list of name-addrs, as a Path has them.
pub(super) fn first_uri(list: &Bytes) -> Option<Bytes> {
    let start = list.iter().position(|b| *b == b'<')? + 1;
    let len = list.get(start..)?.iter().position(|b| *b == b'>')?;
    Some(list.slice(start..start + len))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(uri: &str) -> (Proto, String) {
        match next_hop(uri.as_bytes()) {
            Ok(Hop::Known(t)) => (t.proto, t.peer.to_string()),
            other => panic!("{uri}: {other:?}"),
        }
    }

    #[test]
    fn a_numeric_host_is_a_target_at_once() {
        assert_eq!(known("sip:a@10.0.0.1"), (Proto::Udp, "10.0.0.1:5060".into()));
        assert_eq!(known("sip:[::1]:7;transport=TCP"), (Proto::Tcp, "[::1]:7".into()));
        assert_eq!(known("sips:a@10.0.0.1"), (Proto::Tls, "10.0.0.1:5061".into()));
        assert_eq!(known("sip:a@host;maddr=10.0.0.9"), (Proto::Udp, "10.0.0.9:5060".into()));
    }

    #[test]
    fn a_name_is_to_be_looked_up_and_a_foreign_scheme_refused() {
        let Ok(Hop::Name(name)) = next_hop(b"sip:a@Example.com:7") else { panic!("no name") };
        assert_eq!((name.host.as_str(), name.port, name.proto), ("Example.com", 7, Proto::Udp));
        assert!(matches!(next_hop(b"tel:+1"), Err(HopError::Scheme(_))));
        assert!(matches!(next_hop(b"sip:a@0.0.0.0"), Err(HopError::Unspecified(_))));
        assert!(matches!(next_hop(b"sip:a@h;transport=pigeon"), Err(HopError::Transport(_))));
    }

    #[test]
    fn a_maddr_goes_with_the_transport_and_the_port_that_led_to_it() {
        for (uri, without) in [
            ("sip:bob@h;maddr=10.0.0.1", Some("sip:bob@h")),
            (
                "sip:bob:pw@h:7;user=phone;MADDR=x;transport=tcp;lr",
                Some("sip:bob:pw@h;user=phone;lr"),
            ),
            ("sip:[::1]:5060;maddr=10.0.0.1", Some("sip:[::1]")),
            ("sip:bob@h:7", None),
        ] {
            let found = without_maddr(uri.as_bytes());
            assert_eq!(found.as_deref(), without.map(str::as_bytes), "{uri}");
        }
    }

    #[test]
    fn the_first_uri_of_a_path_is_found() {
        let path = Bytes::from_static(b"<sip:p1;lr>, <sip:p2;lr>");
        assert_eq!(first_uri(&path).as_deref(), Some(&b"sip:p1;lr"[..]));
        assert_eq!(first_uri(&Bytes::from_static(b"nothing")), None);
    }
}
