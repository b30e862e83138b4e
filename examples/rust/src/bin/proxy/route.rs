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
        Method::Cancel => return Ok(call.cancel().await?),
        Method::Register => {
            if call.authenticate(&domain).await? {
                call.save("location").await?;
            }
            return Ok(());
        }
        _ => {}
    }
    if call.in_dialog() {
        return in_dialog(&call).await;
    }
    if call.method() == Method::Ack {
        return Ok(()); // An ACK to an answer of ours, long gone.
    }
    let ours = call.is_myself().await?;
    if call.method() == Method::Options && ours && !has_user(&call) {
        return Ok(call.reply(200, "OK").await?);
    }
    // Whoever says to be one of ours must prove it, and only those are relayed to others.
    let from_ours = is_ours(&call).await?;
    if from_ours {
        if !call.authenticate(&domain).await? {
            return Ok(());
        }
        call.function("consume_credentials", []).await?;
    }
    if matches!(call.method(), Method::Invite | Method::Subscribe) {
        call.record_route().await?;
    }
    if ours && !call.lookup("location").await? {
        return Ok(call.reply(404, "Not Found").await?);
    }
    if !ours && !from_ours {
        return Ok(call.reply(403, "Relaying Denied").await?);
    }
    Ok(call.relay().await?)
}

/// A request within a dialog follows the Routes that its beginning left (RFC 3261 12.2); without a
/// Route of ours it was never led through here, and is not relayed.
async fn in_dialog(call: &Call) -> Result<(), RouteError> {
    if call.loose_route().await? {
        return Ok(call.relay().await?);
    }
    if call.method() == Method::Ack {
        return Ok(());
    }
    Ok(call.reply(404, "Not Here").await?)
}

fn has_user(call: &Call) -> bool {
    Uri::parse(&call.request_uri()).is_ok_and(|uri| uri.user.is_some())
}

/// Whether the request says to come from one of our domains: at whatever port, for who is called
/// sees the name.
async fn is_ours(call: &Call) -> Result<bool, RouteError> {
    let from = call.from_uri();
    let host = match Uri::parse(&from) {
        Ok(uri) if uri.is_sip() => format!("sip:{}", uri.host),
        _ => return Ok(false),
    };
    let ours = call.function("is_myself", [Value::Str(host.into())]).await?;
    Ok(ours.as_int().unwrap_or(0) > 0)
}
