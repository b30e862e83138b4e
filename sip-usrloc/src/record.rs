//! An address-of-record with its bindings, in the order that lookups return them.

use smallvec::SmallVec;

use crate::contact::{Contact, State};

/// One address-of-record in a table.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) hash: u64,
    /// In the record itself if it is short: it is compared each time the record is looked for.
    aor: SmallVec<[u8; 24]>,
    contacts: SmallVec<[Contact; 1]>,
    held: Option<Box<Held>>,
}

/// Bindings whose last change is on its way to the database, under write-through.
#[derive(Debug, Default)]
struct Held {
    list: Vec<HeldContact>,
}

/// What to go back to when the change fails.
#[derive(Debug)]
struct HeldContact {
    /// The last change's state of the binding; its version tells which change that is.
    last: Contact,
    /// The state that the database has; `None` when it has none.
    committed: Option<Contact>,
}

/// How a change ended.
pub(crate) enum Settled {
    /// It was the last one: nothing is held any more.
    Final,
    /// A later one is on its way.
    Superseded,
    /// Nobody waited for it.
    Unknown,
}

impl Record {
    pub(crate) fn new(hash: u64, aor: &[u8]) -> Self {
        Self { hash, aor: SmallVec::from_slice(aor), contacts: SmallVec::new(), held: None }
    }

    #[inline]
    pub(crate) fn is(&self, hash: u64, aor: &[u8]) -> bool {
        self.hash == hash && self.aor[..] == *aor
    }

    pub(crate) fn aor(&self) -> &[u8] {
        &self.aor
    }

    pub(crate) fn contacts(&self) -> &[Contact] {
        &self.contacts
    }

    pub(crate) fn contact_mut(&mut self, place: usize) -> Option<&mut Contact> {
        self.contacts.get_mut(place)
    }

    pub(crate) fn find_ruid(&self, ruid: &[u8]) -> Option<usize> {
        self.contacts.iter().position(|c| c.ruid() == ruid)
    }

    /// Puts a binding where it belongs: by falling q, without one last, equal ones in the order of
    /// their registration; or, `newest_first`, in front.
    pub(crate) fn place(&mut self, contact: Contact, newest_first: bool) {
        let rank = contact.rank();
        let at = if newest_first {
            0
        } else {
            self.contacts.iter().position(|c| c.rank() < rank).unwrap_or(self.contacts.len())
        };
        self.contacts.insert(at, contact);
    }

    pub(crate) fn take(&mut self, place: usize) -> Option<Contact> {
        (place < self.contacts.len()).then(|| self.contacts.remove(place))
    }

    /// Moves a binding to where it belongs after a change.
    pub(crate) fn replace(&mut self, place: usize, newest_first: bool) {
        if self.contacts.len() > 1
            && let Some(contact) = self.take(place)
        {
            self.place(contact, newest_first);
        }
    }

    /// Whether neither bindings nor changes on their way need it.
    pub(crate) fn is_unused(&self) -> bool {
        self.contacts.is_empty() && self.held.is_none()
    }

    pub(crate) fn is_held(&self, ruid: &[u8]) -> bool {
        self.held.as_ref().is_some_and(|h| h.list.iter().any(|h| h.last.ruid() == ruid))
    }

    /// The bindings that were removed and whose removal is on its way.
    pub(crate) fn removals(&self) -> impl Iterator<Item = &Contact> {
        let held = self.held.as_ref().map(|h| &h.list[..]).unwrap_or_default();
        held.iter().map(|h| &h.last).filter(|c| self.find_ruid(c.ruid()).is_none())
    }

    /// Remembers that `now` is on its way, and `before` what the database had, if this is the
    /// first change on its way.
    pub(crate) fn hold(&mut self, now: &Contact, before: Option<Contact>) {
        let held = self.held.get_or_insert_default();
        match held.list.iter_mut().find(|h| h.last.ruid() == now.ruid()) {
            Some(known) => known.last = now.clone(),
            None => held.list.push(HeldContact { last: now.clone(), committed: before }),
        }
    }

    /// The change to `state` was committed; `deleted`: it was a delete.
    pub(crate) fn commit(&mut self, state: &Contact, deleted: bool) -> Settled {
        if let Some(place) = self.find_ruid(state.ruid())
            && let Some(contact) = self.contacts.get_mut(place)
        {
            contact.state.set(State::TENTATIVE, false);
        }
        let Some((held, at)) = self.held_of(state) else { return Settled::Unknown };
        let Some(known) = held.list.get_mut(at) else { return Settled::Unknown };
        if known.last.version == state.version {
            self.release(at);
            return Settled::Final;
        }
        let mut committed = state.clone();
        committed.state.set(State::TENTATIVE, false);
        known.committed = (!deleted).then_some(committed);
        Settled::Superseded
    }

    /// The change to `state` failed: goes back to what the database has, unless a later change is
    /// on its way.
    pub(crate) fn take_back(&mut self, state: &Contact, newest_first: bool) -> Settled {
        let Some((held, at)) = self.held_of(state) else { return Settled::Unknown };
        let Some(known) = held.list.get_mut(at) else { return Settled::Unknown };
        if known.last.version != state.version {
            return Settled::Superseded;
        }
        let committed = known.committed.take();
        self.release(at);
        if let Some(place) = self.find_ruid(state.ruid()) {
            self.take(place);
        }
        if let Some(contact) = committed {
            self.place(contact, newest_first);
        }
        Settled::Final
    }

    /// The change to `state` failed and is to be written later: nothing is held for it any more.
    pub(crate) fn let_go(&mut self, state: &Contact) -> Settled {
        let Some((held, at)) = self.held_of(state) else { return Settled::Unknown };
        let last = held.list.get(at).is_some_and(|h| h.last.version == state.version);
        if last {
            self.release(at);
            return Settled::Final;
        }
        Settled::Superseded
    }

    fn held_of(&mut self, state: &Contact) -> Option<(&mut Held, usize)> {
        let held = self.held.as_mut()?;
        let at = held.list.iter().position(|h| h.last.ruid() == state.ruid())?;
        Some((held, at))
    }

    fn release(&mut self, at: usize) {
        if let Some(held) = &mut self.held {
            held.list.swap_remove(at);
            if held.list.is_empty() {
                self.held = None;
            }
        }
    }

    /// The bytes of memory it holds beside itself.
    pub(crate) fn heap_size(&self) -> usize {
        let spilled = if self.contacts.spilled() {
            self.contacts.capacity() * size_of::<Contact>()
        } else {
            0
        };
        let aor = if self.aor.spilled() { self.aor.capacity() } else { 0 };
        aor + spilled + self.contacts.iter().map(Contact::heap_size).sum::<usize>()
    }
}
