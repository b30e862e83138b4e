//! Values of functions and events: an integer, a text or nothing.

use std::ffi::c_char;

use bytes::Bytes;
use looseroute::Value;

use crate::boundary::c_bytes;
use crate::status::{Failure, Outcome};
use crate::text::lr_str;

/// What an lr_value holds.
#[repr(i32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum lr_value_kind {
    /// Nothing.
    LR_VALUE_NONE = 0,
    /// An integer: `number`.
    LR_VALUE_INT = 1,
    /// A text: `text`.
    LR_VALUE_TEXT = 2,
}

/// As C hands an lr_value_kind in: any number may come.
pub type lr_value_kind_raw = i32;

/// A value: an argument of a function, a field of an event. It owns nothing: its text is a view.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lr_value {
    /// Which of the two below counts.
    pub kind: lr_value_kind_raw,
    /// The integer.
    pub number: i64,
    /// The text.
    pub text: lr_str,
}

/// An integer as a value.
#[unsafe(no_mangle)]
pub extern "C" fn lr_int(number: i64) -> lr_value {
    let text = lr_str::of(b"");
    lr_value { kind: lr_value_kind::LR_VALUE_INT as i32, number, text }
}

/// A NUL-terminated text as a value; a view of it. NULL is a value of the kind NONE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_text(text: *const c_char) -> lr_value {
    match c_bytes(text, "text") {
        Ok(bytes) => text_view(bytes),
        Err(_) => none(),
    }
}

fn none() -> lr_value {
    lr_value { kind: lr_value_kind::LR_VALUE_NONE as i32, number: 0, text: lr_str::of(b"") }
}

fn text_view(bytes: &[u8]) -> lr_value {
    let text = lr_str::of(bytes);
    lr_value { kind: lr_value_kind::LR_VALUE_TEXT as i32, number: 0, text }
}

/// A view of an engine's value.
pub(crate) fn view(value: &Value) -> lr_value {
    match value {
        Value::Null => none(),
        Value::Int(n) => lr_int(*n),
        Value::Str(bytes) => text_view(bytes),
    }
}

/// An engine's value with the same content as C's.
pub(crate) fn own(value: &lr_value, position: usize) -> Outcome<Value> {
    match value.kind {
        0 => Ok(Value::Null),
        1 => Ok(Value::Int(value.number)),
        2 => {
            let bytes = value.text.bytes("the text of a value")?;
            Ok(Value::Str(Bytes::copy_from_slice(bytes)))
        }
        kind => Err(Failure::invalid(format!("argument {position} is of no kind: {kind}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_go_over_and_come_back() {
        for value in [Value::Null, Value::Int(-3), Value::from("text")] {
            assert_eq!(own(&view(&value), 1).expect("a value"), value);
        }
        let odd = lr_value { kind: 9, ..lr_int(1) };
        assert!(own(&odd, 2).unwrap_err().text.contains("argument 2"));
    }
}
