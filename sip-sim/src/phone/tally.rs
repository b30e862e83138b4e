//! What came of the calls: counts that must add up, and rules that were broken.

use std::collections::BTreeMap;

/// How a call that a phone made has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It was answered, and the BYE, whoever sent it, got a final response.
    Completed,
    /// It was answered, and our BYE got no response.
    ByeUnanswered,
    /// It was cancelled and got 487.
    Cancelled,
    /// It was refused with this status.
    Refused(u16),
    /// Nothing at all came back (RFC 3261 17.1.1.2, Timer B).
    NoResponse,
    /// It was proceeding, but no final response came, not even after its CANCEL.
    NoFinal,
}

/// Counts of one phone, or of many added up.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Tally {
    /// Calls made.
    pub dialed: u64,
    /// Calls made that are over, by [`Outcome::Completed`].
    pub completed: u64,
    /// By [`Outcome::ByeUnanswered`].
    pub bye_unanswered: u64,
    /// By [`Outcome::Cancelled`].
    pub cancelled: u64,
    /// By [`Outcome::NoResponse`].
    pub no_response: u64,
    /// By [`Outcome::NoFinal`].
    pub no_final: u64,
    /// By [`Outcome::Refused`], each status.
    pub refused: BTreeMap<u16, u64>,
    /// Calls made that got a 2xx.
    pub answered: u64,
    /// 2xx of further forks; each was acknowledged and hung up.
    pub further_answers: u64,
    /// Calls answered though they had been cancelled.
    pub answered_after_cancel: u64,
    /// Challenges answered.
    pub challenges: u64,
    /// BYE of ours that got another final response than 2xx.
    pub bye_refused: u64,
    /// Requests sent again by a timer.
    pub resent: u64,
    /// Calls that came in (each INVITE transaction).
    pub incoming: u64,
    /// Of those, answered with 2xx.
    pub accepted: u64,
    /// Of those, refused.
    pub rejected: u64,
    /// Of those, cancelled while ringing.
    pub given_up: u64,
    /// Of those accepted, never acknowledged.
    pub ack_missing: u64,
    /// INVITEs refused as merged (482).
    pub merged: u64,
    /// Calls that ended by a BYE from the other side, made or taken.
    pub hung_up_on: u64,
    /// Messages that belong to nothing we know: late ones, as a rule.
    pub strays: u64,
    /// REGISTER requests that succeeded.
    pub registered: u64,
    /// REGISTER requests that failed for good, by status; 408 when nothing came back.
    pub register_failed: BTreeMap<u16, u64>,
    /// REGISTER requests that timed out or were answered 5xx, and were tried again.
    pub register_retried: u64,
    /// How often a rule of RFC 3261 was broken towards us.
    pub broken_rules: u64,
    /// The first of them, in words.
    pub broken: Vec<String>,
}

impl Tally {
    /// Counts a broken rule; the first few keep their words.
    pub(crate) fn broke(&mut self, what: impl FnOnce() -> String) {
        self.broken_rules += 1;
        if self.broken.len() < 16 {
            self.broken.push(what());
        }
    }

    pub(crate) fn ended(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Completed => self.completed += 1,
            Outcome::ByeUnanswered => self.bye_unanswered += 1,
            Outcome::Cancelled => self.cancelled += 1,
            Outcome::NoResponse => self.no_response += 1,
            Outcome::NoFinal => self.no_final += 1,
            Outcome::Refused(status) => *self.refused.entry(status).or_default() += 1,
        }
    }

    /// Calls made that are over.
    #[must_use]
    pub fn over(&self) -> u64 {
        let refused: u64 = self.refused.values().sum();
        self.completed
            + self.bye_unanswered
            + self.cancelled
            + self.no_response
            + self.no_final
            + refused
    }

    /// Adds another phone's counts.
    pub fn add(&mut self, other: &Self) {
        let sums = [
            (&mut self.dialed, other.dialed),
            (&mut self.completed, other.completed),
            (&mut self.bye_unanswered, other.bye_unanswered),
            (&mut self.cancelled, other.cancelled),
            (&mut self.no_response, other.no_response),
            (&mut self.no_final, other.no_final),
            (&mut self.answered, other.answered),
            (&mut self.further_answers, other.further_answers),
            (&mut self.answered_after_cancel, other.answered_after_cancel),
            (&mut self.challenges, other.challenges),
            (&mut self.bye_refused, other.bye_refused),
            (&mut self.resent, other.resent),
            (&mut self.incoming, other.incoming),
            (&mut self.accepted, other.accepted),
            (&mut self.rejected, other.rejected),
            (&mut self.given_up, other.given_up),
            (&mut self.ack_missing, other.ack_missing),
            (&mut self.merged, other.merged),
            (&mut self.hung_up_on, other.hung_up_on),
            (&mut self.strays, other.strays),
            (&mut self.registered, other.registered),
            (&mut self.register_retried, other.register_retried),
            (&mut self.broken_rules, other.broken_rules),
        ];
        for (mine, theirs) in sums {
            *mine += theirs;
        }
        for (status, n) in &other.refused {
            *self.refused.entry(*status).or_default() += n;
        }
        for (status, n) in &other.register_failed {
            *self.register_failed.entry(*status).or_default() += n;
        }
        self.broken.extend(other.broken.iter().cloned());
    }

    /// What does not add up once every call is over: calls that never ended, rules broken.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let mut faults = self.broken.clone();
        if self.broken_rules > faults.len() as u64 {
            faults.push(format!("{} broken rules in all", self.broken_rules));
        }
        if self.dialed != self.over() {
            faults.push(format!("{} calls were made, {} are over", self.dialed, self.over()));
        }
        let ended = self.accepted + self.rejected + self.given_up;
        if self.incoming != ended {
            faults.push(format!("{} calls came in, {} were decided", self.incoming, ended));
        }
        faults
    }
}
