//! HTTP/1.x heads, as they arrive on ports shared with SIP (RFC 9112; RFC 7118 for WebSocket
//! upgrades). Owns parsing requests and responses and building a response; chunked bodies are
//! refused.

use crate::lex::{self, class, peek};
use crate::msg::index::HeaderIndex;
use crate::{Fault, Header, HeaderError, HeaderId, Limits, ParseError, ParseErrorKind, Span};
use bytes::{BufMut, Bytes, BytesMut};

/// The headers and the body of a message, and its bytes.
#[derive(Clone)]
struct Rest {
    buf: Bytes,
    body: u32,
    index: HeaderIndex,
}

impl Rest {
    /// Indexes the headers that begin at `from`, and cuts the buffer where the body ends: where
    /// Content-Length says, else with the head, or for `to_the_end` with the buffer.
    fn parse(
        mut buf: Bytes,
        from: usize,
        limits: &Limits,
        to_the_end: bool,
    ) -> Result<Rest, ParseError> {
        let mut index = HeaderIndex::new();
        let body = index.scan(&buf, from, limits)?;
        let there = buf.len() - body;
        let length = announced(&index, &buf)?;
        let length = length.unwrap_or(if to_the_end { there } else { 0 });
        if length > limits.body {
            return Err(ParseError::new(ParseErrorKind::BodyTooLong, body));
        }
        if length > there {
            return Err(ParseError::new(ParseErrorKind::ShortBody, buf.len()));
        }
        buf.truncate(body + length);
        Ok(Rest { buf, body: crate::span::offset(body), index })
    }

    fn headers(&self) -> impl Iterator<Item = Header<'_>> {
        (0..).map_while(|i| self.index.header(&self.buf, i))
    }

    fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers().find(|h| h.name.eq_ignore_ascii_case(name.as_bytes())).map(|h| h.value)
    }

    fn header_has(&self, name: &str, token: &str) -> bool {
        self.headers()
            .filter(|h| h.name.eq_ignore_ascii_case(name.as_bytes()))
            .flat_map(|h| h.value.split(|b| *b == b','))
            .any(|member| lex::trim(member).eq_ignore_ascii_case(token.as_bytes()))
    }

    fn body_span(&self) -> Span {
        Span::new(self.body, crate::span::offset(self.buf.len()))
    }
}

/// Length of the body that the headers announce. The compact form of SIP does not exist in HTTP;
/// two of them are refused, and so is a transfer encoding, which would say something else.
fn announced(index: &HeaderIndex, buf: &[u8]) -> Result<Option<usize>, ParseError> {
    let mut length = None;
    for h in (0..).map_while(|i| index.header(buf, i)) {
        if h.name.eq_ignore_ascii_case(b"Transfer-Encoding") {
            return Err(ParseError::new(
                ParseErrorKind::Header(Fault::Syntax),
                h.span.start as usize,
            ));
        }
        if h.id != HeaderId::ContentLength || h.name.len() == 1 {
            continue;
        }
        let refuse = |fault| HeaderError { header: h.id, offset: h.value_span.start, fault };
        if length.is_some() {
            return Err(refuse(Fault::Duplicate).into());
        }
        length = Some(lex::number(h.value).ok_or(refuse(Fault::Number))? as usize);
    }
    Ok(length)
}

/// An HTTP/1.x request; owns its bytes, like [`Message`](crate::Message).
#[derive(Clone)]
pub struct Request {
    rest: Rest,
    method: Span,
    path: Span,
    minor: u8,
}

impl Request {
    /// Parses one request, head and body, as the stream framer cut it out.
    pub fn parse(buf: Bytes) -> Result<Request, ParseError> {
        Request::parse_with(buf, &Limits::DEFAULT)
    }

    /// [`Request::parse`] under the given limits.
    pub fn parse_with(buf: Bytes, limits: &Limits) -> Result<Request, ParseError> {
        let line = request_line(&buf, limits)?;
        let rest = Rest::parse(buf, line.end, limits, false)?;
        Ok(Request { rest, method: line.method, path: line.path, minor: line.minor })
    }

    /// All bytes as received.
    pub fn bytes(&self) -> &Bytes {
        &self.rest.buf
    }

