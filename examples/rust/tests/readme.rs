//! The programs in the project's README are those that are built here and in `examples/c`.

use std::path::Path;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The only program of the README in that language.
fn program(language: &str) -> String {
    let readme = read("README.md");
    let fence = format!("\n```{language}\n");
    let mut blocks = readme.split(&fence).skip(1);
    let (first, more) = (blocks.next(), blocks.next());
    assert!(more.is_none(), "two programs in {language}");
    let block = first.unwrap_or_else(|| panic!("no program in {language}"));
    block.split("```\n").next().unwrap_or_default().to_owned()
}

#[test]
fn the_programs_in_the_readme_are_the_ones_that_are_built() {
    let built = read("examples/rust/src/bin/minimal.rs");
    let (comment, built) = built.split_once("\n\n").expect("a head comment");
    assert!(comment.lines().all(|line| line.starts_with("//!")), "{comment}");
    assert_eq!(program("rust"), built);
    assert_eq!(program("c"), read("examples/c/minimal.c"));
}
