//! Header values: one family a file. Owns what they share: the contract of a value, and the
//! public face that every one of them has, `parse`, `write` and `Display`.
//!
//! Every value parser takes the whole value of a header, the offset in it to begin at, and the
//! offset of the value in its message, so that spans are those of the message. Values borrow the
//! message; white space at their ends is already gone, folds inside count as white space.
//!
//! What is written never breaks its header: a text that does not fit where it stands is quoted or
//! escaped, a fold becomes one blank, and a byte that no token may hold becomes `_`.

use crate::{Fault, HeaderError, HeaderId, Span};
use bytes::BytesMut;
use core::fmt;

/// What failed and at which offset of the value.
pub(crate) type At<T> = Result<T, (Fault, usize)>;

/// A value of a header: one member of its list, or the only one it has.
pub(crate) trait Value<'a>: Sized {
    /// Parses the value that begins at `at`; returns it with the offset of the comma behind it
    /// or of the end.
    fn parse_member(s: &'a [u8], at: usize, base: u32) -> At<(Self, usize)>;

    /// Appends the value as it stands in a header.
    fn put(&self, out: &mut BytesMut);

    /// The URI in it, which is not judged when the value is parsed, and where it stands.
    fn uri(&self) -> Option<(&'a [u8], Span)> {
        None
    }
}

/// Parses `s`, which must be one value and nothing else.
pub(crate) fn whole<'a, T: Value<'a>>(s: &'a [u8], base: u32) -> At<T> {
    let (value, end) = T::parse_member(s, crate::lex::skip_lws(s, 0), base)?;
    if end < s.len() { Err((Fault::Syntax, end)) } else { Ok(value) }
}

/// [`whole`] with the error that callers outside see; offsets count in `s`.
fn parse_alone<'a, T: Value<'a>>(s: &'a [u8], header: HeaderId) -> Result<T, HeaderError> {
    whole(s, 0).map_err(|(fault, at)| HeaderError {
        header,
        offset: crate::span::offset(at),
        fault,
    })
}

/// Shows a value as it would be written, bytes that are not UTF-8 replaced.
fn show<'a>(value: &impl Value<'a>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut out = BytesMut::new();
    value.put(&mut out);
    f.write_str(&String::from_utf8_lossy(&out))
}

/// Gives values their public face. `$header` is what errors of `parse` name: `Other` where several
/// headers share the grammar.
macro_rules! public_face {
    ($($type:ident: $header:ident),* $(,)?) => {$(
        impl<'a> $type<'a> {
            /// Parses `s`, which must be one value and nothing else. Spans and the offset of an
            /// error count from the start of `s`.
            pub fn parse(s: &'a [u8]) -> Result<$type<'a>, $crate::HeaderError> {
                $crate::header::parse_alone(s, $crate::HeaderId::$header)
            }

            /// Appends the value as it stands in a header: what was parsed comes back with the
            /// same meaning, and no field can break the header.
            pub fn write(&self, out: &mut ::bytes::BytesMut) {
                $crate::header::Value::put(self, out);
            }
        }

        impl ::core::fmt::Display for $type<'_> {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                $crate::header::show(self, f)
            }
        }
    )*};
}

pub(crate) mod access_network;
pub(crate) mod agent;
pub(crate) mod auth;
pub(crate) mod auth_info;
pub(crate) mod call_id;
pub(crate) mod charging;
pub(crate) mod check;
pub(crate) mod contact;
pub(crate) mod content_disposition;
pub(crate) mod content_type;
pub(crate) mod cseq;
pub(crate) mod date;
pub(crate) mod dialog_ref;
pub(crate) mod diversion;
pub(crate) mod event;
pub(crate) mod features;
pub(crate) mod geolocation_error;
pub(crate) mod grammar;
pub(crate) mod history_info;
pub(crate) mod id;
pub(crate) mod identity;
pub(crate) mod info_uri;
pub(crate) mod mime_version;
pub(crate) mod name_addr;
pub(crate) mod number;
pub(crate) mod params_buf;
pub(crate) mod privacy;
pub(crate) mod quoted;
pub(crate) mod rack;
pub(crate) mod reason;
pub(crate) mod refer;
pub(crate) mod remote_party_id;
pub(crate) mod resource_priority;
pub(crate) mod retry_after;
pub(crate) mod security;
pub(crate) mod service_id;
pub(crate) mod session_id;
pub(crate) mod session_timer;
pub(crate) mod text;
pub(crate) mod timestamp;
pub(crate) mod tokens;
pub(crate) mod user_to_user;
pub(crate) mod via;
pub(crate) mod visited_network;
pub(crate) mod warning;
pub(crate) mod write;
