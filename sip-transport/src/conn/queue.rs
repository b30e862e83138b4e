//! What waits to be written on one connection, in order, each message with who wants to hear of
//! its failure.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::Bytes;
use sip_core::net::Target;

/// Messages that wait to be written. Holds no memory while it is empty for good
/// ([`release`](Self::release)).
#[derive(Debug, Default)]
pub struct WriteQueue {
    items: VecDeque<Item>,
    /// How much of the first item is written already.
    written: usize,
    bytes: usize,
}

#[derive(Debug)]
struct Item {
    bytes: Bytes,
    notify: Option<(u64, Target)>,
}

impl WriteQueue {
    /// How many bytes wait.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.bytes
    }

    /// Whether nothing waits.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Appends `bytes`; `notify` is kept until they are written.
    pub fn push(&mut self, bytes: Bytes, notify: Option<(u64, Target)>) {
        if bytes.is_empty() {
            return;
        }
        self.bytes += bytes.len();
        self.items.push_back(Item { bytes, notify });
    }

    /// Fills `slices` with what is to be written first and tells how many were filled.
    pub fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut filled = 0;
        for (slot, item) in slices.iter_mut().zip(&self.items) {
            let skip = if filled == 0 { self.written } else { 0 };
            *slot = IoSlice::new(item.bytes.get(skip..).unwrap_or_default());
            filled += 1;
        }
        filled
    }

    /// Takes off the first `n` bytes, which were written.
    pub fn advance(&mut self, n: usize) {
        let n = n.min(self.bytes);
        self.bytes -= n;
        self.written += n;
        while let Some(first) = self.items.front() {
            let len = first.bytes.len();
            if self.written < len {
                break;
            }
            self.written -= len;
            self.items.pop_front();
        }
    }

    /// Takes off everything, unwritten, and tells who wants to hear of it.
    pub fn drain(&mut self) -> impl Iterator<Item = (u64, Target)> + '_ {
        self.bytes = 0;
        self.written = 0;
        self.items.drain(..).filter_map(|item| item.notify)
    }

    /// The bytes of memory it holds, the messages not counted.
    #[must_use]
    pub fn held(&self) -> usize {
        self.items.capacity() * size_of::<Item>()
    }

    /// Gives the memory of an empty queue back, so that an idle connection holds none.
    pub fn release(&mut self) {
        if self.items.is_empty() {
            self.items = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sip_core::net::Proto;

    fn to() -> Target {
        let peer = "127.0.0.1:5060".parse().unwrap();
        Target { proto: Proto::Tcp, peer, listen: None, conn: None }
    }

    fn waiting(q: &WriteQueue) -> Vec<u8> {
        let mut slices = [IoSlice::new(&[]); 4];
        let n = q.slices(&mut slices);
        slices[..n].iter().flat_map(|s| s.iter().copied()).collect()
    }

    #[test]
    fn bytes_leave_in_order_across_messages_whatever_the_writes_take() {
        for step in 1..=12 {
            let mut q = WriteQueue::default();
            let mut written = Vec::new();
            for part in ["INVITE", "A", "", "BYE"] {
                q.push(Bytes::from_static(part.as_bytes()), None);
            }
            while !q.is_empty() {
                let w = waiting(&q);
                let n = step.min(w.len());
                written.extend_from_slice(&w[..n]);
                q.advance(n);
            }
            assert_eq!(written, b"INVITEABYE");
        }
    }

    #[test]
    fn only_the_unwritten_are_told_to_have_failed_a_half_written_one_too() {
        let mut q = WriteQueue::default();
        for origin in 0..3 {
            q.push(Bytes::from_static(b"1234"), Some((origin, to())));
        }
        q.push(Bytes::from_static(b"5"), None);
        q.advance(6);
        let failed: Vec<u64> = q.drain().map(|(o, _)| o).collect();
        assert_eq!(failed, [1, 2]);
        assert_eq!((q.len(), waiting(&q).len()), (0, 0));
    }
}
