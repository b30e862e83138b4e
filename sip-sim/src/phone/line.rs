//! What all calls of a phone share: its address, its generator, its timers, its way out, and the
//! pieces that messages are written from.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::fmt::Write as _;
use std::net::SocketAddr;

use bytes::Bytes;
use sip_core::net::{Flow, Proto, Target};
use sip_core::output::{Output, Send};
use sip_core::rng::{Rng, SeededRng};
use sip_core::time::{Duration, Instant};
use sip_parser::{HeaderId, Message, Uri, reason_phrase};

use super::slots::Key;
use super::tally::Tally;

/// A phone's settings.
#[derive(Clone, Debug)]
pub struct PhoneConfig {
    /// Its address.
    pub address: SocketAddr,
    /// Its transport, for everything it sends by itself.
    pub proto: Proto,
    /// Where requests outside a dialog go.
    pub proxy: SocketAddr,
    /// The domain of its users.
    pub domain: String,
    /// The round-trip estimate T1 (RFC 3261 17.1.1.1).
    pub t1: Duration,
    /// The longest time between two copies of a request, T2.
    pub t2: Duration,
    /// Whether an INVITE that came before on another branch is refused with 482 (RFC 3261
    /// 8.2.2.2).
    pub refuse_merged: bool,
}

impl PhoneConfig {
    /// A UDP phone in the domain `example.com` with the timers of RFC 3261.
    #[must_use]
    pub fn new(address: SocketAddr, proxy: SocketAddr) -> Self {
        Self {
            address,
            proto: Proto::Udp,
            proxy,
            domain: "example.com".into(),
            t1: Duration::from_millis(500),
            t2: Duration::from_secs(4),
            refuse_merged: true,
        }
    }

    /// The same over another transport.
    #[must_use]
    pub fn over(self, proto: Proto) -> Self {
        Self { proto, ..self }
    }

    /// 64 T1: how long anything is tried.
    #[must_use]
    pub fn patience(&self) -> Duration {
        self.t1 * 64
    }
}

/// Which table a key belongs to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Side {
    /// Calls made.
    Out,
    /// Calls taken.
    In,
    /// Registrations.
    Register,
}

impl Side {
    const fn letter(self) -> char {
        match self {
            Self::Out => 'o',
            Self::In => 'n',
            Self::Register => 'r',
        }
    }
}

/// The shared part of a phone.
pub(crate) struct Line {
    pub(crate) config: PhoneConfig,
    pub(crate) tally: Tally,
    pub(crate) rng: SeededRng,
    out: VecDeque<Output>,
    wakes: BinaryHeap<Reverse<(Instant, Side, Key)>>,
}

impl Line {
    pub(crate) fn new(config: PhoneConfig, seed: u64) -> Self {
        Self {
            config,
            tally: Tally::default(),
            rng: SeededRng::new(seed),
            out: VecDeque::new(),
            wakes: BinaryHeap::new(),
        }
    }

    pub(crate) fn send(&mut self, to: Target, bytes: Bytes) {
        self.out.push_back(Output::Send(Send { to, bytes, origin: None }));
    }

    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// Plans a wake-up unless one is planned for then or earlier; `armed` remembers it.
    pub(crate) fn arm(&mut self, armed: &mut Instant, due: Instant, side: Side, key: Key) {
        if due < *armed {
            *armed = due;
            self.wakes.push(Reverse((due, side, key)));
        }
    }

    pub(crate) fn next_wake(&self) -> Option<Instant> {
        self.wakes.peek().map(|Reverse((at, ..))| *at)
    }

    pub(crate) fn take_wake(&mut self, now: Instant) -> Option<(Instant, Side, Key)> {
        if self.next_wake()? > now {
            return None;
        }
        self.wakes.pop().map(|Reverse(wake)| wake)
    }

    /// A target over the phone's own transport.
    pub(crate) const fn target(&self, peer: SocketAddr) -> Target {
        Target { proto: self.config.proto, peer, listen: None, conn: None }
    }

    pub(crate) const fn proxy(&self) -> Target {
        self.target(self.config.proxy)
    }

