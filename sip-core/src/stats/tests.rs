//! Counting, reading, resetting.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

fn two_workers() -> (Stats, CounterId, CounterId, Arc<AtomicU64>) {
    let mut b = Builder::new();
    let ok = b.counter("sl", "200_replies", "Replies with code 200.");
    let err = b.counter("sl", "err_replies", "Replies that failed.");
    let level = Arc::new(AtomicU64::new(3));
    let read = Arc::clone(&level);
    b.gauge("tmx", "active_transactions", "Live now.", move || read.load(Ordering::Relaxed));
    (b.build(2), ok, err, level)
}

#[test]
fn a_value_is_the_sum_over_the_workers_and_everyone_else() {
    let (stats, ok, err, _) = two_workers();
    stats.shard(0).unwrap().inc(ok);
    stats.shard(1).unwrap().add(ok, 4);
    stats.shared().inc(ok);
    stats.shared().add(err, 2);
    assert_eq!(stats.get("sl", "200_replies"), Some(6));
    assert_eq!((stats.counter(ok), stats.counter(err)), (6, 2));
    assert_eq!(stats.get("tmx", "active_transactions"), Some(3));
    assert_eq!(stats.get("sl", "nothing"), None);
    assert_eq!(stats.shards(), 2);
    assert!(stats.shard(2).is_none());
}

#[test]
fn a_name_declared_twice_is_one_counter() {
    let mut b = Builder::new();
    let first = b.counter("sl", "200_replies", "");
    let other = b.counter("tmx", "200_replies", "");
    assert_eq!(b.counter("sl", "200_replies", ""), first);
    assert_ne!(first, other);
    b.gauge("core", "x", "", || 1);
    b.gauge("core", "x", "", || 2);
    let stats = b.build(1);
    assert_eq!(stats.snapshot().iter().count(), 3);
    assert_eq!(stats.get("core", "x"), Some(2));
}

#[test]
fn a_reset_starts_again_without_touching_the_workers() {
    let (stats, ok, err, _) = two_workers();
    let shard = stats.shard(0).unwrap();
    shard.add(ok, 5);
    shard.add(err, 5);
    assert!(stats.reset("sl", "200_replies"));
    assert!(!stats.reset("sl", "no_such"));
    assert!(stats.reset("tmx", "active_transactions"));
    shard.inc(ok);
    assert_eq!((stats.counter(ok), stats.counter(err)), (1, 5));
    assert_eq!(stats.get("tmx", "active_transactions"), Some(3));
    stats.reset_all();
    assert_eq!((stats.counter(ok), stats.counter(err)), (0, 0));
}

#[test]
fn a_snapshot_is_sorted_selected_and_compared() {
    let (stats, ok, _, level) = two_workers();
    let shard = stats.shard(0).unwrap();
    shard.add(ok, 5);
    let before = stats.snapshot();
    shard.add(ok, 2);
    level.store(1, Ordering::Relaxed);
    let after = stats.snapshot();
    let names = |s: &Snapshot, sel: &str| -> Vec<String> {
        s.select(sel).map(|v| format!("{}={}", v.full_name(), v.value)).collect()
    };
    assert_eq!(
        names(&after, "all"),
        ["sl:200_replies=7", "sl:err_replies=0", "tmx:active_transactions=1"]
    );
    assert_eq!(names(&after, "sl:"), ["sl:200_replies=7", "sl:err_replies=0"]);
    assert_eq!(names(&after, "sl:200_replies"), ["sl:200_replies=7"]);
    assert_eq!(names(&after, "active_transactions"), ["tmx:active_transactions=1"]);
    assert!(names(&after, "nope").is_empty());
    let delta = after.since(&before);
    assert_eq!(
        (delta.get("sl", "200_replies"), before.get("sl", "200_replies")),
        (Some(2), Some(5))
    );
    assert_eq!(delta.get("tmx", "active_transactions"), Some(1));
    stats.reset_all();
    shard.inc(ok);
    assert_eq!(stats.snapshot().since(&before).get("sl", "200_replies"), Some(1));
    let kinds: Vec<_> = after.iter().map(|v| v.kind).collect();
    assert_eq!(kinds, [Kind::Counter, Kind::Counter, Kind::Gauge]);
}

#[test]
fn snapshots_while_workers_count_only_grow_and_end_exact() {
    let mut b = Builder::new();
    let ids: Vec<_> = (0..20).map(|i| b.counter("g", format!("c{i}"), "")).collect();
    let stats = b.build(2);
    std::thread::scope(|s| {
        for w in 0..2 {
            let (shard, ids) = (stats.shard(w).unwrap(), &ids);
            s.spawn(move || (0..100_000).for_each(|i| shard.inc(ids[i % 20])));
        }
        let mut last = 0;
        for _ in 0..100 {
            let now = stats.counter(ids[0]);
            assert!(now >= last);
            last = now;
        }
    });
    assert!(ids.iter().all(|id| stats.counter(*id) == 10_000));
}

#[test]
fn an_id_of_another_engine_is_harmless() {
    let mut many = Builder::new();
    let far = (0..100).map(|i| many.counter("g", format!("c{i}"), "")).last().unwrap();
    let stats = Builder::new().build(0);
    stats.shard(0).unwrap().inc(far);
    assert_eq!(stats.counter(far), 0);
}

#[test]
fn prometheus_reads_names_that_it_allows_and_each_once() {
    let mut b = Builder::new();
    let replies = b.counter("sl", "200_replies", "replies with 200, \\ or\nnot");
    b.gauge("usrloc", "location-users", "users", || 7);
    b.gauge("usrloc", "location_users", "a name that is the same to Prometheus", || 8);
    let stats = b.build(1);
    stats.shard(0).unwrap().add(replies, 3);
    let mut out = String::new();
    stats.snapshot().write_prometheus("lr", &mut out);
    assert_eq!(
        out,
        "# HELP lr_sl_200_replies replies with 200, \\\\ or\\nnot\n\
         # TYPE lr_sl_200_replies counter\n\
         lr_sl_200_replies 3\n\
         # HELP lr_usrloc_location_users users\n\
         # TYPE lr_usrloc_location_users gauge\n\
         lr_usrloc_location_users 7\n\
         # HELP lr_usrloc_location_users_ a name that is the same to Prometheus\n\
         # TYPE lr_usrloc_location_users_ gauge\n\
         lr_usrloc_location_users_ 8\n"
    );
    out.clear();
    stats.snapshot().write_prometheus("9", &mut out);
    assert!(out.contains("\n_9_sl_200_replies 3\n"), "a name begins with no digit");
}
