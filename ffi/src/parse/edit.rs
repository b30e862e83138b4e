//! Edits of a message for C, and writing it out with them. Bytes that no edit touches survive
//! exactly; the message that is read stays as it came.

use std::ffi::c_char;

use looseroute::Message;
use looseroute::parser::{HeaderId, Patch, Span, Uri};

use super::error::{Parsed, Refusal, lr_parse_error, parsing};
use super::header_id::lr_hdr_type_raw;
use super::lines::known;
use super::message::{SipMsg, lr_sip_msg, with};
use super::view::lr_view;
use crate::boundary::{array, c_bytes, put, required};
use crate::status::{Failure, Outcome, lr_status};

/// The most edits of one message.
pub const LR_MAX_EDITS: usize = 1024;

/// Makes edits that put in `adds` bytes, within the bounds; `make` answers how many it has made.
fn edit(
    msg: lr_sip_msg,
    adds: usize,
    make: impl FnOnce(&Message, &mut Patch) -> Parsed<usize>,
) -> Parsed {
    with(msg, |msg| {
        let most = msg.limits().head.saturating_add(msg.limits().body);
        let bytes = msg.edit_bytes.saturating_add(adds);
        if msg.edits >= LR_MAX_EDITS || bytes > most {
            let what = "there are too many edits, or they put in more than a message may have";
            return Err(Failure::new(lr_status::LR_LIMIT, what).into());
        }
        let (message, patch) = msg.editable()?;
        msg.edits += make(message, patch)?;
        msg.edit_bytes = bytes;
        Ok(())
    })
}

/// The span of a view in the message.
fn span(msg: &SipMsg, view: lr_view, len: usize) -> Outcome<Span> {
    let stray = || Failure::invalid("view does not lie in the message");
    let start = view.offset.checked_sub(msg.before()).ok_or_else(stray)?;
    let end = start.checked_add(view.len).ok_or_else(stray)?;
    if end as usize > len { Err(stray()) } else { Ok(Span::new(start, end)) }
}

/// [`span`], the message being read to its end.
fn span_in(msg: lr_sip_msg, view: lr_view) -> Parsed<Span> {
    with(msg, |msg| {
        let len = msg.whole()?.bytes().len();
        Ok(span(msg, view, len)?)
    })
}

/// A name that can stand before the colon of a header.
fn name_of<'a>(name: *const c_char) -> Outcome<&'a str> {
    let bytes = c_bytes(name, "name")?;
    let token = |b: &u8| b.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(b);
    match std::str::from_utf8(bytes) {
        Ok(name) if !name.is_empty() && bytes.iter().all(token) => Ok(name),
        _ => Err(Failure::invalid("name is no header name")),
    }
}

/// A value that cannot end its header.
fn value_of<'a>(value: *const c_char, len: usize) -> Outcome<&'a [u8]> {
    let value = array(value.cast::<u8>(), len, "value")?;
    if value.iter().any(|b| matches!(b, b'\r' | b'\n' | 0)) {
        return Err(Failure::invalid("value holds a line end or a NUL"));
    }
    Ok(value)
}

/// Puts the `len` bytes at `bytes` before the byte at `offset`, behind what was put there before
/// (Kamailio's `anchor_lump` with `insert_new_lump_after`). The offsets are those of the message as
/// it came, here and below. The bytes are copied, and stand for themselves: nothing is added.
/// `LR_INVALID_ARGUMENT` when the offset does not lie in the message, `LR_LIMIT` at `LR_MAX_EDITS`,
/// `LR_MESSAGE` when the message is malformed as a whole.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_msg_insert(
    msg: lr_sip_msg,
    offset: u32,
    bytes: *const c_char,
    len: usize,
    error: *mut lr_parse_error,
) -> lr_status {
    parsing(error, || {
        let bytes = array(bytes.cast::<u8>(), len, "bytes")?;
        let at = span_in(msg, lr_view { offset, len: 0 })?.start;
        edit(msg, len, |_, patch| {
            patch.insert(at, bytes);
            Ok(1)
        })
    })
}

