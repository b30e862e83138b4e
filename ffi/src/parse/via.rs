//! Via for C: the way a response goes back.

use std::ffi::c_char;

use looseroute::parser::Via;

use super::address::next_of;
use super::error::{lr_parse_error, parsing};
use super::view::{Text, lr_view};
use crate::boundary::{put, required};
use crate::status::lr_status;

/// A value of a Via header (Kamailio's `via_body`; RFC 3261 20.42, RFC 3581). What it does not have
/// is empty.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lr_via_body {
    /// The whole value, from the protocol to the last parameter.
    pub body: lr_view,
    /// The protocol's name, as `SIP`.
    pub name: lr_view,
    /// The protocol's version, as `2.0`.
    pub version: lr_view,
    /// The transport, as `UDP`.
    pub transport: lr_view,
    /// Host and port as they are written.
    pub sent_by: lr_view,
    /// The host, an IPv6 address in its brackets.
    pub host: lr_view,
    /// Whether there is a port.
    pub has_port: bool,
    /// The port; 0 when there is none.
    pub port: u16,
    /// All parameters, each with its semicolon before it; `lr_param_next` takes them apart.
    pub params: lr_view,
    /// The parameter `branch`.
    pub branch: lr_view,
    /// The parameter `received`, an IPv6 address with or without brackets.
    pub received: lr_view,
    /// The parameter `maddr`.
    pub maddr: lr_view,
    /// Whether there is a parameter `rport`.
    pub has_rport: bool,
    /// Its port; 0 when it has none, as in a request that asks for it.
    pub rport: u16,
    /// Whether there is a parameter `ttl` that is a number up to 255.
    pub has_ttl: bool,
    /// That number.
    pub ttl: u8,
}

/// Takes the next value of a Via header apart (Kamailio's `parse_via`), of which there may be
/// several between commas: `*at` is 0 at first, and afterwards where the next call goes on;
/// `LR_NOT_FOUND` when there is no further one. Views count from `text`. When a value is malformed,
/// `LR_MESSAGE`, the list ends there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_parse_via(
    text: *const c_char,
    len: usize,
    at: *mut u32,
    via: *mut lr_via_body,
    error: *mut lr_parse_error,
) -> lr_status {
    parsing(error, || {
        required(via, "via")?;
        let (text, found) = next_of(text, len, at, Via::parse)?;
        put(via, via_body(text, &found.value, found.text));
        Ok(())
    })
}

/// A Via of `text` as C sees it; `body` is the whole value.
pub(crate) fn via_body(text: Text<'_>, via: &Via<'_>, body: &[u8]) -> lr_via_body {
    lr_via_body {
        body: text.view(body),
        name: text.view(via.protocol),
        version: text.view(via.version),
        transport: text.view(via.transport),
        sent_by: text.view(via.sent_by),
        host: text.view(host_of(via.sent_by)),
        has_port: via.port.is_some(),
        port: via.port.unwrap_or(0),
        params: text.view(via.params.raw()),
        branch: text.maybe(via.branch()),
        received: text.maybe(via.received()),
        maddr: text.maybe(via.maddr()),
        has_rport: via.rport().is_some(),
        rport: via.rport().flatten().unwrap_or(0),
        has_ttl: via.ttl().is_some(),
        ttl: via.ttl().unwrap_or(0),
    }
}

/// The host of a sent-by as it is written: white space may stand around its colon.
fn host_of(sent_by: &[u8]) -> &[u8] {
    let end = match sent_by.first() {
        Some(b'[') => sent_by.iter().position(|b| *b == b']').map(|at| at + 1),
        _ => sent_by.iter().position(|b| *b == b':' || b.is_ascii_whitespace()),
    };
    sent_by.get(..end.unwrap_or(sent_by.len())).unwrap_or_default()
}
