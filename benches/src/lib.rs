//! What the bench programs share: arguments, batched datagrams, histograms and the CPU time of a
//! server process.
//!
//! Nothing here knows the engine. The load generator measures a server from outside, by its
//! messages and by what the kernel charges to its process, so that the same program measures any
//! SIP server with the same yardstick.

pub mod args;
pub mod batch;
pub mod hist;
pub mod pin;
pub mod usage;
pub mod wire;
