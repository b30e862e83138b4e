//! Statements as values, so that every driver can run them in its own language: what to do
//! ([`Op`]), with which parameters ([`Row`]), and in which transaction ([`Batch`]).

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::schema::Table;
use crate::value::{Kind, Value};

/// The values of one row, or the parameters of one run of a statement.
pub type Row = Vec<Value>;

/// The name of a table or column: a letter or underscore, then letters, digits and underscores,
/// 64 at most. Nothing else reaches an SQL text, so names may come from a configuration.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Cow<'static, str>);

/// A text that is no [`Name`].
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("\"{0}\" is no table or column name: letters, digits and _, no digit first, 64 at most")]
pub struct NameError(pub String);

impl Name {
    /// A name from outside.
    ///
    /// # Errors
    /// When `text` breaks the rules above.
    pub fn new(text: &str) -> Result<Self, NameError> {
        if is_name(text.as_bytes()) {
            Ok(Self(Cow::Owned(text.to_owned())))
        } else {
            Err(NameError(text.to_owned()))
        }
    }

    /// A name written in the program.
    ///
    /// # Panics
    /// When it is none; in a `const`, that is an error of the build.
    #[must_use]
    pub const fn fixed(text: &'static str) -> Self {
        assert!(is_name(text.as_bytes()), "not a table or column name");
        Self(Cow::Borrowed(text))
    }

    /// The name itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

const fn is_name(text: &[u8]) -> bool {
    if text.is_empty() || text.len() > 64 || text[0].is_ascii_digit() {
        return false;
    }
    let mut i = 0;
    while i < text.len() {
        if !(text[i].is_ascii_alphanumeric() || text[i] == b'_') {
            return false;
        }
        i += 1;
    }
    true
}

impl From<&'static str> for Name {
    /// As [`Name::fixed`], with its panic.
    fn from(text: &'static str) -> Self {
        Self::fixed(text)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a column is compared with a parameter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cmp {
    /// Equal; nothing equals nothing.
    Eq,
    /// Not equal; nothing differs from something.
    Ne,
    /// Less.
    Lt,
    /// Less or equal.
    Le,
    /// Greater.
    Gt,
    /// Greater or equal.
    Ge,
}

/// What an insert does when a row with the same unique key is there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Conflict {
    /// The batch fails with [`DbError::Constraint`](crate::DbError::Constraint).
    Fail,
    /// The row that is there stays.
    Ignore,
    /// The row that is there takes the new values of the columns `set`.
    Update {
        /// The unique key's columns.
        key: Vec<Name>,
        /// The columns to take over.
        set: Vec<Name>,
    },
}

/// What to do. Cheap to share between statements: prepared once per batch and run for each of its
/// parameter rows.
#[derive(Clone, PartialEq, Debug)]
pub enum Op {
    /// Makes a table; without effect if it is there.
    Create(Box<Table>),
    /// Makes a table; fails if it is there.
    CreateNew(Box<Table>),
    /// Inserts rows.
    Insert {
        /// The table.
        table: Name,
        /// The columns that the parameters are for.
        columns: Vec<Name>,
        /// What to do about a row with the same key.
        conflict: Conflict,
    },
    /// Changes rows. Parameters: the values to set, then those of the filter.
    Update {
        /// The table.
        table: Name,
        /// The columns to set.
        set: Vec<Name>,
        /// Conditions that all hold for the rows to change.
        filter: Vec<(Name, Cmp)>,
    },
    /// Deletes rows. Parameters: those of the filter.
    Delete {
        /// The table.
        table: Name,
        /// Conditions that all hold for the rows to delete.
        filter: Vec<(Name, Cmp)>,
    },
    /// Reads rows. Parameters: those of the filter.
    Select(Select),
    /// The database's own language. Parameters are `?` in SQLite. What it returns depends on it:
    /// rows if it reads.
    Native {
        /// The text.
        text: String,
        /// The kinds of the columns it returns; empty when it returns none.
        columns: Vec<Kind>,
    },
}

/// What to read.
#[derive(Clone, PartialEq, Debug)]
pub struct Select {
    /// The table.
    pub table: Name,
    /// The columns to return.
    pub columns: Vec<(Name, Kind)>,
    /// Conditions that all hold for the rows to return.
    pub filter: Vec<(Name, Cmp)>,
    /// The columns to sort by, each rising (`true`) or falling.
    pub order: Vec<(Name, bool)>,
    /// At most so many rows for each parameter row.
    pub limit: Option<u32>,
}

impl Op {
    /// Makes `table` unless it is there.
    #[must_use]
    pub fn create(table: Table) -> Self {
        Self::Create(Box::new(table))
    }

