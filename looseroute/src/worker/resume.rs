//! What ends the wait of a parked call: results of jobs, wakers, the host, the deadline, the end.

use sip_module_api::Call;
use sip_module_api::call::{ActionResult, WaitToken};
use sip_module_api::flow::{ActionCx, ActionError, Resumed};
use sip_module_api::job::ResumeToken;
use sip_module_api::router::{Step, Verdict};
use sip_module_api::value::Value;

use sip_core::uas::Reply;

use super::calls::{Parked, ParkedFor};
use super::request::RETRY_LATER;
use super::run::Performed;
use super::{Cx, Now, Worker, turn};
use crate::mail::Mail;

/// Letters one turn reads at most; the rest waits for the next, after the sockets had theirs.
const LETTERS_PER_TURN: usize = 1024;
/// Waits that a route may still begin, one after the other, while the engine stops; each ends at
/// once.
const LAST_WAITS: usize = 8;

impl Worker {
    /// Reads the letter box.
    pub(crate) fn handle_mail(&mut self, now: Now) {
        self.shared.mail.open(self.index);
        for _ in 0..LETTERS_PER_TURN {
            let Some(mail) = self.shared.mail.take(self.index) else {
                self.read_letters(now);
                return;
            };
            match mail {
                Mail::Resume(token, with) => self.resume(now, token, with),
                Mail::Wake(token) => self.wake(now, token),
                Mail::External(token, wait, value) => self.end_external(now, token, wait, value),
                Mail::Nudge => {}
                Mail::ArmTimer(id) => self.arm_host_timer(id),
                Mail::DisarmTimer(timer) => drop(self.timers.cancel(timer)),
                Mail::Send(output) => self.out.push(output),
            }
        }
        self.shared.mail.ring(self.index);
        self.read_letters(now);
    }

    /// Ends the wait that `token` names.
    pub(super) fn resume(&mut self, now: Now, token: ResumeToken, with: Resumed) {
        let Some((slot, call, parked)) = self.unpark(token) else {
            self.stats.inc(self.shared.counters.late_resumes);
            return;
        };
        let id = parked.action.unwrap_or_default();
        let performed = match parked.kind {
            ParkedFor::Function(then) => {
                let shared = self.shared.clone();
                let flow = {
                    let mut state = call.lock();
                    let token = state.token;
                    let mut core = turn!(self, now);
                    let mut cx = ActionCx {
                        core: &mut core,
                        proxy: &shared.proxy,
                        engine: &shared.parts,
                        token,
                        mailbox: &shared.mailbox,
                    };
                    then(&mut cx, &mut state, with)
                };
                self.take_flow(now, slot, &call, id, flow)
            }
            ParkedFor::External(wait) => {
                self.shared.mail.expire_wait(wait);
                Performed::Done(external_result(with))
            }
            ParkedFor::Sleep => Performed::Done(match with {
                Resumed::Shutdown => Err(ActionError::Shutdown),
                _ => Ok(Value::Int(1)),
            }),
            ParkedFor::Waker => match with {
                Resumed::Deadline => {
                    self.fail_parked(now, slot, &call, 408, "Request Timeout");
                    return;
                }
                Resumed::Shutdown => {
                    self.fail_parked(now, slot, &call, 503, "Shutting Down");
                    return;
                }
                Resumed::Done(_) | Resumed::Value(_) => {
                    self.poll_again(now, slot, &call);
                    return;
                }
            },
        };
        self.go_on(now, slot, &call, id, performed);
    }

    fn go_on(&mut self, now: Now, slot: u32, call: &Call, id: u32, performed: Performed) {
        if matches!(performed, Performed::Parked) {
            return;
        }
        let Some(entry) = self.calls.get(slot) else { return };
        let step = match (entry.ended.take(), entry.run, performed) {
            // The route has ended while its function ran on.
            (Some(verdict), ..) => Step::Done(verdict),
            (None, Some(run), Performed::Done(result)) => {
                call.finish_action(id, result);
                self.router.resume(run, call)
            }
            (None, Some(run), _) => {
                self.router.cancel(run);
                Step::Done(Verdict::Ok)
            }
            (None, None, _) => return,
        };
        self.drive(now, slot, call, step);
    }

    /// A waker was called.
    fn wake(&mut self, now: Now, token: ResumeToken) {
        let Some(slot) = self.calls.find(token) else {
            self.stats.inc(self.shared.counters.late_resumes);
            return;
        };
        let Some(entry) = self.calls.get(slot) else { return };
        match &entry.parked {
            None => {}
            Some(Parked { kind: ParkedFor::Waker, .. }) => {
                if let Some((slot, call, _)) = self.unpark(token) {
                    self.poll_again(now, slot, &call);
                }
            }
            Some(_) => self.poll_beside(now, slot, token),
        }
    }

