//! The C functions against the parser's own getters, over the messages of the corpora; and that
//! parsing takes no heap memory once a message has been parsed.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use looseroute::Message;
use looseroute::parser::{Fault, HeaderError, HeaderId, ParseError, ParseErrorKind, Span};

use super::address::{lr_contact, lr_to_body};
use super::error::lr_parse_error;
use super::header_id::{LR_HDR_EOH_F, lr_hdr_type, number_of};
use super::lines::{lr_hdr_field, lr_iter, lr_msg_header_next};
use super::message::*;
use super::typed::*;
use super::via::lr_via_body;
use super::view::lr_view;
use crate::status::lr_status;

/// Counts the allocations of the thread.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: all is the system's.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: as the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller's.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn files_below(directory: &Path, all: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).expect("the corpus is there") {
        let path = entry.expect("it can be read").path();
        match path.extension().and_then(|e| e.to_str()) {
            None if path.is_dir() => files_below(&path, all),
            Some("sip" | "dat" | "bin") => all.push(path),
            _ => {}
        }
    }
}

fn corpus() -> Vec<Vec<u8>> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace");
    let mut files = Vec::new();
    files_below(&top.join("sip-parser/tests/corpus"), &mut files);
    files_below(&top.join("benches/corpus"), &mut files);
    assert!(files.len() > 70, "the corpora were not found: {files:?}");
    files.iter().map(|path| std::fs::read(path).expect("it can be read")).collect()
}

/// A message of C's and the text it was parsed from.
struct Parsed<'a> {
    msg: lr_sip_msg,
    text: &'a [u8],
}

/// What a function answered: its status, the offset and code of its error.
type Told = (lr_status, u32, u16);

const OK: Told = (lr_status::LR_OK, 0, 0);

/// Calls a function with an error; an error is as in [`Told`].
fn told(call: impl FnOnce(*mut lr_parse_error) -> lr_status) -> Told {
    // SAFETY: integers and bytes: all zeros is a value, `LR_OK` and `LR_HDR_OTHER` being 0.
    let mut error: lr_parse_error = unsafe { std::mem::zeroed() };
    let status = call(&raw mut error);
    (status, error.offset, error.code)
}

/// The default of a structure for C: all of them are integers, bools and enumerations with a 0.
fn blank<T: Copy>() -> T {
    // SAFETY: as said; only used with the structures of this module.
    unsafe { std::mem::zeroed() }
}

impl<'a> Parsed<'a> {
    fn new(text: &'a [u8]) -> (Self, Told) {
        let mut msg = 0;
        // SAFETY: a place for the output, and nothing else.
        let made = unsafe { lr_sip_msg_new(std::ptr::null(), &raw mut msg, std::ptr::null_mut()) };
        assert_eq!(made, lr_status::LR_OK);
        let parsed = Self { msg, text };
        let told = parsed.parse();
        (parsed, told)
    }

    fn parse(&self) -> Told {
        let (text, len) = (self.text.as_ptr().cast(), self.text.len());
        // SAFETY: a slice.
        told(|error| unsafe { lr_parse_msg(self.msg, text, len, error) })
    }

    fn at(&self, view: lr_view) -> &'a [u8] {
        view.of(self.text, "view").expect("every view lies in the text")
    }

    /// All of a walk: each value with the text that `show` picks, or its error.
    fn walk<T: Copy>(
        &self,
        next: unsafe extern "C" fn(
            lr_sip_msg,
            *mut lr_iter,
            *mut T,
            *mut lr_parse_error,
        ) -> lr_status,
        show: impl Fn(T) -> lr_view,
    ) -> Vec<Result<&'a [u8], Told>> {
        let (mut iter, mut all) = (lr_iter { line: 0, at: 0 }, Vec::new());
        loop {
            let mut out = blank::<T>();
            // SAFETY: places for the outputs.
            match told(|error| unsafe { next(self.msg, &raw mut iter, &raw mut out, error) }) {
                (lr_status::LR_OK, ..) => all.push(Ok(self.at(show(out)))),
                (lr_status::LR_NOT_FOUND, ..) => return all,
                error => {
                    all.push(Err(error));
                    assert!(all.len() < 1000, "a walk does not end: {error:?}");
                }
            }
        }
    }
}

