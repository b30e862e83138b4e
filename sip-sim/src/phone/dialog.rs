//! A dialog as one end knows it (RFC 3261 12): who, where, by which route.

use bytes::Bytes;
use sip_core::net::Target;
use sip_parser::{Contact, Message, NameAddr};

use super::line::{Line, put};

/// One end's view of a dialog.
#[derive(Clone, Debug)]
pub(crate) struct Dialog {
    call_id: Bytes,
    /// Our From value, tag included.
    local: Bytes,
    /// Our To value, tag included.
    remote: Bytes,
    remote_tag: Bytes,
    /// The URI the other end wants to be reached at.
    target: Bytes,
    /// The proxies in between, nearest first, each as it stood in Record-Route.
    routes: Vec<Bytes>,
    cseq: u32,
}

impl Dialog {
    /// The caller's dialog, from a response to its INVITE with this CSeq (RFC 3261 12.1.2). `None`
    /// when the response lacks what makes a dialog.
    pub(crate) fn of_caller(response: &Message, cseq: u32) -> Option<Self> {
        let (local, remote) = (response.from().ok()?, response.to().ok()?);
        let mut routes = record_routes(response);
        routes.reverse();
        Self::new(response, &local, &remote, routes, cseq)
    }

    /// The callee's dialog, from the INVITE and the tag it gave to it (RFC 3261 12.1.1).
    pub(crate) fn of_callee(invite: &Message, tag: &[u8]) -> Option<Self> {
        let (local, remote) = (invite.to().ok()?, invite.from().ok()?);
        let mut dialog = Self::new(invite, &local, &remote, record_routes(invite), 0)?;
        let mut with_tag = dialog.local.to_vec();
        put(&mut with_tag, &[b";tag=", tag]);
        dialog.local = Bytes::from(with_tag);
        Some(dialog)
    }

    fn new(
        message: &Message,
        local: &NameAddr<'_>,
        remote: &NameAddr<'_>,
        routes: Vec<Bytes>,
        cseq: u32,
    ) -> Option<Self> {
        let copy = |part: &[u8]| Bytes::copy_from_slice(part);
        let target = match message.contacts().next()?.ok()? {
            Contact::Addr(addr) => copy(addr.uri),
            Contact::Star => return None,
        };
        Some(Self {
            call_id: copy(message.call_id().ok()?),
            local: copy(message.slice(local.span)),
            remote: copy(message.slice(remote.span)),
            remote_tag: copy(remote.tag().unwrap_or_default()),
            target,
            routes,
            cseq,
        })
    }

    pub(crate) fn remote_tag(&self) -> &[u8] {
        &self.remote_tag
    }

    /// The number of the next request, and of an ACK that of the last.
    pub(crate) fn next_cseq(&mut self) -> u32 {
        self.cseq += 1;
        self.cseq
    }

    /// The next hop of a request in the dialog (RFC 3261 12.2.1.1).
    pub(crate) fn next_hop(&self, line: &Line) -> Target {
        match self.first_route() {
            Some((uri, _)) => line.resolve(&uri),
            None => line.resolve(&self.target),
        }
    }

    /// The Request-URI of a request in the dialog: the target, or a strict router's own URI.
    pub(crate) fn request_uri(&self) -> Bytes {
        match self.first_route() {
            Some((uri, false)) => uri,
            _ => self.target.clone(),
        }
    }

    /// The start of a request in the dialog.
    pub(crate) fn request(&self, line: &Line, method: &str, cseq: u32, branch: &[u8]) -> Vec<u8> {
        let mut text = line.request(method, &self.request_uri(), branch);
        let strict = matches!(self.first_route(), Some((_, false)));
        for route in self.routes.iter().skip(usize::from(strict)) {
            put(&mut text, &[b"Route: ", route, b"\r\n"]);
        }
        if strict {
            put(&mut text, &[b"Route: <", &self.target, b">\r\n"]);
        }
        put(&mut text, &[b"From: ", &self.local, b"\r\nTo: ", &self.remote, b"\r\nCall-ID: "]);
        put(&mut text, &[&self.call_id, format!("\r\nCSeq: {cseq} {method}\r\n").as_bytes()]);
        text
    }

    /// The first route's URI, and whether it is a loose router's.
    fn first_route(&self) -> Option<(Bytes, bool)> {
        let route = self.routes.first()?;
        let addr = NameAddr::parse(route).ok()?;
        let loose = addr.parsed_uri().is_ok_and(|uri| uri.params.has(b"lr"));
        Some((route.slice_ref(addr.uri), loose))
    }
}

fn record_routes(message: &Message) -> Vec<Bytes> {
    let routes = message.record_routes().filter_map(Result::ok);
    routes.map(|route| Bytes::copy_from_slice(message.slice(route.span))).collect()
}
