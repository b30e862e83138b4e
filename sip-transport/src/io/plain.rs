//! Datagrams one by one, as every system can: what is used where there are no batches, or when
//! `udp_plain` asks for it.

use std::io;
use std::net::SocketAddr;

use mio::net::UdpSocket;

/// One receive buffer.
#[derive(Debug)]
pub(super) struct Receiver {
    buffer: Vec<u8>,
}

impl Receiver {
    pub(super) fn new() -> Self {
        Self { buffer: vec![0; 65536] }
    }

    /// Receives one datagram that is there already.
    pub(super) fn receive(&mut self, socket: &UdpSocket) -> io::Result<(&[u8], SocketAddr)> {
        let (n, from) = socket.recv_from(&mut self.buffer)?;
        Ok((self.buffer.get(..n).unwrap_or_default(), from))
    }
}
