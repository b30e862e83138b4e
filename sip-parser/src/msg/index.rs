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

use crate::header::id;
use crate::lex::block;
use crate::lex::{self, class, peek};
use crate::span::offset;
use crate::{HeaderId, Limits, ParseError, ParseErrorKind, Span};

/// Headers kept without heap memory.
pub(crate) const INLINE: usize = 24;

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

/// Set in [`HeaderIndex::first`] when there is more than one header of that identity.
const DOUBLED: u16 = 0x8000;

/// The index. Reusable: scanning again forgets what was there and keeps the memory.
#[derive(Clone, Debug)]
pub(crate) struct HeaderIndex {
    /// Offset of the empty line.
    pub(crate) end: u32,
    count: u16,
    /// For each identity, one more than the entry of its first header, 0 when there is none, and
    /// [`DOUBLED`].
    first: [u16; 128],
    inline: [Entry; INLINE],
    spill: Vec<Entry>,
}

impl HeaderIndex {
    pub(crate) const fn new() -> HeaderIndex {
        HeaderIndex {
            end: 0,
            count: 0,
            first: [0; 128],
            inline: [Entry::EMPTY; INLINE],
            spill: Vec::new(),
        }
    }

    pub(crate) fn clear(&mut self) {
        self.end = 0;
        self.count = 0;
        self.first = [0; 128];
        self.spill.clear();
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
        let slot = self.first[id.index() & 127] & !DOUBLED;
        usize::from(slot).checked_sub(1)
    }

    /// Whether a header of that identity is there more than once.
    #[inline]
    pub(crate) fn is_doubled(&self, id: HeaderId) -> bool {
        self.first[id.index() & 127] & DOUBLED != 0
    }

    /// The identity and the lines of entry `i`.
    #[inline]
    pub(crate) fn line(&self, i: usize) -> Option<(HeaderId, Span)> {
        let e = self.entry(i)?;
        let end = self.entry(i + 1).map_or(self.end, |next| u32::from(next.name));
        Some((e.id, Span::new(u32::from(e.name), end)))
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

    /// Ends the head behind the last header that was indexed, after a scan from `from` failed.
    pub(crate) fn close(&mut self, buf: &[u8], from: usize) {
        let last = usize::from(self.count).checked_sub(1).and_then(|i| self.entry(i));
        let end = last.map_or(from, |e| {
            let mut end = usize::from(e.value) + usize::from(e.value_len);
            loop {
                end = (block::find_byte(buf, end, b'\n') + 1).min(buf.len());
                if !matches!(peek(buf, end), b' ' | b'\t') {
                    return end;
                }
            }
        });
        self.end = offset(end);
    }

    /// A new entry of that identity; there must be fewer than [`MAX_HEADERS`].
    #[inline(always)]
    fn add(&mut self, id: HeaderId) -> &mut Entry {
        let i = self.count;
        self.count = i + 1;
        let first = &mut self.first[id.index() & 127];
        *first = if *first == 0 { i + 1 } else { *first | DOUBLED };
        if usize::from(i) < INLINE {
            return &mut self.inline[usize::from(i)];
        }
        self.spilled()
    }

    #[cold]
    fn spilled(&mut self) -> &mut Entry {
        self.spill.push_mut(Entry::EMPTY)
    }

    /// Indexes the header lines of `s` from offset `from` on; returns the offset of the body.
    /// The index must be clear. `s` may end anywhere; it must hold the empty line.
    pub(crate) fn scan(
        &mut self,
        s: &[u8],
        from: usize,
        limits: &Limits,
    ) -> Result<usize, ParseError> {
        self.scan_until(s, from, limits, |_| false).map(|scanned| scanned.at)
    }

    /// [`HeaderIndex::scan`] that stops behind the first header that `enough` holds for. Scanning
    /// on from there continues the same index.
    #[inline(always)]
    pub(crate) fn scan_until(
        &mut self,
        s: &[u8],
        from: usize,
        limits: &Limits,
        mut enough: impl FnMut(HeaderId) -> bool,
    ) -> Result<Scanned, ParseError> {
        let head_limit = limits.head_limit();
        let max_headers = limits.headers.min(MAX_HEADERS);
        // Nothing beyond the limit is looked at; a head that does not end before it is too long.
        let head = s.get(..head_limit).unwrap_or(s);
        let mut line = from;
        loop {
            let rest = head.get(line..).unwrap_or_default();
            if rest.starts_with(b"\r\n") {
                self.end = offset(line);
                return Ok(Scanned { at: line + 2, whole: true });
            }
            let field = match Field::read(rest) {
                Ok(field) => field,
                Err(odd) => return Err(odd.explain(s, head, line)),
            };
            if field.end > limits.line {
                return Err(ParseError::new(ParseErrorKind::LineTooLong, line));
            }
            if usize::from(self.count) >= max_headers {
                return Err(ParseError::new(ParseErrorKind::TooManyHeaders, line));
            }
            let entry = self.add(field.id);
            entry.name = short(line);
            entry.value = short(line + field.value);
            entry.value_len = short(field.value_len);
            entry.name_len = u8::try_from(field.name_len.min(255)).unwrap_or(255);
            entry.id = field.id;
            line += field.end + 2;
            if enough(field.id) {
                self.end = offset(line);
                return Ok(Scanned { at: line, whole: false });
            }
        }
    }
}

/// How far a scan came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scanned {
    /// Offset of the next header line, or of the body.
    pub(crate) at: usize,
    /// Whether the empty line was met.
    pub(crate) whole: bool,
}

