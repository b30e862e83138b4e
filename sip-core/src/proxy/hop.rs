//! Requests that the proxy makes for one hop out of one it has sent: the ACK to a negative answer
//! (RFC 3261 17.1.1.3) and the CANCEL (RFC 3261 9.1). Both repeat the request's first Via, with its
//! branch, and its Route.

use bytes::{BufMut, BytesMut};
use sip_parser::{HeaderId, Message};

use crate::uas::put_number;

/// Appends the ACK for `response`, to the request `sent`.
pub(crate) fn ack(out: &mut BytesMut, sent: &Message, response: &Message) -> Option<()> {
    // RFC 3261 17.1.1.3: the To of the response, since it has the tag.
    let to = response.header(HeaderId::To)?.value;
    write(out, sent, "ACK", to, b"")
}

/// Appends the CANCEL of the request `sent`; `extra` are whole header lines, such as Reason (RFC 3326).
pub(crate) fn cancel(out: &mut BytesMut, sent: &Message, extra: &[u8]) -> Option<()> {
    write(out, sent, "CANCEL", sent.header(HeaderId::To)?.value, extra)
}

fn write(out: &mut BytesMut, sent: &Message, method: &str, to: &[u8], extra: &[u8]) -> Option<()> {
    let cseq = sent.cseq().ok()?;
    let via = sent.top_via().ok()?.span;
    out.reserve(sent.body_start() as usize + to.len() + extra.len() + 128);
    out.put_slice(method.as_bytes());
    out.put_u8(b' ');
    out.put_slice(sent.request_uri());
    out.put_slice(b" SIP/2.0\r\nVia: ");
    out.put_slice(sent.slice(via));
    out.put_slice(b"\r\n");
    for route in sent.headers_of(HeaderId::Route) {
        out.put_slice(sent.slice(route.span));
    }
    out.put_slice(b"Max-Forwards: 70\r\n");
    for id in [HeaderId::From, HeaderId::CallId] {
        out.put_slice(sent.slice(sent.header(id)?.span));
    }
    out.put_slice(b"To: ");
    out.put_slice(to);
    out.put_slice(b"\r\nCSeq: ");
    put_number(out, cseq.number);
    out.put_u8(b' ');
    out.put_slice(method.as_bytes());
    out.put_slice(b"\r\n");
    out.put_slice(extra);
    out.put_slice(b"Content-Length: 0\r\n\r\n");
    Some(())
}
