//! The phones and the network among themselves, without any engine: thousands of calls, directly
//! and through a stateless relay, at every loss; the same seed twice.

use std::net::SocketAddr;

use sip_core::net::Proto;
use sip_core::time::Duration;
use sip_sim::audit::Audit;
use sip_sim::phone::{Account, Answer, AnswerPlan, CallPlan, Phone, PhoneConfig, Tally};
use sip_sim::relay::Relay;
use sip_sim::{Chance, Keep, Link, NodeId, World};

const ALICE: &str = "10.0.0.1:5060";
const BOB: &str = "10.0.0.2:5060";
const RELAY: &str = "10.0.0.9:5060";

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A link that loses, doubles, delays and reorders.
fn rough(loss_percent: u16) -> Link {
    Link::new(ms(10))
        .with_jitter(ms(5))
        .with_loss(Chance::percent(loss_percent))
        .with_duplicates(Chance::percent(loss_percent / 6))
        .with_reordering(Chance::percent(loss_percent / 6), ms(40))
}

/// Alice, bob and perhaps a relay between them.
struct Net {
    world: World,
    alice: NodeId,
    bob: NodeId,
}

impl Net {
    fn new(seed: u64, link: Link, relay: Option<Relay>) -> Self {
        let mut world = World::new(seed);
        world.links().set_default(link);
        world.trace_mut().keep(Keep::Nothing);
        let proxy = if relay.is_some() { RELAY } else { BOB };
        let (a, b) = (world.draw_seed(), world.draw_seed());
        let alice = Phone::new(PhoneConfig::new(addr(ALICE), addr(proxy)), a);
        let bob = Phone::new(PhoneConfig::new(addr(BOB), addr(proxy)), b).answering(|_, rng| {
            match rng.below(10) {
                0 => AnswerPlan::refuse(486, ms(50)),
                1 => AnswerPlan::ring(),
                2 => AnswerPlan { hold: Some(ms(900)), ..AnswerPlan::accept(ms(0)) },
                n => AnswerPlan::accept(ms(n * 100)),
            }
        });
        let alice = world.add("alice", alice);
        if let Some(mut relay) = relay {
            relay.add_user("bob", addr(BOB));
            world.add("relay", relay);
        }
        let bob = world.add("bob", bob);
        Self { world, alice, bob }
    }

    /// Makes `count` calls at 100 a second and waits for rest.
    fn call(&mut self, count: u64) {
        for index in 0..count {
            self.world.with(self.alice, |phone: &mut Phone, now| {
                let mut plan = CallPlan::new("alice", "sip:bob@example.com").holding(ms(2000));
                plan.patience = Duration::from_secs(60);
                if index % 10 == 3 {
                    plan = plan.cancelled_after(ms(250));
                }
                phone.dial(now.mono + ms(index % 10), plan);
            });
            self.world.run_for(ms(10));
        }
        self.world.expect_rest(Duration::from_secs(2000));
    }

    fn tallies(&self) -> (&Tally, &Tally) {
        (self.world.node::<Phone>(self.alice).tally(), self.world.node::<Phone>(self.bob).tally())
    }

    fn expect_no_faults(&self) {
        let (alice, bob) = self.tallies();
        let faults = [alice.faults(), bob.faults()].concat();
        assert!(faults.is_empty(), "seed {}: {faults:#?}", self.world.seed());
    }
}

#[test]
fn without_loss_every_call_ends_as_it_was_planned() {
    let mut net = Net::new(1, Link::new(ms(10)).with_jitter(ms(5)), None);
    net.call(2000);
    net.expect_no_faults();
    let (alice, bob) = net.tallies();
    assert_eq!(alice.dialed, 2000);
    assert_eq!((alice.no_response, alice.no_final, alice.bye_unanswered), (0, 0, 0));
    assert_eq!((bob.ack_missing, alice.resent), (0, 0));
    let refused: u64 = alice.refused.values().sum();
    assert_eq!(alice.completed + alice.cancelled + refused, 2000);
    assert_eq!(alice.refused.keys().copied().collect::<Vec<_>>(), [486]);
    assert_eq!(
        (bob.accepted, bob.rejected, bob.given_up),
        (alice.answered, refused, alice.cancelled)
    );
    assert!(alice.completed > 1000 && alice.cancelled > 300 && refused > 100, "{alice:#?}");
}

#[test]
fn ten_thousand_calls_end_at_every_loss() {
    let mut lost_for_good = 0;
    for (seed, loss) in [(11, 0), (12, 5), (13, 10), (14, 20), (15, 30)] {
        let mut net = Net::new(seed, rough(loss), None);
        net.call(2000);
        net.expect_no_faults();
        let (alice, _) = net.tallies();
        assert_eq!(alice.over(), 2000);
        if loss > 0 {
            assert!(alice.resent > 0, "nothing was sent again at {loss} % loss");
        }
        println!("{loss} % loss: {alice:?}");
        lost_for_good += alice.no_response + alice.no_final + alice.bye_unanswered;
    }
    assert!(
        lost_for_good < 200,
        "{lost_for_good} of 10,000 calls lost for good: retransmission fails"
    );
}

