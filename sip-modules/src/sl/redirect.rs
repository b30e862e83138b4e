//! The Contact header of a redirection: where the request would have gone (RFC 3261 8.3, sl and tm
//! module documentation).

use bytes::{BufMut, BytesMut};
use sip_module_api::call::CallState;

/// Adds the destinations of `call` to the headers of its reply, if `code` is a redirection: the
/// Request-URI, if it was rewritten, and every branch.
pub(crate) fn add_contacts(call: &mut CallState, code: u16) {
    if !(300..400).contains(&code) {
        return;
    }
    let CallState { msg, rewrite, branches, reply_headers, .. } = call;
    let own = rewrite.uri.as_deref().filter(|uri| *uri != msg.request_uri());
    let own = own.map(|uri| (uri, rewrite.q));
    let all = own.into_iter().chain(branches.iter().map(|b| (&b.uri[..], b.q)));
    let mut before: &[u8] = b"Contact: ";
    for (uri, q) in all.filter(|(uri, _)| uri.iter().all(|c| c.is_ascii_graphic() && *c != b'>')) {
        reply_headers.put_slice(before);
        reply_headers.put_u8(b'<');
        reply_headers.put_slice(uri);
        reply_headers.put_u8(b'>');
        put_q(reply_headers, q);
        before = b", ";
    }
    if before == b", " {
        reply_headers.put_slice(b"\r\n");
    }
}

/// `;q=` without zeros at its end; nothing for a destination that has none.
fn put_q(out: &mut BytesMut, thousandths: u16) {
    match thousandths {
        0 => {}
        1000.. => out.put_slice(b";q=1"),
        q => {
            let digits = format!(";q=0.{q:03}");
            out.put_slice(digits.trim_end_matches('0').as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_q_is_as_short_as_can_be() {
        for (q, text) in
            [(0, ""), (1, ";q=0.001"), (500, ";q=0.5"), (50, ";q=0.05"), (1000, ";q=1")]
        {
            let mut out = BytesMut::new();
            put_q(&mut out, q);
            assert_eq!(out, text.as_bytes());
        }
    }
}
