//! Relaying: from what a route has decided to a plan for the proxy core.

use bytes::Bytes;
use sip_core::net::{ListenId, Target};
use sip_core::proxy::{
    BranchOwn, BranchPlan, CreateError, RecordRoute, RelayError, RelayPlan, unsupported,
};
use sip_core::txn::{Arm, TxnId};
use sip_module_api::call::{
    Branch, BranchRun, BranchRuns, BranchesRun, CallState, Outcome, RouteMask,
};
use sip_module_api::flow::{ActionCx, ActionError, Flow, Resumed, Suspend};
use sip_module_api::job::{Job, JobQueue};
use sip_module_api::log;
use sip_parser::Method;
use smallvec::SmallVec;

use super::hooks::armed;
use super::target::{Found, Hop, Lookup, Name, first_uri, next_hop, without_maddr};

/// One branch, its target known or to be looked up.
pub(super) struct Leg {
    uri: Bytes,
    path: Option<Bytes>,
    q: u16,
    listen: Option<ListenId>,
    hop: Hop,
    own: Option<Box<BranchOwn>>,
}

type Legs = SmallVec<[Leg; 4]>;

/// How a request is to go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum How {
    /// By its transaction.
    Stateful,
    /// Without one.
    Stateless,
    /// By its transaction, as a copy whose answers count for nothing.
    Replica,
}

/// Relays the request of `call`; names among its next hops are looked up first, while the call
/// waits.
pub(super) fn relay(
    cx: &mut ActionCx<'_, '_>,
    call: &mut CallState,
    how: How,
    resolver: &JobQueue,
) -> Flow {
    if call.outcome != Outcome::Open {
        let text = "the request was answered or relayed already";
        return Flow::Error(ActionError::Transaction(text.into()));
    }
    let mut how = how;
    if call.msg.method() == Some(Method::Cancel) && how == How::Stateful {
        match call.invite {
            Some(invite) => return Flow::from(cancel(cx, call, invite)),
            // RFC 3261 16.10: a CANCEL for an unknown INVITE is passed on without a transaction.
            None => how = How::Stateless,
        }
    }
    if how == How::Stateful && call.hooked.as_ref().is_some_and(|h| h.on_branch.is_some()) {
        return through_branch_route(call, resolver);
    }
    match legs(cx, call) {
        Ok(legs) => relay_legs(cx, call, how, legs, resolver),
        Err(error) => Flow::Error(error),
    }
}

/// Sends a copy of the request to `target`, or where it would go itself, and forgets the answers.
pub(super) fn replicate(
    cx: &mut ActionCx<'_, '_>,
    call: &mut CallState,
    to: Option<Hop>,
    resolver: &JobQueue,
) -> Flow {
    if call.msg.method() == Some(Method::Ack) || call.msg.method() == Some(Method::Cancel) {
        let text = "an ACK and a CANCEL are not replicated";
        return Flow::Error(ActionError::Transaction(text.into()));
    }
    let first = &call.rewrite;
    let (uri, path) = (first.uri.clone().unwrap_or_default(), first.path.clone());
    let hop = match to {
        Some(hop) => Ok(hop),
        None => {
            let (target, to) = (first.target, first.dst_uri.as_deref());
            hop_of(target, to, path.as_ref(), call.request_uri())
        }
    };
    match hop {
        Ok(hop) => {
            let leg = Leg { uri, path, q: first.q, listen: None, hop, own: None };
            relay_legs(cx, call, How::Replica, std::iter::once(leg).collect(), resolver)
        }
        Err(error) => Flow::Error(error),
    }
}

/// Has each branch go through its route before it is made.
fn through_branch_route(call: &mut CallState, resolver: &JobQueue) -> Flow {
    let branches = branches(call);
    let first = call.txn.map_or(0, |_| call.hooked().made);
    let hooked = call.hooked();
    let Some(route) = hooked.on_branch.clone() else { return Flow::Return(-1) };
    hooked.runs = Some(BranchRuns { route, branches, first });
    let resolver = resolver.clone();
    Flow::Suspend(Suspend {
        deadline: None,
        then: Box::new(move |cx, call, resumed| {
            let run = match resumed {
                Resumed::Done(result) => result.downcast::<BranchesRun>().unwrap_or_default(),
                Resumed::Deadline => return Flow::Error(ActionError::Deadline("a branch route")),
                Resumed::Shutdown => return Flow::Error(ActionError::Shutdown),
                Resumed::Value(_) => Box::default(),
            };
            match legs_of_runs(cx, run.0) {
                Ok(legs) => relay_legs(cx, call, How::Stateful, legs, &resolver),
                Err(error) => Flow::Error(error),
            }
        }),
    })
}

