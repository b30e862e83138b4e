//! Any bytes as a stream: the framer answers alike however they arrive, what it cuts out is what
//! the parser takes for one message, and it never asks for bytes that are there.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use sip_parser::frame::{Framed, Framer};
use sip_parser::{Limits, Message, http};

const LIMITS: Limits =
    Limits { head: 2000, body: 500, headers: 40, line: 300, uri: 300, ..Limits::DEFAULT };

fn cut(stream: &[u8], steps: &[u8]) -> Vec<Framed> {
    let mut framer = Framer::new(LIMITS);
    let (mut at, mut given, mut parts) = (0, 0, Vec::new());
    let mut steps = steps.iter().cycle();
    loop {
        let step = steps.next().map_or(stream.len(), |s| usize::from(*s) + 1);
        let framed = framer.next(&stream[at..given]);
        match framed {
            Framed::NeedMore { at_least } => {
                assert!(at_least > given - at, "asks for what is there");
                if given == stream.len() {
                    parts.push(framed);
                    return parts;
                }
                given = (given + step).min(stream.len());
            }
            Framed::Message(n) | Framed::Keepalive(n) | Framed::Http(n) => {
                assert!(n > 0 && n <= given - at);
                parts.push(framed);
                at += n;
            }
            Framed::Bad(_) => {
                parts.push(framed);
                return parts;
            }
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let (steps, stream) = data.split_at(data.len().min(4));
    let whole = cut(stream, &[]);
    assert_eq!(cut(stream, steps), whole);
    assert_eq!(cut(stream, &[0]), whole);
    let mut at = 0;
    for part in whole {
        match part {
            Framed::Message(n) => {
                let piece = Bytes::copy_from_slice(&stream[at..at + n]);
                if let Ok(m) = Message::parse_with(piece, &LIMITS) {
                    assert_eq!(m.bytes().len(), n, "the parser sees another end");
                }
                at += n;
            }
            Framed::Http(n) => {
                let piece = Bytes::copy_from_slice(&stream[at..at + n]);
                if let Ok(r) = http::Request::parse_with(piece, &LIMITS) {
                    assert_eq!(r.bytes().len(), n, "the parser sees another end");
                }
                at += n;
            }
            Framed::Keepalive(n) => at += n,
            Framed::NeedMore { .. } | Framed::Bad(_) => {}
        }
    }
});
