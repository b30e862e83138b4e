//! RPC values and errors, the same for every way in (JSON-RPC, the Rust and C API, `ctl`).

use std::fmt;
use std::sync::Arc;

use sip_core::time::Now;
use thiserror::Error;

use crate::module::EngineParts;

/// A value of an RPC call: parameters and results. Structures keep their order, as Kamailio's do.
#[derive(Clone, PartialEq, Debug)]
pub enum RpcValue {
    /// Nothing.
    Null,
    /// A truth value (JSON only; Kamailio's binary protocol has integers).
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A floating-point number.
    Double(f64),
    /// A string.
    Str(String),
    /// A list.
    Array(Vec<Self>),
    /// A structure; a name may occur more than once.
    Struct(Vec<(String, Self)>),
}

impl RpcValue {
    /// The integer, also of a string written as one.
    #[must_use]
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(n) => Some(*n),
            Self::Str(s) => s.trim().parse().ok(),
            _ => None,
        }
    }

    /// The string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(s) => Some(s),
            _ => None,
        }
    }

    /// The number, of an integer, a double or a string written as one.
    #[must_use]
    pub fn as_double(&self) -> Option<f64> {
        match self {
            Self::Int(n) => Some(*n as f64),
            Self::Double(d) => Some(*d),
            Self::Str(s) => s.trim().parse().ok(),
            _ => None,
        }
    }

    /// The first member called `name` of a structure.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Struct(members) => members.iter().find(|(n, _)| n == name).map(|(_, v)| v),
            _ => None,
        }
    }
}

/// Builds a structure member by member.
#[derive(Default)]
pub struct StructBuilder(Vec<(String, RpcValue)>);

impl StructBuilder {
    /// An empty structure.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a member.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<RpcValue>) -> Self {
        self.0.push((name.into(), value.into()));
        self
    }

    /// The structure.
    #[must_use]
    pub fn build(self) -> RpcValue {
        RpcValue::Struct(self.0)
    }
}

impl From<i64> for RpcValue {
    fn from(n: i64) -> Self {
        Self::Int(n)
    }
}
impl From<u64> for RpcValue {
    fn from(n: u64) -> Self {
        Self::Int(i64::try_from(n).unwrap_or(i64::MAX))
    }
}
impl From<usize> for RpcValue {
    fn from(n: usize) -> Self {
        Self::Int(i64::try_from(n).unwrap_or(i64::MAX))
    }
}
impl From<u32> for RpcValue {
    fn from(n: u32) -> Self {
        Self::Int(i64::from(n))
    }
}
impl From<i32> for RpcValue {
    fn from(n: i32) -> Self {
        Self::Int(i64::from(n))
    }
}
impl From<u16> for RpcValue {
    fn from(n: u16) -> Self {
        Self::Int(i64::from(n))
    }
}
impl From<f64> for RpcValue {
    fn from(n: f64) -> Self {
        Self::Double(n)
    }
}
impl From<&str> for RpcValue {
    fn from(s: &str) -> Self {
        Self::Str(s.to_owned())
    }
}
impl From<String> for RpcValue {
    fn from(s: String) -> Self {
        Self::Str(s)
    }
}
impl From<&[u8]> for RpcValue {
    fn from(s: &[u8]) -> Self {
        Self::Str(String::from_utf8_lossy(s).into_owned())
    }
}
impl From<Vec<Self>> for RpcValue {
    fn from(v: Vec<Self>) -> Self {
        Self::Array(v)
    }
}

/// A failed RPC: a code as Kamailio's commands give them (400, 404, 500 …) and a text.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{code} {message}")]
pub struct RpcError {
    /// The code.
    pub code: i32,
    /// What went wrong.
    pub message: String,
}

impl RpcError {
    /// An error with a code and a text.
    #[must_use]
    pub fn new(code: i32, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// What an RPC command may reach. A command runs on a worker and must not block it.
pub struct RpcCx<'a> {
    /// The time of the turn.
    pub now: Now,
    /// Registry, listeners, domains, log, events.
    pub engine: &'a Arc<EngineParts>,
    /// Chance, for commands that create records.
    pub rng: &'a mut dyn sip_core::rng::Rng,
    /// Transactions and proxy core.
    pub proxy: &'a Arc<sip_core::proxy::Proxy>,
}

/// The code of an RPC command.
pub type RpcHandler =
    Arc<dyn Fn(&mut RpcCx<'_>, &[RpcValue]) -> Result<RpcValue, RpcError> + Send + Sync>;

/// Reads the parameters of a command with errors that name the position.
pub struct RpcArgs<'a> {
    args: &'a [RpcValue],
    next: usize,
}

impl<'a> RpcArgs<'a> {
    /// A reader at the first parameter.
    #[must_use]
    pub const fn new(args: &'a [RpcValue]) -> Self {
        Self { args, next: 0 }
    }

    fn take<T>(
        &mut self,
        what: &str,
        read: impl Fn(&'a RpcValue) -> Option<T>,
    ) -> Result<T, RpcError> {
        let at = self.next + 1;
        let value = self
            .args
            .get(self.next)
            .ok_or_else(|| RpcError::new(400, format!("parameter {at} ({what}) is missing")))?;
        self.next += 1;
        read(value).ok_or_else(|| RpcError::new(400, format!("parameter {at} must be {what}")))
    }

    /// The next parameter as a string.
    ///
    /// # Errors
    /// 400 when it is missing or no string.
    pub fn str(&mut self, what: &str) -> Result<&'a str, RpcError> {
        self.take(what, RpcValue::as_str)
    }

    /// The next parameter as a string; the number or text 0 is an empty one.
    ///
    /// # Errors
    /// 400 when it is missing, or neither a string nor 0.
    pub fn str_or_0(&mut self, what: &str) -> Result<&'a str, RpcError> {
        self.take(what, |value| match value {
            RpcValue::Int(0) => Some(""),
            other => other.as_str().map(|s| if s == "0" { "" } else { s }),
        })
    }

    /// The next parameter as an integer.
    ///
    /// # Errors
    /// 400 when it is missing or no integer.
    pub fn int(&mut self, what: &str) -> Result<i64, RpcError> {
        self.take(what, RpcValue::as_int)
    }

    /// The next parameter as a number.
    ///
    /// # Errors
    /// 400 when it is missing or no number.
    pub fn double(&mut self, what: &str) -> Result<f64, RpcError> {
        self.take(what, RpcValue::as_double)
    }

    /// Whether no parameter is left.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.next >= self.args.len()
    }
}

impl fmt::Display for RpcValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("<null>"),
            Self::Bool(b) => write!(f, "{b}"),
            Self::Int(n) => write!(f, "{n}"),
            Self::Double(d) => write!(f, "{d}"),
            Self::Str(s) => f.write_str(s),
            Self::Array(_) | Self::Struct(_) => write!(f, "{self:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_or_wrong_parameter_is_named_by_position() {
        let args = [RpcValue::from("location"), RpcValue::from("x")];
        let mut a = RpcArgs::new(&args);
        assert_eq!(a.str("a table").unwrap(), "location");
        assert_eq!(a.int("an expiry").unwrap_err().message, "parameter 2 must be an expiry");
        assert_eq!(a.str("an AOR").unwrap_err().message, "parameter 3 (an AOR) is missing");
    }
}
