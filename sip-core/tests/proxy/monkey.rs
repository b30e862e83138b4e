//! Anything at any time: peers that answer at random, lose, repeat and reorder, callers that
//! cancel, sends that fail. What must hold whatever happens is checked after each; a failure names
//! its seed.

use std::collections::VecDeque;

use sip_core::output::SendError;
use sip_core::proxy::BranchOwn;
use sip_core::rng::{Rng, SeededRng};
use sip_core::txn::Arm;

use crate::support::{BOB, CALLER, CAROL, DAVE, Sent, World, ack, branch, request};

const CODES: [u16; 12] = [100, 180, 183, 200, 200, 302, 404, 407, 486, 487, 503, 603];

/// What the caller of one request has seen, and what is in the air.
struct Call {
    method: &'static str,
    name: String,
    /// Final answers in the order they came up, retransmissions left out.
    finals: Vec<String>,
    /// Final 2xx answers that were delivered to the proxy, by their To tag.
    accepted: Vec<String>,
}

/// Requests that peers got and may still answer, in any order and more than once.
type Air = VecDeque<Sent>;

fn play(seed: u64) {
    let mut rng = SeededRng::new(seed);
    let peers = [BOB, CAROL, DAVE];
    let mut w = World::new(&peers[..1 + rng.below(3) as usize]);
    let method = if rng.below(4) == 0 { "OPTIONS" } else { "INVITE" };
    for target in &mut w.targets {
        if rng.below(3) == 0 {
            let elsewhere = vec![branch(peers[pick(&mut rng, 3)]).target];
            target.own = Some(Box::new(BranchOwn { elsewhere, ..BranchOwn::default() }));
        }
    }
    if rng.below(2) == 0 {
        // Routes of its own, that end at any time and may try somebody else.
        let mut route = || (rng.below(2) == 0).then(|| Some("route".into()));
        let (failure, reply, branch_failure) = (route(), route(), route());
        w.arm = Some(Arm { failure, reply, branch_failure, ..Arm::default() });
    }
    let mut call =
        Call { method, name: format!("m{seed}"), finals: Vec::new(), accepted: Vec::new() };
    let mut air = Air::new();
    let sent = w.recv(CALLER, &request(method, &call.name));
    take(&mut w, &mut call, &mut air, sent, &mut rng);
    for _ in 0..40 {
        let sent = match rng.below(10) {
            // RFC 3261 17.1: a client stops both once it has its final answer.
            0 if call.finals.is_empty() => w.recv(CALLER, &request(method, &call.name)),
            1 if method == "INVITE" && call.finals.is_empty() => {
                w.recv(CALLER, &request("CANCEL", &call.name))
            }
            2 => w.advance(rng.below(40_000)),
            4 if !w.failing.is_empty() => match rng.below(2) {
                0 => w.end_failure(&[]),
                _ => w.end_failure(&[peers[pick(&mut rng, 3)]]),
            },
            5 | 6 if !w.replying.is_empty() => w.end_reply(rng.below(4) > 0),
            3 => match air.get(pick(&mut rng, air.len())).cloned() {
                Some(lost) if lost.origin.is_some() => w.fail(&lost, SendError::Unreachable),
                _ => continue,
            },
            _ => answer(&mut w, &mut call, &air, &mut rng),
        };
        take(&mut w, &mut call, &mut air, sent, &mut rng);
    }
    while !w.failing.is_empty() || !w.replying.is_empty() {
        let sent = match w.failing.is_empty() {
            true => w.end_reply(true),
            false => w.end_failure(&[]),
        };
        take(&mut w, &mut call, &mut air, sent, &mut rng);
    }
    // Failures that come now have routes that end at once.
    for _ in 0..8 {
        let sent = w.advance(50_000);
        take(&mut w, &mut call, &mut air, sent, &mut rng);
        while !w.failing.is_empty() {
            let sent = w.end_failure(&[]);
            take(&mut w, &mut call, &mut air, sent, &mut rng);
        }
    }
    w.drain();
    judge(&call, seed);
}

/// A peer answers one of the requests it got.
fn answer(w: &mut World, call: &mut Call, air: &Air, rng: &mut SeededRng) -> Vec<Sent> {
    let Some(got) = air.get(pick(rng, air.len())) else { return Vec::new() };
    if got.what() == "ACK" {
        return Vec::new();
    }
    let code = CODES[pick(rng, CODES.len())];
    // Each branch has one 2xx, sent again and again.
    let tag = format!("t{}", got.to.peer);
    let text = got.answer_with(code, &tag, "");
    if got.what() == "INVITE" && code == 200 && !call.accepted.contains(&tag) {
        call.accepted.push(tag);
    }
    w.recv(&got.to.peer.to_string(), &text)
}

/// What the proxy sent: to the caller, or into the air. Some of it is lost.
fn take(w: &mut World, call: &mut Call, air: &mut Air, sent: Vec<Sent>, rng: &mut SeededRng) {
    for message in sent {
        if message.to.peer != CALLER.parse().unwrap() {
            air.push_back(message);
            continue;
        }
        let ours = message.header("CSeq").unwrap().ends_with(call.method);
        if !ours || message.what().starts_with('1') {
            continue;
        }
        let answer = format!("{} {}", message.what(), message.header("To").unwrap());
        if !call.finals.contains(&answer) {
            call.finals.push(answer);
        }
        let negative = !message.what().starts_with('2');
        if call.method == "INVITE" && negative && rng.below(3) > 0 {
            let text = ack(&call.name, &message);
            let late = w.proxy.live() == 0;
            let sent = w.recv(CALLER, &text);
            assert!(sent.is_empty() || late, "the ACK to a negative answer is absorbed");
        }
    }
}

fn pick(rng: &mut SeededRng, len: usize) -> usize {
    rng.below(len as u64) as usize
}

fn judge(call: &Call, seed: u64) {
    let finals = &call.finals;
    let negative = finals.iter().filter(|f| !f.starts_with('2')).count();
    let first_2xx = finals.iter().position(|f| f.starts_with('2'));
    assert!(negative <= 1, "seed {seed}: {finals:?}");
    if call.method == "INVITE" {
        assert!(!finals.is_empty(), "seed {seed}: an INVITE without a final answer");
        for tag in &call.accepted {
            let came = finals.iter().any(|f| f.starts_with('2') && f.ends_with(tag.as_str()));
            assert!(came, "seed {seed}: the 2xx with {tag} did not come up: {finals:?}");
        }
        if let Some(at) = first_2xx {
            assert!(
                finals[at..].iter().all(|f| f.starts_with('2')),
                "seed {seed}: a negative answer after a 2xx: {finals:?}"
            );
        }
    } else {
        assert!(finals.len() <= 1, "seed {seed}: {finals:?}");
    }
}

#[test]
fn whatever_happens_the_caller_is_answered_rightly_and_nothing_is_left() {
    for seed in 0..1500 {
        play(seed);
    }
}
