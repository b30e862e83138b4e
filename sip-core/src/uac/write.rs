//! Writing requests of our own, and the same once more with credentials.

use bytes::{BufMut, BytesMut};
use sip_parser::{HeaderId, Message, Patch, Span};

use super::{AnsweredChallenge, LocalError, LocalRequest};
use crate::net::Listener;
use crate::txn::key::{len32, offset};
use crate::uas::put_number;

/// Appends a request; `param` is our branch parameter, `tag` the From tag, `call_id` what to use if
/// the request names none.
pub(crate) fn first(
    out: &mut BytesMut,
    request: &LocalRequest<'_>,
    outward: &Listener,
    param: &[u8],
    tag: &[u8],
    call_id: &[u8],
) {
    let body = request.body;
    for part in [
        request.method,
        b" ",
        request.uri,
        b" SIP/2.0\r\nVia: SIP/2.0/",
        outward.proto.via_token().as_bytes(),
        b" ",
        outward.sent_by(),
        b";branch=",
        param,
        b";rport\r\nMax-Forwards: 70\r\nFrom: ",
        request.from,
        b";tag=",
        tag,
        b"\r\nTo: ",
        request.to,
        b"\r\nCall-ID: ",
        if request.call_id.is_empty() { call_id } else { request.call_id },
        b"\r\nCSeq: ",
    ] {
        out.put_slice(part);
    }
    put_number(out, request.cseq);
    for part in [b" ", request.method, b"\r\n", request.headers, b"Content-Length: "] {
        out.put_slice(part);
    }
    put_number(out, u32::try_from(body.len()).unwrap_or(u32::MAX));
    out.put_slice(b"\r\n\r\n");
    out.put_slice(body);
}

impl LocalRequest<'_> {
    /// Whether it can be written out so that it says what it should.
    pub(crate) fn check(&self) -> Result<(), LocalError> {
        let token = |b: &u8| b.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(b);
        let alone = !matches!(self.method, b"INVITE" | b"ACK" | b"CANCEL");
        if self.method.is_empty() || !self.method.iter().all(token) || !alone {
            return Err(LocalError::Method);
        }
        let one_line = |text: &[u8]| memchr::memchr2(b'\r', b'\n', text).is_none();
        let filled = |text: &[u8]| !text.is_empty() && one_line(text);
        let no_space = !self.uri.contains(&b' ') && !self.call_id.contains(&b' ');
        let whole = self.headers.is_empty()
            || (self.headers.ends_with(b"\r\n")
                && !self.headers.starts_with(b"\r\n")
                && !self.headers.windows(4).any(|w| w == b"\r\n\r\n"));
        let sound = filled(self.uri)
            && filled(self.from)
            && filled(self.to)
            && one_line(self.call_id)
            && no_space
            && whole;
        if sound { Ok(()) } else { Err(LocalError::Malformed) }
    }
}

/// Appends `sent` once more, with credentials: a higher CSeq and a branch of its own
/// (RFC 3261 22.2).
pub(crate) fn again(
    out: &mut BytesMut,
    patch: &mut Patch,
    sent: &Message,
    answer: &AnsweredChallenge,
    param: &[u8],
) -> Option<()> {
    let via = sent.top_via().ok()?;
    let branch = via.branch()?;
    let start = offset(sent.bytes(), branch);
    let old = Span::new(start, start.saturating_add(len32(branch)));
    let cseq = sent.header(HeaderId::CSeq)?;
    let number = sent.cseq().ok()?.number.checked_add(1)?;
    patch.clear();
    patch.replace(old, param);
    let digits = cseq.value.iter().take_while(|b| b.is_ascii_digit()).count();
    let end = cseq.value_span.start.saturating_add(u32::try_from(digits).ok()?);
    let span = Span::new(cseq.value_span.start, end);
    patch.replace(span, number.to_string().as_bytes());
    patch.insert(cseq.span.end, &answer.line);
    patch.write(sent, out);
    Some(())
}
