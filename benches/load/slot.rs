//! One transaction or call in flight, and the pool of them.

use std::collections::VecDeque;

/// Bits of a key that are the slot's index.
const INDEX_BITS: u32 = 24;

/// Where the calling side stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing in flight.
    #[default]
    Free,
    /// A request other than INVITE waits for its final response.
    Requesting,
    /// An INVITE without any response.
    Calling,
    /// An INVITE with a provisional response: the server repeats, the caller waits.
    Proceeding,
    /// BYE sent.
    Ending,
    /// BYE answered before the ACK had reached the answering side.
    Unacknowledged,
}

/// One transaction or call. Times are nanoseconds of the run's clock.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    pub(crate) key: u64,
    pub(crate) state: State,
    pub(crate) user: u32,
    pub(crate) cseq: u32,
    /// When it was due to start: latency counts from here.
    pub(crate) started: u64,
    /// When it has failed.
    pub(crate) give_up: u64,
    /// When the last request is repeated, and the interval so far.
    pub(crate) repeat: u64,
    pub(crate) interval: u64,
    /// The last request, for repeating it.
    pub(crate) request: Vec<u8>,
    /// From the 200 to INVITE: the dialog.
    pub(crate) to: Vec<u8>,
    pub(crate) target: Vec<u8>,
    pub(crate) routes: Vec<u8>,
    /// The answering side's 200 to INVITE, repeated until the ACK comes; `answer_repeat` is 0 once
    /// it came.
    pub(crate) answer: Vec<u8>,
    pub(crate) answer_repeat: u64,
}

/// All slots; the free ones are used in turn.
#[derive(Debug)]
pub(crate) struct Slots {
    slots: Vec<Slot>,
    free: VecDeque<u32>,
    run: u64,
    serial: u64,
}

impl Slots {
    /// `count` free slots. `run` keeps the keys of two runs against one server apart.
    pub(crate) fn new(count: usize, run: u16) -> Slots {
        let count = count.min(1 << INDEX_BITS);
        Slots {
            slots: std::iter::repeat_with(Slot::default).take(count).collect(),
            free: (0..count as u32).collect(),
            run: u64::from(run) << 48,
            serial: 0,
        }
    }

    /// Takes the slot that was free for longest. With `fresh` it gets a key of its own, else the
    /// key that belongs to its index for the whole run.
    pub(crate) fn take(&mut self, fresh: bool) -> Option<&mut Slot> {
        let index = self.free.pop_front()?;
        let serial = if fresh { self.serial } else { 0 };
        self.serial = (self.serial + 1) & ((1 << (48 - INDEX_BITS)) - 1);
        let slot = &mut self.slots[index as usize];
        slot.key = self.run | serial << INDEX_BITS | u64::from(index);
        slot.answer.clear();
        slot.answer_repeat = 0;
        Some(slot)
    }

    /// The slot that has this key and is in use.
    pub(crate) fn find(&mut self, key: u64) -> Option<&mut Slot> {
        let slot = self.slots.get_mut((key & ((1 << INDEX_BITS) - 1)) as usize)?;
        (slot.key == key && slot.state != State::Free).then_some(slot)
    }

    /// Gives a slot back.
    pub(crate) fn release(&mut self, key: u64) {
        let index = (key & ((1 << INDEX_BITS) - 1)) as u32;
        self.slots[index as usize].state = State::Free;
        self.free.push_back(index);
    }

    /// How many are in flight.
    pub(crate) fn busy(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Every slot in flight, for the timers.
    pub(crate) fn in_flight(&mut self) -> impl Iterator<Item = &mut Slot> {
        self.slots.iter_mut().filter(|s| s.state != State::Free)
    }
}

/// The index part of a key: the user, where slots are users.
pub(crate) fn index(key: u64) -> u32 {
    (key & ((1 << INDEX_BITS) - 1)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_key_finds_nothing() {
        let mut slots = Slots::new(1, 3);
        let first = slots.take(true).expect("free").key;
        slots.find(first).ok_or(()).expect_err("free state is not in flight");
        slots.slots[0].state = State::Calling;
        assert!(slots.find(first).is_some());
        assert!(slots.take(true).is_none());
        slots.release(first);
        let second = slots.take(true).expect("free again").key;
        slots.slots[0].state = State::Calling;
        assert_ne!(first, second);
        assert!(slots.find(first).is_none());
        assert_eq!((index(second), slots.busy(), second >> 48), (0, 1, 3));
    }
}
