//! looseroute as it is measured, route for route what `kamailio.cfg` beside this file says: one UDP
//! worker, location in memory, no authentication, no Server header.
//!
//! ```text
//! lr-bench-server 127.0.0.1:5090 [T1 in milliseconds]
//! ```

use looseroute::prelude::*;

fn main() -> Result<(), EngineError> {
    let mut args = std::env::args().skip(1);
    let address = args.next().unwrap_or_else(|| "127.0.0.1:5090".into());
    // Kamailio forgets an INVITE 5 s after its 2xx; ours keeps it for 64 T1, in which a caller may
    // repeat it (RFC 6026 8.4). With this T1 both keep as many, and nothing is repeated.
    let t1 = args.next().and_then(|ms| ms.parse().ok()).unwrap_or(78);
    let engine = Engine::builder()
        .listen(format!("udp:{address}"))
        .server_header("")
        .modparam("tm", "auto_inv_100_reason", "Trying")
        .modparam("tm", "retr_timer1", t1)
        .modparam("rr", "append_fromtag", 0)
        .modparam("usrloc", "db_mode", 0)
        .modparam("registrar", "max_expires", 7200)
        .request_route(route)
        .build()?;
    engine.run()
}

async fn route(call: Call) -> Result<(), RouteError> {
    if !call.max_forwards(70).await? {
        return Ok(());
    }
    let method = call.method();
    if method == Method::Cancel {
        return Ok(call.relay().await?);
    }
    if call.in_dialog() {
        if call.loose_route().await? {
            call.relay().await?;
        } else if method != Method::Ack {
            call.reply(404, "Not Found").await?;
        }
        return Ok(());
    }
    if method == Method::Register {
        call.save("location").await?;
        return Ok(());
    }
    if method == Method::Invite {
        call.record_route().await?;
    }
    if call.is_myself().await? && !call.lookup("location").await? {
        return Ok(call.reply(404, "Not Found").await?);
    }
    Ok(call.relay().await?)
}
