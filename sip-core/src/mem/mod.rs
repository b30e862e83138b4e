//! Memory that is counted: slots that messages are parked in, and budgets that long-lived state is
//! charged to.
//!
//! ```text
//!   receive buffer --SlotPool::take--> Bytes ....... parked, stored, sent to another thread
//!                        ^  last clone dropped: the slot is free again |
//!                        +---------------------------------------------+
//!   Budget::charge(bytes) -> Charge -> Budget::release(charge)
//! ```
//!
//! Kamailio's counterparts are the pkg and shm pools, sized by hand; here the allocator serves all
//! and the limits are numbers that can change at run time.

mod budget;
mod slots;

pub use budget::{Budget, BudgetUsage, Charge, Exhausted};
pub use slots::{DEFAULT_POOL_LIMIT, SlotPool, SlotUsage};
