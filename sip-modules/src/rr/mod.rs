//! The module `rr`: Record-Route and loose routing (RFC 3261 16.4, 16.6 step 4, 16.12; rr module
//! documentation).

use std::sync::Arc;

use bytes::Bytes;
use sip_core::proxy::{DoubleRr, Follow, local_listener, loose_route};
use sip_module_api::call::{CallState, RecordRoutePlan, RouteMask};
use sip_module_api::flow::{ActionCx, ActionError, Flow};
use sip_module_api::module::EngineParts;
use sip_module_api::registry::{Declare, IntParam, When};
use sip_module_api::{Module, Value};
use sip_parser::{Span, Uri};

struct Rr {
    append_fromtag: IntParam,
    enable_double_rr: IntParam,
    enable_full_lr: IntParam,
    add_username: IntParam,
}

/// The module.
#[must_use]
pub fn module() -> Arc<dyn Module> {
    Arc::new(Rr {
        append_fromtag: IntParam::new(1),
        enable_double_rr: IntParam::new(1),
        enable_full_lr: IntParam::new(0),
        add_username: IntParam::new(0),
    })
}

const RECORD: RouteMask = RouteMask::REQUEST.with(RouteMask::BRANCH).with(RouteMask::FAILURE);

/// What loose_route answers when there was nothing to follow.
const NO_ROUTE: i64 = -1;
/// What it answers to a new request whose only Routes were ours: the Request-URI decides.
const OWN_ROUTE_ONLY: i64 = -3;

impl Module for Rr {
    fn name(&self) -> &'static str {
        "rr"
    }

    fn doc(&self) -> &'static str {
        "Record-Route and loose routing"
    }

    fn declare(self: Arc<Self>, d: &mut Declare<'_>) {
        self.declare_params(d);
        let rr = Arc::clone(&self);
        d.function(
            "record_route",
            0..=1,
            RECORD,
            "record_route([params]): keeps this engine on the path of the dialog; params (as \
             `;x=y`) go into the value. In a dialog it is to be called after loose_route",
            move |cx, call, args| Flow::from(rr.record(cx, call, args)),
        );
        d.function(
            "add_rr_param",
            1..=1,
            RECORD,
            "add_rr_param(param): adds a parameter, as `;x=y`, to the Record-Route",
            |_, call, args| Flow::from(add_param("add_rr_param", call, args.first())),
        );
        d.function(
            "remove_record_route",
            0..=0,
            RouteMask::REQUEST | RouteMask::FAILURE,
            "remove_record_route(): takes back what record_route and add_rr_param asked for",
            |_, call, _| {
                call.record_route = None;
                call.rr_params.clear();
                Flow::Return(1)
            },
        );
        d.function(
            "loose_route",
            0..=1,
            RouteMask::REQUEST,
            "loose_route([ours]): takes our Route headers off and follows the next; 1 when they \
             decide the next hop, -1 when there are none, -3 when a request outside of dialogs had \
             ours only. With ours 1 it follows only if the first Route is ours, or the Request-URI \
             where a strict router has put it, and answers 1 for all of these and -1 for others",
            |cx, call, args| {
                Flow::from(match args.first().and_then(Value::as_int) {
                    Some(1) => follow(cx, call, Follow::Ours)
                        .map(|result| if result == NO_ROUTE { NO_ROUTE } else { 1 }),
                    _ => follow(cx, call, Follow::Any),
                })
            },
        );
    }
}

impl Rr {
    fn declare_params(&self, d: &mut Declare<'_>) {
        let mut int = |name, cell, max, doc| d.int(name, cell, 0..=max, When::BeforeStart, doc);
        int(
            "append_fromtag",
            &self.append_fromtag,
            1,
            "1: the tag of the dialog's caller goes into the Record-Route as ftag",
        );
        int(
            "enable_double_rr",
            &self.enable_double_rr,
            2,
            "1: two values when a request leaves by another listener than it came by; 2: always",
        );
        int("enable_full_lr", &self.enable_full_lr, 1, "1: writes lr=on instead of lr");
        int(
            "add_username",
            &self.add_username,
            1,
            "1: the Request-URI's user goes into the Record-Route",
        );
    }

