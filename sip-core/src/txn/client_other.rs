//! The client transaction of every method but INVITE and ACK: RFC 3261 17.1.2.
//!
//! ```text
//!          start: send
//!              |
//!              v   E: send again
//!         +--------+   1xx   +------------+  E: send again, every T2
//!         | Trying |-------->| Proceeding |--+
//!         +--------+         +------------+<-+
//!   F: 408 |     | 200-699      |       | F: 408
//!          |     v              |       |
//!          |  +-----------+     |       |
//!          |  | Completed |<----+       |
//!          |  +-----------+             |
//!          v        | K                 v
//!         Terminated <-------- Terminated
//! ```

use super::{Clock, Due, Effects, Timer, Times};
use crate::time::Instant;

/// The states, named as in RFC 3261 figure 6.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Sent, unanswered.
    Trying,
    /// A provisional answer came.
    Proceeding,
    /// A final answer came.
    Completed,
    /// Over.
    Terminated,
}

/// What can happen to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stimulus {
    /// The request is ready: send it.
    Start,
    /// A 1xx came.
    Provisional,
    /// A 2xx to 6xx came.
    Final,
    /// A timer fired.
    Timer(Timer),
    /// The request could not be sent.
    TransportError,
}

/// One client transaction of a method other than INVITE.
#[derive(Clone, Copy, Debug)]
pub struct ClientOther {
    state: State,
    clock: Clock,
}

impl ClientOther {
    /// A machine that waits for [`Stimulus::Start`].
    #[must_use]
    pub const fn new() -> Self {
        Self { state: State::Trying, clock: Clock::STOPPED }
    }

    /// Its state.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// Whether a final answer is still awaited.
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
        Some(match (self.state, self.clock.due(now)?) {
            (State::Trying | State::Proceeding, Due::Repeat) => Timer::E,
            (State::Trying | State::Proceeding, Due::End) => Timer::F,
            (State::Completed, _) => Timer::K,
            (State::Terminated, _) => return None,
        })
    }

    /// One step. Never fails: what the state does not expect is [`Effects::STRAY`].
    pub fn step(&mut self, now: Instant, times: &Times, stimulus: Stimulus) -> Effects {
        use {Effects as E, State as S, Stimulus as I};
        match (self.state, stimulus) {
            (S::Trying, I::Start) => {
                self.clock.start_repeat(now, if times.reliable { 0 } else { times.t1 });
                self.clock.end_after(now, times.fr);
                E::SEND
            }
            (S::Trying, I::Timer(Timer::E)) => {
                self.clock.double_repeat(now, times.t2);
                E::SEND
            }
            // RFC 3261 17.1.2.2: once it is answered, every T2.
            (S::Proceeding, I::Timer(Timer::E)) => {
                self.clock.start_repeat(now, times.t2);
                E::SEND
            }
            (S::Trying | S::Proceeding, I::Timer(Timer::F)) => self.terminate(E::TIMEOUT),
            (S::Trying, I::Provisional) => {
                self.state = S::Proceeding;
                E::PASS
            }
            (S::Proceeding, I::Provisional) => E::PASS,
            (S::Trying | S::Proceeding, I::Final) => match times.linger() {
                0 => self.terminate(E::PASS),
                k => {
                    self.state = S::Completed;
                    self.clock.stop_repeat();
                    self.clock.end_after(now, k);
                    E::PASS
                }
            },
            (S::Completed, I::Timer(Timer::K)) => self.terminate(E::NONE),
            (S::Trying | S::Proceeding, I::TransportError) => self.terminate(E::FAILED),
            (S::Completed, I::Provisional | I::Final | I::TransportError) => E::NONE,
            _ => E::STRAY,
        }
    }

    /// Begins the running wait for an answer again, with other times.
    pub fn retime(&mut self, now: Instant, times: &Times) {
        if self.is_pending() {
            self.clock.end_after(now, times.fr);
        }
    }

    fn terminate(&mut self, effects: Effects) -> Effects {
        self.state = State::Terminated;
        self.clock = Clock::STOPPED;
        effects.and(Effects::ENDED)
    }
}

impl Default for ClientOther {
    fn default() -> Self {
        Self::new()
    }
}
