//! Answering requests ourselves (RFC 3261 8.2.6): replies of transactions, and replies without one,
//! whose ACK is known by the tag we gave (RFC 3261 8.2.7).

mod reply;
mod tag;
mod write;

pub use reply::{Reply, ReplyError};
pub(crate) use tag::Tag;
pub(crate) use write::{ReplyText, put_number, put_received, write_reply};
