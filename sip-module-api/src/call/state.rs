//! The state of one message in a route: the message as it came, what is to be changed when it
//! goes out, where it is to go, and what became of it.

use std::sync::Arc;
use std::task::Waker;

use bytes::{Bytes, BytesMut};
use sip_core::net::{Flow, ListenId, Target};
use sip_core::proxy::DoubleRr;
use sip_core::txn::{Facts, TxnId};
use sip_parser::{Limits, Message, ParseError, Patch};
use smallvec::SmallVec;

use super::action::{Action, ActionResult, WaitToken};
use super::hooks::Hooked;
use super::mask::RouteMask;
use crate::job::{Mailbox, ResumeToken};
use crate::value::Value;

/// A further destination of a request (Kamailio's `append_branch`, or a contact found by lookup).
#[derive(Clone, Debug, Default)]
pub struct Branch {
    /// The Request-URI of the branch.
    pub uri: Bytes,
    /// Where to send, if known already: a flow of a registered contact.
    pub target: Option<Target>,
    /// Where to send instead of the Request-URI, as a URI (`$du`).
    pub dst_uri: Option<Bytes>,
    /// The listener to send from, if it fits where the request goes.
    pub listen: Option<ListenId>,
    /// The Path of a registration, to be put before the other Routes: comma-separated values.
    pub path: Option<Bytes>,
    /// Priority in thousandths, as a Contact's q.
    pub q: u16,
    /// Branch flags.
    pub flags: u32,
}

/// The destination of the message itself: branch 0.
#[derive(Clone, Debug, Default)]
pub struct Rewrite {
    /// The new Request-URI; `None` keeps the one it came with.
    pub uri: Option<Bytes>,
    /// Where to send if it is known already: a flow of a registered contact.
    pub target: Option<Target>,
    /// Where to send instead of the Request-URI, as a URI (`$du`).
    pub dst_uri: Option<Bytes>,
    /// The listener to send from, if it fits where the request goes (`$fs`).
    pub listen: Option<ListenId>,
    /// The Path of a registration.
    pub path: Option<Bytes>,
    /// Priority in thousandths.
    pub q: u16,
    /// Branch flags.
    pub flags: u32,
}

/// A Record-Route to be added when the request goes out (rr module, `record_route`).
#[derive(Clone, Debug, Default)]
pub struct RecordRoutePlan {
    /// The From tag to remember as `ftag`.
    pub ftag: Option<Bytes>,
    /// The user part; empty: none.
    pub user: Bytes,
    /// `lr=on` instead of `lr`.
    pub full_lr: bool,
    /// When there are two values.
    pub double: DoubleRr,
}

/// Who a request was proved to come from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    /// The user name of the credentials.
    pub user: Bytes,
    /// Their realm.
    pub realm: Bytes,
}

/// What became of a request so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Outcome {
    /// Nothing yet.
    #[default]
    Open,
    /// A final reply was sent.
    Replied(u16),
    /// It was relayed by its transaction.
    Relayed,
    /// It was forwarded without a transaction.
    Forwarded,
    /// It was absorbed: an ACK, a retransmission, a CANCEL that was answered.
    Absorbed,
}

/// The state of one message in a route. Pooled by the worker; see [`CallState::reset`].
pub struct CallState {
    /// The message as it came.
    pub msg: Message,
    /// The way it came.
    pub flow: Flow,
    /// What was read from `msg` when it came in; `None` for a message that was made here.
    pub facts: Option<Facts>,
    /// The kind of the running route.
    pub kind: RouteMask,
    /// Edits for the message that goes out.
    pub patch: Patch,
    /// The destination of branch 0.
    pub rewrite: Rewrite,
    /// Further branches.
    pub branches: SmallVec<[Branch; 4]>,
    /// The server transaction, once there is one.
    pub txn: Option<TxnId>,
    /// For a CANCEL: the transaction of its INVITE.
    pub invite: Option<TxnId>,
    /// Message flags.
    pub flags: u32,
    /// Whether the Route headers were followed already.
    pub routed: bool,
    /// What the Record-Route of the outgoing request says, if one is to be added.
    pub record_route: Option<RecordRoutePlan>,
    /// Parameters for the Record-Route, each with its semicolon (`add_rr_param`).
    pub rr_params: BytesMut,
    /// The Max-Forwards to send; `None`: one less than was received.
    pub max_forwards: Option<u32>,
    /// Header lines for replies made here (`append_to_reply`).
    pub reply_headers: BytesMut,
    /// Who sent it, once proved.
    pub identity: Option<Identity>,
    /// Named values of the route (`$avp(name)`).
    pub avps: SmallVec<[(Bytes, Value); 2]>,
    /// What became of it.
    pub outcome: Outcome,
    /// What was armed for its transaction, and what a route other than a request route is about.
    pub hooked: Option<Box<Hooked>>,
    /// The logical locks that the route holds; its end gives them up.
    pub key_locks: Vec<sip_core::lock::KeyLock>,
    /// Names the wait that comes next, set by the worker.
    pub token: ResumeToken,
    pub(super) mailbox: Arc<dyn Mailbox>,
    pub(super) action: Option<(u32, Action)>,
    pub(super) result: Option<(u32, ActionResult)>,
    pub(super) next_action: u32,
    pub(super) waits: SmallVec<[WaitToken; 1]>,
    /// Wakers of action futures that something other than the route itself polls.
    pub(super) wakers: Vec<Waker>,
}

