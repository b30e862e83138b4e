//! The examples as servers, against peers that others wrote: Debian's baresip phones, sipp, sipsak
//! and tshark, on loopback with free ports. Every wait has a bound and ends with what it waits for.
//!
//! - `PEERS_SIPP_SECONDS=n` shortens the load test from its 30 seconds;
//! - `PEERS_STANDIN=kamailio` runs the same tests against Debian's Kamailio instead of our proxy,
//!   to tell a fault of the harness from ours; `PEERS_CHALLENGE_CALLS=1` lets it answer INVITE
//!   with 407;
//! - `LOOSEROUTE_PROXY=file` runs them against that build of the Rust example;
//! - `LOOSEROUTE_C_PROXY=file` names the C example (else `target/c-examples/proxy`);
//! - a missing peer prints `SKIP`, and fails when `CI=true`.

#[path = "../support/mod.rs"]
mod support;

mod bad_input;
mod crash;
mod load;
mod names;
mod phones;
mod probes;
mod relay;
