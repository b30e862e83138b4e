//! The heart of looseroute: transactions, the proxy core, and the primitives they stand on.
//!
//! This crate knows no socket, no clock, no database and no script. Everything in it is told what
//! time it is and which random numbers to use, takes the world in through `handle_*` and lets its
//! effects out as values in [`output::Outputs`].

#![forbid(unsafe_code)]

pub mod auth;
pub mod ids;
pub mod lock;
pub mod mem;
pub mod near;
pub mod net;
pub mod output;
pub mod proxy;
pub mod rng;
pub mod stats;
pub mod time;
pub mod timer;
pub mod txn;
pub mod uac;
pub mod uas;
