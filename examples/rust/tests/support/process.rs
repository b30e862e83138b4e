//! A child process whose output is read line by line as it comes, and which never outlives its
//! test: it leads its own process group, the group is killed when the value is dropped, and the
//! kernel kills the child when the test's thread dies.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use super::time::{Deadline, poll};

/// A running (or ended) child with everything it has printed so far, on both outputs.
pub(crate) struct Process {
    name: String,
    child: Child,
    source: Receiver<String>,
    lines: Vec<String>,
    ended: Option<ExitStatus>,
}

/// The signals that tests send.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Signal {
    Interrupt,
    Terminate,
    Kill,
}

impl Process {
    /// Starts the command. `log` receives a copy of all it prints.
    pub(crate) fn spawn(name: &str, command: &mut Command, log: PathBuf) -> Process {
        Process::start(name, command.stderr(Stdio::piped()), log)
    }

    /// Starts the command and follows only its standard output, so that nothing comes between two
    /// lines of it; what it prints as errors goes to a file beside `log`.
    pub(crate) fn spawn_output_only(name: &str, command: &mut Command, log: PathBuf) -> Process {
        let errors = File::create(log.with_extension("errors")).expect("the file can be made");
        Process::start(name, command.stderr(errors), log)
    }

    fn start(name: &str, command: &mut Command, log: PathBuf) -> Process {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).process_group(0);
        die_with_parent(command);
        let mut child =
            command.spawn().unwrap_or_else(|error| panic!("{name}: {command:?}: {error}"));
        let (sender, source) = channel();
        let copy = File::create(&log).expect("the log file can be made");
        if let Some(errors) = child.stderr.take() {
            follow(errors, sender.clone(), copy.try_clone().expect("a handle can be doubled"));
        }
        follow(child.stdout.take().expect("stdout is piped"), sender, copy);
        Process { name: name.into(), child, source, lines: Vec::new(), ended: None }
    }

    /// All lines so far, without line ends and colour codes.
    pub(crate) fn lines(&mut self) -> &[String] {
        self.lines.extend(self.source.try_iter());
        &self.lines
    }

    /// Waits until a line among all, old and new, satisfies `wanted`; fails the test when none has
    /// come in time or the process ended without it.
    pub(crate) fn expect_line(
        &mut self,
        what: &str,
        wait: Duration,
        wanted: impl Fn(&str) -> bool,
    ) -> String {
        self.expect(what, wait, |lines| lines.iter().find(|line| wanted(line)).cloned())
    }

    /// Waits until `wanted` finds something in all the lines so far.
    pub(crate) fn expect<T>(
        &mut self,
        what: &str,
        wait: Duration,
        mut wanted: impl FnMut(&[String]) -> Option<T>,
    ) -> T {
        let deadline = Deadline::after(wait);
        loop {
            if let Some(found) = wanted(self.lines()) {
                return found;
            }
            match self.source.recv_timeout(deadline.left()) {
                Ok(line) => self.lines.push(line),
                Err(RecvTimeoutError::Timeout) => {
                    panic!("{}: no {what} within {wait:?}", self.name)
                }
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("{}: ended before {what}", self.name)
                }
            }
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        if self.ended.is_none() {
            send(signal, self.pid());
        }
    }

    /// Waits for the end. Fails the test when it does not come in time.
    pub(crate) fn wait_end(&mut self, wait: Duration) -> ExitStatus {
        let status = poll(wait, || self.try_end())
            .unwrap_or_else(|| panic!("{}: still running after {wait:?}", self.name));
        // The readers see the end of the pipes now; a grandchild may keep one open, hence the bound.
        let deadline = Deadline::after(Duration::from_secs(1));
        while let Ok(line) = self.source.recv_timeout(deadline.left()) {
            self.lines.push(line);
        }
        status
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.try_end().is_none()
    }

    /// Kills it with all its descendants.
    pub(crate) fn kill_group(&mut self) {
        if self.try_end().is_none() {
            send(Signal::Kill, -self.pid());
            self.ended = self.child.wait().ok();
        }
    }

    fn try_end(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().expect("a child of ours can be waited for");
        }
        self.ended
    }

    fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).expect("process ids fit")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill_group();
        if std::thread::panicking() {
            let name = self.name.clone();
            let lines = self.lines();
            let tail = lines.len().saturating_sub(60);
            eprintln!("---- {name}: the last of {} lines", lines.len());
            for line in &lines[tail..] {
                eprintln!("{line}");
            }
        }
    }
}

/// Reads a pipe to its end on a thread of its own, line by line.
fn follow(pipe: impl Read + Send + 'static, lines: Sender<String>, mut copy: File) {
    std::thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut raw = Vec::new();
        while pipe.read_until(b'\n', &mut raw).is_ok_and(|count| count > 0) {
            // Nobody needs the copy to go on.
            let _ = copy.write_all(&raw);
            let text = String::from_utf8_lossy(&raw);
            if lines.send(without_colours(text.trim_end_matches(['\r', '\n']))).is_err() {
                return;
            }
            raw.clear();
        }
    });
}

/// Drops the terminal's colour codes: `ESC [`, digits and semicolons, one letter.
fn without_colours(line: &str) -> String {
    let mut parts = line.split('\u{1b}');
    let mut clean = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let text = part.trim_start_matches(|c: char| c == '[' || c == ';' || c.is_ascii_digit());
        let mut text = text.chars();
        text.next();
        clean.push_str(text.as_str());
    }
    clean
}

#[cfg(target_os = "linux")]
fn die_with_parent(command: &mut Command) {
    // SAFETY: runs between fork and exec and makes one system call, which is async-signal-safe.
    unsafe {
        command.pre_exec(|| {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            Ok(())
        });
    }
}

#[cfg(not(target_os = "linux"))]
fn die_with_parent(_: &mut Command) {}

/// `to` is a process id, or a process group's with a minus sign.
fn send(signal: Signal, to: i32) {
    let number = match signal {
        Signal::Interrupt => libc::SIGINT,
        Signal::Terminate => libc::SIGTERM,
        Signal::Kill => libc::SIGKILL,
    };
    // SAFETY: no memory is involved; `to` is a child that has not been waited for, so its id has
    // not been given to another process.
    unsafe {
        libc::kill(to, number);
    }
}

#[test]
fn colour_codes_vanish_from_a_line() {
    assert_eq!(without_colours("\u{1b}[36;1m#"), "#");
    assert_eq!(without_colours("\u{1b}[;mua: \u{1b}[31mred\u{1b}[;m"), "ua: red");
}