    /// The method, such as `GET`.
    pub fn method(&self) -> &[u8] {
        self.method.of(&self.rest.buf)
    }

    /// The request target as received, with its query.
    pub fn path(&self) -> &[u8] {
        self.path.of(&self.rest.buf)
    }

    /// The minor version: 1 for HTTP/1.1, 0 for HTTP/1.0.
    pub fn minor_version(&self) -> u8 {
        self.minor
    }

    /// All headers in order. Identities are those of SIP; compact forms do not exist in HTTP.
    pub fn headers(&self) -> impl Iterator<Item = Header<'_>> {
        self.rest.headers()
    }

    /// The value of the first header of that name, compared without case.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.rest.header(name)
    }

    /// Whether any header of that name has `token` in its comma list, compared without case.
    pub fn header_has(&self, name: &str, token: &str) -> bool {
        self.rest.header_has(name, token)
    }

    /// Where the body stands.
    pub fn body_span(&self) -> Span {
        self.rest.body_span()
    }

    /// The body.
    pub fn body(&self) -> &[u8] {
        self.body_span().of(&self.rest.buf)
    }

    /// Whether it asks for a WebSocket carrying SIP: GET, Upgrade, a key, and the subprotocol
    /// `sip` (RFC 6455 4.2.1, RFC 7118 4.1).
    pub fn wants_sip_websocket(&self) -> bool {
        self.method() == b"GET"
            && self.minor >= 1
            && self.header_has("Upgrade", "websocket")
            && self.header_has("Connection", "upgrade")
            && self.header_has("Sec-WebSocket-Protocol", "sip")
            && self.header("Sec-WebSocket-Key").is_some()
    }
}

impl core::fmt::Debug for Request {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let text = |b| String::from_utf8_lossy(b).into_owned();
        write!(f, "http::Request({} {})", text(self.method()), text(self.path()))
    }
}

/// An HTTP/1.x response; owns its bytes.
#[derive(Clone)]
pub struct Response {
    rest: Rest,
    status: u16,
    reason: Span,
    minor: u8,
}

impl Response {
    /// Parses one response, head and body, as the stream framer cut it out. Without
    /// Content-Length the body is what follows the head (RFC 9112 6.3: up to where the stream
    /// ends, which is for the caller to know).
    pub fn parse(buf: Bytes) -> Result<Response, ParseError> {
        Response::parse_with(buf, &Limits::DEFAULT)
    }

    /// [`Response::parse`] under the given limits.
    pub fn parse_with(buf: Bytes, limits: &Limits) -> Result<Response, ParseError> {
        let fail = |at| ParseError::new(ParseErrorKind::StartLine, at);
        let minor = match buf.first_chunk::<9>() {
            Some(b"HTTP/1.1 ") => 1,
            Some(b"HTTP/1.0 ") => 0,
            _ => return Err(fail(0)),
        };
        let window = buf.get(..limits.head_limit()).unwrap_or(&buf);
        let end = lex::block::find(window, 9, 0x1f, []);
        if !buf.get(end..).is_some_and(|rest| rest.starts_with(b"\r\n")) {
            return Err(fail(end));
        }
        let code = buf.get(9..12).and_then(lex::number).and_then(|n| u16::try_from(n).ok());
        let Some(status @ 100..=999) = code else { return Err(fail(9)) };
        // The blank behind the code is there even without a reason, but not everybody knows.
        let reason_at = match peek(&buf, 12) {
            b' ' => 13,
            b'\r' => 12,
            _ => return Err(fail(12)),
        };
        let reason = Span::at(0, reason_at, end);
        let bodyless = status < 200 || matches!(status, 204 | 304);
        let rest = Rest::parse(buf, end + 2, limits, !bodyless)?;
        Ok(Response { rest, status, reason, minor })
    }

    /// All bytes as received.
    pub fn bytes(&self) -> &Bytes {
        &self.rest.buf
    }

    /// The status code, 100 to 999.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The reason phrase as received.
    pub fn reason(&self) -> &[u8] {
        self.reason.of(&self.rest.buf)
    }

    /// The minor version: 1 for HTTP/1.1, 0 for HTTP/1.0.
    pub fn minor_version(&self) -> u8 {
        self.minor
    }