/// One header field, its offsets counted from its beginning.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    pub(crate) id: HeaderId,
    pub(crate) name_len: usize,
    /// The value without white space at its ends.
    pub(crate) value: usize,
    pub(crate) value_len: usize,
    /// Offset of the CR that ends it.
    pub(crate) end: usize,
}

/// Why there is no header field.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Odd {
    /// Its name is none; where the token ends.
    Name(usize),
    /// It does not end, or not in CRLF; where the search for that stopped.
    End(usize),
}

impl Odd {
    /// Says what is wrong at `line`, of which only `head` was looked at.
    #[cold]
    fn explain(self, s: &[u8], head: &[u8], line: usize) -> ParseError {
        match self {
            Odd::Name(stop) => bad_name(s, head, line, line + stop),
            Odd::End(stop) => bad_end(s, head, line + stop),
        }
    }
}

impl Field {
    /// The header field at the start of `rest`, which must go on behind its last line end.
    #[inline(always)]
    pub(crate) fn read(rest: &[u8]) -> Result<Field, Odd> {
        // A line without a colon gives a name with its line end inside, which is no token: only
        // blanks may stand in front of the colon (RFC 3261 7.3.1), never a fold.
        let colon = block::find_byte(rest, 0, b':');
        let mut name_len = colon;
        if matches!(peek(rest, colon.wrapping_sub(1)), b' ' | b'\t') {
            name_len = without_blanks(rest, colon);
        }
        let id = id::find(rest, name_len);
        if id == HeaderId::Other {
            let stop = token_end(rest);
            if stop != name_len || stop == 0 || colon >= rest.len() {
                return Err(Odd::Name(stop));
            }
        }
        let end = line_end(rest, colon + 1).map_err(Odd::End)?;
        let (value, value_len) = trimmed(rest, colon + 1, end);
        Ok(Field { id, name_len, value, value_len, end })
    }
}

/// Length of what stands before `colon` without blanks at its end. Line ends are none: a name does
/// not go on behind one (RFC 3261 25.1 HCOLON), least of all behind an empty line.
#[cold]
fn without_blanks(rest: &[u8], colon: usize) -> usize {
    let name = rest.get(..colon).unwrap_or_default();
    name.iter().rposition(|b| !matches!(b, b' ' | b'\t')).map_or(0, |last| last + 1)
}

/// Length of the token at the beginning.
#[cold]
fn token_end(rest: &[u8]) -> usize {
    lex::span(rest, 0, class::TOKEN)
}

