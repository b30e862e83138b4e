//! `cargo xtask`: the checks and generators that keep the workspace in order.
//!
//! Knows the workspace from outside only: `cargo metadata`, the files, and cbindgen. No engine
//! crate is compiled for it.

#![forbid(unsafe_code)]

mod header;
mod licences;
mod metadata;
mod new_module;
mod spdx;
mod tidy;
mod tree;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const HELP: &str = "\
cargo xtask TASK

  tidy                the arrows between the crates and the house rules; prints every breach
  licences            every dependency's licence against the list of those we accept
  new-module NAME     a folder sip-modules/src/NAME with a working module, and its line in the
                      catalogue
  header [--check]    include/looseroute.h from ffi/; with --check compares and writes nothing";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let root = root();
    let done = match words[..] {
        ["tidy"] => tidy::run(&root),
        ["licences"] => licences::run(&root),
        ["new-module", name] => new_module::run(&root, name),
        ["header"] => header::run(&root, false),
        ["header", "--check"] => header::run(&root, true),
        ["help" | "--help" | "-h"] => {
            println!("{HELP}");
            Ok(())
        }
        _ => Err(HELP.to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// The workspace's directory: the parent of this package's.
fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_owned()
}
