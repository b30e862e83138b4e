//! What goes into a worker and what comes out: the two enums between the machines and whoever
//! drives them, be it the mio loop, a host's own loop, a simulator or a fuzzer.

use bytes::Bytes;

use crate::net::{ConnId, Flow, Target};

/// Something that happened outside.
#[derive(Clone, Debug)]
pub enum Input {
    /// One whole SIP message, as a datagram or cut from a stream by its Content-Length.
    Message {
        /// The way it came.
        flow: Flow,
        /// The message's bytes and nothing else.
        bytes: Bytes,
    },
    /// One whole HTTP/1.x request on a stream port. The connection reads nothing more until it is
    /// answered with [`Output::HttpReply`].
    Http {
        /// The way it came.
        flow: Flow,
        /// Head and body.
        bytes: Bytes,
    },
    /// A stream whose bytes are no SIP: the connection is closed once what is due was sent.
    Malformed {
        /// The way it came.
        flow: Flow,
        /// What was wrong.
        reason: &'static str,
        /// The part of a message that could be read, for a 400; empty when there is none.
        head: Bytes,
    },
    /// A connection was accepted or is established.
    ConnOpened {
        /// Its flow, `conn` always present.
        flow: Flow,
    },
    /// A connection is gone.
    ConnClosed {
        /// Its flow as it was.
        flow: Flow,
        /// Why.
        reason: CloseReason,
    },
    /// A message could not be sent, now or later; told once for a [`Send`] that has an `origin`.
    SendFailed {
        /// The origin of the [`Send`].
        origin: u64,
        /// Where it was to go.
        to: Target,
        /// Why it did not.
        error: SendError,
    },
    /// Bytes on a service socket (RFC-free protocols of modules: control, media relays, HTTP
    /// clients).
    Service {
        /// The service that declared the socket.
        service: ServiceId,
        /// The peer on it: a connection's number, or the sender of a datagram.
        peer: u64,
        /// What was read; empty when the peer has closed.
        bytes: Bytes,
    },
}

/// Something to be done outside.
#[derive(Clone, Debug)]
pub enum Output {
    /// Send a SIP message.
    Send(Send),
    /// Answer an HTTP request and let its connection read on, or close it.
    HttpReply {
        /// The connection of the request.
        conn: ConnId,
        /// Head and body of the answer.
        bytes: Bytes,
        /// Close once it is written.
        close: bool,
    },
    /// Answer an HTTP request with a protocol switch: `reply` is written, then the connection's
    /// bytes, those already read included, belong to `protocol`.
    Upgrade {
        /// The connection of the request.
        conn: ConnId,
        /// The 101 answer.
        reply: Bytes,
        /// What it turns into.
        protocol: UpgradeTo,
    },
    /// Close a connection once what is queued on it is written.
    Close {
        /// The connection.
        conn: ConnId,
    },
    /// Write to a service socket.
    Service {
        /// The service.
        service: ServiceId,
        /// The peer on it.
        peer: u64,
        /// What to write.
        bytes: Bytes,
        /// Close the peer's connection once it is written.
        close: bool,
    },
}

/// A SIP message on its way out.
#[derive(Clone, Debug)]
pub struct Send {
    /// Where to.
    pub to: Target,
    /// The whole message.
    pub bytes: Bytes,
    /// Who wants to hear of a failure; the number comes back in [`Input::SendFailed`].
    pub origin: Option<u64>,
}

/// What a connection is upgraded to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UpgradeTo {
    /// SIP over WebSocket (RFC 7118).
    WebSocket,
}

/// The number of a service socket, given out when it is declared.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ServiceId(pub u16);

/// Why a connection ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CloseReason {
    /// The peer closed it in order.
    Peer,
    /// It was reset or failed.
    Reset,
    /// Nothing came for longer than its lifetime.
    Idle,
    /// A message stayed unfinished for too long.
    ReadTimeout,
    /// What we wrote was not taken in time, or the queue was full.
    WriteTimeout,
    /// It could not be established.
    ConnectFailed,
    /// The peer broke the protocol.
    Protocol,
    /// We closed it.
    Local,
}

/// Why a message was not sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SendError {
    /// No listener fits the target's transport and address family.
    NoListener,
    /// The connection could not be opened.
    Connect,
    /// The connection broke before the message was written.
    Closed,
    /// The connection's queue is full.
    QueueFull,
    /// The datagram is larger than the transport takes.
    TooLarge,
    /// The network or host answered that it cannot be reached (ICMP).
    Unreachable,
    /// The system refused for another reason.
    System,
}

/// The effects of one step, in the order they are to happen. Machines append; the driver drains
/// once no lock is held.
#[derive(Debug, Default)]
pub struct Outputs {
    queue: std::collections::VecDeque<Output>,
}

impl Outputs {
    /// An empty list.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends one effect.
    pub fn push(&mut self, output: Output) {
        self.queue.push_back(output);
    }

    /// Appends a message to send.
    pub fn send(&mut self, to: Target, bytes: Bytes, origin: Option<u64>) {
        self.push(Output::Send(Send { to, bytes, origin }));
    }

    /// Takes the next effect.
    pub fn pop(&mut self) -> Option<Output> {
        self.queue.pop_front()
    }

    /// Whether nothing is to be done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// How many effects wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queue.len()
    }
}
