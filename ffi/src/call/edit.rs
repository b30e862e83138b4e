//! Changing what goes out. Effective at once, on this call alone; texts are copied.

use std::ffi::c_char;

use bytes::Bytes;
use looseroute::Call;

use super::with;
use crate::boundary::{boundary, c_bytes, c_str, put};
use crate::callbacks::lr_call;
use crate::status::{Failure, Outcome, lr_error, lr_status};
use crate::uri::checked;

fn edit(call: lr_call, change: impl FnOnce(&Call)) -> Outcome {
    with(call, |cx| {
        change(&cx.call);
        Ok(())
    })
}

fn uri_of(text: *const c_char) -> Outcome<Bytes> {
    Ok(Bytes::copy_from_slice(checked(c_bytes(text, "uri")?, "uri")?))
}

/// Replaces the Request-URI of the message that goes out and of lookups. `LR_INVALID_ARGUMENT`
/// when `uri` is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_call_set_request_uri(
    call: lr_call,
    uri: *const c_char,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || {
        let uri = uri_of(uri)?;
        edit(call, |call| call.set_request_uri(uri))
    })
}

/// Sends to the host of `uri` instead of the Request-URI's. `LR_INVALID_ARGUMENT` when `uri` is
/// none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_call_set_destination(
    call: lr_call,
    uri: *const c_char,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || {
        let uri = uri_of(uri)?;
        edit(call, |call| call.set_destination(uri))
    })
}

/// Adds a branch with its own Request-URI: a relay forks to it beside the Request-URI.
/// `LR_INVALID_ARGUMENT` when `uri` is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_call_append_branch(
    call: lr_call,
    uri: *const c_char,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || {
        let uri = uri_of(uri)?;
        edit(call, |call| call.append_branch(uri))
    })
}

/// Appends a header to the message that goes out. `LR_INVALID_ARGUMENT` when the name is no token
/// or the value more than one line.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_call_append_header(
    call: lr_call,
    name: *const c_char,
    value: *const c_char,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || {
        let (name, value) = (header_name(name)?, header_value(value)?);
        edit(call, |call| call.append_header(name, value))
    })
}

/// Removes all headers called `name` from the message that goes out; `removed`, which may be NULL,
/// receives how many.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_call_remove_headers(
    call: lr_call,
    name: *const c_char,
    removed: *mut usize,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || {
        let name = header_name(name)?;
        with(call, |cx| {
            let count = cx.call.remove_headers(name);
            if !removed.is_null() {
                put(removed, count);
            }
            Ok(())
        })
    })
}

/// Appends a header to the replies made for this request. `LR_INVALID_ARGUMENT` as
/// `lr_call_append_header`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_call_append_to_reply(
    call: lr_call,
    name: *const c_char,
    value: *const c_char,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || {
        let (name, value) = (header_name(name)?, header_value(value)?);
        edit(call, |call| call.append_to_reply(name, value))
    })
}

/// A header's name: a token (RFC 3261 25.1).
fn header_name<'a>(name: *const c_char) -> Outcome<&'a str> {
    let name = c_str(name, "name")?;
    let token = |c: char| c.is_ascii_alphanumeric() || "-.!%*_+`'~".contains(c);
    if name.is_empty() || !name.chars().all(token) {
        return Err(Failure::invalid(format!("`{name}` is no name of a header")));
    }
    Ok(name)
}

/// A header's value: one line, so that nothing else can be smuggled in.
fn header_value<'a>(value: *const c_char) -> Outcome<&'a [u8]> {
    let value = c_bytes(value, "value")?;
    if value.iter().any(|b| matches!(b, b'\r' | b'\n')) {
        return Err(Failure::invalid("the value of a header is more than one line"));
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_smuggled_in_by_a_header() {
        assert_eq!(header_name(c"X-Own_1".as_ptr()).expect("a token"), "X-Own_1");
        for bad in [c"", c"A B", c"A:", c"A\r\nB"] {
            assert_eq!(
                header_name(bad.as_ptr()).unwrap_err().status,
                lr_status::LR_INVALID_ARGUMENT
            );
        }
        assert!(header_value(c"a\r\nVia: x".as_ptr()).is_err());
        assert_eq!(header_value(c"any \x01 thing".as_ptr()).expect("one line"), b"any \x01 thing");
    }
}
