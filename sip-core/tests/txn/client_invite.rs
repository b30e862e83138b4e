//! RFC 3261 17.1.1, RFC 6026 7.2, RFC 3261 9.1 and 16.8.

use sip_core::time::Instant;
use sip_core::txn::client_invite::{ClientInvite, State, Stimulus};
use sip_core::txn::{Effects, Timer};

use crate::{TCP, UDP, at, dialogue, every_stimulus};

const A: Stimulus = Stimulus::Timer(Timer::A);
const B: Stimulus = Stimulus::Timer(Timer::B);
const C: Stimulus = Stimulus::Timer(Timer::C);
const D: Stimulus = Stimulus::Timer(Timer::D);
const M: Stimulus = Stimulus::Timer(Timer::M);
const X: Stimulus = Stimulus::Timer(Timer::Cancelled);

/// RFC 3261 17.1.1.2: timer A doubles each time until timer B ends it.
#[test]
fn an_invite_that_nobody_hears_is_sent_seven_times_at_most_then_times_out() {
    let mut m = ClientInvite::new();
    dialogue!(m, UDP;
        0: Stimulus::Start => Effects::SEND;
        500: A => Effects::SEND;
        1500: A => Effects::SEND;
        3500: A => Effects::SEND;
        7500: A => Effects::SEND;
        15500: A => Effects::SEND;
        30000: B => Effects::TIMEOUT.and(Effects::ENDED);
    );
    assert_eq!((m.state(), m.deadline()), (State::Terminated, Instant::FAR));
}

/// RFC 3261 17.1.1.2: timer A is for unreliable transports only.
#[test]
fn over_tcp_it_is_sent_once() {
    let mut m = ClientInvite::new();
    dialogue!(m, TCP;
        0: Stimulus::Start => Effects::SEND;
        30000: B => Effects::TIMEOUT.and(Effects::ENDED);
    );
}

/// RFC 3261 17.1.1.2: a provisional answer stops timer A; 16.7 step 2: each restarts timer C.
#[test]
fn ringing_stops_retransmission_and_each_provisional_answer_gives_more_time() {
    let mut m = ClientInvite::new();
    dialogue!(m, UDP;
        0: Stimulus::Start => Effects::SEND;
        100: Stimulus::Provisional => Effects::PASS;
        60000: Stimulus::Provisional => Effects::PASS;
        180000: C => Effects::TIMEOUT.and(Effects::CANCEL);
    );
}

#[test]
fn without_restart_the_first_provisional_answer_sets_timer_c_for_good() {
    let mut m = ClientInvite::new();
    let times = sip_core::txn::Times { restart_fr: false, ..UDP };
    dialogue!(m, times;
        0: Stimulus::Start => Effects::SEND;
        100: Stimulus::Provisional => Effects::PASS;
        60000: Stimulus::Provisional => Effects::PASS;
        120100: C => Effects::TIMEOUT.and(Effects::CANCEL);
    );
}

/// RFC 3261 16.8: after timer C the machine waits for the answer to its CANCEL.
#[test]
fn after_timer_c_a_final_answer_is_still_acknowledged() {
    let mut m = ClientInvite::new();
    dialogue!(m, UDP;
        0: Stimulus::Start => Effects::SEND;
        100: Stimulus::Provisional => Effects::PASS;
        120100: C => Effects::TIMEOUT.and(Effects::CANCEL);
        120200: Stimulus::Failure => Effects::ACK.and(Effects::PASS);
        125200: D => Effects::ENDED;
    );
}

/// RFC 3261 9.1: no final answer in time after the CANCEL: the transaction is considered cancelled.
#[test]
fn a_cancelled_branch_that_stays_silent_ends() {
    let mut m = ClientInvite::new();
    dialogue!(m, UDP;
        0: Stimulus::Start => Effects::SEND;
        100: Stimulus::Provisional => Effects::PASS;
        200: Stimulus::Cancel => Effects::CANCEL;
        300: Stimulus::Provisional => Effects::PASS;
        400: Stimulus::Cancel => Effects::NONE;
        30200: X => Effects::TIMEOUT.and(Effects::ENDED);
    );
}

/// RFC 3261 9.1: a CANCEL waits for the first provisional answer.
#[test]
fn a_cancel_before_any_answer_is_sent_with_the_first_one() {
    let mut m = ClientInvite::new();
    dialogue!(m, UDP;
        0: Stimulus::Start => Effects::SEND;
        100: Stimulus::Cancel => Effects::NONE;
        500: A => Effects::SEND;
        600: Stimulus::Provisional => Effects::PASS.and(Effects::CANCEL);
        700: Stimulus::Failure => Effects::ACK.and(Effects::PASS);
    );
}

/// RFC 3261 9.1: a final answer makes the CANCEL pointless.
#[test]
fn a_cancel_that_waits_is_never_sent_when_the_final_answer_comes_first() {
    let mut m = ClientInvite::new();
    dialogue!(m, UDP;
        0: Stimulus::Start => Effects::SEND;
        100: Stimulus::Cancel => Effects::NONE;
        200: Stimulus::Success => Effects::PASS;
        300: Stimulus::Provisional => Effects::NONE;
        5200: M => Effects::ENDED;
    );
}

