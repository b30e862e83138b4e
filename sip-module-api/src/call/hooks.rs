//! What the routes of one transaction arm for each other and hand on: the names of failure, branch
//! and reply routes, times of the transaction's own, destinations for later, and the values that a
//! failure route finds as the request route left them.

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use sip_core::txn::{OwnTimes, RouteName};
use sip_parser::Patch;
use smallvec::SmallVec;

use super::state::{Branch, CallState, Identity, RecordRoutePlan};
use crate::value::Value;

/// Destinations of one preference.
pub type Group = SmallVec<[Branch; 4]>;

/// What a route has armed, and what a route other than a request route is about. A call that arms
/// nothing has none.
#[derive(Clone, Debug, Default)]
pub struct Hooked {
    /// `t_on_failure`.
    pub on_failure: Option<RouteName>,
    /// `t_on_branch`, for the relay that follows; a failure route arms it again.
    pub on_branch: Option<RouteName>,
    /// `t_on_reply`.
    pub on_reply: Option<RouteName>,
    /// `t_on_branch_failure`.
    pub on_branch_failure: Option<RouteName>,
    /// `t_set_fr`, `t_set_retr`.
    pub times: OwnTimes,
    /// `t_set_max_lifetime`: for an INVITE and for others, in milliseconds.
    pub lifetime: Option<(u32, u32)>,
    /// `t_set_auto_inv_100`: no 100 for this INVITE.
    pub quiet: Option<bool>,
    /// `t_set_disable_6xx`.
    pub ignore_6xx: Option<bool>,
    /// Groups of destinations to be tried one after the other, the next one last
    /// (`t_load_contacts`).
    pub contacts: Vec<Group>,
    /// Whether there were such groups at all.
    pub loaded: bool,
    /// What the route is about; `None` in a request route.
    pub about: Option<About>,
    /// How many branches the transaction had when the route began.
    pub made: usize,
    /// The branch, or the provisional answer, goes no further.
    pub discarded: bool,
    /// Branch routes to be run before the function that waits goes on.
    pub runs: Option<BranchRuns>,
}

/// What a failure, reply or branch route is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct About {
    /// The branch, from 0.
    pub branch: u8,
    /// The code: of the reply, or of the best failure. 0 in a branch route.
    pub code: u16,
}

/// Branches that are to go through a route of their own before they are made. A function that
/// wants it leaves this in its call and waits; it is resumed with [`BranchesRun`].
#[derive(Clone, Debug)]
pub struct BranchRuns {
    /// The route.
    pub route: RouteName,
    /// The branches, in order.
    pub branches: Vec<Branch>,
    /// The number of the first.
    pub first: usize,
}

/// One branch after its route.
#[derive(Clone, Debug)]
pub struct BranchRun {
    /// Where it goes.
    pub branch: Branch,
    /// Its edits: those of the request, and the route's.
    pub patch: Patch,
    /// Its own reply route.
    pub on_reply: Option<RouteName>,
}

/// The branches that are left after their routes.
#[derive(Clone, Debug, Default)]
pub struct BranchesRun(pub Vec<BranchRun>);

/// What a request route leaves to the failure and reply routes of its transaction.
#[derive(Debug, Default)]
pub struct KeptState(Mutex<Inner>);

#[derive(Clone, Debug, Default)]
struct Inner {
    patch: Patch,
    flags: u32,
    avps: SmallVec<[(Bytes, Value); 2]>,
    identity: Option<Identity>,
    record_route: Option<RecordRoutePlan>,
    rr_params: Bytes,
    max_forwards: Option<u32>,
    reply_headers: Bytes,
    contacts: Vec<Group>,
    loaded: bool,
}

impl CallState {
    /// What was armed, to be changed.
    pub fn hooked(&mut self) -> &mut Hooked {
        self.hooked.get_or_insert_default()
    }

    /// What the route is about; `None` in a request route.
    #[must_use]
    pub fn about(&self) -> Option<About> {
        self.hooked.as_ref().and_then(|h| h.about)
    }

    /// Leaves the state to the routes that follow in the same transaction.
    #[must_use]
    pub fn keep(&self) -> Arc<KeptState> {
        let hooked = self.hooked.as_deref();
        Arc::new(KeptState(Mutex::new(Inner {
            patch: self.patch.clone(),
            flags: self.flags,
            avps: self.avps.clone(),
            identity: self.identity.clone(),
            record_route: self.record_route.clone(),
            rr_params: Bytes::copy_from_slice(&self.rr_params),
            max_forwards: self.max_forwards,
            reply_headers: Bytes::copy_from_slice(&self.reply_headers),
            contacts: hooked.map(|h| h.contacts.clone()).unwrap_or_default(),
            loaded: hooked.is_some_and(|h| h.loaded),
        })))
    }

    /// Takes over what a request route left, for a failure route on the same request.
    pub fn restore(&mut self, kept: &KeptState) {
        let kept = kept.0.lock().clone();
        self.patch = kept.patch;
        self.flags = kept.flags;
        self.avps = kept.avps;
        self.identity = kept.identity;
        self.record_route = kept.record_route;
        self.rr_params.clear();
        self.rr_params.extend_from_slice(&kept.rr_params);
        self.max_forwards = kept.max_forwards;
        self.reply_headers.clear();
        self.reply_headers.extend_from_slice(&kept.reply_headers);
        let hooked = self.hooked();
        hooked.contacts = kept.contacts;
        hooked.loaded = kept.loaded;
    }

    /// Takes over the flags and values of the transaction, for a route on another message.
    pub fn restore_values(&mut self, kept: &KeptState) {
        let kept = kept.0.lock();
        self.flags = kept.flags;
        self.avps = kept.avps.clone();
        self.identity = kept.identity.clone();
    }

    /// Leaves the flags and values to the routes that follow, and, from a failure route, the
    /// destinations that are left.
    pub fn give_back(&self, kept: &KeptState, destinations: bool) {
        let mut kept = kept.0.lock();
        kept.flags = self.flags;
        kept.avps = self.avps.clone();
        if destinations && let Some(hooked) = &self.hooked {
            kept.contacts = hooked.contacts.clone();
            kept.loaded = hooked.loaded;
        }
    }
}
