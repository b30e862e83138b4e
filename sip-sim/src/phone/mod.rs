//! Phones: SIP endpoints that behave as RFC 3261 asks, drive calls by plans, and count what came
//! of them. One phone has one address and any number of users and calls.
//!
//! ```text
//! register(plan) -> register.rs          a message in -> on_response: by the branch of our Via
//! dial(at, plan) -> uac.rs                            -> on_request: by the tag of To,
//! a policy       -> uas.rs: how to answer                or a new call: its policy is asked
//! ```

mod dialog;
mod digest;
mod line;
mod plan;
mod register;
mod request;
mod slots;
mod tally;
mod uac;
mod uas;

use std::collections::HashMap;
use std::net::SocketAddr;

use bytes::Bytes;
use sip_core::net::{Flow, Proto};
use sip_core::output::{Input, Output};
use sip_core::rng::Rng;
use sip_core::time::{Duration, Instant, Now};
use sip_parser::{Message, Method};

use crate::node::Node;
use line::{Line, Side, finish, key_of_branch, key_of_tag};
use register::Registration;
use slots::{Key, Slots};
use uac::OutCall;
use uas::{InCall, Marks, user_of};

pub use line::PhoneConfig;
pub use plan::{Account, Answer, AnswerPlan, CallPlan, Contacts, RegisterPlan};
pub use register::RegisterState;
pub use tally::{Outcome, Tally};

/// Decides how a call is answered, from its INVITE and the phone's own generator.
pub type Policy = Box<dyn FnMut(&Message, &mut dyn Rng) -> AnswerPlan>;

/// A phone. See the module's head.
pub struct Phone {
    line: Line,
    policy: Policy,
    made: Slots<OutCall>,
    taken: Slots<InCall>,
    registrations: Slots<Registration>,
    by_branch: HashMap<u64, Key>,
    by_call: HashMap<u64, Key>,
}

/// The number of a registration, to look at it or to change it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RegistrationId(Key);

impl Phone {
    /// A phone that answers every call after 100 ms of ringing.
    #[must_use]
    pub fn new(config: PhoneConfig, seed: u64) -> Self {
        Self {
            line: Line::new(config, seed),
            policy: Box::new(|_, _| AnswerPlan::accept(Duration::from_millis(100))),
            made: Slots::new(),
            taken: Slots::new(),
            registrations: Slots::new(),
            by_branch: HashMap::new(),
            by_call: HashMap::new(),
        }
    }

    /// The same, answering as `policy` says.
    #[must_use]
    pub fn answering(
        mut self,
        policy: impl FnMut(&Message, &mut dyn Rng) -> AnswerPlan + 'static,
    ) -> Self {
        self.policy = Box::new(policy);
        self
    }

    /// Makes a call at `at`; returns its Call-ID.
    pub fn dial(&mut self, at: Instant, plan: CallPlan) -> Bytes {
        let line = &mut self.line;
        let key = self.made.insert_with(|key| OutCall::new(line, key, at, plan));
        let call = self.made.find(key).expect("just inserted");
        call.arm(line);
        Bytes::copy_from_slice(call.call_id())
    }

    /// Registers a user at `at`.
    pub fn register(&mut self, at: Instant, plan: RegisterPlan) -> RegistrationId {
        let line = &mut self.line;
        let key = self.registrations.insert_with(|key| Registration::new(line, key, at, plan));
        self.registrations.find(key).expect("just inserted").arm(line);
        RegistrationId(key)
    }

    /// Sends another REGISTER in the same registration: the same Call-ID, a higher CSeq, the last
    /// nonce again.
    pub fn register_again(&mut self, id: RegistrationId, at: Instant, plan: RegisterPlan) {
        if let Some(registration) = self.registrations.find(id.0) {
            registration.restart(at, plan);
            registration.arm(&mut self.line);
        }
    }

    /// How a registration stands.
    #[must_use]
    pub fn registration(&mut self, id: RegistrationId) -> Option<RegisterState> {
        self.registrations.find(id.0).map(|registration| registration.state())
    }

    /// The contacts that the registrar listed last for a registration.
    #[must_use]
    pub fn listed_contacts(&mut self, id: RegistrationId) -> Vec<Bytes> {
        self.registrations.find(id.0).map_or_else(Vec::new, |r| r.contacts().to_vec())
    }

    /// How every registration stands, by user.
    pub fn registrations(&self) -> impl Iterator<Item = (&Bytes, RegisterState)> {
        self.registrations.iter().map(|r| (r.user(), r.state()))
    }

    /// What came of its calls so far.
    #[must_use]
    pub const fn tally(&self) -> &Tally {
        &self.line.tally
    }

