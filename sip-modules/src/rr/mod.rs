//! The module `rr`: Record-Route and loose routing (RFC 3261 16.4, 16.6 step 4, 16.12; rr module
//! documentation).

use std::sync::Arc;

use bytes::Bytes;
use sip_core::proxy::loose_route;
use sip_module_api::call::{CallState, RecordRoutePlan, RouteMask};
use sip_module_api::flow::{ActionCx, ActionError, Flow};
use sip_module_api::registry::{Declare, IntParam, When};
use sip_module_api::{Module, Value};
use sip_parser::Uri;

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

impl Module for Rr {
    fn name(&self) -> &'static str {
        "rr"
    }

    fn doc(&self) -> &'static str {
        "Record-Route and loose routing"
    }

    fn declare(self: Arc<Self>, d: &mut Declare<'_>) {
        let mut flag = |name, cell, doc| d.int(name, cell, 0..=1, When::BeforeStart, doc);
        flag("append_fromtag", &self.append_fromtag, "1: the From tag goes into the Record-Route as ftag");
        flag("enable_double_rr", &self.enable_double_rr,
            "1: two values when a request leaves by another listener than it came by");
        flag("enable_full_lr", &self.enable_full_lr, "1: writes lr=on instead of lr");
        flag("add_username", &self.add_username, "1: the Request-URI's user goes into the Record-Route");
        let rr = Arc::clone(&self);
        d.function(
            "record_route",
            0..=1,
            RouteMask::REQUEST | RouteMask::BRANCH | RouteMask::FAILURE,
            "record_route([params]): keeps this engine on the path of the dialog; params (as \
             `;x=y`) go into the value",
            move |_, call, args| Flow::from(rr.record(call, args)),
        );
        d.function(
            "add_rr_param",
            1..=1,
            RouteMask::REQUEST | RouteMask::BRANCH | RouteMask::FAILURE,
            "add_rr_param(param): adds a parameter, as `;x=y`, to the Record-Route",
            |_, call, args| Flow::from(add_param("add_rr_param", call, args.first())),
        );
        d.function(
            "remove_record_route",
            0..=0,
            RouteMask::REQUEST | RouteMask::FAILURE,
            "remove_record_route(): takes back what record_route asked for",
            |_, call, _| {
                call.record_route = None;
                call.rr_params.clear();
                Flow::Return(1)
            },
        );
        d.function(
            "loose_route",
            0..=0,
            RouteMask::REQUEST,
            "loose_route(): follows the Route headers; 1 when they decide the next hop, else -1",
            |cx, call, _| Flow::from(follow(cx, call)),
        );
    }
}

impl Rr {
    fn record(&self, call: &mut CallState, args: &[Value]) -> Result<i64, ActionError> {
        if call.record_route.is_some() {
            return Err(ActionError::Message("the request has our Record-Route already".into()));
        }
        if !args.is_empty() {
            add_param("record_route", call, args.first())?;
        }
        let from = call.msg.from().map_err(|e| ActionError::Message(e.to_string()))?;
        let ftag = from.tag().filter(|_| self.append_fromtag.on());
        let ftag = ftag.map(|t| call.msg.bytes().slice_ref(t));
        let user = match sip_parser::Uri::parse(call.request_uri()) {
            Ok(uri) if self.add_username.on() => {
                Bytes::copy_from_slice(uri.user.unwrap_or_default())
            }
            _ => Bytes::new(),
        };
        let (full_lr, double) = (self.enable_full_lr.on(), self.enable_double_rr.on());
        call.record_route = Some(RecordRoutePlan { ftag, user, full_lr, double });
        Ok(1)
    }
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

/// Takes our Routes off and says where the request goes (RFC 3261 16.4, 16.12). An INVITE and its
/// like without a To tag may carry preloaded Routes; they are followed as well.
fn follow(cx: &mut ActionCx<'_, '_>, call: &mut CallState) -> Result<i64, ActionError> {
    let engine = cx.engine;
    let local = |uri: &Uri<'_>| engine.is_myself(uri);
    let CallState { msg, patch, .. } = call;
    let route =
        loose_route(msg, patch, local).map_err(|e| ActionError::Message(e.to_string()))?;
    if route.own.is_none() && route.next.is_none() && route.uri.is_none() {
        return Ok(-1);
    }
    let bytes = msg.bytes();
    let at = |span: sip_parser::Span| bytes.slice(span.start as usize..span.end as usize);
    if let Some(uri) = route.uri {
        call.rewrite.uri = Some(at(uri));
    }
    call.rewrite.dst_uri = route.next.map(at);
    call.routed = true;
    Ok(1)
}
