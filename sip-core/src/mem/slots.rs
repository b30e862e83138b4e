//! Where received messages live: refcounted slots of a few sizes, used again and again.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

/// What a pool keeps at most, in bytes of its slots: 128 MiB, which traffic has to need at once
/// before it is kept.
pub const DEFAULT_POOL_LIMIT: usize = 128 << 20;

/// One worker's slots.
///
/// [`take`](Self::take) copies a message once into a slot of its size class (64, 96, 128, 192, 256,
/// 384 … 65,536 bytes) and gives it out as [`Bytes`]. When the last clone is dropped, on whichever
/// thread, the slot serves again; in the steady state nothing is allocated. A message pins at most
/// 1.5 times its length (64 bytes at least), and some 90 bytes of bookkeeping.
///
/// The pool makes some 1.1 slots for each message that is parked at once when all live equally
/// long, and up to 1.5 when their lives are mixed. Taking a 600-byte message costs about 40 ns with
/// its drop (release build, x86-64).
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
    /// The last [`YOUNG`] messages, oldest first. Most messages are gone again soon, and their
    /// slots are still in the processor's cache.
    young: VecDeque<BytesMut>,
    /// Those that outlived their youth, oldest first: with parked messages of similar lifetimes
    /// the front one is free first.
    old: VecDeque<BytesMut>,
    /// Old ones that were still in use when younger ones were free; in no order.
    stragglers: VecDeque<BytesMut>,
    /// Takes to go before the front of `old` is asked again after it was found in use. To ask is
    /// to touch memory that was not used for seconds.
    patience: usize,
    /// How often in a row it was found in use.
    refusals: u32,
    /// Messages put into used slots since a new one was last needed.
    reused_in_a_row: usize,
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
/// How many messages are young.
const YOUNG: usize = 64;
/// How many of the oldest young ones are asked whether they are free.
const PROBES: usize = 4;
/// How many of the old ones of each queue are.
const OLD_PROBES: usize = 8;
/// A class with fewer old ones than this is asked each time: they are in the cache all the same.
const CACHED: usize = 4096;
/// The most takes between two questions to the front of the old ones, as a power of two.
const MAX_PATIENCE: u32 = 2;
/// How many slots are made at most beside the one that is needed.
const AHEAD: usize = 32;
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
        let class = |i| Class {
            size: class_size(i),
            young: VecDeque::new(),
            old: VecDeque::new(),
            stragglers: VecDeque::new(),
            patience: 0,
            refusals: 0,
            reused_in_a_row: 0,
        };
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
                class.reused_in_a_row += 1;
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
            for queue in [&mut class.young, &mut class.old, &mut class.stragglers] {
                queue.retain_mut(|slot| {
                    let drop = *pooled > keep && is_free(slot, size);
                    if drop {
                        *pooled -= size;
                    }
                    !drop
                });
                queue.shrink_to(queue.len() * 2);
            }
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
            let all = class.young.iter_mut().chain(&mut class.old).chain(&mut class.stragglers);
            let parked = all.filter_map(|slot| (!is_free(slot, size)).then_some(())).count();
            usage.slots += class.len();
            usage.slot_bytes += class.len() * size;
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
        let Some(class) = self.classes.get_mut(index) else {
            return Bytes::copy_from_slice(data);
        };
        self.pooled += size;
        let room = (self.limit - self.pooled) / size;
        let ahead = class.ahead().min(room);
        self.pooled += ahead * size;
        (0..ahead).for_each(|_| class.old.push_front(empty_slot(size)));
        // A slot may come to stand in either queue: room is made now, not then.
        let all = class.len() + 1;
        class.old.reserve(all - class.old.len());
        class.stragglers.reserve(all - class.stragglers.len());
        class.fill(empty_slot(size), data)
    }

    /// Forgets slots, of the class itself first, until `size` bytes more fit.
    fn make_room(&mut self, index: usize, size: usize) -> bool {
        for attempt in 0..=SHED {
            if self.pooled + size <= self.limit {
                return true;
            }
            let from = if attempt == 0 { Some(index) } else { self.next_victim() };
            let Some(class) = from.and_then(|i| self.classes.get_mut(i)) else { return false };
            if class.forget_one() {
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
            .find(|i| self.classes.get(*i).is_some_and(|c| c.len() > 0))?;
        self.victim = found;
        Some(found)
    }
}

impl Class {
    /// How many slots to make beside the one that is needed. None while a burst grows the class
    /// one by one; some when it had served well and lacked one all the same, because what is
    /// parked in it has very different lifetimes.
    fn ahead(&mut self) -> usize {
        let steady = self.reused_in_a_row > self.len();
        self.reused_in_a_row = 0;
        if steady { (self.len() / 8).min(AHEAD) } else { 0 }
    }

    fn len(&self) -> usize {
        self.young.len() + self.old.len() + self.stragglers.len()
    }

    /// Forgets a slot, one that has been in use for long if there is one.
    fn forget_one(&mut self) -> bool {
        let old = self.stragglers.pop_front().or_else(|| self.old.pop_front());
        old.or_else(|| self.young.pop_front()).is_some()
    }

    /// A slot whose message is gone, taken out of its queue: one of the oldest young ones, which
    /// grow old if they are in use, or the oldest of all.
    fn free_slot(&mut self) -> Option<BytesMut> {
        let size = self.size;
        for _ in 0..PROBES {
            if self.young.len() < YOUNG {
                break;
            }
            let mut slot = self.young.pop_front()?;
            if is_free(&mut slot, size) {
                return Some(slot);
            }
            self.old.push_back(slot);
        }
        if let Some(slot) = self.young.front_mut()
            && is_free(slot, size)
        {
            return self.young.pop_front();
        }
        self.oldest()
    }

    fn oldest(&mut self) -> Option<BytesMut> {
        if self.patience > 0 && self.old.len() > CACHED {
            self.patience -= 1;
            return None;
        }
        let size = self.size;
        let mut front = self.old.iter_mut().take(OLD_PROBES);
        if let Some(older) = front.position(|slot| is_free(slot, size)) {
            self.refusals = 0;
            self.stragglers.extend(self.old.drain(..older));
            return self.old.pop_front();
        }
        for _ in 0..self.stragglers.len().min(OLD_PROBES) {
            let mut slot = self.stragglers.pop_front()?;
            if is_free(&mut slot, size) {
                self.refusals = 0;
                return Some(slot);
            }
            self.stragglers.push_back(slot);
        }
        // Either there is more traffic, or the oldest ones outlive the others; so that these do
        // not stand in the way for as long as they live, one of them steps aside.
        self.stragglers.extend(self.old.pop_front());
        self.refusals = (self.refusals + 1).min(MAX_PATIENCE);
        self.patience = 1 << self.refusals;
        None
    }

    /// Puts `data` into an empty slot and the slot's handle at the end of the queue.
    fn fill(&mut self, mut slot: BytesMut, data: &[u8]) -> Bytes {
        slot.extend_from_slice(data);
        let message = slot.split().freeze();
        self.young.push_back(slot);
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

/// Whether the pool's is the last handle on a slot; it is then as good as new. The class's size is
/// more than what the last message left over, so only the whole slot will do.
fn is_free(slot: &mut BytesMut, size: usize) -> bool {
    slot.try_reclaim(size)
}

/// A new slot that will allocate nothing more.
fn empty_slot(size: usize) -> BytesMut {
    let mut slot = BytesMut::with_capacity(size);
    // The shared record is made at the first split.
    slot.extend_from_slice(&[0]);
    drop(slot.split());
    slot.reserve(size);
    slot
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Rng, SeededRng};

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

    /// How many slots a pool makes for messages that live for `lives(n)` messages each, against
    /// the most that were live at once.
    fn slots_for(lives: impl Fn(u64, &mut SeededRng) -> u64) -> (usize, usize) {
        let (mut pool, mut rng) = (SlotPool::new(usize::MAX), SeededRng::new(2));
        let mut parked = std::collections::BTreeMap::new();
        let mut most = 0;
        for n in 0..200_000u64 {
            parked.insert((n + lives(n, &mut rng), n), pool.take(&[1; 500]));
            most = most.max(parked.len());
            while parked.first_key_value().is_some_and(|(k, _)| k.0 <= n) {
                parked.pop_first();
            }
        }
        (pool.usage().slots, most)
    }

    #[test]
    fn the_pool_makes_little_more_slots_than_are_needed_at_once() {
        let constant = slots_for(|_, _| 3000);
        let mixed = slots_for(|_, rng| if rng.below(4) == 0 { 6400 } else { 1000 });
        let random = slots_for(|_, rng| rng.below(4000));
        let rare = slots_for(|_, rng| if rng.below(100) == 0 { 50_000 } else { 500 });
        let bursts = slots_for(|n, _| if n / 10_000 % 4 == 0 { 5000 } else { 300 });
        for (name, (slots, most)) in [
            ("constant", constant),
            ("mixed", mixed),
            ("random", random),
            ("rare", rare),
            ("bursts", bursts),
        ] {
            assert!(slots * 5 <= most * 8 + 40, "{name}: {slots} slots for {most}");
        }
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
