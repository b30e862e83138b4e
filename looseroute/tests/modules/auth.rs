//! The module `auth`.

use looseroute::Value;
use looseroute::core::auth::{Algorithm, Qop, ha1};

use crate::digest::{Phone, field};
use crate::rig::{PHONE, Ran, Rig, Step, f, register, request, set};
use crate::text::{Msg, Req};

pub const TESTED: &[&str] = &[
    "algorithm",
    "qop",
    "realm_prefix",
    "force_stateless_reply",
    "use_domain",
    "www_authenticate",
    "www_authorize",
    "proxy_authenticate",
    "proxy_authorize",
    "pv_www_authenticate",
    "pv_www_authorize",
    "pv_proxy_authenticate",
    "pv_proxy_authorize",
    "auth_check",
    "consume_credentials",
    "has_credentials",
    "www_challenge",
    "proxy_challenge",
    "auth_challenge",
    "auth:failed",
];

pub const REALM: &str = "lr.test";

pub fn rig(params: &[(&str, &str, Value)]) -> Rig {
    Rig::new(|b| set(b.account("alice", REALM, "secret"), params))
}

pub fn options() -> Req {
    request("OPTIONS", "sip:bob@10.0.0.3")
}

/// A challenge of the engine, sent for an OPTIONS.
#[track_caller]
pub fn challenged(rig: &Rig, step: &Step) -> Msg {
    let ran = rig.run(&options(), std::slice::from_ref(step));
    ran.one().clone()
}

pub fn proxy_challenge() -> Step {
    f("proxy_challenge", &[REALM, "1"])
}

/// What `proxy_authenticate` says to credentials.
pub fn judge(rig: &Rig, phone: &Phone) -> i64 {
    let steps = [f("proxy_authenticate", &[REALM, "subscriber"])];
    rig.run(&phone.sign(&options()), &steps).codes()[0]
}

#[test]
fn each_challenge_has_its_code_and_header() {
    let rig = rig(&[]);
    let reg = || register("alice", &[]);
    for (name, req, code, header) in [
        ("www_challenge", options(), 401, "WWW-Authenticate"),
        ("www_challenge", reg(), 401, "WWW-Authenticate"),
        ("proxy_challenge", options(), 407, "Proxy-Authenticate"),
        ("proxy_challenge", reg(), 407, "Proxy-Authenticate"),
        ("auth_challenge", options(), 407, "Proxy-Authenticate"),
        ("auth_challenge", reg(), 401, "WWW-Authenticate"),
    ] {
        let ran = rig.run(&req, &[f(name, &[REALM, "1"])]);
        // 0 ends the route of a script.
        assert_eq!(ran.codes(), [0], "{name}");
        assert_eq!(ran.one().code(), code, "{name}");
        let value = ran.one().header(header);
        assert!(value.starts_with("Digest realm=\"lr.test\", nonce=\""), "{name}: {value}");
    }
}

#[test]
fn flags_say_what_a_challenge_offers() {
    let all = ["www_challenge", "proxy_challenge", "auth_challenge"];
    for (param, flags, qop, stale) in [
        ("", "0", "", false),
        ("", "1", "auth", false),
        ("", "2", "auth-int", false),
        ("", "17", "auth", true),
        ("", "16", "", true),
        ("auth", "0", "auth", false),
        ("auth-int", "0", "auth-int", false),
        ("auth-int", "1", "auth", false),
        ("auth,auth-int", "0", "auth,auth-int", false),
    ] {
        let rig = rig(&[("auth", "qop", param.into())]);
        for name in all {
            let msg = challenged(&rig, &f(name, &[REALM, flags]));
            let value =
                format!("{}{}", msg.header("WWW-Authenticate"), msg.header("Proxy-Authenticate"));
            let offered = value.split("qop=\"").nth(1).and_then(|q| q.split('"').next());
            assert_eq!(offered.unwrap_or_default(), qop, "{name} {flags}, qop {param}: {value}");
            assert_eq!(value.contains("stale=true"), stale, "{name} {flags}: {value}");
        }
    }
    let wrong = Rig::try_new(|b| b.modparam("auth", "qop", "auth,more")).err().expect("refused");
    assert!(wrong.to_string().contains("qop"), "{wrong}");
}

