//! Multipart bodies (RFC 2046 5.1): delimiters, preamble, parts, epilogue. Owns what a delimiter
//! is, strictly: a whole line, between line ends that are CRLF.

use super::part::{HeadLines, Part};
use super::{BodyError, BodyFault};
use crate::lex::peek;
use crate::{ContentType, Limits, QuotedText, Span};
use memchr::memmem;
use smallvec::SmallVec;

/// Where a part stands in the text.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    /// Its delimiter, at the first dash.
    delimiter: usize,
    /// Its headers.
    head: usize,
    /// Its content.
    content: usize,
    /// The end of its content.
    end: usize,
}

/// A multipart body: a view over its text. Takes no heap memory up to four parts.
#[derive(Clone, Debug)]
pub struct Multipart<'a> {
    text: &'a [u8],
    base: u32,
    /// A line feed, two dashes and the boundary: what is looked for.
    needle: SmallVec<[u8; 73]>,
    places: SmallVec<[Place; 4]>,
    /// Offset of the closing delimiter.
    close: usize,
    /// Offset after the closing delimiter, its dashes included.
    closed: usize,
    depth: usize,
}

/// `bcharsnospace` and the blank (RFC 2046 5.1.1).
fn is_boundary_char(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&b)
}

/// A line that holds a delimiter.
struct Delimiter {
    at: usize,
    /// Offset after the boundary and the dashes that may follow it.
    after: usize,
    /// Offset after the line end.
    next: usize,
    closes: bool,
}

impl<'a> Multipart<'a> {
    /// Takes apart a text that stands alone, under the default [`Limits`]; spans count from its
    /// beginning. The boundary is given without quotes.
    pub fn parse(text: &'a [u8], boundary: &[u8]) -> Result<Multipart<'a>, BodyError> {
        Multipart::parse_at(text, 0, boundary, &Limits::DEFAULT)
    }

    /// Takes apart a text that begins at byte `base` of a message, under the given limits.
    pub fn parse_at(
        text: &'a [u8],
        base: u32,
        boundary: &[u8],
        limits: &Limits,
    ) -> Result<Multipart<'a>, BodyError> {
        Multipart::open(text, base, boundary.iter().copied(), 1, limits)
    }

