//! The module `usrloc`: the tables in a database.

use looseroute::core::time::Duration;
use looseroute::{RpcValue, Value};
use sip_db::{Batch, DbUrl, Kind, Op, OpenOptions, open};

use crate::registrar::save;
use crate::rig::{HERE, Rig, f, register, scratch, set};

pub const TESTED: &[&str] = &[
    "db_mode",
    "db_url",
    "db_load",
    "db_timer_clean",
    "version_table",
    "fetch_rows",
    "timer_interval",
    "server_id",
    "server_id_filter",
    "skip_remote_socket",
    "ul.flush",
];

/// The parameters that rename columns: the table of a test, all of it.
pub const COLUMNS: [&str; 21] = [
    "user_column",
    "domain_column",
    "contact_column",
    "expires_column",
    "q_column",
    "callid_column",
    "cseq_column",
    "methods_column",
    "flags_column",
    "cflags_column",
    "user_agent_column",
    "received_column",
    "socket_column",
    "path_column",
    "ruid_column",
    "instance_column",
    "reg_id_column",
    "server_id_column",
    "connection_id_column",
    "keepalive_column",
    "partition_column",
];

/// A database file of its own, and the URL of it.
struct Db {
    path: String,
    url: String,
}

impl Db {
    fn new() -> Self {
        let path = scratch("location.db");
        Self { url: format!("sqlite://{path}"), path }
    }

    /// An engine on it with these parameters of usrloc.
    fn try_rig(&self, params: &[(&str, Value)]) -> Result<Rig, String> {
        let mut all = vec![("usrloc", "db_url", Value::from(self.url.clone()))];
        all.extend(params.iter().map(|(name, value)| ("usrloc", *name, value.clone())));
        // Engines that share a table draw different names for their bindings.
        let seed = crate::text::unique();
        Rig::try_new(|b| set(b, &all).seed(seed)).map_err(|e| e.to_string())
    }

    #[track_caller]
    fn rig(&self, params: &[(&str, i64)]) -> Rig {
        let params: Vec<(&str, Value)> = params.iter().map(|(n, v)| (*n, (*v).into())).collect();
        self.try_rig(&params).expect("the engine builds")
    }

