//! Driving a route: performing the actions it asks for until it ends or must wait.

use std::task::Waker;

use sip_core::proxy::CreateError;
use sip_core::time::Duration;
use sip_module_api::Call;
use sip_module_api::call::{Action, ActionResult, CallState, FunctionRef, WaitToken};
use sip_module_api::flow::{ActionCx, ActionError, Flow, Suspend};
use sip_module_api::job::ResumeToken;
use sip_module_api::log;
use sip_module_api::router::{Step, Verdict};
use sip_module_api::value::{Args, Value};
use sip_parser::Method;

use super::calls::{Parked, ParkedFor};
use super::{Cx, Now, Worker, WorkerTimer, turn};

/// What performing an action came to.
pub(super) enum Performed {
    /// The route goes on with the result.
    Done(ActionResult),
    /// It waits.
    Parked,
    /// The route ends here.
    Exit,
}

impl Worker {
    /// Goes on from `step` until the route has ended or waits.
    pub(super) fn drive(&mut self, now: Now, slot: u32, call: &Call, mut step: Step) {
        loop {
            let run = match step {
                Step::Done(verdict) => {
                    self.end_route(now, slot, call.clone(), verdict);
                    return;
                }
                Step::Suspended(run) => run,
            };
            if let Some(entry) = self.calls.get(slot) {
                entry.run = Some(run);
            }
            let mut state = call.lock();
            let Some((id, action)) = state.take_action() else {
                drop(state);
                self.park_for_waker(now, slot, call);
                return;
            };
            let performed = match action {
                Action::Function { function, args } => {
                    match self.call_function(now, &mut state, function, &args) {
                        Ok(Flow::Return(value)) => {
                            let others = state.finish_action(id, Ok(Value::Int(value)));
                            drop(state);
                            others.into_iter().for_each(Waker::wake);
                            step = self.router.resume(run, call);
                            continue;
                        }
                        Ok(flow) => {
                            drop(state);
                            self.take_flow(now, slot, call, id, flow)
                        }
                        Err(unknown) => {
                            drop(state);
                            Performed::Done(Err(unknown))
                        }
                    }
                }
                other => {
                    drop(state);
                    self.perform(now, slot, call, id, other)
                }
            };
            match performed {
                Performed::Done(result) => {
                    call.finish_action(id, result);
                    step = self.router.resume(run, call);
                }
                Performed::Parked => return,
                Performed::Exit => {
                    self.router.cancel(run);
                    step = Step::Done(Verdict::Ok);
                }
            }
        }
    }

    /// What is no function, or one whose name is only known now.
    fn perform(&mut self, now: Now, slot: u32, call: &Call, id: u32, action: Action) -> Performed {
        let (function, args) = match action {
            Action::Function { function, args } => (function, args),
            Action::Named { name, args } => match self.shared.parts.registry.function_id(&name) {
                Some(f) => (FunctionRef::Id(f), args),
                None => return Performed::Done(Err(ActionError::UnknownFunction(name))),
            },
            Action::Wait { token, deadline } => {
                return self.wait(now, slot, call, id, token, deadline);
            }
            Action::Sleep(time) => {
                return self.park(now, slot, call, Some(id), ParkedFor::Sleep, Some(time));
            }
        };
        let flow = self.call_function(now, &mut call.lock(), function, &args);
        match flow {
            Ok(flow) => self.take_flow(now, slot, call, id, flow),
            Err(unknown) => Performed::Done(Err(unknown)),
        }
    }

    /// Runs a function on a call that is held for it.
    fn call_function(
        &mut self,
        now: Now,
        state: &mut CallState,
        function: FunctionRef,
        args: &Args,
    ) -> Result<Flow, ActionError> {
        let shared = &self.shared;
        let registry = &shared.parts.registry;
        let id = match function {
            FunctionRef::Id(id) => Some(id),
            FunctionRef::Name(name) => self.names.resolve(registry, name),
        };
        let Some(function) = id.and_then(|id| registry.function(id)) else {
            return Err(ActionError::UnknownFunction(match function {
                FunctionRef::Id(id) => format!("#{}", id.0),
                FunctionRef::Name(name) => name.to_owned(),
            }));
        };
        let token = state.token;
        let mut core = turn!(self, now);
        let mut cx = ActionCx {
            core: &mut core,
            proxy: &shared.proxy,
            engine: &shared.parts,
            token,
            mailbox: &shared.mailbox,
        };
        Ok(function.run(&mut cx, state, args))
    }