    /// Calls that hold a slot, those that only wait for late messages included.
    #[must_use]
    pub fn live_calls(&self) -> usize {
        self.made.live() + self.taken.live()
    }

    /// Its settings.
    #[must_use]
    pub const fn config(&self) -> &PhoneConfig {
        &self.line.config
    }

    fn on_message(&mut self, now: Instant, flow: &Flow, bytes: Bytes) {
        let msg = match Message::parse(bytes) {
            Ok(msg) => msg,
            Err(error) => {
                return self.line.tally.broke(|| format!("a message that cannot be read: {error}"));
            }
        };
        if msg.is_request() {
            self.on_request(now, flow, &msg)
        } else {
            self.on_response(now, &msg)
        }
    }

    fn on_response(&mut self, now: Instant, msg: &Message) {
        let via = msg.top_via().ok();
        let found = via.and_then(|via| via.branch()).and_then(key_of_branch);
        let cancel = msg.cseq().is_ok_and(|cseq| cseq.method == Method::Cancel);
        let line = &mut self.line;
        match found {
            Some((Side::Out, kind, key)) => {
                if let Some(call) = self.made.find(key).filter(|call| is_of(msg, call.call_id())) {
                    call.on_response(line, now, if cancel { 'c' } else { kind }, msg);
                    return call.arm(line);
                }
            }
            Some((Side::In, _, key)) => {
                if let Some(call) = self.taken.find(key).filter(|call| is_of(msg, call.call_id())) {
                    call.on_response(line, now, msg);
                    return call.arm(line);
                }
            }
            Some((Side::Register, _, key)) => {
                if let Some(registration) = self.registrations.find(key) {
                    registration.on_response(line, now, msg);
                    return registration.arm(line);
                }
            }
            None => {
                return line.tally.broke(|| format!("a response to nothing we sent: {msg}"));
            }
        }
        line.tally.strays += 1;
    }

    fn on_request(&mut self, now: Instant, flow: &Flow, msg: &Message) {
        let tag = msg.to().ok().and_then(|to| to.tag());
        match tag.map(key_of_tag) {
            None => self.on_first_request(now, flow, msg),
            Some(Some((Side::Out, key))) => {
                match self.made.find(key).filter(|call| is_of(msg, call.call_id())) {
                    Some(call) => {
                        call.on_request(&mut self.line, now, flow, msg);
                        call.arm(&mut self.line);
                    }
                    None => self.refuse(flow, msg, 481),
                }
            }
            Some(Some((Side::In, key))) => {
                match self.taken.find(key).filter(|call| is_of(msg, call.call_id())) {
                    Some(call) => {
                        call.on_request(&mut self.line, now, flow, msg);
                        call.arm(&mut self.line);
                    }
                    None => self.refuse(flow, msg, 481),
                }
            }
            Some(_) => self.refuse(flow, msg, 481),
        }
    }

    /// A request outside any dialog.
    fn on_first_request(&mut self, now: Instant, flow: &Flow, msg: &Message) {
        match msg.method() {
            Some(Method::Invite) => self.on_invite(now, flow, msg),
            Some(Method::Cancel) => {
                let key = self.by_branch.get(&marks(msg).branch).copied();
                match key.and_then(|key| self.taken.find(key)) {
                    Some(call) => {
                        call.on_cancel(&mut self.line, now, flow, msg);
                        call.arm(&mut self.line);
                    }
                    None => self.refuse(flow, msg, 481),
                }
            }
            Some(Method::Options | Method::Message | Method::Notify) => self.refuse(flow, msg, 200),
            Some(Method::Ack) => self.line.tally.strays += 1,
            Some(Method::Bye) => self.refuse(flow, msg, 481),
            _ => self.refuse(flow, msg, 501),
        }
    }

    fn on_invite(&mut self, now: Instant, flow: &Flow, msg: &Message) {
        let marks = marks(msg);
        let line = &mut self.line;
        if let Some(call) = self.by_branch.get(&marks.branch).and_then(|k| self.taken.find(*k)) {
            return call.on_invite_again(line);
        }
        let same_call = self.by_call.get(&marks.call).and_then(|key| self.taken.find(*key));
        if self.line.config.refuse_merged && same_call.is_some_and(|call| call.is_ongoing()) {
            self.line.tally.merged += 1;
            return self.refuse(flow, msg, 482);
        }
        let plan = (self.policy)(msg, &mut self.line.rng);
        let line = &mut self.line;
        let key =
            self.taken.insert_with(|key| InCall::new(line, now, key, (flow, msg), marks, plan));
        self.by_branch.insert(marks.branch, key);
        self.by_call.insert(marks.call, key);
        self.taken.find(key).expect("just inserted").arm(line);
    }

