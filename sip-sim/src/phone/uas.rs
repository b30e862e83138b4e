//! A call that a phone takes: ringing, answering, refusing, being cancelled, BYE (RFC 3261 9.2,
//! 13.3, 15.1.2, 17.2.1).
//!
//! ```text
//! Ringing --plan: accept--> Answered: 200 again and again --ACK--> Talking --BYE--> Ended
//!    |                          \--- no ACK for 64 T1: BYE -----------------------/   ^
//!    \-- plan: refuse, CANCEL --> Refused: the response again and again --ACK---------/
//! ```
//!
//! Its slot is kept for another 64 T1 after it has ended, so that what comes late still finds it.

use bytes::Bytes;
use sip_core::net::{Flow, Target};
use sip_core::time::{Duration, Instant};
use sip_parser::{Message, Method};

use super::dialog::Dialog;
use super::line::{Line, Side, finish, finish_with_sdp, put};
use super::plan::{Answer, AnswerPlan};
use super::request::Request;
use super::slots::Key;

/// How long the longest call lasts before the callee hangs up: longer than the caller waits, so
/// that it matters only when the caller's BYE was lost for good.
const LONGEST_CALL: Duration = Duration::from_secs(660);
/// How long a phone rings before it gives up with 480.
const LONGEST_RING: Duration = Duration::from_secs(300);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Ringing,
    Answered,
    Refused,
    Talking,
    Ended,
}

pub(crate) struct InCall {
    key: Key,
    phase: Phase,
    plan: AnswerPlan,
    invite: Message,
    flow: Flow,
    /// The user that was called, as the Request-URI names it.
    user: Bytes,
    tag: Bytes,
    cseq: u32,
    /// What an INVITE that comes again is answered with.
    last: Option<Bytes>,
    back: Target,
    ring_at: Instant,
    decide_at: Instant,
    resend_at: Instant,
    interval: Duration,
    resend_until: Instant,
    dialog: Option<Dialog>,
    hang_up_at: Instant,
    bye: Option<Request>,
    free_at: Instant,
    armed: Instant,
    pub(crate) by_branch: u64,
    pub(crate) by_call: u64,
}

/// What an INVITE is found by again: its transaction and its call.
#[derive(Clone, Copy)]
pub(crate) struct Marks {
    pub(crate) branch: u64,
    pub(crate) call: u64,
}

impl InCall {
    pub(crate) fn new(
        line: &mut Line,
        now: Instant,
        key: Key,
        (flow, invite): (&Flow, &Message),
        marks: Marks,
        plan: AnswerPlan,
    ) -> Self {
        let after = match plan.answer {
            Answer::Accept { after } | Answer::Refuse { after, .. } => after,
            Answer::Ring => LONGEST_RING,
        };
        line.tally.incoming += 1;
        Self {
            key,
            phase: Phase::Ringing,
            user: user_of(invite),
            invite: invite.clone(),
            flow: *flow,
            tag: line.tag(Side::In, key),
            cseq: invite.cseq().map(|c| c.number).unwrap_or_default(),
            last: None,
            back: line.back(flow, invite),
            ring_at: plan.ring_after.map_or(Instant::FAR, |after| now + after),
            decide_at: now + after,
            resend_at: Instant::FAR,
            interval: line.config.t1,
            resend_until: Instant::FAR,
            dialog: None,
            hang_up_at: Instant::FAR,
            bye: None,
            free_at: Instant::FAR,
            armed: Instant::FAR,
            by_branch: marks.branch,
            by_call: marks.call,
            plan,
        }
    }

    pub(crate) fn call_id(&self) -> &[u8] {
        self.invite.call_id().unwrap_or_default()
    }

    /// Whether the INVITE's transaction is under way, so that the same INVITE by another way would
    /// be a merged request.
    pub(crate) fn is_ongoing(&self) -> bool {
        self.phase != Phase::Ended
    }

    /// Plans the next wake-up. To be called after each step.
    pub(crate) fn arm(&mut self, line: &mut Line) {
        let due = [self.ring_at, self.decide_at, self.resend_at, self.resend_until]
            .into_iter()
            .chain([self.hang_up_at, self.free_at])
            .chain(self.bye.as_ref().map(Request::due))
            .min();
        line.arm(&mut self.armed, due.unwrap_or(Instant::FAR), Side::In, self.key);
    }

