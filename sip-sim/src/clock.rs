//! The queue of what is going to happen, ordered by virtual time.
//!
//! Events of the same instant happen in the order they were planned in, which is what makes a run
//! repeatable: a heap alone would be free to choose.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use sip_core::time::Instant;

/// A queue of events by (instant, order of planning). The heap holds small keys, the events lie
/// in slots beside it.
pub(crate) struct EventQueue<E> {
    heap: BinaryHeap<Reverse<(Instant, u64, u32)>>,
    slots: Vec<Option<E>>,
    free: Vec<u32>,
    planned: u64,
}

impl<E> EventQueue<E> {
    pub(crate) const fn new() -> Self {
        Self { heap: BinaryHeap::new(), slots: Vec::new(), free: Vec::new(), planned: 0 }
    }

    /// Plans `event` for `at`.
    pub(crate) fn plan(&mut self, at: Instant, event: E) {
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                self.slots.push(None);
                u32::try_from(self.slots.len() - 1).expect("fewer than 2^32 events are planned")
            }
        };
        self.slots[slot as usize] = Some(event);
        self.planned += 1;
        self.heap.push(Reverse((at, self.planned, slot)));
    }

    /// When the next event happens.
    pub(crate) fn next_at(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, ..))| *at)
    }

    /// Takes the next event out.
    pub(crate) fn take_next(&mut self) -> Option<(Instant, E)> {
        let Reverse((at, _, slot)) = self.heap.pop()?;
        self.free.push(slot);
        let event = self.slots[slot as usize].take().expect("a planned slot is filled");
        Some((at, event))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_happen_by_time_and_then_by_order_of_planning() {
        let mut queue = EventQueue::new();
        for (ms, name) in [(5, 'c'), (1, 'a'), (5, 'd'), (2, 'b')] {
            queue.plan(Instant::from_millis(ms), name);
        }
        assert_eq!(queue.next_at(), Some(Instant::from_millis(1)));
        let order: String = std::iter::from_fn(|| queue.take_next().map(|(_, e)| e)).collect();
        assert_eq!(order, "abcd");
        assert_eq!(queue.next_at(), None);
    }

    #[test]
    fn slots_are_used_again() {
        let mut queue = EventQueue::new();
        for i in 0..1000u64 {
            queue.plan(Instant::from_millis(i), i);
            assert_eq!(queue.take_next(), Some((Instant::from_millis(i), i)));
        }
        assert_eq!(queue.slots.len(), 1);
    }
}
