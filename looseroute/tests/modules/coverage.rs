//! Nothing is declared that no test names.

use std::collections::BTreeSet;

use looseroute::RpcValue;

use crate::rig::Rig;
use crate::stored::COLUMNS;

/// What the tests of one module name, and their text.
struct Tests {
    module: &'static str,
    names: &'static [&'static [&'static str]],
    sources: &'static [&'static str],
}

/// `module: files of its tests;`, each file with its list `TESTED`.
macro_rules! tests {
    ($($module:ident: $($file:ident),+;)+) => {
        &[$(Tests {
            module: stringify!($module),
            names: &[$(crate::$file::TESTED),+],
            sources: &[$(include_str!(concat!(stringify!($file), ".rs"))),+],
        }),+]
    };
}

const TESTS: &[Tests] = tests! {
    auth: auth, nonces;
    cfgutils: cfgutils;
    core: core, locks, statistics;
    maxfwd: maxfwd;
    registrar: registrar, lookup;
    rr: rr;
    sl: sl;
    tm: tm, timing, hooks, asked, forced, uac;
    usrloc: usrloc, stored;
};

/// The statistics that the tests of their modules read. `stray_events` counts what no peer can
/// cause; the machines' own tests do.
const STATISTICS: [(&str, &str); 4] = [
    (
        "registrar",
        "accepted_regs default_expire default_expires_range expires_range max_contacts max_expires \
         rejected_regs",
    ),
    ("usrloc", "location-contacts location-expires location-users registered_users"),
    (
        "sl",
        "1xx_replies 200_replies 202_replies 2xx_replies 300_replies 301_replies 302_replies \
         3xx_replies 400_replies 401_replies 403_replies 404_replies 407_replies 408_replies \
         483_replies 4xx_replies 500_replies 5xx_replies 6xx_replies failures received_ACKs \
         sent_err_replies sent_replies xxx_replies",
    ),
    (
        "tmx",
        "2xx_transactions 3xx_transactions 4xx_transactions 5xx_transactions 6xx_transactions \
         UAC_transactions UAS_transactions active_transactions inuse_transactions \
         refused_transactions retransmissions rpl_absorbed rpl_generated rpl_received rpl_relayed \
         rpl_sent stray_events",
    ),
];

/// Modules of the engine itself, tested with it.
const ELSEWHERE: [&str; 2] = ["async", "transport"];

/// Everything that is declared, as (module, name).
fn declared(rig: &Rig) -> BTreeSet<(&'static str, &'static str)> {
    let registry = rig.engine.registry();
    let functions = registry.functions().iter().map(|f| (f.module, f.name));
    let params = registry.params().iter().map(|p| (p.module, p.name));
    let commands = registry.rpcs().iter().map(|r| (r.module, r.name));
    let events = registry.events().iter().map(|e| (e.module, e.name));
    let all = functions.chain(params).chain(commands).chain(events);
    all.filter(|(module, _)| !ELSEWHERE.contains(module)).collect()
}

fn tested() -> BTreeSet<(&'static str, &'static str)> {
    let names = |t: &'static Tests| t.names.iter().flat_map(|n| n.iter()).map(|n| (t.module, *n));
    let columns = COLUMNS.iter().map(|c| ("usrloc", *c));
    TESTS.iter().flat_map(names).chain(columns).collect()
}

#[test]
fn nothing_is_declared_without_a_test_or_tested_without_being_declared() {
    let rig = Rig::params(&[]);
    let (declared, tested) = (declared(&rig), tested());
    let untested: Vec<_> = declared.difference(&tested).collect();
    assert!(untested.is_empty(), "declared, and in no list TESTED: {untested:?}");
    let unknown: Vec<_> = tested.difference(&declared).collect();
    assert!(unknown.is_empty(), "in a list TESTED, and not declared: {unknown:?}");
    for module in rig.engine.registry().modules() {
        let known = TESTS.iter().any(|t| t.module == module.name);
        assert!(known || ELSEWHERE.contains(&module.name), "no tests of module {}", module.name);
    }
}

#[test]
fn what_a_list_names_its_tests_use() {
    for tests in TESTS {
        let text = tests.sources.concat();
        for name in tests.names.iter().flat_map(|n| n.iter()) {
            // Once is the list itself.
            let uses = text.matches(&format!("\"{name}\"")).count();
            assert!(uses > 1, "{}: no test uses {name}", tests.module);
        }
    }
}

#[test]
fn every_statistic_of_the_modules_is_known_here() {
    let rig = Rig::params(&[]);
    for (group, names) in STATISTICS {
        let told = rig.rpc("stats.get_statistics", &[format!("{group}:").into()]);
        let Ok(RpcValue::Array(told)) = told else { panic!("{told:?}") };
        let name = |v: &RpcValue| {
            let line = v.as_str().unwrap_or_default().to_owned();
            line.split([':', ' ']).nth(1).unwrap_or_default().to_owned()
        };
        let told: BTreeSet<String> = told.iter().map(name).collect();
        let known: BTreeSet<String> = names.split(' ').map(str::to_owned).collect();
        assert_eq!(told, known, "{group}");
    }
}
