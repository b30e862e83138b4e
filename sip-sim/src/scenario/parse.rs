//! From the text of a scenario file to its steps.

use sip_core::net::Proto;
use sip_core::time::Duration;
use std::net::SocketAddr;

use super::check::{Check, Pattern};
use super::error::{Failure, Place};
use crate::link::{Chance, Link};

/// A scenario that was read.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The file's name, for errors.
    pub file: String,
    /// What its world follows from.
    pub seed: u64,
    /// What the subject is started with, and the line before its first.
    pub(super) config: (String, usize),
    pub(super) steps: Vec<(Place, Step)>,
    lines: Vec<String>,
}

/// One line of a scenario, or one block.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Peer { name: String, proto: Proto, address: SocketAddr },
    Let { name: String, value: String },
    Link { peer: String, link: Link },
    Loss { peer: String, loss: Chance },
    Drop { peer: String, count: u32 },
    Cut { peer: String },
    Heal,
    Time(Duration),
    Send { peer: String, raw: bool, text: Vec<String> },
    Expect(Expect),
    Reply { peer: String, to: String, status: u16, reason: String, text: Vec<String> },
    Ignore { peer: String, pattern: Pattern },
    Drain { peer: String },
    Silence { peer: String, time: Duration },
    Stat { name: String, operator: Operator, value: u64 },
    Rpc { method: String, params: String, expect: RpcExpect },
    Do(String),
    Rest(Duration),
}

