//! The module `sl`.

use looseroute::{RpcValue, Value};

use crate::rig::{PHONE, Rig, f, request, with};
use crate::text::Req;

pub const TESTED: &[&str] = &[
    "default_code",
    "default_reason",
    "bind_tm",
    "send_reply",
    "sl_send_reply",
    "send_reply_error",
    "sl_reply_error",
    "sl.stats",
    "sl:local-response",
];

fn options() -> Req {
    request("OPTIONS", "sip:bob@10.0.0.3")
}

/// Replies sent without a transaction and by one.
fn sent(rig: &Rig) -> (u64, u64) {
    (rig.stat("sl", "sent_replies"), rig.stat("tmx", "rpl_sent"))
}

#[test]
fn a_reply_goes_by_the_transaction_only_where_it_may() {
    let (new, reply) = (|| f("t_newtran", &[]), |name| f(name, &["404", "Nobody Here"]));
    for (bind_tm, name, made, by_transaction) in [
        (1, "sl_send_reply", false, false),
        (1, "sl_send_reply", true, false),
        (1, "send_reply", false, false),
        (1, "send_reply", true, true),
        (0, "send_reply", true, false),
    ] {
        let rig = Rig::params(&[("sl", "bind_tm", bind_tm.into())]);
        let steps = if made { vec![new(), reply(name)] } else { vec![reply(name)] };
        let req = options();
        let ran = rig.run(&req, &steps);
        assert_eq!(ran.codes().last(), Some(&1));
        assert_eq!(ran.one().start, "SIP/2.0 404 Nobody Here", "{name}");
        let want = if by_transaction { (0, 1) } else { (1, 0) };
        assert_eq!(sent(&rig), want, "{name}, bind_tm {bind_tm}, transaction {made}");
    }
}

#[test]
fn an_error_reply_has_the_default_code_and_reason() {
    for (name, stateful) in [("sl_reply_error", false), ("send_reply_error", true)] {
        let rig = Rig::params(&[]);
        let ran = rig.run(&options(), &[f("t_newtran", &[]), f(name, &[])]);
        assert_eq!(ran.one().start, "SIP/2.0 500 Internal Server Error", "{name}");
        assert_eq!(sent(&rig), if stateful { (0, 1) } else { (1, 0) }, "{name}");
        let own = [("sl", "default_code", 580.into()), ("sl", "default_reason", "No Way".into())];
        let ran = Rig::params(&own).run(&options(), &[f(name, &[])]);
        assert_eq!(ran.one().start, "SIP/2.0 580 No Way", "{name}");
    }
}

#[test]
fn what_would_be_no_reply_is_refused() {
    let rig = Rig::params(&[]);
    for name in ["sl_send_reply", "send_reply"] {
        for (args, index) in
            [(["99", "x"], 1), (["700", "x"], 1), (["abc", "x"], 1), (["404", "a\r\nEvil: b"], 2)]
        {
            let ran = rig.run(&options(), &[f(name, &args)]);
            assert!(
                ran.error().starts_with(&format!("{name}: argument {index} must be")),
                "{args:?}"
            );
        }
        let ran = rig.run(&options(), &[f(name, &["404", "One"]), f(name, &["486", "Two"])]);
        assert_eq!(ran.error(), "the request was answered with 404 already");
        assert_eq!(ran.one().code(), 404);
        // A provisional answer is not the last word.
        let ran = rig.run(&options(), &[f(name, &["183", "Wait"]), f(name, &["200", "Done"])]);
        assert_eq!(ran.codes(), [1, 1]);
        let mut ack = options();
        ack.method = "ACK".into();
        assert_eq!(rig.run(&ack, &[f(name, &["404", "x"])]).error().split(' ').next(), Some("an"));
    }
}

