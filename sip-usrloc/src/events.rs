//! What happened to bindings, told to whoever asked: Kamailio's usrloc callbacks and
//! `event_route[usrloc:contact-expired]` stand on it.

use crate::aor::Aor;
use crate::contact::Contact;

/// A kind of event; a number of Kamailio's callback types.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum EventKind {
    /// A binding was added.
    Inserted = 1,
    /// A binding was refreshed or changed.
    Updated = 2,
    /// A binding was removed.
    Removed = 4,
    /// A binding has expired and was removed.
    Expired = 8,
}

/// Which events a table tells; none costs nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct EventMask(pub u8);

impl EventMask {
    /// No event.
    pub const NONE: Self = Self(0);
    /// Every event.
    pub const ALL: Self = Self(15);

    /// Whether `kind` is told.
    #[must_use]
    pub const fn has(self, kind: EventKind) -> bool {
        self.0 & kind as u8 != 0
    }

    /// The mask with `kind` in it.
    #[must_use]
    pub const fn with(self, kind: EventKind) -> Self {
        Self(self.0 | kind as u8)
    }
}

/// Something that happened to a binding.
#[derive(Clone, Debug)]
pub struct Event {
    /// What.
    pub kind: EventKind,
    /// To whose binding.
    pub aor: Aor,
    /// The binding: as it is now, or as it was.
    pub contact: Contact,
}
