//! The sockets: the only part of this crate that knows mio, libc and the clock.
//!
//! One turn of a worker:
//!
//! ```text
//!   poll(clock, timeout) -> events -> ready list -> bounded turns -> inputs, and the time
//!   ... the worker handles the inputs and calls send() for each output ...
//!   flush(now)           -> sendmmsg for each UDP socket, one write for each connection -> failures
//! ```
//!
//! mio is edge-triggered: a source that is cut short at its budget stays on the ready list, and the
//! next poll does not wait.

mod bind;
mod clock;
mod interfaces;
#[cfg(target_os = "linux")]
mod mmsg;
mod plain;
mod service;
mod service_path;
mod shared;
#[cfg(target_os = "linux")]
mod sockaddr;
mod stream;
mod tcp;
mod token;
mod transport;
mod udp;
mod waker;

pub use bind::{Bound, BoundSocket, bind};
pub use clock::Clock;
pub use service::ServiceAddr;
pub use transport::{SendOutcome, Transport};
pub use waker::Wake;
