//! What can go wrong when a transport is set up. Each message names the address it is about.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use sip_core::net::Proto;

use crate::listen::ListenError;

/// Why a transport could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// A listen address makes no sense.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// A host name has no address.
    #[error("cannot find an address of \"{host}\": {source}")]
    Resolve {
        /// The name.
        host: String,
        /// The system's error.
        source: io::Error,
    },
    /// Someone else listens there.
    #[error("{proto}:{address} is in use: another engine or program holds it")]
    InUse {
        /// The transport.
        proto: Proto,
        /// The address.
        address: SocketAddr,
    },
    /// The address is in the list twice.
    #[error("{proto}:{address} is in the list of listen addresses twice")]
    Duplicate {
        /// The transport.
        proto: Proto,
        /// The address.
        address: SocketAddr,
    },
    /// The system refused for another reason.
    #[error("cannot listen on {proto}:{address}: {source}")]
    Bind {
        /// The transport.
        proto: Proto,
        /// The address.
        address: SocketAddr,
        /// The system's error.
        source: io::Error,
    },
    /// Every port the system picked for one transport was taken for the other.
    #[error("no port on {} is free for UDP and TCP alike", address.ip())]
    NoPort {
        /// The address.
        address: SocketAddr,
    },
    /// There are more listeners than numbers for them.
    #[error("more than 65535 listen addresses")]
    TooManyListeners,
    /// A service socket could not be set up.
    #[error("service socket {}: {reason}", path.display())]
    ServicePath {
        /// Its path.
        path: PathBuf,
        /// What is in the way.
        reason: &'static str,
    },
    /// The system refused a service socket.
    #[error("service socket {address}: {source}")]
    Service {
        /// Its address as given.
        address: String,
        /// The system's error.
        source: io::Error,
    },
    /// The poll or the waker could not be made, or a socket not be added to it.
    #[error("cannot set up polling: {0}")]
    Poll(io::Error),
}