    /// Polls a route that waits for an action: it may wait for something else at the same time. If
    /// it gives the action up for that, a wait ends with it; a function runs to its end first.
    fn poll_beside(&mut self, now: Now, slot: u32, token: ResumeToken) {
        let Some(entry) = self.calls.get(slot) else { return };
        let (call, Some(run), None) = (entry.call.clone(), entry.run, &entry.ended) else { return };
        let step = self.router.resume(run, &call);
        let asked = call.lock().under_way();
        let Some(entry) = self.calls.get(slot) else { return };
        let Some(parked) = &entry.parked else { return };
        match (step, &parked.kind) {
            (Step::Suspended(_), _) if asked.is_some() && asked == parked.action => {}
            (Step::Suspended(_), ParkedFor::Function(_)) => {}
            (Step::Done(verdict), ParkedFor::Function(_)) => {
                entry.run = None;
                entry.ended = Some(verdict);
            }
            (step, kind) => {
                if let ParkedFor::External(wait) = kind {
                    self.shared.mail.expire_wait(*wait);
                }
                if self.unpark(token).is_some() {
                    self.drive(now, slot, &call, step);
                }
            }
        }
    }

    fn poll_again(&mut self, now: Now, slot: u32, call: &Call) {
        let Some(run) = self.calls.get(slot).and_then(|e| e.run) else { return };
        let step = self.router.resume(run, call);
        self.drive(now, slot, call, step);
    }

    /// The host has ended a wait: at once if the route waits for it now, otherwise the value is
    /// kept until the route comes to wait.
    fn end_external(&mut self, now: Now, token: ResumeToken, wait: WaitToken, value: Value) {
        let slot = token.slot();
        let waits_now = |p: &Option<Parked>| matches!(p, Some(Parked { kind: ParkedFor::External(w), .. }) if *w == wait);
        let Some(entry) = self.calls.get(slot) else {
            self.stats.inc(self.shared.counters.late_resumes);
            return;
        };
        if waits_now(&entry.parked) {
            let current = entry.call.lock().token;
            self.resume(now, current, Resumed::Value(value));
        } else if entry.call.lock().opened(wait) {
            entry.early.push((wait, value));
        } else {
            self.stats.inc(self.shared.counters.late_resumes);
        }
    }

    /// The deadline of a wait has passed.
    pub(super) fn deadline(&mut self, now: Now, token: ResumeToken) {
        let Some(slot) = self.calls.find(token) else { return };
        let Some(entry) = self.calls.get(slot) else { return };
        let Some(parked) = &mut entry.parked else { return };
        parked.timer = None;
        // Ended by the host already: the letter is in the box, and it was told so.
        if let ParkedFor::External(wait) = parked.kind
            && !self.shared.mail.expire_wait(wait)
        {
            return;
        }
        if !matches!(parked.kind, ParkedFor::Sleep) {
            self.stats.inc(self.shared.counters.deadlines);
        }
        self.resume(now, token, Resumed::Deadline);
    }

    /// Ends every wait, as the engine stops. A route that waits again and again is ended itself.
    /// What is still ringing is answered, which cancels the phones it rings at.
    pub(crate) fn abandon_all(&mut self, now: Now) {
        self.abandon_waits(now);
        let proxy = self.shared.proxy.clone();
        for txn in proxy.pending() {
            let mut cx = turn!(self, now);
            let reply = Reply::with_reason(503, b"Shutting Down").headers(RETRY_LATER);
            // One that got its answer meanwhile, from another worker, needs none.
            let _answered = proxy.reply(&mut cx, txn, &reply);
        }
    }

    fn abandon_waits(&mut self, now: Now) {
        self.handle_mail(now);
        for _ in 0..LAST_WAITS {
            for slot in self.calls.used() {
                let token = self.calls.get(slot).map(|e| e.call.lock().token);
                if let Some(token) = token {
                    self.resume(now, token, Resumed::Shutdown);
                }
            }
            if self.calls.live() == 0 {
                return;
            }
        }
        for slot in self.calls.used() {
            let call = self.calls.get(slot).map(|e| e.call.clone());
            if let Some(call) = call {
                self.fail_parked(now, slot, &call, 503, "Shutting Down");
            }
        }
    }

    /// Takes a call out of its wait; the wait's token is stale from now on.
    fn unpark(&mut self, token: ResumeToken) -> Option<(u32, Call, Parked)> {
        let slot = self.calls.find(token)?;
        let entry = self.calls.get(slot)?;
        let parked = entry.parked.take()?;
        let call = entry.call.clone();
        if let Some(timer) = parked.timer {
            self.timers.cancel(timer);
        }
        self.renew_token(slot, &call);
        Some((slot, call, parked))
    }

    fn fail_parked(&mut self, now: Now, slot: u32, call: &Call, code: u16, reason: &'static str) {
        self.answer(now, call, code, reason);
        if let Some(run) = self.calls.get(slot).and_then(|e| e.run) {
            self.router.cancel(run);
        }
        self.end_route(now, slot, call.clone(), Verdict::Ok);
    }
}

fn external_result(with: Resumed) -> ActionResult {
    match with {
        Resumed::Value(value) => Ok(value),
        Resumed::Done(_) => Ok(Value::Null),
        Resumed::Deadline => Err(ActionError::Deadline("the wait for the host")),
        Resumed::Shutdown => Err(ActionError::Shutdown),
    }
}
