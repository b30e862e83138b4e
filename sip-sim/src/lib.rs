//! A SIP network in a box: virtual time, seeded lossy links, phones that behave, scenario files.
//!
//! This crate must not know anything above sip-core. Whatever takes [`Input`] and gives [`Output`]
//! becomes a [`Node`]; the [`World`] carries messages between nodes and is the only clock and the
//! only source of chance they have. So a run follows from its seed: the same seed gives the same
//! trace, byte for byte, and a failure is replayed by its number.
//!
//! ```text
//!            +-------- World: heap of (Instant, sequence number, event) ---------+
//!   Phone --Output::Send--> Links: delay, jitter, loss, duplication, reordering, cuts
//!            |                          |                                        |
//!            |                 Trace (ladder, digest), Tap (Audit)               |
//!            +--------- Input::Message at its time --> Node::handle_input -------+
//! ```
//!
//! Datagrams meet the whole malice of their link. Streams are reliable and in order: what a link
//! would lose arrives late instead, and a cut breaks the connection.
//!
//! [`Input`]: sip_core::output::Input
//! [`Output`]: sip_core::output::Output
#![forbid(unsafe_code)]

pub mod audit;
mod clock;
pub mod link;
pub mod node;
pub mod phone;
pub mod relay;
pub mod scenario;
mod stream;
pub mod trace;
pub mod world;

pub use link::{Chance, Link, Links};
pub use node::{Node, NodeId};
pub use trace::{Fate, Keep, Trace};
pub use world::{Sent, StillBusy, Tap, World};
