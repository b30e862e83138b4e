//! The message: an owned buffer and the index of what stands where in it. Owns parsing as a
//! whole; start line, header index, extent, typed getters, edits and builders are its children.

pub(crate) mod builder;
mod check;
pub(crate) mod display;
pub(crate) mod extent;
pub(crate) mod index;
pub(crate) mod partial;
pub(crate) mod patch;
mod salvage;
pub(crate) mod start_line;
pub(crate) mod typed;

use crate::lex;
use crate::{Header, HeaderId, Limits, Method, ParseError, ParseErrorKind, Span};
use bytes::{Buf, Bytes};
use index::HeaderIndex;
use start_line::StartLine;

/// A SIP request or response: immutable bytes and the spans of its start line and headers.
///
/// It owns its bytes (shared, not copied, with whoever else holds the same [`Bytes`]), has no
/// lifetime, and takes no heap memory for up to 24 headers. Header values are parsed when asked
/// for. Edits are made with a [`Patch`](crate::Patch) when it is written out.
#[derive(Clone)]
pub struct Message {
    buf: Bytes,
    start: StartLine,
    body: u32,
    index: HeaderIndex,
}

impl Default for Message {
    fn default() -> Message {
        Message::empty()
    }
}

impl Message {
    /// A message of no bytes, to be filled by [`Message::parse_into`]. It is neither a request
    /// nor a response that anybody could send: no method name, no headers.
    pub const fn empty() -> Message {
        Message { buf: Bytes::new(), start: StartLine::EMPTY, body: 0, index: HeaderIndex::new() }
    }

    /// Parses one message, such as a datagram, under the default [`Limits`].
    pub fn parse(buf: Bytes) -> Result<Message, ParseError> {
        Message::parse_with(buf, &Limits::DEFAULT)
    }

    /// Parses one message under the given limits. Line ends in front of it are skipped
    /// (RFC 3261 7.5), what lies beyond Content-Length is cut off (18.3). Only the start line,
    /// the header names and Content-Length are judged; the rest when it is asked for, or by
    /// [`Message::check`].
    pub fn parse_with(mut buf: Bytes, limits: &Limits) -> Result<Message, ParseError> {
        let mut message = Message::empty();
        message.fill(&mut buf, limits)?;
        Ok(message)
    }

    /// Parses into this message, reusing its memory. On error it is left empty.
    pub fn parse_into(&mut self, buf: Bytes) -> Result<(), ParseError> {
        self.parse_into_with(buf, &Limits::DEFAULT)
    }

    /// [`Message::parse_into`] under the given limits.
    pub fn parse_into_with(&mut self, mut buf: Bytes, limits: &Limits) -> Result<(), ParseError> {
        self.take_from(&mut buf, limits)
    }

    /// The same for a buffer that is wanted back when it holds no message: it is empty afterwards
    /// when this succeeds, and only the line ends in front are gone when it does not.
    pub fn take_from(&mut self, buf: &mut Bytes, limits: &Limits) -> Result<(), ParseError> {
        self.index.clear();
        let outcome = self.fill(buf, limits);
        if outcome.is_err() {
            self.buf = Bytes::new();
            self.start = StartLine::EMPTY;
            self.body = 0;
            self.index.clear();
        }
        outcome
    }

    /// Parses into a message whose index is clear.
    fn fill(&mut self, buf: &mut Bytes, limits: &Limits) -> Result<(), ParseError> {
        let skipped = lex::leading_line_ends(buf);
        if skipped > 0 {
            buf.advance(skipped);
        }
        if buf.is_empty() {
            return Err(ParseError::new(ParseErrorKind::Empty, skipped));
        }
        match self.split(buf, limits) {
            Ok(end) => {
                buf.truncate(end);
                self.buf = core::mem::take(buf);
                Ok(())
            }
            Err(mut e) => {
                e.offset = e.offset.saturating_add(crate::span::offset(skipped));
                Err(e)
            }
        }
    }

    /// Start line, headers, extent; returns the offset after the body.
    fn split(&mut self, buf: &[u8], limits: &Limits) -> Result<usize, ParseError> {
        self.start = StartLine::parse(buf, limits)?;
        let body = self.index.scan(buf, self.start.end as usize, limits)?;
        self.body = crate::span::offset(body);
        extent::of_datagram(&self.index, buf, body, limits)
    }

    /// The bytes of the message, exactly as received; spans count from their beginning.
    pub fn bytes(&self) -> &Bytes {
        &self.buf
    }

    /// The bytes of a span; empty when it does not lie inside.
    pub fn slice(&self, span: Span) -> &[u8] {
        span.of(&self.buf)
    }

    /// Whether it is a request.
    pub fn is_request(&self) -> bool {
        self.start.status == 0
    }

    /// The method of a request.
    pub fn method(&self) -> Option<Method> {
        self.is_request().then_some(self.start.method)
    }

    /// The method of a request as received; empty for a response.
    pub fn method_name(&self) -> &[u8] {
        if self.is_request() { self.slice(self.start.first) } else { b"" }
    }

    /// The Request-URI as received; empty for a response.
    pub fn request_uri(&self) -> &[u8] {
        self.slice(self.request_uri_span())
    }

    /// Where the Request-URI stands; an empty span for a response.
    pub fn request_uri_span(&self) -> Span {
        if self.is_request() { self.start.second } else { Span::default() }
    }

    /// The status code of a response, 100 to 699.
    pub fn status(&self) -> Option<u16> {
        (!self.is_request()).then_some(self.start.status)
    }

