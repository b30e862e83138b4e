//! Write-through under every interleaving of REGISTERs, commits and failures: once nothing is on
//! its way, the table and the database hold the same, no binding twice, and what was answered 200
//! last is what is bound.

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::BytesMut;
use proptest::prelude::*;
use sip_core::rng::SeededRng;
use sip_db::{Driver, Fault, Faults, FaultyDriver, MemoryDb};
use sip_usrloc::{
    Contact, DbMode, DomainConfig, Listed, LoadReport, Plan, SaveOptions, Sweep, Writer,
};
use support::{Registrar, at, register, store, udp};

fn config() -> DomainConfig {
    DomainConfig {
        mode: DbMode::WriteThrough,
        use_domain: true,
        hash_size: 2,
        ..DomainConfig::default()
    }
}

/// Address-of-record and URI to CSeq, expiry and ruid.
type Bindings = BTreeMap<(Vec<u8>, Vec<u8>), (u32, u32, Vec<u8>)>;

/// All bindings of a table, by address-of-record and URI.
fn all(r: &Registrar) -> Bindings {
    let mut listed: Vec<Listed> = Vec::new();
    while r.domain.list(&mut Sweep::new(), usize::MAX, &mut listed) {}
    let mut found = BTreeMap::new();
    for l in &listed {
        for c in &l.contacts {
            let state = (c.cseq(), c.expires(), c.ruid().to_vec());
            let twice = found.insert((l.aor.to_vec(), c.uri().to_vec()), state);
            assert!(twice.is_none(), "{:?} is bound twice: {l:?}", c.uri());
        }
    }
    assert_eq!(found.len() as u64, r.domain.contacts());
    assert_eq!(listed.len() as u64, r.domain.users());
    found
}

fn reloaded(db: &MemoryDb) -> (Registrar, LoadReport) {
    let mut r = Registrar::with(config());
    r.now = at(0);
    let mut writer = Writer::new(Arc::clone(&r.domain), store(db.connect(), true));
    let report = writer.load(r.now).unwrap();
    (r, report)
}

#[derive(Clone, Debug)]
enum Step {
    /// A REGISTER for one of two users: some contacts with lifetimes, or none for a `*`.
    Save { user: u8, call_id: u8, contacts: Vec<(u8, bool)> },
    /// The writer takes a group; whether the database does.
    Turn(bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0u8..2, 0u8..2, proptest::collection::vec((0u8..3, any::<bool>()), 0..3))
            .prop_map(|(user, call_id, contacts)| Step::Save { user, call_id, contacts }),
        2 => any::<bool>().prop_map(Step::Turn),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn table_and_database_agree_once_all_is_settled(
        steps in proptest::collection::vec(step(), 1..30),
        group in 1usize..4,
    ) {
        let db = MemoryDb::new("commits");
        let faults = Faults::new();
        let mut r = Registrar::with(config());
        let driver = FaultyDriver::new(db.connect(), faults.clone());
        let mut writer = Writer::new(Arc::clone(&r.domain), store(driver, true)).group_limit(group);
        let mut done = Vec::new();
        // What each call asked of each contact, by its token, which rises.
        let mut asked: BTreeMap<u64, (u8, Vec<(u8, bool)>)> = BTreeMap::new();
        let mut pending = Vec::new();
        let mut ended: BTreeMap<u64, bool> = BTreeMap::new();
        for (i, step) in steps.into_iter().enumerate() {
            let token = i as u64 + 1;
            match step {
                Step::Save { user, call_id, contacts } => {
                    let mut lines: Vec<String> = contacts
                        .iter()
                        .map(|(n, bind)| format!("Contact: <sip:c{n}@h>;expires={}", u32::from(*bind) * 600))
                        .collect();
                    if contacts.is_empty() {
                        lines = vec!["Contact: *".into(), "Expires: 0".into()];
                    }
                    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
                    let msg = register(&format!("u{user}"), &format!("c{call_id}"), token as u32, &lines);
                    let (saved, _) = r.save(&msg, &SaveOptions { token, ..SaveOptions::default() });
                    let what = if contacts.is_empty() {
                        (0..3).map(|n| (n, false)).collect()
                    } else {
                        contacts
                    };
                    asked.insert(token, (user, what));
                    match saved.unwrap().pending {
                        true => pending.push(token),
                        false => drop(ended.insert(token, true)),
                    }
                }
                Step::Turn(works) => {
                    if works { faults.clear() } else { faults.fail(0, 1, Fault::Unavailable) }
                    writer.turn(&mut done);
                }
            }
        }
        faults.clear();
        while writer.turn(&mut done).more {}
        ended.extend(done.iter().map(|c| (c.token, c.result.is_ok())));
        prop_assert_eq!(done.iter().map(|c| c.token).collect::<Vec<_>>(), pending, "each once, in order");
        let table = all(&r);
        let (again, report) = reloaded(&db);
        prop_assert_eq!(report.duplicates, 0);
        prop_assert_eq!(&all(&again), &table);
        // The last answered call on a contact says whether it is bound.
        let mut expected: BTreeMap<(u8, u8), bool> = BTreeMap::new();
        for (token, (user, what)) in &asked {
            if ended[token] {
                expected.extend(what.iter().map(|(n, bind)| ((*user, *n), *bind)));
            }
        }
        for ((user, n), bound) in expected {
            let key = (format!("u{user}@test.org").into_bytes(), format!("sip:c{n}@h").into_bytes());
            prop_assert_eq!(table.contains_key(&key), bound, "user {} contact {}", user, n);
        }
    }
}

