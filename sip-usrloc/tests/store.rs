//! Tables and their stores: one suite over every driver, through every mode; and what happens
//! when the database fails.

mod support;

use std::sync::Arc;

use sip_db::{
    DbError, Driver, Durability, Fault, Faults, FaultyDriver, MemoryDb, MemoryDriver, Name,
};
use sip_usrloc::{
    Completion, ContactData, DbMode, DomainConfig, LoadReport, LocationStore, OnFailure, PERMANENT,
    Reject, RowAction, RowChange, SaveKind, SaveOptions, SqlLocationStore, StoreError, Sweep,
    Writer,
};
use support::{Registrar, at, dir, register, sqlite, store};

const A: &str = "Contact: <sip:a@192.0.2.1>";
const B: &str = "Contact: <sip:b@192.0.2.2>";

fn config(mode: DbMode) -> DomainConfig {
    DomainConfig { mode, use_domain: true, hash_size: 3, ..DomainConfig::default() }
}

/// A way to connect to one and the same database again and again.
type Connect = Box<dyn Fn() -> Box<dyn Driver>>;

fn databases(test: &str) -> Vec<(&'static str, Connect)> {
    let memory = MemoryDb::new(test);
    let file = dir(test).join("location.db");
    vec![
        ("memory", Box::new(move || Box::new(memory.connect()))),
        ("sqlite", Box::new(move || sqlite(&file, Durability::Process))),
    ]
}

/// A registrar and its writer; the table is loaded.
fn start<D: Driver>(driver: D, mode: DbMode) -> (Registrar, Writer<SqlLocationStore<D>>) {
    let r = Registrar::with(config(mode));
    let mut writer = Writer::new(Arc::clone(&r.domain), store(driver, true));
    writer.load(r.now).unwrap();
    (r, writer)
}

/// A second engine on the same database: what it finds after a restart at `secs`.
fn restart(connect: &Connect, secs: u64) -> (Registrar, LoadReport) {
    let mut r = Registrar::with(config(DbMode::WriteThrough));
    r.now = at(secs);
    let mut writer = Writer::new(Arc::clone(&r.domain), store(connect(), true)).fetch_rows(2);
    let report = writer.load(r.now).unwrap();
    (r, report)
}

/// Saves under a token and tells how it ended: what the client would be answered.
fn save<S: LocationStore>(
    r: &mut Registrar,
    writer: &mut Writer<S>,
    cseq: u32,
    lines: &[&str],
) -> Result<SaveKind, StoreError> {
    let msg = register("alice", "c1", cseq, lines);
    let token = u64::from(cseq);
    let (saved, _) = r.save(&msg, &SaveOptions { token, ..SaveOptions::default() });
    let saved = saved.unwrap();
    if saved.pending {
        let mut done = Vec::new();
        while writer.turn(&mut done).more {}
        let [Completion { token: told, result }] = &done[..] else { panic!("{done:?}") };
        assert_eq!(*told, token);
        result.clone()?;
    }
    Ok(saved.kind)
}

#[test]
fn a_binding_comes_back_from_the_store_as_it_went() {
    for (name, connect) in databases("roundtrip") {
        let (mut r, mut writer) = start(connect(), DbMode::WriteThrough);
        r.params.use_path = true;
        r.params.path_mode = sip_usrloc::PathMode::Off;
        let msg = register(
            "Alice",
            "call-9",
            7,
            &[
                "Contact: <sip:a@192.0.2.1;transport=tcp>;q=0.123;+sip.instance=\"<urn:uuid:1>\";reg-id=4;expires=500",
                "Path: <sip:p1.test;lr>, <sip:p2.test;lr>",
                "User-Agent: Phone \"X\" 1.0",
                "Allow: INVITE, ACK, BYE",
            ],
        );
        let options = SaveOptions {
            received: b"sip:198.51.100.1:61000",
            flags: 3,
            cflags: 64,
            token: 1,
            ..SaveOptions::default()
        };
        assert!(r.save(&msg, &options).0.unwrap().pending);
        writer.turn(&mut Vec::new());
        let before = r.contacts("alice@test.org");
        let (again, report) = restart(&connect, 10);
        assert_eq!(report.added, 1, "{name}");
        let after = again.contacts("alice@test.org");
        let text = |c: &sip_usrloc::Contact| format!("{:?} {:?}", c.data(), c.ruid());
        let mut expected = before[0].data();
        // Where it came from is gone but for the listener.
        let listen = after[0].listen();
        assert_eq!(listen, before[0].listen());
        expected.flow = None;
        let mut found = after[0].data();
        found.flow = None;
        assert_eq!(format!("{found:?}"), format!("{expected:?}"), "{name}");
        assert_eq!(after[0].ruid(), before[0].ruid(), "{}", text(&after[0]));
    }
}

