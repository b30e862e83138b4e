//! Kinds of routes, as a mask: where a function may be used, and what one route is.

use std::ops::BitOr;

/// A set of route kinds; a route itself has exactly one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RouteMask(u16);

impl RouteMask {
    /// `request_route` and the routes called from it.
    pub const REQUEST: Self = Self(1);
    /// `failure_route`.
    pub const FAILURE: Self = Self(1 << 1);
    /// A transaction's `onreply_route`.
    pub const TM_ONREPLY: Self = Self(1 << 2);
    /// `branch_route`.
    pub const BRANCH: Self = Self(1 << 3);
    /// The global `reply_route`.
    pub const CORE_ONREPLY: Self = Self(1 << 4);
    /// `onsend_route`.
    pub const ONSEND: Self = Self(1 << 5);
    /// `event_route[tm:branch-failure:…]`.
    pub const BRANCH_FAILURE: Self = Self(1 << 6);
    /// `event_route[…]` and timers: no message of a peer.
    pub const EVENT: Self = Self(1 << 7);
    /// Both kinds of reply route.
    pub const ONREPLY: Self = Self(1 << 2 | 1 << 4);
    /// Every kind.
    pub const ANY: Self = Self(0xff);

    /// The set with the kinds of `other`.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The set as bits, to key tables by.
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// Whether all kinds of `other` are in the set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The name of a single kind, as the config language spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::REQUEST => "request",
            Self::FAILURE => "failure",
            Self::TM_ONREPLY => "onreply",
            Self::BRANCH => "branch",
            Self::CORE_ONREPLY => "reply",
            Self::ONSEND => "onsend",
            Self::BRANCH_FAILURE => "branch-failure",
            Self::EVENT => "event",
            _ => "mixed",
        }
    }
}

impl BitOr for RouteMask {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}
