//! The one result of every function, and the optional detail beside it.

use std::borrow::Cow;
use std::ffi::{CStr, c_char};

use looseroute::{ActionError, EngineError, InputError, ParamError, WaitGone};

/// What a function answers. The numbers are fixed: a number is never given another meaning, and
/// later versions may answer more of them.
#[repr(i32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum lr_status {
    /// Done.
    LR_OK = 0,
    /// Only answered by a routing callback: the call waits for the host. Not an error.
    LR_PENDING = 1,
    /// The handle is of something that has ended: a freed engine, a call whose route is over, a
    /// wait that was resumed before or has met its deadline.
    LR_GONE = 2,
    /// An argument is malformed or out of range.
    LR_INVALID_ARGUMENT = 3,
    /// A pointer that must not be NULL is NULL.
    LR_NULL = 4,
    /// There is nothing to take now; or a lock is held, and the call was not to wait for it or came
    /// from a worker, which never waits. Not an error.
    LR_WOULD_BLOCK = 5,
    /// The call is alive, but this is not one of its callbacks; or an engine was to be driven,
    /// ended or freed from within one of its own callbacks; or a lock was to be released by a
    /// thread that does not hold it.
    LR_WRONG_THREAD = 6,
    /// The address, port or path is in use by another engine or program.
    LR_IN_USE = 7,
    /// There is no such function, command, parameter, statistic, header or listener.
    LR_NOT_FOUND = 8,
    /// The call does not fit the engine's state or the way it is driven.
    LR_STATE = 9,
    /// A bound was met.
    LR_LIMIT = 10,
    /// A mistake of the library: a panic was stopped at the boundary. The engine goes on.
    LR_PANIC = 11,
    /// A mistake of the library, of another kind.
    LR_INTERNAL = 12,
    /// The deadline has passed.
    LR_TIMEOUT = 13,
    /// The engine is shutting down.
    LR_SHUTDOWN = 14,
    /// The operating system refused; the detail says what.
    LR_SYSTEM = 15,
    /// The SIP message is not what the action needs.
    LR_MESSAGE = 16,
    /// The transaction refused: already answered, gone, no target.
    LR_TRANSACTION = 17,
    /// A module refused, for a reason of its own that the detail tells.
    LR_MODULE = 18,
    /// The request cannot be served as asked; the value of the callback is the code of the answer
    /// that it deserves.
    LR_REFUSED = 19,
}

use lr_status::{
    LR_GONE, LR_IN_USE, LR_INVALID_ARGUMENT, LR_LIMIT, LR_MESSAGE, LR_MODULE, LR_NOT_FOUND,
    LR_NULL, LR_REFUSED, LR_SHUTDOWN, LR_STATE, LR_SYSTEM, LR_TIMEOUT, LR_TRANSACTION,
};

/// As C hands an lr_status in: any number may come.
pub type lr_status_raw = i32;

/// Bytes in the text of an lr_error, its NUL included.
pub const LR_ERROR_TEXT: usize = 256;

/// The detail of a failure. Belongs to the caller, who may leave it uninitialised or pass NULL; it
/// is only written when the function fails, and needs no freeing.
#[repr(C)]
pub struct lr_error {
    /// What the function answered.
    pub status: lr_status,
    /// What was wrong, in English, UTF-8, NUL-terminated; cut to fit.
    pub text: [c_char; LR_ERROR_TEXT],
}

/// A failure on its way to C.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) status: lr_status,
    pub(crate) text: Cow<'static, str>,
    /// The code of the answer that a request deserves whose action failed so; 0 for none.
    pub(crate) code: u16,
}

/// What the body of a function answers.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    pub(crate) fn new(status: lr_status, text: impl Into<Cow<'static, str>>) -> Self {
        Self { status, text: text.into(), code: 0 }
    }

    pub(crate) fn null(what: &str) -> Self {
        Self::new(LR_NULL, format!("{what} is NULL"))
    }

    pub(crate) fn invalid(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(LR_INVALID_ARGUMENT, text)
    }

    pub(crate) fn gone(what: &'static str) -> Self {
        Self::new(LR_GONE, what)
    }

    pub(crate) fn not_found(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(LR_NOT_FOUND, text)
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        let status = match &error {
            _ if error.is_in_use() => LR_IN_USE,
            EngineError::Param(error) => {
                return Self::new(status_of_param(error), error.to_string());
            }
            EngineError::Init(_) => LR_MODULE,
            EngineError::NoRoute | EngineError::Mode(_) => LR_STATE,
            _ if error.is_invalid_address() => LR_INVALID_ARGUMENT,
            _ => LR_SYSTEM,
        };
        Self::new(status, error.to_string())
    }
}

