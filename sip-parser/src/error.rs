//! Errors of the parser: what is wrong, in which header, at which byte, and which status a
//! server should send for it. Owns the mapping to status codes.

use crate::{HeaderId, UriError, UriFault};
use thiserror::Error;

/// What is wrong with a header value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum Fault {
    /// The header is not there although it must be.
    #[error("is missing")]
    Missing,
    /// It is there twice although it may be there only once.
    #[error("is there more than once")]
    Duplicate,
    /// The value, or a member of its list, is empty.
    #[error("is empty")]
    Empty,
    /// The value does not follow the grammar of that header.
    #[error("does not follow the grammar")]
    Syntax,
    /// A number is not a number or is out of its range.
    #[error("holds a number out of range")]
    Number,
    /// A quoted string or an angle bracket is not closed.
    #[error("has an unbalanced quote or bracket")]
    Quote,
    /// A parameter is empty or malformed.
    #[error("has a malformed parameter")]
    Parameter,
    /// The host or port is malformed.
    #[error("has a malformed host or port")]
    Host,
    /// The URI inside is malformed.
    #[error("holds a malformed URI")]
    Uri,
    /// The method of CSeq is not that of the request (RFC 3261 8.1.1.5).
    #[error("does not match the request")]
    Mismatch,
}

/// A header that cannot be read: returned by the typed getters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[error("{header} {fault} (at byte {offset})")]
pub struct HeaderError {
    /// Which header.
    pub header: HeaderId,
    /// Offset in the message of the byte that did not fit; 0 when the header is missing.
    pub offset: u32,
    /// What is wrong.
    pub fault: Fault,
}

impl HeaderError {
    /// Status code and reason phrase to answer with: 400 and a phrase naming the header.
    pub fn status(&self) -> (u16, &'static str) {
        let reason = match self.fault {
            Fault::Missing => self.header.missing_reason(),
            Fault::Duplicate => self.header.duplicate_reason(),
            _ => self.header.bad_reason(),
        };
        (400, reason)
    }
}

/// What is wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum ParseErrorKind {
    /// Nothing but line ends.
    #[error("there is no message")]
    Empty,
    /// The first line is neither a request line nor a status line of SIP.
    #[error("the start line is not SIP")]
    StartLine,
    /// The method is not a token.
    #[error("the method is not a token")]
    Method,
    /// The Request-URI is malformed.
    #[error("the Request-URI {0}")]
    RequestUri(UriFault),
    /// The Request-URI is of a scheme that is not routed here.
    #[error("the Request-URI is of an unsupported scheme")]
    UriScheme,
    /// The Request-URI is longer than its limit.
    #[error("the Request-URI is too long")]
    UriTooLong,
    /// A SIP version other than 2.0.
    #[error("the SIP version is not 2.0")]
    Version,
    /// The status code is not three digits from 100 to 699.
    #[error("the status code is out of range")]
    StatusCode,
    /// A line without a colon, or a header name that is not a token.
    #[error("a header name is malformed")]
    HeaderName,
    /// A line that ends in LF alone, or a CR inside a line.
    #[error("a line does not end in CRLF")]
    LineEnd,
    /// No empty line ends the headers.
    #[error("the headers do not end")]
    Unterminated,
    /// The body is shorter than Content-Length says.
    #[error("the body is shorter than Content-Length")]
    ShortBody,
    /// Start line and headers are longer than their limit.
    #[error("the headers are too long")]
    HeadTooLong,
    /// The body is longer than its limit.
    #[error("the body is too long")]
    BodyTooLong,
    /// More header fields than their limit.
    #[error("there are too many headers")]
    TooManyHeaders,
    /// A header field is longer than its limit.
    #[error("a header is too long")]
    LineTooLong,
    /// A header value or a URI has more parameters than their limit.
    #[error("there are too many parameters")]
    TooManyParameters,
    /// A header that must be understood is missing, doubled or malformed.
    #[error("a header {0}")]
    Header(Fault),
}

/// A message that is refused: what, in which header, at which byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[error("{kind} (at byte {offset})")]
pub struct ParseError {
    /// Offset of the offending byte in the buffer that was parsed.
    pub offset: u32,
    /// The header it is about, when it is about one with a name here.
    pub header: Option<HeaderId>,
    /// What is wrong.
    pub kind: ParseErrorKind,
}

impl ParseError {
    pub(crate) fn new(kind: ParseErrorKind, offset: usize) -> ParseError {
        ParseError { offset: crate::span::offset(offset), header: None, kind }
    }

    /// The status code and reason phrase that a server should answer with. A response that does
    /// not parse is dropped instead (RFC 3261 18.1.2).
    pub fn status(&self) -> (u16, &'static str) {
        match (self.kind, self.header) {
            (ParseErrorKind::Header(fault), Some(header)) => {
                HeaderError { header, offset: self.offset, fault }.status()
            }
            (ParseErrorKind::RequestUri(_), _) => (400, "Bad Request-URI"),
            (ParseErrorKind::UriScheme, _) => (416, "Unsupported URI Scheme"),
            (ParseErrorKind::UriTooLong, _) => (414, "Request-URI Too Long"),
            (ParseErrorKind::Version, _) => (505, "Version Not Supported"),
            (ParseErrorKind::HeadTooLong, _) => (513, "Message Too Large (headers)"),
            (ParseErrorKind::BodyTooLong, _) => (513, "Message Too Large (body)"),
            (ParseErrorKind::TooManyHeaders, _) => (513, "Message Too Large (header count)"),
            (ParseErrorKind::LineTooLong, _) => (513, "Message Too Large (header length)"),
            (ParseErrorKind::TooManyParameters, _) => (513, "Message Too Large (parameter count)"),
            (ParseErrorKind::StartLine, _) => (400, "Bad Request-Line"),
            (ParseErrorKind::Method, _) => (400, "Bad Method"),
            (ParseErrorKind::HeaderName, _) => (400, "Bad Header Name"),
            (ParseErrorKind::LineEnd, _) => (400, "Bad Line End"),
            (ParseErrorKind::Unterminated, _) => (400, "Headers Not Terminated"),
            (ParseErrorKind::ShortBody, _) => (400, "Content-Length Beyond Message"),
            _ => (400, "Bad Request"),
        }
    }
}

impl From<HeaderError> for ParseError {
    fn from(e: HeaderError) -> ParseError {
        ParseError {
            offset: e.offset,
            header: Some(e.header),
            kind: ParseErrorKind::Header(e.fault),
        }
    }
}

impl From<UriError> for Fault {
    fn from(e: UriError) -> Fault {
        match e.fault {
            UriFault::Host | UriFault::Port => Fault::Host,
            _ => Fault::Uri,
        }
    }
}
