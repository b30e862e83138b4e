//! Both sides of the load: what is sent when something starts, arrives or times out.
//!
//! A call as RFC 3665 3.2 shows it, through one proxy that record-routes:
//!
//! ```text
//! caller            server            answerer
//!   | INVITE          |                  |
//!   |---------------->| INVITE           |
//!   |             100 |----------------->|
//!   |<----------------|              180 |
//!   |             180 |<-----------------|
//!   |<----------------|              200 |
//!   |             200 |<-----------------|
//!   |<----------------|                  |
//!   | ACK, BYE        | ACK, BYE         |
//!   |---------------->|----------------->|
//!   |         200 BYE |          200 BYE |
//!   |<----------------|<-----------------|
//! ```

use std::net::SocketAddrV4;

use looseroute_benches::batch::Outgoing;
use looseroute_benches::hist::Histogram;
use looseroute_benches::wire::{self, Kind};

use crate::answerer::{Answerer, Asked, asked};
use crate::messages::{Fill, Messages};
use crate::slot::{Slot, Slots, State, index};
use crate::tally::Tally;

/// RFC 3261's T1 and T2, in nanoseconds.
const T1: u64 = 500_000_000;
const T2: u64 = 4_000_000_000;

/// What the generator plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scenario {
    Options,
    Register,
    Call,
    /// Not offered by itself: what the users begin with, see `run`.
    Unregister,
}

impl Scenario {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Scenario::Options => "options",
            Scenario::Register => "register",
            Scenario::Call => "call",
            Scenario::Unregister => "unregister",
        }
    }
}

/// The addresses of the three parties.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addresses {
    pub(crate) server: SocketAddrV4,
    pub(crate) caller: SocketAddrV4,
    pub(crate) answerer: SocketAddrV4,
}

/// Both sides' state and what they want sent.
#[derive(Debug)]
pub(crate) struct Sides {
    scenario: Scenario,
    /// The peer is the bare relay: it sends requests back where a server would answer.
    floor: bool,
    users: u32,
    give_up_after: u64,
    messages: Messages,
    answerer: Answerer,
    pub(crate) slots: Slots,
    /// To the server, from the caller's and the answerer's socket.
    pub(crate) from_caller: Outgoing,
    pub(crate) from_answerer: Outgoing,
    pub(crate) tally: Tally,
    pub(crate) latency: Histogram,
    pub(crate) setup: Histogram,
    next_user: u32,
}

impl Sides {
    pub(crate) fn new(
        scenario: Scenario,
        addresses: Addresses,
        slots: Slots,
        users: u32,
        give_up_after: u64,
        floor: bool,
    ) -> Sides {
        let Addresses { server, caller, answerer } = addresses;
        Sides {
            scenario,
            floor,
            users: users.max(1),
            give_up_after,
            messages: Messages::new(server, caller, answerer),
            answerer: Answerer::new(answerer),
            slots,
            from_caller: Outgoing::new(256),
            from_answerer: Outgoing::new(256),
            tally: Tally::default(),
            latency: Histogram::default(),
            setup: Histogram::default(),
            next_user: 0,
        }
    }

    /// Starts one, `due` being the time its latency counts from. False when all slots are in use.
    pub(crate) fn start(&mut self, due: u64, now: u64) -> bool {
        let refresh = !self.answers();
        let Some(slot) = self.slots.take(!refresh) else { return false };
        slot.started = due;
        slot.give_up = now + self.give_up_after;
        if refresh {
            slot.user = index(slot.key);
            slot.cseq += 1;
        } else {
            slot.user = self.next_user;
            slot.cseq = 1;
            self.next_user = (self.next_user + 1) % self.users;
        }
        let (template, state) = match self.scenario {
            Scenario::Register => (&self.messages.register, State::Requesting),
            Scenario::Unregister => (&self.messages.unregister, State::Requesting),
            Scenario::Options => (&self.messages.options, State::Requesting),
            Scenario::Call => (&self.messages.invite, State::Calling),
        };
        let fill = Fill { key: slot.key, user: slot.user, cseq: slot.cseq, ..Fill::default() };
        template.render(&fill, self.from_caller.begin());
        let sent = self.from_caller.end(None);
        remember(slot, sent, state, now);
        true
    }

    /// True when the scenario has an answering side.
    pub(crate) fn answers(&self) -> bool {
        !matches!(self.scenario, Scenario::Register | Scenario::Unregister)
    }

