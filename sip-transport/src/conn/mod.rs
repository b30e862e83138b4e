//! Stream connections as machines: bytes in, messages and bytes to write out, no socket.
//!
//! ```text
//!                connected            HTTP request
//!   Connecting ------------> Open <----------------> Http        (reads nothing until answered)
//!       |                     |  \     answered       |
//!       | failed, timeout     |   \ bad bytes, close, | close
//!       |                     |    \ peer's end       |
//!       |      reset, timeout |     v                 v
//!       |                     |    Finishing (what is queued is written)
//!       |                     |     |          | written, the peer has not closed
//!       v                     v     v          v
//!     Closed <------------- Closed <------- Lingering (our end is shut, the peer reads and closes)
//! ```
//!
//! A message's way: `handle_bytes` frames what was read, right in the read buffer when nothing was
//! left over from before, and copies each whole message once into a pooled slot. A message to send
//! goes through `send` into the queue; the driver writes what `slices` shows and tells
//! `handle_written`.

mod framing;
mod machine;
mod queue;
mod table;
mod timing;

#[cfg(test)]
mod tests;

pub use machine::{Conn, ConnCx, Finish};
pub use queue::WriteQueue;
pub use table::ConnTable;
