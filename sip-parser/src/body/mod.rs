//! Bodies: one content, or several in a multipart body (RFC 2046 5.1, RFC 5621). Owns finding
//! content by its type, however deep it lies, within [`Limits::nesting`].
//!
//! ```text
//! Content-Type: application/sdp            the body is the content
//! Content-Type: multipart/mixed;boundary=b the body is parts, each with headers of its own
//!   --b CRLF headers CRLF CRLF content CRLF
//!   --b CRLF ... CRLF
//!   --b-- CRLF
//! ```
//!
//! Views over the message: nothing is copied, and every span counts from its beginning, so that
//! the contents can be edited in a [`Patch`](crate::Patch). What is compressed or otherwise
//! encoded (Content-Encoding) is left alone: it is never taken for what it will be when decoded.

mod add;
mod edit;
mod multipart;
mod part;

pub use add::{NewPart, add_parts};
pub use edit::EditFault;
pub use multipart::{Multipart, Walk};
pub use part::Part;

use crate::sdp::{Sdp, SdpError};
use crate::{ContentType, HeaderId, Limits, Message, Span};
use thiserror::Error;

/// What is wrong with a multipart body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum BodyFault {
    /// Content-Type is there twice, or is malformed.
    #[error("has a malformed Content-Type")]
    ContentType,
    /// The boundary is missing, empty, longer than 70 characters or holds one that it may not
    /// (RFC 2046 5.1.1).
    #[error("has no lawful boundary")]
    Boundary,
    /// No delimiter begins a part.
    #[error("has no part")]
    NoPart,
    /// A line begins like a delimiter and is none, or a delimiter stands in lines that do not end
    /// in CRLF: others may part the body differently.
    #[error("has an ambiguous delimiter")]
    Delimiter,
    /// No closing delimiter ends the last part.
    #[error("is not closed")]
    Unterminated,
    /// The headers of a part are malformed or do not end.
    #[error("has a part with malformed headers")]
    Header,
    /// More parts than [`Limits::parts`].
    #[error("has too many parts")]
    TooManyParts,
    /// A part has more headers than [`Limits::headers`], or one longer than [`Limits::line`].
    #[error("has a part with too many or too long headers")]
    HeadersTooLong,
    /// Multipart bodies inside each other, deeper than [`Limits::nesting`].
    #[error("is nested too deep")]
    TooDeep,
    /// The body is longer than [`Limits::body`].
    #[error("is too long")]
    TooLong,
}

/// A body that cannot be read: what, and at which byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[error("the body {fault} (at byte {offset})")]
pub struct BodyError {
    /// Offset of the byte that did not fit: of the message when the body came from one.
    pub offset: u32,
    /// What is wrong.
    pub fault: BodyFault,
}

impl BodyError {
    fn new(fault: BodyFault, offset: u32) -> BodyError {
        BodyError { offset, fault }
    }

    /// Status code and reason phrase to answer with: 400, or 513 where a limit was met.
    pub fn status(&self) -> (u16, &'static str) {
        match self.fault {
            BodyFault::ContentType => (400, "Bad Content-Type"),
            BodyFault::Boundary => (400, "Bad Multipart Boundary"),
            BodyFault::TooManyParts
            | BodyFault::HeadersTooLong
            | BodyFault::TooDeep
            | BodyFault::TooLong => (513, "Message Too Large (multipart)"),
            _ => (400, "Bad Multipart Body"),
        }
    }
}

/// Content that was found in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Content<'a> {
    /// The bytes.
    pub bytes: &'a [u8],
    /// Where they stand in the message.
    pub span: Span,
}

impl Message {
    fn body_type(&self) -> Result<Option<ContentType<'_>>, BodyError> {
        let mut headers = self.headers_of(HeaderId::ContentType);
        let Some(h) = headers.next() else { return Ok(None) };
        let bad = BodyError::new(BodyFault::ContentType, h.value_span.start);
        if headers.next().is_some() {
            return Err(bad);
        }
        ContentType::parse(h.value).map(Some).map_err(|_| bad)
    }

    /// The parts of a multipart body, under the default [`Limits`]; None when the body is empty or
    /// of another type.
    pub fn multipart(&self) -> Result<Option<Multipart<'_>>, BodyError> {
        self.multipart_with(&Limits::DEFAULT)
    }

    /// [`Message::multipart`] under the given limits.
    pub fn multipart_with(&self, limits: &Limits) -> Result<Option<Multipart<'_>>, BodyError> {
        if self.body().is_empty()
            || encoded(self.header(HeaderId::ContentEncoding).map(|h| h.value))
        {
            return Ok(None);
        }
        let Some(kind) = self.body_type()? else { return Ok(None) };
        Multipart::of_type(&kind, self.body(), self.body_start(), 1, limits)
    }

    /// The first content of that type: the body itself or a part of it, parts in parts included,
    /// under the default [`Limits`]. None when there is none; an error when the body cannot be
    /// taken apart up to there.
    pub fn content(&self, kind: &str, subtype: &str) -> Result<Option<Content<'_>>, BodyError> {
        self.content_with(kind, subtype, &Limits::DEFAULT)
    }

    /// [`Message::content`] under the given limits.
    pub fn content_with(
        &self,
        kind: &str,
        subtype: &str,
        limits: &Limits,
    ) -> Result<Option<Content<'_>>, BodyError> {
        if let Some(parts) = self.multipart_with(limits)? {
            let found = parts.find(kind, subtype, limits)?;
            return Ok(found.map(|p| Content { bytes: p.content, span: p.content_span }));
        }
        let plain = !encoded(self.header(HeaderId::ContentEncoding).map(|h| h.value));
        if !plain
            || self.body().is_empty()
            || !self.body_type()?.is_some_and(|t| t.is(kind, subtype))
        {
            return Ok(None);
        }
        let end = crate::span::offset(self.bytes().len());
        Ok(Some(Content { bytes: self.body(), span: Span::new(self.body_start(), end) }))
    }

    /// The session description in the body, alone or as a part, under the default [`Limits`];
    /// None when there is none.
    pub fn sdp(&self) -> Result<Option<Sdp<'_>>, ContentError> {
        self.sdp_with(&Limits::DEFAULT)
    }

    /// [`Message::sdp`] under the given limits.
    pub fn sdp_with(&self, limits: &Limits) -> Result<Option<Sdp<'_>>, ContentError> {
        let Some(found) = self.content_with("application", "sdp", limits)? else { return Ok(None) };
        Ok(Some(Sdp::parse_at(found.bytes, found.span.start, limits)?))
    }
}

/// Whether Content-Encoding says that the content is not what it seems (RFC 3261 20.12).
fn encoded(value: Option<&[u8]>) -> bool {
    value.is_some_and(|v| !v.is_empty() && !v.eq_ignore_ascii_case(b"identity"))
}

/// Content that cannot be read: the body around it, or itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum ContentError {
    /// The body cannot be taken apart.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// The session description is malformed.
    #[error(transparent)]
    Sdp(#[from] SdpError),
}

impl ContentError {
    /// Status code and reason phrase to answer with.
    pub fn status(&self) -> (u16, &'static str) {
        match self {
            ContentError::Body(e) => e.status(),
            ContentError::Sdp(e) => e.status(),
        }
    }
}

#[cfg(test)]
mod tests;
