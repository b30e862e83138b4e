//! `kill -9` at any moment: every binding that was answered 200 is there after the restart, and
//! none is there twice.
//!
//! The child registers in a loop against SQLite under write-through and prints a line for every
//! answer; the parent kills it in the middle of it, loads the file and compares.

mod support;

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;

use sip_db::Durability;
use sip_usrloc::{DbMode, DomainConfig, Listed, SaveOptions, Sweep, Writer};
use support::{Registrar, at, dir, register, sqlite, store};

const CHILD: &str = "LOOSEROUTE_TEST_REGISTER_INTO";
const USERS: u32 = 40;

fn config() -> DomainConfig {
    DomainConfig { mode: DbMode::WriteThrough, use_domain: true, ..DomainConfig::default() }
}

/// The child: registers, refreshes and unregisters for ever, several in a group.
#[test]
fn child_registers_until_it_is_killed() {
    let Ok(file) = std::env::var(CHILD) else { return };
    let mut r = Registrar::with(config());
    let driver = sqlite(file.as_ref(), Durability::Process);
    let mut writer = Writer::new(Arc::clone(&r.domain), store(driver, true));
    writer.load(r.now).unwrap();
    let mut out = std::io::stdout().lock();
    let mut done = Vec::new();
    for round in 1u32.. {
        for user in 0..USERS {
            // Every third round one user in four leaves.
            let leaves = round % 3 == 0 && (user + round) % 4 == 0;
            let line =
                format!("Contact: <sip:u{user}@h>;expires={}", if leaves { 0 } else { 3600 });
            let cseq = 1_000_000 + round;
            let msg = register(&format!("user{user}"), &format!("call-{file}"), cseq, &[&line]);
            let token = u64::from(user) << 32 | u64::from(round) << 1 | u64::from(leaves);
            r.save(&msg, &SaveOptions { token, ..SaveOptions::default() }).0.unwrap();
            if user % 7 == 6 || user + 1 == USERS {
                while writer.turn(&mut done).more {}
                for answered in done.drain(..) {
                    answered.result.unwrap();
                    writeln!(out, "{}", answered.token).unwrap();
                }
                out.flush().unwrap();
            }
        }
        // A leaving user who was not there commits nothing and so is not told of.
    }
}

#[test]
fn what_was_answered_survives_kill_9_and_is_there_once() {
    let file = dir("kill").join("location.db");
    for kill in 0..6u32 {
        let _ = std::fs::remove_file(&file);
        for suffix in ["-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{suffix}", file.display()));
        }
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["child_registers_until_it_is_killed", "--exact", "--nocapture"])
            .env(CHILD, &file)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // What the last answer to each user said: the round, and whether he left.
        let mut answered: HashMap<u32, (u64, bool)> = HashMap::new();
        let mut note = |line: String| {
            // The test harness prints before the first answer, without a newline.
            let Ok(token) = line.rsplit(' ').next().unwrap_or_default().parse::<u64>() else {
                return 0;
            };
            let user = u32::try_from(token >> 32).unwrap();
            answered.insert(user, ((token & 0xffff_ffff) >> 1, token & 1 == 1));
            1
        };
        let (mut seen, wanted) = (0, 300 + kill * 137);
        for line in lines.by_ref() {
            seen += note(line.unwrap());
            if seen >= wanted {
                break;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        for line in lines.map_while(Result::ok) {
            seen += note(line);
        }
        assert!(seen >= wanted, "the child answered {seen} of {wanted}");
        check(&file, &answered);
    }
}

fn check(file: &std::path::Path, answered: &HashMap<u32, (u64, bool)>) {
    let r = Registrar::with(config());
    let driver = sqlite(file, Durability::Process);
    let mut writer = Writer::new(Arc::clone(&r.domain), store(driver, true));
    let report = writer.load(at(0)).unwrap();
    assert_eq!(report.duplicates, 0);
    let mut listed: Vec<Listed> = Vec::new();
    while r.domain.list(&mut Sweep::new(), usize::MAX, &mut listed) {}
    let found: HashMap<String, u64> = listed
        .iter()
        .map(|l| {
            assert_eq!(l.contacts.len(), 1, "{l:?}");
            let aor = String::from_utf8(l.aor.to_vec()).unwrap();
            (aor, u64::from(l.contacts[0].cseq()) - 1_000_000)
        })
        .collect();
    for (user, (round, left)) in answered {
        let aor = format!("user{user}@test.org");
        match found.get(&aor) {
            // What came after the last answer may have been committed or not.
            Some(now) if *left => assert!(now > round, "{aor}: left in {round}, there as of {now}"),
            Some(now) => assert!(now >= round, "{aor}: answered in {round}, there as of {now}"),
            None => assert!(
                *left
                    || (round + 1..round + 3)
                        .any(|r| r % 3 == 0 && (u64::from(*user) + r) % 4 == 0),
                "{aor}: answered 200 in round {round}, and lost"
            ),
        }
    }
}
