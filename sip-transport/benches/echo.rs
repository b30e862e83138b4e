//! What one echoed datagram (or message on a connection) costs the worker's thread: its CPU time,
//! user and system, over a closed loop with a fixed number in flight. Beside it the same with bare
//! system calls, which is the floor. Run with `cargo bench -p looseroute-transport`.
//!
//! In flight 1 shows the cost of waking up, 64 and more the cost at saturation.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sip_core::output::{Input, Output, Send};
use sip_core::stats::{Builder, Stats};
use sip_transport::{
    Clock, ConnDirectory, SendOutcome, Transport, TransportParams, TransportStats, bind,
};

/// Messages of one measurement; `ECHO_ROUNDS` asks for another number.
fn rounds() -> usize {
    std::env::var("ECHO_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(300_000)
}

const BODY: usize = 480;

fn main() {
    println!(
        "ns of CPU time per echoed message of {} bytes (one receive and one send)",
        message().len()
    );
    for flight in [1, 16, 64, 256] {
        let floor = udp_floor(flight);
        let plain = udp(flight, 1);
        let batched = udp(flight, 0);
        println!(
            "udp in flight {flight:3}: bare recvfrom/sendto {floor:5.0}   plain path {:5.0}   batched {:5.0} \
             ({:.1} datagrams a receive call, {:.1} a send call)",
            plain.ns, batched.ns, batched.per_receive, batched.per_send
        );
    }
    for connections in [1, 16, 64] {
        println!("tcp connections {connections:3}: {:5.0}", tcp(connections));
    }
}

fn message() -> Vec<u8> {
    let head = "OPTIONS sip:alice@example.org SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK776asdhds\r\n\
        Content-Length: ";
    format!("{head}{BODY}\r\n\r\n{}", "x".repeat(BODY)).into_bytes()
}

struct Echo {
    transport: Transport,
    at: SocketAddr,
    stats: Stats,
}

fn echo(listen: &str, plain: u32) -> Echo {
    let params = Arc::new(TransportParams::default());
    params.set("udp_plain", plain).expect("a parameter");
    let directory = Arc::new(ConnDirectory::new());
    let mut builder = Builder::new();
    let declared = TransportStats::declare(&mut builder, &directory);
    let stats = builder.build(1);
    let mut bound = bind(&[listen.parse().expect("an address")], 1, &params).expect("a free port");
    let at = bound.listeners.iter().next().expect("one listener").1.addr;
    let counters = declared.on(stats.shard(0).expect("one worker"));
    let transport =
        Transport::new(0, bound.listeners, bound.workers.remove(0), params, directory, counters)
            .expect("a poll");
    Echo { transport, at, stats }
}

/// Echoes until told to stop; the thread's CPU time in ns.
fn serve(transport: &mut Transport, stop: &AtomicBool) -> u64 {
    let clock = Clock::start();
    let mut inputs = VecDeque::new();
    let before = cpu();
    while !stop.load(Ordering::Relaxed) {
        let wait = Some(Duration::from_millis(10));
        let now = transport.poll(&mut || clock.now(), wait, &mut inputs).expect("a poll");
        while let Some(input) = inputs.pop_front() {
            if let Input::Message { flow, bytes } = input {
                let send = Send { to: flow.back(), bytes, origin: None };
                let outcome = transport.send(now.mono, Output::Send(send));
                assert!(matches!(outcome, SendOutcome::Taken));
            }
        }
        transport.flush(now.mono, &mut inputs);
    }
    cpu() - before
}

struct Result {
    ns: f64,
    per_receive: f64,
    per_send: f64,
}

fn udp(flight: usize, plain: u32) -> Result {
    let mut echo = echo("udp:127.0.0.1:0", plain);
    let at = echo.at;
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let server = std::thread::spawn(move || {
        let ns = serve(&mut echo.transport, &stopped);
        (ns, echo.stats)
    });
    drive(at, flight);
    stop.store(true, Ordering::Relaxed);
    let (ns, stats) = server.join().expect("the server");
    let stat = |name| stats.get("udp", name).unwrap_or(0) as f64;
    Result {
        ns: ns as f64 / stat("sent_messages"),
        per_receive: stat("received_messages") / stat("receive_calls"),
        per_send: stat("sent_messages") / stat("send_calls"),
    }
}

fn udp_floor(flight: usize) -> f64 {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    socket.set_read_timeout(Some(Duration::from_millis(10))).expect("a timeout");
    let at = socket.local_addr().expect("an address");
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let server = std::thread::spawn(move || {
        let (mut buf, mut n) = ([0; 2048], 0_u64);
        let before = cpu();
        while !stopped.load(Ordering::Relaxed) {
            if let Ok((len, from)) = socket.recv_from(&mut buf) {
                socket.send_to(&buf[..len], from).expect("a send");
                n += 1;
            }
        }
        (cpu() - before) as f64 / n as f64
    });
    drive(at, flight);
    stop.store(true, Ordering::Relaxed);
    server.join().expect("the server")
}

/// Keeps `flight` datagrams under way until all rounds are done. Lost ones are sent again.
fn drive(to: SocketAddr, flight: usize) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    socket.connect(to).expect("a peer");
    socket.set_read_timeout(Some(Duration::from_millis(50))).expect("a timeout");
    let (m, mut buf) = (message(), [0; 2048]);
    let rounds = if flight == 1 { rounds() / 10 } else { rounds() };
    let (mut done, mut under_way) = (0, 0);
    while done < rounds {
        while under_way < flight {
            socket.send(&m).expect("a send");
            under_way += 1;
        }
        match socket.recv(&mut buf) {
            Ok(_) => {
                done += 1;
                under_way -= 1;
                // Taken up in groups, so that the server meets more than one at a time.
                socket.set_nonblocking(true).expect("a mode");
                while under_way > flight / 2 && socket.recv(&mut buf).is_ok() {
                    done += 1;
                    under_way -= 1;
                }
                socket.set_nonblocking(false).expect("a mode");
            }
            Err(_) => under_way = 0,
        }
    }
}

fn tcp(connections: usize) -> f64 {
    let mut echo = echo("tcp:127.0.0.1:0", 0);
    let at = echo.at;
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let server = std::thread::spawn(move || {
        let ns = serve(&mut echo.transport, &stopped);
        (ns, echo.stats)
    });
    let m = message();
    let mut peers: Vec<TcpStream> = (0..connections)
        .map(|_| {
            let s = TcpStream::connect(at).expect("a connection");
            s.set_nodelay(true).expect("an option");
            s
        })
        .collect();
    let mut buf = vec![0; m.len()];
    for _ in 0..rounds() / 4 / connections {
        for p in &mut peers {
            p.write_all(&m).expect("a write");
        }
        for p in &mut peers {
            p.read_exact(&mut buf).expect("a read");
        }
    }
    stop.store(true, Ordering::Relaxed);
    let (ns, stats) = server.join().expect("the server");
    ns as f64 / stats.get("tcp", "sent_messages").unwrap_or(0) as f64
}

/// The CPU time of this thread, in ns.
fn cpu() -> u64 {
    let mut t = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes one timespec, to which the pointer leads.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut t) };
    t.tv_sec as u64 * 1_000_000_000 + t.tv_nsec as u64
}