#[test]
fn write_through_answers_after_the_commit_and_survives_a_restart() {
    for (name, connect) in databases("through") {
        let (mut r, mut writer) = start(connect(), DbMode::WriteThrough);
        let msg = register("alice", "c1", 1, &[A, B]);
        let (saved, headers) = r.save(&msg, &SaveOptions { token: 9, ..SaveOptions::default() });
        assert!(saved.unwrap().pending);
        assert_eq!(headers, "", "the answer waits");
        assert!(r.bound("alice@test.org").is_empty(), "nobody sees it before its commit");
        let mut done = Vec::new();
        assert!(!writer.turn(&mut done).more);
        assert!(matches!(&done[..], [Completion { token: 9, result: Ok(()) }]), "{done:?}");
        let mut out = bytes::BytesMut::new();
        r.domain.write_contacts(r.now, b"alice@test.org", &r.reply, &mut out);
        assert_eq!(
            &out[..],
            b"Contact: <sip:a@192.0.2.1>;expires=3600, <sip:b@192.0.2.2>;expires=3600\r\n"
        );
        save(&mut r, &mut writer, 2, &["Contact: <sip:a@192.0.2.1>;expires=0"]).unwrap();
        save(&mut r, &mut writer, 3, &["Contact: <sip:b@192.0.2.2>;expires=100"]).unwrap();
        let (again, report) = restart(&connect, 50);
        assert_eq!(again.bound("alice@test.org"), ["sip:b@192.0.2.2"], "{name}");
        assert_eq!(again.contacts("alice@test.org")[0].cseq(), 3);
        assert_eq!((report.added, report.expired), (1, 0));
        let (again, report) = restart(&connect, 100);
        assert_eq!((report.added, report.expired, again.domain.contacts()), (0, 1, 0));
    }
}

#[test]
fn write_back_writes_at_the_flush_and_only_what_changed() {
    for (name, connect) in databases("back") {
        let (mut r, mut writer) = start(connect(), DbMode::WriteBack);
        assert!(r.ok("alice", "c1", 1, &[A, B]).starts_with("Contact: "), "answered at once");
        assert_eq!(restart(&connect, 0).1.added, 0, "{name}: not written yet");
        assert_eq!(writer.flush().unwrap().rows, 2);
        assert_eq!(writer.flush().unwrap().rows, 0);
        r.ok("alice", "c1", 2, &[A]);
        r.ok("alice", "c1", 3, &["Contact: <sip:b@192.0.2.2>;expires=0"]);
        r.ok("bob", "c2", 1, &["Contact: <sip:x@h>"]);
        r.ok("bob", "c2", 2, &["Contact: *", "Expires: 0"]);
        assert_eq!(writer.flush().unwrap().rows, 2, "a's refresh and b's deletion; bob never was");
        let (again, _) = restart(&connect, 0);
        assert_eq!(again.bound("alice@test.org"), ["sip:a@192.0.2.1"]);
        assert_eq!(again.contacts("alice@test.org")[0].cseq(), 2);
        assert_eq!(again.domain.users(), 1);
    }
}

#[test]
fn a_contact_that_moves_under_call_id_matching_is_rewritten() {
    for (name, connect) in databases("moves") {
        let mut r = Registrar::with(DomainConfig {
            matching: sip_usrloc::MatchingMode::CallId,
            ..config(DbMode::WriteThrough)
        });
        let mut writer = Writer::new(Arc::clone(&r.domain), store(connect(), true));
        save(&mut r, &mut writer, 1, &[A]).unwrap();
        save(&mut r, &mut writer, 2, &[B]).unwrap();
        let (again, report) = restart(&connect, 0);
        assert_eq!(
            (again.bound("alice@test.org"), report.added),
            (vec!["sip:b@192.0.2.2".into()], 1),
            "{name}"
        );
    }
}

