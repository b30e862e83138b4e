//! The bookkeeping of `sip_core::lock` under every order in which threads can run it, by loom.
//!
//! The files of the module are compiled here once more, with loom's atomics, mutexes and conditions
//! in place of the real ones (`lock/sync.rs`) and threads that are told who they are
//! (`lock/thread.rs`). So what is tried is the code itself, and it needs neither a build of its own
//! nor a flag. The models are in `lock/models.rs`.
#![allow(
    dead_code,
    unused_imports,
    missing_docs,
    unreachable_pub,
    clippy::arc_with_non_send_sync,
    reason = "the module's files are for more users than the models"
)]

mod lock;

mod near {
    pub use sip_core::near::*;
}

mod time {
    pub use sip_core::time::*;
}
