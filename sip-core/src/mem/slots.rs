//! Where received messages live: refcounted slots of a few sizes, used again and again.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

/// What a pool keeps at most, in bytes of its slots: 16 MiB.
pub const DEFAULT_POOL_LIMIT: usize = 16 << 20;

/// One worker's slots.
///
/// [`take`](Self::take) copies a message once into a slot of its size class (64, 96, 128, 192, 256,
/// 384 … 65,536 bytes) and gives it out as [`Bytes`]. When the last clone is dropped, on whichever
/// thread, the slot serves again; in the steady state nothing is allocated. A message pins at most
/// 1.5 times its length (64 bytes at least), and some 90 bytes of bookkeeping.
///
/// The pool only remembers slots: it never owns a message, refuses none and never waits. At its
/// limit it forgets its oldest slots, whose memory then goes back to the allocator with their
/// messages. Messages of more than 65,536 bytes get memory of their own.
#[derive(Debug)]
pub struct SlotPool {
    classes: Vec<Class>,
    limit: usize,
    /// The bytes of all remembered slots.
    pooled: usize,
    /// The class that gives up a slot next when another needs room.
    victim: usize,
    reused: u64,
    allocated: u64,
}

#[derive(Debug)]
struct Class {
    size: usize,
    /// Oldest use first: with messages of similar lifetimes the front one is free first.
    slots: VecDeque<BytesMut>,
}

/// What a pool holds, at the moment of asking.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SlotUsage {
    /// Slots the pool remembers.
    pub slots: usize,
    /// Their bytes.
    pub slot_bytes: usize,
    /// Slots of these that hold a live message.
    pub parked: usize,
    /// The bytes they pin.
    pub parked_bytes: usize,
    /// Messages that were put into a used slot, since the pool was made.
    pub reused: u64,
    /// Messages for which memory was allocated, since the pool was made.
    pub allocated: u64,
}

const SMALLEST: usize = 64;
const LARGEST: usize = 65_536;
const CLASSES: usize = 2 * (LARGEST / SMALLEST).trailing_zeros() as usize + 1;
/// How many slots are asked whether they are free before a new one is made. Those that are not
/// hold messages that live longer than the others; they go to the end of the queue.
const PROBES: usize = 16;
/// How many slots of other classes are forgotten at most to make room for one.
const SHED: usize = 16;

impl Default for SlotPool {
    fn default() -> Self {
        Self::new(DEFAULT_POOL_LIMIT)
    }
}

