//! The generator's messages: texts with named holes, split once, rendered by appending.

use std::net::SocketAddrV4;

/// What goes into the holes of one message.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Fill<'a> {
    /// Identifies the transaction or call; 16 hexadecimal digits of the Call-ID.
    pub(crate) key: u64,
    /// The user's number: the registering one, or the callee.
    pub(crate) user: u32,
    /// The CSeq number.
    pub(crate) cseq: u32,
    /// The remote target, a URI.
    pub(crate) target: &'a [u8],
    /// Route lines with their line ends.
    pub(crate) routes: &'a [u8],
    /// The value of To with the peer's tag.
    pub(crate) to: &'a [u8],
}

#[derive(Debug)]
enum Piece {
    Text(Vec<u8>),
    Key,
    User,
    CSeq,
    Target,
    Routes,
    To,
}

/// One message with holes.
#[derive(Debug)]
pub(crate) struct Template(Vec<Piece>);

impl Template {
    /// Splits a text at `{key}`, `{user}`, `{cseq}`, `{target}`, `{routes}` and `{to}`. Lines end
    /// in LF in the source and in CRLF in the message.
    fn new(text: &str) -> Template {
        let mut pieces = Vec::new();
        let text = text.replace('\n', "\r\n");
        let mut rest = text.as_str();
        while let Some(open) = rest.find('{') {
            let close = rest[open..].find('}').expect("own templates are closed") + open;
            pieces.push(Piece::Text(rest.as_bytes()[..open].to_vec()));
            pieces.push(match &rest[open + 1..close] {
                "key" => Piece::Key,
                "user" => Piece::User,
                "cseq" => Piece::CSeq,
                "target" => Piece::Target,
                "routes" => Piece::Routes,
                "to" => Piece::To,
                other => unreachable!("no such hole: {other}"),
            });
            rest = &rest[close + 1..];
        }
        pieces.push(Piece::Text(rest.as_bytes().to_vec()));
        Template(pieces)
    }

    /// Appends the message.
    pub(crate) fn render(&self, fill: &Fill<'_>, out: &mut Vec<u8>) {
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text),
                Piece::Key => put_hex(fill.key, out),
                Piece::User => put_decimal(fill.user, 6, out),
                Piece::CSeq => put_decimal(fill.cseq, 1, out),
                Piece::Target => out.extend_from_slice(fill.target),
                Piece::Routes => out.extend_from_slice(fill.routes),
                Piece::To => out.extend_from_slice(fill.to),
            }
        }
    }
}

fn put_hex(value: u64, out: &mut Vec<u8>) {
    out.extend((0..16).map(|digit| {
        let nibble = (value >> (60 - 4 * digit)) & 15;
        b"0123456789abcdef"[nibble as usize]
    }));
}

fn put_decimal(value: u32, width: usize, out: &mut Vec<u8>) {
    let mut digits = [b'0'; 10];
    let (mut rest, mut used) = (value, 0);
    while rest > 0 {
        used += 1;
        digits[10 - used] += (rest % 10) as u8;
        rest /= 10;
    }
    out.extend_from_slice(&digits[10 - used.max(width)..]);
}

/// All that the calling side sends; the answering side builds its replies from the requests.
#[derive(Debug)]
pub(crate) struct Messages {
    pub(crate) register: Template,
    /// Removes all bindings of a user, also those of an earlier run with other ports.
    pub(crate) unregister: Template,
    pub(crate) options: Template,
    pub(crate) invite: Template,
    /// To a 2xx, with the route set.
    pub(crate) ack: Template,
    /// To a final failure: on the INVITE's own transaction.
    pub(crate) ack_failure: Template,
    pub(crate) bye: Template,
}

impl Messages {
    /// The messages for a server that is reached at `server`, from a caller and an answerer at the
    /// given addresses.
    pub(crate) fn new(server: SocketAddrV4, caller: SocketAddrV4, answerer: SocketAddrV4) -> Self {
        let read = |text: &str| {
            let text = text
                .replace("SERVER", &server.to_string())
                .replace("CALLER", &caller.to_string())
                .replace("ANSWERER", &answerer.to_string());
            Template::new(&text)
        };
        Messages {
            register: read(REGISTER),
            unregister: read(
                &REGISTER
                    .replace("Contact: <sip:u{user}@ANSWERER>", "Contact: *")
                    .replace("Expires: 3600", "Expires: 0"),
            ),
            options: read(OPTIONS),
            invite: read(&format!("{INVITE}{SDP}")),
            ack: read(ACK),
            ack_failure: read(ACK_FAILURE),
            bye: read(BYE),
        }
    }
}

/// The session description of offers and answers, LF only.
pub(crate) const SDP: &str = "v=0
o=load 53655765 2353687637 IN IP4 127.0.0.1
s=-
c=IN IP4 127.0.0.1
t=0 0
m=audio 40000 RTP/AVP 0 8 101
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=sendrecv
";

