//! Characters and the small scanners every grammar shares. Owns the class table (RFC 3261 25.1).
//!
//! Line ends inside a header value count as white space: the header index has already proved that
//! they are folds (RFC 3261 7.3.1), so that no value parser has to.

pub(crate) mod block;

use crate::Fault;

/// Character classes, one bit each.
pub(crate) mod class {
    /// `token` (RFC 3261 25.1).
    pub(crate) const TOKEN: u16 = 1;
    /// `DIGIT`.
    pub(crate) const DIGIT: u16 = 1 << 1;
    /// White space and folds.
    pub(crate) const LWS: u16 = 1 << 2;
    /// `user`, without escapes.
    pub(crate) const USER: u16 = 1 << 3;
    /// `password`, without escapes.
    pub(crate) const PASSWORD: u16 = 1 << 4;
    /// `paramchar` of URI parameters, without escapes.
    pub(crate) const URI_PARAM: u16 = 1 << 5;
    /// `hname` and `hvalue` of URI headers without escapes, with `&` and `=`.
    pub(crate) const URI_HEADER: u16 = 1 << 6;
    /// A host name: letters, digits, `-`, `.` and, leniently, `_`.
    pub(crate) const HOST: u16 = 1 << 7;
    /// Unquoted value of a header parameter: what cannot be taken for a delimiter.
    pub(crate) const VALUE: u16 = 1 << 8;
    /// What may stand in any URI, escapes included.
    pub(crate) const URI: u16 = 1 << 9;
    /// A byte of an unquoted display name: token characters, white space and raw UTF-8.
    pub(crate) const DISPLAY: u16 = 1 << 11;
    /// Scheme: letters, digits, `+`, `-`, `.`.
    pub(crate) const SCHEME: u16 = 1 << 12;
    /// Hexadecimal digit.
    pub(crate) const HEX: u16 = 1 << 13;
    /// Letter.
    pub(crate) const ALPHA: u16 = 1 << 14;
}

