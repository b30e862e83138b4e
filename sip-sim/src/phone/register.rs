//! A registration of a phone (RFC 3261 10.2, 22): REGISTER, challenges, retries, refreshes.

use bytes::Bytes;
use sip_core::time::{Duration, Instant};
use sip_parser::{Contact, HeaderId, Message};

use super::digest::Challenge;
use super::line::{Line, Side, finish, put};
use super::plan::{Contacts, RegisterPlan};
use super::request::Request;
use super::slots::Key;
use super::uac::challenge_of;

/// How often one attempt answers challenges.
const AUTH_TRIES: u8 = 3;
/// The pause before another attempt.
const PAUSE: Duration = Duration::from_secs(1);

/// How a registration stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RegisterState {
    /// It is being tried.
    Trying,
    /// It stands until then.
    Registered {
        /// When it expires by what the registrar granted.
        until: Instant,
    },
    /// The registrar took it and grants nothing: a removal or a query.
    Accepted,
    /// It was refused for good; 408 when nothing came back.
    Failed(u16),
}

pub(crate) struct Registration {
    key: Key,
    plan: RegisterPlan,
    call_id: Bytes,
    tag: Bytes,
    cseq: u32,
    state: RegisterState,
    request: Option<Request>,
    challenge: Option<Challenge>,
    auth_tries: u8,
    retries_left: u32,
    start_at: Instant,
    contacts: Vec<Bytes>,
    armed: Instant,
}

impl Registration {
    pub(crate) fn new(line: &mut Line, key: Key, at: Instant, plan: RegisterPlan) -> Self {
        Self {
            key,
            call_id: line.call_id(Side::Register, key),
            tag: line.tag(Side::Register, key),
            cseq: 0,
            state: RegisterState::Trying,
            request: None,
            challenge: None,
            auth_tries: 0,
            retries_left: plan.retries,
            start_at: at,
            contacts: Vec::new(),
            armed: Instant::FAR,
            plan,
        }
    }

    pub(crate) const fn state(&self) -> RegisterState {
        self.state
    }

    pub(crate) const fn user(&self) -> &Bytes {
        &self.plan.user
    }

    /// The contacts that the registrar listed last, each as it stood there.
    pub(crate) fn contacts(&self) -> &[Bytes] {
        &self.contacts
    }

    /// Whether anything but a refresh is due.
    pub(crate) fn is_busy(&self) -> bool {
        self.state == RegisterState::Trying || self.request.is_some()
    }

    /// Tries the same again, with other contacts or another time.
    pub(crate) fn restart(&mut self, at: Instant, plan: RegisterPlan) {
        self.retries_left = plan.retries;
        self.plan = plan;
        self.state = RegisterState::Trying;
        self.start_at = at;
        self.request = None;
    }

    pub(crate) fn arm(&mut self, line: &mut Line) {
        let due = self.start_at.min(self.request.as_ref().map_or(Instant::FAR, Request::due));
        line.arm(&mut self.armed, due, Side::Register, self.key);
    }

    pub(crate) fn on_wake(&mut self, line: &mut Line, now: Instant, at: Instant) {
        if at != self.armed {
            return;
        }
        self.armed = Instant::FAR;
        if self.request.as_mut().is_some_and(|request| request.on_timer(line, now)) {
            self.request = None;
            self.fail_or_retry(line, now, 408);
        } else if self.start_at <= now {
            self.start_at = Instant::FAR;
            self.auth_tries = 0;
            self.send(line, now);
        }
    }

    pub(crate) fn on_response(&mut self, line: &mut Line, now: Instant, msg: &Message) {
        let branch = msg.top_via().ok().and_then(|via| via.branch()).unwrap_or_default();
        let Some(request) = self.request.as_mut().filter(|r| r.branch == branch) else {
            return line.tally.strays += 1;
        };
        let status = msg.status().unwrap_or_default();
        match status {
            0..200 => return request.on_provisional(line),
            200..300 => self.on_success(line, now, msg),
            401 | 407 if self.on_challenge(line, now, msg) => return,
            423 => self.on_too_brief(line, now, msg),
            500..600 => self.fail_or_retry(line, now, status),
            _ => self.fail(line, status),
        }
        self.request = None;
    }

