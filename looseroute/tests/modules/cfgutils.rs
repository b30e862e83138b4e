//! The module `cfgutils`: locks that park a route and never a worker.

use std::time::Duration;

use looseroute::RpcValue;
use looseroute::core::lock::Refused;
use looseroute::{Actions, Call};

use crate::rig::{PHONE, Rig, Step, f, request, with};

pub const TESTED: &[&str] = &["lock", "trylock", "unlock", "lock_set_size"];

/// Feeds a request whose route does these steps; it may be parked.
fn begin(rig: &Rig, steps: &[Step]) {
    rig.program(steps);
    rig.feed(PHONE, &request("MESSAGE", "sip:bob@10.0.0.3").text());
}

fn reply(code: &'static str) -> Step {
    f("send_reply", &[code, "x"])
}

/// The logical locks as `core.locks` lists them: key, owner's kind of route, how many wait.
#[track_caller]
fn logical(rig: &Rig) -> Vec<(String, String, usize)> {
    let all = rig.rpc("core.locks", &[]).expect("a list");
    let Some(RpcValue::Array(list)) = all.get("logical") else { panic!("{all:?}") };
    let text = |v: &RpcValue, name: &str| v.get(name).expect("a member").to_string();
    let waiters = |v: &RpcValue| match v.get("waiters") {
        Some(RpcValue::Array(all)) => all.len(),
        other => panic!("{other:?}"),
    };
    let owner = |v: &RpcValue| text(v, "owner").split(' ').next().unwrap_or_default().to_owned();
    list.iter().map(|v| (text(v, "key"), owner(v), waiters(v))).collect()
}

#[track_caller]
fn codes(rig: &Rig) -> Vec<u16> {
    rig.sent().into_iter().map(|(_, msg)| msg.code()).collect()
}

/// When what was sent, to the tenth of a second: a timer's tick and a turn are less.
fn at_ticks(sent: &[(u64, crate::text::Msg)]) -> Vec<(u64, u16)> {
    sent.iter().map(|(ms, msg)| (ms / 100 * 100, msg.code())).collect()
}

#[test]
fn a_route_waits_for_the_key_and_its_end_passes_it_on() {
    let rig = Rig::params(&[]);
    begin(&rig, &[f("lock", &["k"]), Step::Pause(1000), reply("201")]);
    rig.pass(100);
    begin(&rig, &[f("lock", &["k"]), Step::Pause(1000), reply("202")]);
    begin(&rig, &[f("lock", &["k"]), reply("203")]);
    begin(&rig, &[f("lock", &["other"]), reply("204")]);
    assert_eq!(codes(&rig), [204], "another key is free");
    assert_eq!(logical(&rig), [("k".into(), "request".into(), 2)]);
    let all = rig.rpc("core.locks", &[]).expect("a list");
    let Some(RpcValue::Array(list)) = all.get("logical") else { panic!("{all:?}") };
    assert_eq!(list[0].get("space"), Some(&"cfgutils".into()));
    assert_eq!(list[0].get("held_ms"), Some(&RpcValue::Int(100)));
    assert!(list[0].get("owner").expect("it").to_string().starts_with("request MESSAGE "));
    assert_eq!((rig.stat("core", "logical_locks"), rig.stat("core", "logical_waiters")), (1, 2));
    assert_eq!(at_ticks(&rig.pass(2100)), [(1000, 201), (2000, 202), (2000, 203)]);
    assert_eq!(logical(&rig), []);
    rig.pass(60_000);
    assert_eq!(rig.engine.live(), (0, 0, 0));
    assert_eq!((rig.stat("core", "logical_locks"), rig.stat("core", "logical_waiters")), (0, 0));
}

#[test]
fn unlock_passes_the_key_on_before_the_end() {
    let rig = Rig::params(&[]);
    let first = [f("lock", &["k"]), Step::Pause(500), f("unlock", &["k"]), Step::Pause(500)];
    begin(&rig, &first);
    begin(&rig, &[f("lock", &["k"]), reply("202")]);
    assert_eq!(at_ticks(&rig.pass(1000)), [(500, 202)]);
}

#[test]
fn unlock_gives_up_nothing_that_is_anothers() {
    let rig = Rig::params(&[]);
    begin(&rig, &[f("lock", &["k"]), Step::Pause(1000)]);
    begin(&rig, &[f("unlock", &["k"]), f("unlock", &["free"])]);
    assert_eq!(rig.ran().codes(), [-1, -1]);
    assert_eq!(logical(&rig), [("k".into(), "request".into(), 0)]);
}

#[test]
fn trylock_never_waits() {
    let rig = Rig::params(&[]);
    begin(&rig, &[f("trylock", &["k"]), f("trylock", &["k"]), Step::Pause(1000)]);
    begin(&rig, &[f("trylock", &["k"]), f("trylock", &["l"])]);
    let ran = rig.run(&request("OPTIONS", "sip:x"), &[f("trylock", &["l"]), f("unlock", &["l"])]);
    assert_eq!(ran.codes(), [1, 1], "the route that held l has ended");
    rig.pass(1000);
    let ran = rig.run(&request("OPTIONS", "sip:x"), &[f("trylock", &["k"])]);
    assert_eq!(ran.codes(), [1], "the route that held k has ended");
}

