//! SQLite, built in: the embedded default store.
//!
//! The file is in WAL mode, so readers (Kamailio's tools among them) never wait for us. A commit
//! outlives the process under [`Durability::Process`] (`synchronous=NORMAL`), and a loss of power
//! under [`Durability::Power`] (`synchronous=FULL`): <https://www.sqlite.org/pragma.html>.
//! URL parameters: `durability`, `mode=ro` (open for reading only), `busy_timeout` (ms).
//!
//! Times are stored as Julian days in a REAL, which is how Kamailio's `db_sqlite` module stores
//! them; text dates and plain seconds are read as well.

use std::fmt::Write as _;

use bytes::Bytes;
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::driver::{Driver, OpenOptions};
use crate::error::{DbError, UrlError};
use crate::query::{Batch, BatchResult, Cmp, Conflict, Name, Op, Outcome, Row, Select, Statement};
use crate::schema::{Column, Table};
use crate::url::{DbUrl, Durability};
use crate::value::{Civil, Kind, Value};

/// A connection to an SQLite file.
pub struct SqliteDriver {
    file: String,
    waited_ms: u64,
    conn: Connection,
}

impl SqliteDriver {
    /// Opens the file, and makes it if it is not there. It is written to (a transaction without
    /// content) at once, so that a file or directory that cannot be written is an error now and
    /// not at the first batch.
    ///
    /// # Errors
    /// When the file cannot be opened or written, is locked, or is no database.
    pub fn open(url: &DbUrl, options: &OpenOptions) -> Result<Self, DbError> {
        let file = url.database.clone();
        let read_only = url.param("mode") == Some("ro");
        let access = if read_only {
            OpenFlags::SQLITE_OPEN_READ_ONLY
        } else {
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE
        };
        let waited_ms = busy_timeout(url, options)?;
        let durability = url.durability()?.unwrap_or(options.durability);
        let at = Place { file: &file, waited_ms, statement: None };
        let conn = Connection::open_with_flags(&file, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)
            .map_err(|e| at.error(&e))?;
        let prepare = || -> Result<(), rusqlite::Error> {
            conn.busy_timeout(std::time::Duration::from_millis(waited_ms))?;
            conn.set_prepared_statement_cache_capacity(64);
            if read_only {
                return conn.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()));
            }
            conn.query_row("PRAGMA journal_mode=WAL", [], |_| Ok(()))?;
            conn.execute_batch(match durability {
                Durability::Process => "PRAGMA synchronous=NORMAL",
                Durability::Power => "PRAGMA synchronous=FULL",
            })?;
            conn.execute_batch(CACHE)?;
            conn.execute_batch("BEGIN IMMEDIATE; ROLLBACK")
        };
        prepare().map_err(|e| at.error(&e))?;
        Ok(Self { file, waited_ms, conn })
    }

    fn begin(&self, batch: &Batch) -> Result<(), rusqlite::Error> {
        let begin = if batch.writes() { "BEGIN IMMEDIATE" } else { "BEGIN" };
        self.conn.prepare_cached(begin)?.raw_execute().map(|_| ())
    }

    fn commit(&self) -> Result<(), rusqlite::Error> {
        self.conn.prepare_cached("COMMIT")?.raw_execute().map(|_| ())
    }

    /// Ends a failed transaction. SQLite may have done so itself.
    fn roll_back(&self) {
        if !self.conn.is_autocommit() {
            // A rollback that fails leaves nothing committed either; the batch's own error tells.
            let _ = self.conn.execute_batch("ROLLBACK");
        }
    }

    fn at(&self, statement: Option<usize>) -> Place<'_> {
        Place { file: &self.file, waited_ms: self.waited_ms, statement }
    }

    fn statements(&self, batch: &Batch) -> Result<BatchResult, DbError> {
        let mut result = BatchResult::default();
        let mut sql = String::with_capacity(512);
        for (index, statement) in batch.statements.iter().enumerate() {
            sql.clear();
            let run = match &*statement.op {
                Op::Create(table) | Op::CreateNew(table) => {
                    let fresh = matches!(&*statement.op, Op::CreateNew(_));
                    write_table(&mut sql, table, fresh);
                    self.conn.execute_batch(&sql).map(|()| Outcome::Changed(0))
                }
                op => {
                    write_op(&mut sql, op);
                    self.rows(&sql, statement)
                }
            };
            result.outcomes.push(run.map_err(|e| self.at(Some(index)).error(&e))?);
        }
        Ok(result)
    }

    /// Runs one prepared statement for each of its parameter rows.
    fn rows(&self, sql: &str, statement: &Statement) -> Result<Outcome, rusqlite::Error> {
        let mut prepared = self.conn.prepare_cached(sql)?;
        let kinds: Vec<Kind> = match &*statement.op {
            Op::Select(select) => select.columns.iter().map(|(_, k)| *k).collect(),
            Op::Native { columns, .. } => columns.clone(),
            _ => Vec::new(),
        };
        let wanted = prepared.parameter_count();
        let mut changed = 0;
        let mut found = Vec::new();
        for row in &statement.rows {
            if row.len() != wanted {
                return Err(rusqlite::Error::InvalidParameterCount(row.len(), wanted));
            }
            for (i, value) in row.iter().enumerate() {
                prepared.raw_bind_parameter(i + 1, Bind(value))?;
            }
            if kinds.is_empty() {
                changed += prepared.raw_execute()? as u64;
                continue;
            }
            let mut rows = prepared.raw_query();
            while let Some(row) = rows.next()? {
                let value = |(i, kind): (usize, &Kind)| row.get_ref(i).map(|v| read(v, *kind));
                found.push(kinds.iter().enumerate().map(value).collect::<Result<Row, _>>()?);
            }
        }
        Ok(if kinds.is_empty() { Outcome::Changed(changed) } else { Outcome::Rows(found) })
    }
}