    fn send(&mut self, line: &mut Line, now: Instant) {
        self.cseq += 1;
        let cseq = self.cseq;
        let branch = line.branch(Side::Register, self.key, 'r');
        let domain = line.config.domain.clone();
        let registrar = format!("sip:{domain}");
        let mut text = line.request("REGISTER", registrar.as_bytes(), &branch);
        let aor = [&b"<sip:"[..], &self.plan.user, b"@", domain.as_bytes(), b">"].concat();
        put(&mut text, &[b"From: ", &aor, b";tag=", &self.tag, b"\r\nTo: ", &aor]);
        put(&mut text, &[b"\r\nCall-ID: ", &self.call_id]);
        put(&mut text, &[format!("\r\nCSeq: {cseq} REGISTER\r\n").as_bytes()]);
        self.put_contacts(line, &mut text);
        if let (Some(challenge), Some(account)) = (&mut self.challenge, &self.plan.account) {
            let uri = registrar.as_bytes();
            let auth = challenge.answer(account, "REGISTER", uri, &mut line.rng);
            text.extend_from_slice(&auth);
        }
        let to = line.proxy();
        self.request = Some(Request::send(line, now, branch, finish(text), to));
    }

    fn put_contacts(&self, line: &Line, text: &mut Vec<u8>) {
        match &self.plan.contacts {
            Contacts::Own => {
                let own = line.contact(&self.plan.user);
                put(text, &[b"Contact: <", own.as_bytes(), b">"]);
                if let Some(q) = self.plan.q {
                    put(text, &[b";q=", q.as_bytes()]);
                }
                text.extend_from_slice(b"\r\n");
            }
            Contacts::These(values) => {
                values.iter().for_each(|value| put(text, &[b"Contact: ", value, b"\r\n"]));
            }
            Contacts::Star => text.extend_from_slice(b"Contact: *\r\n"),
            Contacts::Query => return,
        }
        put(text, &[format!("Expires: {}\r\n", self.plan.expires).as_bytes()]);
    }

    fn on_success(&mut self, line: &mut Line, now: Instant, msg: &Message) {
        line.tally.registered += 1;
        let mut granted = None;
        let own = line.contact(&self.plan.user);
        self.contacts.clear();
        for contact in msg.contacts().filter_map(Result::ok) {
            let Contact::Addr(addr) = contact else { continue };
            self.contacts.push(Bytes::copy_from_slice(msg.slice(addr.span)));
            if addr.uri == own.as_bytes() {
                granted = addr.expires().or(Some(self.plan.expires));
            }
        }
        let wanted = self.plan.contacts == Contacts::Own && self.plan.expires > 0;
        self.state = match granted {
            Some(seconds) => {
                let time = Duration::from_secs(u64::from(seconds));
                if self.plan.refresh {
                    self.start_at = now + time * 4 / 5;
                }
                RegisterState::Registered { until: now + time }
            }
            None => RegisterState::Accepted,
        };
        if wanted && granted.is_none() {
            line.tally.broke(|| format!("a 200 to a REGISTER lacks the contact: {msg}"));
        }
        if !wanted && granted.is_some() && self.plan.expires == 0 {
            line.tally.broke(|| format!("a 200 to a removal keeps the contact: {msg}"));
        }
    }

    /// A new challenge, or one that says the nonce is stale, is answered.
    fn on_challenge(&mut self, line: &mut Line, now: Instant, msg: &Message) -> bool {
        let Some(challenge) = challenge_of(msg) else { return false };
        let refused = self.auth_tries > 0 && !challenge.stale;
        if self.plan.account.is_none() || refused || self.auth_tries >= AUTH_TRIES {
            return false;
        }
        self.auth_tries += 1;
        self.challenge = Some(challenge);
        line.tally.challenges += 1;
        self.send(line, now);
        true
    }

    /// 423: for as long as the registrar wants at least (RFC 3261 10.2.8).
    fn on_too_brief(&mut self, line: &mut Line, now: Instant, msg: &Message) {
        let least = msg
            .header(HeaderId::MinExpires)
            .and_then(|header| std::str::from_utf8(header.value).ok()?.trim().parse::<u32>().ok());
        match least {
            Some(least) if least > self.plan.expires && self.retries_left > 0 => {
                self.retries_left -= 1;
                self.plan.expires = least;
                self.start_at = now;
            }
            _ => self.fail(line, 423),
        }
    }

    fn fail_or_retry(&mut self, line: &mut Line, now: Instant, status: u16) {
        if self.retries_left == 0 {
            return self.fail(line, status);
        }
        self.retries_left -= 1;
        self.start_at = now + PAUSE;
        line.tally.register_retried += 1;
    }

    fn fail(&mut self, line: &mut Line, status: u16) {
        self.state = RegisterState::Failed(status);
        *line.tally.register_failed.entry(status).or_default() += 1;
    }
}