#[test]
fn a_route_that_would_wait_for_itself_is_told_at_once() {
    let rig = Rig::params(&[]);
    let ran = rig.run(&request("OPTIONS", "sip:x"), &[f("lock", &["k"]), f("lock", &["k"])]);
    let told = "lock: this route holds the key already and would wait for itself";
    assert_eq!(ran.results, [Ok(1), Err(told.to_owned())]);
    assert_eq!(logical(&rig), []);
}

#[test]
fn a_wait_for_a_key_ends_at_the_deadline_and_leaves_no_waiter() {
    let rig = Rig::params(&[("async", "deadline", 300.into())]);
    begin(&rig, &[f("lock", &["k"]), Step::Pause(10_000)]);
    begin(&rig, &[f("lock", &["k"]), reply("480")]);
    assert_eq!(at_ticks(&rig.pass(1000)), [(300, 480)]);
    let results = rig.ran().results;
    assert_eq!(results[0], Err("the wait for a lock did not finish before its deadline".into()));
    assert_eq!(logical(&rig), [("k".into(), "request".into(), 0)]);
}

#[test]
fn a_route_that_fails_or_is_dropped_gives_its_keys_up() {
    let rig = Rig::params(&[]);
    let boom = with(|_| panic!("a mistake of the route"));
    begin(&rig, &[f("lock", &["k"]), f("lock", &["l"]), boom]);
    assert_eq!(codes(&rig), [500]);
    begin(&rig, &[f("lock", &["k"]), f("lock", &["l"]), f("drop", &[])]);
    begin(&rig, &[f("lock", &["k"]), f("lock", &["l"]), reply("200")]);
    assert_eq!(codes(&rig), [200]);
    assert_eq!(logical(&rig), []);
}

#[test]
fn a_key_is_a_text_or_a_number_of_some_length() {
    let rig = Rig::params(&[]);
    let long = "x".repeat(1025);
    let ran = rig.run(
        &request("OPTIONS", "sip:x"),
        &[
            f("lock", &[""]),
            Step::Function("lock", vec![7.into()]),
            f("trylock", &["7"]),
            f("lock", &[&long]),
        ],
    );
    assert_eq!(ran.results[..3], [Ok(1), Ok(1), Ok(-1)]);
    assert_eq!(ran.error(), "lock: a key has at most 1024 bytes");
}

#[test]
fn a_host_and_a_route_keep_each_other_out() {
    let rig = Rig::params(&[]);
    let held = rig.engine.try_lock_key(b"k", "a host").expect("free");
    begin(&rig, &[f("lock", &["k"]), Step::Pause(1000), reply("200")]);
    assert_eq!(logical(&rig), [("k".into(), "a".into(), 1)]);
    drop(held);
    assert_eq!(rig.pass(990).len(), 0);
    assert_eq!(rig.engine.try_lock_key(b"k", "a host").unwrap_err(), Refused::Held);
    let patience = Duration::from_secs(60);
    std::thread::scope(|s| {
        let host = s.spawn(|| rig.engine.lock_key(b"k", "a host", patience).map(drop));
        while rig.stat("core", "logical_waiters") == 0 {
            std::thread::yield_now();
        }
        rig.pass(50);
        assert_eq!(host.join().expect("it ends"), Ok(()));
    });
    assert_eq!(logical(&rig), []);
}

#[test]
fn keys_share_as_many_locks_as_the_parameter_says() {
    let names: Vec<String> = (0..40).map(|n| format!("key{n}")).collect();
    let steps: Vec<Step> = names.iter().map(|name| f("trylock", &[name])).collect();
    for (size, locks) in [(0, 40), (2, 4), (5, 32)] {
        let rig = Rig::params(&[("cfgutils", "lock_set_size", size.into())]);
        let codes = rig.run(&request("OPTIONS", "sip:x"), &steps).codes();
        let got = codes.iter().filter(|code| **code == 1).count();
        assert!(got <= locks && got > locks / 2, "{got} of {locks}");
        // The host's keys are the routes'.
        let held = rig.engine.try_lock_key(b"key0", "a host").expect("free");
        assert_eq!(rig.run(&request("OPTIONS", "sip:x"), &steps[..1]).codes(), [-1]);
        drop(held);
    }
    let error = Rig::try_new(|b| b.modparam("cfgutils", "lock_set_size", 21));
    assert!(error.is_err_and(|e| e.to_string().contains("takes 0 to 20")));
}

#[test]
fn a_rust_route_locks_keys_by_methods() {
    let rig = Rig::new(|b| {
        b.request_route(|call: Call| async move {
            call.lock_key("k").await?;
            let free = call.try_lock_key("k").await? || call.unlock_key("other").await?;
            call.pause(Duration::from_millis(100)).await?;
            let gave = call.unlock_key("k").await?;
            let code = if gave && !free { 200 } else { 500 };
            Ok(call.reply(code, "x").await?)
        })
    });
    begin(&rig, &[]);
    begin(&rig, &[]);
    assert_eq!(at_ticks(&rig.pass(300)), [(100, 200), (200, 200)]);
    assert_eq!(logical(&rig), []);
}
