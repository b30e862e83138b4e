//! Where a scenario is wrong or went wrong, and how it is told.

use std::fmt;

/// A place in a scenario file, counted from 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

/// A scenario that cannot be read, or that went otherwise than it says.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The file's name.
    pub file: String,
    /// Where.
    pub place: Place,
    /// What.
    pub message: String,
    /// The line of the file.
    pub source: String,
    /// The seed and the ladder, once something was played.
    pub ladder: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { line, column } = self.place;
        writeln!(f, "{}:{line}:{column}: {}", self.file, self.message)?;
        writeln!(f, "  | {}", self.source)?;
        writeln!(f, "  | {:>column$}", "^")?;
        f.write_str(&self.ladder)
    }
}

impl std::error::Error for Failure {}
