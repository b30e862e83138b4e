//! One REGISTER on its record: checked as a whole, then done as a whole (RFC 3261 10.3 steps 6
//! and 7).

use bytes::BytesMut;
use hashbrown::hash_table::Entry;
use sip_core::net::Flow;
use sip_core::rng::Rng;
use sip_core::time::Now;
use sip_parser::{Message, Uri};
use smallvec::SmallVec;

use super::turn::{Effects, Turn};
use super::{Bucket, Domain, is_visible, seconds};
use crate::aor::AorRules;
use crate::contact::{Contact, ContactData, PERMANENT};
use crate::events::{Event, EventKind};
use crate::matching::same_uri;
use crate::params::{DbMode, RegistrarParams};
use crate::record::Record;
use crate::registrar::plan::{Binding, Plan, Request, SaveOptions};
use crate::registrar::reject::Reject;
use crate::registrar::reply::{ReplyParams, write_contacts};

/// What a REGISTER did; the number is Kamailio's return code of `save`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum SaveKind {
    /// It added a binding at least.
    Inserted = 1,
    /// It refreshed or changed a binding at least, and added none.
    Updated = 2,
    /// It removed bindings, if any were there, and nothing else.
    Deleted = 3,
    /// It asked.
    Returned = 4,
}

/// The outcome of a REGISTER that was not refused.
#[derive(Debug)]
pub struct Saved {
    /// What it did.
    pub kind: SaveKind,
    /// It is on its way to the database: answer once its token is settled.
    pub pending: bool,
    /// What happened, as far as [`Domain::set_events`] asked for it.
    pub events: Vec<Event>,
}

impl Domain {
    /// Reads a REGISTER that is to be saved here: [`Plan::new`], while its record's place in the
    /// table comes near.
    ///
    /// # Errors
    /// When the registrar refuses it, whatever the table holds.
    pub fn plan<'m>(
        &self,
        msg: &'m Message,
        flow: &Flow,
        rules: &AorRules,
        params: &RegistrarParams,
        options: &SaveOptions<'m>,
        rng: &mut dyn Rng,
    ) -> Result<Plan<'m>, Reject> {
        let early = |aor: &[u8]| self.table.bring_near(self.key.hash(aor));
        Plan::with(msg, flow, rules, params, options, rng, early)
    }

    /// Does what a REGISTER asks for. `reply` gets the Contact header of the 200, unless the
    /// outcome is pending: then [`write_contacts`](Self::write_contacts) does it once the plan's
    /// token is settled with success.
    ///
    /// # Errors
    /// When the registrar refuses; nothing was changed then.
    pub fn save(
        &self,
        now: Now,
        plan: &Plan<'_>,
        reply: Option<(&ReplyParams, &mut BytesMut)>,
    ) -> Result<Saved, Reject> {
        let hash = self.key.hash(&plan.aor);
        let now = seconds(now.wall);
        if !matches!(plan.request, Request::Query) {
            self.has_room()?;
        }
        let mut effects = Effects::default();
        let mut guard = self.table.lock_by_hash(hash);
        let Bucket { records, meta } = &mut *guard;
        let mut turn = Turn { domain: self, meta, effects: &mut effects };
        let mut kind = SaveKind::Returned;
        let write = |record: Option<&Record>, pending: bool| {
            if let (Some((params, out)), false) = (reply, pending) {
                let contacts = record.map(Record::contacts).unwrap_or_default();
                write_contacts(out, contacts.iter().filter(|c| is_visible(c, now)), now, params);
            }
        };
        match &plan.request {
            Request::Query => {
                let record = records.find(hash, |r| r.is(hash, &plan.aor));
                write(record.map(Box::as_ref), false);
            }
            request => match records.entry(hash, |r| r.is(hash, &plan.aor), |r| r.hash) {
                Entry::Occupied(mut entry) => {
                    let record = entry.get_mut();
                    let before = record.contacts().len();
                    kind = turn.request(record, plan, request, now)?;
                    turn.effects.count_record(before, record.contacts().len());
                    write(Some(record), !turn.effects.changes.is_empty());
                    if record.is_unused() {
                        entry.remove();
                    }
                }
                Entry::Vacant(entry) => {
                    let mut record = Box::new(Record::new(hash, &plan.aor));
                    kind = turn.request(&mut record, plan, request, now)?;
                    turn.effects.count_record(0, record.contacts().len());
                    write(Some(&record), !turn.effects.changes.is_empty());
                    if !record.is_unused() {
                        entry.insert(record);
                    }
                }
            },
        }
        let pending = !effects.changes.is_empty();
        if pending {
            self.outbox.push(plan.token, std::mem::take(&mut effects.changes));
        }
        drop(guard);
        effects.count(self);
        Ok(Saved { kind, pending, events: effects.events })
    }

    /// Writes the Contact header with all live bindings of `aor` to a 200 for a REGISTER; nothing
    /// when there are none.
    pub fn write_contacts(&self, now: Now, aor: &[u8], params: &ReplyParams, out: &mut BytesMut) {
        let at = seconds(now.wall);
        self.with_contacts(now, aor, |contacts| write_contacts(out, contacts, at, params));
    }

    fn has_room(&self) -> Result<(), Reject> {
        if self.config.mode == DbMode::WriteThrough && !self.outbox.has_room() {
            return Err(Reject::StoreBusy);
        }
        Ok(())
    }
}

