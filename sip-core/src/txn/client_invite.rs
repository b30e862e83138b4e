//! The INVITE client transaction: RFC 3261 17.1.1 with the Accepted state of RFC 6026 7.2, timer C
//! of RFC 3261 16.8 and the rules for CANCEL of RFC 3261 9.1.
//!
//! ```text
//!            start: send
//!                |
//!                v      A: send again
//!   B: 408   +---------+---------+   1xx   +------------+   C: CANCEL, 408
//!  <---------| Calling           |-------->| Proceeding |---+
//!            +---------+---------+         +------------+   | waits on for a
//!               2xx |   | 3xx-6xx: ACK       |  |       <---+ final answer
//!                   |   +-----------+        |  | 3xx-6xx: ACK
//!                   v               v   2xx  |  v
//!            +----------+       +-----------+|     D
//!   2xx: up  | Accepted |<------| Completed |<--       -> Terminated
//!            +----------+       +-----------+
//!               M -> Terminated     3xx-6xx: ACK again
//! ```
//!
//! A CANCEL wanted before a provisional answer waits for it: [`Effects::CANCEL`] comes with the
//! answer. After a CANCEL the final answer is awaited for timer B's time, then the transaction ends
//! as timed out.

use super::{Clock, Due, Effects, Timer, Times};
use crate::time::Instant;

/// The states, named as in RFC 3261 figure 5 and RFC 6026 figure 7.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Sent, unanswered.
    Calling,
    /// A provisional answer came.
    Proceeding,
    /// A negative answer came and was acknowledged.
    Completed,
    /// A 2xx came (RFC 6026).
    Accepted,
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
    /// A 2xx came.
    Success,
    /// A 3xx to 6xx came.
    Failure,
    /// The transaction user wants it cancelled.
    Cancel,
    /// A timer fired.
    Timer(Timer),
    /// The request could not be sent.
    TransportError,
}

/// One INVITE client transaction.
#[derive(Clone, Copy, Debug)]
pub struct ClientInvite {
    state: State,
    cancel: Cancel,
    clock: Clock,
}

/// How far a wish to cancel has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Cancel {
    No,
    /// Wanted; a provisional answer is awaited first (RFC 3261 9.1).
    Wanted,
    /// The CANCEL was sent.
    Sent,
}

impl ClientInvite {
    /// A machine that waits for [`Stimulus::Start`].
    #[must_use]
    pub const fn new() -> Self {
        Self { state: State::Calling, cancel: Cancel::No, clock: Clock::STOPPED }
    }

    /// Its state.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// Whether a final answer is still awaited.
    #[must_use]
    pub const fn is_pending(&self) -> bool {
        matches!(self.state, State::Calling | State::Proceeding)
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
            (State::Calling, Due::Repeat) => Timer::A,
            (State::Calling, Due::End) => Timer::B,
            (State::Proceeding, _) if self.cancel == Cancel::Sent => Timer::Cancelled,
            (State::Proceeding, _) => Timer::C,
            (State::Completed, _) => Timer::D,
            (State::Accepted, _) => Timer::M,
            (State::Terminated, _) => return None,
        })
    }

    /// One step. Never fails: what the state does not expect is [`Effects::STRAY`].
    pub fn step(&mut self, now: Instant, times: &Times, stimulus: Stimulus) -> Effects {
        use {Effects as E, State as S, Stimulus as I};
        match (self.state, stimulus) {
            // RFC 3261 17.1.1.2: timer A only on unreliable transports.
            (S::Calling, I::Start) => {
                self.clock.start_repeat(now, if times.reliable { 0 } else { times.t1 });
                self.clock.end_after(now, times.fr);
                E::SEND
            }
            (S::Calling, I::Timer(Timer::A)) => {
                self.clock.double_repeat(now, u32::MAX);
                E::SEND
            }
            (S::Calling, I::Timer(Timer::B)) => self.terminate(E::TIMEOUT),
            (S::Calling, I::Cancel) if self.cancel == Cancel::No => {
                self.cancel = Cancel::Wanted;
                E::NONE
            }
            (S::Calling, I::Provisional) => {
                self.state = S::Proceeding;
                self.clock.stop_repeat();
                if self.cancel == Cancel::Wanted {
                    return E::PASS.and(self.cancel_now(now, times));
                }
                self.clock.end_after(now, times.fr_inv);
                E::PASS
            }
            // RFC 3261 16.7 step 2: each provisional answer restarts timer C.
            (S::Proceeding, I::Provisional) => {
                if times.restart_fr && self.cancel == Cancel::No {
                    self.clock.end_after(now, times.fr_inv);
                }
                E::PASS
            }
            (S::Proceeding, I::Cancel) if self.cancel == Cancel::No => self.cancel_now(now, times),
            // RFC 3261 16.8: cancel, and for the proxy it is over; a final answer may still come.
            (S::Proceeding, I::Timer(Timer::C)) if self.cancel != Cancel::Sent => {
                E::TIMEOUT.and(self.cancel_now(now, times))
            }
            (S::Proceeding, I::Timer(Timer::Cancelled)) => self.terminate(E::TIMEOUT),
            // RFC 6026 7.2: a 2xx and its retransmissions, from any fork, all go up.
            (S::Calling | S::Proceeding, I::Success) => {
                self.state = S::Accepted;
                self.clock.stop_repeat();
                self.clock.end_after(now, times.wt);
                E::PASS
            }
            (S::Accepted, I::Success) => E::PASS,
            (S::Accepted, I::Timer(Timer::M)) => self.terminate(E::NONE),
            (S::Calling | S::Proceeding, I::Failure) => {
                let up = E::ACK.and(E::PASS);
                match times.linger() {
                    0 => self.terminate(up),
                    d => {
                        self.state = S::Completed;
                        self.clock.stop_repeat();
                        self.clock.end_after(now, d);
                        up
                    }
                }
            }
            (S::Completed, I::Failure) => E::ACK,
            (S::Completed, I::Timer(Timer::D)) => self.terminate(E::NONE),
            (S::Completed | S::Accepted, I::TransportError) => E::NONE,
            (S::Calling | S::Proceeding, I::TransportError) => self.terminate(E::FAILED),
            // What comes after the end is expected to: late, duplicated or crossing.
            (S::Completed | S::Accepted, I::Provisional | I::Cancel) => E::NONE,
            (S::Calling | S::Proceeding, I::Cancel) => E::NONE,
            _ => E::STRAY,
        }
    }

    /// Begins the running wait for an answer again, with other times: timer B while nothing came,
    /// timer C while it rings. A cancelled one and one that has ended wait as before.
    pub fn retime(&mut self, now: Instant, times: &Times) {
        match self.state {
            State::Calling => self.clock.end_after(now, times.fr),
            State::Proceeding if self.cancel != Cancel::Sent => {
                self.clock.end_after(now, times.fr_inv);
            }
            _ => {}
        }
    }

    fn cancel_now(&mut self, now: Instant, times: &Times) -> Effects {
        self.cancel = Cancel::Sent;
        self.clock.end_after(now, times.fr);
        Effects::CANCEL
    }

    fn terminate(&mut self, effects: Effects) -> Effects {
        self.state = State::Terminated;
        self.clock = Clock::STOPPED;
        effects.and(Effects::ENDED)
    }
}

impl Default for ClientInvite {
    fn default() -> Self {
        Self::new()
    }
}
