//! The process table: the one global. Every handle of C is a key of it, checked by generation; no
//! handle is ever followed as a pointer, so a stale one is a status and not undefined behaviour.

use std::sync::Arc;

use looseroute::Message;
use parking_lot::{Mutex, RwLock};

use crate::config::Config;
use crate::engine::Running;
use crate::lock::Handle;
use crate::parse::message::SipMsg;

/// The process table.
pub(crate) static TABLE: Table = Table::new();

/// How many parts the handles other than engines are spread over, so that workers seldom meet.
const SHARDS: usize = 16;
const SHARD_BITS: u32 = 4;
/// Slots of one part: about a million.
const SLOT_BITS: u32 = 20;
/// Engines of one process at a time; a key must fit into a pointer of 32 bits too.
const ENGINE_BITS: u32 = 8;

/// What a handle other than an engine's may name.
#[derive(Clone)]
pub(crate) enum Object {
    /// An `lr_config`.
    Config(Arc<Mutex<Config>>),
    /// An `lr_message`.
    Message(Arc<Message>),
    /// An `lr_sip_msg`.
    SipMsg(Arc<Mutex<SipMsg>>),
    /// An `lr_lock` or `lr_lock_set`.
    Lock(Arc<Handle>),
    /// An `lr_call` whose route has not ended. Its state is the route's own.
    Call,
}

pub(crate) struct Table {
    engines: RwLock<Slots<Option<Arc<Running>>>>,
    objects: [Mutex<Slots<Object>>; SHARDS],
}

impl Table {
    const fn new() -> Self {
        Self {
            engines: RwLock::new(Slots::new(ENGINE_BITS, usize::BITS)),
            objects: [const { Mutex::new(Slots::new(SLOT_BITS, u64::BITS - SHARD_BITS)) }; SHARDS],
        }
    }

    /// A key for an engine that is being made; it names nothing yet. `None`: too many engines.
    pub(crate) fn reserve_engine(&self) -> Option<usize> {
        let key = self.engines.write().insert(None)?;
        usize::try_from(key).ok()
    }

    /// Lets a reserved key name its engine.
    pub(crate) fn fill_engine(&self, key: usize, engine: Arc<Running>) {
        if let Some(slot) = self.engines.write().get_mut(key as u64) {
            *slot = Some(engine);
        }
    }

    /// The engine that `key` names.
    pub(crate) fn engine(&self, key: usize) -> Option<Arc<Running>> {
        self.engines.read().get(key as u64)?.clone()
    }

    /// Takes an engine out: its key is stale from now on.
    pub(crate) fn remove_engine(&self, key: usize) -> Option<Arc<Running>> {
        self.engines.write().remove(key as u64)?
    }

    /// Puts an object in, into part `shard` (any number). `None` when that part is full.
    pub(crate) fn insert(&self, shard: usize, object: Object) -> Option<u64> {
        let shard = shard % SHARDS;
        let key = self.objects[shard].lock().insert(object)?;
        Some((key << SHARD_BITS) | shard as u64)
    }

    /// What `id` names.
    pub(crate) fn get(&self, id: u64) -> Option<Object> {
        self.part(id).lock().get(id >> SHARD_BITS).cloned()
    }

    /// Takes an object out if `wanted` says that it is of the right kind.
    pub(crate) fn remove(&self, id: u64, wanted: fn(&Object) -> bool) -> Option<Object> {
        let mut part = self.part(id).lock();
        if !part.get(id >> SHARD_BITS).is_some_and(wanted) {
            return None;
        }
        part.remove(id >> SHARD_BITS)
    }

    fn part(&self, id: u64) -> &Mutex<Slots<Object>> {
        &self.objects[id as usize % SHARDS]
    }
}

/// Slots that are used again under a new generation. A key is `generation << bits | slot`,
/// generations begin with 1, so that 0 is never a key; a slot whose generations are used up is
/// left alone.
struct Slots<T> {
    bits: u32,
    last_generation: u64,
    slots: Vec<(u64, Option<T>)>,
    free: Vec<usize>,
}

impl<T> Slots<T> {
    /// Up to `1 << bits` slots, keys of `key_bits` bits.
    const fn new(bits: u32, key_bits: u32) -> Self {
        let last_generation = u64::MAX >> (u64::BITS - key_bits + bits);
        Self { bits, last_generation, slots: Vec::new(), free: Vec::new() }
    }

    fn insert(&mut self, value: T) -> Option<u64> {
        let at = match self.free.pop() {
            Some(at) => at,
            None if self.slots.len() >> self.bits != 0 => return None,
            None => {
                self.slots.push((1, None));
                self.slots.len() - 1
            }
        };
        let slot = self.slots.get_mut(at)?;
        slot.1 = Some(value);
        Some((slot.0 << self.bits) | at as u64)
    }

    fn find(&self, key: u64) -> Option<usize> {
        let at = usize::try_from(key & ((1 << self.bits) - 1)).ok()?;
        (self.slots.get(at)?.0 == key >> self.bits).then_some(at)
    }

    fn get(&self, key: u64) -> Option<&T> {
        self.slots.get(self.find(key)?)?.1.as_ref()
    }

    fn get_mut(&mut self, key: u64) -> Option<&mut T> {
        let at = self.find(key)?;
        self.slots.get_mut(at)?.1.as_mut()
    }

    fn remove(&mut self, key: u64) -> Option<T> {
        let at = self.find(key)?;
        let slot = self.slots.get_mut(at)?;
        let value = slot.1.take()?;
        if slot.0 < self.last_generation {
            slot.0 += 1;
            self.free.push(at);
        }
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_good_until_its_value_is_taken_and_never_again() {
        let mut slots = Slots::new(4, 64);
        let a = slots.insert('a').expect("room");
        assert_ne!(a, 0);
        assert_eq!(slots.get(a), Some(&'a'));
        assert_eq!(slots.remove(a), Some('a'));
        assert_eq!(slots.get(a), None);
        assert_eq!(slots.remove(a), None);
        let b = slots.insert('b').expect("room");
        assert_eq!(a & 15, b & 15, "the slot is used again");
        assert_eq!((slots.get(a), slots.get(b)), (None, Some(&'b')));
        assert_eq!(slots.get(0), None);
    }

    #[test]
    fn a_full_table_refuses_and_a_worn_out_slot_is_left_alone() {
        let mut slots = Slots::new(1, 64);
        let first = slots.insert(0).expect("room");
        slots.insert(1).expect("room");
        assert_eq!(slots.insert(2), None);
        slots.slots[0].0 = slots.last_generation;
        let worn = slots.last_generation << 1;
        assert_eq!(slots.remove(first), None);
        assert_eq!(slots.remove(worn), Some(0));
        assert_eq!(slots.insert(3), None);
    }

    #[test]
    fn objects_are_told_apart_by_kind() {
        let id = TABLE.insert(77, Object::Call).expect("room");
        assert!(TABLE.remove(id, |o| matches!(o, Object::Config(_))).is_none());
        assert!(matches!(TABLE.get(id), Some(Object::Call)));
        assert!(TABLE.remove(id, |o| matches!(o, Object::Call)).is_some());
        assert!(TABLE.get(id).is_none());
    }
}