#[derive(Clone, Debug)]
pub(super) struct Expect {
    pub(super) peer: String,
    pub(super) pattern: Pattern,
    pub(super) within: Duration,
    pub(super) after: Duration,
    pub(super) name: Option<String>,
    pub(super) checks: Vec<(Place, Check)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Operator {
    Equal,
    Differs,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

impl Operator {
    pub(super) const fn holds(self, left: u64, right: u64) -> bool {
        match self {
            Self::Equal => left == right,
            Self::Differs => left != right,
            Self::Less => left < right,
            Self::AtMost => left <= right,
            Self::Greater => left > right,
            Self::AtLeast => left >= right,
        }
    }
}

#[derive(Clone, Debug)]
pub(super) enum RpcExpect {
    Success,
    Contains(String),
    Lacks(String),
    Fails(String),
}

impl Scenario {
    /// Reads the text of a scenario file called `file`.
    ///
    /// # Errors
    /// With the place and the reason when it cannot be read.
    pub fn parse(file: &str, text: &str) -> Result<Self, Failure> {
        let lines = text.lines().map(str::to_string).collect();
        let (config, steps) = ((String::new(), 0), Vec::new());
        let mut scenario = Self { file: file.into(), seed: 1, config, steps, lines };
        let mut at = 0;
        while at < scenario.lines.len() {
            let line = scenario.lines[at].clone();
            let mut words = Words { line: &line, at: 0 };
            let next = match words.next() {
                None => Ok(at + 1),
                Some(word) if word.starts_with('#') => Ok(at + 1),
                Some(keyword) => scenario.step(keyword, words, at),
            };
            let wrong = |(place, message)| scenario.failure(place, message, String::new());
            at = next.map_err(wrong)?;
        }
        Ok(scenario)
    }

    pub(super) fn failure(&self, place: Place, message: String, ladder: String) -> Failure {
        let source = self.lines.get(place.line.wrapping_sub(1)).cloned().unwrap_or_default();
        Failure { file: self.file.clone(), place, message, source, ladder }
    }

    /// The place after the last line.
    pub(super) fn end(&self) -> Place {
        Place { line: self.lines.len(), column: 1 }
    }

    /// Reads the step that starts at line `at` (from 0); returns the line to read on at.
    fn step(&mut self, keyword: &str, mut w: Words<'_>, at: usize) -> Result<usize, Wrong> {
        let place = Place { line: at + 1, column: 1 + w.at - keyword.len() };
        let wrong = |column: usize, what: &str| {
            (Place { line: at + 1, column: column + 1 }, what.to_string())
        };
        let mut next = at + 1;
        let mut block = || -> Result<Vec<String>, Wrong> {
            let body = self.lines.iter().skip(at + 1).take_while(|l| l.trim() != ">>>");
            let body: Vec<String> = body.cloned().collect();
            next = at + 2 + body.len();
            if next > self.lines.len() {
                return Err((place, "its block is not closed with >>>".into()));
            }
            Ok(outdent(body))
        };
        let step = match keyword {
            "SEED" => {
                self.seed = w.number().ok_or_else(|| wrong(w.at, "a number is missing"))?;
                None
            }
            "CONFIG" => {
                w.block_mark().map_err(|column| wrong(column, "<<< is missing"))?;
                self.config = (block()?.join("\n"), at + 1);
                w = Words { line: "", at: 0 };
                None
            }
            "SEND" => {
                let peer = w.word().ok_or_else(|| wrong(w.at, "a peer is missing"))?;
                let raw = w.take("RAW");
                w.block_mark().map_err(|column| wrong(column, "<<< is missing"))?;
                Some(Step::Send { peer, raw, text: block()? })
            }
            "REPLY" => {
                let head = (|| Some((w.word()?, w.word()?, w.number()?)))();
                let (peer, to, status) =
                    head.ok_or_else(|| wrong(w.at, "it goes: REPLY peer message status"))?;
                let status = u16::try_from(status).ok().filter(|s| (100..700).contains(s));
                let status = status.ok_or_else(|| wrong(w.at, "a status is 100 to 699"))?;
                let rest = w.rest();
                let reason = rest.trim_end_matches("<<<").trim().to_string();
                let text = if rest.ends_with("<<<") { block()? } else { Vec::new() };
                Some(Step::Reply { peer, to, status, reason, text })
            }
            "EXPECT" => {
                let mut expect = expect(&mut w).map_err(|what| wrong(w.at, &what))?;
                if w.take("<<<") {
                    for (index, line) in block()?.iter().enumerate() {
                        let place = Place { line: at + 2 + index, column: 1 };
                        if let Some(check) = Check::parse(line).map_err(|what| (place, what))? {
                            expect.checks.push((place, check));
                        }
                    }
                }
                Some(Step::Expect(expect))
            }
            keyword => Some(simple(keyword, &mut w).map_err(|what| wrong(w.at, &what))?),
        };
        if let Some(more) = w.next() {
            return Err(wrong(w.at - more.len(), &format!("{more} is too much here")));
        }
        self.steps.extend(step.map(|step| (place, step)));
        Ok(next)
    }
}

type Wrong = (Place, String);

/// A step that is one line.
fn simple(keyword: &str, w: &mut Words<'_>) -> Result<Step, String> {
    let peer = |w: &mut Words<'_>| w.word().ok_or("a peer is missing");
    let time = |w: &mut Words<'_>| w.duration().ok_or("a time is missing, as 500ms, 32s or 2min");
    Ok(match keyword {
        "PEER" => {
            let name = w.word().ok_or("a name is missing")?;
            if name == "all" || name.starts_with("engine") {
                return Err(format!("a peer cannot be called {name}"));
            }
            let proto = w.word().and_then(|word| Proto::from_token(word.as_bytes()));
            let address = w.word().and_then(|word| word.parse().ok());
            let proto = proto.ok_or("it goes: PEER name udp 10.0.0.1:5060")?;
            Step::Peer { name, proto, address: address.ok_or("an address is missing")? }
        }
        "LET" => {
            let name = w.word().ok_or("a name is missing")?;
            if !w.take("=") {
                return Err("= is missing".into());
            }
            Step::Let { name, value: w.rest() }
        }
        "LINK" => Step::Link { peer: peer(w)?, link: link(w)? },
        "LOSS" => {
            Step::Loss { peer: peer(w)?, loss: w.chance().ok_or("a chance is missing, as 10%")? }
        }
        "DROP" => {
            let peer = peer(w)?;
            let count = w.number().and_then(|n| u32::try_from(n).ok()).ok_or("how many?")?;
            Step::Drop { peer, count }
        }
        "CUT" => Step::Cut { peer: peer(w)? },
        "HEAL" => Step::Heal,
        "TIME" => Step::Time(time(w)?),
        "IGNORE" => Step::Ignore { peer: peer(w)?, pattern: Pattern::parse(w)? },
        "DRAIN" => Step::Drain { peer: peer(w)? },
        "SILENCE" => Step::Silence { peer: peer(w)?, time: time(w)? },
        "STAT" => {
            let name = w.word().ok_or("a name is missing")?;
            let operator = match w.next() {
                Some("=") => Operator::Equal,
                Some("!=") => Operator::Differs,
                Some("<") => Operator::Less,
                Some("<=") => Operator::AtMost,
                Some(">") => Operator::Greater,
                Some(">=") => Operator::AtLeast,
                _ => return Err("one of = != < <= > >= is missing".into()),
            };
            Step::Stat { name, operator, value: w.number().ok_or("a number is missing")? }
        }
        "RPC" => rpc(w)?,
        "DO" => Step::Do(w.rest()),
        "REST" => Step::Rest(time(w)?),
        other => return Err(format!("{other} is no step")),
    })
}

fn expect(w: &mut Words<'_>) -> Result<Expect, String> {
    let mut expect = Expect {
        peer: w.word().ok_or("a peer is missing")?,
        pattern: Pattern::parse(w)?,
        within: Duration::from_secs(5),
        after: Duration::ZERO,
        name: None,
        checks: Vec::new(),
    };
    loop {
        if w.take("within") {
            expect.within = w.duration().ok_or("a time is missing")?;
        } else if w.take("after") {
            expect.after = w.duration().ok_or("a time is missing")?;
        } else if w.take("as") {
            expect.name = Some(w.word().ok_or("a name is missing")?);
        } else {
            return Ok(expect);
        }
    }
}

fn link(w: &mut Words<'_>) -> Result<Link, String> {
    let mut link = Link::default();
    loop {
        if w.take("delay") {
            link.delay = w.duration().ok_or("a time is missing")?;
        } else if w.take("jitter") {
            link.jitter = w.duration().ok_or("a time is missing")?;
        } else if w.take("loss") {
            link.loss = w.chance().ok_or("a chance is missing, as 10%")?;
        } else if w.take("duplicate") {
            link.duplicate = w.chance().ok_or("a chance is missing, as 10%")?;
        } else if w.take("reorder") {
            link.reorder = w.chance().ok_or("a chance is missing, as 10%")?;
        } else {
            return Ok(link);
        }
    }
}

/// `method params contains "text"`: the parameters are everything in between.
fn rpc(w: &mut Words<'_>) -> Result<Step, String> {
    let method = w.word().ok_or("a command is missing")?;
    let rest = w.rest();
    let quoted = rest.strip_suffix('"').and_then(|r| r.rsplit_once('"'));
    for word in ["contains", "lacks", "fails"] {
        let params =
            quoted.and_then(|(before, text)| Some((before.trim().strip_suffix(word)?, text)));
        if let Some((params, text)) = params {
            let text = text.to_string();
            let expect = match word {
                "contains" => RpcExpect::Contains(text),
                "lacks" => RpcExpect::Lacks(text),
                _ => RpcExpect::Fails(text),
            };
            return Ok(Step::Rpc { method, params: params.trim().to_string(), expect });
        }
    }
    Ok(Step::Rpc { method, params: rest, expect: RpcExpect::Success })
}

/// Takes the white space off that all lines of a block begin with.
fn outdent(lines: Vec<String>) -> Vec<String> {
    let indent = |line: &String| line.len() - line.trim_start().len();
    let filled = lines.iter().filter(|line| !line.trim().is_empty());
    let common = filled.map(indent).min().unwrap_or(0);
    lines.iter().map(|line| line.get(common..).unwrap_or_default().to_string()).collect()
}

/// The words of a line, and where reading has come to.
pub(super) struct Words<'a> {
    line: &'a str,
    at: usize,
}

impl<'a> Words<'a> {
    pub(super) fn next(&mut self) -> Option<&'a str> {
        let rest = &self.line[self.at..];
        let word = rest.split_whitespace().next()?;
        let start = self.at + rest.find(word)?;
        self.at = start + word.len();
        Some(word)
    }

