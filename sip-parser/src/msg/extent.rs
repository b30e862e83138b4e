//! Where a message ends: Content-Length against what is there (RFC 3261 18.3, 20.14).

use super::index::HeaderIndex;
use crate::lex;
use crate::{Fault, HeaderError, HeaderId, Limits, ParseError, ParseErrorKind};

/// Length of the body that the headers announce; None when there is no Content-Length. Two of
/// them are refused even when they agree, since nobody honest sends them.
pub(crate) fn announced(index: &HeaderIndex, buf: &[u8]) -> Result<Option<usize>, ParseError> {
    let id = HeaderId::ContentLength;
    let Some(entry) = index.first_of(id).and_then(|i| index.entry(i)) else { return Ok(None) };
    let (value, offset) = entry.value(buf);
    let refuse = |fault| ParseError::from(HeaderError { header: id, offset, fault });
    if index.is_doubled(id) {
        return Err(refuse(Fault::Duplicate));
    }
    let length = lex::number(value).ok_or_else(|| refuse(Fault::Number))?;
    Ok(Some(length as usize))
}

/// Offset after the body of a datagram whose head ends at `body`: what lies beyond Content-Length
/// is not part of the message, and a body that is cut short is an error. Without Content-Length
/// the body goes to the end of the datagram.
pub(crate) fn of_datagram(
    index: &HeaderIndex,
    buf: &[u8],
    body: usize,
    limits: &Limits,
) -> Result<usize, ParseError> {
    let there = buf.len().saturating_sub(body);
    let length = announced(index, buf)?.unwrap_or(there);
    if length > limits.body {
        return Err(ParseError::new(ParseErrorKind::BodyTooLong, body));
    }
    if length > there {
        return Err(ParseError::new(ParseErrorKind::ShortBody, buf.len()));
    }
    Ok(body + length)
}
