//! Datagrams in batches: one recvmmsg or sendmmsg for many messages, on buffers that are allocated
//! once.
//!
//! The kernel's cost per message is then about the same for every server that is measured, and the
//! generator stays cheaper than what it loads. Linux only, like the figures. See recvmmsg(2).

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd;

/// The largest datagram the generator makes or takes.
pub const DATAGRAM: usize = 4096;

const NO_ADDRESS: libc::sockaddr_in = libc::sockaddr_in {
    sin_family: 0,
    sin_port: 0,
    sin_addr: libc::in_addr { s_addr: 0 },
    sin_zero: [0; 8],
};

/// Received datagrams; the next receive overwrites them.
#[derive(Debug)]
pub struct Received {
    buffers: Vec<u8>,
    names: Vec<libc::sockaddr_in>,
    vectors: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
}

impl Received {
    /// Room for `count` datagrams a call.
    pub fn new(count: usize) -> Received {
        Received {
            buffers: vec![0; count * DATAGRAM],
            names: vec![NO_ADDRESS; count],
            vectors: Vec::with_capacity(count),
            headers: Vec::with_capacity(count),
        }
    }

    /// Takes what is there, at most one batch; 0 when a non-blocking socket has nothing. On a
    /// blocking socket it waits for the first datagram only.
    ///
    /// # Errors
    /// What recvmmsg says; for a connected socket also the peer's port being closed.
    pub fn receive(&mut self, socket: &UdpSocket) -> io::Result<usize> {
        let count = self.names.len();
        self.vectors.clear();
        self.headers.clear();
        for buffer in self.buffers.chunks_exact_mut(DATAGRAM) {
            self.vectors
                .push(libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: DATAGRAM });
        }
        for (vector, name) in self.vectors.iter_mut().zip(&mut self.names) {
            self.headers.push(header(vector, Some(name)));
        }
        // SAFETY: every header points to one vector and one name of this struct, every vector to
        // its own chunk of `buffers`; none of the four is touched or moved during the call.
        let got = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                count as libc::c_uint,
                libc::MSG_WAITFORONE,
                std::ptr::null_mut(),
            )
        };
        match usize::try_from(got) {
            Ok(got) => Ok(got),
            Err(_) => match io::Error::last_os_error() {
                e if e.kind() == io::ErrorKind::WouldBlock => Ok(0),
                e if e.kind() == io::ErrorKind::Interrupted => Ok(0),
                e => Err(e),
            },
        }
    }

    /// The datagram at `index` below what [`Received::receive`] returned.
    pub fn datagram(&self, index: usize) -> &[u8] {
        let len = (self.headers[index].msg_len as usize).min(DATAGRAM);
        &self.buffers[index * DATAGRAM..][..len]
    }

    /// Who sent it.
    pub fn from(&self, index: usize) -> SocketAddrV4 {
        let name = &self.names[index];
        SocketAddrV4::new(
            Ipv4Addr::from(u32::from_be(name.sin_addr.s_addr)),
            u16::from_be(name.sin_port),
        )
    }
}

/// Datagrams that wait to be sent together.
#[derive(Debug)]
pub struct Outgoing {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    to: Vec<Option<libc::sockaddr_in>>,
    vectors: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
    sent: u64,
}

impl Outgoing {
    /// Room for `count` datagrams; more grow it.
    pub fn new(count: usize) -> Outgoing {
        Outgoing {
            bytes: Vec::with_capacity(count * DATAGRAM),
            ends: Vec::with_capacity(count),
            to: Vec::with_capacity(count),
            vectors: Vec::with_capacity(count),
            headers: Vec::with_capacity(count),
            sent: 0,
        }
    }

