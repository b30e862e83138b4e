//! Arming: routes for what becomes of the branches, and times of one transaction's own.

use std::sync::Arc;

use sip_core::txn::{Arm, OwnTimes};
use sip_module_api::Value;
use sip_module_api::call::{CallState, Hooked, RouteMask};
use sip_module_api::flow::{ActionCx, ActionError, Flow};
use sip_module_api::registry::Declare;
use sip_parser::Method;

/// Where the routes and times of a transaction may be changed.
pub(super) const ARM_ROUTES: RouteMask = RouteMask::REQUEST
    .with(RouteMask::FAILURE)
    .with(RouteMask::TM_ONREPLY)
    .with(RouteMask::BRANCH)
    .with(RouteMask::BRANCH_FAILURE);

/// Name, the kind of route it arms, where it may be used, doc.
const ROUTES: [(&str, RouteMask, RouteMask, &str); 4] = [
    (
        "t_on_failure",
        RouteMask::FAILURE,
        ARM_ROUTES,
        "t_on_failure(name): runs that failure route once all branches have failed; a failure route \
         that wants another arms it again. `0` takes it off",
    ),
    (
        "t_on_branch",
        RouteMask::BRANCH,
        RouteMask::REQUEST.with(RouteMask::FAILURE).with(RouteMask::BRANCH_FAILURE),
        "t_on_branch(name): runs that branch route for each branch of the relay that follows, before it \
         is made; a failure route arms it again. `0` takes it off",
    ),
    (
        "t_on_reply",
        RouteMask::TM_ONREPLY,
        ARM_ROUTES,
        "t_on_reply(name): runs that reply route for each response; in a branch route for those of \
         its branch. `0` takes it off",
    ),
    (
        "t_on_branch_failure",
        RouteMask::BRANCH_FAILURE,
        ARM_ROUTES,
        "t_on_branch_failure(name): runs that route for each branch that fails. `0` takes it off",
    ),
];

/// Declares the functions.
pub(super) fn declare(d: &mut Declare<'_>) {
    for (name, kind, routes, doc) in ROUTES {
        d.function(name, 1..=1, routes, doc, move |cx, call, args| {
            Flow::from(arm_route(name, kind, cx, call, args))
        });
    }
    declare_times(d);
    d.function(
        "t_set_disable_6xx",
        1..=1,
        ARM_ROUTES,
        "t_set_disable_6xx(0|1): 1: a 6xx is a failure like others, so that branches may follow it",
        |cx, call, args| {
            let Some(on) = args.first().and_then(Value::as_int).filter(|n| (0..=1).contains(n))
            else {
                let text = "must be 0 or 1";
                return Flow::Error(ActionError::argument("t_set_disable_6xx", 1, text));
            };
            call.hooked().ignore_6xx = Some(on == 1);
            apply(cx, call, Arm { ignore_6xx: Some(on == 1), ..Arm::default() })
        },
    );
}

fn declare_times(d: &mut Declare<'_>) {
    d.function(
        "t_set_fr",
        1..=2,
        ARM_ROUTES,
        "t_set_fr(fr_inv_timer [, fr_timer]): these times for this transaction, in milliseconds; 0 \
         leaves one as it is",
        |cx, call, args| {
            set_times("t_set_fr", cx, call, args, |a, b| OwnTimes {
                fr_inv: a,
                fr: b,
                ..OwnTimes::default()
            })
        },
    );
    d.function(
        "t_set_retr",
        2..=2,
        ARM_ROUTES,
        "t_set_retr(retr_timer1, retr_timer2): these intervals for this transaction, in \
         milliseconds; 0 leaves one as it is",
        |cx, call, args| {
            set_times("t_set_retr", cx, call, args, |a, b| OwnTimes {
                t1: a,
                t2: b,
                ..OwnTimes::default()
            })
        },
    );
    d.function(
        "t_reset_fr",
        0..=0,
        ARM_ROUTES,
        "t_reset_fr(): fr_timer and fr_inv_timer hold again",
        |cx, call, _| {
            let times = &mut call.hooked().times;
            (times.fr, times.fr_inv) = (0, 0);
            apply(cx, call, Arm { reset_fr: true, ..Arm::default() })
        },
    );
    d.function(
        "t_reset_retr",
        0..=0,
        ARM_ROUTES,
        "t_reset_retr(): retr_timer1 and retr_timer2 hold again",
        |cx, call, _| {
            let times = &mut call.hooked().times;
            (times.t1, times.t2) = (0, 0);
            apply(cx, call, Arm { reset_retr: true, ..Arm::default() })
        },
    );
    d.function(
        "t_set_max_lifetime",
        2..=2,
        ARM_ROUTES,
        "t_set_max_lifetime(max_inv_lifetime, max_noninv_lifetime): how long this transaction may \
         stay without a final answer, in milliseconds; 0 leaves it as it is",
        |cx, call, args| match numbers("t_set_max_lifetime", args) {
            Ok(times) => set_lifetime(cx, call, Some(times)),
            Err(error) => Flow::Error(error),
        },
    );
    d.function(
        "t_reset_max_lifetime",
        0..=0,
        ARM_ROUTES,
        "t_reset_max_lifetime(): max_inv_lifetime and max_noninv_lifetime hold again, from now",
        |cx, call, _| set_lifetime(cx, call, None),
    );
}

