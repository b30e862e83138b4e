//! The module `core`.

use looseroute::RpcValue;

use crate::rig::{DOMAIN, EPOCH, Rig, SECOND, f, request};

pub const TESTED: &[&str] = &[
    "is_myself",
    "append_to_reply",
    "drop",
    "core.echo",
    "core.version",
    "core.uptime",
    "core.modules",
    "core.sockets_list",
    "core.aliases_list",
    "system.listMethods",
    "system.methodHelp",
    "stats.get_statistics",
    "modparam.list",
    "modparam.getn",
    "modparam.gets",
    "modparam.setn",
    "modparam.sets",
];

/// The strings of a list.
#[track_caller]
fn strings(value: &RpcValue) -> Vec<String> {
    let RpcValue::Array(all) = value else { panic!("no list: {value:?}") };
    all.iter().map(|v| v.as_str().expect("a string").to_owned()).collect()
}

#[test]
fn a_uri_means_us_by_listener_alias_and_port() {
    let rig = Rig::new(|b| b.domain("10.9.9.9"));
    for (uri, ours) in [
        ("sip:bob@10.0.0.1", true),
        ("sip:10.0.0.1:5070", true),
        ("sip:10.0.0.1:5060;transport=tcp", true),
        ("sip:10.0.0.1:5070;transport=tcp", false),
        ("sip:10.0.0.1:5080", false),
        ("sip:bob@LR.test", true),
        ("sip:bob@lr.test:5070", true),
        ("sip:bob@lr.test:5999", false),
        ("sip:bob@10.9.9.9", true),
        ("sip:bob@other.test", false),
        ("tel:+123", false),
    ] {
        let code = if ours { 1 } else { -1 };
        assert_eq!(
            rig.run(&request("OPTIONS", "sip:x"), &[f("is_myself", &[uri])]).codes(),
            [code],
            "{uri}"
        );
        assert_eq!(
            rig.run(&request("OPTIONS", uri), &[f("is_myself", &[])]).codes(),
            [code],
            "{uri}"
        );
    }
    let ran = rig.run(&request("OPTIONS", "sip:x"), &[f("is_myself", &["nonsense"])]);
    assert!(!ran.error().is_empty());
}

#[test]
fn header_lines_go_into_replies_and_nothing_else_does() {
    let rig = Rig::params(&[]);
    let req = || request("OPTIONS", "sip:bob@10.0.0.3");
    let steps = [
        f("append_to_reply", &["X-One: 1\r\nX-Two: 2\r\n"]),
        f("append_to_reply", &["X-Three: 3\r\n"]),
        f("send_reply", &["404", "x"]),
    ];
    let ran = rig.run(&req(), &steps);
    for (name, value) in [("X-One", "1"), ("X-Two", "2"), ("X-Three", "3")] {
        assert_eq!(ran.one().header(name), value);
    }
    for wrong in ["X: 1", "no colon\r\n", "X: 1\r\n\r\nbody\r\n", ""] {
        let ran = rig.run(&req(), &[f("append_to_reply", &[wrong])]);
        assert!(ran.error().starts_with("append_to_reply: argument 1"), "{wrong}");
    }
}

#[test]
fn a_dropped_request_is_not_answered_and_its_route_ends() {
    let rig = Rig::params(&[]);
    let req = request("OPTIONS", "sip:bob@10.0.0.3");
    let ran = rig.run(&req, &[f("drop", &[]), f("send_reply", &["404", "x"])]);
    assert!(ran.results.is_empty() && ran.sent.is_empty(), "{ran:?}");
    assert_eq!(rig.engine.live(), (0, 0, 0));
}

#[test]
fn the_engine_tells_what_it_is() {
    let rig = Rig::params(&[]);
    let call = |name: &str| rig.rpc(name, &[]).unwrap_or_else(|e| panic!("{name}: {e}"));
    let version = format!("looseroute {}", env!("CARGO_PKG_VERSION"));
    assert_eq!(call("core.version"), RpcValue::from(version));
    let params = [RpcValue::from("a"), RpcValue::Int(7)];
    assert_eq!(rig.rpc("core.echo", &params), Ok(RpcValue::Array(params.to_vec())));
    rig.pass(90_000);
    let up = call("core.uptime");
    let seconds = up.get("uptime").and_then(RpcValue::as_int).expect("seconds");
    let now = up.get("now").and_then(RpcValue::as_int).expect("seconds");
    let since = up.get("up_since").and_then(RpcValue::as_int).expect("seconds");
    assert_eq!(now, EPOCH as i64 + 90);
    assert_eq!(seconds, now - since);
    let modules = strings(&call("core.modules"));
    for name in ["core", "auth", "maxfwd", "rr", "sl", "tm", "usrloc", "registrar"] {
        assert!(modules.iter().any(|m| m == name), "{name}");
    }
    assert_eq!(strings(&call("core.aliases_list")), [DOMAIN]);
    let RpcValue::Array(sockets) = call("core.sockets_list") else { panic!("a list") };
    let second = sockets.iter().find(|s| s.get("port") == Some(&RpcValue::Int(5070)));
    let second = second.expect("it is listened on");
    assert_eq!(second.get("proto"), Some(&RpcValue::from("udp")));
    assert_eq!(second.get("addr"), Some(&RpcValue::from("10.0.0.1")));
    assert_eq!(second.get("advertise"), Some(&RpcValue::from(SECOND)));
    assert_eq!(sockets.len(), 3);
}

