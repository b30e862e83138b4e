//! UDP and TCP for the looseroute SIP engine: listeners, connections and service sockets, one
//! [`Transport`] for each worker.
//!
//! This crate must not know transactions, routing, or what a message means: it hands whole messages
//! up and takes whole messages down. Only its `io` module uses sockets, the clock and `unsafe`;
//! everything else is told what time it is and is tested without a socket.
//!
//! ```text
//!   listen     "udp:[::1]:5060 advertise sip.example.org"  ->  ListenSpec
//!   io/bind    proves each address free, then binds a socket for each worker
//!   io         the poll: datagrams, bytes of streams, connections, services
//!   conn       a stream connection as a machine: bytes -> messages, keep-alives, timeouts, queue
//!   directory  which connection leads to which peer, shared by the workers
//! ```
//!
//! ```no_run
//! use std::{collections::VecDeque, sync::Arc};
//! use sip_core::{output::{Input, Output}, stats::Builder};
//! use sip_transport::{Clock, ConnDirectory, Transport, TransportParams, TransportStats, bind};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let params = Arc::new(TransportParams::default());
//! let directory = Arc::new(ConnDirectory::new());
//! let mut stats = Builder::new();
//! let counters = TransportStats::declare(&mut stats, &directory);
//! let stats = stats.build(1);
//!
//! let mut bound = bind(&["127.0.0.1:5060".parse()?], 1, &params)?;
//! let sockets = bound.workers.remove(0);
//! let shard = counters.on(stats.shard(0).ok_or("one worker")?);
//! let mut transport =
//!     Transport::new(0, bound.listeners, sockets, params, directory, shard)?;
//!
//! let clock = Clock::start();
//! let mut inputs = VecDeque::new();
//! loop {
//!     let now = transport.poll(&mut || clock.now(), None, &mut inputs)?;
//!     while let Some(input) = inputs.pop_front() {
//!         if let Input::Message { flow, bytes } = input {
//!             let echo = sip_core::output::Send { to: flow.back(), bytes, origin: None };
//!             let _ = transport.send(now.mono, Output::Send(echo));
//!         }
//!     }
//!     transport.flush(now.mono, &mut inputs);
//! }
//! # }
//! ```

#![deny(unsafe_code)]

pub mod conn;
mod directory;
mod error;
#[allow(unsafe_code, reason = "the socket layer")]
mod io;
mod listen;
mod params;
mod stats;

pub use directory::{ConnDirectory, ConnInfo, ConnState, Refusal};
pub use error::TransportError;
pub use io::{Bound, BoundSocket, Clock, SendOutcome, ServiceAddr, Transport, Wake, bind};
pub use listen::{ListenError, ListenSpec};
pub use params::{ParamError, ParamInfo, TransportParams};
pub use stats::{Counter, Counters, TransportStats};
