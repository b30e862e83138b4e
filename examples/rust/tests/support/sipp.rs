//! sipp runs: a scenario file of ours, its command line, and the figures it leaves behind.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::ports::Ports;
use super::process::Process;
use super::server::{DOMAIN, Transport};

/// The figures of a run that has ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) successful: u64,
    pub(crate) failed: u64,
    /// Messages that belonged to no call.
    pub(crate) out_of_call: u64,
    pub(crate) retransmissions: u64,
}

/// One sipp process with its port.
pub(crate) struct Sipp {
    process: Process,
    dir: PathBuf,
    ports: Ports,
}

/// What is run and how often.
pub(crate) struct Run<'a> {
    /// `register`, `callee`, `caller`: a file beside this one.
    pub(crate) scenario: &'a str,
    pub(crate) transport: Transport,
    pub(crate) calls: u64,
    /// New calls a second, for a scenario that starts calls.
    pub(crate) rate: Option<u64>,
    /// Values for `[key]` in the scenario.
    pub(crate) keys: Vec<(&'a str, String)>,
}

impl Sipp {
    /// Reserves what a run needs, so that its port is known before it starts.
    pub(crate) fn start(run: &Run<'_>, server: u16, dir: PathBuf) -> Sipp {
        Sipp::start_on(run, server, dir, Ports::phone(8))
    }

    pub(crate) fn start_on(run: &Run<'_>, server: u16, dir: PathBuf, ports: Ports) -> Sipp {
        let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/sipp");
        let scenario = scenarios.join(run.scenario).with_extension("xml");
        let mut command = Command::new("sipp");
        command.arg("-sf").arg(scenario).args(["-i", "127.0.0.1", "-nostdin"]);
        command.args(["-t", if run.transport == Transport::Udp { "u1" } else { "t1" }]);
        command.arg("-p").arg(ports.at(0).to_string()).arg("-mp").arg(ports.at(2).to_string());
        command.arg("-m").arg(run.calls.to_string());
        if let Some(rate) = run.rate {
            // Never held back by the calls that are still up.
            command.arg("-r").arg(rate.to_string()).arg("-l").arg((rate * 60).to_string());
        }
        command.arg("-key").arg("domain").arg(format!("{DOMAIN}:{server}"));
        for (key, value) in &run.keys {
            command.arg("-key").arg(key).arg(value);
        }
        command.arg("-trace_err").arg("-error_file").arg(dir.join("errors.log"));
        command.arg("-trace_stat").arg("-stf").arg(dir.join("figures.csv")).args(["-fd", "1"]);
        command.arg(format!("127.0.0.1:{server}")).current_dir(&dir);
        let process = Process::spawn(run.scenario, &mut command, dir.join("sipp.log"));
        Sipp { process, dir, ports }
    }

    pub(crate) fn port(&self) -> u16 {
        self.ports.at(0)
    }

    /// Waits for the end and fails the test unless sipp itself calls the run a success.
    pub(crate) fn finish(mut self, wait: Duration) -> Outcome {
        let status = self.process.wait_end(wait);
        let errors = fs::read_to_string(self.dir.join("errors.log")).unwrap_or_default();
        let errors: String = errors.lines().take(40).map(|line| format!("{line}\n")).collect();
        let figures = figures(&self.dir.join("figures.csv"));
        assert!(status.success(), "sipp ended with {status}: {figures:?}\n{errors}");
        figures.expect("a finished run has figures")
    }
}

/// The last line of sipp's statistics file, by the names in its first.
fn figures(file: &Path) -> Option<Outcome> {
    let text = fs::read_to_string(file).ok()?;
    let names: Vec<&str> = text.lines().next()?.split(';').collect();
    let values: Vec<&str> = text.lines().last()?.split(';').collect();
    let value = |name: &str| -> Option<u64> {
        values.get(names.iter().position(|n| *n == name)?)?.parse().ok()
    };
    Some(Outcome {
        successful: value("SuccessfulCall(C)")?,
        failed: value("FailedCall(C)")?,
        out_of_call: value("OutOfCallMsgs(C)")?,
        retransmissions: value("Retransmissions(C)")?,
    })
}
