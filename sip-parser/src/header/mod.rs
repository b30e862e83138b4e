//! Header values: one family a file. Owns what they share: the contract of a list member.
//!
//! Every value parser takes the whole value of a header, the offset in it to begin at, and the
//! offset of the value in its message, so that spans are those of the message. Values borrow the
//! message; white space at their ends is already gone, folds inside count as white space.

pub(crate) mod auth;
pub(crate) mod contact;
pub(crate) mod content_type;
pub(crate) mod cseq;
pub(crate) mod date;
pub(crate) mod event;
pub(crate) mod grammar;
pub(crate) mod id;
pub(crate) mod name_addr;
pub(crate) mod quoted;
pub(crate) mod retry_after;
pub(crate) mod tokens;
pub(crate) mod via;

use crate::Fault;

/// What failed and at which offset of the value.
pub(crate) type At<T> = Result<T, (Fault, usize)>;

/// A value that stands in a comma list.
pub(crate) trait ListValue<'a>: Sized {
    /// Parses the member that begins at `at`; returns it with the offset of the comma behind it
    /// or of the end.
    fn parse_member(s: &'a [u8], at: usize, base: u32) -> At<(Self, usize)>;
}
