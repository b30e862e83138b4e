//! Whole messages, generated: read in every way there is, cut at every place, written back.

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use sip_parser::frame::{Framed, Framer};
use sip_parser::{
    HeaderId, HeaderSet, Limits, Message, PartialMessage, Patch, RequestBuilder, Span,
};
use std::path::Path;

/// A header as it was put into a message, and as it must be found.
#[derive(Clone, Debug)]
struct Line {
    name: String,
    blanks_before_colon: &'static str,
    before: &'static str,
    value: String,
    after: &'static str,
}

impl Line {
    fn text(&self) -> String {
        let Line { name, blanks_before_colon, before, value, after } = self;
        format!("{name}{blanks_before_colon}:{before}{value}{after}\r\n")
    }
}

#[derive(Clone, Debug)]
struct Made {
    start: String,
    lines: Vec<Line>,
    body: Vec<u8>,
    announced: bool,
}

impl Made {
    fn bytes(&self) -> Bytes {
        let mut text = format!("{}\r\n", self.start);
        self.lines.iter().for_each(|l| text += &l.text());
        if self.announced {
            text += &format!("Content-Length: {}\r\n", self.body.len());
        }
        text += "\r\n";
        Bytes::from([text.as_bytes(), &self.body].concat())
    }
}

/// A name: of a known header in any case, of a compact form, or of none.
fn name() -> impl Strategy<Value = String> {
    let known = prop::sample::select(HeaderId::all().to_vec());
    prop_oneof![
        (known, any::<bool>()).prop_map(|(id, lower)| match lower {
            true => id.name().to_lowercase(),
            false => id.name().to_string(),
        }),
        "[a-km-zA-KM-Z]",
        "X-[A-Za-z0-9.!%*_+`'~-]{1,20}",
    ]
    .prop_filter("the length is put in by itself", |n| {
        HeaderId::from_name(n.as_bytes()) != HeaderId::ContentLength
    })
}

fn line() -> impl Strategy<Value = Line> {
    let space = || prop::sample::select(vec!["", " ", "\t", "  ", " \r\n ", "\r\n\t"]);
    // Text with folds and control characters inside, none at the ends.
    let value = prop_oneof![
        "[!-~]([ -~\u{e9}]|\r\n [!-~]|\u{1}){0,40}[!-~]",
        "[!-~]?",
        "<sip:[a-z]{1,8}@[a-z.]{1,9}[a-z]>;tag=[a-z0-9]{1,6}",
    ];
    let blanks = prop::sample::select(vec!["", "", " ", "\t "]);
    (name(), blanks, space(), value, space()).prop_map(
        |(name, blanks_before_colon, before, value, after)| Line {
            name,
            blanks_before_colon,
            before,
            value,
            after,
        },
    )
}

fn made() -> impl Strategy<Value = Made> {
    let start = prop_oneof![
        "[A-Z]{3,9} (sip:[a-z]{1,8}@|sips:|tel:\\+1|urn:)[a-z0-9]{1,9} SIP/2\\.0",
        "SIP/2\\.0 [1-6][0-9]{2} [ -~\u{e9}]{0,20}",
    ];
    let body = prop::collection::vec(any::<u8>(), 0..80);
    let lines = prop::collection::vec(line(), 0..40);
    (start, lines, body, any::<bool>()).prop_map(|(start, lines, body, announced)| Made {
        start,
        lines,
        body,
        announced,
    })
}

/// The corpus of the benchmarks and the torture messages.
fn known() -> Vec<Bytes> {
    let base = Path::new(env!("CARGO_MANIFEST_DIR"));
    let dirs =
        ["../benches/corpus", "tests/corpus/torture/rfc4475", "tests/corpus/torture/rfc5118"];
    let files = dirs.iter().flat_map(|d| std::fs::read_dir(base.join(d)).unwrap());
    let paths = files.map(|f| f.unwrap().path());
    let texts = paths.filter(|p| p.extension().is_some_and(|e| e == "sip" || e == "dat"));
    texts.map(|p| Bytes::from(std::fs::read(p).unwrap())).collect()
}

fn inside(m: &Message, span: Span) -> bool {
    span.start <= span.end && span.end as usize <= m.bytes().len()
}

