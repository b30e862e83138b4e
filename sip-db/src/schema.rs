//! The layout of tables, and the table `version` by which Kamailio's tools and modules know which
//! layout a table has (`kamdbctl`, the `version_table` parameters).

use crate::driver::Driver;
use crate::error::DbError;
use crate::query::{Batch, Cmp, Conflict, Name, Op};
use crate::value::{Kind, Value};

/// A column of a table.
#[derive(Clone, PartialEq, Debug)]
pub struct Column {
    /// Its name.
    pub name: Name,
    /// What it holds.
    pub kind: Kind,
    /// The length of a text column, in characters; databases that do not need it ignore it.
    pub size: Option<u16>,
    /// Whether it may hold nothing.
    pub nullable: bool,
    /// What it holds when an insert does not say.
    pub default: Value,
}

impl Column {
    /// A column that may hold nothing, and does by default.
    #[must_use]
    pub const fn new(name: Name, kind: Kind) -> Self {
        Self { name, kind, size: None, nullable: true, default: Value::Null }
    }

    /// Limits a text column to `characters`.
    #[must_use]
    pub const fn size(mut self, characters: u16) -> Self {
        self.size = Some(characters);
        self
    }

    /// Makes it hold `value` by default, and never nothing.
    #[must_use]
    pub fn default(mut self, value: Value) -> Self {
        self.default = value;
        self.nullable = false;
        self
    }
}

/// A table: an integer primary key `id` that counts up by itself, columns, unique keys, indexes.
#[derive(Clone, PartialEq, Debug)]
pub struct Table {
    /// Its name.
    pub name: Name,
    /// The columns behind `id`.
    pub columns: Vec<Column>,
    /// The unique keys: a name, and the columns that are unique together.
    pub unique: Vec<(Name, Vec<Name>)>,
    /// The other indexes: a name, and the columns.
    pub indexes: Vec<(Name, Vec<Name>)>,
}

impl Table {
    /// A table with no column but `id`.
    #[must_use]
    pub const fn new(name: Name) -> Self {
        Self { name, columns: Vec::new(), unique: Vec::new(), indexes: Vec::new() }
    }

    /// Appends a column.
    #[must_use]
    pub fn column(mut self, column: Column) -> Self {
        self.columns.push(column);
        self
    }

    /// Adds a unique key.
    #[must_use]
    pub fn unique(mut self, name: Name, columns: &[Name]) -> Self {
        self.unique.push((name, columns.to_vec()));
        self
    }

    /// Adds an index.
    #[must_use]
    pub fn index(mut self, name: Name, columns: &[Name]) -> Self {
        self.indexes.push((name, columns.to_vec()));
        self
    }
}

const VERSION_TABLE: Name = Name::fixed("version");
const TABLE_NAME: Name = Name::fixed("table_name");

/// The layout of the table `version`.
fn version_layout() -> Table {
    Table::new(VERSION_TABLE)
        .column(Column { nullable: false, ..Column::new(TABLE_NAME, Kind::Text).size(32) })
        .column(Column::new(Name::fixed("table_version"), Kind::Int).default(Value::Int(0)))
        .unique(Name::fixed("version_table_name_idx"), &[TABLE_NAME])
}

/// What [`ensure_table`] found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Found {
    /// The table, with the version that was wanted.
    Present,
    /// Nothing; the table was made.
    Created,
}

/// The version of `table` by the table `version`; `None` when it does not list it, or is not
/// there itself.
///
/// # Errors
/// When the database cannot be read.
pub fn table_version(driver: &mut dyn Driver, table: &Name) -> Result<Option<i64>, DbError> {
    let mut batch = Batch::new();
    batch.run(
        Op::select(VERSION_TABLE, &[("table_version", Kind::Int)])
            .filter(TABLE_NAME, Cmp::Eq)
            .limit(1),
        vec![Value::text(table.as_str())],
    );
    match driver.run(&batch) {
        Ok(result) => Ok(result.rows(0).first().and_then(|r| r.first()).and_then(Value::as_int)),
        Err(DbError::NoTable { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Makes sure that `table` is there with version `version`: a table without a row in `version` is
/// made and listed; one that is listed with another version is an error and stays untouched.
///
/// # Errors
/// [`DbError::Version`] and [`DbError::NoVersion`] for a table of another layout, or of an unknown
/// one; any other when the database cannot be read or written.
pub fn ensure_table(
    driver: &mut dyn Driver,
    table: &Table,
    version: i64,
) -> Result<Found, DbError> {
    if check_version(driver, table, version)? {
        return Ok(Found::Present);
    }
    let mut batch = Batch::new();
    batch.run(Op::create(version_layout()), vec![]);
    batch.run(Op::CreateNew(Box::new(table.clone())), vec![]);
    let list =
        Op::insert(VERSION_TABLE, &["table_name", "table_version"]).on_conflict(Conflict::Ignore);
    batch.run(list.clone(), vec![Value::text(VERSION_TABLE.as_str()), Value::Int(1)]);
    batch.run(list, vec![Value::text(table.name.as_str()), Value::Int(version)]);
    match driver.run(&batch) {
        Ok(_) => Ok(Found::Created),
        // Somebody else may have made it between the look and the leap.
        Err(DbError::TableExists { database, table: name }) => {
            if check_version(driver, table, version)? {
                return Ok(Found::Present);
            }
            Err(DbError::NoVersion { database, table: name, wanted: version })
        }
        Err(error) => Err(error),
    }
}

/// Whether `table` is listed with `version`; not at all is `false`, with another is an error.
fn check_version(driver: &mut dyn Driver, table: &Table, version: i64) -> Result<bool, DbError> {
    match table_version(driver, &table.name)? {
        Some(found) if found == version => Ok(true),
        Some(found) => Err(DbError::Version {
            database: driver.database().to_owned(),
            table: table.name.to_string(),
            found,
            wanted: version,
        }),
        None => Ok(false),
    }
}