#[test]
fn a_challenge_that_cannot_be_made_is_a_500_unless_the_route_wants_it() {
    let rig = rig(&[]);
    for name in ["www_challenge", "proxy_challenge", "auth_challenge"] {
        let ran = rig.run(&options(), &[f(name, &["", "1"])]);
        assert_eq!((ran.codes(), ran.one().code()), (vec![-1], 500), "{name}");
        let ran = rig.run(&options(), &[f(name, &["", "5"])]);
        assert_eq!(ran.error(), format!("{name}: argument 1 must be a realm"));
        assert!(ran.sent.is_empty());
        let ran = rig.run(&options(), &[f(name, &[REALM, "x"])]);
        assert_eq!(ran.error(), format!("{name}: argument 2 must be flags"));
    }
}

#[test]
fn every_algorithm_is_offered_in_a_header_of_its_own_and_taken() {
    let offered = |rig: &Rig, args: &[&str]| -> Vec<String> {
        let msg = challenged(rig, &f("www_challenge", args));
        msg.all("WWW-Authenticate").iter().map(|v| field(v, "algorithm")).collect()
    };
    for (param, names) in [
        ("", vec!["MD5"]),
        ("MD5", vec!["MD5"]),
        ("SHA-256", vec!["SHA-256"]),
        ("MD5, SHA-256", vec!["SHA-256", "MD5"]),
        ("MD5,SHA-512-256,SHA-256", vec!["SHA-512-256", "SHA-256", "MD5"]),
    ] {
        let rig = rig(&[("auth", "algorithm", param.into())]);
        assert_eq!(offered(&rig, &[REALM, "1"]), names, "{param}");
        let phone = Phone::new(&challenged(&rig, &proxy_challenge()));
        for (n, algorithm) in (1..).zip(Algorithm::ALL) {
            let code = judge(&rig, &Phone { algorithm, count: Some(n), ..phone.clone() });
            let taken = names.contains(&algorithm.token());
            assert_eq!(code, if taken { 1 } else { -1 }, "{param}: {algorithm}");
        }
    }
    let rig = rig(&[("auth", "algorithm", "MD5,SHA-256".into())]);
    assert_eq!(offered(&rig, &[REALM, "1", "MD5"]), ["MD5"]);
    let ran = rig.run(&options(), &[f("www_challenge", &[REALM, "5", "SHA-512-256"])]);
    assert!(ran.error().contains("SHA-512-256"), "{}", ran.error());
    let wrong = Rig::try_new(|b| b.modparam("auth", "algorithm", "ROT13")).err().expect("refused");
    assert!(wrong.to_string().contains("`ROT13` is none of MD5"), "{wrong}");
}

#[test]
fn each_failure_has_its_code_and_is_told() {
    let rig = rig(&[]);
    let good = Phone::new(&challenged(&rig, &proxy_challenge()));
    rig.events();
    let foreign = format!("{}0", &good.nonce[..good.nonce.len() - 1]);
    let changed = if foreign == good.nonce { format!("{}1", &good.nonce[..55]) } else { foreign };
    for (what, phone, code) in [
        ("right", good.clone(), 1),
        ("used", good.clone(), -4),
        ("password", Phone { password: "x", count: Some(2), ..good.clone() }, -2),
        ("user", Phone { user: "zed", count: Some(2), ..good.clone() }, -3),
        ("realm", Phone { realm: "other".into(), ..good.clone() }, -5),
        ("form", Phone { nonce: "abc".into(), ..good.clone() }, -1),
        ("foreign", Phone { nonce: changed, ..good.clone() }, -4),
        ("user@domain", Phone { user: "alice@lr.test", count: Some(3), ..good.clone() }, 1),
    ] {
        for name in ["proxy_authenticate", "proxy_authorize"] {
            // The count is used by the first of the two that succeeds.
            let count =
                phone.count.map(|n| n + if name == "proxy_authorize" && code == 1 { 8 } else { 0 });
            let steps = [f(name, &[REALM, "subscriber"])];
            let ran = rig.run(&Phone { count, ..phone.clone() }.sign(&options()), &steps);
            assert_eq!(ran.codes(), [code], "{what}, {name}");
            assert_eq!(ran.seen.user.as_deref(), (code == 1).then_some("alice"), "{what}");
            let events = rig.events();
            assert_eq!(events.len(), usize::from(code < 0 && code != -5), "{what}: {events:?}");
            if let Some(event) = events.first() {
                assert_eq!(event.name, "auth:failed");
                assert_eq!(event.field("method"), Some(&"OPTIONS".into()));
                assert_eq!(event.field("source"), Some(&format!("udp:{PHONE}").into()));
                assert_eq!(event.field("user"), Some(&phone.user.into()), "{what}");
                assert_ne!(event.field("reason").map(Value::to_string).unwrap_or_default(), "");
            }
        }
    }
    let bare = rig.run(&options(), &[f("proxy_authenticate", &[REALM, "subscriber"])]);
    assert_eq!(bare.codes(), [-5]);
    let basic = options().with("Proxy-Authorization: Basic YTpi");
    assert_eq!(rig.run(&basic, &[f("proxy_authenticate", &[REALM, "x"])]).codes(), [-5]);
}

