//! Rules for Rust files and crates.

use std::path::Path;

use crate::metadata::Package;
use crate::tree::{Source, code};

/// No file is longer; one that grows towards it has a second job in it.
const LONGEST: usize = 600;

/// Where `unsafe` may stand, each with its reason. Tests and benches may have it too: allocators that
/// count, the C side of a call.
const UNSAFE: [(&str, &str); 7] = [
    ("ffi/src/", "the C boundary"),
    ("sip-transport/src/io/", "system calls on sockets"),
    ("looseroute/src/sys", "signals and file descriptors of the run loop"),
    ("benches/parser/src/", "the allocator that counts"),
    ("benches/side-by-side/src/", "C libraries and the clock of a thread"),
    ("benches/src/", "batched system calls and pinning of the load generator"),
    ("examples/rust/", "a host's own event loop"),
];

/// Where sockets, files, threads and clocks may be touched: everything else is sans-IO.
const IO: [&str; 8] = [
    "sip-transport/src/io/",
    "sip-db/",
    "looseroute/",
    "ffi/",
    "examples/",
    "benches/",
    "xtask/",
    "fuzz/",
];

/// Words that mean IO outside of [`IO`].
const IO_WORDS: [&str; 10] = [
    "mio::",
    "libc::",
    "socket2::",
    "std::net::UdpSocket",
    "std::net::Tcp",
    "std::os::unix::net",
    "std::fs",
    "std::thread::spawn",
    "std::time::Instant",
    "std::time::SystemTime",
];

/// Words of unfinished work; in pieces, so that this file does not hold them.
const UNFINISHED: [[&str; 2]; 5] =
    [["todo", "!("], ["unimplemented", "!("], ["TO", "DO"], ["FIX", "ME"], ["XX", "X:"]];

/// One line for each breach in a file.
pub(crate) fn check(source: &Source) -> Vec<String> {
    let Source { path, text } = source;
    let mut breaches = Vec::new();
    let lines = text.lines().count();
    if lines > LONGEST {
        breaches.push(format!("{path}: {lines} lines; {LONGEST} is the most"));
    }
    if !text.trim_start().starts_with("//!") {
        breaches.push(format!("{path}:1: no head comment (`//!`) that says what the file owns"));
    }
    for (at, line) in text.lines().enumerate() {
        if let Some(word) = UNFINISHED.map(|w| w.concat()).iter().find(|w| has_word(line, w)) {
            breaches.push(format!("{path}:{}: unfinished: {word}", at + 1));
        }
    }
    let test = ["/tests/", "/examples/", "/benches/", "/tests.rs"].iter().any(|t| path.contains(t));
    for (at, line) in code(text).lines().enumerate() {
        let at = at + 1;
        let may = test || UNSAFE.iter().any(|(place, _)| path.starts_with(place));
        if has_word(line, "unsafe") && !may {
            breaches.push(format!("{path}:{at}: `unsafe` is not allowed here"));
        }
        let word = IO_WORDS.iter().find(|w| line.contains(**w));
        if let Some(word) = word.filter(|_| !test && !IO.iter().any(|p| path.starts_with(p))) {
            breaches.push(format!("{path}:{at}: {word} in a crate without IO"));
        }
    }
    breaches
}

/// One line for each crate that does not take part in the common rules.
pub(crate) fn check_crates(packages: &[Package], root: &Path, sources: &[Source]) -> Vec<String> {
    let mut breaches = Vec::new();
    for package in packages {
        let directory = Path::new(&package.directory);
        let short = directory.strip_prefix(root).unwrap_or(directory).to_string_lossy();
        let file = |name: &str| {
            let path = format!("{short}/{name}");
            sources.iter().find(|s| s.path == path)
        };
        let manifest = file("Cargo.toml").map_or("", |s| s.text.as_str());
        if !manifest.contains("[lints]\nworkspace = true") {
            breaches.push(format!("{short}/Cargo.toml: does not take the workspace's lints"));
        }
        let may = UNSAFE.iter().any(|(place, _)| place.starts_with(&format!("{short}/src")));
        let head = file("src/lib.rs").or(file("src/main.rs"));
        if let Some(head) = head.filter(|h| !may && !h.text.contains("#![forbid(unsafe_code)]")) {
            breaches.push(format!("{}: no `#![forbid(unsafe_code)]`", head.path));
        }
    }
    breaches
}

/// True when the word stands in the line and is not a part of a longer name.
fn has_word(line: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back().is_some_and(part);
        let after = line[at + word.len()..].chars().next().is_some_and(part);
        !(before || after && word.ends_with(part))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaches(path: &str, text: &str) -> Vec<String> {
        check(&Source { path: path.to_owned(), text: text.to_owned() })
    }

    #[test]
    fn a_clean_file_has_no_breach() {
        let text = "//! Head.\nfn f() { let s = \"unsafe\"; } // mio::Poll is elsewhere\n";
        assert_eq!(breaches("sip-core/src/x.rs", text), Vec::<String>::new());
    }

    #[test]
    fn each_rule_is_seen() {
        let [macro_word, _, note, ..] = UNFINISHED.map(|w| w.concat());
        let text = format!(
            "fn f() {{ unsafe {{ mio::x() }} }}\n// {note} later\nfn todo() {{ {macro_word}) }}\n"
        );
        let found = breaches("sip-core/src/x.rs", &text);
        let wanted = [
            "no head comment",
            "`unsafe` is not",
            "mio:: in a crate",
            &format!("unfinished: {note}"),
            &format!("unfinished: {macro_word}"),
        ];
        for wanted in wanted {
            assert!(found.iter().any(|b| b.contains(wanted)), "{wanted}: {found:?}");
        }
        assert_eq!(found.len(), wanted.len());
        let long = format!("//! Head.\n{}", "\n".repeat(LONGEST));
        assert_eq!(breaches("a/src/x.rs", &long).len(), 1);
    }

    #[test]
    fn who_may_may() {
        let text = "//! Head.\nfn f() { unsafe { libc::x() } }\n";
        assert_eq!(breaches("sip-transport/src/io/x.rs", text), Vec::<String>::new());
        assert_eq!(breaches("sip-transport/src/x.rs", text).len(), 2);
    }
}
