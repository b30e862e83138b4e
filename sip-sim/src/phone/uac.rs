//! A call that a phone makes: INVITE, ACK, CANCEL, BYE (RFC 3261 9.1, 13.2, 15.1.1, 17.1.1).
//!
//! ```text
//! Calling --1xx--> Proceeding --2xx--> a leg for each To tag: ACK, talk, BYE
//!    |  \                |
//!    |   \-- 3xx-6xx --> Completed: ACK each copy; a challenge is answered by a new INVITE
//!    \-- Timer B --> over               CANCEL when asked, once something provisional came
//! ```
//!
//! A call ends with exactly one [`Outcome`]; its slot is kept for another 64 T1, so that what
//! comes late still finds it.

use bytes::Bytes;
use sip_core::net::{Flow, Target};
use sip_core::time::{Duration, Instant};
use sip_parser::{HeaderId, Message, Method};

use super::dialog::Dialog;
use super::digest::Challenge;
use super::line::{Line, Side, finish, finish_with_sdp, put};
use super::plan::CallPlan;
use super::request::Request;
use super::slots::Key;
use super::tally::Outcome;

/// How long the longest call lasts before the caller hangs up whatever was planned.
const LONGEST_CALL: Duration = Duration::from_secs(600);
/// How often a challenge is answered before it is taken as a refusal.
const AUTH_TRIES: u8 = 3;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Planned,
    Calling,
    Proceeding,
    Completed,
}

pub(crate) struct OutCall {
    key: Key,
    plan: CallPlan,
    call_id: Bytes,
    tag: Bytes,
    phase: Phase,
    invite: Invite,
    /// Responses of 300 and more that were acknowledged, with the ACK to send again.
    refusals: Vec<Refusal>,
    legs: Vec<Leg>,
    auth: Option<Bytes>,
    auth_tries: u8,
    cancel_at: Instant,
    cancel: Option<Request>,
    cancelled: bool,
    give_up_at: Instant,
    outcome: Option<Outcome>,
    free_at: Instant,
    armed: Instant,
}

/// The INVITE transaction under way.
#[derive(Default)]
struct Invite {
    cseq: u32,
    branch: Bytes,
    bytes: Bytes,
    /// Timer A.
    resend_at: Instant,
    interval: Duration,
    /// Timer B.
    expires_at: Instant,
}

struct Refusal {
    cseq: u32,
    status: u16,
    ack: Bytes,
}

/// One dialog that the INVITE made; more than one when it was forked and several answered.
struct Leg {
    dialog: Dialog,
    ack: Bytes,
    ack_to: Target,
    hang_up_at: Instant,
    bye: Option<Request>,
    bye_tries: u8,
    over: bool,
}

impl OutCall {
    pub(crate) fn new(line: &mut Line, key: Key, at: Instant, plan: CallPlan) -> Self {
        Self {
            key,
            call_id: line.call_id(Side::Out, key),
            tag: line.tag(Side::Out, key),
            plan,
            phase: Phase::Planned,
            invite: Invite { resend_at: at, expires_at: Instant::FAR, ..Invite::default() },
            refusals: Vec::new(),
            legs: Vec::new(),
            auth: None,
            auth_tries: 0,
            cancel_at: Instant::FAR,
            cancel: None,
            cancelled: false,
            give_up_at: Instant::FAR,
            outcome: None,
            free_at: Instant::FAR,
            armed: Instant::FAR,
        }
    }

    pub(crate) fn call_id(&self) -> &[u8] {
        &self.call_id
    }

    /// Plans the next wake-up. To be called after each step.
    pub(crate) fn arm(&mut self, line: &mut Line) {
        let due = self.due();
        line.arm(&mut self.armed, due, Side::Out, self.key);
    }

    /// Its time has come; `true` when the call can be forgotten.
    pub(crate) fn on_wake(&mut self, line: &mut Line, now: Instant, at: Instant) -> bool {
        if at != self.armed {
            return false;
        }
        self.armed = Instant::FAR;
        self.on_invite_timers(line, now);
        self.on_cancel_timers(line, now);
        for index in 0..self.legs.len() {
            self.on_leg_timers(line, now, index);
        }
        self.free_at <= now
    }

    pub(crate) fn on_response(&mut self, line: &mut Line, now: Instant, kind: char, msg: &Message) {
        let Some(status) = msg.status() else { return };
        match kind {
            'i' => self.on_invite_response(line, now, status, msg),
            'c' => self.on_cancel_response(line, status, msg),
            'b' => self.on_bye_response(line, now, status, msg),
            _ => line.tally.strays += 1,
        }
        self.settle(line, now);
    }