impl Driver for SqliteDriver {
    fn run(&mut self, batch: &Batch) -> Result<BatchResult, DbError> {
        if batch.is_empty() {
            return Ok(BatchResult::default());
        }
        self.begin(batch).map_err(|e| self.at(None).error(&e))?;
        let done = self
            .statements(batch)
            .and_then(|result| self.commit().map(|()| result).map_err(|e| self.at(None).error(&e)));
        if done.is_err() {
            self.roll_back();
        }
        done
    }

    fn database(&self) -> &str {
        &self.file
    }
}

impl std::fmt::Debug for SqliteDriver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SqliteDriver({})", self.file)
    }
}

/// 32 MiB of pages, and the log copied into the file every 16 MiB: with SQLite's own 2 and 4 MiB,
/// filling a location table of 200,000 rows took half as much CPU again.
const CACHE: &str = "PRAGMA cache_size=-32768; PRAGMA wal_autocheckpoint=4096";

fn busy_timeout(url: &DbUrl, options: &OpenOptions) -> Result<u64, UrlError> {
    match url.param("busy_timeout") {
        None => Ok(options.busy_timeout_ms),
        Some(text) => text.parse::<u32>().map(u64::from).map_err(|_| UrlError::Parameter {
            scheme: url.scheme.clone(),
            name: "busy_timeout".to_owned(),
            takes: "milliseconds",
        }),
    }
}

/// Where an error happened.
struct Place<'a> {
    file: &'a str,
    waited_ms: u64,
    statement: Option<usize>,
}

impl Place<'_> {
    fn error(&self, error: &rusqlite::Error) -> DbError {
        let file = self.file.to_owned();
        let reason = error.to_string();
        let code = error.sqlite_error_code();
        match code {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                DbError::NotADatabase { file, reason }
            }
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
                DbError::ReadOnly { file, reason }
            }
            Some(ErrorCode::CannotOpen) => DbError::Open { database: file, reason },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                DbError::Locked { database: file, waited_ms: self.waited_ms }
            }
            Some(ErrorCode::DiskFull) => DbError::Full { database: file },
            Some(ErrorCode::SystemIoFailure | ErrorCode::OutOfMemory) => {
                DbError::Io { database: file, reason }
            }
            Some(ErrorCode::ConstraintViolation) => DbError::Constraint {
                database: file,
                statement: self.statement.unwrap_or_default(),
                reason,
            },
            _ => self.by_message(reason),
        }
    }

    /// SQLite has one code for all that is wrong with a statement; its message tells them apart.
    fn by_message(&self, reason: String) -> DbError {
        let database = self.file.to_owned();
        let word_after = |mark: &str| {
            let tail = reason.split_once(mark)?.1;
            tail.split_whitespace().next().map(|t| t.trim_matches('"').to_owned())
        };
        if let Some(table) = word_after("no such table: ") {
            return DbError::NoTable { database, table };
        }
        if reason.contains("already exists")
            && let Some(table) = word_after("table ")
        {
            return DbError::TableExists { database, table };
        }
        DbError::Statement { database, statement: self.statement.unwrap_or_default(), reason }
    }
}

/// A value on its way into a statement.
struct Bind<'a>(&'a Value);

