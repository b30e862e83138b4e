//! A request on its way out: the received bytes with the edits of RFC 3261 16.6 steps 1 to 8,
//! written once. Nothing that no edit touches is copied twice or parsed.

use std::net::SocketAddr;

use bytes::{BufMut, BytesMut};
use sip_parser::{HeaderId, Message, Patch};

use super::plan::{BranchPlan, RelayPlan};
use super::record_route::record_route;
use crate::net::Listener;
use crate::txn::key::ViaFix;
use crate::uas::{put_number, put_received};

/// Max-Forwards of a request that came without (RFC 3261 16.6 step 3).
const MAX_FORWARDS: u32 = 70;

/// All that one outgoing copy is made of.
pub(crate) struct Leg<'a> {
    pub(crate) request: &'a Message,
    pub(crate) via: &'a ViaFix,
    /// The sender of the request.
    pub(crate) peer: SocketAddr,
    pub(crate) inward: &'a Listener,
    pub(crate) outward: &'a Listener,
    pub(crate) plan: &'a RelayPlan<'a>,
    pub(crate) branch: &'a BranchPlan,
    /// Max-Forwards of the request; `None`: it has none, or none that can be read.
    pub(crate) max_forwards: Option<u32>,
    /// The Max-Breadth to send (RFC 5393 5.3.3); `None`: as it came.
    pub(crate) max_breadth: Option<u32>,
}

/// Appends the bytes to send; `param` writes our branch parameter.
pub(crate) fn write_request(
    out: &mut BytesMut,
    patch: &mut Patch,
    leg: &Leg<'_>,
    param: impl FnOnce(&mut BytesMut),
) {
    let request = leg.request;
    let edits = leg.branch.own.as_ref().and_then(|own| own.patch.as_ref());
    let edits = edits.unwrap_or(leg.plan.patch);
    if edits.is_empty() {
        patch.clear();
    } else {
        patch.clone_from(edits);
    }
    if !leg.branch.uri.is_empty() && leg.branch.uri != request.request_uri() {
        patch.set_request_uri(request, &leg.branch.uri);
    }
    patch.insert_with(leg.via.line, |out| put_via(out, leg.outward, param));
    put_max_forwards(patch, leg);
    put_max_breadth(patch, leg);
    put_record_route(patch, leg);
    if let Some(path) = &leg.branch.path {
        let at = request.header(HeaderId::Route).map_or(leg.via.line, |h| h.span.start);
        patch.insert_with(at, |out| {
            out.put_slice(b"Route: ");
            out.put_slice(path);
            out.put_slice(b"\r\n");
        });
    }
    fix_via(patch, leg.via, leg.peer);
    patch.write(request, out);
}

/// Our Via (RFC 3261 16.6 step 8, RFC 3581 3).
fn put_via(out: &mut BytesMut, listener: &Listener, param: impl FnOnce(&mut BytesMut)) {
    out.put_slice(b"Via: SIP/2.0/");
    out.put_slice(listener.proto.via_token().as_bytes());
    out.put_u8(b' ');
    out.put_slice(listener.sent_by());
    out.put_slice(b";branch=");
    param(out);
    out.put_slice(b";rport\r\n");
}

/// RFC 3261 16.6 step 3.
fn put_max_forwards(patch: &mut Patch, leg: &Leg<'_>) {
    let wanted = leg.plan.max_forwards;
    match leg.request.header(HeaderId::MaxForwards) {
        Some(header) => {
            let lowered = || leg.max_forwards.map(|n| n.saturating_sub(1));
            if let Some(n) = wanted.or_else(lowered) {
                let mut out = [0; 10];
                patch.replace(header.value_span, decimal(&mut out, n));
            }
        }
        None => patch.insert_with(leg.via.line, |out| {
            out.put_slice(b"Max-Forwards: ");
            put_number(out, wanted.unwrap_or(MAX_FORWARDS));
            out.put_slice(b"\r\n");
        }),
    }
}

/// RFC 5393 5.3.3.
fn put_max_breadth(patch: &mut Patch, leg: &Leg<'_>) {
    let Some(breadth) = leg.max_breadth else { return };
    match leg.request.header(HeaderId::MaxBreadth) {
        Some(header) => {
            let mut out = [0; 10];
            patch.replace(header.value_span, decimal(&mut out, breadth));
        }
        None => patch.insert_with(leg.via.line, |out| {
            out.put_slice(b"Max-Breadth: ");
            put_number(out, breadth);
            out.put_slice(b"\r\n");
        }),
    }
}

/// RFC 3261 16.6 step 4.
fn put_record_route(patch: &mut Patch, leg: &Leg<'_>) {
    let Some(values) = &leg.plan.record_route else { return };
    let request = leg.request;
    let at = request.header(HeaderId::RecordRoute).map_or(leg.via.line, |h| h.span.start);
    let uri: &[u8] =
        if leg.branch.uri.is_empty() { request.request_uri() } else { &leg.branch.uri };
    let secure = uri.get(..5).is_some_and(|s| s.eq_ignore_ascii_case(b"sips:"));
    patch.insert_with(at, |out| record_route(out, values, leg.inward, leg.outward, secure));
}

/// `received` and `rport` on the Via of the previous hop (RFC 3261 18.2.1, RFC 3581 4).
fn fix_via(patch: &mut Patch, fix: &ViaFix, peer: SocketAddr) {
    if let Some(span) = fix.rport {
        let mut text = *b"rport=00000";
        let mut digits = [0; 10];
        let digits = decimal(&mut digits, u32::from(peer.port()));
        let len = 6 + digits.len();
        text[6..len].copy_from_slice(digits);
        patch.replace(span, &text[..len]);
    }
    if let Some(span) = fix.drop {
        patch.remove(span);
    }
    if fix.add_received {
        patch.insert_with(fix.end, |out| put_received(out, peer.ip()));
    }
}

fn decimal(out: &mut [u8; 10], mut n: u32) -> &[u8] {
    let mut at = out.len();
    loop {
        at -= 1;
        out[at] = b'0' + (n % 10) as u8;
        n /= 10;
        if n == 0 {
            return &out[at..];
        }
    }
}
