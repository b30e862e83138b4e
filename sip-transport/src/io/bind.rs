//! Binding the listen addresses, before any worker runs.
//!
//! Each address is bound once without SO_REUSEPORT, which fails when anyone holds it, a group of
//! another engine included; only then does it become a group of one socket for each worker. On
//! Linux the first socket itself becomes the group's first member: it is never let go, so nobody
//! can slip in between. Elsewhere it is closed before the group is bound.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use sip_core::net::{ListenId, Listener, Listeners, Proto};
use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};

use super::interfaces;
use crate::error::TransportError;
use crate::listen::ListenSpec;
use crate::params::TransportParams;

/// One worker's socket on one listener, bound and, for TCP, listening. Closed when dropped.
#[derive(Debug)]
pub struct BoundSocket {
    pub(super) listen: ListenId,
    pub(super) proto: Proto,
    pub(super) socket: Socket,
}

/// All listeners of an engine, bound.
#[derive(Debug)]
pub struct Bound {
    /// The listeners with the ports they have got.
    pub listeners: Arc<Listeners>,
    /// For each worker its sockets, one for each listener in the order of their [`ListenId`]s.
    pub workers: Vec<Vec<BoundSocket>>,
}

/// Binds `specs` for `workers` workers (at least one). With one worker no socket is ever in a
/// SO_REUSEPORT group. A host name is bound at each address it resolves to (which may block), an
/// interface's name at each of its addresses, `0.0.0.0` and `[::]` at each of the host's.
///
/// # Errors
/// [`TransportError`] naming the address. What was bound already is closed again.
pub fn bind(
    specs: &[ListenSpec],
    workers: u16,
    params: &TransportParams,
) -> Result<Bound, TransportError> {
    let workers = usize::from(workers.max(1));
    let mut all = Binder { listeners: Vec::new(), groups: Vec::new(), workers, params };
    for spec in specs {
        all.bind_spec(spec)?;
    }
    Ok(all.into_bound())
}

struct Binder<'a> {
    listeners: Vec<Listener>,
    groups: Vec<Vec<Socket>>,
    workers: usize,
    params: &'a TransportParams,
}

/// How often a port that is free for one transport but not for the other is given up for another.
const PORT_TRIES: usize = 32;

impl Binder<'_> {
    fn bind_spec(&mut self, spec: &ListenSpec) -> Result<(), TransportError> {
        let (addresses, may_lack) = resolve(spec)?;
        let before = self.listeners.len();
        let mut absent = None;
        for address in addresses {
            match self.bind_address(spec, address) {
                // A name such as localhost may have an address of a family that this host lacks.
                Err(TransportError::Bind { source, proto, address })
                    if may_lack && source.kind() == io::ErrorKind::AddrNotAvailable =>
                {
                    absent = Some(TransportError::Bind { source, proto, address });
                }
                other => other?,
            }
        }
        match absent {
            Some(error) if self.listeners.len() == before => Err(error),
            _ => Ok(()),
        }
    }

    /// Binds every transport of `spec` at `address`; when the system picks the port, the same one.
    fn bind_address(
        &mut self,
        spec: &ListenSpec,
        address: SocketAddr,
    ) -> Result<(), TransportError> {
        for _ in 0..PORT_TRIES {
            let mut bound: Vec<(Proto, SocketAddr, Vec<Socket>)> = Vec::new();
            let mut taken = None;
            for proto in &spec.protos {
                let port = bound.first().map_or(address.port(), |(_, first, _)| first.port());
                let at = SocketAddr::new(address.ip(), port);
                match self.bind_group(*proto, at) {
                    Ok((local, sockets)) => bound.push((*proto, local, sockets)),
                    Err(e) if address.port() == 0 && !bound.is_empty() && in_use(&e) => {
                        taken = Some(());
                        break;
                    }
                    Err(e) => return Err(self.explain(*proto, at, e)),
                }
            }
            if taken.is_none() {
                return self.add(spec, bound);
            }
        }
        Err(TransportError::NoPort { address })
    }

    fn bind_group(&self, proto: Proto, at: SocketAddr) -> io::Result<(SocketAddr, Vec<Socket>)> {
        let mut first = self.open(proto, at, false)?;
        let local = local_addr(&first)?;
        if self.workers == 1 {
            return Ok((local, vec![first]));
        }
        if cfg!(target_os = "linux") {
            first.set_reuse_port(true)?;
        } else {
            drop(first);
            first = self.open(proto, local, true)?;
        }
        let mut group = vec![first];
        for _ in 1..self.workers {
            group.push(self.open(proto, local, true)?);
        }
        Ok((local, group))
    }

    fn open(&self, proto: Proto, at: SocketAddr, in_group: bool) -> io::Result<Socket> {
        let (kind, protocol) = match proto {
            Proto::Udp => (Type::DGRAM, Protocol::UDP),
            _ => (Type::STREAM, Protocol::TCP),
        };
        let socket = Socket::new(Domain::for_address(at), kind, Some(protocol))?;
        socket.set_nonblocking(true)?;
        if at.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        if in_group {
            socket.set_reuse_port(true)?;
        }
        if proto == Proto::Udp {
            set_buffers(&socket, self.params)?;
            socket.bind(&at.into())?;
        } else {
            // Connections of an earlier run that linger in the system are no reason to fail; a
            // listening socket is, with this option too.
            socket.set_reuse_address(true)?;
            stream_options(&socket, self.params)?;
            socket.bind(&at.into())?;
            socket.listen(i32::try_from(self.params.tcp_listen_backlog()).unwrap_or(i32::MAX))?;
        }
        Ok(socket)
    }

    fn add(
        &mut self,
        spec: &ListenSpec,
        bound: Vec<(Proto, SocketAddr, Vec<Socket>)>,
    ) -> Result<(), TransportError> {
        for (proto, addr, sockets) in bound {
            if self.listeners.len() >= usize::from(u16::MAX) {
                return Err(TransportError::TooManyListeners);
            }
            let advertised = spec.advertised.as_ref().map(|(host, port)| {
                let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
                (host, port.unwrap_or_else(|| addr.port()))
            });
            self.listeners.push(Listener::new(proto, addr, advertised));
            self.groups.push(sockets);
        }
        Ok(())
    }

    fn explain(&self, proto: Proto, address: SocketAddr, source: io::Error) -> TransportError {
        let ours = |l: &Listener| l.proto == proto && l.addr == address;
        if in_use(&source) && self.listeners.iter().any(ours) {
            TransportError::Duplicate { proto, address }
        } else if in_use(&source) {
            TransportError::InUse { proto, address }
        } else {
            TransportError::Bind { proto, address, source }
        }
    }

    fn into_bound(self) -> Bound {
        let mut workers: Vec<Vec<BoundSocket>> = (0..self.workers).map(|_| Vec::new()).collect();
        let numbered = self.listeners.iter().zip(self.groups).zip(0..);
        for ((listener, group), number) in numbered {
            for (sockets, socket) in workers.iter_mut().zip(group) {
                let listen = ListenId(number);
                sockets.push(BoundSocket { listen, proto: listener.proto, socket });
            }
        }
        Bound { listeners: Arc::new(Listeners::new(self.listeners)), workers }
    }
}

