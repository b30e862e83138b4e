//! Looking at the request. Views live until the callback returns.

use std::ffi::c_char;

use bytes::Bytes;
use looseroute::Message;

use super::{CallCx, with};
use crate::address::lr_address;
use crate::boundary::{boundary, c_bytes, put, required};
use crate::callbacks::lr_call;
use crate::status::{Failure, Outcome, lr_error, lr_status};
use crate::text::lr_str;

/// Puts a view of what `look` finds.
fn show(call: lr_call, out: *mut lr_str, look: impl FnOnce(&CallCx) -> Outcome<Bytes>) -> Outcome {
    required(out, "out")?;
    with(call, |cx| {
        let bytes = look(cx)?;
        put(out, cx.keep(bytes));
        Ok(())
    })
}

/// A part of the message as it came.
fn part(cx: &CallCx, find: impl FnOnce(&Message) -> Outcome<&[u8]>) -> Outcome<Bytes> {
    let state = cx.call.lock();
    let part = find(&state.msg)?;
    Ok(if part.is_empty() { Bytes::new() } else { state.msg.bytes().slice_ref(part) })
}

/// The request's method as it came, as `INVITE`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_call_method(
    call: lr_call,
    out: *mut lr_str,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || show(call, out, |cx| part(cx, |msg| Ok(msg.method_name()))))
}

/// Whether the request's method is `method`, as `REGISTER`. False when the call cannot be used
/// from here or `method` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_call_is(call: lr_call, method: *const c_char) -> bool {
    let is = |cx: &CallCx| Ok(cx.call.lock().msg.method_name() == c_bytes(method, "method")?);
    with(call, is).unwrap_or(false)
}

/// Whether the request belongs to a dialog: its To has a tag (RFC 3261 12.2). False when the call
/// cannot be used from here.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_call_in_dialog(call: lr_call) -> bool {
    with(call, |cx| Ok(cx.call.in_dialog())).unwrap_or(false)
}

/// The Request-URI as rewritten so far.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_call_request_uri(
    call: lr_call,
    out: *mut lr_str,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || show(call, out, |cx| Ok(cx.call.request_uri())))
}

/// The value of header number `index`, from 0, of those called `name`, as it came; compact forms
/// count, folded lines stay folded. `LR_NOT_FOUND` when there are not so many.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_call_header(
    call: lr_call,
    name: *const c_char,
    index: usize,
    out: *mut lr_str,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || {
        let name = c_bytes(name, "name")?;
        show(call, out, |cx| part(cx, |msg| header(msg, name, index)))
    })
}

/// The URI of the From header. `LR_NOT_FOUND` when the header is malformed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_call_from_uri(
    call: lr_call,
    out: *mut lr_str,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || show(call, out, |cx| part(cx, from_uri)))
}

/// The URI of the To header. `LR_NOT_FOUND` when the header is malformed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_call_to_uri(
    call: lr_call,
    out: *mut lr_str,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || show(call, out, |cx| part(cx, to_uri)))
}

/// The Call-ID. `LR_NOT_FOUND` when there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_call_call_id(
    call: lr_call,
    out: *mut lr_str,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || show(call, out, |cx| part(cx, call_id)))
}

/// The body as it came; empty when there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_call_body(
    call: lr_call,
    out: *mut lr_str,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || show(call, out, |cx| part(cx, |msg| Ok(msg.body()))))
}

/// Where the request came from, and over what.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_call_source(
    call: lr_call,
    address: *mut lr_address,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || {
        required(address, "address")?;
        with(call, |cx| {
            put(address, lr_address::new(cx.call.proto(), cx.call.source()));
            Ok(())
        })
    })
}

/// Who sent the request, once an authentication has proved it: the user name of the credentials
/// and their realm; `realm` may be NULL. `LR_NOT_FOUND` when nothing was proved.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_call_identity(
    call: lr_call,
    name: *mut lr_str,
    realm: *mut lr_str,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || {
        required(name, "name")?;
        with(call, |cx| {
            let unknown = || Failure::not_found("no authentication has proved who sent it");
            let identity = cx.call.identity().ok_or_else(unknown)?;
            put(name, cx.keep(identity.user));
            if !realm.is_null() {
                put(realm, cx.keep(identity.realm));
            }
            Ok(())
        })
    })
}

/// Header number `index` of those called `name`.
pub(crate) fn header<'a>(msg: &'a Message, name: &[u8], index: usize) -> Outcome<&'a [u8]> {
    let span = msg.headers_named(name).nth(index).map(|h| h.value_span);
    span.map(|span| msg.slice(span)).ok_or_else(|| {
        let name = String::from_utf8_lossy(name);
        Failure::not_found(format!("the request has no {name} header number {index}"))
    })
}

/// The From URI.
pub(crate) fn from_uri(msg: &Message) -> Outcome<&[u8]> {
    msg.from().map(|a| a.uri).map_err(|e| Failure::not_found(e.to_string()))
}

/// The To URI.
pub(crate) fn to_uri(msg: &Message) -> Outcome<&[u8]> {
    msg.to().map(|a| a.uri).map_err(|e| Failure::not_found(e.to_string()))
}

/// The Call-ID.
pub(crate) fn call_id(msg: &Message) -> Outcome<&[u8]> {
    msg.call_id().map_err(|e| Failure::not_found(e.to_string()))
}
