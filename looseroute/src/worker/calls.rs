//! The calls of one worker: those in a route now and those parked, in slots that are used again.

use std::collections::VecDeque;

use sip_core::timer::TimerId;
use sip_core::txn::{Kept, RouteName};
use sip_module_api::Call;
use sip_module_api::call::{Branch, BranchRun, WaitToken};
use sip_module_api::flow::Then;
use sip_module_api::job::ResumeToken;
use sip_module_api::router::{RunId, Verdict};
use sip_module_api::value::Value;

use super::hooks::Purpose;

/// One call in a route.
pub(super) struct Entry {
    pub(super) call: Call,
    pub(super) run: Option<RunId>,
    pub(super) parked: Option<Parked>,
    /// How the route ended that gave up waiting for a function which still runs.
    pub(super) ended: Option<Verdict>,
    /// What the route is for.
    pub(super) purpose: Purpose,
    /// What the routes of its transaction share.
    pub(super) kept: Option<Kept>,
    /// The branch routes that its function waits for.
    pub(super) runs: Option<Box<Runs>>,
    /// Values of external waits that were ended before the route came to wait for them.
    pub(super) early: Vec<(WaitToken, Value)>,
}

/// Branch routes, run one after the other.
pub(super) struct Runs {
    pub(super) route: RouteName,
    /// The branches to go, with their numbers.
    pub(super) todo: VecDeque<(u8, Branch)>,
    /// The branch whose route runs or waits.
    pub(super) current: Option<Branch>,
    pub(super) done: Vec<BranchRun>,
    /// A route is being started.
    pub(super) running: bool,
    /// It has ended at once.
    pub(super) ended: bool,
}

/// What a parked call waits for.
pub(super) struct Parked {
    /// The action whose result the route awaits; `None`: only a waker.
    pub(super) action: Option<u32>,
    pub(super) kind: ParkedFor,
    /// The deadline; a bare waker has none but the transaction's own.
    pub(super) timer: Option<TimerId>,
}

pub(super) enum ParkedFor {
    /// A function that goes on with this.
    Function(Then),
    /// A wait for the host.
    External(WaitToken),
    /// A time.
    Sleep,
    /// A foreign future's waker.
    Waker,
}

struct Slot {
    /// Counts the waits of the slot, so that a token of an earlier one is told apart.
    generation: u32,
    entry: Option<Entry>,
}

/// The table of a worker's calls.
pub(super) struct Calls {
    worker: u16,
    slots: Vec<Slot>,
    empty: Vec<u32>,
    live: usize,
    spare: Vec<Call>,
}

/// Idle call states a worker keeps for the next requests.
const KEPT_CALLS: usize = 1024;
/// Tokens have 24 bits for the slot.
const MAX_SLOTS: usize = 1 << 24;

impl Calls {
    pub(super) const fn new(worker: u16) -> Self {
        Self { worker, slots: Vec::new(), empty: Vec::new(), live: 0, spare: Vec::new() }
    }

    /// How many calls are in a route, running or parked.
    pub(super) const fn live(&self) -> usize {
        self.live
    }

    /// A call state to use again, if one is idle. One that a route's handle still names is let go:
    /// it is the handle's.
    pub(super) fn spare(&mut self) -> Option<Call> {
        while let Some(call) = self.spare.pop() {
            if call.is_unique() {
                return Some(call);
            }
        }
        None
    }

    /// Puts a call in; answers its slot and the token of its next wait. `None` when no number is
    /// left.
    pub(super) fn insert(&mut self, call: Call) -> Option<(u32, ResumeToken)> {
        let entry = Entry {
            call,
            run: None,
            parked: None,
            ended: None,
            purpose: Purpose::Request,
            kept: None,
            runs: None,
            early: Vec::new(),
        };
        let at = match self.empty.pop() {
            Some(at) => at,
            None if self.slots.len() >= MAX_SLOTS => return None,
            None => {
                self.slots.push(Slot { generation: 1, entry: None });
                u32::try_from(self.slots.len() - 1).ok()?
            }
        };
        let slot = self.slots.get_mut(at as usize)?;
        slot.entry = Some(entry);
        self.live += 1;
        Some((at, ResumeToken::new(self.worker, slot.generation, at)))
    }

    pub(super) fn get(&mut self, at: u32) -> Option<&mut Entry> {
        self.slots.get_mut(at as usize)?.entry.as_mut()
    }

    /// The slot that `token` names, if that wait is the current one.
    pub(super) fn find(&mut self, token: ResumeToken) -> Option<u32> {
        let slot = self.slots.get(token.slot() as usize)?;
        let current = slot.generation & 0xff_ffff == token.generation() && slot.entry.is_some();
        current.then_some(token.slot())
    }

    /// Ends the current wait of a slot: its tokens are stale from now on. Answers the next token.
    pub(super) fn next_wait(&mut self, at: u32) -> ResumeToken {
        let Some(slot) = self.slots.get_mut(at as usize) else { return ResumeToken(0) };
        slot.generation = slot.generation.wrapping_add(1);
        ResumeToken::new(self.worker, slot.generation, at)
    }

    /// Takes a call out; its state is kept for another, if no handle is left by then.
    pub(super) fn remove(&mut self, at: u32) {
        let Some(slot) = self.slots.get_mut(at as usize) else { return };
        let Some(entry) = slot.entry.take() else { return };
        slot.generation = slot.generation.wrapping_add(1);
        self.empty.push(at);
        self.live -= 1;
        entry.call.arm_waker(0);
        self.keep(entry.call);
    }

    /// Keeps a call's state for another.
    pub(super) fn keep(&mut self, call: Call) {
        if self.spare.len() < KEPT_CALLS {
            self.spare.push(call);
        }
    }

    /// The slots that are in use, for the end of an engine.
    pub(super) fn used(&self) -> Vec<u32> {
        let used = self.slots.iter().enumerate().filter(|(_, s)| s.entry.is_some());
        used.map(|(i, _)| i as u32).collect()
    }
}