impl ToSql for Bind<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Null => ValueRef::Null,
            Value::Int(v) => ValueRef::Integer(*v),
            Value::Real(v) => ValueRef::Real(*v),
            Value::Text(b) => ValueRef::Text(b),
            Value::Blob(b) => ValueRef::Blob(b),
            Value::Time(secs) => ValueRef::Real(julian(*secs)),
        }))
    }
}

/// A value on its way out, as the kind its column is declared to hold.
fn read(value: ValueRef<'_>, kind: Kind) -> Value {
    match (value, kind) {
        (ValueRef::Null, _) => Value::Null,
        (ValueRef::Real(days), Kind::Time) => Value::Time(from_julian(days)),
        (ValueRef::Integer(secs), Kind::Time) => Value::Time(secs),
        (ValueRef::Text(text), Kind::Time) => {
            Civil::parse(text).map_or(Value::Null, |c| Value::Time(c.to_unix()))
        }
        (ValueRef::Integer(v), Kind::Real) => Value::Real(v as f64),
        (ValueRef::Integer(v), Kind::Text) => Value::text(v.to_string()),
        (ValueRef::Real(v), Kind::Text) => Value::text(v.to_string()),
        (ValueRef::Integer(v), _) => Value::Int(v),
        (ValueRef::Real(v), Kind::Int) => Value::Int(v as i64),
        (ValueRef::Real(v), _) => Value::Real(v),
        (ValueRef::Blob(b), _) | (ValueRef::Text(b), Kind::Blob) => {
            Value::Blob(Bytes::copy_from_slice(b))
        }
        (ValueRef::Text(b), Kind::Int) => number(b).map_or(Value::Null, Value::Int),
        (ValueRef::Text(b), Kind::Real) => number(b).map_or(Value::Null, Value::Real),
        (ValueRef::Text(b), Kind::Text) => Value::Text(Bytes::copy_from_slice(b)),
    }
}

fn number<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok()?.trim().parse().ok()
}

/// The Julian day of the Unix epoch.
const EPOCH: f64 = 2_440_587.5;

fn julian(secs: i64) -> f64 {
    EPOCH + secs as f64 / 86_400.0
}

fn from_julian(days: f64) -> i64 {
    ((days - EPOCH) * 86_400.0).round() as i64
}

/// Writes the statement. Names stand in brackets: what stands in double quotes and names nothing,
/// SQLite takes for a text.
fn write_op(sql: &mut String, op: &Op) {
    match op {
        Op::Insert { table, columns, conflict } => {
            let verb = if *conflict == Conflict::Ignore { "INSERT OR IGNORE" } else { "INSERT" };
            let _ = write!(sql, "{verb} INTO [{table}] (");
            list(sql, columns.iter(), ", ", |sql, c| write!(sql, "[{c}]"));
            sql.push_str(") VALUES (");
            list(sql, columns.iter(), ", ", |sql, _| sql.write_char('?'));
            sql.push(')');
            if let Conflict::Update { key, set } = conflict {
                sql.push_str(" ON CONFLICT (");
                list(sql, key.iter(), ", ", |sql, c| write!(sql, "[{c}]"));
                sql.push_str(") DO UPDATE SET ");
                list(sql, set.iter(), ", ", |sql, c| write!(sql, "[{c}]=excluded.[{c}]"));
            }
        }
        Op::Update { table, set, filter } => {
            let _ = write!(sql, "UPDATE [{table}] SET ");
            list(sql, set.iter(), ", ", |sql, c| write!(sql, "[{c}]=?"));
            write_filter(sql, filter);
        }
        Op::Delete { table, filter } => {
            let _ = write!(sql, "DELETE FROM [{table}]");
            write_filter(sql, filter);
        }
        Op::Select(select) => write_select(sql, select),
        Op::Native { text, .. } => sql.push_str(text),
        Op::Create(table) => write_table(sql, table, false),
        Op::CreateNew(table) => write_table(sql, table, true),
    }
}

fn write_select(sql: &mut String, select: &Select) {
    sql.push_str("SELECT ");
    list(sql, select.columns.iter(), ", ", |sql, (c, _)| write!(sql, "[{c}]"));
    let _ = write!(sql, " FROM [{}]", select.table);
    write_filter(sql, &select.filter);
    if !select.order.is_empty() {
        sql.push_str(" ORDER BY ");
        list(sql, select.order.iter(), ", ", |sql, (c, rising)| {
            write!(sql, "[{c}]{}", if *rising { "" } else { " DESC" })
        });
    }
    if let Some(limit) = select.limit {
        let _ = write!(sql, " LIMIT {limit}");
    }
}

