//! The messages of benches/corpus, for the benches of parser and forwarding.

use std::path::Path;

use bytes::Bytes;

/// Name and bytes of each, in the order of their names.
pub(crate) fn messages() -> Vec<(String, Bytes)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let mut all: Vec<(String, Bytes)> = std::fs::read_dir(&directory)
        .expect("benches/corpus is there")
        .flatten()
        .filter(|entry| entry.path().extension().is_some_and(|end| end == "sip"))
        .map(|entry| {
            let name = entry.file_name().to_string_lossy().trim_end_matches(".sip").to_owned();
            (name, Bytes::from(std::fs::read(entry.path()).expect("readable")))
        })
        .collect();
    all.sort();
    assert!(!all.is_empty(), "benches/corpus holds messages");
    all
}
