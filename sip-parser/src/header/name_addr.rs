//! Addresses: `"display" <uri>;params` and `uri;params`, the form of From, To, Route,
//! Record-Route, Path, Service-Route and more (RFC 3261 20.10, 20.20, 20.34, 20.39). Owns
//! `name-addr` and `addr-spec` in headers.

use super::write::{is_quoted, put_bracketed, put_params, put_text, put_unfolded};
use super::{At, Value};
use crate::lex::{self, block, class, peek, skip_lws};
use crate::uri::{self, params};
use crate::{Fault, Params, Span, Uri, UriError};
use bytes::{BufMut, BytesMut};

/// An address with its parameters.
#[derive(Clone, Copy, Debug)]
pub struct NameAddr<'a> {
    /// Display name as received, a quoted one with its quotes; None when there is none.
    pub display: Option<&'a [u8]>,
    /// The URI, without angle brackets. Its scheme is checked, the rest when it is asked for.
    pub uri: &'a [u8],
    /// Where the URI stands in the message.
    pub uri_span: Span,
    /// Parameters of the header (not of the URI).
    pub params: Params<'a>,
    /// The whole value in the message, from the display name to the last parameter.
    pub span: Span,
}

impl<'a> NameAddr<'a> {
    /// An address to write. The display name is a quoted string already, or plain text, which is
    /// quoted when it has to be. Its spans are empty.
    pub fn new(display: Option<&'a [u8]>, uri: &'a [u8], params: Params<'a>) -> NameAddr<'a> {
        let (uri_span, span) = (Span::default(), Span::default());
        NameAddr { display, uri, uri_span, params, span }
    }

    pub(crate) fn parse_whole(s: &'a [u8], base: u32) -> At<NameAddr<'a>> {
        let (addr, end) = NameAddr::parse_member(s, skip_lws(s, 0), base)?;
        if end < s.len() { Err((Fault::Syntax, end)) } else { Ok(addr) }
    }

    /// The tag parameter (RFC 3261 19.3).
    pub fn tag(&self) -> Option<&'a [u8]> {
        self.params.tag()
    }

    /// The q parameter in thousandths, 0 to 1000; None when absent or malformed
    /// (RFC 3261 25.1 qvalue).
    pub fn q(&self) -> Option<u16> {
        self.params.value(b"q").and_then(thousandths)
    }

    /// The expires parameter in seconds. A malformed value counts as 3600 (RFC 3261 10.2.1.1),
    /// one that is too large as the largest.
    pub fn expires(&self) -> Option<u32> {
        let text = self.params.get(b"expires")?.unwrap_or_default();
        if lex::all(text, class::DIGIT) {
            return Some(lex::number(text).unwrap_or(u32::MAX));
        }
        Some(3600)
    }

    /// The URI taken apart.
    pub fn parsed_uri(&self) -> Result<Uri<'a>, UriError> {
        Uri::parse(self.uri)
    }

    /// The display name as plain text: without quotes and escapes; empty when there is none.
    /// Bytes that are not UTF-8 are replaced.
    pub fn display_text(&self) -> String {
        let Some(display) = self.display else { return String::new() };
        let plain: Vec<u8> = super::quoted::QuotedText::new(display).chars().collect();
        String::from_utf8_lossy(&plain).into_owned()
    }
}

/// 0 to 1000 for a qvalue: one digit, a point, at most three digits, at most 1.
pub(crate) fn thousandths(s: &[u8]) -> Option<u16> {
    let (whole, fraction) = match memchr::memchr(b'.', s) {
        Some(dot) => (s.get(..dot)?, s.get(dot + 1..)?),
        None => (s, &b""[..]),
    };
    if fraction.len() > 3 || fraction.iter().any(|b| !b.is_ascii_digit()) {
        return None;
    }
    let mut n = match whole {
        b"0" | b"" if s.len() > 1 || !whole.is_empty() => 0,
        b"1" => 1000,
        _ => return None,
    };
    let mut unit = 100;
    for b in fraction {
        n += u16::from(b - b'0') * unit;
        unit /= 10;
    }
    (n <= 1000).then_some(n)
}