    /// Where a URI leads: its numeric host, its port and transport. A name leads to the proxy,
    /// since there is no DNS here.
    pub(crate) fn resolve(&self, uri: &[u8]) -> Target {
        let Ok(parsed) = Uri::parse(uri) else { return self.proxy() };
        let Some(ip) = parsed.host.as_ip() else { return self.proxy() };
        let proto = parsed
            .transport()
            .and_then(Proto::from_token)
            .unwrap_or(if self.config.proto.is_stream() { self.config.proto } else { Proto::Udp });
        let peer = SocketAddr::new(ip, parsed.port.unwrap_or(proto.default_port()));
        Target { proto, peer, listen: None, conn: None }
    }

    /// A branch that leads back to a call: `kind` tells its transactions apart.
    pub(crate) fn branch(&mut self, side: Side, key: Key, kind: char) -> Bytes {
        let random = self.rng.next_u64() as u32;
        Bytes::from(format!(
            "{COOKIE}{}{kind}{:x}.{:x}.{random:08x}",
            side.letter(),
            key.slot,
            key.generation
        ))
    }

    /// A tag that leads back to a call.
    pub(crate) fn tag(&mut self, side: Side, key: Key) -> Bytes {
        let random = self.rng.next_u64() as u32;
        Bytes::from(format!("{}{:x}.{:x}.{random:08x}", side.letter(), key.slot, key.generation))
    }

    pub(crate) fn call_id(&mut self, side: Side, key: Key) -> Bytes {
        let random = self.rng.next_u64();
        let Key { slot, generation } = key;
        let ip = self.config.address.ip();
        Bytes::from(format!("{}{slot:x}.{generation:x}.{random:016x}@{ip}", side.letter()))
    }

    /// The phone's contact URI for a user.
    pub(crate) fn contact(&self, user: &[u8]) -> String {
        let mut uri = format!("sip:{}@{}", String::from_utf8_lossy(user), self.config.address);
        if self.config.proto != Proto::Udp {
            let _ = write!(uri, ";transport={}", self.config.proto.token());
        }
        uri
    }

    /// The start of a request: its first line, Via and Max-Forwards.
    pub(crate) fn request(&self, method: &str, uri: &[u8], branch: &[u8]) -> Vec<u8> {
        let mut text = Vec::with_capacity(768);
        let (token, address) = (self.config.proto.via_token(), self.config.address);
        put(&mut text, &[method.as_bytes(), b" ", uri, b" SIP/2.0\r\nVia: SIP/2.0/"]);
        put(&mut text, &[token.as_bytes(), b" ", address.to_string().as_bytes(), b";branch="]);
        put(&mut text, &[branch, b";rport\r\nMax-Forwards: 70\r\n"]);
        text
    }

    /// Where the response to a request goes (RFC 3261 18.2.2, RFC 3581 4).
    pub(crate) fn back(&self, flow: &Flow, request: &Message) -> Target {
        let mut target = flow.back();
        if let Some((via, false)) =
            request.top_via().ok().map(|v| (v, flow.proto.is_stream() || v.rport().is_some()))
        {
            target.peer.set_port(via.port.unwrap_or(flow.proto.default_port()));
        }
        target
    }

    /// The start of a response: status line, Vias with received and rport (RFC 3261 18.2.1), From,
    /// To with our tag, Call-ID, CSeq and, where a dialog may come of it, Record-Route.
    pub(crate) fn response(
        &self,
        request: &Message,
        flow: &Flow,
        status: u16,
        tag: &[u8],
    ) -> Vec<u8> {
        let mut text = Vec::with_capacity(768);
        let reason = reason_phrase(status);
        put(&mut text, &[format!("SIP/2.0 {status} {reason}\r\n").as_bytes()]);
        for (index, via) in request.vias().filter_map(Result::ok).enumerate() {
            let line = request.slice(via.span);
            text.extend_from_slice(b"Via: ");
            if index > 0 {
                text.extend_from_slice(line);
            } else {
                stamp(&mut text, line, flow.peer, via.host.as_ip() != Some(flow.peer.ip()));
            }
            text.extend_from_slice(b"\r\n");
        }
        for header in request.headers() {
            match header.id {
                HeaderId::From | HeaderId::CallId | HeaderId::CSeq => {
                    text.extend_from_slice(request.slice(header.span));
                }
                HeaderId::To => {
                    put(&mut text, &[b"To: ", header.value]);
                    if request.to().is_ok_and(|to| to.tag().is_none()) && status > 100 {
                        put(&mut text, &[b";tag=", tag]);
                    }
                    text.extend_from_slice(b"\r\n");
                }
                HeaderId::RecordRoute if (101..300).contains(&status) => {
                    text.extend_from_slice(request.slice(header.span));
                }
                _ => {}
            }
        }
        text
    }
}

