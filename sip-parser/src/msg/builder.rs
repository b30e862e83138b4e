//! Builders of requests and responses. Owns what a response takes from its request
//! (RFC 3261 8.2.6.2) and that nothing given to a builder can end a header early.

use super::Message;
use super::patch::header_line;
use crate::header::write::put_token;
use crate::{HeaderId, Span};
use bytes::{BufMut, Bytes, BytesMut};
use core::net::SocketAddr;

/// Appends text of a start line or header with line ends and NUL turned into blanks.
fn put_line_text(out: &mut BytesMut, text: &[u8]) {
    let unsafe_byte = |b: u8| matches!(b, b'\r' | b'\n' | 0);
    if text.iter().copied().any(unsafe_byte) {
        out.extend(text.iter().map(|b| if unsafe_byte(*b) { b' ' } else { *b }));
    } else {
        out.put_slice(text);
    }
}

/// Appends a Request-URI: blanks and bytes that are no text are escaped (RFC 3261 25.1 escaped),
/// since a blank would end it.
fn put_request_uri(out: &mut BytesMut, uri: &[u8]) {
    let digit = |n: u8| b"0123456789ABCDEF".get(usize::from(n & 15)).copied().unwrap_or(b'0');
    for &b in uri {
        if b <= b' ' || b == 0x7f {
            out.put_slice(&[b'%', digit(b >> 4), digit(b)]);
        } else {
            out.put_u8(b);
        }
    }
}

/// A byte that no name may hold becomes `_`: a blank in front would make the line a fold of the
/// header above.
fn put_header(out: &mut BytesMut, name: &[u8], value: &[u8]) {
    put_token(out, name);
    out.put_slice(b": ");
    put_line_text(out, value);
    out.put_slice(b"\r\n");
}

/// [`put_header`] for what callers give: the length is not theirs to say, and without a name there
/// is no header.
fn put_given(out: &mut BytesMut, name: &str, value: &[u8]) {
    if !name.is_empty() && HeaderId::from_name(name.as_bytes()) != HeaderId::ContentLength {
        put_header(out, name.as_bytes(), value);
    }
}

/// A header whose value is what `fill` appends to an empty buffer.
fn put_given_with(out: &mut BytesMut, name: &str, fill: impl FnOnce(&mut BytesMut)) {
    let mut value = BytesMut::new();
    fill(&mut value);
    put_given(out, name, &value);
}

/// Appends Content-Type, Content-Length, the empty line and the body.
fn put_body(out: &mut BytesMut, body: &Option<(Vec<u8>, Bytes)>) {
    let (kind, bytes) = match body {
        Some((kind, bytes)) => (Some(kind), &bytes[..]),
        None => (None, &b""[..]),
    };
    if let Some(kind) = kind.filter(|kind| !kind.is_empty()) {
        put_header(out, b"Content-Type", kind);
    }
    out.put_slice(b"Content-Length: ");
    out.put_slice(bytes.len().to_string().as_bytes());
    out.put_slice(b"\r\n\r\n");
    out.put_slice(bytes);
}

/// Builds a request. Headers appear in the order they are given, Content-Length last; nothing is
/// added that was not asked for, so that mandatory headers are the caller's.
#[derive(Clone, Debug)]
pub struct RequestBuilder {
    head: BytesMut,
    body: Option<(Vec<u8>, Bytes)>,
}

impl RequestBuilder {
    /// A request of that method to that Request-URI. What no method may hold becomes `_`, as does
    /// an empty method; blanks, line ends and other control characters in `uri` are escaped, such
    /// as `%20`. That it is a URI, with a scheme at least, is the caller's to see to: nothing is
    /// made up here, and who reads the request refuses it otherwise.
    pub fn new(method: &str, uri: &[u8]) -> RequestBuilder {
        let mut head = BytesMut::with_capacity(512);
        put_token(&mut head, if method.is_empty() { b"_" } else { method.as_bytes() });
        head.put_u8(b' ');
        put_request_uri(&mut head, uri);
        head.put_slice(b" SIP/2.0\r\n");
        RequestBuilder { head, body: None }
    }

