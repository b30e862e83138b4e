//! What a proxy owes to each INVITE, checked on the wire by someone who takes no part.
//!
//! Per INVITE at its caller's side (RFC 3261 16.7): at least one final response, at most one that
//! is not 2xx and none of those after a 2xx; and every 2xx that reached the proxy is passed on.
//! What the proxy *sends* is checked, not what arrives: the network may lose and reorder. The
//! reading of messages here is its own, so that the parser under test is not its own judge.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, SocketAddr};

use crate::world::{Sent, Tap};

/// Watches the proxy at one address.
pub struct Audit {
    proxy: IpAddr,
    calls: HashMap<u64, Call>,
    counts: AuditCounts,
    broken: Vec<String>,
    broken_count: u64,
}

/// What an audit has seen.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct AuditCounts {
    /// INVITEs outside a dialog that reached the proxy, retransmissions apart.
    pub invites: u64,
    /// Different 2xx that reached the proxy.
    pub answers_in: u64,
    /// Different 2xx that it passed on.
    pub answers_out: u64,
    /// INVITEs it answered with something else than 2xx.
    pub refusals: u64,
    /// Requests that reached it, each copy.
    pub requests_in: u64,
    /// Responses that reached it, each copy.
    pub responses_in: u64,
}

#[derive(Default)]
struct Call {
    caller: Option<IpAddr>,
    id: String,
    refusal: Option<(u16, u64)>,
    answers_in: Vec<u64>,
    answers_out: Vec<u64>,
}

impl Audit {
    /// An auditor of the proxy at `proxy`.
    #[must_use]
    pub fn new(proxy: IpAddr) -> Self {
        Self {
            proxy,
            calls: HashMap::new(),
            counts: AuditCounts::default(),
            broken: Vec::new(),
            broken_count: 0,
        }
    }

    /// What was seen so far.
    #[must_use]
    pub const fn counts(&self) -> AuditCounts {
        self.counts
    }

    /// The rules that were broken, once the world is at rest: the first few in words, with the
    /// Call-ID to look for in a second run.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let mut faults = self.broken.clone();
        if self.broken_count > faults.len() as u64 {
            faults.push(format!("{} broken rules in all", self.broken_count));
        }
        let mut open: Vec<String> = Vec::new();
        for call in self.calls.values() {
            if call.refusal.is_none() && call.answers_out.is_empty() {
                open.push(format!("{}: no final response was sent", call.id));
            }
            if call.answers_in.iter().any(|tag| !call.answers_out.contains(tag)) {
                open.push(format!("{}: a 2xx that arrived was not passed on", call.id));
            }
        }
        open.sort();
        let more = open.len().saturating_sub(16);
        open.truncate(16);
        if more > 0 {
            open.push(format!("and {more} more such calls"));
        }
        faults.extend(open);
        faults
    }

    fn broke(&mut self, what: String) {
        self.broken_count += 1;
        if self.broken.len() < 16 {
            self.broken.push(what);
        }
    }

    fn on_final_upstream(&mut self, view: &View<'_>, status: u16, to: IpAddr) {
        let Some(call) = self.calls.get_mut(&view.key()) else { return };
        if call.caller != Some(to) {
            return;
        }
        let tag = view.to_tag();
        if status < 300 {
            if !call.answers_out.contains(&tag) {
                call.answers_out.push(tag);
                self.counts.answers_out += 1;
            }
            return;
        }
        let fault = match call.refusal {
            Some(known) if known == (status, tag) => None,
            Some((known, _)) => Some(format!("{}: {status} after {known}", call.id)),
            None => {
                call.refusal = Some((status, tag));
                self.counts.refusals += 1;
                let late = !call.answers_out.is_empty();
                late.then(|| format!("{}: {status} after a 2xx", call.id))
            }
        };
        if let Some(fault) = fault {
            self.broke(fault);
        }
    }
}

impl Tap for Audit {
    fn on_sent(&mut self, sent: &Sent<'_>) {
        if sent.from.ip() != self.proxy {
            return;
        }
        let Some(status) = final_status(sent.bytes) else { return };
        let Some(view) = View::of(sent.bytes).filter(|view| view.method == b"INVITE") else {
            return;
        };
        self.on_final_upstream(&view, status, sent.to.ip());
    }

    fn on_arrived(&mut self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        if to.ip() != self.proxy {
            return;
        }
        let response = bytes.starts_with(b"SIP/2.0 ");
        *if response { &mut self.counts.responses_in } else { &mut self.counts.requests_in } += 1;
        let invite = bytes.starts_with(b"INVITE ");
        let answer = final_status(bytes).is_some_and(|status| status < 300);
        if !invite && !answer {
            return;
        }
        let Some(view) = View::of(bytes).filter(|view| view.method == b"INVITE") else { return };
        if invite && !view.has_to_tag() {
            let counts = &mut self.counts;
            let call = self.calls.entry(view.key()).or_insert_with(|| {
                counts.invites += 1;
                Call { id: view.id(), ..Call::default() }
            });
            call.caller.get_or_insert(from.ip());
        } else if answer {
            let Some(call) = self.calls.get_mut(&view.key()) else { return };
            let tag = view.to_tag();
            if call.caller != Some(from.ip()) && !call.answers_in.contains(&tag) {
                call.answers_in.push(tag);
                self.counts.answers_in += 1;
            }
        }
    }
}

