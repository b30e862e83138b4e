//! The torture messages and the benchmark corpus, header by header: what is valid passes by its own
//! grammar, and a message whose headers are all written in their normal form means the same.

use bytes::{Bytes, BytesMut};
use sip_parser::{Fault, HeaderId as Id, Message, NameAddr, Patch};
use std::path::{Path, PathBuf};

fn files(dir: &str) -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join(dir);
    let entries = std::fs::read_dir(&dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
    let mut files: Vec<_> = entries.map(|e| e.unwrap().path()).filter(|f| f.is_file()).collect();
    files.sort();
    files
}

/// Every message of the corpora that parses, with its name.
pub(crate) fn messages() -> Vec<(String, Message)> {
    let dirs =
        ["tests/corpus/torture/rfc4475", "tests/corpus/torture/rfc5118", "../benches/corpus"];
    let all = dirs.iter().flat_map(|dir| files(dir)).filter_map(|file| {
        let bytes = Bytes::from(std::fs::read(&file).unwrap());
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        Message::parse(bytes).ok().map(|m| (name, m))
    });
    all.collect()
}

/// Messages that the parser takes and whose headers are not all lawful: which, and why.
const UNLAWFUL: [(&str, Id, Fault); 9] = [
    ("badaspec", Id::To, Fault::Uri),
    ("baddate", Id::Date, Fault::Syntax),
    ("badinv01", Id::Via, Fault::Parameter),
    ("multi01", Id::MaxForwards, Fault::Duplicate),
    ("quotbal", Id::To, Fault::Quote),
    ("regbadct", Id::Contact, Fault::Uri),
    ("scalar02", Id::CSeq, Fault::Number),
    ("scalarlg", Id::CSeq, Fault::Number),
    ("ipv6-bug-abnf-3-colons", Id::To, Fault::Host),
];

#[test]
fn the_headers_of_the_corpora_are_judged_one_by_one() {
    let all = messages();
    assert!(all.len() >= 55, "{}", all.len());
    for (name, m) in all {
        let verdict = m.check_headers().map_err(|e| (e.header, e.fault));
        let expected = UNLAWFUL.iter().find(|row| row.0 == name).map(|row| (row.1, row.2));
        assert_eq!(verdict.err(), expected, "{name}");
    }
}

/// What two messages must agree on to mean the same.
fn meaning(m: &Message) -> Vec<String> {
    let addr = |a: &NameAddr<'_>| {
        let params: Vec<_> = a.params.iter().collect();
        format!("{:?} {:?} {params:?}", a.display_text(), Bytes::copy_from_slice(a.uri))
    };
    let mut all = vec![format!("{:?} {:?}", m.check().map_err(|e| e.status()), m.call_id())];
    all.extend([m.from(), m.to()].into_iter().flatten().map(|a| addr(&a)));
    all.extend(m.cseq().map(|c| c.to_string()));
    for via in m.vias().flatten() {
        let params: Vec<_> = via.params.iter().collect();
        all.push(format!("{:?} {:?} {:?} {params:?}", via.transport, via.host, via.port));
    }
    all.extend(m.contacts().flatten().map(|c| c.addr().map_or("*".into(), addr)));
    for id in [Id::Route, Id::RecordRoute, Id::Path, Id::ServiceRoute] {
        all.extend(m.addresses(id).flatten().map(|a| addr(&a)));
    }
    for id in [Id::Supported, Id::Require, Id::ProxyRequire, Id::Allow, Id::AllowEvents] {
        all.extend(m.tokens(id).flatten().map(|t| format!("{id} {:?}", t.token)));
    }
    all.push(format!("{:?} {:?}", m.max_forwards(), m.expires()));
    all.push(format!("{:?}", m.content_length()));
    for id in [Id::Authorization, Id::ProxyAuthorization] {
        all.extend(
            m.credentials(id)
                .flatten()
                .map(|c| format!("{:?} {:?} {:?} {:?}", c.username, c.nonce, c.response, c.uri)),
        );
    }
    all
}

/// The message with the value of every header in its normal form.
pub(crate) fn normal(m: &Message) -> Message {
    let (mut patch, mut out, mut value) = (Patch::new(), BytesMut::new(), BytesMut::new());
    for h in m.headers() {
        value.clear();
        h.id.normalize(h.value, &mut value).unwrap();
        patch.replace(h.value_span, &value);
    }
    patch.write(m, &mut out);
    Message::parse(out.freeze()).unwrap()
}

#[test]
fn a_message_in_normal_form_means_the_same() {
    for (name, m) in messages().into_iter().filter(|(_, m)| m.check_headers().is_ok()) {
        let again = normal(&m);
        assert_eq!(again.check_headers(), Ok(()), "{name}");
        assert_eq!(meaning(&again), meaning(&m), "{name}");
        assert_eq!(again.body(), m.body(), "{name}");
        let folded =
            |m: &Message| m.headers().any(|h| h.id != Id::Other && h.value.contains(&b'\n'));
        assert!(!folded(&again), "{name}");
    }
}