/// Where the URI stands and what follows it.
struct Found {
    display_end: usize,
    uri: (usize, usize),
    next: usize,
}

/// The address at `at`: a display name and brackets, or a bare URI.
#[inline]
fn find(s: &[u8], at: usize) -> At<Found> {
    match peek(s, at) {
        b'<' => bracketed(s, at, at),
        b'"' => {
            let display_end = lex::quoted_end(s, at)?;
            let open = skip_lws(s, display_end);
            if peek(s, open) != b'<' {
                return Err((Fault::Syntax, open));
            }
            bracketed(s, open, display_end)
        }
        _ => unquoted(s, at),
    }
}

fn unquoted(s: &[u8], at: usize) -> At<Found> {
    // A display name of tokens ends at `<`; a bare URI has a colon, which no token has.
    let stop = lex::span(s, at, class::DISPLAY);
    if peek(s, stop) == b'<' {
        let name = lex::trim_end(s.get(at..stop).unwrap_or_default());
        return bracketed(s, stop, at + name.len());
    }
    let end = uri::bare_end(s, at);
    let uri = s.get(at..end).unwrap_or_default();
    // A URI with headers must stand in brackets (RFC 3261 20).
    if let Some(mark) = memchr::memchr(b'?', uri) {
        return Err((Fault::Uri, at + mark));
    }
    Ok(Found { display_end: at, uri: (at, end), next: end })
}

/// The URI ends at `>`. White space, quotes and brackets may not stand in it; what else may not
/// is judged by whoever takes it apart.
#[inline]
fn bracketed(s: &[u8], open: usize, display_end: usize) -> At<Found> {
    let from = open + 1;
    let close = block::find(s, from, b' ', [b'>', b'<', b'"']);
    match s.get(close) {
        Some(b'>') => Ok(Found { display_end, uri: (from, close), next: close + 1 }),
        Some(_) => Err((Fault::Uri, close)),
        None => Err((Fault::Quote, open)),
    }
}

public_face!(NameAddr: Other);

impl<'a> Value<'a> for NameAddr<'a> {
    #[inline]
    fn parse_member(s: &'a [u8], at: usize, base: u32) -> At<(NameAddr<'a>, usize)> {
        if at >= s.len() || peek(s, at) == b',' {
            return Err((Fault::Empty, at));
        }
        let found = find(s, at)?;
        let uri = s.get(found.uri.0..found.uri.1).unwrap_or_default();
        if let Err(e) = uri::scheme_end(uri) {
            return Err((Fault::Uri, found.uri.0.saturating_add(e.offset as usize)));
        }
        let (params_end, end) = params::header_params(s, found.next)?;
        if end < s.len() && peek(s, end) != b',' {
            return Err((Fault::Syntax, end));
        }
        let display = s.get(at..found.display_end).filter(|d| !d.is_empty());
        let params_at = skip_lws(s, found.next);
        let addr = NameAddr {
            display,
            uri,
            uri_span: Span::at(base, found.uri.0, found.uri.1),
            params: Params::new(s.get(params_at..params_end).unwrap_or_default()),
            span: Span::at(base, at, params_end),
        };
        Ok((addr, end))
    }

    fn put(&self, out: &mut BytesMut) {
        let display = lex::trim(self.display.unwrap_or_default());
        if !display.is_empty() {
            put_display(out, display);
            out.put_u8(b' ');
        }
        put_bracketed(out, self.uri);
        put_params(out, self.params);
    }

    fn uri(&self) -> Option<(&'a [u8], Span)> {
        Some((self.uri, self.uri_span))
    }
}

