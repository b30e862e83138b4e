//! The wheel against a sorted model, and its promises one by one.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::time::Instant;

const MS: u64 = 1_000_000;

fn fired(wheel: &mut Wheel<u32>, now: Instant) -> Vec<u32> {
    let mut out = Vec::new();
    wheel.expire(now, &mut |v| out.push(v));
    out
}

#[test]
fn a_timer_fires_at_its_tick_and_never_before() {
    let mut w = Wheel::new();
    w.arm(Instant::from_millis(500), 1);
    w.arm(Instant::from_nanos(500 * MS + 1), 2);
    assert_eq!(fired(&mut w, Instant::from_nanos(500 * MS - 1)), []);
    assert_eq!(fired(&mut w, Instant::from_millis(500)), [1]);
    assert_eq!(fired(&mut w, Instant::from_nanos(510 * MS - 1)), []);
    assert_eq!(fired(&mut w, Instant::from_millis(510)), [2]);
    assert!(w.is_empty());
    assert_eq!(w.next(), None);
}

#[test]
fn timers_of_one_tick_fire_in_the_order_they_were_armed() {
    let mut w = Wheel::new();
    // Ticks that start on different levels and meet in one slot.
    for v in 0..5 {
        w.arm(Instant::from_millis(60_000), v);
        fired(&mut w, Instant::from_millis(u64::from(v) * 14_000));
    }
    assert_eq!(fired(&mut w, Instant::from_millis(60_000)), [0, 1, 2, 3, 4]);
}

#[test]
fn a_cancelled_timer_does_not_fire_and_its_id_stays_dead() {
    let mut w = Wheel::new();
    let a = w.arm(Instant::from_millis(100), 1);
    assert_eq!(w.value(a), Some(1));
    assert!(w.cancel(a));
    assert!(!w.cancel(a));
    let b = w.arm(Instant::from_millis(100), 2);
    assert_ne!(a, b);
    assert!(!w.cancel(a), "the id of another timer in the same place");
    assert_eq!((w.value(a), w.value(b)), (None, Some(2)));
    assert_eq!(fired(&mut w, Instant::from_millis(100)), [2]);
    assert!(!w.cancel(b));
}

#[test]
fn spare_calls_and_a_clock_that_goes_back_are_harmless() {
    let mut w = Wheel::new();
    w.arm(Instant::from_millis(1000), 1);
    assert_eq!(fired(&mut w, Instant::from_millis(700)), []);
    assert_eq!(fired(&mut w, Instant::from_millis(20)), []);
    assert_eq!(fired(&mut w, Instant::from_millis(700)), []);
    assert_eq!(fired(&mut w, Instant::from_millis(1000)), [1]);
    assert_eq!(fired(&mut w, Instant::from_millis(1000)), []);
}

#[test]
fn a_deadline_that_is_past_fires_at_the_next_call() {
    let mut w = Wheel::new();
    fired(&mut w, Instant::from_millis(5000));
    w.arm(Instant::from_millis(10), 1);
    assert!(w.next().unwrap() <= Instant::from_millis(5000));
    assert_eq!(fired(&mut w, Instant::from_millis(5000)), [1]);
}

#[test]
fn a_handler_may_arm_and_cancel_between_two_pops() {
    let mut w = Wheel::new();
    let now = Instant::from_millis(100);
    w.arm(now, 1);
    let later = w.arm(now, 2);
    assert_eq!(w.pop(now), Some(1));
    assert!(w.cancel(later));
    w.arm(now, 3);
    w.arm(now + Duration::from_millis(1), 4);
    assert_eq!((w.pop(now), w.pop(now)), (Some(3), None));
    assert_eq!(w.len(), 1);
}

#[test]
fn a_deadline_that_never_comes_does_not_disturb() {
    let mut w = Wheel::new();
    let never = w.arm(Instant::FAR, 9);
    w.arm(Instant::from_millis(20), 1);
    assert_eq!(w.next(), Some(Instant::from_millis(20)));
    // A thousand years.
    assert_eq!(fired(&mut w, Instant::from_millis(31_536_000_000 * 500)), [1]);
    assert!(w.next().is_some());
    assert!(w.cancel(never));
    assert_eq!(w.next(), None);
}

#[test]
fn waking_up_at_next_reaches_a_timer_in_a_few_steps() {
    let mut w = Wheel::new();
    let at = Instant::from_millis(86_400_000 * 30);
    w.arm(at, 1);
    let mut steps = 0;
    let mut out = Vec::new();
    while let Some(next) = w.next() {
        assert!(next <= at);
        w.expire(next, &mut |v| out.push((next, v)));
        steps += 1;
    }
    assert_eq!(out, [(at, 1)]);
    assert!(steps <= 7, "{steps}");
}

