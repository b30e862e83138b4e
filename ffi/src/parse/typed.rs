//! The values of a message's headers for C: the start line, and what every server reads.

use looseroute::parser::{Contact, HeaderError, HeaderId, HeaderSet, NameAddr, Via};

use super::address::{contact_of, lr_contact, lr_to_body, to_body};
use super::error::{Parsed, Refusal, lr_parse_error, parsing};
use super::header_id::lr_hdr_type_raw;
use super::lines::{Wanted, known, lr_iter};
use super::member::member;
use super::message::{SipMsg, lr_sip_msg, with};
use super::uri::{lr_sip_uri, uri_of};
use super::value::{cseq_body, lr_cseq_body, lr_method, method_of};
use super::via::{lr_via_body, via_body};
use super::view::{Text, lr_view};
use crate::boundary::{put, read, required};
use crate::status::{Failure, lr_status};

/// The start line (Kamailio's `msg_start`).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lr_msg_start {
    /// Whether it is a request; else a response.
    pub is_request: bool,
    /// The whole line with its line end.
    pub line: lr_view,
    /// The version, as `SIP/2.0`.
    pub version: lr_view,
    /// The method of a request.
    pub method: lr_method,
    /// The method of a request as it is written; empty for a response.
    pub method_name: lr_view,
    /// The Request-URI; empty for a response. `lr_msg_uri` takes it apart.
    pub uri: lr_view,
    /// The status code of a response, 100 to 699; 0 for a request.
    pub status: u16,
    /// The reason phrase of a response; empty for a request.
    pub reason: lr_view,
}

/// The start line (in Kamailio, `sip_msg.first_line`).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_msg_first_line(
    msg: lr_sip_msg,
    start: *mut lr_msg_start,
    error: *mut lr_parse_error,
) -> lr_status {
    parsing(error, || {
        required(start, "start")?;
        with(msg, |msg| {
            put(start, start_of(msg)?);
            Ok(())
        })
    })
}

/// Bytes of `SIP/2.0`.
const VERSION: usize = 7;

fn start_of(msg: &SipMsg) -> Parsed<lr_msg_start> {
    let (seen, text) = (msg.seen()?, msg.text()?);
    let line = seen.bytes().get(..seen.start_line_end() as usize).unwrap_or_default();
    // The parser has seen `SIP/2.0` at the start of a response and at the end of a request line.
    let version = match seen.is_request() {
        true => line.get(line.len().saturating_sub(VERSION + 2)..line.len().saturating_sub(2)),
        false => line.get(..VERSION),
    };
    Ok(lr_msg_start {
        is_request: seen.is_request(),
        line: text.view(line),
        version: text.maybe(version),
        method: seen.method().map_or(lr_method::LR_METHOD_OTHER, method_of),
        method_name: text.view(seen.method_name()),
        uri: text.view(seen.request_uri()),
        status: seen.status().unwrap_or(0),
        reason: text.view(seen.reason()),
    })
}

/// The Request-URI taken apart (Kamailio's `parse_sip_msg_uri`). `LR_STATE` for a response,
/// `LR_MESSAGE` when it is malformed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_msg_uri(
    msg: lr_sip_msg,
    uri: *mut lr_sip_uri,
    error: *mut lr_parse_error,
) -> lr_status {
    parsing(error, || {
        required(uri, "uri")?;
        with(msg, |msg| {
            let seen = msg.seen()?;
            if !seen.is_request() {
                return Err(Failure::new(lr_status::LR_STATE, "it is a response").into());
            }
            seen.uri().map_err(|e| Refusal::message(e, msg.before()))?;
            put(uri, uri_of(msg.text()?, seen.request_uri())?);
            Ok(())
        })
    })
}

/// Reads on to a header and puts what `read` makes of it.
fn get<T>(
    msg: lr_sip_msg,
    id: HeaderId,
    out: *mut T,
    read: impl FnOnce(&SipMsg, Text<'_>) -> Parsed<Result<T, HeaderError>>,
) -> Parsed {
    required(out, "the output")?;
    with(msg, |msg| {
        // A malformed line behind the header does not hide it.
        if !msg.found(id) {
            msg.read_to(HeaderSet::of(&[id]))?;
        }
        let value = read(msg, msg.text()?)?;
        put(out, value.map_err(|e| Refusal::header(e, msg.before()))?);
        Ok(())
    })
}

/// The To header (Kamailio's `get_to`). `LR_MESSAGE` when it is missing or malformed, or there is a
/// second one in what was read so far.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_msg_to(
    msg: lr_sip_msg,
    to: *mut lr_to_body,
    error: *mut lr_parse_error,
) -> lr_status {
    parsing(error, || {
        get(msg, HeaderId::To, to, |msg, text| {
            Ok(msg.seen()?.to().map(|a| to_body(text, &a, a.span.of(text.bytes))))
        })
    })
}

