//! The parameters of usrloc and registrar as plain values. Who declares them for configuration
//! hands them down; every number has Kamailio's default unless its doc says otherwise.

use thiserror::Error;

use crate::matching::MatchingMode;

/// How a location table uses a database: usrloc's `db_mode`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum DbMode {
    /// 0: not at all.
    #[default]
    None,
    /// 1: a change is answered once it is committed.
    WriteThrough,
    /// 2: changes are written behind, at every flush; a crash loses those since the last one.
    WriteBack,
    /// 4: the table is loaded at start and never written.
    LoadOnly,
}

/// A `db_mode` that cannot be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum DbModeError {
    /// 3, without a cache in memory.
    #[error("db_mode 3 (database only) is not available; use 1 (write-through)")]
    DatabaseOnly,
    /// No mode has this number.
    #[error("db_mode {0} is none of 0, 1, 2, 4")]
    Unknown(i64),
}

impl DbMode {
    /// The mode with Kamailio's number.
    ///
    /// # Errors
    /// For a number without a mode, and for 3.
    pub const fn from_number(number: i64) -> Result<Self, DbModeError> {
        Ok(match number {
            0 => Self::None,
            1 => Self::WriteThrough,
            2 => Self::WriteBack,
            3 => return Err(DbModeError::DatabaseOnly),
            4 => Self::LoadOnly,
            other => return Err(DbModeError::Unknown(other)),
        })
    }

    /// Kamailio's number of the mode.
    #[must_use]
    pub const fn number(self) -> i64 {
        match self {
            Self::None => 0,
            Self::WriteThrough => 1,
            Self::WriteBack => 2,
            Self::LoadOnly => 4,
        }
    }

    /// Whether the table is filled from the database at start.
    #[must_use]
    pub const fn loads(self) -> bool {
        !matches!(self, Self::None)
    }

    /// Whether changes reach the database.
    #[must_use]
    pub const fn writes(self) -> bool {
        matches!(self, Self::WriteThrough | Self::WriteBack)
    }
}

/// What happens to a change that the database refused, under write-through.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OnFailure {
    /// It is taken back, and the request is to be answered 500 (RFC 3261 10.3 step 7). What was
    /// bound before stays bound.
    #[default]
    TakeBack,
    /// It stays and is written at the next flush that succeeds; the request may be answered 200,
    /// and a crash before that flush loses it.
    WriteLater,
}

/// The parameters of one location table.
#[derive(Clone, Debug)]
pub struct DomainConfig {
    /// Buckets: 2 to the power of this (`hash_size`), at most 20.
    pub hash_size: u32,
    /// Which binding a contact means (`matching_mode`).
    pub matching: MatchingMode,
    /// For so many seconds a REGISTER with the Call-ID and CSeq of the last one counts as its
    /// retransmission: answered, without effect (`cseq_delay`).
    pub cseq_delay: u32,
    /// Bindings are kept newest first and not by q (`desc_time_order`).
    pub newest_first: bool,
    /// How the database is used (`db_mode`).
    pub mode: DbMode,
    /// What happens to a change that the database refused.
    pub on_failure: OnFailure,
    /// The host belongs to the address-of-record (`use_domain`).
    pub use_domain: bool,
    /// Bindings in the table at most, 0 for no limit. Not in Kamailio, whose shared memory ends
    /// instead.
    pub capacity: u64,
    /// REGISTERs waiting for their commit at most.
    pub queue: usize,
    /// Rows to delete that wait for a flush at most, in each bucket; more are left to expire.
    pub unflushed_deletes: usize,
}

impl Default for DomainConfig {
    fn default() -> Self {
        Self {
            hash_size: 10,
            matching: MatchingMode::default(),
            cseq_delay: 20,
            newest_first: false,
            mode: DbMode::None,
            on_failure: OnFailure::default(),
            use_domain: false,
            capacity: 0,
            queue: 65_536,
            unflushed_deletes: 65_536,
        }
    }
}

/// What `path_mode` says about a client that sends a Path through a proxy (RFC 3327 5.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum PathMode {
    /// 0, off: the Path is kept and never sent back.
    Off,
    /// 1, lazy: it is kept, and sent back to clients that support it.
    Lazy,
    /// 2, strict: a client that does not support it is refused with 420.
    #[default]
    Strict,
}

impl PathMode {
    /// The mode with Kamailio's number; `None` for no mode's.
    #[must_use]
    pub const fn from_number(number: i64) -> Option<Self> {
        Some(match number {
            0 => Self::Off,
            1 => Self::Lazy,
            2 => Self::Strict,
            _ => return None,
        })
    }
}

/// The parameters of the registrar. Times are in seconds.
#[derive(Clone, Debug)]
pub struct RegistrarParams {
    /// The lifetime of a binding for which the client asks none.
    pub default_expires: u32,
    /// By how many per cent at most a default lifetime is shortened by chance.
    pub default_expires_range: u32,
    /// By how many per cent at most a lifetime that was asked for is shortened by chance.
    pub expires_range: u32,
    /// The shortest lifetime, 0 for none.
    pub min_expires: u32,
    /// A shorter one is refused with 423 and not lengthened (`min_expires_mode` 1).
    pub refuse_short: bool,
    /// The longest lifetime, 0 for none; a longer one is shortened.
    pub max_expires: u32,
    /// The q of a binding for which the client gives none, in thousandths; `None`: it has none.
    pub default_q: Option<u16>,
    /// Bindings of one address-of-record at most, 0 for no limit; else 503.
    pub max_contacts: u32,
    /// Retry-After in a 5xx, 0 for none.
    pub retry_after: u32,
    /// The longest contact URI and the longest received URI, in bytes; else 400.
    pub contact_max_size: usize,
    /// Path headers count.
    pub use_path: bool,
    /// How, if they do.
    pub path_mode: PathMode,
    /// The `received` parameter of the first Path URI is taken as the client's real address.
    pub path_use_received: bool,
    /// The reg-id of clients counts that do not support RFC 5626 (`regid_mode` 1).
    pub use_regid: bool,
    /// Bounds that Kamailio does not have.
    pub limits: Limits,
}

/// Bounds on what a REGISTER can have us keep. Kamailio leaves them to its memory and to the
/// widths of its database columns, which these are.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Contacts in one REGISTER; more are answered 400.
    pub contacts_per_request: usize,
    /// Bytes of a Call-ID; longer ones are answered 400.
    pub call_id: usize,
    /// Bytes of all Path headers; longer ones are answered 400.
    pub path: usize,
    /// Bytes of an instance id; longer ones are answered 400.
    pub instance: usize,
    /// Bytes of a User-Agent that are kept.
    pub user_agent: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { contacts_per_request: 32, call_id: 255, path: 512, instance: 255, user_agent: 255 }
    }
}

impl Default for RegistrarParams {
    fn default() -> Self {
        Self {
            default_expires: 3600,
            default_expires_range: 0,
            expires_range: 0,
            min_expires: 60,
            refuse_short: false,
            max_expires: 0,
            default_q: None,
            max_contacts: 0,
            retry_after: 0,
            contact_max_size: 512,
            use_path: false,
            path_mode: PathMode::default(),
            path_use_received: false,
            use_regid: false,
            limits: Limits::default(),
        }
    }
}