    fn word(&mut self) -> Option<String> {
        self.next().map(str::to_string)
    }

    fn number(&mut self) -> Option<u64> {
        self.next()?.parse().ok()
    }

    fn take(&mut self, expected: &str) -> bool {
        let before = self.at;
        let found = self.next() == Some(expected);
        if !found {
            self.at = before;
        }
        found
    }

    fn block_mark(&mut self) -> Result<(), usize> {
        if self.take("<<<") { Ok(()) } else { Err(self.at) }
    }

    /// Everything that is left of the line.
    fn rest(&mut self) -> String {
        let rest = self.line[self.at..].trim().to_string();
        self.at = self.line.len();
        rest
    }

    fn duration(&mut self) -> Option<Duration> {
        let word = self.next()?;
        let unit = word.find(|c: char| c.is_ascii_alphabetic())?;
        let number: f64 = word[..unit].parse().ok().filter(|n| (0.0..1e9).contains(n))?;
        let seconds = match &word[unit..] {
            "us" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "min" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        Some(Duration::from_secs_f64(number * seconds))
    }

    fn chance(&mut self) -> Option<Chance> {
        let percent: f64 = self.next()?.strip_suffix('%')?.parse().ok()?;
        let thousandths = (percent * 10.0).round();
        (0.0..=1000.0).contains(&thousandths).then(|| Chance::per_mille(thousandths as u16))
    }
}
