//! What every function does at the boundary: stops panics, turns failures into a status and a
//! detail, and reads and writes through C's pointers.
//!
//! All pointers of C are followed here (and where a callback is called). The header demands of
//! its callers that a pointer argument is NULL or valid for what its function says; these helpers
//! check for NULL and rely on the rest.

use std::ffi::{CStr, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::status::{Failure, LR_ERROR_TEXT, Outcome, lr_error, lr_status};

/// Runs the body of a function: a failure is written to `error`, a panic becomes `LR_PANIC`.
pub(crate) fn boundary(error: *mut lr_error, body: impl FnOnce() -> Outcome) -> lr_status {
    let failure = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => return lr_status::LR_OK,
        Ok(Err(failure)) => failure,
        Err(_) => Failure::new(lr_status::LR_PANIC, "the library panicked; please report it"),
    };
    write_error(error, &failure);
    failure.status
}

fn write_error(error: *mut lr_error, failure: &Failure) {
    if error.is_null() {
        return;
    }
    let text = failure.text.as_bytes();
    let fits = floor_char(&failure.text, LR_ERROR_TEXT - 1);
    // SAFETY: not NULL, so it is an lr_error of the caller's, which may be uninitialised: written
    // field by field through raw pointers, within `LR_ERROR_TEXT`.
    unsafe {
        (&raw mut (*error).status).write(failure.status);
        let out = (&raw mut (*error).text).cast::<u8>();
        std::ptr::copy_nonoverlapping(text.as_ptr(), out, fits);
        out.add(fits).write(0);
    }
}

/// How many bytes of `text` up to `limit` are whole characters, up to its first NUL.
fn floor_char(text: &str, limit: usize) -> usize {
    let mut end = text.find('\0').unwrap_or(text.len()).min(limit);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    end
}

/// Writes an output. To be checked with [`required`] before anything is done.
pub(crate) fn put<T>(out: *mut T, value: T) {
    // SAFETY: an output pointer that is not NULL is valid for writes of its type.
    unsafe { out.write(value) }
}

/// Refuses an output or array pointer that is NULL.
pub(crate) fn required<T>(pointer: *const T, what: &str) -> Outcome {
    if pointer.is_null() { Err(Failure::null(what)) } else { Ok(()) }
}

/// Reads a value that the caller points to.
pub(crate) fn read<T: Copy>(pointer: *const T, what: &str) -> Outcome<T> {
    required(pointer, what)?;
    // SAFETY: an input pointer that is not NULL is valid for reads of its type, all of whose bit
    // patterns are values: such inputs hold only integers, bytes and pointers.
    Ok(unsafe { pointer.read() })
}

/// The bytes of a NUL-terminated string.
pub(crate) fn c_bytes<'a>(text: *const c_char, what: &str) -> Outcome<&'a [u8]> {
    required(text, what)?;
    // SAFETY: a string argument that is not NULL is NUL-terminated and stays while the function
    // runs; nothing made from the slice outlives it, because it is copied where it is kept.
    Ok(unsafe { CStr::from_ptr(text) }.to_bytes())
}

/// A NUL-terminated string that must be UTF-8.
pub(crate) fn c_str<'a>(text: *const c_char, what: &str) -> Outcome<&'a str> {
    let bytes = c_bytes(text, what)?;
    std::str::from_utf8(bytes).map_err(|_| Failure::invalid(format!("{what} is not UTF-8")))
}

/// `len` values at `pointer`, which may be NULL when `len` is 0.
pub(crate) fn array<'a, T>(pointer: *const T, len: usize, what: &str) -> Outcome<&'a [T]> {
    if len == 0 {
        return Ok(&[]);
    }
    required(pointer, what)?;
    if len > isize::MAX as usize / size_of::<T>().max(1) {
        return Err(Failure::invalid(format!("{what}: the length is no length")));
    }
    // SAFETY: an array argument that is not NULL holds as many values as its length says and stays
    // while the function runs.
    Ok(unsafe { std::slice::from_raw_parts(pointer, len) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::mem::MaybeUninit;

    fn text_of(error: &lr_error) -> &str {
        // SAFETY: `boundary` has terminated it.
        unsafe { CStr::from_ptr(error.text.as_ptr()) }.to_str().expect("UTF-8")
    }

    #[test]
    fn a_failure_is_told_and_cut_between_characters() {
        let mut error = MaybeUninit::<lr_error>::uninit();
        let long = "ä".repeat(200);
        let status = boundary(error.as_mut_ptr(), || Err(Failure::invalid(long)));
        assert_eq!(status, lr_status::LR_INVALID_ARGUMENT);
        // SAFETY: a failure writes it.
        let error = unsafe { error.assume_init_ref() };
        assert_eq!(error.status, lr_status::LR_INVALID_ARGUMENT);
        assert_eq!(text_of(error), "ä".repeat(127));
    }

    #[test]
    fn a_panic_stops_at_the_boundary() {
        let status = boundary(std::ptr::null_mut(), || panic!("a mistake"));
        assert_eq!(status, lr_status::LR_PANIC);
    }

    #[test]
    fn null_and_impossible_lengths_are_refused() {
        assert_eq!(c_str(std::ptr::null(), "x").unwrap_err().status, lr_status::LR_NULL);
        assert!(array::<u8>(std::ptr::null(), 0, "x").is_ok());
        assert_eq!(array::<u8>(std::ptr::null(), 1, "x").unwrap_err().status, lr_status::LR_NULL);
        let one = 1u8;
        let status = array(&raw const one, usize::MAX, "x").unwrap_err().status;
        assert_eq!(status, lr_status::LR_INVALID_ARGUMENT);
        assert_eq!(
            c_str(c"\xff".as_ptr(), "x").unwrap_err().status,
            lr_status::LR_INVALID_ARGUMENT
        );
    }
}
