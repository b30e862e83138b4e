//! Second readings of the grammars that are written by hand: Via, addresses and URIs again, in
//! nom, straight from RFC 3261 25.1. Owns nothing that ships: it is built for tests and under
//! `--cfg fuzzing` only, where both readings must agree on every input.
//!
//! A fuzz target calls [`check`] with the input, or one of [`check_via`], [`check_name_addr`] and
//! [`check_uri`]; they panic where the two differ. [`via()`], [`name_addr()`] and [`uri()`] give the
//! reading alone.
//!
//! What both take beyond the RFC's grammar, on purpose, each named where it is allowed:
//!
//! * folds and any run of blanks, tabs and line ends as white space, since the header index has
//!   proved that line ends in a value are folds (`sws`);
//! * unquoted values of header parameters may hold any byte that is no delimiter
//!   (`loose_value`), quoted strings any byte, a backslash any byte behind it but a line
//!   end (`quoted`);
//! * host names may hold `_`, begin with a digit and end in a dot (`name`), addresses have
//!   zones, dotted quads leading zeros (`host`);
//! * an equals sign in the value of a URI header ([`uri()`]);
//! * raw UTF-8 in display names without quotes, and any visible byte in a URI in angle brackets,
//!   which is judged when the URI is taken apart ([`name_addr()`]).

mod host;
mod lexical;
mod name_addr;
mod uri;
mod via;

pub use host::Place;
pub use name_addr::{Address, check_name_addr, name_addr};
pub use uri::{UriParts, check_uri, uri};
pub use via::{ViaParts, check_via, via};

/// Parameters in order: name, and value when there is one.
pub type Pairs<'a> = Vec<(&'a [u8], Option<&'a [u8]>)>;

/// Reads the input by every grammar in both ways. Panics where they differ.
pub fn check(input: &[u8]) {
    check_via(input);
    check_name_addr(input);
    check_uri(input);
}

/// The searches by block masks, those of the processor and those of 64-bit words, against a byte
/// loop. The first bytes say what is looked for and from where. Panics where they differ.
pub fn check_blocks(input: &[u8]) {
    crate::lex::block::check_twins(input);
}

fn collect(params: crate::Params<'_>) -> Pairs<'_> {
    params.iter().collect()
}

#[cfg(test)]
mod tests;
