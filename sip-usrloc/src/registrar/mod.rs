//! The registrar of RFC 3261 10.3, without IO.
//!
//! ```text
//!   REGISTER ── plan(): To, Contacts, Expires, Path… ── Plan, or Reject { code, headers }
//!      Plan ── Domain::save() ── Saved, or Reject     (under the bucket's guard)
//!     Saved ── reply headers ── 200                   (after the commit, under write-through)
//!    INVITE ── lookup() ── Targets                    (copied out under the guard)
//! ```

pub mod lookup;
pub mod plan;
pub mod reject;
pub mod reply;