    /// Its time has come; `true` when the call can be forgotten.
    pub(crate) fn on_wake(&mut self, line: &mut Line, now: Instant, at: Instant) -> bool {
        if at != self.armed {
            return false;
        }
        self.armed = Instant::FAR;
        if self.ring_at <= now {
            self.ring_at = Instant::FAR;
            let text = self.head(line, 180);
            self.answer(line, finish(text));
        }
        if self.decide_at <= now {
            self.decide(line, now);
        }
        self.on_response_timers(line, now);
        if self.bye.as_mut().is_some_and(|bye| bye.on_timer(line, now)) {
            self.bye = None;
            self.end(line, now);
        } else if self.hang_up_at <= now {
            self.hang_up(line, now);
        }
        self.free_at <= now
    }

    /// The same INVITE again (RFC 3261 17.2.1); a 2xx has its own timer (13.3.1.4).
    pub(crate) fn on_invite_again(&mut self, line: &mut Line) {
        if matches!(self.phase, Phase::Ringing | Phase::Refused)
            && let Some(last) = &self.last
        {
            line.send(self.back, last.clone());
        }
    }

    /// A CANCEL for the INVITE (RFC 3261 9.2).
    pub(crate) fn on_cancel(&mut self, line: &mut Line, now: Instant, flow: &Flow, msg: &Message) {
        let bytes = finish(line.response(msg, flow, 200, &self.tag));
        line.send(line.back(flow, msg), bytes);
        if self.phase == Phase::Ringing {
            line.tally.given_up += 1;
            let text = self.head(line, 487);
            self.refuse(line, now, text);
        }
    }

    /// A request that carries our tag: ACK, BYE and whatever else a dialog takes.
    pub(crate) fn on_request(&mut self, line: &mut Line, now: Instant, flow: &Flow, msg: &Message) {
        let status = match msg.method() {
            Some(Method::Ack) => return self.on_ack(line, now, msg),
            _ if self.dialog.is_none() => 481,
            Some(Method::Bye) => {
                self.on_bye(line, now);
                200
            }
            Some(Method::Invite | Method::Update) => 488,
            Some(Method::Options | Method::Info) => 200,
            _ => 501,
        };
        let bytes = finish(line.response(msg, flow, status, &self.tag));
        line.send(line.back(flow, msg), bytes);
    }

    /// A response to a BYE of ours.
    pub(crate) fn on_response(&mut self, line: &mut Line, now: Instant, msg: &Message) {
        let branch = msg.top_via().ok().and_then(|via| via.branch()).unwrap_or_default();
        let Some(bye) = self.bye.as_mut().filter(|bye| bye.branch == branch) else {
            return line.tally.strays += 1;
        };
        let status = msg.status().unwrap_or_default();
        if status < 200 {
            return bye.on_provisional(line);
        }
        if status >= 300 {
            line.tally.bye_refused += 1;
        }
        self.bye = None;
        self.end(line, now);
    }

    /// The start of a response to the INVITE, with a Contact where one is due.
    fn head(&self, line: &Line, status: u16) -> Vec<u8> {
        let mut text = line.response(&self.invite, &self.flow, status, &self.tag);
        if (101..300).contains(&status) {
            put(&mut text, &[b"Contact: <", line.contact(&self.user).as_bytes(), b">\r\n"]);
        }
        text
    }

    fn answer(&mut self, line: &mut Line, bytes: Bytes) {
        line.send(self.back, bytes.clone());
        self.last = Some(bytes);
    }

    fn decide(&mut self, line: &mut Line, now: Instant) {
        let (code, contact) = match &self.plan.answer {
            Answer::Accept { .. } => return self.accept(line, now),
            Answer::Refuse { code, contact, .. } => (*code, contact.clone()),
            Answer::Ring => (480, None),
        };
        line.tally.rejected += 1;
        let mut text = self.head(line, code);
        if let Some(contact) = contact {
            put(&mut text, &[b"Contact: ", &contact, b"\r\n"]);
        }
        self.refuse(line, now, text);
    }