#[test]
fn a_redirection_names_where_the_request_would_have_gone() {
    let redirect = |name| {
        let steps = [
            f("t_newtran", &[]),
            with(|call| {
                call.set_request_uri("sip:first@10.0.0.4");
                call.lock().rewrite.q = 700;
                call.append_branch("sip:second@10.0.0.5;transport=tcp");
                call.append_branch("sip:evil@10.0.0.6>\r\nX: y");
            }),
            f(name, &["302", "Moved"]),
        ];
        let ran = Rig::params(&[]).run(&options(), &steps);
        ran.one().all("Contact").join("|")
    };
    let want = "<sip:first@10.0.0.4>;q=0.7, <sip:second@10.0.0.5;transport=tcp>";
    for name in ["sl_send_reply", "send_reply", "t_reply"] {
        assert_eq!(redirect(name), want, "{name}");
    }
    // Nothing was rewritten, or it is no redirection.
    let rig = Rig::params(&[]);
    assert_eq!(rig.run(&options(), &[f("send_reply", &["302", "x"])]).one().header("Contact"), "");
    let branch = with(|call| call.append_branch("sip:b@10.0.0.5"));
    let ran = rig.run(&options(), &[branch, f("send_reply", &["404", "x"])]);
    assert_eq!(ran.one().header("Contact"), "");
}

#[test]
fn an_answer_is_told() {
    let rig = Rig::params(&[]);
    let mut req = options();
    req.from = "<sip:alice@lr.test>;tag=1".into();
    rig.run(&req, &[f("send_reply", &["486", "Busy Here"])]);
    let events = rig.events();
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0].name, "sl:local-response");
    for (field, value) in [
        ("code", Value::Int(486)),
        ("reason", "Busy Here".into()),
        ("method", "OPTIONS".into()),
        ("source", format!("udp:{PHONE}").into()),
        ("from", "sip:alice@lr.test".into()),
    ] {
        assert_eq!(events[0].field(field), Some(&value), "{field}");
    }
}

#[test]
fn replies_are_counted_by_code_and_class() {
    let rig = Rig::params(&[]);
    let codes = [
        180, 200, 202, 299, 300, 301, 302, 399, 400, 401, 403, 404, 407, 408, 483, 499, 500, 599,
        603,
    ];
    for code in codes {
        rig.run(&options(), &[f("sl_send_reply", &[&code.to_string(), "x"])]);
    }
    let of = |low: u16, high: u16| codes.iter().filter(|c| (low..high).contains(c)).count() as u64;
    let own = [200, 202, 300, 301, 302, 400, 401, 403, 404, 407, 408, 483, 500];
    for code in own {
        assert_eq!(rig.stat("sl", &format!("{code}_replies")), 1, "{code}");
    }
    for class in 1..=6 {
        let name = format!("{class}xx_replies");
        assert_eq!(rig.stat("sl", &name), of(class * 100, class * 100 + 100), "{name}");
    }
    assert_eq!(rig.stat("sl", "xxx_replies"), 0);
    assert_eq!(rig.stat("sl", "sent_replies"), codes.len() as u64);
    assert_eq!(rig.stat("sl", "sent_err_replies"), of(400, 700));

    let told = rig.rpc("sl.stats", &[]).expect("the command works");
    let RpcValue::Struct(members) = &told else { panic!("{told:?}") };
    assert_eq!(members.len(), 19);
    for (name, value) in members {
        let counted = rig.stat("sl", &format!("{name}_replies"));
        assert_eq!(value.as_int(), i64::try_from(counted).ok(), "{name}");
    }
}

#[test]
fn a_reply_that_cannot_be_made_is_counted_and_the_ack_to_one_absorbed() {
    let rig = Rig::params(&[]);
    let evil = with(|call| call.append_to_reply("X", "a\r\n\r\nbody"));
    let ran = rig.run(&options(), &[evil, f("sl_send_reply", &["404", "x"])]);
    assert_eq!(ran.error(), "the reply is malformed");
    assert_eq!(rig.stat("sl", "failures"), 1);

    let invite = request("INVITE", "sip:bob@10.0.0.3");
    let ran = rig.run(&invite, &[f("sl_send_reply", &["486", "Busy Here"])]);
    let ack = invite.ack(ran.one());
    let ran = rig.run(&ack, &[f("t_relay", &[])]);
    assert!(ran.results.is_empty() && ran.sent.is_empty(), "{ran:?}");
    assert_eq!(rig.stat("sl", "received_ACKs"), 1);
}
