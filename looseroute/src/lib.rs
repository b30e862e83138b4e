//! An embeddable SIP proxy and registrar engine.
//!
//! An [`Engine`] is built from listen addresses, domains, parameters and routes. Routes are async
//! functions on a [`Call`]; the worker polls them itself, there is no runtime. What touches the
//! message alone is a plain method of [`Call`]; what needs the engine is in [`Actions`] and is
//! awaited.
//!
//! ```no_run
//! use looseroute::prelude::*;
//!
//! fn main() -> Result<(), EngineError> {
//!     let engine = Engine::builder()
//!         .listen("127.0.0.1:5060")
//!         .domain("127.0.0.1")
//!         .account("alice", "127.0.0.1", "secret")
//!         .request_route(|call: Call| async move {
//!             if call.method() == Method::Register {
//!                 if call.authenticate("127.0.0.1").await? {
//!                     call.save("location").await?;
//!                 }
//!             } else if call.lookup("location").await? {
//!                 call.relay().await?;
//!             } else {
//!                 call.reply(404, "Not Found").await?;
//!             }
//!             Ok(())
//!         })
//!         .build()?;
//!     engine.run()
//! }
//! ```
//!
//! A host drives an engine in one of four ways: inside its own event loop ([`Engine::fd`],
//! [`Engine::next_timeout`], [`Engine::process`]), in a thread of its own ([`Engine::run`]), on
//! threads of the engine ([`Engine::start`]), or without any socket ([`Engine::handle_input`],
//! [`Engine::poll_output`]).

#![forbid(unsafe_code)]

mod actions;
mod builder;
mod clock;
mod control;
mod driver;
mod engine;
mod error;
mod jobs;
mod listening;
mod locks;
mod mail;
mod modules;
mod shared;
mod threads;
mod timer;
mod watchdog;
mod worker;

pub use actions::Actions;
pub use builder::{Builder, Handled};
pub use engine::Engine;
pub use error::{EngineError, InputError, RouteError, WaitGone};
pub use timer::{Cancelled, Timer, TooManyTimers};
pub use watchdog::{LateWorker, Stuck, StuckLock};

pub use sip_core as core;
pub use sip_module_api as module_api;
pub use sip_module_api::call::{
    Action, ActionFuture, ActionResult, Branch, ExternalWait, Identity, Outcome, RouteMask,
    WaitToken,
};
pub use sip_module_api::event::Event;
pub use sip_module_api::flow::ActionError;
pub use sip_module_api::log::{Level, Record, plain};
pub use sip_module_api::registry::{ParamError, nearest};
pub use sip_module_api::rpc::{RpcError, RpcValue};
pub use sip_module_api::{Call, Module, Value};
pub use sip_parser as parser;
pub use sip_parser::{HeaderId, Message, Method};

/// What a program that embeds the engine names most.
pub mod prelude {
    pub use crate::{
        ActionError, Actions, Call, Engine, EngineError, Event, Method, RouteError, RpcValue, Value,
    };
}

/// The version of the library, as `0.1.0`.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Accounts as text: the lines of an accounts file, or one on a command line.
pub mod accounts {
    pub use sip_modules::auth::{AccountError, parse_account, parse_accounts};
}
