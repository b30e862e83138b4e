//! Timers: the hierarchical wheel that each worker has.

mod wheel;

pub use wheel::{DEFAULT_TICK, TimerId, Wheel};

#[cfg(test)]
mod tests;
