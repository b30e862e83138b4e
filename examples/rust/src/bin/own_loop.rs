//! The engine inside a program's own event loop: the engine's descriptor stands in the program's
//! poll beside the program's own sockets, here a TCP port that tells the time in SIP statistics.
//!
//! ```text
//! own_loop 127.0.0.1:5060 127.0.0.1:5070
//! ```

use std::io::Write;
use std::os::fd::RawFd;
use std::time::Duration;

use looseroute::prelude::*;
use mio::net::TcpListener;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};

const SIP: Token = Token(0);
const ADMIN: Token = Token(1);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let sip = args.next().unwrap_or_else(|| "127.0.0.1:5060".into());
    let admin = args.next().unwrap_or_else(|| "127.0.0.1:5070".into());

    let engine = Engine::builder()
        .listen(sip)
        .request_route(
            |call: Call| async move { Ok(call.reply(200, "Hello From My Own Loop").await?) },
        )
        .build()?;
    for (_, l) in engine.listeners().iter() {
        println!("listening {}:{}", l.proto, l.addr);
    }

    let fd: RawFd = engine.fd().ok_or("the engine has no descriptor")?;
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(64);
    let mut listener = TcpListener::bind(admin.parse()?)?;
    poll.registry().register(&mut SourceFd(&fd), SIP, Interest::READABLE)?;
    poll.registry().register(&mut listener, ADMIN, Interest::READABLE)?;
    println!("admin {}\nready", listener.local_addr()?);

    loop {
        poll.poll(&mut events, engine.next_timeout())?;
        for event in &events {
            if event.token() == ADMIN {
                serve_admin(&engine, &listener)?;
            }
        }
        // Whatever woke us: the engine does what is due, without waiting.
        engine.process(Some(Duration::ZERO))?;
    }
}

/// Tells each caller how many requests the engine has seen, and hangs up.
fn serve_admin(engine: &Engine, listener: &TcpListener) -> std::io::Result<()> {
    loop {
        match listener.accept() {
            Ok((mut stream, _)) => {
                let n = engine.statistic("core", "rcv_requests").unwrap_or(0);
                writeln!(stream, "requests {n}")?;
            }
            Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => return Ok(()),
            Err(e) => return Err(e),
        }
    }
}