/// What identifies a message's transaction at the caller.
struct View<'a> {
    call_id: &'a [u8],
    to: &'a [u8],
    number: &'a [u8],
    method: &'a [u8],
}

impl<'a> View<'a> {
    fn of(bytes: &'a [u8]) -> Option<Self> {
        let (mut call_id, mut to, mut cseq) = (None, None, None);
        for line in bytes.split(|b| *b == b'\n').skip(1) {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let Some(colon) = line.iter().position(|b| *b == b':') else { break };
            let (name, value) = (line[..colon].trim_ascii(), line[colon + 1..].trim_ascii());
            let slot = match name.len() {
                7 if name.eq_ignore_ascii_case(b"call-id") => &mut call_id,
                4 if name.eq_ignore_ascii_case(b"cseq") => &mut cseq,
                2 if name.eq_ignore_ascii_case(b"to") => &mut to,
                1 if name.eq_ignore_ascii_case(b"i") => &mut call_id,
                1 if name.eq_ignore_ascii_case(b"t") => &mut to,
                _ => continue,
            };
            *slot = Some(value);
            if let (Some(call_id), Some(to), Some(cseq)) = (call_id, to, cseq) {
                let blank = cseq.iter().position(|b| b.is_ascii_whitespace())?;
                let (number, method) = (&cseq[..blank], cseq[blank..].trim_ascii());
                return Some(Self { call_id, to, number, method });
            }
        }
        None
    }

    fn key(&self) -> u64 {
        let mut hash = DefaultHasher::new();
        (self.call_id, self.number).hash(&mut hash);
        hash.finish()
    }

    fn id(&self) -> String {
        let (id, number) = (self.call_id.escape_ascii(), self.number.escape_ascii());
        format!("{id} INVITE {number}")
    }

    fn tag(&self) -> Option<&[u8]> {
        let at = self.to.windows(5).position(|w| w.eq_ignore_ascii_case(b";tag="))? + 5;
        let rest = &self.to[at..];
        let end = rest.iter().position(|b| *b == b';').unwrap_or(rest.len());
        Some(&rest[..end])
    }

    fn has_to_tag(&self) -> bool {
        self.tag().is_some()
    }

    fn to_tag(&self) -> u64 {
        let mut hash = DefaultHasher::new();
        self.tag().hash(&mut hash);
        hash.finish()
    }
}

/// The status of a final response.
fn final_status(bytes: &[u8]) -> Option<u16> {
    let digits = bytes.strip_prefix(b"SIP/2.0 ")?.get(..3)?;
    let status = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (status >= 200).then_some(status)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Fate;

    const PROXY: &str = "10.0.0.9:5060";
    const CALLER: &str = "10.0.0.1:5060";
    const CALLEE: &str = "10.0.0.2:5060";

    struct Wire(Audit);

    impl Wire {
        fn invite() -> Self {
            let mut wire = Self(Audit::new("10.0.0.9".parse().unwrap()));
            let text =
                "INVITE sip:b@x SIP/2.0\r\nTo: <sip:b@x>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n\r\n";
            wire.0.on_arrived(CALLER.parse().unwrap(), PROXY.parse().unwrap(), text.as_bytes());
            wire
        }

        fn response(status: u16, tag: &str) -> String {
            format!(
                "SIP/2.0 {status} X\r\nt: <sip:b@x>;tag={tag}\r\ni: c\r\nCSeq: 1 INVITE\r\n\r\n"
            )
        }

        fn arrives(mut self, status: u16, tag: &str) -> Self {
            let text = Self::response(status, tag);
            self.0.on_arrived(CALLEE.parse().unwrap(), PROXY.parse().unwrap(), text.as_bytes());
            self
        }

        fn passes(mut self, status: u16, tag: &str) -> Self {
            let (from, to) = (PROXY.parse().unwrap(), CALLER.parse().unwrap());
            let text = Self::response(status, tag);
            self.0.on_sent(&Sent { from, to, fate: Fate::Lost, bytes: text.as_bytes() });
            self
        }

        fn faults(&self) -> String {
            self.0.faults().join("\n")
        }
    }

    #[test]
    fn a_call_in_order_has_no_fault() {
        let two = Wire::invite().arrives(200, "a").passes(200, "a").passes(200, "a");
        assert_eq!(two.arrives(200, "b").passes(200, "b").faults(), "");
        assert_eq!(Wire::invite().passes(180, "a").passes(486, "a").passes(486, "a").faults(), "");
        let late = Wire::invite().passes(408, "p").arrives(200, "a").passes(200, "a");
        assert_eq!(late.faults(), "", "a 2xx is passed on even after a final response");
    }

    #[test]
    fn each_broken_rule_is_named() {
        let none = Wire::invite().passes(180, "a");
        assert_eq!(none.faults(), "c INVITE 1: no final response was sent");
        let kept = Wire::invite().arrives(200, "a").passes(200, "a").arrives(200, "b");
        assert_eq!(kept.faults(), "c INVITE 1: a 2xx that arrived was not passed on");
        let two = Wire::invite().passes(486, "a").passes(603, "b");
        assert_eq!(two.faults(), "c INVITE 1: 603 after 486");
        let late = Wire::invite().passes(200, "a").passes(486, "b");
        assert_eq!(late.faults(), "c INVITE 1: 486 after a 2xx");
    }
}
