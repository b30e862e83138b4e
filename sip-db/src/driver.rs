//! The seam between batches and databases, and the choice of a driver by URL.

use crate::drivers::memory::MemoryDb;
use crate::error::DbError;
use crate::query::{Batch, BatchResult};
use crate::url::{DbUrl, Durability};

/// One connection to a database. It blocks while it works, so it lives on a thread of its own;
/// whoever owns it gives it one batch after another.
pub trait Driver: Send {
    /// Runs `batch` as one transaction: when it returns `Ok`, all of it happened and lasts as the
    /// driver's durability says; on an error nothing of it happened. A driver whose connection
    /// broke tries to open it anew at the next batch.
    ///
    /// # Errors
    /// What went wrong, with the file or server it went wrong in.
    fn run(&mut self, batch: &Batch) -> Result<BatchResult, DbError>;

    /// The file or server, for messages; never a password.
    fn database(&self) -> &str;
}

/// What is to be known beside the URL when a database is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenOptions {
    /// What a commit outlives, unless the URL says.
    pub durability: Durability,
    /// How long to wait for somebody else's lock, in milliseconds.
    pub busy_timeout_ms: u64,
}

impl Default for OpenOptions {
    /// Commits outlive a loss of power; locks are waited for 5 seconds.
    fn default() -> Self {
        Self { durability: Durability::Power, busy_timeout_ms: 5000 }
    }
}

/// Opens the database that `url` names.
///
/// `memory:` is a new, empty database each time; use [`MemoryDb`] to connect to one twice.
///
/// # Errors
/// When no driver of this build serves the scheme, or the database cannot be opened.
pub fn open(url: &DbUrl, options: &OpenOptions) -> Result<Box<dyn Driver>, DbError> {
    match url.scheme.as_str() {
        "memory" => Ok(Box::new(MemoryDb::new(&url.database).connect())),
        #[cfg(feature = "sqlite")]
        "sqlite" => Ok(Box::new(crate::drivers::sqlite::SqliteDriver::open(url, options)?)),
        other => {
            let _ = options;
            Err(DbError::NoDriver(other.to_owned()))
        }
    }
}

impl Driver for Box<dyn Driver> {
    fn run(&mut self, batch: &Batch) -> Result<BatchResult, DbError> {
        (**self).run(batch)
    }

    fn database(&self) -> &str {
        (**self).database()
    }
}
