//! The route that simulated engines run: a registrar and proxy as most programs want it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use looseroute::parser::Uri;
use looseroute::prelude::*;

/// What the route is to do, beyond the usual.
pub(crate) struct Plan {
    /// The domains it serves; the first is the realm of its accounts.
    pub(crate) domains: Vec<String>,
    /// Contacts that need no registration, by user.
    pub(crate) contacts: Vec<(String, String)>,
    /// Whether callers from our domains must prove who they are.
    pub(crate) demand_credentials: bool,
    /// Whether dialogs go on through the proxy.
    pub(crate) record_route: bool,
    /// Whether requests are forwarded without a transaction.
    pub(crate) stateless: bool,
    /// Whether a third of the calls goes through branch, reply and failure routes.
    pub(crate) routes: bool,
    /// Whether an OPTIONS for the proxy itself is answered.
    pub(crate) answer_options: bool,
    /// Where an INVITE goes when all others have failed, one after the other.
    pub(crate) otherwise: Vec<String>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            domains: Vec::new(),
            contacts: Vec::new(),
            demand_credentials: false,
            record_route: true,
            stateless: false,
            routes: false,
            answer_options: false,
            otherwise: Vec::new(),
        }
    }
}

type Route = Pin<Box<dyn Future<Output = Result<(), RouteError>> + Send>>;

/// The request route for `plan`.
pub(crate) fn route(plan: Plan) -> impl Fn(Call) -> Route + Send + Sync + 'static {
    let plan = Arc::new(plan);
    move |call| Box::pin(handle(call, Arc::clone(&plan)))
}

async fn handle(call: Call, plan: Arc<Plan>) -> Result<(), RouteError> {
    if !call.max_forwards(70).await? {
        return Ok(());
    }
    match call.method() {
        Method::Cancel => return cancel(&call, &plan).await,
        Method::Register => return register(&call, &plan).await,
        _ => {}
    }
    if call.in_dialog() {
        return in_dialog(&call, &plan).await;
    }
    if call.method() == Method::Ack {
        // To an answer of ours whose transaction is gone.
        return Ok(());
    }
    if plan.demand_credentials && is_ours(&call.from_uri(), &plan) && !prove(&call, &plan).await? {
        return Ok(());
    }
    if plan.answer_options && call.method() == Method::Options && call.is_myself().await? {
        let merged = call.function("t_is_merged", []).await?.as_int() > Some(0);
        let (code, reason) = if merged { (482, "Loop Detected") } else { (200, "OK") };
        return Ok(call.reply(code, reason).await?);
    }
    if call.method() == Method::Invite && plan.record_route {
        call.record_route().await?;
    }
    if call.is_myself().await? && !find(&call, &plan).await? {
        return Ok(call.reply(404, "Not Found").await?);
    }
    pass_on(&call, &plan).await
}

/// A CANCEL ends what its INVITE has under way; without one it follows the same way (RFC 3261
/// 16.10).
async fn cancel(call: &Call, plan: &Plan) -> Result<(), RouteError> {
    if call.function("t_check_trans", []).await?.as_int() > Some(0) {
        return Ok(call.relay().await?);
    }
    if plan.stateless && (!call.is_myself().await? || find(call, plan).await?) {
        return Ok(call.forward().await?);
    }
    Ok(call.reply(481, "Call/Transaction Does Not Exist").await?)
}

/// The failure route: the next one of those that are left, unless the caller has given up.
pub(crate) fn failed(otherwise: Vec<String>) -> impl Fn(Call) -> Route + Send + Sync + 'static {
    let otherwise = Arc::new(otherwise);
    move |call| Box::pin(try_another(call, Arc::clone(&otherwise)))
}

async fn try_another(call: Call, otherwise: Arc<Vec<String>>) -> Result<(), RouteError> {
    let gone = call.function("t_is_canceled", []).await?.as_int() > Some(0);
    let tried = call.avp("tried").and_then(|v| v.as_int()).unwrap_or_default();
    let next = usize::try_from(tried).ok().and_then(|n| otherwise.get(n));
    let Some(next) = next.filter(|_| !gone) else { return Ok(()) };
    call.set_avp("tried", (tried + 1).into());
    call.on_failure("otherwise").await?;
    call.set_request_uri(next.clone());
    Ok(call.relay().await?)
}

/// A route that leaves a mark and waits for a little.
pub(crate) fn pausing(call: Call, ms: u64) -> Route {
    Box::pin(async move {
        call.append_header("X-Route", "1");
        Ok(call.pause(Duration::from_millis(ms)).await?)
    })
}

async fn pass_on(call: &Call, plan: &Plan) -> Result<(), RouteError> {
    if plan.stateless {
        return Ok(call.forward().await?);
    }
    let share = call.call_id().iter().fold(0u32, |sum, b| sum.wrapping_add(u32::from(*b)));
    if plan.routes && share.is_multiple_of(3) {
        call.on_branch("pausing").await?;
        call.on_reply("pausing").await?;
        call.on_failure("pausing").await?;
    }
    if call.method() == Method::Invite && !plan.otherwise.is_empty() {
        call.on_failure("otherwise").await?;
    }
    Ok(call.relay().await?)
}

async fn register(call: &Call, plan: &Plan) -> Result<(), RouteError> {
    let realm = plan.domains.first().cloned().unwrap_or_default();
    if plan.demand_credentials && !call.www_authenticate(&realm).await? {
        return Ok(());
    }
    call.save("location").await?;
    Ok(())
}

/// A request within a dialog follows the Routes that its beginning left (RFC 3261 12.2).
async fn in_dialog(call: &Call, plan: &Plan) -> Result<(), RouteError> {
    if call.loose_route().await? || !call.is_myself().await? {
        return pass_on(call, plan).await;
    }
    if call.method() == Method::Ack {
        return Ok(());
    }
    Ok(call.reply(404, "Not Here").await?)
}

async fn prove(call: &Call, plan: &Plan) -> Result<bool, RouteError> {
    let realm = plan.domains.first().cloned().unwrap_or_default();
    if !call.proxy_authenticate(&realm).await? {
        return Ok(false);
    }
    call.function("consume_credentials", []).await?;
    Ok(true)
}

/// Finds the contacts of the called user: fixed ones, or what is registered.
async fn find(call: &Call, plan: &Plan) -> Result<bool, RouteError> {
    let uri = call.request_uri();
    let user = Uri::parse(&uri).ok().and_then(|uri| uri.user).unwrap_or_default();
    let mut fixed = plan.contacts.iter().filter(|(name, _)| name.as_bytes() == user);
    let Some((_, first)) = fixed.next() else { return Ok(call.lookup("location").await?) };
    call.set_request_uri(first.clone());
    fixed.for_each(|(_, uri)| call.append_branch(uri.clone()));
    Ok(true)
}

fn is_ours(uri: &[u8], plan: &Plan) -> bool {
    let host = Uri::parse(uri).ok().map(|uri| uri.host);
    let same = |domain: &String| {
        let domain = looseroute::parser::Host::parse(domain.as_bytes());
        domain.zip(host).is_some_and(|(domain, host)| domain.equivalent(&host))
    };
    plan.domains.iter().any(same)
}
