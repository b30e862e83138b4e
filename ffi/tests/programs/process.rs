//! Running programs: to their end, or as servers that are told to end. None outlives its test.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Nothing here takes longer, valgrind included.
const LIMIT: Duration = Duration::from_secs(120);
/// What valgrind's exit status is when it has found something.
const FOUND: i32 = 97;

/// What a program runs under.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Under {
    Nothing,
    Memcheck,
}

/// A command for `program`, under valgrind if asked: its errors and definite leaks become the exit
/// status.
pub(crate) fn command(program: &Path, under: Under) -> Command {
    let mut command = match under {
        Under::Nothing => Command::new(program),
        Under::Memcheck => {
            let mut valgrind = Command::new("valgrind");
            valgrind.args(["--quiet", "--leak-check=full", "--show-leak-kinds=definite"]);
            valgrind.arg("--errors-for-leak-kinds=definite");
            valgrind.arg(format!("--error-exitcode={FOUND}")).arg("--num-callers=30").arg(program);
            valgrind
        }
    };
    // Cargo's own search path must not decide which library is found.
    command.env_remove("LD_LIBRARY_PATH");
    command
}

/// Runs a tool to its end and fails the test with all it said unless it succeeds.
pub(crate) fn done(command: &mut Command) {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Runs a test program, which must succeed and say `ok` last.
pub(crate) fn succeeds(program: &Path, arguments: &[&str], under: Under) {
    let mut process = Process::start(command(program, under).args(arguments));
    let status = process.end();
    let said = process.said.join("\n");
    let last = process.said.iter().rfind(|line| !line.is_empty());
    assert!(status.success() && last.is_some_and(|l| l == "ok"), "{program:?}: {status}\n{said}");
}

/// A running program whose lines are read as they come.
pub(crate) struct Process {
    child: Child,
    lines: Receiver<String>,
    /// Everything it has said so far, on both outputs.
    pub(crate) said: Vec<String>,
}

impl Process {
    /// Starts it.
    pub(crate) fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|e| panic!("{command:?}: {e}"));
        let (sender, lines) = channel();
        let outputs: [Box<dyn Read + Send>; 2] = [
            Box::new(child.stdout.take().expect("stdout is piped")),
            Box::new(child.stderr.take().expect("stderr is piped")),
        ];
        for output in outputs {
            let sender = sender.clone();
            std::thread::spawn(move || {
                let lines = BufReader::new(output).lines().map_while(Result::ok);
                lines.map(|line| sender.send(line)).take_while(Result::is_ok).for_each(drop);
            });
        }
        Self { child, lines, said: Vec::new() }
    }

    /// Waits for a line that begins with `start`, and answers the rest of it.
    pub(crate) fn line(&mut self, start: &str) -> String {
        while let Ok(line) = self.lines.recv_timeout(LIMIT) {
            let rest = line.strip_prefix(start).map(str::to_owned);
            self.said.push(line);
            if let Some(rest) = rest {
                return rest;
            }
        }
        panic!("no line `{start}` in\n{}", self.said.join("\n"));
    }

    /// Tells it to end.
    pub(crate) fn terminate(&self) {
        let mut kill = Command::new("kill");
        done(kill.arg("-TERM").arg(self.child.id().to_string()));
    }

    /// Waits until it has closed its outputs and ended.
    pub(crate) fn end(&mut self) -> ExitStatus {
        loop {
            match self.lines.recv_timeout(LIMIT) {
                Ok(line) => self.said.push(line),
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break,
                Err(error) => panic!("it does not end: {error}\n{}", self.said.join("\n")),
            }
        }
        self.child.wait().expect("our own child can be waited for")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended already when the test went well.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}
