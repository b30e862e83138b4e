//! Timers of the program's own, and the look of the watchdog.

use std::ffi::c_void;
use std::time::Duration;

use looseroute::Cancelled;
use looseroute::core::time::Instant;

use crate::boundary::{boundary, put, read, required};
use crate::callbacks::{User, wanted};
use crate::engine::{find, lr_engine, pointer};
use crate::frames;
use crate::sansio::lr_time;
use crate::status::{Failure, lr_error, lr_status};

/// A timer of an engine, as a 64-bit number that is never given twice; 0 is none.
pub type lr_timer = u64;

/// Called on a worker when a timer is due. It must not block.
pub type lr_timer_cb = Option<unsafe extern "C" fn(engine: *mut lr_engine, user: *mut c_void)>;

/// Calls `callback` on a worker `ms` milliseconds from now (or up to 10 later), and with `repeat`
/// again and again (Kamailio's `register_timer`); a call that comes late does not put the next one
/// off. While the engine is not driven, nothing is called; once it has ended, never. `timer` receives
/// what `lr_timer_cancel` takes; it may be NULL. `user` is handed to the callback; it belongs to the
/// caller. `LR_LIMIT` when `async.max_timers` are started or the engine has ended.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_timer_start(
    engine: *mut lr_engine,
    ms: u64,
    repeat: bool,
    callback: lr_timer_cb,
    user: *mut c_void,
    timer: *mut lr_timer,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || {
        let running = find(engine)?;
        let callback = wanted(callback)?;
        let (user, key) = (User::new(user), running.key);
        let call = move |_now| {
            frames::enter(key, None, || {
                // SAFETY: the host's function of this signature.
                unsafe { callback(pointer(key), user.get()) }
            });
        };
        let time = Duration::from_millis(ms);
        let started = match repeat {
            true => running.engine.every(time, call),
            false => running.engine.after(time, call),
        };
        let started = started.map_err(|e| Failure::new(lr_status::LR_LIMIT, e.to_string()))?;
        if !timer.is_null() {
            put(timer, started.id());
        }
        Ok(())
    })
}

/// Stops a timer, from any thread, also from within its own callback. `LR_OK`: it will not be called
/// again. `LR_WOULD_BLOCK`: nor will it, but it is being called on another thread at this moment;
/// what `user` points to must outlive that. `LR_GONE` when it had been called, or was cancelled,
/// before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_timer_cancel(
    engine: *mut lr_engine,
    timer: lr_timer,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || match find(engine)?.engine.cancel_timer(timer) {
        Cancelled::Stopped => Ok(()),
        Cancelled::Running => {
            let text = "the timer's callback runs at this moment";
            Err(Failure::new(lr_status::LR_WOULD_BLOCK, text))
        }
        Cancelled::Gone => Err(Failure::gone("the timer was called or cancelled before")),
    })
}

/// Looks for locks that are held for longer than the parameter `core.lock_hold_limit` and workers
/// that have not turned for `core.worker_turn_limit`, as an engine on its own threads does by
/// itself. For a program that drives the engine: to be called now and then, from another thread.
/// `stuck` receives how many there are; each new one is logged, counted and told as an event
/// (`core:lock-stuck`, `core:worker-stuck`), with the holder's place. A lock is stuck when two
/// calls find it. `now` is the program's time when the engine has no sockets, else NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_engine_watchdog(
    engine: *mut lr_engine,
    now: *const lr_time,
    stuck: *mut usize,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || {
        let running = find(engine)?;
        required(stuck, "stuck")?;
        let found = match now.is_null() {
            true => running.engine.watchdog(),
            false => {
                let now = read(now, "now")?;
                running.engine.watchdog_at(Instant::from_nanos(now.mono_ns))
            }
        };
        put(stuck, found.len());
        Ok(())
    })
}
