//! What the engine's tests share: an engine as a node of a simulated network, the route it runs,
//! and a small configuration language for scenario files.
#![allow(dead_code, reason = "each test program uses a part of it")]

mod config;
pub(crate) mod network;
mod node;
mod route;

pub(crate) use config::Config;
#[allow(unused_imports, reason = "each test program uses a part of it")]
pub(crate) use node::EngineNode;

/// A clock on the wall, to tell how fast a simulation was.
pub(crate) struct Stopwatch(std::time::Instant);

impl Stopwatch {
    #[allow(clippy::disallowed_methods, reason = "it measures the test, not the engine")]
    pub(crate) fn start() -> Self {
        Self(std::time::Instant::now())
    }

    pub(crate) fn seconds(&self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}

/// How many calls are simulated when nobody says: all of them in the `sim` profile, a few where
/// code is not optimised.
pub(crate) fn default_calls() -> u64 {
    let program = std::env::current_exe().unwrap_or_default();
    let optimised = program.components().any(|part| part.as_os_str() == "sim");
    if optimised { 100_000 } else { 2_000 }
}
