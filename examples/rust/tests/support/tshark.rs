//! What went over the loopback interface on one port, captured by dumpcap and judged by tshark's
//! SIP dissector: an opinion on our messages that is not ours.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::net::{Ipv4Addr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::process::{Process, Signal};
use super::time::poll;

const START: Duration = Duration::from_secs(10);

/// A running capture.
pub(crate) struct Capture {
    process: Process,
    file: PathBuf,
    ends: Ends,
}

/// Who is who on the wire.
#[derive(Clone, Debug)]
struct Ends {
    server: u16,
    /// Where phones accept connections: only the server makes any.
    phones: Vec<u16>,
}

/// One captured frame as tshark reads it.
#[derive(Debug)]
struct Frame {
    number: String,
    from_server: bool,
    udp_payload: usize,
    /// SIP messages that end in this frame.
    messages: usize,
    complaints: Vec<String>,
}

/// tshark's numbers for the groups and severities of its expert notes.
const SEQUENCE: u32 = 0x0200_0000;
const RESPONSE_CODE: u32 = 0x0300_0000;
/// A header tshark does not know; a proxy passes those on.
const UNDECODED: u32 = 0x0500_0000;
const NOTE: u32 = 0x0040_0000;

impl Capture {
    /// Captures everything to and from the server's port, and the connections to the phones' own
    /// ports, from now on. Nothing when tshark is missing or may not capture: the test goes on
    /// without and says so (in CI it fails).
    pub(crate) fn start(test: &str, dir: &Path, server: u16, phones: &[u16]) -> Option<Capture> {
        let test = format!("{test}: tshark's opinion");
        if !super::have(&test, &["dumpcap", "tshark"]) {
            return None;
        }
        let file = dir.join("wire.pcapng");
        let ends = Ends { server, phones: phones.to_vec() };
        let connections = phones.iter().map(|port| format!(" or tcp port {port}"));
        let filter = format!("port {server}{}", connections.collect::<String>());
        let mut command = Command::new("dumpcap");
        command.args(["-q", "-i", "lo", "-B", "16", "-f", &filter, "-w"]).arg(&file);
        let mut process = Process::spawn("dumpcap", &mut command, dir.join("dumpcap.log"));
        // It names the file once the interface is open and the filter set.
        let started = process.expect("capture", START, |lines| {
            let started = lines.iter().any(|line| line.starts_with("File: "));
            let refused = lines.iter().find(|line| line.contains("permission"));
            if started { Some(Ok(())) } else { refused.map(|line| Err(line.clone())) }
        });
        match started {
            Ok(()) => Some(Capture { process, file, ends }),
            Err(reason) => {
                super::skip(&test, &reason);
                None
            }
        }
    }

    /// Ends the capture, fails the test if anything the server sent is not sound SIP, and returns
    /// how many messages it sent.
    pub(crate) fn finish(mut self) -> usize {
        self.drain();
        self.process.signal(Signal::Interrupt);
        let status = self.process.wait_end(START);
        assert!(status.success(), "dumpcap ended with {status}");
        let dropped = self
            .process
            .lines()
            .iter()
            .any(|line| line.contains("received/dropped") && !line.contains("/0 ("));
        assert!(!dropped, "dumpcap lost packets: {:?}", self.process.lines());
        let frames = decode(&self.file, &self.ends);
        let unsound: Vec<&Frame> = frames.iter().filter(|frame| !frame.is_sound()).collect();
        if let Some(first) = unsound.first() {
            let number = &first.number;
            panic!("{} frames, first {number}, are not sound SIP: {unsound:#?}", unsound.len());
        }
        frames.iter().filter(|frame| frame.from_server).map(|frame| frame.messages).sum()
    }
}

impl Capture {
    /// Waits until what has been on the wire is in the file: the kernel hands packets over in
    /// blocks and forgets an unfinished one when dumpcap is told to end. A last datagram to the
    /// server's port, which is closed by now, marks the end.
    fn drain(&self) {
        let mark = format!("end of capture {}", self.file.display());
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let server = (Ipv4Addr::LOCALHOST, self.ends.server);
        socket.send_to(mark.as_bytes(), server).expect("loopback takes a datagram");
        let written = poll(START, || find_at_end(&self.file, mark.as_bytes()).then_some(()));
        assert!(written.is_some(), "dumpcap did not write the last packet within {START:?}");
    }
}

