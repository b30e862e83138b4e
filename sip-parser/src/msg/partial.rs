//! Reading a head in steps: only so many header lines as are needed to find certain headers, and
//! on from there when more are wanted. Owns sets of headers, and where a step ends.
//!
//! ```text
//! start line   Via  To  From  CSeq  ...  Content-Length  empty line
//! new -------->|
//! parse_headers(To) ->|
//! parse_headers(To + CSeq) ----->|
//! finish ------------------------------------------------------> Message
//! ```
//!
//! [`Message::parse`](Message::parse) reads the whole head at once and costs about as much as a
//! step that ends at the last header; this is for who drops or forwards most messages after a
//! look at the first lines.

use super::Message;
use super::start_line::StartLine;
use crate::{HeaderId, Limits, ParseError, ParseErrorKind};
use bytes::{Buf, Bytes};

/// A set of header identities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct HeaderSet(u128);

impl HeaderSet {
    /// No header.
    pub const EMPTY: HeaderSet = HeaderSet(0);

    /// Every header, and more than can ever be found: a step that looks for it goes to the end of
    /// the head.
    pub const ALL: HeaderSet = HeaderSet(u128::MAX);

    /// The set of these headers.
    pub fn of(ids: &[HeaderId]) -> HeaderSet {
        ids.iter().fold(HeaderSet::EMPTY, |set, id| set.with(*id))
    }

    /// The set with one header more. [`HeaderId::Other`] stands for all unknown ones.
    #[must_use]
    pub const fn with(self, id: HeaderId) -> HeaderSet {
        HeaderSet(self.0 | 1 << (id.index() & 127))
    }

    /// What is in either set.
    #[must_use]
    pub const fn union(self, other: HeaderSet) -> HeaderSet {
        HeaderSet(self.0 | other.0)
    }

    /// Whether the header is in the set.
    pub const fn contains(self, id: HeaderId) -> bool {
        self.0 >> (id.index() & 127) & 1 == 1
    }

    /// Whether every header of `other` is in the set.
    pub const fn covers(self, other: HeaderSet) -> bool {
        self.0 & other.0 == other.0
    }
}

/// A message whose head is read in steps. Owns its bytes like a [`Message`].
#[derive(Clone, Debug)]
pub struct PartialMessage {
    message: Message,
    limits: Limits,
    found: HeaderSet,
    /// Where the next header line begins; None when the empty line was met.
    next: Option<usize>,
    failed: Option<ParseError>,
    skipped: u32,
}

impl PartialMessage {
    /// Reads the start line, under the default [`Limits`]. Line ends before it are skipped.
    pub fn new(buf: Bytes) -> Result<PartialMessage, ParseError> {
        PartialMessage::new_with(buf, &Limits::DEFAULT)
    }

    /// [`PartialMessage::new`] under the given limits, which hold for the later steps too.
    pub fn new_with(mut buf: Bytes, limits: &Limits) -> Result<PartialMessage, ParseError> {
        let line_ends = buf.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
        buf.advance(line_ends);
        if buf.is_empty() {
            return Err(ParseError::new(ParseErrorKind::Empty, line_ends));
        }
        let skipped = crate::span::offset(line_ends);
        let start = StartLine::parse(&buf, limits).map_err(|e| moved(e, skipped))?;
        let mut message = Message::empty();
        message.start = start;
        message.index.end = start.end;
        message.body = crate::span::offset(buf.len());
        message.buf = buf;
        Ok(PartialMessage {
            next: Some(start.end as usize),
            message,
            limits: *limits,
            found: HeaderSet::EMPTY,
            failed: None,
            skipped,
        })
    }

