//! The values that pass between routes, functions and parameters.

use std::fmt;

use bytes::Bytes;
use smallvec::SmallVec;

/// A value of a route: Kamailio's integers and strings, and its `$null`.
#[derive(Clone, PartialEq, Eq, Default)]
pub enum Value {
    /// No value.
    #[default]
    Null,
    /// An integer.
    Int(i64),
    /// A string of any bytes.
    Str(Bytes),
}

/// The arguments of a function; two, the most that common ones have, stand without an allocation.
/// They are moved a few times with every action, so room for more would cost everybody.
pub type Args = SmallVec<[Value; 2]>;

impl Value {
    /// The integer, also of a string that is written as one.
    #[must_use]
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(n) => Some(*n),
            Self::Str(s) => std::str::from_utf8(s).ok()?.trim().parse().ok(),
            Self::Null => None,
        }
    }

    /// The string's bytes; `None` for integers and null.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&Bytes> {
        match self {
            Self::Str(s) => Some(s),
            _ => None,
        }
    }

    /// The string if it is UTF-8.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        self.as_bytes().and_then(|b| std::str::from_utf8(b).ok())
    }

    /// The word for the value's type in messages: `null`, `integer`, `string`.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Int(_) => "integer",
            Self::Str(_) => "string",
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Int(n) => write!(f, "{n}"),
            Self::Str(s) => write!(f, "{:?}", String::from_utf8_lossy(s)),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("<null>"),
            Self::Int(n) => write!(f, "{n}"),
            Self::Str(s) => f.write_str(&String::from_utf8_lossy(s)),
        }
    }
}

impl From<i64> for Value {
    fn from(n: i64) -> Self {
        Self::Int(n)
    }
}

impl From<i32> for Value {
    fn from(n: i32) -> Self {
        Self::Int(i64::from(n))
    }
}

impl From<u16> for Value {
    fn from(n: u16) -> Self {
        Self::Int(i64::from(n))
    }
}

impl From<bool> for Value {
    fn from(b: bool) -> Self {
        Self::Int(i64::from(b))
    }
}

impl From<&'static str> for Value {
    fn from(s: &'static str) -> Self {
        Self::Str(Bytes::from_static(s.as_bytes()))
    }
}

impl From<String> for Value {
    fn from(s: String) -> Self {
        Self::Str(Bytes::from(s))
    }
}

impl From<Bytes> for Value {
    fn from(b: Bytes) -> Self {
        Self::Str(b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_that_is_a_number_counts_as_one() {
        assert_eq!(Value::from("17 ").as_int(), Some(17));
        assert_eq!(Value::from("x").as_int(), None);
        assert_eq!(Value::Null.as_int(), None);
        assert_eq!(Value::from(true), Value::Int(1));
    }

    #[test]
    fn a_value_is_no_larger_than_its_string() {
        assert!(size_of::<Value>() <= size_of::<Bytes>() + 8);
    }
}