    /// Adds a header. Line ends in `value` become blanks, what no name may hold becomes `_`.
    /// Content-Length is left out, since the builder writes it, and so is what has an empty name.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> RequestBuilder {
        put_given(&mut self.head, name, value.as_ref());
        self
    }

    /// [`RequestBuilder::header`] with a value that is written by `fill`, such as the `write` of a
    /// typed one: `.header_with("Via", |out| via.write(out))`.
    pub fn header_with(mut self, name: &str, fill: impl FnOnce(&mut BytesMut)) -> RequestBuilder {
        put_given_with(&mut self.head, name, fill);
        self
    }

    /// Sets the body and its Content-Type, which is left out when it is empty.
    pub fn body(mut self, content_type: &str, body: impl Into<Bytes>) -> RequestBuilder {
        self.body = Some((content_type.as_bytes().to_vec(), body.into()));
        self
    }

    /// The bytes to send.
    pub fn build(mut self) -> Bytes {
        put_body(&mut self.head, &self.body);
        self.head.freeze()
    }

    /// Appends the bytes to send to a buffer.
    pub fn write(&self, out: &mut BytesMut) {
        out.put_slice(&self.head);
        put_body(out, &self.body);
    }
}

/// Builds the response to a request: all Via, From, To, Call-ID and CSeq are copied as received,
/// and Timestamp into a 100 (RFC 3261 8.2.6).
#[derive(Clone, Debug)]
pub struct ResponseBuilder<'a> {
    request: &'a Message,
    code: u16,
    reason: &'a str,
    to_tag: Option<&'a [u8]>,
    source: Option<SocketAddr>,
    record_route: bool,
    extra: BytesMut,
    body: Option<(Vec<u8>, Bytes)>,
}