    /// Reads on from where the last step stopped until every header of `until` was found at
    /// least once, or the head ends. Nothing is read when they were all found before. Returns
    /// what was found in all steps so far.
    ///
    /// An error stays: the headers before the malformed one can still be read, and every further
    /// step gives the same error.
    pub fn parse_headers(&mut self, until: HeaderSet) -> Result<HeaderSet, ParseError> {
        if self.found.covers(until) && self.failed.is_none() {
            return Ok(self.found);
        }
        self.step(|found| found.covers(until))
    }

    /// Reads on to the next header line that is of `wanted`, even when such a header was found
    /// before: for lists that go over several lines, one line at a time. Returns its identity;
    /// None when the head ended first.
    pub fn parse_next(&mut self, wanted: HeaderSet) -> Result<Option<HeaderId>, ParseError> {
        let before = core::mem::take(&mut self.found);
        let outcome = self.step(|found| found.0 & wanted.0 != 0);
        let last = self.found;
        self.found = self.found.union(before);
        outcome?;
        let known = HeaderId::all().iter().copied().chain([HeaderId::Other]);
        Ok(known.into_iter().find(|id| last.contains(*id) && wanted.contains(*id)))
    }

    fn step(&mut self, mut done: impl FnMut(HeaderSet) -> bool) -> Result<HeaderSet, ParseError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let Some(from) = self.next else { return Ok(self.found) };
        let Message { index, buf, .. } = &mut self.message;
        let found = &mut self.found;
        let outcome = index.scan_until(buf, from, &self.limits, |id| {
            *found = found.with(id);
            done(*found)
        });
        match outcome {
            Ok(scanned) if scanned.whole => {
                self.next = None;
                self.message.body = crate::span::offset(scanned.at);
            }
            Ok(scanned) => self.next = Some(scanned.at),
            Err(error) => {
                self.message.index.close(&self.message.buf, from);
                let error = moved(error, self.skipped);
                self.failed = Some(error);
                return Err(error);
            }
        }
        Ok(self.found)
    }

    /// What was read so far, as a message: start line, headers and their typed getters. Its body
    /// is empty until the head was read to its end, and is then all that follows, since only
    /// [`PartialMessage::finish`] looks at Content-Length. Not to be written or patched.
    pub fn seen(&self) -> &Message {
        &self.message
    }

    /// What was found so far.
    pub fn found(&self) -> HeaderSet {
        self.found
    }

    /// Whether the head was read to its end.
    pub fn is_complete(&self) -> bool {
        self.next.is_none()
    }

    /// Reads the rest of the head and cuts the message where it ends: the same message, or the
    /// same error, as [`Message::parse_with`] gives.
    pub fn finish(mut self) -> Result<Message, ParseError> {
        self.parse_headers(HeaderSet::ALL)?;
        let Message { index, buf, body, .. } = &self.message;
        let end = super::extent::of_datagram(index, buf, *body as usize, &self.limits)
            .map_err(|e| moved(e, self.skipped))?;
        self.message.buf.truncate(end);
        Ok(self.message)
    }
}

