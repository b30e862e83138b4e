//! An engine served by a thread, and the route that most programs want.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;

use looseroute::core::net::Proto;
use looseroute::prelude::*;
use looseroute::{Engine, Level};

/// The domain of the usual engine.
pub const DOMAIN: &str = "lr.test";

/// Registrar and proxy.
pub async fn usual(call: Call) -> Result<(), RouteError> {
    if !call.max_forwards(70).await? {
        return Ok(());
    }
    if call.method() == Method::Cancel {
        if call.function("t_check_trans", []).await?.as_int() > Some(0) {
            return Ok(call.relay().await?);
        }
        return Ok(call.reply(481, "Call/Transaction Does Not Exist").await?);
    }
    if call.in_dialog() {
        if call.loose_route().await? {
            return Ok(call.relay().await?);
        }
        if call.method() != Method::Ack {
            call.reply(404, "Not Here").await?;
        }
        return Ok(());
    }
    match call.method() {
        Method::Ack => return Ok(()),
        Method::Register => {
            call.save("location").await?;
            return Ok(());
        }
        Method::Invite => call.record_route().await?,
        _ => {}
    }
    if !call.lookup("location").await? {
        return Ok(call.reply(404, "Not Found").await?);
    }
    Ok(call.relay().await?)
}

/// A builder with the usual route and domain, its log where a failing test shows it.
pub fn usual_builder() -> looseroute::Builder {
    Engine::builder()
        .domain(DOMAIN)
        .max_workers(4)
        .log(Level::Notice, |r| println!("{} {}: {}", r.level.name(), r.module, r.text))
        .request_route(usual)
}

/// The first address an engine listens on with `proto`.
#[track_caller]
pub fn engine_addr(engine: &Engine, proto: Proto) -> SocketAddr {
    let found = engine.listeners().iter().find(|(_, l)| l.proto == proto);
    found.expect("the engine listens there").1.addr
}

/// An engine that a thread serves (way B), stopped when dropped.
pub struct Served {
    pub engine: Arc<Engine>,
    thread: Option<JoinHandle<Result<(), String>>>,
}

impl Served {
    pub fn new(engine: Engine) -> Self {
        let engine = Arc::new(engine);
        let served = Arc::clone(&engine);
        let thread = std::thread::spawn(move || served.run().map_err(|e| e.to_string()));
        Self { engine, thread: Some(thread) }
    }

    /// An engine on two threads of its own (way C).
    #[track_caller]
    pub fn started(engine: Engine) -> Self {
        engine.start(2).expect("the engine starts");
        Self { engine: Arc::new(engine), thread: None }
    }

    /// The usual engine on these addresses.
    #[track_caller]
    pub fn usual(listen: &[&str]) -> Self {
        let builder = listen.iter().fold(usual_builder(), |b, l| b.listen(*l));
        Self::new(builder.build().expect("the engine builds"))
    }

    pub fn udp(&self) -> SocketAddr {
        engine_addr(&self.engine, Proto::Udp)
    }

    pub fn tcp(&self) -> SocketAddr {
        engine_addr(&self.engine, Proto::Tcp)
    }

    /// Waits for the thread, which must have been told to end.
    #[track_caller]
    pub fn join(mut self) {
        if let Some(thread) = self.thread.take() {
            assert_eq!(thread.join().expect("the thread lives"), Ok(()));
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.engine.stop();
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            if !std::thread::panicking() {
                assert_eq!(ended.expect("the thread lives"), Ok(()));
            }
        }
    }
}
