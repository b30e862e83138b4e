//! What the behaviour tests share: messages as text, phones on real sockets, an engine that is
//! told the time, and the route most programs want.
#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "each test program uses a part of it"
)]

pub mod futures;
mod phone;
mod serve;
mod text;
mod told;

pub use phone::{Phone, PhoneListener};
pub use serve::{DOMAIN, Served, engine_addr, usual, usual_builder};
pub use text::{Msg, Req, unique};
pub use told::{Told, addr};

use std::time::Duration;

/// How long a test waits for what must happen. Never reached unless something is broken.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// How long a test listens for what must not happen.
pub const MOMENT: Duration = Duration::from_millis(60);

/// The time on the wall, for deadlines of tests.
#[allow(clippy::disallowed_methods, reason = "deadlines of tests on real sockets")]
pub fn now() -> std::time::Instant {
    std::time::Instant::now()
}

/// Looks again and again until `done` says so.
#[track_caller]
pub fn until(what: &str, mut done: impl FnMut() -> bool) {
    let end = now() + PATIENCE;
    while !done() {
        assert!(now() < end, "in vain: {what}");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

/// A path in the tests' own directory that no other test uses.
pub fn scratch(name: &str) -> String {
    let dir = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let path = dir.join(format!("{}-{}-{name}", std::process::id(), unique()));
    path.to_str().expect("the target directory is named in UTF-8").to_owned()
}

/// Builds an engine on an address that must have been freed. Another test may hold the port for a
/// while, as it may be given any free one.
#[track_caller]
pub fn builds_again(build: impl Fn() -> Result<looseroute::Engine, looseroute::EngineError>) {
    until("the address is free", || match build() {
        Ok(_) => true,
        Err(error) if error.is_in_use() => false,
        Err(error) => panic!("{error}"),
    });
}