/// Room for the header lines of most replies.
const REPLY_HEADERS: usize = 512;

impl CallState {
    /// A state for `msg`, which came by `flow` and enters a route of `kind`.
    #[must_use]
    pub fn new(mailbox: Arc<dyn Mailbox>, msg: Message, flow: Flow, kind: RouteMask) -> Self {
        Self {
            msg,
            flow,
            facts: None,
            kind,
            patch: Patch::default(),
            rewrite: Rewrite::default(),
            branches: SmallVec::new(),
            txn: None,
            invite: None,
            flags: 0,
            routed: false,
            record_route: None,
            rr_params: BytesMut::new(),
            max_forwards: None,
            reply_headers: BytesMut::with_capacity(REPLY_HEADERS),
            identity: None,
            avps: SmallVec::new(),
            outcome: Outcome::Open,
            hooked: None,
            key_locks: Vec::new(),
            token: ResumeToken(0),
            mailbox,
            action: None,
            result: None,
            next_action: 0,
            waits: SmallVec::new(),
            wakers: Vec::new(),
        }
    }

    /// Makes the state that of another message, keeping its storage. Waits of the old one that are
    /// still open are closed.
    pub fn reset(&mut self, msg: Message, flow: Flow, kind: RouteMask) {
        self.clear(flow, kind);
        self.msg = msg;
    }

    /// The same for a message that is still to be parsed, which spares it a move.
    ///
    /// # Errors
    /// It cannot be parsed: the state is then that of no message, and `bytes` stays the caller's.
    pub fn reset_with(
        &mut self,
        bytes: &mut Bytes,
        flow: Flow,
        kind: RouteMask,
    ) -> Result<(), ParseError> {
        self.clear(flow, kind);
        self.msg.take_from(bytes, &Limits::DEFAULT)
    }

    fn clear(&mut self, flow: Flow, kind: RouteMask) {
        self.close_waits();
        self.flow = flow;
        self.facts = None;
        self.kind = kind;
        self.patch.clear();
        self.rewrite = Rewrite::default();
        self.branches.clear();
        self.txn = None;
        self.invite = None;
        self.flags = 0;
        self.routed = false;
        self.record_route = None;
        self.rr_params.clear();
        self.max_forwards = None;
        self.reply_headers.clear();
        self.identity = None;
        self.avps.clear();
        self.outcome = Outcome::Open;
        self.hooked = None;
        self.action = None;
        self.result = None;
        self.next_action = 0;
        self.wakers.clear();
    }

    /// The Request-URI as rewritten so far.
    #[must_use]
    pub fn request_uri(&self) -> &[u8] {
        self.rewrite.uri.as_deref().unwrap_or_else(|| self.msg.request_uri())
    }

    /// Whether the request belongs to a dialog: its To has a tag (RFC 3261 12.2).
    #[must_use]
    pub fn in_dialog(&self) -> bool {
        match &self.facts {
            Some(facts) => facts.in_dialog(),
            None => self.msg.to().is_ok_and(|to| to.tag().is_some()),
        }
    }

    /// Appends a header line `name: value` to the message that goes out.
    pub fn append_header(&mut self, name: &str, value: &[u8]) {
        self.patch.append_header(&self.msg, name, value);
    }

    /// Removes every header called `name` from the message that goes out; answers how many.
    pub fn remove_headers(&mut self, name: &str) -> usize {
        let Self { msg, patch, .. } = self;
        let mut removed = 0;
        for header in msg.headers_named(name.as_bytes()) {
            patch.remove_header(&header);
            removed += 1;
        }
        removed
    }

    /// Appends a header line to the replies made for this request.
    pub fn append_to_reply(&mut self, name: &str, value: &[u8]) {
        for part in [name.as_bytes(), b": ", value, b"\r\n"] {
            self.reply_headers.extend_from_slice(part);
        }
    }

    /// The value of `$avp(name)`.
    #[must_use]
    pub fn avp(&self, name: &[u8]) -> Option<&Value> {
        self.avps.iter().rev().find(|(n, _)| n.as_ref() == name).map(|(_, v)| v)
    }

    /// Takes the action the route asked for; the worker calls it when the route suspends.
    pub fn take_action(&mut self) -> Option<(u32, Action)> {
        self.action.take()
    }

    /// Leaves the result of action number `id` for the route. Answers the wakers of those of its
    /// futures that are polled only when woken; they are to be called once the state is let go.
    #[must_use = "these futures would sleep for good"]
    pub fn finish_action(&mut self, id: u32, result: ActionResult) -> Vec<Waker> {
        self.result = Some((id, result));
        std::mem::take(&mut self.wakers)
    }

    /// The number of the action that the route waits for; `None` when it waits for none, or has
    /// given up the one it asked for.
    #[must_use]
    pub const fn under_way(&self) -> Option<u32> {
        if self.next_action & 1 == 1 { Some(self.next_action) } else { None }
    }

    /// Whether this call has opened `wait` and not closed it.
    #[must_use]
    pub fn opened(&self, wait: WaitToken) -> bool {
        self.waits.contains(&wait)
    }

    /// Closes the external waits that were opened and never ended, and gives up the logical locks.
    pub fn close_waits(&mut self) {
        if self.key_locks.is_empty() && self.waits.is_empty() {
            return;
        }
        self.key_locks.clear();
        for wait in self.waits.drain(..) {
            self.mailbox.close_wait(wait);
        }
    }
}
