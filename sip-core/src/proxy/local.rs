//! Client transactions of requests of our own ([`crate::uac`]): a cell without a server side.

use bytes::Bytes;
use sip_parser::{Message, Method, Span};

use super::fork::Received;
use super::{Cx, ForkEvent, Proxy};
use crate::net::{Flow, ListenId, Target};
use crate::time::Instant;
use crate::txn::branch_id::TxnBranch;
use crate::txn::cell::{Branch, Cell, Client, Server};
use crate::txn::id::Part;
use crate::txn::key::{RequestKey, ViaFix};
use crate::txn::{Effects, TxnId};
use crate::uac::{
    Account, Done, Local, LocalError, LocalOutcome, LocalRequest, again, answer_challenge, first,
};
use crate::uas::Tag;

impl Proxy {
    /// Sends a request of our own and tells `done` what came of it: once, from
    /// [`take_local`](Self::take_local), which is to be called after
    /// [`ForkEvent::LocalDone`]. A challenge is answered with `account`, once.
    ///
    /// # Errors
    /// Nothing was sent then, and `done` is dropped.
    pub fn send_local(
        &self,
        cx: &mut Cx<'_>,
        request: &LocalRequest<'_>,
        account: Option<Account>,
        done: Option<Done>,
    ) -> Result<TxnId, LocalError> {
        request.check()?;
        let (listen, outward) = self.outward(&request.target).ok_or(LocalError::NoListener)?;
        let limit = usize::try_from(self.params.max_transactions.value()).unwrap_or(usize::MAX);
        if self.table.live() >= limit {
            cx.stats.inc(self.ids.refused);
            return Err(LocalError::Full);
        }
        let (hash, bits) = (cx.rng.next_u64(), cx.rng.next_u64());
        let (tag, call_id) = (Tag::from_bits(cx.rng.next_u64()), Tag::from_bits(cx.rng.next_u64()));
        let mut bucket = self.table.by_hash(hash);
        let made = self.table.insert(&mut bucket, hash, |id| blank(id, hash, bits, listen));
        let Some(txn) = made else { return Err(LocalError::Full) };
        self.active.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let Some(cell) = bucket.cell(txn) else { return Err(LocalError::Full) };
        let param = TxnBranch { txn, random: cell.random, index: 0 }.text();
        let bytes =
            cx.build(|out, _| first(out, request, outward, &param, tag.text(), call_id.text()));
        let local = Local { account, done, ..Local::default() };
        cell.hooks.get_or_insert_default().local = Some(Box::new(local));
        cx.stats.inc(self.ids.uac_transactions);
        self.start_local(cx, cell, Target { listen: Some(listen), ..request.target }, bytes);
        self.settle(cx, &mut bucket, txn);
        Ok(txn)
    }

    fn start_local(&self, cx: &mut Cx<'_>, cell: &mut Cell, target: Target, request: Bytes) {
        let times = cell.times(&self.params, target.proto.is_reliable());
        // At most two: the request and its answer to a challenge.
        let index = cell.branches.len() as u8;
        let mut branch = Branch::new(Client::for_method(Method::Other), target, request);
        if self.note(cx, branch.client.start(cx.now.mono, &times)).has(Effects::SEND) {
            let origin = cell.id.origin(Part::Branch(index));
            cx.out.send(target, branch.request.clone(), Some(origin));
        }
        cell.branches.push(branch);
    }

    /// A response to a request of our own.
    pub(super) fn on_local_response(
        &self,
        cx: &mut Cx<'_>,
        cell: &mut Cell,
        index: u8,
        msg: &Received<'_>,
        code: u16,
    ) -> ForkEvent {
        let settled = cell.branches.get(usize::from(index)).is_none_or(|b| b.outcome != 0);
        if code < 200 || settled {
            return ForkEvent::Absorbed;
        }
        if let Some(branch) = cell.branches.get_mut(usize::from(index)) {
            branch.outcome = code;
        }
        if matches!(code, 401 | 407) && self.try_again(cx, cell, index, msg.message).is_some() {
            return ForkEvent::Absorbed;
        }
        self.end_local(cx, cell, code, Some(msg.message.clone()))
    }

    /// Sends the request once more, with credentials (RFC 3261 22.2, 22.3).
    fn try_again(
        &self,
        cx: &mut Cx<'_>,
        cell: &mut Cell,
        index: u8,
        challenge: &Message,
    ) -> Option<()> {
        let local = cell.hooks.as_mut()?.local.as_mut()?;
        let account = local.account.as_ref().filter(|_| !local.answered)?;
        let branch = cell.branches.get(usize::from(index))?;
        let (target, sent) = (branch.target, Message::parse(branch.request.clone()).ok()?);
        let cnonce = Tag::from_bits(cx.rng.next_u64());
        let answer = answer_challenge(&sent, challenge, account, cnonce.text())?;
        local.answered = true;
        let next = cell.branches.len() as u8;
        let param = TxnBranch { txn: cell.id, random: cell.random, index: next }.text();
        let mut wrote = None;
        let bytes = cx.build(|out, patch| wrote = again(out, patch, &sent, &answer, &param));
        wrote?;
        self.start_local(cx, cell, target, bytes);
        Some(())
    }

    /// A request of our own has its answer, or will have none.
    pub(super) fn end_local(
        &self,
        cx: &Cx<'_>,
        cell: &mut Cell,
        code: u16,
        response: Option<Message>,
    ) -> ForkEvent {
        self.note_answer(cx, cell, code);
        let local = cell.hooks.as_mut().and_then(|h| h.local.as_mut());
        match local {
            Some(local) if local.done.is_some() => {
                local.outcome = Some(LocalOutcome { code, response });
                ForkEvent::LocalDone { txn: cell.id }
            }
            _ => ForkEvent::Absorbed,
        }
    }

    /// Takes the answer of a request of our own, after [`ForkEvent::LocalDone`], and who is to be
    /// told. The transaction stays until this is called.
    pub fn take_local(&self, cx: &mut Cx<'_>, txn: TxnId) -> Option<(Done, LocalOutcome)> {
        self.with_cell(cx, txn, |_, cell| {
            let local = cell.hooks.as_mut()?.local.as_mut()?;
            let outcome = local.outcome.take()?;
            Some((local.done.take()?, outcome))
        })?
    }
}

/// A cell without a server side.
fn blank(id: TxnId, hash: u64, bits: u64, listen: ListenId) -> Cell {
    let peer = std::net::SocketAddr::from(([0, 0, 0, 0], 0));
    let flow = Flow { proto: crate::net::Proto::Udp, listen, peer, conn: None };
    let none = Span::default();
    let method = Method::Other;
    Cell {
        id,
        key: RequestKey { hash, branch: none, sent_by: none, method, cookie: true },
        request: Bytes::new(),
        flow,
        reply_to: Target { proto: flow.proto, peer, listen: None, conn: None },
        via: ViaFix::default(),
        server: Server::Local,
        last: Bytes::new(),
        answered: 0,
        random: TxnBranch::random(bits),
        tag: 0,
        branches: Vec::new(),
        cancelled: false,
        closed: true,
        life: Instant::FAR,
        armed_at: Instant::FAR,
        timer: None,
        lean: false,
        hooks: None,
    }
}
