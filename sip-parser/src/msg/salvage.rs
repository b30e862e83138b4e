//! What is left of a request that was refused: enough to answer it. Owns nothing but that.

use super::Message;
use super::start_line::StartLine;
use crate::lex::{self, block, class, peek};
use crate::{Limits, Method, Span};
use bytes::{Buf, Bytes};

impl Message {
    /// Reads what can be read of a request that [`Message::parse`] refused, so that the 4xx or
    /// 5xx of [`ParseError::status`](crate::ParseError::status) can be sent: the method and the
    /// headers up to the first one that is malformed. There is no Request-URI and no body. None
    /// for responses, which are dropped, and when the first line does not begin with a method.
    /// The result must not be routed.
    pub fn salvage(mut buf: Bytes, limits: &Limits) -> Option<Message> {
        let skipped = lex::leading_line_ends(&buf);
        buf.advance(skipped);
        let method_end = lex::span(&buf, 0, class::TOKEN);
        let line = block::find_byte(&buf, 0, b'\n');
        let response = buf.get(..4).is_some_and(|s| s.eq_ignore_ascii_case(b"SIP/"));
        if method_end == 0 || response || peek(&buf, method_end) != b' ' {
            return None;
        }
        if line + 1 >= limits.head_limit().min(buf.len()) {
            return None;
        }
        let mut message = Message::empty();
        message.start = StartLine {
            status: 0,
            method: Method::from_name(buf.get(..method_end)?),
            first: Span::at(0, 0, method_end),
            second: Span::at(0, method_end + 1, method_end + 1),
            end: crate::span::offset(line + 1),
        };
        if message.index.scan(&buf, line + 1, limits).is_err() {
            message.index.close(&buf, line + 1);
        }
        buf.truncate(message.index.end as usize);
        message.body = message.index.end;
        message.buf = buf;
        Some(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{HeaderId, ResponseBuilder};

    fn salvage(text: &'static [u8]) -> Option<Message> {
        assert!(Message::parse(Bytes::from_static(text)).is_err());
        Message::salvage(Bytes::from_static(text), &Limits::DEFAULT)
    }

    #[test]
    fn a_refused_request_can_be_answered() {
        let text = b"INVITE sip:a SIP/7.0\r\nVia: SIP/2.0/UDP h\r\nFrom: <sip:f>;tag=1\r\n\
            To: <sip:t>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\nl: 9\r\n\r\nx";
        let m = salvage(text).unwrap();
        assert_eq!(
            (m.method(), m.request_uri(), m.body()),
            (Some(Method::Invite), &b""[..], &b""[..])
        );
        let answer = ResponseBuilder::from_request(&m, 505, "").to_tag(b"x").build();
        let answer = Message::parse(answer).unwrap();
        assert_eq!((answer.check(), answer.status()), (Ok(()), Some(505)));
    }

    #[test]
    fn headers_are_kept_up_to_the_malformed_one() {
        let m =
            salvage(b"OPTIONS sip:a SIP/2.0\r\nVia: v\r\n w\r\nTo: t\r\nbroken\r\nl: 0\r\n\r\n")
                .unwrap();
        assert_eq!(m.header(HeaderId::To).map(|h| h.value), Some(&b"t"[..]));
        assert!(m.bytes().ends_with(b"To: t\r\n"));
        let names: Vec<_> = m.headers().map(|h| h.id).collect();
        assert_eq!(names, [HeaderId::Via, HeaderId::To]);
    }

    #[test]
    fn responses_and_noise_are_not_salvaged() {
        for text in
            [&b"SIP/2.0 99 x\r\nVia: v\r\n\r\n"[..], b"\0\0", b"OPTIONS sip:a", b"\r\n", b"A b\r\n"]
        {
            assert!(salvage(text).is_none(), "{}", String::from_utf8_lossy(text));
        }
    }
}