#[test]
fn the_documented_memory_is_what_it_takes() {
    let mut w: Wheel<[u64; 2]> = Wheel::new();
    let empty = w.memory();
    assert!(empty <= 2048, "{empty}");
    for i in 0..MILLION {
        w.arm(Instant::from_nanos(i * 777_777), [i, i]);
    }
    assert_eq!(w.len() as u64, MILLION);
    let full = (w.memory() - empty) as u64;
    assert!(full <= 84 * MILLION, "{full}");
    assert!(full >= 40 * MILLION, "{full}");
    fired_all(&mut w);
    let warm = w.memory();
    for i in 0..MILLION {
        w.arm(Instant::FAR, [i, i]);
    }
    assert_eq!(w.memory(), warm);
}

/// As many live timers as the documentation speaks of.
const MILLION: u64 = 1_000_000;

fn fired_all(w: &mut Wheel<[u64; 2]>) {
    let mut last = None;
    w.expire(Instant::FAR, &mut |[v, _]| {
        assert!(last < Some(v), "in order");
        last = Some(v);
    });
    assert_eq!(last, Some(MILLION - 1));
}

/// What a timer wheel should do, said with a sorted map.
struct Model {
    tick: u64,
    current: u64,
    armed: BTreeMap<(u64, u64), u32>,
    order: u64,
}

impl Model {
    fn arm(&mut self, at: u64, value: u32) -> (u64, u64) {
        self.order += 1;
        let key = (at.div_ceil(self.tick).max(self.current), self.order);
        self.armed.insert(key, value);
        key
    }

    fn pop(&mut self, now: u64) -> Option<u32> {
        let now = now / self.tick;
        match self.armed.first_key_value() {
            Some((&(due, _), _)) if due <= now => {
                self.current = self.current.max(due);
                self.armed.pop_first().map(|(_, v)| v)
            }
            _ => {
                self.current = self.current.max(now);
                None
            }
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// Arm that much later than now.
    Arm(u64),
    /// Arm at an absolute time.
    ArmAt(u64),
    Cancel(usize),
    /// Let time pass, firing all.
    Pass(u64),
    /// Let time pass, firing one.
    PassOne(u64),
    /// Go to where `next` points.
    FollowNext,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Spans of every magnitude: a random number cut to a random length.
    let span = || (any::<u64>(), 0u32..64).prop_map(|(n, cut)| n >> cut);
    let step = prop_oneof![
        6 => span().prop_map(Step::Arm),
        2 => span().prop_map(Step::ArmAt),
        3 => any::<usize>().prop_map(Step::Cancel),
        2 => span().prop_map(|s| Step::Pass(s >> 12)),
        2 => span().prop_map(|s| Step::PassOne(s >> 12)),
        3 => Just(Step::FollowNext),
    ];
    prop::collection::vec(step, 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..Default::default() })]

    #[test]
    fn the_wheel_does_what_the_sorted_model_does(
        tick in prop_oneof![Just(1u64), Just(10 * MS), 2u64..2_000_000_000],
        steps in steps(),
    ) {
        let mut wheel = Wheel::with_tick(Duration::from_nanos(tick));
        let mut model = Model { tick, current: 0, armed: BTreeMap::new(), order: 0 };
        let (mut now, mut value, mut ids) = (0u64, 0u32, Vec::new());
        for step in steps {
            let (until, once) = match step {
                Step::Arm(_) | Step::ArmAt(_) => {
                    let at = match step {
                        Step::ArmAt(at) => at,
                        Step::Arm(span) => now.saturating_add(span),
                        _ => unreachable!(),
                    };
                    value += 1;
                    ids.push((wheel.arm(Instant::from_nanos(at), value), model.arm(at, value)));
                    continue;
                }
                Step::Cancel(_) if ids.is_empty() => continue,
                Step::Cancel(which) => {
                    let (id, key) = ids[which % ids.len()];
                    let expected = model.armed.remove(&key);
                    prop_assert_eq!(wheel.value(id), expected);
                    prop_assert_eq!(wheel.cancel(id), expected.is_some());
                    continue;
                }
                Step::Pass(span) => (now.saturating_add(span), false),
                Step::PassOne(span) => (now.saturating_add(span), true),
                Step::FollowNext => match wheel.next() {
                    Some(next) => (now.max(next.as_nanos()), false),
                    None => continue,
                },
            };
            now = until;
            loop {
                let got = wheel.pop(Instant::from_nanos(now));
                prop_assert_eq!(got, model.pop(now));
                if got.is_none() || once {
                    break;
                }
            }
            prop_assert_eq!(wheel.len(), model.armed.len());
            prop_assert_eq!(wheel.next().is_some(), !model.armed.is_empty());
            if let (Some(next), Some((&(due, _), _))) = (wheel.next(), model.armed.first_key_value()) {
                prop_assert!(next.as_nanos() <= due.saturating_mul(tick));
                if due / 64 == model.current / 64 {
                    prop_assert_eq!(next.as_nanos(), due.saturating_mul(tick));
                }
            }
        }
        // All that is left fires, in order.
        loop {
            let got = wheel.pop(Instant::FAR);
            prop_assert_eq!(got, model.pop(u64::MAX));
            if got.is_none() {
                break;
            }
        }
    }
}
