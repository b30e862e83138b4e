//! Writing the pieces of header values so that none of them can end its value early. Owns the
//! rules: a line end becomes a blank or goes, a text that does not fit unquoted is quoted, a byte
//! that no token may hold becomes `_`.

use super::quoted::put_plain_quoted;
use crate::lex::{self, class, is, peek};
use crate::{Host, Params};
use bytes::{BufMut, BytesMut};
use core::fmt;

/// Appends a token.
pub(crate) fn put_token(out: &mut BytesMut, token: &[u8]) {
    put_class(out, token, class::TOKEN);
}

/// Appends text of one class, of which `_` must be a member; other bytes become that.
pub(crate) fn put_class(out: &mut BytesMut, text: &[u8], class: u16) {
    if lex::all(text, class) {
        out.put_slice(text);
    } else {
        out.extend(text.iter().map(|b| if is(*b, class) { *b } else { b'_' }));
    }
}

/// Whether all of `text` is one quoted string.
pub(crate) fn is_quoted(text: &[u8]) -> bool {
    peek(text, 0) == b'"' && lex::quoted_end(text, 0) == Ok(text.len())
}

/// Appends the value of a parameter: a quoted string or a lenient token as it is, anything else
/// as the text of a quoted string.
pub(crate) fn put_value(out: &mut BytesMut, value: &[u8]) {
    if is_quoted(value) {
        put_unfolded(out, value);
    } else if lex::all(value, class::VALUE) {
        out.put_slice(value);
    } else {
        put_plain_quoted(out, value);
    }
}

/// Appends a token or a quoted string; what is neither, as the text of a quoted string.
pub(crate) fn put_token_or_quoted(out: &mut BytesMut, text: &[u8]) {
    if lex::all(text, class::TOKEN) { out.put_slice(text) } else { put_value(out, text) }
}

/// Appends one parameter with its semicolon.
pub(crate) fn put_param(out: &mut BytesMut, name: &[u8], value: Option<&[u8]>) {
    out.put_u8(b';');
    put_named(out, name, value);
}

/// Appends `name[=value]`.
pub(crate) fn put_named(out: &mut BytesMut, name: &[u8], value: Option<&[u8]>) {
    put_token(out, name);
    if let Some(value) = value {
        out.put_u8(b'=');
        put_value(out, value);
    }
}

/// Appends each parameter, without the white space that may have stood between them.
pub(crate) fn put_params(out: &mut BytesMut, params: Params<'_>) {
    for (name, value) in params {
        put_param(out, name, value);
    }
}

/// Appends a decimal number.
pub(crate) fn put_number(out: &mut BytesMut, number: impl Into<u64>) {
    put_shown(out, number.into());
}

/// Appends what shows itself as plain text: a number, an address, a date.
pub(crate) fn put_shown(out: &mut BytesMut, shown: impl fmt::Display) {
    struct Out<'a>(&'a mut BytesMut);
    impl fmt::Write for Out<'_> {
        fn write_str(&mut self, s: &str) -> fmt::Result {
            self.0.put_slice(s.as_bytes());
            Ok(())
        }
    }
    // A buffer that grows refuses nothing.
    let _ = fmt::write(&mut Out(out), format_args!("{shown}"));
}

/// Appends a line of text: white space and NUL at its ends go, a fold becomes its blanks.
pub(crate) fn put_text(out: &mut BytesMut, text: &[u8]) {
    let blank = |b: &u8| *b == 0 || is(*b, class::LWS);
    let from = text.iter().take_while(|b| blank(b)).count();
    let tail = text.iter().rev().take_while(|b| blank(b)).count();
    let inside = text.get(from..text.len().saturating_sub(tail)).unwrap_or_default();
    for (i, b) in inside.iter().enumerate() {
        match b {
            b'\r' | b'\n' if is(peek(inside, i + 1), class::LWS) => {}
            b'\r' | b'\n' | 0 => out.put_u8(b' '),
            b => out.put_u8(*b),
        }
    }
}

/// Appends a quoted string or a comment that is known to be balanced; folds become their blanks,
/// escapes stay.
pub(crate) fn put_unfolded(out: &mut BytesMut, text: &[u8]) {
    let mut escaped = false;
    for (i, b) in text.iter().enumerate() {
        match b {
            b'\r' | b'\n' if is(peek(text, i + 1), class::LWS) => {}
            b'\r' | b'\n' => out.put_u8(b' '),
            0 if !escaped => out.put_u8(b' '),
            b => out.put_u8(*b),
        }
        escaped = *b == b'\\' && !escaped;
    }
}

/// Appends a URI in angle brackets; what may not stand in them is escaped (`%20`).
pub(crate) fn put_bracketed(out: &mut BytesMut, uri: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.put_u8(b'<');
    for &b in uri {
        if b > b' ' && !matches!(b, b'<' | b'>' | b'"' | 0x7f) {
            out.put_u8(b);
        } else {
            let (high, low) = (usize::from(b >> 4), usize::from(b & 15));
            out.put_slice(&[b'%', DIGITS[high], DIGITS[low]]);
        }
    }
    out.put_u8(b'>');
}

/// Appends a host and a port.
pub(crate) fn put_host_port(out: &mut BytesMut, host: &Host<'_>, port: Option<u16>) {
    match host {
        Host::Name(name) => put_class(out, name, class::HOST),
        address => put_shown(out, address),
    }
    if let Some(port) = port {
        out.put_u8(b':');
        put_number(out, port);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(put: impl Fn(&mut BytesMut)) -> String {
        let mut out = BytesMut::new();
        put(&mut out);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn values_are_quoted_when_they_have_to_be() {
        let value = |v: &[u8]| written(|out| put_value(out, v));
        assert_eq!(value(b"192.0.2.1:5060"), "192.0.2.1:5060");
        assert_eq!(value(br#""a\"b""#), r#""a\"b""#);
        assert_eq!(value(b"\"a\r\n b\""), "\"a b\"");
        assert_eq!(value(b"a b"), "\"a b\"");
        assert_eq!(value(br#"a";x="#), r#""a\";x=""#);
        assert_eq!(value(b"\"a"), r#""\"a""#);
        assert_eq!(value(b"a\r\nX: y"), "\"a  X: y\"");
        assert_eq!(value(b""), "\"\"");
    }

    #[test]
    fn line_ends_never_survive() {
        let text = |t: &[u8]| written(|out| put_text(out, t));
        assert_eq!(text(b" one\r\n two\r\n\t three\r\n"), "one two\t three");
        assert_eq!(text(b"a\r\nb\nc\0d\0"), "a b c d");
        assert_eq!(written(|out| put_token(out, b"a\r\nb;c")), "a__b_c");
        // NUL ends a text for many a receiver; it stays only where it is escaped.
        assert_eq!(written(|out| put_unfolded(out, b"\"a\0\\\0\\\\\0\"")), "\"a \\\0\\\\ \"");
        assert_eq!(written(|out| put_bracketed(out, b"sip:a b>\r\n")), "<sip:a%20b%3E%0D%0A>");
    }

    #[test]
    fn parameters_lose_only_their_white_space() {
        let params = Params::new(b" ; a = 1 ;b; C=\"x;y\"");
        assert_eq!(written(|out| put_params(out, Params::new(b";x"))), ";x");
        assert_eq!(written(|out| put_params(out, params)), "");
        let params = Params::new(b"; a = 1 ;b; C=\"x;y\"");
        assert_eq!(written(|out| put_params(out, params)), ";a=1;b;C=\"x;y\"");
    }
}
