//! What the network does to messages on their way: delay, jitter, loss, duplicates, reordering
//! and cuts, drawn from the world's one generator.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use sip_core::rng::Rng;
use sip_core::time::Duration;

/// How likely something is, in thousandths.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub struct Chance(u16);

impl Chance {
    /// It never happens.
    pub const NEVER: Self = Self(0);

    /// `n` of a hundred; more than 100 is always.
    #[must_use]
    pub const fn percent(n: u16) -> Self {
        Self::per_mille(n.saturating_mul(10))
    }

    /// `n` of a thousand; more than 1000 is always.
    #[must_use]
    pub const fn per_mille(n: u16) -> Self {
        Self(if n > 1000 { 1000 } else { n })
    }

    /// The thousandths.
    #[must_use]
    pub const fn in_thousandths(self) -> u16 {
        self.0
    }

    fn strikes(self, rng: &mut dyn Rng) -> bool {
        self.0 > 0 && rng.below(1000) < u64::from(self.0)
    }
}

/// The character of one direction of a link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Link {
    /// How long every message takes.
    pub delay: Duration,
    /// Up to how much more, evenly spread. Datagrams may overtake each other within it.
    pub jitter: Duration,
    /// How likely a message is lost. A stream delivers it [`Link::STREAM_RETRY`] later instead.
    pub loss: Chance,
    /// How likely a datagram arrives twice.
    pub duplicate: Chance,
    /// How likely a datagram is held back for [`Link::reorder_by`].
    pub reorder: Chance,
    /// How long a datagram that is reordered is held back.
    pub reorder_by: Duration,
}

impl Link {
    /// How much later a stream delivers what a datagram link would have lost: TCP's first
    /// retransmission timeout as Linux has it.
    pub const STREAM_RETRY: Duration = Duration::from_millis(200);

    /// A link that takes `delay` and does nothing else.
    #[must_use]
    pub const fn new(delay: Duration) -> Self {
        Self {
            delay,
            jitter: Duration::ZERO,
            loss: Chance::NEVER,
            duplicate: Chance::NEVER,
            reorder: Chance::NEVER,
            reorder_by: Duration::from_millis(30),
        }
    }

    /// The same with up to `jitter` more delay.
    #[must_use]
    pub const fn with_jitter(self, jitter: Duration) -> Self {
        Self { jitter, ..self }
    }

    /// The same with this loss.
    #[must_use]
    pub const fn with_loss(self, loss: Chance) -> Self {
        Self { loss, ..self }
    }

    /// The same with this duplication.
    #[must_use]
    pub const fn with_duplicates(self, duplicate: Chance) -> Self {
        Self { duplicate, ..self }
    }

    /// The same, holding datagrams back for `by` at this chance.
    #[must_use]
    pub const fn with_reordering(self, reorder: Chance, by: Duration) -> Self {
        Self { reorder, reorder_by: by, ..self }
    }

    /// What happens to one datagram.
    pub(crate) fn datagram(&self, rng: &mut dyn Rng) -> Transit {
        if self.loss.strikes(rng) {
            return Transit::Lost;
        }
        let first = self.travel(rng);
        if self.duplicate.strikes(rng) {
            Transit::Twice(first, self.travel(rng))
        } else {
            Transit::Once(first)
        }
    }

    /// How long one message of a stream takes; its order is the connection's business.
    pub(crate) fn stream(&self, rng: &mut dyn Rng) -> Duration {
        let mut took = self.delay + self.jittered(rng);
        // A link that loses everything would never deliver: a cut is the way to say that.
        for _ in 0..16 {
            if !self.loss.strikes(rng) {
                break;
            }
            took += Self::STREAM_RETRY;
        }
        took
    }

    fn travel(&self, rng: &mut dyn Rng) -> Duration {
        let held = if self.reorder.strikes(rng) { self.reorder_by } else { Duration::ZERO };
        self.delay + self.jittered(rng) + held
    }

    fn jittered(&self, rng: &mut dyn Rng) -> Duration {
        let bound = u64::try_from(self.jitter.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(if bound == 0 { 0 } else { rng.below(bound) })
    }
}

impl Default for Link {
    /// One millisecond and nothing bad.
    fn default() -> Self {
        Self::new(Duration::from_millis(1))
    }
}

/// The fate of one datagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Transit {
    Lost,
    Once(Duration),
    Twice(Duration, Duration),
}

/// All links of a world. The most special one counts: a pair's, then a host's, then the default.
#[derive(Default, Debug)]
pub struct Links {
    default: Link,
    hosts: HashMap<IpAddr, Link>,
    pairs: HashMap<(IpAddr, IpAddr), Link>,
    cuts: Vec<(Vec<IpAddr>, Vec<IpAddr>)>,
    drops: Vec<(SocketAddr, u32)>,
}

