//! What can go wrong with a database, each with the file or table it went wrong in.

use thiserror::Error;

/// Why a database could not be opened or a batch was not done. When a batch fails, nothing of it
/// was done.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum DbError {
    /// The URL names no database.
    #[error("{0}")]
    Url(#[from] UrlError),
    /// No driver of this build serves the URL's scheme.
    #[error("no driver for {0}: databases in this build")]
    NoDriver(String),
    /// The database could not be opened.
    #[error("{database}: cannot be opened: {reason}")]
    Open {
        /// The file, or the server's address.
        database: String,
        /// What the system or the server said.
        reason: String,
    },
    /// The file holds something else than a database, or a damaged one.
    #[error("{file}: not a database, or damaged ({reason})")]
    NotADatabase {
        /// The file.
        file: String,
        /// What was found wrong.
        reason: String,
    },
    /// The file or its directory cannot be written.
    #[error("{file}: cannot be written; the file and its directory must be writable ({reason})")]
    ReadOnly {
        /// The file.
        file: String,
        /// What the database said.
        reason: String,
    },
    /// Somebody else held the database for longer than we wait.
    #[error("{database}: locked by another process for more than {waited_ms} ms")]
    Locked {
        /// The file, or the server's address.
        database: String,
        /// How long we waited, in milliseconds.
        waited_ms: u64,
    },
    /// There is no room left.
    #[error("{database}: no space left")]
    Full {
        /// The file, or the server's address.
        database: String,
    },
    /// Reading or writing the storage failed.
    #[error("{database}: input/output error: {reason}")]
    Io {
        /// The file, or the server's address.
        database: String,
        /// What the system said.
        reason: String,
    },
    /// The database is gone for now: the server is down, or the connection broke.
    #[error("{database}: not available: {reason}")]
    Unavailable {
        /// The server's address.
        database: String,
        /// What the system said.
        reason: String,
    },
    /// A statement names a table that is not there.
    #[error("{database}: there is no table {table}")]
    NoTable {
        /// The file, or the server's address.
        database: String,
        /// The table.
        table: String,
    },
    /// A table that was to be made is there.
    #[error("{database}: table {table} exists already")]
    TableExists {
        /// The file, or the server's address.
        database: String,
        /// The table.
        table: String,
    },
    /// The table was made by another version of its layout.
    #[error("{database}: table {table} has version {found}, this program needs {wanted}")]
    Version {
        /// The file, or the server's address.
        database: String,
        /// The table.
        table: String,
        /// Its version by the table `version`.
        found: i64,
        /// What is needed.
        wanted: i64,
    },
    /// The table is there, but the table `version` does not know it.
    #[error("{database}: table {table} exists without a version; expected version {wanted}")]
    NoVersion {
        /// The file, or the server's address.
        database: String,
        /// The table.
        table: String,
        /// What is needed.
        wanted: i64,
    },
    /// A row breaks a rule of its table, as a unique key.
    #[error("{database}: statement {statement} breaks a constraint: {reason}")]
    Constraint {
        /// The file, or the server's address.
        database: String,
        /// The statement's place in the batch, from 0.
        statement: usize,
        /// Which one.
        reason: String,
    },
    /// The database refused a statement for another reason.
    #[error("{database}: statement {statement} failed: {reason}")]
    Statement {
        /// The file, or the server's address.
        database: String,
        /// The statement's place in the batch, from 0.
        statement: usize,
        /// What the database said.
        reason: String,
    },
    /// The driver cannot do this kind of statement.
    #[error("{database}: {what} is not supported")]
    Unsupported {
        /// The file, or the server's address.
        database: String,
        /// What was asked.
        what: &'static str,
    },
}

impl DbError {
    /// Whether the same batch may succeed later without anybody changing it: the database is
    /// busy, full, unreachable or its storage failed. What a statement itself is at fault for is
    /// not.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Locked { .. }
                | Self::Full { .. }
                | Self::Io { .. }
                | Self::Unavailable { .. }
                | Self::Open { .. }
                | Self::ReadOnly { .. }
        )
    }
}

/// Why a text is no database URL. Never carries the password.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum UrlError {
    /// There is no scheme in front.
    #[error("a database URL begins with its kind, as sqlite:///var/lib/app.db")]
    NoScheme,
    /// The port is no number from 1 to 65535.
    #[error("{scheme}: the port is not a number from 1 to 65535")]
    Port {
        /// The URL's scheme.
        scheme: String,
    },
    /// A server URL without a host, or a file URL without a path.
    #[error("{scheme}: the {missing} is missing")]
    Missing {
        /// The URL's scheme.
        scheme: String,
        /// What is missing.
        missing: &'static str,
    },
    /// A parameter has a value that it does not take.
    #[error("{scheme}: parameter {name} takes {takes}")]
    Parameter {
        /// The URL's scheme.
        scheme: String,
        /// The parameter.
        name: String,
        /// What it takes.
        takes: &'static str,
    },
}
