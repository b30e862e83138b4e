//! The parser and the framer see the same end of a message, whatever stands between its colons: two
//! readings of one text are how requests are smuggled past whoever checks the first.

use bytes::Bytes;
use proptest::prelude::*;
use sip_parser::frame::{BadFrame, Framed, Framer};
use sip_parser::{HeaderId, Limits, Message, http};

/// Where the framer sees the end of what the parser takes for a message.
fn agree(text: &[u8]) -> Result<(), TestCaseError> {
    let Ok(msg) = Message::parse(Bytes::copy_from_slice(text)) else { return Ok(()) };
    let framed = Framer::new(Limits::DEFAULT).next(msg.bytes());
    // On a stream a message must say how long it is (RFC 3261 18.3).
    let wanted = match msg.header(HeaderId::ContentLength) {
        Some(_) => Framed::Message(msg.bytes().len()),
        None => Framed::Bad(BadFrame::NoContentLength),
    };
    prop_assert_eq!(framed, wanted, "{:?}", String::from_utf8_lossy(text));
    // No header is hidden behind the empty line, and none holds one.
    let head = &msg.bytes()[..msg.body_start() as usize];
    let first = head.windows(4).position(|w| w == b"\r\n\r\n").map(|at| at + 4);
    prop_assert_eq!(first, Some(head.len()), "{:?}", String::from_utf8_lossy(text));
    Ok(())
}

#[test]
fn a_header_name_holds_no_line_end() {
    for text in [
        "OPTIONS sip:a SIP/2.0\r\nl: 0\r\nTo\r\n\r\n\r\n\r\n\t: y\r\n\r\n",
        "OPTIONS sip:a SIP/2.0\r\nTo\n : y\r\n\r\n",
        "OPTIONS sip:a SIP/2.0\r\nTo\r : y\r\n\r\n",
        "OPTIONS sip:a SIP/2.0\r\nTo\r\n : y\r\n\r\n",
        "OPTIONS sip:a SIP/2.0\r\nContent-Length\r\n\r\n : 3\r\n\r\nabc",
        "OPTIONS sip:a SIP/2.0\r\nVia\r\n\r\n\t: SIP/2.0/UDP evil;branch=z9hG4bK9\r\n\r\n",
        "OPTIONS sip:a SIP/2.0\r\nX-Unknown\r\n\t: y\r\n\r\n",
    ] {
        let parsed = Message::parse(Bytes::copy_from_slice(text.as_bytes()));
        let error = parsed.expect_err(text);
        assert_eq!(error.status().0, 400, "{text:?}");
    }
    let blanks = Bytes::from_static(b"OPTIONS sip:a SIP/2.0\r\nTo \t : y\r\nX \t: z\r\n\r\n");
    let msg = Message::parse(blanks).expect("blanks may stand there");
    assert_eq!(msg.header(HeaderId::To).map(|h| h.value), Some(&b"y"[..]));
    let head = Bytes::from_static(b"GET / HTTP/1.1\r\nX\r\n\r\n : y\r\n\r\n");
    assert!(http::Request::parse(head).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn what_the_parser_takes_the_framer_cuts_alike(
        lines in prop::collection::vec(
            prop::sample::select(vec![
                "\r\n", "\r\n", "\r\n\r\n", "\n", "\r", " ", "\t", ":", ": ", " : ", "To", "l", "Via",
                "Content-Length", "Content-Length: 3", "l:0", "X", "0", "3", "abc", "x: y\r\n", ",", "\"",
            ]),
            0..24,
        )
    ) {
        agree(format!("OPTIONS sip:a SIP/2.0\r\n{}", lines.concat()).as_bytes())?;
        agree(format!("OPTIONS sip:a SIP/2.0\r\n{}\r\n\r\nabc", lines.concat()).as_bytes())?;
    }
}
