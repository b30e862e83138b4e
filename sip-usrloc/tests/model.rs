//! The location table against a model that is too simple to be wrong: lists of bindings, searched
//! from front to back.

mod support;

use std::collections::BTreeMap;

use proptest::prelude::*;
use sip_parser::Message;
use sip_usrloc::{
    DbMode, DomainConfig, EventMask, Listed, PathMode, Reject, RowAction, RowChange, SaveOptions,
    Sweep,
};
use support::{Registrar, register};

/// One binding of the model.
#[derive(Clone, Debug, PartialEq)]
struct Bound {
    uri: String,
    call_id: String,
    cseq: u32,
    expires: u64,
    modified: u64,
    q: Option<u16>,
}

/// One step of a history.
#[derive(Clone, Debug)]
enum Step {
    Register { user: u8, call_id: u8, cseq: u32, contacts: Vec<(u8, u32, Option<u16>)> },
    Clear { user: u8, call_id: u8, cseq: u32 },
    Wait(u64),
    Sweep,
}

fn step() -> impl Strategy<Value = Step> {
    let contact = (
        0u8..4,
        prop_oneof![Just(0u32), 60u32..400],
        proptest::option::of(prop_oneof![Just(0u16), Just(500), Just(1000)]),
    );
    prop_oneof![
        8 => (0u8..3, 0u8..3, 1u32..12, proptest::collection::vec(contact, 0..4)).prop_map(
            |(user, call_id, cseq, contacts)| Step::Register { user, call_id, cseq, contacts }
        ),
        1 => (0u8..3, 0u8..3, 1u32..12)
            .prop_map(|(user, call_id, cseq)| Step::Clear { user, call_id, cseq }),
        2 => (0u64..200).prop_map(Step::Wait),
        1 => Just(Step::Sweep),
    ]
}

#[derive(Default)]
struct Model {
    users: BTreeMap<String, Vec<Bound>>,
    now: u64,
}

const CSEQ_DELAY: u64 = 20;
const MAX_CONTACTS: usize = 3;

impl Model {
    fn live(&self, user: &str) -> Vec<Bound> {
        let all = self.users.get(user).cloned().unwrap_or_default();
        all.into_iter().filter(|b| b.expires > self.now).collect()
    }

    fn register(
        &mut self,
        user: &str,
        call_id: &str,
        cseq: u32,
        contacts: &[(String, u32, Option<u16>)],
    ) -> u16 {
        let before = self.live(user);
        let repeat = |b: &Bound| {
            b.call_id == call_id && b.cseq == cseq && self.now - b.modified < CSEQ_DELAY
        };
        for (uri, _, _) in contacts {
            if let Some(b) = before.iter().find(|b| b.uri == *uri)
                && b.call_id == call_id
                && b.cseq >= cseq
                && !repeat(b)
            {
                return 400;
            }
        }
        let mut fresh: Vec<&String> = Vec::new();
        let mut count = before.len();
        for (uri, expires, _) in contacts {
            match (before.iter().any(|b| b.uri == *uri), *expires) {
                (true, 0) => count = count.saturating_sub(1),
                (false, 1..) if !fresh.contains(&uri) => {
                    fresh.push(uri);
                    count += 1;
                }
                _ => {}
            }
        }
        if !fresh.is_empty() && count > MAX_CONTACTS {
            return 503;
        }
        let mut now = before.clone();
        for (uri, expires, q) in contacts {
            let known = now.iter().position(|b| b.uri == *uri);
            let untouched = |b: &Bound| before.contains(b) && repeat(b);
            match (known, *expires) {
                (Some(i), 0) => drop(now.remove(i)),
                (None, 0) => {}
                (Some(i), _) if untouched(&now[i]) => {}
                (known, _) => {
                    let bound = Bound {
                        uri: uri.clone(),
                        call_id: call_id.to_owned(),
                        cseq,
                        expires: self.now + u64::from(*expires),
                        modified: self.now,
                        q: *q,
                    };
                    match known {
                        Some(i) if now[i].q == *q => now[i] = bound,
                        known => {
                            known.map(|i| now.remove(i));
                            let rank = |b: &Bound| b.q.map_or(-1, i32::from);
                            let at = now.iter().position(|b| rank(b) < rank(&bound));
                            now.insert(at.unwrap_or(now.len()), bound);
                        }
                    }
                }
            }
        }
        self.users.insert(user.to_owned(), now);
        200
    }

