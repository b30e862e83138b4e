//! A million calls: what `make soak` runs. `SIM_CALLS` and `SIM_SEED` change it.

mod support;

use support::network::{number, simulate};

#[test]
#[ignore = "takes minutes; make soak runs it"]
fn a_million_calls_leave_nothing_behind() {
    let seed = number("SIM_SEED").unwrap_or(1);
    let calls = number("SIM_CALLS").unwrap_or(1_000_000);
    let network = simulate(seed, calls, |_| {});
    let faults = network.faults();
    assert!(faults.is_empty(), "SIM_SEED={seed} SIM_CALLS={calls}:\n{}", faults.join("\n"));
    assert_eq!(network.dialed(), calls);
    network.expect_nothing_left();
}
