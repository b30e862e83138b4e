//! RFC 3261 17.2.1, RFC 6026 7.1.

use sip_core::time::Instant;
use sip_core::txn::server_invite::{ServerInvite, State, Stimulus};
use sip_core::txn::{Effects, Timer, Times};

use crate::{TCP, UDP, at, dialogue, every_stimulus};

const G: Stimulus = Stimulus::Timer(Timer::G);
const H: Stimulus = Stimulus::Timer(Timer::H);
const I: Stimulus = Stimulus::Timer(Timer::I);
const L: Stimulus = Stimulus::Timer(Timer::L);

/// RFC 3261 17.2.1: timer G doubles up to T2, the ACK stops it, timer I waits for more ACKs.
#[test]
fn a_negative_answer_is_sent_until_it_is_acknowledged() {
    let mut m = ServerInvite::new();
    dialogue!(m, UDP;
        0: Stimulus::Respond(100) => Effects::SEND;
        100: Stimulus::Request => Effects::SEND;
        200: Stimulus::Respond(486) => Effects::SEND;
        700: G => Effects::SEND;
        1000: Stimulus::Request => Effects::SEND;
        1700: G => Effects::SEND;
        3700: G => Effects::SEND;
        7700: G => Effects::SEND;
        11700: G => Effects::SEND;
        12000: Stimulus::Ack => Effects::NONE;
        12100: Stimulus::Ack => Effects::NONE;
        12200: Stimulus::Request => Effects::NONE;
        17000: I => Effects::ENDED;
    );
    assert_eq!(m.deadline(), Instant::FAR);
}

/// RFC 3261 17.2.1: without an ACK, timer H ends it.
#[test]
fn a_negative_answer_that_nobody_acknowledges_is_given_up() {
    let mut m = ServerInvite::new();
    dialogue!(m, TCP;
        0: Stimulus::Respond(603) => Effects::SEND;
        30000: H => Effects::TIMEOUT.and(Effects::ENDED);
    );
}

/// RFC 3261 17.2.1: timers G and I are 0 over reliable transports.
#[test]
fn over_tcp_the_ack_ends_it_at_once() {
    let mut m = ServerInvite::new();
    dialogue!(m, TCP;
        0: Stimulus::Respond(404) => Effects::SEND;
        100: Stimulus::Ack => Effects::ENDED;
    );
}

/// RFC 6026 7.1: a retransmitted INVITE is absorbed, further 2xx answers are sent, ACKs go up.
#[test]
fn an_accepted_invite_absorbs_retransmissions_and_sends_every_2xx() {
    fn accepted(times: Times) -> ServerInvite {
        let mut m = ServerInvite::new();
        dialogue!(m, times;
            0: Stimulus::Respond(180) => Effects::SEND;
            100: Stimulus::Respond(200) => Effects::SEND;
            500: Stimulus::Request => Effects::NONE;
            600: Stimulus::Respond(200) => Effects::SEND;
            700: Stimulus::Ack => Effects::PASS;
            800: Stimulus::Respond(486) => Effects::STRAY;
        );
        m
    }
    // RFC 6026 8.4: timer L is 64 T1 where a caller may have lost the answers.
    let mut m = accepted(UDP);
    dialogue!(m, UDP;
        16_000: Stimulus::Request => Effects::NONE;
        32_100: L => Effects::ENDED;
    );
    let mut m = accepted(TCP);
    dialogue!(m, TCP;
        5100: L => Effects::ENDED;
    );
}

/// RFC 6026 7.1: a transport error does not end it.
#[test]
fn a_response_that_cannot_be_sent_is_reported_and_the_transaction_stays() {
    let mut m = ServerInvite::new();
    dialogue!(m, TCP;
        0: Stimulus::Respond(180) => Effects::SEND;
        1: Stimulus::TransportError => Effects::FAILED;
        2: Stimulus::Respond(200) => Effects::SEND;
        3: Stimulus::TransportError => Effects::FAILED;
        5002: L => Effects::ENDED;
    );
}

fn in_state(state: State) -> ServerInvite {
    let mut m = ServerInvite::new();
    let way: &[Stimulus] = match state {
        State::Proceeding => &[],
        State::Completed => &[Stimulus::Respond(486)],
        State::Accepted => &[Stimulus::Respond(200)],
        State::Confirmed => &[Stimulus::Respond(486), Stimulus::Ack],
        State::Terminated => &[Stimulus::Respond(486), H],
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
        (S::Proceeding, T::Request, X::SEND, S::Proceeding),
        (S::Proceeding, T::Respond(180), X::SEND, S::Proceeding),
        (S::Proceeding, T::Respond(200), X::SEND, S::Accepted),
        (S::Proceeding, T::Respond(486), X::SEND, S::Completed),
        (S::Proceeding, T::TransportError, X::FAILED, S::Proceeding),
        (S::Completed, T::Request, X::SEND, S::Completed),
        (S::Completed, T::Ack, X::NONE, S::Confirmed),
        (S::Completed, G, X::SEND, S::Completed),
        (S::Completed, H, X::TIMEOUT.and(X::ENDED), S::Terminated),
        (S::Completed, T::TransportError, X::FAILED, S::Completed),
        (S::Accepted, T::Request, X::NONE, S::Accepted),
        (S::Accepted, T::Ack, X::PASS, S::Accepted),
        (S::Accepted, T::Respond(200), X::SEND, S::Accepted),
        (S::Accepted, T::TransportError, X::FAILED, S::Accepted),
        (S::Accepted, L, X::ENDED, S::Terminated),
        (S::Confirmed, T::Request, X::NONE, S::Confirmed),
        (S::Confirmed, T::Ack, X::NONE, S::Confirmed),
        (S::Confirmed, T::TransportError, X::NONE, S::Confirmed),
        (S::Confirmed, I, X::ENDED, S::Terminated),
    ];
    let states = [S::Proceeding, S::Completed, S::Accepted, S::Confirmed, S::Terminated];
    let foreign = Stimulus::Timer(Timer::A);
    let stimuli = [
        T::Request,
        T::Ack,
        T::Respond(180),
        T::Respond(200),
        T::Respond(486),
        T::TransportError,
        G,
        H,
        I,
        L,
        foreign,
    ];
    every_stimulus!(states, stimuli, in_state, table);
}
