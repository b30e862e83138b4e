//! Addresses for C: From, To, Contact, Route and every other header whose values are addresses.

use std::ffi::c_char;

use looseroute::HeaderId;
use looseroute::parser::{Contact, HeaderError, NameAddr};

use super::error::{Parsed, Refusal, lr_parse_error, parsing};
use super::member::{Member, member};
use super::view::{Text, lr_view};
use crate::boundary::{put, read, required};
use crate::status::{Failure, lr_status};

/// An address with its parameters (Kamailio's `to_body`, which it uses for To and From, and its
/// `rr_t` of Route and Record-Route).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lr_to_body {
    /// The whole value, from the display name to the last parameter.
    pub body: lr_view,
    /// The display name, a quoted one with its quotes; empty when there is none.
    pub display: lr_view,
    /// The URI without its angle brackets; `lr_parse_uri_at` takes it apart. Only its scheme has
    /// been judged.
    pub uri: lr_view,
    /// The parameters of the header, not of the URI, each with its semicolon before it;
    /// `lr_param_next` takes them apart.
    pub params: lr_view,
    /// The value of the parameter `tag`; empty when there is none.
    pub tag: lr_view,
}

/// A value of a Contact header (Kamailio's `contact_t`).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lr_contact {
    /// Whether it is `*`, which removes every binding (RFC 3261 10.2.2); then the rest is empty.
    pub star: bool,
    /// The address.
    pub address: lr_to_body,
    /// The parameter `q` in thousandths, 0 to 1000; -1 when it is absent or malformed.
    pub q: i32,
    /// Whether there is a parameter `expires`.
    pub has_expires: bool,
    /// Its seconds; 3600 when it is malformed (RFC 3261 10.2.1.1), the largest when it is too large.
    pub expires: u32,
}

/// Takes the value of a To header apart (Kamailio's `parse_to`): all `len` bytes at `text`, without
/// the header's name and line end; views count from `text`. `LR_MESSAGE` when it is malformed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_parse_to(
    text: *const c_char,
    len: usize,
    to: *mut lr_to_body,
    error: *mut lr_parse_error,
) -> lr_status {
    parsing(error, || alone(text, len, to, HeaderId::To))
}

/// Takes the value of a From header apart (Kamailio's `parse_from_header`), as `lr_parse_to`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_parse_from(
    text: *const c_char,
    len: usize,
    from: *mut lr_to_body,
    error: *mut lr_parse_error,
) -> lr_status {
    parsing(error, || alone(text, len, from, HeaderId::From))
}

/// Takes the next address of a comma list apart, such as the value of a Route or Record-Route header
/// (Kamailio's `parse_rr`). `*at` is 0 at first, and afterwards where the next call goes on;
/// `LR_NOT_FOUND` when there is no further one. Views count from `text`. When an address is
/// malformed, `LR_MESSAGE`, the list ends there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_parse_route(
    text: *const c_char,
    len: usize,
    at: *mut u32,
    route: *mut lr_to_body,
    error: *mut lr_parse_error,
) -> lr_status {
    parsing(error, || {
        required(route, "route")?;
        let parse = |s| named(NameAddr::parse(s), HeaderId::Route);
        let (text, found) = next_of(text, len, at, parse)?;
        put(route, to_body(text, &found.value, found.text));
        Ok(())
    })
}

/// Takes the next value of a Contact header apart (Kamailio's `parse_contact`), as `lr_parse_route`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_parse_contact(
    text: *const c_char,
    len: usize,
    at: *mut u32,
    contact: *mut lr_contact,
    error: *mut lr_parse_error,
) -> lr_status {
    parsing(error, || {
        required(contact, "contact")?;
        let (text, found) = next_of(text, len, at, Contact::parse)?;
        put(contact, contact_of(text, &found.value, found.text));
        Ok(())
    })
}

fn alone(text: *const c_char, len: usize, out: *mut lr_to_body, header: HeaderId) -> Parsed {
    required(out, "the body")?;
    let text = Text::given(text, len)?;
    let address = named(NameAddr::parse(text.bytes), header);
    let address = address.map_err(|e| Refusal::header(e, 0))?;
    put(out, to_body(text, &address, text.bytes.trim_ascii()));
    Ok(())
}

/// The result with errors that name `header`.
fn named<T>(found: Result<T, HeaderError>, header: HeaderId) -> Result<T, HeaderError> {
    found.map_err(|e| HeaderError { header, ..e })
}

/// Where a walk over a list is when it is over; no text is so long that a comma stands there.
const OVER: u32 = u32::MAX;

/// The next member of a list that C walks over: `*at` is 0 before the first, then the offset of the
/// comma behind the last one, and [`OVER`] in the end.
pub(crate) fn next_of<'a, T>(
    text: *const c_char,
    len: usize,
    at: *mut u32,
    parse: impl Fn(&'a [u8]) -> Result<T, HeaderError>,
) -> Parsed<(Text<'a>, Member<'a, T>)> {
    let text = Text::given(text, len)?;
    let from = read(at.cast_const(), "at")?;
    let start = match from {
        0 => 0,
        OVER => return Err(Failure::not_found("there are no more of it").into()),
        comma if text.bytes.get(comma as usize) == Some(&b',') => comma as usize + 1,
        _ => return Err(Failure::invalid("at is no place that this function has left").into()),
    };
    let found = member(text.bytes, start, parse);
    let more = found.as_ref().ok().filter(|found| found.end < len);
    put(at, more.and_then(|found| u32::try_from(found.end).ok()).unwrap_or(OVER));
    Ok((text, found.map_err(|e| Refusal::header(e, 0))?))
}

/// An address of `text` as C sees it; `body` is the whole value.
pub(crate) fn to_body(text: Text<'_>, address: &NameAddr<'_>, body: &[u8]) -> lr_to_body {
    lr_to_body {
        body: text.view(body),
        display: text.maybe(address.display),
        uri: text.view(address.uri),
        params: text.view(address.params.raw()),
        tag: text.maybe(address.tag()),
    }
}

/// A contact of `text` as C sees it.
pub(crate) fn contact_of(text: Text<'_>, contact: &Contact<'_>, body: &[u8]) -> lr_contact {
    let nothing = lr_view::default();
    let Some(address) = contact.addr() else {
        let (display, uri, params, tag) = (nothing, nothing, nothing, nothing);
        let address = lr_to_body { body: text.view(body), display, uri, params, tag };
        return lr_contact { star: true, address, q: -1, has_expires: false, expires: 0 };
    };
    lr_contact {
        star: false,
        address: to_body(text, address, body),
        q: address.q().map_or(-1, i32::from),
        has_expires: address.expires().is_some(),
        expires: address.expires().unwrap_or(0),
    }
}
