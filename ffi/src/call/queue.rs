//! What a call may ask for, whom to tell, and the performing.

use std::ffi::{CStr, CString, c_char, c_void};
use std::time::Duration;

use bytes::Bytes;
use looseroute::module_api::value::Args;
use looseroute::{Action, ActionResult, Actions, Call, ExternalWait, Value};

use super::truth;
use crate::callbacks::{User, lr_call};
use crate::status::{Failure, lr_status, lr_status_raw};
use crate::text::terminated;

/// An action and whom to tell.
pub(super) struct Queued {
    pub(super) wanted: Wanted,
    pub(super) then: Then,
}

impl Queued {
    pub(super) const fn is_wait(&self) -> bool {
        matches!(self.wanted, Wanted::Wait(_))
    }
}

/// An action.
pub(super) enum Wanted {
    Reply { code: u16, reason: String },
    Relay,
    Forward,
    Save(Bytes),
    Lookup(Bytes),
    WwwAuthenticate(String),
    ProxyAuthenticate(String),
    RecordRoute,
    LooseRoute,
    MaxForwards(u8),
    IsMyself,
    Pause(Duration),
    Function { name: String, args: Args },
    Wait(ExternalWait),
}

/// Performs an action.
pub(super) async fn perform(call: &Call, wanted: Wanted) -> ActionResult {
    match wanted {
        Wanted::Reply { code, reason } => call.reply(code, &reason).await.map(|()| truth(true)),
        Wanted::Relay => call.relay().await.map(|()| truth(true)),
        Wanted::Forward => call.forward().await.map(|()| truth(true)),
        Wanted::Save(table) => positive(function(call, "save", table).await),
        Wanted::Lookup(table) => positive(function(call, "lookup", table).await),
        Wanted::WwwAuthenticate(realm) => call.www_authenticate(&realm).await.map(truth),
        Wanted::ProxyAuthenticate(realm) => call.proxy_authenticate(&realm).await.map(truth),
        Wanted::RecordRoute => call.record_route().await.map(|()| truth(true)),
        Wanted::LooseRoute => call.loose_route().await.map(truth),
        Wanted::MaxForwards(limit) => call.max_forwards(limit).await.map(truth),
        Wanted::IsMyself => call.is_myself().await.map(truth),
        Wanted::Pause(time) => call.pause(time).await.map(|()| truth(true)),
        Wanted::Function { name, args } => call.perform(Action::Named { name, args }).await,
        Wanted::Wait(wait) => wait.await,
    }
}

fn function(call: &Call, name: &'static str, argument: Bytes) -> looseroute::ActionFuture {
    call.function(name, [Value::Str(argument)])
}

fn positive(result: ActionResult) -> ActionResult {
    result.map(|value| truth(value.as_int().unwrap_or(0) > 0))
}

type DoneFn = unsafe extern "C" fn(lr_call, lr_status_raw, i64, *const c_char, *mut c_void);
type ResumeFn = unsafe extern "C" fn(lr_call, lr_status_raw, i64, *mut c_void);

/// Whom to tell.
pub(super) enum Then {
    Nobody,
    Done(DoneFn, User),
    Resume(ResumeFn, User),
}

impl Then {
    /// From an optional callback of C's.
    pub(super) fn done(callback: Option<DoneFn>, user: *mut c_void) -> Self {
        callback.map_or(Self::Nobody, |callback| Self::Done(callback, User::new(user)))
    }

    /// Calls back. Within a frame of the call or of its engine.
    pub(super) fn tell(self, call: lr_call, result: Result<i64, Failure>) {
        let (status, value, text) = match result {
            Ok(value) => (lr_status::LR_OK, value, None),
            Err(failure) => {
                let text = terminated(failure.text.into_owned());
                (failure.status, i64::from(failure.code), Some(text))
            }
        };
        let status = status as lr_status_raw;
        match self {
            Self::Nobody => {}
            Self::Done(callback, user) => {
                let detail: &CStr = text.as_ref().map_or(c"", CString::as_c_str);
                // SAFETY: the host's function of this signature; the detail lives until it returns.
                unsafe { callback(call, status, value, detail.as_ptr(), user.get()) }
            }
            // SAFETY: the host's function of this signature.
            Self::Resume(callback, user) => unsafe { callback(call, status, value, user.get()) },
        }
    }
}
