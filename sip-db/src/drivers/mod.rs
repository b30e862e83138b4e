//! The drivers, one database a file.

pub(crate) mod faulty;
pub(crate) mod memory;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;
