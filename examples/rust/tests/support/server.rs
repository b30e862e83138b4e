//! The server under test: which program it is, its command line, when it is ready, how it ends.
//!
//! - the Rust example `proxy`, built by cargo beside these tests, or what `LOOSEROUTE_PROXY` names;
//! - the C example `proxy`: `LOOSEROUTE_C_PROXY`, else `target/c-examples/proxy`, in its data
//!   directory; it takes addresses and accounts as they are, and prints events with their fields;
//! - Debian's Kamailio in place of the Rust example with `PEERS_STANDIN=kamailio`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use super::kamailio;
use super::ports::Ports;
use super::process::{Process, Signal};
use super::time::poll;
use super::ua::Ua;

/// The domain all accounts live in.
pub(crate) const DOMAIN: &str = "127.0.0.1";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Udp,
    Tcp,
}

impl Transport {
    /// What a URI needs so that this transport is taken.
    pub(crate) fn uri_parameter(self) -> &'static str {
        match self {
            Transport::Udp => "",
            Transport::Tcp => ";transport=tcp",
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) user: String,
    pub(crate) password: String,
}

impl Account {
    pub(crate) fn new(user: &str, password: &str) -> Account {
        Account { user: user.into(), password: password.into() }
    }
}

/// The two that every test may use.
pub(crate) fn alice() -> Account {
    Account::new("alice", "secret-a")
}

pub(crate) fn bob() -> Account {
    Account::new("bob", "secret-b")
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    RustProxy,
    CProxy,
    /// The C example under valgrind memcheck: an error or a leak becomes its exit status.
    CProxyChecked,
    Kamailio,
}

impl Kind {
    /// What stands for our main example in this run.
    pub(crate) fn main() -> Kind {
        match std::env::var("PEERS_STANDIN").as_deref() {
            Ok("kamailio") => Kind::Kamailio,
            Ok(other) => panic!("PEERS_STANDIN={other}: only kamailio is known"),
            Err(_) => Kind::RustProxy,
        }
    }

    /// Whether it is one of ours, with our command line and our lines of output.
    pub(crate) fn is_ours(self) -> bool {
        self != Kind::Kamailio
    }

    /// Whether it can run here; when not, the test is skipped (or fails in CI).
    pub(crate) fn available(self, test: &str) -> bool {
        let checked = match self {
            Kind::CProxyChecked => super::have(test, &["valgrind"]),
            _ => true,
        };
        checked && self.program().map(|_| ()).map_err(|reason| super::skip(test, &reason)).is_ok()
    }

    fn program(self) -> Result<PathBuf, String> {
        match self {
            Kind::RustProxy => std::env::var_os("LOOSEROUTE_PROXY")
                .map(PathBuf::from)
                .or(option_env!("CARGO_BIN_EXE_proxy").map(PathBuf::from))
                .ok_or_else(|| "the example `proxy` was not built".into()),
            Kind::CProxy | Kind::CProxyChecked => {
                let path = std::env::var_os("LOOSEROUTE_C_PROXY").map(PathBuf::from);
                let path = path.unwrap_or_else(|| target_dir().join("c-examples/proxy"));
                let missing = format!("{} is missing (build the C examples first)", path.display());
                path.is_file().then_some(path).ok_or(missing)
            }
            Kind::Kamailio => {
                super::find_program("kamailio").ok_or_else(|| "not installed: kamailio".into())
            }
        }
    }

    /// How much slower than by itself it runs.
    fn patience(self) -> u32 {
        if self == Kind::CProxyChecked { 10 } else { 1 }
    }
}

fn target_dir() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("cargo's tmp lies in target")
}

/// What a server is started with.
pub(crate) struct Spec {
    pub(crate) kind: Kind,
    pub(crate) port: u16,
    pub(crate) data: PathBuf,
    pub(crate) accounts: Vec<Account>,
    pub(crate) accounts_file: Option<PathBuf>,
    /// Only the stand-in is told; ours does as its example does.
    pub(crate) challenge_calls: bool,
    /// A library that is loaded into it before all others (of the Rust example).
    pub(crate) preload: Option<PathBuf>,
}

impl Spec {
    /// Alice and bob, data in `dir`.
    pub(crate) fn new(kind: Kind, port: &Ports, dir: PathBuf) -> Spec {
        let challenge_calls = std::env::var_os("PEERS_CHALLENGE_CALLS").is_some();
        Spec {
            kind,
            port: port.at(0),
            data: dir,
            accounts: vec![alice(), bob()],
            accounts_file: None,
            challenge_calls,
            preload: None,
        }
    }