#[test]
fn memory_only_contacts_and_load_only_tables_are_never_written() {
    for (name, connect) in databases("memory_only") {
        let (mut r, mut writer) = start(connect(), DbMode::WriteThrough);
        let msg = register("alice", "c1", 1, &[A]);
        let options = SaveOptions { memory_only: true, token: 1, ..SaveOptions::default() };
        assert!(!r.save(&msg, &options).0.unwrap().pending);
        assert_eq!(r.bound("alice@test.org").len(), 1);
        save(&mut r, &mut writer, 2, &[B]).unwrap();
        let (mut readonly, mut idle) = start(connect(), DbMode::LoadOnly);
        assert_eq!(readonly.bound("alice@test.org"), ["sip:b@192.0.2.2"], "{name}");
        readonly.ok("alice", "c1", 3, &["Contact: *", "Expires: 0"]);
        assert_eq!((idle.flush().unwrap().rows, idle.turn(&mut Vec::new()).jobs), (0, 0));
        assert_eq!(restart(&connect, 0).0.bound("alice@test.org"), ["sip:b@192.0.2.2"]);
    }
}

#[test]
fn expired_rows_are_deleted_and_permanent_ones_are_not() {
    for (name, connect) in databases("clean") {
        let (mut r, mut writer) = start(connect(), DbMode::WriteThrough);
        save(&mut r, &mut writer, 1, &["Contact: <sip:a@h>;expires=60, <sip:b@h>;expires=600"])
            .unwrap();
        let data = ContactData { uri: b"sip:c@h", expires: PERMANENT, ..ContactData::default() };
        assert!(r.domain.put(r.now, b"alice@test.org", &data, 5).pending);
        writer.turn(&mut Vec::new());
        assert_eq!(writer.clean(at(61)).unwrap(), 1, "{name}");
        assert_eq!(writer.clean(at(61)).unwrap(), 0);
        let (again, report) = restart(&connect, 61);
        assert_eq!((report.added, report.expired), (2, 0));
        let mut left = again.bound("alice@test.org");
        left.sort();
        assert_eq!(left, ["sip:b@h", "sip:c@h"]);
        assert_eq!(restart(&connect, 1_000_000).0.bound("alice@test.org"), ["sip:c@h"]);
    }
}

#[test]
fn a_sweep_under_write_through_deletes_the_rows_too() {
    for (name, connect) in databases("sweep") {
        let (mut r, mut writer) = start(connect(), DbMode::WriteThrough);
        save(&mut r, &mut writer, 1, &["Contact: <sip:a@h>;expires=60"]).unwrap();
        r.wait(60);
        assert!(!r.domain.expire(r.now, &mut Sweep::new(), 1000, &mut Vec::new()));
        let mut done = Vec::new();
        assert_eq!(writer.turn(&mut done).rows, 1, "{name}");
        assert!(done.is_empty(), "nobody waits for it");
        assert_eq!(writer.clean(r.now.later(sip_core::time::Duration::from_secs(9))).unwrap(), 0);
    }
}

#[test]
fn a_group_of_registers_is_one_transaction() {
    let memory = MemoryDb::new("group");
    let faults = Faults::new();
    let (mut r, mut writer) =
        start(FaultyDriver::new(memory.connect(), faults.clone()), DbMode::WriteThrough);
    let before = faults.batches();
    for i in 1..=50 {
        let msg = register(&format!("user{i}"), "c1", 1, &[A]);
        r.save(&msg, &SaveOptions { token: i, ..SaveOptions::default() }).0.unwrap();
    }
    let mut done = Vec::new();
    let turned = writer.turn(&mut done);
    assert_eq!((turned.jobs, turned.rows, turned.more), (50, 50, false));
    assert_eq!(faults.batches() - before, 1);
    assert_eq!(done.iter().map(|c| c.token).collect::<Vec<_>>(), (1..=50).collect::<Vec<_>>());
    assert_eq!(memory.rows("location"), 50);
}

fn faulty(
    mode: DbMode,
) -> (Registrar, Writer<SqlLocationStore<FaultyDriver<MemoryDriver>>>, Faults, MemoryDb) {
    let memory = MemoryDb::new("faulty");
    let faults = Faults::new();
    let (r, writer) = start(FaultyDriver::new(memory.connect(), faults.clone()), mode);
    (r, writer, faults, memory)
}

