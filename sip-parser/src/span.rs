//! Spans: where something is in a buffer. Owns the conversions between offsets and slices.

use core::ops::Range;

/// A half-open range of byte offsets into [`Message::bytes`](crate::Message::bytes) (or into
/// whatever buffer the parser was given).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// Offset of the first byte.
    pub start: u32,
    /// Offset after the last byte; never less than `start` in spans made by this crate.
    pub end: u32,
}

impl Span {
    /// The span from `start` up to but not including `end`.
    pub const fn new(start: u32, end: u32) -> Span {
        Span { start, end }
    }

    /// Length in bytes; 0 for a span that is inside out.
    pub const fn len(self) -> u32 {
        self.end.saturating_sub(self.start)
    }

    /// Whether it covers nothing.
    pub const fn is_empty(self) -> bool {
        self.end <= self.start
    }

    /// The same as a range of `usize`, ready for slicing.
    pub const fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// The bytes it covers in `buf`; empty when it does not lie inside `buf`.
    pub fn of(self, buf: &[u8]) -> &[u8] {
        buf.get(self.range()).unwrap_or_default()
    }

    /// From offsets counted in `usize`, shifted by `base`.
    pub(crate) fn at(base: u32, start: usize, end: usize) -> Span {
        Span { start: base.saturating_add(offset(start)), end: base.saturating_add(offset(end)) }
    }
}

/// An offset as `u32`. Buffers longer than 4 GiB are refused before spans are made, so that the
/// saturation is never reached.
pub(crate) fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
