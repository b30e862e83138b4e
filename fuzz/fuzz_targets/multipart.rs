//! Any bytes as a multipart body, in a message: nothing panics, parts lie in order inside, those
//! in parts too; edits give such a body again, do what they are for, and keep the other parts.
#![no_main]

use bytes::{Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use sip_parser::body::{Multipart, NewPart, add_parts};
use sip_parser::{Limits, Message, Patch, RequestBuilder};

fn visit(body: &Multipart<'_>, text: &[u8]) {
    let mut end = 0;
    for part in body.parts() {
        assert!(part.span.start >= end && part.span.end as usize <= text.len());
        end = part.span.end;
        assert_eq!(part.content_span.of(text), part.content);
        assert!(part.inner_span.start <= part.content_span.start);
        assert!(part.content_span.end == part.inner_span.end);
        for h in part.headers() {
            assert_eq!(h.value_span.of(text), h.value);
            assert!(part.header(h.id).is_some() && part.header_named(h.name).is_some());
        }
        let _ = (part.content_type().is_some(), part.content_id());
    }
    let mut seen = 0;
    for part in body.walk(&Limits::DEFAULT) {
        let Ok(part) = part else { break };
        assert_eq!(part.content_span.of(text), part.content);
        seen += 1;
        assert!(seen <= 64usize.pow(4));
    }
    let _ = (body.preamble(), body.epilogue(), body.boundary());
    let _ = body.find("application", "sdp", &Limits::DEFAULT);
}

fn contents(body: &Multipart<'_>) -> Vec<Vec<u8>> {
    body.parts().map(|p| p.content.to_vec()).collect()
}

fn edits(body: &Multipart<'_>, text: &[u8], boundary: &[u8], word: &[u8]) {
    let written = |patch: &Patch| {
        let mut out = BytesMut::new();
        patch.write_text(text, &mut out);
        out
    };
    let (mut patch, old) = (Patch::new(), contents(body));
    if body.remove_part(&mut patch, 0).is_ok() {
        let out = written(&patch);
        let new = Multipart::parse(&out, boundary).expect("still a multipart body");
        assert_eq!(contents(&new), old[1..]);
    }
    let mut patch = Patch::new();
    if body.set_content(&mut patch, 0, word).is_ok() {
        let out = written(&patch);
        let new = Multipart::parse(&out, boundary).expect("still a multipart body");
        assert_eq!(new.part(0).expect("it is there").content, word);
        assert_eq!(contents(&new)[1..], old[1..]);
    }
    let mut patch = Patch::new();
    if old.len() < 64 && body.add_part(&mut patch, &[("X", word)], word).is_ok() {
        let out = written(&patch);
        let new = Multipart::parse(&out, boundary).expect("still a multipart body");
        assert_eq!(contents(&new)[..old.len()], old);
        assert_eq!(new.part(old.len()).expect("it is there").content, word);
    }
}

/// In a message, where adding makes a body multipart that is not.
fn in_message(text: &[u8], kind: &str, word: &[u8]) {
    let made = RequestBuilder::new("MESSAGE", b"sip:a@b").body(kind, text.to_vec()).build();
    let Ok(m) = Message::parse(made) else { return };
    let _ = (m.multipart().is_ok(), m.content("a", "b").is_ok(), m.sdp().is_ok());
    let part = NewPart { content_type: "text/x-own", headers: &[], content: word };
    let mut patch = Patch::new();
    if add_parts(&mut patch, &m, &[part], &Limits::DEFAULT).is_err() {
        return;
    }
    let mut out = BytesMut::new();
    patch.write(&m, &mut out);
    let new = Message::parse(out.freeze()).expect("an edited message is a message");
    let found = new.content("text", "x-own").ok().flatten();
    let hidden = m.content("text", "x-own").ok().flatten().is_some();
    assert!(hidden || found.is_none_or(|c| c.bytes == word), "{new}");
}

fuzz_target!(|data: &[u8]| {
    // The boundary, a word to put in, and the body, each a line but the last.
    let mut lines = data.splitn(3, |b| *b == b'\n');
    let (boundary, word) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let text = Bytes::copy_from_slice(lines.next().unwrap_or_default());
    if let Ok(body) = Multipart::parse(&text, boundary) {
        visit(&body, &text);
        edits(&body, &text, boundary, word);
    }
    if let Ok(boundary) = std::str::from_utf8(boundary) {
        in_message(&text, &format!("multipart/mixed;boundary=\"{boundary}\""), word);
        in_message(&text, "application/sdp", word);
    }
});
