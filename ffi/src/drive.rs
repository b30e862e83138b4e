//! Driving an engine that has sockets: in the program's own loop, in a thread of the program's, or
//! on threads of the engine.

use std::ffi::c_int;
use std::time::Duration;

use crate::boundary::{boundary, put, required};
use crate::engine::{find_outside, lr_engine};
use crate::status::{Failure, lr_error, lr_status};

/// A descriptor for the program's own poll, epoll or event library: readable when
/// `lr_engine_process` has something to do. It belongs to the engine: do not read or close it.
/// `LR_STATE` when the engine has no sockets or runs on its own threads.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_engine_fd(
    engine: *mut lr_engine,
    fd: *mut c_int,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || {
        let running = find_outside(engine)?;
        required(fd, "fd")?;
        let text = "the engine has no sockets, runs on its own threads or has ended";
        let none = || Failure::new(lr_status::LR_STATE, text);
        put(fd, running.engine.fd().ok_or_else(none)?);
        Ok(())
    })
}

/// How many milliseconds `lr_engine_process` may be left uncalled if the descriptor stays quiet;
/// -1: as long as you like. Made for the timeout of poll and epoll_wait.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_engine_next_timeout_ms(
    engine: *mut lr_engine,
    timeout_ms: *mut c_int,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || {
        let running = find_outside(engine)?;
        required(timeout_ms, "timeout_ms")?;
        put(timeout_ms, milliseconds(running.engine.next_timeout()));
        Ok(())
    })
}

/// Rounded up, so that the time has come when the poll returns.
fn milliseconds(timeout: Option<Duration>) -> c_int {
    let Some(timeout) = timeout else { return -1 };
    let up = timeout.as_nanos().div_ceil(1_000_000);
    c_int::try_from(up).unwrap_or(c_int::MAX)
}

/// One turn: waits up to `timeout_ms` milliseconds for something to do (0: not at all; negative:
/// until there is something), then does all there is to do. Callbacks run within it.
/// `LR_STATE` when the engine runs on its own threads or has ended.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_engine_process(
    engine: *mut lr_engine,
    timeout_ms: i64,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || {
        let timeout = u64::try_from(timeout_ms).ok().map(Duration::from_millis);
        Ok(find_outside(engine)?.engine.process(timeout)?)
    })
}

/// Serves on the calling thread until `lr_engine_stop` or `lr_engine_shutdown` is called on
/// another one, or `lr_engine_stop` in a callback. Errors as `lr_engine_process`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_engine_run(engine: *mut lr_engine, error: *mut lr_error) -> lr_status {
    boundary(error, || Ok(find_outside(engine)?.engine.run()?))
}

/// Serves on `workers` threads of the engine's own and returns at once. From then on callbacks run
/// on those threads, several at once when there are several. `LR_STATE` when the engine was
/// started, driven otherwise now or ended, or `workers` is 0 or more than `lr_config_max_workers`
/// has made room for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_engine_start(
    engine: *mut lr_engine,
    workers: u32,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || {
        let workers = usize::try_from(workers).unwrap_or(usize::MAX);
        Ok(find_outside(engine)?.engine.start(workers)?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_rounded_up() {
        assert_eq!(milliseconds(None), -1);
        assert_eq!(milliseconds(Some(Duration::ZERO)), 0);
        assert_eq!(milliseconds(Some(Duration::from_nanos(1))), 1);
        assert_eq!(milliseconds(Some(Duration::from_millis(7))), 7);
        assert_eq!(milliseconds(Some(Duration::MAX)), c_int::MAX);
    }
}
