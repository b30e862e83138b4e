//! Relaying to where the route says, under the many names that Kamailio has for it, and copies of a
//! request for somebody else.

use std::sync::Arc;

use bytes::Bytes;
use sip_core::net::Proto;
use sip_module_api::Value;
use sip_module_api::call::{CallState, RouteMask};
use sip_module_api::flow::{ActionCx, ActionError, Flow};
use sip_module_api::registry::Declare;
use sip_parser::Host;

use super::relay::{How, replicate};
use super::target::{Hop, Name, hop_to, send_to};
use super::{RELAY_ROUTES, Tm};

/// Declares the functions.
pub(super) fn declare(tm: &Arc<Tm>, d: &mut Declare<'_>) {
    for (name, proto) in [
        ("t_forward_nonack", None),
        ("t_forward_nonack_udp", Some(Proto::Udp)),
        ("t_forward_nonack_tcp", Some(Proto::Tcp)),
    ] {
        let tm = Arc::clone(tm);
        d.function(
            name,
            2..=2,
            RouteMask::REQUEST,
            "t_forward_nonack*(host, port): relays the request by a transaction to that host, over \
             that transport or the one that it came by",
            move |cx, call, args| match send_to(name, call, args, proto) {
                Ok(()) => tm.relay(cx, call, How::Stateful),
                Err(error) => Flow::Error(error),
            },
        );
    }
    let copy = Arc::clone(tm);
    d.function(
        "t_forward_nonack_uri",
        0..=0,
        RouteMask::REQUEST,
        "t_forward_nonack_uri(): as t_relay, to the Request-URI",
        move |cx, call, _| copy.relay(cx, call, How::Stateful),
    );
    for (name, routes) in [("t_relay_to", RELAY_ROUTES), ("t_relay_to_proxy", RELAY_ROUTES)] {
        let tm = Arc::clone(tm);
        d.function(
            name,
            0..=2,
            routes,
            "t_relay_to([proxy [, flags]]): as t_relay, to `[transport:]host[:port]` if that is \
             given. The flags (Kamailio: no 100, no own error reply, no DNS failover) change nothing \
             here",
            move |cx, call, args| match relay_to(name, call, args) {
                Ok(()) => tm.relay(cx, call, How::Stateful),
                Err(error) => Flow::Error(error),
            },
        );
    }
    declare_replicate(tm, d);
}

fn declare_replicate(tm: &Arc<Tm>, d: &mut Declare<'_>) {
    for (name, fewest, proto) in [
        ("t_replicate", 0, None),
        ("t_replicate_udp", 2, Some(Proto::Udp)),
        ("t_replicate_tcp", 2, Some(Proto::Tcp)),
    ] {
        let tm = Arc::clone(tm);
        d.function(
            name,
            fewest..=2,
            RouteMask::REQUEST,
            "t_replicate*([host, port]): sends a copy of the request to that host, or where the \
             request itself would go, by its transaction; what comes back is dropped, and the route \
             goes on to answer or relay",
            move |cx, call, args| tm.replicate(name, cx, call, args, proto),
        );
    }
}

impl Tm {
    fn replicate(
        &self,
        name: &'static str,
        cx: &mut ActionCx<'_, '_>,
        call: &mut CallState,
        args: &[Value],
        proto: Option<Proto>,
    ) -> Flow {
        let Some(resolver) = self.resolver.get() else {
            return Flow::Error(ActionError::Module("tm is not initialised".into()));
        };
        match host_and_port(name, args, proto.unwrap_or(call.flow.proto)) {
            Ok(to) => replicate(cx, call, to, resolver),
            Err(error) => Flow::Error(error),
        }
    }
}

/// The host and port in `args`; `None` without arguments.
fn host_and_port(
    function: &'static str,
    args: &[Value],
    proto: Proto,
) -> Result<Option<Hop>, ActionError> {
    let Some(host) = args.first() else { return Ok(None) };
    let host = host.as_bytes().and_then(|h| Host::parse(h));
    let host = host.ok_or_else(|| ActionError::argument(function, 1, "must be a host"))?;
    let port = match args.get(1) {
        None => Some(proto.default_port()),
        Some(port) => port.as_int().and_then(|n| u16::try_from(n).ok()).filter(|p| *p != 0),
    };
    let port = port.ok_or_else(|| ActionError::argument(function, 2, "must be a port"))?;
    Ok(Some(hop_to(&host, port, proto)))
}

/// Points the request's own branch to `[transport:]host[:port]`.
fn relay_to(
    function: &'static str,
    call: &mut CallState,
    args: &[Value],
) -> Result<(), ActionError> {
    let Some(proxy) = args.first() else { return Ok(()) };
    let wrong = || ActionError::argument(function, 1, "must be `[transport:]host[:port]`");
    if args.get(1).is_some_and(|flags| flags.as_int().is_none()) {
        return Err(ActionError::argument(function, 2, "must be a number"));
    }
    let hop = proxy_hop(proxy.as_bytes().ok_or_else(wrong)?, call.flow.proto).ok_or_else(wrong)?;
    match hop {
        Hop::Known(target) => call.rewrite.target = Some(target),
        Hop::Name(Name { host, port, proto }) => {
            call.rewrite.target = None;
            let uri = format!("sip:{host}:{port};transport={}", proto.token());
            call.rewrite.dst_uri = Some(Bytes::from(uri));
        }
    }
    Ok(())
}

fn proxy_hop(text: &[u8], came_by: Proto) -> Option<Hop> {
    let colon = text.iter().position(|b| *b == b':');
    let named =
        colon.and_then(|at| Some((Proto::from_token(text.get(..at)?)?, text.get(at + 1..)?)));
    let (proto, rest) = named.unwrap_or((came_by, text));
    // The port is behind the last colon, unless that is one of an address in brackets.
    let bracket = rest.iter().rposition(|b| *b == b']').map_or(0, |at| at + 1);
    let colon = rest.get(bracket..)?.iter().rposition(|b| *b == b':').map(|at| bracket + at);
    let (host, port) = match colon {
        Some(at) => {
            let port = std::str::from_utf8(rest.get(at + 1..)?).ok()?.parse().ok()?;
            (rest.get(..at)?, port)
        }
        None => (rest, proto.default_port()),
    };
    (port != 0).then_some(())?;
    Some(hop_to(&Host::parse(host)?, port, proto))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sip_core::net::Target;

    #[test]
    fn a_proxy_is_a_transport_a_host_and_a_port() {
        let known = |text: &str| match proxy_hop(text.as_bytes(), Proto::Udp) {
            Some(Hop::Known(Target { proto, peer, .. })) => format!("{proto} {peer}"),
            Some(Hop::Name(name)) => format!("{} {}:{}", name.proto, name.host, name.port),
            None => "-".into(),
        };
        for (text, expected) in [
            ("10.0.0.1", "udp 10.0.0.1:5060"),
            ("10.0.0.1:7", "udp 10.0.0.1:7"),
            ("tcp:10.0.0.1", "tcp 10.0.0.1:5060"),
            ("TCP:10.0.0.1:7", "tcp 10.0.0.1:7"),
            ("[::1]:7", "udp [::1]:7"),
            ("tcp:[::1]", "tcp [::1]:5060"),
            ("example.com:7", "udp example.com:7"),
            ("udp:10.0.0.1:0", "-"),
            ("10.0.0.1:x", "-"),
            ("", "-"),
        ] {
            assert_eq!(known(text).to_lowercase(), expected, "{text}");
        }
    }
}
