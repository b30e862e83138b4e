//! One suite over every driver: what a batch means must not depend on who runs it.

use std::path::PathBuf;

use sip_db::{
    Batch, Cmp, Column, Conflict, DbError, DbUrl, Driver, Durability, Fault, Faults, FaultyDriver,
    Found, Kind, MemoryDb, Name, Op, OpenOptions, Row, Table, Value, ensure_table, open,
    table_version,
};

/// A directory of this test's own, empty at its start.
fn dir(test: &str) -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("sip-db").join(test);
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

fn sqlite(file: &std::path::Path, more: &str) -> Result<Box<dyn Driver>, DbError> {
    let url = DbUrl::parse(&format!("sqlite://{}{more}", file.display())).unwrap();
    open(&url, &OpenOptions { durability: Durability::Process, busy_timeout_ms: 200 })
}

/// Each driver there is, empty.
fn drivers(test: &str) -> Vec<Box<dyn Driver>> {
    vec![
        Box::new(MemoryDb::new(test).connect()),
        sqlite(&dir(test).join("t.db"), "").unwrap(),
        sqlite(&dir(&format!("{test}-power")).join("t.db"), "?durability=power").unwrap(),
        Box::new(FaultyDriver::new(MemoryDb::new(test).connect(), Faults::new())),
    ]
}

fn pets() -> Table {
    Table::new("pets".into())
        .column(Column::new("name".into(), Kind::Text).size(64).default(Value::text("")))
        .column(Column::new("age".into(), Kind::Int))
        .column(Column::new("weight".into(), Kind::Real).default(Value::Real(1.0)))
        .column(Column::new("seen".into(), Kind::Time).default(Value::Time(946_684_801)))
        .column(Column::new("tag".into(), Kind::Blob))
        .unique("pets_name_idx".into(), &["name".into()])
        .index("pets_seen_idx".into(), &["seen".into()])
}

const ALL: [(&str, Kind); 5] = [
    ("name", Kind::Text),
    ("age", Kind::Int),
    ("weight", Kind::Real),
    ("seen", Kind::Time),
    ("tag", Kind::Blob),
];

fn pet(name: &str, age: i64) -> Row {
    vec![
        Value::text(name),
        Value::Int(age),
        Value::Real(0.25),
        Value::Time(1_795_389_698),
        Value::Blob(vec![0u8, 255].into()),
    ]
}

fn insert() -> Op {
    Op::insert("pets", &["name", "age", "weight", "seen", "tag"])
}

fn with_pets(db: &mut dyn Driver, pets_there: &[(&str, i64)]) {
    let mut batch = Batch::new();
    batch.run(Op::create(pets()), vec![]);
    batch.run_many(insert(), pets_there.iter().map(|(n, a)| pet(n, *a)).collect());
    db.run(&batch).unwrap();
}

fn names(db: &mut dyn Driver, op: Op, row: Row) -> Vec<String> {
    let mut batch = Batch::new();
    batch.run(op, row);
    let result = db.run(&batch).unwrap();
    let text = |r: &Row| String::from_utf8(r[0].as_bytes().unwrap().to_vec()).unwrap();
    result.rows(0).iter().map(text).collect()
}

fn by_name() -> Op {
    Op::select("pets", &[("name", Kind::Text)]).order_by("name", true)
}

#[test]
fn every_kind_of_value_comes_back_as_it_went_in() {
    for mut db in drivers("values") {
        with_pets(&mut *db, &[("rex", 3)]);
        let mut batch = Batch::new();
        batch.run(Op::select("pets", &ALL), vec![]);
        assert_eq!(db.run(&batch).unwrap().rows(0), [pet("rex", 3)], "{}", db.database());
    }
}