/// What stands in front of [`SDP`] in a message.
pub(crate) const SDP_HEADERS: &str = "Content-Type: application/sdp\r\nContent-Length: 204\r\n\r\n";

const REGISTER: &str = "REGISTER sip:SERVER SIP/2.0
Via: SIP/2.0/UDP CALLER;branch=z9hG4bK{key}r{cseq};rport
Max-Forwards: 70
From: <sip:u{user}@SERVER>;tag={key}
To: <sip:u{user}@SERVER>
Call-ID: {key}@load
CSeq: {cseq} REGISTER
Contact: <sip:u{user}@ANSWERER>
Expires: 3600
User-Agent: load
Content-Length: 0

";

const OPTIONS: &str = "OPTIONS sip:u{user}@ANSWERER SIP/2.0
Via: SIP/2.0/UDP CALLER;branch=z9hG4bK{key}o;rport
Max-Forwards: 70
From: <sip:caller@SERVER>;tag={key}
To: <sip:u{user}@ANSWERER>
Call-ID: {key}@load
CSeq: {cseq} OPTIONS
Contact: <sip:caller@CALLER>
Accept: application/sdp
User-Agent: load
Content-Length: 0

";

const INVITE: &str = "INVITE sip:u{user}@SERVER SIP/2.0
Via: SIP/2.0/UDP CALLER;branch=z9hG4bK{key}i;rport
Max-Forwards: 70
From: <sip:caller@SERVER>;tag={key}
To: <sip:u{user}@SERVER>
Call-ID: {key}@load
CSeq: {cseq} INVITE
Contact: <sip:caller@CALLER>
Allow: INVITE, ACK, CANCEL, BYE, OPTIONS
Supported: timer
User-Agent: load
Content-Type: application/sdp
Content-Length: 204

";

const ACK: &str = "ACK {target} SIP/2.0
Via: SIP/2.0/UDP CALLER;branch=z9hG4bK{key}a;rport
Max-Forwards: 70
{routes}From: <sip:caller@SERVER>;tag={key}
To: {to}
Call-ID: {key}@load
CSeq: {cseq} ACK
User-Agent: load
Content-Length: 0

";

const ACK_FAILURE: &str = "ACK sip:u{user}@SERVER SIP/2.0
Via: SIP/2.0/UDP CALLER;branch=z9hG4bK{key}i;rport
Max-Forwards: 70
From: <sip:caller@SERVER>;tag={key}
To: {to}
Call-ID: {key}@load
CSeq: {cseq} ACK
Content-Length: 0

";

const BYE: &str = "BYE {target} SIP/2.0
Via: SIP/2.0/UDP CALLER;branch=z9hG4bK{key}b;rport
Max-Forwards: 70
{routes}From: <sip:caller@SERVER>;tag={key}
To: {to}
Call-ID: {key}@load
CSeq: {cseq} BYE
User-Agent: load
Content-Length: 0

";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_length_is_the_body_in_crlf() {
        let body = SDP.replace('\n', "\r\n").len();
        assert!(SDP_HEADERS.contains(&format!("Content-Length: {body}\r\n")), "{body}");
        assert!(INVITE.contains(&format!("Content-Length: {body}\n")), "{body}");
    }

    #[test]
    fn holes_are_filled() {
        let at = |port| SocketAddrV4::new([127, 0, 0, 1].into(), port);
        let messages = Messages::new(at(5060), at(7000), at(7001));
        let fill = Fill {
            key: 0xab,
            user: 42,
            cseq: 0,
            target: b"sip:x@y",
            routes: b"Route: <sip:p;lr>\r\n",
            to: b"<sip:z>;tag=1",
        };
        let mut out = Vec::new();
        messages.bye.render(&fill, &mut out);
        let text = String::from_utf8(out).expect("own text");
        assert!(text.starts_with("BYE sip:x@y SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:7000;branch="));
        assert!(text.contains("\r\nRoute: <sip:p;lr>\r\nFrom: "));
        assert!(text.contains("\r\nTo: <sip:z>;tag=1\r\n"));
        assert!(text.contains("\r\nCall-ID: 00000000000000ab@load\r\nCSeq: 0 BYE\r\n"));
        assert!(text.ends_with("\r\n\r\n"));
        let mut out = Vec::new();
        messages.register.render(&fill, &mut out);
        let text = String::from_utf8(out).expect("own text");
        assert!(text.contains("Contact: <sip:u000042@127.0.0.1:7001>\r\n"));
        let mut out = Vec::new();
        messages.unregister.render(&fill, &mut out);
        let text = String::from_utf8(out).expect("own text");
        assert!(text.contains("\r\nContact: *\r\nExpires: 0\r\n"));
    }
}