#[test]
fn a_commit_that_fails_leaves_what_was_bound_before() {
    let (mut r, mut writer, faults, _) = faulty(DbMode::WriteThrough);
    save(&mut r, &mut writer, 1, &["Contact: <sip:a@h>;expires=500;q=0.5"]).unwrap();
    for lines in [
        vec!["Contact: <sip:a@h>;expires=900;q=0.1"],
        vec!["Contact: <sip:a@h>;expires=0"],
        vec!["Contact: *", "Expires: 0"],
        vec!["Contact: <sip:new@h>, <sip:a@h>;expires=900"],
    ] {
        faults.fail(0, 1, Fault::Unavailable);
        let error = save(&mut r, &mut writer, 2, &lines).unwrap_err();
        assert!(matches!(error, StoreError::Database(DbError::Unavailable { .. })), "{error}");
        let contacts = r.contacts("alice@test.org");
        assert_eq!(contacts.len(), 1, "{lines:?}: {contacts:?}");
        assert_eq!((contacts[0].cseq(), contacts[0].q()), (1, Some(500)), "{lines:?}");
        assert_eq!((r.domain.users(), r.domain.contacts()), (1, 1));
    }
    // The next one is as good as any, with the same CSeq.
    save(&mut r, &mut writer, 2, &["Contact: <sip:a@h>;expires=900"]).unwrap();
    assert_eq!(r.contacts("alice@test.org")[0].cseq(), 2);
}

#[test]
fn a_new_binding_whose_commit_fails_was_never_there() {
    let (mut r, mut writer, faults, memory) = faulty(DbMode::WriteThrough);
    faults.fail(0, 1, Fault::Full);
    save(&mut r, &mut writer, 1, &[A]).unwrap_err();
    assert!(r.bound("alice@test.org").is_empty());
    assert_eq!((r.domain.users(), r.domain.contacts(), memory.rows("location")), (0, 0, 0));
}

#[test]
fn of_two_changes_on_their_way_the_later_one_decides() {
    for (pass, count, told, bound) in [
        (0, 1, [false, true], vec![3]),
        (1, 1, [true, false], vec![2]),
        (0, 2, [false, false], vec![]),
        (2, 1, [true, true], vec![3]),
    ] {
        let (mut r, writer, faults, memory) = faulty(DbMode::WriteThrough);
        let mut writer = writer.group_limit(1);
        for cseq in [2, 3] {
            let msg = register("alice", "c1", cseq, &["Contact: <sip:a@h>;expires=200"]);
            let options = SaveOptions { token: cseq.into(), ..SaveOptions::default() };
            assert!(r.save(&msg, &options).0.unwrap().pending);
        }
        faults.fail(pass, count, Fault::Unavailable);
        let mut done = Vec::new();
        while writer.turn(&mut done).more {}
        assert_eq!(done.iter().map(|c| c.result.is_ok()).collect::<Vec<_>>(), told);
        let contacts = r.contacts("alice@test.org");
        let cseqs: Vec<u32> = contacts.iter().map(sip_usrloc::Contact::cseq).collect();
        assert_eq!(cseqs, bound, "{told:?}");
        assert_eq!(memory.rows("location"), bound.len(), "{told:?}");
        assert_eq!(r.domain.users(), bound.len() as u64);
    }
}

#[test]
fn an_answer_that_is_lost_behind_the_commit_is_a_failure_that_the_next_register_mends() {
    let (mut r, mut writer, faults, memory) = faulty(DbMode::WriteThrough);
    faults.fail(0, 1, Fault::AnswerLost);
    save(&mut r, &mut writer, 1, &[A]).unwrap_err();
    assert!(r.bound("alice@test.org").is_empty());
    assert_eq!(memory.rows("location"), 1, "the row is there all the same");
    save(&mut r, &mut writer, 2, &[A]).unwrap();
    // Two rows for one binding now: a load keeps the newer one.
    let mut again = Registrar::with(config(DbMode::WriteThrough));
    again.now = at(1);
    let mut writer = Writer::new(Arc::clone(&again.domain), store(memory.connect(), true));
    let report = writer.load(again.now).unwrap();
    assert_eq!((report.added, report.duplicates), (1, 1));
    assert_eq!(again.bound("alice@test.org"), ["sip:a@192.0.2.1"]);
    // And the other row goes with the next flush.
    assert_eq!(writer.flush().unwrap().rows, 1);
    assert_eq!(memory.rows("location"), 1);
}

