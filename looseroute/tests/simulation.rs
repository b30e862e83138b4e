//! Calls by the thousand through one engine: phones that register with digest, call each other by
//! address of record through forks, cancel, refuse and hang up, over links that lose from nothing
//! to three messages in ten. Nothing may hang, break a rule or be left over.
//!
//! `SIM_CALLS` sets how many calls, `SIM_SEED` the seed; a failure prints both and what to look
//! for, and `SIM_TRACE=call-id` prints the ladder of one call of the same run.

mod support;

use std::time::Duration;

use support::network::{callees, number, simulate};

#[test]
fn calls_at_every_loss_end_and_leave_nothing_behind() {
    let seed = number("SIM_SEED").unwrap_or(20_260_101);
    let calls = number("SIM_CALLS").unwrap_or_else(support::default_calls);
    let network = simulate(seed, calls, |_| {});
    let faults = network.faults();
    assert!(faults.is_empty(), "SIM_SEED={seed} SIM_CALLS={calls}:\n{}", faults.join("\n"));
    assert_eq!(network.dialed(), calls);
    network.expect_nothing_left();
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let digest = |seed| simulate(seed, 200, |_| {}).world.trace().digest();
    let first = digest(5);
    assert_eq!(first, digest(5), "the engine's course depends on something else than its inputs");
    assert_ne!(first, digest(6));
}

#[test]
fn a_network_cut_in_two_leaves_nothing_behind() {
    let network = simulate(9, 1200, |world| {
        let now = world.now().mono;
        let (ours, theirs) = callees();
        world
            .at(now + Duration::from_secs(2), move |world| world.links().partition(&ours, &theirs));
        world.at(now + Duration::from_secs(5), |world| world.links().heal());
    });
    let faults = network.audit_faults();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert_eq!(network.dialed(), 1200);
    for group in &network.groups {
        let tally = network.tally(group);
        assert!(tally.faults().is_empty(), "{:#?}", tally.faults());
        assert!(tally.completed > 0, "{tally:?}");
    }
    network.expect_nothing_left();
}