    /// The parts of a text of type `kind`; None when that is not multipart.
    pub(super) fn of_type(
        kind: &ContentType<'_>,
        text: &'a [u8],
        base: u32,
        depth: usize,
        limits: &Limits,
    ) -> Result<Option<Multipart<'a>>, BodyError> {
        if !kind.kind.eq_ignore_ascii_case(b"multipart") {
            return Ok(None);
        }
        let boundary = kind.params.value(b"boundary").unwrap_or_default();
        Multipart::open(text, base, QuotedText::new(boundary).chars(), depth, limits).map(Some)
    }

    fn open(
        text: &'a [u8],
        base: u32,
        boundary: impl Iterator<Item = u8>,
        depth: usize,
        limits: &Limits,
    ) -> Result<Multipart<'a>, BodyError> {
        if depth > limits.nesting {
            return Err(BodyError::new(BodyFault::TooDeep, base));
        }
        if text.len() > limits.body {
            return Err(BodyError::new(BodyFault::TooLong, base));
        }
        let mut needle: SmallVec<[u8; 73]> = SmallVec::from_slice(b"\n--");
        needle.extend(boundary.take(71));
        let chars = needle.get(3..).unwrap_or_default();
        let lawful = (1..=70).contains(&chars.len())
            && chars.iter().all(|b| is_boundary_char(*b))
            && chars.last() != Some(&b' ');
        if !lawful {
            return Err(BodyError::new(BodyFault::Boundary, base));
        }
        let places = SmallVec::new();
        let mut body = Multipart { text, base, needle, places, close: 0, closed: 0, depth };
        body.divide(limits)?;
        Ok(body)
    }

    fn fail<T>(&self, fault: BodyFault, at: usize) -> Result<T, BodyError> {
        Err(BodyError::new(fault, Span::at(self.base, at, at).start))
    }

    /// Finds every delimiter up to the closing one.
    fn divide(&mut self, limits: &Limits) -> Result<(), BodyError> {
        let needle = self.needle.clone();
        let finder = memmem::Finder::new(&needle);
        let mut open: Option<Delimiter> = None;
        let mut from = 0;
        loop {
            let Some(delimiter) = self.delimiter(&finder, from)? else {
                let fault =
                    if open.is_some() { BodyFault::Unterminated } else { BodyFault::NoPart };
                return self.fail(fault, self.text.len());
            };
            from = delimiter.next;
            match open.take() {
                Some(before) => self.add(&before, delimiter.at, limits)?,
                None if delimiter.closes => return self.fail(BodyFault::NoPart, delimiter.at),
                None => {}
            }
            if delimiter.closes {
                (self.close, self.closed) = (delimiter.at, delimiter.after);
                return Ok(());
            }
            open = Some(delimiter);
        }
    }

    /// The next line from `from` on, which begins a line, that holds a delimiter.
    fn delimiter(
        &self,
        finder: &memmem::Finder<'_>,
        from: usize,
    ) -> Result<Option<Delimiter>, BodyError> {
        let text = self.text;
        let at = if from == 0 && text.starts_with(self.dashed()) {
            0
        } else {
            // The line feed may be the one that ended the delimiter before.
            let search = from.saturating_sub(1);
            let rest = text.get(search..).unwrap_or_default();
            let Some(feed) = finder.find(rest) else { return Ok(None) };
            search + feed + 1
        };
        let mut after = at + self.dashed().len();
        let closes = text.get(after..).is_some_and(|r| r.starts_with(b"--"));
        if closes {
            after += 2;
        }
        let mut end = after;
        while matches!(peek(text, end), b' ' | b'\t') {
            end += 1;
        }
        let whole = at == 0 || (at >= 2 && peek(text, at - 2) == b'\r');
        let next = match text.get(end..).unwrap_or_default() {
            [b'\r', b'\n', ..] => end + 2,
            [] if closes => end,
            [] => return self.fail(BodyFault::Unterminated, end),
            _ => return self.fail(BodyFault::Delimiter, at),
        };
        if !whole {
            return self.fail(BodyFault::Delimiter, at);
        }
        Ok(Some(Delimiter { at, after, next, closes }))
    }

    /// Adds the part between two delimiters.
    fn add(&mut self, before: &Delimiter, next: usize, limits: &Limits) -> Result<(), BodyError> {
        let (delimiter, head) = (before.at, before.next);
        if self.places.len() >= limits.parts {
            return self.fail(BodyFault::TooManyParts, delimiter);
        }
        // The line end before a delimiter belongs to it. Two delimiters may not share one.
        let Some(end) = next.checked_sub(2).filter(|end| *end >= head) else {
            return self.fail(BodyFault::Delimiter, next);
        };
        // With that line end the headers end in an empty line even where there is no content.
        let text = self.text.get(head..next).unwrap_or_default();
        let mut lines = HeadLines::new(text, Span::at(self.base, head, head).start);
        let mut count = 0;
        while let Some(header) = lines.step()? {
            count += 1;
            if count > limits.headers || header.span.len() as usize > limits.line.saturating_add(2)
            {
                return Err(BodyError::new(BodyFault::HeadersTooLong, header.span.start));
            }
        }
        let content = (head + lines.at + 2).min(end);
        self.places.push(Place { delimiter, head, content, end });
        Ok(())
    }

    /// How many parts there are: one at least.
    pub fn count(&self) -> usize {
        self.places.len()
    }

    /// The part of that index, counted from 0.
    pub fn part(&self, index: usize) -> Option<Part<'a>> {
        let Place { delimiter, head, content, end } = *self.places.get(index)?;
        let text = |from: usize, to: usize| self.text.get(from..to).unwrap_or_default();
        Some(Part {
            // The empty line, or the line end of the next delimiter, ends the headers.
            head: text(head, (content + 2).min(end + 2)),
            content: text(content, end),
            content_span: Span::at(self.base, content, end),
            span: Span::at(self.base, delimiter, end),
            inner_span: Span::at(self.base, head, end),
            depth: self.depth,
        })
    }

    /// The parts in order.
    pub fn parts(&self) -> impl Iterator<Item = Part<'a>> + '_ {
        (0..self.places.len()).map_while(|i| self.part(i))
    }

    /// The boundary, without dashes and quotes.
    pub fn boundary(&self) -> &[u8] {
        self.needle.get(3..).unwrap_or_default()
    }

    /// Two dashes and the boundary.
    pub(super) fn dashed(&self) -> &[u8] {
        self.needle.get(1..).unwrap_or_default()
    }

    /// What stands before the first delimiter; to be ignored (RFC 2046 5.1.1).
    pub fn preamble(&self) -> &'a [u8] {
        let end = self.places.first().map_or(0, |p| p.delimiter);
        self.text.get(..end).unwrap_or_default()
    }

    /// What stands behind the closing delimiter; to be ignored.
    pub fn epilogue(&self) -> &'a [u8] {
        self.text.get(self.closed..).unwrap_or_default()
    }

    /// Where the closing delimiter begins.
    pub(super) fn close_offset(&self) -> u32 {
        Span::at(self.base, self.close, self.close).start
    }

    /// Where the delimiter behind the part of that index begins.
    pub(super) fn next_delimiter(&self, index: usize) -> u32 {
        let next = self.places.get(index + 1).map_or(self.close, |p| p.delimiter);
        Span::at(self.base, next, next).start
    }

    /// All parts, those in parts behind the part they are in, within [`Limits::nesting`].
    pub fn walk<'l>(&self, limits: &'l Limits) -> Walk<'a, 'l> {
        let mut stack = SmallVec::new();
        stack.push((self.clone(), 0));
        Walk { stack, entered: None, limits }
    }

    /// The first part of that type that is not encoded, parts in parts included. An error when a
    /// part before it cannot be taken apart.
    pub fn find(
        &self,
        kind: &str,
        subtype: &str,
        limits: &Limits,
    ) -> Result<Option<Part<'a>>, BodyError> {
        self.find_where(limits, |part| part.is(kind, subtype))
    }

    /// The first part that `condition` holds for, parts in parts included.
    pub fn find_where(
        &self,
        limits: &Limits,
        mut condition: impl FnMut(&Part<'a>) -> bool,
    ) -> Result<Option<Part<'a>>, BodyError> {
        for part in self.walk(limits) {
            let part = part?;
            if condition(&part) {
                return Ok(Some(part));
            }
        }
        Ok(None)
    }
}

/// Iterator of [`Multipart::walk`]. Ends after an error.
#[derive(Clone, Debug)]
pub struct Walk<'a, 'l> {
    stack: SmallVec<[(Multipart<'a>, usize); 1]>,
    /// The part that was given last; what is inside it comes next.
    entered: Option<Part<'a>>,
    limits: &'l Limits,
}

impl<'a> Iterator for Walk<'a, '_> {
    type Item = Result<Part<'a>, BodyError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(part) = self.entered.take() {
            match part.multipart(self.limits) {
                Ok(Some(inner)) => self.stack.push((inner, 0)),
                Ok(None) => {}
                Err(error) => {
                    self.stack.clear();
                    return Some(Err(error));
                }
            }
        }
        while let Some((body, next)) = self.stack.last_mut() {
            if let Some(part) = body.part(*next) {
                *next += 1;
                self.entered = Some(part);
                return Some(Ok(part));
            }
            self.stack.pop();
        }
        None
    }
}
