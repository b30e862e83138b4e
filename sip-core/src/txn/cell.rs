//! A cell: one server transaction and the branches it was forked to. Owns their storage and what
//! is said of all of them together: the next deadline, and whether everything is over.

use bytes::Bytes;
use sip_parser::{Method, Span};
use smallvec::SmallVec;

use super::client_invite::{self, ClientInvite};
use super::client_other::{self, ClientOther};
use super::hooks::Hooks;
use super::key::{RequestKey, ViaFix};
use super::server_invite::{self, ServerInvite};
use super::server_other::{self, ServerOther};
use super::{Effects, Timer, Times, TmParams, TxnId};
use crate::mem::SlotPool;
use crate::net::{Flow, Target};
use crate::time::{Duration, Instant};
use crate::timer::TimerId;

/// A transaction of the table. About 600 bytes with one branch, beside the messages' own.
#[derive(Debug)]
pub(crate) struct Cell {
    pub(crate) id: TxnId,
    pub(crate) key: RequestKey,
    /// The request as it was received.
    pub(crate) request: Bytes,
    pub(crate) flow: Flow,
    /// Where responses go (RFC 3261 18.2.2, RFC 3581).
    pub(crate) reply_to: Target,
    /// What the request's top Via lacks.
    pub(crate) via: ViaFix,
    pub(crate) server: Server,
    /// The response to send again; empty before the first.
    pub(crate) last: Bytes,
    /// The final code sent upstream; 0 before.
    pub(crate) answered: u16,
    /// The random part of the branch parameters.
    pub(crate) random: u64,
    /// The To tag of our own answers.
    pub(crate) tag: u64,
    pub(crate) branches: Vec<Branch>,
    /// A CANCEL came for it.
    pub(crate) cancelled: bool,
    /// A 6xx came: no branch may be added (RFC 3261 16.7 step 5).
    pub(crate) closed: bool,
    /// Without a final answer by then it is given up; [`Instant::FAR`] once answered.
    pub(crate) life: Instant,
    /// The earliest timer hint that is armed somewhere; [`Instant::FAR`]: none.
    pub(crate) armed_at: Instant,
    /// That hint, in the wheel of whichever worker armed it.
    pub(crate) timer: Option<TimerId>,
    /// Whether what only an unanswered transaction needs was given back.
    pub(crate) lean: bool,
    /// Routes and times of its own.
    pub(crate) hooks: Option<Box<Hooks>>,
}

/// The server side's machine.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Server {
    Invite(ServerInvite),
    Other(ServerOther),
    /// None: the request is our own.
    Local,
}

/// The client side's machine of one branch.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Client {
    Invite(ClientInvite),
    Other(ClientOther),
}

/// One branch: a client transaction and what became of it.
#[derive(Debug)]
pub(crate) struct Branch {
    pub(crate) client: Client,
    pub(crate) target: Target,
    /// The request as it was sent.
    pub(crate) request: Bytes,
    /// The final code that the fork counts; 0 while one is awaited. It can come before the
    /// machine's end (timer C) and needs no response (timeout).
    pub(crate) outcome: u16,
    /// The highest provisional code so far, from 101 on.
    pub(crate) provisional: u16,
    /// The response behind the outcome, as it was received; empty when there was none.
    pub(crate) reply: Bytes,
    pub(crate) cancel: Option<Box<CancelClient>>,
    /// Its answer counts no more (`t_drop_replies`).
    pub(crate) dropped: bool,
    /// What can be tried instead.
    pub(crate) spare: Option<Box<Spare>>,
}

/// What can be tried instead of a branch's target, while that has not answered.
#[derive(Debug, Default)]
pub(crate) struct Spare {
    /// The same request for UDP, if it goes over TCP only for its length (RFC 3261 18.1.1).
    pub(crate) udp: Option<(Target, Bytes)>,
    /// Other addresses of the same next hop (RFC 3263 4.3).
    pub(crate) elsewhere: std::collections::VecDeque<Target>,
}

/// The CANCEL of a branch: a client transaction of its own with the same branch parameter
/// (RFC 3261 9.1).
#[derive(Debug)]
pub(crate) struct CancelClient {
    pub(crate) client: ClientOther,
    pub(crate) request: Bytes,
}

