//! Start lines: `METHOD uri SIP/2.0` and `SIP/2.0 code reason` (RFC 3261 7.1, 7.2). Owns their
//! strict grammar: one blank between the parts, none at the ends.

use crate::lex::{self, block, class, peek};
use crate::{Limits, Method, ParseError, ParseErrorKind, Span, UriFault};

/// What the first line says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StartLine {
    /// Status code of a response; 0 for a request.
    pub(crate) status: u16,
    /// Method of a request.
    pub(crate) method: Method,
    /// Method name of a request; the SIP version of a response.
    pub(crate) first: Span,
    /// Request-URI of a request; reason phrase of a response.
    pub(crate) second: Span,
    /// Offset after its CRLF.
    pub(crate) end: u32,
}

impl StartLine {
    pub(crate) const EMPTY: StartLine = StartLine {
        status: 0,
        method: Method::Other,
        first: Span::new(0, 0),
        second: Span::new(0, 0),
        end: 0,
    };

    /// Parses the line at the start of `s`.
    #[inline]
    pub(crate) fn parse(s: &[u8], limits: &Limits) -> Result<StartLine, ParseError> {
        match s.first_chunk::<8>() {
            Some(b"SIP/2.0 ") => response(s, limits),
            Some(first) if first[..4].eq_ignore_ascii_case(b"SIP/") => odd_response(s, limits),
            _ => request(s, limits),
        }
    }
}

fn error<T>(kind: ParseErrorKind, at: usize) -> Result<T, ParseError> {
    Err(ParseError::new(kind, at))
}

#[inline]
fn request(s: &[u8], limits: &Limits) -> Result<StartLine, ParseError> {
    let method_end = lex::span(s, 0, class::TOKEN);
    if method_end == 0 || peek(s, method_end) != b' ' {
        let kind = if method_end == 0 { ParseErrorKind::StartLine } else { ParseErrorKind::Method };
        return error(kind, method_end);
    }
    let uri = method_end + 1;
    let rest = s.get(uri..).unwrap_or_default();
    let within = rest.get(..limits.uri.saturating_add(1)).unwrap_or(rest);
    let len = block::find(within, 0, b' ', []);
    if len > limits.uri {
        return error(ParseErrorKind::UriTooLong, uri + limits.uri);
    }
    let end = uri + len;
    if len == 0 || !s.get(end..).is_some_and(|r| r.starts_with(b" SIP/2.0\r\n")) {
        return odd_request(s, uri, end, limits);
    }
    let after = end + b" SIP/2.0\r\n".len();
    if after > limits.head_limit() {
        return error(ParseErrorKind::HeadTooLong, limits.head_limit());
    }
    crate::uri::scheme_end(s.get(uri..end).unwrap_or_default()).map_err(|e| {
        let at = uri.saturating_add(e.offset as usize);
        ParseError::new(ParseErrorKind::RequestUri(e.fault), at)
    })?;
    Ok(StartLine {
        status: 0,
        method: Method::from_name(s.get(..method_end).unwrap_or_default()),
        first: Span::at(0, 0, method_end),
        second: Span::at(0, uri, end),
        end: crate::span::offset(after),
    })
}

/// A request line that is not plainly right: a version in other case, or an error to name.
#[cold]
fn odd_request(s: &[u8], uri: usize, end: usize, limits: &Limits) -> Result<StartLine, ParseError> {
    if end == uri || peek(s, end) != b' ' {
        return error(ParseErrorKind::RequestUri(UriFault::Character), end);
    }
    let version = s.get(end + 1..).unwrap_or_default();
    let line_end = version_end(version, end + 1)?;
    if line_end != 7 || peek(version, 7) != b'\r' || peek(version, 8) != b'\n' {
        return error(ParseErrorKind::StartLine, end + 1 + line_end);
    }
    // Only the case of "SIP" was odd (RFC 3261 7.1 lets it be); parse the line with it corrected,
    // which moves no offset.
    let line = s.get(..end + 10).unwrap_or_default();
    let mut upper = line.to_vec();
    if let Some(name) = upper.get_mut(end + 1..end + 4) {
        name.make_ascii_uppercase();
    }
    request(&upper, limits)
}

/// Length of the version at the start of `s`, when it is `SIP/2.0` in any case.
fn version_end(s: &[u8], at: usize) -> Result<usize, ParseError> {
    let sip = s.get(..4).is_some_and(|v| v.eq_ignore_ascii_case(b"SIP/"));
    if !sip {
        return error(ParseErrorKind::StartLine, at);
    }
    let digits = lex::span(s, 4, class::DIGIT);
    let end = lex::span(s, digits + 1, class::DIGIT);
    if digits == 4 || peek(s, digits) != b'.' || end == digits + 1 {
        return error(ParseErrorKind::StartLine, at);
    }
    if s.get(4..end) == Some(b"2.0") { Ok(end) } else { error(ParseErrorKind::Version, at) }
}

