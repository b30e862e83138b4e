//! The types of C's callbacks, and the user data that goes with each.

use std::ffi::{c_char, c_void};

use smallvec::SmallVec;

use looseroute::module_api::log::Record;
use looseroute::{Event, Level};

use crate::boundary::c_bytes;
use crate::engine::lr_engine;
use crate::frames;
use crate::status::{Failure, Outcome, lr_status_raw};
use crate::text::{lr_str, terminated};
use crate::value::{lr_value, view};

/// One request on its way through a route, as a 64-bit id checked by generation. Good from the
/// routing callback on until the route has ended, and then `LR_GONE`; usable only within the
/// callbacks of that very call.
pub type lr_call = u64;

/// The routing callback: every request enters here, on the worker that received it, **possibly on
/// several workers at once**. It must not block. It looks at the request, asks for actions, and
/// returns; the actions it asked for are then performed in order.
///
/// Answer `LR_OK` when all is said, `LR_PENDING` when `lr_call_pending` was called, and any other
/// status to have the request answered with a 500 and the status logged.
pub type lr_route_cb = Option<
    unsafe extern "C" fn(engine: *mut lr_engine, call: lr_call, user: *mut c_void) -> lr_status_raw,
>;

/// Called exactly once when an action is done, on the call's worker, never from within the
/// function that asked for it and never under a lock. It may ask for further actions.
///
/// `status` is `LR_OK` or why the action failed, with `detail` in English (never NULL; good until
/// the callback returns). `value` is what the action came to: 1 for done or true, 0 for false; for
/// `lr_call_function` the function's own number; after a failure the code of the answer that the
/// request deserves, which was not sent. With `LR_GONE` the route ended before or while the action
/// was performed, and `call` can no longer be used.
pub type lr_done_cb = Option<
    unsafe extern "C" fn(
        call: lr_call,
        status: lr_status_raw,
        value: i64,
        detail: *const c_char,
        user: *mut c_void,
    ),
>;

/// Called exactly once when a wait of the host ends, on the call's worker. `status` is `LR_OK`
/// with the `value` of `lr_engine_resume`, `LR_TIMEOUT` after the deadline, `LR_SHUTDOWN`, or
/// `LR_GONE` when the route ended before it came to wait; without `LR_OK` the value is the code of
/// the answer that the request deserves. It may ask for further actions.
pub type lr_resume_cb = Option<
    unsafe extern "C" fn(call: lr_call, status: lr_status_raw, value: i64, user: *mut c_void),
>;

/// How serious a log record is; Kamailio's numbers.
#[repr(i32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum lr_log_level {
    /// The engine must stop.
    LR_LOG_CRITICAL = -2,
    /// Something failed that an operator must mend.
    LR_LOG_ERROR = -1,
    /// Something is wrong but was handled.
    LR_LOG_WARNING = 1,
    /// Normal but worth a line.
    LR_LOG_NOTICE = 2,
    /// One line an event.
    LR_LOG_INFO = 3,
    /// For developers.
    LR_LOG_DEBUG = 4,
}

/// As C hands an lr_log_level in: any number may come.
pub type lr_log_level_raw = i32;

/// Takes one log record: its level (an `lr_log_level`), the module it is of and a line of text,
/// both good until the callback returns. **Possibly on several workers at once.** It must not
/// block.
pub type lr_log_cb = Option<
    unsafe extern "C" fn(
        level: lr_log_level_raw,
        module: *const c_char,
        text: *const c_char,
        user: *mut c_void,
    ),
>;

/// A field of an event.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lr_event_field {
    /// Its name.
    pub name: lr_str,
    /// Its value.
    pub value: lr_value,
}

/// An event of the engine, as `usrloc:contact-expired`. It and its texts are good until the
/// callback returns.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lr_event {
    /// Its name.
    pub name: lr_str,
    /// Its fields.
    pub fields: *const lr_event_field,
    /// How many.
    pub count: usize,
}

/// Takes one event. **Possibly on several workers at once.** It must not block, and cannot act on
/// the call that caused the event.
pub type lr_event_cb = Option<unsafe extern "C" fn(event: *const lr_event, user: *mut c_void)>;

/// Called from any thread when another thread has left something for the engine: tell the thread
/// that drives it. It must not drive the engine itself.
pub type lr_wakeup_cb = Option<unsafe extern "C" fn(user: *mut c_void)>;

