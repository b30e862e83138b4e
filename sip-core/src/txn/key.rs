//! What identifies a request (RFC 3261 17.2.3), read from it once: the key, what its top Via lacks
//! (RFC 3261 18.2.1, RFC 3581 4), and where its responses go (RFC 3261 18.2.2).
//!
//! INVITE, its CANCEL and its ACK to a negative answer have one hash, so one bucket holds them all
//! and one look under one lock answers every question about them.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use sip_parser::{HeaderError, Host, Message, Method, Span, Via};

use super::branch_id::COOKIE;
use super::cell::Cell;
use super::hash::HashKey;
use crate::net::{Flow, Proto, Target};

/// The key of a request, with spans into its bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct RequestKey {
    pub(crate) hash: u64,
    pub(crate) branch: Span,
    pub(crate) sent_by: Span,
    pub(crate) method: Method,
    /// The branch begins with the magic cookie; otherwise the rules of RFC 2543 hold.
    pub(crate) cookie: bool,
}

/// The edits that a received request's top Via needs before it is sent on or answered. Spans are
/// into the request's bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct ViaFix {
    /// Where the header's line begins: our own Via goes there.
    pub(crate) line: u32,
    /// Where the value ends: `received` goes there.
    pub(crate) end: u32,
    pub(crate) add_received: bool,
    /// The `rport` parameter to fill in, from its name to the end of its value.
    pub(crate) rport: Option<Span>,
    /// A `received` that the sender had no business to write, with its semicolon.
    pub(crate) drop: Option<Span>,
}

/// All that is read from a request's top Via.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Arrival {
    pub(crate) key: RequestKey,
    pub(crate) via: ViaFix,
    pub(crate) reply_to: Target,
}

impl Arrival {
    /// Reads it. Fails when a header it needs cannot be read.
    pub(crate) fn read(keys: &HashKey, flow: &Flow, msg: &Message) -> Result<Self, HeaderError> {
        let via = msg.top_via()?;
        let params = ViaParams::read(&via);
        let method = msg.method().unwrap_or(Method::Other);
        let branch = params.branch.filter(|b| msg.slice(*b).starts_with(COOKIE));
        let hash = match branch {
            Some(b) => keys.start().bytes(msg.slice(b)).bytes(via.sent_by).finish(),
            None => super::old::hash(keys, msg)?,
        };
        let key = RequestKey {
            hash,
            branch: branch.unwrap_or_default(),
            sent_by: via.sent_by_span,
            method,
            cookie: branch.is_some(),
        };
        let line = msg.header(sip_parser::HeaderId::Via).map_or(0, |h| h.span.start);
        let add_received = params.rport.is_some() || via.host.as_ip() != Some(flow.peer.ip());
        let fix = ViaFix {
            line,
            end: via.span.end,
            add_received,
            rport: params.rport,
            drop: params.received,
        };
        Ok(Self { key, via: fix, reply_to: reply_to(flow, &via, &params) })
    }
}

impl RequestKey {
    /// Whether this is the key that `msg` would have: its branch and sent-by lie where the spans
    /// say, and have this hash. Only for keys with a cookie.
    pub(crate) fn holds(&self, keys: &HashKey, msg: &Message) -> bool {
        let (branch, sent_by) = (msg.slice(self.branch), msg.slice(self.sent_by));
        msg.method() == Some(self.method)
            && keys.start().bytes(branch).bytes(sent_by).finish() == self.hash
    }

    /// Whether `cell` was made by this request, with `method` in place of the request's own: an ACK
    /// and a CANCEL look for their INVITE (RFC 3261 17.2.3, 9.2).
    #[inline]
    pub(crate) fn matches(&self, msg: &Message, cell: &Cell, method: Method) -> bool {
        if self.cookie != cell.key.cookie || method != cell.key.method {
            return false;
        }
        if !self.cookie {
            return super::old::matches(msg, cell);
        }
        msg.slice(self.branch) == cell.key.branch.of(&cell.request)
            && msg.slice(self.sent_by) == cell.key.sent_by.of(&cell.request)
            && (method != Method::Other || same_name(msg, &cell.request))
    }
}

