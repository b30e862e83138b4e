//! The engine inside a program's own loop: the example answers on its SIP address and on its own.

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

#[test]
fn the_programs_loop_serves_the_engine_and_the_programs_own_socket() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_own_loop"))
        .args(["udp:127.0.0.1:0", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the example starts");
    let stdout = child.stdout.take().expect("it is piped");
    let _running = Running(child);
    let (mut sip, mut admin): (Option<SocketAddr>, Option<SocketAddr>) = (None, None);
    for line in BufReader::new(stdout).lines() {
        let line = line.expect("it prints text");
        if let Some(addr) = line.strip_prefix("listening udp:") {
            sip = addr.parse().ok();
        } else if let Some(addr) = line.strip_prefix("admin ") {
            admin = addr.parse().ok();
        } else if line == "ready" {
            break;
        }
    }
    let (sip, admin) = (sip.expect("a SIP address"), admin.expect("an address of its own"));

    let phone = UdpSocket::bind("127.0.0.1:0").expect("a port");
    phone.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let own = phone.local_addr().expect("an address");
    let request = format!(
        "OPTIONS sip:{sip} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bKown\r\n\
         From: <sip:a@{own}>;tag=1\r\nTo: <sip:{sip}>\r\nCall-ID: own\r\nCSeq: 1 OPTIONS\r\n\
         Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    );
    phone.send_to(request.as_bytes(), sip).expect("it is sent");
    let mut answer = [0; 4096];
    let len = phone.recv(&mut answer).expect("it is answered");
    let answer = String::from_utf8_lossy(&answer[..len]);
    assert!(answer.starts_with("SIP/2.0 200 Hello From My Own Loop\r\n"), "{answer}");

    let mut stream = TcpStream::connect_timeout(&admin, PATIENCE).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let mut told = String::new();
    stream.read_to_string(&mut told).expect("it tells and hangs up");
    assert_eq!(told, "requests 1\n");
}
