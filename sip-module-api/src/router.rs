//! The seam between a worker and whoever wrote the routes: Rust code, C callbacks, later a
//! `kamailio.cfg` or Lua.
//!
//! One router object serves one worker, so it needs no lock. The worker starts a route on a call;
//! the route runs until it ends or wants something that only the worker can do. That wish stands
//! in the call ([`crate::call::CallState::take_action`]); with none there, the route waits for
//! something outside and will be resumed when its token is woken.

use crate::call::{Call, RouteMask};

/// The number of a named route of one router.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RouteId(pub u32);

/// The number of one run of a route, valid until [`Router`] answers `Step::Done` for it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RunId(pub u32);

/// What a route has come to.
#[derive(Debug)]
pub enum Step {
    /// It has ended; the run is gone.
    Done(Verdict),
    /// It waits: for the action it left in the call, or for a wake-up.
    Suspended(RunId),
}

/// How a route ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// In order.
    Ok,
    /// With `drop`: in a reply route the reply is not forwarded.
    Drop,
    /// With an error; an unanswered request gets the status, and the text is logged.
    Failed {
        /// The status code, 500 as a rule.
        code: u16,
        /// Its reason phrase.
        reason: &'static str,
        /// What went wrong.
        text: String,
    },
}

impl Verdict {
    /// A failure of the route itself: 500.
    #[must_use]
    pub fn failed(text: impl Into<String>) -> Self {
        Self::Failed { code: 500, reason: "Server Internal Error", text: text.into() }
    }
}

/// The routes of an engine as one worker sees them.
pub trait Router: Send {
    /// The route of `kind` called `name` (the main request route's name is empty).
    fn resolve(&self, kind: RouteMask, name: &str) -> Option<RouteId>;

    /// Starts `route` on `call`.
    fn start(&mut self, route: RouteId, call: &Call) -> Step;

    /// Goes on with a run after its action was done or it was woken.
    fn resume(&mut self, run: RunId, call: &Call) -> Step;

    /// Forgets a run that will not be resumed, and what it holds.
    fn cancel(&mut self, run: RunId);
}

/// Makes a worker's router; the engine keeps one for all workers.
pub trait RouterFactory: Send + Sync {
    /// A router for worker number `worker`.
    fn router(&self, worker: u16) -> Box<dyn Router>;

    /// Whether there is a route of `kind` called `name`.
    fn has(&self, kind: RouteMask, name: &str) -> bool;
}
