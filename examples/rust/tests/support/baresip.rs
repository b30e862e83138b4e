//! Debian's baresip as a phone: a generated configuration with no sound hardware, commands and
//! events over its control port, and its SIP trace as the log of what went over the wire.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::ports::Ports;
use super::process::Process;
use super::server::{Account, Transport};
use super::time::{Deadline, poll};
use super::trace::{self, Entry};

/// How long a phone may take for one step; they answer within milliseconds.
const STEP: Duration = Duration::from_secs(15);

/// A phone with one account.
pub(crate) struct Phone {
    pub(crate) user: String,
    process: Process,
    control: Control,
    /// Trace entries before this one have been looked at by [`Phone::next_message`].
    seen: usize,
    _ports: Ports,
}

impl Phone {
    /// Its signalling port, the neighbour it takes for TLS, its control port, then media in pairs.
    pub(crate) fn ports() -> Ports {
        Ports::phone(13)
    }

    /// Writes the phone's files into `dir` and starts it; it registers at once.
    pub(crate) fn start(
        dir: &Path,
        account: &Account,
        ports: Ports,
        server: u16,
        transport: Transport,
    ) -> Phone {
        write_files(dir, account, server, transport, &ports);
        let mut command = Command::new("baresip");
        command.arg("-s").arg("-f").arg(dir);
        let log = dir.join("baresip.log");
        let process = Process::spawn_output_only(&account.user, &mut command, log);
        let control = Control::connect(ports.at(2), &account.user);
        Phone { user: account.user.clone(), process, control, seen: 0, _ports: ports }
    }

    /// Every message this phone has sent or received so far.
    pub(crate) fn trace(&mut self) -> Vec<Entry> {
        trace::read(self.process.lines())
    }

    /// Waits for the next message, among those not yet consumed by an earlier call, that satisfies
    /// `wanted`, and consumes all up to it.
    pub(crate) fn next_message(&mut self, what: &str, wanted: impl Fn(&Entry) -> bool) -> Entry {
        let from = self.seen;
        let (index, entry) = self.process.expect(what, STEP, |lines| {
            let entries = trace::read(lines);
            let index = (from..entries.len()).find(|&index| wanted(&entries[index]))?;
            Some((index, entries[index].clone()))
        });
        self.seen = index + 1;
        entry
    }

    /// Waits until each of these replies has come after the last message consumed, in any order, and
    /// consumes all up to the last of them.
    pub(crate) fn next_replies(&mut self, wanted: &[(&str, u16)]) {
        let from = self.seen;
        let last = self.process.expect(&format!("{wanted:?}"), STEP, |lines| {
            let entries = trace::read(lines);
            let place = |&(method, status): &(&str, u16)| {
                (from..entries.len()).find(|&index| entries[index].is_reply(method, status))
            };
            wanted.iter().map(place).collect::<Option<Vec<usize>>>()?.into_iter().max()
        });
        self.seen = last + 1;
    }

    /// Runs a command of the phone's menu (`dial`, `accept`, `hangup`).
    pub(crate) fn command(&mut self, command: &str, parameters: &str) {
        self.control.command(command, parameters);
    }

    /// Waits for the next event of that type and returns its parameter.
    pub(crate) fn event(&mut self, wanted: &str) -> String {
        self.control.event(wanted)
    }

    /// Unregisters and ends; fails the test unless the phone ends by itself, without an error.
    pub(crate) fn quit(mut self) -> Vec<Entry> {
        self.command("quit", "");
        let status = self.process.wait_end(STEP);
        assert!(status.success(), "{} ended with {status}", self.user);
        self.trace()
    }
}

fn write_files(dir: &Path, account: &Account, server: u16, transport: Transport, ports: &Ports) {
    let (sip, control) = (ports.at(0), ports.at(2));
    let (media, media_end) = (ports.at(3), ports.at(12));
    // No audio modules: a call is signalled and its media ports are opened, but nothing is played;
    // a sound device's thread would also print into the middle of the trace.
    let config = format!(
        "poll_method epoll\nsip_listen 127.0.0.1:{sip}\nnet_interface 127.0.0.1\n\
         call_max_calls 4\ncall_local_timeout 30\n\
         rtp_ports {media}-{media_end}\nctrl_tcp_listen 127.0.0.1:{control}\n\
         module_path {modules}\nmodule g711.so\nmodule uuid.so\n\
         module_tmp account.so\nmodule_app contact.so\nmodule_app menu.so\nmodule_app ctrl_tcp.so\n",
        modules = modules(),
    );
    let suffix = transport.uri_parameter();
    let (user, password) = (&account.user, &account.password);
    let accounts =
        format!("<sip:{user}@127.0.0.1:{server}{suffix}>;auth_pass={password};regint=60\n");
    for (name, text) in [("config", config), ("accounts", accounts), ("contacts", String::new())] {
        fs::write(dir.join(name), text).expect("the phone's directory is writable");
    }
}