#[test]
fn text_keeps_bytes_that_are_no_utf8_and_a_null_stays_a_null() {
    for mut db in drivers("bytes") {
        with_pets(&mut *db, &[]);
        let mut batch = Batch::new();
        let row = vec![Value::text(b"r\xe9x"), Value::Null];
        batch.run(Op::insert("pets", &["name", "age"]), row.clone());
        batch.run(Op::select("pets", &ALL[..2]).filter("name", Cmp::Eq), row[..1].to_vec());
        assert_eq!(db.run(&batch).unwrap().rows(1), [row], "{}", db.database());
    }
}

#[test]
fn columns_that_an_insert_leaves_out_take_their_defaults() {
    for mut db in drivers("defaults") {
        with_pets(&mut *db, &[]);
        let mut batch = Batch::new();
        batch.run(Op::insert("pets", &["name"]), vec![Value::text("kit")]);
        batch.run(Op::select("pets", &ALL), vec![]);
        let defaults = [Value::Null, Value::Real(1.0), Value::Time(946_684_801), Value::Null];
        assert_eq!(db.run(&batch).unwrap().rows(1)[0][1..], defaults, "{}", db.database());
    }
}

#[test]
fn filters_compare_and_nothing_equals_nothing() {
    for mut db in drivers("filters") {
        with_pets(&mut *db, &[("a", 1), ("b", 2), ("c", 3)]);
        let mut batch = Batch::new();
        batch.run(Op::insert("pets", &["name"]), vec![Value::text("none")]);
        db.run(&batch).unwrap();
        for (cmp, age, expected) in [
            (Cmp::Eq, Value::Int(2), vec!["b"]),
            (Cmp::Ne, Value::Int(2), vec!["a", "c", "none"]),
            (Cmp::Lt, Value::Int(2), vec!["a"]),
            (Cmp::Le, Value::Int(2), vec!["a", "b"]),
            (Cmp::Gt, Value::Int(2), vec!["c"]),
            (Cmp::Ge, Value::Int(2), vec!["b", "c"]),
            (Cmp::Eq, Value::Null, vec!["none"]),
            (Cmp::Ne, Value::Null, vec!["a", "b", "c"]),
            (Cmp::Gt, Value::Null, vec![]),
        ] {
            let found = names(&mut *db, by_name().filter("age", cmp), vec![age.clone()]);
            assert_eq!(found, expected, "{} {cmp:?} {age:?}", db.database());
        }
        let two = by_name().filter("age", Cmp::Ge).filter("name", Cmp::Ne);
        assert_eq!(names(&mut *db, two, vec![Value::Int(2), Value::text("c")]), ["b"]);
        let seen = by_name().filter("seen", Cmp::Lt);
        assert_eq!(names(&mut *db, seen, vec![Value::Time(946_684_802)]), ["none"]);
    }
}

#[test]
fn a_select_sorts_and_stops_where_it_is_told() {
    for mut db in drivers("order") {
        with_pets(&mut *db, &[("a", 2), ("b", 1), ("c", 2), ("d", 3)]);
        let op = Op::select("pets", &[("name", Kind::Text)])
            .order_by("age", false)
            .order_by("name", true)
            .limit(3);
        assert_eq!(names(&mut *db, op, vec![]), ["d", "a", "c"], "{}", db.database());
        // Page by page, as a load does.
        let page = Op::select("pets", &[("id", Kind::Int)])
            .filter("id", Cmp::Gt)
            .order_by("id", true)
            .limit(3);
        let (mut last, mut pages) = (Value::Int(0), Vec::new());
        loop {
            let mut batch = Batch::new();
            batch.run(page.clone(), vec![last.clone()]);
            let rows = db.run(&batch).unwrap().take_rows(0);
            let Some(end) = rows.last() else { break };
            last = end[0].clone();
            pages.push(rows.len());
        }
        assert_eq!(pages, [3, 1]);
    }
}

