//! The parser for C: SIP text taken apart where it stands. Everything is answered as offsets and
//! lengths into the bytes that the program gave, so that nothing can dangle.
//!
//! `header_id` numbers the headers, `error` says what is wrong and where, `uri`, `address`, `via`
//! and `value` take values apart, `message` holds whole messages, `lines` walks over their headers,
//! `typed` reads their values and `edit` writes them back.

mod member;

// The order is that of the header; the empty lines keep rustfmt from changing it.
pub mod view;

pub mod error;

pub mod header_id;

pub mod uri;

pub mod address;

pub mod via;

pub mod value;

pub mod message;

pub mod lines;

pub mod typed;

pub mod edit;

#[cfg(test)]
mod tests;
