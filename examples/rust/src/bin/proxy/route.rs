//! What happens to each request.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use looseroute::parser::Uri;
use looseroute::prelude::*;

type Route = Pin<Box<dyn Future<Output = Result<(), RouteError>> + Send>>;

/// The request route for `domain`, the realm of its accounts.
pub(crate) fn request(domain: String) -> impl Fn(Call) -> Route + Send + Sync + 'static {
    let domain: Arc<str> = domain.into();
    move |call| Box::pin(handle(call, Arc::clone(&domain)))
}

async fn handle(call: Call, domain: Arc<str>) -> Result<(), RouteError> {
    if !call.max_forwards(70).await? {
        return Ok(());
    }
    match call.method() {
        Method::Cancel => return Ok(call.relay().await?),
        Method::Register => return register(&call, &domain).await,
        _ => {}
    }
    if call.in_dialog() {
        return in_dialog(&call).await;
    }
    if call.method() == Method::Ack {
        return Ok(()); // An ACK to an answer of ours, long gone.
    }
    if call.method() == Method::Options && call.is_myself().await? && !has_user(&call) {
        return Ok(call.reply(200, "OK").await?);
    }
    // Whoever says to be one of ours must prove it.
    if is_ours(&call.from_uri(), &domain) && !prove(&call, &domain).await? {
        return Ok(());
    }
    if matches!(call.method(), Method::Invite | Method::Subscribe) {
        call.record_route().await?;
    }
    if !call.is_myself().await? {
        if call.identity().is_none() {
            return Ok(call.reply(403, "Relaying Denied").await?);
        }
        return Ok(call.relay().await?);
    }
    if !call.lookup("location").await? {
        return Ok(call.reply(404, "Not Found").await?);
    }
    Ok(call.relay().await?)
}

async fn register(call: &Call, domain: &str) -> Result<(), RouteError> {
    if !call.www_authenticate(domain).await? {
        return Ok(());
    }
    let proved = call.identity().map(|i| i.user);
    if proved.as_deref() != user_of(&call.to_uri()).as_deref() {
        return Ok(call.reply(403, "Not Your Address").await?);
    }
    call.save("location").await?;
    Ok(())
}

/// A request within a dialog follows the Routes that its beginning left (RFC 3261 12.2).
async fn in_dialog(call: &Call) -> Result<(), RouteError> {
    if call.loose_route().await? || !call.is_myself().await? {
        return Ok(call.relay().await?);
    }
    if call.method() == Method::Ack {
        return Ok(());
    }
    Ok(call.reply(404, "Not Here").await?)
}

async fn prove(call: &Call, domain: &str) -> Result<bool, RouteError> {
    if !call.proxy_authenticate(domain).await? {
        return Ok(false);
    }
    let proved = call.identity().map(|i| i.user);
    if proved.as_deref() != user_of(&call.from_uri()).as_deref() {
        call.reply(403, "Not Your Address").await?;
        return Ok(false);
    }
    call.function("consume_credentials", []).await?;
    Ok(true)
}

fn has_user(call: &Call) -> bool {
    user_of(&call.request_uri()).is_some()
}

fn user_of(uri: &[u8]) -> Option<Vec<u8>> {
    Uri::parse(uri).ok()?.user.map(<[u8]>::to_vec)
}

fn is_ours(uri: &[u8], domain: &str) -> bool {
    let Ok(uri) = Uri::parse(uri) else { return false };
    looseroute::parser::Host::parse(domain.as_bytes()).is_some_and(|d| d.equivalent(&uri.host))
}