impl SlotPool {
    /// An empty pool that remembers slots of `limit` bytes in all.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        let class = |i| Class { size: class_size(i), slots: VecDeque::new() };
        Self {
            classes: (0..CLASSES).map(class).collect(),
            limit,
            pooled: 0,
            victim: 0,
            reused: 0,
            allocated: 0,
        }
    }

    /// A copy of `data` that can be parked, cloned, sliced and sent to other threads.
    pub fn take(&mut self, data: &[u8]) -> Bytes {
        if data.is_empty() {
            return Bytes::new();
        }
        let index = class_index(data.len());
        let Some(class) = self.classes.get_mut(index) else {
            self.allocated += 1;
            return Bytes::copy_from_slice(data);
        };
        match class.free_slot() {
            Some(slot) => {
                self.reused += 1;
                class.fill(slot, data)
            }
            None => self.allocate(index, data),
        }
    }

    /// Forgets free slots until the pool remembers at most `keep` bytes or no slot is free. For a
    /// quiet moment after a burst; takes time in proportion to the slots.
    pub fn trim(&mut self, keep: usize) {
        for class in &mut self.classes {
            let size = class.size;
            let pooled = &mut self.pooled;
            class.slots.retain_mut(|slot| {
                let drop = *pooled > keep && slot.try_reclaim(size);
                if drop {
                    *pooled -= size;
                }
                !drop
            });
            class.slots.shrink_to(class.slots.len() * 2);
        }
    }

    /// Changes the limit; slots beyond it are forgotten as new ones are made.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Counts what the pool holds; takes time in proportion to the slots.
    pub fn usage(&mut self) -> SlotUsage {
        let mut usage =
            SlotUsage { reused: self.reused, allocated: self.allocated, ..SlotUsage::default() };
        for class in &mut self.classes {
            let size = class.size;
            let parked =
                class.slots.iter_mut().filter_map(|s| (!s.try_reclaim(size)).then_some(()));
            let parked = parked.count();
            usage.slots += class.slots.len();
            usage.slot_bytes += class.slots.len() * size;
            usage.parked += parked;
            usage.parked_bytes += parked * size;
        }
        usage
    }

    #[cold]
    fn allocate(&mut self, index: usize, data: &[u8]) -> Bytes {
        self.allocated += 1;
        let size = class_size(index);
        if !self.make_room(index, size) {
            return Bytes::copy_from_slice(data);
        }
        self.pooled += size;
        match self.classes.get_mut(index) {
            Some(class) => class.fill(BytesMut::with_capacity(size), data),
            None => Bytes::copy_from_slice(data),
        }
    }

    /// Forgets slots, of the class itself first, until `size` bytes more fit.
    fn make_room(&mut self, index: usize, size: usize) -> bool {
        for attempt in 0..=SHED {
            if self.pooled + size <= self.limit {
                return true;
            }
            let from = if attempt == 0 { Some(index) } else { self.next_victim() };
            let Some(class) = from.and_then(|i| self.classes.get_mut(i)) else { return false };
            if class.slots.pop_front().is_some() {
                self.pooled -= class.size;
            }
        }
        self.pooled + size <= self.limit
    }

    /// The next class that has slots, in turn.
    fn next_victim(&mut self) -> Option<usize> {
        let n = self.classes.len();
        let found = (1..=n)
            .map(|step| (self.victim + step) % n)
            .find(|i| self.classes.get(*i).is_some_and(|c| !c.slots.is_empty()))?;
        self.victim = found;
        Some(found)
    }
}

impl Class {
    /// A slot whose message is gone, taken out of the queue.
    fn free_slot(&mut self) -> Option<BytesMut> {
        for _ in 0..self.slots.len().min(PROBES) {
            let mut slot = self.slots.pop_front()?;
            // True only when the pool's is the last handle on the slot: the class's size is more
            // than what the last message left over.
            if slot.try_reclaim(self.size) {
                return Some(slot);
            }
            self.slots.push_back(slot);
        }
        None
    }

    /// Puts `data` into an empty slot and the slot's handle at the end of the queue.
    fn fill(&mut self, mut slot: BytesMut, data: &[u8]) -> Bytes {
        slot.extend_from_slice(data);
        let message = slot.split().freeze();
        self.slots.push_back(slot);
        message
    }
}

/// The class whose slots hold `len` bytes with the least waste: powers of two and one and a half
/// times these. At least [`CLASSES`] when none does.
fn class_index(len: usize) -> usize {
    let n = len.max(SMALLEST);
    let power = n.checked_next_power_of_two().unwrap_or(usize::MAX);
    let doublings = (power / SMALLEST).checked_ilog2().unwrap_or(0) as usize;
    let three_quarters = n > SMALLEST && n <= power / 4 * 3;
    2 * doublings - usize::from(three_quarters)
}

