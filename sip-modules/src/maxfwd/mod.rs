//! The module `maxfwd`: how many hops a request may still take (RFC 3261 16.3 step 3, maxfwd
//! module documentation). The number itself is decremented when the request goes out.

use std::sync::Arc;

use sip_module_api::call::{CallState, RouteMask};
use sip_module_api::flow::{ActionCx, ActionError, Flow};
use sip_module_api::registry::{Declare, IntParam, When};
use sip_module_api::{Module, Value};

struct MaxFwd {
    max_limit: IntParam,
}

/// The module.
#[must_use]
pub fn module() -> Arc<dyn Module> {
    Arc::new(MaxFwd { max_limit: IntParam::new(70) })
}

const ROUTES: RouteMask = RouteMask::ANY;

impl Module for MaxFwd {
    fn name(&self) -> &'static str {
        "maxfwd"
    }

    fn doc(&self) -> &'static str {
        "Max-Forwards checks"
    }

    fn declare(self: Arc<Self>, d: &mut Declare<'_>) {
        d.int(
            "max_limit",
            &self.max_limit,
            0..=255,
            When::Always,
            "the largest Max-Forwards that is passed on; a larger one is lowered to it",
        );
        for name in ["mf_process_maxfwd_header", "process_maxfwd", "maxfwd_process"] {
            let this = Arc::clone(&self);
            d.function(
                name,
                1..=1,
                RouteMask::REQUEST,
                "maxfwd_process(limit): 1 when the request may be passed on (a missing Max-Forwards \
                 is added with the limit, one above max_limit lowered to it), -1 when it is used up",
                move |cx, call, args| Flow::from(this.process(cx, call, args)),
            );
        }
        for (name, least) in [("is_maxfwd_lt", false), ("mf_lowlimit", false), ("maxfwd_at_least", true)] {
            d.function(
                name,
                1..=1,
                ROUTES,
                "compares Max-Forwards with a limit: is_maxfwd_lt and mf_lowlimit are true below \
                 it, maxfwd_at_least at or above it",
                move |_, call, args| {
                    Flow::from(limit(name, args).and_then(|limit| {
                        let Some(hops) = hops(call)? else { return Ok(-1) };
                        let below = i64::from(hops) < limit;
                        Ok(if below != least { 1 } else { -1 })
                    }))
                },
            );
        }
    }
}

impl MaxFwd {
    fn process(
        &self,
        _cx: &mut ActionCx<'_, '_>,
        call: &mut CallState,
        args: &[Value],
    ) -> Result<i64, ActionError> {
        let limit = limit("maxfwd_process", args)?;
        let max = self.max_limit.get();
        match hops(call)? {
            None => {
                let value = limit.min(max).to_string();
                call.append_header("Max-Forwards", value.as_bytes());
                Ok(1)
            }
            Some(0) => Ok(-1),
            Some(n) if i64::from(n) > max => {
                call.max_forwards = u32::try_from(max).ok();
                Ok(1)
            }
            Some(_) => Ok(1),
        }
    }
}

fn hops(call: &CallState) -> Result<Option<u32>, ActionError> {
    call.msg.max_forwards().map_err(|e| ActionError::Message(e.to_string()))
}

fn limit(function: &'static str, args: &[Value]) -> Result<i64, ActionError> {
    args.first()
        .and_then(Value::as_int)
        .filter(|n| (0..=255).contains(n))
        .ok_or_else(|| ActionError::argument(function, 1, "must be a limit from 0 to 255"))
}
