//! The module `tm`: stateful processing, as functions, parameters and RPC over the transaction
//! layer of sip-core (tm module documentation).

mod params;
mod relay;
mod rpc;
mod target;

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use sip_core::net::{Proto, Target};
use sip_core::proxy::CreateError;
use sip_core::uas::Reply;
use sip_module_api::call::{CallState, Outcome, RouteMask};
use sip_module_api::flow::{ActionCx, ActionError, Flow};
use sip_module_api::job::JobQueue;
use sip_module_api::module::{InitCx, InitError};
use sip_module_api::registry::Declare;
use sip_module_api::{Module, Value};
use sip_parser::Method;

use crate::sl::code_and_reason;
use relay::How;
use target::Resolver;
pub(crate) use target::numeric_hop;

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

const RELAY_ROUTES: RouteMask = RouteMask::REQUEST;

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
        Self::declare_replies(d);
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
             arguments to that address instead",
            move |cx, call, args| {
                if !args.is_empty()
                    && let Err(error) = send_to("t_relay", call, args, None)
                {
                    return Flow::Error(error);
                }
                tm.relay(cx, call, How::Stateful)
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
            "forward([host, port]): passes the request on without a transaction",
            move |cx, call, args| {
                if !args.is_empty()
                    && let Err(error) = send_to("forward", call, args, None)
                {
                    return Flow::Error(error);
                }
                tm.relay(cx, call, How::Stateless)
            },
        );
    }

    fn declare_replies(d: &mut Declare<'_>) {
        d.function(
            "t_newtran",
            0..=0,
            RouteMask::REQUEST,
            "t_newtran(): makes the request's transaction; a retransmission ends the route",
            |cx, call, _| new_transaction(cx, call),
        );
        d.function(
            "t_reply",
            2..=2,
            RouteMask::REQUEST | RouteMask::FAILURE | RouteMask::ONREPLY,
            "t_reply(code, reason): answers through the transaction, made if there is none",
            |cx, call, args| {
                Flow::from(code_and_reason("t_reply", args).map(|(code, reason)| {
                    t_reply(cx, call, code, &reason)
                }))
            },
        );
        d.function(
            "t_check_trans",
            0..=0,
            RouteMask::ANY,
            "t_check_trans(): for a CANCEL or a request with a transaction 1, else -1 \
             (retransmissions never reach the route)",
            |_, call, _| {
                let known = call.txn.is_some() || call.invite.is_some();
                Flow::Return(if known { 1 } else { -1 })
            },
        );
        d.function(
            "t_lookup_request",
            0..=0,
            RouteMask::REQUEST,
            "t_lookup_request(): 1 when the request has a transaction, else -1",
            |_, call, _| Flow::Return(if call.txn.is_some() { 1 } else { -1 }),
        );
        d.function(
            "t_lookup_cancel",
            0..=1,
            RouteMask::REQUEST,
            "t_lookup_cancel(): 1 when the INVITE of this CANCEL has a transaction, else -1",
            |_, call, _| Flow::Return(if call.invite.is_some() { 1 } else { -1 }),
        );
        d.function(
            "t_relay_cancel",
            0..=0,
            RouteMask::REQUEST,
            "t_relay_cancel(): for a CANCEL whose INVITE is known: cancels it and ends the route",
            |cx, call, _| {
                let Some(invite) = call.invite.filter(|_| call.msg.method() == Some(Method::Cancel))
                else {
                    return Flow::Return(1);
                };
                match relay::cancel(cx, call, invite) {
                    Ok(_) => Flow::Exit,
                    Err(error) => Flow::Error(error),
                }
            },
        );
    }
}

fn new_transaction(cx: &mut ActionCx<'_, '_>, call: &mut CallState) -> Flow {
    if call.txn.is_some() {
        return Flow::Return(1);
    }
    match cx.proxy.create(cx.core, &call.flow, &call.msg) {
        Ok(txn) => {
            call.txn = Some(txn);
            Flow::Return(1)
        }
        Err(e) if matches!(e, CreateError::Retransmission(_)) => {
            call.outcome = Outcome::Absorbed;
            Flow::Exit
        }
        Err(e) => Flow::Error(ActionError::Overload(e.to_string())),
    }
}

fn t_reply(cx: &mut ActionCx<'_, '_>, call: &mut CallState, code: u16, reason: &Bytes) -> Flow {
    match new_transaction(cx, call) {
        Flow::Return(_) => {}
        other => return other,
    }
    let Some(txn) = call.txn else { return Flow::Return(-1) };
    let reply = Reply::with_reason(code, reason).headers(&call.reply_headers);
    let sent = cx.proxy.reply(cx.core, txn, &reply);
    call.reply_headers.clear();
    match sent {
        Ok(()) => {
            if code >= 200 {
                call.outcome = Outcome::Replied(code);
            }
            Flow::Return(1)
        }
        Err(e) => Flow::Error(ActionError::Transaction(e.to_string())),
    }
}

/// Points branch 0 to the address in `args`, or keeps its own over another transport.
fn send_to(
    function: &'static str,
    call: &mut CallState,
    args: &[Value],
    proto: Option<Proto>,
) -> Result<(), ActionError> {
    if args.is_empty() {
        let Some(proto) = proto else { return Ok(()) };
        let uri = call.rewrite.dst_uri.as_deref().unwrap_or_else(|| call.request_uri());
        let target = match target::next_hop(uri) {
            Ok(target::Hop::Known(known)) => Some(Target { proto, ..known }),
            _ => None,
        };
        if target.is_none() {
            let text = "needs a numeric next hop when it is given no address";
            return Err(ActionError::Transaction(format!("{function} {text}")));
        }
        call.rewrite.target = target;
        return Ok(());
    }
    let host = args.first().and_then(Value::as_str).unwrap_or_default();
    let port = args.get(1).and_then(Value::as_int).unwrap_or(0);
    let port = u16::try_from(port).map_err(|_| ActionError::argument(function, 2, "is no port"))?;
    let proto = proto.unwrap_or(call.flow.proto);
    let port = if port == 0 { proto.default_port() } else { port };
    let ip = host.trim_start_matches('[').trim_end_matches(']').parse();
    let ip = ip.map_err(|_| ActionError::argument(function, 1, "must be an IP address"))?;
    let peer = std::net::SocketAddr::new(ip, port);
    call.rewrite.target = Some(Target { proto, peer, listen: None, conn: None });
    Ok(())
}

