//! A message read in steps: whatever is asked for in whatever order, in the end it is the same
//! message, or the same error, as when it is read at once.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use sip_parser::{HeaderId, HeaderSet, Message, PartialMessage};

fuzz_target!(|data: &[u8]| {
    let (steps, text) = data.split_at(data.len().min(6));
    let text = Bytes::copy_from_slice(text);
    let whole = Message::parse(text.clone());
    let mut partial = match PartialMessage::new(text) {
        Ok(partial) => partial,
        Err(e) => return assert_eq!(whole.err(), Some(e)),
    };
    for step in steps {
        let ids = HeaderId::all();
        let set = HeaderSet::of(&[ids[usize::from(*step) % ids.len()], HeaderId::Other]);
        let before = partial.seen().headers().count();
        let outcome = match step % 2 {
            0 => partial.parse_headers(set).map(drop),
            _ => partial.parse_next(set).map(drop),
        };
        assert!(partial.seen().headers().count() >= before, "a header is forgotten");
        for h in partial.seen().headers() {
            assert!(partial.found().contains(h.id));
        }
        if outcome.is_err() {
            assert_eq!(whole.as_ref().err(), outcome.as_ref().err());
            break;
        }
    }
    let finished = partial.finish();
    match (&whole, &finished) {
        (Ok(whole), Ok(finished)) => {
            assert_eq!(whole.bytes(), finished.bytes());
            assert_eq!((whole.body(), whole.check()), (finished.body(), finished.check()));
            assert!(whole.headers().map(|h| h.span).eq(finished.headers().map(|h| h.span)));
            assert!(whole.headers().map(|h| h.id).eq(finished.headers().map(|h| h.id)));
        }
        _ => assert_eq!(whole.err(), finished.err()),
    }
});