fn write_filter(sql: &mut String, filter: &[(Name, Cmp)]) {
    if filter.is_empty() {
        return;
    }
    sql.push_str(" WHERE ");
    list(sql, filter.iter(), " AND ", |sql, (column, cmp)| {
        let sign = match cmp {
            Cmp::Eq => " IS ",
            Cmp::Ne => " IS NOT ",
            Cmp::Lt => "<",
            Cmp::Le => "<=",
            Cmp::Gt => ">",
            Cmp::Ge => ">=",
        };
        write!(sql, "[{column}]{sign}?")
    });
}

/// Writes each item, `between` between them. Writing to a `String` cannot fail.
fn list<T>(
    sql: &mut String,
    items: impl Iterator<Item = T>,
    between: &str,
    mut write: impl FnMut(&mut String, T) -> std::fmt::Result,
) {
    for (i, item) in items.enumerate() {
        if i > 0 {
            sql.push_str(between);
        }
        let _ = write(sql, item);
    }
}

/// The statements that make a table, in the words of `kamdbctl`'s SQLite scripts.
fn write_table(sql: &mut String, table: &Table, fresh: bool) {
    let unless = if fresh { "" } else { "IF NOT EXISTS " };
    let name = &table.name;
    let _ = write!(sql, "CREATE TABLE {unless}[{name}] (\n    id INTEGER PRIMARY KEY NOT NULL");
    for column in &table.columns {
        sql.push_str(",\n    ");
        write_column(sql, column);
    }
    for (key, columns) in &table.unique {
        let _ = write!(sql, ",\n    CONSTRAINT {key} UNIQUE (");
        list(sql, columns.iter(), ", ", |sql, c| write!(sql, "[{c}]"));
        sql.push(')');
    }
    sql.push_str("\n);\n");
    for (index, columns) in &table.indexes {
        let _ = write!(sql, "CREATE INDEX {unless}[{index}] ON [{name}] (");
        list(sql, columns.iter(), ", ", |sql, c| write!(sql, "[{c}]"));
        sql.push_str(");\n");
    }
}

fn write_column(sql: &mut String, column: &Column) {
    let _ = write!(sql, "[{}] ", column.name);
    let _ = match (column.kind, column.size) {
        (Kind::Int, _) => sql.write_str("INTEGER"),
        (Kind::Real, _) => sql.write_str("REAL"),
        (Kind::Text, Some(size)) => write!(sql, "VARCHAR({size})"),
        (Kind::Text, None) => sql.write_str("TEXT"),
        (Kind::Blob, _) => sql.write_str("BLOB"),
        (Kind::Time, _) => sql.write_str("TIMESTAMP WITHOUT TIME ZONE"),
    };
    let _ = match &column.default {
        Value::Null if column.nullable => sql.write_str(" DEFAULT NULL"),
        Value::Null | Value::Blob(_) => Ok(()),
        Value::Int(v) => write!(sql, " DEFAULT {v}"),
        Value::Real(v) => write!(sql, " DEFAULT {v:?}"),
        // As a number, unlike in kamdbctl's scripts: text would sort behind every Julian day.
        Value::Time(secs) => write!(sql, " DEFAULT {:?}", julian(*secs)),
        Value::Text(text) => {
            write!(sql, " DEFAULT '{}'", String::from_utf8_lossy(text).replace('\'', "''"))
        }
    };
    if !column.nullable {
        sql.push_str(" NOT NULL");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_survives_the_julian_day() {
        for secs in [0, 1, 86_399, 1_795_389_698, 4_294_967_295] {
            assert_eq!(from_julian(julian(secs)), secs);
        }
        // What Kamailio 5.6.3 wrote for 2026-11-22 23:16:40.5 UTC, give or take its rounding.
        assert_eq!(from_julian(2_461_367.469_913_19), 1_795_389_400);
    }

    #[test]
    fn an_upsert_touches_only_what_it_is_told_to() {
        let mut sql = String::new();
        write_op(
            &mut sql,
            &Op::insert("t", &["k", "a", "b"])
                .on_conflict(Conflict::Update { key: vec!["k".into()], set: vec!["a".into()] }),
        );
        assert_eq!(
            sql,
            "INSERT INTO [t] ([k], [a], [b]) VALUES (?, ?, ?) \
             ON CONFLICT ([k]) DO UPDATE SET [a]=excluded.[a]"
        );
    }
}