#[test]
fn updates_and_deletes_say_how_many_rows_they_changed() {
    for mut db in drivers("counts") {
        with_pets(&mut *db, &[("a", 1), ("b", 2), ("c", 3)]);
        let mut batch = Batch::new();
        let older = Op::update("pets", &["age"]).filter("age", Cmp::Ge);
        batch.run(older, vec![Value::Int(9), Value::Int(2)]);
        batch.run_many(
            Op::delete("pets").filter("name", Cmp::Eq),
            vec![vec![Value::text("a")], vec![Value::text("zz")]],
        );
        let result = db.run(&batch).unwrap();
        assert_eq!((result.changed(0), result.changed(1)), (2, 1), "{}", db.database());
        assert_eq!(
            names(&mut *db, by_name().filter("age", Cmp::Eq), vec![Value::Int(9)]),
            ["b", "c"]
        );
    }
}

#[test]
fn a_batch_that_fails_leaves_nothing_behind() {
    for mut db in drivers("atomic") {
        with_pets(&mut *db, &[("a", 1), ("b", 2)]);
        let mut batch = Batch::new();
        batch.run(Op::delete("pets").filter("name", Cmp::Eq), vec![Value::text("b")]);
        batch.run(
            Op::update("pets", &["age"]).filter("name", Cmp::Eq),
            vec![Value::Int(7), Value::text("a")],
        );
        batch.run_many(insert(), vec![pet("c", 3), pet("a", 4)]);
        let error = db.run(&batch).unwrap_err();
        assert!(matches!(&error, DbError::Constraint { statement: 2, .. }), "{error}");
        assert!(!error.is_transient());
        assert_eq!(names(&mut *db, by_name(), vec![]), ["a", "b"], "{}", db.database());
        let aged = by_name().filter("age", Cmp::Eq);
        assert_eq!(names(&mut *db, aged, vec![Value::Int(1)]), ["a"]);
        // And the next batch is as good as any.
        with_pets(&mut *db, &[("c", 3)]);
        assert_eq!(names(&mut *db, by_name(), vec![]), ["a", "b", "c"]);
    }
}

#[test]
fn an_insert_on_a_taken_key_fails_is_ignored_or_updates() {
    for mut db in drivers("conflict") {
        with_pets(&mut *db, &[("a", 1)]);
        let age = |db: &mut dyn Driver| {
            let mut batch = Batch::new();
            batch.run(Op::select("pets", &ALL[..3]), vec![]);
            db.run(&batch).unwrap().rows(0).to_vec()
        };
        let mut batch = Batch::new();
        batch.run(insert().on_conflict(Conflict::Ignore), pet("a", 5));
        assert_eq!(db.run(&batch).unwrap().changed(0), 0);
        assert_eq!(age(&mut *db)[0][1], Value::Int(1));
        let mut batch = Batch::new();
        let set = Conflict::Update { key: vec!["name".into()], set: vec!["age".into()] };
        let mut row = pet("a", 6);
        row[2] = Value::Real(99.0);
        batch.run_many(insert().on_conflict(set), vec![row, pet("b", 7)]);
        assert_eq!(db.run(&batch).unwrap().changed(0), 2, "{}", db.database());
        let rows = age(&mut *db);
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0][1..], [Value::Int(6), Value::Real(0.25)], "only age was to change");
    }
}

#[test]
fn a_missing_table_is_named() {
    for mut db in drivers("missing") {
        let mut batch = Batch::new();
        batch.run(Op::select("nowhere", &[("id", Kind::Int)]), vec![]);
        let error = db.run(&batch).unwrap_err();
        assert!(matches!(&error, DbError::NoTable { table, .. } if table == "nowhere"), "{error}");
    }
}

