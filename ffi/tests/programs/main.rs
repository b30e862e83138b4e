//! C and C++ programs against the library as it is installed: each is built by the C compiler,
//! run, and run again under valgrind memcheck. The programs are in `ffi/tests/c`; the examples are
//! built by make with pkg-config and by CMake.
//!
//! A missing tool prints `SKIP` with a count, and fails when `CI=true`.

mod build;
mod examples;
mod header;
mod parse;
mod process;
mod tools;

use build::{Language, Linking};

fn check(name: &str, arguments: &[&str]) {
    run(name, Language::C, Linking::Shared, arguments);
}

fn run(name: &str, language: Language, linking: Linking, arguments: &[&str]) {
    if !tools::have(name, &[language.compiler()]) {
        return;
    }
    let program = build::program(name, language, linking);
    process::succeeds(&program, arguments, process::Under::Nothing);
    if tools::have(&format!("{name} under memcheck"), &["valgrind"]) {
        process::succeeds(&program, arguments, process::Under::Memcheck);
    }
}

#[test]
fn null_is_refused_wherever_it_is_not_allowed() {
    check("nulls", &[]);
}

#[test]
fn stale_handles_are_gone_and_engines_share_nothing() {
    check("handles", &[]);
}

#[test]
fn an_engine_without_sockets_routes_by_a_callback() {
    check("sansio", &[]);
}

#[test]
fn a_wait_of_the_host_ends_exactly_once() {
    check("pending", &[]);
}

#[test]
fn an_engine_is_driven_in_three_ways_and_ended_from_elsewhere() {
    check("threads", &[]);
}

#[test]
fn locks_exclude_name_their_holder_and_answer_every_misuse() {
    check("locks", &[]);
}

#[test]
fn timers_run_on_a_worker_and_the_watchdog_answers_the_program() {
    check("timers", &[]);
}

#[test]
fn save_and_lookup_keep_the_order_and_survive_a_restart() {
    for (under, way) in [process::Under::Nothing, process::Under::Memcheck].into_iter().enumerate()
    {
        if !tools::have("location", &["cc"])
            || way == process::Under::Memcheck && !tools::have("location", &["valgrind"])
        {
            return;
        }
        let program = build::program("location", Language::C, Linking::Shared);
        let data = tools::fresh_directory(&format!("location-{under}"));
        process::succeeds(&program, &[&data.to_string_lossy()], way);
    }
}

#[test]
fn the_cpp_header_owns_throws_and_frees() {
    run("cpp", Language::Cpp, Linking::Shared, &[]);
}

#[test]
fn the_static_library_does_the_same() {
    run("pending", Language::C, Linking::Static, &[]);
}
