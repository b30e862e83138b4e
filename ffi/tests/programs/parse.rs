//! The parser through C and C++: the fields of messages, edits, and the verdict on every message of
//! the corpora, which must be the Rust parser's own.

use std::path::{Path, PathBuf};

use looseroute::parser::Message;

use crate::build::{Language, Linking};
use crate::tools::{scratch, workspace};
use crate::{check, run};

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

/// What the parser says of a message: 0, or the code to answer with and the byte.
fn verdict(text: &[u8]) -> (u16, u32) {
    let message = Message::parse(bytes::Bytes::copy_from_slice(text));
    let judged = message.and_then(|message| message.check_routing());
    judged.map_or_else(|e| (e.status().0, e.offset), |()| (0, 0))
}

/// One line a message: code, offset, path.
fn verdicts() -> PathBuf {
    let mut files = Vec::new();
    files_below(&workspace().join("sip-parser/tests/corpus"), &mut files);
    files_below(&workspace().join("benches/corpus"), &mut files);
    assert!(files.len() > 70, "the corpora were not found");
    let mut lines = String::new();
    for path in files {
        let (code, offset) = verdict(&std::fs::read(&path).expect("it can be read"));
        lines.push_str(&format!("{code} {offset} {}\n", path.display()));
    }
    std::fs::create_dir_all(scratch()).expect("target/ is writable");
    let list = scratch().join("verdicts");
    std::fs::write(&list, lines).expect("target/ is writable");
    list
}

#[test]
fn c_reads_edits_and_judges_as_the_parser_does() {
    check("parse", &[&verdicts().to_string_lossy()]);
}

#[test]
fn the_parser_refuses_null_stale_handles_and_impossible_lengths() {
    check("parse_nulls", &[]);
}

#[test]
fn the_cpp_message_owns_throws_and_walks() {
    run("parse_cpp", Language::Cpp, Linking::Shared, &[]);
}
