//! The routes of a transaction beside the first: reply routes, failure routes and branch routes,
//! started when the proxy says that one is wanted and told to it when they have ended. They run on
//! calls of their own, wait as request routes do, and share what their transaction kept.

use sip_core::net::Flow;
use sip_core::proxy::{FailureStart, ForkEvent, Handled, ReplyStart};
use sip_core::txn::{FailureKind, Kept, Letter, TxnId};
use sip_module_api::Call;
use sip_module_api::call::{
    About, Branch, BranchRun, BranchRuns, BranchesRun, KeptState, RouteMask,
};
use sip_module_api::flow::Resumed;
use sip_module_api::job::ResumeToken;
use sip_module_api::log;
use sip_module_api::log::Level;
use sip_module_api::router::{RouteId, Verdict};
use sip_parser::Message;

use super::calls::Runs;
use super::{Cx, Now, Worker, turn};

/// What a call's route is for, and so what follows when it has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Purpose {
    /// A request that came in.
    Request,
    /// Branches that failed.
    Failure(TxnId),
    /// A response that waits.
    Reply { txn: TxnId, branch: u8 },
    /// A branch that is to be made; the function that makes it waits with this token.
    Branch(ResumeToken),
}

impl Worker {
    /// Goes on with what a response meant to its transaction.
    pub(super) fn after_response(&mut self, now: Now, flow: Flow, handled: Handled) {
        match handled {
            Handled::Matched { event: ForkEvent::Replying { txn, branch }, .. } => {
                let message = std::mem::take(&mut self.response);
                let code = message.status().unwrap_or_default();
                self.start_reply(now, txn, Letter { branch, code, message, flow });
                self.read_letters(now);
            }
            Handled::Matched { event, .. } => self.after(now, event),
            Handled::Stateless | Handled::Dropped(_) => {}
        }
    }

    /// Starts the failure routes that an event calls for.
    #[inline]
    pub(super) fn after(&mut self, now: Now, event: ForkEvent) {
        match event {
            ForkEvent::Failing { txn } => self.start_failures(now, txn),
            ForkEvent::LocalDone { txn } => self.end_local(now, txn),
            _ => {}
        }
    }

    /// Tells who sent a request of our own what came of it.
    #[cold]
    fn end_local(&mut self, now: Now, txn: TxnId) {
        let mut cx = turn!(self, now);
        if let Some((done, outcome)) = self.shared.proxy.take_local(&mut cx, txn) {
            done(outcome);
        }
    }

    #[cold]
    fn start_failures(&mut self, now: Now, txn: TxnId) {
        while let Some(start) = self.shared.proxy.next_failure(txn) {
            if !self.start_failure(now, txn, &start) {
                self.end_failure(now, txn);
            }
        }
    }

    /// `false` when the route cannot be run.
    fn start_failure(&mut self, now: Now, txn: TxnId, start: &FailureStart) -> bool {
        let kind = match start.kind {
            FailureKind::All => RouteMask::FAILURE,
            FailureKind::Branch => RouteMask::BRANCH_FAILURE,
        };
        let Some(route) = self.route(kind, &start.route) else { return false };
        let Ok(msg) = Message::parse(start.request.clone()) else { return false };
        let call = self.take_call(msg, start.flow);
        {
            let mut state = call.lock();
            state.kind = kind;
            state.txn = Some(txn);
            if let Some(kept) = kept(start.kept.as_ref()) {
                state.restore(kept);
            }
            let hooked = state.hooked();
            hooked.about = Some(About { branch: start.branch, code: start.code });
            hooked.made = start.made;
        }
        self.start_hook(now, route, call, Purpose::Failure(txn), start.kept.clone())
    }

    fn route(&self, kind: RouteMask, name: &str) -> Option<RouteId> {
        let route = self.router.resolve(kind, name);
        if route.is_none() {
            let kind = kind.name();
            log!(self.shared.parts.log, Error, "tm", "there is no {kind} route `{name}`");
        }
        route
    }

    fn start_hook(
        &mut self,
        now: Now,
        route: RouteId,
        call: Call,
        purpose: Purpose,
        kept: Option<Kept>,
    ) -> bool {
        let Some((slot, token)) = self.calls.insert(call.clone()) else { return false };
        if let Some(entry) = self.calls.get(slot) {
            entry.purpose = purpose;
            entry.kept = kept;
        }
        call.lock().token = token;
        let step = self.router.start(route, &call);
        self.drive(now, slot, &call, step);
        true
    }

