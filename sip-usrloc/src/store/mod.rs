//! Where bindings are kept beyond the process: the seam, and its implementors.

pub mod layout;
pub mod row;
pub mod sql;

use sip_core::time::Now;
use sip_db::DbError;
use thiserror::Error;

use crate::persist::change::RowChange;

pub use row::StoredRow;

/// Why a store did not do what it was asked; it did nothing of it then.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum StoreError {
    /// Its database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl StoreError {
    /// Whether the same call may succeed later without anybody changing it.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Database(error) => error.is_transient(),
        }
    }
}

/// A page of a store's rows.
#[derive(Debug, Default)]
pub struct Scanned {
    /// The rows.
    pub rows: Vec<StoredRow>,
    /// Rows that cannot be used, and were left out.
    pub skipped: u64,
    /// Where the next page begins; `None` when there is none.
    pub next: Option<i64>,
}

/// Where bindings are kept. It blocks while it works, so it lives on a thread of its own.
pub trait LocationStore: Send {
    /// Reads a page of at most `limit` rows, from where the last one said, or from the start.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn scan(&mut self, after: Option<i64>, limit: u32) -> Result<Scanned, StoreError>;

    /// Does all of `changes`, or none, and lasts when it returns. The changes of one row come in
    /// their order; a later one makes an earlier one pointless.
    ///
    /// # Errors
    /// When the store refuses; nothing was changed then, as far as the store can tell.
    fn apply(&mut self, changes: &[RowChange]) -> Result<(), StoreError>;

    /// Deletes expired rows; returns how many.
    ///
    /// # Errors
    /// When the store refuses.
    fn clean(&mut self, now: Now) -> Result<u64, StoreError>;
}
