//! Answering through the transaction, and asking whether there is one.

use sip_core::proxy::CreateError;
use sip_core::uas::Reply;
use sip_module_api::Value;
use sip_module_api::call::{CallState, Outcome, RouteMask};
use sip_module_api::flow::{ActionCx, ActionError, Flow};
use sip_module_api::registry::Declare;
use sip_parser::Method;

use super::relay;
use crate::sl::{add_contacts, code_and_reason};

const REPLY_ROUTES: RouteMask =
    RouteMask::REQUEST.with(RouteMask::FAILURE).with(RouteMask::ONREPLY);

/// Declares the functions.
pub(super) fn declare(d: &mut Declare<'_>) {
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
        REPLY_ROUTES,
        "t_reply(code, reason): answers through the transaction, which there must be; with a 3xx \
         go the destinations",
        |cx, call, args| Flow::from(reply("t_reply", cx, call, args)),
    );
    d.function(
        "t_send_reply",
        2..=2,
        REPLY_ROUTES,
        "t_send_reply(code, reason): as t_reply, after t_newtran if there is no transaction",
        |cx, call, args| match new_transaction(cx, call) {
            Flow::Return(_) => Flow::from(reply("t_send_reply", cx, call, args)),
            other => other,
        },
    );
    d.function(
        "t_reply_error",
        0..=0,
        REPLY_ROUTES,
        "t_reply_error(): as t_reply, with default_code and default_reason",
        |cx, call, _| {
            let (code, reason) = cx.proxy.params().default_status();
            let args = [Value::from(code), Value::Str(reason.into())];
            Flow::from(reply("t_reply_error", cx, call, &args))
        },
    );
    d.function(
        "t_set_auto_inv_100",
        1..=1,
        RouteMask::REQUEST,
        "t_set_auto_inv_100(0|1): whether the transaction of this INVITE, which there must not be \
         yet, answers 100 at once, instead of auto_inv_100",
        |_, call, args| match args.first().and_then(Value::as_int) {
            Some(on @ 0..=1) if call.txn.is_none() => {
                call.hooked().quiet = Some(on == 0);
                Flow::Return(1)
            }
            Some(0..=1) => Flow::Return(-1),
            _ => {
                let text = "must be 0 or 1";
                Flow::Error(ActionError::argument("t_set_auto_inv_100", 1, text))
            }
        },
    );
    d.function(
        "t_release",
        0..=0,
        RouteMask::REQUEST,
        "t_release(): forgets the transaction that t_newtran made, if it was neither answered nor \
         relayed",
        |cx, call, _| match call.txn {
            Some(txn) if cx.proxy.release(cx.core, txn) => {
                call.txn = None;
                Flow::Return(1)
            }
            _ => Flow::Return(-1),
        },
    );
    d.function(
        "t_retransmit_reply",
        0..=0,
        RouteMask::REQUEST,
        "t_retransmit_reply(): sends the transaction's last response again; -1 when there is none",
        |cx, call, _| truth(call.txn.is_some_and(|txn| cx.proxy.send_again(cx.core, txn))),
    );
    d.function(
        "t_is_merged",
        0..=0,
        RouteMask::REQUEST,
        "t_is_merged(): 1 when the request was forked on its way and came before by another one, so \
         that it is to be answered 482, else -1 (RFC 3261 8.2.2.2; no Kamailio counterpart). For \
         requests that are answered here; what is relayed goes on",
        |cx, call, _| truth(cx.proxy.is_merged(cx.core, &call.flow, &call.msg)),
    );
    declare_lookups(d);
}

fn declare_lookups(d: &mut Declare<'_>) {
    d.function(
        "t_check_trans",
        0..=0,
        RouteMask::REQUEST | RouteMask::ONREPLY | RouteMask::BRANCH,
        "t_check_trans(): for a CANCEL whether its INVITE has a transaction, for another request \
         whether it has; 1 or -1. Retransmissions never reach the route",
        |_, call, _| truth(call.txn.is_some() || call.invite.is_some()),
    );
    d.function(
        "t_lookup_request",
        0..=0,
        RouteMask::REQUEST,
        "t_lookup_request(): 1 when the request has a transaction, else -1",
        |_, call, _| truth(call.txn.is_some()),
    );
    d.function(
        "t_lookup_cancel",
        0..=0,
        RouteMask::REQUEST,
        "t_lookup_cancel(): 1 when the INVITE of this CANCEL has a transaction, else -1",
        |_, call, _| truth(call.invite.is_some()),
    );
    d.function(
        "t_relay_cancel",
        0..=0,
        RouteMask::REQUEST,
        "t_relay_cancel(): a CANCEL whose INVITE is known cancels its branches and ends the route; \
         1 for any other request",
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

const fn truth(so: bool) -> Flow {
    Flow::Return(if so { 1 } else { -1 })
}

fn new_transaction(cx: &mut ActionCx<'_, '_>, call: &mut CallState) -> Flow {
    if call.txn.is_some() {
        return Flow::Return(1);
    }
    match relay::create(cx, call) {
        Ok(txn) => {
            call.txn = Some(txn);
            Flow::Return(1)
        }
        Err(CreateError::Retransmission(_)) => {
            call.outcome = Outcome::Absorbed;
            Flow::Exit
        }
        Err(CreateError::Full) => Flow::Error(ActionError::Overload(CreateError::Full.to_string())),
        Err(error) => Flow::Error(ActionError::Transaction(error.to_string())),
    }
}

fn reply(
    function: &'static str,
    cx: &mut ActionCx<'_, '_>,
    call: &mut CallState,
    args: &[Value],
) -> Result<i64, ActionError> {
    let (code, reason) = code_and_reason(function, args)?;
    let Some(txn) = call.txn else {
        let text = format!("{function} needs a transaction; t_newtran makes one");
        return Err(ActionError::Transaction(text));
    };
    add_contacts(call, code);
    let reply = Reply::with_reason(code, &reason).headers(&call.reply_headers);
    // In a reply route the message is not the request.
    let reply = match call.msg.is_request() {
        true => reply.to(&call.msg).known(call.facts.as_ref()),
        false => reply,
    };
    let sent = cx.proxy.reply(cx.core, txn, &reply);
    call.reply_headers.clear();
    sent.map_err(|e| ActionError::Transaction(e.to_string()))?;
    if code >= 200 {
        call.outcome = Outcome::Replied(code);
    }
    Ok(1)
}