    /// A request within one of the call's dialogs.
    pub(crate) fn on_request(&mut self, line: &mut Line, now: Instant, flow: &Flow, msg: &Message) {
        let tag = msg.from().ok().and_then(|from| from.tag());
        let leg = self.legs.iter_mut().find(|leg| Some(leg.dialog.remote_tag()) == tag);
        let status = match (msg.method(), leg) {
            (Some(Method::Ack), _) => return,
            (_, None) => 481,
            (Some(Method::Bye), Some(leg)) => {
                if !leg.over {
                    leg.over = true;
                    leg.hang_up_at = Instant::FAR;
                    line.tally.hung_up_on += 1;
                }
                200
            }
            (Some(Method::Invite | Method::Update), Some(_)) => 488,
            (Some(Method::Options | Method::Info), Some(_)) => 200,
            (_, Some(_)) => 501,
        };
        let bytes = finish(line.response(msg, flow, status, &self.tag));
        line.send(line.back(flow, msg), bytes);
        self.settle(line, now);
    }

    fn due(&self) -> Instant {
        let mut due = self.invite.resend_at.min(self.invite.expires_at).min(self.free_at);
        if self.cancel_is_possible() {
            due = due.min(self.cancel_at);
        }
        due = due.min(self.give_up_at);
        due = due.min(self.cancel.as_ref().map_or(Instant::FAR, Request::due));
        for leg in self.legs.iter().filter(|leg| !leg.over) {
            due = due.min(leg.hang_up_at).min(leg.bye.as_ref().map_or(Instant::FAR, Request::due));
        }
        due
    }

    /// A CANCEL may follow a provisional response only (RFC 3261 9.1).
    fn cancel_is_possible(&self) -> bool {
        self.phase == Phase::Proceeding && !self.cancelled && self.legs.is_empty()
    }

    fn dial(&mut self, line: &mut Line, now: Instant) {
        line.tally.dialed += 1;
        let earliest = self.plan.cancel_after.unwrap_or(Duration::MAX).min(self.plan.patience);
        self.cancel_at = now + earliest;
        self.send_invite(line, now);
    }

    fn send_invite(&mut self, line: &mut Line, now: Instant) {
        let cseq = self.invite.cseq + 1;
        let branch = line.branch(Side::Out, self.key, 'i');
        let mut text = line.request("INVITE", &self.plan.to, &branch);
        self.put_from(line, &mut text);
        put(&mut text, &[b"\r\nTo: <", &self.plan.to, b">\r\nCall-ID: ", &self.call_id]);
        put(&mut text, &[format!("\r\nCSeq: {cseq} INVITE\r\nContact: <").as_bytes()]);
        put(&mut text, &[line.contact(&self.plan.from).as_bytes(), b">\r\n"]);
        text.extend_from_slice(self.auth.as_deref().unwrap_or_default());
        let bytes = finish_with_sdp(text, line.config.address);
        line.send(line.proxy(), bytes.clone());
        let interval = line.config.t1;
        let reliable = line.config.proto.is_reliable();
        let resend_at = if reliable { Instant::FAR } else { now + interval };
        let expires_at = now + line.config.patience();
        self.invite = Invite { cseq, branch, bytes, resend_at, interval, expires_at };
        self.phase = Phase::Calling;
    }

    fn put_from(&self, line: &Line, text: &mut Vec<u8>) {
        let domain = line.config.domain.as_bytes();
        put(text, &[b"From: <sip:", &self.plan.from, b"@", domain, b">;tag=", &self.tag]);
    }

    fn on_invite_timers(&mut self, line: &mut Line, now: Instant) {
        if self.invite.expires_at <= now {
            self.stop_invite(Phase::Completed);
            self.end(line, now, Outcome::NoResponse);
        } else if self.invite.resend_at <= now {
            if self.phase == Phase::Planned {
                return self.dial(line, now);
            }
            self.invite.interval *= 2;
            self.invite.resend_at = now + self.invite.interval;
            line.tally.resent += 1;
            line.send(line.proxy(), self.invite.bytes.clone());
        }
    }

    fn stop_invite(&mut self, phase: Phase) {
        self.phase = phase;
        self.invite.resend_at = Instant::FAR;
        self.invite.expires_at = Instant::FAR;
    }

    fn on_invite_response(&mut self, line: &mut Line, now: Instant, status: u16, msg: &Message) {
        let Ok(cseq) = msg.cseq().map(|c| c.number) else { return };
        if status >= 300 {
            return self.on_refusal(line, now, cseq, status, msg);
        }
        if cseq != self.invite.cseq {
            line.tally.strays += 1;
        } else if status >= 200 {
            self.on_answer(line, now, msg);
        } else if self.phase == Phase::Calling {
            self.stop_invite(Phase::Proceeding);
        }
    }