    /// The reason phrase of a response as received; empty for a request.
    pub fn reason(&self) -> &[u8] {
        if self.is_request() { b"" } else { self.slice(self.start.second) }
    }

    /// Offset of the first header line, or of the empty line when there are no headers.
    pub fn start_line_end(&self) -> u32 {
        self.start.end
    }

    /// Offset of the empty line that ends the headers: where a header is appended.
    pub fn headers_end(&self) -> u32 {
        self.index.end
    }

    /// Offset of the body.
    pub fn body_start(&self) -> u32 {
        self.body
    }

    /// The body: as long as Content-Length says, or to the end of the datagram.
    pub fn body(&self) -> &[u8] {
        self.buf.get(self.body as usize..).unwrap_or_default()
    }

    /// All headers in order.
    pub fn headers(&self) -> impl Iterator<Item = Header<'_>> {
        (0..).map_while(|i| self.index.header(&self.buf, i))
    }

    /// The identity and the whole line or lines of each header, in order: what copying needs, for
    /// less than [`Message::headers`] costs.
    #[inline]
    pub fn lines(&self) -> impl Iterator<Item = (HeaderId, Span)> {
        (0..).map_while(|i| self.index.line(i))
    }

    /// The first header of that identity. For [`HeaderId::Other`], the first unknown one.
    pub fn header(&self, id: HeaderId) -> Option<Header<'_>> {
        self.index.header(&self.buf, self.index.first_of(id)?)
    }

    /// All headers of that identity, in order.
    pub fn headers_of(&self, id: HeaderId) -> impl Iterator<Item = Header<'_>> {
        let mut next = self.index.first_of(id);
        core::iter::from_fn(move || {
            let i = next?;
            next = self.index.next_of(id, i + 1);
            self.index.header(&self.buf, i)
        })
    }

    /// All headers of that name, compared without case, known or not; a compact form and its full
    /// name find the same headers.
    pub fn headers_named<'a>(&'a self, name: &'a [u8]) -> impl Iterator<Item = Header<'a>> {
        let id = HeaderId::from_name(name);
        self.headers_of(id)
            .filter(move |h| id != HeaderId::Other || h.name.eq_ignore_ascii_case(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(s: &str) -> Result<Message, ParseError> {
        Message::parse(Bytes::copy_from_slice(s.as_bytes()))
    }

    #[test]
    fn a_message_fits_its_budget() {
        assert!(size_of::<Message>() <= 768, "{}", size_of::<Message>());
    }

    #[test]
    fn what_lies_beyond_content_length_is_not_part_of_it() {
        let m = parse("\r\n\r\nACK sip:a SIP/2.0\r\nl: 3\r\n\r\nabcINVITE").unwrap();
        assert_eq!(m.body(), b"abc");
        assert!(m.bytes().ends_with(b"abc") && m.bytes().starts_with(b"ACK"));
        assert_eq!(m.header(HeaderId::ContentLength).unwrap().name, b"l");
    }

    #[test]
    fn content_length_must_be_one_number_that_fits() {
        let head = |lines: &str| parse(&format!("ACK sip:a SIP/2.0\r\n{lines}\r\nabc"));
        assert_eq!(head("").unwrap().body(), b"abc");
        let status = |lines: &str| head(lines).unwrap_err().status();
        assert_eq!(status("l: 4\r\n"), (400, "Content-Length Beyond Message"));
        assert_eq!(status("l: -1\r\n"), (400, "Bad Content-Length"));
        assert_eq!(status("l: 3\r\nContent-Length: 3\r\n"), (400, "Duplicate Content-Length"));
        assert_eq!(status("l: 99999999\r\n"), (513, "Message Too Large (body)"));
    }

    #[test]
    fn errors_count_from_the_first_byte_given() {
        let e = parse("\r\nACK sip:a SIP/2.0\r\nTo\n").unwrap_err();
        assert_eq!((e.kind, e.offset), (ParseErrorKind::LineEnd, 23));
        assert_eq!(parse("\r\n").unwrap_err().kind, ParseErrorKind::Empty);
    }

    #[test]
    fn a_message_is_reused_and_left_empty_on_error() {
        let mut m = parse("ACK sip:a SIP/2.0\r\nTo: x\r\n\r\n").unwrap();
        m.parse_into(Bytes::from_static(b"SIP/2.0 200 OK\r\nFrom: y\r\n\r\n")).unwrap();
        assert_eq!((m.status(), m.reason()), (Some(200), &b"OK"[..]));
        assert!(m.header(HeaderId::To).is_none() && m.header(HeaderId::From).is_some());
        assert!(m.parse_into(Bytes::from_static(b"junk")).is_err());
        assert!(m.bytes().is_empty() && m.headers().next().is_none());
    }

    #[test]
    fn headers_are_found_by_any_of_their_names() {
        let m = parse("ACK sip:a SIP/2.0\r\nv: 1\r\nX-A: 2\r\nVIA: 3\r\nx-a: 4\r\n\r\n").unwrap();
        let values = |name: &str| -> Vec<&[u8]> {
            m.headers_named(name.as_bytes().to_vec().leak()).map(|h| h.value).collect()
        };
        assert_eq!(values("Via"), [b"1", b"3"]);
        assert_eq!(values("V"), [b"1", b"3"]);
        assert_eq!(values("x-A"), [b"2", b"4"]);
        assert!(values("X-B").is_empty());
    }
}
