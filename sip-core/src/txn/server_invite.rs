//! The INVITE server transaction: RFC 3261 17.2.1 with the Accepted state of RFC 6026 7.1.
//!
//! ```text
//!                  +------------+  INVITE: last 1xx again
//!                  | Proceeding |  1xx from above: send
//!                  +------------+
//!     2xx: send      |        | 3xx-6xx: send
//!                    v        v
//!           +----------+   +-----------+  INVITE, G: send again
//!           | Accepted |   | Completed |
//!           +----------+   +-----------+
//!   2xx: send  | L          H |   | ACK
//!   ACK: up    |              |   v
//!              |              | +-----------+  ACK, INVITE: nothing
//!              |              | | Confirmed |
//!              v              v +-----------+
//!            Terminated  Terminated   | I -> Terminated
//! ```

use super::{Clock, Due, Effects, Timer, Times};
use crate::time::Instant;

/// The states, named as in RFC 3261 figure 7 and RFC 6026 figure 5.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// No final answer given yet.
    Proceeding,
    /// A negative answer was given, its ACK is awaited.
    Completed,
    /// A 2xx was given (RFC 6026).
    Accepted,
    /// The ACK to a negative answer came.
    Confirmed,
    /// Over.
    Terminated,
}

/// What can happen to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stimulus {
    /// The INVITE came again.
    Request,
    /// An ACK that matches came.
    Ack,
    /// The transaction user answers with this code.
    Respond(u16),
    /// A timer fired.
    Timer(Timer),
    /// A response could not be sent.
    TransportError,
}

/// One INVITE server transaction.
#[derive(Clone, Copy, Debug)]
pub struct ServerInvite {
    state: State,
    clock: Clock,
}

impl ServerInvite {
    /// A machine for an INVITE that has just come.
    #[must_use]
    pub const fn new() -> Self {
        Self { state: State::Proceeding, clock: Clock::STOPPED }
    }

    /// Its state.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// Whether no final answer was given yet.
    #[must_use]
    pub const fn is_pending(&self) -> bool {
        matches!(self.state, State::Proceeding)
    }

    /// When it wants its timer next; [`Instant::FAR`] when never.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.clock.next()
    }

    /// The timer that is due at `now`, to be given back as [`Stimulus::Timer`].
    #[must_use]
    pub fn due(&self, now: Instant) -> Option<Timer> {
        Some(match (self.state, self.clock.due(now)?) {
            (State::Completed, Due::Repeat) => Timer::G,
            (State::Completed, Due::End) => Timer::H,
            (State::Confirmed, _) => Timer::I,
            (State::Accepted, _) => Timer::L,
            (State::Proceeding | State::Terminated, _) => return None,
        })
    }

    /// One step. Never fails: what the state does not expect is [`Effects::STRAY`].
    pub fn step(&mut self, now: Instant, times: &Times, stimulus: Stimulus) -> Effects {
        use {Effects as E, State as S, Stimulus as I};
        match (self.state, stimulus) {
            (S::Proceeding | S::Completed, I::Request) => E::SEND,
            (S::Proceeding, I::Respond(..200)) => E::SEND,
            // RFC 6026 7.1: a retransmitted INVITE is absorbed from here on.
            (S::Proceeding, I::Respond(200..300)) => {
                self.state = S::Accepted;
                self.clock.end_after(now, times.accepted());
                E::SEND
            }
            (S::Accepted, I::Respond(200..300)) => E::SEND,
            (S::Accepted, I::Ack) => E::PASS,
            (S::Accepted, I::Timer(Timer::L)) => self.terminate(E::NONE),
            (S::Proceeding, I::Respond(_)) => {
                self.state = S::Completed;
                self.clock.start_repeat(now, if times.reliable { 0 } else { times.t1 });
                self.clock.end_after(now, times.fr);
                E::SEND
            }
            (S::Completed, I::Timer(Timer::G)) => {
                self.clock.double_repeat(now, times.t2);
                E::SEND
            }
            (S::Completed, I::Timer(Timer::H)) => self.terminate(E::TIMEOUT),
            (S::Completed, I::Ack) => match times.linger() {
                0 => self.terminate(E::NONE),
                i => {
                    self.state = S::Confirmed;
                    self.clock.stop_repeat();
                    self.clock.end_after(now, i);
                    E::NONE
                }
            },
            (S::Confirmed, I::Timer(Timer::I)) => self.terminate(E::NONE),
            (S::Accepted | S::Confirmed, I::Request) | (S::Confirmed, I::Ack) => E::NONE,
            // RFC 6026 7.1 keeps the transaction when a response cannot be sent: the peer may
            // open a new connection and ask again.
            (S::Proceeding | S::Completed | S::Accepted, I::TransportError) => E::FAILED,
            (S::Confirmed, I::TransportError) => E::NONE,
            _ => E::STRAY,
        }
    }

    /// Ends it without an answer.
    pub fn abandon(&mut self) {
        let _ = self.terminate(Effects::NONE);
    }

    fn terminate(&mut self, effects: Effects) -> Effects {
        self.state = State::Terminated;
        self.clock = Clock::STOPPED;
        effects.and(Effects::ENDED)
    }
}

impl Default for ServerInvite {
    fn default() -> Self {
        Self::new()
    }
}
