//! What routes ask about their transaction: codes, branches, what has happened to it.

use sip_core::proxy::{BranchState, ForkState};
use sip_module_api::Value;
use sip_module_api::call::{CallState, RouteMask};
use sip_module_api::flow::{ActionCx, ActionError, Flow};
use sip_module_api::registry::Declare;

use super::hooks::ARM_ROUTES;

const STATUS_ROUTES: RouteMask = RouteMask::REQUEST
    .with(RouteMask::FAILURE)
    .with(RouteMask::ONREPLY)
    .with(RouteMask::BRANCH)
    .with(RouteMask::BRANCH_FAILURE);
const BRANCH_ROUTES: RouteMask =
    RouteMask::FAILURE.with(RouteMask::BRANCH_FAILURE).with(RouteMask::EVENT);

type Question = fn(&ForkState, &CallState) -> bool;

/// Name, where it may be asked, the answer, doc.
const QUESTIONS: [(&str, RouteMask, Question, &str); 7] = [
    (
        "t_branch_timeout",
        BRANCH_ROUTES,
        |state, call| branch(state, call).is_some_and(|b| b.silent && b.code == 408),
        "t_branch_timeout(): whether the branch that the route is about had no answer in time",
    ),
    (
        "t_branch_replied",
        BRANCH_ROUTES,
        |state, call| branch(state, call).is_some_and(replied_before),
        "t_branch_replied(): whether the branch that the route is about had answered before it failed",
    ),
    (
        "t_any_timeout",
        ARM_ROUTES,
        |state, _| state.branches.iter().any(|b| b.silent && b.code == 408),
        "t_any_timeout(): whether any branch had no answer in time",
    ),
    (
        "t_any_replied",
        ARM_ROUTES,
        |state, _| state.branches.iter().any(|b| b.replied),
        "t_any_replied(): whether any branch has answered",
    ),
    (
        "t_is_canceled",
        ARM_ROUTES,
        |state, _| state.cancelled,
        "t_is_canceled(): whether a CANCEL came for the transaction",
    ),
    (
        "t_is_expired",
        ARM_ROUTES,
        |state, _| state.expired,
        "t_is_expired(): whether the transaction has lived for as long as it may",
    ),
    ("t_exists", RouteMask::ANY, |_, _| true, "t_exists(): whether the message has a transaction"),
];

/// Declares the functions.
pub(super) fn declare(d: &mut Declare<'_>) {
    for (name, routes, question, doc) in QUESTIONS {
        d.function(name, 0..=0, routes, doc, move |cx, call, _| {
            truth(state(cx, call).is_some_and(|state| question(&state, call)))
        });
    }
    d.function(
        "t_check_status",
        1..=1,
        STATUS_ROUTES,
        "t_check_status(re): whether the code matches the regular expression: of the response in a \
         reply route, of the best failure in a failure route, in a request route the one that was \
         sent",
        |cx, call, args| Flow::from(check_status(cx, call, args)),
    );
    d.function(
        "t_get_status_code",
        0..=0,
        STATUS_ROUTES,
        "t_get_status_code(): that code, or -1",
        |cx, call, _| Flow::Return(code(cx, call).map_or(-1, i64::from)),
    );
    d.function(
        "t_grep_status",
        1..=1,
        ARM_ROUTES,
        "t_grep_status(code): whether any branch has ended with that code",
        |cx, call, args| {
            let wanted = args.first().and_then(Value::as_int).and_then(|n| u16::try_from(n).ok());
            let Some(wanted) = wanted.filter(|n| (100..700).contains(n)) else {
                let text = "must be a code from 100 to 699";
                return Flow::Error(ActionError::argument("t_grep_status", 1, text));
            };
            let state = state(cx, call).unwrap_or_default();
            truth(state.branches.iter().any(|b| b.code == wanted))
        },
    );
    d.function(
        "t_is_set",
        1..=1,
        RouteMask::ANY,
        "t_is_set(what): whether a `branch_route`, `failure_route` or `onreply_route` is armed",
        |cx, call, args| Flow::from(is_set(cx, call, args)),
    );
    d.function(
        "t_drop_replies",
        0..=1,
        RouteMask::FAILURE,
        "t_drop_replies([`a`|`l`|`n`]): the answers so far count no more: all (a, as without an \
         argument), those of the branches made last (l), none (n)",
        |cx, call, args| {
            let mode = args.first().map_or(Some("a"), Value::as_str);
            let last = match mode {
                Some("a" | "") => false,
                Some("l") => true,
                Some("n") => return Flow::Return(1),
                _ => {
                    let text = "must be `a`, `l` or `n`";
                    return Flow::Error(ActionError::argument("t_drop_replies", 1, text));
                }
            };
            truth(call.txn.is_some_and(|txn| cx.proxy.drop_replies(txn, last)))
        },
    );
}

fn state(cx: &ActionCx<'_, '_>, call: &CallState) -> Option<ForkState> {
    cx.proxy.fork_state(call.txn?)
}

/// The branch that the route is about.
fn branch<'a>(state: &'a ForkState, call: &CallState) -> Option<&'a BranchState> {
    state.branches.get(usize::from(call.about()?.branch))
}

/// Whether a branch had answered before what ended it.
const fn replied_before(branch: &BranchState) -> bool {
    branch.provisional != 0
}

fn code(cx: &ActionCx<'_, '_>, call: &CallState) -> Option<u16> {
    let about = call.about().map(|about| about.code).filter(|code| *code != 0);
    about.or_else(|| state(cx, call).map(|s| s.answered).filter(|code| *code != 0))
}

fn check_status(
    cx: &ActionCx<'_, '_>,
    call: &CallState,
    args: &[Value],
) -> Result<i64, ActionError> {
    let wrong = |text: String| ActionError::argument("t_check_status", 1, text);
    let pattern = match args.first() {
        Some(Value::Int(code)) => code.to_string(),
        Some(value) => value.as_str().unwrap_or_default().to_owned(),
        None => String::new(),
    };
    if pattern.is_empty() {
        return Err(wrong("must be a regular expression".into()));
    }
    let pattern = regex_lite::RegexBuilder::new(&pattern).case_insensitive(true).build();
    let pattern = pattern.map_err(|e| wrong(format!("is no regular expression: {e}")))?;
    let matches = code(cx, call).is_some_and(|code| pattern.is_match(&code.to_string()));
    Ok(if matches { 1 } else { -1 })
}

fn is_set(cx: &ActionCx<'_, '_>, call: &CallState, args: &[Value]) -> Result<i64, ActionError> {
    let hooked = call.hooked.as_deref();
    let state = state(cx, call).unwrap_or_default();
    // Before the relay it stands in the call, afterwards in the transaction.
    let set = match args.first().and_then(Value::as_str) {
        Some("branch_route") => hooked.is_some_and(|h| h.on_branch.is_some()),
        Some("failure_route") => state.on_failure || hooked.is_some_and(|h| h.on_failure.is_some()),
        Some("onreply_route") => state.on_reply || hooked.is_some_and(|h| h.on_reply.is_some()),
        _ => {
            let text = "must be `branch_route`, `failure_route` or `onreply_route`";
            return Err(ActionError::argument("t_is_set", 1, text));
        }
    };
    Ok(if set { 1 } else { -1 })
}

const fn truth(so: bool) -> Flow {
    Flow::Return(if so { 1 } else { -1 })
}