fn class_size(index: usize) -> usize {
    let power = SMALLEST << index.div_ceil(2);
    if index % 2 == 1 { power / 4 * 3 } else { power }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_length_has_the_smallest_class_that_holds_it() {
        let sizes: Vec<usize> = (0..CLASSES).map(class_size).collect();
        assert_eq!(sizes[..8], [64, 96, 128, 192, 256, 384, 512, 768]);
        assert_eq!(sizes.last(), Some(&LARGEST));
        for len in 1..=LARGEST {
            let best = sizes.iter().position(|s| *s >= len).unwrap();
            assert_eq!(class_index(len), best, "{len}");
            assert!(sizes[best] <= (len + len / 2).max(SMALLEST), "{len} pins {}", sizes[best]);
        }
        assert!(class_index(LARGEST + 1) >= CLASSES);
        assert!(class_index(usize::MAX) >= CLASSES);
    }

    #[test]
    fn a_slot_serves_again_once_the_last_clone_is_gone() {
        let mut pool = SlotPool::default();
        let first = pool.take(b"first message");
        let (clone, at) = (first.slice(6..), first.as_ptr());
        drop(first);
        let second = pool.take(b"second");
        assert_ne!(second.as_ptr(), at);
        assert_eq!(&clone[..], b"message");
        drop(clone);
        let third = pool.take(b"third");
        assert_eq!(third.as_ptr(), at);
        assert_eq!((&second[..], &third[..]), (&b"second"[..], &b"third"[..]));
        let usage = pool.usage();
        assert_eq!((usage.slots, usage.parked, usage.parked_bytes), (2, 2, 128));
        assert_eq!((usage.reused, usage.allocated), (1, 2));
    }

    #[test]
    fn messages_keep_their_bytes_whatever_the_pool_does() {
        let mut pool = SlotPool::new(40_000);
        let mut held: Vec<(usize, Bytes)> = Vec::new();
        for i in 0..20_000usize {
            let len = 1 + (i * 7919) % 3000;
            let data = vec![(i % 251) as u8; len];
            held.push((i, pool.take(&data)));
            if held.len() > 40 {
                let (n, b) = held.swap_remove((i * 31) % 40);
                assert!(b.iter().all(|x| usize::from(*x) == n % 251), "message {n}");
                assert_eq!(b.len(), 1 + (n * 7919) % 3000);
            }
            assert!(pool.pooled <= 40_000);
        }
        assert_eq!(pool.usage().slot_bytes, pool.pooled);
    }

    #[test]
    fn at_its_limit_the_pool_forgets_old_slots_and_refuses_nothing() {
        let mut pool = SlotPool::new(1024);
        let parked: Vec<Bytes> = (0..100u8).map(|i| pool.take(&[i; 256])).collect();
        assert!(parked.iter().zip(0..).all(|(b, i)| b[..] == [i; 256]));
        assert_eq!(pool.usage().slot_bytes, 1024);
        assert_eq!(pool.take(&[1; 2000]).len(), 2000, "larger than the limit: memory of its own");
        assert_eq!(pool.take(&[1; 100_000]).len(), 100_000);
        drop(parked);
        assert_eq!(pool.usage().parked, 0);
    }

    #[test]
    fn a_class_gets_room_from_another_that_hoards() {
        let mut pool = SlotPool::new(8 * 64);
        let burst: Vec<Bytes> = (0..8).map(|_| pool.take(b"x")).collect();
        drop(burst);
        let a = pool.take(&[7; 200]);
        assert_eq!(pool.usage().slot_bytes, 256 + 4 * 64);
        drop(a);
        pool.take(&[7; 200]);
        assert_eq!(pool.usage().reused, 1);
    }

    #[test]
    fn trim_forgets_free_slots_only() {
        let mut pool = SlotPool::default();
        let mut parked: Vec<Bytes> = (0..10).map(|_| pool.take(&[1; 500])).collect();
        parked.truncate(3);
        pool.trim(0);
        let usage = pool.usage();
        assert_eq!((usage.slots, usage.parked), (3, 3));
        parked.clear();
        pool.trim(512);
        assert_eq!(pool.usage().slots, 1);
    }

    #[test]
    fn an_empty_message_takes_no_slot() {
        let mut pool = SlotPool::default();
        assert!(pool.take(b"").is_empty());
        assert_eq!(pool.usage().slots, 0);
    }
}