/// Puts the `len` bytes at `bytes` in the place of a view of the message, such as a header's `body`
/// (Kamailio's `del_lump` with `insert_new_lump_after`), as `lr_msg_insert`. When the same view is
/// replaced again, the last one counts.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_msg_replace(
    msg: lr_sip_msg,
    view: lr_view,
    bytes: *const c_char,
    len: usize,
    error: *mut lr_parse_error,
) -> lr_status {
    parsing(error, || {
        let bytes = array(bytes.cast::<u8>(), len, "bytes")?;
        let place = span_in(msg, view)?;
        edit(msg, len, |_, patch| {
            patch.set(place, bytes);
            Ok(1)
        })
    })
}

/// Leaves out a view of the message, such as a header's `line` (Kamailio's `del_lump`), as
/// `lr_msg_insert`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_msg_remove(
    msg: lr_sip_msg,
    view: lr_view,
    error: *mut lr_parse_error,
) -> lr_status {
    parsing(error, || {
        let place = span_in(msg, view)?;
        edit(msg, 0, |_, patch| {
            patch.remove(place);
            Ok(1)
        })
    })
}

/// Adds a header behind the last one (Kamailio's `append_hf`). `LR_INVALID_ARGUMENT` when the name is
/// no token or the value, `len` bytes, holds a line end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_msg_append_header(
    msg: lr_sip_msg,
    name: *const c_char,
    value: *const c_char,
    len: usize,
    error: *mut lr_parse_error,
) -> lr_status {
    parsing(error, || {
        let (name, value) = (name_of(name)?, value_of(value, len)?);
        edit(msg, added(name, value), |message, patch| {
            patch.append_header(message, name, value);
            Ok(1)
        })
    })
}

/// Adds a header before the first one of the same identity, behind the start line when there is none
/// (Kamailio's `insert_hf` with a header's name): how Via, Route and Record-Route are put on.
/// Otherwise as `lr_msg_append_header`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_msg_insert_header(
    msg: lr_sip_msg,
    name: *const c_char,
    value: *const c_char,
    len: usize,
    error: *mut lr_parse_error,
) -> lr_status {
    parsing(error, || {
        let (name, value) = (name_of(name)?, value_of(value, len)?);
        let id = HeaderId::from_name(name.as_bytes());
        edit(msg, added(name, value), |message, patch| {
            if id != HeaderId::Other {
                patch.add_before_first(message, id, name, value);
                return Ok(1);
            }
            // All unknown headers are one identity: the first of this very name is looked for.
            let first = message.headers_named(name.as_bytes()).next().map(|h| h.span.start);
            let at = first.unwrap_or(message.start_line_end());
            patch.insert_with(at, |out| {
                for part in [name.as_bytes(), b": ", value, b"\r\n"] {
                    out.extend_from_slice(part);
                }
            });
            Ok(1)
        })
    })
}

fn added(name: &str, value: &[u8]) -> usize {
    name.len().saturating_add(value.len()).saturating_add(4)
}

/// Leaves out all headers of that name (Kamailio's `remove_hf`), compact form or not; `count`, which
/// may be NULL, receives how many.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_msg_remove_headers(
    msg: lr_sip_msg,
    name: *const c_char,
    count: *mut usize,
    error: *mut lr_parse_error,
) -> lr_status {
    parsing(error, || {
        let name = c_bytes(name, "name")?;
        let mut removed = 0;
        edit(msg, 0, |message, patch| {
            for header in message.headers_named(name) {
                patch.remove_header(&header);
                removed += 1;
            }
            Ok(removed)
        })?;
        if !count.is_null() {
            put(count, removed);
        }
        Ok(())
    })
}