    fn clear(&mut self, user: &str, call_id: &str, cseq: u32) -> u16 {
        if self.live(user).iter().any(|b| b.call_id == call_id && b.cseq >= cseq) {
            return 400;
        }
        self.users.remove(user);
        200
    }
}

/// Plays the writer: takes what a save left in the outbox or made dirty into a map of rows.
#[derive(Default)]
struct Rows(BTreeMap<Vec<u8>, RowChange>);

impl Rows {
    fn take(&mut self, changes: &[RowChange]) {
        for change in changes {
            let ruid = change.contact.ruid().to_vec();
            match change.action {
                RowAction::Put { .. } => drop(self.0.insert(ruid, change.clone())),
                RowAction::Delete => drop(self.0.remove(&ruid)),
            }
        }
    }

    fn live_uris(&self, now: u64) -> Vec<(Vec<u8>, Vec<u8>, u32, u32)> {
        let mut all: Vec<_> = self
            .0
            .values()
            .filter(|c| u64::from(c.contact.expires()) > now)
            .map(|c| {
                let contact = &c.contact;
                (c.aor.to_vec(), contact.uri().to_vec(), contact.cseq(), contact.expires())
            })
            .collect();
        all.sort();
        all
    }
}

fn name(prefix: &str, number: u8) -> String {
    format!("{prefix}{number}")
}

/// Plays a history on the table and the model and compares them after each step.
fn play(steps: Vec<Step>, mode: DbMode, hash_size: u32) -> Result<(), TestCaseError> {
    let mut r = Registrar::with(DomainConfig { mode, hash_size, ..DomainConfig::default() });
    r.params.max_contacts = MAX_CONTACTS as u32;
    r.domain.set_events(EventMask::ALL);
    let mut model = Model { now: r.now.wall.as_secs(), ..Model::default() };
    let mut rows = Rows::default();
    for step in steps {
        match step {
            Step::Register { user, call_id, cseq, contacts } => {
                let (user, call_id) = (name("user", user), name("call", call_id));
                let contacts: Vec<_> = contacts
                    .into_iter()
                    .map(|(n, expires, q)| (format!("sip:c{n}@h"), expires, q))
                    .collect();
                let mut lines: Vec<String> = contacts
                    .iter()
                    .map(|(uri, expires, q)| {
                        let q =
                            q.map_or(String::new(), |q| format!(";q={}.{:03}", q / 1000, q % 1000));
                        format!("Contact: <{uri}>;expires={expires}{q}")
                    })
                    .collect();
                lines.push("Supported: x".into());
                let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
                let msg = register(&user, &call_id, cseq, &lines);
                let expected = model.register(&user, &call_id, cseq, &contacts);
                let (result, _) = r.save(&msg, &SaveOptions::default());
                let code = result.as_ref().map_or_else(Reject::code, |_| 200);
                prop_assert_eq!(code, expected, "{:?}", result);
            }
            Step::Clear { user, call_id, cseq } => {
                let (user, call_id) = (name("user", user), name("call", call_id));
                let msg = register(&user, &call_id, cseq, &["Contact: *", "Expires: 0"]);
                let expected = model.clear(&user, &call_id, cseq);
                let (result, _) = r.save(&msg, &SaveOptions::default());
                let code = result.map_or_else(|reject| reject.code(), |_| 200);
                prop_assert_eq!(code, expected);
            }
            Step::Wait(secs) => {
                r.wait(secs);
                model.now += secs;
            }
            Step::Sweep => {
                let (mut sweep, mut events) = (Sweep::new(), Vec::new());
                while r.domain.expire(r.now, &mut sweep, 1, &mut events) {}
                let left: usize = (0..3).map(|u| model.live(&name("user", u)).len()).sum();
                prop_assert_eq!(r.domain.contacts(), left as u64);
                let users = (0..3).filter(|u| !model.live(&name("user", *u)).is_empty()).count();
                prop_assert_eq!(r.domain.users(), users as u64);
            }
        }
        if mode == DbMode::WriteBack {
            let mut changes = Vec::new();
            while r.domain.collect(&mut Sweep::new(), usize::MAX, &mut changes) {}
            rows.take(&changes);
        }
        compare(&r, &model)?;
        if mode == DbMode::WriteBack {
            let mut expected: Vec<_> = (0..3)
                .flat_map(|u| {
                    let user = name("user", u);
                    let live = model.live(&user);
                    live.into_iter().map(move |b| {
                        let expires = u32::try_from(b.expires).unwrap();
                        (user.clone().into_bytes(), b.uri.into_bytes(), b.cseq, expires)
                    })
                })
                .collect();
            expected.sort();
            prop_assert_eq!(rows.live_uris(model.now), expected);
        }
    }
    Ok(())
}