impl<'a> ResponseBuilder<'a> {
    /// A response to `request`. An empty `reason` becomes the usual phrase of `code`. A code that
    /// is none, below 100 or above 699 (RFC 3261 7.2), becomes 500.
    pub fn from_request(request: &'a Message, code: u16, reason: &'a str) -> ResponseBuilder<'a> {
        let code = if (100..700).contains(&code) { code } else { 500 };
        let reason = if reason.is_empty() { crate::reason_phrase(code) } else { reason };
        ResponseBuilder {
            request,
            code,
            reason,
            to_tag: None,
            source: None,
            record_route: false,
            extra: BytesMut::new(),
            body: None,
        }
    }

    /// Adds this tag to To, when To has none (RFC 3261 8.2.6.2). Not for 100. What no token may
    /// hold becomes `_`; an empty tag is left out.
    pub fn to_tag(mut self, tag: &'a [u8]) -> ResponseBuilder<'a> {
        self.to_tag = Some(tag);
        self
    }

    /// Notes in the top Via where the request came from: `received` and `rport`
    /// (RFC 3261 18.2.1, RFC 3581 4).
    pub fn received(mut self, source: SocketAddr) -> ResponseBuilder<'a> {
        self.source = Some(source);
        self
    }

    /// Copies Record-Route too: responses that make a dialog need it (RFC 3261 12.1.1).
    pub fn copy_record_route(mut self) -> ResponseBuilder<'a> {
        self.record_route = true;
        self
    }

    /// Adds a header behind the copied ones, under the rules of [`RequestBuilder::header`].
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> ResponseBuilder<'a> {
        put_given(&mut self.extra, name, value.as_ref());
        self
    }

    /// [`ResponseBuilder::header`] with a value that is written by `fill`, such as the `write` of
    /// a typed one.
    pub fn header_with(
        mut self,
        name: &str,
        fill: impl FnOnce(&mut BytesMut),
    ) -> ResponseBuilder<'a> {
        put_given_with(&mut self.extra, name, fill);
        self
    }

    /// Sets the body and its Content-Type, which is left out when it is empty.
    pub fn body(mut self, content_type: &str, body: impl Into<Bytes>) -> ResponseBuilder<'a> {
        self.body = Some((content_type.as_bytes().to_vec(), body.into()));
        self
    }

    /// The bytes to send.
    pub fn build(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(self.request.headers_end() as usize + 256);
        self.write(&mut out);
        out.freeze()
    }

    /// Appends the bytes to send to a buffer.
    pub fn write(&self, out: &mut BytesMut) {
        out.put_slice(b"SIP/2.0 ");
        out.put_slice(self.code.to_string().as_bytes());
        out.put_u8(b' ');
        put_line_text(out, self.reason.as_bytes());
        out.put_slice(b"\r\n");
        self.put_vias(out);
        if self.record_route {
            self.copy(out, HeaderId::RecordRoute);
        }
        self.copy(out, HeaderId::From);
        self.put_to(out);
        self.copy(out, HeaderId::CallId);
        self.copy(out, HeaderId::CSeq);
        if self.code == 100 {
            self.copy(out, HeaderId::Timestamp);
        }
        out.put_slice(&self.extra);
        put_body(out, &self.body);
    }

    /// Copies every header of an identity as received, under its full name.
    fn copy(&self, out: &mut BytesMut, id: HeaderId) {
        for h in self.request.headers_of(id) {
            header_line(out, id.name().as_bytes(), h.value);
        }
    }

    fn put_vias(&self, out: &mut BytesMut) {
        let (Some(source), Ok(top)) = (self.source, self.request.top_via()) else {
            return self.copy(out, HeaderId::Via);
        };
        let buf = self.request.bytes();
        for (i, h) in self.request.headers_of(HeaderId::Via).enumerate() {
            if i > 0 {
                header_line(out, b"Via", h.value);
                continue;
            }
            out.put_slice(b"Via: ");
            top.write_received(buf, source, out);
            out.put_slice(Span::new(top.span.end, h.value_span.end).of(buf));
            out.put_slice(b"\r\n");
        }
    }

    fn put_to(&self, out: &mut BytesMut) {
        let Some(h) = self.request.header(HeaderId::To) else { return };
        out.put_slice(b"To: ");
        out.put_slice(h.value);
        let tagged = self.request.to().is_ok_and(|to| to.params.has(b"tag"));
        let own = self.to_tag.filter(|tag| !tag.is_empty());
        if let (false, Some(tag)) = (tagged || self.code == 100, own) {
            out.put_slice(b";tag=");
            put_token(out, tag);
        }
        out.put_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: &[u8] = b"INVITE sip:b SIP/2.0\r\nv: SIP/2.0/UDP a;rport, SIP/2.0/TCP b\r\n\
        Via: SIP/2.0/TLS c\r\nf: <sip:f>;tag=1\r\nt: <sip:t>\r\ni: x@y\r\nCSeq: 7 INVITE\r\n\
        Record-Route: <sip:r;lr>\r\nTimestamp: 5\r\n\r\n";

    fn request() -> Message {
        Message::parse(Bytes::from_static(REQUEST)).unwrap()
    }

    #[test]
    fn a_response_takes_what_it_must_from_its_request() {
        let m = request();
        let built = ResponseBuilder::from_request(&m, 200, "")
            .to_tag(b"tt")
            .received("192.0.2.9:4444".parse().unwrap())
            .copy_record_route()
            .header("Server", "x\r\nEvil: yes")
            .body("text/plain", &b"hi"[..])
            .build();
        let text = "SIP/2.0 200 OK\r\n\
            Via: SIP/2.0/UDP a;received=192.0.2.9;rport=4444, SIP/2.0/TCP b\r\n\
            Via: SIP/2.0/TLS c\r\nRecord-Route: <sip:r;lr>\r\nFrom: <sip:f>;tag=1\r\n\
            To: <sip:t>;tag=tt\r\nCall-ID: x@y\r\nCSeq: 7 INVITE\r\nServer: x  Evil: yes\r\n\
            Content-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi";
        assert_eq!(String::from_utf8(built.to_vec()).unwrap(), text);
        assert_eq!(Message::parse(built).unwrap().check(), Ok(()));
    }

    #[test]
    fn a_100_gets_no_tag_but_the_timestamp() {
        let m = request();
        let built = ResponseBuilder::from_request(&m, 100, "").to_tag(b"tt").build();
        let answer = Message::parse(built).unwrap();
        assert_eq!(answer.to().unwrap().tag(), None);
        assert_eq!(answer.header(HeaderId::Timestamp).unwrap().value, b"5");
        assert!(answer.header(HeaderId::RecordRoute).is_none());
        assert_eq!(answer.reason(), b"Trying");
    }

    #[test]
    fn typed_values_and_lengths_are_written_as_they_must() {
        let m = request();
        let via = m.top_via().unwrap();
        let builder = RequestBuilder::new("OPTIONS", b"sip:a@b")
            .header_with("Via", |out| via.write(out))
            .header_with("X", |out| out.put_slice(b"a\r\nEvil: 1"))
            .header("l", "9")
            .body("text/plain", &b"hi"[..]);
        let mut out = BytesMut::new();
        builder.write(&mut out);
        let text = "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP a;rport\r\nX: a  Evil: 1\r\n\
            Content-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi";
        assert_eq!(String::from_utf8_lossy(&out), text);
        assert_eq!(builder.build(), &out);
        let answer = ResponseBuilder::from_request(&m, 180, "")
            .header("Content-Length", "7")
            .header_with("Contact", |out| out.put_slice(b"<sip:c>"))
            .build();
        assert!(answer.ends_with(b"Contact: <sip:c>\r\nContent-Length: 0\r\n\r\n"));
    }

    #[test]
    fn a_built_request_is_read_back() {
        let built = RequestBuilder::new("OPTIONS", b"sip:a@b")
            .header("Via", "SIP/2.0/UDP h;branch=z9hG4bK1")
            .header("From", "<sip:a@b>;tag=1")
            .header("To", "<sip:a@b>")
            .header("Call-ID", "1")
            .header("CSeq", "1 OPTIONS")
            .build();
        let m = Message::parse(built).unwrap();
        assert_eq!((m.check(), m.request_uri()), (Ok(()), &b"sip:a@b"[..]));
        assert_eq!(m.content_length(), Ok(Some(0)));
    }

    #[test]
    fn a_method_makes_no_response_of_a_request() {
        let text = RequestBuilder::new("SIP/2.0 200 OK\r\n", b"sip:a").build();
        let m = Message::parse(text).unwrap();
        assert_eq!((m.is_request(), m.method_name()), (true, &b"SIP_2.0_200_OK__"[..]));
    }

    #[test]
    fn a_name_is_a_name_and_no_fold_of_the_header_above() {
        let text = RequestBuilder::new("ACK", b"sip:a").header("A", "1").header(" B:\r\n", "2");
        let m = Message::parse(text.build()).unwrap();
        let all: Vec<_> = m.headers().map(|h| (h.name, h.value)).collect();
        let length = (&b"Content-Length"[..], &b"0"[..]);
        assert_eq!(all, [(&b"A"[..], &b"1"[..]), (b"_B___", b"2"), length]);
    }

    #[test]
    fn nothing_is_built_that_this_crate_refuses() {
        let plain = |method: &str, uri: &[u8]| {
            let built = RequestBuilder::new(method, uri).header("", "x").body("", &b""[..]).build();
            let m = Message::parse(built).unwrap();
            let names: Vec<_> = m.headers().map(|h| h.name).collect();
            assert_eq!(names, [b"Content-Length"]);
            (m.method_name().to_vec(), m.request_uri().to_vec())
        };
        let text = |method: &str, uri: &str| (method.into(), uri.into());
        assert_eq!(plain("INVITE", b"sip:a b"), text("INVITE", "sip:a%20b"));
        assert_eq!(plain("", b"sip:a\r\n\0\t\x7f"), text("_", "sip:a%0D%0A%00%09%7F"));
        let m = request();
        for (code, wanted) in
            [(0, 500), (99, 500), (100, 100), (699, 699), (700, 500), (u16::MAX, 500)]
        {
            let built = ResponseBuilder::from_request(&m, code, "").to_tag(b"").build();
            let answer = Message::parse(built).unwrap();
            assert_eq!((answer.status(), answer.check()), (Some(wanted), Ok(())), "{code}");
            assert_eq!(answer.to().unwrap().tag(), None);
        }
        let built = ResponseBuilder::from_request(&m, 200, "").to_tag(b"a b;c").build();
        let answer = Message::parse(built).unwrap();
        assert_eq!((answer.check(), answer.to().unwrap().tag()), (Ok(()), Some(&b"a_b_c"[..])));
    }
}