    /// What a statement returns: its one text column, row by row.
    #[track_caller]
    fn sql(&self, text: &str, reads: bool) -> Vec<String> {
        let url = DbUrl::parse(&self.url).expect("a URL");
        let mut driver = open(&url, &OpenOptions::default()).expect("the database opens");
        let columns = if reads { vec![Kind::Text] } else { Vec::new() };
        let mut batch = Batch::new();
        batch.run(Op::Native { text: text.into(), columns }, Vec::new());
        let mut result = driver.run(&batch).expect("the statement works");
        let rows = result.take_rows(0);
        let text = |row: &sip_db::Row| {
            let bytes = row[0].as_bytes().cloned().unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        rows.iter().map(text).collect()
    }

    /// The users in the table.
    fn users(&self) -> Vec<String> {
        self.sql("SELECT username FROM location ORDER BY username", true)
    }

    /// Waits until the table holds these users; the writer has a thread of its own.
    #[track_caller]
    fn becomes(&self, users: &[&str]) {
        for _ in 0..10_000 {
            if self.users() == users {
                return;
            }
            std::thread::park_timeout(Duration::from_millis(1));
        }
        panic!("{:?}, not {users:?}", self.users());
    }

    /// Waits a moment in which the table must not change.
    #[track_caller]
    fn stays(&self, users: &[&str]) {
        std::thread::park_timeout(Duration::from_millis(40));
        assert_eq!(self.users(), users);
    }
}

impl Drop for Db {
    fn drop(&mut self) {
        for end in ["", "-wal", "-shm"] {
            // What was never made cannot be removed.
            let _ = std::fs::remove_file(format!("{}{end}", self.path));
        }
    }
}

/// Saves a contact and waits for the answer.
#[track_caller]
fn stored(rig: &Rig, user: &str) {
    let req = register(user, &["<sip:phone@10.0.0.2>;expires=600"]);
    let ran = rig.run_and_wait(&req, &[f("save", &["location"])]);
    assert_eq!((ran.codes(), ran.one().code()), (vec![1], 200));
}

fn knows(rig: &Rig, user: &str) -> bool {
    rig.rpc("ul.lookup", &["location".into(), user.into()]).is_ok()
}

#[test]
fn write_through_answers_once_the_row_is_there() {
    let db = Db::new();
    let rig = db.rig(&[("db_mode", 1)]);
    let req = register("alice", &["<sip:phone@10.0.0.2>"]);
    let ran = rig.run(&req, &[f("save", &["location"])]);
    assert!(ran.sent.is_empty() && !knows(&rig, "alice"), "it waits: {ran:?}");
    let ran = rig.run_and_wait(&req, &[]);
    assert_eq!(ran.one().code(), 200);
    assert_eq!(db.users(), ["alice"]);
    assert_eq!(rig.stat("registrar", "accepted_regs"), 1);
    let gone = register("alice", &["<sip:phone@10.0.0.2>;expires=0"]);
    rig.run_and_wait(&gone, &[f("save", &["location"])]);
    assert!(db.users().is_empty());
    // 1: no database for this one; the answer need not wait.
    let ran = rig.run(&register("bob", &["<sip:b@10.0.0.2>"]), &[f("save", &["location", "1"])]);
    assert_eq!(ran.one().code(), 200);
    assert!(knows(&rig, "bob"));
    drop(rig);
    db.stays(&[]);
    assert!(!knows(&db.rig(&[("db_mode", 1)]), "bob"));
}

#[test]
fn a_row_that_cannot_be_written_is_a_500_and_no_binding() {
    let db = Db::new();
    let rig = db.rig(&[("db_mode", 1)]);
    stored(&rig, "alice");
    db.sql("DROP TABLE location", false);
    let ran =
        rig.run_and_wait(&register("bob", &["<sip:b@10.0.0.2>"]), &[f("save", &["location"])]);
    assert_eq!((ran.codes(), ran.one().code()), (vec![-1], 500));
    assert!(!knows(&rig, "bob") && knows(&rig, "alice"));
    assert_eq!(rig.stat("registrar", "rejected_regs"), 1);
    assert!(rig.log().iter().any(|l| l.contains("commit of table location")));
}

#[test]
fn write_back_writes_at_intervals_on_command_and_at_the_end() {
    let db = Db::new();
    let rig = db.rig(&[("db_mode", 2), ("timer_interval", 30)]);
    rig.leap(0);
    db.stays(&[]);
    assert_eq!(save(&rig, &register("alice", &["<sip:a@10.0.0.2>"])).one().code(), 200);
    rig.leap(29_000);
    db.stays(&[]);
    rig.leap(1_000);
    db.becomes(&["alice"]);
    save(&rig, &register("bob", &["<sip:b@10.0.0.2>"]));
    assert_eq!(rig.rpc("ul.flush", &[]), Ok(RpcValue::Null));
    db.becomes(&["alice", "bob"]);
    save(&rig, &register("carol", &["<sip:c@10.0.0.2>"]));
    db.stays(&["alice", "bob"]);
    drop(rig);
    assert_eq!(db.users(), ["alice", "bob", "carol"]);
}

#[test]
fn each_mode_loads_and_writes_as_it_says() {
    let db = Db::new();
    stored(&db.rig(&[("db_mode", 1)]), "alice");
    for (mode, load, loaded, written) in [
        (0, 1, false, false),
        (1, 1, true, true),
        (1, 0, false, true),
        (2, 0, false, true),
        (4, 1, true, false),
        (4, 0, true, false),
    ] {
        let rig = db.rig(&[("db_mode", mode), ("db_load", load)]);
        rig.leap(0);
        assert_eq!(knows(&rig, "alice"), loaded, "mode {mode}, load {load}");
        let ran =
            rig.run_and_wait(&register("bob", &["<sip:b@10.0.0.2>"]), &[f("save", &["location"])]);
        assert_eq!(ran.one().code(), 200);
        drop(rig);
        let users: &[&str] = if written { &["alice", "bob"] } else { &["alice"] };
        assert_eq!(db.users(), users, "mode {mode}, load {load}");
        db.sql("DELETE FROM location WHERE username = 'bob'", false);
    }
    let only = db.try_rig(&[("db_mode", 3.into())]).err().expect("refused");
    assert!(only.contains("db_mode 3 (database only) is not available"), "{only}");
}

#[test]
fn a_database_that_cannot_be_used_is_told_at_start() {
    for (url, problem) in [
        ("", "db_mode 1 needs a db_url"),
        ("nonsense", "db_url"),
        ("oracle://h/x", "oracle"),
        ("sqlite:///no/such/place/location.db", "/no/such/place/location.db"),
    ] {
        let params = [("usrloc", "db_mode", 1.into()), ("usrloc", "db_url", url.into())];
        let error = Rig::try_new(|b| set(b, &params)).err().expect("refused").to_string();
        assert!(error.contains("usrloc") && error.contains(problem), "{url}: {error}");
    }
}

#[test]
fn the_tables_version_is_checked_if_wanted() {
    let db = Db::new();
    // Without the check nothing is made either.
    let missing = db.try_rig(&[("db_mode", 1.into()), ("version_table", 0.into())]);
    assert!(missing.err().expect("refused").contains("location"));
    stored(&db.rig(&[("db_mode", 1)]), "alice");
    db.sql("UPDATE version SET table_version = 7 WHERE table_name = 'location'", false);
    let old = db.try_rig(&[("db_mode", 1.into())]).err().expect("refused");
    assert!(old.contains('7') && old.contains('9'), "{old}");
    assert!(knows(&db.rig(&[("db_mode", 1), ("version_table", 0)]), "alice"));
}

#[test]
fn rows_are_loaded_in_pages() {
    let db = Db::new();
    let rig = db.rig(&[("db_mode", 1)]);
    (0..5).for_each(|n| stored(&rig, &format!("user{n}")));
    drop(rig);
    for (rows, pages) in [(2, 3), (5, 2), (2000, 1)] {
        let rig = db.rig(&[("db_mode", 1), ("fetch_rows", rows)]);
        assert!((0..5).all(|n| knows(&rig, &format!("user{n}"))));
        let log = rig.log();
        let line = log.iter().find(|l| l.contains("bindings loaded")).expect("it is told");
        assert!(
            line.contains("5 bindings loaded") && line.ends_with(&format!("in {pages} pages")),
            "{line}"
        );
    }
}

#[test]
fn expired_rows_are_cleaned_away_if_wanted() {
    for (clean, left) in [(0, &["old", "young"][..]), (1, &["young"])] {
        let db = Db::new();
        let rig = db.rig(&[("db_mode", 1)]);
        stored(&rig, "old");
        rig.leap(500_000);
        stored(&rig, "young");
        drop(rig);
        let params =
            [("db_mode", 2), ("db_load", 0), ("db_timer_clean", clean), ("timer_interval", 10)];
        let rig = db.rig(&params);
        rig.leap(700_000);
        if left.len() == 1 {
            db.becomes(left);
        }
        rig.leap(10_000);
        db.stays(left);
    }
}

#[test]
fn servers_tell_their_rows_apart() {
    let db = Db::new();
    let first = db.rig(&[("db_mode", 1), ("server_id", 11)]);
    stored(&first, "alice");
    let ruids = db.sql("SELECT ruid FROM location WHERE server_id = 11", true);
    assert!(ruids.len() == 1 && ruids[0].starts_with("uloc-b-"), "{ruids:?}");
    for (id, filter, loaded) in [(12, 0, true), (12, 1, false), (11, 1, true)] {
        let rig = db.rig(&[("db_mode", 4), ("server_id", id), ("server_id_filter", filter)]);
        assert_eq!(knows(&rig, "alice"), loaded, "{id} {filter}");
    }
    drop(first);
    // Nor does a server clean the rows of others away.
    for (filter, left) in [(1, &["alice"][..]), (0, &[])] {
        let params = [
            ("db_mode", 2),
            ("db_load", 0),
            ("db_timer_clean", 1),
            ("server_id", 12),
            ("server_id_filter", filter),
        ];
        db.rig(&params).leap(700_000);
        db.becomes(left);
        db.stays(left);
    }
}

#[test]
fn rows_of_sockets_elsewhere_may_be_left_out() {
    let db = Db::new();
    stored(&db.rig(&[("db_mode", 1)]), "alice");
    assert_eq!(db.sql("SELECT socket FROM location", true), [format!("udp:{HERE}")]);
    assert!(knows(&db.rig(&[("db_mode", 4), ("skip_remote_socket", 1)]), "alice"));
    db.sql("UPDATE location SET socket = 'udp:10.7.7.7:5060'", false);
    for (skip, loaded) in [(0, true), (1, false)] {
        let rig = db.rig(&[("db_mode", 4), ("skip_remote_socket", skip)]);
        assert_eq!(knows(&rig, "alice"), loaded, "{skip}");
    }
}

#[test]
fn every_column_has_the_name_it_is_given() {
    let columns = |db: &Db| db.sql("SELECT name FROM pragma_table_info('location')", true);
    let usual = {
        let db = Db::new();
        db.rig(&[("db_mode", 1)]);
        columns(&db)
    };
    for param in COLUMNS {
        let db = Db::new();
        let own = [("db_mode", Value::Int(1)), (param, "my_own".into())];
        let rig = db.try_rig(&own).expect("the engine builds");
        stored(&rig, "alice");
        drop(rig);
        let now = columns(&db);
        let gone: Vec<&String> = usual.iter().filter(|c| !now.contains(c)).collect();
        let usual_name = match param {
            "user_column" => "username",
            other => other.trim_end_matches("_column"),
        };
        assert_eq!(gone, [usual_name], "{param}");
        assert!(now.iter().any(|c| c == "my_own"), "{param}");
        assert!(knows(&db.try_rig(&own).expect("the engine builds"), "alice"), "{param}");
        let usual_names = db.try_rig(&[("db_mode", 4.into()), ("version_table", 0.into())]);
        let error = usual_names.err().unwrap_or_else(|| panic!("{param} is not there"));
        assert!(error.contains(usual_name), "{param}: {error}");
    }
    let db = Db::new();
    let wrong = db.try_rig(&[("db_mode", 1.into()), ("q_column", "a b".into())]).err();
    assert!(wrong.expect("refused").contains("q_column"));
}