#[test]
fn wrong_parameter_counts_and_columns_are_errors() {
    for mut db in drivers("wrong") {
        with_pets(&mut *db, &[]);
        for (op, row) in [
            (insert(), vec![Value::text("a")]),
            (Op::insert("pets", &["nocolumn"]), vec![Value::Int(1)]),
            (Op::delete("pets").filter("name", Cmp::Eq), vec![]),
            (Op::update("pets", &["name"]).filter("nocolumn", Cmp::Eq), pet("", 0)[..2].to_vec()),
        ] {
            let mut batch = Batch::new();
            batch.run(op.clone(), row);
            let error = db.run(&batch).unwrap_err();
            assert!(matches!(error, DbError::Statement { statement: 0, .. }), "{op:?}: {error}");
        }
    }
}

#[test]
fn a_table_is_made_once_and_its_version_is_kept() {
    for mut db in drivers("version") {
        let name = Name::fixed("pets");
        assert_eq!(table_version(&mut *db, &name).unwrap(), None);
        assert_eq!(ensure_table(&mut *db, &pets(), 9).unwrap(), Found::Created);
        assert_eq!(ensure_table(&mut *db, &pets(), 9).unwrap(), Found::Present);
        assert_eq!(table_version(&mut *db, &name).unwrap(), Some(9));
        let error = ensure_table(&mut *db, &pets(), 10).unwrap_err();
        assert!(matches!(&error, DbError::Version { found: 9, wanted: 10, .. }), "{error}");
        assert!(error.to_string().contains(db.database()), "{error}");
    }
}

#[test]
fn a_table_that_nobody_lists_is_not_taken_for_ours() {
    for mut db in drivers("unlisted") {
        with_pets(&mut *db, &[("a", 1)]);
        let error = ensure_table(&mut *db, &pets(), 9).unwrap_err();
        assert!(matches!(&error, DbError::NoVersion { wanted: 9, .. }), "{error}");
        assert_eq!(names(&mut *db, by_name(), vec![]), ["a"], "it stays as it was");
    }
}

#[test]
fn a_planned_failure_fails_the_batches_it_says_and_no_other() {
    let db = MemoryDb::new("faulty");
    let faults = Faults::new();
    let mut faulty = FaultyDriver::new(db.connect(), faults.clone());
    with_pets(&mut faulty, &[]);
    faults.fail(1, 1, Fault::Full);
    let mut one = |name: &str| {
        let mut batch = Batch::new();
        batch.run(insert(), pet(name, 1));
        faulty.run(&batch)
    };
    assert!(one("a").is_ok());
    assert!(matches!(one("b"), Err(DbError::Full { .. })));
    assert!(one("c").is_ok());
    faults.fail(0, 1, Fault::AnswerLost);
    assert!(one("d").is_err_and(|e| e.is_transient()));
    assert_eq!((db.rows("pets"), faults.failed()), (3, 2), "a, c and the unanswered d");
}

#[cfg(feature = "sqlite")]
mod sqlite_file {
    use super::*;

    #[test]
    fn a_file_that_is_no_database_is_named() {
        let file = dir("nodb").join("letter.txt");
        std::fs::write(&file, "Dear reader, this is a letter and no database.".repeat(50)).unwrap();
        let error = sqlite(&file, "").map(|_| ()).unwrap_err();
        assert!(matches!(&error, DbError::NotADatabase { .. }), "{error}");
        assert!(error.to_string().starts_with(file.to_str().unwrap()), "{error}");
    }

    #[test]
    fn a_truncated_database_is_an_error_and_not_an_empty_one() {
        let file = dir("damaged").join("t.db");
        let mut db = sqlite(&file, "").unwrap();
        with_pets(&mut *db, &[("a", 1)]);
        let many: Vec<String> = (0..2000).map(|i| format!("pet {i}")).collect();
        let mut batch = Batch::new();
        batch.run_many(insert(), many.iter().map(|n| pet(n, 1)).collect());
        db.run(&batch).unwrap();
        drop(db);
        let whole = std::fs::read(&file).unwrap();
        std::fs::write(&file, &whole[..whole.len() / 2]).unwrap();
        let mut read = Batch::new();
        read.run(Op::select("pets", &ALL), vec![]);
        let error = sqlite(&file, "").and_then(|mut db| db.run(&read)).unwrap_err();
        assert!(matches!(error, DbError::NotADatabase { .. }), "{error}");
    }

