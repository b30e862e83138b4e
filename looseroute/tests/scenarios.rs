//! Whole-system behaviour, one file each in `scenarios/`. The format is that of
//! `sip_sim::scenario`, the CONFIG blocks that of `support::Config`.

mod support;

use std::path::{Path, PathBuf};

use sip_sim::scenario::{Scenario, run};
use support::Config;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios")
}

fn play(name: &str) {
    let path = folder().join(format!("{name}.sipt"));
    let text = std::fs::read_to_string(&path).expect("the scenario is there");
    let played =
        Scenario::parse(&format!("tests/scenarios/{name}.sipt"), &text).and_then(|scenario| {
            run(&scenario, |setup| {
                let config = Config::new(setup.seed).read(setup.config)?;
                config.build().map_err(|what| (0, what))
            })
        });
    if let Err(failure) = played {
        panic!("\n{failure}");
    }
}

macro_rules! scenarios {
    ($($name:ident)*) => {
        $(#[test] fn $name() { play(stringify!($name)); })*

        const ALL: &[&str] = &[$(stringify!($name)),*];
    };
}

scenarios! {
    a_loop_is_refused
    a_merged_request_is_refused
    a_route_to_ourselves
    a_spiral_goes_on
    a_strict_router_before_us
    a_strict_router_behind_us
    ack_to_a_refusal_ends_here
    answered_call_comes_twice
    answers_cross_a_cancel
    authentication_mistakes
    bindings_expire
    busy_then_voicemail
    cancel_after_the_answer
    cancel_before_any_answer
    cancel_stops_the_ringing
    cancel_while_the_next_one_rings
    early_dialogs_of_forks
    everything_comes_twice
    forks_answer_and_the_rest_is_cancelled
    forks_best_refusal
    garbage_changes_nothing
    invite_without_an_answer
    late_200_after_cancel
    max_forwards_used_up
    no_answer_to_other_requests
    nobody_then_nobody
    prack_and_update_pass_through
    provisional_answers_to_other_requests_stay
    registered_and_called
    ringing_for_too_long
    stateless_forwarding
    tcp_to_udp
    ten_contacts_of_our_own
    too_long_for_a_datagram
    too_many_transactions
    two_answers_are_both_passed_on
}

#[test]
fn every_file_is_played() {
    let mut found: Vec<String> = std::fs::read_dir(folder())
        .expect("the folder is there")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.strip_suffix(".sipt").map(Into::into))
        .collect();
    found.sort();
    assert_eq!(found, ALL);
}
