//! One worker, without IO: inputs in, outputs out, told what time it is.
//!
//! ```text
//! handle_input ─ message ─ request ─ Proxy::handle_request ─ absorbed, or the route runs
//!             │          └ response ─ Proxy::handle_response
//!             ├ http ─ control            (the route leaves an action; the worker performs it and
//!             └ service ─ control          resumes the route, in the same turn if it can)
//! handle_mail ─ resumes, wakes, other workers' outputs
//! handle_timeout ─ transactions, deadlines, modules' timers
//! poll_output ─ what is to be done outside, poll_timeout ─ when to call again
//! ```
//!
//! Knows no socket, no mio and no clock.

mod calls;
mod hooks;
mod names;
mod request;
mod resume;
pub(crate) mod routes;
mod run;
mod timers;

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use sip_core::mem::SlotPool;
use sip_core::net::Flow;
use sip_core::output::{Input, Output, Outputs, ServiceId};
use sip_core::proxy::Cx;
use sip_core::rng::{Rng, SeededRng};
use sip_core::stats::Shard;
use sip_core::time::{Instant, Now};
use sip_core::timer::Wheel;
use sip_core::txn::{Letter, TimerEvent, TxnId};
use sip_core::uas::Reply;
use sip_module_api::Call;
use sip_module_api::call::RouteMask;
use sip_module_api::job::ResumeToken;
use sip_module_api::log;
use sip_module_api::router::{RouteId, Router};
use sip_parser::{Limits, Message, ParseErrorKind as Kind, Patch};

use crate::control::{self, Cut, Lines};
use crate::shared::Shared;
use calls::Calls;
use names::Names;

/// What the worker's own wheel waits for.
#[derive(Clone, Copy, Debug)]
enum WorkerTimer {
    /// A parked call's deadline.
    Deadline(ResumeToken),
    /// A module's timer, by its number.
    Module(u16),
    /// A timer of the host, by its number.
    Host(u64),
}

/// One worker. See the module's head for the order of calls; all of them come from one thread at a
/// time.
pub(crate) struct Worker {
    shared: Arc<Shared>,
    index: u16,
    rng: SeededRng,
    out: Outputs,
    tx_timers: Wheel<TimerEvent>,
    timers: Wheel<WorkerTimer>,
    stats: Arc<Shard>,
    scratch: BytesMut,
    /// What the proxy sends and may have to send again.
    pool: SlotPool,
    patch: Patch,
    router: Box<dyn Router>,
    request_route: Option<RouteId>,
    calls: Calls,
    /// Responses that waited for an earlier one's route, by transaction.
    letters: VecDeque<(TxnId, Letter)>,
    names: Names,
    /// The response that is being handled.
    response: Message,
    lines: Lines,
    /// Modules' timers that want to be called again in the next turn.
    again: Vec<u16>,
}

/// For a request that can be read but not be cut out of its stream.
const BAD_REQUEST: (u16, &str) = (400, "Bad Request");
/// For one that is longer than a message may be (RFC 3261 21.5.7).
const TOO_LARGE: (u16, &str) = (513, "Message Too Large");

/// The turn's context for the layers below, borrowed field by field from a worker.
macro_rules! turn {
    ($worker:expr, $now:expr) => {
        Cx {
            now: $now,
            rng: &mut $worker.rng,
            out: &mut $worker.out,
            timers: &mut $worker.tx_timers,
            stats: &$worker.stats,
            scratch: &mut $worker.scratch,
            pool: &mut $worker.pool,
            patch: &mut $worker.patch,
        }
    };
}
use turn;

impl Worker {
    /// Worker number `index` of an engine, its random numbers from `rng`, its counters in `stats`.
    pub(crate) fn new(
        shared: Arc<Shared>,
        index: u16,
        mut rng: SeededRng,
        stats: Arc<Shard>,
    ) -> Self {
        let router = shared.routes.router(index);
        let request_route = router.resolve(RouteMask::REQUEST, "");
        rng.next_u64();
        let mut worker = Self {
            index,
            rng,
            out: Outputs::new(),
            tx_timers: Wheel::new(),
            timers: Wheel::new(),
            stats,
            scratch: BytesMut::with_capacity(4096),
            pool: SlotPool::default(),
            patch: Patch::default(),
            router,
            request_route,
            calls: Calls::new(index),
            letters: VecDeque::new(),
            names: Names::new(),
            response: Message::empty(),
            lines: Lines::default(),
            again: Vec::new(),
            shared,
        };
        worker.start_module_timers();
        worker
    }

