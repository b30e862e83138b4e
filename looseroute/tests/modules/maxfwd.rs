//! The module `maxfwd`.

use crate::rig::{Rig, f, request};

pub const TESTED: &[&str] = &[
    "max_limit",
    "maxfwd_process",
    "mf_process_maxfwd_header",
    "process_maxfwd",
    "is_maxfwd_lt",
    "maxfwd_at_least",
    "mf_lowlimit",
];

/// A request with this Max-Forwards, "" for none.
fn hops(max_forwards: &str) -> String {
    let text = request("OPTIONS", "sip:bob@10.0.0.3").text();
    let line = match max_forwards {
        "" => String::new(),
        n => format!("Max-Forwards: {n}\r\n"),
    };
    text.replace("Max-Forwards: 70\r\n", &line)
}

#[test]
fn a_hop_is_taken_off_and_what_is_left_is_limited() {
    let rig = Rig::params(&[("maxfwd", "max_limit", 40.into())]);
    for name in ["maxfwd_process", "mf_process_maxfwd_header", "process_maxfwd"] {
        for (came, code, leaves) in [
            ("", 2, "10"),
            ("1", 1, "0"),
            ("40", 1, "39"),
            ("41", 1, "40"),
            ("42", 1, "40"),
            ("255", 1, "40"),
        ] {
            let ran = rig.run_text(&hops(came), &[f(name, &["10"]), f("t_relay", &[])]);
            assert_eq!(ran.codes(), [code, 1], "{name} {came}");
            assert_eq!(ran.one().all("Max-Forwards"), [leaves], "{name} {came}");
            // A limit concerns only what the module has seen.
            let ran = rig.run_text(&hops(came), &[f("forward", &[])]);
            let plain = came.parse::<u32>().map_or(70, |n| n - 1);
            assert_eq!(ran.one().all("Max-Forwards"), [plain.to_string()], "forward {came}");
        }
    }
}

#[test]
fn a_request_without_a_hop_left_is_told_from_a_broken_one() {
    let rig = Rig::params(&[]);
    for name in ["maxfwd_process", "mf_process_maxfwd_header", "process_maxfwd"] {
        for (came, code) in [("0", -1), ("many", -2), ("256", -2)] {
            let ran = rig.run_text(&hops(came), &[f(name, &["10"])]);
            assert_eq!(ran.codes(), [code], "{name} {came}");
        }
        let ran = rig.run_text(&hops("5"), &[f(name, &["300"])]);
        assert_eq!(ran.error(), format!("{name}: argument 1 must be a number from 0 to 255"));
    }
}

#[test]
fn taking_a_hop_off_twice_takes_one() {
    let rig = Rig::params(&[]);
    let twice = [f("maxfwd_process", &["10"]), f("maxfwd_process", &["10"]), f("forward", &[])];
    let ran = rig.run_text(&hops("30"), &twice);
    assert_eq!(ran.codes(), [1, 1, 1]);
    assert_eq!(ran.one().header("Max-Forwards"), "29");
}

#[test]
fn the_hops_are_compared_as_they_came_and_as_they_go() {
    let rig = Rig::params(&[]);
    for name in ["is_maxfwd_lt", "maxfwd_at_least", "mf_lowlimit"] {
        for (came, before, after) in
            [("9", 1, 1), ("10", -1, 1), ("11", -1, -1), ("", -2, -1), ("x", -3, -3)]
        {
            let compare = || f(name, &["10"]);
            let ran =
                rig.run_text(&hops(came), &[compare(), f("maxfwd_process", &["20"]), compare()]);
            let codes = ran.codes();
            assert_eq!((codes[0], codes[2]), (before, after), "{name} {came}");
        }
    }
}

#[test]
fn the_limit_changes_at_run_time_and_has_a_range() {
    let rig = Rig::params(&[]);
    let run = || {
        let ran = rig.run_text(&hops("255"), &[f("maxfwd_process", &["10"]), f("forward", &[])]);
        ran.one().header("Max-Forwards").to_owned()
    };
    assert_eq!(run(), "70");
    rig.engine.modparam("maxfwd", "max_limit", 5).expect("it may change");
    assert_eq!(run(), "5");
    for wrong in [0, 257] {
        assert!(rig.engine.modparam("maxfwd", "max_limit", wrong).is_err(), "{wrong}");
    }
}