#[test]
fn commands_and_statistics_are_found_by_name() {
    let rig = Rig::params(&[]);
    let methods = strings(&rig.rpc("system.listMethods", &[]).expect("a list"));
    assert!(methods.is_sorted() && methods.len() == rig.engine.registry().rpcs().len());
    let help = |name: &str| rig.rpc("system.methodHelp", &[name.into()]);
    assert_eq!(help("core.echo"), Ok("answers its parameters".into()));
    assert_eq!(help("core.nothing").expect_err("there is none").code, 404);

    rig.run(&request("OPTIONS", "sip:x"), &[f("sl_send_reply", &["404", "x"])]);
    let stats =
        |name: &str| strings(&rig.rpc("stats.get_statistics", &[name.into()]).expect("a list"));
    let group = stats("sl:");
    assert!(group.len() > 20 && group.iter().all(|s| s.starts_with("sl:")), "{group:?}");
    assert_eq!(stats("sl:404_replies"), ["sl:404_replies = 1"]);
    assert_eq!(stats("404_replies"), ["sl:404_replies = 1"]);
    assert!(stats("nothing:").is_empty());
    let all = stats("all");
    assert!(all.len() > group.len() && all.contains(&group[0]));
    let two = [RpcValue::from("404_replies"), RpcValue::from("sl:sent_replies")];
    let two = strings(&rig.rpc("stats.get_statistics", &two).expect("a list"));
    assert_eq!(two, ["sl:404_replies = 1", "sl:sent_replies = 1"]);
}

#[test]
fn parameters_are_read_set_and_listed() {
    let rig = Rig::params(&[("sl", "default_reason", "No".into())]);
    let get = |name: &str, module: &str, param: &str| rig.rpc(name, &[module.into(), param.into()]);
    assert_eq!(get("modparam.getn", "tm", "fr_timer"), Ok(RpcValue::Int(30_000)));
    assert_eq!(get("modparam.gets", "sl", "default_reason"), Ok("No".into()));
    assert_eq!(get("modparam.getn", "tm", "nothing").expect_err("none").code, 404);
    let set = |command: &str, module: &str, name: &str, value: RpcValue| {
        rig.rpc(command, &[module.into(), name.into(), value])
    };
    assert!(set("modparam.setn", "tm", "fr_timer", 1000.into()).is_ok());
    assert!(set("modparam.sets", "tm", "reply_408_reason", "Late".into()).is_ok());
    assert_eq!(get("modparam.getn", "tm", "fr_timer"), Ok(RpcValue::Int(1000)));
    assert_eq!(get("modparam.gets", "tm", "reply_408_reason"), Ok("Late".into()));
    assert_eq!(set("modparam.setn", "tm", "fr_timer", 0.into()).expect_err("range").code, 400);
    rig.engine.handle_timeout(rig.now());
    let late = set("modparam.setn", "usrloc", "hash_size", 4.into()).expect_err("it runs");
    assert_eq!(late.message, "usrloc.hash_size may only be set before the engine starts");

    let RpcValue::Array(all) = rig.rpc("modparam.list", &[]).expect("a list") else { panic!() };
    assert_eq!(all.len(), rig.engine.registry().params().len());
    let RpcValue::Array(of) = rig.rpc("modparam.list", &["maxfwd".into()]).expect("a list") else {
        panic!("a list")
    };
    assert_eq!(of.len(), 1);
    assert_eq!(of[0].get("name"), Some(&"max_limit".into()));
    assert_eq!(of[0].get("value"), Some(&RpcValue::Int(70)));
    assert_eq!(of[0].get("default"), Some(&RpcValue::Int(70)));
}
