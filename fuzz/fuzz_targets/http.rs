//! An HTTP/1.x request: spans lie inside, the parts are those of the text, and what a browser
//! would be answered is readable.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use sip_parser::frame::{Framed, Framer};
use sip_parser::{Limits, http};

fuzz_target!(|data: &[u8]| {
    let text = Bytes::copy_from_slice(data);
    let Ok(r) = http::Request::parse(text) else { return };
    assert_eq!(r.body_span().end as usize, r.bytes().len());
    assert!(r.bytes().starts_with(r.method()) && r.bytes().ends_with(r.body()));
    for h in r.headers() {
        assert_eq!(h.value_span.of(r.bytes()), h.value);
        assert!(
            h.span.of(r.bytes()).starts_with(h.name) && h.span.of(r.bytes()).ends_with(b"\r\n")
        );
        let name = std::str::from_utf8(h.name).expect("names are tokens");
        assert!(r.header(name).is_some());
        let _ = r.header_has(name, "x");
    }
    let _ = (r.path(), r.minor_version(), r.wants_sip_websocket());
    // On a stream it ends at the same byte, unless its length is not said in a way that framing
    // takes.
    match Framer::new(Limits::DEFAULT).next(r.bytes()) {
        Framed::Http(n) => assert_eq!(n, r.bytes().len()),
        other => assert!(matches!(other, Framed::Bad(_) | Framed::Keepalive(_)), "{other:?}"),
    }
});