    /// A datagram on the caller's socket.
    pub(crate) fn on_caller(&mut self, message: &[u8], now: u64) {
        let status = match wire::status(message) {
            Some(status) => status,
            // The relay's answers are the request itself.
            None if self.floor && message.starts_with(b"INVITE") => 100,
            None if self.floor => 200,
            None => return self.tally.stale += 1,
        };
        let Some((key, cseq)) = wire::identify(message) else {
            return self.fail_note("a message without the key", message);
        };
        let Some(slot) = self.slots.find(key) else { return self.tally.stale += 1 };
        let method = cseq.iter().rposition(|b| *b == b' ').and_then(|at| cseq.get(at + 1));
        match (slot.state, method, status) {
            (State::Requesting, Some(b'R' | b'O'), 200..) if same_number(cseq, slot.cseq) => {
                self.finish(key, status, message, now);
            }
            (State::Calling | State::Proceeding, Some(b'I'), 100..=199) => {
                slot.state = State::Proceeding;
                slot.repeat = u64::MAX;
            }
            (State::Calling | State::Proceeding, Some(b'I'), 200..=299) => {
                self.setup.record(now.saturating_sub(slot.started));
                dialog(slot, message);
                self.acknowledge(key);
                self.bye(key, now);
            }
            (State::Calling | State::Proceeding, Some(b'I'), _) => {
                dialog(slot, message);
                let fill = Fill { key, user: slot.user, cseq: 1, to: &slot.to, ..Fill::default() };
                self.messages.ack_failure.render(&fill, self.from_caller.begin());
                self.from_caller.end(None);
                self.finish(key, status, message, now);
            }
            (State::Ending | State::Unacknowledged, Some(b'I'), 200..=299) => {
                self.tally.stale += 1;
                self.acknowledge(key);
            }
            // The ACK was lost: the answer is repeated until another one comes.
            (State::Ending, Some(b'B'), 200) if slot.answer_repeat != 0 => {
                slot.state = State::Unacknowledged;
                slot.repeat = u64::MAX;
            }
            (State::Ending, Some(b'B'), 200..) => self.finish(key, status, message, now),
            _ => self.tally.stale += 1,
        }
    }

    /// A datagram on the answerer's socket.
    pub(crate) fn on_answerer(&mut self, message: &[u8], now: u64) {
        let (Some(asked), Some((key, _))) = (asked(message), wire::identify(message)) else {
            return self.tally.stale += 1;
        };
        let out = &mut self.from_answerer;
        match (asked, self.slots.find(key)) {
            (Asked::Other, _) => self.answerer.done(message, key, out),
            (_, None) => self.tally.stale += 1,
            (Asked::Ack, Some(slot)) => {
                slot.answer_repeat = 0;
                if slot.state == State::Unacknowledged {
                    self.finish(key, 200, b"", now);
                }
            }
            (Asked::Invite, Some(slot)) if slot.answer.is_empty() => {
                self.answerer.ringing(message, key, out);
                slot.answer.extend_from_slice(self.answerer.accepted(message, key, out));
                slot.answer_repeat = now + T1;
            }
            (Asked::Invite, Some(slot)) => {
                self.tally.stale += 1;
                out.push(&slot.answer, None);
            }
        }
    }

    /// Repeats and gives up what is due.
    pub(crate) fn on_time(&mut self, now: u64) {
        let mut over = Vec::new();
        for slot in self.slots.in_flight() {
            if slot.give_up <= now {
                over.push(slot.key);
                continue;
            }
            if slot.repeat <= now {
                self.tally.repeated += 1;
                self.from_caller.push(&slot.request, None);
                let longer = slot.interval * 2;
                slot.interval = if slot.state == State::Calling { longer } else { longer.min(T2) };
                slot.repeat = now + slot.interval;
            }
            if slot.answer_repeat != 0 && slot.answer_repeat <= now {
                self.tally.repeated += 1;
                self.from_answerer.push(&slot.answer, None);
                slot.answer_repeat = now + T2;
            }
        }
        for key in over {
            self.fail_note("no final response", b"");
            self.tally.failed += 1;
            self.slots.release(key);
        }
    }

    fn acknowledge(&mut self, key: u64) {
        let Some(slot) = self.slots.find(key) else { return };
        self.messages.ack.render(&in_dialog(slot, slot.cseq), self.from_caller.begin());
        self.from_caller.end(None);
    }

    fn bye(&mut self, key: u64, now: u64) {
        let Some(slot) = self.slots.find(key) else { return };
        self.messages.bye.render(&in_dialog(slot, slot.cseq + 1), self.from_caller.begin());
        let sent = self.from_caller.end(None);
        remember(slot, sent, State::Ending, now);
    }

    fn finish(&mut self, key: u64, status: u16, message: &[u8], now: u64) {
        let Some(slot) = self.slots.find(key) else { return };
        if status == 200 {
            self.tally.done += 1;
            self.latency.record(now.saturating_sub(slot.started));
        } else {
            self.tally.failed += 1;
            self.fail_note("", message);
        }
        self.slots.release(key);
    }

    fn fail_note(&mut self, what: &str, message: &[u8]) {
        if self.tally.first_failure.is_none() {
            let line = wire::lines(message).next().unwrap_or_default();
            self.tally.first_failure = Some(format!("{what} {}", String::from_utf8_lossy(line)));
        }
    }
}

fn remember(slot: &mut Slot, sent: &[u8], state: State, now: u64) {
    slot.request.clear();
    slot.request.extend_from_slice(sent);
    slot.state = state;
    slot.interval = T1;
    slot.repeat = now + T1;
}

fn in_dialog(slot: &Slot, cseq: u32) -> Fill<'_> {
    Fill {
        key: slot.key,
        user: slot.user,
        cseq,
        target: &slot.target,
        routes: &slot.routes,
        to: &slot.to,
    }
}