impl Turn<'_> {
    fn request(
        &mut self,
        record: &mut Record,
        plan: &Plan<'_>,
        request: &Request<'_>,
        now: u32,
    ) -> Result<SaveKind, Reject> {
        match request {
            Request::Query => Ok(SaveKind::Returned),
            Request::Clear => self.clear(record, plan, now),
            Request::Change(bindings) => {
                self.check(record, plan, bindings, now)?;
                self.expire_contacts(record, now);
                Ok(self.change_all(record, plan, bindings, now))
            }
        }
    }

    /// `Contact: *` (RFC 3261 10.3 step 6).
    fn clear(
        &mut self,
        record: &mut Record,
        plan: &Plan<'_>,
        now: u32,
    ) -> Result<SaveKind, Reject> {
        let outdated =
            |c: &Contact| c.is_live(now) && c.call_id() == plan.call_id && c.cseq() >= plan.cseq;
        if record.contacts().iter().any(outdated) {
            return Err(Reject::OutOfOrder);
        }
        self.expire_contacts(record, now);
        self.remove_again(record, |_| true);
        for place in (0..record.contacts().len()).rev() {
            self.remove(record, place, EventKind::Removed);
        }
        Ok(SaveKind::Deleted)
    }

    /// Whether every binding may be done; changes nothing.
    fn check(
        &self,
        record: &Record,
        plan: &Plan<'_>,
        bindings: &[Binding<'_>],
        now: u32,
    ) -> Result<(), Reject> {
        let contacts = record.contacts();
        let live = contacts.iter().filter(|c| c.is_live(now)).count();
        let (mut kept, mut added, mut removed) = (0, 0, 0);
        let mut fresh: SmallVec<[&[u8]; 4]> = SmallVec::new();
        for binding in bindings {
            let found = self.find(record, plan, binding).and_then(|i| contacts.get(i));
            if found.is_none_or(|c| c.uri() != binding.uri) {
                Uri::parse(binding.uri).map_err(|_| Reject::BadContact)?;
            }
            match found.filter(|c| c.is_live(now)) {
                Some(contact) => {
                    self.in_order(contact, plan, now)?;
                    kept += usize::from(binding.expires > 0);
                    removed += usize::from(binding.expires == 0);
                }
                None if binding.expires == 0 => {}
                None if fresh.iter().any(|known| same_uri(known, binding.uri)) => {}
                None => {
                    fresh.push(binding.uri);
                    added += 1;
                }
            }
        }
        let after = if plan.single { kept + added } else { live.saturating_sub(removed) + added };
        if added > 0 && plan.max_contacts > 0 && after > plan.max_contacts as usize {
            return Err(Reject::TooManyContacts);
        }
        let capacity = self.domain.config.capacity;
        if added > 0 && capacity > 0 && self.domain.contacts() + added as u64 > capacity {
            return Err(Reject::TableFull);
        }
        Ok(())
    }

    /// Call-ID and CSeq against those of the binding (RFC 3261 10.3 step 7).
    fn in_order(&self, contact: &Contact, plan: &Plan<'_>, now: u32) -> Result<(), Reject> {
        if contact.call_id() != plan.call_id
            || plan.cseq > contact.cseq()
            || self.is_repeat(contact, plan, now)
        {
            return Ok(());
        }
        Err(Reject::OutOfOrder)
    }

    /// Whether the REGISTER is the one that wrote the binding, come again.
    fn is_repeat(&self, contact: &Contact, plan: &Plan<'_>, now: u32) -> bool {
        contact.cseq() == plan.cseq
            && contact.call_id() == plan.call_id
            && now.saturating_sub(contact.modified()) < self.domain.config.cseq_delay
    }

    fn find(&self, record: &Record, plan: &Plan<'_>, binding: &Binding<'_>) -> Option<usize> {
        let matching = self.domain.config.matching;
        matching.find(record.contacts(), binding.uri, plan.call_id, &plan.path)
    }

    fn change_all(
        &mut self,
        record: &mut Record,
        plan: &Plan<'_>,
        bindings: &[Binding<'_>],
        now: u32,
    ) -> SaveKind {
        let first = self.meta.versions;
        let mut kind = SaveKind::Deleted;
        for binding in bindings {
            let data = data_of(plan, binding, now);
            let matching = self.domain.config.matching;
            self.remove_again(record, |c| {
                let one = std::slice::from_ref(c);
                matching.find(one, binding.uri, plan.call_id, &plan.path).is_some()
            });
            match self.find(record, plan, binding) {
                Some(place) if binding.expires == 0 => {
                    self.remove(record, place, EventKind::Removed);
                }
                Some(place) => {
                    self.refresh(record, place, plan, &data, (first, now));
                    if kind == SaveKind::Deleted {
                        kind = SaveKind::Updated;
                    }
                }
                None if binding.expires == 0 => {}
                None => {
                    self.insert(record, &data, plan.memory_only);
                    kind = SaveKind::Inserted;
                }
            }
        }
        if plan.single {
            self.keep_only(record, plan, bindings);
        }
        kind
    }

    /// Updates a binding; one that this very REGISTER wrote before stays as it is, but under
    /// write-through its commit is waited for once more. `start`: the version before this
    /// REGISTER's first change, and the time.
    fn refresh(
        &mut self,
        record: &mut Record,
        place: usize,
        plan: &Plan<'_>,
        data: &ContactData<'_>,
        (first, now): (u32, u32),
    ) {
        let Some(contact) = record.contacts().get(place) else { return };
        let of_this = contact.version.wrapping_sub(first).wrapping_sub(1)
            < self.meta.versions.wrapping_sub(first);
        if !of_this && contact.is_live(now) && self.is_repeat(contact, plan, now) {
            if record.is_held(contact.ruid()) {
                let same = contact.clone();
                self.update(record, place, &same.data(), plan.memory_only);
            }
            return;
        }
        self.update(record, place, data, plan.memory_only);
    }

    /// Removes the bindings that the REGISTER did not name (the flag 0x04 of `save`).
    fn keep_only(&mut self, record: &mut Record, plan: &Plan<'_>, bindings: &[Binding<'_>]) {
        let matching = self.domain.config.matching;
        for place in (0..record.contacts().len()).rev() {
            let Some(contact) = record.contacts().get(place) else { continue };
            let one = std::slice::from_ref(contact);
            let named = bindings
                .iter()
                .any(|b| matching.find(one, b.uri, plan.call_id, &plan.path).is_some());
            if !named {
                self.remove(record, place, EventKind::Removed);
            }
        }
    }
}

fn data_of<'a>(plan: &'a Plan<'_>, binding: &'a Binding<'_>, now: u32) -> ContactData<'a> {
    ContactData {
        uri: binding.uri,
        call_id: plan.call_id,
        cseq: plan.cseq,
        expires: now.saturating_add(binding.expires).min(PERMANENT - 1),
        q: binding.q,
        received: &plan.received,
        path: &plan.path,
        user_agent: plan.user_agent,
        instance: binding.instance,
        reg_id: binding.reg_id,
        socket: plan.socket,
        methods: binding.methods,
        flags: plan.flags,
        cflags: plan.cflags,
        modified: now,
        flow: plan.flow,
    }
}