/// The branches as they came out of their routes.
fn legs_of_runs(cx: &ActionCx<'_, '_>, runs: Vec<BranchRun>) -> Result<Legs, ActionError> {
    let mut legs = Legs::new();
    let mut nowhere = ActionError::Transaction("no branch is left by the branch route".into());
    for BranchRun { branch, patch, on_reply } in runs {
        let path = branch.path.clone();
        match hop_of(branch.target, branch.dst_uri.as_deref(), path.as_ref(), &branch.uri) {
            Ok(hop) => {
                let (uri, q, listen) = (branch.uri, branch.q, branch.listen);
                let own = BranchOwn { patch: Some(patch), reply: on_reply, ..BranchOwn::default() };
                let own = Some(Box::new(own));
                legs.push(Leg { uri, path, q, listen, hop, own });
            }
            Err(error) => {
                log!(cx.engine.log, Info, "tm", "a branch is left out: {error}");
                nowhere = error;
            }
        }
    }
    if legs.is_empty() { Err(nowhere) } else { Ok(legs) }
}

/// All branches of a request, each with its Request-URI.
fn branches(call: &CallState) -> Vec<Branch> {
    let first = &call.rewrite;
    let main = Branch {
        uri: Bytes::copy_from_slice(call.request_uri()),
        target: first.target,
        dst_uri: first.dst_uri.clone(),
        listen: first.listen,
        path: first.path.clone(),
        q: first.q,
        flags: first.flags,
    };
    let main = (!is_used(call)).then_some(main);
    main.into_iter().chain(call.branches.iter().cloned()).collect()
}

/// Whether the request's own destination was tried before: a failure route names another, or adds
/// branches.
fn is_used(call: &CallState) -> bool {
    let to = &call.rewrite;
    let unchanged = to.uri.is_none() && to.target.is_none() && to.dst_uri.is_none();
    call.kind != RouteMask::REQUEST && unchanged
}

fn relay_legs(
    cx: &mut ActionCx<'_, '_>,
    call: &mut CallState,
    how: How,
    legs: Legs,
    resolver: &JobQueue,
) -> Flow {
    if legs.iter().all(|l| matches!(l.hop, Hop::Known(_))) {
        return Flow::from(send(cx, call, how, legs));
    }
    let names = legs.iter().filter_map(|l| match &l.hop {
        Hop::Name(name) => Some(name.clone()),
        Hop::Known(_) => None,
    });
    let work = Box::new(Lookup(names.collect::<Vec<Name>>()));
    if resolver.submit(Job { work, done: Some(cx.completion()) }).is_err() {
        return Flow::Error(ActionError::Overload("too many names wait to be looked up".into()));
    }
    Flow::Suspend(Suspend {
        deadline: None,
        then: Box::new(move |cx, call, resumed| {
            Flow::from(looked_up(cx, call, how, legs, resumed))
        }),
    })
}

fn looked_up(
    cx: &mut ActionCx<'_, '_>,
    call: &mut CallState,
    how: How,
    mut legs: Legs,
    resumed: Resumed,
) -> Result<i64, ActionError> {
    let found = match resumed {
        Resumed::Done(result) => result.downcast::<Found>().map(|f| f.0).unwrap_or_default(),
        Resumed::Deadline => return Err(ActionError::Deadline("looking the next hop up")),
        Resumed::Shutdown => return Err(ActionError::Shutdown),
        Resumed::Value(_) => Vec::new(),
    };
    let mut found = found.into_iter();
    let mut failed = String::from("the next hop could not be looked up");
    legs.retain(|leg| {
        let Hop::Name(_) = leg.hop else { return true };
        match found.next() {
            Some(Ok(mut targets)) if !targets.is_empty() => {
                leg.hop = Hop::Known(targets.remove(0));
                if !targets.is_empty() {
                    // RFC 3263 4.3: should the first not do.
                    leg.own.get_or_insert_default().elsewhere = targets;
                }
                true
            }
            Some(Ok(_)) => false,
            Some(Err(reason)) => {
                failed = reason;
                false
            }
            None => false,
        }
    });
    if legs.is_empty() {
        return Err(ActionError::Transaction(failed));
    }
    send(cx, call, how, legs)
}

