//! Declared parameters: cells that a module reads with one load and that anybody sets by name.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use parking_lot::RwLock;
use thiserror::Error;

use crate::value::Value;

/// The type of a parameter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ParamKind {
    /// An integer.
    Int,
    /// A string.
    Str,
}

/// When a parameter may be set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum When {
    /// Until the engine starts, as a `modparam` of a config.
    BeforeStart,
    /// At any time.
    Always,
}

type Setter = Arc<dyn Fn(&Value) -> Result<(), String> + Send + Sync>;
type Getter = Arc<dyn Fn() -> Value + Send + Sync>;

/// A parameter of a module.
#[derive(Clone)]
pub struct Param {
    /// The module.
    pub module: &'static str,
    /// The name.
    pub name: &'static str,
    /// The type.
    pub kind: ParamKind,
    /// The value it has unless set.
    pub default: Value,
    /// The integers it takes, if it is one.
    pub range: RangeInclusive<i64>,
    /// When it may be set.
    pub when: When,
    /// What it does.
    pub doc: &'static str,
    pub(super) setter: Setter,
    pub(super) getter: Getter,
}

impl Param {
    /// The value it has now.
    #[must_use]
    pub fn value(&self) -> Value {
        (self.getter)()
    }

    pub(super) fn set(&self, value: &Value) -> Result<(), ParamError> {
        let (module, name) = (self.module, self.name);
        match (self.kind, value) {
            (ParamKind::Int, Value::Int(n)) if !self.range.contains(n) => Err(ParamError::Range {
                module,
                name,
                given: *n,
                min: *self.range.start(),
                max: *self.range.end(),
            }),
            (ParamKind::Int, Value::Int(_)) | (ParamKind::Str, Value::Str(_)) => {
                (self.setter)(value).map_err(|problem| ParamError::Refused {
                    module,
                    name,
                    problem,
                })
            }
            (kind, value) => Err(ParamError::Type {
                module,
                name,
                wants: if kind == ParamKind::Int { "an integer" } else { "a string" },
                given: value.type_name(),
            }),
        }
    }
}

/// Why a parameter was not set.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum ParamError {
    /// The module is not loaded.
    #[error("no module is named `{0}`")]
    UnknownModule(String),
    /// The module has no such parameter.
    #[error("module {module} has no parameter `{name}`{}", hint.as_ref().map(|h| format!("; did you mean `{h}`?")).unwrap_or_default())]
    Unknown {
        /// The module.
        module: String,
        /// What was asked for.
        name: String,
        /// What was probably meant.
        hint: Option<String>,
    },
    /// The value is of the wrong type.
    #[error("{module}.{name} takes {wants}, not a value of type {given}")]
    Type {
        /// The module.
        module: &'static str,
        /// The parameter.
        name: &'static str,
        /// What it takes.
        wants: &'static str,
        /// What came.
        given: &'static str,
    },
    /// The integer is out of range.
    #[error("{module}.{name} takes {min} to {max}, not {given}")]
    Range {
        /// The module.
        module: &'static str,
        /// The parameter.
        name: &'static str,
        /// What came.
        given: i64,
        /// Smallest.
        min: i64,
        /// Largest.
        max: i64,
    },
    /// It may only be set before the engine starts.
    #[error("{module}.{name} may only be set before the engine starts")]
    TooLate {
        /// The module.
        module: &'static str,
        /// The parameter.
        name: &'static str,
    },
    /// The module refused the value.
    #[error("{module}.{name}: {problem}")]
    Refused {
        /// The module.
        module: &'static str,
        /// The parameter.
        name: &'static str,
        /// Why.
        problem: String,
    },
}

/// The cell of an integer parameter; clones share it.
#[derive(Clone, Debug)]
pub struct IntParam(Arc<AtomicI64>);

impl IntParam {
    /// A cell with its default.
    #[must_use]
    pub fn new(default: i64) -> Self {
        Self(Arc::new(AtomicI64::new(default)))
    }

    /// The value: one relaxed load.
    #[must_use]
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Whether it is not 0.
    #[must_use]
    pub fn on(&self) -> bool {
        self.get() != 0
    }

    /// Sets it, for modules that adjust their own parameters.
    pub fn set(&self, value: i64) {
        self.0.store(value, Ordering::Relaxed);
    }
}

/// The cell of a string parameter; clones share it.
#[derive(Clone, Debug)]
pub struct StrParam(Arc<RwLock<Bytes>>);

impl StrParam {
    /// A cell with its default.
    #[must_use]
    pub fn new(default: &'static str) -> Self {
        Self(Arc::new(RwLock::new(Bytes::from_static(default.as_bytes()))))
    }

    /// The value; a reference count, no copy.
    #[must_use]
    pub fn get(&self) -> Bytes {
        self.0.read().clone()
    }

    /// The value as text; invalid UTF-8 is replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.get()).into_owned()
    }

    /// Sets it.
    pub fn set(&self, value: Bytes) {
        *self.0.write() = value;
    }
}
