//! The location service and the registrar of looseroute (RFC 3261 10), without IO.
//!
//! This crate must not know script, registry or sockets. It is handed messages, times and chance,
//! and hands back replies' headers, targets, events and rows to write. It can be used by itself:
//! a [`Domain`] is a location table, [`Plan`] reads a REGISTER, [`lookup`](registrar::lookup)
//! finds targets, a [`Writer`] on a thread of its own keeps a database in step.
//!
//! Read first: RFC 3261 10, RFC 3327 (Path), RFC 5626 4 (instance ids and flows), and the
//! documentation of Kamailio's modules usrloc and registrar, whose parameters, statistics and
//! table these are.
//!
//! ```text
//!  REGISTER ── Plan::new ── Domain::save ──┬─ memory, write-back ── 200
//!                             │            └─ write-through: Outbox ─ Writer::turn ─ store
//!                             │                                         └ settle ── 200 or 500
//!  INVITE ─── lookup ─────────┤
//!  timer ──── Domain::expire, Writer::flush
//! ```

#![forbid(unsafe_code)]

pub mod aor;
pub mod contact;
pub mod domain;
pub mod events;
mod hash;
pub mod matching;
pub mod methods;
pub mod params;
pub mod persist;
mod record;
pub mod registrar;
pub mod ruid;
pub mod stats;
pub mod store;

pub use aor::{Aor, AorError, AorRules};
pub use contact::{Contact, ContactData, PERMANENT};
pub use domain::{Changed, Domain, Listed, Loaded, SaveKind, Saved, Sweep};
pub use events::{Event, EventKind, EventMask};
pub use matching::MatchingMode;
pub use methods::Methods;
pub use params::{DbMode, DomainConfig, Limits, OnFailure, PathMode, RegistrarParams};
pub use persist::change::{RowAction, RowChange};
pub use persist::outbox::Outbox;
pub use persist::writer::{Completion, FlushReport, LoadReport, Turned, Writer};
pub use registrar::lookup::{Looked, LookupRules, LookupTarget, Targets, lookup};
pub use registrar::plan::{Binding, Plan, Request, SaveOptions};
pub use registrar::reject::Reject;
pub use registrar::reply::{ReplyParams, write_date};
pub use ruid::Ruids;
pub use stats::{RegistrarStats, declare_domain, declare_registered_users};
pub use store::sql::SqlLocationStore;
pub use store::{LocationStore, Scanned, StoreError, StoredRow};