fn compare(r: &Registrar, model: &Model) -> Result<(), TestCaseError> {
    for user in 0..3 {
        let user = name("user", user);
        let found: Vec<Bound> = r
            .contacts(&user)
            .iter()
            .map(|c| Bound {
                uri: String::from_utf8_lossy(c.uri()).into_owned(),
                call_id: String::from_utf8_lossy(c.call_id()).into_owned(),
                cseq: c.cseq(),
                expires: u64::from(c.expires()),
                modified: u64::from(c.modified()),
                q: c.q(),
            })
            .collect();
        prop_assert_eq!(found, model.live(&user));
    }
    let (mut sweep, mut listed): (_, Vec<Listed>) = (Sweep::new(), Vec::new());
    while r.domain.list(&mut sweep, 1, &mut listed) {}
    let contacts: usize = listed.iter().map(|l| l.contacts.len()).sum();
    prop_assert_eq!(contacts as u64, r.domain.contacts());
    prop_assert_eq!(listed.len() as u64, r.domain.users());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_table_does_what_the_model_does(steps in proptest::collection::vec(step(), 1..40)) {
        play(steps, DbMode::None, 4)?;
    }

    #[test]
    fn one_bucket_is_as_good_as_many(steps in proptest::collection::vec(step(), 1..40)) {
        play(steps, DbMode::None, 0)?;
    }

    #[test]
    fn no_header_text_makes_a_registrar_panic(
        lines in proptest::collection::vec(
            "(Contact|m|Expires|Path|Supported|Require|Allow|User-Agent): [ -~\r\n\t<>;:,*\"@%0-9a-z]{0,60}",
            0..5,
        ),
    ) {
        let mut text = String::from(
            "REGISTER sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\n\
             To: <sip:a@h>\r\nCall-ID: 1\r\nCSeq: 1 REGISTER\r\n",
        );
        for line in &lines {
            text.push_str(line);
            text.push_str("\r\n");
        }
        text.push_str("\r\n");
        let Ok(msg) = Message::parse(text.into_bytes().into()) else { return Ok(()) };
        let mut r = Registrar::new();
        r.params.use_path = true;
        r.params.path_mode = PathMode::Lazy;
        let (result, headers) = r.save(&msg, &SaveOptions::default());
        // Whatever was kept comes back as lines of their own and breaks no line.
        for line in headers.split_terminator("\r\n") {
            prop_assert!(line.contains(": "), "{headers:?} {result:?}");
            prop_assert!(!line.contains(['\r', '\n']), "{headers:?}");
        }
    }

    #[test]
    fn what_write_back_writes_is_what_is_bound(steps in proptest::collection::vec(step(), 1..40)) {
        play(steps, DbMode::WriteBack, 2)?;
    }
}
