//! The name of a transaction, and the hint that wakes it.

/// One transaction, checked by generation: the id of one that is gone names nothing. It fits in 56
/// bits: bucket, slot and generation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct TxnId(u64);

const SLOT_BITS: u32 = 22;
const GENERATION_BITS: u32 = 22;
const BUCKET_BITS: u32 = 12;

impl TxnId {
    /// The most buckets a table may have.
    pub(crate) const BUCKETS: usize = 1 << BUCKET_BITS;
    /// The most slots of a bucket.
    pub(crate) const SLOTS: u32 = 1 << SLOT_BITS;

    pub(crate) const fn new(bucket: u16, slot: u32, generation: u32) -> Self {
        let bucket = (bucket as u64) & ((1 << BUCKET_BITS) - 1);
        let slot = (slot as u64) & ((1 << SLOT_BITS) - 1);
        let generation = (generation as u64) & ((1 << GENERATION_BITS) - 1);
        Self(bucket << (SLOT_BITS + GENERATION_BITS) | slot << GENERATION_BITS | generation)
    }

    /// The id as a number, for tables, handles and logs.
    #[must_use]
    pub const fn to_u64(self) -> u64 {
        self.0
    }

    /// The id that [`to_u64`](Self::to_u64) gave; any other number names nothing.
    #[must_use]
    pub const fn from_u64(n: u64) -> Self {
        Self(n & ((1 << 56) - 1))
    }

    pub(crate) const fn bucket(self) -> usize {
        (self.0 >> (SLOT_BITS + GENERATION_BITS)) as usize
    }

    pub(crate) const fn slot(self) -> usize {
        ((self.0 >> GENERATION_BITS) & ((1 << SLOT_BITS) - 1)) as usize
    }

    /// The generation that follows `generation` in a slot's life.
    pub(crate) const fn next_generation(generation: u32) -> u32 {
        (generation + 1) & ((1 << GENERATION_BITS) - 1)
    }

    /// The number under which a send reports its failure: the transaction and which part of it sent.
    pub(crate) const fn origin(self, part: Part) -> u64 {
        self.0 << 8 | part.code() as u64
    }

    /// What [`origin`](Self::origin) was made of.
    pub(crate) const fn from_origin(origin: u64) -> (Self, Part) {
        (Self(origin >> 8), Part::from_code(origin as u8))
    }
}

/// A part of a transaction that sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Part {
    /// The server transaction.
    Server,
    /// The client transaction of a branch.
    Branch(u8),
    /// The CANCEL of a branch.
    Cancel(u8),
}

impl Part {
    const fn code(self) -> u8 {
        match self {
            Self::Server => 0xff,
            Self::Branch(n) => n & 0x7f,
            Self::Cancel(n) => n & 0x7f | 0x80,
        }
    }

    const fn from_code(code: u8) -> Self {
        match code {
            0xff => Self::Server,
            n if n & 0x80 != 0 => Self::Cancel(n & 0x7f),
            n => Self::Branch(n),
        }
    }
}

/// A timer's payload: wakes one transaction, which keeps its own deadlines. A spare one is
/// harmless, on any worker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimerEvent {
    /// The transaction to look at.
    pub txn: TxnId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_keeps_its_parts_at_their_limits() {
        let id = TxnId::new(4095, (1 << 22) - 1, (1 << 22) - 1);
        assert_eq!((id.bucket(), id.slot()), (4095, (1 << 22) - 1));
        assert_eq!(TxnId::from_u64(id.to_u64()), id);
        assert_eq!(TxnId::next_generation((1 << 22) - 1), 0);
        for part in [Part::Server, Part::Branch(0), Part::Branch(126), Part::Cancel(126)] {
            assert_eq!(TxnId::from_origin(id.origin(part)), (id, part));
        }
    }
}
