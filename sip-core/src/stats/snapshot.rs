//! Reading what was counted.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::builder::{Entry, Source};
use super::{CounterId, Shard, SharedShard};

/// All statistics of an engine, readable from any thread at any time.
#[derive(Debug)]
pub struct Stats {
    /// Sorted by group and name.
    entries: Arc<[Entry]>,
    shards: Vec<Arc<Shard>>,
    shared: Arc<SharedShard>,
    /// What [`Stats::reset`] found, by counter: a shard is written by its worker only.
    base: Vec<AtomicU64>,
}

/// Whether a value only grows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Counts events since the start or the last reset.
    Counter,
    /// A level that goes up and down; a reset leaves it alone.
    Gauge,
}

impl Stats {
    pub(super) fn new(mut entries: Vec<Entry>, counters: u32, shards: usize) -> Self {
        entries.sort_by(|a, b| (&a.group, &a.name).cmp(&(&b.group, &b.name)));
        Self {
            entries: entries.into(),
            shards: (0..shards.max(1)).map(|_| Arc::new(Shard::new(counters))).collect(),
            shared: Arc::new(SharedShard::new(counters)),
            base: (0..counters).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// How many workers' shards there are.
    #[must_use]
    pub fn shards(&self) -> usize {
        self.shards.len()
    }

    /// The shard of worker `index`; `None` when there is no such worker.
    #[must_use]
    pub fn shard(&self, index: usize) -> Option<Arc<Shard>> {
        self.shards.get(index).cloned()
    }

    /// The shard for threads that are no workers.
    #[must_use]
    pub const fn shared(&self) -> &Arc<SharedShard> {
        &self.shared
    }

    /// The value of one statistic; `None` when there is none of that name.
    #[must_use]
    pub fn get(&self, group: &str, name: &str) -> Option<u64> {
        self.entry(group, name).map(|e| self.read(e))
    }

    /// The value of one counter, since the last reset.
    #[must_use]
    pub fn counter(&self, id: CounterId) -> u64 {
        let base = self.base.get(id.0 as usize).map_or(0, |b| b.load(Ordering::Relaxed));
        self.sum(id).wrapping_sub(base)
    }

    /// All values as they are now, sorted by group and name. The workers go on meanwhile.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let values = self.entries.iter().map(|e| self.read(e)).collect();
        Snapshot { entries: Arc::clone(&self.entries), values }
    }

    /// Sets one counter to 0; `false` when there is none of that name. A gauge stays.
    pub fn reset(&self, group: &str, name: &str) -> bool {
        self.entry(group, name).map(|e| self.reset_entry(e)).is_some()
    }

    /// Sets all counters to 0.
    pub fn reset_all(&self) {
        self.entries.iter().for_each(|e| self.reset_entry(e));
    }

    fn entry(&self, group: &str, name: &str) -> Option<&Entry> {
        find(&self.entries, group, name).and_then(|i| self.entries.get(i))
    }

    fn read(&self, entry: &Entry) -> u64 {
        match &entry.source {
            Source::Counter(id) => self.counter(*id),
            Source::Gauge(read) => read(),
        }
    }

    fn sum(&self, id: CounterId) -> u64 {
        self.shards.iter().fold(self.shared.load(id), |sum, s| sum.wrapping_add(s.load(id)))
    }

    fn reset_entry(&self, entry: &Entry) {
        if let Source::Counter(id) = entry.source
            && let Some(base) = self.base.get(id.0 as usize)
        {
            base.store(self.sum(id), Ordering::Relaxed);
        }
    }
}

fn find(entries: &[Entry], group: &str, name: &str) -> Option<usize> {
    entries.binary_search_by(|e| (e.group.as_ref(), e.name.as_ref()).cmp(&(group, name))).ok()
}

/// All values at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    entries: Arc<[Entry]>,
    values: Vec<u64>,
}

/// One statistic in a [`Snapshot`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Value<'a> {
    /// Its group, mostly the module's name.
    pub group: &'a str,
    /// Its name in the group.
    pub name: &'a str,
    /// One line on what it counts.
    pub doc: &'a str,
    /// Whether it only grows.
    pub kind: Kind,
    /// Its value.
    pub value: u64,
}

impl Snapshot {
    /// All values, sorted by group and name.
    pub fn iter(&self) -> impl Iterator<Item = Value<'_>> {
        self.entries.iter().zip(&self.values).map(|(e, value)| Value {
            group: &e.group,
            name: &e.name,
            doc: &e.doc,
            kind: e.kind(),
            value: *value,
        })
    }

    /// One value; `None` when there is none of that name.
    #[must_use]
    pub fn get(&self, group: &str, name: &str) -> Option<u64> {
        find(&self.entries, group, name).and_then(|i| self.values.get(i)).copied()
    }

    /// The values that `selector` names, in the way of Kamailio's `stats.fetch`: `all`, a group as
    /// `tmx:`, one as `sl:200_replies`, or a bare name in any group.
    pub fn select<'a>(&'a self, selector: &'a str) -> impl Iterator<Item = Value<'a>> {
        self.iter().filter(move |v| v.is_named(selector))
    }

    /// What changed since `earlier`, a snapshot of the same statistics: counters are subtracted (a
    /// reset in between counts from 0), gauges stay as they are now.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let delta = |v: Value<'_>| match v.kind {
            Kind::Gauge => v.value,
            Kind::Counter => {
                let before = earlier.get(v.group, v.name).unwrap_or(0);
                v.value.checked_sub(before).unwrap_or(v.value)
            }
        };
        Self { entries: Arc::clone(&self.entries), values: self.iter().map(delta).collect() }
    }
}

impl Value<'_> {
    /// Whether `selector` names it; see [`Snapshot::select`].
    #[must_use]
    pub fn is_named(&self, selector: &str) -> bool {
        match selector.split_once(':') {
            Some((group, "")) => self.group == group,
            Some((group, name)) => self.group == group && self.name == name,
            None => selector == "all" || self.name == selector,
        }
    }

    /// Kamailio's form of the name, as `sl:200_replies`.
    #[must_use]
    pub fn full_name(&self) -> Cow<'static, str> {
        Cow::Owned(format!("{}:{}", self.group, self.name))
    }
}
