//! Ids that go stale instead of wrong: a slab whose slots count their generations.

/// A table of `T` by 64-bit id. An id is a slot and its generation, so the id of something removed
/// names nothing, though its slot is used again. No id is 0. After 2^32 - 1 uses of one slot its
/// ids begin again.
#[derive(Debug, Clone)]
pub struct Arena<T> {
    slots: Vec<Slot<T>>,
    /// The slot to use next, if one is free.
    free: Option<u32>,
    len: usize,
}

#[derive(Debug, Clone)]
struct Slot<T> {
    generation: u32,
    state: State<T>,
}

#[derive(Debug, Clone)]
enum State<T> {
    Taken(T),
    Free { next: Option<u32> },
}

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Arena<T> {
    /// An empty table; allocates nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { slots: Vec::new(), free: None, len: 0 }
    }

    /// How many things are in it.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is in it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Puts `value` in and gives its id.
    pub fn insert(&mut self, value: T) -> u64 {
        self.insert_with(|_| value)
    }

    /// Puts in what `make` makes of its own id.
    pub fn insert_with(&mut self, make: impl FnOnce(u64) -> T) -> u64 {
        let index = self.vacant();
        let slot = &mut self.slots[index as usize];
        let id = u64::from(slot.generation) << 32 | u64::from(index);
        let value = make(id);
        if let State::Free { next } = slot.state {
            self.free = next;
        }
        slot.state = State::Taken(value);
        self.len += 1;
        id
    }

    /// What the id names; `None` once it is removed.
    #[must_use]
    pub fn get(&self, id: u64) -> Option<&T> {
        match self.slots.get(index_of(id)) {
            Some(Slot { generation, state: State::Taken(v) }) if names(id, *generation) => Some(v),
            _ => None,
        }
    }

    /// What the id names, to be changed; `None` once it is removed.
    pub fn get_mut(&mut self, id: u64) -> Option<&mut T> {
        match self.slots.get_mut(index_of(id)) {
            Some(Slot { generation, state: State::Taken(v) }) if names(id, *generation) => Some(v),
            _ => None,
        }
    }

    /// Whether the id names something.
    #[must_use]
    pub fn contains(&self, id: u64) -> bool {
        self.get(id).is_some()
    }

    /// Takes out what the id names; from then on the id names nothing.
    pub fn remove(&mut self, id: u64) -> Option<T> {
        self.get(id)?;
        let index = index_of(id);
        let slot = self.slots.get_mut(index)?;
        let state = std::mem::replace(&mut slot.state, State::Free { next: self.free });
        slot.generation = slot.generation.checked_add(1).unwrap_or(1);
        self.free = Some(id as u32);
        self.len -= 1;
        match state {
            State::Taken(value) => Some(value),
            State::Free { .. } => None,
        }
    }

    /// All that is in it, with its ids, by slot.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &T)> {
        self.slots.iter().zip(0u64..).filter_map(|(slot, index)| match &slot.state {
            State::Taken(v) => Some((u64::from(slot.generation) << 32 | index, v)),
            State::Free { .. } => None,
        })
    }

    /// A free slot, made if need be, still in the list of free ones.
    fn vacant(&mut self) -> u32 {
        if let Some(index) = self.free {
            return index;
        }
        let index = u32::try_from(self.slots.len()).expect("memory ends before 2^32 slots");
        self.slots.push(Slot { generation: 1, state: State::Free { next: None } });
        self.free = Some(index);
        index
    }
}

/// The slot is in the lower half of an id, the generation in the upper.
const fn index_of(id: u64) -> usize {
    id as u32 as usize
}

const fn names(id: u64, generation: u32) -> bool {
    (id >> 32) as u32 == generation
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::rng::{Rng, SeededRng};

    #[test]
    fn a_removed_id_names_nothing_though_its_slot_is_used_again() {
        let mut arena = Arena::new();
        let a = arena.insert("a");
        assert_ne!(a, 0);
        assert_eq!(arena.remove(a), Some("a"));
        let b = arena.insert("b");
        assert_eq!(b as u32, a as u32);
        assert_eq!(arena.get(a), None);
        assert_eq!(arena.remove(a), None);
        assert_eq!((arena.get(b), arena.len()), (Some(&"b"), 1));
        assert!(!arena.contains(0) && !arena.contains(u64::MAX));
    }

    #[test]
    fn a_value_can_know_its_own_id() {
        let mut arena = Arena::new();
        let id = arena.insert_with(|id| id);
        assert_eq!(arena.get(id), Some(&id));
    }

    #[test]
    fn generations_skip_zero_when_they_begin_again() {
        let mut arena = Arena::new();
        let id = arena.insert(1);
        arena.slots[0].generation = u32::MAX;
        assert!(arena.get(id).is_none());
        let last = u64::from(u32::MAX) << 32;
        assert_eq!(arena.remove(last), Some(1));
        assert_eq!(arena.insert(2) >> 32, 1);
    }

    #[test]
    fn it_agrees_with_a_map() {
        let (mut arena, mut map) = (Arena::new(), HashMap::new());
        let (mut ids, mut rng) = (Vec::new(), SeededRng::new(3));
        for n in 0..10_000u32 {
            if rng.below(5) < 3 || ids.is_empty() {
                let id = arena.insert(n);
                assert_eq!(map.insert(id, n), None, "an id twice");
                ids.push(id);
            } else {
                let id = ids[rng.below(ids.len() as u64) as usize];
                if let Some(v) = arena.get_mut(id) {
                    *v += 1;
                    *map.get_mut(&id).unwrap() += 1;
                }
                if rng.below(2) == 0 {
                    assert_eq!(arena.remove(id), map.remove(&id));
                }
            }
            assert_eq!(arena.len(), map.len());
        }
        assert!(arena.iter().all(|(id, v)| map.get(&id) == Some(v)));
        assert_eq!(arena.iter().count(), map.len());
    }
}
