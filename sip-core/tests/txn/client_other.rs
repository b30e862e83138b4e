//! RFC 3261 17.1.2.

use sip_core::time::Instant;
use sip_core::txn::client_other::{ClientOther, State, Stimulus};
use sip_core::txn::{Effects, Timer};

use crate::{TCP, UDP, at, dialogue, every_stimulus};

const E: Stimulus = Stimulus::Timer(Timer::E);
const F: Stimulus = Stimulus::Timer(Timer::F);
const K: Stimulus = Stimulus::Timer(Timer::K);

/// RFC 3261 17.1.2.2: timer E doubles up to T2 until timer F ends it.
#[test]
fn a_request_that_nobody_hears_is_sent_ever_more_slowly_then_times_out() {
    let mut m = ClientOther::new();
    dialogue!(m, UDP;
        0: Stimulus::Start => Effects::SEND;
        500: E => Effects::SEND;
        1500: E => Effects::SEND;
        3500: E => Effects::SEND;
        7500: E => Effects::SEND;
        11500: E => Effects::SEND;
        15500: E => Effects::SEND;
        19500: E => Effects::SEND;
        23500: E => Effects::SEND;
        27500: E => Effects::SEND;
        30000: F => Effects::TIMEOUT.and(Effects::ENDED);
    );
    assert_eq!((m.state(), m.deadline()), (State::Terminated, Instant::FAR));
}

/// RFC 3261 17.1.2.2: in Proceeding it is sent again every T2; timer F goes on.
#[test]
fn a_provisional_answer_slows_retransmission_down_and_gives_no_more_time() {
    let mut m = ClientOther::new();
    dialogue!(m, UDP;
        0: Stimulus::Start => Effects::SEND;
        100: Stimulus::Provisional => Effects::PASS;
        500: E => Effects::SEND;
        4500: E => Effects::SEND;
        5000: Stimulus::Provisional => Effects::PASS;
        8500: E => Effects::SEND;
        12500: E => Effects::SEND;
        16500: E => Effects::SEND;
        20500: E => Effects::SEND;
        24500: E => Effects::SEND;
        28500: E => Effects::SEND;
        30000: F => Effects::TIMEOUT.and(Effects::ENDED);
    );
}

/// RFC 3261 17.1.2.2: timer K absorbs retransmissions of the final answer.
#[test]
fn the_final_answer_goes_up_once() {
    let mut m = ClientOther::new();
    dialogue!(m, UDP;
        0: Stimulus::Start => Effects::SEND;
        100: Stimulus::Final => Effects::PASS;
        600: Stimulus::Final => Effects::NONE;
        700: Stimulus::Provisional => Effects::NONE;
        5100: K => Effects::ENDED;
    );
}

/// RFC 3261 17.1.2.2: timers E and K are 0 over reliable transports.
#[test]
fn over_tcp_it_is_sent_once_and_ends_with_the_answer() {
    let mut m = ClientOther::new();
    dialogue!(m, TCP;
        0: Stimulus::Start => Effects::SEND;
        29000: Stimulus::Final => Effects::PASS.and(Effects::ENDED);
    );
    let mut m = ClientOther::new();
    dialogue!(m, TCP;
        0: Stimulus::Start => Effects::SEND;
        30000: F => Effects::TIMEOUT.and(Effects::ENDED);
    );
}

fn in_state(state: State) -> ClientOther {
    let mut m = ClientOther::new();
    let way: &[Stimulus] = match state {
        State::Trying => &[],
        State::Proceeding => &[Stimulus::Provisional],
        State::Completed => &[Stimulus::Final],
        State::Terminated => &[Stimulus::TransportError],
    };
    m.step(at(0), &UDP, Stimulus::Start);
    for stimulus in way {
        m.step(at(0), &UDP, *stimulus);
    }
    assert_eq!(m.state(), state);
    m
}

#[test]
fn every_stimulus_in_every_state() {
    use {Effects as X, State as S, Stimulus as I};
    let timeout = X::TIMEOUT.and(X::ENDED);
    let failed = X::FAILED.and(X::ENDED);
    let table = [
        (S::Trying, I::Start, X::SEND, S::Trying),
        (S::Trying, I::Provisional, X::PASS, S::Proceeding),
        (S::Trying, I::Final, X::PASS, S::Completed),
        (S::Trying, I::TransportError, failed, S::Terminated),
        (S::Trying, E, X::SEND, S::Trying),
        (S::Trying, F, timeout, S::Terminated),
        (S::Proceeding, I::Provisional, X::PASS, S::Proceeding),
        (S::Proceeding, I::Final, X::PASS, S::Completed),
        (S::Proceeding, I::TransportError, failed, S::Terminated),
        (S::Proceeding, E, X::SEND, S::Proceeding),
        (S::Proceeding, F, timeout, S::Terminated),
        (S::Completed, I::Provisional, X::NONE, S::Completed),
        (S::Completed, I::Final, X::NONE, S::Completed),
        (S::Completed, I::TransportError, X::NONE, S::Completed),
        (S::Completed, K, X::ENDED, S::Terminated),
    ];
    let states = [S::Trying, S::Proceeding, S::Completed, S::Terminated];
    let foreign = Stimulus::Timer(Timer::A);
    let stimuli = [I::Start, I::Provisional, I::Final, I::TransportError, E, F, K, foreign];
    every_stimulus!(states, stimuli, in_state, table);
}
