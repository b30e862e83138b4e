//! The header index: where each header of a head begins, what it is and where its value stands.
//! Owns the one pass over the header lines (RFC 3261 7.3) and the lookup by identity.
//!
//! ```text
//! Via: SIP/2.0/UDP a;branch=x CRLF      name [0,3)  value [5,27)   line [0,29)
//! Subject: one CRLF                     a line that begins with a blank continues
//!  two CRLF                             the one above (a fold)
//! CRLF                                  ends the headers
//! ```
//!
//! A line ends in CRLF and nothing else: a lone LF or CR is refused, because two servers that
//! disagree on where a header ends can be played against each other.

use crate::header::id::{self, KNOWN};
use crate::lex::block::{self, BLOCK};
use crate::lex::{self, class, peek};
use crate::span::offset;
use crate::{HeaderId, Limits, ParseError, ParseErrorKind, Span};

/// Headers kept without heap memory.
pub(crate) const INLINE: usize = 24;

/// No header of that identity, or one beyond the reach of the table.
const NONE: u8 = u8::MAX;

/// One header field. Offsets fit 16 bits because the head is limited to 65,535 bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    name: u16,
    value: u16,
    value_len: u16,
    /// Length of the name; 255 means 255 or more, and the colon is looked for again.
    name_len: u8,
    pub(crate) id: HeaderId,
}

impl Entry {
    const EMPTY: Entry =
        Entry { name: 0, value: 0, value_len: 0, name_len: 0, id: HeaderId::Other };

    #[inline]
    pub(crate) fn value<'a>(&self, buf: &'a [u8]) -> (&'a [u8], u32) {
        let start = usize::from(self.value);
        let value = buf.get(start..start + usize::from(self.value_len)).unwrap_or_default();
        (value, u32::from(self.value))
    }

    fn name<'a>(&self, buf: &'a [u8]) -> &'a [u8] {
        let start = usize::from(self.name);
        let mut len = usize::from(self.name_len);
        let rest = buf.get(start..).unwrap_or_default();
        if len == 255 {
            len = lex::span(rest, 0, class::TOKEN);
        }
        rest.get(..len).unwrap_or_default()
    }
}

/// One header field of a message.
#[derive(Clone, Copy, Debug)]
pub struct Header<'a> {
    /// What it is.
    pub id: HeaderId,
    /// Its name as received, full or compact.
    pub name: &'a [u8],
    /// Its value without white space at either end; folds are still inside.
    pub value: &'a [u8],
    /// The whole line or lines in the message, with the last CRLF.
    pub span: Span,
    /// The value in the message.
    pub value_span: Span,
}

/// The index. Reusable: scanning again forgets what was there and keeps the memory.
#[derive(Clone, Debug)]
pub(crate) struct HeaderIndex {
    /// Offset of the empty line.
    pub(crate) end: u32,
    count: u16,
    /// One bit for each identity that is there.
    seen: u128,
    /// One bit for each identity that is there more than once.
    doubled: u128,
    /// Entry of the first header of each identity; [`NONE`] also when it lies beyond 254.
    first: [u8; KNOWN],
    inline: [Entry; INLINE],
    spill: Vec<Entry>,
}

impl HeaderIndex {
    pub(crate) const fn new() -> HeaderIndex {
        HeaderIndex {
            end: 0,
            count: 0,
            seen: 0,
            doubled: 0,
            first: [NONE; KNOWN],
            inline: [Entry::EMPTY; INLINE],
            spill: Vec::new(),
        }
    }

    pub(crate) fn clear(&mut self) {
        self.count = 0;
        self.seen = 0;
        self.doubled = 0;
        self.first = [NONE; KNOWN];
        self.spill.clear();
        self.end = 0;
    }

    #[inline]
    pub(crate) fn entry(&self, i: usize) -> Option<&Entry> {
        if i >= usize::from(self.count) {
            return None;
        }
        if i < INLINE { self.inline.get(i) } else { self.spill.get(i - INLINE) }
    }

    /// Index of the first header of that identity at or after entry `from`.
    pub(crate) fn next_of(&self, id: HeaderId, from: usize) -> Option<usize> {
        let count = usize::from(self.count);
        let inline = self.inline.get(..count.min(INLINE)).unwrap_or_default();
        if from < inline.len() {
            let rest = inline.get(from..).unwrap_or_default();
            if let Some(i) = rest.iter().position(|e| e.id == id) {
                return Some(from + i);
            }
        }
        let skip = from.saturating_sub(INLINE);
        let rest = self.spill.get(skip..).unwrap_or_default();
        rest.iter().position(|e| e.id == id).map(|i| INLINE + skip + i)
    }

