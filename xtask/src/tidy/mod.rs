//! `cargo xtask tidy`: the house rules that a program can check.
//!
//! Every breach is one line `path:line: what`, and all are printed at once. The rules are in
//! CONTRIBUTING.md; the tables beside this file name who is allowed what, and why.

mod arrows;
mod files;
mod rust;

use std::path::Path;

use crate::{metadata, tree};

/// Runs all rules.
///
/// # Errors
/// The breaches, one a line.
pub(crate) fn run(root: &Path) -> Result<(), String> {
    let metadata = metadata::read(root, metadata::Scope::Own)?;
    let sources = tree::sources(root)?;
    let mut breaches = arrows::check(&metadata.packages);
    let machine = files::machine_paths(root);
    for source in &sources {
        breaches.extend(files::check(source, &machine));
        if source.path.ends_with(".rs") {
            breaches.extend(rust::check(source));
        }
    }
    breaches.extend(rust::check_crates(&metadata.packages, root, &sources));
    if breaches.is_empty() {
        println!(
            "tidy: {} packages and {} files are in order",
            metadata.packages.len(),
            sources.len()
        );
        return Ok(());
    }
    breaches.sort();
    breaches.push(format!("tidy: {} breaches", breaches.len()));
    Err(breaches.join("\n"))
}
