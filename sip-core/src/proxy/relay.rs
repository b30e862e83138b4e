//! Relaying: adding branches to a transaction and starting their client transactions
//! (RFC 3261 16.6).

use sip_parser::{HeaderId, Message, Method};

use super::branch::{Leg, write_request};
use super::plan::{BranchPlan, RelayPlan};
use super::request::validate;
use super::{Cx, Proxy, RelayError};
use crate::net::{ListenId, Listener, Target};
use crate::txn::branch_id::TxnBranch;
use crate::txn::cell::{Branch, Cell, Client, Spare};
use crate::txn::id::Part;
use crate::txn::key::{Arrival, ViaFix};
use crate::txn::{Effects, TxnId};

/// The most branches that a branch parameter can number.
const BRANCH_LIMIT: usize = 126;

impl Proxy {
    /// Forwards the request of `txn` to every branch of `plan` at once. `req` is the request that
    /// the plan's patch and the branches edit: the one that made the transaction, or what a route
    /// has made of it.
    ///
    /// Each branch gets the Request-URI of its plan, our Via, one hop less in Max-Forwards, and
    /// what the previous hop's Via lacks. It may be called again while no final answer was sent.
    ///
    /// # Errors
    /// Nothing was sent then, and the transaction still owes its answer (see
    /// [`RelayError::status`]).
    pub fn relay(
        &self,
        cx: &mut Cx<'_>,
        txn: TxnId,
        req: &Message,
        plan: &RelayPlan<'_>,
    ) -> Result<(), RelayError> {
        let hops = validate(req)?;
        if plan.branches.is_empty() {
            return Err(RelayError::NoTarget);
        }
        if self.is_loop(req) {
            return Err(RelayError::Loop);
        }
        self.with_cell(cx, txn, |cx, cell| {
            self.may_relay(cell, plan)?;
            let max_breadth = self.breadth(cell, req, plan)?;
            let via = self.fix_for(cell, req)?;
            let mut started = false;
            for branch in &plan.branches {
                let Some((id, outward)) = self.outward(&branch.target) else { continue };
                let leg = Leg {
                    request: req,
                    via: &via,
                    peer: cell.flow.peer,
                    inward: self.listeners.by_id(cell.flow.listen).unwrap_or(outward),
                    outward,
                    plan,
                    branch,
                    max_forwards: hops,
                    max_breadth,
                };
                let target = Target { listen: Some(id), ..branch.target };
                self.start_branch(cx, cell, &leg, target);
                started = true;
            }
            if started { Ok(()) } else { Err(RelayError::NoListener) }
        })
        .unwrap_or(Err(RelayError::Gone))
    }

    /// The Max-Breadth of each branch: the request's share, so that a fork that leads back here
    /// again and again cannot grow without end (RFC 5393 5.3). A request that does not fork is left
    /// as it is, though the RFC would have the header added: it takes no more than it had.
    fn breadth(
        &self,
        cell: &Cell,
        req: &Message,
        plan: &RelayPlan<'_>,
    ) -> Result<Option<u32>, RelayError> {
        let came = req.header(HeaderId::MaxBreadth).map(|h| h.value);
        // Those that have ended gave their share back.
        let ringing = cell.branches.iter().filter(|b| b.outcome == 0).count();
        let branches = ringing + plan.branches.len();
        if came.is_none() && branches <= 1 {
            return Ok(None);
        }
        let allowed = match came {
            Some(value) => std::str::from_utf8(value)
                .ok()
                .and_then(|v| v.trim().parse().ok())
                .ok_or(RelayError::Malformed)?,
            None => self.params.max_breadth.value(),
        };
        let wanted = u32::try_from(branches).unwrap_or(u32::MAX);
        if wanted > allowed {
            return Err(RelayError::TooWide);
        }
        Ok(Some(allowed / wanted))
    }