    /// Takes one input.
    pub(crate) fn handle_input(&mut self, now: Now, input: Input) {
        match input {
            Input::Message { flow, bytes } => self.handle_message(now, flow, bytes),
            Input::Http { flow, bytes } => {
                let answer = control::answer_http(&self.shared, &flow, bytes);
                if let Some(conn) = flow.conn {
                    let (bytes, close) = (answer.bytes, answer.close);
                    self.out.push(Output::HttpReply { conn, bytes, close });
                }
            }
            Input::Service { service, peer, bytes } => self.handle_service(service, peer, &bytes),
            Input::Malformed { flow, reason, head } => {
                self.handle_malformed(now, flow, reason, head)
            }
            Input::SendFailed { origin, to, error } => {
                log!(
                    self.shared.parts.log,
                    Info,
                    "core",
                    "could not send to {}:{}: {error:?}",
                    to.proto,
                    to.peer
                );
                let mut cx = turn!(self, now);
                let event = self.shared.proxy.handle_send_failed(&mut cx, origin, error);
                self.after(now, event);
            }
            Input::ConnOpened { .. } => {}
            Input::ConnClosed { flow, reason } => {
                log!(
                    self.shared.parts.log,
                    Debug,
                    "core",
                    "connection of {}:{} closed: {reason:?}",
                    flow.proto,
                    flow.peer
                );
            }
        }
    }

    /// A message is large: it is read where it stays, into the call that its route would run in,
    /// or into the worker's own.
    fn handle_message(&mut self, now: Now, flow: Flow, mut bytes: Bytes) {
        let parsed = if bytes.starts_with(b"SIP/2.0 ") {
            self.response.take_from(&mut bytes, &Limits::DEFAULT)
        } else {
            let call = self.calls.spare().unwrap_or_else(|| {
                let mailbox = self.shared.mailbox.clone();
                Call::new(mailbox, Message::empty(), flow, RouteMask::REQUEST)
            });
            let mut state = call.lock();
            let parsed = state.reset_with(&mut bytes, flow, RouteMask::REQUEST);
            if parsed.is_ok() && state.msg.is_request() {
                let admitted = self.admit(now, &call, &mut state);
                drop(state);
                return self.enter(now, call, admitted);
            }
            // A response behind empty lines.
            std::mem::swap(&mut state.msg, &mut self.response);
            drop(state);
            self.calls.keep(call);
            parsed
        };
        match parsed {
            Ok(()) => {
                let mut cx = turn!(self, now);
                let handled = self.shared.proxy.handle_response(&mut cx, &flow, &self.response);
                self.after_response(now, flow, handled);
            }
            Err(error) => {
                self.stats.inc(self.shared.counters.bad_messages);
                log!(
                    self.shared.parts.log,
                    Info,
                    "core",
                    "message from {}:{} refused: {error}",
                    flow.proto,
                    flow.peer
                );
                self.refuse_malformed(now, &flow, bytes, error.status());
            }
        }
    }

    /// Every service socket is a control socket so far.
    fn handle_service(&mut self, service: ServiceId, peer: u64, bytes: &[u8]) {
        let (lines, close) = match self.lines.take(service, peer, bytes) {
            Cut::Lines(lines) => (lines, false),
            Cut::TooLong => (Vec::new(), true),
        };
        for line in lines {
            if let Some(bytes) = control::answer_line(&self.shared, &line) {
                self.out.push(Output::Service { service, peer, bytes, close: false });
            }
        }
        if close {
            self.out.push(Output::Service { service, peer, bytes: Bytes::new(), close });
        }
    }

    fn handle_malformed(&mut self, now: Now, flow: Flow, reason: &'static str, head: Bytes) {
        self.stats.inc(self.shared.counters.bad_messages);
        let size = head.len();
        log!(
            self.shared.parts.log,
            Info,
            "core",
            "stream of {}:{} closed: {reason} ({size} bytes read)",
            flow.proto,
            flow.peer
        );
        let status = match Message::parse(head.clone()) {
            Ok(_) => BAD_REQUEST,
            // Only the beginning is shown: what ends too early there was refused for its length.
            Err(e) if matches!(e.kind, Kind::ShortBody | Kind::Unterminated) => TOO_LARGE,
            Err(e) => e.status(),
        };
        self.refuse_malformed(now, &flow, head, status);
    }

    /// Answers what is left of a request that cannot be read (RFC 3261 18.3, 21.4.1), as far as
    /// that has what an answer copies. Responses and noise are dropped.
    fn refuse_malformed(&mut self, now: Now, flow: &Flow, bytes: Bytes, status: (u16, &str)) {
        let Some(msg) = Message::salvage(bytes, &Limits::DEFAULT) else { return };
        let whole = msg.from().is_ok() && msg.to().is_ok() && msg.call_id().is_ok();
        if !whole || msg.cseq().is_err() {
            return;
        }
        self.tell_refused(flow, &msg, status.0, status.1);
        let mut cx = turn!(self, now);
        let reply = Reply::with_reason(status.0, status.1.as_bytes());
        // An ACK, or a request without a Via to answer by, has none.
        let _unanswerable = self.shared.proxy.reply_stateless(&mut cx, flow, &msg, &reply);
    }

    /// Takes the next effect to be carried out.
    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        self.out.pop()
    }

    /// When [`Self::handle_timeout`] must be called, if nothing else happens before.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        if !self.again.is_empty() || self.shared.mail.has_letters(self.index) {
            return Some(Instant::ZERO);
        }
        [self.tx_timers.next(), self.timers.next()].into_iter().flatten().min()
    }

    /// How many calls are in a route, running or parked.
    pub(crate) const fn live_calls(&self) -> usize {
        self.calls.live()
    }
}