/// What a call has armed, for its transaction; `None` when it has armed nothing. `fresh` says that
/// the transaction has not been relayed yet, so that what the route leaves is to be kept.
pub(super) fn armed(call: &CallState, fresh: bool) -> Option<Arm> {
    let hooked = call.hooked.as_deref()?;
    let invite = call.msg.method() == Some(Method::Invite);
    Some(Arm {
        failure: hooked.on_failure.clone().map(Some),
        reply: hooked.on_reply.clone().map(Some),
        branch_failure: hooked.on_branch_failure.clone().map(Some),
        kept: fresh.then(|| call.keep() as sip_core::txn::Kept),
        times: hooked.times,
        reset_fr: false,
        reset_retr: false,
        lifetime: lifetime(hooked, invite),
        ignore_6xx: hooked.ignore_6xx,
    })
}

fn lifetime(hooked: &Hooked, invite: bool) -> Option<u32> {
    let (inv, other) = hooked.lifetime?;
    Some(if invite { inv } else { other }).filter(|ms| *ms != 0)
}

/// Makes a change hold at once for a transaction that there is already.
fn apply(cx: &mut ActionCx<'_, '_>, call: &CallState, arm: Arm) -> Flow {
    if let Some(txn) = call.txn
        && !cx.proxy.arm(cx.core, txn, arm)
    {
        return Flow::Error(ActionError::Transaction("the transaction is gone".into()));
    }
    Flow::Return(1)
}

fn arm_route(
    function: &'static str,
    kind: RouteMask,
    cx: &mut ActionCx<'_, '_>,
    call: &mut CallState,
    args: &[Value],
) -> Result<Flow, ActionError> {
    let wrong = |text: String| ActionError::argument(function, 1, text);
    let name = match args.first() {
        Some(Value::Str(name)) => {
            std::str::from_utf8(name).map_err(|_| wrong("must be a name".into()))?
        }
        Some(Value::Int(0)) => "0",
        _ => return Err(wrong("must be a name".into())),
    };
    let route = match name {
        "" | "0" => None,
        name if cx.engine.routes.has(kind, name) => Some(Arc::<str>::from(name)),
        name => return Err(wrong(format!("names no {} route: `{name}`", kind.name()))),
    };
    let in_branch = call.kind == RouteMask::BRANCH;
    let hooked = call.hooked();
    let arm = match kind {
        RouteMask::FAILURE => {
            hooked.on_failure.clone_from(&route);
            Arm { failure: Some(route), ..Arm::default() }
        }
        RouteMask::TM_ONREPLY => {
            hooked.on_reply.clone_from(&route);
            if in_branch {
                // It goes with the branch that is being made.
                return Ok(Flow::Return(1));
            }
            Arm { reply: Some(route), ..Arm::default() }
        }
        RouteMask::BRANCH_FAILURE => {
            hooked.on_branch_failure.clone_from(&route);
            Arm { branch_failure: Some(route), ..Arm::default() }
        }
        _ => {
            hooked.on_branch = route;
            return Ok(Flow::Return(1));
        }
    };
    Ok(apply(cx, call, arm))
}

fn set_times(
    function: &'static str,
    cx: &mut ActionCx<'_, '_>,
    call: &mut CallState,
    args: &[Value],
    times: impl FnOnce(u32, u32) -> OwnTimes,
) -> Flow {
    match numbers(function, args) {
        Ok((a, b)) => {
            let times = times(a, b);
            let own = &mut call.hooked().times;
            for (own, new) in [
                (&mut own.fr, times.fr),
                (&mut own.fr_inv, times.fr_inv),
                (&mut own.t1, times.t1),
                (&mut own.t2, times.t2),
            ] {
                if new != 0 {
                    *own = new;
                }
            }
            apply(cx, call, Arm { times, ..Arm::default() })
        }
        Err(error) => Flow::Error(error),
    }
}

fn set_lifetime(
    cx: &mut ActionCx<'_, '_>,
    call: &mut CallState,
    times: Option<(u32, u32)>,
) -> Flow {
    let params = cx.proxy.params();
    let reset = (params.max_inv_lifetime.value(), params.max_noninv_lifetime.value());
    call.hooked().lifetime = times;
    let invite = call.msg.method() == Some(Method::Invite);
    let given = times.unwrap_or(reset);
    let lifetime = Some(if invite { given.0 } else { given.1 }).filter(|ms| *ms != 0);
    apply(cx, call, Arm { lifetime, ..Arm::default() })
}

/// One or two times in milliseconds.
fn numbers(function: &'static str, args: &[Value]) -> Result<(u32, u32), ActionError> {
    let number = |index: usize| match args.get(index) {
        None => Ok(0),
        Some(value) => {
            let n = value.as_int().and_then(|n| u32::try_from(n).ok());
            n.filter(|n| i32::try_from(*n).is_ok()).ok_or_else(|| {
                ActionError::argument(function, index + 1, "must be a number of milliseconds")
            })
        }
    };
    Ok((number(0)?, number(1)?))
}