    fn may_relay(&self, cell: &Cell, plan: &RelayPlan<'_>) -> Result<(), RelayError> {
        let limit = usize::try_from(self.params.max_branches.value()).unwrap_or(BRANCH_LIMIT);
        if !cell.server.is_pending() || cell.closed {
            Err(if cell.cancelled { RelayError::Cancelled } else { RelayError::Answered })
        } else if cell.cancelled {
            Err(RelayError::Cancelled)
        } else if cell.branches.len() + plan.branches.len() > limit.min(BRANCH_LIMIT) {
            Err(RelayError::TooManyBranches)
        } else {
            Ok(())
        }
    }

    /// Where the edits of the top Via go in `req`: known already when it is the cell's request.
    fn fix_for(&self, cell: &Cell, req: &Message) -> Result<ViaFix, RelayError> {
        let (known, now) = (&cell.request, req.bytes());
        if known.as_ptr() == now.as_ptr() && known.len() == now.len() {
            return Ok(cell.via);
        }
        Arrival::read(&self.keys.table, &cell.flow, req)
            .map(|a| a.via)
            .map_err(|_| RelayError::Malformed)
    }

    /// The listener a message to `target` leaves by.
    pub(super) fn outward(&self, target: &Target) -> Option<(ListenId, &Listener)> {
        let id = match target.listen {
            Some(id) => id,
            None => self.listeners.for_target(target.proto, &target.peer)?,
        };
        Some((id, self.listeners.by_id(id)?))
    }

    fn start_branch(&self, cx: &mut Cx<'_>, cell: &mut Cell, leg: &Leg<'_>, target: Target) {
        // Bounded by BRANCH_LIMIT.
        let index = cell.branches.len() as u8;
        let param = TxnBranch { txn: cell.id, random: cell.random, index };
        let write = |cx: &mut Cx<'_>, leg: &Leg<'_>| {
            cx.build(|out, patch| {
                write_request(out, patch, leg, |out| out.extend_from_slice(&param.text()));
            })
        };
        let (mut target, mut request, mut fallback) = (target, write(cx, leg), None);
        if let Some((by_tcp, outward)) = self.too_long_for_udp(leg, &target, request.len()) {
            let longer = write(cx, &Leg { outward, ..*leg });
            let udp = (std::mem::replace(&mut target, by_tcp), request);
            request = longer;
            fallback = Some(udp);
        }
        let method = if cell.is_invite() { Method::Invite } else { Method::Other };
        let mut branch = Branch::new(Client::for_method(method), target, request);
        let elsewhere = leg.branch.own.as_ref().map(|own| &own.elsewhere);
        let elsewhere = elsewhere.filter(|e| !e.is_empty());
        if fallback.is_some() || elsewhere.is_some() {
            let elsewhere = elsewhere.into_iter().flatten().copied().collect();
            branch.spare = Some(Box::new(Spare { udp: fallback, elsewhere }));
        }
        if leg.plan.replica {
            branch.outcome = Branch::REPLICA;
        }
        let times = cell.times(&self.params, target.proto.is_reliable());
        let effects = self.note(cx, branch.client.start(cx.now.mono, &times));
        if effects.has(Effects::SEND) {
            cx.stats.inc(self.ids.fwd_requests);
            let origin = cell.id.origin(Part::Branch(index));
            cx.out.send(target, branch.request.clone(), Some(origin));
        }
        if cell.branches.capacity() == 0 {
            cell.branches.reserve_exact(1);
        }
        cell.branches.push(branch);
        if let Some(route) = leg.branch.own.as_ref().and_then(|own| own.reply.clone()) {
            cell.hooks.get_or_insert_default().branch_reply.push((index, route));
        }
    }
}

impl BranchPlan {
    /// Whether any of `listeners` can send to its target.
    #[must_use]
    pub fn is_reachable(&self, listeners: &crate::net::Listeners) -> bool {
        match self.target.listen {
            Some(id) => listeners.by_id(id).is_some(),
            None => listeners.for_target(self.target.proto, &self.target.peer).is_some(),
        }
    }
}
