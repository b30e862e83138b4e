//! What is wrong with a text, where, and what a server should answer to it.

use std::ffi::c_char;

use looseroute::HeaderId;
use looseroute::parser::{Fault, HeaderError, ParseError, ParseErrorKind, UriError};

use super::header_id::{lr_hdr_type, number_of};
use crate::boundary::boundary;
use crate::status::{Failure, Outcome, lr_error, lr_status};

/// Bytes in the reason of an lr_parse_error, its NUL included.
pub const LR_REASON_TEXT: usize = 64;

/// The detail of a failure of the parser. Belongs to the caller, who may leave it uninitialised or
/// pass NULL; it is only written when the function fails, and needs no freeing.
#[repr(C)]
pub struct lr_parse_error {
    /// The status and the text, as everywhere. Malformed text is `LR_MESSAGE`.
    pub error: lr_error,
    /// Offset of the byte that did not fit, in the text that was given; 0 when it is about no byte.
    pub offset: u32,
    /// The header it is about; `LR_HDR_OTHER` when it is about none or one without a name here.
    pub header: lr_hdr_type,
    /// The status code that a server should answer with, as 400, 414, 416, 505, 513; 0 when the
    /// mistake is not the peer's. A malformed response is dropped instead (RFC 3261 18.1.2).
    pub code: u16,
    /// The reason phrase of that answer, as `Bad Via`; NUL-terminated, empty when there is no code.
    pub reason: [c_char; LR_REASON_TEXT],
}

/// A failure of the parser on its way to C.
#[derive(Debug)]
pub(crate) struct Refusal {
    failure: Failure,
    at: Place,
}

/// What an lr_parse_error has beside its lr_error.
#[derive(Clone, Copy, Debug)]
struct Place {
    offset: u32,
    header: HeaderId,
    code: u16,
    reason: &'static str,
}

impl Place {
    const NONE: Self = Self { offset: 0, header: HeaderId::Other, code: 0, reason: "" };
}

/// What the body of a function of the parser answers.
pub(crate) type Parsed<T = ()> = Result<T, Refusal>;

impl Refusal {
    fn malformed(text: String, at: Place) -> Self {
        Self { failure: Failure::new(lr_status::LR_MESSAGE, text), at }
    }

    /// The same failure in a text with so many bytes in front.
    pub(crate) fn header(mut error: HeaderError, before: u32) -> Self {
        // The offset of a header that is missing is no place.
        if error.fault != Fault::Missing {
            error.offset = error.offset.saturating_add(before);
        }
        let (code, reason) = error.status();
        let (offset, header) = (error.offset, error.header);
        Self::malformed(error.to_string(), Place { offset, header, code, reason })
    }

    /// The same failure in a text with so many bytes in front.
    pub(crate) fn message(mut error: ParseError, before: u32) -> Self {
        if error.kind != ParseErrorKind::Header(Fault::Missing) {
            error.offset = error.offset.saturating_add(before);
        }
        let ((code, reason), offset) = (error.status(), error.offset);
        let header = error.header.unwrap_or(HeaderId::Other);
        Self::malformed(error.to_string(), Place { offset, header, code, reason })
    }

    /// The same failure in a text with so many bytes in front.
    pub(crate) fn uri(mut error: UriError, before: u32) -> Self {
        error.offset = error.offset.saturating_add(before);
        let (header, code) = (HeaderId::Other, 400);
        let place = Place { offset: error.offset, header, code, reason: "Bad URI" };
        Self::malformed(error.to_string(), place)
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self { failure, at: Place::NONE }
    }
}

/// [`boundary`] for the functions of the parser.
pub(crate) fn parsing(error: *mut lr_parse_error, body: impl FnOnce() -> Parsed) -> lr_status {
    let mut at = Place::NONE;
    let plain: *mut lr_error = if error.is_null() {
        std::ptr::null_mut()
    } else {
        // SAFETY: not NULL, so it is an lr_parse_error of the caller's; only an address is taken.
        unsafe { &raw mut (*error).error }
    };
    let body = || -> Outcome {
        body().map_err(|refusal| {
            at = refusal.at;
            refusal.failure
        })
    };
    let status = boundary(plain, body);
    if status != lr_status::LR_OK && !error.is_null() {
        write_place(error, at);
    }
    status
}

fn write_place(error: *mut lr_parse_error, at: Place) {
    let reason = at.reason.as_bytes();
    let fits = reason.len().min(LR_REASON_TEXT - 1);
    // SAFETY: not NULL, so it is an lr_parse_error of the caller's, which may be uninitialised:
    // written field by field through raw pointers, within `LR_REASON_TEXT`.
    unsafe {
        (&raw mut (*error).offset).write(at.offset);
        (&raw mut (*error).header).write(number_of(at.header));
        (&raw mut (*error).code).write(at.code);
        let out = (&raw mut (*error).reason).cast::<u8>();
        std::ptr::copy_nonoverlapping(reason.as_ptr(), out, fits);
        out.add(fits).write(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;
    use std::mem::MaybeUninit;

    fn told(body: impl FnOnce() -> Parsed) -> (lr_status, u32, lr_hdr_type, u16, String) {
        let mut error = MaybeUninit::<lr_parse_error>::uninit();
        let status = parsing(error.as_mut_ptr(), body);
        // SAFETY: a failure writes all of it.
        let error = unsafe { error.assume_init_ref() };
        // SAFETY: `write_place` has terminated it.
        let reason = unsafe { CStr::from_ptr(error.reason.as_ptr()) }.to_str().expect("UTF-8");
        assert_eq!(error.error.status, status);
        (status, error.offset, error.header, error.code, reason.to_owned())
    }

    #[test]
    fn a_malformed_header_is_named_with_its_place_and_its_answer() {
        let error = |fault| HeaderError { header: HeaderId::Via, offset: 7, fault };
        let via = lr_hdr_type::LR_HDR_VIA;
        let bad = told(|| Err(Refusal::header(error(Fault::Host), 10)));
        assert_eq!(bad, (lr_status::LR_MESSAGE, 17, via, 400, "Bad Via".to_owned()));
        let gone = HeaderError { offset: 0, ..error(Fault::Missing) };
        let gone = told(|| Err(Refusal::header(gone, 10)));
        assert_eq!(gone, (lr_status::LR_MESSAGE, 0, via, 400, "Missing Via".to_owned()));
    }

    #[test]
    fn other_failures_and_panics_are_about_no_byte() {
        let none = lr_hdr_type::LR_HDR_OTHER;
        let null = told(|| Err(Failure::null("text").into()));
        assert_eq!(null, (lr_status::LR_NULL, 0, none, 0, String::new()));
        let panic = told(|| panic!("a mistake"));
        assert_eq!(panic, (lr_status::LR_PANIC, 0, none, 0, String::new()));
        let nobody = std::ptr::null_mut();
        assert_eq!(parsing(nobody, || Err(Failure::null("x").into())), lr_status::LR_NULL);
    }

    #[test]
    fn every_reason_fits() {
        for header in HeaderId::all() {
            for fault in [Fault::Missing, Fault::Duplicate, Fault::Syntax] {
                let error = HeaderError { header: *header, offset: 0, fault };
                assert!(error.status().1.len() < LR_REASON_TEXT, "{error}");
            }
        }
    }
}
