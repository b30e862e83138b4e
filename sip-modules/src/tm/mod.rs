//! The module `tm`: stateful processing, as functions, parameters and RPC over the transaction
//! layer of sip-core (tm module documentation).

mod ask;
mod forced;
mod hooks;
mod params;
mod relay;
mod reply;
mod rpc;
mod serial;
mod target;
mod uac;

use std::sync::{Arc, OnceLock};

use sip_core::net::Proto;
use sip_module_api::Module;
use sip_module_api::call::{CallState, RouteMask};
use sip_module_api::flow::{ActionCx, ActionError, Flow};
use sip_module_api::job::JobQueue;
use sip_module_api::module::{InitCx, InitError};
use sip_module_api::registry::Declare;

use relay::How;
pub(crate) use target::numeric_hop;
use target::{Resolver, send_to};

/// Names that wait to be looked up at most.
const RESOLVER_QUEUE: usize = 10_000;

#[derive(Default)]
struct Tm {
    resolver: OnceLock<JobQueue>,
}

/// The module.
#[must_use]
pub fn module() -> Arc<dyn Module> {
    Arc::new(Tm::default())
}

const RELAY_ROUTES: RouteMask =
    RouteMask::REQUEST.with(RouteMask::FAILURE).with(RouteMask::BRANCH_FAILURE);

impl Module for Tm {
    fn name(&self) -> &'static str {
        "tm"
    }

    fn doc(&self) -> &'static str {
        "transactions: stateful relaying, forking, replies"
    }

    fn declare(self: Arc<Self>, d: &mut Declare<'_>) {
        params::declare(d);
        rpc::declare(d);
        self.declare_relay(d);
        reply::declare(d);
        hooks::declare(d);
        ask::declare(d);
        serial::declare(d);
        forced::declare(&self, d);
        uac::declare(&self, d);
    }

    fn init(self: Arc<Self>, cx: &mut InitCx<'_>) -> Result<(), InitError> {
        let queue = cx.job_queue("resolver", RESOLVER_QUEUE, 1, Box::new(Resolver));
        self.resolver.set(queue).map_err(|_| InitError::new("tm", "is initialised twice"))
    }
}

impl Tm {
    fn relay(&self, cx: &mut ActionCx<'_, '_>, call: &mut CallState, how: How) -> Flow {
        match self.resolver.get() {
            Some(resolver) => relay::relay(cx, call, how, resolver),
            None => Flow::Error(ActionError::Module("tm is not initialised".into())),
        }
    }

    fn declare_relay(self: &Arc<Self>, d: &mut Declare<'_>) {
        let tm = Arc::clone(self);
        d.function(
            "t_relay",
            0..=2,
            RELAY_ROUTES,
            "t_relay([host, port]): relays the request to its branches by a transaction; with \
             arguments to that host instead, over the transport that it came by",
            move |cx, call, args| match send_to("t_relay", call, args, None) {
                Ok(()) => tm.relay(cx, call, How::Stateful),
                Err(error) => Flow::Error(error),
            },
        );
        for (name, proto) in [("t_relay_to_udp", Proto::Udp), ("t_relay_to_tcp", Proto::Tcp)] {
            let tm = Arc::clone(self);
            d.function(
                name,
                0..=2,
                RELAY_ROUTES,
                "t_relay_to_*([host, port]): as t_relay, over that transport",
                move |cx, call, args| match send_to(name, call, args, Some(proto)) {
                    Ok(()) => tm.relay(cx, call, How::Stateful),
                    Err(error) => Flow::Error(error),
                },
            );
        }
        let tm = Arc::clone(self);
        d.function(
            "forward",
            0..=2,
            RouteMask::REQUEST,
            "forward([host, port]): passes the request on without a transaction; with arguments \
             as t_relay",
            move |cx, call, args| match send_to("forward", call, args, None) {
                Ok(()) => tm.relay(cx, call, How::Stateless),
                Err(error) => Flow::Error(error),
            },
        );
    }
}
