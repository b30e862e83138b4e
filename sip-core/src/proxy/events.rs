//! What the proxy tells its caller, as values. Nothing here calls upward; whoever runs routes
//! reads these and acts, with no lock held.

use crate::txn::{Facts, TxnId};

/// What became of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Incoming {
    /// It was dealt with: a retransmission, an ACK to a negative answer, or nothing that can be
    /// answered.
    Absorbed,
    /// It is new: run the route.
    Route {
        /// The INVITE that this CANCEL is for, or the INVITE transaction whose 2xx this ACK
        /// acknowledges under the INVITE's own branch.
        invite: Option<TxnId>,
        /// What was read from it.
        facts: Facts,
    },
    /// It is malformed: answer it, best without a transaction.
    Reject {
        /// The status code.
        code: u16,
        /// The reason phrase.
        reason: &'static str,
    },
}

/// What became of a response.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Handled {
    /// It belongs to a transaction.
    Matched {
        /// Which one.
        txn: TxnId,
        /// What it meant to it.
        event: ForkEvent,
    },
    /// It was forwarded by its Via.
    Stateless,
    /// It was dropped.
    Dropped(DropCause),
}

/// What an answer, a timeout or a failed send meant to a transaction's branches together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ForkEvent {
    /// Nothing: a retransmission, a 100, or an event that came too late to matter.
    Absorbed,
    /// A provisional answer was forwarded upstream.
    Progress {
        /// The branch.
        branch: u8,
        /// Its code.
        code: u16,
    },
    /// A branch failed; others are still awaited.
    BranchFailed {
        /// The branch.
        branch: u8,
        /// Its code: 408 for a timeout, 503 for a request that could not be sent.
        code: u16,
    },
    /// The final answer went upstream.
    Answered {
        /// The branch it came from; `None`: it was made here.
        branch: Option<u8>,
        /// Its code, as sent.
        code: u16,
    },
    /// All branches failed and nothing was sent: no 408 answers anything but an INVITE
    /// (RFC 4320 4.1).
    Abandoned,
    /// A failure route is to be run, or a route for a branch that failed: see
    /// [`Proxy::next_failure`](super::Proxy::next_failure). Until it has ended, nothing negative
    /// goes upstream.
    Failing {
        /// The transaction.
        txn: TxnId,
    },
    /// The response waits for its reply route: see
    /// [`Proxy::reply_route`](super::Proxy::reply_route) and
    /// [`Proxy::end_reply`](super::Proxy::end_reply), which must follow.
    Replying {
        /// The transaction.
        txn: TxnId,
        /// The branch that was answered.
        branch: u8,
    },
    /// A request of our own has come to its end: see
    /// [`Proxy::take_local`](super::Proxy::take_local), which must follow.
    LocalDone {
        /// The transaction.
        txn: TxnId,
    },
    /// Nobody acknowledged the negative answer (timer H), or a response could not be sent.
    Unacknowledged,
}

/// Why a response went nowhere.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DropCause {
    /// A header that is needed cannot be read.
    Malformed,
    /// Its topmost Via is none of ours (RFC 3261 16.11, 18.1.2).
    NotOurs,
    /// It is for a transaction that is gone (RFC 4320 4.2, RFC 6026 7.3).
    Stray,
    /// No Via is left that says where to (RFC 3261 16.7 step 3), or its host is a name.
    NoRoute,
}

/// Why no transaction was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CreateError {
    /// The request has one already: it is a retransmission, and was absorbed.
    #[error("the request is a retransmission")]
    Retransmission(TxnId),
    /// An ACK has no transaction of its own.
    #[error("an ACK makes no transaction")]
    Ack,
    /// A header that is needed cannot be read.
    #[error("the request is malformed")]
    Malformed,
    /// There are `max_transactions` already: answer 503.
    #[error("there are too many transactions")]
    Full,
}

/// Why a request was not relayed. Nothing was sent then; the transaction is as it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RelayError {
    /// The transaction is over.
    #[error("the transaction is gone")]
    Gone,
    /// It has its final answer, or a branch answered 6xx (RFC 3261 16.7 step 5).
    #[error("the transaction is already answered")]
    Answered,
    /// A CANCEL came for it.
    #[error("the transaction was cancelled")]
    Cancelled,
    /// The plan has no branch.
    #[error("there is nowhere to relay to")]
    NoTarget,
    /// No listener fits any of the targets.
    #[error("no listener fits the target")]
    NoListener,
    /// More branches than `max_branches`.
    #[error("there are too many branches")]
    TooManyBranches,
    /// More branches than the request's Max-Breadth (RFC 5393 5.3.3).
    #[error("there are more branches than Max-Breadth allows")]
    TooWide,
    /// Max-Forwards is used up (RFC 3261 16.3 step 3).
    #[error("Max-Forwards is used up")]
    TooManyHops,
    /// It has been here before and would go the same way again (RFC 3261 16.3 step 4).
    #[error("the request has come back")]
    Loop,
    /// Proxy-Require asks for something (RFC 3261 16.3 step 5).
    #[error("Proxy-Require names an unknown extension")]
    BadExtension,
    /// A header that is needed cannot be read.
    #[error("the request is malformed")]
    Malformed,
}

impl RelayError {
    /// The answer for it: code and reason phrase. `None` when the transaction needs none any more.
    /// A 420 needs an Unsupported header: see
    /// [`unsupported`](super::unsupported).
    #[must_use]
    pub const fn status(self) -> Option<(u16, &'static str)> {
        match self {
            Self::Gone | Self::Answered | Self::Cancelled => None,
            Self::NoTarget => Some((404, "Not Found")),
            Self::NoListener | Self::TooManyBranches => Some((500, "Server Internal Error")),
            Self::TooWide => Some((440, "Max-Breadth Exceeded")),
            Self::TooManyHops => Some((483, "Too Many Hops")),
            Self::Loop => Some((482, "Loop Detected")),
            Self::BadExtension => Some((420, "Bad Extension")),
            Self::Malformed => Some((400, "Bad Request")),
        }
    }
}
