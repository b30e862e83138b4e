//! Calls in slots: found by the number that is written into their tags and branches, so that no
//! table is searched for a response or a request within a dialog.

/// A slot's number and how often it was used before.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Key {
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}

/// Values in numbered slots that are used again; a key names one value and never its successor.
pub(crate) struct Slots<T> {
    slots: Vec<(u32, Option<Box<T>>)>,
    free: Vec<u32>,
}

impl<T> Slots<T> {
    pub(crate) const fn new() -> Self {
        Self { slots: Vec::new(), free: Vec::new() }
    }

    /// Fills a slot with what `make` makes for its key.
    pub(crate) fn insert_with(&mut self, make: impl FnOnce(Key) -> T) -> Key {
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                self.slots.push((0, None));
                u32::try_from(self.slots.len() - 1).expect("fewer than 2^32 calls at a time")
            }
        };
        let entry = &mut self.slots[slot as usize];
        let key = Key { slot, generation: entry.0 };
        entry.1 = Some(Box::new(make(key)));
        key
    }

    pub(crate) fn find(&mut self, key: Key) -> Option<&mut T> {
        let (generation, value) = self.slots.get_mut(key.slot as usize)?;
        value.as_deref_mut().filter(|_| *generation == key.generation)
    }

    pub(crate) fn remove(&mut self, key: Key) -> Option<Box<T>> {
        let (generation, value) = self.slots.get_mut(key.slot as usize)?;
        if *generation != key.generation {
            return None;
        }
        let value = value.take()?;
        *generation = generation.wrapping_add(1);
        self.free.push(key.slot);
        Some(value)
    }

    pub(crate) fn live(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.slots.iter().filter_map(|(_, value)| value.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_never_finds_a_successor() {
        let mut slots = Slots::new();
        let first = slots.insert_with(|_| 'a');
        assert_eq!(slots.remove(first).as_deref(), Some(&'a'));
        let second = slots.insert_with(|_| 'b');
        assert_eq!(second.slot, first.slot);
        assert_eq!(slots.find(first), None);
        assert_eq!(slots.find(second), Some(&mut 'b'));
        assert_eq!((slots.remove(first), slots.live()), (None, 1));
    }
}