#[test]
fn a_registrar_looks_at_authorization_and_a_method_may_be_given() {
    let rig = rig(&[]);
    let phone = Phone::new(&challenged(&rig, &proxy_challenge()));
    for (n, name) in (1..).zip(["www_authenticate", "www_authorize"]) {
        let signed = Phone { count: Some(n), ..phone.clone() }.sign(&register("alice", &[]));
        assert_eq!(rig.run(&signed, &[f(name, &[REALM, "subscriber"])]).codes(), [1], "{name}");
        assert_eq!(
            rig.run(&signed.again(), &[f("proxy_authenticate", &[REALM, "x"])]).codes(),
            [-5]
        );
        let as_invite = Phone { method: Some("INVITE"), count: Some(n + 10), ..phone.clone() };
        let signed = as_invite.sign(&register("alice", &[]));
        let ran = rig.run(&signed, &[f(name, &[REALM, "subscriber"])]);
        assert_eq!(ran.codes(), [-2], "{name}");
        let ran = rig.run(&signed.again(), &[f(name, &[REALM, "subscriber", "INVITE"])]);
        assert_eq!(ran.codes(), [1], "{name}");
    }
}

#[test]
fn a_given_password_or_its_hash_decides() {
    let hash = ha1(Algorithm::Md5, b"zed", REALM.as_bytes(), b"pw").to_string();
    let long = ha1(Algorithm::Sha256, b"zed", REALM.as_bytes(), b"pw").to_string();
    let all = [
        ("pv_www_authenticate", true),
        ("pv_www_authorize", true),
        ("pv_proxy_authenticate", false),
        ("pv_proxy_authorize", false),
    ];
    for (name, www) in all {
        let rig = rig(&[]);
        let mut phone = Phone::new(&challenged(&rig, &proxy_challenge()));
        (phone.user, phone.password) = ("zed", "pw");
        for (n, args, code) in [
            (1, [REALM, "pw", "0"], 1),
            (2, [REALM, "wrong", "0"], -2),
            (3, [REALM, &hash, "1"], 1),
            (4, [REALM, &hash.to_uppercase(), "1"], 1),
            (5, [REALM, &hash, "0"], -2),
            (6, [REALM, "pw", "1"], -1),
            (7, [REALM, &long, "1"], -1),
        ] {
            let req = if www { register("zed", &[]) } else { options() };
            let signed = Phone { count: Some(n), ..phone.clone() }.sign(&req);
            let ran = rig.run(&signed, &[f(name, &args)]);
            assert_eq!(ran.codes(), [code], "{name} {args:?}");
            assert_eq!(ran.seen.user.as_deref(), (code == 1).then_some("zed"));
        }
        if www {
            let as_bye = Phone { method: Some("BYE"), count: Some(20), ..phone.clone() };
            let ran = rig
                .run(&as_bye.sign(&register("zed", &[])), &[f(name, &[REALM, "pw", "0", "BYE"])]);
            assert_eq!(ran.codes(), [1], "{name}");
        }
    }
}