#[test]
fn with_write_later_a_change_that_failed_stays_and_is_flushed() {
    let memory = MemoryDb::new("later");
    let faults = Faults::new();
    let mut r = Registrar::with(DomainConfig {
        on_failure: OnFailure::WriteLater,
        ..config(DbMode::WriteThrough)
    });
    let driver = FaultyDriver::new(memory.connect(), faults.clone());
    let mut writer = Writer::new(Arc::clone(&r.domain), store(driver, true));
    faults.fail(0, 3, Fault::Unavailable);
    save(&mut r, &mut writer, 1, &[A, B]).unwrap_err();
    assert_eq!(r.bound("alice@test.org").len(), 2);
    save(&mut r, &mut writer, 2, &["Contact: <sip:b@192.0.2.2>;expires=0"]).unwrap_err();
    writer.flush().unwrap_err();
    assert_eq!(memory.rows("location"), 0);
    assert_eq!(writer.flush().unwrap().rows, 2, "a's row, and the deletion of b's");
    assert_eq!(memory.rows("location"), 1);
    assert_eq!(r.bound("alice@test.org"), ["sip:a@192.0.2.1"]);
}

#[test]
fn a_flush_that_fails_is_done_by_the_next_one() {
    let (mut r, mut writer, faults, memory) = faulty(DbMode::WriteBack);
    r.ok("alice", "c1", 1, &[A, B]);
    faults.fail(0, 1, Fault::Locked);
    writer.flush().unwrap_err();
    assert_eq!(memory.rows("location"), 0);
    r.ok("alice", "c1", 2, &["Contact: <sip:b@192.0.2.2>;expires=0"]);
    writer.flush().unwrap();
    assert_eq!(memory.rows("location"), 1);
    faults.fail(0, 1, Fault::Locked);
    r.ok("alice", "c1", 3, &["Contact: *", "Expires: 0"]);
    writer.flush().unwrap_err();
    assert_eq!(memory.rows("location"), 1);
    writer.flush().unwrap();
    assert_eq!(memory.rows("location"), 0);
}

#[test]
fn a_full_outbox_refuses_with_503_and_changes_nothing() {
    let mut r = Registrar::with(DomainConfig { queue: 2, ..config(DbMode::WriteThrough) });
    for i in 1..=2 {
        r.ok(&format!("user{i}"), "c", 1, &[A]);
    }
    let msg = register("user3", "c", 1, &[A]);
    let (result, _) = r.save(&msg, &SaveOptions::default());
    assert_eq!(result.unwrap_err(), Reject::StoreBusy);
    assert_eq!(r.domain.outbox().waiting(), 2);
    assert_eq!(r.says("user1", "c", 2, &[]).0, 200, "asking needs no room");
}

#[test]
fn a_repeated_register_under_write_through_waits_for_the_commit_too() {
    let (mut r, mut writer, faults, _) = faulty(DbMode::WriteThrough);
    for token in [1, 2] {
        let msg = register("alice", "c1", 1, &[A]);
        let (saved, _) = r.save(&msg, &SaveOptions { token, ..SaveOptions::default() });
        assert!(saved.unwrap().pending, "{token}");
    }
    faults.fail(0, 1, Fault::Unavailable);
    let mut done = Vec::new();
    writer.turn(&mut done);
    assert_eq!(done.iter().filter(|c| c.result.is_err()).count(), 2);
    assert!(r.bound("alice@test.org").is_empty());
}

/// A store that refuses the rows of one user, as a database with a rule of its own would.
struct Picky<S>(S);

impl<S: LocationStore> LocationStore for Picky<S> {
    fn scan(&mut self, after: Option<i64>, limit: u32) -> Result<sip_usrloc::Scanned, StoreError> {
        self.0.scan(after, limit)
    }

    fn apply(&mut self, changes: &[RowChange]) -> Result<(), StoreError> {
        if changes.iter().any(|c| c.aor.starts_with(b"eve")) {
            let (database, reason) = ("picky".to_owned(), "not eve".to_owned());
            return Err(DbError::Constraint { database, statement: 0, reason }.into());
        }
        self.0.apply(changes)
    }

    fn clean(&mut self, now: sip_core::time::Now) -> Result<u64, StoreError> {
        self.0.clean(now)
    }
}