    /// Index of the first header of that identity.
    #[inline]
    pub(crate) fn first_of(&self, id: HeaderId) -> Option<usize> {
        match self.first.get(id.index()) {
            Some(&NONE) if self.seen >> (id.index() & 127) & 1 == 0 => None,
            Some(&NONE) | None => self.next_of(id, 0),
            Some(&i) => Some(usize::from(i)),
        }
    }

    /// Whether a header of that (known) identity is there more than once.
    #[inline]
    pub(crate) fn is_doubled(&self, id: HeaderId) -> bool {
        self.doubled >> (id.index() & 127) & 1 == 1
    }

    /// The header of entry `i`, as a view of `buf`.
    pub(crate) fn header<'a>(&self, buf: &'a [u8], i: usize) -> Option<Header<'a>> {
        let e = self.entry(i)?;
        let end = self.entry(i + 1).map_or(self.end, |next| u32::from(next.name));
        let (value, at) = e.value(buf);
        Some(Header {
            id: e.id,
            name: e.name(buf),
            value,
            span: Span::new(u32::from(e.name), end),
            value_span: Span::new(at, at + u32::from(e.value_len)),
        })
    }

    #[inline]
    fn push(&mut self, e: Entry) {
        let i = self.count;
        if let Some(slot) = self.inline.get_mut(usize::from(i)) {
            *slot = e;
        } else {
            self.spill.push(e);
        }
        self.count = i + 1;
        let bit = 1 << (e.id.index() & 127);
        self.doubled |= self.seen & bit;
        if self.seen & bit == 0
            && let Some(first) = self.first.get_mut(e.id.index())
        {
            *first = u8::try_from(i).unwrap_or(NONE);
        }
        self.seen |= bit;
    }

    /// Indexes the header lines of `s` from offset `from` on; returns the offset of the body.
    /// The index must be clear. `s` may end anywhere; it must hold the empty line.
    pub(crate) fn scan(
        &mut self,
        s: &[u8],
        from: usize,
        limits: &Limits,
    ) -> Result<usize, ParseError> {
        let head_limit = limits.head_limit();
        // Nothing beyond the limit is looked at; a head that does not end before it is too long.
        let head = s.get(..head_limit).unwrap_or(s);
        let mut lines = Lines { s: head, base: usize::MAX, ctl: 0, colon: 0 };
        let mut line = from;
        loop {
            if peek(head, line) == b'\r' && peek(head, line + 1) == b'\n' {
                self.end = offset(line);
                return Ok(line + 2);
            }
            let name_end = match lines.next_colon_or_control(line) {
                Some(at) => at,
                None => return Err(unterminated(s, head)),
            };
            if name_end + 1 == head.len() && peek(head, name_end) == b'\r' {
                return Err(unterminated(s, head));
            }
            let (name_len, colon) = name_of(head, line, name_end)?;
            let id = id::find(head, line, name_len);
            if id == HeaderId::Other && lex::span(head, line, class::TOKEN) != line + name_len {
                return Err(ParseError::new(ParseErrorKind::HeaderName, line));
            }
            let end = match lines.line_end(colon + 1)? {
                Some(end) => end,
                None => return Err(unterminated(s, head)),
            };
            if end - line > limits.line {
                return Err(ParseError::new(ParseErrorKind::LineTooLong, line));
            }
            if usize::from(self.count) >= limits.headers || self.count == u16::MAX {
                return Err(ParseError::new(ParseErrorKind::TooManyHeaders, line));
            }
            let (value, value_len) = trimmed(head, colon + 1, end);
            self.push(Entry {
                name: short(line),
                value: short(value),
                value_len: short(value_len),
                name_len: u8::try_from(name_len).unwrap_or(255),
                id,
            });
            line = end + 2;
        }
    }
}

/// An offset in a head as 16 bits; the head limit keeps it in range.
#[inline(always)]
fn short(at: usize) -> u16 {
    u16::try_from(at).unwrap_or(u16::MAX)
}

/// The head did not end: because the text did, or because the limit was met first.
#[cold]
fn unterminated(s: &[u8], head: &[u8]) -> ParseError {
    if s.len() > head.len() {
        return ParseError::new(ParseErrorKind::HeadTooLong, head.len());
    }
    ParseError::new(ParseErrorKind::Unterminated, s.len())
}

