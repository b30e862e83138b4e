//! Text on its way to C: views of bytes that something else owns, and strings that C frees.

use std::ffi::{CString, c_char};

use crate::boundary::{array, c_bytes, required};
use crate::status::{Outcome, lr_status};

/// A view of text (Kamailio's `str`): `len` bytes at `ptr`, not NUL-terminated. It owns nothing; each function says
/// how long its views live. Print one with `printf("%.*s", (int)s.len, s.ptr)`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lr_str {
    /// The first byte; never NULL in what the library hands out.
    pub ptr: *const c_char,
    /// How many bytes.
    pub len: usize,
}

impl lr_str {
    /// A view of `bytes`, which the caller of this keeps alive as documented.
    pub(crate) const fn of(bytes: &[u8]) -> Self {
        Self { ptr: bytes.as_ptr().cast(), len: bytes.len() }
    }

    /// The bytes that C describes.
    pub(crate) fn bytes<'a>(self, what: &str) -> Outcome<&'a [u8]> {
        array(self.ptr.cast(), self.len, what)
    }
}

/// Whether `a` and `b` are the same bytes. A view whose pointer is NULL counts as empty.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_str_equal(a: lr_str, b: lr_str) -> bool {
    let (a, b) = (a.bytes("a").unwrap_or_default(), b.bytes("b").unwrap_or_default());
    a == b
}

/// Whether `a` is exactly the NUL-terminated `text`. False when `text` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_str_is(a: lr_str, text: *const c_char) -> bool {
    c_bytes(text, "text").is_ok_and(|text| a.bytes("a").unwrap_or_default() == text)
}

/// Frees a string that the library handed out as `char *`, and nothing else. `LR_NULL` for NULL,
/// which does no harm.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_string_free(string: *mut c_char) -> lr_status {
    if required(string, "string").is_err() {
        return lr_status::LR_NULL;
    }
    // SAFETY: it comes from `owned`, by the condition on the caller, and is freed once.
    drop(unsafe { CString::from_raw(string) });
    lr_status::LR_OK
}

/// A string for C to free. What follows a NUL inside is cut off: C could not see it.
pub(crate) fn owned(text: String) -> *mut c_char {
    terminated(text).into_raw()
}

/// The text with its NUL at the end, cut at the first NUL inside.
pub(crate) fn terminated(text: impl Into<Vec<u8>>) -> CString {
    let mut bytes: Vec<u8> = text.into();
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    bytes.truncate(end);
    CString::new(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_compare_by_their_bytes() {
        let none = lr_str { ptr: std::ptr::null(), len: 3 };
        let (a, b) = (lr_str::of(b"abc"), lr_str::of(b"abd"));
        // SAFETY: views of static text; a NULL view is allowed.
        unsafe {
            assert!(lr_str_equal(a, a) && !lr_str_equal(a, b));
            assert!(lr_str_equal(none, lr_str::of(b"")));
            assert!(lr_str_is(a, c"abc".as_ptr()) && !lr_str_is(a, c"ab".as_ptr()));
            assert!(!lr_str_is(a, std::ptr::null()));
        }
    }

    #[test]
    fn a_string_is_cut_at_its_nul_and_freed_once() {
        let text = owned("ab\0c".to_owned());
        // SAFETY: `text` is from `owned` and not freed yet.
        unsafe {
            assert_eq!(std::ffi::CStr::from_ptr(text), c"ab");
            assert_eq!(lr_string_free(text), lr_status::LR_OK);
            assert_eq!(lr_string_free(std::ptr::null_mut()), lr_status::LR_NULL);
        }
    }
}
