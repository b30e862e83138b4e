//! The module `registrar`: saving.

use looseroute::{RpcValue, Value};

use crate::rig::{Ran, Rig, f, register, request, with};
use crate::text::Req;

pub const TESTED: &[&str] = &[
    "save",
    "default_expires",
    "default_expires_range",
    "expires_range",
    "min_expires",
    "min_expires_mode",
    "max_expires",
    "default_q",
    "max_contacts",
    "retry_after",
    "contact_max_size",
    "use_path",
    "path_mode",
    "path_use_received",
    "received_param",
    "regid_mode",
    "case_sensitive",
    "realm_prefix",
];

/// The registrar with these of its parameters.
pub fn registrar(params: &[(&'static str, i64)]) -> Rig {
    let all: Vec<(&str, &str, Value)> =
        params.iter().map(|(name, value)| ("registrar", *name, (*value).into())).collect();
    Rig::params(&all)
}

/// A REGISTER saved without flags.
pub fn save(rig: &Rig, req: &Req) -> Ran {
    rig.run(req, &[f("save", &["location"])])
}

/// The contacts that the 200 to this REGISTER tells.
#[track_caller]
pub fn told(rig: &Rig, req: &Req) -> String {
    let ran = save(rig, req);
    assert_eq!(ran.one().code(), 200, "{ran:?}");
    ran.one().header("Contact").to_owned()
}

/// A field of the only contact of `user`, by `ul.lookup`.
#[track_caller]
pub fn contact(rig: &Rig, user: &str, field: &str) -> RpcValue {
    let found = rig.rpc("ul.lookup", &["location".into(), user.into()]).expect("it is registered");
    let Some(RpcValue::Array(all)) = found.get("Contacts") else { panic!("{found:?}") };
    assert_eq!(all.len(), 1, "{all:?}");
    let field = all[0].get("Contact").and_then(|c| c.get(field));
    field.expect("there is such a field").clone()
}

const A: &str = "<sip:a@10.0.0.2>";
const B: &str = "<sip:b@10.0.0.2>";

#[test]
fn what_a_register_did_is_its_return_code() {
    let rig = registrar(&[("max_contacts", 2)]);
    let all = "<sip:b@10.0.0.2>;q=0.7;expires=3600, <sip:a@10.0.0.2>;q=0.3;expires=600";
    let clear = |contacts: &[&str], expires| {
        register("alice", contacts).with(format!("Expires: {expires}"))
    };
    for (what, req, code, status, contacts) in [
        (
            "added",
            register("alice", &["<sip:a@10.0.0.2>;q=0.3;expires=600"]),
            1,
            200,
            "<sip:a@10.0.0.2>;q=0.3;expires=600",
        ),
        (
            "added and refreshed",
            register("alice", &["<sip:a@10.0.0.2>;q=0.3;expires=600, <sip:b@10.0.0.2>;q=0.7"]),
            1,
            200,
            all,
        ),
        ("refreshed", register("alice", &["<sip:b@10.0.0.2>;q=0.7"]), 2, 200, all),
        ("asked", register("alice", &[]), 4, 200, all),
        ("too many", register("alice", &["<sip:c@10.0.0.2>"]), -2, 503, ""),
        ("bad", register("alice", &["<sip:a@10.0.0.2>;q=7"]), -1, 400, ""),
        (
            "removed",
            register("alice", &["<sip:b@10.0.0.2>;expires=0"]),
            3,
            200,
            "<sip:a@10.0.0.2>;q=0.3;expires=600",
        ),
        ("star without 0", clear(&["*"], 60), -1, 400, ""),
        ("star and more", clear(&["*", A], 0), -1, 400, ""),
        ("star", clear(&["*"], 0), 3, 200, ""),
        ("asked again", register("alice", &[]), 4, 200, ""),
    ] {
        let ran = save(&rig, &req);
        assert_eq!((ran.codes(), ran.one().code()), (vec![code], status), "{what}");
        assert_eq!(ran.one().header("Contact"), contacts, "{what}");
        let explained = ran.one().header("P-Registrar-Error");
        assert_eq!(explained.is_empty(), status == 200, "{what}: {explained}");
    }
    assert_eq!(rig.stat("registrar", "accepted_regs"), 7);
    assert_eq!(rig.stat("registrar", "rejected_regs"), 4);
}

#[test]
fn flags_and_uri_of_save() {
    let rig = registrar(&[("expires_range", 50)]);
    let with_flags =
        |req: &Req, args: &[&str]| rig.run(req, &[f("save", &[&["location"], args].concat())]);
    // 2: no answer.
    for flags in ["2", "0x02", "0X2"] {
        let ran = with_flags(&register("quiet", &[A]), &[flags]);
        assert!(ran.codes()[0] > 0 && ran.sent.is_empty(), "{flags}: {ran:?}");
    }
    assert_eq!(contact(&rig, "quiet", "Address"), "sip:a@10.0.0.2".into());
    let ran = with_flags(&register("quiet", &["<sip:x@y>;q=9"]), &["2"]);
    assert!(ran.codes() == [-1] && ran.sent.is_empty());
    // 4: no other contact stays.
    with_flags(&register("one", &[A]), &["0"]);
    let ran = with_flags(&register("one", &[B]), &["8"]);
    assert_eq!(ran.one().header("Contact").matches('<').count(), 2);
    let ran = with_flags(&register("one", &["<sip:c@10.0.0.2>"]), &["0x04"]);
    assert!(ran.one().header("Contact").starts_with("<sip:c@10.0.0.2>;expires="), "{ran:?}");
    assert_eq!(ran.one().header("Contact").matches('<').count(), 1);
    // 8: no chance in lifetimes.
    for _ in 0..20 {
        let ran = with_flags(&register("sure", &["<sip:a@10.0.0.2>;expires=1000"]), &["8"]);
        assert_eq!(ran.one().header("Contact"), "<sip:a@10.0.0.2>;expires=1000");
    }
    // The address of record instead of the To's.
    with_flags(&register("to", &[A]), &["0", "sip:other@lr.test"]);
    assert_eq!(contact(&rig, "other", "Address"), "sip:a@10.0.0.2".into());
    assert!(rig.rpc("ul.lookup", &["location".into(), "to".into()]).is_err());
}

#[test]
fn what_is_no_register_or_no_table_is_told() {
    let rig = registrar(&[]);
    let ran = rig.run(&request("INVITE", "sip:x@lr.test"), &[f("save", &["location"])]);
    assert_eq!(ran.error(), "save is for a REGISTER");
    let ran = rig.run(&register("a", &[A]), &[f("save", &["nowhere"])]);
    assert!(ran.error().contains("`nowhere` is not in usrloc's preload"), "{}", ran.error());
    let ran = rig.run(&register("a", &[A]), &[f("save", &["location", "x"])]);
    assert_eq!(ran.error(), "save: argument 2 must be flags");
    let ran =
        rig.run(&register("a", &[A]), &[f("send_reply", &["404", "x"]), f("save", &["location"])]);
    assert_eq!(ran.error(), "the request was answered with 404");
}

#[test]
fn a_lifetime_is_what_was_asked_within_the_limits() {
    let plain = |value: &str| format!("<sip:a@10.0.0.2>{value}");
    for (params, asked, header, told_) in [
        (vec![], "", None, "3600"),
        (vec![("default_expires", 900)], "", None, "900"),
        (vec![], "", Some("700"), "700"),
        (vec![], ";expires=800", Some("700"), "800"),
        (vec![], ";expires=10", None, "60"),
        (vec![("min_expires", 20)], ";expires=10", None, "20"),
        (vec![("min_expires", 0)], ";expires=10", None, "10"),
        (vec![("max_expires", 500)], ";expires=800", None, "500"),
        (vec![("max_expires", 500)], "", None, "500"),
        (vec![("min_expires", 1000), ("default_expires", 100)], "", None, "1000"),
    ] {
        let rig = registrar(&params);
        let mut req = register("alice", &[&plain(asked)]);
        if let Some(n) = header {
            req = req.with(format!("Expires: {n}"));
        }
        assert_eq!(told(&rig, &req), plain(&format!(";expires={told_}")), "{params:?} {asked}");
        let seconds: u64 = told_.parse().expect("a number");
        rig.leap((seconds - 1) * 1000);
        let there = |rig: &Rig| rig.rpc("ul.lookup", &["location".into(), "alice".into()]).is_ok();
        assert!(there(&rig), "{params:?}");
        rig.leap(1_000);
        assert!(!there(&rig), "{params:?}");
    }
}

#[test]
fn a_lifetime_that_is_too_short_may_be_refused() {
    let rig = registrar(&[("min_expires_mode", 1), ("min_expires", 90)]);
    let ran = save(&rig, &register("alice", &["<sip:a@10.0.0.2>;expires=89"]));
    assert_eq!((ran.codes(), ran.one().code()), (vec![-1], 423));
    assert_eq!(ran.one().header("Min-Expires"), "90");
    assert_eq!(save(&rig, &register("alice", &["<sip:a@10.0.0.2>;expires=90"])).codes(), [1]);
    assert_eq!(save(&rig, &register("alice", &["<sip:a@10.0.0.2>;expires=0"])).codes(), [3]);
}

#[test]
fn chance_shortens_lifetimes_by_so_many_per_cent() {
    let lifetimes = |params: &[(&'static str, i64)], contact: &str| -> (u32, u32) {
        let rig = registrar(params);
        let all: Vec<u32> = (0..200)
            .map(|_| {
                let told = told(&rig, &register("alice", &[contact]));
                told.rsplit('=').next().and_then(|n| n.parse().ok()).expect("a lifetime")
            })
            .collect();
        (all.iter().copied().min().unwrap_or(0), all.iter().copied().max().unwrap_or(0))
    };
    let asked = "<sip:a@10.0.0.2>;expires=1000";
    for (params, contact, lowest, low, high) in [
        (vec![("expires_range", 30)], asked, 700, 730, 970),
        (vec![("expires_range", 100)], asked, 60, 150, 900),
        (vec![("default_expires_range", 30)], asked, 1000, 1000, 1000),
        (vec![("default_expires_range", 30), ("default_expires", 1000)], A, 700, 730, 970),
        (vec![("expires_range", 30), ("default_expires", 1000)], A, 1000, 1000, 1000),
    ] {
        let (least, most) = lifetimes(&params, contact);
        assert!(least >= lowest && least <= low, "{params:?}: {least} to {most}");
        assert!(most <= 1000 && most >= high, "{params:?}: {least} to {most}");
    }
}

#[test]
fn a_contact_without_q_may_get_one() {
    assert_eq!(told(&registrar(&[]), &register("alice", &[A])), "<sip:a@10.0.0.2>;expires=3600");
    let rig = registrar(&[("default_q", 380)]);
    let all = told(&rig, &register("alice", &[A, "<sip:b@10.0.0.2>;q=0.9"]));
    assert_eq!(all, "<sip:b@10.0.0.2>;q=0.9;expires=3600, <sip:a@10.0.0.2>;q=0.38;expires=3600");
}

#[test]
fn contacts_are_limited_in_number_and_size() {
    let rig = registrar(&[("max_contacts", 1), ("retry_after", 30)]);
    assert_eq!(save(&rig, &register("alice", &[A])).codes(), [1]);
    let ran = save(&rig, &register("alice", &[B]));
    assert_eq!((ran.codes(), ran.one().code()), (vec![-2], 503));
    assert_eq!(ran.one().header("Retry-After"), "30");
    let swapped = register("alice", &[B, "<sip:a@10.0.0.2>;expires=0"]);
    assert_eq!(save(&rig, &swapped).codes(), [1]);
    assert_eq!(save(&rig, &register("bob", &[A])).codes(), [1], "each user has his own");
    rig.engine.modparam("registrar", "retry_after", 0).expect("it may change");
    let ran = save(&rig, &register("alice", &[A]));
    assert!(ran.one().all("Retry-After").is_empty());

    let long = format!("<sip:{}@h>", "a".repeat(93));
    for (size, status) in [(99, 200), (98, 400)] {
        let rig = registrar(&[("contact_max_size", size)]);
        assert_eq!(save(&rig, &register("alice", &[&long])).one().code(), status, "{size}");
    }
}

const PATH: &str = "Path: <sip:edge@10.0.0.8;lr>, <sip:edge2@10.0.0.9;lr>";

#[test]
fn a_path_is_kept_and_told_as_its_mode_says() {
    for (use_path, mode, supports, status, kept, echoed) in [
        (0, 2, false, 200, false, false),
        (0, 2, true, 200, false, false),
        (1, 0, false, 200, true, false),
        (1, 0, true, 200, true, false),
        (1, 1, false, 200, true, false),
        (1, 1, true, 200, true, true),
        (1, 2, false, 420, false, true),
        (1, 2, true, 200, true, true),
    ] {
        let rig = registrar(&[("use_path", use_path), ("path_mode", mode)]);
        let mut req = register("alice", &[A]).with(PATH);
        if supports {
            req = req.with("Supported: path");
        }
        let ran = save(&rig, &req);
        let what = format!("use_path {use_path}, path_mode {mode}, supported {supports}");
        assert_eq!(ran.one().code(), status, "{what}");
        let header = ran.one().header("Path");
        assert_eq!(format!("Path: {header}") == PATH, echoed, "{what}: {header}");
        if status == 420 {
            assert_eq!(ran.one().header("Unsupported"), "path");
            continue;
        }
        let path = if kept { PATH.trim_start_matches("Path: ") } else { "[not set]" };
        assert_eq!(contact(&rig, "alice", "Path"), path.into(), "{what}");
        // A call goes through the path.
        let ran = rig.run(
            &request("OPTIONS", "sip:alice@lr.test"),
            &[f("lookup", &["location"]), f("t_relay", &[])],
        );
        let peer = if kept { "10.0.0.8:5060" } else { "10.0.0.2:5060" };
        assert_eq!(ran.sent[0].0.peer.to_string(), peer, "{what}");
        assert_eq!(ran.one().header("Route") == path, kept, "{what}");
        assert_eq!(ran.one().uri(), "sip:a@10.0.0.2");
    }
}

#[test]
fn the_first_path_may_tell_where_the_client_is() {
    let real = "sip:192.0.2.7:61000;transport=tcp";
    let path = "Path: <sip:edge@10.0.0.8;lr;received=sip:192.0.2.7:61000%3Btransport%3Dtcp>";
    let req = || register("alice", &[A]).with(path).with("Supported: path");
    for (wanted, param, value) in [
        (1, None, format!("<sip:a@10.0.0.2>;expires=3600;received=\"{real}\"")),
        (1, Some("rcv"), format!("<sip:a@10.0.0.2>;expires=3600;rcv=\"{real}\"")),
        (1, Some(""), "<sip:a@10.0.0.2>;expires=3600".into()),
        (0, None, "<sip:a@10.0.0.2>;expires=3600".into()),
    ] {
        let mut params = vec![
            ("registrar", "use_path", 1.into()),
            ("registrar", "path_use_received", Value::Int(wanted)),
        ];
        params.extend(param.map(|p| ("registrar", "received_param", p.into())));
        let rig = Rig::params(&params);
        assert_eq!(told(&rig, &req()), value, "{wanted} {param:?}");
        let kept = if wanted == 1 { real } else { "[not set]" };
        assert_eq!(contact(&rig, "alice", "Received"), kept.into());
    }
    let rig = registrar(&[("use_path", 1), ("path_use_received", 1)]);
    let evil = path.replace("%3Btransport%3Dtcp", "%22%0d%0aX-Evil:1");
    let ran = save(&rig, &register("alice", &[A]).with(evil).with("Supported: path"));
    assert_eq!(ran.one().code(), 400);
}

#[test]
fn a_reg_id_needs_outbound_or_the_mode() {
    let phone = "<sip:a@10.0.0.2>;+sip.instance=\"<urn:uuid:1>\";reg-id=3";
    for (mode, outbound, id) in [(0, false, 0), (0, true, 3), (1, false, 3)] {
        let rig = registrar(&[("regid_mode", mode)]);
        let mut req = register("alice", &[phone]);
        if outbound {
            req = req.with("Supported: outbound");
        }
        save(&rig, &req);
        assert_eq!(contact(&rig, "alice", "Reg-Id"), id.into(), "{mode} {outbound}");
        assert_eq!(contact(&rig, "alice", "Instance"), "<urn:uuid:1>".into());
    }
}

#[test]
fn addresses_of_record_are_compared_as_the_parameters_say() {
    for (case, found) in [(0, true), (1, false)] {
        let rig = registrar(&[("case_sensitive", case)]);
        save(&rig, &register("Alice", &[A]));
        let look = |user: &str| {
            rig.run(
                &request("OPTIONS", &format!("sip:{user}@lr.test")),
                &[f("registered", &["location"])],
            )
            .codes()[0]
                > 0
        };
        assert!(look("Alice"));
        assert_eq!(look("alice"), found, "{case}");
        let by_rpc = |aor: &str| rig.rpc("ul.lookup", &["location".into(), aor.into()]).is_ok();
        assert!(by_rpc("Alice"));
        assert_eq!(by_rpc("alice"), found, "{case}");
    }
    for (prefix, found) in [("sip.", true), ("", false)] {
        let rig = Rig::params(&[
            ("usrloc", "use_domain", 1.into()),
            ("registrar", "realm_prefix", prefix.into()),
        ]);
        let mut req = register("alice", &[A]);
        req.to = "<sip:alice@sip.lr.test>".into();
        save(&rig, &req);
        let ran =
            rig.run(&request("OPTIONS", "sip:alice@lr.test"), &[f("registered", &["location"])]);
        assert_eq!(ran.codes()[0] > 0, found, "{prefix}");
    }
}

#[test]
fn parameters_are_told_as_statistics() {
    let params = [
        ("max_expires", 7200, "max_expires"),
        ("max_contacts", 5, "max_contacts"),
        ("default_expires", 1800, "default_expire"),
        ("default_expires_range", 11, "default_expires_range"),
        ("expires_range", 12, "expires_range"),
    ];
    let set: Vec<_> = params.iter().map(|(name, value, _)| (*name, *value)).collect();
    let rig = registrar(&set);
    for (_, value, statistic) in params {
        assert_eq!(i64::try_from(rig.stat("registrar", statistic)), Ok(value), "{statistic}");
    }
}

#[test]
fn branch_flags_are_saved_with_a_contact() {
    let rig = registrar(&[]);
    let flags = with(|call| call.lock().rewrite.flags = 0x48);
    rig.run(&register("alice", &[A]), &[flags, f("save", &["location"])]);
    assert_eq!(contact(&rig, "alice", "CFlags"), 0x48.into());
    let ran = rig.run(&request("OPTIONS", "sip:alice@lr.test"), &[f("lookup", &["location"])]);
    assert_eq!(ran.seen.flags, 0x48);
}
