//! The narrow waist of looseroute: what a module declares and what a route may do.
//!
//! Functions, parameters, RPC commands, statistics and events are declared here once, with their
//! doc line; the Rust API, the C ABI, the control plane and (with its issue) the config language
//! all read that one declaration. This crate knows no module and no language.
//!
//! - [`module::Module`] is a plug-in; [`registry::Registry`] is what the plug-ins declared.
//! - [`call::Call`] is one request on its way through a route.
//! - An action that may wait is a registered function that answers [`flow::Flow`]; how a route
//!   awaits it is [`call::ActionFuture`] in Rust, a callback in C, a suspended machine in a script.
//! - [`router::Router`] is the seam between the worker and whoever wrote the routes.

#![forbid(unsafe_code)]

pub mod call;
pub mod event;
pub mod flow;
pub mod job;
pub mod log;
pub mod module;
pub mod registry;
pub mod router;
pub mod rpc;
pub mod value;

pub use call::{Branch, Call, CallState, RouteMask};
pub use flow::{ActionCx, ActionError, Flow, Resumed, Suspend};
pub use module::{EngineParts, InitCx, Module};
pub use registry::Registry;
pub use value::{Args, Value};
