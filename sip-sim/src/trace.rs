//! What went over the wire: a bounded record, a digest of everything, and the ladder diagram that
//! a failing test prints.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use sip_core::net::Proto;
use sip_core::time::Instant;

use crate::node::NodeId;

/// What became of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// It arrives then.
    Arrives(Instant),
    /// It arrives twice.
    Twice(Instant, Instant),
    /// The link loses it.
    Lost,
    /// It runs into a cut of the network.
    Cut,
    /// Nobody listens at its destination.
    Nobody,
}

/// What a trace keeps; its digest covers everything in any case.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Keep {
    /// Nothing.
    Nothing,
    /// The last so many messages.
    Last(usize),
    /// Every message that contains these bytes, such as a Call-ID. A run is repeated with its seed
    /// and this to see one call of a hundred thousand.
    Containing(Vec<u8>),
}

/// One message, as it was sent.
#[derive(Clone, Debug)]
pub struct Record {
    /// When it was sent.
    pub at: Instant,
    /// By whom, from which address.
    pub from: (NodeId, SocketAddr),
    /// To whom, at which address.
    pub to: (Option<NodeId>, SocketAddr),
    /// Over what.
    pub proto: Proto,
    /// What became of it.
    pub fate: Fate,
    /// The message.
    pub bytes: Bytes,
}

enum Entry {
    Sent(Record),
    Note { at: Instant, text: String },
}

/// The record of a run.
pub struct Trace {
    seed: u64,
    start: Instant,
    keep: Keep,
    names: Vec<String>,
    entries: VecDeque<Entry>,
    forgotten: u64,
    messages: u64,
    digest: u64,
}

impl Trace {
    pub(crate) fn new(seed: u64, start: Instant) -> Self {
        Self {
            seed,
            start,
            keep: Keep::Last(200),
            names: Vec::new(),
            entries: VecDeque::new(),
            forgotten: 0,
            messages: 0,
            digest: seed,
        }
    }

    /// Sets what is kept from now on.
    pub fn keep(&mut self, keep: Keep) {
        self.keep = keep;
    }

    /// A number that two runs share when every message of theirs was the same, at the same time,
    /// with the same fate.
    #[must_use]
    pub const fn digest(&self) -> u64 {
        self.digest
    }

    /// How many messages were sent.
    #[must_use]
    pub const fn messages(&self) -> u64 {
        self.messages
    }

