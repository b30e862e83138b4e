//! Route preprocessing: RFC 3261 16.4, and the strict routers of 16.6 step 6.
//!
//! ```text
//!   Request-URI is a value of ours     a strict router sent it: the last Route is the real one
//!   first Route is ours                taken off; its twin too when it says r2=on
//!   next Route has no lr               a strict router follows: it becomes the Request-URI, and
//!                                      the Request-URI the last Route
//! ```

use bytes::BufMut;
use sip_parser::{HeaderError, HeaderId, Host, Message, Patch, Span, Uri};
use smallvec::SmallVec;

use crate::net::{ListenId, Listener, Listeners, Proto};

/// What the Route headers of a request said. Spans are into the request's bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LooseRoute {
    /// Our own URI that led the request here: a Route value that was taken off, or the Request-URI
    /// that a strict router put there. Its parameters are those we once wrote (`ftag`). `None`: the
    /// request was not routed through us.
    pub own: Option<Span>,
    /// The twin of `own`, when a pair was taken off (`r2=on`): the side the request leaves by.
    pub twin: Option<Span>,
    /// The URI to put into the Request-URI; `None`: it stays.
    pub uri: Option<Span>,
    /// The URI of the next Route, where the request goes; `None`: the Request-URI decides.
    pub next: Option<Span>,
}

/// One Route value.
#[derive(Clone, Copy)]
struct Value {
    span: Span,
    uri: Span,
}

/// Which Routes are followed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Follow {
    /// Any: a new request may carry Routes that its sender was told or has made up.
    Any,
    /// Those of a request that was led here: the first Route is ours, or the Request-URI where a
    /// strict router has put it. Others are left as they are.
    Ours,
}

/// Reads the Route headers of `msg` and writes into `patch` what to take off and to add.
/// `is_local` says whether a URI is one of ours: see [`is_local_uri`].
///
/// # Errors
/// A Route value, or a URI in one that matters here, cannot be read.
pub fn loose_route(
    msg: &Message,
    patch: &mut Patch,
    follow: Follow,
    mut is_local: impl FnMut(&Uri<'_>) -> bool,
) -> Result<LooseRoute, HeaderError> {
    let mut values: SmallVec<[Value; 8]> = SmallVec::new();
    for route in msg.routes() {
        let route = route?;
        values.push(Value { span: route.span, uri: route.uri_span });
    }
    let mut found = LooseRoute::default();
    let Some((last, others)) = values.split_last() else { return Ok(found) };
    let mut rest = values.as_slice();
    let mut take = |value: &Value| patch.remove_value(msg, HeaderId::Route, value.span);
    // RFC 3261 16.4, first paragraph. What we write into a Record-Route has lr and no user.
    if has_params(msg.request_uri())
        && uri_at(msg, msg.request_uri_span()).is_some_and(|u| u.lr() && is_local(&u))
    {
        found.own = Some(msg.request_uri_span());
        found.uri = Some(last.uri);
        take(last);
        rest = others;
    }
    if let Some((first, after)) = rest.split_first()
        && let Some(uri) = uri_at(msg, first.uri)
        && is_local(&uri)
    {
        found.own = Some(first.uri);
        take(first);
        rest = after;
        if uri.params.value(b"r2") == Some(b"on")
            && let Some((second, after)) = rest.split_first()
            && uri_at(msg, second.uri).is_some_and(|u| is_local(&u))
        {
            found.twin = Some(second.uri);
            take(second);
            rest = after;
        }
    }
    let Some(next) = rest.first() else { return Ok(found) };
    if found.own.is_none() && follow == Follow::Ours {
        return Ok(found);
    }
    match uri_at(msg, next.uri).is_some_and(|u| u.lr()) {
        true => found.next = Some(next.uri),
        false => {
            let target = found.uri.unwrap_or(msg.request_uri_span());
            take(next);
            append_route(msg, patch, last, target);
            found.uri = Some(next.uri);
        }
    }
    Ok(found)
}

/// Makes `uri` the last Route value, behind what was the last one in the message.
fn append_route(msg: &Message, patch: &mut Patch, last: &Value, uri: Span) {
    let inside =
        |h: &sip_parser::Header<'_>| h.span.start <= last.span.start && last.span.end <= h.span.end;
    let Some(header) = msg.headers_of(HeaderId::Route).find(inside) else { return };
    patch.insert_with(header.span.end, |out| {
        out.put_slice(b"Route: <");
        out.put_slice(msg.slice(uri));
        out.put_slice(b">\r\n");
    });
}

/// Whether a URI can have parameters; a look at its bytes, for most have none.
fn has_params(uri: &[u8]) -> bool {
    memchr::memchr(b';', uri).is_some()
}

fn uri_at(msg: &Message, span: Span) -> Option<Uri<'_>> {
    Uri::parse(msg.slice(span)).ok()
}

/// Whether a SIP URI names one of `listeners`, bound or advertised. A port that is absent is the
/// default of the listener's transport; without a transport parameter any transport will do.
#[must_use]
pub fn is_local_uri(listeners: &Listeners, uri: &Uri<'_>) -> bool {
    local_listener(listeners, uri).is_some()
}

/// The first of `listeners` that a SIP URI names, as [`is_local_uri`] compares; a URI without a
/// transport names a UDP listener before others.
#[must_use]
pub fn local_listener(listeners: &Listeners, uri: &Uri<'_>) -> Option<ListenId> {
    if !uri.is_sip() {
        return None;
    }
    match uri.transport() {
        Some(token) => local_host(listeners, &uri.host, uri.port, Some(Proto::from_token(token)?)),
        None => local_host(listeners, &uri.host, uri.port, Some(Proto::Udp))
            .or_else(|| local_host(listeners, &uri.host, uri.port, None)),
    }
}

/// The same for a host and a port, as a Via has them.
pub(crate) fn is_local_host(
    listeners: &Listeners,
    host: &Host<'_>,
    port: Option<u16>,
    proto: Option<Proto>,
) -> bool {
    local_host(listeners, host, port, proto).is_some()
}

fn local_host(
    listeners: &Listeners,
    host: &Host<'_>,
    port: Option<u16>,
    proto: Option<Proto>,
) -> Option<ListenId> {
    let ip = host.as_ip();
    let named = |l: &Listener| {
        let wanted = port.unwrap_or(l.proto.default_port());
        let bound = || wanted == l.addr.port() && ip == Some(l.addr.ip());
        let advertised = || {
            l.advertised.as_ref().is_some_and(|(name, p)| {
                *p == wanted && Host::parse(name.as_bytes()).is_some_and(|h| h.equivalent(host))
            })
        };
        proto.is_none_or(|p| p == l.proto) && (bound() || advertised())
    };
    listeners.iter().find(|(_, l)| named(l)).map(|(id, _)| id)
}