#[test]
fn a_refusal_leaves_the_challenge_that_its_flags_ask_for() {
    for (name, header) in [
        ("pv_www_authenticate", "WWW-Authenticate"),
        ("pv_proxy_authenticate", "Proxy-Authenticate"),
    ] {
        let rig = rig(&[]);
        for (flags, qop) in
            [("0", None), ("2", Some("")), ("4", Some("auth")), ("8", Some("auth-int"))]
        {
            let ran = rig.run(&options(), &[f(name, &[REALM, "pw", flags])]);
            assert_eq!(ran.codes(), [-5]);
            let left = &ran.seen.challenge;
            assert_eq!(
                left.starts_with(&format!("{header}: Digest realm=\"lr.test\"")),
                qop.is_some()
            );
            assert_eq!(field(left, "qop"), qop.unwrap_or_default(), "{flags}: {left}");
            assert!(!left.contains("stale"), "{left}");
        }
        let left = rig.run(&options(), &[f(name, &[REALM, "pw", "20"])]).seen.challenge;
        assert!(left.contains("stale=true") && left.ends_with("\r\n"), "{left}");
    }
}

#[test]
fn the_user_must_be_the_one_the_request_speaks_for() {
    let send = |rig: &Rig, method: &str, from: &str, to: &str, uri: &str, flags: &str| -> i64 {
        let phone = Phone::new(&challenged(rig, &proxy_challenge()));
        let mut req = request(method, uri);
        req.from = format!("<sip:{from}>;tag=1");
        req.to = format!("<sip:{to}>");
        let ran = rig.run(&phone.sign(&req), &[f("auth_check", &[REALM, "subscriber", flags])]);
        assert_eq!(ran.seen.user.is_some(), ran.codes() == [1], "{method}");
        ran.codes()[0]
    };
    let plain = rig(&[]);
    let (me, other, elsewhere) = ("alice@lr.test", "bob@lr.test", "alice@else.test");
    let (my_uri, their_uri) = ("sip:alice@lr.test", "sip:bob@lr.test");
    for (method, from, to, uri, codes) in [
        // Codes with the flags 0, 1 and 3.
        ("REGISTER", me, me, their_uri, [1, 1, 1]),
        ("REGISTER", other, me, my_uri, [1, -8, -8]),
        ("REGISTER", me, other, my_uri, [1, -8, -8]),
        ("OPTIONS", me, other, their_uri, [1, 1, 1]),
        ("OPTIONS", other, me, my_uri, [1, -8, -8]),
        ("INVITE", other, me, my_uri, [1, -8, 1]),
        ("BYE", other, me, my_uri, [1, -8, 1]),
        ("PRACK", other, me, my_uri, [1, -8, 1]),
        ("UPDATE", other, me, my_uri, [1, -8, 1]),
        ("MESSAGE", other, me, my_uri, [1, -8, 1]),
        ("PUBLISH", me, me, my_uri, [1, 1, 1]),
        ("PUBLISH", me, other, my_uri, [1, -8, -8]),
        ("PUBLISH", me, me, their_uri, [1, -8, -8]),
        ("OPTIONS", elsewhere, other, their_uri, [1, 1, 1]),
    ] {
        for (flags, code) in ["0", "1", "3"].into_iter().zip(codes) {
            let found = send(&plain, method, from, to, uri, flags);
            assert_eq!(found, code, "{method} from {from} to {to} at {uri}, flags {flags}");
        }
    }
    let hosts = rig(&[("auth", "use_domain", 1.into())]);
    assert_eq!(send(&hosts, "OPTIONS", elsewhere, other, their_uri, "1"), -8);
    assert_eq!(send(&hosts, "OPTIONS", "alice@LR.test", other, their_uri, "1"), 1);
    let ran = plain.run(&options(), &[f("auth_check", &[REALM, "subscriber", "x"])]);
    assert_eq!(ran.error(), "auth_check: argument 3 must be flags");
}