/// The magic cookie of branches (RFC 3261 8.1.1.7).
const COOKIE: &str = "z9hG4bK";

/// Which call a branch of ours belongs to, and which of its transactions.
pub(crate) fn key_of_branch(branch: &[u8]) -> Option<(Side, char, Key)> {
    let rest = branch.strip_prefix(COOKIE.as_bytes())?;
    let (side, rest) = side_of(rest)?;
    let (kind, rest) = rest.split_first()?;
    Some((side, char::from(*kind), key_of(rest)?))
}

/// Which call a tag of ours belongs to.
pub(crate) fn key_of_tag(tag: &[u8]) -> Option<(Side, Key)> {
    let (side, rest) = side_of(tag)?;
    Some((side, key_of(rest)?))
}

fn side_of(text: &[u8]) -> Option<(Side, &[u8])> {
    let (letter, rest) = text.split_first()?;
    let side = match letter {
        b'o' => Side::Out,
        b'n' => Side::In,
        b'r' => Side::Register,
        _ => return None,
    };
    Some((side, rest))
}

fn key_of(text: &[u8]) -> Option<Key> {
    let mut parts = std::str::from_utf8(text).ok()?.split('.');
    let mut number = || u32::from_str_radix(parts.next()?, 16).ok();
    Some(Key { slot: number()?, generation: number()? })
}

/// Writes a request's top Via with where it came from: `rport` is filled in, and `received` added
/// when asked by rport or when the host differs (RFC 3261 18.2.1, RFC 3581 4).
fn stamp(text: &mut Vec<u8>, via: &[u8], source: SocketAddr, differs: bool) {
    const RPORT: &[u8] = b";rport";
    let asked = via.windows(RPORT.len()).position(|w| w.eq_ignore_ascii_case(RPORT));
    let asked = asked.map(|at| at + RPORT.len()).filter(|end| via.get(*end) != Some(&b'='));
    let (before, after) = via.split_at(asked.unwrap_or(via.len()));
    text.extend_from_slice(before);
    if asked.is_some() {
        text.extend_from_slice(format!("={}", source.port()).as_bytes());
    }
    text.extend_from_slice(after);
    if asked.is_some() || differs {
        text.extend_from_slice(format!(";received={}", source.ip()).as_bytes());
    }
}

/// Appends pieces of text.
pub(crate) fn put(text: &mut Vec<u8>, pieces: &[&[u8]]) {
    for piece in pieces {
        text.extend_from_slice(piece);
    }
}

/// Ends a message without a body.
pub(crate) fn finish(mut text: Vec<u8>) -> Bytes {
    text.extend_from_slice(b"Content-Length: 0\r\n\r\n");
    Bytes::from(text)
}

/// Ends a message with a session description. What it says matters to nobody here.
pub(crate) fn finish_with_sdp(mut text: Vec<u8>, address: SocketAddr) -> Bytes {
    let family = if address.is_ipv4() { "IP4" } else { "IP6" };
    let ip = address.ip();
    let sdp = format!(
        "v=0\r\no=- 1 1 IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\n\
         m=audio 40000 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"
    );
    let head = format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n", sdp.len());
    put(&mut text, &[head.as_bytes(), sdp.as_bytes()]);
    Bytes::from(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_and_tags_lead_back_to_their_call() {
        let here = "10.0.0.1:5060".parse().unwrap();
        let mut line = Line::new(PhoneConfig::new(here, here), 1);
        let key = Key { slot: 0x1234, generation: 7 };
        let branch = line.branch(Side::In, key, 'b');
        assert_eq!(key_of_branch(&branch), Some((Side::In, 'b', key)));
        let tag = line.tag(Side::Out, key);
        assert_eq!(key_of_tag(&tag), Some((Side::Out, key)));
        assert_eq!(key_of_branch(b"z9hG4bKdead.beef"), None);
        assert_eq!(key_of_tag(b""), None);
    }
}
