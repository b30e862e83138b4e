//! The RPC commands of core, statistics, parameters, locations and transactions, called as a
//! program calls them.

mod kit;

use kit::{DOMAIN, Told, usual_builder};
use looseroute::RpcValue;

const PHONE: &str = "10.0.0.2:5062";

fn told() -> Told {
    Told::new(usual_builder())
}

/// The JSON of a command's result.
#[track_caller]
fn ask(t: &Told, command: &str, params: &str) -> serde_json::Value {
    let text = t.engine.rpc_json(command, params);
    let text = text.unwrap_or_else(|e| panic!("{command} {params}: {e}"));
    serde_json::from_str(&text).expect("JSON")
}

#[track_caller]
fn fail(t: &Told, command: &str, params: &str) -> String {
    t.engine.rpc_json(command, params).expect_err("it is wrong").to_string()
}

fn register(t: &Told, user: &str, contact: &str) -> kit::Msg {
    let mut req = Told::request(PHONE, "REGISTER", user);
    req.uri = format!("sip:{DOMAIN}");
    t.say(PHONE, &req.with(format!("Contact: <{contact}>;expires=100")));
    t.sent_one(PHONE)
}

#[test]
fn core_tells_what_it_is_and_where_it_listens() {
    let t = Told::new(usual_builder().listen("udp:10.0.0.9:5070 advertise sip.lr.test:6000"));
    let version = ask(&t, "core.version", "");
    assert_eq!(version, format!("looseroute {}", looseroute::VERSION));
    t.engine.handle_timeout(t.now());
    t.pass(65_000);
    let up = ask(&t, "core.uptime", "[]");
    let (now, since) = (up["now"].as_u64().unwrap(), up["up_since"].as_u64().unwrap());
    assert_eq!(up["uptime"].as_u64(), Some(now - since));
    let modules = ask(&t, "core.modules", "");
    for name in ["core", "tm", "sl", "rr", "maxfwd", "usrloc", "registrar", "auth"] {
        assert!(modules.as_array().is_some_and(|m| m.iter().any(|m| m == name)), "{name}");
    }
    let sockets = ask(&t, "core.sockets_list", "");
    let seen: Vec<String> = sockets
        .as_array()
        .expect("a list")
        .iter()
        .map(|s| {
            format!("{} {}:{} {}", s["proto"], s["addr"], s["port"], s["advertise"])
                .replace('"', "")
        })
        .collect();
    assert!(seen.contains(&"udp 10.0.0.9:5060 10.0.0.9:5060".into()), "{seen:?}");
    assert!(seen.contains(&"tcp 10.0.0.9:5060 10.0.0.9:5060".into()), "{seen:?}");
    assert!(seen.contains(&"udp 10.0.0.9:5070 sip.lr.test:6000".into()), "{seen:?}");
    assert_eq!(ask(&t, "core.aliases_list", ""), serde_json::json!([DOMAIN]));
}