/// RFC 3261 17.1.1.2: each retransmission of a negative answer is acknowledged, once passed up.
#[test]
fn a_negative_answer_is_passed_up_once_and_acknowledged_each_time() {
    let mut m = ClientInvite::new();
    dialogue!(m, UDP;
        0: Stimulus::Start => Effects::SEND;
        100: Stimulus::Failure => Effects::ACK.and(Effects::PASS);
        600: Stimulus::Failure => Effects::ACK;
        1600: Stimulus::Failure => Effects::ACK;
        5100: D => Effects::ENDED;
    );
}

/// RFC 3261 17.1.1.2: timer D is 0 over reliable transports.
#[test]
fn over_tcp_a_negative_answer_ends_it_at_once() {
    let mut m = ClientInvite::new();
    dialogue!(m, TCP;
        0: Stimulus::Start => Effects::SEND;
        100: Stimulus::Failure => Effects::ACK.and(Effects::PASS).and(Effects::ENDED);
    );
}

/// RFC 6026 7.2: all 2xx answers go up while timer M runs, over any transport.
#[test]
fn every_2xx_is_passed_up_until_timer_m() {
    for times in [UDP, TCP] {
        let mut m = ClientInvite::new();
        dialogue!(m, times;
            0: Stimulus::Start => Effects::SEND;
            100: Stimulus::Success => Effects::PASS;
            600: Stimulus::Success => Effects::PASS;
            1600: Stimulus::Success => Effects::PASS;
            5100: M => Effects::ENDED;
            5200: Stimulus::Success => Effects::STRAY;
        );
    }
}

/// RFC 3261 17.1.4.
#[test]
fn a_send_that_fails_ends_it() {
    let mut m = ClientInvite::new();
    dialogue!(m, UDP;
        0: Stimulus::Start => Effects::SEND;
        1: Stimulus::TransportError => Effects::FAILED.and(Effects::ENDED);
    );
}

fn in_state(state: State) -> ClientInvite {
    let mut m = ClientInvite::new();
    let way: &[Stimulus] = match state {
        State::Calling => &[],
        State::Proceeding => &[Stimulus::Provisional],
        State::Completed => &[Stimulus::Failure],
        State::Accepted => &[Stimulus::Success],
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
    use {Effects as E, State as S, Stimulus as I};
    let up_ack = E::ACK.and(E::PASS);
    let table = [
        (S::Calling, I::Start, E::SEND, S::Calling),
        (S::Calling, I::Provisional, E::PASS, S::Proceeding),
        (S::Calling, I::Success, E::PASS, S::Accepted),
        (S::Calling, I::Failure, up_ack, S::Completed),
        (S::Calling, I::Cancel, E::NONE, S::Calling),
        (S::Calling, A, E::SEND, S::Calling),
        (S::Calling, B, E::TIMEOUT.and(E::ENDED), S::Terminated),
        (S::Calling, I::TransportError, E::FAILED.and(E::ENDED), S::Terminated),
        (S::Proceeding, I::Provisional, E::PASS, S::Proceeding),
        (S::Proceeding, I::Success, E::PASS, S::Accepted),
        (S::Proceeding, I::Failure, up_ack, S::Completed),
        (S::Proceeding, I::Cancel, E::CANCEL, S::Proceeding),
        (S::Proceeding, C, E::TIMEOUT.and(E::CANCEL), S::Proceeding),
        (S::Proceeding, X, E::TIMEOUT.and(E::ENDED), S::Terminated),
        (S::Proceeding, I::TransportError, E::FAILED.and(E::ENDED), S::Terminated),
        (S::Completed, I::Failure, E::ACK, S::Completed),
        (S::Completed, I::Provisional, E::NONE, S::Completed),
        (S::Completed, I::Cancel, E::NONE, S::Completed),
        (S::Completed, I::TransportError, E::NONE, S::Completed),
        (S::Completed, D, E::ENDED, S::Terminated),
        (S::Accepted, I::Success, E::PASS, S::Accepted),
        (S::Accepted, I::Provisional, E::NONE, S::Accepted),
        (S::Accepted, I::Cancel, E::NONE, S::Accepted),
        (S::Accepted, I::TransportError, E::NONE, S::Accepted),
        (S::Accepted, M, E::ENDED, S::Terminated),
    ];
    let states = [S::Calling, S::Proceeding, S::Completed, S::Accepted, S::Terminated];
    let foreign = Stimulus::Timer(Timer::G);
    let stimuli = [
        I::Start,
        I::Provisional,
        I::Success,
        I::Failure,
        I::Cancel,
        I::TransportError,
        A,
        B,
        C,
        D,
        M,
        X,
        foreign,
    ];
    every_stimulus!(states, stimuli, in_state, table);
}
