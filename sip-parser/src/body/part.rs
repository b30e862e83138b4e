//! One part of a multipart body: its headers and its content (RFC 2046 5.1).

use super::{BodyError, BodyFault, Multipart, encoded};
use crate::msg::index::Field;
use crate::{ContentType, Header, HeaderId, Limits, Span};

/// A part: a view.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// Its header lines, the empty line not counted.
    pub(super) head: &'a [u8],
    /// What stands between the headers and the next delimiter.
    pub content: &'a [u8],
    /// Where the content stands.
    pub content_span: Span,
    /// From its delimiter to the end of its content.
    pub span: Span,
    /// From behind its delimiter line to the end of its content: headers and content.
    pub inner_span: Span,
    pub(super) depth: usize,
}

/// Reads header lines that are followed by an empty line: the headers, then where the content
/// begins or why it does not.
pub(super) struct HeadLines<'a> {
    text: &'a [u8],
    base: u32,
    pub(super) at: usize,
}

impl<'a> HeadLines<'a> {
    pub(super) fn new(text: &'a [u8], base: u32) -> HeadLines<'a> {
        HeadLines { text, base, at: 0 }
    }

    /// The next header; `Ok(None)` at the empty line, which `at` is then before.
    pub(super) fn step(&mut self) -> Result<Option<Header<'a>>, BodyError> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        if rest.starts_with(b"\r\n") {
            return Ok(None);
        }
        let line = Span::at(self.base, self.at, self.at).start;
        let field = Field::read(rest).map_err(|_| BodyError::new(BodyFault::Header, line))?;
        let header = Header {
            id: field.id,
            name: rest.get(..field.name_len).unwrap_or_default(),
            value: rest.get(field.value..field.value + field.value_len).unwrap_or_default(),
            span: Span::at(line, 0, field.end + 2),
            value_span: Span::at(line, field.value, field.value + field.value_len),
        };
        self.at += field.end + 2;
        Ok(Some(header))
    }
}

impl<'a> Part<'a> {
    /// Its headers in order, with spans like those of the message. Compact forms mean what they
    /// mean in a message.
    pub fn headers(&self) -> impl Iterator<Item = Header<'a>> + use<'a> {
        // They were judged when the body was taken apart; the empty line follows in the text.
        let mut lines = HeadLines::new(self.head, self.inner_span.start);
        core::iter::from_fn(move || lines.step().ok().flatten())
    }

    /// Its first header of that identity.
    pub fn header(&self, id: HeaderId) -> Option<Header<'a>> {
        self.headers().find(|h| h.id == id)
    }

    /// Its first header of that name, compared without case.
    pub fn header_named(&self, name: &[u8]) -> Option<Header<'a>> {
        let id = HeaderId::from_name(name);
        let same = move |h: &Header<'_>| h.id == id && id != HeaderId::Other;
        self.headers().find(|h| same(h) || h.name.eq_ignore_ascii_case(name))
    }

    /// Content-Type of the part; None when it is absent, which means text/plain
    /// (RFC 2046 5.1), or malformed.
    pub fn content_type(&self) -> Option<ContentType<'a>> {
        ContentType::parse(self.header(HeaderId::ContentType)?.value).ok()
    }

    /// Whether the content is of that type and not encoded otherwise. A part that names no type is
    /// text/plain.
    pub fn is(&self, kind: &str, subtype: &str) -> bool {
        let named = match self.header(HeaderId::ContentType) {
            Some(_) => self.content_type().is_some_and(|t| t.is(kind, subtype)),
            None => kind.eq_ignore_ascii_case("text") && subtype.eq_ignore_ascii_case("plain"),
        };
        named && self.is_plain()
    }

    /// Content-ID without its angle brackets: what `cid:` URIs in headers name (RFC 5621 8,
    /// RFC 2392).
    pub fn content_id(&self) -> Option<&'a [u8]> {
        let value = self.header_named(b"Content-ID")?.value;
        Some(value.strip_prefix(b"<").and_then(|v| v.strip_suffix(b">")).unwrap_or(value))
    }

    /// The parts of this part, when its type is multipart.
    pub fn multipart(&self, limits: &Limits) -> Result<Option<Multipart<'a>>, BodyError> {
        let Some(kind) = self.content_type().filter(|_| self.is_plain()) else { return Ok(None) };
        let depth = self.depth + 1;
        Multipart::of_type(&kind, self.content, self.content_span.start, depth, limits)
    }

    /// Whether no encoding hides the content: neither Content-Encoding nor a transfer encoding
    /// that changes bytes (RFC 2045 6.1).
    fn is_plain(&self) -> bool {
        let coded = self.header(HeaderId::ContentEncoding).map(|h| h.value);
        let transfer = self.header_named(b"Content-Transfer-Encoding").map(|h| h.value);
        let plain = |t: &[u8]| {
            [&b"binary"[..], b"8bit", b"7bit"].iter().any(|name| t.eq_ignore_ascii_case(name))
        };
        !encoded(coded) && transfer.is_none_or(plain)
    }
}