/// Length of the name at `line` and offset of its colon, given the first colon or control
/// character. Blanks and tabs may stand before the colon (RFC 3261 25.1 HCOLON).
#[inline]
fn name_of(s: &[u8], line: usize, stop: usize) -> Result<(usize, usize), ParseError> {
    let bad = || ParseError::new(ParseErrorKind::HeaderName, line);
    let mut colon = stop;
    if peek(s, stop) != b':' {
        colon = s.get(stop..).map_or(s.len(), |r| {
            stop + r.iter().position(|b| !matches!(b, b' ' | b'\t')).unwrap_or(r.len())
        });
        match peek(s, colon) {
            b':' => {}
            b'\n' => return Err(ParseError::new(ParseErrorKind::LineEnd, colon)),
            _ => return Err(bad()),
        }
    }
    let mut end = colon;
    while end > line && matches!(s[end - 1], b' ' | b'\t') {
        end -= 1;
    }
    if end == line { Err(bad()) } else { Ok((end - line, colon)) }
}

/// Offset and length of what is left of `s[from..end]` without white space at its ends.
#[inline]
fn trimmed(s: &[u8], from: usize, end: usize) -> (usize, usize) {
    let text = s.get(..end).unwrap_or_default();
    let mut start = from;
    while start < text.len() && text[start] <= b' ' && lex::is(text[start], class::LWS) {
        start += 1;
    }
    let value = text.get(start..).unwrap_or_default();
    (start, lex::trim_end(value).len())
}

/// Walks the block masks of a head. Asked for ever larger offsets, it loads each block once.
struct Lines<'a> {
    s: &'a [u8],
    base: usize,
    ctl: u64,
    colon: u64,
}

