//! `relay-floor`: what the kernel alone costs.
//!
//! Sends as many messages as a SIP server would for the same load, in batches and without parsing
//! any: a REGISTER goes back to its sender, an INVITE goes back (in place of the 100, at its size)
//! and on, all else goes to the other side. No server that receives and sends these messages
//! through sockets can take less CPU time than this.
//!
//! `relay-floor --listen 127.0.0.1:5060 --answerer 127.0.0.1:7001 [--single]`; `--single` makes one
//! system call per message.

use std::net::{SocketAddrV4, UdpSocket};
use std::process::ExitCode;

use looseroute_benches::args::Args;
use looseroute_benches::batch::{Outgoing, Received};
use looseroute_benches::pin;
use socket2::SockRef;

/// The size of a `100 Trying` to the generator's INVITE.
const TRYING: usize = 340;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("relay-floor: {error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), String> {
    let mut args = Args::from_env();
    let listen = args.value("--listen", SocketAddrV4::new([127, 0, 0, 1].into(), 5060))?;
    let answerer: SocketAddrV4 =
        args.option("--answerer")?.ok_or("--answerer: where the answering side is")?;
    let batch = if args.flag("--single") { 1 } else { 64 };
    if let Some(cpu) = args.option("--cpu")? {
        pin::to_cpu(cpu).map_err(|e| format!("--cpu {cpu}: {e}"))?;
    }
    args.finish()?;
    let socket = UdpSocket::bind(listen).map_err(|e| format!("{listen}: {e}"))?;
    // The kernel gives less when its limit is lower.
    SockRef::from(&socket).set_recv_buffer_size(4 << 20).map_err(|e| e.to_string())?;
    println!("listening on {listen}");
    relay(&socket, answerer, batch).map_err(|e| e.to_string())
}

fn relay(socket: &UdpSocket, answerer: SocketAddrV4, batch: usize) -> std::io::Result<()> {
    let (mut received, mut out) = (Received::new(batch), Outgoing::new(2 * batch));
    let mut caller = None;
    loop {
        for at in 0..received.receive(socket)? {
            let (message, from) = (received.datagram(at), received.from(at));
            if from == answerer {
                out.push(message, caller);
                continue;
            }
            caller = Some(from);
            match message.first() {
                Some(b'R') => out.push(message, caller),
                Some(b'I') => {
                    out.push(&message[..message.len().min(TRYING)], caller);
                    out.push(message, Some(answerer));
                }
                _ => out.push(message, Some(answerer)),
            }
        }
        out.flush(socket)?;
    }
}