    #[test]
    fn a_directory_that_is_not_there_is_named() {
        let file = dir("nodir").join("not/there/t.db");
        let error = sqlite(&file, "").map(|_| ()).unwrap_err();
        assert!(matches!(&error, DbError::Open { .. }), "{error}");
        assert!(error.to_string().contains("not/there/t.db"), "{error}");
    }

    #[test]
    fn a_file_opened_for_reading_only_refuses_writes_and_is_named() {
        let file = dir("readonly").join("t.db");
        with_pets(&mut *sqlite(&file, "").unwrap(), &[("a", 1)]);
        let mut db = sqlite(&file, "?mode=ro").unwrap();
        assert_eq!(names(&mut *db, by_name(), vec![]), ["a"]);
        let mut batch = Batch::new();
        batch.run(insert(), pet("b", 1));
        let error = db.run(&batch).unwrap_err();
        assert!(matches!(&error, DbError::ReadOnly { .. }), "{error}");
        assert!(error.to_string().contains("t.db"), "{error}");
    }

    #[test]
    fn a_lock_held_by_another_is_waited_for_and_then_named() {
        let file = dir("locked").join("t.db");
        let mut db = sqlite(&file, "").unwrap();
        with_pets(&mut *db, &[]);
        let other = rusqlite::Connection::open(&file).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let mut batch = Batch::new();
        batch.run(insert(), pet("b", 1));
        let error = db.run(&batch).unwrap_err();
        assert!(matches!(&error, DbError::Locked { waited_ms: 200, .. }), "{error}");
        assert!(error.is_transient());
        assert_eq!(names(&mut *db, by_name(), vec![]), Vec::<String>::new(), "reading goes on");
        other.execute_batch("ROLLBACK").unwrap();
        db.run(&batch).unwrap();
    }

    #[test]
    fn what_was_committed_is_there_for_the_next_connection() {
        let file = dir("reopen").join("t.db");
        with_pets(&mut *sqlite(&file, "").unwrap(), &[("a", 1)]);
        let mut again = sqlite(&file, "").unwrap();
        assert_eq!(names(&mut *again, by_name(), vec![]), ["a"]);
    }

    #[test]
    fn dates_written_by_others_are_read() {
        let file = dir("dates").join("t.db");
        let mut db = sqlite(&file, "").unwrap();
        with_pets(&mut *db, &[]);
        let other = rusqlite::Connection::open(&file).unwrap();
        other
            .execute_batch(
                "INSERT INTO pets (name, seen) VALUES ('text', '2026-11-22 23:16:40');
                 INSERT INTO pets (name, seen) VALUES ('day', 2461367.46991319);
                 INSERT INTO pets (name, seen) VALUES ('secs', 1795389400);",
            )
            .unwrap();
        let mut batch = Batch::new();
        batch.run(Op::select("pets", &[("seen", Kind::Time)]), vec![]);
        let rows = db.run(&batch).unwrap().take_rows(0);
        assert_eq!(rows, vec![vec![Value::Time(1_795_389_400)]; 3]);
    }

    #[test]
    fn the_databases_own_language_is_there_for_who_wants_it() {
        let mut db = sqlite(&dir("native").join("t.db"), "").unwrap();
        with_pets(&mut *db, &[("a", 1), ("b", 2)]);
        let mut batch = Batch::new();
        let text = "SELECT sum(age), count(*) FROM pets WHERE age >= ?".to_owned();
        batch.run(Op::Native { text, columns: vec![Kind::Int, Kind::Int] }, vec![Value::Int(1)]);
        assert_eq!(db.run(&batch).unwrap().rows(0), [vec![Value::Int(3), Value::Int(2)]]);
    }
}
