//! Driving an engine that has no sockets: messages in, messages out, and the time told.

use bytes::Bytes;
use looseroute::core::output::Output;
use looseroute::core::time::{Instant, Now, WallTime};

use crate::address::{address_at, lr_address};
use crate::boundary::{array, boundary, put, read, required};
use crate::engine::{Running, find_outside, lr_engine};
use crate::status::{Failure, lr_error, lr_status};
use crate::text::lr_str;

/// A time, as the program tells it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lr_time {
    /// Nanoseconds of a monotonic clock of the program's choice, as CLOCK_MONOTONIC. Never goes
    /// back.
    pub mono_ns: u64,
    /// Nanoseconds since 1970 (UTC).
    pub wall_ns: u64,
}

impl lr_time {
    const fn now(self) -> Now {
        Now { mono: Instant::from_nanos(self.mono_ns), wall: WallTime::from_nanos(self.wall_ns) }
    }
}

/// A message that is to be sent.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lr_output {
    /// Where to, and over what.
    pub to: lr_address,
    /// The listen address to send it from; its `proto` is 0 when none fits `to`.
    pub from: lr_address,
    /// The whole message; good until the next `lr_engine_poll_output` of this engine or its end.
    pub bytes: lr_str,
}

/// Hands in one whole SIP message that came from `from` to `to`, one of the listen addresses, at
/// `now`. Callbacks run within it; what is to be sent is then there for `lr_engine_poll_output`.
/// The bytes are copied. `LR_NOT_FOUND` when the engine does not listen on `to`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_engine_handle_input(
    engine: *mut lr_engine,
    now: *const lr_time,
    from: *const lr_address,
    to: *const lr_address,
    bytes: *const u8,
    len: usize,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || {
        let running = find_outside(engine)?;
        let now = read(now, "now")?.now();
        let (_, from) = address_at(from, "from")?;
        let (proto, to) = address_at(to, "to")?;
        let bytes = Bytes::copy_from_slice(array(bytes, len, "bytes")?);
        Ok(running.engine.handle_input(now, proto, bytes, from, to)?)
    })
}

/// Takes the next message that is to be sent. `LR_WOULD_BLOCK` when there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_engine_poll_output(
    engine: *mut lr_engine,
    output: *mut lr_output,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || {
        let running = find_outside(engine)?;
        required(output, "output")?;
        let none = || Failure::new(lr_status::LR_WOULD_BLOCK, "there is nothing to send");
        put(output, next_send(&running).ok_or_else(none)?);
        Ok(())
    })
}

/// The next message; outputs of other kinds belong to connections, of which such an engine has
/// none.
fn next_send(running: &Running) -> Option<lr_output> {
    loop {
        let Output::Send(send) = running.engine.poll_output()? else { continue };
        let listeners = running.engine.listeners();
        let listen = send.to.listen.or_else(|| listeners.for_target(send.to.proto, &send.to.peer));
        let listener = listen.and_then(|id| listeners.by_id(id));
        let mut kept = running.output.lock();
        *kept = send.bytes;
        return Some(lr_output {
            to: lr_address::new(send.to.proto, send.to.peer),
            from: listener.map_or(lr_address::NONE, |l| lr_address::new(l.proto, l.addr)),
            bytes: lr_str::of(&kept),
        });
    }
}

/// Lets time pass: does what is due at `now`, and takes in what other threads have left. A call
/// too early is harmless.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_engine_handle_timeout(
    engine: *mut lr_engine,
    now: *const lr_time,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || {
        let running = find_outside(engine)?;
        running.engine.handle_timeout(read(now, "now")?.now());
        Ok(())
    })
}

/// When `lr_engine_handle_timeout` must be called at the latest: nanoseconds of the program's
/// monotonic clock, or UINT64_MAX when nothing waits for a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_engine_poll_timeout(
    engine: *mut lr_engine,
    mono_ns: *mut u64,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || {
        let running = find_outside(engine)?;
        required(mono_ns, "mono_ns")?;
        put(mono_ns, running.engine.poll_timeout().map_or(u64::MAX, Instant::as_nanos));
        Ok(())
    })
}
