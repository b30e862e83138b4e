//! A message and edits: what is written is what a plain model writes, and taking values out of
//! lists leaves the others as they were.
#![no_main]

use bytes::{Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use sip_parser::{HeaderId, Message, Patch, Span};

/// Writes as the documentation of `Patch` says, one byte at a time.
fn model(text: &[u8], edits: &[(Span, Vec<u8>)]) -> Vec<u8> {
    let len = text.len() as u32;
    let strictly_inside = |at: u32| {
        let mut gaps: Vec<(u32, u32)> = edits.iter().map(|(s, _)| (s.start, s.end)).collect();
        gaps.sort_unstable();
        // Ranges that touch or overlap are one gap, whose start is its only edge inside.
        let mut merged: Vec<(u32, u32)> = Vec::new();
        for (start, end) in gaps {
            match merged.last_mut() {
                Some(last) if start < last.1 => last.1 = last.1.max(end),
                _ => merged.push((start, end)),
            }
        }
        merged.iter().any(|(start, end)| *start < at && at < *end)
    };
    let mut out = Vec::new();
    for at in 0..=len {
        for (span, put) in edits.iter().filter(|(s, _)| s.start == at) {
            if !strictly_inside(span.start) {
                out.extend_from_slice(put);
            }
        }
        let gone = edits.iter().any(|(s, _)| s.start <= at && at < s.end);
        if let Some(b) = text.get(at as usize).filter(|_| !gone) {
            out.push(*b);
        }
    }
    out
}

fn splice(m: &Message, script: &[u8]) {
    let len = m.bytes().len() as u32;
    let mut edits: Vec<(Span, Vec<u8>)> = Vec::new();
    let mut patch = Patch::new();
    for step in script.chunks_exact(4).take(12) {
        let at = u32::from(u16::from_le_bytes([step[0], step[1]])) % (len + 1);
        let span = Span::new(at, at.saturating_add(u32::from(step[2] % 40)).min(len));
        let put = vec![b'A' + step[3] % 26; usize::from(step[3] % 5)];
        if span.is_empty() {
            patch.insert(at, &put);
        } else {
            patch.replace(span, &put);
        }
        edits.push((span, put));
    }
    let mut out = BytesMut::new();
    patch.write_text(m.bytes(), &mut out);
    let wanted = model(m.bytes(), &edits);
    assert_eq!(out, wanted);
    // As a message it has a Content-Length that fits when the body was edited.
    let mut whole = BytesMut::new();
    patch.write(m, &mut whole);
    assert_eq!(whole.len(), patch.written_len(m));
    if edits.iter().all(|(span, _)| span.end < m.headers_end()) {
        assert_eq!(whole, wanted);
    }
}

fn remove_values(m: &Message, script: &[u8]) {
    for id in [HeaderId::Via, HeaderId::Route, HeaderId::Contact] {
        let spans: Vec<(Span, Vec<u8>)> = match id {
            HeaderId::Via => m.vias().map(|v| v.map(|v| v.span)).collect::<Result<Vec<_>, _>>(),
            _ => m.addresses(id).map(|a| a.map(|a| a.span)).collect(),
        }
        .unwrap_or_default()
        .into_iter()
        .map(|s| (s, m.slice(s).to_vec()))
        .collect();
        if spans.is_empty() {
            continue;
        }
        let mut patch = Patch::new();
        let mut kept = vec![true; spans.len()];
        for pick in script.iter().take(6) {
            if let Some(i) = usize::from(*pick).checked_rem(spans.len())
                && kept[i]
            {
                patch.remove_value(m, id, spans[i].0);
                kept[i] = false;
            }
        }
        let mut out = BytesMut::new();
        patch.write(m, &mut out);
        let left = Message::parse(out.freeze()).expect("a message stays a message");
        let got: Vec<Vec<u8>> = match id {
            HeaderId::Via => left.vias().map(|v| left.slice(v.unwrap().span).to_vec()).collect(),
            _ => left.addresses(id).map(|a| left.slice(a.unwrap().span).to_vec()).collect(),
        };
        let wanted: Vec<&Vec<u8>> =
            spans.iter().zip(&kept).filter(|(_, k)| **k).map(|((_, text), _)| text).collect();
        assert!(got.iter().eq(wanted), "{left}");
    }
}

fn named_edits(m: &Message) {
    let mut patch = Patch::new();
    patch.add_before_first(m, HeaderId::Via, "Via", b"SIP/2.0/UDP new;branch=z9hG4bKnew");
    patch.append_header(m, "X-Last", b"1");
    patch.set_request_uri(m, b"sip:new@uri");
    patch.set_body(m, b"new body");
    let mut out = BytesMut::new();
    patch.write(m, &mut out);
    let new = Message::parse(out.freeze()).expect("an edited message is a message");
    assert_eq!(new.body(), b"new body");
    assert_eq!(new.top_via().expect("the new Via is on top").sent_by, b"new");
    assert!(!m.is_request() || new.request_uri() == b"sip:new@uri");
    let added = 2 + usize::from(m.header(HeaderId::ContentLength).is_none());
    assert_eq!(new.headers().count(), m.headers().count() + added);
}

fuzz_target!(|data: &[u8]| {
    let (script, text) = data.split_at(data.len().min(24));
    if let Ok(m) = Message::parse(Bytes::copy_from_slice(text)) {
        splice(&m, script);
        remove_values(&m, script);
        if m.headers().count() < 250 && m.headers_end() < 60_000 && m.request_uri().len() < 8000 {
            named_edits(&m);
        }
    }
});
