//! The errors of the engine, by whose fault they are.

use std::net::SocketAddr;

use sip_module_api::flow::ActionError;
use sip_module_api::module::InitError;
use sip_module_api::registry::ParamError;
use thiserror::Error;

pub use crate::mail::WaitGone;

/// Why a route ended before its time. Unless it has answered, the request gets a 500, and the text
/// is logged.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum RouteError {
    /// An action failed.
    #[error(transparent)]
    Action(#[from] ActionError),
    /// The route's own reason.
    #[error("{0}")]
    Other(String),
}

impl RouteError {
    /// The answer that an unanswered request gets: the action's own, or 500.
    #[must_use]
    pub const fn status(&self) -> (u16, &'static str) {
        match self {
            Self::Action(error) => error.status(),
            Self::Other(_) => (500, "Server Internal Error"),
        }
    }
}

impl From<String> for RouteError {
    fn from(text: String) -> Self {
        Self::Other(text)
    }
}

impl From<&str> for RouteError {
    fn from(text: &str) -> Self {
        Self::Other(text.to_owned())
    }
}

/// Why an engine could not be built, started or driven.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EngineError {
    /// A listen address is malformed or cannot be bound, or a socket could not be set up; the text
    /// says which and why.
    #[error(transparent)]
    Transport(#[from] sip_transport::TransportError),
    /// The sockets could not be polled.
    #[error("polling the sockets: {0}")]
    Poll(std::io::Error),
    /// A parameter was refused.
    #[error(transparent)]
    Param(#[from] ParamError),
    /// A module could not start.
    #[error(transparent)]
    Init(#[from] InitError),
    /// No request route was given.
    #[error("the engine has no request route: give the builder one with `request_route`")]
    NoRoute,
    /// The call does not fit the way the engine is driven.
    #[error("{0}")]
    Mode(&'static str),
    /// The system refused a thread or random numbers.
    #[error("the system refused {what}: {source}")]
    System {
        /// What.
        what: &'static str,
        /// What it said.
        source: std::io::Error,
    },
}

impl EngineError {
    /// Whether an address, port or path is taken by another engine or program.
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        use sip_transport::TransportError::{InUse, ServicePath};
        matches!(self, Self::Transport(InUse { .. } | ServicePath { .. }))
    }

    /// Whether a listen address makes no sense or names no host.
    #[must_use]
    pub fn is_invalid_address(&self) -> bool {
        use sip_transport::TransportError::{Duplicate, Listen, Resolve};
        matches!(self, Self::Transport(Listen(_) | Resolve { .. } | Duplicate { .. }))
    }
}

/// Why a message that the host handed in was not taken.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum InputError {
    /// It came to an address the engine does not listen on.
    #[error("the engine does not listen on {0}")]
    NotListening(SocketAddr),
}
