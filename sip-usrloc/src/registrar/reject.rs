//! Why a REGISTER is refused, and the answer that says so.

use std::borrow::Cow;

use bytes::{BufMut, BytesMut};
use thiserror::Error;

use super::reply::write_number;

/// A refused REGISTER. Nothing was changed.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum Reject {
    /// A header that a registrar needs is missing or malformed; its name.
    #[error("Bad {0}")]
    BadHeader(&'static str),
    /// The To URI, or the one that was given instead, is no address-of-record.
    #[error("{0}")]
    BadAor(#[from] crate::aor::AorError),
    /// `*` beside other contacts (RFC 3261 10.3 step 6).
    #[error("* used in contact together with others")]
    StarWithOthers,
    /// `*` without `Expires: 0` (RFC 3261 10.2.2).
    #[error("* used in contact and expires is not zero")]
    StarWithExpires,
    /// A contact is malformed.
    #[error("Invalid Contact")]
    BadContact,
    /// A q that is no number from 0 to 1.
    #[error("Invalid q param in contact")]
    BadQ,
    /// More contacts than one request may have.
    #[error("Too many contacts in one request")]
    TooManyInRequest,
    /// A contact or received URI is too long.
    #[error("Contact/received too long")]
    ContactTooLong,
    /// Something else is too long; its name.
    #[error("{0} too long")]
    TooLong(&'static str),
    /// The CSeq is not above the one of the binding (RFC 3261 10.3 step 6 and 7).
    #[error("Invalid CSeq number")]
    OutOfOrder,
    /// The lifetime is shorter than `min` seconds.
    #[error("Interval too brief")]
    IntervalTooBrief {
        /// What Min-Expires says.
        min: u32,
    },
    /// A Path from a client that does not support it (RFC 3327 5.3).
    #[error("No support for found Path indicated")]
    PathUnsupported {
        /// The Path as received, to be sent back.
        path: Vec<u8>,
    },
    /// Required extensions that we do not have (RFC 3261 8.2.2.3).
    #[error("Unsupported extension")]
    BadExtension {
        /// Their option tags, separated by commas.
        tags: Vec<u8>,
    },
    /// The address-of-record would have more bindings than allowed.
    #[error("Too many registered contacts")]
    TooManyContacts,
    /// The table has no room.
    #[error("Location table full")]
    TableFull,
    /// Too many changes wait for the database.
    #[error("Location database busy")]
    StoreBusy,
    /// The database refused the change.
    #[error("Location database failed")]
    StoreFailed,
}

impl Reject {
    /// The status code of the answer.
    #[must_use]
    pub const fn code(&self) -> u16 {
        match self {
            Self::PathUnsupported { .. } | Self::BadExtension { .. } => 420,
            Self::IntervalTooBrief { .. } => 423,
            Self::StoreFailed => 500,
            Self::TooManyContacts | Self::TableFull | Self::StoreBusy => 503,
            _ => 400,
        }
    }

    /// Its reason phrase.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self.code() {
            420 => "Bad Extension",
            423 => "Interval Too Brief",
            500 => "Server Internal Error",
            503 => "Service Unavailable",
            _ => "Bad Request",
        }
    }

    /// Kamailio's return code of `save`: -2 for too many contacts, -1 otherwise.
    #[must_use]
    pub const fn return_code(&self) -> i32 {
        if matches!(self, Self::TooManyContacts) { -2 } else { -1 }
    }

    /// Writes the headers of the answer: what its code demands, and `P-Registrar-Error`, where
    /// Kamailio says in words what is wrong. `retry_after`: seconds for a 5xx, 0 for none.
    pub fn write_headers(&self, retry_after: u32, out: &mut BytesMut) {
        match self {
            Self::IntervalTooBrief { min } => {
                out.put_slice(b"Min-Expires: ");
                write_number(out, *min);
                out.put_slice(b"\r\n");
            }
            Self::PathUnsupported { path } => {
                out.put_slice(b"Unsupported: path\r\nPath: ");
                out.put_slice(path);
                out.put_slice(b"\r\n");
            }
            Self::BadExtension { tags } => {
                out.put_slice(b"Unsupported: ");
                out.put_slice(tags);
                out.put_slice(b"\r\n");
            }
            _ => {}
        }
        out.put_slice(b"P-Registrar-Error: ");
        out.put_slice(self.text().as_bytes());
        out.put_slice(b"\r\n");
        if self.code() >= 500 && retry_after > 0 {
            out.put_slice(b"Retry-After: ");
            write_number(out, retry_after);
            out.put_slice(b"\r\n");
        }
    }

    fn text(&self) -> Cow<'static, str> {
        self.to_string().into()
    }
}