/// More headers than this cannot be indexed, whatever the limit says.
const MAX_HEADERS: usize = 0x7ffe;

/// An offset in a head as 16 bits, which the head limit makes it fit.
#[inline(always)]
fn short(at: usize) -> u16 {
    debug_assert!(at <= 0xffff);
    u16::try_from(at & 0xffff).unwrap_or(0)
}

/// Says what is wrong with the name at `line`, which is a token up to `stop`.
#[cold]
fn bad_name(s: &[u8], head: &[u8], line: usize, stop: usize) -> ParseError {
    match head.get(stop..).unwrap_or_default() {
        [] => unterminated(s, head),
        [b'\r'] if stop == line => unterminated(s, head),
        [b'\n', ..] => ParseError::new(ParseErrorKind::LineEnd, stop),
        _ => ParseError::new(ParseErrorKind::HeaderName, line),
    }
}

/// The head did not end: because the text did, or because the limit was met first.
#[cold]
fn unterminated(s: &[u8], head: &[u8]) -> ParseError {
    if s.len() > head.len() {
        return ParseError::new(ParseErrorKind::HeadTooLong, head.len());
    }
    ParseError::new(ParseErrorKind::Unterminated, s.len())
}

/// Offset and length of what is left of `s[from..end]` without white space at its ends.
#[inline(always)]
fn trimmed(s: &[u8], from: usize, end: usize) -> (usize, usize) {
    // Nearly always one blank and then the value, with nothing behind it.
    if let Some([b' ', first, .., last]) = s.get(from..end)
        && *first > b' '
        && *last > b' '
    {
        return (from + 1, end - from - 1);
    }
    trimmed_slow(s, from, end)
}

fn trimmed_slow(s: &[u8], from: usize, end: usize) -> (usize, usize) {
    let text = s.get(..end).unwrap_or_default();
    let start = lex::skip_much_lws(text, from);
    (start, lex::trim_end(text.get(start..).unwrap_or_default()).len())
}

/// Offset of the CR that ends the header field, with its folds, whose value begins at `from`;
/// when it does not end, or not in CRLF, the offset where that shows. Control characters that are
/// no line ends belong to the value: a quoted pair may hold them.
#[inline(always)]
fn line_end(rest: &[u8], from: usize) -> Result<usize, usize> {
    let stop = block::find(rest, from, 0x1f, []);
    match rest.get(stop..stop.saturating_add(3)) {
        Some([b'\r', b'\n', next]) if !matches!(next, b' ' | b'\t') => Ok(stop),
        _ => odd_line_end(rest, stop),
    }
}

/// The same from a control character on that does not simply end its line. Where one follows
/// another there is nothing to search for.
#[cold]
fn odd_line_end(rest: &[u8], mut at: usize) -> Result<usize, usize> {
    loop {
        while let Some([b'\r', b'\n', b' ' | b'\t']) = rest.get(at..at.saturating_add(3)) {
            at += 3;
        }
        at = match rest.get(at..).unwrap_or_default() {
            [next, ..] if *next > 0x1f => at,
            [b'\r', b'\n', _, ..] => return Ok(at),
            [] | [b'\r' | b'\n', ..] => return Err(at),
            _ => at + 1,
        };
        if peek(rest, at) > 0x1f {
            at = block::find(rest, at, 0x1f, []);
        }
    }
}

/// Says why a field that was read up to `stop` does not end.
#[cold]
fn bad_end(s: &[u8], head: &[u8], stop: usize) -> ParseError {
    match head.get(stop..).unwrap_or_default() {
        [] | [b'\r'] | [b'\r', b'\n'] => unterminated(s, head),
        _ => ParseError::new(ParseErrorKind::LineEnd, stop),
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
            (b"To\r\n\t: x\r\n\r\n", HeaderName, 0),
            (b"To\r\n\r\n : x\r\n\r\n", HeaderName, 0),
            (b"To\r\n\r\n\n\t: x\r\n\r\n", HeaderName, 0),
            (b"To\n : x\r\n\r\n", LineEnd, 2),
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
