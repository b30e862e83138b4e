//! A registrar and proxy in one function: the program of the project's README.

use looseroute::prelude::*;

fn main() -> Result<(), EngineError> {
    let engine = Engine::builder()
        .listen("127.0.0.1:5060")
        .domain("127.0.0.1")
        .account("alice", "127.0.0.1", "secret")
        .location_store("sqlite://location.db")
        .request_route(|call: Call| async move {
            if call.method() == Method::Register {
                if call.authenticate("127.0.0.1").await? {
                    call.save("location").await?;
                }
            } else if call.loose_route().await? || call.lookup("location").await? {
                call.record_route().await?;
                call.relay().await?;
            } else {
                call.reply(404, "Not Found").await?;
            }
            Ok(())
        })
        .build()?;
    engine.run()
}
