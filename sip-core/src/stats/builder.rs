//! Declaring what is counted.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::snapshot::{Kind, Stats};

/// The number of a counter, given out when it is declared.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct CounterId(pub(super) u32);

/// The list of statistics while an engine is built.
#[derive(Debug, Default)]
pub struct Builder {
    pub(super) entries: Vec<Entry>,
    counters: u32,
}

/// One declared statistic.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) group: Cow<'static, str>,
    pub(super) name: Cow<'static, str>,
    pub(super) doc: Cow<'static, str>,
    pub(super) source: Source,
}

/// Where a statistic's value comes from.
#[derive(Clone)]
pub(super) enum Source {
    Counter(CounterId),
    Gauge(Arc<dyn Fn() -> u64 + Send + Sync>),
}

impl Entry {
    pub(super) const fn kind(&self) -> Kind {
        match self.source {
            Source::Counter(_) => Kind::Counter,
            Source::Gauge(_) => Kind::Gauge,
        }
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.group, self.name)
    }
}

impl Builder {
    /// An empty list.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Declares a counter. Declared again under the same group and name it is the same counter; a
    /// gauge of that name is replaced.
    pub fn counter(
        &mut self,
        group: impl Into<Cow<'static, str>>,
        name: impl Into<Cow<'static, str>>,
        doc: impl Into<Cow<'static, str>>,
    ) -> CounterId {
        let (group, name) = (group.into(), name.into());
        if let Some(Entry { source: Source::Counter(id), .. }) = self.find(&group, &name) {
            return *id;
        }
        let id = CounterId(self.counters);
        self.counters += 1;
        self.put(Entry { group, name, doc: doc.into(), source: Source::Counter(id) });
        id
    }

    /// Declares a gauge: a value that `read` tells whenever someone asks, from any thread. It may
    /// take locks, and must not wait for anything else. The last declaration of a name counts.
    pub fn gauge(
        &mut self,
        group: impl Into<Cow<'static, str>>,
        name: impl Into<Cow<'static, str>>,
        doc: impl Into<Cow<'static, str>>,
        read: impl Fn() -> u64 + Send + Sync + 'static,
    ) {
        let source = Source::Gauge(Arc::new(read));
        self.put(Entry { group: group.into(), name: name.into(), doc: doc.into(), source });
    }

    /// The statistics of an engine with `shards` workers.
    #[must_use]
    pub fn build(self, shards: usize) -> Stats {
        Stats::new(self.entries, self.counters, shards)
    }

    fn find(&mut self, group: &str, name: &str) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|e| e.group == group && e.name == name)
    }

    fn put(&mut self, entry: Entry) {
        match self.find(&entry.group, &entry.name) {
            Some(known) => *known = entry,
            None => self.entries.push(entry),
        }
    }
}
