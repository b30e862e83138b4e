//! Answering requests ourselves (RFC 3261 8.2.6): replies of transactions, and replies without one,
//! whose ACK is known by the tag we gave (RFC 3261 8.2.7); and requests that were forked on their
//! way and merge here (RFC 3261 8.2.2.2).

mod merged;
mod reply;
mod tag;
mod write;

pub(crate) use merged::Merged;
pub use reply::{Reply, ReplyError};
pub(crate) use tag::Tag;
pub(crate) use write::{ReplyText, put_number, put_received, write_reply};
