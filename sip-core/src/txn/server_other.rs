//! The server transaction of every method but INVITE and ACK: RFC 3261 17.2.2.
//!
//! ```text
//!     +--------+   1xx: send   +------------+  request, 1xx: send
//!     | Trying |-------------->| Proceeding |
//!     +--------+  N: send 100  +------------+
//!         | 200-699: send        | 200-699: send
//!         v                      |
//!     +-----------+ <------------+
//!     | Completed |  request: send again
//!     +-----------+
//!         | J -> Terminated
//! ```

use super::{Clock, Due, Effects, Timer, Times};
use crate::time::Instant;

/// The states, named as in RFC 3261 figure 8.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// No answer given yet.
    Trying,
    /// A provisional answer was given.
    Proceeding,
    /// The final answer was given.
    Completed,
    /// Over.
    Terminated,
}

/// What can happen to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stimulus {
    /// The request came again.
    Request,
    /// The transaction user answers with this code.
    Respond(u16),
    /// A timer fired.
    Timer(Timer),
    /// A response could not be sent.
    TransportError,
}

/// One server transaction of a method other than INVITE.
#[derive(Clone, Copy, Debug)]
pub struct ServerOther {
    state: State,
    clock: Clock,
}

impl ServerOther {
    /// A machine for a request that has just come.
    #[must_use]
    pub const fn new() -> Self {
        Self { state: State::Trying, clock: Clock::STOPPED }
    }

    /// Its state.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// Whether no final answer was given yet.
    #[must_use]
    pub const fn is_pending(&self) -> bool {
        matches!(self.state, State::Trying | State::Proceeding)
    }

    /// When it wants its timer next; [`Instant::FAR`] when never.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.clock.next()
    }

    /// The timer that is due at `now`, to be given back as [`Stimulus::Timer`].
    #[must_use]
    pub fn due(&self, now: Instant) -> Option<Timer> {
        Some(match self.clock.due(now)? {
            Due::Repeat => Timer::N,
            Due::End => Timer::J,
        })
    }

    /// Begins to wait for an answer: without one in time, a 100 is due (RFC 4320 4.1).
    pub fn await_answer(&mut self, now: Instant, times: &Times) {
        if self.state == State::Trying {
            self.clock.start_repeat(now, times.trying());
        }
    }

    /// One step. Never fails: what the state does not expect is [`Effects::STRAY`].
    pub fn step(&mut self, now: Instant, times: &Times, stimulus: Stimulus) -> Effects {
        use {Effects as E, State as S, Stimulus as I};
        match (self.state, stimulus) {
            (S::Proceeding | S::Completed, I::Request) => E::SEND,
            (S::Trying, I::Timer(Timer::N)) => {
                self.clock.stop_repeat();
                E::TRYING
            }
            (S::Trying, I::Respond(..200)) => {
                self.state = S::Proceeding;
                self.clock.stop_repeat();
                E::SEND
            }
            (S::Proceeding, I::Respond(..200)) => E::SEND,
            (S::Trying | S::Proceeding, I::Respond(_)) => match times.linger() {
                0 => self.terminate(E::SEND),
                j => {
                    self.state = S::Completed;
                    self.clock.stop_repeat();
                    self.clock.end_after(now, j);
                    E::SEND
                }
            },
            (S::Completed, I::Timer(Timer::J)) => self.terminate(E::NONE),
            (S::Trying, I::Request) => E::NONE,
            (S::Trying | S::Proceeding | S::Completed, I::TransportError) => E::FAILED,
            _ => E::STRAY,
        }
    }

    /// Ends it without an answer (RFC 4320 4.1: no 408 to anything but INVITE).
    pub fn abandon(&mut self) {
        let _ = self.terminate(Effects::NONE);
    }

    fn terminate(&mut self, effects: Effects) -> Effects {
        self.state = State::Terminated;
        self.clock = Clock::STOPPED;
        effects.and(Effects::ENDED)
    }
}

impl Default for ServerOther {
    fn default() -> Self {
        Self::new()
    }
}