#[inline]
fn response(s: &[u8], limits: &Limits) -> Result<StartLine, ParseError> {
    let code_end = lex::span(s, 8, class::DIGIT);
    let status = match s.get(8..code_end).and_then(lex::number) {
        Some(n @ 100..=699) if code_end == 11 => u16::try_from(n).unwrap_or(0),
        _ => return error(ParseErrorKind::StatusCode, 8),
    };
    if peek(s, 11) != b' ' {
        return error(ParseErrorKind::StartLine, 11);
    }
    let rest = s.get(12..).unwrap_or_default();
    let within = rest.get(..limits.head_limit()).unwrap_or(rest);
    let Some(cr) = within.iter().position(|b| matches!(b, b'\r' | b'\n')) else {
        let kind = if within.len() < rest.len() {
            ParseErrorKind::HeadTooLong
        } else {
            ParseErrorKind::Unterminated
        };
        return error(kind, 12 + within.len());
    };
    let end = 12 + cr;
    if !(peek(s, end) == b'\r' && peek(s, end + 1) == b'\n') {
        return error(ParseErrorKind::LineEnd, end);
    }
    if end + 2 > limits.head_limit() {
        return error(ParseErrorKind::HeadTooLong, limits.head_limit());
    }
    Ok(StartLine {
        status,
        method: Method::Other,
        first: Span::new(0, 7),
        second: Span::at(0, 12, end),
        end: crate::span::offset(end + 2),
    })
}

/// `SIP/` but not plainly `SIP/2.0 `: another version, or other case.
#[cold]
fn odd_response(s: &[u8], limits: &Limits) -> Result<StartLine, ParseError> {
    let end = version_end(s, 0)?;
    if end != 7 || peek(s, 7) != b' ' {
        return error(ParseErrorKind::StartLine, end);
    }
    response(s, limits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(s: &str) -> Result<StartLine, (ParseErrorKind, u32)> {
        StartLine::parse(s.as_bytes(), &Limits::DEFAULT).map_err(|e| (e.kind, e.offset))
    }

    #[test]
    fn plain_lines_are_taken_apart() {
        let text = "INVITE sip:bob@b.example SIP/2.0\r\n";
        let l = parse(text).unwrap();
        assert_eq!((l.method, l.status, l.end as usize), (Method::Invite, 0, text.len()));
        assert_eq!(l.second.of(text.as_bytes()), b"sip:bob@b.example");
        let text = "SIP/2.0 200 = 2**3 * 5**2 \u{438}\r\n";
        let l = parse(text).unwrap();
        assert_eq!((l.status, l.end as usize), (200, text.len()));
        assert_eq!(l.second.of(text.as_bytes()), "= 2**3 * 5**2 \u{438}".as_bytes());
        assert_eq!(parse("SIP/2.0 100 \r\n").unwrap().second.len(), 0);
    }

    #[test]
    fn the_version_has_no_case() {
        assert_eq!(parse("ACK sip:a sip/2.0\r\n").unwrap().method, Method::Ack);
        assert_eq!(parse("sip/2.0 180 Ringing\r\n").unwrap().status, 180);
    }

    #[test]
    fn odd_lines_are_refused_with_their_reason() {
        use ParseErrorKind::*;
        for (text, kind) in [
            ("INVITE sip:a@b; lr SIP/2.0\r\n", StartLine),
            ("INVITE  sip:a@b SIP/2.0\r\n", RequestUri(UriFault::Character)),
            ("INVITE sip:a@b  SIP/2.0\r\n", StartLine),
            ("INVITE sip:a@b SIP/2.0 \r\n", StartLine),
            ("INVITE <sip:a@b> SIP/2.0\r\n", RequestUri(UriFault::Scheme)),
            ("INVITE a SIP/2.0\r\n", RequestUri(UriFault::Scheme)),
            ("INVITE sip:a@b SIP/7.0\r\n", Version),
            ("INVITE sip:a@b SIP/2.00\r\n", Version),
            ("INVITE sip:a@b HTTP/1.1\r\n", StartLine),
            ("INVITE sip:a@b SIP/2.0\n", StartLine),
            ("INVITE sip:a@b\r\n", RequestUri(UriFault::Character)),
            ("INV@TE sip:a@b SIP/2.0\r\n", Method),
            ("\0\0\0", StartLine),
            ("", StartLine),
            ("SIP/2.0 4294967301 OK\r\n", StatusCode),
            ("SIP/2.0 99 OK\r\n", StatusCode),
            ("SIP/2.0 700 OK\r\n", StatusCode),
            ("SIP/2.0 200\r\n", StartLine),
            ("SIP/3.0 200 OK\r\n", Version),
            ("SIP/2.0 200 OK", Unterminated),
            ("SIP/2.0 200 OK\n", LineEnd),
        ] {
            assert_eq!(parse(text).unwrap_err().0, kind, "{text:?}");
        }
    }

    #[test]
    fn a_request_uri_beyond_its_limit_is_414() {
        let limits = Limits { uri: 5, ..Limits::DEFAULT };
        let line =
            |uri: &str| StartLine::parse(format!("ACK {uri} SIP/2.0\r\n").as_bytes(), &limits);
        assert_eq!(line("sip:a").unwrap().second.len(), 5);
        assert_eq!(line("sip:ab").unwrap_err().status().0, 414);
    }
}
