//! One message on its way through a route: the state that functions work on, the handle that
//! routes hold, and the action by which a route asks the worker for something.

mod action;
mod handle;
mod hooks;
mod mask;
mod state;

pub use action::{Action, ActionFuture, ActionResult, ExternalWait, FunctionRef, WaitToken};
pub use handle::Call;
pub use hooks::{About, BranchRun, BranchRuns, BranchesRun, Group, Hooked, KeptState};
pub use mask::RouteMask;
pub use state::{Branch, CallState, Identity, Outcome, RecordRoutePlan, Rewrite};
