//! Running the load generator and reading its figures.

use std::io::{BufRead, BufReader};
use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::server::{Server, free_port};

/// The pieces of one measurement's command line that stay the same.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Where `load` and `relay-floor` are: beside this program.
    pub(crate) programs: PathBuf,
    pub(crate) load_cpu: usize,
    pub(crate) inflight: usize,
    pub(crate) users: u32,
    pub(crate) seconds: f64,
    /// The generator sleeps in poll() between messages instead of asking again and again.
    pub(crate) sleep: bool,
}

/// One measurement's figures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Figures {
    /// CPU microseconds of the server per transaction or call: all, in user mode, in the kernel.
    pub(crate) cpu: f64,
    pub(crate) user: f64,
    pub(crate) system: f64,
    /// The server's share of its core.
    pub(crate) busy: f64,
    /// Transactions or calls a second.
    pub(crate) rate: f64,
    pub(crate) p99: f64,
}

impl Plan {
    /// Loads `server` with one scenario for `warmup` seconds and then measures.
    ///
    /// # Errors
    /// The generator failed, or any transaction did: a figure with failures in it is none.
    pub(crate) fn measure(
        &self,
        server: &Server,
        scenario: &str,
        warmup: f64,
    ) -> Result<Figures, String> {
        self.load(server.addr, server.pid(), scenario, warmup, &[])
            .map_err(|e| format!("{scenario} against {}: {e}", server.name))
    }

    /// The same number of messages through a relay that parses nothing.
    pub(crate) fn floor(
        &self,
        work: &Path,
        cpu: usize,
        scenario: &str,
        extra: &str,
    ) -> Result<Figures, String> {
        let text = |e: std::io::Error| format!("{scenario} against the floor: {e}");
        let (listen, answerer) = (free_port().map_err(text)?, free_port().map_err(text)?);
        let mut relay = Command::new(self.programs.join("relay-floor"))
            .args(["--listen", &listen.to_string(), "--answerer", &answerer.to_string()])
            .args(["--cpu", &cpu.to_string()])
            .args(extra.split_whitespace())
            .current_dir(work)
            .stdout(Stdio::piped())
            .spawn()
            .map_err(text)?;
        // Its one line says that it listens; without it the relay has ended and said why.
        let mut line = String::new();
        let stdout = relay.stdout.take().ok_or("the relay has no output")?;
        BufReader::new(stdout).read_line(&mut line).map_err(text)?;
        let port = answerer.port().to_string();
        let options = ["--floor", "--answer-port", &port];
        let figures = self.load(listen, relay.id(), scenario, 1.0, &options);
        let ended = relay.kill().and_then(|()| relay.wait()).map_err(text);
        ended.and(figures)
    }

    fn load(
        &self,
        to: SocketAddrV4,
        pid: u32,
        scenario: &str,
        warmup: f64,
        extra: &[&str],
    ) -> Result<Figures, String> {
        let mut command = Command::new(self.programs.join("load"));
        command
            .arg(scenario)
            .args(["--server", &to.to_string()])
            .args(["--pid", &pid.to_string()])
            .args(["--cpu", &self.load_cpu.to_string()])
            .args(["--inflight", &self.inflight.to_string()])
            .args(["--users", &self.users.to_string()])
            .args(["--seconds", &self.seconds.to_string()])
            .args(["--warmup", &warmup.to_string()])
            .args(extra);
        if self.sleep {
            command.arg("--sleep");
        }
        let output = command.output().map_err(|e| format!("load: {e}"))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        match Figures::parse(&text) {
            Some(figures) if output.status.success() => Ok(figures),
            _ => Err(format!("{}\n{text}{errors}", output.status)),
        }
    }
}

impl Figures {
    /// Reads the generator's `RESULT` line.
    fn parse(output: &str) -> Option<Figures> {
        let line = output.lines().find_map(|l| l.strip_prefix("RESULT "))?;
        let value = |name: &str| {
            let pair =
                line.split(' ').find_map(|pair| pair.split_once('=').filter(|p| p.0 == name));
            pair?.1.parse::<f64>().ok()
        };
        Some(Figures {
            cpu: value("cpu_us")?,
            user: value("user_us")?,
            system: value("sys_us")?,
            busy: value("busy")?,
            rate: value("tps")?,
            p99: value("p99_us")?,
        })
    }

    /// The measurement with the median CPU time; `None` without any.
    pub(crate) fn median(all: &[Figures]) -> Option<Figures> {
        let mut sorted = all.to_vec();
        sorted.sort_by(|a, b| a.cpu.total_cmp(&b.cpu));
        sorted.get(sorted.len() / 2).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "table\nRESULT scenario=call load=closed:64 tps=14000 failed=0 p50_us=1 \
        p99_us=9 setup_p99_us=4 cpu_us=70.60 user_us=40.00 sys_us=30.60 busy=0.990\n";

    #[test]
    fn the_result_line_is_read() {
        let figures = Figures::parse(LINE).expect("complete");
        assert_eq!((figures.cpu, figures.user, figures.p99), (70.6, 40.0, 9.0));
        assert_eq!(Figures::parse("RESULT tps=1"), None);
        assert_eq!(Figures::parse("nothing"), None);
    }

    #[test]
    fn the_median_is_by_cpu() {
        let base = Figures::parse(LINE).expect("complete");
        let all = [3.0, 1.0, 2.0].map(|cpu| Figures { cpu, ..base });
        assert_eq!(Figures::median(&all).map(|f| f.cpu), Some(2.0));
        assert_eq!(Figures::median(&[]), None);
    }
}