    /// Runs the route of a response. Those that waited for it follow once this turn's step is done.
    fn start_reply(&mut self, now: Now, txn: TxnId, letter: Letter) {
        let start = self.shared.proxy.reply_route(txn, letter.branch);
        let route = start.as_ref().and_then(|s| self.route(RouteMask::TM_ONREPLY, &s.route));
        let Some((route, ReplyStart { kept: left, .. })) = route.zip(start) else {
            self.end_reply(now, txn, &letter, true);
            return;
        };
        let call = self.take_call(letter.message.clone(), letter.flow);
        {
            let mut state = call.lock();
            state.kind = RouteMask::TM_ONREPLY;
            state.txn = Some(txn);
            if let Some(kept) = kept(left.as_ref()) {
                state.restore_values(kept);
            }
            state.hooked().about = Some(About { branch: letter.branch, code: letter.code });
        }
        let purpose = Purpose::Reply { txn, branch: letter.branch };
        if !self.start_hook(now, route, call, purpose, left) {
            self.end_reply(now, txn, &letter, true);
        }
    }

    fn end_reply(&mut self, now: Now, txn: TxnId, letter: &Letter, keep: bool) {
        let Letter { branch, message, .. } = letter;
        let mut cx = turn!(self, now);
        let end = self.shared.proxy.end_reply(&mut cx, txn, *branch, message, keep);
        if let Some(next) = end.next {
            self.letters.push_back((txn, next));
        }
        self.after(now, end.event);
    }

    fn end_failure(&mut self, now: Now, txn: TxnId) {
        let mut cx = turn!(self, now);
        let event = self.shared.proxy.end_failure(&mut cx, txn);
        self.after(now, event);
    }

    /// Runs the routes of responses that waited for an earlier one's.
    pub(super) fn read_letters(&mut self, now: Now) {
        while let Some((txn, letter)) = self.letters.pop_front() {
            self.start_reply(now, txn, letter);
        }
    }

    /// A route has ended.
    pub(super) fn end_route(&mut self, now: Now, slot: u32, call: Call, verdict: Verdict) {
        let entry = self.calls.get(slot);
        let purpose = entry.map_or(Purpose::Request, |e| e.purpose);
        if purpose == Purpose::Request {
            self.end_request(now, slot, call, verdict);
        } else {
            self.end_hook(now, slot, call, purpose, verdict);
        }
    }

    #[cold]
    fn end_hook(&mut self, now: Now, slot: u32, call: Call, purpose: Purpose, verdict: Verdict) {
        let discarded = verdict == Verdict::Drop;
        if let Verdict::Failed { code, text, .. } = verdict {
            self.stats.inc(self.shared.counters.route_errors);
            let level = if code == 500 { Level::Error } else { Level::Info };
            if self.shared.parts.log.enabled(level) {
                let kind = call.lock().kind.name();
                let call = super::request::describe(&call);
                let text = format_args!("the {kind} route of {call} failed: {text}");
                self.shared.parts.log.write(level, "core", text);
            }
        }
        let left = self.calls.get(slot).and_then(|e| e.kept.take());
        {
            let mut state = call.lock();
            state.close_waits();
            if let Some(kept) = kept(left.as_ref()) {
                state.give_back(kept, matches!(purpose, Purpose::Failure(_)));
            }
        }
        match purpose {
            Purpose::Request => {}
            Purpose::Failure(txn) => {
                drop(call);
                self.calls.remove(slot);
                self.end_failure(now, txn);
            }
            Purpose::Reply { txn, branch } => {
                let (letter, keep) = self.edited(&call, branch);
                drop(call);
                self.calls.remove(slot);
                self.end_reply(now, txn, &letter, keep && !discarded);
            }
            Purpose::Branch(parent) => {
                self.note_branch(parent, &call, discarded);
                drop(call);
                self.calls.remove(slot);
                self.run_branches(now, parent);
            }
        }
    }

    /// The response as its route has left it.
    fn edited(&mut self, call: &Call, branch: u8) -> (Letter, bool) {
        let state = call.lock();
        let keep = !state.hooked.as_ref().is_some_and(|h| h.discarded);
        let mut message = state.msg.clone();
        if !state.patch.is_empty() {
            self.scratch.clear();
            state.patch.write(&state.msg, &mut self.scratch);
            match Message::parse(self.pool.take(&self.scratch)) {
                Ok(edited) => message = edited,
                Err(error) => log!(
                    self.shared.parts.log,
                    Error,
                    "core",
                    "the edits of a reply route are left out: {error}"
                ),
            }
        }
        let (flow, code) = (state.flow, message.status().unwrap_or_default());
        (Letter { branch, code, message, flow }, keep)
    }