    /// The kept messages, oldest first.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Sent(record) => Some(record),
            Entry::Note { .. } => None,
        })
    }

    /// Writes a remark into the record.
    pub fn note(&mut self, at: Instant, text: impl Into<String>) {
        self.push(Entry::Note { at, text: text.into() });
    }

    /// The ladder diagram of what was kept: the seed, a lane for each node, a line for each
    /// message with its time in seconds from the start, its fate and its start line.
    #[must_use]
    pub fn ladder(&self) -> String {
        let lanes = self.lanes();
        let mut text = format!("seed {}\n", self.seed);
        if self.forgotten > 0 {
            let _ = writeln!(text, "({} earlier messages are not kept)", self.forgotten);
        }
        let _ = write!(text, "{:>11}  ", "");
        for lane in &lanes {
            let name = lane.map_or("(nobody)", |id| self.names[id.index()].as_str());
            let _ = write!(text, "{name:<LANE$}");
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
        for entry in &self.entries {
            match entry {
                Entry::Sent(record) => self.arrow(&mut text, &lanes, record),
                Entry::Note { at, text: note } => {
                    let _ = writeln!(text, "{:>11}  * {note}", self.seconds(*at));
                }
            }
        }
        text
    }

    pub(crate) fn name(&mut self, name: String) {
        self.names.push(name);
    }

    pub(crate) fn name_of(&self, id: NodeId) -> &str {
        &self.names[id.index()]
    }

    pub(crate) fn record(&mut self, record: Record) {
        self.messages += 1;
        self.mix(&record);
        match &self.keep {
            Keep::Nothing => {}
            Keep::Last(_) => self.push(Entry::Sent(record)),
            Keep::Containing(part) => {
                if contains(&record.bytes, part) {
                    self.push(Entry::Sent(record));
                }
            }
        }
    }

    fn push(&mut self, entry: Entry) {
        if let Keep::Last(limit) = self.keep {
            while self.entries.len() >= limit.max(1) {
                self.entries.pop_front();
                self.forgotten += 1;
            }
        }
        self.entries.push_back(entry);
    }

    fn mix(&mut self, record: &Record) {
        let mut digest = self.digest;
        let mut word = |w: u64| {
            digest = (digest.rotate_left(23) ^ w).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        };
        word(record.at.as_nanos());
        word(address_word(record.from.1));
        word(address_word(record.to.1));
        match record.fate {
            Fate::Arrives(at) => word(at.as_nanos()),
            Fate::Twice(one, two) => word(one.as_nanos() ^ two.as_nanos().rotate_left(32)),
            Fate::Lost => word(1),
            Fate::Cut => word(2),
            Fate::Nobody => word(3),
        }
        word(record.bytes.len() as u64);
        let mut chunks = record.bytes.chunks_exact(8);
        for chunk in &mut chunks {
            word(u64::from_le_bytes(chunk.try_into().expect("chunks of eight")));
        }
        word(chunks.remainder().iter().fold(0, |acc, b| acc << 8 | u64::from(*b)));
        self.digest = digest;
    }

    /// The nodes that take part, in the order they joined, and a lane for nobody if one is needed.
    fn lanes(&self) -> Vec<Option<NodeId>> {
        let mut lanes: Vec<Option<NodeId>> =
            self.records().flat_map(|r| [Some(r.from.0), r.to.0]).collect();
        lanes.sort_by_key(|lane| lane.map_or(u32::MAX, |id| id.0));
        lanes.dedup();
        lanes
    }

    fn seconds(&self, at: Instant) -> String {
        let ns = at.saturating_since(self.start).as_nanos();
        format!("{}.{:06}", ns / 1_000_000_000, ns % 1_000_000_000 / 1000)
    }

    fn arrow(&self, text: &mut String, lanes: &[Option<NodeId>], record: &Record) {
        let lane = |who: Option<NodeId>| lanes.iter().position(|l| *l == who).unwrap_or(0) * LANE;
        let (from, to) = (lane(Some(record.from.0)), lane(record.to.0));
        let mut row = vec![b' '; (lanes.len().max(1) - 1) * LANE + 1];
        row.iter_mut().step_by(LANE).for_each(|c| *c = b'|');
        let (left, right) = (from.min(to), from.max(to));
        let lost = matches!(record.fate, Fate::Lost | Fate::Cut | Fate::Nobody);
        if left == right {
            row[left] = b'@';
        } else {
            row[left + 1..right].fill(b'-');
            let head = if lost {
                b'x'
            } else if to > from {
                b'>'
            } else {
                b'<'
            };
            row[if to > from { right - 1 } else { left + 1 }] = head;
            let label = label(&record.bytes, right - left - 5);
            let start = left + (right - left - label.len()) / 2;
            row[start..start + label.len()].copy_from_slice(label.as_bytes());
        }
        let fate = match record.fate {
            Fate::Arrives(at) => format!("{} ms", at.saturating_since(record.at).as_millis()),
            Fate::Twice(one, two) => format!(
                "{} and {} ms",
                one.saturating_since(record.at).as_millis(),
                two.saturating_since(record.at).as_millis()
            ),
            Fate::Lost => "lost".into(),
            Fate::Cut => "cut".into(),
            Fate::Nobody => format!("nobody at {}", record.to.1),
        };
        let row = String::from_utf8_lossy(&row);
        let start: String = first_line(&record.bytes).chars().take(100).collect();
        let at = self.seconds(record.at);
        let _ = writeln!(text, "{at:>11}  {row}  {start} ({}, {fate})", record.proto);
    }
}

/// The columns of one lane.
const LANE: usize = 22;

/// What stands on an arrow: the method or the status, and the CSeq.
fn label(bytes: &[u8], room: usize) -> String {
    let line = first_line(bytes);
    let cseq = header_value(bytes, b"\r\ncseq:").unwrap_or_default();
    let (number, method) = cseq.split_once(' ').unwrap_or_default();
    let first = |text: &str| text.split(' ').next().unwrap_or_default().to_string();
    let text = match line.strip_prefix("SIP/2.0 ") {
        Some(status) => format!("{} {method} {number}", first(status)),
        None => format!("{} {number}", first(&line)),
    };
    text.trim().chars().filter(char::is_ascii).take(room).collect()
}

fn first_line(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|b| matches!(b, b'\r' | b'\n')).unwrap_or(bytes.len());
    bytes[..end].escape_ascii().to_string()
}

fn header_value(bytes: &[u8], name: &[u8]) -> Option<String> {
    let at = bytes.windows(name.len()).position(|w| w.eq_ignore_ascii_case(name))?;
    Some(first_line(&bytes[at + name.len()..]).trim().to_string())
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    !part.is_empty() && bytes.windows(part.len()).any(|w| w == part)
}

fn address_word(addr: SocketAddr) -> u64 {
    let ip = match addr.ip() {
        IpAddr::V4(v4) => u64::from(u32::from(v4)),
        IpAddr::V6(v6) => {
            let bits = u128::from(v6);
            (bits as u64) ^ ((bits >> 64) as u64).rotate_left(7)
        }
    };
    ip << 16 ^ u64::from(addr.port())
}
