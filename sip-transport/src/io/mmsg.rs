//! Many datagrams with one system call: Linux' recvmmsg and sendmmsg.
//!
//! A batch is as large as the load makes it: the kernel hands over what is there, up to the
//! batch's room, so a lone datagram costs no more than a plain read and a full queue one call for
//! all of it.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;

use super::sockaddr::RawAddr;

/// Room for the largest datagram there is.
const DATAGRAM: usize = 65536;
/// The buffers' distance: not a power of two, so that the starts of datagrams, which are all that
/// is touched of most buffers, do not share the same few sets of the processor's caches.
const STRIDE: usize = DATAGRAM + 4096 + 192;

/// Buffers that datagrams are received into, one batch at a time. Their pages are untouched, and
/// so cost nothing, until datagrams that large or that many arrive.
#[derive(Debug)]
pub(super) struct Receiver {
    /// Point into `iovecs` and `names`.
    headers: Vec<libc::mmsghdr>,
    /// Point into `buffers`. Kept for the headers only.
    _iovecs: Vec<libc::iovec>,
    names: Vec<RawAddr>,
    buffers: Vec<u8>,
    /// How many of the headers the last call has written to.
    used: usize,
}

/// The headers of datagrams that are to be sent, filled anew for each call.
#[derive(Debug)]
pub(super) struct Sender {
    headers: Vec<libc::mmsghdr>,
    iovecs: Vec<libc::iovec>,
    names: Vec<RawAddr>,
}

// SAFETY: the pointers in the headers lead only into vectors of the same value, which it owns
// alone; a receiver or sender has no tie to a thread.
unsafe impl Send for Receiver {}
// SAFETY: as for the receiver.
unsafe impl Send for Sender {}

fn empty_header() -> libc::mmsghdr {
    // SAFETY: mmsghdr is made of integers and pointers, for which all zeros is a valid value.
    unsafe { std::mem::zeroed() }
}

const fn empty_iovec() -> libc::iovec {
    libc::iovec { iov_base: ptr::null_mut(), iov_len: 0 }
}

impl Receiver {
    /// Room for `batch` datagrams a call, at least one.
    pub(super) fn new(batch: usize) -> Self {
        let batch = batch.max(1);
        let mut buffers = vec![0; batch * STRIDE];
        let mut names = vec![RawAddr::EMPTY; batch];
        let mut iovecs: Vec<_> = buffers
            .chunks_exact_mut(STRIDE)
            .map(|b| libc::iovec { iov_base: b.as_mut_ptr().cast(), iov_len: DATAGRAM })
            .collect();
        let headers = iovecs
            .iter_mut()
            .zip(&mut names)
            .map(|(iovec, name)| {
                let mut h = empty_header();
                h.msg_hdr.msg_name = ptr::from_mut(name).cast();
                h.msg_hdr.msg_iov = ptr::from_mut(iovec);
                h.msg_hdr.msg_iovlen = 1;
                h
            })
            .collect();
        Self { headers, _iovecs: iovecs, names, buffers, used: batch }
    }

    /// Receives up to `max` datagrams that are there already and tells how many came. Fewer than
    /// could have come (`max`, or the batch's room) means that no more were there.
    pub(super) fn receive(&mut self, socket: BorrowedFd<'_>, max: usize) -> io::Result<usize> {
        let room = max.min(self.headers.len());
        for h in self.headers.iter_mut().take(self.used) {
            h.msg_hdr.msg_namelen = RawAddr::ROOM as u32;
        }
        self.used = 0;
        // SAFETY: the first `room` headers are in the vector; each points to an iovec, a name of
        // ROOM bytes and a buffer of DATAGRAM bytes which this value owns, whose vectors are never
        // resized and which nothing else borrows during the call.
        let n = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                room as u32,
                libc::MSG_DONTWAIT as _,
                ptr::null_mut(),
            )
        };
        let n = usize::try_from(n).map_err(|_| io::Error::last_os_error())?;
        self.used = n;
        Ok(n)
    }

    /// How many datagrams a call can receive.
    pub(super) fn room(&self) -> usize {
        self.headers.len()
    }

    /// Datagram `i` of the last call and its sender.
    pub(super) fn datagram(&self, i: usize) -> Option<(&[u8], SocketAddr)> {
        let header = self.headers.get(i)?;
        let from = self.names.get(i)?.read(header.msg_hdr.msg_namelen)?;
        let bytes = self.buffers.get(i * STRIDE..)?.get(..header.msg_len as usize)?;
        Some((bytes, from))
    }
}

