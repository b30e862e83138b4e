//! One caller and one called on real sockets, to see all that a server sends for a message.

use std::io;
use std::net::{SocketAddr, SocketAddrV4, UdpSocket};

use looseroute_benches::batch::{Received, wait};
use looseroute_benches::wire;

/// How long nothing must come before a server is taken to be done.
const QUIET: u64 = 80_000_000;

/// Which of the probe's sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Caller,
    Called,
}

/// A message that the server sent.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// What the probe did that brought it.
    pub(crate) step: &'static str,
    /// Where it arrived.
    pub(crate) at: Side,
    pub(crate) text: String,
}

/// The two sockets; the same ones talk to every server, so that only the server's own address
/// differs in what comes back.
#[derive(Debug)]
pub(crate) struct Sockets {
    caller: UdpSocket,
    called: UdpSocket,
    pub(crate) caller_at: SocketAddrV4,
    pub(crate) called_at: SocketAddrV4,
}

impl Sockets {
    pub(crate) fn open() -> io::Result<Sockets> {
        let ((caller, caller_at), (called, called_at)) = (bind()?, bind()?);
        Ok(Sockets { caller, called, caller_at, called_at })
    }
}

/// A conversation with one server.
#[derive(Debug)]
pub(crate) struct Probe<'a> {
    sockets: &'a Sockets,
    pub(crate) server: SocketAddrV4,
    received: Received,
    pub(crate) seen: Vec<Seen>,
}

impl<'a> Probe<'a> {
    pub(crate) fn new(sockets: &'a Sockets, server: SocketAddrV4) -> Probe<'a> {
        Probe { sockets, server, received: Received::new(16), seen: Vec::new() }
    }

    /// The addresses of caller and called.
    pub(crate) fn addresses(&self) -> (SocketAddrV4, SocketAddrV4) {
        (self.sockets.caller_at, self.sockets.called_at)
    }

    /// Sends a message and keeps all that comes of it. Lines end in LF in `text`.
    ///
    /// # Errors
    /// The sockets'.
    pub(crate) fn send(&mut self, step: &'static str, from: Side, text: &str) -> io::Result<()> {
        let socket = match from {
            Side::Caller => &self.sockets.caller,
            Side::Called => &self.sockets.called,
        };
        socket.send_to(text.replace('\n', "\r\n").as_bytes(), self.server)?;
        loop {
            let before = self.seen.len();
            wait(&[&self.sockets.caller, &self.sockets.called], libc::POLLIN, QUIET)?;
            self.take(step, Side::Caller)?;
            self.take(step, Side::Called)?;
            if self.seen.len() == before {
                return Ok(());
            }
        }
    }

    /// Answers the last request that arrived at the called side.
    ///
    /// # Errors
    /// The sockets', or no such request has arrived.
    pub(crate) fn answer(
        &mut self,
        step: &'static str,
        method: &str,
        status: &str,
        more: &str,
    ) -> io::Result<()> {
        let request = self.last(Side::Called, method)?;
        let mut reply = Vec::new();
        let line = format!("SIP/2.0 {status}\r\n");
        wire::response(line.as_bytes(), request.as_bytes(), b"called", &mut reply);
        let reply = String::from_utf8_lossy(&reply).replace("\r\n", "\n");
        self.send(step, Side::Called, &format!("{reply}{more}Content-Length: 0\n\n"))
    }

    /// The last message with this start that arrived at a side.
    ///
    /// # Errors
    /// None has: the server did not do its part.
    pub(crate) fn last(&self, at: Side, start: &str) -> io::Result<String> {
        let found = self.seen.iter().rev().find(|s| s.at == at && s.text.starts_with(start));
        found.map(|s| s.text.clone()).ok_or_else(|| {
            let all: Vec<_> = self.seen.iter().map(|s| s.text.lines().next()).collect();
            io::Error::other(format!("{}: no {start} at {at:?}; it sent {all:?}", self.server))
        })
    }

    fn take(&mut self, step: &'static str, at: Side) -> io::Result<()> {
        let socket = match at {
            Side::Caller => &self.sockets.caller,
            Side::Called => &self.sockets.called,
        };
        for index in 0..self.received.receive(socket)? {
            let text = String::from_utf8_lossy(self.received.datagram(index)).into_owned();
            self.seen.push(Seen { step, at, text });
        }
        Ok(())
    }
}

fn bind() -> io::Result<(UdpSocket, SocketAddrV4)> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_nonblocking(true)?;
    match socket.local_addr()? {
        SocketAddr::V4(own) => Ok((socket, own)),
        other => Err(io::Error::other(format!("not an IPv4 address: {other}"))),
    }
}
