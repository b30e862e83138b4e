//! The host's own wait.

use std::ffi::c_void;
use std::time::Duration;

use super::queue::{Then, Wanted};
use super::with;
use crate::boundary::{boundary, put, required};
use crate::callbacks::{User, lr_call, lr_resume_cb, wanted};
use crate::status::{Failure, lr_error, lr_status};

/// Lets the call wait for the program: `token` receives what `lr_engine_resume` takes, from any
/// thread, and `on_resume` is called with the value it is given. The wait has its place in the
/// order of the actions, and a resume that comes earlier is kept for it; `deadline_ms`
/// milliseconds (at least 1) after it has come to it `on_resume` is called with `LR_TIMEOUT`.
/// Meanwhile the worker serves others and retransmissions of the request are absorbed. From the
/// routing callback, answer `LR_PENDING` afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_call_pending(
    call: lr_call,
    deadline_ms: u64,
    on_resume: lr_resume_cb,
    user: *mut c_void,
    token: *mut u64,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || {
        let on_resume = wanted(on_resume)?;
        required(token, "token")?;
        if deadline_ms == 0 {
            return Err(Failure::invalid("a wait has a deadline of at least 1 ms"));
        }
        with(call, |cx| {
            let wait = cx.call.external_wait(Duration::from_millis(deadline_ms));
            let number = wait.token().0;
            cx.queue(Wanted::Wait(wait), Then::Resume(on_resume, User::new(user)))?;
            put(token, number);
            Ok(())
        })
    })
}
