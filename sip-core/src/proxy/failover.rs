//! The other addresses of a next hop: RFC 3263 4.3. One that cannot be reached, does not answer at
//! all or answers 503 gives way to the next, in a client transaction with a branch of its own; for
//! the fork it has never been.

use sip_parser::{Message, Patch, Span};

use super::{Cx, Proxy};
use crate::net::Target;
use crate::time::Instant;
use crate::txn::Effects;
use crate::txn::branch_id::TxnBranch;
use crate::txn::cell::{Branch, Cell, Client};
use crate::txn::id::Part;
use crate::txn::key::{len32, offset};

/// The most branches that a branch parameter can number.
const BRANCH_LIMIT: usize = 126;

impl Proxy {
    /// Sends the request of a branch that failed to the next address of its hop. `false` when there
    /// is none, or it is too late: the hop has said something, the caller has given up, or the
    /// transaction has its answer or has lived for as long as it may.
    pub(super) fn fail_over(&self, cx: &mut Cx<'_>, cell: &mut Cell, index: u8) -> bool {
        let late = cell.cancelled || cell.closed || cell.life == Instant::FAR;
        if late || !cell.server.is_pending() || cell.branches.len() >= BRANCH_LIMIT {
            return false;
        }
        let Some(branch) = cell.branches.get_mut(usize::from(index)) else { return false };
        let untried = branch.outcome == 0 && branch.provisional == 0;
        let (from, Some(mut spare)) = (branch.target, branch.spare.take_if(|_| untried)) else {
            return false;
        };
        // The Via says where it leaves: the address must be of the same family.
        let fits = |to: &Target| to.peer.is_ipv4() == from.peer.is_ipv4();
        let Some(to) = std::iter::from_fn(|| spare.elsewhere.pop_front()).find(fits) else {
            return false;
        };
        let target = Target { peer: to.peer, ..from };
        // Bounded by BRANCH_LIMIT.
        let next = cell.branches.len() as u8;
        let param = TxnBranch { txn: cell.id, random: cell.random, index: next }.text();
        let Some(branch) = cell.branches.get_mut(usize::from(index)) else { return false };
        let Ok(sent) = Message::parse(branch.request.clone()) else { return false };
        let Some(span) = own_branch(&sent) else { return false };
        (branch.outcome, branch.dropped) = (503, true);
        let request = cx.build(|out, patch: &mut Patch| {
            patch.clear();
            patch.replace(span, &param);
            patch.write(&sent, out);
        });
        let client = Client::for_method(cell.key.method);
        let mut branch = Branch::new(client, target, request);
        spare.udp = None;
        branch.spare = Some(spare);
        let times = cell.times(&self.params, target.proto.is_reliable());
        if self.note(cx, branch.client.start(cx.now.mono, &times)).has(Effects::SEND) {
            cx.stats.inc(self.ids.fwd_requests);
            cx.out.send(target, branch.request.clone(), Some(cell.id.origin(Part::Branch(next))));
        }
        cell.branches.push(branch);
        true
    }
}

/// Where the branch parameter of the topmost Via lies.
fn own_branch(sent: &Message) -> Option<Span> {
    let via = sent.top_via().ok()?;
    let branch = via.branch()?;
    let start = offset(sent.bytes(), branch);
    Some(Span::new(start, start.saturating_add(len32(branch))))
}
