//! How a function answers, and how one that must wait is continued.
//!
//! A function runs on a worker and never blocks it. It answers at once with [`Flow::Return`], ends
//! the route with [`Flow::Exit`], or answers [`Flow::Suspend`] after it has given its
//! [`crate::job::Completion`] (made from [`ActionCx::completion`]) to whoever will finish the work.
//! The call is then parked, with a deadline; when the completion is used, on any thread, the same
//! worker runs the continuation, which answers with a `Flow` again.

use std::any::Any;
use std::sync::Arc;

use sip_core::proxy::{Cx, Proxy};
use sip_core::time::Duration;
use thiserror::Error;

use crate::call::CallState;
use crate::job::{Completion, Mailbox, ResumeToken};
use crate::module::EngineParts;
use crate::value::Value;

/// What a function answers.
pub enum Flow {
    /// It is done. Kamailio's convention: above 0 is true, below 0 false with the module's own
    /// meaning, and 0 ends the route as [`Flow::Exit`] does when a script asked.
    Return(i64),
    /// It is done and the route ends here (`exit`).
    Exit,
    /// It could not do what was asked; a script sees -1, Rust and C the error.
    Error(ActionError),
    /// It waits; see the module's head.
    Suspend(Suspend),
}

/// The continuation of a function that waits.
pub type Then = Box<dyn FnOnce(&mut ActionCx<'_, '_>, &mut CallState, Resumed) -> Flow + Send>;

/// A wait.
pub struct Suspend {
    /// How long at most; `None` means the engine's `async_deadline` parameter.
    pub deadline: Option<Duration>,
    /// What runs when it ends.
    pub then: Then,
}

/// Why a parked call goes on.
pub enum Resumed {
    /// A job or another machine is done and hands over its result.
    Done(Box<dyn Any + Send>),
    /// The host resumed it with a value.
    Value(Value),
    /// The deadline has passed first.
    Deadline,
    /// The engine is shutting down.
    Shutdown,
}

/// Why an action failed. The text of each says what to mend.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum ActionError {
    /// No module declares the function.
    #[error("no function is named `{0}`")]
    UnknownFunction(String),
    /// The argument count does not fit the declaration.
    #[error("{function} takes {min} to {max} arguments, {given} given")]
    Arity {
        /// The function.
        function: &'static str,
        /// Fewest.
        min: u8,
        /// Most.
        max: u8,
        /// How many came.
        given: usize,
    },
    /// An argument is of the wrong type or out of range.
    #[error("{function}: argument {index} {problem}")]
    Argument {
        /// The function.
        function: &'static str,
        /// Its position, from 1.
        index: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// The function may not be used in this kind of route.
    #[error("{function} may not be used in a {route} route")]
    WrongRoute {
        /// The function.
        function: &'static str,
        /// The kind of route.
        route: &'static str,
    },
    /// The message is not what the function needs (no Contact, a bad header, …).
    #[error("{0}")]
    Message(String),
    /// The transaction refused: already answered, gone, no target …
    #[error("{0}")]
    Transaction(String),
    /// The request deserves this answer, which was not sent: the route may answer otherwise; if it
    /// ends with the error, the engine sends it.
    #[error("{text} ({code} {reason})")]
    Status {
        /// The status code.
        code: u16,
        /// The reason phrase.
        reason: &'static str,
        /// What is wrong.
        text: String,
    },
    /// A limit was met; the request deserves a 503.
    #[error("{0}")]
    Overload(String),
    /// The work took longer than its deadline; the request deserves a 408 or 500.
    #[error("{0} did not finish before its deadline")]
    Deadline(&'static str),
    /// The engine is shutting down.
    #[error("the engine is shutting down")]
    Shutdown,
    /// Anything else of the module's own.
    #[error("{0}")]
    Module(String),
}

impl From<Result<i64, ActionError>> for Flow {
    fn from(result: Result<i64, ActionError>) -> Self {
        match result {
            Ok(n) => Self::Return(n),
            Err(e) => Self::Error(e),
        }
    }
}

impl From<Result<Self, ActionError>> for Flow {
    fn from(result: Result<Self, ActionError>) -> Self {
        result.unwrap_or_else(Self::Error)
    }
}

impl ActionError {
    /// The answer that a request deserves whose route ends with this error.
    #[must_use]
    pub const fn status(&self) -> (u16, &'static str) {
        match self {
            Self::Status { code, reason, .. } => (*code, *reason),
            Self::Message(_) => (400, "Bad Request"),
            Self::Overload(_) => (503, "Service Unavailable"),
            Self::Deadline(_) => (408, "Request Timeout"),
            Self::Shutdown => (503, "Shutting Down"),
            _ => (500, "Server Internal Error"),
        }
    }

    /// An error about argument `index` (from 1) of `function`.
    #[must_use]
    pub fn argument(function: &'static str, index: usize, problem: impl Into<String>) -> Self {
        Self::Argument { function, index, problem: problem.into() }
    }
}

/// What a function may reach: the turn's time, chance and effects, the transaction layer, and the
/// engine's shared parts.
pub struct ActionCx<'a, 'c> {
    /// The turn: time, random numbers, outputs, timers, this worker's counters.
    pub core: &'a mut Cx<'c>,
    /// Transactions and proxy core.
    pub proxy: &'a Arc<Proxy>,
    /// Registry, listeners, domains, log, events.
    pub engine: &'a Arc<EngineParts>,
    /// Names this call should it wait.
    pub token: ResumeToken,
    /// Where completions are posted.
    pub mailbox: &'a Arc<dyn Mailbox>,
}

impl ActionCx<'_, '_> {
    /// The right to end the wait that the function is about to answer with, to be given away.
    #[must_use]
    pub fn completion(&self) -> Completion {
        Completion::new(self.token, Arc::clone(self.mailbox))
    }
}
