//! Calls by the thousand through one engine: phones that register with digest, call each other by
//! address of record through forks, cancel, refuse and hang up, over links that lose from nothing
//! to three messages in ten. Nothing may hang, break a rule or be left over.
//!
//! `SIM_CALLS` sets how many calls, `SIM_SEED` the seed; a failure prints both and what to look
//! for, and `SIM_TRACE=call-id` prints the ladder of one call of the same run.

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use looseroute::core::net::Proto;
use sip_sim::audit::Audit;
use sip_sim::phone::{
    Account, Answer, AnswerPlan, CallPlan, Phone, PhoneConfig, RegisterPlan, RegisterState,
    RegistrationId, Tally,
};
use sip_sim::{Chance, Keep, Link, NodeId, World};
use support::{Config, EngineNode, Stopwatch};

const ENGINE: &str = "10.0.0.9:5060";
const DOMAIN: &str = "example.com";
/// Users of each group; the first third has one phone, the second two, the last three.
const USERS: usize = 30;
/// The loss of each group's links in percent, and its transport.
const GROUPS: [(u16, Proto); 6] = [
    (0, Proto::Udp),
    (5, Proto::Udp),
    (10, Proto::Udp),
    (20, Proto::Udp),
    (30, Proto::Udp),
    (30, Proto::Tcp),
];

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn address(group: usize, phone: usize) -> SocketAddr {
    SocketAddr::from(([10, 1, group as u8, phone as u8 + 1], 5060))
}

/// A callers' phone and three phones that are called, behind links of one loss.
struct Group {
    loss: u16,
    proto: Proto,
    caller: NodeId,
    callees: [NodeId; 3],
    /// Who registered what.
    registrations: Vec<(NodeId, usize, RegistrationId)>,
    dialed: u64,
}

/// The whole network.
struct Network {
    world: World,
    engine: NodeId,
    audit: usize,
    groups: Vec<Group>,
}

impl Network {
    fn new(seed: u64) -> Self {
        let mut world = World::new(seed);
        world.trace_mut().keep(match std::env::var("SIM_TRACE") {
            Ok(call_id) => Keep::Containing(call_id.into_bytes()),
            Err(_) => Keep::Nothing,
        });
        let mut text = format!("listen udp:{ENGINE}\nlisten tcp:{ENGINE}\ndomain {DOMAIN}\n");
        text.push_str("demand credentials\naccount caller secret\n");
        // 64 T1, as RFC 6026 wants it for timer L: an INVITE may come again 16 s after the last one,
        // and when its transaction is gone by then, it is a new call.
        text.push_str("param tm wt_timer 32000\n");
        for group in 0..GROUPS.len() {
            for user in 0..USERS {
                text.push_str(&format!("account u{group}-{user} pw-{user}\n"));
            }
        }
        let config = Config::new(world.draw_seed()).read(&text).expect("the configuration is read");
        let engine = world.add("engine", config.build().expect("the engine is built"));
        let proxy: SocketAddr = ENGINE.parse().expect("an address");
        let audit = world.add_tap(Audit::new(proxy.ip()));
        let groups = GROUPS.iter().enumerate();
        let groups = groups.map(|(index, spec)| Group::join(&mut world, index, *spec)).collect();
        Self { world, engine, audit, groups }
    }

    /// Every callee's phones register; with retries, at every loss.
    fn register_all(&mut self) {
        for (index, group) in self.groups.iter_mut().enumerate() {
            for (phone, callee) in group.callees.into_iter().enumerate() {
                for user in (0..USERS).filter(|user| phone <= user * 3 / USERS) {
                    let id = self.world.with(callee, |p: &mut Phone, now| {
                        p.register(now.mono + ms(user as u64 * 10), plan_of(index, user).kept_up())
                    });
                    group.registrations.push((callee, user, id));
                }
            }
        }
        self.world.run_for(Duration::from_secs(60));
        for group in &self.groups {
            for callee in &group.callees {
                for (user, state) in self.world.node::<Phone>(*callee).registrations() {
                    let fine = matches!(state, RegisterState::Registered { .. });
                    assert!(fine, "{user:?} at {} % loss: {state:?}", group.loss);
                }
            }
        }
    }

    /// Makes `calls` calls in all groups in turn, 200 a second.
    fn call(&mut self, calls: u64) {
        for number in 0..calls {
            let index = (number % GROUPS.len() as u64) as usize;
            let group = &mut self.groups[index];
            let user = group.dialed as usize % USERS;
            let mut plan = CallPlan::new("caller", &format!("sip:u{index}-{user}@{DOMAIN}"))
                .with_account(Account::new("caller", "secret"))
                .holding(ms(500 + 37 * (group.dialed % 100)));
            plan.patience = Duration::from_secs(25);
            if group.dialed % 10 == 7 {
                plan = plan.cancelled_after(ms(group.dialed % 1000));
            }
            group.dialed += 1;
            let caller = group.caller;
            self.world.with(caller, |p: &mut Phone, now| p.dial(now.mono, plan));
            self.world.run_for(ms(5));
        }
    }

    /// Waits for rest, lets everybody go, and looks whether anything is left.
    fn end(&mut self) {
        self.world.run_until_idle(Duration::from_secs(2000)).expect("the calls come to an end");
        for (index, group) in self.groups.iter().enumerate() {
            for (callee, user, id) in &group.registrations {
                self.world.with(*callee, |p: &mut Phone, now| {
                    p.register_again(*id, now.mono, plan_of(index, *user).expiring(0));
                });
            }
        }
        self.world.expect_rest(Duration::from_secs(2000));
    }