/// Whether the last bytes of a file hold `mark`.
fn find_at_end(file: &Path, mark: &[u8]) -> bool {
    let mut tail = Vec::new();
    let read = File::open(file).and_then(|mut file| {
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(16_384)))?;
        file.read_to_end(&mut tail)
    });
    read.is_ok() && tail.windows(mark.len()).any(|window| window == mark)
}

impl Frame {
    /// Only what the server sent is judged. A datagram is one message, or a keep-alive of line
    /// ends; a TCP segment may hold any part of one.
    fn is_sound(&self) -> bool {
        let undecoded = self.udp_payload > 4 && self.messages != 1;
        !self.from_server || (self.complaints.is_empty() && !undecoded)
    }
}

const FIELDS: [&str; 10] = [
    "frame.number",
    "udp.srcport",
    "tcp.srcport",
    "tcp.dstport",
    "udp.length",
    "sip.CSeq.seq",
    "_ws.malformed",
    "_ws.expert.group",
    "_ws.expert.severity",
    "_ws.expert.message",
];

fn decode(file: &Path, ends: &Ends) -> Vec<Frame> {
    let mut command = Command::new("tshark");
    command.arg("-r").arg(file).args(["-n", "-T", "fields", "-E", "separator=/t"]);
    command.args(["-E", "occurrence=a", "-E", "aggregator=|"]);
    for port in ends.phones.iter().chain([&ends.server]) {
        for transport in ["udp", "tcp"] {
            command.arg("-d").arg(format!("{transport}.port=={port},sip"));
        }
    }
    command.args(FIELDS.iter().flat_map(|field| ["-e", field]));
    let output = command.output().expect("tshark is installed");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "tshark ended with {}: {errors}", output.status);
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(|line| read_frame(line, ends)).collect()
}

fn read_frame(line: &str, ends: &Ends) -> Frame {
    let columns: Vec<&str> = line.split('\t').collect();
    assert_eq!(columns.len(), FIELDS.len(), "tshark printed {line:?}");
    let port = |column: usize| columns[column].parse::<u16>().unwrap_or_default();
    let from_server = [port(1), port(2)].contains(&ends.server) || ends.phones.contains(&port(3));
    let values = |column: usize| columns[column].split('|').filter(|value| !value.is_empty());
    let numbers = |column| values(column).map(|value| value.parse::<u32>().unwrap_or(u32::MAX));
    let experts = numbers(7).zip(numbers(8));
    let mut complaints: Vec<String> = experts
        .filter(|&(group, severity)| {
            severity >= NOTE && ![SEQUENCE, RESPONSE_CODE, UNDECODED].contains(&group)
        })
        .map(|(group, severity)| format!("{group:#x} {severity:#x} of {}", columns[9]))
        .collect();
    complaints.extend(values(6).map(|value| format!("malformed: {value}")));
    Frame {
        number: columns[0].to_owned(),
        from_server,
        udp_payload: columns[4].parse::<usize>().unwrap_or(8) - 8,
        messages: values(5).count(),
        complaints,
    }
}

#[test]
fn a_complaint_about_the_servers_message_is_seen_and_one_about_the_phones_is_not() {
    let ends = Ends { server: 6123, phones: vec![20_000] };
    let sound = |line: &str| read_frame(line, &ends).is_sound();
    // Lines as tshark 4.0 prints them.
    let colon =
        "\t\t\t177\t1\t_ws.malformed\t117440512\t6291456\tHeader has no colon after the name";
    assert!(!sound(&format!("2\t6123{colon}")));
    assert!(sound(&format!("2\t7000{colon}")), "a phone's own fault");
    let opened = colon.replace("\t\t\t177", "\t40000\t20000\t");
    assert!(!sound(&format!("3{}", opened.replacen('\t', "\t\t", 1))), "a connection it made");
    let unknown = "4\t6123\t\t\t172\t1\t\t83886080\t4194304\tUnrecognised SIP header (x-odd)";
    assert!(sound(unknown));
    assert!(!sound("5\t6123\t\t\t20\t\t\t\t\t"), "a datagram that is not SIP");
    assert!(sound("6\t6123\t\t\t12\t\t\t\t\t"), "a keep-alive");
    let stream = "7\t\t6123\t40000\t\t1|2\t\t33554432\t6291456\tConnection reset (RST)";
    assert!(sound(stream), "two messages in one segment, then a reset");
}
