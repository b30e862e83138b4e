//! Transactions: RFC 3261 17, with the Accepted states of RFC 6026.
//!
//! Four machines, one file each, hold no message, no socket and no clock: they are told what
//! happened ([`client_invite::Stimulus`] and its like) and answer with [`Effects`]. A cell
//! (`table`) is what Kamailio calls a cell too: one server transaction and the client branches it
//! was forked to, found by the request's key or by the number in our own branch parameter.
//!
//! ```text
//!   request  -> key -> bucket -> cell -> server machine -> absorbed | up to the route
//!   relay    -> cell.branches += client machines -> request out, timers
//!   response -> number in our branch -> cell -> client machine -> fork -> server machine -> upstream
//!   timer    -> hint (TimerEvent) -> cell's own deadlines -> machines
//! ```
//!
//! Machines take `&mut self`; the lock is in the table.

pub(crate) mod branch_id;
pub(crate) mod cell;
pub mod client_invite;
pub mod client_other;
mod facts;
pub(crate) mod hash;
pub(crate) mod hooks;
pub(crate) mod id;
pub(crate) mod key;
mod old;
pub mod params;
pub(crate) mod recent;
pub mod server_invite;
pub mod server_other;
pub(crate) mod table;

pub use facts::Facts;
pub use hooks::{Arm, FailureKind, Kept, Letter, OwnTimes, RouteName};
pub use id::{TimerEvent, TxnId};
pub use params::{Param, Times, TmParams};

use crate::time::{Duration, Instant};

/// The timers of RFC 3261 (table 4) and RFC 6026, and one of our own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Timer {
    /// INVITE request retransmission, unreliable transports.
    A,
    /// No answer to an INVITE.
    B,
    /// No final answer to an INVITE that rings.
    C,
    /// Waits for retransmissions of a negative answer.
    D,
    /// Retransmission of another request, unreliable transports.
    E,
    /// No final answer to another request.
    F,
    /// Retransmission of a negative answer to an INVITE.
    G,
    /// No ACK.
    H,
    /// Waits for retransmissions of the ACK.
    I,
    /// Waits for retransmissions of a request other than INVITE.
    J,
    /// Waits for retransmissions of an answer.
    K,
    /// Waits for retransmissions of an accepted INVITE (RFC 6026).
    L,
    /// Waits for retransmissions and forked 2xx answers (RFC 6026).
    M,
    /// No answer given to a request other than INVITE for as long as a client's timer E takes to
    /// reach T2 (RFC 4320 4.1, which gives it no name).
    N,
    /// No final answer after a CANCEL (RFC 3261 9.1).
    Cancelled,
}

/// What a machine asks its owner to do after a step: a set of flags.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Effects(u16);

impl Effects {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Send the request, or the response just given; again or for the first time.
    pub const SEND: Self = Self(1);
    /// Acknowledge the response just received.
    pub const ACK: Self = Self(1 << 1);
    /// The message just received is the transaction user's.
    pub const PASS: Self = Self(1 << 2);
    /// No answer came in time: tell the transaction user.
    pub const TIMEOUT: Self = Self(1 << 3);
    /// The transport failed: tell the transaction user.
    pub const FAILED: Self = Self(1 << 4);
    /// Send a CANCEL: the answer came that it waited for (RFC 3261 9.1), or timer C fired.
    pub const CANCEL: Self = Self(1 << 5);
    /// The machine is in its Terminated state now.
    pub const ENDED: Self = Self(1 << 6);
    /// Nothing that this state expects: ignored, and counted.
    pub const STRAY: Self = Self(1 << 7);
    /// Answer 100: the request has waited long enough (RFC 4320 4.1).
    pub const TRYING: Self = Self(1 << 8);

    /// Both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` is in it.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl std::fmt::Debug for Effects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const NAMES: [&str; 9] =
            ["SEND", "ACK", "PASS", "TIMEOUT", "FAILED", "CANCEL", "ENDED", "STRAY", "TRYING"];
        let mut set = f.debug_set();
        for (bit, name) in NAMES.iter().enumerate() {
            if self.0 & (1 << bit) != 0 {
                set.entry(&format_args!("{name}"));
            }
        }
        set.finish()
    }
}

/// The two timers a machine may have at once: one that repeats and one that ends a wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Clock {
    repeat: Instant,
    end: Instant,
    interval: u32,
}

impl Clock {
    pub(crate) const STOPPED: Self = Self { repeat: Instant::FAR, end: Instant::FAR, interval: 0 };

    /// Starts to repeat after `ms`; 0 never does.
    pub(crate) fn start_repeat(&mut self, now: Instant, ms: u32) {
        self.interval = ms;
        self.repeat = if ms == 0 { Instant::FAR } else { after(now, ms) };
    }

    /// Repeats after twice the last interval, at most `cap`.
    pub(crate) fn double_repeat(&mut self, now: Instant, cap: u32) {
        self.start_repeat(now, self.interval.saturating_mul(2).min(cap.max(1)));
    }

    pub(crate) fn stop_repeat(&mut self) {
        self.repeat = Instant::FAR;
    }

    pub(crate) fn end_after(&mut self, now: Instant, ms: u32) {
        self.end = after(now, ms);
    }

    /// When the machine wants to be woken next; [`Instant::FAR`] when never.
    pub(crate) fn next(&self) -> Instant {
        self.repeat.min(self.end)
    }

    /// Which of the two is due. The end goes first: nothing is repeated after it.
    pub(crate) fn due(&self, now: Instant) -> Option<Due> {
        if self.end <= now {
            Some(Due::End)
        } else if self.repeat <= now {
            Some(Due::Repeat)
        } else {
            None
        }
    }
}

/// Which timer of a [`Clock`] has run out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Due {
    Repeat,
    End,
}

fn after(now: Instant, ms: u32) -> Instant {
    now + Duration::from_millis(u64::from(ms))
}
