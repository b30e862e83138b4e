//! What a transaction with routes or times of its own carries beside the rest: names of routes,
//! what they hand on to each other, the state of their runs, and the mailbox. A transaction that
//! has none of this pays one pointer for it.

use std::any::Any;
use std::collections::VecDeque;
use std::sync::Arc;

use sip_parser::Message;
use smallvec::SmallVec;

use super::Times;
use crate::net::Flow;
use crate::uac::Local;

/// The name of a route, shared by all that refer to it.
pub type RouteName = Arc<str>;

/// What the routes of one transaction hand on to each other. The proxy only keeps it.
pub type Kept = Arc<dyn Any + Send + Sync>;

/// Responses that wait for the reply route of an earlier one, at most; final answers that end a
/// branch are never turned away, and each branch has one.
const MAILBOX: usize = 64;

/// What is to be changed of a transaction's hooks; `None` leaves a thing as it is.
#[derive(Clone, Default)]
pub struct Arm {
    /// The failure route (`t_on_failure`); `Some(None)` takes it off.
    pub failure: Option<Option<RouteName>>,
    /// The route for replies of all branches (`t_on_reply`).
    pub reply: Option<Option<RouteName>>,
    /// The route for each branch that fails (`t_on_branch_failure`).
    pub branch_failure: Option<Option<RouteName>>,
    /// What the routes hand on to each other.
    pub kept: Option<Kept>,
    /// Times instead of the parameters'; 0 leaves one as it is.
    pub times: OwnTimes,
    /// The parameters' `fr_timer` and `fr_inv_timer` hold again.
    pub reset_fr: bool,
    /// The parameters' `retr_timer1` and `retr_timer2` hold again.
    pub reset_retr: bool,
    /// The longest that the transaction may stay without a final answer, from now, in milliseconds.
    pub lifetime: Option<u32>,
    /// Whether a 6xx is a negative answer like others: branches may be added after it.
    pub ignore_6xx: Option<bool>,
}

impl std::fmt::Debug for Arm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Arm")
            .field("failure", &self.failure)
            .field("reply", &self.reply)
            .field("branch_failure", &self.branch_failure)
            .field("times", &self.times)
            .field("lifetime", &self.lifetime)
            .field("ignore_6xx", &self.ignore_6xx)
            .finish_non_exhaustive()
    }
}

/// Times of one transaction in milliseconds; 0: the parameter's.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct OwnTimes {
    /// Instead of `fr_timer`.
    pub fr: u32,
    /// Instead of `fr_inv_timer`.
    pub fr_inv: u32,
    /// Instead of `retr_timer1`.
    pub t1: u32,
    /// Instead of `retr_timer2`.
    pub t2: u32,
}

impl OwnTimes {
    /// Takes over those of `new` that are not 0.
    pub(crate) fn merge(&mut self, new: Self) {
        let pick = |new: u32, old: u32| if new != 0 { new } else { old };
        *self = Self {
            fr: pick(new.fr, self.fr),
            fr_inv: pick(new.fr_inv, self.fr_inv),
            t1: pick(new.t1, self.t1),
            t2: pick(new.t2, self.t2),
        };
    }

    /// These over `times`.
    pub(crate) const fn over(self, mut times: Times) -> Times {
        if self.fr != 0 {
            times.fr = self.fr;
        }
        if self.fr_inv != 0 {
            times.fr_inv = self.fr_inv;
        }
        if self.t1 != 0 {
            times.t1 = self.t1;
        }
        if self.t2 != 0 {
            times.t2 = self.t2;
        }
        times
    }
}

/// Which route a failure calls for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FailureKind {
    /// All branches have failed (`failure_route`).
    All,
    /// One branch has (`event_route[tm:branch-failure:…]`).
    Branch,
}

/// A failure that waits for its route to be started.
#[derive(Clone, Debug)]
pub(crate) struct Due {
    pub(crate) kind: FailureKind,
    pub(crate) route: RouteName,
    pub(crate) branch: u8,
    pub(crate) code: u16,
}

/// A response that waits until the reply route of an earlier one has ended.
#[derive(Clone, Debug)]
pub struct Letter {
    /// The branch it answers.
    pub branch: u8,
    /// Its code.
    pub code: u16,
    /// The response.
    pub message: Message,
    /// The way it came.
    pub flow: Flow,
}

/// The hooks of one transaction.
#[derive(Default)]
pub(crate) struct Hooks {
    pub(crate) failure: Option<RouteName>,
    pub(crate) reply: Option<RouteName>,
    pub(crate) branch_failure: Option<RouteName>,
    /// Reply routes of single branches, which go before the common one.
    pub(crate) branch_reply: SmallVec<[(u8, RouteName); 2]>,
    pub(crate) kept: Option<Kept>,
    pub(crate) times: OwnTimes,
    pub(crate) ignore_6xx: Option<bool>,
    /// Failure routes and branch failure routes that run or wait.
    pub(crate) failing: u16,
    /// How many branches there were when the last failure route started.
    pub(crate) failed_at: usize,
    /// The first of the branches that it is about.
    pub(crate) last_from: usize,
    /// The branch that the running failure route is about, and its code.
    pub(crate) winner: Option<(u8, u16)>,
    /// The longest time is over.
    pub(crate) expired: bool,
    /// A reply route runs or waits.
    pub(crate) replying: bool,
    /// Routes of failures to be started: a step can bring about several.
    pub(crate) due: VecDeque<Due>,
    mailbox: VecDeque<Letter>,
    /// What a request of our own carries.
    pub(crate) local: Option<Box<Local>>,
}

impl std::fmt::Debug for Hooks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hooks")
            .field("failure", &self.failure)
            .field("reply", &self.reply)
            .field("failing", &self.failing)
            .field("replying", &self.replying)
            .field("mailbox", &self.mailbox.len())
            .finish_non_exhaustive()
    }
}

impl Hooks {
    /// Whether a response waits for its route, or to be fetched.
    pub(crate) fn is_busy(&self) -> bool {
        self.replying || self.local.as_ref().is_some_and(|local| local.outcome.is_some())
    }

    /// The first of the branches that were tried last, of `made`.
    pub(crate) const fn newest(&self, made: usize) -> usize {
        if self.failed_at < made { self.failed_at } else { self.last_from }
    }

    /// Notes that a failure calls for a route.
    pub(crate) fn fail(&mut self, kind: FailureKind, route: RouteName, branch: u8, code: u16) {
        self.failing = self.failing.saturating_add(1);
        self.due.push_back(Due { kind, route, branch, code });
    }

    /// The route that a reply of `branch` goes through.
    pub(crate) fn reply_route(&self, branch: u8) -> Option<&RouteName> {
        let own = self.branch_reply.iter().rev().find(|(b, _)| *b == branch).map(|(_, name)| name);
        own.or(self.reply.as_ref())
    }

    /// Lets a response wait; `false` when the mailbox is full and it is one that can be lost.
    pub(crate) fn post(&mut self, letter: Letter) -> bool {
        let may_be_lost = letter.code < 300;
        if may_be_lost && self.mailbox.len() >= MAILBOX {
            return false;
        }
        self.mailbox.push_back(letter);
        true
    }

    /// The response that has waited longest.
    pub(crate) fn next_letter(&mut self) -> Option<Letter> {
        self.mailbox.pop_front()
    }
}