#[test]
fn one_bad_row_does_not_fail_the_others_of_its_group() {
    let memory = MemoryDb::new("picky");
    let mut r = Registrar::with(config(DbMode::WriteThrough));
    let mut writer = Writer::new(Arc::clone(&r.domain), Picky(store(memory.connect(), true)));
    for (token, user) in [(1, "alice"), (2, "eve"), (3, "bob")] {
        let msg = register(user, "c1", 1, &[A]);
        r.save(&msg, &SaveOptions { token, ..SaveOptions::default() }).0.unwrap();
    }
    let mut done = Vec::new();
    writer.turn(&mut done);
    let results: Vec<_> = done.iter().map(|c| (c.token, c.result.is_ok())).collect();
    assert_eq!(results, [(1, true), (2, false), (3, true)]);
    assert!(r.bound("eve@test.org").is_empty());
    assert_eq!(r.bound("bob@test.org").len(), 1);
    assert_eq!(memory.rows("location"), 2);
}

#[test]
fn changes_of_one_row_in_one_group_end_in_the_last_one() {
    for (name, connect) in databases("coalesce") {
        let (mut r, mut writer) = start(connect(), DbMode::WriteThrough);
        for (cseq, line) in [
            (1, "Contact: <sip:a@h>, <sip:b@h>"),
            (2, "Contact: <sip:a@h>;expires=200"),
            (3, "Contact: <sip:b@h>;expires=0"),
            (4, "Contact: <sip:a@h>;expires=0"),
            (5, "Contact: <sip:a@h>;expires=500"),
        ] {
            let msg = register("alice", "c1", cseq, &[line]);
            let token = cseq.into();
            assert!(
                r.save(&msg, &SaveOptions { token, ..SaveOptions::default() }).0.unwrap().pending
            );
        }
        let mut done = Vec::new();
        writer.turn(&mut done);
        assert!(done.len() == 5 && done.iter().all(|c| c.result.is_ok()), "{name}: {done:?}");
        let (again, report) = restart(&connect, 0);
        assert_eq!((report.added, again.contacts("alice@test.org")[0].cseq()), (1, 5), "{name}");
        assert_eq!(
            again.contacts("alice@test.org")[0].ruid(),
            r.contacts("alice@test.org")[0].ruid()
        );
    }
}

#[test]
fn a_table_of_another_version_is_not_touched() {
    let file = dir("version").join("location.db");
    drop(store(sqlite(&file, Durability::Process), false));
    let other =
        rusqlite_like(&file, "UPDATE version SET table_version=8 WHERE table_name='location'");
    other.unwrap();
    let rules = sip_usrloc::store::row::RowRules::default();
    let layout = sip_usrloc::store::layout::Layout::new(Name::fixed("location"));
    let error = SqlLocationStore::open(
        sqlite(&file, Durability::Process),
        layout.clone(),
        rules.clone(),
        true,
    )
    .unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("location.db") && text.contains("version 8") && text.contains("needs 9"),
        "{text}"
    );
    SqlLocationStore::open(sqlite(&file, Durability::Process), layout, rules, false).unwrap();
}

/// Runs one statement of SQLite's own language.
fn rusqlite_like(file: &std::path::Path, text: &str) -> Result<(), DbError> {
    let mut batch = sip_db::Batch::new();
    let op = sip_db::Op::Native { text: text.to_owned(), columns: vec![] };
    batch.run(op, vec![]);
    sqlite(file, Durability::Process).run(&batch).map(|_| ())
}

#[test]
fn a_delete_of_a_row_says_what_it_names() {
    let (mut r, ..) = faulty(DbMode::WriteBack);
    r.ok("alice", "c1", 1, &[A]);
    let mut changes = Vec::new();
    r.domain.collect(&mut Sweep::new(), 100, &mut changes);
    r.ok("alice", "c1", 2, &["Contact: *", "Expires: 0"]);
    let mut deletes = Vec::new();
    r.domain.collect(&mut Sweep::new(), 100, &mut deletes);
    let actions: Vec<_> = changes.iter().chain(&deletes).map(|c| c.action).collect();
    assert_eq!(actions, [RowAction::Put { full: true }, RowAction::Delete]);
    assert_eq!(changes[0].contact.ruid(), deletes[0].contact.ruid());
}
