//! The limits a parser runs under. Each has a name, a default and an error of its own.

/// How much one message may take before it is refused. Run-time values; a limit that is reached
/// gives 513 or 414 ([`ParseError::status`](crate::ParseError::status)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the start line and all headers, with the empty line. Never above 65,535, whatever
    /// is set here, because the header index holds 16-bit offsets.
    pub head: usize,
    /// Bytes of the body.
    pub body: usize,
    /// Header fields (lines, folds not counted).
    pub headers: usize,
    /// Bytes of one header field with its folds.
    pub line: usize,
    /// Bytes of the Request-URI; beyond it 414.
    pub uri: usize,
}

impl Limits {
    /// The largest head that the index can describe, in bytes.
    pub const MAX_HEAD: usize = 65_535;

    /// The defaults: 65,535 bytes of head, 1 MiB of body, 256 headers, 32 KiB a header field and
    /// 8 KiB of Request-URI.
    pub const DEFAULT: Limits =
        Limits { head: Self::MAX_HEAD, body: 1 << 20, headers: 256, line: 32 << 10, uri: 8 << 10 };

    /// The head limit in force: `head`, but never above [`Limits::MAX_HEAD`].
    pub(crate) fn head_limit(&self) -> usize {
        self.head.min(Self::MAX_HEAD)
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits::DEFAULT
    }
}