#[test]
fn every_command_is_listed_and_explained() {
    let t = told();
    let listed = ask(&t, "system.listMethods", "");
    let listed: Vec<&str> =
        listed.as_array().expect("a list").iter().flat_map(|m| m.as_str()).collect();
    assert!(listed.is_sorted());
    assert_eq!(listed.len(), t.engine.registry().rpcs().len());
    for name in listed {
        let help = ask(&t, "system.methodHelp", &format!("[\"{name}\"]"));
        assert!(help.as_str().is_some_and(|h| h.len() > 10), "{name}: {help}");
    }
    assert_eq!(fail(&t, "system.methodHelp", r#"["no.such"]"#), "404 no such command");
    assert!(fail(&t, "system.methodHelp", "").starts_with("400 parameter 1"));
    assert!(fail(&t, "system.methodHelp", "[1]").starts_with("400 parameter 1"));
}

#[test]
fn statistics_are_selected_by_group_and_name_and_count() {
    let t = told();
    register(&t, "alice", "sip:alice@10.0.0.2");
    let one = ask(&t, "stats.get_statistics", r#"["registrar:accepted_regs"]"#);
    assert_eq!(one, serde_json::json!(["registrar:accepted_regs = 1"]));
    let group = ask(&t, "stats.get_statistics", r#"["registrar:"]"#);
    let group = group.as_array().expect("a list");
    assert!(group.len() > 3 && group.iter().all(|s| s.as_str().unwrap().starts_with("registrar:")));
    let all = ask(&t, "stats.get_statistics", r#"["all"]"#);
    assert_eq!(all, ask(&t, "stats.get_statistics", ""));
    assert!(all.as_array().is_some_and(|a| a.len() > group.len() + 20));
    let both = ask(&t, "stats.get_statistics", r#"["usrloc:registered_users", "core:bad_msg"]"#);
    assert_eq!(both, serde_json::json!(["usrloc:registered_users = 1", "core:bad_msg = 0"]));
    assert_eq!(ask(&t, "stats.get_statistics", r#"["no:such"]"#), serde_json::json!([]));
    assert!(fail(&t, "stats.get_statistics", "[1]").starts_with("400"));
}

#[test]
fn parameters_are_listed_read_and_set_and_mistakes_are_told() {
    let t = told();
    let listed = ask(&t, "modparam.list", r#"["tm"]"#);
    let fr = listed.as_array().expect("a list").iter().find(|p| p["name"] == "fr_timer").cloned();
    let fr = fr.expect("tm has it");
    assert_eq!((&fr["module"], &fr["value"]), (&"tm".into(), &fr["default"]));
    let all = ask(&t, "modparam.list", "");
    assert_eq!(all.as_array().map(Vec::len), Some(t.engine.registry().params().len()));
    for param in all.as_array().expect("a list") {
        assert!(param["doc"].as_str().is_some_and(|d| d.len() > 5), "{param}");
    }
    ask(&t, "modparam.setn", r#"["tm", "fr_timer", 1500]"#);
    assert_eq!(ask(&t, "modparam.getn", r#"["tm", "fr_timer"]"#), 1500);
    ask(&t, "modparam.sets", r#"["tm", "reply_408_reason", "Nobody There"]"#);
    assert_eq!(ask(&t, "modparam.gets", r#"["tm", "reply_408_reason"]"#), "Nobody There");

    assert_eq!(fail(&t, "modparam.getn", r#"["tm", "nix"]"#), "404 no parameter tm.nix");
    let range = fail(&t, "modparam.setn", r#"["tm", "fr_timer", 0]"#);
    assert_eq!(range, "400 tm.fr_timer takes 1 to 2147483647, not 0");
    let kind = fail(&t, "modparam.sets", r#"["tm", "fr_timer", "x"]"#);
    assert!(kind.starts_with("400 tm.fr_timer takes an integer"), "{kind}");
    let unknown = fail(&t, "modparam.setn", r#"["tm", "fr_timr", 1]"#);
    assert!(unknown.ends_with("did you mean `fr_timer`?"), "{unknown}");
    assert_eq!(fail(&t, "modparam.setn", r#"["tmm", "x", 1]"#), "400 no module is named `tmm`");
    let late = fail(&t, "modparam.setn", r#"["usrloc", "hash_size", 8]"#);
    assert_eq!(late, "400 usrloc.hash_size may only be set before the engine starts");
    assert!(fail(&t, "modparam.setn", r#"["tm", "fr_timer"]"#).starts_with("400 parameter 3"));
}

#[test]
fn bindings_are_added_shown_looked_up_and_removed() {
    let t = told();
    let add = r#"["location", "bob@lr.test", "sip:bob@10.0.0.3", 300, 0.5, 0, 0, 0, 0]"#;
    assert_eq!(ask(&t, "ul.add", add), serde_json::Value::Null);
    t.add("bob", "sip:bob@10.0.0.4");
    assert_eq!(register(&t, "carol", "sip:carol@10.0.0.2:5062").code(), 200);

    let dump = ask(&t, "ul.dump", "");
    let domain = &dump["Domains"][0]["Domain"];
    assert_eq!(domain["Domain"], "location");
    assert_eq!((&domain["Stats"]["Records"], &domain["Stats"]["Contacts"]), (&2.into(), &3.into()));
    let aors = domain["AoRs"].as_array().expect("a list");
    let carol = aors.iter().find(|a| a["Info"]["AoR"] == "carol").expect("she registered");
    let contact = &carol["Info"]["Contacts"][0]["Contact"];
    assert_eq!(contact["Address"], "sip:carol@10.0.0.2:5062");
    assert_eq!((&contact["Expires"], &contact["CSeq"]), (&100.into(), &1.into()));
    let brief = ask(&t, "ul.dump", r#"["brief"]"#).to_string();
    assert!(brief.contains("sip:bob@10.0.0.4") && !brief.contains("CSeq"), "{brief}");

    let bob = ask(&t, "ul.lookup", r#"["location", "bob@lr.test"]"#);
    assert_eq!(bob["Contacts"].as_array().map(Vec::len), Some(2));
    // By priority: the one with q 1 first.
    assert_eq!(bob["Contacts"][0]["Contact"]["Address"], "sip:bob@10.0.0.4");
    assert_eq!(bob["Contacts"][1]["Contact"]["Q"], 0.5);
    ask(&t, "ul.rm_contact", r#"["location", "bob@lr.test", "sip:bob@10.0.0.4"]"#);
    let bob = ask(&t, "ul.lookup", r#"["location", "bob@lr.test"]"#);
    assert_eq!(bob["Contacts"].as_array().map(Vec::len), Some(1));
    ask(&t, "ul.rm", r#"["location", "bob@lr.test"]"#);
    assert_eq!(fail(&t, "ul.lookup", r#"["location", "bob@lr.test"]"#), "404 AOR not found");
    assert_eq!(fail(&t, "ul.rm", r#"["location", "bob@lr.test"]"#), "404 AOR not found");
    let gone = fail(&t, "ul.rm_contact", r#"["location", "carol@lr.test", "sip:x@y"]"#);
    assert_eq!(gone, "404 AOR not found");
    assert_eq!(ask(&t, "ul.flush", ""), serde_json::Value::Null);
    assert_eq!(t.statistic("usrloc", "registered_users"), 1);
}

#[test]
fn what_makes_no_sense_is_not_added() {
    let t = told();
    let wrong = |params: &str, error: &str| {
        let told = fail(&t, "ul.add", params);
        assert!(told.starts_with(error), "{params}: {told}");
    };
    wrong("", "400 parameter 1 (a table) is missing");
    wrong(r#"["nowhere", "a", "sip:a@b", 1]"#, "404 there is no table nowhere");
    wrong(r#"["location", "a", "sip:a@b"]"#, "400 parameter 4");
    wrong(r#"["location", "a", "sip:a@b", -1]"#, "400 expires is out of range");
    wrong(r#"["location", "a", "sip:a@b", 60, 1.5]"#, "400 q is out of range");
    wrong(r#"["location", "a", "sip:a@b", 60, 1, "", -7]"#, "400 flags is out of range");
    wrong(r#"["location", "sip:", "sip:a@b", 60]"#, "400");
    wrong(r#"["location", "a", "no uri", 60]"#, "400");
    assert_eq!(t.statistic("usrloc", "registered_users"), 0);
    assert_eq!(fail(&t, "ul.add", "{}"), "400 the parameters are no JSON array");
    assert!(fail(&t, "ul.add", "nonsense").starts_with("400 the parameters are no JSON:"));
}

#[test]
fn replies_and_transactions_are_counted() {
    let t = told();
    t.add("bob", "sip:bob@10.0.0.3");
    let before = ask(&t, "sl.stats", "");
    t.say(PHONE, &Told::request(PHONE, "OPTIONS", "nobody"));
    assert_eq!(t.sent_one(PHONE).code(), 404);
    let sl = ask(&t, "sl.stats", "");
    assert_eq!((&before["404"], &sl["404"]), (&0.into(), &1.into()));
    t.say(PHONE, &Told::request(PHONE, "OPTIONS", "bob"));
    let out = t.sent_one("10.0.0.3:5060");
    let tm = ask(&t, "tm.stats", "");
    assert_eq!((&tm["current"], &tm["waiting"], &tm["total"]), (&1.into(), &0.into(), &1.into()));
    t.feed("10.0.0.3:5060", &out.answer(200, "OK", &[]));
    let tm = ask(&t, "tm.stats", "");
    assert_eq!(
        (&tm["waiting"], &tm["2xx"], &tm["rpl_received"]),
        (&1.into(), &1.into(), &1.into())
    );
    t.settle();
    let tm = ask(&t, "tm.stats", "");
    assert_eq!((&tm["current"], &tm["created"], &tm["freed"]), (&0.into(), &1.into(), &1.into()));
    // Members keep the order of the declaration, which is Kamailio's.
    assert_eq!(tm.as_object().and_then(|o| o.keys().next()).map(String::as_str), Some("current"));
}

#[test]
fn a_programs_own_values_go_through_unchanged() {
    let t = told();
    let params = [RpcValue::Int(i64::MIN), RpcValue::Double(0.25), RpcValue::Bool(true)];
    let echoed = t.engine.rpc("core.echo", &params);
    assert_eq!(echoed, Ok(RpcValue::Array(params.to_vec())));
}
