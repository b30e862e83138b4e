//! Socket addresses in the kernel's form and back, without a system's library in between: the
//! batch calls read and write thousands of them a second.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// Room for an IPv4 or IPv6 address in Linux' layout (`struct sockaddr_in`, `sockaddr_in6`).
#[derive(Clone, Copy, Debug)]
#[repr(C, align(4))]
pub(super) struct RawAddr([u8; RawAddr::ROOM]);

const FAMILY_V4: u16 = libc::AF_INET as u16;
const FAMILY_V6: u16 = libc::AF_INET6 as u16;

impl RawAddr {
    /// The size of the larger one.
    pub(super) const ROOM: usize = 28;
    const V4_LEN: u32 = 16;
    /// An empty one.
    pub(super) const EMPTY: Self = Self([0; Self::ROOM]);

    /// Becomes `addr`; the length to pass along.
    pub(super) fn set(&mut self, addr: &SocketAddr) -> u32 {
        let b = &mut self.0;
        b[2..4].copy_from_slice(&addr.port().to_be_bytes());
        match addr {
            SocketAddr::V4(a) => {
                b[..2].copy_from_slice(&FAMILY_V4.to_ne_bytes());
                b[4..8].copy_from_slice(&a.ip().octets());
                b[8..16].fill(0);
                Self::V4_LEN
            }
            SocketAddr::V6(a) => {
                b[..2].copy_from_slice(&FAMILY_V6.to_ne_bytes());
                b[4..8].copy_from_slice(&a.flowinfo().to_ne_bytes());
                b[8..24].copy_from_slice(&a.ip().octets());
                b[24..28].copy_from_slice(&a.scope_id().to_ne_bytes());
                Self::ROOM as u32
            }
        }
    }

    /// The address that the kernel wrote; `None` for a family of neither kind or a short one.
    pub(super) fn read(&self, len: u32) -> Option<SocketAddr> {
        let b = &self.0;
        let port = u16::from_be_bytes([b[2], b[3]]);
        match u16::from_ne_bytes([b[0], b[1]]) {
            FAMILY_V4 if len >= Self::V4_LEN => {
                let ip = Ipv4Addr::new(b[4], b[5], b[6], b[7]);
                Some(SocketAddr::V4(SocketAddrV4::new(ip, port)))
            }
            FAMILY_V6 if len as usize >= Self::ROOM => {
                let flow = u32::from_ne_bytes([b[4], b[5], b[6], b[7]]);
                let octets: [u8; 16] = b.get(8..24)?.try_into().ok()?;
                let scope = u32::from_ne_bytes([b[24], b[25], b[26], b[27]]);
                let ip = Ipv6Addr::from(octets);
                Some(SocketAddr::V6(SocketAddrV6::new(ip, port, flow, scope)))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_survives_the_way_to_the_kernel_and_back() {
        for text in ["192.0.2.7:5060", "0.0.0.0:0", "[2001:db8::7]:65535", "[fe80::1%3]:5060"] {
            let addr: SocketAddr = text.parse().unwrap();
            let mut raw = RawAddr::EMPTY;
            let len = raw.set(&addr);
            assert_eq!(raw.read(len), Some(addr), "{text}");
            assert_eq!(raw.read(len - 1), None);
        }
        assert_eq!(RawAddr::EMPTY.read(28), None);
    }

    #[test]
    fn the_layout_is_the_one_of_libc() {
        assert_eq!(size_of::<libc::sockaddr_in6>(), RawAddr::ROOM);
        assert_eq!(size_of::<libc::sockaddr_in>(), RawAddr::V4_LEN as usize);
        assert_eq!(std::mem::offset_of!(libc::sockaddr_in, sin_addr), 4);
        assert_eq!(std::mem::offset_of!(libc::sockaddr_in6, sin6_addr), 8);
        assert_eq!(std::mem::offset_of!(libc::sockaddr_in6, sin6_scope_id), 24);
    }
}