    fn command(&self) -> Command {
        if self.kind == Kind::Kamailio {
            return kamailio::command(self);
        }
        let program = self.kind.program().expect("asked for before");
        if self.kind != Kind::RustProxy {
            return self.c_command(&program.canonicalize().expect("it is there"));
        }
        let mut command = Command::new(program);
        command.envs(self.preload.as_ref().map(|library| ("LD_PRELOAD", library)));
        command.arg("--listen").arg(format!("udp:127.0.0.1:{}", self.port));
        command.arg("--listen").arg(format!("tcp:127.0.0.1:{}", self.port));
        command.arg("--domain").arg(DOMAIN).arg("--data").arg(&self.data);
        // A socket's path may be too long in a deep directory, and nobody asks for it here.
        command.args(["--control", ""]);
        for Account { user, password } in &self.accounts {
            command.arg("--account").arg(format!("{user}:{password}@{DOMAIN}"));
        }
        if let Some(file) = &self.accounts_file {
            command.arg("--accounts").arg(file);
        }
        command
    }

    fn c_command(&self, program: &Path) -> Command {
        let mut command = match self.kind {
            Kind::CProxyChecked => valgrind(program),
            _ => Command::new(program),
        };
        command.current_dir(&self.data);
        command.args(["udp", "tcp"].map(|proto| format!("{proto}:127.0.0.1:{}", self.port)));
        let accounts = self.accounts.iter();
        command.args(accounts.map(|a| format!("{}:{}@{DOMAIN}", a.user, a.password)));
        command
    }

    fn spawn(&self) -> Process {
        // Beside the data, not in it.
        let log = self.data.with_extension("server.log");
        Process::spawn("server", &mut self.command(), log)
    }

    /// Starts it and waits until it serves.
    pub(crate) fn start(&self) -> Server {
        let mut process = self.spawn();
        if self.kind.is_ours() {
            let wait = Duration::from_secs(10) * self.kind.patience();
            for transport in ["udp", "tcp"] {
                let listening = format!("listening {transport}:127.0.0.1:{}", self.port);
                process.expect_line(&listening, wait, |line| line.starts_with(&listening));
            }
            process
                .expect_line("`ready`", wait, |line| line == "ready" || line.starts_with("ready "));
        }
        let mut server = Server { process, port: self.port, kind: self.kind };
        // Kamailio has no such line, and ours must mean what it says: an OPTIONS is answered.
        let wait = Duration::from_secs(if self.kind.is_ours() { 1 } else { 10 });
        let mut probe = Ua::connect(server.address(), Transport::Udp);
        let served = poll(wait * self.kind.patience(), || {
            assert!(server.process.is_running(), "the server ended while it started");
            probe.options(Duration::from_millis(500)).ok().filter(|reply| reply.code == 200)
        });
        assert!(served.is_some(), "the server does not answer OPTIONS with 200");
        server
    }

    /// Starts it where it must refuse, and returns its exit status and what it said.
    pub(crate) fn start_refused(&self) -> (ExitStatus, String) {
        let mut process = self.spawn();
        let status = process.wait_end(Duration::from_secs(10));
        (status, process.lines().join("\n"))
    }
}

/// The event behind a line of the Rust example; the C example prints it by its name.
fn event_name(line: &str) -> &str {
    match line {
        "registered" => "usrloc:contact-inserted",
        "rejected" => "sl:local-response",
        "refused" => "auth:failed",
        other => panic!("the event of a line `{other}`?"),
    }
}

fn valgrind(program: &Path) -> Command {
    let mut command = Command::new("valgrind");
    command.args(["--quiet", "--error-exitcode=97", "--leak-check=full"]);
    command.arg("--errors-for-leak-kinds=definite").arg(program);
    command
}

/// A serving server.
pub(crate) struct Server {
    pub(crate) process: Process,
    pub(crate) port: u16,
    pub(crate) kind: Kind,
}

impl Server {
    pub(crate) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Waits for one of our event lines; the stand-in prints none.
    pub(crate) fn expect_event(&mut self, start: &str, parts: &[&str]) {
        if !self.kind.is_ours() {
            return;
        }
        let start = if self.kind == Kind::RustProxy { start } else { event_name(start) };
        let what = format!("line `{start} … {}`", parts.join(" … "));
        self.process.expect_line(&what, Duration::from_secs(5), |line| {
            line.starts_with(start) && parts.iter().all(|part| line.contains(part))
        });
    }

    /// Asks it to end and fails the test unless it drains and exits with 0.
    pub(crate) fn stop(mut self) -> Vec<String> {
        assert!(self.process.is_running(), "the server ended during the test");
        if !self.kind.is_ours() {
            self.end_standin();
            return self.process.lines().to_vec();
        }
        self.process.signal(Signal::Terminate);
        let status = self.process.wait_end(Duration::from_secs(15) * self.kind.patience());
        assert!(status.success(), "the server ended with {status} after SIGTERM");
        self.process.lines().to_vec()
    }

    /// Takes it down as a crash would.
    pub(crate) fn crash(mut self) {
        if !self.kind.is_ours() {
            return self.end_standin();
        }
        self.process.kill_group();
    }

    /// The stand-in's text tables are not made to survive a kill, so it is asked politely; now and
    /// then it takes a minute over that, so it is not waited for long.
    fn end_standin(&mut self) {
        self.process.signal(Signal::Terminate);
        if poll(Duration::from_secs(3), || (!self.process.is_running()).then_some(())).is_none() {
            self.process.kill_group();
        }
    }
}