    fn record(
        &self,
        cx: &ActionCx<'_, '_>,
        call: &mut CallState,
        args: &[Value],
    ) -> Result<i64, ActionError> {
        if call.record_route.is_some() {
            return Err(ActionError::Message("the request has our Record-Route already".into()));
        }
        if !args.is_empty() {
            add_param("record_route", call, args.first())?;
        }
        let ftag = match self.append_fromtag.on() {
            true => caller_tag(cx.engine, call)?,
            false => None,
        };
        let user = match self.add_username.on().then(|| Uri::parse(call.request_uri())) {
            Some(Ok(uri)) => Bytes::copy_from_slice(uri.user.unwrap_or_default()),
            Some(Err(_)) | None => Bytes::new(),
        };
        let double = match self.enable_double_rr.get() {
            0 => DoubleRr::Never,
            1 => DoubleRr::WhenDifferent,
            _ => DoubleRr::Always,
        };
        let full_lr = self.enable_full_lr.on();
        call.record_route = Some(RecordRoutePlan { ftag, user, full_lr, double });
        Ok(1)
    }
}

/// The tag of who made the dialog: the From's, but for a request of the callee, whose Route of
/// ours still has the caller's, the To's.
fn caller_tag(engine: &EngineParts, call: &CallState) -> Result<Option<Bytes>, ActionError> {
    let msg = &call.msg;
    let unreadable = |e: sip_parser::HeaderError| ActionError::Message(e.to_string());
    let (from, to) = match &call.facts {
        Some(facts) => (facts.from_tag(msg), facts.to_tag(msg)),
        None => (msg.from().map_err(unreadable)?.tag(), msg.to().map_err(unreadable)?.tag()),
    };
    let remembered = || {
        let first = msg.routes().next()?.ok()?;
        let uri = Uri::parse(first.uri).ok().filter(|u| engine.is_myself(u))?;
        uri.params.value(b"ftag")
    };
    let upstream = to.is_some() && to != from && remembered() == to;
    let tag = if upstream { to } else { from };
    Ok(tag.map(|t| msg.bytes().slice_ref(t)))
}

fn add_param(
    function: &'static str,
    call: &mut CallState,
    param: Option<&Value>,
) -> Result<i64, ActionError> {
    let param = param.and_then(Value::as_bytes).filter(|p| {
        p.first() == Some(&b';') && p.iter().all(|c| c.is_ascii_graphic() && !b"<>,?\"".contains(c))
    });
    let param = param
        .ok_or_else(|| ActionError::argument(function, 1, "must be parameters as `;name=value`"))?;
    call.rr_params.extend_from_slice(param);
    Ok(1)
}

/// Takes our Routes off and says where the request goes (RFC 3261 16.4, 16.12). A new request may
/// carry preloaded Routes; they are followed as well.
fn follow(cx: &ActionCx<'_, '_>, call: &mut CallState, which: Follow) -> Result<i64, ActionError> {
    let initial = !call.in_dialog();
    if call.routed {
        let decided = call.rewrite.dst_uri.is_some() || call.rewrite.uri.is_some();
        return Ok(if initial && !decided { OWN_ROUTE_ONLY } else { 1 });
    }
    let engine = cx.engine;
    let local = |uri: &Uri<'_>| engine.is_myself(uri);
    let CallState { msg, patch, rewrite, routed, .. } = call;
    let route =
        loose_route(msg, patch, which, local).map_err(|e| ActionError::Message(e.to_string()))?;
    if route.own.is_none() && route.next.is_none() && route.uri.is_none() {
        return Ok(NO_ROUTE);
    }
    let bytes = msg.bytes();
    let at = |span: Span| bytes.slice(span.start as usize..span.end as usize);
    if let Some(uri) = route.uri {
        rewrite.uri = Some(at(uri));
    }
    rewrite.dst_uri = route.next.map(at);
    // Of a pair, the second is the side to leave by.
    rewrite.listen = route.twin.and_then(|twin| {
        let uri = Uri::parse(msg.slice(twin)).ok()?;
        local_listener(&engine.listeners, &uri)
    });
    *routed = true;
    let own_only = initial && route.next.is_none() && route.uri.is_none();
    Ok(if own_only { OWN_ROUTE_ONLY } else { 1 })
}
