//! The function whose inside is counted.

use std::hint::black_box;

/// Runs `work`. callgrind collects between its entry and its return, and dumps a part then; so
/// everything outside of it (making the input, printing) counts nothing.
#[inline(never)]
pub fn measured(work: &mut dyn FnMut()) {
    work();
    black_box(());
}

/// Its name as callgrind spells it.
pub const NAME: &str = "parser_bench::measured::measured";