/// The same error in a buffer with so many bytes in front.
fn moved(error: ParseError, by: u32) -> ParseError {
    ParseError { offset: error.offset.saturating_add(by), ..error }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] =
        b"\r\nINVITE sip:b SIP/2.0\r\nVia: SIP/2.0/UDP a\r\nTo: <sip:t>\r\nX-Y: y\r\n\
        v: SIP/2.0/UDP b\r\nFrom: <sip:f>\r\n ;tag=1\r\nl: 2\r\n\r\nbody";

    fn partial() -> PartialMessage {
        PartialMessage::new(Bytes::from_static(TEXT)).unwrap()
    }

    #[test]
    fn a_step_ends_behind_the_headers_it_looks_for() {
        let mut p = partial();
        assert_eq!((p.seen().request_uri(), p.seen().headers().count()), (&b"sip:b"[..], 0));
        let to = HeaderSet::of(&[HeaderId::To]);
        let found = p.parse_headers(to).unwrap();
        assert!(found.contains(HeaderId::To) && found.contains(HeaderId::Via));
        assert!(!found.contains(HeaderId::From) && p.seen().header(HeaderId::From).is_none());
        assert_eq!(p.seen().headers().count(), 2);
        assert_eq!(p.seen().header(HeaderId::To).map(|h| h.span.end), Some(p.seen().headers_end()));
        // The same again reads nothing, more goes on from there.
        assert_eq!(p.parse_headers(to), Ok(found));
        assert_eq!(p.seen().headers().count(), 2);
        p.parse_headers(to.with(HeaderId::From)).unwrap();
        assert_eq!(p.seen().from().unwrap().tag(), Some(&b"1"[..]));
        assert_eq!((p.seen().headers().count(), p.is_complete()), (5, false));
        assert_eq!(p.seen().body(), b"");
        // What is not there is looked for to the end.
        let all = p.parse_headers(HeaderSet::of(&[HeaderId::Route])).unwrap();
        assert!(p.is_complete() && !all.contains(HeaderId::Route) && all.contains(HeaderId::Other));
        let m = p.finish().unwrap();
        let whole = Message::parse(Bytes::from_static(TEXT)).unwrap();
        assert_eq!((m.bytes(), m.body()), (whole.bytes(), &b"bo"[..]));
        assert_eq!(m.vias().count(), 2);
    }

    #[test]
    fn the_next_of_a_list_is_found_line_by_line() {
        let mut p = partial();
        let vias = HeaderSet::of(&[HeaderId::Via]);
        let count = |p: &PartialMessage| p.seen().headers_of(HeaderId::Via).count();
        assert_eq!((p.parse_next(vias), count(&p)), (Ok(Some(HeaderId::Via)), 1));
        assert_eq!((p.parse_next(vias), count(&p)), (Ok(Some(HeaderId::Via)), 2));
        assert!(
            p.found().covers(HeaderSet::of(&[HeaderId::Via, HeaderId::To])) && !p.is_complete()
        );
        assert_eq!((p.parse_next(vias), p.is_complete()), (Ok(None), true));
        let mut p = partial();
        assert_eq!(p.parse_next(HeaderSet::of(&[HeaderId::Other])), Ok(Some(HeaderId::Other)));
        assert_eq!(p.seen().headers().count(), 3);
    }

    #[test]
    fn an_error_stays_and_what_came_before_it_can_be_read() {
        let text = b"\r\nACK sip:b SIP/2.0\r\nTo: t\r\nbroken\r\nFrom: f\r\n\r\n";
        let whole = Message::parse(Bytes::from_static(text)).unwrap_err();
        let mut p = PartialMessage::new(Bytes::from_static(text)).unwrap();
        let from = HeaderSet::of(&[HeaderId::From]);
        assert_eq!(p.parse_headers(from), Err(whole));
        assert_eq!(p.seen().header(HeaderId::To).map(|h| h.value), Some(&b"t"[..]));
        assert_eq!(p.parse_headers(HeaderSet::of(&[HeaderId::To])), Err(whole));
        assert_eq!(p.finish().unwrap_err(), whole);
        let short = b"\r\nACK sip:b SIP/2.0\r\nl: 9\r\n\r\nx";
        let whole = Message::parse(Bytes::from_static(short)).unwrap_err();
        let p = PartialMessage::new(Bytes::from_static(short)).unwrap();
        assert_eq!(p.finish().unwrap_err(), whole);
    }

    #[test]
    fn limits_hold_over_all_steps() {
        let limits = Limits { headers: 2, ..Limits::DEFAULT };
        let mut p = PartialMessage::new_with(Bytes::from_static(TEXT), &limits).unwrap();
        assert!(p.parse_next(HeaderSet::ALL).is_ok() && p.parse_next(HeaderSet::ALL).is_ok());
        let e = p.parse_next(HeaderSet::ALL).unwrap_err();
        assert_eq!(e.kind, ParseErrorKind::TooManyHeaders);
    }
}