/// A quoted string stays, tokens stay, anything else is quoted.
fn put_display(out: &mut BytesMut, display: &[u8]) {
    if is_quoted(display) {
        put_unfolded(out, display);
    } else if lex::all(display, class::DISPLAY) {
        put_text(out, display);
    } else {
        super::quoted::put_plain_quoted(out, display);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_taken_apart() {
        let text = b"\"Alice \\\"A\\\"\" <sip:alice@a.example;lr>;tag=1;q=0.5";
        let a = NameAddr::parse(text).unwrap();
        assert_eq!(a.display, Some(&b"\"Alice \\\"A\\\"\""[..]));
        assert_eq!(a.display_text(), "Alice \"A\"");
        assert_eq!(a.uri, b"sip:alice@a.example;lr");
        assert_eq!((a.tag(), a.q()), (Some(&b"1"[..]), Some(500)));
        assert_eq!(a.uri_span.of(text), a.uri);
        let b = NameAddr::parse(b"sip:bob@b.example ;tag=2").unwrap();
        assert_eq!((b.display, b.uri, b.tag()), (None, &b"sip:bob@b.example"[..], Some(&b"2"[..])));
        assert_eq!(a.to_string().as_bytes(), text);
        assert_eq!(b.to_string(), "<sip:bob@b.example>;tag=2");
    }

    #[test]
    fn what_is_written_cannot_leave_its_place() {
        let written = |display: &str, uri: &str| {
            let params = Params::default();
            NameAddr::new(Some(display.as_bytes()), uri.as_bytes(), params).to_string()
        };
        assert_eq!(written("Bob, B.", "sip:b"), "\"Bob, B.\" <sip:b>");
        assert_eq!(written("\"Bob\" \"", "sip:b"), r#""\"Bob\" \"" <sip:b>"#);
        assert_eq!(written("B\r\nX: y", "sip:b>,<sip:c"), "\"B  X: y\" <sip:b%3E,%3Csip:c>");
        assert_eq!(written(" ", "sip:b"), "<sip:b>");
    }

    #[test]
    fn display_names_may_lack_the_blank_and_hold_utf8() {
        let a = NameAddr::parse(b"caller<sip:c@example.com>;tag=3").unwrap();
        assert_eq!(a.display, Some(&b"caller"[..]));
        let b = NameAddr::parse("Jörg  Müller\t<sip:j@example.com>".as_bytes()).unwrap();
        assert_eq!(b.display_text(), "Jörg  Müller");
    }

    #[test]
    fn malformed_addresses_are_refused() {
        for (s, fault) in [
            (&b""[..], Fault::Empty),
            (b"\"Mr. J. User <sip:j@example.com>", Fault::Quote),
            (b"<sip:j@example.com", Fault::Quote),
            (b"Bell, Alexander <sip:a@example.com>", Fault::Uri),
            (b"< sip:a@example.com>", Fault::Uri),
            (b"sip:user@example.com?Route=%3Csip:x%3E", Fault::Uri),
            (b"\"Joe\" <sip:joe@example.org>;;", Fault::Parameter),
            (b"\"Joe\" sip:joe@example.org", Fault::Syntax),
            (b"<sip:a@b> x", Fault::Syntax),
        ] {
            let e = NameAddr::parse(s).unwrap_err();
            assert_eq!(e.fault, fault, "{}", String::from_utf8_lossy(s));
        }
    }

    #[test]
    fn q_and_expires_are_read_leniently_but_never_wrap() {
        let get = |s: &str| {
            let text = format!("<sip:a@b>{s}");
            let a = NameAddr::parse(text.as_bytes()).unwrap();
            (a.q(), a.expires())
        };
        assert_eq!(get(";q=1.000;expires=4294967296"), (Some(1000), Some(u32::MAX)));
        assert_eq!(get(";q=1.1;expires=soon"), (None, Some(3600)));
        assert_eq!(get(";q=.2"), (Some(200), None));
        assert_eq!(get(";q=0"), (Some(0), None));
        assert_eq!(get(";q=0.1234"), (None, None));
    }
}
