//! Media sections: the `m=` line (RFC 8866 5.14) and what its section says. Owns that a media
//! section takes from the session what it does not say itself: connection and direction.

use super::attribute::{Attribute, Candidate, Direction, Fmtp, RtpMap};
use super::field::Connection;
use super::line::{Line, Section};
use crate::{Span, lex};

/// The `m=` line taken apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head<'a> {
    kind: &'a [u8],
    port: u16,
    port_span: Span,
    port_count: u32,
    protocol: &'a [u8],
    line: Line<'a>,
}

impl<'a> Head<'a> {
    pub(super) fn parse(line: &Line<'a>) -> Option<Head<'a>> {
        let mut words = line.words();
        let (kind, _) = words.next()?;
        let (ports, span) = words.next()?;
        let (protocol, _) = words.next()?;
        let slash = memchr::memchr(b'/', ports);
        let digits = ports.get(..slash.unwrap_or(ports.len())).unwrap_or_default();
        let port_count = match slash {
            Some(i) => lex::number(ports.get(i + 1..).unwrap_or_default())?,
            None => 1,
        };
        let port_span = Span::at(span.start, 0, digits.len());
        let port = lex::port(digits)?;
        Some(Head { kind, port, port_span, port_count, protocol, line: *line })
    }

    /// The formats, with their spans.
    pub(super) fn formats(&self) -> impl Iterator<Item = (&'a [u8], Span)> + Clone + use<'a> {
        self.line.words().skip(3)
    }
}

/// A media section.
#[derive(Clone, Copy, Debug)]
pub struct Media<'a> {
    /// Kind of media: `audio`, `video`, `application`, `image`, `message`, `text`.
    pub kind: &'a [u8],
    /// Port; 0 for a stream that is refused or over (RFC 3264 6, 8.2).
    pub port: u16,
    /// Where the port stands, without the number of ports.
    pub port_span: Span,
    /// Number of ports, 1 when none is given.
    pub port_count: u32,
    /// Transport protocol, such as `RTP/AVP`.
    pub protocol: &'a [u8],
    head: Line<'a>,
    section: Section<'a>,
    session_connection: Option<Connection<'a>>,
    session_direction: Option<Direction>,
}

impl<'a> Media<'a> {
    pub(super) fn open(
        section: Section<'a>,
        session_connection: Option<Connection<'a>>,
        session_direction: Option<Direction>,
    ) -> Option<Media<'a>> {
        let Head { kind, port, port_span, port_count, protocol, line } =
            Head::parse(&section.lines().next()?)?;
        let head = line;
        #[rustfmt::skip]
        let media = Media {
            kind, port, port_span, port_count, protocol, head, section,
            session_connection, session_direction,
        };
        Some(media)
    }

    /// Its lines, the `m=` line first.
    pub fn section(&self) -> Section<'a> {
        self.section
    }

    /// The `m=` line.
    pub fn head(&self) -> Line<'a> {
        self.head
    }

    /// The formats of the `m=` line in order of preference, each with its span: payload types
    /// where RTP is the protocol. May be empty, as some refuse a stream.
    pub fn formats(&self) -> impl Iterator<Item = (&'a [u8], Span)> + Clone + use<'a> {
        self.head.words().skip(3)
    }

    /// Whether the protocol is RTP of any profile, so that formats are payload types.
    pub fn is_rtp(&self) -> bool {
        self.protocol.split(|b| *b == b'/').any(|part| part.eq_ignore_ascii_case(b"RTP"))
    }

    /// The first attribute of that name in this section.
    pub fn attribute(&self, name: &[u8]) -> Option<Attribute<'a>> {
        self.section.attribute(name)
    }

    /// `c=` of this section, the first when there are more; else that of the session.
    pub fn connection(&self) -> Option<Connection<'a>> {
        self.own_connection().or(self.session_connection)
    }

    /// `c=` of this section alone.
    pub fn own_connection(&self) -> Option<Connection<'a>> {
        self.section.line(b'c').and_then(|l| Connection::parse(&l))
    }

    /// The direction in force: of this section, else of the session, else sendrecv
    /// (RFC 8866 6.7).
    pub fn direction(&self) -> Direction {
        let lines = self.section.lines().filter(|l| l.kind == b'a');
        let own = lines.filter_map(|l| Direction::parse(l.value)).next();
        own.or(self.session_direction).unwrap_or(Direction::SendRecv)
    }

    /// All well-formed `a=rtpmap` lines.
    pub fn rtpmaps(&self) -> impl Iterator<Item = RtpMap<'a>> + use<'a> {
        self.section.attributes().filter_map(|a| RtpMap::of(&a))
    }

    /// The `a=rtpmap` of a payload type. Looks through the section; for all of them take
    /// [`Media::codecs`](Media::codecs), which looks once.
    pub fn rtpmap(&self, payload: u8) -> Option<RtpMap<'a>> {
        self.rtpmaps().find(|m| m.payload == payload)
    }

    /// All well-formed `a=fmtp` lines.
    pub fn fmtps(&self) -> impl Iterator<Item = Fmtp<'a>> + use<'a> {
        self.section.attributes().filter_map(|a| Fmtp::of(&a))
    }

    /// The `a=fmtp` of a format.
    pub fn fmtp(&self, format: &[u8]) -> Option<Fmtp<'a>> {
        self.fmtps().find(|f| f.format == format)
    }

    /// All well-formed `a=candidate` lines (RFC 8839 5.1).
    pub fn candidates(&self) -> impl Iterator<Item = Candidate<'a>> + use<'a> {
        self.section.attributes().filter_map(|a| Candidate::of(&a))
    }

    /// `a=mid`, the name of the section in groups (RFC 5888 4).
    pub fn mid(&self) -> Option<&'a [u8]> {
        self.attribute(b"mid").and_then(|a| a.value)
    }
}
