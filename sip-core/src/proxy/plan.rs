//! What a route wants done with a request: plain values, made by modules, read by the proxy.

use bytes::Bytes;
use sip_parser::Patch;
use smallvec::SmallVec;

use super::record_route::RecordRoute;
use crate::net::Target;
use crate::txn::hooks::RouteName;

/// One relay of a request, to one or more targets at once.
#[derive(Clone, Debug)]
pub struct RelayPlan<'a> {
    /// Edits of the received request that all branches share. They leave the Request-URI to the
    /// branches, and Via and Max-Forwards to the proxy.
    pub patch: &'a Patch,
    /// Where to, in the order of preference; all are tried at once.
    pub branches: SmallVec<[BranchPlan; 4]>,
    /// Record-Route values to add, if the proxy is to stay on the path.
    pub record_route: Option<RecordRoute<'a>>,
    /// The Max-Forwards to send; `None`: one less than was received, or 70 when there was none
    /// (RFC 3261 16.6 step 3).
    pub max_forwards: Option<u32>,
    /// Whether these are copies for somebody else: what they answer is nobody's business, and the
    /// transaction is answered as if they were not (`t_replicate`).
    pub replica: bool,
}

impl<'a> RelayPlan<'a> {
    /// A plan without branches.
    #[must_use]
    pub fn new(patch: &'a Patch) -> Self {
        Self {
            patch,
            branches: SmallVec::new(),
            record_route: None,
            max_forwards: None,
            replica: false,
        }
    }

    /// The same with one branch more.
    #[must_use]
    pub fn branch(mut self, branch: BranchPlan) -> Self {
        self.branches.push(branch);
        self
    }
}

/// One target of a relay.
#[derive(Clone, Debug)]
pub struct BranchPlan {
    /// The Request-URI to send; empty: that of the request, as the plan's patch leaves it.
    pub uri: Bytes,
    /// Where to send it.
    pub target: Target,
    /// Route values to put before those of the request, as `<sip:a;lr>, <sip:b;lr>` (RFC 3327: the
    /// Path of the binding).
    pub path: Option<Bytes>,
    /// Preference in thousandths; only informative, branches of one plan run in parallel.
    pub q: u16,
    /// What a branch route and the name's other addresses have made of it.
    pub own: Option<Box<BranchOwn>>,
}

/// What one branch has for itself.
#[derive(Clone, Debug, Default)]
pub struct BranchOwn {
    /// Its edits, instead of the plan's.
    pub patch: Option<Patch>,
    /// The route for its replies, instead of the transaction's.
    pub reply: Option<RouteName>,
    /// Where else the same next hop is, to be tried one after the other when it does not answer at
    /// all, cannot be reached or answers 503 (RFC 3263 4.3).
    pub elsewhere: Vec<Target>,
}

impl BranchPlan {
    /// A branch to `target` with Request-URI `uri` (empty: unchanged).
    #[must_use]
    pub const fn new(uri: Bytes, target: Target) -> Self {
        Self { uri, target, path: None, q: 1000, own: None }
    }
}
