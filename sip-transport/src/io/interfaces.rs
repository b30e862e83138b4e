//! The addresses of this host: what an unspecified listen address and an interface's name stand
//! for.

use std::ffi::CStr;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ptr;

/// The addresses of the interface called `name`, or of all that are up; those of other hosts' reach
/// before loopback, otherwise in the system's order. Link-local IPv6 addresses, which need a scope
/// to be of use, are left out.
pub(super) fn addresses(name: Option<&str>) -> io::Result<Vec<IpAddr>> {
    let list = List::read()?;
    let mut found: Vec<IpAddr> = list
        .iter()
        .filter(|i| match name {
            Some(name) => i.name == name.as_bytes(),
            None => i.up,
        })
        .map(|i| i.address)
        .filter(|a| !is_link_local(a))
        .collect();
    found.sort_by_key(IpAddr::is_loopback);
    Ok(found)
}

fn is_link_local(address: &IpAddr) -> bool {
    matches!(address, IpAddr::V6(a) if a.is_unicast_link_local())
}

/// The system's list of interfaces and their addresses; freed when dropped.
struct List(*mut libc::ifaddrs);

struct Interface {
    name: Vec<u8>,
    up: bool,
    address: IpAddr,
}

impl List {
    fn read() -> io::Result<Self> {
        let mut first = ptr::null_mut();
        // SAFETY: the call writes one pointer, to which `first` has room.
        let status = unsafe { libc::getifaddrs(&raw mut first) };
        if status == 0 { Ok(Self(first)) } else { Err(io::Error::last_os_error()) }
    }

    fn iter(&self) -> impl Iterator<Item = Interface> + '_ {
        let mut next = self.0;
        std::iter::from_fn(move || {
            loop {
                // SAFETY: `next` is null or one of the list's entries, which live as long as self.
                let entry = unsafe { next.as_ref() }?;
                next = entry.ifa_next;
                if let Some(interface) = read(entry) {
                    return Some(interface);
                }
            }
        })
    }
}

impl Drop for List {
    fn drop(&mut self) {
        // SAFETY: the pointer came from getifaddrs and is freed once.
        unsafe { libc::freeifaddrs(self.0) };
    }
}

/// One entry with its address; `None` for one without, or of another family.
fn read(entry: &libc::ifaddrs) -> Option<Interface> {
    if entry.ifa_addr.is_null() {
        return None;
    }
    // SAFETY: not null, so it leads to a socket address, whose family is always there.
    let family = i32::from(unsafe { (*entry.ifa_addr).sa_family });
    let address = match family {
        libc::AF_INET => {
            // SAFETY: an address of this family is a sockaddr_in; it need not be aligned as one.
            let a = unsafe { entry.ifa_addr.cast::<libc::sockaddr_in>().read_unaligned() };
            IpAddr::V4(Ipv4Addr::from(u32::from_be(a.sin_addr.s_addr)))
        }
        libc::AF_INET6 => {
            // SAFETY: an address of this family is a sockaddr_in6; it need not be aligned as one.
            let a = unsafe { entry.ifa_addr.cast::<libc::sockaddr_in6>().read_unaligned() };
            IpAddr::V6(Ipv6Addr::from(a.sin6_addr.s6_addr))
        }
        _ => return None,
    };
    // SAFETY: every entry's name is a C string that lives as long as the entry.
    let name = unsafe { CStr::from_ptr(entry.ifa_name) }.to_bytes().to_vec();
    let up = entry.ifa_flags & libc::IFF_UP as libc::c_uint != 0;
    Some(Interface { name, up, address })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_found_by_its_name_and_comes_last_among_all() {
        let home: IpAddr = Ipv4Addr::LOCALHOST.into();
        let lo = if cfg!(target_os = "linux") { "lo" } else { "lo0" };
        assert!(addresses(Some(lo)).unwrap().contains(&home));
        assert_eq!(addresses(Some("no-such-interface")).unwrap(), Vec::<IpAddr>::new());
        let all = addresses(None).unwrap();
        assert!(all.contains(&home));
        let first_home = all.iter().position(IpAddr::is_loopback).unwrap();
        assert!(all[first_home..].iter().all(IpAddr::is_loopback));
    }
}
