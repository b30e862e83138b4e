//! Actions that may wait. All have one shape: they are queued and answer at once; they are
//! performed in the order in which they were asked for, on the call's worker, after the callback
//! that asked has returned; then `on_done` is told.

use std::ffi::{c_char, c_void};
use std::time::Duration;

use bytes::Bytes;
use looseroute::parser::reason_phrase;

use super::queue::{Then, Wanted};
use super::with;
use crate::boundary::{array, boundary, c_bytes, c_str};
use crate::callbacks::{lr_call, lr_done_cb};
use crate::status::{Failure, Outcome, lr_error, lr_status};
use crate::value::{lr_value, own};

fn ask(call: lr_call, wanted: Wanted, on_done: lr_done_cb, user: *mut c_void) -> Outcome {
    with(call, |cx| cx.queue(wanted, Then::done(on_done, user)))
}

/// Answers the request with a `code` from 100 to 699 and a `reason` of one line (NULL: the usual
/// one). As all actions it is performed after the callback has returned; `on_done` may be NULL,
/// and then a failure ends the route: the request gets the answer it deserves, the actions queued
/// behind are not performed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_call_reply(
    call: lr_call,
    code: u32,
    reason: *const c_char,
    on_done: lr_done_cb,
    user: *mut c_void,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || {
        let code = u16::try_from(code).ok().filter(|code| (100..=699).contains(code));
        let code = code.ok_or_else(|| Failure::invalid("a code is from 100 to 699"))?;
        let reason = match reason.is_null() {
            true => reason_phrase(code),
            false => c_str(reason, "reason")?,
        };
        if reason.contains(|c: char| c.is_ascii_control()) {
            return Err(Failure::invalid("the reason is more than one line"));
        }
        let reason = reason.to_owned();
        ask(call, Wanted::Reply { code, reason }, on_done, user)
    })
}

/// Relays the request to its branches, or to its Request-URI if it has none: makes the
/// transaction, forks, and forwards what comes back. An ACK is forwarded without a transaction; a
/// CANCEL cancels what its INVITE has under way. `on_done` is told once the request is on its way.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_call_relay(
    call: lr_call,
    on_done: lr_done_cb,
    user: *mut c_void,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || ask(call, Wanted::Relay, on_done, user))
}

/// Forwards the request without a transaction.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_call_forward(
    call: lr_call,
    on_done: lr_done_cb,
    user: *mut c_void,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || ask(call, Wanted::Forward, on_done, user))
}

/// Stores the contacts of a REGISTER in `table` (as `location`) and answers it. The value is 0
/// when it was refused; the refusal was sent.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_call_save(
    call: lr_call,
    table: *const c_char,
    on_done: lr_done_cb,
    user: *mut c_void,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || {
        let table = Bytes::copy_from_slice(c_bytes(table, "table")?);
        ask(call, Wanted::Save(table), on_done, user)
    })
}

/// Replaces the Request-URI by the contacts registered for it in `table` (as `location`). The
/// value is 0 when there are none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_call_lookup(
    call: lr_call,
    table: *const c_char,
    on_done: lr_done_cb,
    user: *mut c_void,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || {
        let table = Bytes::copy_from_slice(c_bytes(table, "table")?);
        ask(call, Wanted::Lookup(table), on_done, user)
    })
}

/// Proves that the request comes from an account of `realm`, or challenges it with a 401. The
/// value is 0 when the answer was sent.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_call_www_authenticate(
    call: lr_call,
    realm: *const c_char,
    on_done: lr_done_cb,
    user: *mut c_void,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || {
        let realm = c_str(realm, "realm")?.to_owned();
        ask(call, Wanted::WwwAuthenticate(realm), on_done, user)
    })
}

/// As `lr_call_www_authenticate` with a 407, for requests that are to be relayed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_call_proxy_authenticate(
    call: lr_call,
    realm: *const c_char,
    on_done: lr_done_cb,
    user: *mut c_void,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || {
        let realm = c_str(realm, "realm")?.to_owned();
        ask(call, Wanted::ProxyAuthenticate(realm), on_done, user)
    })
}

/// Adds a Record-Route, so that the dialog's later requests come through here.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_call_record_route(
    call: lr_call,
    on_done: lr_done_cb,
    user: *mut c_void,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || ask(call, Wanted::RecordRoute, on_done, user))
}

/// Follows the Route headers. The value is 1 when the first of them is ours (or the Request-URI,
/// where a strict router has put it), so that the request was led through here; 0, and nothing is
/// followed, when it is not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_call_loose_route(
    call: lr_call,
    on_done: lr_done_cb,
    user: *mut c_void,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || ask(call, Wanted::LooseRoute, on_done, user))
}

/// Checks Max-Forwards, which is set to `limit` when the request has none. The value is 0 when it
/// was used up; the 483 was sent.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_call_max_forwards(
    call: lr_call,
    limit: u8,
    on_done: lr_done_cb,
    user: *mut c_void,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || ask(call, Wanted::MaxForwards(limit), on_done, user))
}

/// The value is 1 when the Request-URI's host means this engine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_call_is_myself(
    call: lr_call,
    on_done: lr_done_cb,
    user: *mut c_void,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || ask(call, Wanted::IsMyself, on_done, user))
}

/// Goes on after `ms` milliseconds; the worker serves others meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_call_pause(
    call: lr_call,
    ms: u64,
    on_done: lr_done_cb,
    user: *mut c_void,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || ask(call, Wanted::Pause(Duration::from_millis(ms)), on_done, user))
}

/// Runs the function `name` of a module, with `count` arguments at `args` (NULL when there are
/// none), which are copied. The value is the function's own: above 0 is true. Whether there is
/// such a function, and whether the arguments fit, is told to `on_done`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_call_function(
    call: lr_call,
    name: *const c_char,
    args: *const lr_value,
    count: usize,
    on_done: lr_done_cb,
    user: *mut c_void,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || {
        let name = c_str(name, "name")?.to_owned();
        let args = array(args, count, "args")?;
        let args = (1..).zip(args).map(|(at, arg)| own(arg, at)).collect::<Outcome<_>>()?;
        ask(call, Wanted::Function { name, args }, on_done, user)
    })
}
