//! A request's way into its route and what becomes of it when the route ends.

use bytes::Bytes;
use sip_core::net::Flow;
use sip_core::proxy::Incoming;
use sip_core::uas::Reply;
use sip_module_api::call::{CallState, Outcome, RouteMask};
use sip_module_api::log;
use sip_module_api::log::Level;
use sip_module_api::router::{RouteId, Verdict};
use sip_module_api::{Call, Value};
use sip_parser::{Message, Method};
use smallvec::smallvec;

use super::{Cx, Now, Worker, turn};
use crate::shared::Stage;

/// Goes with every 503 (RFC 3261 21.5.4); in seconds.
pub(super) const RETRY_LATER: &[u8] = b"Retry-After: 10\r\n";

impl Worker {
    /// Runs the route of a request, if one is to see it.
    pub(super) fn enter(&mut self, now: Now, call: Call, admitted: Option<(u32, RouteId)>) {
        if let Some((slot, route)) = admitted {
            let step = self.router.start(route, &call);
            self.drive(now, slot, &call, step);
        } else {
            self.calls.keep(call);
        }
    }

    /// Takes a request in: whether a route is to see it, which, and the slot it runs in; what is
    /// not for a route is dealt with here.
    pub(super) fn admit(
        &mut self,
        now: Now,
        call: &Call,
        state: &mut CallState,
    ) -> Option<(u32, RouteId)> {
        let CallState { msg, flow, .. } = &*state;
        let mut cx = turn!(self, now);
        let (invite, facts) = match self.shared.proxy.handle_request(&mut cx, flow, msg) {
            Incoming::Absorbed => return None,
            Incoming::Reject { code, reason } => {
                log!(
                    self.shared.parts.log,
                    Info,
                    "core",
                    "rejected {} from {}:{}: {code} {reason}",
                    String::from_utf8_lossy(msg.method_name()),
                    flow.proto,
                    flow.peer
                );
                if msg.method() != Some(Method::Ack) {
                    self.tell_refused(flow, msg, code, reason);
                    let mut cx = turn!(self, now);
                    let reply = Reply::with_reason(code, reason.as_bytes());
                    if let Err(error) =
                        self.shared.proxy.reply_stateless(&mut cx, flow, msg, &reply)
                    {
                        log!(self.shared.parts.log, Info, "core", "{code} not sent: {error}");
                    }
                }
                return None;
            }
            Incoming::Route { invite, facts } => (invite, facts),
        };
        let route = self.request_route?;
        if self.refuse_new(now, flow, msg, facts.in_dialog()) {
            return None;
        }
        let (slot, token) = self.calls.insert(call.clone())?;
        state.facts = Some(facts);
        state.invite = invite;
        state.token = token;
        Some((slot, route))
    }

    /// Tells that the engine itself has answered a request, as `sl` tells of a route's answers.
    pub(super) fn tell_refused(&self, flow: &Flow, msg: &Message, code: u16, reason: &str) {
        self.shared.parts.events.emit("sl:local-response", || {
            let text = |b: &[u8]| Value::Str(Bytes::copy_from_slice(b));
            smallvec![
                ("code", Value::from(code)),
                ("reason", text(reason.as_bytes())),
                ("method", text(msg.method_name())),
                ("source", Value::from(format!("{}:{}", flow.proto, flow.peer))),
                ("from", msg.from().map(|f| text(f.uri)).unwrap_or_default()),
            ]
        });
    }

    /// While draining, a request that would start something new gets a 503 (RFC 3261 21.5.4).
    fn refuse_new(&mut self, now: Now, flow: &Flow, msg: &Message, in_dialog: bool) -> bool {
        if self.shared.stage() != Stage::Draining {
            return false;
        }
        if in_dialog || matches!(msg.method(), Some(Method::Ack | Method::Cancel | Method::Bye)) {
            return false;
        }
        let mut cx = turn!(self, now);
        let reply = Reply::with_reason(503, b"Shutting Down").headers(RETRY_LATER);
        if let Err(error) = self.shared.proxy.reply_stateless(&mut cx, flow, msg, &reply) {
            log!(self.shared.parts.log, Info, "core", "503 not sent: {error}");
        }
        true
    }

    pub(super) fn take_call(&mut self, msg: Message, flow: Flow) -> Call {
        match self.calls.spare() {
            Some(call) => {
                call.lock().reset(msg, flow, RouteMask::REQUEST);
                call
            }
            None => Call::new(self.shared.mailbox.clone(), msg, flow, RouteMask::REQUEST),
        }
    }

    /// The route of a request has ended.
    pub(super) fn end_request(&mut self, now: Now, slot: u32, call: Call, verdict: Verdict) {
        if let Verdict::Failed { code, reason, text } = verdict {
            self.stats.inc(self.shared.counters.route_errors);
            // A 500 is the route's own mistake; what any sender can bring about is no error of ours.
            let level = if code == 500 { Level::Error } else { Level::Info };
            if self.shared.parts.log.enabled(level) {
                let text = format_args!("the route of {} failed: {text}", describe(&call));
                self.shared.parts.log.write(level, "core", text);
            }
            self.answer(now, &call, code, reason);
        }
        {
            let mut state = call.lock();
            state.close_waits();
            if state.outcome == Outcome::Open && state.msg.method() != Some(Method::Ack) {
                self.stats.inc(self.shared.counters.dropped_requests);
            }
        }
        drop(call);
        self.calls.remove(slot);
    }

    /// Answers a request that has no answer yet, as the engine and not its route. Nothing but an
    /// INVITE is answered 408 (RFC 4320 4.1).
    pub(super) fn answer(&mut self, now: Now, call: &Call, code: u16, reason: &'static str) {
        let mut state = call.lock();
        let method = state.msg.method();
        // What the branches answered goes up when a failure or reply route comes to nothing.
        let theirs = state.kind != RouteMask::REQUEST;
        if theirs || state.outcome != Outcome::Open || method == Some(Method::Ack) {
            return;
        }
        let (code, reason) = match code {
            408 if method != Some(Method::Invite) => (500, "Server Internal Error"),
            _ => (code, reason),
        };
        if code == 503 {
            state.reply_headers.extend_from_slice(RETRY_LATER);
        }
        let mut cx = turn!(self, now);
        let reply = Reply::with_reason(code, reason.as_bytes()).headers(&state.reply_headers);
        let sent = match state.txn {
            Some(txn) => self.shared.proxy.reply(&mut cx, txn, &reply),
            None => self.shared.proxy.reply_stateless(&mut cx, &state.flow, &state.msg, &reply),
        };
        if let Err(error) = sent {
            log!(self.shared.parts.log, Warning, "core", "{code} not sent: {error}");
        }
        state.outcome = Outcome::Replied(code);
    }
}

/// A request in a line of the log.
pub(super) fn describe(call: &Call) -> String {
    let state = call.lock();
    let method = String::from_utf8_lossy(state.msg.method_name());
    let call_id = String::from_utf8_lossy(state.msg.call_id().unwrap_or_default());
    format!("{method} {call_id} from {}:{}", state.flow.proto, state.flow.peer)
}