    /// Starts a datagram: append to what this returns, then call [`Outgoing::end`].
    pub fn begin(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Ends the datagram that was begun and returns its bytes. `to` is `None` on a connected
    /// socket.
    pub fn end(&mut self, to: Option<SocketAddrV4>) -> &[u8] {
        let start = self.ends.last().copied().unwrap_or(0);
        self.ends.push(self.bytes.len());
        self.to.push(to.map(|to| libc::sockaddr_in {
            sin_family: libc::AF_INET as libc::sa_family_t,
            sin_port: to.port().to_be(),
            sin_addr: libc::in_addr { s_addr: u32::from(*to.ip()).to_be() },
            sin_zero: [0; 8],
        }));
        &self.bytes[start..]
    }

    /// Adds one whole datagram.
    pub fn push(&mut self, bytes: &[u8], to: Option<SocketAddrV4>) {
        self.begin().extend_from_slice(bytes);
        self.end(to);
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// True when none waits.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// How many were sent since the start.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Takes the datagrams that wait instead of sending them, for tests.
    pub fn take(&mut self) -> Vec<Vec<u8>> {
        let mut start = 0;
        let mut all = Vec::with_capacity(self.ends.len());
        for &end in &self.ends {
            all.push(self.bytes[start..end].to_vec());
            start = end;
        }
        self.clear();
        all
    }

    /// Sends all that wait. A full send buffer is waited for.
    ///
    /// # Errors
    /// What sendmmsg says; the rest of the batch is dropped.
    pub fn flush(&mut self, socket: &UdpSocket) -> io::Result<()> {
        if self.ends.is_empty() {
            return Ok(());
        }
        let done = self.send_all(socket);
        self.clear();
        done
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.to.clear();
    }

    fn send_all(&mut self, socket: &UdpSocket) -> io::Result<()> {
        self.vectors.clear();
        self.headers.clear();
        let mut start = 0;
        for &end in &self.ends {
            let base = self.bytes[start..end].as_mut_ptr().cast();
            self.vectors.push(libc::iovec { iov_base: base, iov_len: end - start });
            start = end;
        }
        for (vector, to) in self.vectors.iter_mut().zip(&mut self.to) {
            self.headers.push(header(vector, to.as_mut()));
        }
        let mut from = 0;
        while from < self.headers.len() {
            let rest = &mut self.headers[from..];
            // SAFETY: as in `receive`: each header of `rest` points to a vector and maybe a name of
            // this struct, each vector to a range of `bytes`, and none is touched or moved.
            let sent = unsafe {
                libc::sendmmsg(
                    socket.as_raw_fd(),
                    rest.as_mut_ptr(),
                    rest.len() as libc::c_uint,
                    libc::MSG_NOSIGNAL,
                )
            };
            match usize::try_from(sent) {
                Ok(sent) => {
                    from += sent;
                    self.sent += sent as u64;
                }
                Err(_) => match io::Error::last_os_error() {
                    e if e.kind() == io::ErrorKind::Interrupted => {}
                    e if e.kind() == io::ErrorKind::WouldBlock => {
                        wait(&[socket], libc::POLLOUT, 10_000_000)?;
                    }
                    e => return Err(e),
                },
            }
        }
        Ok(())
    }
}

/// Waits until one of the sockets can be read (`POLLIN`) or written (`POLLOUT`), or for `nanos`.
///
/// # Errors
/// What ppoll says, other than being interrupted.
pub fn wait(sockets: &[&UdpSocket], events: libc::c_short, nanos: u64) -> io::Result<()> {
    let mut fds: Vec<libc::pollfd> =
        sockets.iter().map(|s| libc::pollfd { fd: s.as_raw_fd(), events, revents: 0 }).collect();
    let limit = libc::timespec {
        tv_sec: (nanos / 1_000_000_000) as libc::time_t,
        tv_nsec: (nanos % 1_000_000_000) as libc::c_long,
    };
    let count = fds.len() as libc::nfds_t;
    // SAFETY: the pointer and the count are those of one live vector, the limit lives during the
    // call, and no signal mask is given.
    let ready = unsafe { libc::ppoll(fds.as_mut_ptr(), count, &limit, std::ptr::null()) };
    match io::Error::last_os_error() {
        e if ready < 0 && e.kind() != io::ErrorKind::Interrupted => Err(e),
        _ => Ok(()),
    }
}

fn header(vector: &mut libc::iovec, name: Option<&mut libc::sockaddr_in>) -> libc::mmsghdr {
    // SAFETY: mmsghdr is integers and pointers, for all of which zero is a value.
    let mut header: libc::mmsghdr = unsafe { std::mem::zeroed() };
    header.msg_hdr.msg_iov = vector;
    header.msg_hdr.msg_iovlen = 1;
    if let Some(name) = name {
        header.msg_hdr.msg_name = std::ptr::from_mut(name).cast();
        header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
    }
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v4(socket: &UdpSocket) -> SocketAddrV4 {
        match socket.local_addr().expect("bound") {
            std::net::SocketAddr::V4(v4) => v4,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn a_batch_arrives_in_order_with_its_sender() {
        let a = UdpSocket::bind("127.0.0.1:0").expect("free port");
        let b = UdpSocket::bind("127.0.0.1:0").expect("free port");
        b.set_nonblocking(true).expect("socket");
        let mut out = Outgoing::new(2);
        for i in 0..5u8 {
            out.begin().extend_from_slice(&[i; 3]);
            assert_eq!(out.end(Some(v4(&b))), [i; 3]);
        }
        out.flush(&a).expect("loopback");
        assert_eq!((out.sent(), out.is_empty()), (5, true));
        let mut got = Received::new(8);
        assert_eq!(got.receive(&b).expect("loopback"), 5);
        for i in 0..5 {
            assert_eq!(got.datagram(i), [i as u8; 3]);
            assert_eq!(got.from(i), v4(&a));
        }
        assert_eq!(got.receive(&b).expect("empty"), 0);
    }

    #[test]
    fn a_closed_port_is_an_error_on_a_connected_socket() {
        let gone = v4(&UdpSocket::bind("127.0.0.1:0").expect("free port"));
        let a = UdpSocket::bind("127.0.0.1:0").expect("free port");
        a.connect(gone).expect("udp");
        a.set_nonblocking(true).expect("socket");
        let mut out = Outgoing::new(1);
        out.push(b"x", None);
        out.flush(&a).expect("the first is sent");
        wait(&[&a], libc::POLLIN, 1_000_000_000).expect("poll");
        assert!(Received::new(1).receive(&a).is_err());
    }
}
