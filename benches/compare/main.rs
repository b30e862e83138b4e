//! `compare`: looseroute and Debian's kamailio in turn on one core, and the ratio of their costs.
//!
//! First the same messages go to both and everything they send is compared field by field
//! (`same_replies`), so that nobody is fast by doing less. Then the load generator saturates each
//! in turn, A B A B, and the medians are printed with the kernel's floor beside them.

#![expect(clippy::disallowed_methods, reason = "waits for real processes by the wall's clock")]

mod accepted;
mod fields;
mod measure;
mod probe;
mod same_replies;
mod server;
mod table;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use looseroute_benches::args::Args;

use crate::measure::{Figures, Plan};
use crate::server::{Server, ServerCmd};

const HELP: &str = "\
compare [options]: CPU time of looseroute and of Debian's kamailio, saturated, A B A B

  --ours CMD          how to start ours; {addr}, {port} and {dir} are filled in
                      (lr-bench-server {addr}, beside this program)
  --only-replies      compare the replies and stop
  --show              print every message of that step
  --skip-replies      measure only
  --scenarios LIST    of register,call,options (all three)
  --rounds N          measurements of each (5)
  --seconds S         how long each (4)
  --users N           registered users (10000)
  --inflight N        in flight at once (32)
  --server-cpu N      the core of both servers (0)
  --load-cpu N        the core of the generator (1)
  --max-ratio R       fail when ours costs more than R of kamailio's in register or call
  --config FILE       kamailio's configuration (benches/compare/kamailio.cfg)
  --work DIR          logs and run time files (target/compare)
  --sleep             the generator sleeps between messages
  --no-floor          leave the floor out";

/// Seconds of load before measuring. Both servers keep a transaction for five seconds or more after
/// its end, so memory is taken up for that long before any comes back.
const WARMUP: f64 = 6.0;
/// The same where no transaction is kept.
const WARMUP_REGISTER: f64 = 1.5;

struct Options {
    ours: ServerCmd,
    kamailio: ServerCmd,
    plan: Plan,
    scenarios: Vec<String>,
    rounds: usize,
    server_cpu: usize,
    max_ratio: Option<f64>,
    work: PathBuf,
    replies: bool,
    show: bool,
    measure: bool,
    floor: bool,
}

fn main() -> ExitCode {
    let mut args = Args::from_env();
    if args.flag("--help") || args.flag("-h") {
        println!("{HELP}");
        return ExitCode::SUCCESS;
    }
    match options(args).and_then(|options| run(&options)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("compare: {error}");
            ExitCode::from(2)
        }
    }
}

fn options(mut args: Args) -> Result<Options, String> {
    let here = std::env::current_exe().map_err(|e| e.to_string())?;
    let programs = here.parent().unwrap_or(Path::new(".")).to_owned();
    let default_ours = format!("{} {{addr}}", programs.join("lr-bench-server").display());
    let config: PathBuf = args.value("--config", "benches/compare/kamailio.cfg".into())?;
    let config = config.canonicalize().map_err(|e| format!("{}: {e}", config.display()))?;
    let scenarios: String = args.value("--scenarios", "register,call,options".to_owned())?;
    let options = Options {
        ours: ServerCmd::parse("ours", &args.value("--ours", default_ours)?)?,
        kamailio: ServerCmd::kamailio(&config),
        plan: Plan {
            programs,
            load_cpu: args.value("--load-cpu", 1)?,
            inflight: args.value("--inflight", 32)?,
            users: args.value("--users", 10_000)?,
            seconds: args.value("--seconds", 4.0)?,
            sleep: args.flag("--sleep"),
        },
        scenarios: scenarios.split(',').map(str::to_owned).collect(),
        rounds: args.value("--rounds", 5)?,
        server_cpu: args.value("--server-cpu", 0)?,
        max_ratio: args.option("--max-ratio")?,
        work: args.value("--work", "target/compare".into())?,
        show: args.flag("--show"),
        replies: !args.flag("--skip-replies"),
        measure: !args.flag("--only-replies"),
        floor: !args.flag("--no-floor"),
    };
    args.finish()?;
    Ok(options)
}

fn run(options: &Options) -> Result<bool, String> {
    if options.replies {
        let (ours, kamailio) = (options.start(&options.ours)?, options.start(&options.kamailio)?);
        let same = same_replies::compare(&ours, &kamailio, options.show);
        if !same.map_err(|e| e.to_string())? {
            return Ok(false);
        }
    }
    if !options.measure {
        return Ok(true);
    }
    let mut good = true;
    for scenario in &options.scenarios {
        let row = measure(options, scenario)?;
        print!("{}", row.text(&options.plan));
        good &= row.within(options.max_ratio);
    }
    Ok(good)
}

impl Options {
    fn start(&self, cmd: &ServerCmd) -> Result<Server, String> {
        cmd.start(&self.work, self.server_cpu).map_err(|e| format!("{}: {e}", cmd.name))
    }
}

/// Every measurement has a server of its own: kamailio's memory gets slower with its age, and a
/// bar that sinks while we measure is none.
fn measure(options: &Options, scenario: &str) -> Result<table::Row, String> {
    let plan = &options.plan;
    let warmup = if scenario == "register" { WARMUP_REGISTER } else { WARMUP };
    let once = |cmd: &ServerCmd| plan.measure(&options.start(cmd)?, scenario, warmup);
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        a.push(once(&options.ours)?);
        b.push(once(&options.kamailio)?);
    }
    let mut floor = Vec::new();
    if options.floor {
        for _ in 0..options.rounds.min(3) {
            floor.push(plan.floor(&options.work, options.server_cpu, scenario, "")?);
        }
    }
    Ok(table::Row {
        scenario: scenario.to_owned(),
        ratios: a.iter().zip(&b).map(|(a, b)| a.cpu / b.cpu).collect(),
        ours: Figures::median(&a).ok_or("--rounds 0 measures nothing")?,
        kamailio: Figures::median(&b).ok_or("--rounds 0 measures nothing")?,
        floor: Figures::median(&floor),
    })
}
