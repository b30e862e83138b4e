//! The module `sl`: replies without a transaction, and `send_reply`, which uses the transaction if
//! there is one (sl module documentation).

mod redirect;

use std::sync::Arc;

use bytes::Bytes;
use sip_core::uas::Reply;
use sip_module_api::call::{CallState, Outcome, RouteMask};
use sip_module_api::flow::{ActionCx, ActionError, Flow};
use sip_module_api::registry::{Declare, IntParam, StrParam, When};
use sip_module_api::rpc::{RpcValue, StructBuilder};
use sip_module_api::{Module, Value};
use sip_parser::Method;
use smallvec::smallvec;

pub(crate) use redirect::add_contacts;

struct Sl {
    default_code: IntParam,
    default_reason: StrParam,
    bind_tm: IntParam,
}

/// The module.
#[must_use]
pub fn module() -> Arc<dyn Module> {
    Arc::new(Sl {
        default_code: IntParam::new(500),
        default_reason: StrParam::new("Internal Server Error"),
        bind_tm: IntParam::new(1),
    })
}

/// Where a reply may be sent from.
const ROUTES: RouteMask = RouteMask::REQUEST.with(RouteMask::FAILURE).with(RouteMask::ONREPLY);

impl Module for Sl {
    fn name(&self) -> &'static str {
        "sl"
    }

    fn doc(&self) -> &'static str {
        "stateless replies"
    }

    fn declare(self: Arc<Self>, d: &mut Declare<'_>) {
        d.int(
            "default_code",
            &self.default_code,
            100..=699,
            When::BeforeStart,
            "the code of sl_reply_error and send_reply_error",
        );
        d.str(
            "default_reason",
            &self.default_reason,
            When::BeforeStart,
            "the reason of sl_reply_error and send_reply_error",
        );
        d.int(
            "bind_tm",
            &self.bind_tm,
            0..=1,
            When::BeforeStart,
            "1: send_reply answers through the transaction if there is one; 0: never",
        );
        d.event(
            "sl:local-response",
            &["code", "reason", "method", "source", "from"],
            "a request was answered here",
        );
        let sl = Arc::clone(&self);
        d.function(
            "send_reply",
            2..=2,
            ROUTES,
            "send_reply(code, reason): answers through the transaction if there is one, else without",
            move |cx, call, args| Flow::from(code_and_reason("send_reply", args).and_then(
                |(code, reason)| answer(cx, call, code, &reason, sl.bind_tm.on()),
            )),
        );
        d.function(
            "sl_send_reply",
            2..=2,
            RouteMask::REQUEST,
            "sl_send_reply(code, reason): answers without a transaction",
            |cx, call, args| {
                Flow::from(
                    code_and_reason("sl_send_reply", args)
                        .and_then(|(code, reason)| answer(cx, call, code, &reason, false)),
                )
            },
        );
        for (name, stateful) in [("send_reply_error", true), ("sl_reply_error", false)] {
            let sl = Arc::clone(&self);
            d.function(
                name,
                0..=0,
                ROUTES,
                "answers with default_code and default_reason",
                move |cx, call, _| {
                    let code = u16::try_from(sl.default_code.get()).unwrap_or(500);
                    let reason = sl.default_reason.get();
                    let stateful = stateful && sl.bind_tm.on();
                    Flow::from(answer(cx, call, code, &reason, stateful))
                },
            );
        }
        d.rpc("sl.stats", "replies sent without a transaction, by class", |cx, _| {
            let get = |name: &str| cx.engine.stats.get("sl", name).unwrap_or(0);
            let mut out = StructBuilder::new();
            for name in [
                "200_replies",
                "202_replies",
                "2xx_replies",
                "300_replies",
                "301_replies",
                "302_replies",
                "3xx_replies",
                "400_replies",
                "401_replies",
                "403_replies",
                "404_replies",
                "407_replies",
                "408_replies",
                "483_replies",
                "4xx_replies",
                "500_replies",
                "5xx_replies",
                "6xx_replies",
                "xxx_replies",
            ] {
                out = out.with(name.trim_end_matches("_replies"), RpcValue::from(get(name)));
            }
            Ok(out.build())
        });
    }
}

/// The code and reason of a reply function's arguments.
///
/// # Errors
/// When the code is none or the reason is no string.
pub fn code_and_reason(
    function: &'static str,
    args: &[Value],
) -> Result<(u16, Bytes), ActionError> {
    let code = args.first().and_then(Value::as_int).and_then(|n| u16::try_from(n).ok());
    let code = code
        .filter(|c| (100..700).contains(c))
        .ok_or_else(|| ActionError::argument(function, 1, "must be a code from 100 to 699"))?;
    match args.get(1) {
        Some(Value::Str(reason)) if !reason.iter().any(|b| matches!(b, b'\r' | b'\n')) => {
            Ok((code, reason.clone()))
        }
        _ => Err(ActionError::argument(function, 2, "must be a reason of one line")),
    }
}

/// Answers the request of `call`: with `stateful` through its transaction if it has one, else
/// without. The header lines the route has left go along, and with a 3xx the destinations.
///
/// # Errors
/// When the request was answered already, is an ACK, or its transaction is gone.
pub fn answer(
    cx: &mut ActionCx<'_, '_>,
    call: &mut CallState,
    code: u16,
    reason: &[u8],
    stateful: bool,
) -> Result<i64, ActionError> {
    if call.msg.method() == Some(Method::Ack) {
        return Err(ActionError::Message("an ACK is never answered (RFC 3261 17.2)".into()));
    }
    if let Outcome::Replied(sent) = call.outcome {
        return Err(ActionError::Transaction(format!(
            "the request was answered with {sent} already"
        )));
    }
    add_contacts(call, code);
    let reply = Reply::with_reason(code, reason).headers(&call.reply_headers);
    let reply = reply.known(call.facts.as_ref());
    let sent = match call.txn.filter(|_| stateful) {
        Some(txn) if call.msg.is_request() => cx.proxy.reply(cx.core, txn, &reply.to(&call.msg)),
        Some(txn) => cx.proxy.reply(cx.core, txn, &reply),
        None => cx.proxy.reply_stateless(cx.core, &call.flow, &call.msg, &reply),
    };
    call.reply_headers.clear();
    sent.map_err(|e| ActionError::Transaction(e.to_string()))?;
    if code >= 200 {
        call.outcome = Outcome::Replied(code);
    }
    tell(cx, call, code, reason);
    Ok(1)
}

fn tell(cx: &ActionCx<'_, '_>, call: &CallState, code: u16, reason: &[u8]) {
    cx.engine.events.emit("sl:local-response", || {
        let text = |b: &[u8]| Value::Str(Bytes::copy_from_slice(b));
        let from = call.msg.from().map(|f| text(f.uri)).unwrap_or_default();
        smallvec![
            ("code", Value::from(code)),
            ("reason", text(reason)),
            ("method", text(call.msg.method_name())),
            ("source", Value::from(format!("{}:{}", call.flow.proto, call.flow.peer))),
            ("from", from),
        ]
    });
}