/// The branches of the request: its own Request-URI, then those that were appended, as many as a
/// transaction may have. One that leads nowhere is left out; it is an error when all do.
fn legs(cx: &ActionCx<'_, '_>, call: &CallState) -> Result<Legs, ActionError> {
    let uri = call.rewrite.uri.clone().unwrap_or_default();
    let first = &call.rewrite;
    let ruri = call.request_uri();
    let mut legs = Legs::new();
    let path = first.path.clone();
    let mut nowhere = None;
    if !is_used(call) {
        match hop_of(first.target, first.dst_uri.as_deref(), path.as_ref(), ruri) {
            Ok(hop) => {
                let (uri, hop) = past_our_maddr(cx, call, &hop).unwrap_or((uri, hop));
                legs.push(Leg { uri, path, q: first.q, listen: first.listen, hop, own: None });
            }
            Err(error) => nowhere = Some(error),
        }
    }
    let limit = usize::try_from(cx.proxy.params().max_branches.value()).unwrap_or(usize::MAX);
    for branch in &call.branches {
        if legs.len() >= limit {
            log!(
                cx.engine.log,
                Notice,
                "tm",
                "only {limit} of {} branches are made (max_branches)",
                call.branches.len() + 1
            );
            break;
        }
        let path = branch.path.clone();
        match hop_of(branch.target, branch.dst_uri.as_deref(), path.as_ref(), &branch.uri) {
            Ok(hop) => {
                legs.push(Leg {
                    uri: branch.uri.clone(),
                    path,
                    q: branch.q,
                    listen: branch.listen,
                    hop,
                    own: None,
                });
            }
            Err(error) => nowhere = Some(error),
        }
    }
    match nowhere {
        Some(error) if legs.is_empty() => Err(error),
        Some(error) => {
            log!(cx.engine.log, Info, "tm", "a branch is left out: {error}");
            Ok(legs)
        }
        None => Ok(legs),
    }
}

/// Where the request goes whose Request-URI has our own address as maddr, as if it had none: the
/// new Request-URI and its hop (RFC 3261 16.4). `None` for any other.
fn past_our_maddr(cx: &ActionCx<'_, '_>, call: &CallState, hop: &Hop) -> Option<(Bytes, Hop)> {
    let Hop::Known(target) = hop else { return None };
    let listeners = cx.proxy.listeners();
    let ours = |id: ListenId| {
        listeners.by_id(id).is_some_and(|l| l.proto == target.proto && l.addr == target.peer)
    };
    let to = &call.rewrite;
    let elsewhere = to.target.is_some() || to.dst_uri.is_some() || to.path.is_some();
    // It must have come in by the port and transport that the URI says.
    if elsewhere || !ours(call.flow.listen) {
        return None;
    }
    let uri = without_maddr(call.request_uri())?;
    let hop = next_hop(&uri).ok()?;
    Some((uri, hop))
}

fn hop_of(
    target: Option<Target>,
    dst_uri: Option<&[u8]>,
    path: Option<&Bytes>,
    uri: &[u8],
) -> Result<Hop, ActionError> {
    if let Some(target) = target {
        return Ok(Hop::Known(target));
    }
    let first_of_path = path.and_then(first_uri);
    let uri = dst_uri.or(first_of_path.as_deref()).unwrap_or(uri);
    next_hop(uri).map_err(|e| ActionError::Transaction(e.to_string()))
}

/// `target` by way of `listen`, if that can reach it and nothing else is settled.
fn leave_by(cx: &ActionCx<'_, '_>, target: Target, listen: Option<ListenId>) -> Target {
    let fits = |id: &ListenId| {
        let listener = cx.proxy.listeners().by_id(*id);
        listener
            .is_some_and(|l| l.proto == target.proto && l.addr.is_ipv4() == target.peer.is_ipv4())
    };
    Target { listen: target.listen.or(listen.filter(fits)), ..target }
}

