//! Starting and stopping the servers that are measured.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::net::{SocketAddrV4, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use looseroute_benches::batch::wait;

/// How long a server may take to answer its first message, and to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// How to start a server: a command line with holes for what differs from run to run.
///
/// `{addr}` is where it shall listen (`127.0.0.1:5090`), `{port}` the port alone, `{dir}` a
/// directory of its own that exists.
#[derive(Clone, Debug)]
pub(crate) struct ServerCmd {
    /// What the tables call it.
    pub(crate) name: &'static str,
    /// The program and its arguments.
    pub(crate) words: Vec<String>,
}

impl ServerCmd {
    /// Splits a command line at blanks; there is no quoting.
    pub(crate) fn parse(name: &'static str, line: &str) -> Result<ServerCmd, String> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        if words.is_empty() {
            return Err(format!("the command line for {name} is empty"));
        }
        Ok(ServerCmd { name, words })
    }

    /// Debian's kamailio with the allocator that is a fair bar, one UDP process.
    pub(crate) fn kamailio(config: &Path) -> ServerCmd {
        let line = "kamailio -x fm -X fm -n 1 -m 6144 -f CONFIG -DD -E -l udp:{addr} -Y {dir}";
        let config = config.display().to_string();
        let words = line.split(' ').map(|w| if w == "CONFIG" { &config } else { w }.to_owned());
        ServerCmd { name: "kamailio", words: words.collect() }
    }

    /// Starts it on a free port, pinned to `cpu`, logging to `work/NAME/log`, and waits until it
    /// answers.
    ///
    /// # Errors
    /// It does not start, ends at once or does not answer; the text names the log.
    pub(crate) fn start(&self, work: &Path, cpu: usize) -> io::Result<Server> {
        let dir = work.join(self.name);
        fs::create_dir_all(&dir)?;
        let dir = dir.canonicalize()?;
        let addr = free_port()?;
        let log = dir.join("log");
        let fill = |word: &String| {
            word.replace("{addr}", &addr.to_string())
                .replace("{port}", &addr.port().to_string())
                .replace("{dir}", &dir.display().to_string())
        };
        // taskset(1) becomes the server, so its pid is the server's.
        let child = Command::new("taskset")
            .args(["-c", &cpu.to_string()])
            .args(self.words.iter().map(fill))
            .stdin(Stdio::null())
            .stdout(File::create(&log)?)
            .stderr(File::options().append(true).open(&log)?)
            .spawn()?;
        let mut server = Server { name: self.name, addr, log, child };
        server.await_answer()?;
        Ok(server)
    }
}

/// A running server; ends when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) name: &'static str,
    pub(crate) addr: SocketAddrV4,
    log: PathBuf,
    child: Child,
}

impl Server {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    fn await_answer(&mut self) -> io::Result<()> {
        let socket = UdpSocket::bind(SocketAddrV4::new(*self.addr.ip(), 0))?;
        socket.connect(self.addr)?;
        socket.set_nonblocking(true)?;
        let (own, server) = (socket.local_addr()?, self.addr);
        let question = format!(
            "REGISTER sip:{server} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bKready;rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:ready@{server}>;tag=1\r\nTo: <sip:ready@{server}>\r\n\
             Call-ID: ready@load\r\nCSeq: 1 REGISTER\r\nContent-Length: 0\r\n\r\n"
        );
        let end = Instant::now() + PATIENCE;
        let mut reply = [0; 2048];
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait()? {
                return Err(self.error(&format!("ended with {status}")));
            }
            // Refused while nobody listens yet.
            let _ = socket.send(question.as_bytes());
            wait(&[&socket], libc::POLLIN, 100_000_000)?;
            match socket.recv(&mut reply) {
                Ok(len) if reply[..len].starts_with(b"SIP/2.0 ") => return Ok(()),
                Ok(_) => return Err(self.error("answers something that is no SIP")),
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock) => {}
                // Refused: the port will answer at once again, so wait with an empty poll.
                Err(_) => wait(&[], 0, 50_000_000)?,
            }
        }
        Err(self.error("does not answer"))
    }

    fn error(&self, what: &str) -> io::Error {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let last: Vec<&str> = log.lines().rev().take(5).collect();
        let last: Vec<&str> = last.into_iter().rev().collect();
        let path = self.log.display();
        io::Error::other(format!("{} {what}; the end of {path}:\n{}", self.name, last.join("\n")))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        // The first process of a family ends its children; killing it outright would not.
        let pid = self.child.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &pid]).status();
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            let _ = wait(&[], 0, 20_000_000);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A UDP address on loopback that was free a moment ago.
pub(crate) fn free_port() -> io::Result<SocketAddrV4> {
    match UdpSocket::bind("127.0.0.1:0")?.local_addr()? {
        std::net::SocketAddr::V4(addr) => Ok(addr),
        other => Err(io::Error::other(format!("not an IPv4 address: {other}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_ends_at_once_is_an_error_with_its_log() {
        let work = std::env::temp_dir().join(format!("looseroute-compare-{}", std::process::id()));
        let server = ServerCmd::parse("ours", "ls /no/such/{port}/{dir}").expect("words");
        let error = server.start(&work, 0).expect_err("ls is no server").to_string();
        assert!(error.contains("ended with") && error.contains("/no/such/"), "{error}");
        assert!(ServerCmd::parse("ours", "  ").is_err());
        fs::remove_dir_all(&work).expect("own directory");
    }

    #[test]
    fn the_kamailio_line_names_the_configuration() {
        let words = ServerCmd::kamailio(Path::new("a/kamailio.cfg")).words;
        assert_eq!(words[..5], ["kamailio", "-x", "fm", "-X", "fm"]);
        assert!(words.iter().any(|w| w == "a/kamailio.cfg"));
    }
}
