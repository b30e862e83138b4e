//! RFC 3261 17.2.2.

use sip_core::time::Instant;
use sip_core::txn::server_other::{ServerOther, State, Stimulus};
use sip_core::txn::{Effects, Timer};

use crate::{TCP, UDP, at, dialogue, every_stimulus};

const J: Stimulus = Stimulus::Timer(Timer::J);
const N: Stimulus = Stimulus::Timer(Timer::N);

/// RFC 3261 17.2.2: a retransmission in Trying is silently dropped, later it gets the last answer.
#[test]
fn a_retransmitted_request_gets_the_last_answer_again() {
    let mut m = ServerOther::new();
    dialogue!(m, UDP;
        0: Stimulus::Request => Effects::NONE;
        100: Stimulus::Respond(100) => Effects::SEND;
        500: Stimulus::Request => Effects::SEND;
        600: Stimulus::Respond(200) => Effects::SEND;
        1500: Stimulus::Request => Effects::SEND;
        5600: J => Effects::ENDED;
    );
    assert_eq!(m.deadline(), Instant::FAR);
}

/// RFC 3261 17.2.2: any further final answer is discarded.
#[test]
fn there_is_one_final_answer() {
    let mut m = ServerOther::new();
    dialogue!(m, UDP;
        0: Stimulus::Respond(404) => Effects::SEND;
        10: Stimulus::Respond(200) => Effects::STRAY;
        20: Stimulus::Respond(180) => Effects::STRAY;
        5000: J => Effects::ENDED;
    );
}

/// RFC 3261 17.2.2: timer J is 0 over reliable transports.
#[test]
fn over_tcp_the_answer_ends_it() {
    let mut m = ServerOther::new();
    dialogue!(m, TCP;
        0: Stimulus::Respond(200) => Effects::SEND.and(Effects::ENDED);
    );
}

/// RFC 4320 4.1: after 0.5 s, 1 s and 2 s a client's timer E is at T2; by then a 100 is due.
#[test]
fn a_request_that_waits_is_answered_100_after_three_and_a_half_seconds() {
    let mut m = ServerOther::new();
    m.await_answer(at(0), &UDP);
    dialogue!(m, UDP;
        500: Stimulus::Request => Effects::NONE;
        3500: N => Effects::TRYING;
        3500: Stimulus::Respond(100) => Effects::SEND;
        4000: Stimulus::Request => Effects::SEND;
        5000: Stimulus::Respond(200) => Effects::SEND;
        10000: J => Effects::ENDED;
    );
    // Without regard to transport, and not once it is answered.
    let mut m = ServerOther::new();
    m.await_answer(at(0), &TCP);
    assert_eq!((m.deadline(), m.due(at(3500))), (at(3500), Some(Timer::N)));
    m.step(at(1000), &UDP, Stimulus::Respond(200));
    assert_eq!(m.deadline(), at(6000));
}

fn in_state(state: State) -> ServerOther {
    let mut m = ServerOther::new();
    let way: &[Stimulus] = match state {
        State::Trying => &[],
        State::Proceeding => &[Stimulus::Respond(100)],
        State::Completed => &[Stimulus::Respond(200)],
        State::Terminated => &[Stimulus::Respond(200), J],
    };
    for stimulus in way {
        m.step(at(0), &UDP, *stimulus);
    }
    assert_eq!(m.state(), state);
    m
}

#[test]
fn every_stimulus_in_every_state() {
    use {Effects as X, State as S, Stimulus as T};
    let table = [
        (S::Trying, T::Request, X::NONE, S::Trying),
        (S::Trying, T::Respond(100), X::SEND, S::Proceeding),
        (S::Trying, T::Respond(200), X::SEND, S::Completed),
        (S::Trying, T::TransportError, X::FAILED, S::Trying),
        (S::Trying, N, X::TRYING, S::Trying),
        (S::Proceeding, T::Request, X::SEND, S::Proceeding),
        (S::Proceeding, T::Respond(100), X::SEND, S::Proceeding),
        (S::Proceeding, T::Respond(200), X::SEND, S::Completed),
        (S::Proceeding, T::TransportError, X::FAILED, S::Proceeding),
        (S::Completed, T::Request, X::SEND, S::Completed),
        (S::Completed, T::TransportError, X::FAILED, S::Completed),
        (S::Completed, J, X::ENDED, S::Terminated),
    ];
    let states = [S::Trying, S::Proceeding, S::Completed, S::Terminated];
    let foreign = Stimulus::Timer(Timer::K);
    let stimuli = [T::Request, T::Respond(100), T::Respond(200), T::TransportError, J, N, foreign];
    every_stimulus!(states, stimuli, in_state, table);
}

/// RFC 4320 4.1: what has nothing to say any more ends in silence.
#[test]
fn it_can_be_abandoned() {
    let mut m = ServerOther::new();
    m.abandon();
    assert_eq!((m.state(), m.deadline()), (State::Terminated, Instant::FAR));
}