/// The addresses of a host as written, and whether it stands for what happens to be there. An
/// unspecified address stands for all of the host's addresses of its family, each bound by itself,
/// so that every message is sent from, and shows in its Via, an address that peers can answer to.
fn resolve(spec: &ListenSpec) -> Result<(Vec<SocketAddr>, bool), TransportError> {
    let failed = |source| TransportError::Resolve { host: spec.host.clone(), source };
    let with_port = |ips: Vec<IpAddr>| -> Vec<SocketAddr> {
        ips.into_iter().map(|ip| SocketAddr::new(ip, spec.port)).collect()
    };
    let addresses = match spec.host.parse::<IpAddr>() {
        Ok(ip) if ip.is_unspecified() => {
            let mut all = interfaces::addresses(None).map_err(failed)?;
            all.retain(|a| a.is_ipv4() == ip.is_ipv4());
            with_port(all)
        }
        Ok(ip) => return Ok((with_port(vec![ip]), false)),
        Err(_) => match interfaces::addresses(Some(&spec.host)).map_err(failed)? {
            none if none.is_empty() => {
                let name = (spec.host.as_str(), spec.port);
                name.to_socket_addrs().map_err(failed)?.collect()
            }
            addresses => with_port(addresses),
        },
    };
    let mut unique: Vec<SocketAddr> = Vec::new();
    for address in addresses {
        if !unique.contains(&address) {
            unique.push(address);
        }
    }
    if unique.is_empty() {
        return Err(failed(io::Error::from(io::ErrorKind::AddrNotAvailable)));
    }
    Ok((unique, true))
}

fn in_use(e: &io::Error) -> bool {
    e.kind() == io::ErrorKind::AddrInUse
}

fn local_addr(socket: &Socket) -> io::Result<SocketAddr> {
    let unsupported = || io::Error::from(io::ErrorKind::Unsupported);
    socket.local_addr()?.as_socket().ok_or_else(unsupported)
}

fn set_buffers(socket: &Socket, params: &TransportParams) -> io::Result<()> {
    if let n @ 1.. = params.udp_rcvbuf() {
        socket.set_recv_buffer_size(n as usize)?;
    }
    if let n @ 1.. = params.udp_sndbuf() {
        socket.set_send_buffer_size(n as usize)?;
    }
    Ok(())
}

/// What is set on every stream socket of ours. Linux hands a listener's options down to what it
/// accepts; elsewhere they are set again on each accepted socket.
pub(super) fn stream_options(socket: &Socket, params: &TransportParams) -> io::Result<()> {
    socket.set_tcp_nodelay(true)?;
    #[cfg(target_vendor = "apple")]
    socket.set_nosigpipe(true)?;
    if params.tcp_keepalive() == 0 {
        return Ok(());
    }
    let secs = |n: u32| Duration::from_secs(u64::from(n));
    let mut probes = TcpKeepalive::new();
    if let n @ 1.. = params.tcp_keepidle() {
        probes = probes.with_time(secs(n));
    }
    if let n @ 1.. = params.tcp_keepintvl() {
        probes = probes.with_interval(secs(n));
    }
    if let n @ 1.. = params.tcp_keepcnt() {
        probes = probes.with_retries(n);
    }
    socket.set_tcp_keepalive(&probes)
}

/// Has the system choose the port of a socket that is bound to an address only when it connects,
/// so that ports may serve several peers at once (IP_BIND_ADDRESS_NO_PORT). Only Linux needs it.
#[cfg(target_os = "linux")]
pub(super) fn late_port(socket: &Socket) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    let on: libc::c_int = 1;
    // SAFETY: the descriptor is open as long as `socket` is borrowed; the option's value is an int
    // whose address and size are given, and the call keeps neither.
    let status = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_IP,
            libc::IP_BIND_ADDRESS_NO_PORT,
            std::ptr::from_ref(&on).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn late_port(_: &Socket) -> io::Result<()> {
    Ok(())
}