impl Drop for Parsed<'_> {
    fn drop(&mut self) {
        // SAFETY: takes a number.
        assert_eq!(unsafe { lr_sip_msg_free(self.msg) }, lr_status::LR_OK);
    }
}

fn refused(e: ParseError, before: usize) -> Told {
    (lr_status::LR_MESSAGE, e.offset + before as u32, e.status().0)
}

fn values<T>(
    message: &Message,
    before: usize,
    all: impl Iterator<Item = Result<(Span, T), HeaderError>>,
) -> Vec<Result<&[u8], Told>> {
    all.map(|found| match found {
        Ok((span, _)) => Ok(message.slice(span)),
        Err(e) => Err(refused(e.into(), before)),
    })
    .collect()
}

unsafe extern "C" fn next_route(
    msg: lr_sip_msg,
    iter: *mut lr_iter,
    out: *mut lr_to_body,
    error: *mut lr_parse_error,
) -> lr_status {
    // SAFETY: as the caller's.
    unsafe { lr_msg_address_next(msg, lr_hdr_type::LR_HDR_ROUTE as i32, iter, out, error) }
}

/// Compares all that C is told about a text with what the parser says; how many list values.
fn compared(text: &[u8]) -> usize {
    let before = text.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
    let (msg, first) = Parsed::new(text);
    let mut body = blank::<lr_view>();
    let mut end = 0;
    // SAFETY: places for the outputs.
    let whole = told(|error| unsafe { lr_msg_body(msg.msg, &raw mut body, &raw mut end, error) });
    let message = match Message::parse(Bytes::copy_from_slice(text)) {
        Ok(message) => message,
        Err(e) => {
            let parsed = if first == OK { whole } else { first };
            assert_eq!(parsed, refused(e, 0), "{}", String::from_utf8_lossy(text));
            return 0;
        }
    };
    assert_eq!((first, whole), (OK, OK));
    assert_eq!((msg.at(body), end as usize), (message.body(), before + message.bytes().len()));
    // SAFETY: takes numbers.
    let judged = told(|error| unsafe { lr_msg_check(msg.msg, true, error) });
    let missing = ParseErrorKind::Header(Fault::Missing);
    let before_of = |e: ParseError| if e.kind == missing { 0 } else { before };
    assert_eq!(judged, message.check_routing().map_or_else(|e| refused(e, before_of(e)), |()| OK));
    let names = msg.walk::<lr_hdr_field>(lr_msg_header_next, |h| h.name);
    assert_eq!(names, message.headers().map(|h| Ok(h.name)).collect::<Vec<_>>());
    let bodies = msg.walk::<lr_hdr_field>(lr_msg_header_next, |h| h.body);
    assert_eq!(bodies, message.headers().map(|h| Ok(h.value)).collect::<Vec<_>>());
    let vias = values(&message, before, message.vias().with_spans());
    assert_eq!(msg.walk::<lr_via_body>(lr_msg_via_next, |v| v.body), vias);
    let contacts = values(&message, before, message.contacts().with_spans());
    assert_eq!(msg.walk::<lr_contact>(lr_msg_contact_next, |c| c.address.body), contacts);
    let routes = values(&message, before, message.routes().with_spans());
    assert_eq!(msg.walk::<lr_to_body>(next_route, |r| r.body), routes);
    vias.len() + contacts.len() + routes.len()
}

#[test]
fn c_sees_what_the_parser_sees_wherever_the_message_begins() {
    let moved = |file: &Vec<u8>| compared(file) + compared(&[b"\r\n\r\n", &file[..]].concat());
    let lists: usize = corpus().iter().map(moved).sum();
    assert!(lists > 200, "{lists} values were compared");
}