    /// All headers in order. Identities are those of SIP; compact forms do not exist in HTTP.
    pub fn headers(&self) -> impl Iterator<Item = Header<'_>> {
        self.rest.headers()
    }

    /// The value of the first header of that name, compared without case.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.rest.header(name)
    }

    /// Whether any header of that name has `token` in its comma list, compared without case.
    pub fn header_has(&self, name: &str, token: &str) -> bool {
        self.rest.header_has(name, token)
    }

    /// Where the body stands.
    pub fn body_span(&self) -> Span {
        self.rest.body_span()
    }

    /// The body.
    pub fn body(&self) -> &[u8] {
        self.body_span().of(&self.rest.buf)
    }
}

impl core::fmt::Debug for Response {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "http::Response({} {})", self.status, String::from_utf8_lossy(self.reason()))
    }
}

struct Line {
    method: Span,
    path: Span,
    minor: u8,
    end: usize,
}

fn request_line(s: &[u8], limits: &Limits) -> Result<Line, ParseError> {
    let error = |kind, at| Err(ParseError::new(kind, at));
    let method_end = lex::span(s, 0, class::TOKEN);
    if method_end == 0 || peek(s, method_end) != b' ' {
        return error(ParseErrorKind::StartLine, method_end);
    }
    let path_at = method_end + 1;
    let rest = s.get(path_at..).unwrap_or_default();
    let visible = |b: &u8| *b > b' ' && *b < 0x7f;
    let len = rest.iter().take(limits.uri.saturating_add(1)).take_while(|b| visible(b)).count();
    if len > limits.uri {
        return error(ParseErrorKind::UriTooLong, path_at);
    }
    let after = s.get(path_at + len..).unwrap_or_default();
    let minor = match after.first_chunk::<11>() {
        Some(b" HTTP/1.1\r\n") if len > 0 => 1,
        Some(b" HTTP/1.0\r\n") if len > 0 => 0,
        _ => return error(ParseErrorKind::StartLine, path_at + len),
    };
    Ok(Line {
        method: Span::at(0, 0, method_end),
        path: Span::at(0, path_at, path_at + len),
        minor,
        end: path_at + len + 11,
    })
}

/// Whether a first line (without its line end) is one of HTTP/1.x, request or response. A SIP
/// response is none, even when its reason phrase ends like one.
pub(crate) fn is_http_line(line: &[u8]) -> bool {
    if line.get(..4).is_some_and(|v| v.eq_ignore_ascii_case(b"SIP/")) {
        return false;
    }
    line.starts_with(b"HTTP/1.")
        || matches!(line, [.., b' ', b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'0'..=b'9'])
}

/// Builds an HTTP/1.1 response.
#[derive(Clone, Debug)]
pub struct ResponseBuilder {
    head: BytesMut,
    body: Option<Bytes>,
}

impl ResponseBuilder {
    /// A response with that status and reason.
    pub fn new(code: u16, reason: &str) -> ResponseBuilder {
        let mut head = BytesMut::with_capacity(256);
        let reason: String = reason.chars().filter(|c| !c.is_control()).collect();
        head.put_slice(format!("HTTP/1.1 {code} {reason}\r\n").as_bytes());
        ResponseBuilder { head, body: None }
    }