impl Cell {
    /// Whether the request is our own.
    pub(crate) const fn is_local(&self) -> bool {
        matches!(self.server, Server::Local)
    }

    pub(crate) fn is_invite(&self) -> bool {
        matches!(self.server, Server::Invite(_))
    }

    /// Whether no machine has anything left to do, and no response waits for its route or to be
    /// fetched.
    pub(crate) fn is_over(&self) -> bool {
        self.server.is_over()
            && self.branches.iter().all(Branch::is_over)
            && !self.hooks.as_ref().is_some_and(|h| h.is_busy())
    }

    /// Gives back the messages that nobody will ask for again: what a branch has sent once it
    /// cannot be sent again, what it answered once the best answer went up, and of an answered
    /// request all but what tells its retransmissions. A transaction lingers for seconds after its
    /// answer, so this is most of the memory that traffic pins.
    pub(crate) fn slim(&mut self, pool: &mut SlotPool) {
        for branch in &mut self.branches {
            if branch.has_sent_its_last() {
                branch.request = Bytes::new();
                branch.spare = None;
            }
        }
        if self.answered == 0 || self.lean {
            return;
        }
        self.lean = true;
        for branch in &mut self.branches {
            branch.reply = Bytes::new();
        }
        // Without the magic cookie, or with an unknown method, matching reads more than the key.
        if self.key.cookie && self.key.method != Method::Other {
            let (branch, sent_by) =
                (self.key.branch.of(&self.request), self.key.sent_by.of(&self.request));
            let mut kept: SmallVec<[u8; 128]> = SmallVec::new();
            kept.extend_from_slice(branch);
            kept.extend_from_slice(sent_by);
            let middle = self.key.branch.len();
            let end = middle + self.key.sent_by.len();
            self.key.branch = Span { start: 0, end: middle };
            self.key.sent_by = Span { start: middle, end };
            self.request = pool.take(&kept);
        }
    }

    /// When the cell wants to be woken next; [`Instant::FAR`] when never.
    pub(crate) fn deadline(&self) -> Instant {
        let branches = self.branches.iter().map(Branch::deadline);
        branches.fold(self.server.deadline().min(self.life), Instant::min)
    }

    /// The times for the server side.
    pub(crate) fn server_times(&self, params: &TmParams) -> Times {
        params.times(self.flow.proto.is_reliable())
    }

    /// A branch and the times for its machines.
    #[inline]
    pub(crate) fn branch(&mut self, index: u8, params: &TmParams) -> Option<(&mut Branch, Times)> {
        let branch = self.branches.get_mut(usize::from(index))?;
        let times = own_times(self.hooks.as_deref(), params, branch.target.proto.is_reliable());
        Some((branch, times))
    }

    /// The times for a new branch over a transport that is `reliable` or not.
    #[inline]
    pub(crate) fn times(&self, params: &TmParams, reliable: bool) -> Times {
        own_times(self.hooks.as_deref(), params, reliable)
    }

    /// Whether a failure route decides what is to become of it.
    pub(crate) fn is_failing(&self) -> bool {
        self.hooks.as_ref().is_some_and(|h| h.failing > 0)
    }

    pub(crate) fn lifetime(method: Method, params: &TmParams, now: Instant) -> Instant {
        let ms = if method == Method::Invite {
            params.max_inv_lifetime.value()
        } else {
            params.max_noninv_lifetime.value()
        };
        now + Duration::from_millis(u64::from(ms))
    }
}

#[inline]
fn own_times(hooks: Option<&Hooks>, params: &TmParams, reliable: bool) -> Times {
    let times = params.times(reliable);
    hooks.map_or(times, |h| h.times.over(times))
}

impl Server {
    pub(crate) const fn for_method(method: Method) -> Self {
        match method {
            Method::Invite => Self::Invite(ServerInvite::new()),
            _ => Self::Other(ServerOther::new()),
        }
    }

    pub(crate) fn request(&mut self, now: Instant, times: &Times) -> Effects {
        match self {
            Self::Invite(m) => m.step(now, times, server_invite::Stimulus::Request),
            Self::Other(m) => m.step(now, times, server_other::Stimulus::Request),
            Self::Local => Effects::NONE,
        }
    }