#[test]
fn ten_thousand_calls_end_through_a_relay_at_every_loss() {
    for (seed, loss) in [(21, 0), (22, 5), (23, 10), (24, 20), (25, 30)] {
        let mut net = Net::new(seed, rough(loss), Some(Relay::new(addr(RELAY))));
        let audit = net.world.add_tap(Audit::new(addr(RELAY).ip()));
        net.call(2000);
        net.expect_no_faults();
        let (alice, bob) = net.tallies();
        let counts = net.world.tap::<Audit>(audit).counts();
        assert!(counts.answers_out >= alice.answered && counts.answers_in >= counts.answers_out);
        if loss == 0 {
            let faults = net.world.tap::<Audit>(audit).faults();
            assert!(faults.is_empty(), "{faults:#?}");
            assert_eq!((counts.invites, counts.answers_in), (2000, bob.accepted));
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_trace_and_another_does_not() {
    let run = |seed| {
        let mut net = Net::new(seed, rough(20), Some(Relay::new(addr(RELAY))));
        net.call(300);
        let trace = net.world.trace();
        (trace.digest(), trace.messages(), net.tallies().0.clone())
    };
    let first = run(7);
    assert_eq!(first, run(7));
    assert_ne!(first.0, run(8).0);
}

#[test]
fn calls_over_tcp_are_never_lost() {
    let mut world = World::new(3);
    world.links().set_default(rough(30));
    let config = |own, other| PhoneConfig::new(addr(own), addr(other)).over(Proto::Tcp);
    let alice = world.add("alice", Phone::new(config(ALICE, BOB), 1));
    let bob = world.add("bob", Phone::new(config(BOB, ALICE), 2));
    for _ in 0..200 {
        world.with(alice, |phone: &mut Phone, now| {
            phone.dial(now.mono, CallPlan::new("alice", "sip:bob@example.com").holding(ms(500)));
        });
        world.run_for(ms(20));
    }
    world.expect_rest(Duration::from_secs(200));
    let (alice, bob) = (world.node::<Phone>(alice).tally(), world.node::<Phone>(bob).tally());
    assert_eq!((alice.completed, alice.resent, bob.accepted), (200, 0, 200));
    assert!(alice.faults().is_empty() && bob.faults().is_empty());
}

#[test]
fn a_cut_network_leaves_calls_unanswered_and_a_healed_one_answers_again() {
    let mut world = World::new(4);
    let alice = world.add("alice", Phone::new(PhoneConfig::new(addr(ALICE), addr(BOB)), 1));
    let bob = world.add("bob", Phone::new(PhoneConfig::new(addr(BOB), addr(ALICE)), 2));
    world.links().partition(&[addr(ALICE).ip()], &[addr(BOB).ip()]);
    let dial = |world: &mut World| {
        world.with(alice, |phone: &mut Phone, now| {
            phone.dial(now.mono, CallPlan::new("alice", "sip:bob@example.com"))
        })
    };
    dial(&mut world);
    world.run_for(Duration::from_secs(33));
    assert_eq!(world.node::<Phone>(alice).tally().no_response, 1);
    assert_eq!(world.node::<Phone>(alice).tally().resent, 6, "Timer A: 0.5, 1.5, 3.5 ... 31.5 s");
    world.links().heal();
    dial(&mut world);
    world.expect_rest(Duration::from_secs(200));
    assert_eq!(world.node::<Phone>(alice).tally().completed, 1);
    assert_eq!(world.node::<Phone>(bob).tally().incoming, 1);
}

#[test]
fn a_redirection_and_an_unanswerable_challenge_are_refusals() {
    let mut world = World::new(5);
    let alice = world.add("alice", Phone::new(PhoneConfig::new(addr(ALICE), addr(BOB)), 1));
    let answer = Answer::Refuse { code: 302, after: ms(1), contact: Some("<sip:c@x>".into()) };
    let plan = AnswerPlan { ring_after: None, answer, hold: None };
    let mut plans = vec![AnswerPlan::refuse(401, ms(1)), plan];
    let bob = Phone::new(PhoneConfig::new(addr(BOB), addr(ALICE)), 2)
        .answering(move |_, _| plans.pop().unwrap());
    world.add("bob", bob);
    for _ in 0..2 {
        let account = Account::new("alice", "secret");
        world.with(alice, |phone: &mut Phone, now| {
            let plan = CallPlan::new("alice", "sip:bob@example.com").with_account(account);
            phone.dial(now.mono, plan);
        });
        world.expect_rest(Duration::from_secs(100));
    }
    let refused = &world.node::<Phone>(alice).tally().refused;
    assert_eq!(
        refused.iter().map(|(code, n)| (*code, *n)).collect::<Vec<_>>(),
        [(302, 1), (401, 1)]
    );
}
