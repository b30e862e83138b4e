//! looseroute for C: thin functions over the public Rust API, and nothing else.
//!
//! Knows no crate of the engine but `looseroute`. What every function does about NULL, stale
//! handles, panics and errors is in `boundary`; where handles are kept is in `table`; how a routing
//! callback becomes an async route is in `call`. The documentation for C programs is
//! `include/looseroute.h`, generated from here by `cargo xtask header`.

// The names are those of C. The conditions on pointers are the same for all functions and stand
// at the top of the header (cbindgen.toml), not in a section of each.
#![allow(non_camel_case_types, clippy::missing_safety_doc)]

mod boundary;
mod frames;
mod table;

// The order is that of the header; the empty lines keep rustfmt from changing it.
pub mod version;

pub mod status;

pub mod text;

pub mod value;

pub mod uri;

pub mod parse;

pub mod address;

pub mod config;

pub mod engine;

pub mod drive;

pub mod sansio;

pub mod callbacks;

pub mod call;

pub mod message;

pub mod lock;

pub mod timer;