    /// Inserts into `columns` of `table`, failing on a row with the same key.
    #[must_use]
    pub fn insert(table: impl Into<Name>, columns: &[&'static str]) -> Self {
        let columns = columns.iter().map(|c| Name::fixed(c)).collect();
        Self::Insert { table: table.into(), columns, conflict: Conflict::Fail }
    }

    /// Sets `columns` of the rows that the filter picks.
    #[must_use]
    pub fn update(table: impl Into<Name>, columns: &[&'static str]) -> Self {
        let set = columns.iter().map(|c| Name::fixed(c)).collect();
        Self::Update { table: table.into(), set, filter: Vec::new() }
    }

    /// Deletes the rows that the filter picks.
    #[must_use]
    pub fn delete(table: impl Into<Name>) -> Self {
        Self::Delete { table: table.into(), filter: Vec::new() }
    }

    /// Reads `columns` of the rows that the filter picks.
    #[must_use]
    pub fn select(table: impl Into<Name>, columns: &[(&'static str, Kind)]) -> Self {
        Self::Select(Select {
            table: table.into(),
            columns: columns.iter().map(|(c, k)| (Name::fixed(c), *k)).collect(),
            filter: Vec::new(),
            order: Vec::new(),
            limit: None,
        })
    }

    /// What an insert does about a row with the same key. Without effect on other statements.
    #[must_use]
    pub fn on_conflict(mut self, what: Conflict) -> Self {
        if let Self::Insert { conflict, .. } = &mut self {
            *conflict = what;
        }
        self
    }

    /// Adds a condition to an update, delete or select. Without effect on other statements.
    #[must_use]
    pub fn filter(mut self, column: impl Into<Name>, cmp: Cmp) -> Self {
        match &mut self {
            Self::Update { filter, .. }
            | Self::Delete { filter, .. }
            | Self::Select(Select { filter, .. }) => filter.push((column.into(), cmp)),
            _ => {}
        }
        self
    }

    /// Sorts a select, behind the columns sorted by before. Without effect on other statements.
    #[must_use]
    pub fn order_by(mut self, column: impl Into<Name>, rising: bool) -> Self {
        if let Self::Select(select) = &mut self {
            select.order.push((column.into(), rising));
        }
        self
    }

    /// Returns at most `rows` rows. Without effect on other statements.
    #[must_use]
    pub fn limit(mut self, rows: u32) -> Self {
        if let Self::Select(select) = &mut self {
            select.limit = Some(rows);
        }
        self
    }

    /// How many parameters one run takes; `None` when only the database can say.
    #[must_use]
    pub fn parameters(&self) -> Option<usize> {
        match self {
            Self::Create(_) | Self::CreateNew(_) => Some(0),
            Self::Insert { columns, .. } => Some(columns.len()),
            Self::Update { set, filter, .. } => Some(set.len() + filter.len()),
            Self::Delete { filter, .. } => Some(filter.len()),
            Self::Select(select) => Some(select.filter.len()),
            Self::Native { .. } => None,
        }
    }

    /// Whether it may change the database.
    #[must_use]
    pub fn writes(&self) -> bool {
        match self {
            Self::Select(_) => false,
            Self::Native { columns, .. } => columns.is_empty(),
            _ => true,
        }
    }
}

/// One operation and the parameter rows to run it with, in order.
#[derive(Clone, PartialEq, Debug)]
pub struct Statement {
    /// What to do.
    pub op: Arc<Op>,
    /// Once for each of these.
    pub rows: Vec<Row>,
}

/// Statements that happen together or not at all, in order: one transaction.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Batch {
    /// The statements.
    pub statements: Vec<Statement>,
}

impl Batch {
    /// A batch that does nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends `op` with one row of parameters.
    pub fn run(&mut self, op: impl Into<Arc<Op>>, row: Row) -> &mut Self {
        self.run_many(op, vec![row])
    }

    /// Appends `op` with many rows of parameters. It is prepared once.
    pub fn run_many(&mut self, op: impl Into<Arc<Op>>, rows: Vec<Row>) -> &mut Self {
        self.statements.push(Statement { op: op.into(), rows });
        self
    }

    /// Whether it may change the database.
    #[must_use]
    pub fn writes(&self) -> bool {
        self.statements.iter().any(|s| s.op.writes())
    }

    /// Whether it does nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.statements.is_empty()
    }
}

/// What one statement did.
#[derive(Clone, PartialEq, Debug)]
pub enum Outcome {
    /// It changed so many rows, all its parameter rows together.
    Changed(u64),
    /// It returned these, for its parameter rows in turn.
    Rows(Vec<Row>),
}

/// What a batch did, a statement at a time.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct BatchResult {
    /// One for each statement.
    pub outcomes: Vec<Outcome>,
}

impl BatchResult {
    /// The rows that statement `index` returned; empty for one that returns none.
    #[must_use]
    pub fn rows(&self, index: usize) -> &[Row] {
        match self.outcomes.get(index) {
            Some(Outcome::Rows(rows)) => rows,
            _ => &[],
        }
    }

    /// Takes the rows that statement `index` returned.
    pub fn take_rows(&mut self, index: usize) -> Vec<Row> {
        match self.outcomes.get_mut(index) {
            Some(Outcome::Rows(rows)) => std::mem::take(rows),
            _ => Vec::new(),
        }
    }

    /// How many rows statement `index` changed; 0 for one that changes none.
    #[must_use]
    pub fn changed(&self, index: usize) -> u64 {
        match self.outcomes.get(index) {
            Some(Outcome::Changed(n)) => *n,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_carry_no_sql() {
        assert_eq!(Name::new("location_attrs2").unwrap().as_str(), "location_attrs2");
        for bad in ["", "1a", "a b", "a;drop", "a\"", "ä", &"x".repeat(65)] {
            assert_eq!(Name::new(bad), Err(NameError(bad.to_owned())));
        }
    }
}