impl Links {
    /// The link of all pairs that have no other.
    pub fn set_default(&mut self, link: Link) {
        self.default = link;
    }

    /// The link of everything that `host` sends and receives.
    pub fn set_host(&mut self, host: IpAddr, link: Link) {
        self.hosts.insert(host, link);
    }

    /// The link between `a` and `b`, both ways.
    pub fn set_pair(&mut self, a: IpAddr, b: IpAddr, link: Link) {
        self.pairs.insert((a, b), link);
        self.pairs.insert((b, a), link);
    }

    /// The link from `from` to `to` only.
    pub fn set_one_way(&mut self, from: IpAddr, to: IpAddr, link: Link) {
        self.pairs.insert((from, to), link);
    }

    /// The link that a message from `from` to `to` takes.
    #[must_use]
    pub fn between(&self, from: IpAddr, to: IpAddr) -> Link {
        let pair = || self.pairs.get(&(from, to));
        let host = || self.hosts.get(&from).or_else(|| self.hosts.get(&to));
        let special = if self.pairs.is_empty() { None } else { pair() };
        let special = if self.hosts.is_empty() { special } else { special.or_else(host) };
        *special.unwrap_or(&self.default)
    }

    /// Cuts every way between the hosts of `these` and of `those` until [`Links::heal`].
    pub fn partition(&mut self, these: &[IpAddr], those: &[IpAddr]) {
        self.cuts.push((these.to_vec(), those.to_vec()));
    }

    /// Mends all cuts.
    pub fn heal(&mut self) {
        self.cuts.clear();
    }

    /// Loses the next `count` datagrams to `to`, whatever its link is like.
    pub fn drop_next(&mut self, to: SocketAddr, count: u32) {
        self.drops.push((to, count));
    }

    pub(crate) fn is_cut(&self, a: IpAddr, b: IpAddr) -> bool {
        self.cuts.iter().any(|(these, those)| {
            these.contains(&a) && those.contains(&b) || these.contains(&b) && those.contains(&a)
        })
    }

    /// Whether the next datagram to `to` was asked to be lost; counts it when so.
    pub(crate) fn take_drop(&mut self, to: SocketAddr) -> bool {
        let Some(entry) = self.drops.iter_mut().find(|(addr, _)| *addr == to) else { return false };
        entry.1 = entry.1.saturating_sub(1);
        if entry.1 == 0 {
            self.drops.retain(|(_, left)| *left > 0);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sip_core::rng::SeededRng;

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    #[test]
    fn the_most_special_link_counts() {
        let mut links = Links::default();
        let slow = Link::new(Duration::from_millis(50));
        let slower = Link::new(Duration::from_millis(90));
        links.set_host(ip(1), slow);
        links.set_one_way(ip(1), ip(2), slower);
        assert_eq!(links.between(ip(1), ip(2)), slower);
        assert_eq!(links.between(ip(2), ip(1)), slow);
        assert_eq!(links.between(ip(3), ip(4)), Link::default());
    }

    #[test]
    fn losses_and_duplicates_come_at_their_rate() {
        let link =
            Link::default().with_loss(Chance::percent(30)).with_duplicates(Chance::percent(10));
        let mut rng = SeededRng::new(1);
        let fates: Vec<Transit> = (0..100_000).map(|_| link.datagram(&mut rng)).collect();
        let lost = fates.iter().filter(|f| **f == Transit::Lost).count();
        let twice = fates.iter().filter(|f| matches!(f, Transit::Twice(..))).count();
        assert!((29_500..30_500).contains(&lost), "{lost} lost");
        assert!((6_700..7_300).contains(&twice), "{twice} of the other 70,000 duplicated");
    }

    #[test]
    fn a_cut_holds_both_ways_until_healed() {
        let mut links = Links::default();
        links.partition(&[ip(1)], &[ip(2), ip(3)]);
        assert!(links.is_cut(ip(1), ip(3)) && links.is_cut(ip(2), ip(1)));
        assert!(!links.is_cut(ip(2), ip(3)));
        links.heal();
        assert!(!links.is_cut(ip(1), ip(3)));
    }

    #[test]
    fn asked_losses_are_counted_down() {
        let mut links = Links::default();
        let to = "10.0.0.1:5060".parse().unwrap();
        links.drop_next(to, 2);
        assert!(links.take_drop(to) && links.take_drop(to) && !links.take_drop(to));
    }
}
