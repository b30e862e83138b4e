//! What a worker hands down with every step.

use bytes::BytesMut;
use sip_parser::Patch;

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
    /// Where messages are built; empty between calls. Each message is split off and frozen, so
    /// one allocation serves many.
    pub scratch: &'a mut BytesMut,
    /// A patch list to build in; its content means nothing between calls.
    pub patch: &'a mut Patch,
}

impl std::fmt::Debug for Cx<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cx").field("now", &self.now).field("out", &self.out.len()).finish()
    }
}

/// The least that is asked of the allocator when the scratch buffer is full.
const CHUNK: usize = 32 * 1024;

/// Empties `scratch` and makes room for `len` bytes in it.
pub(crate) fn room(scratch: &mut BytesMut, len: usize) -> &mut BytesMut {
    scratch.clear();
    if scratch.capacity() < len {
        scratch.reserve(len.max(CHUNK));
    }
    scratch
}
