//! What an operator or a stranger gets wrong: a taken port, an accounts file with a mistake, a
//! database file that is none, garbage on the sockets. Each has a clear answer, and a running
//! server goes on.

use std::fs;
use std::io::Write;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use crate::support::ports::Ports;
use crate::support::server::{Kind, Server, Spec, Transport, alice, bob};
use crate::support::ua::Ua;
use crate::support::{WorkDir, skip};

/// What only our own examples promise; the stand-in says things in its own way.
fn ours(test: &str) -> Option<Kind> {
    let kind = Kind::main();
    if !kind.is_ours() {
        skip(test, "the stand-in says it in its own way");
        return None;
    }
    kind.available(test).then_some(kind)
}

#[test]
fn a_port_in_use_is_an_error_that_tells_how_to_take_another() {
    let Some(kind) = ours("port-in-use") else { return };
    let work = WorkDir::new("port-in-use");
    let port = Ports::server();
    let number = port.at(0);
    let spec = Spec::new(kind, &port, work.sub("data"));

    let taken = UdpSocket::bind(("127.0.0.1", number)).expect("free until now");
    assert_names_port(number, spec.start_refused());
    drop(taken);
    let taken = TcpListener::bind(("127.0.0.1", number)).expect("free until now");
    assert_names_port(number, spec.start_refused());
    drop(taken);
    let server = spec.start();
    assert_names_port(number, Spec::new(kind, &port, work.sub("second")).start_refused());
    assert_registers(&server);
    server.stop();
}

fn assert_names_port(port: u16, (status, said): (ExitStatus, String)) {
    assert!(!status.success(), "started on a taken port:\n{said}");
    assert!(said.contains(&format!("127.0.0.1:{port}")), "which address?\n{said}");
    assert!(said.contains("PORT="), "no hint:\n{said}");
    assert!(said.to_lowercase().contains("in use"), "no cause:\n{said}");
    assert_no_panic(&said);
}

fn assert_no_panic(said: &str) {
    assert!(!said.contains("panicked at"), "an error, not a panic:\n{said}");
}

#[test]
fn a_mistake_in_the_accounts_file_is_shown_with_file_line_and_column() {
    let Some(kind) = ours("accounts-file") else { return };
    let work = WorkDir::new("accounts-file");
    let port = Ports::server();
    let file = work.path().join("accounts.txt");
    let mut spec = Spec::new(kind, &port, work.sub("data"));
    spec.accounts_file = Some(file.clone());
    for mistake in ["carol secret-c", "carol:secret-c", ":secret@127.0.0.1", "what is this?"] {
        fs::write(&file, format!("# two phones\ndave:secret-d@127.0.0.1\n{mistake}\n"))
            .expect("writable");
        let (status, said) = spec.start_refused();
        assert!(!status.success(), "started with {mistake:?}:\n{said}");
        let place = format!("{}:3:", file.display());
        let column = said.split_once(&place).map(|(_, rest)| rest);
        let column = column.unwrap_or_else(|| panic!("{mistake:?}: no {place} in\n{said}"));
        assert!(column.starts_with(|c: char| c.is_ascii_digit()), "no column:\n{said}");
        assert!(said.contains(mistake), "the line itself is not shown:\n{said}");
        let caret =
            |line: &str| line.contains('^') && !line.contains(|c: char| c.is_alphanumeric());
        assert!(said.lines().any(caret), "no caret:\n{said}");
        assert_no_panic(&said);
    }
    fs::remove_file(&file).expect("ours");
    let (status, said) = spec.start_refused();
    assert!(!status.success() && said.contains(&file.display().to_string()), "no file:\n{said}");

    fs::write(&file, "# two phones\n\ndave:secret-d@127.0.0.1\n").expect("writable");
    let server = spec.start();
    let dave = crate::support::server::Account::new("dave", "secret-d");
    let mut ua = Ua::connect(server.address(), Transport::Udp);
    assert_eq!(ua.register(&dave, None).expect("an answer").code, 200, "the file's own account");
    server.stop();
}

#[test]
fn a_broken_database_file_is_named() {
    let Some(kind) = ours("broken-database") else { return };
    let work = WorkDir::new("broken-database");
    let port = Ports::server();
    let spec = Spec::new(kind, &port, work.sub("data"));
    let server = spec.start();
    assert_registers(&server);
    server.stop();

    let files = files_of(&spec.data);
    let database = files.iter().max_by_key(|file| file.metadata().map_or(0, |m| m.len()));
    let database = database.expect("a registration leaves a file").clone();
    for file in files.iter().filter(|file| **file != database) {
        fs::remove_file(file).expect("ours");
    }
    fs::write(&database, "this is no database\n".repeat(500)).expect("writable");
    let (status, said) = spec.start_refused();
    assert!(!status.success(), "started on a broken database:\n{said}");
    let name = database.file_name().expect("a file").to_string_lossy();
    assert!(said.contains(&*name), "which file?\n{said}");
    assert_no_panic(&said);
    let kept = fs::read(&database).expect("still there");
    assert!(kept.starts_with(b"this is no database"), "nobody's file is overwritten");
}