    /// Adds a header. Line ends in `value` become blanks.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> ResponseBuilder {
        let safe = |b: &u8| if matches!(b, b'\r' | b'\n' | 0) { b' ' } else { *b };
        self.head.extend(name.as_bytes().iter().map(safe));
        self.head.put_slice(b": ");
        self.head.extend(value.as_ref().iter().map(safe));
        self.head.put_slice(b"\r\n");
        self
    }

    /// Sets the body and its Content-Type.
    pub fn body(self, content_type: &str, body: impl Into<Bytes>) -> ResponseBuilder {
        let mut with = self.header("Content-Type", content_type);
        with.body = Some(body.into());
        with
    }

    /// The bytes to send. Content-Length is written but for 1xx and 204, which have no body
    /// (RFC 9110 8.6).
    pub fn build(mut self) -> Bytes {
        let bodyless = self.head.get(9..10) == Some(b"1") || self.head.get(9..12) == Some(b"204");
        let body = if bodyless { Bytes::new() } else { self.body.take().unwrap_or_default() };
        if !bodyless {
            self = self.header("Content-Length", body.len().to_string());
        }
        self.head.put_slice(b"\r\n");
        self.head.put_slice(&body);
        self.head.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upgrade_is_recognised() {
        let text = b"GET /ws?x=1 HTTP/1.1\r\nHost: a\r\nUpgrade: WebSocket\r\n\
            Connection: keep-alive, Upgrade\r\nSec-WebSocket-Key: abc\r\n\
            Sec-WebSocket-Protocol: xmpp\r\nSec-WebSocket-Protocol: sip\r\n\r\ntail";
        let r = Request::parse(Bytes::from_static(text)).unwrap();
        assert_eq!((r.method(), r.path()), (&b"GET"[..], &b"/ws?x=1"[..]));
        assert!(r.wants_sip_websocket());
        assert!(r.body().is_empty());
        assert_eq!(r.header("host"), Some(&b"a"[..]));
    }

    #[test]
    fn a_post_has_the_body_it_announces() {
        let text = b"POST /rpc HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}x";
        let r = Request::parse(Bytes::from_static(text)).unwrap();
        assert_eq!((r.body(), r.minor_version()), (&b"{}"[..], 0));
    }

    #[test]
    fn the_length_is_that_of_http() {
        let parse = |head: &str| {
            let text = format!("POST / HTTP/1.1\r\n{head}\r\n{{}}x");
            let r = Request::parse(Bytes::from(text)).map_err(|e| e.kind)?;
            Ok(r.body().to_vec())
        };
        assert_eq!(parse("l: 9\r\nContent-Length: 2\r\n"), Ok(b"{}".to_vec()));
        assert_eq!(parse("l: 2\r\n"), Ok(Vec::new()));
        let header = |fault| Err(ParseErrorKind::Header(fault));
        assert_eq!(parse("Content-Length: 2\r\ncontent-length: 2\r\n"), header(Fault::Duplicate));
        assert_eq!(parse("Content-Length: two\r\n"), header(Fault::Number));
        assert_eq!(parse("Content-Length: 4\r\n"), Err(ParseErrorKind::ShortBody));
        assert_eq!(parse("Transfer-Encoding: chunked\r\n"), header(Fault::Syntax));
    }

    #[test]
    fn responses_are_read() {
        let text = b"HTTP/1.1 200 All well\r\nContent-Length: 2\r\nX: a, b\r\n\r\nok+";
        let r = Response::parse(Bytes::from_static(text)).unwrap();
        assert_eq!((r.status(), r.reason(), r.body()), (200, &b"All well"[..], &b"ok"[..]));
        assert!(r.header_has("x", "B") && r.minor_version() == 1 && r.headers().count() == 2);
        let parse = |t: &'static str| Response::parse(Bytes::from_static(t.as_bytes()));
        assert_eq!(parse("HTTP/1.0 200\r\n\r\nall of it").unwrap().body(), b"all of it");
        assert_eq!(parse("HTTP/1.1 101 \r\n\r\n\x01\x02").unwrap().body(), b"");
        for bad in [
            "HTTP/2 200 OK\r\n\r\n",
            "HTTP/1.1 20 OK\r\n\r\n",
            "HTTP/1.1 099 x\r\n\r\n",
            "HTTP/1.1 200OK\r\n\r\n",
            "HTTP/1.1 200 O\nK\r\n\r\n",
            "SIP/2.0 200 OK\r\n\r\n",
        ] {
            assert_eq!(parse(bad).unwrap_err().kind, ParseErrorKind::StartLine, "{bad:?}");
        }
    }

    #[test]
    fn what_is_no_http_request_is_refused() {
        for bad in [&b"GET / HTTP/2.0\r\n\r\n"[..], b"GET  HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\n\n"]
        {
            assert!(Request::parse(Bytes::from_static(bad)).is_err());
        }
    }

    #[test]
    fn responses_are_built_whole() {
        let b = ResponseBuilder::new(404, "Not Found").body("text/plain", &b"no"[..]).build();
        let text =
            "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nno";
        assert_eq!(b, text.as_bytes());
        let b =
            ResponseBuilder::new(101, "Switching Protocols").header("Upgrade", "websocket").build();
        assert_eq!(b, &b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"[..]);
    }
}
