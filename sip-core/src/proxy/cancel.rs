//! CANCEL: RFC 3261 9 and 16.10. It goes hop by hop: the one that came is answered here, and one of
//! our own goes to each branch that still rings, once that branch has answered provisionally.

use sip_parser::Message;

use super::{CreateError, Cx, Proxy, hop};
use crate::net::Flow;
use crate::txn::cell::{CancelClient, Cell};
use crate::txn::client_other::{ClientOther, Stimulus};
use crate::txn::id::Part;
use crate::txn::{Effects, TxnId};
use crate::uas::{Reply, Tag};

/// Told to the branches that lost, so that phones do not show a missed call (RFC 3326 3.1).
const ELSEWHERE: &[u8] = b"Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n";

impl Proxy {
    /// Deals with a CANCEL whose INVITE is `invite`: answers it 200 in a transaction of its own and
    /// cancels the INVITE's branches (RFC 3261 16.10). What goes to the INVITE itself, 487 as a
    /// rule, comes from the branches.
    ///
    /// # Errors
    /// No transaction could be made for the CANCEL; the INVITE is cancelled all the same.
    pub fn relay_cancel(
        &self,
        cx: &mut Cx<'_>,
        flow: &Flow,
        msg: &Message,
        invite: TxnId,
    ) -> Result<TxnId, CreateError> {
        let made = self.create(cx, flow, msg);
        if let Ok(txn) = made {
            // RFC 3261 9.2: the To tag is that of the INVITE's own answers.
            let tag = self.table.by_id(invite).cell(invite).map(|cell| Tag::from_bits(cell.tag));
            let mut reply = Reply::new(200).to(msg);
            reply.to_tag = tag.as_ref().map(Tag::text);
            self.with_cell(cx, txn, |cx, cell| self.answer(cx, cell, &reply));
        }
        self.cancel(cx, invite);
        made
    }

    /// Cancels all branches of an INVITE transaction that have no final answer, and lets it have no
    /// new ones. Without any branch it is answered 487 at once. Does nothing when it is over,
    /// answered, or no INVITE.
    pub fn cancel(&self, cx: &mut Cx<'_>, invite: TxnId) {
        self.with_cell(cx, invite, |cx, cell| {
            if !cell.is_invite() || !cell.server.is_pending() {
                return;
            }
            cell.cancelled = true;
            // Nothing is under way: it was never relayed, or a failure route decides yet.
            if cell.branches.iter().all(|b| b.outcome != 0) {
                self.answer(cx, cell, &Reply::new(487));
            } else {
                self.cancel_branches(cx, cell);
            }
        });
    }

    /// Wants every pending branch cancelled (RFC 3261 16.7 step 10).
    pub(super) fn cancel_branches(&self, cx: &mut Cx<'_>, cell: &mut Cell) {
        for index in 0..cell.branches.len() {
            // Bounded by the branch limit.
            let index = index as u8;
            let Some((branch, times)) = cell.branch(index, &self.params) else { break };
            if !branch.client.is_pending() {
                continue;
            }
            let effects = branch.client.cancel(cx.now.mono, &times);
            if self.note(cx, effects).has(Effects::CANCEL) {
                self.send_cancel(cx, cell, index);
            }
        }
    }

    /// Starts the CANCEL of a branch that has answered provisionally (RFC 3261 9.1).
    pub(super) fn send_cancel(&self, cx: &mut Cx<'_>, cell: &mut Cell, index: u8) {
        let extra = if cell.answered / 100 == 2 { ELSEWHERE } else { b"" };
        let origin = cell.id.origin(Part::Cancel(index));
        let Some((branch, times)) = cell.branch(index, &self.params) else { return };
        let Ok(sent) = Message::parse(branch.request.clone()) else { return };
        let built = cx.try_build(|out| hop::cancel(out, &sent, extra));
        let Some(request) = built else { return };
        let mut client = ClientOther::new();
        let _ = client.step(cx.now.mono, &times, Stimulus::Start);
        cx.out.send(branch.target, request.clone(), Some(origin));
        branch.cancel = Some(Box::new(CancelClient { client, request }));
    }
}
