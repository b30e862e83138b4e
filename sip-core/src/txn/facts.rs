//! What was read from a request when it came in, kept so that it is read once: where its headers
//! are said again and again on its way through a route.

use sip_parser::{CSeq, Message, NameAddr, Span};

use super::key::{Arrival, len32, offset};

/// Where a request's core headers lie (RFC 3261 8.1.1), as spans into its bytes. Belongs to the
/// message it was read from; with another one its answers mean nothing, and nothing worse.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Facts {
    pub(crate) arrival: Arrival,
    to_uri: Span,
    to_tag: Option<Span>,
    from_tag: Option<Span>,
    call_id: Span,
    cseq: u32,
}

impl Facts {
    pub(crate) fn new(
        msg: &Message,
        arrival: Arrival,
        from: &NameAddr<'_>,
        to: &NameAddr<'_>,
        call_id: &[u8],
        cseq: &CSeq<'_>,
    ) -> Self {
        let span = |part: &[u8]| {
            let start = offset(msg.bytes(), part);
            Span::new(start, start.saturating_add(len32(part)))
        };
        Self {
            arrival,
            to_uri: to.uri_span,
            to_tag: to.tag().map(span),
            from_tag: from.tag().map(span),
            call_id: span(call_id),
            cseq: cseq.number,
        }
    }

    /// Whether the request belongs to a dialog: its To has a tag (RFC 3261 12.2).
    #[must_use]
    pub const fn in_dialog(&self) -> bool {
        self.to_tag.is_some()
    }

    /// The URI of the To header.
    #[must_use]
    pub fn to_uri<'m>(&self, msg: &'m Message) -> &'m [u8] {
        msg.slice(self.to_uri)
    }

    /// The tag of the To header.
    #[must_use]
    pub fn to_tag<'m>(&self, msg: &'m Message) -> Option<&'m [u8]> {
        self.to_tag.map(|span| msg.slice(span))
    }

    /// The tag of the From header.
    #[must_use]
    pub fn from_tag<'m>(&self, msg: &'m Message) -> Option<&'m [u8]> {
        self.from_tag.map(|span| msg.slice(span))
    }

    /// The Call-ID.
    #[must_use]
    pub fn call_id<'m>(&self, msg: &'m Message) -> &'m [u8] {
        msg.slice(self.call_id)
    }

    /// The number of the CSeq.
    #[must_use]
    pub const fn cseq(&self) -> u32 {
        self.cseq
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{Flow, ListenId, Proto};
    use crate::rng::SeededRng;
    use crate::txn::hash::HashKey;
    use bytes::Bytes;

    #[test]
    fn what_was_read_is_what_the_headers_say() {
        let text = "BYE sip:a@b SIP/2.0\r\nv: SIP/2.0/UDP h;branch=z9hG4bKx\r\n\
                    From: \"A\" <sip:a@b>;x=1;tag=ft\r\nt: sip:c@d;tag=tt;y\r\n\
                    i:  id@host \r\nCSeq: 42 BYE\r\n\r\n";
        let msg = Message::parse(Bytes::from(text)).unwrap();
        let keys = HashKey::new(&mut SeededRng::new(1));
        let peer = "192.0.2.1:5060".parse().unwrap();
        let flow = Flow { proto: Proto::Udp, listen: ListenId(0), peer, conn: None };
        let arrival = Arrival::read(&keys, &flow, &msg).unwrap();
        let (from, to) = (msg.from().unwrap(), msg.to().unwrap());
        let call_id = msg.call_id().unwrap();
        let facts = Facts::new(&msg, arrival, &from, &to, call_id, &msg.cseq().unwrap());
        assert!(facts.in_dialog());
        assert_eq!(facts.to_uri(&msg), b"sip:c@d");
        assert_eq!(facts.to_tag(&msg), Some(&b"tt"[..]));
        assert_eq!(facts.from_tag(&msg), Some(&b"ft"[..]));
        assert_eq!((facts.call_id(&msg), facts.cseq()), (&b"id@host"[..], 42));
    }
}