impl Lines<'_> {
    /// Loads the block that holds `at`; false when `at` is past the end.
    #[inline]
    fn load(&mut self, at: usize) -> bool {
        let base = at & !(BLOCK - 1);
        if base == self.base {
            return true;
        }
        let Some(rest) = self.s.get(base..) else { return false };
        let masks = match rest.first_chunk::<BLOCK>() {
            Some(block) => block::masks(block),
            None => {
                let mut block = [b' '; BLOCK];
                if let Some(part) = block.get_mut(..rest.len()) {
                    part.copy_from_slice(rest);
                }
                block::masks(&block)
            }
        };
        (self.base, self.ctl, self.colon) = (base, masks.ctl, masks.colon);
        !rest.is_empty()
    }

    #[inline]
    fn next_colon_or_control(&mut self, from: usize) -> Option<usize> {
        let mut at = from;
        while self.load(at) {
            let left = (self.ctl | self.colon) >> (at % BLOCK);
            if left != 0 {
                return Some(at + left.trailing_zeros() as usize);
            }
            at = self.base + BLOCK;
        }
        None
    }

    #[inline]
    fn next_control(&mut self, from: usize) -> Option<usize> {
        let mut at = from;
        while self.load(at) {
            let left = self.ctl >> (at % BLOCK);
            if left != 0 {
                return Some(at + left.trailing_zeros() as usize);
            }
            at = self.base + BLOCK;
        }
        None
    }

    /// Offset of the CR that ends the header field with its folds; None when the text ends first.
    /// Other control characters belong to the value (a quoted pair may hold them).
    #[inline]
    fn line_end(&mut self, from: usize) -> Result<Option<usize>, ParseError> {
        let mut at = from;
        while let Some(stop) = self.next_control(at) {
            match self.s[stop] {
                b'\r' if peek(self.s, stop + 1) == b'\n' => match self.s.get(stop + 2) {
                    Some(b' ' | b'\t') => at = stop + 2,
                    _ => return Ok(Some(stop)),
                },
                b'\r' if stop + 1 >= self.s.len() => return Ok(None),
                b'\r' | b'\n' => return Err(ParseError::new(ParseErrorKind::LineEnd, stop)),
                _ => at = stop + 1,
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(text: &[u8]) -> Result<HeaderIndex, ParseError> {
        let mut index = HeaderIndex::new();
        index.scan(text, 0, &Limits::DEFAULT).map(|_| index)
    }

    fn values(text: &[u8]) -> Vec<(HeaderId, String, String)> {
        let i = index(text).unwrap();
        let string = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
        (0..usize::from(i.count))
            .map(|n| i.header(text, n).unwrap())
            .map(|h| (h.id, string(h.name), string(h.value)))
            .collect()
    }

    #[test]
    fn headers_come_in_order_with_folds_and_odd_spacing() {
        let text = b"v  \t: a\r\nSubject:\r\n one\r\n\ttwo \r\nX-Y:;;,\r\ns:\r\n\r\nbody: no";
        assert_eq!(
            values(text),
            [
                (HeaderId::Via, "v".into(), "a".into()),
                (HeaderId::Subject, "Subject".into(), "one\r\n\ttwo".into()),
                (HeaderId::Other, "X-Y".into(), ";;,".into()),
                (HeaderId::Subject, "s".into(), "".into()),
            ]
        );
        let i = index(text).unwrap();
        assert_eq!(i.first_of(HeaderId::Subject), Some(1));
        assert_eq!(i.next_of(HeaderId::Subject, 2), Some(3));
        assert!(i.is_doubled(HeaderId::Subject) && !i.is_doubled(HeaderId::Via));
        assert_eq!(i.header(text, 0).unwrap().span, Span::new(0, 9));
    }

    #[test]
    fn malformed_lines_say_what_and_where() {
        use ParseErrorKind::*;
        for (text, kind, at) in [
            (&b"Via: a\nTo: b\r\n\r\n"[..], LineEnd, 6),
            (b"Via: a\rTo: b\r\n\r\n", LineEnd, 6),
            (b"To\n", LineEnd, 2),
            (b"nocolon\r\n\r\n", HeaderName, 0),
            (b": x\r\n\r\n", HeaderName, 0),
            (b" : x\r\n\r\n", HeaderName, 0),
            (b"To\x01: x\r\n\r\n", HeaderName, 0),
            (b"A B: x\r\n\r\n", HeaderName, 0),
            (b"To: x\r\n", Unterminated, 7),
            (b"To: x\r", Unterminated, 6),
            (b"To: x", Unterminated, 5),
            (b"To", Unterminated, 2),
            (b"", Unterminated, 0),
        ] {
            let e = index(text).unwrap_err();
            let shown = String::from_utf8_lossy(text);
            assert_eq!((e.kind, e.offset), (kind, at), "{shown:?}");
        }
    }

    #[test]
    fn limits_are_met_exactly() {
        let text = b"A: 1\r\nB: 2\r\n\r\n";
        let scan = |l: Limits| HeaderIndex::new().scan(text, 0, &l).map_err(|e| e.kind);
        let all = Limits::DEFAULT;
        assert_eq!(scan(Limits { headers: 2, line: 4, head: 14, ..all }), Ok(14));
        let refused = |l| scan(l).unwrap_err();
        assert_eq!(refused(Limits { headers: 1, ..all }), ParseErrorKind::TooManyHeaders);
        assert_eq!(refused(Limits { line: 3, ..all }), ParseErrorKind::LineTooLong);
        assert_eq!(refused(Limits { head: 13, ..all }), ParseErrorKind::HeadTooLong);
    }

    #[test]
    fn more_headers_than_fit_inline_spill_and_are_found() {
        let mut text = Vec::new();
        for n in 0..300 {
            text.extend_from_slice(format!("X-{n}: {n}\r\n").as_bytes());
        }
        text.extend_from_slice(b"To: late\r\nTo: later\r\n\r\n");
        let mut i = HeaderIndex::new();
        i.scan(&text, 0, &Limits { headers: 1000, ..Limits::DEFAULT }).unwrap();
        assert_eq!(i.first_of(HeaderId::To), Some(300));
        assert_eq!(i.next_of(HeaderId::To, 301), Some(301));
        assert!(i.is_doubled(HeaderId::To));
        assert_eq!(i.first_of(HeaderId::From), None);
        assert_eq!(i.header(&text, 299).unwrap().value, b"299");
    }

    #[test]
    fn a_very_long_name_is_kept_whole() {
        let name = "x".repeat(400);
        let text = format!("{name} : v\r\n\r\n");
        assert_eq!(values(text.as_bytes())[0].1, name);
    }

    #[test]
    fn the_result_does_not_depend_on_where_blocks_begin() {
        for pad in 0..130 {
            let text = format!("X: {}\r\nTo: b\r\n c\r\n\r\n", "y".repeat(pad));
            assert_eq!(values(text.as_bytes())[1].2, "b\r\n c");
        }
    }
}
