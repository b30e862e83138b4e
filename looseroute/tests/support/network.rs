//! The network of the mass simulations: one engine, groups of phones behind links of one loss each.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use looseroute::core::net::Proto;
use looseroute::core::rng::Rng;
use looseroute::{Engine, RpcValue};
use sip_sim::audit::{Audit, AuditCounts};
use sip_sim::phone::{
    Account, Answer, AnswerPlan, CallPlan, Phone, PhoneConfig, RegisterPlan, RegisterState,
    RegistrationId, Tally,
};
use sip_sim::{Chance, Keep, Link, NodeId, World};

use super::{Config, EngineNode, Stopwatch};

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
pub(crate) struct Group {
    loss: u16,
    proto: Proto,
    caller: NodeId,
    callees: [NodeId; 3],
    /// Who registered what.
    registrations: Vec<(NodeId, usize, RegistrationId)>,
    dialed: u64,
}

/// The whole network.
pub(crate) struct Network {
    pub(crate) world: World,
    engine: NodeId,
    audit: usize,
    pub(crate) groups: Vec<Group>,
}

impl Network {
    pub(crate) fn new(seed: u64) -> Self {
        let mut world = World::new(seed);
        world.trace_mut().keep(match std::env::var("SIM_TRACE") {
            Ok(call_id) => Keep::Containing(call_id.into_bytes()),
            Err(_) => Keep::Nothing,
        });
        let mut text = format!("listen udp:{ENGINE}\nlisten tcp:{ENGINE}\ndomain {DOMAIN}\n");
        text.push_str("demand credentials\naccount caller secret\nroutes for a third\n");
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
    pub(crate) fn register_all(&mut self) {
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
    pub(crate) fn call(&mut self, calls: u64) {
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
    pub(crate) fn end(&mut self) {
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

    pub(crate) fn print(&self, calls: u64, seconds: f64) {
        let trace = self.world.trace();
        if std::env::var("SIM_TRACE").is_ok() {
            println!("{}", trace.ladder());
        }
        let (seed, messages) = (self.world.seed(), trace.messages());
        let (rate, message_rate) = (calls as f64 / seconds, messages as f64 / seconds);
        println!(
            "seed {seed}: {calls} calls, {messages} messages in {seconds:.1} s: {rate:.0} calls/s, \
             {message_rate:.0} messages/s"
        );
        for group in &self.groups {
            println!("{} % over {}: {:?}", group.loss, group.proto, self.tally(group));
        }
        println!("{:?}", self.counts());
    }

    pub(crate) fn counts(&self) -> AuditCounts {
        self.world.tap::<Audit>(self.audit).counts()
    }

    pub(crate) fn audit_faults(&self) -> Vec<String> {
        self.world.tap::<Audit>(self.audit).faults()
    }

    /// Calls made in all groups.
    pub(crate) fn dialed(&self) -> u64 {
        self.groups.iter().map(|group| self.tally(group).dialed).sum()
    }

    /// Nothing of a peer's is left in the engine, and it has counted what the wire has seen.
    pub(crate) fn expect_nothing_left(&self) {
        let engine = self.world.node::<EngineNode>(self.engine).engine();
        assert_eq!(engine.live(), (0, 0, 0));
        no_lock_is_held(engine);
        assert_eq!(engine.statistic("usrloc", "registered_users"), Some(0));
        let counts = self.counts();
        assert_eq!(engine.statistic("core", "rcv_requests"), Some(counts.requests_in));
        assert_eq!(engine.statistic("core", "rcv_replies"), Some(counts.responses_in));
        // The routes of a third of the calls waited: at least once for their branches.
        let parked = engine.statistic("core", "parked_calls").unwrap_or_default();
        assert!(parked * 4 > self.dialed(), "{parked} waits");
    }

    pub(crate) fn tally(&self, group: &Group) -> Tally {
        let mut tally = self.world.node::<Phone>(group.caller).tally().clone();
        for callee in &group.callees {
            tally.add(self.world.node::<Phone>(*callee).tally());
        }
        tally
    }

    pub(crate) fn faults(&self) -> Vec<String> {
        let mut faults = self.audit_faults();
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
fn answer(rng: &mut dyn Rng) -> AnswerPlan {
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

pub(crate) fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Runs so many calls from registration to removal; `meanwhile` may plan what happens to the network
/// once everybody is registered. Prints what came of it and how fast it was.
pub(crate) fn simulate(seed: u64, calls: u64, meanwhile: impl FnOnce(&mut World)) -> Network {
    let watch = Stopwatch::start();
    let mut network = Network::new(seed);
    network.register_all();
    meanwhile(&mut network.world);
    network.call(calls);
    network.end();
    network.print(calls, watch.seconds());
    network
}

/// The addresses of the engine, and of all phones that are called.
pub(crate) fn callees() -> (Vec<IpAddr>, Vec<IpAddr>) {
    let engine: SocketAddr = ENGINE.parse().expect("an address");
    let phones = (0..GROUPS.len()).flat_map(|group| (1..4).map(move |phone| address(group, phone)));
    (vec![engine.ip()], phones.map(|address| address.ip()).collect())
}

/// Nothing holds or awaits a lock of any kind.
fn no_lock_is_held(engine: &Engine) {
    let locks = engine.rpc("core.locks", &[]).expect("a list");
    let list = |value: Option<&RpcValue>| match value {
        Some(RpcValue::Array(list)) => list.clone(),
        other => panic!("no list: {other:?}"),
    };
    let all = list(locks.get("locks"));
    assert!(all.len() > 5, "{all:?}");
    for lock in &all {
        assert!(list(lock.get("held")).is_empty(), "{lock:?}");
    }
    assert!(list(locks.get("logical")).is_empty(), "{locks:?}");
}
