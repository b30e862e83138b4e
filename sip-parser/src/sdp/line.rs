//! Lines and sections of a session description. Owns what a line is (RFC 8866 5): a letter, an
//! equals sign and a value, ended by CRLF or LF, the last one perhaps by the end of the text.

use super::attribute::Attribute;
use super::{SdpError, SdpFault};
use crate::Span;
use crate::lex::{block, peek};

/// One line.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// Its letter, such as `b'c'`.
    pub kind: u8,
    /// What follows the equals sign, without the line end.
    pub value: &'a [u8],
    /// The whole line with its line end.
    pub span: Span,
    /// The value.
    pub value_span: Span,
}

impl<'a> Line<'a> {
    /// The words of the value, parted by blanks, each with its span.
    pub(super) fn words(&self) -> impl Iterator<Item = (&'a [u8], Span)> + Clone + use<'a> {
        let (value, base) = (self.value, self.value_span.start);
        let mut at = 0;
        core::iter::from_fn(move || {
            while peek(value, at) == b' ' {
                at += 1;
            }
            let start = at;
            at = block::find_byte(value, start, b' ');
            (start < value.len())
                .then(|| (value.get(start..at).unwrap_or_default(), Span::at(base, start, at)))
        })
    }
}

/// A part of a session description: the session section or a media section.
#[derive(Clone, Copy, Debug)]
pub struct Section<'a> {
    text: &'a [u8],
    base: u32,
    start: usize,
    end: usize,
}

impl<'a> Section<'a> {
    /// All of a text that begins at byte `base` of its message.
    pub(super) fn new(text: &'a [u8], base: u32) -> Section<'a> {
        Section { text, base, start: 0, end: text.len() }
    }

    /// Another part of the same text.
    pub(super) fn part(&self, span: Span) -> Section<'a> {
        let start = span.start.saturating_sub(self.base) as usize;
        let end = (span.end.saturating_sub(self.base) as usize).min(self.text.len());
        Section { start: start.min(end), end, ..*self }
    }

    /// The whole text that this is a part of, and where that begins.
    pub(super) fn whole(&self) -> (&'a [u8], u32) {
        (self.text, self.base)
    }

    /// Where the section stands, its last line end included.
    pub fn span(&self) -> Span {
        Span::at(self.base, self.start, self.end)
    }

    /// Its text.
    pub fn text(&self) -> &'a [u8] {
        self.text.get(self.start..self.end).unwrap_or_default()
    }

    /// Its lines in order.
    pub fn lines(&self) -> Lines<'a> {
        Lines { section: *self, at: self.start }
    }

    /// Its lines, each judged.
    pub(super) fn checked_lines(&self) -> impl Iterator<Item = Result<Line<'a>, SdpError>> {
        let mut lines = self.lines();
        core::iter::from_fn(move || lines.step().transpose())
    }

    /// The first line of that letter.
    pub fn line(&self, kind: u8) -> Option<Line<'a>> {
        self.lines().find(|l| l.kind == kind)
    }

    /// The values of all `b=` lines (RFC 8866 5.8): type and number, such as `AS` and `128`.
    pub fn bandwidths(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        self.lines().filter(|l| l.kind == b'b').filter_map(|l| {
            let colon = memchr::memchr(b':', l.value)?;
            Some((l.value.get(..colon)?, l.value.get(colon + 1..)?))
        })
    }

    /// Its attributes, `a=` lines, in order (RFC 8866 5.13).
    pub fn attributes(&self) -> impl Iterator<Item = Attribute<'a>> + use<'a> {
        self.lines().filter(|l| l.kind == b'a').map(Attribute::of)
    }

    /// The first attribute of that name, compared with case (RFC 8866 5.13).
    pub fn attribute(&self, name: &[u8]) -> Option<Attribute<'a>> {
        self.attributes().find(|a| a.name == name)
    }

    /// All attributes of that name.
    pub fn attributes_named<'n>(
        &self,
        name: &'n [u8],
    ) -> impl Iterator<Item = Attribute<'a>> + use<'a, 'n> {
        self.attributes().filter(move |a| a.name == name)
    }
}

/// Iterator of [`Section::lines`].
#[derive(Clone, Debug)]
pub struct Lines<'a> {
    section: Section<'a>,
    at: usize,
}

impl<'a> Lines<'a> {
    /// The next line; None at the end, and before empty lines that end the text.
    fn step(&mut self) -> Result<Option<Line<'a>>, SdpError> {
        let Section { text, base, end: section_end, .. } = self.section;
        let start = self.at;
        if start >= section_end {
            return Ok(None);
        }
        let stop = block::find(text, start, 0, [b'\r', b'\n']);
        let after = match (peek(text, stop), peek(text, stop + 1)) {
            (b'\n', _) => stop + 1,
            (b'\r', b'\n') => stop + 2,
            _ if stop >= text.len() => stop,
            (_, _) => {
                let kind = peek(text, start);
                return Err(SdpError::new(
                    SdpFault::Character,
                    kind,
                    Span::at(base, stop, stop).start,
                ));
            }
        };
        self.at = after;
        let line = text.get(start..stop).unwrap_or_default();
        match line {
            [kind, b'=', value @ ..] if kind.is_ascii_lowercase() => Ok(Some(Line {
                kind: *kind,
                value,
                span: Span::at(base, start, after),
                value_span: Span::at(base, start + 2, stop),
            })),
            [] if only_line_ends(text, after) => {
                self.at = text.len();
                Ok(None)
            }
            _ => Err(SdpError::new(
                SdpFault::Line,
                peek(line, 0),
                Span::at(base, start, start).start,
            )),
        }
    }
}

/// Whether nothing but line ends follows, as some devices end a description.
fn only_line_ends(text: &[u8], from: usize) -> bool {
    text.get(from..).unwrap_or_default().iter().all(|b| matches!(b, b'\r' | b'\n'))
}

/// Every line was judged when the text was read.
impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        self.step().ok().flatten()
    }
}
