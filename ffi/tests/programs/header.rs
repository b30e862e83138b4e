//! The header by itself: clean in every language it is for, and complete in the test of NULL.

use std::collections::BTreeSet;
use std::process::Command;

use crate::process;
use crate::tools::{have, scratch, workspace};

#[test]
fn the_header_is_clean_in_every_standard() {
    if !have("header", &["cc", "c++"]) {
        return;
    }
    std::fs::create_dir_all(scratch()).expect("target/ is writable");
    let c = ["-std=c99", "-std=c11", "-std=c17"].map(|s| ("cc", "c", s, "looseroute.h"));
    let cpp = ["-std=c++11", "-std=c++17", "-std=c++20"].map(|s| ("c++", "c++", s, "looseroute.h"));
    let own = ["-std=c++17", "-std=c++20"].map(|s| ("c++", "c++", s, "looseroute.hpp"));
    for (compiler, language, standard, header) in c.into_iter().chain(cpp).chain(own) {
        let mut check = Command::new(compiler);
        check.args([standard, "-Wall", "-Wextra", "-Werror", "-pedantic", "-fsyntax-only"]);
        check.arg(format!("-I{}", workspace().join("include").display()));
        check.args(["-x", language, "-include", header]).arg("/dev/null");
        process::done(&mut check);
    }
}

#[test]
fn every_function_that_takes_a_pointer_is_tried_with_null() {
    let read = |path: &str| {
        std::fs::read_to_string(workspace().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
    };
    let tried = read("ffi/tests/c/nulls.c") + &read("ffi/tests/c/parse_nulls.c");
    let header = read("include/looseroute.h");
    let all: BTreeSet<&str> = functions_with_pointers(&header).collect();
    assert!(all.len() > 80, "the header's functions were not found: {all:?}");
    let missing: Vec<&str> =
        all.iter().copied().filter(|name| !tried.contains(&format!("{name}("))).collect();
    assert_eq!(missing, ALWAYS_NULLABLE, "functions that nulls.c and parse_nulls.c do not try");
}

/// Whose only pointers may be NULL: callback, user, found and error.
const ALWAYS_NULLABLE: [&str; 10] = [
    "lr_call_forward",
    "lr_call_is_myself",
    "lr_call_loose_route",
    "lr_call_max_forwards",
    "lr_call_pause",
    "lr_call_record_route",
    "lr_call_relay",
    "lr_config_max_workers",
    "lr_config_seed",
    "lr_config_without_sockets",
];

fn functions_with_pointers(header: &str) -> impl Iterator<Item = &str> {
    // A declaration is `TYPE name(ARGUMENTS);` at the beginning of a line, maybe over several.
    header.split(";\n").filter_map(|piece| {
        let from = piece.rfind("*/\n").map_or(0, |at| at + 3);
        let declaration = piece.get(from..)?;
        let (head, arguments) = declaration.split_once('(')?;
        let name = head.rsplit([' ', '*']).next()?;
        let function = name.starts_with("lr_") && !head.contains("typedef");
        (function && arguments.contains('*')).then_some(name)
    })
}
