//! Writing a reply out: one pass over the request's headers, no allocation but the buffer's.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use bytes::{BufMut, BytesMut};
use sip_parser::{HeaderId, Message, Span};

use super::{Reply, Tag};
use crate::txn::key::ViaFix;

/// The parts of a reply that do not come from the caller.
pub(crate) struct ReplyText<'a> {
    pub(crate) request: &'a Message,
    pub(crate) via: &'a ViaFix,
    /// The sender of the request.
    pub(crate) peer: SocketAddr,
    pub(crate) tag: Tag,
    /// Whether the request's To has a tag, if that is known already.
    pub(crate) in_dialog: Option<bool>,
    /// A header line of ours with its CRLF, such as Server; may be empty.
    pub(crate) server: &'a [u8],
}

/// Appends the bytes of `reply` to a request (RFC 3261 8.2.6.2).
pub(crate) fn write_reply(out: &mut BytesMut, text: &ReplyText<'_>, reply: &Reply<'_>) {
    let request = text.request;
    let fixed = 256 + text.server.len() + reply.reason.len() + reply.headers.len();
    let head = request.body_start() as usize;
    out.reserve(fixed + head + reply.content_type.len() + reply.body.len());
    out.put_slice(b"SIP/2.0 ");
    put_number(out, u32::from(reply.code));
    out.put_u8(b' ');
    out.put_slice(reply.reason);
    out.put_slice(b"\r\n");
    let (mut first_via, mut first_to) = (true, true);
    let all = request.bytes();
    // RFC 3261 12.1.1: a dialog is made by 101 to 299.
    let dialog = (101..300).contains(&reply.code);
    // Lines that follow each other are copied together.
    let mut run = Span::default();
    for (id, line) in request.lines() {
        let edited = match id {
            HeaderId::Via => std::mem::take(&mut first_via),
            HeaderId::To => std::mem::take(&mut first_to),
            HeaderId::From | HeaderId::CallId | HeaderId::CSeq => false,
            HeaderId::RecordRoute if dialog => false,
            _ => continue,
        };
        if !edited && line.start == run.end {
            run.end = line.end;
            continue;
        }
        out.put_slice(request.slice(run));
        run = line;
        if edited {
            match id {
                HeaderId::To => put_to(out, text, reply),
                _ => put_via(out, all, line.range(), text),
            }
            run.start = run.end;
        }
    }
    out.put_slice(request.slice(run));
    out.put_slice(text.server);
    out.put_slice(reply.headers);
    if !reply.content_type.is_empty() {
        out.put_slice(b"Content-Type: ");
        out.put_slice(reply.content_type);
        out.put_slice(b"\r\n");
    }
    out.put_slice(b"Content-Length: ");
    put_number(out, u32::try_from(reply.body.len()).unwrap_or(u32::MAX));
    out.put_slice(b"\r\n\r\n");
    out.put_slice(reply.body);
}

/// The first Via's line with `received` and `rport` as RFC 3261 18.2.1 and RFC 3581 4 want them.
fn put_via(out: &mut BytesMut, all: &[u8], line: std::ops::Range<usize>, text: &ReplyText<'_>) {
    let fix = text.via;
    let piece = |from: usize, to: usize| all.get(from..to).unwrap_or_default();
    let mut at = line.start;
    // The two spans in the order they stand in.
    let mut edits = [fix.rport.map(|s| (s, true)), fix.drop.map(|s| (s, false))];
    if matches!(edits, [Some((a, _)), Some((b, _))] if b.start < a.start) {
        edits.swap(0, 1);
    }
    for (span, is_rport) in edits.into_iter().flatten() {
        out.put_slice(piece(at, span.start as usize));
        if is_rport {
            out.put_slice(b"rport=");
            put_number(out, u32::from(text.peer.port()));
        }
        at = span.end as usize;
    }
    let end = fix.end as usize;
    out.put_slice(piece(at, end));
    if fix.add_received {
        put_received(out, text.peer.ip());
    }
    out.put_slice(piece(end, line.end));
}

fn put_to(out: &mut BytesMut, text: &ReplyText<'_>, reply: &Reply<'_>) {
    let request = text.request;
    let Some(header) = request.header(HeaderId::To) else { return };
    let tagged =
        || text.in_dialog.unwrap_or_else(|| !request.to().is_ok_and(|to| to.tag().is_none()));
    let wants = reply.code > 100 && !tagged();
    if !wants {
        out.put_slice(request.slice(header.span));
        return;
    }
    let (line, value) = (header.span.range(), header.value_span.range());
    let all = request.bytes();
    out.put_slice(all.get(line.start..value.end).unwrap_or_default());
    out.put_slice(b";tag=");
    out.put_slice(reply.to_tag.unwrap_or(text.tag.text()));
    out.put_slice(all.get(value.end..line.end).unwrap_or_default());
}

/// Appends `;received=` and the address, IPv6 without brackets (RFC 5118 4.5).
pub(crate) fn put_received(out: &mut BytesMut, ip: IpAddr) {
    out.put_slice(b";received=");
    put_ip(out, ip);
}

/// Appends an address.
pub(crate) fn put_ip(out: &mut BytesMut, ip: IpAddr) {
    match ip {
        IpAddr::V4(v4) => {
            let mut text = [b'.'; 16];
            let mut len = 0;
            for octet in v4.octets() {
                // At most three digits and a dot, four times.
                for (least, unit) in [(100, 100), (10, 10), (0, 1)] {
                    if octet >= least {
                        text[len] = b'0' + octet / unit % 10;
                        len += 1;
                    }
                }
                len += 1;
            }
            out.put_slice(&text[..len - 1]);
        }
        // Writing to a BytesMut cannot fail.
        IpAddr::V6(v6) => _ = write!(out, "{v6}"),
    }
}

/// Appends a number in decimal digits.
#[inline]
pub(crate) fn put_number(out: &mut BytesMut, mut n: u32) {
    let mut digits = [0; 10];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (n % 10) as u8;
        n /= 10;
        if n == 0 {
            break;
        }
    }
    out.put_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_numbers_are_written_as_the_standard_library_does() {
        let mut out = BytesMut::new();
        let mut text = |ip: IpAddr| {
            out.clear();
            put_ip(&mut out, ip);
            assert_eq!(out, ip.to_string().as_bytes());
        };
        for n in 0..=255 {
            text(IpAddr::from([n, 255 - n, n / 10, 0]));
        }
        text("2001:db8::1".parse().unwrap());
        for n in [0, 9, 10, 255, 65_535, u32::MAX] {
            out.clear();
            put_number(&mut out, n);
            assert_eq!(out, n.to_string().as_bytes());
        }
    }
}
