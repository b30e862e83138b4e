//! What a worker hands down with every step.

use bytes::{Bytes, BytesMut};
use sip_parser::Patch;

use crate::mem::SlotPool;
use crate::output::Outputs;
use crate::rng::Rng;
use crate::stats::Shard;
use crate::time::Now;
use crate::timer::Wheel;
use crate::txn::TimerEvent;

/// The worker's own things, lent for one step: nothing in it is shared, nothing in it blocks.
pub struct Cx<'a> {
    /// The time of this turn.
    pub now: Now,
    /// The worker's source of chance; unpredictable outside tests.
    pub rng: &'a mut dyn Rng,
    /// Where effects go, in the order they are to happen. Drained by the worker once the call
    /// has returned.
    pub out: &'a mut Outputs,
    /// The worker's timers. What is armed here comes back through `Proxy::handle_timeout`.
    pub timers: &'a mut Wheel<TimerEvent>,
    /// The worker's counters.
    pub stats: &'a Shard,
    /// Where messages are built; its content means nothing between calls.
    pub scratch: &'a mut BytesMut,
    /// Where a message that was built is copied to, since it may stay for retransmissions.
    pub pool: &'a mut SlotPool,
    /// A patch list to build in; its content means nothing between calls.
    pub patch: &'a mut Patch,
}

impl std::fmt::Debug for Cx<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cx").field("now", &self.now).field("out", &self.out.len()).finish()
    }
}

impl Cx<'_> {
    /// The message that `write` appends to the scratch buffer and edits with the patch list, in a
    /// slot of its own.
    pub(crate) fn build(&mut self, write: impl FnOnce(&mut BytesMut, &mut Patch)) -> Bytes {
        self.scratch.clear();
        write(self.scratch, self.patch);
        self.pool.take(self.scratch)
    }

    /// The same, unless `write` gives up.
    pub(crate) fn try_build(
        &mut self,
        write: impl FnOnce(&mut BytesMut) -> Option<()>,
    ) -> Option<Bytes> {
        self.scratch.clear();
        write(self.scratch)?;
        Some(self.pool.take(self.scratch))
    }
}