/// Keeps the dialog that a final response makes, RFC 3261 12.1.2: the remote target from Contact,
/// the route set from Record-Route in reverse.
fn dialog(slot: &mut Slot, message: &[u8]) {
    slot.to.clear();
    slot.target.clear();
    slot.routes.clear();
    for line in wire::lines(message).skip(1) {
        match wire::header(line) {
            (Kind::To, value) => slot.to.extend_from_slice(value),
            (Kind::Contact, value) if slot.target.is_empty() => {
                let open = value.iter().position(|b| *b == b'<').map_or(0, |at| at + 1);
                let close = value.iter().position(|b| *b == b'>').unwrap_or(value.len());
                slot.target.extend_from_slice(value.get(open..close).unwrap_or_default());
            }
            (Kind::RecordRoute, value) => {
                let line = [b"Route: ".as_slice(), value, b"\r\n"].concat();
                slot.routes.splice(0..0, line);
            }
            _ => {}
        }
    }
}

fn same_number(cseq: &[u8], wanted: u32) -> bool {
    let digits = cseq.split(|b| *b == b' ').next().unwrap_or_default();
    std::str::from_utf8(digits).ok().and_then(|d| d.parse().ok()) == Some(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sides(scenario: Scenario) -> Sides {
        let at = |port| SocketAddrV4::new([127, 0, 0, 1].into(), port);
        let addresses = Addresses { server: at(5060), caller: at(7000), answerer: at(7001) };
        Sides::new(scenario, addresses, Slots::new(4, 1), 4, 8 * T2, true)
    }

    /// Plays the bare relay between both sides and returns the first lines it saw.
    fn exchange(sides: &mut Sides, lost: &mut dyn FnMut(&str) -> bool, now: u64) -> Vec<String> {
        let mut seen = Vec::new();
        loop {
            let (up, down) = (sides.from_caller.take(), sides.from_answerer.take());
            if up.is_empty() && down.is_empty() {
                return seen;
            }
            let mut pass = |message: &Vec<u8>| {
                let first = wire::lines(message).next().unwrap_or_default();
                let line = String::from_utf8_lossy(first).into_owned();
                let gone = lost(&line);
                seen.push(line);
                !gone
            };
            for message in up.iter().filter(|m| pass(m)) {
                if message.starts_with(b"REGISTER") {
                    sides.on_caller(message, now);
                } else {
                    sides.on_answerer(message, now);
                }
            }
            for message in down.iter().filter(|m| pass(m)) {
                sides.on_caller(message, now);
            }
        }
    }

    #[test]
    fn a_call_runs_from_invite_to_the_answer_to_bye() {
        let mut sides = sides(Scenario::Call);
        assert!(sides.start(0, 0));
        let seen = exchange(&mut sides, &mut |_| false, 5);
        let methods: Vec<_> = seen.iter().map(|l| l.split(' ').next().unwrap_or("")).collect();
        assert_eq!(methods, ["INVITE", "SIP/2.0", "SIP/2.0", "ACK", "BYE", "SIP/2.0"]);
        assert_eq!((sides.tally.done, sides.slots.busy()), (1, 0));
        assert_eq!((sides.latency.max(), sides.setup.len()), (5, 1));
    }

    #[test]
    fn what_is_lost_is_repeated_after_t1() {
        for lost in ["INVITE", "SIP/2.0 200", "ACK", "BYE"] {
            let mut sides = sides(Scenario::Call);
            sides.start(0, 0);
            let mut once = true;
            exchange(
                &mut sides,
                &mut |line| line.starts_with(lost) && std::mem::take(&mut once),
                0,
            );
            assert_eq!(sides.tally.done, 0, "{lost}");
            sides.on_time(T1 - 1);
            assert_eq!(sides.tally.repeated, 0, "{lost}");
            sides.on_time(T1);
            exchange(&mut sides, &mut |_| false, T1);
            assert_eq!((sides.tally.done, sides.tally.repeated), (1, 1), "{lost}");
        }
    }

    #[test]
    fn a_refresh_keeps_its_call_id_and_counts_up() {
        let mut sides = sides(Scenario::Register);
        for round in 1..=3 {
            for _ in 0..4 {
                assert!(sides.start(0, 0));
            }
            assert!(!sides.start(0, 0), "all users are busy");
            let seen = exchange(&mut sides, &mut |_| false, 0);
            assert_eq!((seen.len() as u64, sides.tally.done), (4, 4 * round));
        }
        sides.start(0, 0);
        let sent = sides.from_caller.take().remove(0);
        assert_eq!(wire::identify(&sent).expect("own message").1, b"4 REGISTER");
    }

    #[test]
    fn silence_is_a_failure_in_the_end() {
        let mut sides = sides(Scenario::Options);
        sides.start(0, 0);
        sides.on_time(8 * T2);
        assert_eq!((sides.tally.failed, sides.slots.busy()), (1, 0));
        assert_eq!(sides.tally.first_failure.as_deref(), Some("no final response "));
    }
}
