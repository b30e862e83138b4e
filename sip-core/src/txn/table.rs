//! The table of cells: buckets under ranked locks, cells in slots that are used again.
//!
//! A cell is found by the hash of its request's key (a search in one bucket) or by its id (no
//! search). Ids carry the slot's generation, so that one of a cell that is gone finds nothing. The
//! storage of a cell that is gone stays with its slot for the next.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hashbrown::HashTable;

use super::TxnId;
use super::cell::Cell;
use crate::lock::{LockGuard, LockSet, Rank};

/// How many buckets the table has.
const BUCKETS: usize = 1024;

/// All transactions of an engine.
#[derive(Debug)]
pub(crate) struct Table {
    buckets: LockSet<Bucket>,
    live: Arc<AtomicUsize>,
}

/// The cells of one bucket.
#[derive(Debug, Default)]
pub(crate) struct Bucket {
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// Slot numbers by the key's hash.
    index: HashTable<u32>,
}

#[derive(Debug)]
struct Slot {
    generation: u32,
    live: bool,
    cell: Box<Cell>,
}

impl Table {
    pub(crate) fn new() -> Self {
        const { assert!(BUCKETS <= TxnId::BUCKETS) };
        Self {
            buckets: LockSet::new("tm.cells", Rank::TXN, BUCKETS, Bucket::default),
            live: Arc::default(),
        }
    }

    /// How many cells there are.
    pub(crate) fn live(&self) -> usize {
        self.live.load(Ordering::Relaxed)
    }

    /// The same number, for a gauge.
    pub(crate) fn live_count(&self) -> Arc<AtomicUsize> {
        self.live.clone()
    }

    /// The cells that still owe a final answer.
    pub(crate) fn pending(&self) -> Vec<TxnId> {
        let mut all = Vec::new();
        for index in 0..self.buckets.buckets() {
            let bucket = self.buckets.lock(index);
            let open = bucket.slots.iter().filter(|s| s.live && s.cell.answered == 0);
            all.extend(open.map(|s| s.cell.id));
        }
        all
    }

    pub(crate) const fn locks(&self) -> &LockSet<Bucket> {
        &self.buckets
    }

    /// The bucket of a key's hash.
    #[inline]
    #[track_caller]
    pub(crate) fn by_hash(&self, hash: u64) -> LockGuard<'_, Bucket> {
        self.buckets.lock_by_hash(hash)
    }

    /// Brings the bucket of a key's hash near, for a look a little later.
    #[inline]
    pub(crate) fn bring_near(&self, hash: u64) {
        self.buckets.bring_near(hash);
    }

    /// The bucket of an id; ids of nothing have one too.
    #[inline]
    #[track_caller]
    pub(crate) fn by_id(&self, id: TxnId) -> LockGuard<'_, Bucket> {
        self.buckets.lock(id.bucket())
    }

    /// Puts a cell into its bucket and tells its id, which `make` is given. `None` when the bucket
    /// is full, at four million cells.
    pub(crate) fn insert(
        &self,
        bucket: &mut Bucket,
        hash: u64,
        make: impl FnOnce(TxnId) -> Cell,
    ) -> Option<TxnId> {
        let number = u16::try_from(self.buckets.index_of(hash)).ok()?;
        let id = bucket.insert(number, hash, make)?;
        self.live.fetch_add(1, Ordering::Relaxed);
        Some(id)
    }

    /// Removes a cell that is over.
    pub(crate) fn remove(&self, bucket: &mut Bucket, id: TxnId) {
        if bucket.remove(id) {
            self.live.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Bucket {
    /// The cell with that id.
    #[inline]
    pub(crate) fn cell(&mut self, id: TxnId) -> Option<&mut Cell> {
        let slot = self.slots.get_mut(id.slot())?;
        if slot.live && slot.cell.id == id { Some(&mut slot.cell) } else { None }
    }

    /// The first cell of that hash for which `is` holds.
    #[inline]
    pub(crate) fn find(&self, hash: u64, mut is: impl FnMut(&Cell) -> bool) -> Option<TxnId> {
        self.index
            .find(hash, |n| self.slot(*n).is_some_and(|s| s.cell.key.hash == hash && is(&s.cell)))
            .and_then(|n| self.slot(*n))
            .map(|s| s.cell.id)
    }

    fn slot(&self, n: u32) -> Option<&Slot> {
        self.slots.get(n as usize)
    }

    fn insert(
        &mut self,
        number: u16,
        hash: u64,
        make: impl FnOnce(TxnId) -> Cell,
    ) -> Option<TxnId> {
        let (n, id) = match self.free.pop() {
            Some(n) => {
                let slot = self.slots.get_mut(n as usize)?;
                slot.generation = TxnId::next_generation(slot.generation);
                let id = TxnId::new(number, n, slot.generation);
                let branches = std::mem::take(&mut slot.cell.branches);
                *slot.cell = make(id);
                slot.cell.branches = branches;
                slot.live = true;
                (n, id)
            }
            None => {
                let n = u32::try_from(self.slots.len()).ok().filter(|n| *n < TxnId::SLOTS)?;
                let id = TxnId::new(number, n, 0);
                self.slots.push(Slot { generation: 0, live: true, cell: Box::new(make(id)) });
                (n, id)
            }
        };
        let slots = &self.slots;
        self.index
            .insert_unique(hash, n, |n| slots.get(*n as usize).map_or(0, |s| s.cell.key.hash));
        Some(id)
    }

    fn remove(&mut self, id: TxnId) -> bool {
        let Some(cell) = self.cell(id) else { return false };
        let hash = cell.key.hash;
        // The messages go now; the storage stays.
        cell.branches.clear();
        cell.request = bytes::Bytes::new();
        cell.last = bytes::Bytes::new();
        cell.hooks = None;
        let n = id.slot() as u32;
        if let Ok(entry) = self.index.find_entry(hash, |known| *known == n) {
            entry.remove();
        }
        if let Some(slot) = self.slots.get_mut(id.slot()) {
            slot.live = false;
        }
        self.free.push(n);
        true
    }
}
