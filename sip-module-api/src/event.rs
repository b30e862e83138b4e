//! Events: what modules tell the host (and, with the config language, event routes). Declared in
//! the registry, emitted once no lock is held, free when nobody listens.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::RwLock;
use smallvec::SmallVec;

use crate::value::Value;

/// One event that happened: its declared name and fields.
#[derive(Clone, Debug)]
pub struct Event {
    /// The declared name, as `usrloc:contact-expired`.
    pub name: &'static str,
    /// The declared fields in order.
    pub fields: SmallVec<[(&'static str, Value); 6]>,
}

impl Event {
    /// The value of a field, `None` when the event has none of that name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Value> {
        self.fields.iter().find(|(n, _)| *n == name).map(|(_, v)| v)
    }
}

/// Who is told. Called on the worker where the event happened; must not block.
pub type Observer = Arc<dyn Fn(&Event) + Send + Sync>;

/// The observers of an engine.
#[derive(Default)]
pub struct Events {
    count: AtomicUsize,
    observers: RwLock<Vec<Observer>>,
}

impl Events {
    /// Adds an observer of all events.
    pub fn subscribe(&self, observer: Observer) {
        let mut observers = self.observers.write();
        observers.push(observer);
        self.count.store(observers.len(), Ordering::Release);
    }

    /// Whether anybody listens: one load.
    #[must_use]
    pub fn wanted(&self) -> bool {
        self.count.load(Ordering::Relaxed) != 0
    }

    /// Tells every observer; the fields are made only if there is one. No lock is held while an
    /// observer runs.
    pub fn emit(
        &self,
        name: &'static str,
        fields: impl FnOnce() -> SmallVec<[(&'static str, Value); 6]>,
    ) {
        if !self.wanted() {
            return;
        }
        let observers = self.observers.read().clone();
        let event = Event { name, fields: fields() };
        for observer in &observers {
            observer(&event);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use smallvec::smallvec;

    #[test]
    fn fields_are_made_only_when_somebody_listens() {
        let events = Events::default();
        events.emit("a:b", || panic!("nobody listens"));
        let hits = Arc::new(AtomicUsize::new(0));
        let copy = Arc::clone(&hits);
        events.subscribe(Arc::new(move |e| {
            assert_eq!(e.field("n"), Some(&Value::Int(3)));
            copy.fetch_add(1, Ordering::Relaxed);
        }));
        events.emit("a:b", || smallvec![("n", Value::Int(3))]);
        assert_eq!(hits.load(Ordering::Relaxed), 1);
    }
}
