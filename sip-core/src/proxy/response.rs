//! Responses coming in: to the client transaction that the branch parameter numbers
//! (RFC 3261 17.1.3), or on by their Via.

use sip_parser::{Message, Method};

use super::fork::Received;
use super::{Cx, DropCause, ForkEvent, Handled, Proxy, hop};
use crate::net::Flow;
use crate::txn::Effects;
use crate::txn::branch_id::TxnBranch;
use crate::txn::cell::{Cell, other_response};
use crate::txn::id::Part;

impl Proxy {
    /// Takes a response in: to its transaction, or on to the next Via if it has none.
    ///
    /// A response for one of our transactions that is gone is dropped (RFC 4320 4.2, RFC 6026 7.3),
    /// but for a 2xx to an INVITE: without it the call could not be acknowledged.
    pub fn handle_response(&self, cx: &mut Cx<'_>, flow: &Flow, msg: &Message) -> Handled {
        let Some(code) = msg.status() else { return Handled::Dropped(DropCause::Malformed) };
        self.ids.reply_received(cx.stats, code);
        let (Ok(via), Ok(cseq)) = (msg.top_via(), msg.cseq()) else {
            cx.stats.inc(self.ids.bad_headers);
            cx.stats.inc(self.ids.err_replies);
            return self.drop_response(cx, DropCause::Malformed);
        };
        let Some(own) = via.branch().and_then(TxnBranch::parse) else {
            return self.forward_response(cx, flow, msg, &via);
        };
        let received = Received { message: msg, via: via.span };
        let found = self.with_cell(cx, own.txn, |cx, cell| {
            let known = cell.random == own.random && usize::from(own.index) < cell.branches.len();
            known.then(|| match cseq.method {
                Method::Cancel if cell.is_invite() => {
                    self.on_cancel_reply(cx, cell, own.index, code)
                }
                method if (method == Method::Invite) == cell.is_invite() => {
                    self.on_reply(cx, cell, own.index, &received, flow)
                }
                // RFC 3261 17.1.3: the method must be that of the request.
                _ => ForkEvent::Absorbed,
            })
        });
        match found.flatten() {
            Some(event) => Handled::Matched { txn: own.txn, event },
            None if cseq.method == Method::Invite && code / 100 == 2 => {
                self.forward_response(cx, flow, msg, &via)
            }
            None => self.drop_response(cx, DropCause::Stray),
        }
    }

    pub(super) fn drop_response(&self, cx: &Cx<'_>, cause: DropCause) -> Handled {
        cx.stats.inc(self.ids.drop_replies);
        Handled::Dropped(cause)
    }

    fn on_reply(
        &self,
        cx: &mut Cx<'_>,
        cell: &mut Cell,
        index: u8,
        msg: &Received<'_>,
        flow: &Flow,
    ) -> ForkEvent {
        let code = msg.message.status().unwrap_or_default();
        cx.stats.inc(self.ids.rpl_received);
        let Some((branch, mut times)) = cell.branch(index, &self.params) else {
            return ForkEvent::Absorbed;
        };
        // A rising answer is no repetition (tm module, `restart_fr_on_each_reply`).
        if code < 200 && code > branch.provisional {
            times.restart_fr |= code >= 180;
            branch.provisional = code;
        }
        let effects = branch.client.response(cx.now.mono, &times, code);
        self.note(cx, effects);
        if effects.has(Effects::ACK) {
            self.acknowledge(cx, cell, index, msg.message);
        }
        if effects.has(Effects::CANCEL) {
            self.send_cancel(cx, cell, index);
        }
        // A 2xx to an INVITE goes up even if its client transaction is over: the callee believes in
        // the call, and only the caller's ACK or BYE can end it.
        let accepted = cell.is_invite() && code / 100 == 2;
        let event = match effects.has(Effects::PASS) || accepted {
            true if cell.hooks.is_some() => self.on_hooked_reply(cx, cell, index, msg, flow),
            true => self.on_response(cx, cell, index, msg, code),
            false => ForkEvent::Absorbed,
        };
        if event == ForkEvent::Absorbed {
            cx.stats.inc(self.ids.rpl_absorbed);
        }
        event
    }

    /// The ACK to a negative answer, to where the INVITE went (RFC 3261 17.1.1.3). Made again for
    /// each retransmission of the answer, which is rare.
    fn acknowledge(&self, cx: &mut Cx<'_>, cell: &Cell, index: u8, msg: &Message) {
        let Some(branch) = cell.branches.get(usize::from(index)) else { return };
        let Ok(sent) = Message::parse(branch.request.clone()) else { return };
        if let Some(ack) = cx.try_build(|out| hop::ack(out, &sent, msg)) {
            cx.out.send(branch.target, ack, Some(cell.id.origin(Part::Branch(index))));
        }
    }

    /// An answer to our own CANCEL: nobody else's business (RFC 3261 16.7 step 3).
    fn on_cancel_reply(&self, cx: &Cx<'_>, cell: &mut Cell, index: u8, code: u16) -> ForkEvent {
        cx.stats.inc(self.ids.rpl_received);
        cx.stats.inc(self.ids.rpl_absorbed);
        if let Some((branch, times)) = cell.branch(index, &self.params)
            && let Some(cancel) = &mut branch.cancel
        {
            self.note(cx, cancel.client.step(cx.now.mono, &times, other_response(code)));
        }
        ForkEvent::Absorbed
    }
}
