//! Database batches for looseroute: what a statement is, and the drivers that run them.
//!
//! This crate must not know SIP. It knows tables, columns, values and batches; what they mean is
//! for its users. A [`Batch`] is one transaction: all of it happens or none of it. A [`Driver`]
//! blocks while it works and so belongs on a thread of its own, never on a worker.
//!
//! ```
//! use sip_db::{Batch, Cmp, Column, Driver, Kind, MemoryDb, Name, Op, Table, Value};
//!
//! let mut db = MemoryDb::new("example").connect();
//! let table = Table::new(Name::fixed("pets"))
//!     .column(Column::new(Name::fixed("name"), Kind::Text).size(64))
//!     .unique(Name::fixed("pets_name_idx"), &[Name::fixed("name")]);
//! let mut batch = Batch::new();
//! batch.run(Op::create(table), vec![]);
//! batch.run(Op::insert("pets", &["name"]), vec![Value::text("rex")]);
//! batch.run(
//!     Op::select("pets", &[("name", Kind::Text)]).filter("name", Cmp::Eq),
//!     vec![Value::text("rex")],
//! );
//! let result = db.run(&batch)?;
//! assert_eq!(result.rows(2).len(), 1);
//! # Ok::<(), sip_db::DbError>(())
//! ```

#![forbid(unsafe_code)]

mod driver;
mod drivers;
mod error;
mod query;
mod schema;
mod url;
mod value;

pub use driver::{Driver, OpenOptions, open};
pub use drivers::faulty::{Fault, Faults, FaultyDriver};
pub use drivers::memory::{MemoryDb, MemoryDriver};
#[cfg(feature = "sqlite")]
pub use drivers::sqlite::SqliteDriver;
pub use error::{DbError, UrlError};
pub use query::{
    Batch, BatchResult, Cmp, Conflict, Name, NameError, Op, Outcome, Row, Select, Statement,
};
pub use schema::{Column, Found, Table, ensure_table, table_version};
pub use url::{DbUrl, Durability};
pub use value::{Civil, Kind, Value};