    fn accept(&mut self, line: &mut Line, now: Instant) {
        line.tally.accepted += 1;
        self.dialog = Dialog::of_callee(&self.invite, &self.tag);
        if self.dialog.is_none() {
            let invite = &self.invite;
            line.tally.broke(|| format!("an INVITE makes no dialog: {invite}"));
        }
        let bytes = finish_with_sdp(self.head(line, 200), line.config.address);
        self.phase = Phase::Answered;
        self.answer(line, bytes);
        // A 2xx is sent again over reliable transports too (RFC 3261 13.3.1.4).
        self.repeat(line, now, true);
    }

    fn refuse(&mut self, line: &mut Line, now: Instant, text: Vec<u8>) {
        self.phase = Phase::Refused;
        self.answer(line, finish(text));
        let again = !self.flow.proto.is_reliable();
        self.repeat(line, now, again);
    }

    fn repeat(&mut self, line: &Line, now: Instant, again: bool) {
        (self.ring_at, self.decide_at) = (Instant::FAR, Instant::FAR);
        self.interval = line.config.t1;
        self.resend_at = if again { now + self.interval } else { Instant::FAR };
        self.resend_until = now + line.config.patience();
    }

    fn on_response_timers(&mut self, line: &mut Line, now: Instant) {
        if self.resend_until <= now {
            (self.resend_at, self.resend_until) = (Instant::FAR, Instant::FAR);
            if self.phase == Phase::Answered {
                // RFC 3261 13.3.1.4: without an ACK the session is ended with a BYE.
                line.tally.ack_missing += 1;
                self.hang_up(line, now);
            } else {
                self.end(line, now);
            }
        } else if self.resend_at <= now {
            self.interval = (self.interval * 2).min(line.config.t2);
            self.resend_at = now + self.interval;
            if let Some(last) = &self.last {
                line.send(self.back, last.clone());
            }
        }
    }

    fn on_ack(&mut self, line: &mut Line, now: Instant, msg: &Message) {
        if msg.cseq().map(|c| c.number) != Ok(self.cseq) {
            return line.tally.broke(|| format!("an ACK with another CSeq: {msg}"));
        }
        match self.phase {
            Phase::Answered => {
                self.phase = Phase::Talking;
                (self.resend_at, self.resend_until) = (Instant::FAR, Instant::FAR);
                if self.bye.is_none() {
                    self.hang_up_at = now + self.plan.hold.unwrap_or(LONGEST_CALL);
                }
            }
            Phase::Refused => self.end(line, now),
            Phase::Ringing => {
                line.tally.broke(|| format!("an ACK before any final response: {msg}"));
            }
            Phase::Talking | Phase::Ended => {}
        }
    }

    fn on_bye(&mut self, line: &mut Line, now: Instant) {
        if self.phase == Phase::Ended {
            return;
        }
        line.tally.hung_up_on += 1;
        self.end(line, now);
    }

    fn hang_up(&mut self, line: &mut Line, now: Instant) {
        self.hang_up_at = Instant::FAR;
        let Some(dialog) = &mut self.dialog else { return self.end(line, now) };
        let cseq = dialog.next_cseq();
        let branch = line.branch(Side::In, self.key, 'b');
        let text = dialog.request(line, "BYE", cseq, &branch);
        let to = dialog.next_hop(line);
        self.bye = Some(Request::send(line, now, branch, finish(text), to));
    }

    fn end(&mut self, line: &Line, now: Instant) {
        if self.phase == Phase::Ended {
            return;
        }
        self.phase = Phase::Ended;
        self.bye = None;
        for timer in [&mut self.resend_at, &mut self.resend_until, &mut self.hang_up_at] {
            *timer = Instant::FAR;
        }
        self.free_at = now + line.config.patience();
    }
}

/// The user part of a Request-URI.
pub(crate) fn user_of(request: &Message) -> Bytes {
    let uri = sip_parser::Uri::parse(request.request_uri()).ok();
    Bytes::copy_from_slice(uri.and_then(|uri| uri.user).unwrap_or_default())
}
