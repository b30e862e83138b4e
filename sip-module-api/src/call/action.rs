//! What a route asks the worker for, and the future that waits for it.
//!
//! A route that wants more than the message leaves an [`Action`] in its call and suspends; the
//! worker performs it, leaves the result and resumes the route, within the same turn if nothing
//! has to wait. Rust awaits [`ActionFuture`]; other languages leave and take the same values.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use sip_core::time::Duration;

use super::handle::Call;
use crate::flow::ActionError;
use crate::registry::FunctionId;
use crate::value::{Args, Value};

/// Names one wait for the host, checked by generation; see [`Call::external_wait`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct WaitToken(pub u64);

/// A function by number or by name.
#[derive(Clone, Copy, Debug)]
pub enum FunctionRef {
    /// Resolved at start-up.
    Id(FunctionId),
    /// To be looked up.
    Name(&'static str),
}

/// What a route asks for.
#[derive(Clone, Debug)]
pub enum Action {
    /// Run a registered function.
    Function {
        /// Which.
        function: FunctionRef,
        /// Its arguments.
        args: Args,
    },
    /// Run a registered function whose name is only known at run time.
    Named {
        /// Its name.
        name: String,
        /// Its arguments.
        args: Args,
    },
    /// Wait until the host resumes `token`, at most for `deadline`.
    Wait {
        /// The wait.
        token: WaitToken,
        /// How long at most.
        deadline: Duration,
    },
    /// Go on after a time.
    Sleep(Duration),
}

/// What an action came to: the function's value (Kamailio's convention: above 0 is true), or the
/// value that a wait was resumed with.
pub type ActionResult = Result<Value, ActionError>;

/// A route's wait for one action. Asked for when first polled, and performed once those asked for
/// before are done: a route has one action under way at a time. Dropping it gives up the result; a
/// wait or a pause ends with it, a function that runs already runs to its end.
#[must_use = "an action is performed only when it is awaited"]
pub struct ActionFuture {
    call: Call,
    state: State,
}

enum State {
    Wanted(Action),
    Asked(u32),
    Done,
}

impl ActionFuture {
    pub(super) const fn new(call: Call, action: Action) -> Self {
        Self { call, state: State::Wanted(action) }
    }
}

impl Future for ActionFuture {
    type Output = ActionResult;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<ActionResult> {
        let this = &mut *self;
        let mut call = this.call.lock();
        match &this.state {
            // Another action of the same route is under way: ours has its turn when it is done.
            State::Wanted(_) if call.under_way().is_some() => {}
            State::Wanted(_) => {
                call.next_action = call.next_action.wrapping_add(1);
                let id = call.next_action;
                if let State::Wanted(action) = std::mem::replace(&mut this.state, State::Asked(id))
                {
                    call.action = Some((id, action));
                }
            }
            State::Asked(id) => {
                let id = *id;
                if let Some((_, result)) = call.result.take_if(|(done, _)| *done == id) {
                    this.state = State::Done;
                    call.next_action = id.wrapping_add(1);
                    let others = std::mem::take(&mut call.wakers);
                    drop(call);
                    others.into_iter().for_each(Waker::wake);
                    return Poll::Ready(result);
                }
            }
            State::Done => return Poll::Pending,
        }
        // The route is polled with the call's own waker whenever an action is done. Whoever polls
        // with another one, as sets of futures do, has to be woken.
        if !this.call.is_own(cx.waker()) && !call.wakers.iter().any(|w| w.will_wake(cx.waker())) {
            call.wakers.push(cx.waker().clone());
        }
        Poll::Pending
    }
}

impl Drop for ActionFuture {
    fn drop(&mut self) {
        let State::Asked(id) = self.state else { return };
        let mut call = self.call.lock();
        if call.action.as_ref().is_some_and(|(asked, _)| *asked == id) {
            call.action = None;
        }
        if call.next_action == id {
            call.next_action = id.wrapping_add(1);
        }
        call.result.take_if(|(done, _)| *done == id);
        let others = std::mem::take(&mut call.wakers);
        drop(call);
        others.into_iter().for_each(Waker::wake);
    }
}

/// A wait for the host: hand the token out, then await it.
#[must_use = "the route goes on at once unless the wait is awaited"]
pub struct ExternalWait {
    pub(super) token: WaitToken,
    pub(super) future: ActionFuture,
}

impl ExternalWait {
    /// What the host resumes the call with, from any thread, once.
    #[must_use]
    pub const fn token(&self) -> WaitToken {
        self.token
    }
}

impl Future for ExternalWait {
    type Output = ActionResult;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<ActionResult> {
        Pin::new(&mut self.future).poll(cx)
    }
}
