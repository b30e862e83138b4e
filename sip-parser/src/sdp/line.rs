//! Lines and sections of a session description. Owns what a line is (RFC 8866 5): a letter, an
//! equals sign and a value, ended by CRLF or LF, the last one perhaps by the end of the text.

use super::SdpFault;
use super::attribute::Attribute;
use crate::Span;
use crate::lex::{block, peek};
use crate::msg::display::readable;
use core::fmt;

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
    pub(super) fn words(&self) -> Words<'a> {
        Words { value: self.value, base: self.value_span.start, at: 0 }
    }
}

/// Iterator of [`Line::words`].
#[derive(Clone, Debug)]
pub(super) struct Words<'a> {
    value: &'a [u8],
    base: u32,
    at: usize,
}

impl<'a> Iterator for Words<'a> {
    type Item = (&'a [u8], Span);

    /// Byte by byte: words are short.
    #[inline]
    fn next(&mut self) -> Option<(&'a [u8], Span)> {
        let mut bytes = self.value.iter().enumerate().skip(self.at);
        let (start, _) = bytes.find(|(_, b)| **b != b' ')?;
        let end = bytes.find(|(_, b)| **b == b' ').map_or(self.value.len(), |(i, _)| i);
        self.at = end;
        Some((self.value.get(start..end)?, Span::at(self.base, start, end)))
    }
}

/// A part of a session description: the session section or a media section.
#[derive(Clone, Copy)]
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

/// Shows the lines as text.
impl fmt::Debug for Section<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.lines().map(|l| l.to_string())).finish()
    }
}

/// The line as text, letter and value, safe to print.
impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=", char::from(self.kind))?;
        readable(f, self.value)
    }
}

/// Where a line was found: its first byte, the end of its value, the end of its line end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub(super) start: usize,
    pub(super) stop: usize,
    pub(super) after: usize,
}

impl Found {
    /// Judges the line that begins at `start`, before the end of the text. None when it begins the
    /// empty lines that may end a text.
    #[inline(always)]
    pub(super) fn judge(text: &[u8], start: usize) -> Result<Option<Found>, (SdpFault, usize)> {
        let stop = block::find(text, start, 0, [b'\r', b'\n']);
        let after = match text.get(stop..).unwrap_or_default() {
            [b'\r', b'\n', ..] => stop + 2,
            [b'\n', ..] => stop + 1,
            [] => stop,
            _ => return Err((SdpFault::Character, stop)),
        };
        match text.get(start..stop) {
            Some([b'a'..=b'z', b'=', ..]) => Ok(Some(Found { start, stop, after })),
            Some([]) if only_line_ends(text, after) => Ok(None),
            _ => Err((SdpFault::Line, start)),
        }
    }

    #[inline(always)]
    pub(super) fn line<'a>(&self, text: &'a [u8], base: u32) -> Line<'a> {
        Line {
            kind: peek(text, self.start),
            value: text.get(self.start + 2..self.stop).unwrap_or_default(),
            span: Span::at(base, self.start, self.after),
            value_span: Span::at(base, self.start + 2, self.stop),
        }
    }
}

/// Whether nothing but line ends follows, as some devices end a description.
#[cold]
fn only_line_ends(text: &[u8], from: usize) -> bool {
    text.get(from..).unwrap_or_default().iter().all(|b| matches!(b, b'\r' | b'\n'))
}

/// Every line was judged when the text was read, and is not judged again.
impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    #[inline]
    fn next(&mut self) -> Option<Line<'a>> {
        let Section { text, base, end, .. } = self.section;
        let start = self.at;
        let text = text.get(..end).unwrap_or(text);
        if start >= text.len() {
            return None;
        }
        let feed = block::find_byte(text, start, b'\n');
        let after = (feed + 1).min(text.len());
        let value_end = if peek(text, feed.wrapping_sub(1)) == b'\r' { feed - 1 } else { feed };
        self.at = after;
        match text.get(start..value_end) {
            Some([kind, b'=', value @ ..]) => Some(Line {
                kind: *kind,
                value,
                span: Span::at(base, start, after),
                value_span: Span::at(base, start + 2, value_end),
            }),
            // Only the empty lines that may end a text are no lines.
            _ => {
                self.at = text.len();
                None
            }
        }
    }
}