    fn tally(&self, group: &Group) -> Tally {
        let mut tally = self.world.node::<Phone>(group.caller).tally().clone();
        for callee in &group.callees {
            tally.add(self.world.node::<Phone>(*callee).tally());
        }
        tally
    }

    fn faults(&self) -> Vec<String> {
        let mut faults = self.world.tap::<Audit>(self.audit).faults();
        for group in &self.groups {
            let tally = self.tally(group);
            let name = format!("{} % over {}", group.loss, group.proto);
            faults.extend(tally.faults().into_iter().map(|fault| format!("{name}: {fault}")));
            let sure = group.loss == 0 || group.proto.is_reliable();
            let lost =
                tally.no_response + tally.no_final + tally.bye_unanswered + tally.ack_missing;
            if sure && lost > 0 {
                faults.push(format!("{name}: {lost} calls or answers were lost: {tally:?}"));
            }
            let strange: Vec<_> =
                tally.refused.keys().filter(|code| !expected(**code, sure)).collect();
            if !strange.is_empty() {
                faults.push(format!("{name}: refused with {strange:?}"));
            }
        }
        faults
    }
}

impl Group {
    fn join(world: &mut World, index: usize, (loss, proto): (u16, Proto)) -> Self {
        let link = Link::new(ms(10))
            .with_jitter(ms(10))
            .with_loss(Chance::percent(loss))
            .with_duplicates(Chance::percent(loss / 5))
            .with_reordering(Chance::percent(loss / 5), ms(50));
        let proxy = ENGINE.parse().expect("an address");
        let mut phone = |number: usize| {
            let address = address(index, number);
            world.links().set_host(address.ip(), link);
            let config = PhoneConfig::new(address, proxy).over(proto);
            let phone = Phone::new(config, world.draw_seed()).answering(|_, rng| answer(rng));
            world.add(&format!("{}%-{number}", loss), phone)
        };
        Self {
            loss,
            proto,
            caller: phone(0),
            callees: [phone(1), phone(2), phone(3)],
            registrations: Vec::new(),
            dialed: 0,
        }
    }
}

fn plan_of(group: usize, user: usize) -> RegisterPlan {
    let name = format!("u{group}-{user}");
    RegisterPlan::new(&name).with_account(Account::new(&name, &format!("pw-{user}")))
}

/// How a phone answers: mostly with 200 after a while, sometimes not.
fn answer(rng: &mut dyn looseroute::core::rng::Rng) -> AnswerPlan {
    let after = ms(rng.below(900));
    match rng.below(20) {
        0 => AnswerPlan::refuse(486, after),
        1 => AnswerPlan::refuse(603, after),
        2 => AnswerPlan::refuse(500, after),
        3 => AnswerPlan::ring(),
        4 => AnswerPlan { hold: Some(ms(700)), ..AnswerPlan::accept(after) },
        5 => AnswerPlan { ring_after: None, answer: Answer::Accept { after }, hold: None },
        _ => AnswerPlan::accept(after),
    }
}

/// What a call may be refused with: what the phones say, 487 when somebody cancelled, and where
/// messages are lost 408 for a branch that never answered.
fn expected(code: u16, sure: bool) -> bool {
    matches!(code, 486 | 487 | 500 | 603) || (!sure && code == 408)
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Runs so many calls; prints what came of them.
fn simulate(seed: u64, calls: u64) -> (u64, Network) {
    let watch = Stopwatch::start();
    let mut network = Network::new(seed);
    network.register_all();
    network.call(calls);
    network.end();
    let seconds = watch.seconds();
    let trace = network.world.trace();
    if std::env::var("SIM_TRACE").is_ok() {
        println!("{}", trace.ladder());
    }
    println!(
        "seed {seed}: {calls} calls, {} messages in {seconds:.1} s: {:.0} calls/s, {:.0} messages/s",
        trace.messages(),
        calls as f64 / seconds,
        trace.messages() as f64 / seconds,
    );
    for group in &network.groups {
        println!("{} % over {}: {:?}", group.loss, group.proto, network.tally(group));
    }
    println!("{:?}", network.world.tap::<Audit>(network.audit).counts());
    (trace.digest(), network)
}

#[test]
fn calls_at_every_loss_end_and_leave_nothing_behind() {
    let seed = number("SIM_SEED").unwrap_or(20_260_101);
    let calls = number("SIM_CALLS").unwrap_or_else(support::default_calls);
    let (_, network) = simulate(seed, calls);
    let faults = network.faults();
    assert!(faults.is_empty(), "SIM_SEED={seed} SIM_CALLS={calls}:\n{}", faults.join("\n"));
    let dialed: u64 = network.groups.iter().map(|group| network.tally(group).dialed).sum();
    assert_eq!(dialed, calls);
    let engine = network.world.node::<EngineNode>(network.engine).engine();
    assert_eq!(engine.live(), (0, 0, 0));
    assert_eq!(engine.statistic("usrloc", "registered_users"), Some(0));
    let counts = network.world.tap::<Audit>(network.audit).counts();
    assert_eq!(engine.statistic("core", "rcv_requests"), Some(counts.requests_in));
    assert_eq!(engine.statistic("core", "rcv_replies"), Some(counts.responses_in));
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let (first, _) = simulate(5, 200);
    let (again, _) = simulate(5, 200);
    assert_eq!(first, again, "the engine's course depends on something else than its inputs");
    assert_ne!(first, simulate(6, 200).0);
}
