//! Names of bindings that are unique for good: `uloc-<start>-<chance>-<count>`, in hexadecimal, as
//! Kamailio's `uloc-<start>-<process>-<count>`.

use std::sync::atomic::{AtomicU64, Ordering};

use sip_core::rng::Rng;
use sip_core::time::WallTime;
use smallvec::SmallVec;

/// A new name; 38 bytes at most.
pub type Ruid = SmallVec<[u8; 40]>;

/// Makes names. One for all tables of an engine; its start and chance keep engines, restarts and
/// machines apart.
#[derive(Debug)]
pub struct Ruids {
    prefix: Ruid,
    count: AtomicU64,
}

impl Ruids {
    /// A maker of names that begins at `start`. `server_id` stands in front when it is not 0.
    #[must_use]
    pub fn new(start: WallTime, server_id: u32, rng: &mut dyn Rng) -> Self {
        let mut prefix = Ruid::from_slice(b"uloc-");
        if server_id != 0 {
            push_hex(&mut prefix, u64::from(server_id));
            prefix.push(b'-');
        }
        push_hex(&mut prefix, start.as_secs());
        prefix.push(b'-');
        push_hex(&mut prefix, rng.next_u64() >> 32);
        prefix.push(b'-');
        Self { prefix, count: AtomicU64::new(0) }
    }

    /// The next name.
    #[must_use]
    pub fn next(&self) -> Ruid {
        let mut ruid = self.prefix.clone();
        push_hex(&mut ruid, self.count.fetch_add(1, Ordering::Relaxed) + 1);
        ruid
    }
}

fn push_hex(out: &mut Ruid, value: u64) {
    let digits = (64 - value.leading_zeros()).div_ceil(4).max(1);
    for i in (0..digits).rev() {
        let nibble = (value >> (4 * i)) & 15;
        out.push(b"0123456789abcdef"[nibble as usize & 15]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sip_core::rng::SeededRng;

    #[test]
    fn names_count_up_and_say_where_they_come_from() {
        let ruids = Ruids::new(WallTime::from_secs(0x6b03_779a), 0, &mut SeededRng::new(1));
        let (a, b) = (ruids.next(), ruids.next());
        assert!(a.starts_with(b"uloc-6b03779a-") && a.ends_with(b"-1"), "{a:?}");
        assert!(b.ends_with(b"-2"));
        let (mut hex, mut zero) = (Ruid::new(), Ruid::new());
        push_hex(&mut hex, 0xfed0);
        push_hex(&mut zero, 0);
        assert_eq!((&hex[..], &zero[..]), (&b"fed0"[..], &b"0"[..]));
        let other = Ruids::new(WallTime::from_secs(0x6b03_779a), 7, &mut SeededRng::new(2));
        assert!(other.next().starts_with(b"uloc-7-6b03779a-"));
    }
}
