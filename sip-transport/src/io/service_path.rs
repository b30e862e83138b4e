//! The file of a Unix socket: made for its owner only, in place of one that nobody serves any
//! more, and removed with the socket.

use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use socket2::{Domain, SockAddr, Socket, Type};

use crate::error::TransportError;

/// A socket's file that is ours; removed when dropped, unless another has taken its place.
#[derive(Debug)]
pub(super) struct BoundPath {
    path: PathBuf,
    device: u64,
    inode: u64,
}

const MODE: u32 = 0o600;
const BACKLOG: i32 = 128;

impl BoundPath {
    /// A listening stream socket at `path`.
    pub(super) fn stream(path: &Path) -> Result<(Socket, Self), TransportError> {
        let (socket, bound) = Self::bind(path, Type::STREAM)?;
        socket.listen(BACKLOG).map_err(|e| system(path, e))?;
        Ok((socket, bound))
    }

    /// A datagram socket at `path`.
    pub(super) fn datagram(path: &Path) -> Result<(Socket, Self), TransportError> {
        Self::bind(path, Type::DGRAM)
    }

    fn bind(path: &Path, kind: Type) -> Result<(Socket, Self), TransportError> {
        let failed = |e| system(path, e);
        let address = SockAddr::unix(path).map_err(failed)?;
        let socket = Socket::new(Domain::UNIX, kind, None).map_err(failed)?;
        socket.set_nonblocking(true).map_err(failed)?;
        private(&socket).map_err(failed)?;
        match socket.bind(&address) {
            Err(e) if e.kind() == io::ErrorKind::AddrInUse => {
                remove_stale(path, &address, kind)?;
                socket.bind(&address).map_err(failed)?;
            }
            other => other.map_err(failed)?,
        }
        std::fs::set_permissions(path, PermissionsExt::from_mode(MODE)).map_err(failed)?;
        let file = std::fs::symlink_metadata(path).map_err(failed)?;
        Ok((socket, Self { path: path.into(), device: file.dev(), inode: file.ino() }))
    }
}

impl Drop for BoundPath {
    fn drop(&mut self) {
        let ours = std::fs::symlink_metadata(&self.path)
            .is_ok_and(|f| f.dev() == self.device && f.ino() == self.inode);
        if ours {
            // It stays behind when the directory has become read-only; the next start removes it.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Has the file be made with [`MODE`], so that it is never open to others, not even between bind
/// and chmod. Linux takes the socket's own mode for it; where that does nothing, chmod follows.
fn private(socket: &Socket) -> io::Result<()> {
    // SAFETY: the descriptor is open as long as `socket` is borrowed; fchmod touches no memory.
    let status = unsafe { libc::fchmod(socket.as_raw_fd(), MODE as libc::mode_t) };
    let refused = || io::Error::last_os_error().kind() != io::ErrorKind::InvalidInput;
    if status != 0 && refused() { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Removes a socket's file that a dead process left behind. One that somebody answers on stays,
/// and so does a file of another kind.
fn remove_stale(path: &Path, address: &SockAddr, kind: Type) -> Result<(), TransportError> {
    let refuse = |reason| Err(TransportError::ServicePath { path: path.into(), reason });
    let file = std::fs::symlink_metadata(path).map_err(|e| system(path, e))?;
    if !file.file_type().is_socket() {
        return refuse("a file that is no socket is in the way");
    }
    let probe = Socket::new(Domain::UNIX, kind, None).map_err(|e| system(path, e))?;
    probe.set_nonblocking(true).map_err(|e| system(path, e))?;
    match probe.connect(address) {
        Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path).map_err(|e| system(path, e))
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) if e.raw_os_error() == Some(libc::EPROTOTYPE) => {
            refuse("a socket of another kind is in use there")
        }
        _ => refuse("in use: another engine or program answers there"),
    }
}

fn system(path: &Path, source: io::Error) -> TransportError {
    TransportError::Service { address: path.display().to_string(), source }
}