/// What the framer says when it is given `front` first and then all.
fn framed_in_two(text: &[u8], front: usize) -> Framed {
    let mut framer = Framer::new(Limits::DEFAULT);
    match framer.next(&text[..front]) {
        Framed::NeedMore { .. } => framer.next(text),
        early => early,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn a_message_is_read_as_it_was_made(made in made()) {
        let text = made.bytes();
        let m = Message::parse(text.clone()).map_err(|e| TestCaseError::fail(e.to_string()))?;
        prop_assert_eq!(m.bytes(), &text);
        prop_assert_eq!(m.body(), &made.body[..]);
        let headers: Vec<_> = m.headers().collect();
        prop_assert_eq!(headers.len(), made.lines.len() + usize::from(made.announced));
        let mut at = m.start_line_end();
        for (h, line) in headers.iter().zip(&made.lines) {
            prop_assert_eq!(h.name, line.name.as_bytes());
            prop_assert_eq!(h.value, line.value.as_bytes());
            prop_assert_eq!(h.id, HeaderId::from_name(line.name.as_bytes()));
            let text = line.text();
            prop_assert_eq!(m.slice(h.span), text.as_bytes());
            prop_assert_eq!((h.span.start, m.slice(h.value_span)), (at, h.value));
            prop_assert!(inside(&m, h.span) && inside(&m, h.value_span));
            at = h.span.end;
        }
        for h in &headers {
            let first = headers.iter().find(|o| o.id == h.id).map(|o| o.span);
            prop_assert_eq!(m.header(h.id).map(|o| o.span), first);
            let all = headers.iter().filter(|o| o.id == h.id).count();
            prop_assert_eq!(m.headers_of(h.id).count(), all);
        }
        // Written without an edit it is the same, byte for byte.
        let mut out = BytesMut::new();
        Patch::new().write(&m, &mut out);
        prop_assert_eq!(&out, &text);
        // A message that is reused holds nothing of what it held before.
        let mut reused = Message::parse(Bytes::from_static(b"ACK sip:a SIP/2.0\r\nTo: x\r\n\r\n")).unwrap();
        reused.parse_into(text).unwrap();
        prop_assert_eq!(format!("{reused:?}{reused}"), format!("{m:?}{m}"));
        prop_assert_eq!(reused.headers().count(), headers.len());
    }

    #[test]
    fn a_head_read_in_steps_is_the_same_head(
        made in made(), wanted in prop::collection::vec(0..HeaderId::all().len(), 0..4),
    ) {
        let text = made.bytes();
        let m = Message::parse(text.clone()).unwrap();
        let mut p = PartialMessage::new(text).unwrap();
        let mut until = HeaderSet::EMPTY;
        for id in wanted.iter().map(|i| HeaderId::all()[*i]) {
            until = until.with(id);
            let found = p.parse_headers(until).unwrap();
            prop_assert_eq!(found.contains(id), m.header(id).is_some());
            prop_assert!(found.covers(until) || p.is_complete());
            // No further than to the last of the first ones.
            let last = HeaderId::all().iter().filter(|i| until.contains(**i)).filter_map(|i| m.header(*i));
            let end = last.map(|h| h.span.end).max().unwrap_or(m.start_line_end());
            prop_assert!(p.is_complete() || p.seen().headers_end() == end);
        }
        let seen: Vec<_> = p.seen().headers().map(|h| (h.id, h.span, h.value_span)).collect();
        let all: Vec<_> = m.headers().map(|h| (h.id, h.span, h.value_span)).collect();
        prop_assert_eq!(&seen[..], &all[..seen.len()]);
        let whole = p.finish().unwrap();
        prop_assert_eq!((whole.bytes(), whole.headers().count()), (m.bytes(), all.len()));
    }

    #[test]
    fn a_generated_stream_is_cut_alike_at_every_place(made in made()) {
        let made = Made { lines: made.lines.into_iter().take(6).collect(), ..made };
        let text = made.bytes();
        let whole = Framer::new(Limits::DEFAULT).next(&text);
        if made.announced {
            prop_assert_eq!(whole, Framed::Message(text.len()));
        }
        for front in 0..text.len() {
            prop_assert_eq!(framed_in_two(&text, front), whole, "cut at {}", front);
        }
    }

    #[test]
    fn a_rebuilt_message_means_the_same(made in made()) {
        let start = match made.start.starts_with("SIP/") {
            true => "OPTIONS sip:a SIP/2.0".to_string(),
            false => made.start.clone(),
        };
        let made = Made { start, ..made };
        let m = Message::parse(made.bytes()).unwrap();
        let method = String::from_utf8(m.method_name().to_vec()).unwrap();
        let mut builder = RequestBuilder::new(&method, m.request_uri());
        for h in m.headers().filter(|h| h.id != HeaderId::ContentLength) {
            builder = builder.header(std::str::from_utf8(h.name).unwrap(), h.value);
        }
        let built = builder.build();
        let again = Message::parse(built).unwrap();
        prop_assert_eq!(again.request_uri(), m.request_uri());
        prop_assert_eq!(again.method_name(), m.method_name());
        let meaning = |m: &Message| -> Vec<(HeaderId, Vec<u8>, String)> {
            let others = m.headers().filter(|h| h.id != HeaderId::ContentLength);
            // A fold means one blank (RFC 3261 7.3.1).
            others.map(|h| {
                let words = String::from_utf8_lossy(h.value).split([' ', '\r', '\n'])
                    .filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" ");
                (h.id, h.name.to_vec(), words)
            }).collect()
        };
        prop_assert_eq!(meaning(&again), meaning(&m));
    }
}

#[test]
fn a_known_stream_is_cut_alike_at_every_place() {
    let texts = known();
    assert!(texts.len() > 60);
    for text in texts {
        let whole = Framer::new(Limits::DEFAULT).next(&text);
        let mut byte_by_byte = Framer::new(Limits::DEFAULT);
        let mut last = Framed::NeedMore { at_least: 1 };
        for end in 0..=text.len() {
            assert_eq!(framed_in_two(&text, end), whole);
            last = byte_by_byte.next(&text[..end]);
            if !matches!(last, Framed::NeedMore { .. }) {
                break;
            }
        }
        assert_eq!(last, whole);
    }
}

#[test]
fn a_known_message_is_written_back_byte_for_byte() {
    let mut read = 0;
    for text in known() {
        let Ok(m) = Message::parse(text.clone()) else { continue };
        read += 1;
        let mut out = BytesMut::new();
        Patch::new().write(&m, &mut out);
        assert_eq!(out, m.bytes());
        assert!(text.windows(out.len()).any(|w| w == out), "not what was received");
        let steps = PartialMessage::new(text).and_then(PartialMessage::finish).unwrap();
        assert_eq!(steps.bytes(), m.bytes());
    }
    assert!(read > 45, "{read}");
}