/// Leaves out one value of a comma list of the headers `id`, such as the `body` of an lr_via_body or
/// lr_to_body: with its comma while others stay, with the whole header when none does (in Kamailio,
/// what `remove_hf_value` does). `LR_NOT_FOUND` when no such header holds it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_msg_remove_value(
    msg: lr_sip_msg,
    id: lr_hdr_type_raw,
    value: lr_view,
    error: *mut lr_parse_error,
) -> lr_status {
    parsing(error, || {
        let id = known(id)?;
        let place = span_in(msg, value)?;
        edit(msg, 0, |message, patch| {
            let holds = |s: Span| s.start <= place.start && place.end <= s.end && !place.is_empty();
            if !message.headers_of(id).any(|h| holds(h.value_span)) {
                return Err(Failure::not_found("no such header holds that value").into());
            }
            patch.remove_value(message, id, place);
            Ok(1)
        })
    })
}

/// Puts a URI, `len` bytes, in the place of the Request-URI (Kamailio's `rewrite_uri`); the last one
/// counts. `LR_MESSAGE` when it is malformed, `LR_STATE` when the message is a response.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_msg_set_uri(
    msg: lr_sip_msg,
    uri: *const c_char,
    len: usize,
    error: *mut lr_parse_error,
) -> lr_status {
    parsing(error, || {
        let uri = array(uri.cast::<u8>(), len, "uri")?;
        Uri::parse(uri).map_err(|e| Refusal::uri(e, 0))?;
        edit(msg, len, |message, patch| {
            if !message.is_request() {
                return Err(Failure::new(lr_status::LR_STATE, "it is a response").into());
            }
            patch.set(message.request_uri_span(), uri);
            Ok(1)
        })
    })
}

/// Puts `len` bytes in the place of the body (in Kamailio, what `set_body` does, but Content-Type is
/// left alone); the last ones count. Content-Length is made to fit when the message is written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_msg_set_body(
    msg: lr_sip_msg,
    body: *const c_char,
    len: usize,
    error: *mut lr_parse_error,
) -> lr_status {
    parsing(error, || {
        let body = array(body.cast::<u8>(), len, "body")?;
        edit(msg, len, |message, patch| {
            patch.set_body(message, body);
            Ok(1)
        })
    })
}

/// Forgets all edits (in Kamailio, emptying the list `add_rm`).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_msg_clear_edits(
    msg: lr_sip_msg,
    error: *mut lr_parse_error,
) -> lr_status {
    parsing(error, || {
        with(msg, |msg| {
            msg.forget_edits();
            Ok(())
        })
    })
}

/// Writes the message with its edits into the program's buffer of `size` bytes (Kamailio's
/// `build_req_buf_from_sip_req`, without what a proxy adds). `*len` receives how many bytes it has;
/// also when they are more than `size`, which is `LR_LIMIT`, and nothing is written then. `buffer`
/// may be NULL when `size` is 0. Without edits, these are the bytes of the message as they came.
/// Whether what the edits put in makes sense is told by `lr_parse_msg` of the result.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_msg_write(
    msg: lr_sip_msg,
    buffer: *mut c_char,
    size: usize,
    len: *mut usize,
    error: *mut lr_parse_error,
) -> lr_status {
    parsing(error, || {
        required(len, "len")?;
        if size > 0 {
            required(buffer, "buffer")?;
        }
        with(msg, |msg| {
            let needed = written_len(msg)?;
            put(len, needed);
            if needed > size {
                let text = format!("the message has {needed} bytes, the buffer {size}");
                return Err(Failure::new(lr_status::LR_LIMIT, text).into());
            }
            let mut out = std::mem::take(&mut msg.written);
            out.clear();
            let (message, patch) = msg.editable()?;
            patch.write(message, &mut out);
            // The two above agree by construction; the copy relies on neither.
            let fits = out.len().min(size);
            // SAFETY: `buffer` is not NULL and has `size` bytes, by the condition on the caller.
            unsafe { std::ptr::copy_nonoverlapping(out.as_ptr(), buffer.cast::<u8>(), fits) };
            msg.written = out;
            Ok(())
        })
    })
}

fn written_len(msg: &mut SipMsg) -> Parsed<usize> {
    let (message, patch) = msg.editable()?;
    Ok(patch.written_len(message))
}