    fn on_answer(&mut self, line: &mut Line, now: Instant, msg: &Message) {
        let tag = msg.to().ok().and_then(|to| to.tag()).unwrap_or_default();
        if let Some(leg) = self.legs.iter().find(|leg| leg.dialog.remote_tag() == tag) {
            return line.send(leg.ack_to, leg.ack.clone());
        }
        let Some(dialog) = Dialog::of_caller(msg, self.invite.cseq) else {
            return line.tally.broke(|| format!("a 2xx makes no dialog: {msg}"));
        };
        let branch = line.branch(Side::Out, self.key, 'a');
        let mut text = dialog.request(line, "ACK", self.invite.cseq, &branch);
        text.extend_from_slice(self.auth.as_deref().unwrap_or_default());
        let (ack, ack_to) = (finish(text), dialog.next_hop(line));
        line.send(ack_to, ack.clone());
        let first = self.legs.is_empty();
        match (first, self.cancelled) {
            (true, false) => line.tally.answered += 1,
            (true, true) => {
                line.tally.answered += 1;
                line.tally.answered_after_cancel += 1;
            }
            (false, _) => line.tally.further_answers += 1,
        }
        let late = self.outcome.is_some();
        let hold = self.plan.hold.unwrap_or(LONGEST_CALL);
        let hold = if first && !self.cancelled && !late { hold } else { Duration::ZERO };
        let hang_up_at = now + hold;
        self.legs.push(Leg {
            dialog,
            ack,
            ack_to,
            hang_up_at,
            bye: None,
            bye_tries: 0,
            over: false,
        });
        self.stop_invite(Phase::Completed);
        self.give_up_at = Instant::FAR;
        self.free_at = Instant::FAR;
    }

    fn on_refusal(&mut self, line: &mut Line, now: Instant, cseq: u32, status: u16, msg: &Message) {
        if let Some(known) = self.refusals.iter().find(|r| r.cseq == cseq) {
            if known.status != status {
                let was = known.status;
                line.tally.broke(|| format!("after {was}, another final response: {msg}"));
            }
            return line.send(line.proxy(), known.ack.clone());
        }
        let ack = self.ack_refusal(line, cseq, msg);
        line.send(line.proxy(), ack.clone());
        self.refusals.push(Refusal { cseq, status, ack });
        if cseq != self.invite.cseq || self.outcome.is_some() || !self.legs.is_empty() {
            return;
        }
        self.stop_invite(Phase::Completed);
        self.give_up_at = Instant::FAR;
        if matches!(status, 401 | 407) && !self.cancelled && self.answer_challenge(line, now, msg) {
            return;
        }
        let cancelled = status == 487 && self.cancelled;
        self.end(line, now, if cancelled { Outcome::Cancelled } else { Outcome::Refused(status) });
    }

    /// The ACK that ends an INVITE transaction (RFC 3261 17.1.1.3).
    fn ack_refusal(&self, line: &Line, cseq: u32, msg: &Message) -> Bytes {
        let branch = msg.top_via().ok().and_then(|via| via.branch()).unwrap_or_default();
        let mut text = line.request("ACK", &self.plan.to, branch);
        self.put_from(line, &mut text);
        let to = msg.header(HeaderId::To).map_or(&b""[..], |h| h.value);
        put(&mut text, &[b"\r\nTo: ", to, b"\r\nCall-ID: ", &self.call_id]);
        put(&mut text, &[format!("\r\nCSeq: {cseq} ACK\r\n").as_bytes()]);
        finish(text)
    }

    fn answer_challenge(&mut self, line: &mut Line, now: Instant, msg: &Message) -> bool {
        if self.auth_tries >= AUTH_TRIES {
            return false;
        }
        let uri = self.plan.to.clone();
        let Some(auth) = credentials(line, &self.plan, msg, "INVITE", &uri) else { return false };
        self.auth_tries += 1;
        self.auth = Some(auth);
        self.send_invite(line, now);
        true
    }

    fn on_cancel_timers(&mut self, line: &mut Line, now: Instant) {
        if self.cancel_is_possible() && self.cancel_at <= now {
            self.cancelled = true;
            self.give_up_at = now + line.config.patience();
            let mut text = line.request("CANCEL", &self.plan.to, &self.invite.branch);
            self.put_from(line, &mut text);
            put(&mut text, &[b"\r\nTo: <", &self.plan.to, b">\r\nCall-ID: ", &self.call_id]);
            let cseq = self.invite.cseq;
            put(&mut text, &[format!("\r\nCSeq: {cseq} CANCEL\r\n").as_bytes()]);
            let (branch, to) = (self.invite.branch.clone(), line.proxy());
            self.cancel = Some(Request::send(line, now, branch, finish(text), to));
        }
        if self.cancel.as_mut().is_some_and(|cancel| cancel.on_timer(line, now)) {
            self.cancel = None;
        }
        // RFC 3261 9.1: without a final response 64 T1 after the CANCEL the call counts as ended.
        if self.give_up_at <= now {
            self.give_up_at = Instant::FAR;
            self.cancel = None;
            self.stop_invite(Phase::Completed);
            self.end(line, now, Outcome::NoFinal);
        }
    }

