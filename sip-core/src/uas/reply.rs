//! What a reply says, as a value.

use std::fmt;

use sip_parser::{Message, reason_phrase};

use crate::txn::Facts;

/// An answer to a request. What every answer copies from its request (Via, From, To, Call-ID,
/// CSeq, Record-Route; RFC 3261 8.2.6.2, 12.1.1) is added by whoever writes it out.
#[derive(Clone, Copy)]
pub struct Reply<'a> {
    /// The status code, 100 to 699.
    pub code: u16,
    /// The reason phrase, without line ends.
    pub reason: &'a [u8],
    /// Whole header lines, each with its CRLF, that go behind the copied ones.
    pub headers: &'a [u8],
    /// The Content-Type of `body`.
    pub content_type: &'a [u8],
    /// The body.
    pub body: &'a [u8],
    /// The To tag; `None`: the proxy's own, the same for all answers to one request. Not used when
    /// the request's To has one, nor in a 100.
    pub to_tag: Option<&'a [u8]>,
    /// The request, if it is still at hand: saves reading it again. It must be the one answered.
    pub request: Option<&'a Message>,
    /// What was read from the request when it came in, if it is still at hand: saves reading that
    /// again too.
    pub facts: Option<&'a Facts>,
}

impl<'a> Reply<'a> {
    /// A reply with the usual reason phrase of `code`.
    #[must_use]
    pub fn new(code: u16) -> Self {
        Self::with_reason(code, reason_phrase(code).as_bytes())
    }

    /// A reply with a reason phrase of one's own.
    #[must_use]
    pub const fn with_reason(code: u16, reason: &'a [u8]) -> Self {
        Self {
            code,
            reason,
            headers: b"",
            content_type: b"",
            body: b"",
            to_tag: None,
            request: None,
            facts: None,
        }
    }

    /// The same with these header lines.
    #[must_use]
    pub const fn headers(mut self, lines: &'a [u8]) -> Self {
        self.headers = lines;
        self
    }

    /// The same with a body.
    #[must_use]
    pub const fn body(mut self, content_type: &'a [u8], body: &'a [u8]) -> Self {
        self.content_type = content_type;
        self.body = body;
        self
    }

    /// Whether it can be written out: a code from 100 to 699, no line end where none belongs, and
    /// only whole header lines.
    pub(crate) fn check(&self) -> Result<(), ReplyError> {
        let one_line = |text: &[u8]| memchr::memchr2(b'\r', b'\n', text).is_none();
        let whole = self.headers.is_empty() || self.headers.ends_with(b"\r\n");
        // An empty line ends the head: a line end where a header's name should begin. Summed up
        // without a way out, so that it is done many bytes at a time.
        let next = self.headers.get(1..).unwrap_or_default();
        let pairs = self.headers.iter().zip(next);
        let empty_line = matches!(self.headers.first(), Some(b'\r' | b'\n'))
            || pairs.fold(0, |found, (a, b)| {
                found | (u8::from(*a == b'\n') & (u8::from(*b == b'\r') | u8::from(*b == b'\n')))
            }) != 0;
        let sound = (100..700).contains(&self.code)
            && one_line(self.reason)
            && one_line(self.content_type)
            && self.to_tag.is_none_or(one_line)
            && whole
            && !empty_line;
        if sound { Ok(()) } else { Err(ReplyError::Malformed) }
    }

    /// The same with the request at hand.
    #[must_use]
    pub const fn to(mut self, request: &'a Message) -> Self {
        self.request = Some(request);
        self
    }

    /// The same with what was read from the request, if it was kept.
    #[must_use]
    pub const fn known(mut self, facts: Option<&'a Facts>) -> Self {
        self.facts = facts;
        self
    }
}

impl fmt::Debug for Reply<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reply({} {})", self.code, String::from_utf8_lossy(self.reason))
    }
}

/// Why a reply was not sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ReplyError {
    /// The transaction is over.
    #[error("the transaction is gone")]
    Gone,
    /// It has its final answer.
    #[error("the transaction is already answered")]
    Answered,
    /// The code is not between 100 and 699, or a line of the reply would break the message.
    #[error("the reply is malformed")]
    Malformed,
}