    /// A matching ACK; only an INVITE has one.
    pub(crate) fn ack(&mut self, now: Instant, times: &Times) -> Effects {
        match self {
            Self::Invite(m) => m.step(now, times, server_invite::Stimulus::Ack),
            Self::Other(_) | Self::Local => Effects::STRAY,
        }
    }

    pub(crate) fn respond(&mut self, now: Instant, times: &Times, code: u16) -> Effects {
        match self {
            Self::Invite(m) => m.step(now, times, server_invite::Stimulus::Respond(code)),
            Self::Other(m) => m.step(now, times, server_other::Stimulus::Respond(code)),
            Self::Local => Effects::STRAY,
        }
    }

    pub(crate) fn timer(&mut self, now: Instant, times: &Times, timer: Timer) -> Effects {
        match self {
            Self::Invite(m) => m.step(now, times, server_invite::Stimulus::Timer(timer)),
            Self::Other(m) => m.step(now, times, server_other::Stimulus::Timer(timer)),
            Self::Local => Effects::STRAY,
        }
    }

    pub(crate) fn transport_error(&mut self, now: Instant, times: &Times) -> Effects {
        match self {
            Self::Invite(m) => m.step(now, times, server_invite::Stimulus::TransportError),
            Self::Other(m) => m.step(now, times, server_other::Stimulus::TransportError),
            Self::Local => Effects::NONE,
        }
    }

    /// Begins to wait for an answer; an INVITE is answered 100 at once.
    pub(crate) fn await_answer(&mut self, now: Instant, times: &Times) {
        if let Self::Other(m) = self {
            m.await_answer(now, times);
        }
    }

    pub(crate) fn abandon(&mut self) {
        match self {
            Self::Invite(m) => m.abandon(),
            Self::Other(m) => m.abandon(),
            Self::Local => {}
        }
    }

    pub(crate) fn due(&self, now: Instant) -> Option<Timer> {
        match self {
            Self::Invite(m) => m.due(now),
            Self::Other(m) => m.due(now),
            Self::Local => None,
        }
    }

    pub(crate) fn deadline(&self) -> Instant {
        match self {
            Self::Invite(m) => m.deadline(),
            Self::Other(m) => m.deadline(),
            Self::Local => Instant::FAR,
        }
    }

    /// Whether a final answer is still owed.
    pub(crate) fn is_pending(&self) -> bool {
        match self {
            Self::Invite(m) => m.is_pending(),
            Self::Other(m) => m.is_pending(),
            Self::Local => false,
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        match self {
            Self::Invite(m) => m.state() == server_invite::State::Terminated,
            Self::Other(m) => m.state() == server_other::State::Terminated,
            Self::Local => true,
        }
    }
}

impl Client {
    pub(crate) const fn for_method(method: Method) -> Self {
        match method {
            Method::Invite => Self::Invite(ClientInvite::new()),
            _ => Self::Other(ClientOther::new()),
        }
    }

    pub(crate) fn start(&mut self, now: Instant, times: &Times) -> Effects {
        match self {
            Self::Invite(m) => m.step(now, times, client_invite::Stimulus::Start),
            Self::Other(m) => m.step(now, times, client_other::Stimulus::Start),
        }
    }

    pub(crate) fn response(&mut self, now: Instant, times: &Times, code: u16) -> Effects {
        match self {
            Self::Invite(m) => {
                let stimulus = match code {
                    ..200 => client_invite::Stimulus::Provisional,
                    200..300 => client_invite::Stimulus::Success,
                    _ => client_invite::Stimulus::Failure,
                };
                m.step(now, times, stimulus)
            }
            Self::Other(m) => m.step(now, times, other_response(code)),
        }
    }

    /// The wish to cancel; only an INVITE can be (RFC 3261 9.1).
    pub(crate) fn cancel(&mut self, now: Instant, times: &Times) -> Effects {
        match self {
            Self::Invite(m) => m.step(now, times, client_invite::Stimulus::Cancel),
            Self::Other(_) => Effects::NONE,
        }
    }

