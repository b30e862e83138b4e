//! Which callbacks run on this thread now, innermost last.
//!
//! A call is reached through its callback only, so that its state needs no lookup and has no
//! other user; and an engine whose callback runs here must not be driven from within, which would
//! wait for itself.

use std::cell::RefCell;

use crate::call::CallCx;

/// One running callback.
#[derive(Clone, Copy)]
struct Frame {
    /// The key of the engine that called.
    engine: usize,
    /// The call it is about; NULL for log, event and wake-up callbacks.
    call: *const CallCx,
}

thread_local! {
    static FRAMES: RefCell<Vec<Frame>> = const { RefCell::new(Vec::new()) };
}

/// Takes the innermost frame away, also when the callback unwinds.
struct Leave;

impl Drop for Leave {
    fn drop(&mut self) {
        FRAMES.with_borrow_mut(|frames| frames.pop());
    }
}

/// Runs a callback of `engine`, which is about `call` if it is about one.
pub(crate) fn enter<R>(engine: usize, call: Option<&CallCx>, callback: impl FnOnce() -> R) -> R {
    let call = call.map_or(std::ptr::null(), std::ptr::from_ref);
    FRAMES.with_borrow_mut(|frames| frames.push(Frame { engine, call }));
    let _leave = Leave;
    callback()
}

/// Whether a callback of `engine` runs on this thread.
pub(crate) fn inside(engine: usize) -> bool {
    FRAMES.with_borrow(|frames| frames.iter().any(|frame| frame.engine == engine))
}

/// Runs `body` with the call `id` if one of its callbacks runs on this thread.
pub(crate) fn with_call<R>(id: u64, body: impl FnOnce(&CallCx) -> R) -> Option<R> {
    let found = FRAMES.with_borrow(|frames| {
        frames.iter().rev().map(|frame| frame.call).find(|call| {
            // SAFETY: as below.
            !call.is_null() && unsafe { (**call).id() } == id
        })
    })?;
    // SAFETY: the frame was made from a reference that `enter` holds until its callback has
    // returned and the frame is gone; we run within that callback.
    Some(body(unsafe { &*found }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_nest_and_leave_on_panic_too() {
        assert!(!inside(1));
        enter(1, None, || {
            assert!(inside(1) && !inside(2));
            let panicked = std::panic::catch_unwind(|| {
                enter(2, None, || {
                    assert!(inside(1) && inside(2));
                    panic!("a mistake");
                })
            });
            assert!(panicked.is_err());
            assert!(inside(1) && !inside(2));
        });
        assert!(!inside(1));
        assert!(with_call(5, |_| ()).is_none());
    }
}