fn send(
    cx: &mut ActionCx<'_, '_>,
    call: &mut CallState,
    how: How,
    legs: Legs,
) -> Result<i64, ActionError> {
    let branches: SmallVec<[BranchPlan; 4]> = legs
        .into_iter()
        .filter_map(|leg| match leg.hop {
            Hop::Known(target) => {
                let target = leave_by(cx, target, leg.listen);
                Some(BranchPlan { uri: leg.uri, target, path: leg.path, q: leg.q, own: leg.own })
            }
            Hop::Name(_) => None,
        })
        .collect();
    let arm = match how {
        How::Stateful => armed(call, call.kind == RouteMask::REQUEST),
        How::Stateless | How::Replica => None,
    };
    let patch = std::mem::take(&mut call.patch);
    let params = call.rr_params.split().freeze();
    let record = call.record_route.take();
    let plan = RelayPlan {
        patch: &patch,
        branches,
        record_route: record.as_ref().map(|r| RecordRoute {
            ftag: r.ftag.as_deref(),
            user: &r.user,
            full_lr: r.full_lr,
            double: r.double,
            params: &params,
        }),
        max_forwards: call.max_forwards,
        replica: how == How::Replica,
    };
    let result = go(cx, call, how, &plan, arm);
    call.patch = patch;
    call.record_route = record;
    result
}

fn go(
    cx: &mut ActionCx<'_, '_>,
    call: &mut CallState,
    how: How,
    plan: &RelayPlan<'_>,
    arm: Option<Arm>,
) -> Result<i64, ActionError> {
    // An ACK has no transaction of its own; to a 2xx it is just passed on (RFC 3261 16.11, 17.2.1).
    if how == How::Stateless || call.msg.method() == Some(Method::Ack) {
        let sent = cx.proxy.forward_stateless(cx.core, &call.flow, &call.msg, plan);
        sent.map_err(|e| refused(call, e))?;
        call.outcome = Outcome::Forwarded;
        return Ok(1);
    }
    let txn = match call.txn {
        Some(txn) => txn,
        None => match create(cx, call) {
            Ok(txn) => txn,
            Err(CreateError::Retransmission(_)) => {
                call.outcome = Outcome::Absorbed;
                return Ok(1);
            }
            Err(e) => return Err(ActionError::Overload(e.to_string())),
        },
    };
    call.txn = Some(txn);
    if let Some(arm) = arm {
        cx.proxy.arm(cx.core, txn, arm);
    }
    cx.proxy.relay(cx.core, txn, &call.msg, plan).map_err(|e| {
        log!(cx.engine.log, Info, "tm", "not relayed: {e}");
        refused(call, e)
    })?;
    if how != How::Replica {
        call.outcome = Outcome::Relayed;
    }
    Ok(1)
}

/// Makes the transaction of a call that has none.
pub(super) fn create(cx: &mut ActionCx<'_, '_>, call: &CallState) -> Result<TxnId, CreateError> {
    let CallState { flow, msg, facts, .. } = call;
    match call.hooked.as_ref().and_then(|h| h.quiet) {
        Some(quiet) => cx.proxy.create_quietly(cx.core, flow, msg, facts.as_ref(), quiet),
        None => cx.proxy.create_with(cx.core, flow, msg, facts.as_ref()),
    }
}

/// The error for a request that was not relayed, with the answer it deserves.
fn refused(call: &mut CallState, error: RelayError) -> ActionError {
    let text = error.to_string();
    if error == RelayError::BadExtension {
        unsupported(&call.msg, &mut call.reply_headers);
    }
    match error.status() {
        Some((code, reason)) => ActionError::Status { code, reason, text },
        // Cancelled or answered meanwhile: nothing is left to do.
        None => {
            call.outcome = Outcome::Absorbed;
            ActionError::Transaction(text)
        }
    }
}

/// A CANCEL: answered here, and what its INVITE has under way is cancelled (RFC 3261 16.10).
pub(super) fn cancel(
    cx: &mut ActionCx<'_, '_>,
    call: &mut CallState,
    invite: TxnId,
) -> Result<i64, ActionError> {
    call.outcome = Outcome::Absorbed;
    match cx.proxy.relay_cancel(cx.core, &call.flow, &call.msg, invite) {
        Ok(txn) => call.txn = Some(txn),
        Err(CreateError::Retransmission(_)) => {}
        Err(e) => return Err(ActionError::Overload(e.to_string())),
    }
    Ok(1)
}