    /// The transaction's time is up: what its own last timer would do.
    pub(crate) fn expire(&mut self, now: Instant, times: &Times) -> Effects {
        use client_invite::{State, Stimulus};
        match self {
            Self::Invite(m) if m.state() == State::Calling => {
                m.step(now, times, Stimulus::Timer(Timer::B))
            }
            Self::Invite(m) => m.step(now, times, Stimulus::Timer(Timer::C)),
            Self::Other(m) => m.step(now, times, client_other::Stimulus::Timer(Timer::F)),
        }
    }

    pub(crate) fn timer(&mut self, now: Instant, times: &Times, timer: Timer) -> Effects {
        match self {
            Self::Invite(m) => m.step(now, times, client_invite::Stimulus::Timer(timer)),
            Self::Other(m) => m.step(now, times, client_other::Stimulus::Timer(timer)),
        }
    }

    pub(crate) fn transport_error(&mut self, now: Instant, times: &Times) -> Effects {
        match self {
            Self::Invite(m) => m.step(now, times, client_invite::Stimulus::TransportError),
            Self::Other(m) => m.step(now, times, client_other::Stimulus::TransportError),
        }
    }

    /// Begins the running wait for an answer again, with other times.
    pub(crate) fn retime(&mut self, now: Instant, times: &Times) {
        match self {
            Self::Invite(m) => m.retime(now, times),
            Self::Other(m) => m.retime(now, times),
        }
    }

    pub(crate) fn due(&self, now: Instant) -> Option<Timer> {
        match self {
            Self::Invite(m) => m.due(now),
            Self::Other(m) => m.due(now),
        }
    }

    pub(crate) fn deadline(&self) -> Instant {
        match self {
            Self::Invite(m) => m.deadline(),
            Self::Other(m) => m.deadline(),
        }
    }

    /// Whether nothing has come back yet.
    pub(crate) fn is_unanswered(&self) -> bool {
        match self {
            Self::Invite(m) => m.state() == client_invite::State::Calling,
            Self::Other(m) => m.state() == client_other::State::Trying,
        }
    }

    pub(crate) fn is_pending(&self) -> bool {
        match self {
            Self::Invite(m) => m.is_pending(),
            Self::Other(m) => m.is_pending(),
        }
    }

    fn is_over(&self) -> bool {
        match self {
            Self::Invite(m) => m.state() == client_invite::State::Terminated,
            Self::Other(m) => m.state() == client_other::State::Terminated,
        }
    }
}

impl Branch {
    /// A branch whose request is about to be sent.
    pub(crate) const fn new(client: Client, target: Target, request: Bytes) -> Self {
        Self {
            client,
            target,
            request,
            outcome: 0,
            provisional: 0,
            reply: Bytes::new(),
            cancel: None,
            dropped: false,
            spare: None,
        }
    }

    /// The outcome of a copy for somebody else from the beginning: it is neither awaited nor counted.
    pub(crate) const REPLICA: u16 = 1;

    /// Whether it is such a copy.
    pub(crate) const fn is_replica(&self) -> bool {
        self.outcome == Self::REPLICA
    }

    /// Whether the request is not sent again, cancelled, nor acknowledged any more.
    fn has_sent_its_last(&self) -> bool {
        use client_invite::State;
        match &self.client {
            Client::Invite(m) => matches!(m.state(), State::Accepted | State::Terminated),
            Client::Other(m) => !m.is_pending(),
        }
    }

    fn is_over(&self) -> bool {
        self.client.is_over() && self.cancel.as_ref().is_none_or(|c| c.is_over())
    }

    fn deadline(&self) -> Instant {
        let cancel = self.cancel.as_ref().map_or(Instant::FAR, |c| c.client.deadline());
        self.client.deadline().min(cancel)
    }
}

impl CancelClient {
    fn is_over(&self) -> bool {
        self.client.state() == client_other::State::Terminated
    }
}

/// A response's code as a stimulus for [`ClientOther`].
pub(crate) const fn other_response(code: u16) -> client_other::Stimulus {
    if code < 200 { client_other::Stimulus::Provisional } else { client_other::Stimulus::Final }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The promise is 2 kB a transaction beside its messages; slot, index and timer come on top.
    #[test]
    fn a_transaction_is_small() {
        let (cell, branch) = (size_of::<Cell>(), size_of::<Branch>());
        assert!(cell + branch < 800, "{cell} + {branch}");
    }
}
