//! Attributes, `a=name` and `a=name:value` (RFC 8866 5.13), and those with a structure of their
//! own: rtpmap and fmtp (RFC 8866 6.6, 6.15), directions (6.7), ICE candidates (RFC 8839 5.1).

use super::line::Line;
use crate::lex::block;
use crate::{Span, lex};
use core::net::IpAddr;

/// One attribute.
#[derive(Clone, Copy, Debug)]
pub struct Attribute<'a> {
    /// Its name, compared with case.
    pub name: &'a [u8],
    /// What follows the colon; None without one.
    pub value: Option<&'a [u8]>,
    /// Where the value stands; None without one.
    pub value_span: Option<Span>,
    /// Its line.
    pub line: Line<'a>,
}

impl<'a> Attribute<'a> {
    #[inline]
    pub(super) fn of(line: Line<'a>) -> Attribute<'a> {
        let colon = block::find_byte(line.value, 0, b':');
        let value = line.value.get(colon + 1..);
        let base = line.value_span.start;
        Attribute {
            name: line.value.get(..colon).unwrap_or_default(),
            value,
            value_span: value.map(|_| Span::at(base, colon + 1, line.value.len())),
            line,
        }
    }

    /// The first word of the value and what follows it.
    fn first_word(&self, name: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
        if self.name != name {
            return None;
        }
        let value = self.value?;
        let blank = block::find_byte(value, 0, b' ');
        Some((value.get(..blank)?, value.get(blank..)?.trim_ascii_start()))
    }

    /// The payload type that an rtpmap, fmtp or rtcp-fb line is about.
    pub(super) fn payload(&self) -> Option<u8> {
        if !matches!(self.name, b"rtpmap" | b"fmtp" | b"rtcp-fb") {
            return None;
        }
        self.first_word(self.name).and_then(|(word, _)| payload(word))
    }
}

/// A payload type: 0 to 127 (RFC 3550 5.1).
pub(super) fn payload(word: &[u8]) -> Option<u8> {
    if word.len() > 3 {
        return None;
    }
    lex::number(word).and_then(|n| u8::try_from(n).ok()).filter(|n| *n < 128)
}

/// Which way media flow (RFC 8866 6.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Both ways, which holds when nothing is said.
    SendRecv,
    /// Whoever wrote the description sends only.
    SendOnly,
    /// Whoever wrote the description receives only.
    RecvOnly,
    /// Neither way; RTCP still flows.
    Inactive,
}

impl Direction {
    /// The direction that is all of an attribute's text.
    pub fn parse(text: &[u8]) -> Option<Direction> {
        match text {
            b"sendrecv" => Some(Direction::SendRecv),
            b"sendonly" => Some(Direction::SendOnly),
            b"recvonly" => Some(Direction::RecvOnly),
            b"inactive" => Some(Direction::Inactive),
            _ => None,
        }
    }

    /// Its name in an attribute.
    pub const fn name(self) -> &'static str {
        match self {
            Direction::SendRecv => "sendrecv",
            Direction::SendOnly => "sendonly",
            Direction::RecvOnly => "recvonly",
            Direction::Inactive => "inactive",
        }
    }

    /// The direction as the other side sees it (RFC 3264 6.1).
    pub const fn reversed(self) -> Direction {
        match self {
            Direction::SendOnly => Direction::RecvOnly,
            Direction::RecvOnly => Direction::SendOnly,
            same => same,
        }
    }
}

/// `a=rtpmap` (RFC 8866 6.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtpMap<'a> {
    /// Payload type, 0 to 127.
    pub payload: u8,
    /// Name of the encoding, compared without case.
    pub encoding: &'a [u8],
    /// Clock rate in hertz.
    pub clock: u32,
    /// What follows the clock rate: the number of channels of audio.
    pub parameters: Option<&'a [u8]>,
    /// The whole line with its line end.
    pub line: Span,
}

impl<'a> RtpMap<'a> {
    /// Reads an attribute; None when it is no well-formed rtpmap.
    pub fn of(attribute: &Attribute<'a>) -> Option<RtpMap<'a>> {
        let (word, rest) = attribute.first_word(b"rtpmap")?;
        let mut parts = rest.trim_ascii_end().splitn(3, |b| *b == b'/');
        let encoding = parts.next().filter(|e| !e.is_empty())?;
        let clock = parts.next().and_then(lex::number)?;
        let line = attribute.line.span;
        Some(RtpMap { payload: payload(word)?, encoding, clock, parameters: parts.next(), line })
    }
}

/// `a=fmtp` (RFC 8866 6.15).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fmtp<'a> {
    /// The format: a payload type where RTP is the protocol.
    pub format: &'a [u8],
    /// Its parameters as they stand.
    pub parameters: &'a [u8],
    /// The whole line with its line end.
    pub line: Span,
}

