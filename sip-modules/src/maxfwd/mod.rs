//! The module `maxfwd`: how many hops a request may still take (RFC 3261 16.3 step 3 and 16.6
//! step 3, maxfwd module documentation). A request that no function of the module has seen goes
//! out with one hop less all the same.

use std::sync::Arc;

use sip_module_api::call::{CallState, RouteMask};
use sip_module_api::flow::{ActionError, Flow};
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

/// The largest value that a header may have (RFC 3261 20.22).
const LARGEST: i64 = 255;

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
            1..=LARGEST + 1,
            When::Always,
            "the largest Max-Forwards that is passed on; a larger one is lowered to it",
        );
        for name in ["maxfwd_process", "mf_process_maxfwd_header", "process_maxfwd"] {
            let max_limit = self.max_limit.clone();
            d.function(
                name,
                1..=1,
                RouteMask::REQUEST,
                "maxfwd_process(value): takes a hop off Max-Forwards, and off what is left all \
                 above max_limit; 1, or 2 when there was none and value is put in, -1 when none \
                 is left, -2 when it cannot be read",
                move |_, call, args| {
                    Flow::from(value(name, args).map(|value| process(call, value, max_limit.get())))
                },
            );
        }
        for name in ["is_maxfwd_lt", "maxfwd_at_least", "mf_lowlimit"] {
            d.function(
                name,
                1..=1,
                RouteMask::REQUEST | RouteMask::FAILURE | RouteMask::BRANCH,
                "is_maxfwd_lt(value): 1 when Max-Forwards, as maxfwd_process has left it, is below \
                 value, else -1; -2 when there is none, -3 when it cannot be read. The other names \
                 do the same",
                move |_, call, args| {
                    Flow::from(value(name, args).map(|value| match now(call) {
                        Ok(Some(hops)) if i64::from(hops) < value => 1,
                        Ok(Some(_)) => -1,
                        Ok(None) => -2,
                        Err(Unreadable) => -3,
                    }))
                },
            );
        }
    }
}

/// The header is there and is no number.
struct Unreadable;

/// Decides the value to send; doing so again changes nothing.
fn process(call: &mut CallState, value: i64, max_limit: i64) -> i64 {
    if call.max_forwards.is_some() {
        return 1;
    }
    let (hops, result) = match now(call) {
        Ok(Some(0)) => return -1,
        Ok(Some(hops)) => ((i64::from(hops) - 1).min(max_limit), 1),
        Ok(None) => (value, 2),
        Err(Unreadable) => return -2,
    };
    call.max_forwards = u32::try_from(hops).ok();
    result
}

/// Max-Forwards as it would go out, or else as it came.
fn now(call: &CallState) -> Result<Option<u32>, Unreadable> {
    match call.max_forwards {
        Some(hops) => Ok(Some(hops)),
        None => call.msg.max_forwards().map_err(|_| Unreadable),
    }
}

fn value(function: &'static str, args: &[Value]) -> Result<i64, ActionError> {
    let problem = || ActionError::argument(function, 1, "must be a number from 0 to 255");
    let value = args.first().and_then(Value::as_int);
    value.filter(|n| (0..=LARGEST).contains(n)).ok_or_else(problem)
}
