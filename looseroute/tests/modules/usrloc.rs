//! The module `usrloc`: the tables in memory, their commands, events and statistics.

use looseroute::{Event, RpcValue, Value};

use crate::registrar::{contact, save, told};
use crate::rig::{Rig, SECOND, f, register, request};
use crate::text::Req;

pub const TESTED: &[&str] = &[
    "preload",
    "use_domain",
    "hash_size",
    "matching_mode",
    "cseq_delay",
    "desc_time_order",
    "max_contacts_in_table",
    "ul.dump",
    "ul.lookup",
    "ul.rm",
    "ul.rm_contact",
    "ul.add",
    "usrloc:contact-inserted",
    "usrloc:contact-updated",
    "usrloc:contact-removed",
    "usrloc:contact-expired",
];

fn usrloc(params: &[(&'static str, i64)]) -> Rig {
    let all: Vec<(&str, &str, Value)> =
        params.iter().map(|(name, value)| ("usrloc", *name, (*value).into())).collect();
    Rig::params(&all)
}

const A: &str = "<sip:a@10.0.0.2>";
const B: &str = "<sip:b@10.0.0.2>";

/// How many contacts `user` has.
fn count(rig: &Rig, user: &str) -> usize {
    let found = rig.rpc("ul.lookup", &["location".into(), user.into()]);
    match found.ok().and_then(|f| f.get("Contacts").cloned()) {
        Some(RpcValue::Array(all)) => all.len(),
        _ => 0,
    }
}

#[test]
fn a_binding_is_known_by_what_the_mode_says() {
    let path = "Path: <sip:edge@10.0.0.8;lr>";
    // What comes after contact A with the Call-ID `one`, and how many bindings there are then.
    let cases: [(&str, &str, Option<&str>); 5] = [
        (A, "one", None),
        (A, "two", None),
        (B, "one", None),
        (A, "two", Some(path)),
        ("<SIP:a@10.0.0.2>", "two", None),
    ];
    for (mode, counts) in
        [(0, [1, 1, 2, 1, 1]), (1, [1, 2, 2, 2, 2]), (2, [1, 1, 2, 2, 1]), (3, [1, 2, 1, 2, 2])]
    {
        for ((contact, call_id, path), want) in cases.into_iter().zip(counts) {
            let rig = Rig::params(&[
                ("usrloc", "matching_mode", mode.into()),
                ("registrar", "use_path", 1.into()),
                ("registrar", "path_mode", 0.into()),
            ]);
            let mut first = register("alice", &[A]);
            first.call_id = "one".into();
            save(&rig, &first);
            let mut second = register("alice", &[contact]);
            (second.call_id, second.cseq) = (call_id.into(), 2);
            second.more.extend(path.map(str::to_owned));
            save(&rig, &second);
            assert_eq!(count(&rig, "alice"), want, "mode {mode}: {contact} {call_id} {path:?}");
        }
    }
}

#[test]
fn a_register_that_comes_again_is_answered_for_a_while() {
    for (delay, wait, code) in [(20, 19, 200), (20, 21, 400), (5, 6, 400), (0, 0, 400)] {
        let rig = usrloc(&[("cseq_delay", delay)]);
        let mut req = register("alice", &["<sip:a@10.0.0.2>;expires=600"]);
        req.cseq = 7;
        save(&rig, &req);
        rig.leap(wait * 1000);
        // The same Call-ID and CSeq in a new transaction.
        let mut again = Req { branch: format!("{}r", req.branch), ..req.clone() };
        let ran = save(&rig, &again);
        assert_eq!(ran.one().code(), code, "{delay} {wait}");
        if code == 200 {
            let left = format!("<sip:a@10.0.0.2>;expires={}", 600 - wait);
            assert_eq!(ran.one().header("Contact"), left, "it had no effect");
        } else {
            assert_eq!(ran.one().header("P-Registrar-Error"), "Invalid CSeq number");
        }
        (again.cseq, again.branch) = (8, format!("{}s", req.branch));
        assert_eq!(save(&rig, &again).one().code(), 200);
    }
}

#[test]
fn bindings_are_kept_by_q_or_newest_first() {
    let contacts = ["<sip:a@10.0.0.2>;q=0.9", "<sip:b@10.0.0.2>;q=0.1", "<sip:c@10.0.0.2>;q=0.5"];
    for (newest, order) in [(0, ["a", "c", "b"]), (1, ["c", "b", "a"])] {
        let rig = usrloc(&[("desc_time_order", newest)]);
        let mut all = String::new();
        for contact in contacts {
            all = told(&rig, &register("alice", &[contact]));
            rig.leap(1000);
        }
        let users: Vec<&str> = all.split("<sip:").skip(1).map(|c| &c[..1]).collect();
        assert_eq!(users, order, "{newest}");
    }
}

#[test]
fn a_host_belongs_to_an_address_or_not() {
    for (use_domain, found, shown) in [(0, true, "alice"), (1, false, "alice@lr.test")] {
        let rig = usrloc(&[("use_domain", use_domain)]);
        save(&rig, &register("alice", &[A]));
        let at = |host: &str| {
            let req = request("OPTIONS", &format!("sip:alice@{host}"));
            rig.run(&req, &[f("lookup", &["location"])]).codes()[0] > 0
        };
        assert!(at("LR.test"));
        assert_eq!(at("other.test"), found);
        let dump = rig.rpc("ul.dump", &[]).expect("the command works").to_string();
        assert!(dump.contains(&format!("\"AoR\", Str(\"{shown}\")")), "{dump}");
    }
}

#[test]
fn a_table_has_its_size_and_its_limit() {
    for (hash_size, size) in [(4, 16), (10, 1024)] {
        let rig = usrloc(&[("hash_size", hash_size)]);
        let dump = rig.rpc("ul.dump", &[]).expect("the command works");
        let Some(RpcValue::Array(domains)) = dump.get("Domains") else { panic!("{dump:?}") };
        let domain = domains[0].get("Domain").expect("a table");
        assert_eq!(domain.get("Size"), Some(&RpcValue::Int(size)));
    }
    for (limit, code) in [(2, 503), (3, 200), (0, 200)] {
        let rig = usrloc(&[("max_contacts_in_table", limit)]);
        save(&rig, &register("alice", &[A, B]));
        assert_eq!(save(&rig, &register("bob", &[A])).one().code(), code, "{limit}");
        assert_eq!(save(&rig, &register("alice", &[A])).one().code(), 200, "a refresh fits");
    }
}

#[test]
fn each_table_that_is_preloaded_stands_for_itself() {
    let rig = Rig::params(&[("usrloc", "preload", "location, aliases,location".into())]);
    rig.run(&register("alice", &[A, B]), &[f("save", &["location"])]);
    rig.run(&register("alice", &[A]), &[f("save", &["aliases"])]);
    rig.run(&register("bob", &[A]), &[f("save", &["aliases"])]);
    for (statistic, value) in [
        ("location-users", 1),
        ("location-contacts", 2),
        ("aliases-users", 2),
        ("aliases-contacts", 2),
        ("registered_users", 3),
        ("location-expires", 0),
        ("aliases-expires", 0),
    ] {
        assert_eq!(rig.stat("usrloc", statistic), value, "{statistic}");
    }
    let dump = rig.rpc("ul.dump", &[]).expect("the command works");
    let Some(RpcValue::Array(domains)) = dump.get("Domains") else { panic!("{dump:?}") };
    assert_eq!(domains.len(), 2);
    rig.leap(4_000_000);
    assert_eq!(rig.stat("usrloc", "location-expires"), 2);
    assert_eq!(rig.stat("usrloc", "registered_users"), 0);
    let wrong = Rig::try_new(|b| b.modparam("usrloc", "preload", "a b")).err().expect("refused");
    assert!(wrong.to_string().contains("preload"), "{wrong}");
}

/// Name, address of record, contact and the seconds left of an event.
fn summary(event: &Event) -> (&'static str, String, String, i64) {
    let text = |name| event.field(name).map(Value::to_string).unwrap_or_default();
    let left = event.field("expires").and_then(Value::as_int).unwrap_or(-1);
    assert!(text("ruid").starts_with("uloc-"), "{event:?}");
    (event.name, text("aor"), text("contact"), left)
}

#[test]
fn what_happens_to_bindings_is_told() {
    let rig = usrloc(&[]);
    let short = "<sip:a@10.0.0.2>;expires=100";
    let happens = |req: &Req| {
        save(&rig, req);
        let events = rig.events();
        events.iter().filter(|e| e.name.starts_with("usrloc:")).map(summary).collect::<Vec<_>>()
    };
    let agent = register("alice", &[short]).with("User-Agent: Phone/1");
    save(&rig, &agent);
    let first = rig.events();
    assert_eq!(first[0].field("user_agent"), Some(&"Phone/1".into()), "{first:?}");
    assert_eq!(first[0].field("received"), Some(&"".into()));
    let event = |name, contact: &str, left| (name, "alice".into(), contact.into(), left);
    assert_eq!(summary(&first[0]), event("usrloc:contact-inserted", "sip:a@10.0.0.2", 100));
    rig.leap(10_000);
    assert_eq!(
        happens(&register("alice", &[short, "<sip:b@10.0.0.2>;expires=500"])),
        [
            event("usrloc:contact-updated", "sip:a@10.0.0.2", 100),
            event("usrloc:contact-inserted", "sip:b@10.0.0.2", 500),
        ]
    );
    assert_eq!(
        happens(&register("alice", &["<sip:b@10.0.0.2>;expires=0"])),
        [event("usrloc:contact-removed", "sip:b@10.0.0.2", 500)]
    );
    rig.leap(99_000);
    assert!(rig.events().is_empty());
    rig.leap(2_000);
    let gone: Vec<_> = rig.events().iter().map(summary).collect();
    assert_eq!(gone, [event("usrloc:contact-expired", "sip:a@10.0.0.2", 0)]);
}

#[test]
fn commands_add_show_and_remove_bindings() {
    let rig = usrloc(&[]);
    let call =
        |name: &str, args: &[RpcValue]| rig.rpc(name, &[&["location".into()], args].concat());
    let add = [
        RpcValue::from("Dave@lr.test"),
        "sip:d@10.0.0.7".into(),
        600.into(),
        RpcValue::Double(0.25),
        "<sip:edge@10.0.0.8;lr>".into(),
        1.into(),
        64.into(),
        31.into(),
        "sip:192.0.2.9:5062".into(),
        RpcValue::from(format!("udp:{SECOND}")),
    ];
    assert_eq!(call("ul.add", &add), Ok(RpcValue::Null));
    for (field, value) in [
        ("Address", RpcValue::from("sip:d@10.0.0.7")),
        ("Expires", 600.into()),
        ("Q", RpcValue::Double(0.25)),
        ("Path", "<sip:edge@10.0.0.8;lr>".into()),
        ("Flags", 1.into()),
        ("CFlags", 64.into()),
        ("Methods", 31.into()),
        ("Received", "sip:192.0.2.9:5062".into()),
        ("Socket", RpcValue::from(format!("udp:{SECOND}"))),
        ("State", "CS_NEW".into()),
        ("User-Agent", "SIP Router MI Server".into()),
        ("Reg-Id", 0.into()),
        ("Instance", "[not set]".into()),
        ("Tcpconn-Id", RpcValue::Int(-1)),
    ] {
        assert_eq!(contact(&rig, "dave", field), value, "{field}");
    }
    // What is left out, 0 and . stand for nothing.
    let bare = [
        "eve".into(),
        RpcValue::from("sip:e@10.0.0.7"),
        0.into(),
        1.into(),
        ".".into(),
        0.into(),
        0.into(),
        RpcValue::Int(-1),
        0.into(),
        "udp:10.7.7.7:5060".into(),
    ];
    assert_eq!(call("ul.add", &bare), Ok(RpcValue::Null));
    for (field, value) in [
        ("Expires", RpcValue::from("permanent")),
        ("Path", "[not set]".into()),
        ("Received", "[not set]".into()),
        ("Socket", "udp:10.7.7.7:5060".into()),
        ("Methods", RpcValue::Int(i64::from(u32::MAX))),
    ] {
        assert_eq!(contact(&rig, "eve", field), value, "{field}");
    }
    assert_eq!(
        call("ul.add", &["fay".into(), "sip:f@10.0.0.7".into(), 60.into()]),
        Ok(RpcValue::Null)
    );
    assert_eq!(
        call("ul.add", &["dave".into(), "sip:d2@10.0.0.7".into(), 60.into()]),
        Ok(RpcValue::Null)
    );

    let dump = rig.rpc("ul.dump", &[]).expect("the command works").to_string();
    assert!(
        ["sip:d@10.0.0.7", "sip:e@10.0.0.7", "sip:d2@10.0.0.7"].iter().all(|c| dump.contains(c))
    );
    assert!(dump.contains("Last-Modified") && dump.contains("(\"Records\", Int(3))"), "{dump}");
    let brief = rig.rpc("ul.dump", &["brief".into()]).expect("the command works").to_string();
    assert!(brief.contains("sip:d@10.0.0.7") && !brief.contains("Last-Modified"), "{brief}");

    assert_eq!(count(&rig, "dave"), 2);
    assert_eq!(
        call("ul.rm_contact", &["dave".into(), "sip:d2@10.0.0.7".into()]),
        Ok(RpcValue::Null)
    );
    assert_eq!(contact(&rig, "dave@anywhere", "Address"), "sip:d@10.0.0.7".into());
    let none = |name: &str, args: &[RpcValue]| call(name, args).expect_err("there is none").code;
    assert_eq!(none("ul.rm_contact", &["dave".into(), "sip:d2@10.0.0.7".into()]), 404);
    assert_eq!(call("ul.rm", &["dave".into()]), Ok(RpcValue::Null));
    assert_eq!(none("ul.lookup", &["dave".into()]), 404);
    assert_eq!(none("ul.rm", &["dave".into()]), 404);
    assert_eq!(
        rig.rpc("ul.rm", &["nowhere".into(), "eve".into()]).expect_err("no table").code,
        404
    );
    for wrong in [
        vec![],
        vec!["x".into()],
        vec!["x".into(), "no uri".into(), 60.into()],
        vec!["x".into(), "sip:x@y".into(), RpcValue::Int(-5)],
        vec!["x".into(), "sip:x@y".into(), 60.into(), 2.into()],
    ] {
        assert_eq!(call("ul.add", &wrong).expect_err("it is wrong").code, 400, "{wrong:?}");
    }
}

#[test]
fn an_added_contact_takes_calls_and_its_methods_count() {
    let rig = Rig::params(&[("registrar", "method_filtering", 1.into())]);
    rig.leap(0);
    let add = |methods: i64| {
        let all: [RpcValue; 9] = [
            "location".into(),
            "dave".into(),
            "sip:d@10.0.0.7".into(),
            60.into(),
            1.into(),
            0.into(),
            0.into(),
            0.into(),
            RpcValue::Int(methods),
        ];
        rig.rpc("ul.add", &all).expect("it is added");
        rig.run(&request("OPTIONS", "sip:dave@lr.test"), &[f("lookup", &["location"])]).codes()[0]
    };
    assert_eq!([add(-1), add(1), add(512)], [1, -2, 1]);
}