    /// Answers without keeping anything: the same request again gets the same answer.
    fn refuse(&mut self, flow: &Flow, msg: &Message, status: u16) {
        if msg.method() == Some(Method::Ack) {
            return self.line.tally.strays += 1;
        }
        let bytes = finish(self.line.response(msg, flow, status, b"stateless"));
        let back = self.line.back(flow, msg);
        self.line.send(back, bytes);
    }

    fn forget(&mut self, key: Key) {
        let Some(call) = self.taken.remove(key) else { return };
        if self.by_branch.get(&call.by_branch) == Some(&key) {
            self.by_branch.remove(&call.by_branch);
        }
        if self.by_call.get(&call.by_call) == Some(&key) {
            self.by_call.remove(&call.by_call);
        }
    }
}

impl Node for Phone {
    fn listeners(&self) -> Vec<(Proto, SocketAddr)> {
        let address = self.line.config.address;
        let mut listeners = vec![(self.line.config.proto, address)];
        if self.line.config.proto != Proto::Udp {
            listeners.push((Proto::Udp, address));
        }
        listeners
    }

    fn handle_input(&mut self, now: Now, input: Input) {
        match input {
            Input::Message { flow, bytes } => self.on_message(now.mono, &flow, bytes),
            // Connections come and go below a phone's calls; what was lost with one is seen by
            // the timers of the transactions.
            Input::ConnOpened { .. } | Input::ConnClosed { .. } | Input::SendFailed { .. } => {}
            Input::Http { .. } | Input::Malformed { .. } | Input::Service { .. } => {
                self.line.tally.broke(|| "something that is not for a phone".into());
            }
        }
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.line.poll_output()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.line.next_wake()
    }

    fn handle_timeout(&mut self, now: Now) {
        let now = now.mono;
        while let Some((at, side, key)) = self.line.take_wake(now) {
            let line = &mut self.line;
            match side {
                Side::Out => {
                    let Some(call) = self.made.find(key) else { continue };
                    if call.on_wake(line, now, at) {
                        self.made.remove(key);
                    } else {
                        call.arm(line);
                    }
                }
                Side::In => {
                    let Some(call) = self.taken.find(key) else { continue };
                    if call.on_wake(line, now, at) {
                        self.forget(key);
                    } else {
                        call.arm(line);
                    }
                }
                Side::Register => {
                    let Some(registration) = self.registrations.find(key) else { continue };
                    registration.on_wake(line, now, at);
                    registration.arm(line);
                }
            }
        }
    }

    fn is_idle(&self) -> bool {
        self.live_calls() == 0 && !self.registrations.iter().any(Registration::is_busy)
    }

    fn leftovers(&self) -> Vec<(String, u64)> {
        let tables = [
            ("calls made", self.made.live()),
            ("calls taken", self.taken.live()),
            ("INVITE transactions", self.by_branch.len()),
            ("calls by identity", self.by_call.len()),
        ];
        let left = tables.into_iter().filter(|(_, n)| *n > 0);
        left.map(|(what, n)| (what.to_string(), n as u64)).collect()
    }
}

/// The header line that answers the first challenge of a 401 or 407 that can be answered, for a
/// request with this method and URI.
pub(crate) fn answer_challenge(
    response: &Message,
    user: &str,
    password: &str,
    (method, uri): (&str, &[u8]),
    rng: &mut dyn Rng,
) -> Option<Bytes> {
    let account = Account::new(user, password);
    Some(uac::challenge_of(response)?.answer(&account, method, uri, rng))
}

fn is_of(msg: &Message, call_id: &[u8]) -> bool {
    msg.call_id().is_ok_and(|id| id == call_id)
}

/// What an INVITE and its CANCEL are found by: the transaction (RFC 3261 17.2.3) and the call
/// (8.2.2.2), both for the user that is called, since each user is an endpoint of its own.
fn marks(msg: &Message) -> Marks {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let user = user_of(msg);
    let mut branch = DefaultHasher::new();
    if let Ok(via) = msg.top_via() {
        (via.branch(), via.sent_by, &user).hash(&mut branch);
    }
    let mut call = DefaultHasher::new();
    let cseq = msg.cseq().map(|c| c.number).unwrap_or_default();
    let from_tag = msg.from().ok().and_then(|from| from.tag());
    (msg.call_id().unwrap_or_default(), from_tag, cseq, &user).hash(&mut call);
    Marks { branch: branch.finish(), call: call.finish() }
}