/// Whether the event is called `name`. False when either is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_event_is(event: *const lr_event, name: *const c_char) -> bool {
    let Ok(event) = crate::boundary::read(event, "event") else { return false };
    let name = c_bytes(name, "name");
    name.is_ok_and(|name| event.name.bytes("name").is_ok_and(|own| own == name))
}

/// The text of the field `name`; empty when there is no such field or it holds an integer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_event_text(event: *const lr_event, name: *const c_char) -> lr_str {
    field(event, name).map_or(lr_str::of(b""), |value| value.text)
}

/// The integer of the field `name`; 0 when there is no such field or it holds a text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_event_int(event: *const lr_event, name: *const c_char) -> i64 {
    field(event, name).map_or(0, |value| value.number)
}

fn field(event: *const lr_event, name: *const c_char) -> Outcome<lr_value> {
    let event = crate::boundary::read(event, "event")?;
    let name = c_bytes(name, "name")?;
    let fields = crate::boundary::array(event.fields, event.count, "fields")?;
    let found = fields.iter().find(|f| f.name.bytes("name").is_ok_and(|own| own == name));
    found.map(|f| f.value).ok_or_else(|| Failure::not_found("the event has no such field"))
}

/// What the host gave to get back. The library never looks into it.
#[derive(Clone, Copy)]
pub(crate) struct User(*mut c_void);

// SAFETY: the pointer is only handed back to the host's callbacks; the header says on which
// threads they run, and the host answers for what it points to.
unsafe impl Send for User {}
// SAFETY: as above.
unsafe impl Sync for User {}

impl User {
    pub(crate) const fn new(user: *mut c_void) -> Self {
        Self(user)
    }

    pub(crate) const fn get(self) -> *mut c_void {
        self.0
    }
}

/// A callback that must not be NULL.
pub(crate) fn wanted<F>(callback: Option<F>) -> Outcome<F> {
    callback.ok_or_else(|| Failure::null("the callback"))
}

/// The engine's log sink for C's callback.
pub(crate) fn log_sink(
    callback: unsafe extern "C" fn(lr_log_level_raw, *const c_char, *const c_char, *mut c_void),
    user: User,
    engine: usize,
) -> impl Fn(&Record) + Send + Sync + 'static {
    move |record| {
        let module = terminated(record.module);
        let text = terminated(record.text.as_str());
        let level = record.level as lr_log_level_raw;
        frames::enter(engine, None, || {
            // SAFETY: the host's function of this signature; both texts live until it returns.
            unsafe { callback(level, module.as_ptr(), text.as_ptr(), user.get()) }
        });
    }
}

/// The engine's observer for C's callback.
pub(crate) fn observer(
    callback: unsafe extern "C" fn(*const lr_event, *mut c_void),
    user: User,
    engine: usize,
) -> impl Fn(&Event) + Send + Sync + 'static {
    move |event| {
        let fields: SmallVec<[lr_event_field; 8]> = event
            .fields
            .iter()
            .map(|(name, value)| lr_event_field {
                name: lr_str::of(name.as_bytes()),
                value: view(value),
            })
            .collect();
        let name = lr_str::of(event.name.as_bytes());
        let over = lr_event { name, fields: fields.as_ptr(), count: fields.len() };
        frames::enter(engine, None, || {
            // SAFETY: the host's function of this signature; the event lives until it returns.
            unsafe { callback(&raw const over, user.get()) }
        });
    }
}

/// The engine's wake-up for C's callback.
pub(crate) fn wakeup(
    callback: unsafe extern "C" fn(*mut c_void),
    user: User,
    engine: usize,
) -> impl Fn() + Send + Sync + 'static {
    move || {
        frames::enter(engine, None, || {
            // SAFETY: the host's function of this signature.
            unsafe { callback(user.get()) }
        });
    }
}

/// The level that C means.
pub(crate) fn level(raw: lr_log_level_raw) -> Outcome<Level> {
    [Level::Critical, Level::Error, Level::Warning, Level::Notice, Level::Info, Level::Debug]
        .into_iter()
        .find(|level| *level as i32 == raw)
        .ok_or_else(|| Failure::invalid(format!("{raw} is no log level")))
}
