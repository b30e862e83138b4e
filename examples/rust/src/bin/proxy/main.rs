//! The main job: a registrar and proxy for a few phones, in one small program.
//!
//! ```text
//! proxy --listen 127.0.0.1:5060 --data ./var --account alice:secret-a@127.0.0.1
//! ```
//!
//! Phones register with digest authentication and call each other by their addresses of record;
//! locations are in SQLite under the data directory and outlive the program. One line is printed
//! for every event.

mod cli;
mod print;
mod route;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use looseroute::prelude::*;
use looseroute::{Builder, Level};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use cli::Options;

fn main() -> ExitCode {
    let options = match Options::read(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => return ExitCode::SUCCESS,
        Err(error) => return fail(&error),
    };
    match serve(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&explain(&error, &options)),
    }
}

fn serve(options: &Options) -> Result<(), String> {
    std::fs::create_dir_all(&options.data)
        .map_err(|e| format!("the data directory {}: {e}", options.data.display()))?;
    let engine = Arc::new(build(options).map_err(|e| e.to_string())?);
    print::listening(&engine, options);
    let mut signals = Signals::new([SIGINT, SIGTERM]).map_err(|e| e.to_string())?;
    engine.start(options.workers).map_err(|e| e.to_string())?;
    print::line("ready");
    signals.forever().next();
    print::line("draining");
    engine.shutdown(Duration::from_secs(5));
    Ok(())
}

fn build(options: &Options) -> Result<Engine, EngineError> {
    let mut builder: Builder = Engine::builder();
    for address in &options.listen {
        builder = builder.listen(address.clone());
    }
    for domain in &options.domains {
        builder = builder.domain(domain.clone());
    }
    for (user, password, domain) in &options.accounts {
        builder = builder.account(user.clone(), domain.clone(), password.clone());
    }
    if let Some(path) = &options.control {
        builder = builder.control_socket(path.clone());
    }
    if options.http_rpc {
        builder = builder.http_rpc("/RPC");
    }
    // The first, so that the command line can say otherwise.
    builder = builder.modparam("registrar", "max_contacts", 100);
    for (module, name, value) in &options.params {
        builder = builder.modparam(module.clone(), name.clone(), value.clone());
    }
    let database = options.data.join("location.db");
    let default_domain = options.domains.first().cloned().unwrap_or_default();
    builder
        .location_store(format!("sqlite://{}", database.display()))
        .log(Level::Notice, |record| {
            print::line(&format!("{} {}: {}", record.level.name(), record.module, record.text));
        })
        .on_event(print::event)
        .request_route(route::request(default_domain))
        .build()
}

/// The error with what to do about it.
fn explain(error: &str, options: &Options) -> String {
    if error.starts_with("udp:") || error.starts_with("tcp:") {
        let port = options.port();
        return format!(
            "{error}\nhint: choose another port: make run PORT={}, or --listen",
            port + 10
        );
    }
    error.to_owned()
}

fn fail(error: &str) -> ExitCode {
    eprintln!("proxy: {error}");
    ExitCode::FAILURE
}