fn files_of(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).expect("the data directory exists");
    entries.map(|entry| entry.expect("readable").path()).filter(|path| path.is_file()).collect()
}

#[test]
fn garbage_and_half_messages_do_not_stop_it() {
    let test = "garbage";
    let kind = Kind::main();
    if !kind.available(test) {
        return;
    }
    let work = WorkDir::new(test);
    let port = Ports::server();
    let server = Spec::new(kind, &port, work.sub("data")).start();
    assert_registers(&server);

    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let mut noise = Noise(0x5eed_0001);
    for datagram in bad_datagrams(&mut noise) {
        socket.send_to(&datagram, server.address()).expect("loopback takes 64 kB");
        let piece = noise.below(datagram.len() as u64) as usize;
        socket.send_to(&datagram[..piece], server.address()).expect("loopback takes all");
    }
    assert_registers(&server);

    let mut open = Vec::new();
    for text in bad_streams(&mut noise) {
        for hold in [true, false] {
            let mut stream = TcpStream::connect(server.address()).expect("it accepts");
            // The server may close a hopeless connection before it has read everything.
            let _ = stream.write_all(&text);
            if hold {
                open.push(stream);
            }
        }
        assert_registers(&server);
    }
    // Half messages are still pending on open connections when it is told to end.
    server.stop();
}

/// Registers both phones, over UDP and TCP, and takes the bindings out again.
fn assert_registers(server: &Server) {
    for (account, transport) in [(alice(), Transport::Udp), (bob(), Transport::Tcp)] {
        let mut ua = Ua::connect(server.address(), transport);
        let contact = format!("sip:{}@{}", account.user, ua.local());
        for (expires, left) in [(60, 1), (0, 0)] {
            let reply = ua.register(&account, Some((&contact, expires))).expect("an answer");
            assert_eq!((reply.code, reply.contacts().len()), (200, left), "{reply:?}");
        }
    }
}

const INVITE: &str = "INVITE sip:bob@127.0.0.1 SIP/2.0\r\n\
    Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKbad\r\nFrom: <sip:a@127.0.0.1>;tag=1\r\n\
    To: <sip:bob@127.0.0.1>\r\nCall-ID: bad\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\n";

fn bad_datagrams(noise: &mut Noise) -> Vec<Vec<u8>> {
    let mut bad: Vec<Vec<u8>> = [
        "\r\n\r\n",
        "\0",
        "SIP/2.0",
        "SIP/2.0 200 OK\r\n\r\n",
        "INVITE\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "INVITE sip:bob@[::1 SIP/2.0\r\nVia: x\r\n\r\n",
        "REGISTER sip:127.0.0.1 SIP/7.0\r\n\r\n",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into();
    bad.push(format!("{INVITE}Content-Length: 4000000000\r\n\r\n").into_bytes());
    bad.push(format!("{INVITE}Content-Length: -1\r\n\r\n").into_bytes());
    bad.push(format!("{INVITE}{}\r\n", "X: y\r\n".repeat(9000)).into_bytes());
    bad.push(format!("{INVITE}Via: {}\r\n\r\n", ",".repeat(50_000)).into_bytes());
    bad.push(INVITE.replace("CSeq: 1 INVITE", "CSeq: 99999999999 BYE").into_bytes());
    bad.push(INVITE.replace("127.0.0.1:9", "127.0.0.1:99999").into_bytes());
    for length in [1, 7, 100, 1500, 9000, 65_000] {
        bad.push((0..length).map(|_| noise.below(256) as u8).collect());
    }
    for _ in 0..200 {
        let mut text = format!("{INVITE}Content-Length: 0\r\n\r\n").into_bytes();
        for _ in 0..=noise.below(4) {
            let place = noise.below(text.len() as u64) as usize;
            text[place] = noise.below(256) as u8;
        }
        bad.push(text);
    }
    bad
}

fn bad_streams(noise: &mut Noise) -> Vec<Vec<u8>> {
    let tcp = INVITE.replace("/UDP", "/TCP");
    vec![
        tcp.as_bytes()[..80].to_vec(),
        tcp.clone().into_bytes(),
        format!("{tcp}Content-Length: 100\r\n\r\nhalf a body").into_bytes(),
        format!("{tcp}Content-Length: 4000000000\r\n\r\n").into_bytes(),
        format!("{tcp}Content-Length: x\r\n\r\n").into_bytes(),
        format!("{tcp}\r\n").into_bytes(),
        "\r\n".repeat(1000).into_bytes(),
        "A".repeat(200_000).into_bytes(),
        "GET / HTTP/1.1\r\n".into(),
        (0..5000).map(|_| noise.below(256) as u8).collect(),
    ]
}

/// A linear congruential generator with its seed in the test, so that a failure comes again.
struct Noise(u64);

impl Noise {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound.max(1)
    }
}