#[test]
fn auth_int_protects_the_body() {
    let rig = rig(&[("auth", "nonce_count", 0.into())]);
    let phone = Phone { qop: Qop::AuthInt, ..Phone::new(&challenged(&rig, &proxy_challenge())) };
    let mut req = options();
    req.body = "v=0\r\n".into();
    let steps = [f("proxy_authenticate", &[REALM, "x"])];
    let signed = phone.sign(&req);
    assert_eq!(rig.run(&signed, &steps).codes(), [1]);
    let mut tampered = signed.again();
    tampered.body = "v=1\r\n".into();
    assert_eq!(rig.run(&tampered, &steps).codes(), [-2]);
}

#[test]
fn a_realms_prefix_does_not_count() {
    let rig = rig(&[("auth", "realm_prefix", "sip.".into())]);
    for realm in ["sip.lr.test", "lr.test"] {
        let msg = challenged(&rig, &f("proxy_challenge", &[realm, "1"]));
        let phone = Phone::new(&msg);
        assert_eq!(phone.realm, "lr.test", "{realm}");
        let steps = [f("has_credentials", &[realm]), f("proxy_authenticate", &[realm, "x"])];
        assert_eq!(rig.run(&phone.sign(&options()), &steps).codes(), [1, 1], "{realm}");
    }
    // Only at the front, and only when it is set.
    let ran = rig.run(&options(), &[f("proxy_challenge", &["a.sip.lr.test", "1"])]);
    assert!(ran.one().header("Proxy-Authenticate").contains("realm=\"a.sip.lr.test\""));
    let plain = self::rig(&[]).run(&options(), &[f("proxy_challenge", &["sip.lr.test", "1"])]);
    assert!(plain.one().header("Proxy-Authenticate").contains("realm=\"sip.lr.test\""));
}

#[test]
fn checked_credentials_do_not_leave_the_engine() {
    let rig = rig(&[]);
    let phone = Phone::new(&challenged(&rig, &proxy_challenge()));
    let other = "Proxy-Authorization: Digest username=\"a\", realm=\"other\", nonce=\"n\", \
                 uri=\"sip:x\", response=\"r\"";
    let signed = phone.sign(&options()).with(other);
    let check = f("proxy_authenticate", &[REALM, "x"]);
    let steps = |more: &[Step]| [std::slice::from_ref(&check), more, &[f("t_relay", &[])]].concat();
    let kept = |ran: &Ran| ran.one().all("Proxy-Authorization").len();
    let ran = rig.run(&signed, &steps(&[f("consume_credentials", &[])]));
    assert_eq!((ran.codes(), kept(&ran)), (vec![1, 1, 1], 1));
    assert_eq!(field(ran.one().header("Proxy-Authorization"), "realm"), "other");
    let ran = rig.run(&Phone { count: Some(2), ..phone }.sign(&options()), &steps(&[]));
    assert_eq!(kept(&ran), 1);
    let ran = rig.run(&options(), &[f("consume_credentials", &[])]);
    assert_eq!(ran.codes(), [-1]);
}

#[test]
fn credentials_for_a_realm_are_seen_in_either_header() {
    let rig = rig(&[]);
    let digest =
        "Digest username=\"a\", realm=\"lr.test\", nonce=\"n\", uri=\"sip:x\", response=\"r\"";
    for (line, code) in [
        (format!("Authorization: {digest}"), 1),
        (format!("Proxy-Authorization: {digest}"), 1),
        (format!("Authorization: {}", digest.replace("lr.test", "other")), -1),
        ("X-None: 1".into(), -1),
    ] {
        let ran = rig.run(&options().with(line.clone()), &[f("has_credentials", &[REALM])]);
        assert_eq!(ran.codes(), [code], "{line}");
    }
}

#[test]
fn a_challenge_goes_by_the_transaction_unless_told_otherwise() {
    for (stateless, by_transaction) in [(0, 1), (1, 0)] {
        let rig = rig(&[("auth", "force_stateless_reply", stateless.into())]);
        rig.run(&options(), &[f("t_newtran", &[]), proxy_challenge()]);
        assert_eq!(rig.stat("tmx", "rpl_sent"), by_transaction, "{stateless}");
        assert_eq!(rig.stat("sl", "407_replies"), 1 - by_transaction, "{stateless}");
    }
}
