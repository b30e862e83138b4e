//! Session descriptions (RFC 8866): what a body of type application/sdp says. Owns the division
//! into a session and media sections; lines, fields, attributes and edits are its children.
//!
//! ```text
//! v= o= s= c= t= a= ...       the session section
//! m=audio 5004 RTP/AVP 0 8    a media section: its m= line and all up to the next one
//! c= b= a= ...
//! m=video ...                 the next media section
//! ```
//!
//! A view over bytes: nothing is copied, nothing is decoded before it is asked for, and every
//! span counts from the beginning of the message when the text came from one, so that edits go
//! into the same [`Patch`](crate::Patch). Lines end in CRLF or LF (RFC 8866 5 asks parsers to take
//! both); NUL and a lone CR are refused.

mod attribute;
mod codec;
mod edit;
mod edit_codec;
mod field;
mod line;
mod media;

pub use attribute::{Attribute, Candidate, Direction, Fmtp, RtpMap};
pub use codec::{Codec, Codecs};
pub use edit::{Place, SdpEditor};
pub use edit_codec::CodecsLeft;
pub use field::{Connection, Origin, Timing};
pub use line::{Line, Lines, Section};
pub use media::Media;

use crate::{Limits, Span};
use line::Found;
use smallvec::SmallVec;
use thiserror::Error;

/// What is wrong with a session description.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum SdpFault {
    /// It does not begin with `v=0`.
    #[error("does not begin with v=0")]
    Version,
    /// A line is not a small letter, an equals sign and a value.
    #[error("has a line that is none")]
    Line,
    /// A NUL, or a CR that ends no line.
    #[error("has a NUL or a stray CR")]
    Character,
    /// The line does not follow its grammar.
    #[error("has a malformed line")]
    Syntax,
    /// A line that must be there is missing.
    #[error("lacks a line")]
    Missing,
    /// A line that may be there once only is there twice.
    #[error("has a line twice")]
    Duplicate,
    /// More lines than [`Limits::sdp_lines`].
    #[error("has too many lines")]
    TooManyLines,
    /// More media sections than [`Limits::sdp_media`].
    #[error("has too many media sections")]
    TooManyMedia,
    /// More formats in one media line than [`Limits::sdp_formats`].
    #[error("has too many formats in one media line")]
    TooManyFormats,
    /// Longer than [`Limits::body`].
    #[error("is too long")]
    TooLong,
}

/// A session description that cannot be read: what, in which line, at which byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[error("the session description {fault} (line {}=, at byte {offset})", char::from(*.kind))]
pub struct SdpError {
    /// Offset of the byte that did not fit: of the message when the text came from one.
    pub offset: u32,
    /// The letter of the line, `?` when there is none.
    pub kind: u8,
    /// What is wrong.
    pub fault: SdpFault,
}

impl SdpError {
    fn new(fault: SdpFault, kind: u8, offset: u32) -> SdpError {
        let kind = if kind.is_ascii_lowercase() { kind } else { b'?' };
        SdpError { offset, kind, fault }
    }

    /// Status code and reason phrase to answer with: 400, or 513 where a limit was met.
    pub fn status(&self) -> (u16, &'static str) {
        match self.fault {
            SdpFault::TooManyLines
            | SdpFault::TooManyMedia
            | SdpFault::TooManyFormats
            | SdpFault::TooLong => (513, "Message Too Large (session description)"),
            _ => (400, "Bad Session Description"),
        }
    }
}

/// The error of the line that begins at `line`.
#[cold]
fn refused(text: &[u8], line: usize, base: u32, (fault, at): (SdpFault, usize)) -> SdpError {
    let kind = text.get(line).copied().unwrap_or(0);
    SdpError::new(fault, kind, Span::at(base, at, at).start)
}

/// A session description: a view over its text.
#[derive(Clone, Debug)]
pub struct Sdp<'a> {
    session: Section<'a>,
    media: SmallVec<[Span; 8]>,
    connection: Option<Connection<'a>>,
    direction: Option<Direction>,
}