impl Sender {
    /// Room for `batch` datagrams a call, at least one.
    pub(super) fn new(batch: usize) -> Self {
        let batch = batch.max(1);
        Self {
            headers: vec![empty_header(); batch],
            iovecs: vec![empty_iovec(); batch],
            names: vec![RawAddr::EMPTY; batch],
        }
    }

    /// Sends as many of `datagrams` as the batch has room for and the system takes, in order, and
    /// tells how many those were: at least one. The error is that of the first datagram.
    pub(super) fn send<'a>(
        &mut self,
        socket: BorrowedFd<'_>,
        datagrams: impl Iterator<Item = (&'a [u8], &'a SocketAddr)>,
    ) -> io::Result<usize> {
        let mut count = 0_u32;
        let slots = self.headers.iter_mut().zip(&mut self.iovecs).zip(&mut self.names);
        for (((header, iovec), name), (bytes, to)) in slots.zip(datagrams) {
            iovec.iov_base = bytes.as_ptr().cast_mut().cast();
            iovec.iov_len = bytes.len();
            header.msg_hdr.msg_namelen = name.set(to);
            header.msg_hdr.msg_name = ptr::from_mut(name).cast();
            header.msg_hdr.msg_iov = ptr::from_mut(iovec);
            header.msg_hdr.msg_iovlen = 1;
            count += 1;
        }
        // SAFETY: the first `count` headers were filled just now; their names and iovecs lie in
        // this value's vectors, the bytes are borrowed for 'a, and sendmmsg only reads them.
        let n = unsafe {
            libc::sendmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                count,
                (libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL) as _,
            )
        };
        usize::try_from(n).map_err(|_| io::Error::last_os_error())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;
    use std::os::fd::AsFd;

    #[test]
    fn a_batch_is_received_whole_with_each_sender_and_at_any_length() {
        for host in ["127.0.0.1:0", "[::1]:0"] {
            let to = UdpSocket::bind(host).unwrap();
            let (a, b) = (UdpSocket::bind(host).unwrap(), UdpSocket::bind(host).unwrap());
            let dest = to.local_addr().unwrap();
            let long = vec![b'x'; 60000];
            let parts: [&[u8]; 3] = [b"one", &long, b""];
            let mut sender = Sender::new(8);
            assert_eq!(sender.send(a.as_fd(), parts.iter().map(|p| (*p, &dest))).unwrap(), 3);
            assert_eq!(sender.send(b.as_fd(), [(&b"two"[..], &dest)].into_iter()).unwrap(), 1);

            let mut receiver = Receiver::new(3);
            assert_eq!(receiver.receive(to.as_fd(), 100).unwrap(), 3);
            for (i, p) in parts.iter().enumerate() {
                assert_eq!(receiver.datagram(i).unwrap(), (*p, a.local_addr().unwrap()));
            }
            assert_eq!(receiver.receive(to.as_fd(), 2).unwrap(), 1);
            assert_eq!(receiver.datagram(0).unwrap(), (&b"two"[..], b.local_addr().unwrap()));
            let none = receiver.receive(to.as_fd(), 3).unwrap_err();
            assert_eq!(none.kind(), io::ErrorKind::WouldBlock);
        }
    }

    #[test]
    fn a_datagram_the_system_refuses_ends_the_batch_before_it() {
        let s = UdpSocket::bind("127.0.0.1:0").unwrap();
        let dest = s.local_addr().unwrap();
        let huge = vec![0_u8; 70000];
        let mut sender = Sender::new(8);
        let batch: [&[u8]; 3] = [b"ok", &huge, b"later"];
        assert_eq!(sender.send(s.as_fd(), batch.iter().map(|p| (*p, &dest))).unwrap(), 1);
        let refused = sender.send(s.as_fd(), batch[1..].iter().map(|p| (*p, &dest)));
        assert_eq!(refused.unwrap_err().raw_os_error(), Some(libc::EMSGSIZE));
    }
}
