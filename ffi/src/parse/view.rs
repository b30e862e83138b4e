//! Views for C: an offset and a length. Owns the way from slices to views and back.

use std::ffi::c_char;

use crate::boundary::{array, c_bytes};
use crate::status::{Failure, Outcome};
use crate::text::lr_str;

/// Where a text stands: `len` bytes from `offset` on, counted from the first byte that was given to
/// the parser (Kamailio's `str`, which points instead). What is not there has no length.
///
/// `lr_view_of` makes it an `lr_str`; or print it with
/// `printf("%.*s", (int)v.len, bytes + v.offset)`.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct lr_view {
    /// The first byte.
    pub offset: u32,
    /// How many bytes.
    pub len: u32,
}

impl lr_view {
    /// Offset of the byte behind it.
    pub(crate) const fn end(self) -> u64 {
        self.offset as u64 + self.len as u64
    }

    /// The bytes of it in `text`.
    pub(crate) fn of<'a>(self, text: &'a [u8], what: &str) -> Outcome<&'a [u8]> {
        let from = self.offset as usize;
        let end = from.checked_add(self.len as usize);
        let bytes = end.and_then(|end| text.get(from..end));
        bytes.ok_or_else(|| Failure::invalid(format!("{what} does not lie in the text")))
    }
}

/// The text that views count in. What was cut off in front of `bytes` is `before` bytes long.
#[derive(Clone, Copy)]
pub(crate) struct Text<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) before: u32,
}

impl<'a> Text<'a> {
    /// All of what C gave.
    pub(crate) fn given(text: *const c_char, len: usize) -> Outcome<Self> {
        if u32::try_from(len).is_err() {
            return Err(Failure::invalid("a text is shorter than 4 GiB"));
        }
        Ok(Self { bytes: array(text.cast(), len, "text")?, before: 0 })
    }

    /// Where `part`, a slice of these bytes, stands; nowhere when it is no slice of them.
    pub(crate) fn view(self, part: &[u8]) -> lr_view {
        let at = part.as_ptr().addr().wrapping_sub(self.bytes.as_ptr().addr());
        let inside = at.checked_add(part.len()).is_some_and(|end| end <= self.bytes.len());
        let (Ok(at), Ok(len)) = (u32::try_from(at), u32::try_from(part.len())) else {
            return lr_view::default();
        };
        if !inside {
            return lr_view::default();
        }
        lr_view { offset: self.before.saturating_add(at), len }
    }

    /// The same of what may be missing.
    pub(crate) fn maybe(self, part: Option<&[u8]>) -> lr_view {
        part.map_or(lr_view::default(), |part| self.view(part))
    }
}

/// The text of a view (Kamailio's `str`) in the `len` bytes at `text`, which it points into; empty when the view does
/// not lie inside, and when `text` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_view_of(text: *const c_char, len: usize, view: lr_view) -> lr_str {
    let bytes = array(text.cast::<u8>(), len, "text").and_then(|text| view.of(text, "view"));
    lr_str::of(bytes.unwrap_or_default())
}

/// Whether the view in the `len` bytes at `text` is exactly the NUL-terminated `expected`, as
/// Kamailio's `STR_EQ` compares a `str`. False
/// when it does not lie inside, and when either is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_view_is(
    text: *const c_char,
    len: usize,
    view: lr_view,
    expected: *const c_char,
) -> bool {
    let bytes = array(text.cast::<u8>(), len, "text").and_then(|text| view.of(text, "view"));
    matches!((bytes, c_bytes(expected, "expected")), (Ok(a), Ok(b)) if a == b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_become_views_of_their_text_only() {
        let all = b"xxabcdef";
        let text = Text { bytes: &all[2..], before: 2 };
        assert_eq!(text.view(&all[4..6]), lr_view { offset: 4, len: 2 });
        assert_eq!(text.view(&all[3..3]), lr_view { offset: 3, len: 0 });
        assert_eq!(text.view(&all[1..4]), lr_view::default());
        assert_eq!(text.maybe(None), lr_view::default());
        assert_eq!(lr_view { offset: 4, len: 2 }.of(all, "v").expect("inside"), b"cd");
        assert!(lr_view { offset: 7, len: 2 }.of(all, "v").is_err());
        assert!(lr_view { offset: u32::MAX, len: u32::MAX }.of(all, "v").is_err());
    }
}
