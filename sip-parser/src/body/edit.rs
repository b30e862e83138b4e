//! Edits of a multipart body: parts added, left out, replaced. Owns that what is put in cannot be
//! taken for a delimiter.
//!
//! The edits go into a [`Patch`] over the message that the body came from, whose Content-Length is
//! corrected when it is written, or over the text of the body alone
//! ([`Patch::write_text`]). A Content-Length that stands in a part, where it means nothing
//! (RFC 2046 5.1 knows only delimiters), is left as it is.

use super::Multipart;
use crate::header::write::put_token;
use crate::{Patch, Span};
use bytes::{BufMut, BytesMut};
use memchr::memmem;
use thiserror::Error;

/// Why an edit was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum EditFault {
    /// The new content holds the delimiter of the body it is put into.
    #[error("the content holds the boundary of the body")]
    Boundary,
    /// There is no such part.
    #[error("there is no such part")]
    NoPart,
    /// A multipart body keeps one part at least (RFC 2046 5.1.1).
    #[error("the last part cannot be left out")]
    LastPart,
    /// No boundary was found that the contents do not hold.
    #[error("there is no boundary that the contents do not hold")]
    NoBoundary,
    /// The body that is there cannot be read.
    #[error(transparent)]
    Body(#[from] super::BodyError),
}

/// Puts header lines, the empty line and the content. Line ends in values become blanks, what no
/// name may hold becomes `_`.
pub(super) fn put_part(out: &mut BytesMut, headers: &[(&str, &[u8])], content: &[u8]) {
    let safe = |b: &u8| if matches!(b, b'\r' | b'\n' | 0) { b' ' } else { *b };
    for (name, value) in headers {
        put_token(out, name.as_bytes());
        out.put_slice(b": ");
        out.extend(value.iter().map(safe));
        out.put_slice(b"\r\n");
    }
    out.put_slice(b"\r\n");
    out.put_slice(content);
}

/// Whether a line of `content` begins with `dashed`, two dashes and a boundary.
pub(super) fn holds_delimiter(content: &[u8], dashed: &[u8]) -> bool {
    memmem::find_iter(content, dashed)
        .any(|i| i.checked_sub(1).is_none_or(|before| content.get(before) == Some(&b'\n')))
}

impl Multipart<'_> {
    fn check(&self, content: &[u8]) -> Result<(), EditFault> {
        if holds_delimiter(content, self.dashed()) { Err(EditFault::Boundary) } else { Ok(()) }
    }

    /// Adds a part behind the last one.
    pub fn add_part(
        &self,
        patch: &mut Patch,
        headers: &[(&str, &[u8])],
        content: &[u8],
    ) -> Result<(), EditFault> {
        self.check(content)?;
        patch.insert_with(self.close_offset(), |out| {
            out.put_slice(self.dashed());
            out.put_slice(b"\r\n");
            put_part(out, headers, content);
            out.put_slice(b"\r\n");
        });
        Ok(())
    }

    /// Leaves out a part with its delimiter. One part must stay.
    pub fn remove_part(&self, patch: &mut Patch, index: usize) -> Result<(), EditFault> {
        let part = self.part(index).ok_or(EditFault::NoPart)?;
        let all = |i: usize| Some(Span::new(self.part(i)?.span.start, self.next_delimiter(i)));
        let stays = |i: usize| i != index && all(i).is_some_and(|s| !patch.is_removed(s));
        if !(0..self.count()).any(stays) {
            return Err(EditFault::LastPart);
        }
        patch.set(Span::new(part.span.start, self.next_delimiter(index)), b"");
        Ok(())
    }

    /// Replaces the content of a part; its headers stay. The last call for a part counts.
    pub fn set_content(
        &self,
        patch: &mut Patch,
        index: usize,
        content: &[u8],
    ) -> Result<(), EditFault> {
        let part = self.part(index).ok_or(EditFault::NoPart)?;
        self.check(content)?;
        if part.content_span.is_empty() {
            return self.replace_part(patch, index, &part_headers(&part), content);
        }
        patch.set(part.content_span, content);
        Ok(())
    }

    /// Replaces headers and content of a part. The last call for a part counts.
    pub fn replace_part(
        &self,
        patch: &mut Patch,
        index: usize,
        headers: &[(&str, &[u8])],
        content: &[u8],
    ) -> Result<(), EditFault> {
        let part = self.part(index).ok_or(EditFault::NoPart)?;
        self.check(content)?;
        let mut text = BytesMut::new();
        put_part(&mut text, headers, content);
        // With the line end before the next delimiter the span is never empty.
        text.put_slice(b"\r\n");
        let end = part.inner_span.end.saturating_add(2);
        patch.set(Span::new(part.inner_span.start, end), &text);
        Ok(())
    }
}

/// The headers of a part, whose names are tokens and so plain text.
fn part_headers<'a>(part: &super::Part<'a>) -> Vec<(&'a str, &'a [u8])> {
    part.headers().filter_map(|h| Some((core::str::from_utf8(h.name).ok()?, h.value))).collect()
}
