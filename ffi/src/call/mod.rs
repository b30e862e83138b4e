//! A routing callback as one async route.
//!
//! ```text
//! run ─ the routing callback ─┬─ no action queued ─ the route ends
//!                             └─ take the next ─ await it ─ its on_done ─┐
//!                                     ▲                                  │ may queue more
//!                                     └──────────────────────────────────┘
//! ```
//!
//! A wait for the host is an action like any other. Whatever ends the route early (an action that
//! exits, a failure, the engine's end) drops its [`CallCx`], which tells those still waiting.

mod queue;

// The order is that of the header; the empty lines keep rustfmt from changing it.
pub mod view;

pub mod edit;

pub mod actions;

pub mod wait;

use std::collections::VecDeque;

use bytes::Bytes;
use looseroute::{Call, RouteError, Value};
use parking_lot::Mutex;
use smallvec::SmallVec;

use crate::callbacks::{User, lr_call};
use crate::engine::{lr_engine, pointer};
use crate::frames;
use crate::status::{Failure, Outcome, lr_status, lr_status_raw};
use crate::table::{Object, TABLE};
use queue::{Queued, Then, perform};
pub(crate) use view::{call_id, from_uri, header, to_uri};

/// Actions that one call may have queued at a time.
pub const LR_MAX_QUEUED: usize = 1024;

type RouteFn =
    unsafe extern "C" fn(*mut lr_engine, lr_call, *mut std::ffi::c_void) -> lr_status_raw;

/// The routing callback of an engine.
pub(crate) struct Route {
    callback: RouteFn,
    user: User,
    engine: usize,
}

impl Route {
    pub(crate) const fn new(callback: RouteFn, user: User, engine: usize) -> Self {
        Self { callback, user, engine }
    }
}

/// A call as its callbacks see it. Lives in the route's future.
pub(crate) struct CallCx {
    id: u64,
    engine: usize,
    call: Call,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Queued>,
    /// Whom to tell of the action that is performed now.
    running: Option<Then>,
    /// What the running callback has views of.
    views: SmallVec<[Bytes; 8]>,
}

/// Runs the routing callback, and then what it and its followers have asked for.
pub(crate) async fn run(route: std::sync::Arc<Route>, call: Call) -> Result<(), RouteError> {
    let cx = CallCx::open(route.engine, call)?;
    let answer = cx.enter(|| {
        let engine = pointer(route.engine);
        // SAFETY: the host's function of this signature.
        unsafe { (route.callback)(engine, cx.id, route.user.get()) }
    });
    cx.check(answer)?;
    while let Some(wanted) = cx.next() {
        let result = perform(&cx.call, wanted).await;
        cx.finish(result)?;
    }
    Ok(())
}

impl CallCx {
    fn open(engine: usize, call: Call) -> Result<Self, RouteError> {
        // Calls of one worker share a part of the table, which others then seldom touch.
        let worker = usize::from(call.lock().token.worker());
        let id = TABLE.insert(engine.wrapping_add(worker), Object::Call);
        let id = id.ok_or("there are too many calls for the table of handles")?;
        Ok(Self { id, engine, call, state: Mutex::default() })
    }

    /// The call's handle.
    pub(crate) const fn id(&self) -> u64 {
        self.id
    }

    /// Runs a callback about this call; views end with it.
    fn enter<R>(&self, callback: impl FnOnce() -> R) -> R {
        let result = frames::enter(self.engine, Some(self), callback);
        self.state.lock().views.clear();
        result
    }

    /// What the routing callback answered.
    fn check(&self, answer: lr_status_raw) -> Result<(), RouteError> {
        let waits = || self.state.lock().queue.iter().any(Queued::is_wait);
        match answer {
            0 => Ok(()),
            1 if waits() => Ok(()),
            1 => Err("the routing callback answered LR_PENDING without lr_call_pending".into()),
            other => Err(format!("the routing callback answered {other}").into()),
        }
    }

    /// Takes the next action out of the queue; whom to tell stays here.
    fn next(&self) -> Option<queue::Wanted> {
        let mut state = self.state.lock();
        let Queued { wanted, then } = state.queue.pop_front()?;
        state.running = Some(then);
        Some(wanted)
    }

    /// Tells that the action is done. Without anybody to tell, a failure ends the route.
    fn finish(&self, result: looseroute::ActionResult) -> Result<(), RouteError> {
        let then = self.state.lock().running.take().unwrap_or(Then::Nobody);
        if let (Then::Nobody, Err(error)) = (&then, &result) {
            return Err(error.clone().into());
        }
        let result = result.map(|v| v.as_int().unwrap_or(0)).map_err(Failure::from);
        self.enter(|| then.tell(self.id, result));
        Ok(())
    }

    /// Queues an action.
    fn queue(&self, wanted: queue::Wanted, then: Then) -> Outcome {
        let mut state = self.state.lock();
        if state.queue.len() >= LR_MAX_QUEUED {
            let text = format!("{LR_MAX_QUEUED} actions are queued already");
            return Err(Failure::new(lr_status::LR_LIMIT, text));
        }
        state.queue.push_back(Queued { wanted, then });
        Ok(())
    }

    /// Keeps `bytes` until the callback returns, for a view of them.
    fn keep(&self, bytes: Bytes) -> crate::text::lr_str {
        let view = crate::text::lr_str::of(&bytes);
        self.state.lock().views.push(bytes);
        view
    }
}

impl Drop for CallCx {
    /// The handle is stale from now on, and those who wait for actions that will not be performed
    /// are told.
    fn drop(&mut self) {
        TABLE.remove(self.id, |object| matches!(object, Object::Call));
        let state = self.state.get_mut();
        let running = state.running.take();
        let queued = std::mem::take(&mut state.queue);
        for then in running.into_iter().chain(queued.into_iter().map(|q| q.then)) {
            let gone = Failure::gone("the route ended before the action was done");
            frames::enter(self.engine, None, || then.tell(self.id, Err(gone)));
        }
    }
}

/// Runs `body` with the call that `id` names, one of whose callbacks must be running here.
fn with<R>(id: lr_call, body: impl FnOnce(&CallCx) -> Outcome<R>) -> Outcome<R> {
    match frames::with_call(id, body) {
        Some(done) => done,
        None if matches!(TABLE.get(id), Some(Object::Call)) => {
            let text = "a call is only usable within its own callbacks";
            Err(Failure::new(lr_status::LR_WRONG_THREAD, text))
        }
        None => Err(Failure::gone("the call's route has ended, or there was none")),
    }
}

/// A function's value: above 0 is true.
fn truth(value: bool) -> Value {
    Value::from(value)
}

/// The request of the call that `id` names, as it came.
pub(crate) fn message(id: lr_call) -> Outcome<looseroute::Message> {
    with(id, |cx| Ok(cx.call.message()))
}
