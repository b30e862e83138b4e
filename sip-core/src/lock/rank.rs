//! The order in which locks may be taken.

use std::fmt;

/// A lock's place in the order: a thread that holds one lock takes another only of a higher rank.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Rank(u8);

impl Rank {
    /// Locks that the host program creates.
    pub const HOST: Self = Self(0);
    /// The table of logical locks.
    pub const KEY: Self = Self(2);
    /// Hash tables of the htable kind.
    pub const HTABLE: Self = Self(5);
    /// Digest nonces and their counts.
    pub const NONCE: Self = Self(8);
    /// The location tables.
    pub const LOCATION: Self = Self(10);
    /// The dialog table.
    pub const DIALOG: Self = Self(20);
    /// The transaction table.
    pub const TXN: Self = Self(30);
    /// Connection tables.
    pub const CONN: Self = Self(40);
    /// The DNS cache and the blocklists.
    pub const DNS: Self = Self(50);
    /// Queues between threads.
    pub const QUEUE: Self = Self(60);
    /// Growing a memory pool (charging one takes no lock).
    pub const POOL: Self = Self(90);
    /// Registries of what exists.
    pub const REGISTRY: Self = Self(95);

    /// A rank between the named ones.
    #[must_use]
    pub const fn new(level: u8) -> Self {
        Self(level)
    }

    /// The rank as a number; higher is taken later.
    #[must_use]
    pub const fn level(self) -> u8 {
        self.0
    }
}

impl fmt::Display for Rank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