#[test]
fn c_sees_what_the_parser_sees_in_damaged_messages_too() {
    let mut seed = 1u64;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (seed >> 33) as usize % below
    };
    let marks = b",;:<>\"@=*[]\\ \r\n\0a\xff/";
    let mut lists = 0;
    for file in corpus().iter().filter(|file| !file.is_empty()) {
        for _ in 0..40 {
            let mut text = file.clone();
            for _ in 0..=random(3) {
                let (at, mark) = (random(text.len()), marks[random(marks.len())]);
                match random(3) {
                    0 => text[at] = mark,
                    1 => text.insert(at, mark),
                    _ => drop(text.remove(at)),
                }
            }
            lists += compared(&text);
        }
    }
    assert!(lists > 2000, "{lists} values were compared");
}

#[test]
fn a_message_that_is_used_again_takes_no_heap_memory() {
    let files = corpus();
    let ordinary: Vec<&Vec<u8>> = files
        .iter()
        .filter(|file| {
            let message = Message::parse(Bytes::copy_from_slice(file));
            message.is_ok_and(|m| m.headers().count() <= 24 && m.check_routing().is_ok())
        })
        .collect();
    assert!(ordinary.len() > 20);
    let longest = ordinary.iter().max_by_key(|file| file.len()).expect("there are some");
    let (mut msg, _) = Parsed::new(longest);
    let null = std::ptr::null_mut();
    for text in ordinary {
        msg.text = text;
        let before = ALLOCATIONS.get();
        let parsed = msg.parse();
        let (mut headers, mut iter) = (0, lr_iter { line: 0, at: 0 });
        let (mut to, mut via, mut header) = (blank(), blank::<lr_via_body>(), blank());
        let (mut top, mut body) = (iter, blank());
        // SAFETY: places for the outputs, and no place for errors.
        let read = unsafe {
            while lr_msg_header_next(msg.msg, &raw mut iter, &raw mut header, null)
                == lr_status::LR_OK
            {
                headers += 1;
            }
            [
                lr_parse_headers(msg.msg, LR_HDR_EOH_F, false, std::ptr::null_mut(), null),
                lr_msg_to(msg.msg, &raw mut to, null),
                lr_msg_via_next(msg.msg, &raw mut top, &raw mut via, null),
                lr_msg_body(msg.msg, &raw mut body, std::ptr::null_mut(), null),
                lr_msg_check(msg.msg, true, null),
            ]
        };
        let taken = ALLOCATIONS.get() - before;
        assert_eq!((parsed, read), (OK, [lr_status::LR_OK; 5]));
        assert!(headers > 3 && !msg.at(via.sent_by).is_empty());
        assert_eq!(taken, 0, "{}", String::from_utf8_lossy(text));
    }
}

#[test]
fn a_head_is_read_in_steps_and_what_is_before_a_malformed_line_can_be_read() {
    let text =
        b"\nACK sip:b SIP/2.0\r\nv: SIP/2.0/UDP a\r\nTo: <sip:t>;tag=1\r\nbroken\r\nl: 0\r\n\r\n";
    let (msg, first) = Parsed::new(text);
    assert_eq!(first, OK);
    let mut to = blank::<lr_to_body>();
    let mut from = blank::<lr_to_body>();
    // SAFETY: places for the outputs.
    unsafe {
        assert_eq!(told(|e| lr_msg_to(msg.msg, &raw mut to, e)), OK);
        assert_eq!(msg.at(to.tag), b"1");
        let broken = Message::parse(Bytes::from_static(text)).expect_err("it is malformed");
        let broken = refused(broken, 0);
        assert_eq!(told(|e| lr_msg_from(msg.msg, &raw mut from, e)), broken);
        assert_eq!(told(|e| lr_msg_to(msg.msg, &raw mut to, e)), OK, "it was read before");
        let vias = msg.walk::<lr_via_body>(lr_msg_via_next, |v| v.sent_by);
        assert_eq!(vias, [Ok(&b"a"[..]), Err(broken)]);
    }
}

#[test]
fn identities_are_those_of_the_parser() {
    for id in HeaderId::all() {
        let name = std::ffi::CString::new(id.name()).expect("no NUL");
        // SAFETY: NUL-terminated.
        let found = unsafe { super::lines::lr_hdr_of_name(name.as_ptr()) };
        assert_eq!(found, number_of(*id));
    }
}
