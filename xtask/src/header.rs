//! `cargo xtask header`: include/looseroute.h from the ffi crate.
//!
//! cbindgen is compiled only for this task: without the `header` feature the task runs itself
//! again with it.

use std::path::Path;

/// Where the header is.
#[cfg(feature = "header")]
const HEADER: &str = "include/looseroute.h";

/// Writes the header, or with `check` compares it and writes nothing.
///
/// # Errors
/// cbindgen's message, or with `check` the first line that differs.
#[cfg(feature = "header")]
pub(crate) fn run(root: &Path, check: bool) -> Result<(), String> {
    let ffi = root.join("ffi");
    let settings = ffi.join("cbindgen.toml");
    let config = cbindgen::Config::from_file(&settings)
        .map_err(|e| format!("{}: {e}", settings.display()))?;
    let bindings = cbindgen::Builder::new()
        .with_crate(&ffi)
        .with_config(config)
        .generate()
        .map_err(|e| format!("cbindgen: {e}"))?;
    let mut wanted = Vec::new();
    bindings.write(&mut wanted);
    let wanted = String::from_utf8(wanted).map_err(|e| format!("cbindgen: {e}"))?;
    let path = root.join(HEADER);
    let present = std::fs::read_to_string(&path).unwrap_or_default();
    match (present == wanted, check) {
        (true, _) => {
            println!("{HEADER} is up to date");
            Ok(())
        }
        (false, true) => Err(format!(
            "{HEADER} differs from ffi/ {}; run `cargo xtask header` and commit it",
            first_difference(&present, &wanted)
        )),
        (false, false) => {
            std::fs::write(&path, wanted).map_err(|e| format!("{HEADER}: {e}"))?;
            println!("{HEADER} written");
            Ok(())
        }
    }
}

/// Runs the same task again with the feature on.
///
/// # Errors
/// The other run's failure, which has printed its own reason.
#[cfg(not(feature = "header"))]
pub(crate) fn run(root: &Path, check: bool) -> Result<(), String> {
    let mut command =
        std::process::Command::new(std::env::var("CARGO").unwrap_or("cargo".to_owned()));
    command.args(["run", "-q", "-p", "xtask", "--features", "header", "--", "header"]);
    command.args(check.then_some("--check")).current_dir(root);
    match command.status().map_err(|e| format!("cargo run: {e}"))? {
        status if status.success() => Ok(()),
        status => Err(format!("cargo xtask header: {status}")),
    }
}

#[cfg(feature = "header")]
fn first_difference(present: &str, wanted: &str) -> String {
    let pairs = present.lines().zip(wanted.lines());
    match pairs.enumerate().find(|(_, (a, b))| a != b) {
        Some((at, (a, b))) => format!("at line {}: `{a}` should be `{b}`", at + 1),
        None => {
            format!("in length: {} lines, not {}", present.lines().count(), wanted.lines().count())
        }
    }
}
