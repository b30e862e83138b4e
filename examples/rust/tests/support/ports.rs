//! Free ports on 127.0.0.1, handed out so that tests running side by side, in this process or in
//! another one, do not get the same: each is claimed by a listener on 127.77.0.1, which no peer uses,
//! for as long as the test holds it. They lie below the range from which the kernel takes the
//! ports of outgoing connections.

use std::net::{TcpListener, UdpSocket};
use std::ops::Range;
use std::sync::atomic::{AtomicU16, Ordering};

/// Ports next to each other that belong to the holder until dropped.
pub(crate) struct Ports {
    first: u16,
    _claims: Vec<TcpListener>,
}

/// Four digits: sipsak 0.9.8 cuts the fifth digit of a port off the request URI.
const SERVERS: Range<u16> = 6100..9900;
const PHONES: Range<u16> = 10_000..31_000;

static NEXT: AtomicU16 = AtomicU16::new(0);

impl Ports {
    /// One port for a server, free on UDP and TCP.
    pub(crate) fn server() -> Ports {
        Ports::reserve(SERVERS, 1)
    }

    /// `count` ports in a row for a phone: a signalling port, whose neighbour a phone may take for
    /// TLS, a control port, media.
    pub(crate) fn phone(count: u16) -> Ports {
        Ports::reserve(PHONES, count)
    }

    /// The port at `index` of the row.
    pub(crate) fn at(&self, index: u16) -> u16 {
        self.first + index
    }

    fn reserve(range: Range<u16>, count: u16) -> Ports {
        let width = range.end - range.start - count;
        // Runs that start at the same time begin at different places.
        let offset = (std::process::id().wrapping_mul(97) % u32::from(width)) as u16;
        for _ in 0..2000 {
            let step = NEXT.fetch_add(count, Ordering::Relaxed);
            let first = range.start + (offset.wrapping_add(step) % width);
            if let Some(claims) = claim(first..first + count) {
                return Ports { first, _claims: claims };
            }
        }
        panic!("no {count} free ports in {range:?} on 127.0.0.1");
    }
}

fn claim(row: Range<u16>) -> Option<Vec<TcpListener>> {
    row.map(|port| {
        // Not a UDP socket: phones bind their media to all addresses.
        let claim = TcpListener::bind(("127.77.0.1", port)).ok()?;
        UdpSocket::bind(("127.0.0.1", port)).ok()?;
        TcpListener::bind(("127.0.0.1", port)).ok()?;
        Some(claim)
    })
    .collect()
}