fn status_of_param(error: &ParamError) -> lr_status {
    match error {
        ParamError::UnknownModule(_) | ParamError::Unknown { .. } => LR_NOT_FOUND,
        ParamError::TooLate { .. } => LR_STATE,
        _ => LR_INVALID_ARGUMENT,
    }
}

impl From<InputError> for Failure {
    fn from(error: InputError) -> Self {
        Self::new(LR_NOT_FOUND, error.to_string())
    }
}

impl From<WaitGone> for Failure {
    fn from(error: WaitGone) -> Self {
        Self::new(LR_GONE, error.to_string())
    }
}

impl From<ActionError> for Failure {
    fn from(error: ActionError) -> Self {
        let status = match &error {
            ActionError::UnknownFunction(_) => LR_NOT_FOUND,
            ActionError::Arity { .. } | ActionError::Argument { .. } => LR_INVALID_ARGUMENT,
            ActionError::WrongRoute { .. } => LR_STATE,
            ActionError::Message(_) => LR_MESSAGE,
            ActionError::Transaction(_) => LR_TRANSACTION,
            ActionError::Overload(_) => LR_LIMIT,
            ActionError::Deadline(_) => LR_TIMEOUT,
            ActionError::Shutdown => LR_SHUTDOWN,
            ActionError::Module(_) => LR_MODULE,
            ActionError::Status { .. } => LR_REFUSED,
        };
        Self { code: error.status().0, ..Self::new(status, error.to_string()) }
    }
}

/// The name of a status and one line about it, as `LR_GONE: …`. Static text, never NULL; for a
/// number that this version does not know it says so.
#[unsafe(no_mangle)]
pub extern "C" fn lr_status_text(status: lr_status_raw) -> *const c_char {
    text_of(status).as_ptr()
}

fn text_of(status: lr_status_raw) -> &'static CStr {
    match status {
        0 => c"LR_OK: done",
        1 => c"LR_PENDING: the call waits for the host",
        2 => c"LR_GONE: the handle is of something that has ended",
        3 => c"LR_INVALID_ARGUMENT: an argument is malformed or out of range",
        4 => c"LR_NULL: a pointer that must not be NULL is NULL",
        5 => c"LR_WOULD_BLOCK: there is nothing to take now, or it is held",
        6 => c"LR_WRONG_THREAD: not possible from here: the wrong thread or callback",
        7 => c"LR_IN_USE: the address, port or path is in use",
        8 => c"LR_NOT_FOUND: there is no such thing",
        9 => c"LR_STATE: it does not fit the engine's state or the way it is driven",
        10 => c"LR_LIMIT: a bound was met",
        11 => c"LR_PANIC: a mistake of the library, stopped at its boundary",
        12 => c"LR_INTERNAL: a mistake of the library",
        13 => c"LR_TIMEOUT: the deadline has passed",
        14 => c"LR_SHUTDOWN: the engine is shutting down",
        15 => c"LR_SYSTEM: the operating system refused",
        16 => c"LR_MESSAGE: the SIP message is not what the action needs",
        17 => c"LR_TRANSACTION: the transaction refused",
        18 => c"LR_MODULE: a module refused",
        19 => c"LR_REFUSED: the request deserves another answer",
        _ => c"a status that this version of the library does not know",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_fixed() {
        let all = [
            (lr_status::LR_OK, 0),
            (lr_status::LR_PENDING, 1),
            (LR_GONE, 2),
            (LR_INVALID_ARGUMENT, 3),
            (LR_NULL, 4),
            (lr_status::LR_WOULD_BLOCK, 5),
            (lr_status::LR_WRONG_THREAD, 6),
            (LR_IN_USE, 7),
            (LR_NOT_FOUND, 8),
            (LR_STATE, 9),
            (LR_LIMIT, 10),
            (lr_status::LR_PANIC, 11),
            (lr_status::LR_INTERNAL, 12),
            (LR_TIMEOUT, 13),
            (LR_SHUTDOWN, 14),
            (LR_SYSTEM, 15),
            (LR_MESSAGE, 16),
            (LR_TRANSACTION, 17),
            (LR_MODULE, 18),
            (LR_REFUSED, 19),
        ];
        for (status, number) in all {
            assert_eq!(status as i32, number);
            let text = text_of(number).to_str().expect("ASCII");
            assert!(text.starts_with(&format!("{status:?}: ")), "{text}");
        }
        assert!(text_of(20).to_str().expect("ASCII").contains("does not know"));
        assert!(text_of(-1).to_str().expect("ASCII").contains("does not know"));
    }
}
