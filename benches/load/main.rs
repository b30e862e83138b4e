//! `load`: a SIP load generator that plays both the callers and the called.
//!
//! One thread, two sockets, messages in batches; it is to be cheaper than any server it loads, so
//! that the server is what is measured. It knows nothing of the engine and measures any SIP server
//! over UDP: `load call --server 127.0.0.1:5060 --pid PID`. `load --help` names the options.

#![expect(clippy::disallowed_methods, reason = "a load generator lives by the wall's clock")]

mod answerer;
mod messages;
mod run;
mod side;
mod slot;
mod tally;

use std::net::SocketAddrV4;
use std::process::ExitCode;

use looseroute_benches::args::Args;

use crate::run::{Config, Pace};
use crate::side::Scenario;

const HELP: &str = "\
load SCENARIO [options]: loads a SIP server over UDP, playing both sides

scenarios
  options    OPTIONS relayed by the server to the answering side
  register   users refreshing their bindings
  call       a full call to a registered user: INVITE 100 180 200 ACK BYE 200, 13 messages

options
  --server ADDR    the server (127.0.0.1:5060)
  --inflight N     closed loop: N at a time, the next when one ends (32)
  --rate R         open loop: R starts a second, whatever becomes of them
  --slots N        open loop: most in flight at once (100000)
  --users N        registered users (10000)
  --seconds S      how long to measure (5)
  --warmup S       how long to run before (1)
  --give-up S      when a transaction has failed (8)
  --pid PID        the server's process: prints its CPU time per transaction, with all its children
  --cpu N          pin the generator to this core
  --sleep          wait for messages in poll() instead of asking again and again
  --floor          the server is the relay-floor program, which parses nothing
  --answer-port P  the answering side's port (any free one)";

fn main() -> ExitCode {
    let mut args = Args::from_env();
    if args.flag("--help") || args.flag("-h") {
        println!("{HELP}");
        return ExitCode::SUCCESS;
    }
    let outcome = config(args).and_then(|config| run::run(&config).map_err(|e| e.to_string()));
    match outcome {
        Ok(outcome) => {
            println!("{}{}", outcome.table(), outcome.line());
            if outcome.clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::from(2)
        }
    }
}

fn config(mut args: Args) -> Result<Config, String> {
    let config = Config {
        server: args.value("--server", SocketAddrV4::new([127, 0, 0, 1].into(), 5060))?,
        users: args.value("--users", 10_000)?,
        seconds: args.value("--seconds", 5.0)?,
        warmup: args.value("--warmup", 1.0)?,
        give_up: args.value("--give-up", 8.0)?,
        pid: args.option("--pid")?,
        cpu: args.option("--cpu")?,
        sleep: args.flag("--sleep"),
        floor: args.flag("--floor"),
        answer_port: args.value("--answer-port", 0)?,
        slots: args.value("--slots", 100_000)?,
        pace: pace(&mut args)?,
        scenario: match args.word().as_deref() {
            Some("options") => Scenario::Options,
            Some("register") => Scenario::Register,
            Some("call") => Scenario::Call,
            _ => return Err("name a scenario: options, register or call (see --help)".to_owned()),
        },
    };
    args.finish()?;
    Ok(config)
}

fn pace(args: &mut Args) -> Result<Pace, String> {
    let inflight = args.option("--inflight")?;
    match (args.option::<f64>("--rate")?, inflight) {
        (Some(_), Some(_)) => Err("--rate and --inflight exclude each other".to_owned()),
        (Some(rate), None) if rate > 0.0 => Ok(Pace::Open { rate }),
        (Some(_), None) => Err("--rate must be positive".to_owned()),
        (None, inflight) => Ok(Pace::Closed { inflight: inflight.unwrap_or(32) }),
    }
}
