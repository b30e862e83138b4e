//! Our own rows: the depths that the others are held against.

use bytes::Bytes;
use sip_parser::{Message, Uri};

use crate::Read;

/// The number of CSeq.
pub(crate) fn cseq(text: &[u8]) -> Option<u32> {
    let m = Message::parse(Bytes::copy_from_slice(text)).ok()?;
    m.cseq().ok().map(|c| c.number)
}

/// Name, depth and how it reads.
pub(crate) fn rows() -> Vec<(&'static str, &'static str, Read)> {
    vec![
        ("looseroute", "1 split", reused(|_| Some(0))),
        ("looseroute", "2 proxy view", reused(proxy_view)),
        ("looseroute", "3 every header", reused(every)),
    ]
}

/// Reads into one message, as a worker does, from bytes of its own, as a receiver has them: the
/// copy of the datagram is counted.
fn reused(mut deeper: impl FnMut(&Message) -> Option<u32> + 'static) -> Read {
    let mut m = Message::empty();
    Box::new(move |text| {
        m.parse_into(Bytes::copy_from_slice(text)).ok()?;
        deeper(&m)
    })
}

/// Request-URI, top Via, From, To, Call-ID, CSeq.
fn proxy_view(m: &Message) -> Option<u32> {
    if m.is_request() {
        std::hint::black_box(Uri::parse(m.request_uri()).ok()?);
    }
    std::hint::black_box(m.top_via().ok()?.branch()?);
    std::hint::black_box(m.from().ok()?.parsed_uri().ok()?);
    std::hint::black_box(m.to().ok()?.parsed_uri().ok()?);
    std::hint::black_box(m.call_id().ok()?);
    m.cseq().ok().map(|c| c.number)
}

fn every(m: &Message) -> Option<u32> {
    if m.is_request() {
        std::hint::black_box(Uri::parse(m.request_uri()).ok()?);
    }
    m.check_headers().ok()?;
    m.cseq().ok().map(|c| c.number)
}
