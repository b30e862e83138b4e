//! A change of one row, as it goes from a table to its store.

use crate::aor::Aor;
use crate::contact::Contact;

/// What a change does to the row named by the contact's ruid.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RowAction {
    /// Writes the row, whether it is there or not. `full`: what seldom changes did, so write
    /// every column; otherwise those that a refresh changes are enough if the row is there.
    Put {
        /// Whether every column is to be written.
        full: bool,
    },
    /// Deletes the row.
    Delete,
}

/// A change of one row. It carries the whole state, so a later change of the same row makes an
/// earlier one pointless.
#[derive(Clone, Debug)]
pub struct RowChange {
    /// Whose binding it is.
    pub aor: Aor,
    /// The binding as it is to be in the database.
    pub contact: Contact,
    /// What to do.
    pub action: RowAction,
}
