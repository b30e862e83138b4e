//! Parsing takes no heap memory: the whole proxy view of every message of the benchmark corpus,
//! counted by a global allocator.
#![allow(unsafe_code)]

use bytes::{Bytes, BytesMut};
use sip_parser::{HeaderId, HeaderSet, Message, PartialMessage, Patch, Uri};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::path::Path;

#[path = "headers/examples.rs"]
mod examples;

struct Counting;

thread_local! {
    static CALLS: Cell<usize> = const { Cell::new(0) };
}

fn count() {
    CALLS.with(|c| c.set(c.get() + 1));
}

// SAFETY: every call is passed on to the system allocator unchanged; counting touches only a
// thread-local of const initialisation, which allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are those of this function.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are those of this function.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are those of this function.
        unsafe { System.realloc(ptr, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Heap calls that `work` makes on this thread.
fn calls(work: impl FnOnce()) -> usize {
    let before = CALLS.with(Cell::get);
    work();
    CALLS.with(Cell::get) - before
}

fn corpus() -> Vec<Bytes> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../benches/corpus");
    let files = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path());
    let texts: Vec<Bytes> = files
        .filter(|f| f.extension().is_some_and(|e| e == "sip"))
        .map(|f| {
            let text = Bytes::from(std::fs::read(f).unwrap());
            // The first clone of such a buffer makes it shared; that is the buffer's, not ours.
            drop(text.clone());
            text
        })
        .collect();
    assert!(texts.len() >= 12);
    texts
}

#[test]
fn the_counter_counts() {
    assert_eq!(calls(|| drop(Box::new(1))), 1);
}

#[test]
fn parsing_and_reading_allocate_nothing() {
    for text in corpus() {
        let made = calls(|| {
            let m = Message::parse(text.clone()).unwrap();
            m.check_routing().unwrap();
            assert!(m.headers().count() <= 24);
            m.is_request().then(|| Uri::parse(m.request_uri()).unwrap());
            for via in m.vias() {
                via.unwrap().branch().unwrap();
            }
            for contact in m.contacts() {
                contact.unwrap();
            }
            for id in [HeaderId::Authorization, HeaderId::ProxyAuthorization] {
                for c in m.credentials(id) {
                    assert!(c.unwrap().username.is_some());
                }
            }
            for token in m.tokens(HeaderId::Supported) {
                token.unwrap();
            }
        });
        assert_eq!(made, 0, "{}", String::from_utf8_lossy(&text));
    }
}

#[test]
fn judging_and_writing_any_header_allocates_nothing() {
    let mut out = BytesMut::with_capacity(4096);
    for (id, value, plain) in examples::GOOD {
        let made = calls(|| id.check(value.as_bytes()).unwrap());
        assert_eq!(made, 0, "{id}: {value}");
        out.clear();
        let made = calls(|| id.normalize(value.as_bytes(), &mut out).unwrap());
        assert_eq!((made, &out[..]), (0, plain.as_bytes()), "{id}: {value}");
    }
    for (id, value, ..) in examples::BAD {
        assert_eq!(calls(|| assert!(id.check(value.as_bytes()).is_err())), 0, "{id}: {value}");
    }
}

#[test]
fn reading_descriptions_and_parts_allocates_nothing() {
    let mut seen = 0;
    let mut described: Vec<Message> =
        corpus().into_iter().map(|t| Message::parse(t).unwrap()).collect();
    let sdp = described.iter().find_map(|m| m.sdp().unwrap()).unwrap().text().to_vec();
    let parts = [
        b"--b\r\n\r\ntext\r\n--b\r\nContent-Type: application/sdp\r\n\r\n".as_slice(),
        &sdp,
        b"\r\n--b--\r\n",
    ];
    let head = b"ACK sip:a SIP/2.0\r\nc: multipart/mixed;boundary=\"b\"\r\n\r\n";
    described.push(Message::parse(Bytes::from([head, &parts.concat()[..]].concat())).unwrap());
    for m in &described {
        let made = calls(|| {
            let Some(sdp) = m.sdp().unwrap() else { return };
            seen += 1;
            sdp.check().unwrap();
            for media in sdp.media() {
                assert!(media.connection().is_some() && media.codecs().iter().count() > 0);
                let _ = (media.direction(), media.candidates().count(), media.fmtp(b"101"));
            }
        });
        assert_eq!(made, 0, "{m}");
    }
    assert!(seen >= 4);
}

#[test]
fn reading_a_head_in_steps_allocates_nothing() {
    for text in corpus() {
        let made = calls(|| {
            let mut p = PartialMessage::new(text.clone()).unwrap();
            p.parse_headers(HeaderSet::of(&[HeaderId::To])).unwrap();
            assert!(p.seen().to().is_ok());
            p.parse_headers(HeaderSet::of(&[HeaderId::CSeq, HeaderId::CallId])).unwrap();
            p.finish().unwrap();
        });
        assert_eq!(made, 0);
    }
}

#[test]
fn a_warm_forward_allocates_nothing() {
    let (mut m, mut patch, mut out) =
        (Message::empty(), Patch::new(), BytesMut::with_capacity(8192));
    let mut forward = |text: &Bytes| {
        m.parse_into(text.clone()).unwrap();
        patch.clear();
        out.clear();
        patch.add_before_first(&m, HeaderId::Via, "Via", b"SIP/2.0/UDP h;branch=z9hG4bK1");
        patch.add_before_first(&m, HeaderId::RecordRoute, "Record-Route", b"<sip:h;lr>");
        patch.insert(m.top_via().unwrap().span.end, b";received=192.0.2.1");
        patch.set_request_uri(&m, b"sip:other@192.0.2.7");
        patch.write(&m, &mut out);
    };
    let texts = corpus();
    texts.iter().for_each(&mut forward);
    for text in &texts {
        assert_eq!(calls(|| forward(text)), 0, "{}", String::from_utf8_lossy(text));
    }
}

#[test]
fn the_25th_header_allocates_once() {
    let mut text = b"ACK sip:a SIP/2.0\r\n".to_vec();
    (0..25).for_each(|_| text.extend_from_slice(b"X: y\r\n"));
    text.extend_from_slice(b"\r\n");
    let text = Bytes::from(text);
    drop(text.clone());
    let made = calls(|| assert_eq!(Message::parse(text.clone()).unwrap().headers().count(), 25));
    assert_eq!(made, 1);
}