    /// Runs the branch routes that the function waits for which `parent` names, one after the
    /// other, and then the function.
    pub(super) fn run_branches(&mut self, now: Now, parent: ResumeToken) {
        let Some(slot) = self.calls.find(parent) else { return };
        let Some(runs) = self.calls.get(slot).and_then(|e| e.runs.as_mut()) else { return };
        if runs.running {
            // The loop below goes on.
            runs.ended = true;
            return;
        }
        loop {
            let Some(entry) = self.calls.get(slot) else { return };
            let (from, Some(runs)) = (entry.call.clone(), entry.runs.as_mut()) else { return };
            let Some((number, branch)) = runs.todo.pop_front() else { break };
            runs.current = Some(branch.clone());
            (runs.running, runs.ended) = (true, false);
            let route = runs.route.clone();
            let started = match self.route(RouteMask::BRANCH, &route) {
                Some(route) => self.start_branch(now, route, &from, parent, number, &branch),
                None => false,
            };
            if !started {
                self.note_branch(parent, &from, false);
            }
            let Some(runs) = self.calls.get(slot).and_then(|e| e.runs.as_mut()) else { return };
            runs.running = false;
            if started && !runs.ended {
                // Its route waits.
                return;
            }
        }
        let runs = self.calls.get(slot).and_then(|e| e.runs.take());
        let done = runs.map(|r| r.done).unwrap_or_default();
        self.resume(now, parent, Resumed::Done(Box::new(BranchesRun(done))));
    }

    fn start_branch(
        &mut self,
        now: Now,
        route: RouteId,
        from: &Call,
        parent: ResumeToken,
        number: u8,
        branch: &Branch,
    ) -> bool {
        let request = from.lock();
        let call = self.take_call(request.msg.clone(), request.flow);
        {
            let mut state = call.lock();
            state.kind = RouteMask::BRANCH;
            state.txn = request.txn;
            state.patch.clone_from(&request.patch);
            state.flags = request.flags;
            state.avps.clone_from(&request.avps);
            state.identity.clone_from(&request.identity);
            state.rewrite = to_rewrite(branch);
            state.hooked().about = Some(About { branch: number, code: 0 });
        }
        drop(request);
        self.start_hook(now, route, call, Purpose::Branch(parent), None)
    }

    /// Notes what the route of a branch has made of it.
    fn note_branch(&mut self, parent: ResumeToken, call: &Call, discarded: bool) {
        let Some(slot) = self.calls.find(parent) else { return };
        let Some(entry) = self.calls.get(slot) else { return };
        let Some(runs) = entry.runs.as_mut() else { return };
        let Some(branch) = runs.current.take() else { return };
        let mut state = call.lock();
        if state.kind != RouteMask::BRANCH {
            // The route could not be run.
            runs.done.push(BranchRun { branch, patch: state.patch.clone(), on_reply: None });
            return;
        }
        let hooked = state.hooked.take().unwrap_or_default();
        if !discarded && !hooked.discarded {
            let (patch, on_reply) = (std::mem::take(&mut state.patch), hooked.on_reply);
            runs.done.push(BranchRun { branch: to_branch(&state, branch), patch, on_reply });
        }
        let (avps, flags) = (state.avps.clone(), state.flags);
        drop(state);
        let mut request = entry.call.lock();
        (request.avps, request.flags) = (avps, flags);
    }

    /// Takes the branch routes over that a function has asked for; it waits with `token`.
    pub(super) fn take_runs(&mut self, slot: u32, asked: BranchRuns) {
        let number = |n: usize| u8::try_from(asked.first.saturating_add(n)).unwrap_or(u8::MAX);
        let todo = asked.branches.into_iter().enumerate().map(|(n, b)| (number(n), b)).collect();
        if let Some(entry) = self.calls.get(slot) {
            let route = asked.route;
            entry.runs = Some(Box::new(Runs {
                route,
                todo,
                current: None,
                done: Vec::new(),
                running: false,
                ended: false,
            }));
        }
    }
}

fn kept(kept: Option<&Kept>) -> Option<&KeptState> {
    kept.and_then(|k| k.downcast_ref::<KeptState>())
}

fn to_rewrite(branch: &Branch) -> sip_module_api::call::Rewrite {
    let b = branch.clone();
    sip_module_api::call::Rewrite {
        uri: (!b.uri.is_empty()).then_some(b.uri),
        target: b.target,
        dst_uri: b.dst_uri,
        listen: b.listen,
        path: b.path,
        q: b.q,
        flags: b.flags,
    }
}

/// The branch as its route has left it: a destination that was set counts, not the one it had.
fn to_branch(state: &sip_module_api::call::CallState, before: Branch) -> Branch {
    let r = &state.rewrite;
    let uri = r.uri.clone().unwrap_or_default();
    let moved = uri != before.uri || r.dst_uri != before.dst_uri;
    let target = if moved && r.target == before.target { None } else { r.target };
    Branch {
        uri,
        target,
        dst_uri: r.dst_uri.clone(),
        listen: r.listen,
        path: r.path.clone(),
        q: r.q,
        flags: r.flags,
    }
}
