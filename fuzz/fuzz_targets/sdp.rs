//! Any bytes as a session description: nothing panics, spans lie inside, lines are those of the
//! text; edits give a description again, do what they are for, and keep the other lines.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use sip_parser::sdp::{Direction, Place, Sdp, Section};
use sip_parser::{Patch, Span};

fn inside(span: Span, whole: Span) -> bool {
    span.start <= span.end && whole.start <= span.start && span.end <= whole.end
}

fn visit(sdp: &Sdp<'_>) {
    let whole = sdp.span();
    let _ = (sdp.check(), sdp.origin(), sdp.name(), sdp.timings().count(), sdp.direction());
    let mut end = whole.start;
    for section in std::iter::once(sdp.session()).chain(sdp.media().map(|m| m.section())) {
        assert_eq!(section.span().start, end, "sections follow each other");
        end = section.span().end;
        lines(section, whole);
    }
    for m in sdp.media() {
        assert!(inside(m.port_span, m.head().span));
        m.formats().for_each(|(_, s)| assert!(inside(s, m.head().span)));
        for codec in m.codecs().iter() {
            assert!(inside(codec.span, m.head().span));
            let rtpmap = m.rtpmap(codec.payload).map(|r| r.encoding);
            assert!(rtpmap.is_none_or(|name| name == codec.encoding));
        }
        let _ = (m.candidates().count(), m.direction(), m.mid(), m.fmtps().count());
    }
}

fn lines(section: Section<'_>, whole: Span) {
    let mut end = section.span().start;
    for l in section.lines() {
        assert!(l.span.start == end && inside(l.value_span, l.span) && inside(l.span, whole));
        assert!(!l.value.iter().any(|b| matches!(b, b'\r' | b'\n')));
        end = l.span.end;
    }
    section.attributes().for_each(|a| {
        assert!(a.value_span.is_none_or(|s| inside(s, a.line.span)));
    });
    section.bandwidths().for_each(drop);
}

/// All lines of a section but those of a letter.
fn others(section: Section<'_>, kind: u8) -> Vec<Vec<u8>> {
    section.lines().filter(|l| l.kind != kind).map(|l| l.value.to_vec()).collect()
}

fn edited(sdp: &Sdp<'_>, text: &[u8], edit: impl FnOnce(&mut Patch)) -> Vec<u8> {
    let mut patch = Patch::new();
    edit(&mut patch);
    let mut out = BytesMut::new();
    patch.write_text(text, &mut out);
    assert!(Sdp::parse(&out).is_ok() || sdp.media_count() >= 60, "{out:?}");
    out.to_vec()
}

fn edits(sdp: &Sdp<'_>, text: &[u8], script: &[u8]) {
    let (pick, word) = script.split_first().unwrap_or((&0, b""));
    let index = usize::from(*pick) % (sdp.media_count() + 1);
    let place = if index == 0 { Place::Session } else { Place::Media(index - 1) };
    let section = |sdp: &Sdp<'_>| -> Option<Vec<Vec<u8>>> {
        match place {
            Place::Session => Some(others(sdp.session(), b'a')),
            Place::Media(i) => sdp.medium(i).map(|m| others(m.section(), b'a')),
        }
    };
    let out = edited(sdp, text, |p| sdp.edit(p).set_direction(place, Direction::Inactive));
    if let Ok(new) = Sdp::parse(&out) {
        assert_eq!(section(&new), section(sdp));
        match place {
            Place::Session => assert_eq!(new.direction(), Some(Direction::Inactive)),
            Place::Media(i) => {
                assert_eq!(new.medium(i).map(|m| m.direction()), Some(Direction::Inactive));
            }
        }
    }
    let out = edited(sdp, text, |p| {
        sdp.edit(p).set_attribute(place, b"x-own", Some(word));
        sdp.edit(p).set_connections([192, 0, 2, 9].into());
        sdp.edit(p).set_port(0, 4711);
    });
    if let Ok(new) = Sdp::parse(&out) {
        assert!(new.medium(0).is_none_or(|m| m.port == 4711));
        let connections = new.media().filter_map(|m| m.connection()).chain(new.connection());
        for c in connections {
            assert_eq!(c.ip(), Some([192, 0, 2, 9].into()));
        }
    }
    let out = edited(sdp, text, |p| {
        if let Place::Media(i) = place {
            sdp.edit(p).remove_media(i);
        }
        sdp.edit(p).add_media(b"audio 9 RTP/AVP 0", &[(b'a', word)]);
    });
    if let (Ok(new), Place::Media(_)) = (Sdp::parse(&out), place) {
        assert_eq!(new.media_count(), sdp.media_count());
    }
}

fuzz_target!(|data: &[u8]| {
    let (script, text) = data.split_at(data.len().min(5));
    if let Ok(sdp) = Sdp::parse(text) {
        visit(&sdp);
        edits(&sdp, text, script);
    }
    if let Ok(sdp) = Sdp::parse(data) {
        visit(&sdp);
    }
});
