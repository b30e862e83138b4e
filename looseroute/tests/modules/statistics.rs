//! The commands of the module `core` that read and reset statistics.

use looseroute::RpcValue;

use crate::rig::{Rig, f, request};

pub const TESTED: &[&str] = &[
    "stats.fetch",
    "stats.fetchn",
    "stats.reset_statistics",
    "stats.clear_statistics",
    "stats.prometheus",
];

/// An engine that has answered `n` requests with 404.
fn answered(n: usize) -> Rig {
    let rig = Rig::params(&[]);
    for _ in 0..n {
        rig.run(&request("OPTIONS", "sip:x"), &[f("sl_send_reply", &["404", "x"])]);
    }
    rig
}

fn names(names: &[&str]) -> Vec<RpcValue> {
    names.iter().map(|n| RpcValue::from(*n)).collect()
}

#[test]
fn statistics_are_fetched_as_texts_or_numbers() {
    let rig = answered(3);
    let fetch = |command: &str, which: &[&str]| rig.rpc(command, &names(which)).expect("found");
    let text = |which: &[&str]| fetch("stats.fetch", which);
    assert_eq!(
        text(&["sl.404_replies"]),
        RpcValue::Struct(vec![("sl.404_replies".into(), "3".into())])
    );
    assert_eq!(text(&["sl:404_replies"]), text(&["sl.404_replies"]));
    assert_eq!(text(&["404_replies"]), text(&["sl.404_replies"]));
    let number = fetch("stats.fetchn", &["404_replies", "usrloc:"]);
    assert_eq!(number.get("sl.404_replies"), Some(&RpcValue::Int(3)));
    assert_eq!(number.get("usrloc.registered_users"), Some(&RpcValue::Int(0)));
    assert_eq!(text(&["nothing"]), RpcValue::Struct(vec![]));
    let RpcValue::Struct(all) = text(&["all"]) else { panic!("a structure") };
    assert!(all.len() > 50);
    for command in
        ["stats.fetch", "stats.fetchn", "stats.reset_statistics", "stats.clear_statistics"]
    {
        assert_eq!(rig.rpc(command, &[]).expect_err("which ones?").code, 400, "{command}");
        assert_eq!(rig.rpc(command, &[RpcValue::Int(1)]).expect_err("no name").code, 400);
    }
}

#[test]
fn counters_are_reset_and_what_they_were_is_told() {
    let rig = answered(3);
    assert_eq!(rig.rpc("stats.reset_statistics", &names(&["sl:404_replies"])), Ok(RpcValue::Null));
    assert_eq!((rig.stat("sl", "404_replies"), rig.stat("sl", "sent_replies")), (0, 3));
    rig.run(&request("OPTIONS", "sip:x"), &[f("sl_send_reply", &["404", "x"])]);
    assert_eq!(rig.stat("sl", "404_replies"), 1);
    let lines = rig.rpc("stats.clear_statistics", &names(&["404_replies", "sl.sent_replies"]));
    let told = names(&["sl:404_replies = 1", "sl:sent_replies = 4"]);
    assert_eq!(lines, Ok(RpcValue::Array(told)));
    assert_eq!((rig.stat("sl", "404_replies"), rig.stat("sl", "sent_replies")), (0, 0));
    rig.rpc("stats.reset_statistics", &names(&["all"])).expect("all");
    assert_eq!(rig.stat("sl", "4xx_replies"), 0);
    // The engine's own way to see what happened between two looks.
    let before = rig.engine.statistics();
    rig.run(&request("OPTIONS", "sip:x"), &[f("sl_send_reply", &["404", "x"])]);
    assert_eq!(rig.engine.statistics().since(&before).get("sl", "404_replies"), Some(1));
}

#[test]
fn a_level_is_not_reset() {
    let rig = Rig::params(&[]);
    let params: Vec<RpcValue> =
        vec!["location".into(), "a@lr.test".into(), "sip:a@10.0.0.2".into(), 60.into()];
    rig.rpc("ul.add", &params).expect("it is added");
    rig.rpc("stats.reset_statistics", &names(&["usrloc:"])).expect("reset");
    assert_eq!(rig.stat("usrloc", "registered_users"), 1);
}

#[test]
fn the_text_for_prometheus_has_every_statistic() {
    let rig = answered(2);
    let text = rig.rpc("stats.prometheus", &[]).expect("a text").to_string();
    assert!(text.contains("\nlooseroute_sl_404_replies 2\n"), "{text}");
    assert!(text.contains("# TYPE looseroute_usrloc_registered_users gauge\n"));
    let samples = text.lines().filter(|l| !l.starts_with('#')).count();
    assert_eq!(samples, rig.engine.statistics().iter().count());
}