/// Whether a request's method is that at the start of `request`.
fn same_name(msg: &Message, request: &Bytes) -> bool {
    let name = msg.method_name();
    request.starts_with(name) && request.get(name.len()) == Some(&b' ')
}

/// The parameters of a Via that matter here, found in one pass.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ViaParams {
    pub(crate) branch: Option<Span>,
    /// From the name to the end of the value.
    pub(crate) rport: Option<Span>,
    /// From the semicolon to the end of the value.
    pub(crate) received: Option<Span>,
    maddr: Option<IpAddr>,
}

impl ViaParams {
    pub(crate) fn read(via: &Via<'_>) -> Self {
        let raw = via.params.raw();
        let base = via.span.end.saturating_sub(len32(raw));
        let at = |part: &[u8]| base.saturating_add(offset(raw, part));
        let mut found = Self::default();
        for (name, value) in via.params {
            let end = |v: Option<&[u8]>| v.map_or(at(name) + len32(name), |v| at(v) + len32(v));
            match name.len() {
                6 if found.branch.is_none() && name.eq_ignore_ascii_case(b"branch") => {
                    found.branch = value.map(|v| Span::new(at(v), end(value)));
                }
                5 if name.eq_ignore_ascii_case(b"rport") => {
                    found.rport = Some(Span::new(at(name), end(value)));
                }
                5 if name.eq_ignore_ascii_case(b"maddr") => {
                    found.maddr = value.and_then(Host::parse).and_then(|h| h.as_ip());
                }
                8 if name.eq_ignore_ascii_case(b"received") => {
                    let before = raw.get(..offset(raw, name) as usize).unwrap_or_default();
                    let semicolon = before.iter().rposition(|b| *b == b';').unwrap_or_default();
                    let start = base.saturating_add(u32::try_from(semicolon).unwrap_or_default());
                    found.received = Some(Span::new(start, end(value)));
                }
                _ => {}
            }
        }
        found
    }
}

/// Where responses to a request go that came along `flow` with this top Via (RFC 3261 18.2.2,
/// RFC 3581 4).
fn reply_to(flow: &Flow, via: &Via<'_>, params: &ViaParams) -> Target {
    let port = via.port.unwrap_or(flow.proto.default_port());
    let peer = if flow.proto.is_stream() {
        // The connection first; if it is gone, the source address at the port of sent-by.
        SocketAddr::new(flow.peer.ip(), port)
    } else if let Some(maddr) = params.maddr {
        SocketAddr::new(maddr, port)
    } else if params.rport.is_some() {
        flow.peer
    } else {
        SocketAddr::new(flow.peer.ip(), port)
    };
    Target { proto: flow.proto, peer, listen: Some(flow.listen), conn: flow.conn }
}

/// Where a response goes whose topmost Via is now this one: for responses that no transaction
/// waits for (RFC 3261 16.11, 18.2.2). `None` when the Via names a host and no address, or a
/// transport that is none of ours.
pub(crate) fn via_target(via: &Via<'_>) -> Option<Target> {
    let proto = Proto::from_token(via.transport)?;
    let port = via.port.unwrap_or(proto.default_port());
    let received = via.received_ip();
    let maddr = via.maddr().and_then(Host::parse).and_then(|h| h.as_ip());
    let ip = maddr.filter(|_| !proto.is_stream()).or(received).or_else(|| via.host.as_ip())?;
    let port = match via.rport() {
        Some(Some(rport)) if maddr.is_none() => rport,
        _ => port,
    };
    Some(Target { proto, peer: SocketAddr::new(ip, port), listen: None, conn: None })
}

/// Where `part` begins in `whole`, of which it is a slice.
pub(crate) fn offset(whole: &[u8], part: &[u8]) -> u32 {
    let distance = (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize);
    u32::try_from(distance).unwrap_or(u32::MAX)
}

pub(crate) fn len32(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}
