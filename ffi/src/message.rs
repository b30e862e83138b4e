//! Messages that the host keeps beyond a callback.

use std::ffi::c_char;
use std::sync::Arc;

use looseroute::Message;

use crate::boundary::{boundary, c_bytes, put, required};
use crate::call::{self, call_id, from_uri, header, to_uri};
use crate::callbacks::lr_call;
use crate::status::{Failure, Outcome, lr_error, lr_status};
use crate::table::{Object, TABLE};
use crate::text::lr_str;

/// A message that the program owns, as it came, as a 64-bit id checked by generation. Made by
/// `lr_call_retain`, freed by `lr_message_free`; usable from any thread and after the engine's end.
pub type lr_message = u64;

/// Keeps the request, as it came, beyond the callback. The caller frees it with `lr_message_free`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_call_retain(
    call: lr_call,
    message: *mut lr_message,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || {
        required(message, "message")?;
        let kept = call::message(call)?;
        let full = || Failure::new(lr_status::LR_LIMIT, "too many messages are retained");
        // Spread by the call's id, as calls are.
        let shard = call as usize;
        let id = TABLE.insert(shard, Object::Message(Arc::new(kept))).ok_or_else(full)?;
        put(message, id);
        Ok(())
    })
}

/// Frees a message; views of it end. `LR_GONE` when it was freed before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_message_free(message: lr_message) -> lr_status {
    boundary(std::ptr::null_mut(), || {
        let removed = TABLE.remove(message, |object| matches!(object, Object::Message(_)));
        removed.map(drop).ok_or_else(|| Failure::gone("the message was freed before"))
    })
}

/// Puts a view of what `find` finds.
fn show(
    message: lr_message,
    out: *mut lr_str,
    find: impl FnOnce(&Message) -> Outcome<&[u8]>,
) -> Outcome {
    required(out, "out")?;
    let Some(Object::Message(message)) = TABLE.get(message) else {
        return Err(Failure::gone("the message was freed, or is none"));
    };
    // A slice of the message's buffer, which stays where it is until the message is freed.
    put(out, lr_str::of(find(&message)?));
    Ok(())
}

/// The whole message as it came. The view lives until the message is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_message_bytes(
    message: lr_message,
    out: *mut lr_str,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || show(message, out, |msg| Ok(msg.bytes())))
}

/// The method. The view lives until the message is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_message_method(
    message: lr_message,
    out: *mut lr_str,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || show(message, out, |msg| Ok(msg.method_name())))
}

/// The Request-URI as it came. The view lives until the message is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_message_request_uri(
    message: lr_message,
    out: *mut lr_str,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || show(message, out, |msg| Ok(msg.request_uri())))
}

/// The value of header number `index`, from 0, of those called `name`, as `lr_call_header`. The
/// view lives until the message is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_message_header(
    message: lr_message,
    name: *const c_char,
    index: usize,
    out: *mut lr_str,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || {
        let name = c_bytes(name, "name")?;
        show(message, out, |msg| header(msg, name, index))
    })
}

/// The URI of the From header. The view lives until the message is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_message_from_uri(
    message: lr_message,
    out: *mut lr_str,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || show(message, out, from_uri))
}

/// The URI of the To header. The view lives until the message is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_message_to_uri(
    message: lr_message,
    out: *mut lr_str,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || show(message, out, to_uri))
}

/// The Call-ID. The view lives until the message is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_message_call_id(
    message: lr_message,
    out: *mut lr_str,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || show(message, out, call_id))
}

/// The body; empty when there is none. The view lives until the message is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_message_body(
    message: lr_message,
    out: *mut lr_str,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || show(message, out, |msg| Ok(msg.body())))
}