/// The From header (Kamailio's `parse_from_header` and `get_from`), as `lr_msg_to`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_msg_from(
    msg: lr_sip_msg,
    from: *mut lr_to_body,
    error: *mut lr_parse_error,
) -> lr_status {
    parsing(error, || {
        get(msg, HeaderId::From, from, |msg, text| {
            Ok(msg.seen()?.from().map(|a| to_body(text, &a, a.span.of(text.bytes))))
        })
    })
}

/// The CSeq header (Kamailio's `get_cseq`), as `lr_msg_to`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_msg_cseq(
    msg: lr_sip_msg,
    cseq: *mut lr_cseq_body,
    error: *mut lr_parse_error,
) -> lr_status {
    parsing(error, || {
        get(msg, HeaderId::CSeq, cseq, |msg, text| {
            Ok(msg.seen()?.cseq().map(|c| cseq_body(text, &c)))
        })
    })
}

/// The Call-ID (in Kamailio, the body of `sip_msg.callid`), as `lr_msg_to`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_msg_call_id(
    msg: lr_sip_msg,
    call_id: *mut lr_view,
    error: *mut lr_parse_error,
) -> lr_status {
    parsing(error, || {
        get(msg, HeaderId::CallId, call_id, |msg, text| {
            Ok(msg.seen()?.call_id().map(|id| text.view(id)))
        })
    })
}

/// Puts the next value of the headers `id`, which are one list (RFC 3261 7.3.1): what `show` makes
/// of the member at an offset of a header's value, and where it ends. Behind a malformed one the walk
/// goes on with the next header line, since the rest of its line cannot be trusted.
fn next_value<V>(
    msg: lr_sip_msg,
    id: HeaderId,
    iter: *mut lr_iter,
    out: *mut V,
    show: impl for<'a> FnOnce(Text<'a>, &'a [u8], usize) -> Result<(V, usize), HeaderError>,
) -> Parsed {
    required(out, "the output")?;
    let from = read(iter.cast_const(), "iter")?;
    with(msg, |msg| {
        let (number, line) = msg.next_line(iter, Wanted::Of(id))?;
        let text = msg.text()?;
        let list = line.value.of(text.bytes);
        let start = match (number == from.line, from.at as usize) {
            (true, comma) if list.get(comma) == Some(&b',') && comma > 0 => comma + 1,
            (true, 1..) => {
                let stray = "iter is not where this function has left it";
                return Err(Failure::invalid(stray).into());
            }
            _ => 0,
        };
        let shown = show(text, list, start);
        let more = shown.as_ref().ok().map(|(_, end)| *end).filter(|end| *end < list.len());
        put(
            iter,
            match more.and_then(|end| u32::try_from(end).ok()) {
                Some(at) => lr_iter { line: number, at },
                None => lr_iter { line: number.saturating_add(1), at: 0 },
            },
        );
        let before = msg.before().saturating_add(line.value.start);
        let (value, _) =
            shown.map_err(|e| Refusal::header(HeaderError { header: id, ..e }, before))?;
        put(out, value);
        Ok(())
    })
}

/// The next Via value of the message, the latest hop first (in Kamailio, `sip_msg.via1`, `via2` and
/// their lists). `*iter` is all 0 at first. `LR_NOT_FOUND` when there is no further one. When one is
/// malformed, `LR_MESSAGE`, the next call goes on with the next header line.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_msg_via_next(
    msg: lr_sip_msg,
    iter: *mut lr_iter,
    via: *mut lr_via_body,
    error: *mut lr_parse_error,
) -> lr_status {
    parsing(error, || {
        next_value(msg, HeaderId::Via, iter, via, |text, list, from| {
            let found = member(list, from, Via::parse)?;
            Ok((via_body(text, &found.value, found.text), found.end))
        })
    })
}

/// The next Contact value of the message (Kamailio's `parse_contact`, over all Contact headers), as
/// `lr_msg_via_next`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_msg_contact_next(
    msg: lr_sip_msg,
    iter: *mut lr_iter,
    contact: *mut lr_contact,
    error: *mut lr_parse_error,
) -> lr_status {
    parsing(error, || {
        next_value(msg, HeaderId::Contact, iter, contact, |text, list, from| {
            let found = member(list, from, Contact::parse)?;
            Ok((contact_of(text, &found.value, found.text), found.end))
        })
    })
}

/// The next address of the headers `id`, whose values are addresses: `LR_HDR_ROUTE`,
/// `LR_HDR_RECORD_ROUTE` (Kamailio's `parse_rr`), `LR_HDR_PATH`, `LR_HDR_P_ASSERTED_IDENTITY`
/// (`parse_pai_header`), `LR_HDR_REFER_TO`, `LR_HDR_DIVERSION`, and so on; as `lr_msg_via_next`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_msg_address_next(
    msg: lr_sip_msg,
    id: lr_hdr_type_raw,
    iter: *mut lr_iter,
    address: *mut lr_to_body,
    error: *mut lr_parse_error,
) -> lr_status {
    parsing(error, || {
        next_value(msg, known(id)?, iter, address, |text, list, from| {
            let found = member(list, from, NameAddr::parse)?;
            Ok((to_body(text, &found.value, found.text), found.end))
        })
    })
}
