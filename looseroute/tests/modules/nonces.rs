//! The module `auth`: how long and how often a nonce is good.

use looseroute::Value;

use crate::auth::{REALM, challenged, judge, options, proxy_challenge, rig};
use crate::digest::Phone;
use crate::rig::{Rig, f};

pub const TESTED: &[&str] =
    &["secret", "nonce_expire", "nonce_auth_max_drift", "nonce_count", "one_time_nonce"];

#[test]
fn a_nonce_grows_stale_and_the_next_challenge_says_so() {
    let rig = rig(&[("auth", "nonce_expire", 20.into())]);
    let phone = Phone::new(&challenged(&rig, &proxy_challenge()));
    rig.pass(19_000);
    assert_eq!(judge(&rig, &phone), 1);
    rig.pass(2_000);
    let steps = [f("proxy_authenticate", &[REALM, "x"]), proxy_challenge()];
    let late = |password: &'static str| {
        rig.run(&Phone { password, count: Some(2), ..phone.clone() }.sign(&options()), &steps)
    };
    let ran = late("secret");
    assert_eq!(ran.codes(), [-4, 0]);
    assert!(ran.one().header("Proxy-Authenticate").contains("stale=true"), "{ran:?}");
    // A wrong password with a good nonce is asked for again, without stale.
    let fresh = Phone { password: "x", ..Phone::new(ran.one()) };
    let ran = rig.run(&fresh.sign(&options()), &steps);
    assert_eq!(ran.codes(), [-2, 0]);
    assert!(!ran.one().header("Proxy-Authenticate").contains("stale"), "{ran:?}");
}

#[test]
fn nonces_of_another_engine_need_its_secret_and_about_its_time() {
    let engine = |secret: &str, drift: i64| {
        let secret = Value::from(secret.to_owned());
        rig(&[("auth", "secret", secret), ("auth", "nonce_auth_max_drift", drift.into())])
    };
    for (secret, drift, ahead_ms, code) in [
        ("same", 3, 0, 1),
        ("other", 3, 0, -4),
        ("same", 3, 2_900, 1),
        ("same", 3, 3_100, -4),
        ("same", 0, 1_000, -4),
        ("same", 60, 30_000, 1),
    ] {
        let ahead = engine("same", 3);
        ahead.pass(ahead_ms);
        let phone = Phone::new(&challenged(&ahead, &proxy_challenge()));
        assert_eq!(judge(&engine(secret, drift), &phone), code, "{secret} {drift} {ahead_ms}");
    }
    // Without a secret each engine draws its own.
    let drawn = |seed| Rig::new(|b| b.account("alice", REALM, "secret").seed(seed));
    let phone = Phone::new(&challenged(&drawn(1), &proxy_challenge()));
    assert_eq!((judge(&drawn(1), &phone), judge(&drawn(2), &phone)), (1, -4));
}

#[test]
fn a_nonce_is_used_as_often_as_its_parameters_say() {
    // What the counts come to; 0 stands for credentials without one.
    for (counted, once, uses) in [
        (1, 0, [(1, 1), (1, -4), (3, 1), (2, 1), (2, -4), (0, 1), (0, 1)].as_slice()),
        (0, 0, &[(1, 1), (1, 1), (0, 1)]),
        (1, 1, &[(1, 1), (2, 1), (2, -4)]),
        (1, 1, &[(0, 1), (0, -6)]),
        (0, 1, &[(1, 1), (2, -6)]),
    ] {
        let params = [
            ("auth", "nonce_count", i64::from(counted).into()),
            ("auth", "one_time_nonce", i64::from(once).into()),
        ];
        let rig = rig(&params);
        let phone = Phone::new(&challenged(&rig, &proxy_challenge()));
        for (use_, code) in uses {
            let count = (*use_ > 0).then_some(*use_);
            let found = judge(&rig, &Phone { count, ..phone.clone() });
            assert_eq!(found, *code, "count {counted}, once {once}: {use_} of {uses:?}");
        }
    }
}

#[test]
fn a_retransmission_is_no_replay() {
    let rig = rig(&[]);
    let phone = Phone::new(&challenged(&rig, &proxy_challenge()));
    let signed = phone.sign(&options());
    let steps = [f("proxy_authenticate", &[REALM, "x"]), f("send_reply", &["486", "Busy Here"])];
    let first = rig.run(&signed, &steps);
    assert_eq!((first.codes(), first.one().code()), (vec![1, 1], 486));
    let again = rig.run(&signed, &steps);
    assert!(again.results.is_empty(), "{again:?}");
    assert_eq!(again.one(), first.one());
}
