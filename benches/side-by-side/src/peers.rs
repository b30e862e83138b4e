//! The other parsers, each through its public API as its documentation shows it.

use crate::Read;

/// Name, depth and how it reads.
pub(crate) fn rows() -> Vec<(&'static str, &'static str, Read)> {
    #[allow(unused_mut, reason = "without C libraries nothing is added")]
    let mut rows: Vec<(&'static str, &'static str, Read)> = vec![
        ("httparse", "1 split", Box::new(httparse_lines)),
        ("rsip", "1 split", Box::new(rsip_lazy)),
        ("rsipstack", "1 split", Box::new(rsipstack_lazy)),
        ("rsip", "2 proxy view", Box::new(rsip_proxy)),
        ("rsipstack", "2 proxy view", Box::new(rsipstack_proxy)),
    ];
    #[cfg(osip2)]
    rows.push(("osip2", "3 every header", c::osip2()));
    #[cfg(sofia)]
    rows.push(("sofia-sip", "3 every header", c::sofia()));
    rows
}

/// Knows no SIP start line: it gets the header lines alone, on the same bytes.
fn httparse_lines(text: &[u8]) -> Option<u32> {
    let line = text.iter().position(|b| *b == b'\n')? + 1;
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let parsed = httparse::parse_headers(text.get(line..)?, &mut headers).ok()?;
    std::hint::black_box(parsed);
    Some(0)
}

fn rsip_lazy(text: &[u8]) -> Option<u32> {
    std::hint::black_box(rsip::SipMessage::try_from(text).ok()?);
    Some(0)
}

fn rsip_proxy(text: &[u8]) -> Option<u32> {
    use rsip::prelude::*;
    let m = rsip::SipMessage::try_from(text).ok()?;
    std::hint::black_box(m.via_header().ok()?.typed().ok()?);
    std::hint::black_box(m.from_header().ok()?.typed().ok()?);
    std::hint::black_box(m.to_header().ok()?.typed().ok()?);
    std::hint::black_box(m.call_id_header().ok()?);
    Some(m.cseq_header().ok()?.typed().ok()?.seq)
}

fn rsipstack_lazy(text: &[u8]) -> Option<u32> {
    std::hint::black_box(rsipstack::sip::SipMessage::try_from(text).ok()?);
    Some(0)
}

fn rsipstack_proxy(text: &[u8]) -> Option<u32> {
    use rsipstack::sip::{HeadersExt, ToTypedHeader};
    let m = rsipstack::sip::SipMessage::try_from(text).ok()?;
    std::hint::black_box(m.via_header().ok()?.typed().ok()?);
    std::hint::black_box(m.from_header().ok()?.typed().ok()?);
    std::hint::black_box(m.to_header().ok()?.typed().ok()?);
    std::hint::black_box(m.call_id_header().ok()?);
    Some(m.cseq_header().ok()?.typed().ok()?.seq)
}

/// The C libraries, which parse all that they know at once.
#[cfg(any(osip2, sofia))]
mod c {
    use crate::Read;
    use std::ffi::{c_char, c_int};

    /// A function of ours that parses one message in C.
    type Parse = unsafe extern "C" fn(*const c_char, usize) -> c_int;

    /// Gives the text with the NUL behind it that some want.
    fn reader(parse: Parse) -> Read {
        let mut room = Vec::new();
        Box::new(move |text| {
            room.clear();
            room.extend_from_slice(text);
            room.push(0);
            // SAFETY: the pointer is to as many bytes as are said, and a NUL behind them; the
            // function keeps nothing of them.
            let number = unsafe { parse(room.as_ptr().cast(), text.len()) };
            u32::try_from(number).ok()
        })
    }

    #[cfg(osip2)]
    pub(super) fn osip2() -> Read {
        unsafe extern "C" {
            fn peer_osip2_init();
            fn peer_osip2(text: *const c_char, len: usize) -> c_int;
        }
        // SAFETY: it may be called at any time, and is called once.
        unsafe { peer_osip2_init() };
        reader(peer_osip2)
    }

    #[cfg(sofia)]
    pub(super) fn sofia() -> Read {
        unsafe extern "C" {
            fn peer_sofia_init();
            fn peer_sofia(text: *const c_char, len: usize) -> c_int;
        }
        // SAFETY: it may be called at any time, and is called once.
        unsafe { peer_sofia_init() };
        reader(peer_sofia)
    }
}
