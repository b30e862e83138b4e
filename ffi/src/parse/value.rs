//! The other values for C: CSeq, methods, and parameters of whatever has them.

use std::ffi::c_char;

use looseroute::Method;
use looseroute::parser::{CSeq, Params};

use super::error::{Refusal, lr_parse_error, parsing};
use super::view::{Text, lr_view};
use crate::boundary::{put, read, required};
use crate::status::{Failure, lr_status};

/// The method of a request (Kamailio's `request_method`). The numbers are fixed; later versions may
/// have more.
#[repr(i32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum lr_method {
    /// Any other; told apart by its name. Also that of a response.
    LR_METHOD_OTHER = 0,
    /// INVITE, RFC 3261 13.
    LR_METHOD_INVITE = 1,
    /// ACK, RFC 3261 13.
    LR_METHOD_ACK = 2,
    /// BYE, RFC 3261 15.
    LR_METHOD_BYE = 3,
    /// CANCEL, RFC 3261 9.
    LR_METHOD_CANCEL = 4,
    /// REGISTER, RFC 3261 10.
    LR_METHOD_REGISTER = 5,
    /// OPTIONS, RFC 3261 11.
    LR_METHOD_OPTIONS = 6,
    /// SUBSCRIBE, RFC 6665.
    LR_METHOD_SUBSCRIBE = 7,
    /// NOTIFY, RFC 6665.
    LR_METHOD_NOTIFY = 8,
    /// PUBLISH, RFC 3903.
    LR_METHOD_PUBLISH = 9,
    /// MESSAGE, RFC 3428.
    LR_METHOD_MESSAGE = 10,
    /// INFO, RFC 6086.
    LR_METHOD_INFO = 11,
    /// PRACK, RFC 3262.
    LR_METHOD_PRACK = 12,
    /// UPDATE, RFC 3311.
    LR_METHOD_UPDATE = 13,
    /// REFER, RFC 3515.
    LR_METHOD_REFER = 14,
}

/// A parameter (Kamailio's `param_t` and `to_param`).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lr_param {
    /// Its name.
    pub name: lr_view,
    /// Whether it has a value: `lr` has none.
    pub has_value: bool,
    /// The value, a quoted one with its quotes.
    pub value: lr_view,
}

/// The value of a CSeq header (Kamailio's `cseq_body`).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lr_cseq_body {
    /// The number.
    pub number: u32,
    /// The method.
    pub method: lr_method,
    /// The method as it is written.
    pub method_name: lr_view,
}

/// Takes the next parameter apart (Kamailio's `parse_params`) of `params`, which is the view of
/// parameters in the `len` bytes at `text` that another function has answered. `*at` is 0 at first,
/// and afterwards where the next call goes on; `LR_NOT_FOUND` when there is no further one. Views
/// count from `text`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_param_next(
    text: *const c_char,
    len: usize,
    params: lr_view,
    at: *mut u32,
    param: *mut lr_param,
    error: *mut lr_parse_error,
) -> lr_status {
    parsing(error, || {
        required(param, "param")?;
        let text = Text::given(text, len)?;
        let from = read(at.cast_const(), "at")? as usize;
        let all = params.of(text.bytes, "params")?;
        let rest = all.get(from..).ok_or_else(|| Failure::invalid("at is beyond params"))?;
        let over = || Failure::not_found("there are no more parameters");
        let (name, value) = Params::new(rest).iter().next().ok_or_else(over)?;
        let last = text.view(value.unwrap_or(name));
        // Behind what was read, and the white space that may stand before the next semicolon.
        let behind = last.end().saturating_sub(u64::from(params.offset));
        let behind = usize::try_from(behind).unwrap_or(all.len());
        let tail = all.get(behind..).unwrap_or_default();
        let next = all.len() - tail.trim_ascii_start().len();
        let found = lr_param {
            name: text.view(name),
            has_value: value.is_some(),
            value: text.maybe(value),
        };
        put(at, u32::try_from(next).unwrap_or(u32::MAX));
        put(param, found);
        Ok(())
    })
}

/// Takes the value of a CSeq header apart (Kamailio's `parse_cseq`): all `len` bytes at `text`;
/// views count from `text`. `LR_MESSAGE` when it is malformed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_parse_cseq(
    text: *const c_char,
    len: usize,
    cseq: *mut lr_cseq_body,
    error: *mut lr_parse_error,
) -> lr_status {
    parsing(error, || {
        required(cseq, "cseq")?;
        let text = Text::given(text, len)?;
        let found = CSeq::parse(text.bytes).map_err(|e| Refusal::header(e, 0))?;
        put(cseq, cseq_body(text, &found));
        Ok(())
    })
}

/// A CSeq of `text` as C sees it.
pub(crate) fn cseq_body(text: Text<'_>, cseq: &CSeq<'_>) -> lr_cseq_body {
    let method_name = text.view(cseq.method_name);
    lr_cseq_body { number: cseq.number, method: method_of(cseq.method), method_name }
}

/// The number of a method.
pub(crate) const fn method_of(method: Method) -> lr_method {
    match method {
        Method::Invite => lr_method::LR_METHOD_INVITE,
        Method::Ack => lr_method::LR_METHOD_ACK,
        Method::Bye => lr_method::LR_METHOD_BYE,
        Method::Cancel => lr_method::LR_METHOD_CANCEL,
        Method::Register => lr_method::LR_METHOD_REGISTER,
        Method::Options => lr_method::LR_METHOD_OPTIONS,
        Method::Subscribe => lr_method::LR_METHOD_SUBSCRIBE,
        Method::Notify => lr_method::LR_METHOD_NOTIFY,
        Method::Publish => lr_method::LR_METHOD_PUBLISH,
        Method::Message => lr_method::LR_METHOD_MESSAGE,
        Method::Info => lr_method::LR_METHOD_INFO,
        Method::Prack => lr_method::LR_METHOD_PRACK,
        Method::Update => lr_method::LR_METHOD_UPDATE,
        Method::Refer => lr_method::LR_METHOD_REFER,
        Method::Other => lr_method::LR_METHOD_OTHER,
    }
}
