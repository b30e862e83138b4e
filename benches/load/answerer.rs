//! The answering side: 180 and 200 to INVITE, 200 to the rest, built from the request's own lines.

use looseroute_benches::batch::Outgoing;
use looseroute_benches::wire::response;

use crate::messages;

/// What a request asks of the answerer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// A call: ring and answer.
    Invite,
    /// The end of the INVITE's three way handshake.
    Ack,
    /// BYE, OPTIONS: answer at once.
    Other,
}

/// Which kind of request it is; `None` for responses.
pub(crate) fn asked(message: &[u8]) -> Option<Asked> {
    match message.get(..4)? {
        b"SIP/" => None,
        b"INVI" => Some(Asked::Invite),
        b"ACK " => Some(Asked::Ack),
        _ => Some(Asked::Other),
    }
}

/// The answering side's fixed parts.
#[derive(Debug)]
pub(crate) struct Answerer {
    /// Contact line and body of a 200 to INVITE.
    answer: Vec<u8>,
    contact: Vec<u8>,
}

impl Answerer {
    /// An answerer that is reached at `own`.
    pub(crate) fn new(own: std::net::SocketAddrV4) -> Answerer {
        let contact = format!("Contact: <sip:answerer@{own}>\r\n").into_bytes();
        let mut answer = contact.clone();
        answer.extend_from_slice(messages::SDP_HEADERS.as_bytes());
        answer.extend_from_slice(messages::SDP.replace('\n', "\r\n").as_bytes());
        Answerer { answer, contact }
    }

    /// Appends `180 Ringing`.
    pub(crate) fn ringing(&self, request: &[u8], key: u64, out: &mut Outgoing) {
        let to = out.begin();
        response(b"SIP/2.0 180 Ringing\r\n", request, &tag(key), to);
        to.extend_from_slice(&self.contact);
        to.extend_from_slice(b"Content-Length: 0\r\n\r\n");
        out.end(None);
    }

    /// Appends the 200 to an INVITE and returns it, for the retransmissions.
    pub(crate) fn accepted<'a>(&self, request: &[u8], key: u64, out: &'a mut Outgoing) -> &'a [u8] {
        let to = out.begin();
        response(b"SIP/2.0 200 OK\r\n", request, &tag(key), to);
        to.extend_from_slice(&self.answer);
        out.end(None)
    }

    /// Appends a plain 200.
    pub(crate) fn done(&self, request: &[u8], key: u64, out: &mut Outgoing) {
        let to = out.begin();
        response(b"SIP/2.0 200 OK\r\n", request, &tag(key), to);
        to.extend_from_slice(b"Content-Length: 0\r\n\r\n");
        out.end(None);
    }
}

fn tag(key: u64) -> [u8; 8] {
    key.to_le_bytes().map(|b| b'a' + b % 26)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: &[u8] =
        b"INVITE sip:a SIP/2.0\r\nVia: 1\r\nVia: 2\r\nRecord-Route: <sip:p;lr>\r\n\
        Max-Forwards: 1\r\nFrom: f\r\nTo: <sip:t>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n\r\nbody";

    #[test]
    fn ringing_and_the_answer_have_one_tag() {
        let answerer = Answerer::new("127.0.0.1:7001".parse().expect("address"));
        let mut out = Outgoing::new(4);
        answerer.ringing(REQUEST, 7, &mut out);
        answerer.accepted(REQUEST, 7, &mut out);
        let sent = out.take();
        let to = |message: &[u8]| {
            let text = String::from_utf8(message.to_vec()).expect("text");
            text.lines().find(|l| l.starts_with("To:")).map(str::to_owned)
        };
        assert!(to(&sent[0]).is_some_and(|to| to.contains(";tag=")));
        assert_eq!(to(&sent[0]), to(&sent[1]));
    }

    #[test]
    fn requests_are_told_apart() {
        assert_eq!(asked(REQUEST), Some(Asked::Invite));
        assert_eq!(asked(b"ACK sip:a SIP/2.0\r\n"), Some(Asked::Ack));
        assert_eq!(asked(b"BYE sip:a SIP/2.0\r\n"), Some(Asked::Other));
        assert_eq!(asked(b"SIP/2.0 200 OK\r\n"), None);
        assert_eq!(asked(b"\r\n"), None);
    }
}