const fn classify(b: u8) -> u16 {
    use class::*;
    let alpha = b.is_ascii_alphabetic();
    let digit = b.is_ascii_digit();
    let alnum = alpha || digit;
    let mark = matches!(b, b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'\'' | b'(' | b')');
    let unreserved = alnum || mark;
    let mut c = 0;
    if alpha {
        c |= ALPHA;
    }
    if digit {
        c |= DIGIT;
    }
    if b.is_ascii_hexdigit() {
        c |= HEX;
    }
    let token =
        alnum || matches!(b, b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~');
    if token {
        c |= TOKEN;
    }
    if matches!(b, b' ' | b'\t' | b'\r' | b'\n') {
        c |= LWS;
    }
    if unreserved || matches!(b, b'&' | b'=' | b'+' | b'$' | b',' | b';' | b'?' | b'/') {
        c |= USER;
    }
    if unreserved || matches!(b, b'&' | b'=' | b'+' | b'$' | b',') {
        c |= PASSWORD;
    }
    if unreserved || matches!(b, b'[' | b']' | b'/' | b':' | b'&' | b'+' | b'$') {
        c |= URI_PARAM;
    }
    if unreserved || matches!(b, b'[' | b']' | b'/' | b'?' | b':' | b'+' | b'$' | b'&' | b'=') {
        c |= URI_HEADER;
    }
    if alnum || matches!(b, b'-' | b'.' | b'_') {
        c |= HOST;
    }
    if b > b' ' && b != 0x7f && !matches!(b, b';' | b',' | b'"' | b'<' | b'>' | b'\\') {
        c |= VALUE;
    }
    if b > b' '
        && b < 0x7f
        && !matches!(b, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}')
    {
        c |= URI;
    }
    if token || b >= 0x80 || matches!(b, b' ' | b'\t' | b'\r' | b'\n') {
        c |= DISPLAY;
    }
    if alnum || matches!(b, b'+' | b'-' | b'.') {
        c |= SCHEME;
    }
    c
}

const fn table() -> [u16; 256] {
    let mut t = [0; 256];
    let mut b = 0u8;
    loop {
        t[b as usize] = classify(b);
        if b == 255 {
            return t;
        }
        b += 1;
    }
}

static CLASS: [u16; 256] = table();

/// Whether `b` belongs to any of the classes in `class`.
#[inline(always)]
pub(crate) fn is(b: u8, class: u16) -> bool {
    CLASS[usize::from(b)] & class != 0
}

/// First offset at or after `at` whose byte is in none of the classes; the length when all are.
#[inline(always)]
pub(crate) fn span(s: &[u8], mut at: usize, class: u16) -> usize {
    while at < s.len() && is(s[at], class) {
        at += 1;
    }
    at
}

/// [`span`] for text of which ten bytes and more are the rule.
#[inline]
pub(crate) fn long_span(s: &[u8], at: usize, class: u16) -> usize {
    let (fours, _) = s.get(at..).unwrap_or_default().as_chunks::<4>();
    let whole = fours.iter().take_while(|four| {
        let [a, b, c, d] = four.map(|b| CLASS[usize::from(b)]);
        a & b & c & d & class != 0
    });
    span(s, at + 4 * whole.count(), class)
}

/// Whether all of `s` is of the class, and there is at least one byte.
pub(crate) fn all(s: &[u8], class: u16) -> bool {
    !s.is_empty() && span(s, 0, class) == s.len()
}

/// The byte at `at`; NUL past the end, which no grammar takes for anything.
#[inline(always)]
pub(crate) fn peek(s: &[u8], at: usize) -> u8 {
    s.get(at).copied().unwrap_or(0)
}

/// First offset at or after `at` that is not white space.
#[inline(always)]
pub(crate) fn skip_lws(s: &[u8], at: usize) -> usize {
    if at < s.len() && s[at] <= b' ' { span(s, at, class::LWS) } else { at }
}

/// [`skip_lws`] where much of it may follow.
#[inline(always)]
pub(crate) fn skip_much_lws(s: &[u8], at: usize) -> usize {
    if peek(s, at) > b' ' { at } else { much_lws_end(s, at) }
}

#[cold]
fn much_lws_end(s: &[u8], at: usize) -> usize {
    block::skip(s, at, [b' ', b'\t', b'\r', b'\n'])
}

/// How many line ends, or halves of them, `s` begins with.
#[inline(always)]
pub(crate) fn leading_line_ends(s: &[u8]) -> usize {
    if matches!(s.first(), Some(b'\r' | b'\n')) { skip_line_ends(s) } else { 0 }
}

#[cold]
fn skip_line_ends(s: &[u8]) -> usize {
    block::skip(s, 0, [b'\r', b'\n'])
}

/// `s` without white space on either side.
pub(crate) fn trim(s: &[u8]) -> &[u8] {
    let start = skip_much_lws(s, 0);
    trim_end(s.get(start..).unwrap_or_default())
}

/// `s` without white space at its end.
#[inline]
pub(crate) fn trim_end(mut s: &[u8]) -> &[u8] {
    while let [head @ .., last] = s {
        if !is(*last, class::LWS) {
            break;
        }
        s = head;
    }
    s
}

/// Offset after the closing quote of the quoted string that opens at `at` (RFC 3261 25.1
/// quoted-string). A backslash takes the next byte with it, whatever it is but a line end.
pub(crate) fn quoted_end(s: &[u8], at: usize) -> Result<usize, (Fault, usize)> {
    let mut i = at + 1;
    while i < s.len() {
        i = match s[i] {
            b'"' => return Ok(i + 1),
            b'\\' if matches!(peek(s, i + 1), b'\r' | b'\n') => return Err((Fault::Quote, i)),
            b'\\' => i + 2,
            _ => block::find(s, i + 1, 0, [b'"', b'\\']),
        };
    }
    Err((Fault::Quote, at))
}

/// A decimal number that is all of `s`; None when empty, not digits, or above `u32::MAX`.
pub(crate) fn number(s: &[u8]) -> Option<u32> {
    if s.is_empty() {
        return None;
    }
    if s.len() > 10 {
        return long_number(s);
    }
    let mut n: u32 = 0;
    for b in s {
        if !b.is_ascii_digit() {
            return None;
        }
        n = n.checked_mul(10)?.checked_add(u32::from(b - b'0'))?;
    }
    Some(n)
}

/// [`number`] with zeros in front, which are lawful however many they are.
#[cold]
fn long_number(s: &[u8]) -> Option<u32> {
    let zeros = block::skip(s, 0, [b'0']).min(s.len().saturating_sub(1));
    let digits = s.get(zeros..).unwrap_or_default();
    if digits.len() > 10 { None } else { number(digits) }
}

/// A port number that is all of `s`: at most five digits, 0 to 65,535.
pub(crate) fn port(s: &[u8]) -> Option<u16> {
    if s.len() > 5 { None } else { number(s).and_then(|n| u16::try_from(n).ok()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_never_wrap() {
        assert_eq!(number(b"4294967295"), Some(u32::MAX));
        assert_eq!(number(b"4294967296"), None);
        assert_eq!(number(b"0068"), Some(68));
        assert_eq!(number(b"000000000000068"), Some(68));
        assert_eq!(number(b"000000000000000"), Some(0));
        assert_eq!(number(b"00004294967296"), None);
        assert_eq!(number(b"0000x"), None);
        assert_eq!(number(b""), None);
        assert_eq!(number(b"-1"), None);
        assert_eq!(port(b"65536"), None);
        assert_eq!(port(b"05060"), Some(5060));
    }

    #[test]
    fn a_quoted_string_ends_at_its_own_quote() {
        assert_eq!(quoted_end(br#""a\"b" x"#, 0), Ok(6));
        assert_eq!(quoted_end(br#""abc"#, 0), Err((Fault::Quote, 0)));
        assert_eq!(quoted_end(br#""abc\"#, 0), Err((Fault::Quote, 0)));
        assert_eq!(quoted_end(b"\"a\\\r\n b\"", 0), Err((Fault::Quote, 2)));
    }

    #[test]
    fn trim_takes_folds() {
        assert_eq!(trim(b" \r\n\tx y\r\n "), b"x y");
        assert_eq!(trim(b" \r\n "), b"");
    }
}