/// Workers on threads of their own, and a writer on its own: the last REGISTER of each phone wins,
/// in memory and in the database.
#[test]
fn workers_and_writer_at_once_end_with_the_same_bindings() {
    let db = MemoryDb::new("threads");
    let faults = Faults::new();
    let r = Registrar::with(config());
    let driver: Box<dyn Driver> = Box::new(FaultyDriver::new(db.connect(), faults.clone()));
    let mut writer = Writer::new(Arc::clone(&r.domain), store(driver, true)).group_limit(16);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let stop = &stop;
        let writing = scope.spawn(move || {
            let (mut done, mut failed) = (Vec::new(), 0);
            loop {
                let last = stop.load(Ordering::Acquire);
                if writer.turn(&mut done).jobs == 0 && last {
                    return failed;
                }
                failed += done.drain(..).filter(|c| c.result.is_err()).count();
            }
        });
        let workers: Vec<_> = (0..4u64)
            .map(|worker| {
                let (domain, rules, params) =
                    (Arc::clone(&r.domain), r.rules.clone(), r.params.clone());
                let faults = faults.clone();
                scope.spawn(move || {
                    let mut rng = SeededRng::new(worker);
                    for cseq in 1..=300u32 {
                        // All workers share the users; each has a phone of its own.
                        let user = format!("user{}", cseq % 5);
                        let leaves = (u64::from(cseq) + worker) % 7 == 0;
                        let contact = format!(
                            "Contact: <sip:phone{worker}@h>;expires={}",
                            if leaves { 0 } else { 600 }
                        );
                        let msg = register(&user, &format!("call-{worker}"), cseq, &[&contact]);
                        let token = worker * 1000 + u64::from(cseq);
                        let options = SaveOptions { token, ..SaveOptions::default() };
                        let plan =
                            Plan::new(&msg, &udp(), &rules, &params, &options, &mut rng).unwrap();
                        domain.save(at(0), &plan, None).unwrap();
                        if cseq % 40 == 0 {
                            faults.fail(0, 1, Fault::Unavailable);
                        }
                    }
                })
            })
            .collect();
        workers.into_iter().for_each(|w| w.join().unwrap());
        stop.store(true, Ordering::Release);
        writing.join().unwrap();
    });
    assert_eq!(r.domain.outbox().waiting(), 0);
    let (again, report) = reloaded(&db);
    assert_eq!(report.duplicates, 0);
    assert_eq!(all(&again), all(&r));
    assert!(!all(&r).is_empty());
}

#[test]
fn a_star_behind_a_removal_that_fails_removes_all_the_same() {
    let db = MemoryDb::new("star");
    let faults = Faults::new();
    let mut r = Registrar::with(config());
    let driver = FaultyDriver::new(db.connect(), faults.clone());
    let mut writer = Writer::new(Arc::clone(&r.domain), store(driver, true)).group_limit(1);
    let mut done = Vec::new();
    let send = |r: &mut Registrar, token: u64, call_id: &str, lines: &[&str]| {
        let msg = register("alice", call_id, token as u32, lines);
        r.save(&msg, &SaveOptions { token, ..SaveOptions::default() }).0.unwrap().pending
    };
    assert!(send(&mut r, 1, "c1", &["Contact: <sip:a@h>"]));
    while writer.turn(&mut done).more {}
    assert!(send(&mut r, 2, "c1", &["Contact: <sip:a@h>;expires=0"]));
    assert!(send(&mut r, 3, "other", &["Contact: *", "Expires: 0"]), "it waits for a commit too");
    faults.fail(0, 1, Fault::Full);
    while writer.turn(&mut done).more {}
    let results: Vec<bool> = done.iter().map(|c| c.result.is_ok()).collect();
    assert_eq!(results, [true, false, true]);
    assert_eq!((r.domain.contacts(), db.rows("location")), (0, 0));
    let mut out = BytesMut::new();
    r.domain.write_contacts(r.now, b"alice@test.org", &r.reply, &mut out);
    assert!(out.is_empty());
    let none: Vec<Contact> = r.contacts("alice@test.org");
    assert!(none.is_empty());
}