    /// What a function answered, as the route sees it.
    pub(super) fn take_flow(
        &mut self,
        now: Now,
        slot: u32,
        call: &Call,
        id: u32,
        flow: Flow,
    ) -> Performed {
        match flow {
            Flow::Return(value) => Performed::Done(Ok(Value::Int(value))),
            Flow::Error(error) => {
                log!(self.shared.parts.log, Debug, "core", "action failed: {error}");
                // It may have given a completion away for a wait that now never comes.
                self.renew_token(slot, call);
                Performed::Done(Err(error))
            }
            Flow::Exit => Performed::Exit,
            Flow::Suspend(Suspend { deadline, then }) => {
                let runs = call.lock().hooked.as_mut().and_then(|h| h.runs.take());
                let kind = ParkedFor::Function(then);
                let performed = self.park(now, slot, call, Some(id), kind, deadline);
                if let Some(runs) = runs
                    && matches!(performed, Performed::Parked)
                {
                    let parent = call.lock().token;
                    self.take_runs(slot, runs);
                    self.run_branches(now, parent);
                }
                performed
            }
        }
    }

    fn wait(
        &mut self,
        now: Now,
        slot: u32,
        call: &Call,
        id: u32,
        token: WaitToken,
        deadline: Duration,
    ) -> Performed {
        if let Some(entry) = self.calls.get(slot)
            && let Some(at) = entry.early.iter().position(|(t, _)| *t == token)
        {
            let (_, value) = entry.early.swap_remove(at);
            return Performed::Done(Ok(value));
        }
        self.park(now, slot, call, Some(id), ParkedFor::External(token), Some(deadline))
    }

    /// Parks a call until its wait ends. Its transaction is made now if it has none, so that
    /// retransmissions are absorbed meanwhile (RFC 3261 17.2).
    fn park(
        &mut self,
        now: Now,
        slot: u32,
        call: &Call,
        action: Option<u32>,
        kind: ParkedFor,
        deadline: Option<Duration>,
    ) -> Performed {
        let limit = self.shared.params.max_parked.load(std::sync::atomic::Ordering::Relaxed);
        if i64::try_from(self.calls.live()).unwrap_or(i64::MAX) > limit {
            self.stats.inc(self.shared.counters.refused_parking);
            if let ParkedFor::External(token) = kind {
                self.shared.mail.expire_wait(token);
            }
            self.answer(now, call, 503, "Service Unavailable");
            return Performed::Exit;
        }
        if let Err(exit) = self.ensure_transaction(now, call) {
            return exit;
        }
        self.stats.inc(self.shared.counters.parked);
        let token = call.lock().token;
        let deadline = deadline.or_else(|| Some(self.shared.params.deadline()));
        let timer =
            deadline.map(|wait| self.timers.arm(now.mono + wait, WorkerTimer::Deadline(token)));
        if let Some(entry) = self.calls.get(slot) {
            entry.parked = Some(Parked { action, kind, timer });
        }
        call.arm_waker(token.0);
        Performed::Parked
    }

    fn park_for_waker(&mut self, now: Now, slot: u32, call: &Call) {
        if matches!(self.park(now, slot, call, None, ParkedFor::Waker, None), Performed::Exit) {
            let run = self.calls.get(slot).and_then(|e| e.run);
            if let Some(run) = run {
                self.router.cancel(run);
            }
            self.end_route(now, slot, call.clone(), Verdict::Ok);
        }
    }

    fn ensure_transaction(&mut self, now: Now, call: &Call) -> Result<(), Performed> {
        let mut state = call.lock();
        if state.txn.is_some() || !state.msg.is_request() || state.msg.method() == Some(Method::Ack)
        {
            return Ok(());
        }
        let mut cx = turn!(self, now);
        match self.shared.proxy.create(&mut cx, &state.flow, &state.msg) {
            Ok(txn) => {
                state.txn = Some(txn);
                Ok(())
            }
            Err(error) => {
                log!(
                    self.shared.parts.log,
                    Info,
                    "tm",
                    "no transaction for a waiting request: {error}"
                );
                drop(state);
                if !matches!(error, CreateError::Retransmission(_)) {
                    self.answer(now, call, 503, "Service Unavailable");
                }
                Err(Performed::Exit)
            }
        }
    }

    /// The token of the wait that comes next, for a call that goes on.
    pub(super) fn renew_token(&mut self, slot: u32, call: &Call) -> ResumeToken {
        let token = self.calls.next_wait(slot);
        call.arm_waker(0);
        call.lock().token = token;
        token
    }
}
