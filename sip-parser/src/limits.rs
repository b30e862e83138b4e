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
    /// Parameters of one header value or of one URI. Counted by
    /// [`Message::check_with`](crate::Message::check_with), not by the split.
    pub params: usize,
    /// Multipart bodies inside each other: 1 allows one that holds no other, 0 none at all.
    pub nesting: usize,
    /// Parts of one multipart body.
    pub parts: usize,
    /// Lines of one session description, folds being unknown to it.
    pub sdp_lines: usize,
    /// Media sections of one session description.
    pub sdp_media: usize,
    /// Formats of one media line.
    pub sdp_formats: usize,
}

impl Limits {
    /// The largest head that the index can describe, in bytes.
    pub const MAX_HEAD: usize = 65_535;

    /// The defaults: 65,535 bytes of head, 1 MiB of body, 256 headers, 32 KiB a header field,
    /// 8 KiB of Request-URI, 128 parameters a value, 4 multipart bodies inside each other with 64
    /// parts each, and session descriptions of 2,048 lines, 64 media sections and 256 formats a
    /// media line.
    pub const DEFAULT: Limits = Limits {
        head: Self::MAX_HEAD,
        body: 1 << 20,
        headers: 256,
        line: 32 << 10,
        uri: 8 << 10,
        params: 128,
        nesting: 4,
        parts: 64,
        sdp_lines: 2048,
        sdp_media: 64,
        sdp_formats: 256,
    };

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