impl<'a> Sdp<'a> {
    /// Reads a text that stands alone; spans count from its beginning. Every line must be one,
    /// `v=0` the first, and `m=` and `c=` lines well formed; [`Sdp::check`] judges the rest.
    pub fn parse(text: &'a [u8]) -> Result<Sdp<'a>, SdpError> {
        Sdp::parse_at(text, 0, &Limits::DEFAULT)
    }

    /// Reads a text that begins at byte `base` of a message, under the given limits.
    pub fn parse_at(text: &'a [u8], base: u32, limits: &Limits) -> Result<Sdp<'a>, SdpError> {
        if text.len() > limits.body {
            return Err(SdpError::new(SdpFault::TooLong, b'?', base));
        }
        let whole = Section::new(text, base);
        let mut sdp =
            Sdp { session: whole, media: SmallVec::new(), connection: None, direction: None };
        let (mut seen, mut open, mut at) = (0usize, None, 0);
        while at < text.len() {
            let outcome = Found::judge(text, at);
            let Some(found) = outcome.map_err(|e| refused(text, at, base, e))? else { break };
            at = found.after;
            seen += 1;
            let kind = text.get(found.start).copied().unwrap_or(0);
            let fail = |fault| SdpError::new(fault, kind, Span::at(base, found.start, at).start);
            if seen > limits.sdp_lines {
                return Err(fail(SdpFault::TooManyLines));
            }
            if seen == 1 {
                let version = text.get(2..found.stop).unwrap_or_default().trim_ascii_end();
                if kind != b'v' || version != b"0" {
                    return Err(fail(SdpFault::Version));
                }
                continue;
            }
            match kind {
                b'm' => {
                    let line = found.line(text, base);
                    sdp.close(open, line.span.start);
                    open = Some(line.span.start);
                    if sdp.media.len() >= limits.sdp_media {
                        return Err(fail(SdpFault::TooManyMedia));
                    }
                    let head = media::Head::parse(&line).ok_or(fail(SdpFault::Syntax))?;
                    if head.formats().count() > limits.sdp_formats {
                        return Err(fail(SdpFault::TooManyFormats));
                    }
                }
                b'c' => {
                    let connection = Connection::parse(&found.line(text, base));
                    let connection = connection.ok_or(fail(SdpFault::Syntax))?;
                    if open.is_none() {
                        sdp.connection = sdp.connection.or(Some(connection));
                    }
                }
                b'a' if open.is_none() => {
                    let direction = Direction::parse(found.line(text, base).value);
                    sdp.direction = sdp.direction.or(direction);
                }
                _ => {}
            }
        }
        if seen == 0 {
            return Err(SdpError::new(SdpFault::Version, b'?', base));
        }
        // Empty lines at the end belong to no section.
        sdp.close(open, Span::at(base, 0, at).end);
        Ok(sdp)
    }

    /// Ends the section that is open where the next one begins.
    fn close(&mut self, open: Option<u32>, end: u32) {
        match open {
            None => self.session = self.session.part(Span::new(self.session.span().start, end)),
            Some(start) => self.media.push(Span::new(start, end)),
        }
    }

    /// The text, from `v=` to the last line end.
    pub fn text(&self) -> &'a [u8] {
        self.session.whole().0
    }

    /// Where the text stands.
    pub fn span(&self) -> Span {
        let (text, base) = self.session.whole();
        Span::at(base, 0, text.len())
    }

    /// The session section.
    pub fn session(&self) -> Section<'a> {
        self.session
    }

    /// How many media sections there are.
    pub fn media_count(&self) -> usize {
        self.media.len()
    }

    /// The media sections in order.
    pub fn media(&self) -> impl Iterator<Item = Media<'a>> + '_ {
        (0..self.media.len()).map_while(|i| self.medium(i))
    }

    /// The media section of that index, counted from 0.
    pub fn medium(&self, index: usize) -> Option<Media<'a>> {
        let section = self.session.part(*self.media.get(index)?);
        Media::open(section, self.connection, self.direction)
    }

    /// `o=` (RFC 8866 5.2).
    pub fn origin(&self) -> Result<Origin<'a>, SdpError> {
        let line = self.session.line(b'o').ok_or_else(|| self.lacks(b'o'))?;
        Origin::parse(&line).ok_or(SdpError::new(SdpFault::Syntax, b'o', line.span.start))
    }

    /// The session name, `s=` (RFC 8866 5.3); None when the line is missing.
    pub fn name(&self) -> Option<&'a [u8]> {
        self.session.line(b's').map(|l| l.value)
    }

    /// `c=` of the session section, the first when there are more (RFC 8866 5.7).
    pub fn connection(&self) -> Option<Connection<'a>> {
        self.connection
    }

    /// The direction that holds for the media sections that name none; None when the session
    /// names none either, which means sendrecv (RFC 8866 6.7).
    pub fn direction(&self) -> Option<Direction> {
        self.direction
    }

    /// Every `t=` line (RFC 8866 5.9).
    pub fn timings(&self) -> impl Iterator<Item = Result<Timing<'a>, SdpError>> + '_ {
        self.session.lines().filter(|l| l.kind == b't').map(|line| {
            Timing::parse(&line).ok_or(SdpError::new(SdpFault::Syntax, b't', line.span.start))
        })
    }

    fn lacks(&self, kind: u8) -> SdpError {
        SdpError::new(SdpFault::Missing, kind, self.session.span().start)
    }

    /// Judges what RFC 8866 demands beyond what [`Sdp::parse`] needs: one `o=`, `s=` and at least
    /// one `t=`, all well formed, no more than one `c=` in the session section, and a `c=` for
    /// every media section that is in use; in every `m=` line at least one format, and one blank
    /// between its words (9). Letters that RFC 8866 does not know are passed over.
    pub fn check(&self) -> Result<(), SdpError> {
        let mut counts = [0u8; 4];
        for line in self.session.lines() {
            let slot = match line.kind {
                b'v' => 0,
                b'o' => 1,
                b's' => 2,
                b'c' => 3,
                _ => continue,
            };
            counts[slot] += 1;
            if counts[slot] > 1 {
                return Err(SdpError::new(SdpFault::Duplicate, line.kind, line.span.start));
            }
        }
        self.origin()?;
        self.name().ok_or_else(|| self.lacks(b's'))?;
        let mut timed = false;
        for timing in self.timings() {
            timing?;
            timed = true;
        }
        if !timed {
            return Err(self.lacks(b't'));
        }
        for media in self.media() {
            let head = media.head();
            let words = head.value.split(|b| *b == b' ');
            let (count, hollow) = words.fold((0usize, false), |(n, hollow), word| {
                (n.saturating_add(1), hollow || word.is_empty())
            });
            if count < 4 || hollow {
                return Err(SdpError::new(SdpFault::Syntax, b'm', head.span.start));
            }
            if media.port != 0 && media.connection().is_none() {
                return Err(SdpError::new(SdpFault::Missing, b'c', media.section().span().start));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
