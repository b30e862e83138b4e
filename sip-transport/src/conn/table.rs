//! One worker's connections by slot and generation: the id of a closed connection names nothing,
//! even when its slot is taken again.

use std::collections::VecDeque;

use sip_core::net::ConnId;

/// Slots of `T`. Slots are reused in the order they became free, so that a generation comes back
/// only after 65,536 times as many connections as there are free slots.
#[derive(Debug)]
pub struct ConnTable<T> {
    worker: u16,
    slots: Vec<Slot<T>>,
    free: VecDeque<u32>,
    len: usize,
}

#[derive(Debug)]
struct Slot<T> {
    generation: u16,
    value: Option<T>,
}

impl<T> ConnTable<T> {
    /// An empty table of `worker`.
    #[must_use]
    pub const fn new(worker: u16) -> Self {
        Self { worker, slots: Vec::new(), free: VecDeque::new(), len: 0 }
    }

    /// How many connections there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// The slot that the next connection gets.
    #[must_use]
    pub fn next_slot(&self) -> u32 {
        let fresh = || u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
        self.free.front().copied().unwrap_or_else(fresh)
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Puts in what `make` makes of its id. `None` when there are 2^32 already.
    pub fn insert(&mut self, make: impl FnOnce(ConnId) -> T) -> Option<ConnId> {
        let index = match self.free.pop_front() {
            Some(i) => i,
            None => {
                let i = u32::try_from(self.slots.len()).ok()?;
                self.slots.push(Slot { generation: 0, value: None });
                i
            }
        };
        let slot = self.slots.get_mut(index as usize)?;
        let id = ConnId::new(self.worker, slot.generation, index);
        slot.value = Some(make(id));
        self.len += 1;
        Some(id)
    }

    /// The connection of `id`, if it is this worker's and still there.
    #[must_use]
    pub fn get_mut(&mut self, id: ConnId) -> Option<&mut T> {
        let (worker, slot) = (self.worker, self.slots.get_mut(id.slot() as usize)?);
        let live = id.worker() == worker && slot.generation == id.generation();
        slot.value.as_mut().filter(|_| live)
    }

    /// The id of the connection in `slot` now, if there is one.
    #[must_use]
    pub fn id_at(&self, slot: u32) -> Option<ConnId> {
        let s = self.slots.get(slot as usize)?;
        s.value.as_ref().map(|_| ConnId::new(self.worker, s.generation, slot))
    }

    /// Takes the connection of `id` out; its id names nothing from now on.
    pub fn remove(&mut self, id: ConnId) -> Option<T> {
        self.get_mut(id)?;
        let slot = self.slots.get_mut(id.slot() as usize)?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push_back(id.slot());
        self.len -= 1;
        slot.value.take()
    }

    /// The ids of all connections.
    pub fn ids(&self) -> impl Iterator<Item = ConnId> + '_ {
        let at = |(i, s): (usize, &Slot<T>)| {
            s.value.as_ref().map(|_| ConnId::new(self.worker, s.generation, i as u32))
        };
        self.slots.iter().enumerate().filter_map(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_names_its_connection_only_and_only_while_it_is_there() {
        let mut t = ConnTable::new(7);
        let a = t.insert(|_| "a").unwrap();
        let b = t.insert(|_| "b").unwrap();
        assert_eq!((a.worker(), a.slot(), b.slot()), (7, 0, 1));
        assert_eq!(t.remove(a), Some("a"));
        assert_eq!(t.remove(a), None);
        let c = t.insert(|_| "c").unwrap();
        assert_eq!(c.slot(), a.slot());
        assert_ne!(c, a);
        assert!(t.get_mut(a).is_none());
        assert_eq!(t.get_mut(c), Some(&mut "c"));
        assert!(t.get_mut(ConnId::new(6, b.generation(), b.slot())).is_none());
        assert!(t.get_mut(ConnId::new(7, 0, 99)).is_none());
        assert_eq!(t.ids().collect::<Vec<_>>(), [c, b]);
        assert_eq!((t.len(), t.id_at(1)), (2, Some(b)));
    }
}