    fn on_cancel_response(&mut self, line: &mut Line, status: u16, msg: &Message) {
        let cseq = msg.cseq().map(|c| c.number).unwrap_or_default();
        match &mut self.cancel {
            Some(cancel) if status < 200 => cancel.on_provisional(line),
            Some(_) if cseq == self.invite.cseq => self.cancel = None,
            _ => {}
        }
    }

    fn on_leg_timers(&mut self, line: &mut Line, now: Instant, index: usize) {
        let leg = &mut self.legs[index];
        if leg.over {
            return;
        }
        if leg.bye.as_mut().is_some_and(|bye| bye.on_timer(line, now)) {
            leg.bye = None;
            leg.over = true;
            self.end(line, now, Outcome::ByeUnanswered);
        } else if leg.hang_up_at <= now {
            leg.hang_up_at = Instant::FAR;
            self.send_bye(line, now, index, None);
        }
    }

    fn send_bye(&mut self, line: &mut Line, now: Instant, index: usize, auth: Option<Bytes>) {
        let leg = &mut self.legs[index];
        let cseq = leg.dialog.next_cseq();
        let branch = line.branch(Side::Out, self.key, 'b');
        let mut text = leg.dialog.request(line, "BYE", cseq, &branch);
        text.extend_from_slice(auth.as_deref().unwrap_or_default());
        let to = leg.dialog.next_hop(line);
        leg.bye = Some(Request::send(line, now, branch, finish(text), to));
    }

    fn on_bye_response(&mut self, line: &mut Line, now: Instant, status: u16, msg: &Message) {
        let branch = msg.top_via().ok().and_then(|via| via.branch()).unwrap_or_default();
        let of_branch = |leg: &Leg| leg.bye.as_ref().is_some_and(|bye| bye.branch == branch);
        let Some(index) = self.legs.iter().position(of_branch) else { return };
        let leg = &mut self.legs[index];
        if status < 200 {
            leg.bye.iter_mut().for_each(|bye| bye.on_provisional(line));
            return;
        }
        leg.bye = None;
        if matches!(status, 401 | 407) && leg.bye_tries < AUTH_TRIES {
            leg.bye_tries += 1;
            let uri = leg.dialog.request_uri();
            if let Some(auth) = credentials(line, &self.plan, msg, "BYE", &uri) {
                return self.send_bye(line, now, index, Some(auth));
            }
        }
        if status >= 300 {
            line.tally.bye_refused += 1;
        }
        self.legs[index].over = true;
    }

    /// The call is over once it was answered and every leg has ended.
    fn settle(&mut self, line: &mut Line, now: Instant) {
        if !self.legs.is_empty() && self.legs.iter().all(|leg| leg.over) {
            self.end(line, now, Outcome::Completed);
        }
    }

    /// The first outcome counts; the slot is freed once nothing late can come and no leg is left.
    fn end(&mut self, line: &mut Line, now: Instant, outcome: Outcome) {
        if self.outcome.is_none() {
            self.outcome = Some(outcome);
            line.tally.ended(outcome);
        }
        if self.legs.iter().all(|leg| leg.over) {
            self.free_at = now + line.config.patience();
        }
    }
}

/// The line that answers the first challenge of a response that can be answered.
fn credentials(
    line: &mut Line,
    plan: &CallPlan,
    msg: &Message,
    method: &str,
    uri: &[u8],
) -> Option<Bytes> {
    let account = plan.account.as_ref()?;
    let mut challenge = challenge_of(msg)?;
    line.tally.challenges += 1;
    Some(challenge.answer(account, method, uri, &mut line.rng))
}

/// The first challenge of a 401 or 407 that can be answered; the order is the server's preference
/// (RFC 8760 2.4).
pub(crate) fn challenge_of(msg: &Message) -> Option<Challenge> {
    let proxy = msg.status() == Some(407);
    let id = if proxy { HeaderId::ProxyAuthenticate } else { HeaderId::WwwAuthenticate };
    msg.headers_of(id).find_map(|header| Challenge::parse(header.value, proxy))
}
