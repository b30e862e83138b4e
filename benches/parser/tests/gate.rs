//! The marks hold: the release build of `parser-instr` under callgrind. It is built here, since
//! tests are built without optimisation and instructions of such a build mean nothing.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds the program in the release profile; returns where it is.
fn built() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let built = Command::new(env!("CARGO"))
        .current_dir(&root)
        .args(["build", "--release", "--package", env!("CARGO_PKG_NAME")])
        .args(["--message-format", "json-render-diagnostics"])
        .output()
        .expect("cargo can be started");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let messages = String::from_utf8_lossy(&built.stdout).into_owned();
    let mut programs = messages.split('"').filter(|word| word.ends_with("/release/parser-instr"));
    PathBuf::from(programs.next().expect("cargo says where the program is"))
}

/// Says SKIP without valgrind, on stderr and to whoever sums up a run of several test programs;
/// in CI that is a failure.
fn skipped() -> bool {
    if Command::new("valgrind").arg("--version").output().is_ok() {
        return false;
    }
    let ci = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(!ci, "valgrind is not installed and CI=true");
    let line = "parser marks: valgrind is not installed (`make setup` installs it)\n";
    eprint!("SKIP {line}");
    if let Some(log) = std::env::var_os("LOOSEROUTE_SKIP_LOG") {
        let log = std::fs::OpenOptions::new().append(true).create(true).open(log);
        log.expect("the skip log opens").write_all(line.as_bytes()).expect("and takes a line");
    }
    true
}

#[test]
fn no_mark_of_instructions_allocations_or_linear_time_is_broken() {
    if skipped() {
        return;
    }
    let ran = Command::new(built()).output().expect("parser-instr can be started");
    let table = String::from_utf8_lossy(&ran.stdout);
    println!("{table}");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    assert!(table.contains("11_invite_webrtc") && table.contains("Message: "), "no table");
}
