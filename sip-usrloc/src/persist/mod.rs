//! Keeping a database in step with a table.
//!
//! | mode | a change is answered | a crash loses |
//! | --- | --- | --- |
//! | 0 none | at once | all |
//! | 1 write-through | after its commit | nothing that was answered |
//! | 2 write-back | at once | what changed since the last flush |
//! | 4 load-only | at once | all changes |
//!
//! Write-through groups: all changes that wait when the writer looks are one transaction, so the
//! price of a commit is shared by everybody who waits for it.

pub mod change;
pub mod outbox;
pub mod writer;