impl<'a> Fmtp<'a> {
    /// Reads an attribute; None when it is no well-formed fmtp.
    pub fn of(attribute: &Attribute<'a>) -> Option<Fmtp<'a>> {
        let (format, parameters) = attribute.first_word(b"fmtp")?;
        let line = attribute.line.span;
        (!format.is_empty()).then_some(Fmtp { format, parameters, line })
    }

    /// The value of a parameter in a list `name=value;name=value`, its name compared without
    /// case; empty for a parameter without a value.
    pub fn get(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.parameters.split(|b| *b == b';').find_map(|p| {
            let p = p.trim_ascii();
            let eq = memchr::memchr(b'=', p).unwrap_or(p.len());
            let found = p.get(..eq)?.trim_ascii_end().eq_ignore_ascii_case(name);
            found.then(|| p.get(eq + 1..).unwrap_or_default().trim_ascii_start())
        })
    }
}

/// `a=candidate` of ICE (RFC 8839 5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate<'a> {
    /// Foundation: 1 to 32 characters.
    pub foundation: &'a [u8],
    /// Component, 1 for RTP, 2 for RTCP.
    pub component: u32,
    /// Transport, such as `UDP`, compared without case.
    pub transport: &'a [u8],
    /// Priority.
    pub priority: u32,
    /// Connection address or name, such as one that ends in `.local`.
    pub address: &'a [u8],
    /// Where the address stands.
    pub address_span: Span,
    /// Port.
    pub port: u16,
    /// Kind: `host`, `srflx`, `prflx`, `relay`.
    pub kind: &'a [u8],
    /// Related address, when there is one.
    pub related_address: Option<&'a [u8]>,
    /// Related port, when there is one.
    pub related_port: Option<u16>,
    /// What follows as it stands: pairs of name and value.
    pub extensions: &'a [u8],
    /// The whole line with its line end.
    pub line: Span,
}

impl<'a> Candidate<'a> {
    /// Reads an attribute; None when it is no well-formed candidate.
    pub fn of(attribute: &Attribute<'a>) -> Option<Candidate<'a>> {
        let value = attribute.value.filter(|_| attribute.name == b"candidate")?;
        let base = attribute.value_span?;
        let words = Line { value, value_span: base, ..attribute.line };
        let mut words = words.words().peekable();
        let foundation = words.next()?.0;
        let component = lex::number(words.next()?.0)?;
        let transport = words.next()?.0;
        let priority = lex::number(words.next()?.0)?;
        let (address, address_span) = words.next()?;
        let port = lex::port(words.next()?.0)?;
        let typ = words.next()?.0;
        let (kind, mut end) = words.next()?;
        let mut candidate = Candidate {
            foundation,
            component,
            transport,
            priority,
            address,
            address_span,
            port,
            kind,
            related_address: None,
            related_port: None,
            extensions: b"",
            line: attribute.line.span,
        };
        if words.next_if(|w| w.0 == b"raddr").is_some() {
            let (address, span) = words.next()?;
            (candidate.related_address, end) = (Some(address), span);
        }
        if words.next_if(|w| w.0 == b"rport").is_some() {
            let (port, span) = words.next()?;
            (candidate.related_port, end) = (Some(lex::port(port)?), span);
        }
        let after = end.end.saturating_sub(base.start) as usize;
        candidate.extensions = value.get(after..).unwrap_or_default().trim_ascii();
        (typ == b"typ" && foundation.len() <= 32).then_some(candidate)
    }

    /// The address, when it is one.
    pub fn ip(&self) -> Option<IpAddr> {
        core::str::from_utf8(self.address).ok()?.parse().ok()
    }

    /// The value of an extension attribute such as `generation`.
    pub fn extension(&self, name: &[u8]) -> Option<&'a [u8]> {
        let mut words = self.extensions.split(|b| *b == b' ').filter(|w| !w.is_empty());
        while let (Some(n), Some(value)) = (words.next(), words.next()) {
            if n == name {
                return Some(value);
            }
        }
        None
    }
}