/// Where this system keeps baresip's modules.
fn modules() -> &'static str {
    let places = ["/usr/lib/baresip/modules", "/usr/local/lib/baresip/modules"];
    places.into_iter().find(|place| Path::new(place).is_dir()).unwrap_or(places[0])
}

/// The control connection: JSON objects in netstrings (`length:{…},`).
struct Control {
    stream: TcpStream,
    buffer: Vec<u8>,
    events: Vec<(String, String)>,
    user: String,
    token: u32,
}

impl Control {
    fn connect(port: u16, user: &str) -> Control {
        let stream = poll(STEP, || TcpStream::connect(("127.0.0.1", port)).ok())
            .unwrap_or_else(|| panic!("{user}: nothing answers on the control port {port}"));
        Control { stream, buffer: Vec::new(), events: Vec::new(), user: user.into(), token: 0 }
    }

    fn command(&mut self, command: &str, parameters: &str) {
        self.token += 1;
        let token = self.token.to_string();
        let body = serde_json::json!({"command": command, "params": parameters, "token": token});
        let body = body.to_string();
        let frame = format!("{}:{body},", body.len());
        self.stream.write_all(frame.as_bytes()).expect("the phone takes commands");
        let deadline = Deadline::after(STEP);
        loop {
            let message = self.receive(deadline, command);
            if message["response"] == true && message["token"] == token.as_str() {
                assert_eq!(message["ok"], true, "{}: {command} {parameters}: {message}", self.user);
                return;
            }
        }
    }

    fn event(&mut self, wanted: &str) -> String {
        let deadline = Deadline::after(STEP);
        loop {
            if let Some(index) = self.events.iter().position(|(kind, _)| kind == wanted) {
                return self.events.drain(..=index).next_back().expect("just found").1;
            }
            self.receive(deadline, wanted);
        }
    }

    /// The next message from the phone; an event is also kept for [`Control::event`].
    fn receive(&mut self, deadline: Deadline, what: &str) -> serde_json::Value {
        loop {
            if let Some(message) = take_frame(&mut self.buffer) {
                if message["event"] == true {
                    let text = |key: &str| message[key].as_str().unwrap_or_default().to_owned();
                    self.events.push((text("type"), text("param")));
                }
                return message;
            }
            assert!(!deadline.passed(), "{}: no {what} within {STEP:?}", self.user);
            let wait = deadline.left().max(Duration::from_millis(1));
            self.stream.set_read_timeout(Some(wait)).expect("a timeout above zero");
            let mut chunk = [0; 4096];
            match self.stream.read(&mut chunk) {
                Ok(0) => panic!("{}: closed its control port, waiting for {what}", self.user),
                Ok(count) => self.buffer.extend_from_slice(&chunk[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => panic!("{}: control port: {error}", self.user),
            }
        }
    }
}

/// The first whole netstring of the buffer, as JSON.
fn take_frame(buffer: &mut Vec<u8>) -> Option<serde_json::Value> {
    let colon = buffer.iter().position(|byte| *byte == b':')?;
    let length: usize = std::str::from_utf8(&buffer[..colon]).ok()?.parse().ok()?;
    let end = colon + 1 + length;
    if buffer.len() <= end {
        return None;
    }
    let message = serde_json::from_slice(&buffer[colon + 1..end]);
    buffer.drain(..=end);
    Some(message.expect("the phone speaks JSON"))
}

#[test]
fn a_netstring_is_taken_only_when_whole() {
    let mut buffer = b"11:{\"event\":1".to_vec();
    assert_eq!(take_frame(&mut buffer), None);
    buffer.extend_from_slice(b"},7:{\"");
    assert_eq!(take_frame(&mut buffer).expect("whole now")["event"], 1);
    assert_eq!(take_frame(&mut buffer), None);
    assert_eq!(buffer, b"7:{\"");
}
