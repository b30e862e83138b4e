//! The module `tm`: its parameters.

use looseroute::Value;
use looseroute::core::net::Proto;

use crate::digest::field;
use crate::rig::{Rig, f, request, with};
use crate::text::Msg;
use crate::tm::{answer, invite, options, relayed};

pub const TESTED: &[&str] = &[
    "retr_timer1",
    "retr_timer2",
    "fr_timer",
    "fr_inv_timer",
    "wt_timer",
    "max_inv_lifetime",
    "max_noninv_lifetime",
    "auto_inv_100",
    "auto_inv_100_reason",
    "restart_fr_on_each_reply",
    "remap_503_500",
    "aggregate_challenges",
    "reply_408_code",
    "reply_408_reason",
    "max_branches",
    "max_breadth",
    "disable_6xx_block",
    "default_code",
    "default_reason",
    "loop_detection",
    "udp_mtu",
    "max_transactions",
];

fn tm(params: &[(&'static str, i64)]) -> Rig {
    let all: Vec<(&str, &str, Value)> =
        params.iter().map(|(name, value)| ("tm", *name, (*value).into())).collect();
    Rig::params(&all)
}

/// When messages were sent that `which` says.
fn times(sent: &[(u64, Msg)], which: impl Fn(&Msg) -> bool) -> Vec<u64> {
    sent.iter().filter(|(_, m)| which(m)).map(|(ms, _)| *ms).collect()
}

/// Whether two lists of times are the same but for the wheel's tick.
#[track_caller]
fn about(found: &[u64], want: &[u64]) {
    let near = |(a, b): (&u64, &u64)| a >= b && a - b <= 20;
    assert!(
        found.len() == want.len() && found.iter().zip(want).all(near),
        "{found:?}, not {want:?}"
    );
}

#[test]
fn a_6xx_ends_the_search_unless_it_counts_as_others_do() {
    for block in [0, 1] {
        let rig = tm(&[("disable_6xx_block", block)]);
        let other = with(|call| call.append_branch("sip:carol@10.0.0.4"));
        let ran = rig.run(&invite(), &[other, f("t_relay", &[])]);
        let leg = |peer: &str| {
            let leg = ran.sent.iter().find(|(to, _)| to.peer.to_string() == peer);
            leg.expect("it was relayed").1.clone()
        };
        let (bob, carol) = (leg("10.0.0.3:5060"), leg("10.0.0.4:5060"));
        rig.feed("10.0.0.4:5060", &carol.answer(180, "Ringing", &[]));
        rig.sent();
        let sent = answer(&rig, &bob, 603, &[]);
        let cancelled = sent.iter().any(|m| m.method() == "CANCEL");
        assert_eq!(cancelled, block == 0, "{sent:?}");
    }
}

#[test]
fn an_answer_without_another_reason_has_the_default_code() {
    let rig = Rig::params(&[
        ("tm", "default_code", 480.into()),
        ("tm", "default_reason", "Not Now".into()),
    ]);
    rig.hook("failed", &[f("t_drop_replies", &[])]);
    let ran = rig.run(&invite(), &[f("t_on_failure", &["failed"]), f("t_relay", &[])]);
    let out = ran.sent.iter().find(|(_, m)| m.method() == "INVITE").expect("relayed").1.clone();
    let up = answer(&rig, &out, 486, &[]);
    assert!(up.iter().any(|m| m.start == "SIP/2.0 480 Not Now"), "{up:?}");
}

#[test]
fn a_request_that_comes_back_is_refused() {
    for on in [1, 0] {
        let rig = tm(&[("loop_detection", on)]);
        // The Request-URI is ours: the request is relayed to ourselves.
        let ran = rig.run(&request("OPTIONS", "sip:bob@10.0.0.1"), &[f("t_relay", &[])]);
        let out = &ran.sent[0].1;
        let text = format!("{}\r\n{}\r\n\r\n", out.start, lines(out));
        rig.feed("10.0.0.1:5060", &text);
        let back = rig.ran();
        match on {
            1 => assert_eq!(back.error(), "the request has come back (482 Loop Detected)"),
            _ => assert_eq!(back.codes(), [1]),
        }
    }
}

fn lines(msg: &Msg) -> String {
    msg.lines.iter().map(|(n, v)| format!("{n}: {v}")).collect::<Vec<_>>().join("\r\n")
}

#[test]
fn a_request_too_long_for_udp_goes_over_tcp() {
    let long = options().with(format!("X-Long: {}", "x".repeat(1300)));
    for (mtu, proto) in [(1300, Proto::Tcp), (0, Proto::Udp), (5000, Proto::Udp)] {
        let rig = tm(&[("udp_mtu", mtu)]);
        let ran = rig.run(&long, &[f("t_relay", &[])]);
        assert_eq!(ran.sent[0].0.proto, proto, "{mtu}");
    }
}

#[test]
fn requests_are_sent_again_as_the_timers_say() {
    let rig = tm(&[("retr_timer1", 100), ("retr_timer2", 250)]);
    relayed(&rig, &options());
    let sent = rig.pass(1_000);
    about(&times(&sent, |m| m.method() == "OPTIONS"), &[100, 300, 550, 800]);
    // An INVITE's interval only doubles (RFC 3261 17.1.1.2).
    let rig = tm(&[("retr_timer1", 100), ("retr_timer2", 250)]);
    relayed(&rig, &invite());
    let sent = rig.pass(1_600);
    about(&times(&sent, |m| m.method() == "INVITE"), &[100, 300, 700, 1_500]);
}

#[test]
fn without_an_answer_a_branch_fails_and_the_caller_is_told() {
    let rig = tm(&[("fr_timer", 700), ("reply_408_code", 480)]);
    rig.engine.modparam("tm", "reply_408_reason", "Nobody There").expect("it may change");
    relayed(&rig, &invite());
    let sent = rig.pass(2_000);
    about(&times(&sent, |m| m.start == "SIP/2.0 480 Nobody There")[..1], &[700]);
    let rig = tm(&[("fr_timer", 700)]);
    relayed(&rig, &invite());
    about(&times(&rig.pass(750), |m| m.start == "SIP/2.0 408 Request Timeout"), &[700]);
    // For others a 408 would only come too late (RFC 4320 4.1): they end in silence.
    for (fr_timer, repeated) in [(700, 1), (30_000, 2)] {
        let rig = tm(&[("fr_timer", fr_timer)]);
        relayed(&rig, &options());
        let sent = rig.pass(2_000);
        assert_eq!(times(&sent, |m| m.method() == "OPTIONS").len(), repeated, "{fr_timer}");
        assert_eq!(sent.len(), repeated, "{fr_timer}: {sent:?}");
    }
}

#[test]
fn a_call_rings_as_long_as_it_may() {
    // Provisional answers at 0 and 600 ms, and when the CANCEL goes out.
    for (restart, first, second, end) in [
        (1, 180, 180, 1_600),
        (0, 180, 180, 1_000),
        (0, 180, 183, 1_600),
        (0, 183, 180, 1_000),
        (0, 100, 180, 1_600),
    ] {
        let rig = tm(&[("fr_inv_timer", 1_000), ("restart_fr_on_each_reply", restart)]);
        let out = relayed(&rig, &invite());
        answer(&rig, &out, first, &[]);
        rig.pass(600);
        answer(&rig, &out, second, &[]);
        let sent = rig.pass(1_200);
        about(&times(&sent, |m| m.method() == "CANCEL")[..1], &[end]);
    }
}

#[test]
fn no_transaction_lives_longer_than_it_may() {
    let rig = tm(&[("max_inv_lifetime", 2_000), ("fr_inv_timer", 1_000)]);
    let out = relayed(&rig, &invite());
    let mut sent = Vec::new();
    for _ in 0..6 {
        answer(&rig, &out, 180, &[]);
        sent.extend(rig.pass(500));
    }
    about(&times(&sent, |m| m.code() == 408)[..1], &[2_000]);
    for (life, repeated) in [(2_000, 2), (9_000, 3)] {
        let rig = tm(&[("max_noninv_lifetime", life), ("fr_timer", 20_000)]);
        relayed(&rig, &options());
        assert_eq!(times(&rig.pass(5_000), |m| m.method() == "OPTIONS").len(), repeated, "{life}");
    }
}

#[test]
fn a_completed_transaction_lingers() {
    let rig = tm(&[("wt_timer", 1_500)]);
    let req = options();
    let out = relayed(&rig, &req);
    answer(&rig, &out, 200, &[]);
    rig.pass(1_400);
    assert_eq!(rig.engine.live().1, 1);
    assert_eq!(rig.run(&req, &[]).one().code(), 200, "a retransmission is answered");
    rig.pass(200);
    assert_eq!(rig.engine.live().1, 0);
}

#[test]
fn an_invite_is_answered_100_at_once_unless_told_otherwise() {
    let provisional = |rig: &Rig| {
        let ran = rig.run(&invite(), &[f("t_relay", &[])]);
        let all: Vec<String> = ran.sent.iter().map(|(_, m)| m.start.clone()).collect();
        all.into_iter().find(|s| s.starts_with("SIP/2.0 1")).unwrap_or_default()
    };
    let rig = tm(&[]);
    assert_eq!(provisional(&rig), "SIP/2.0 100 trying -- your call is important to us");
    rig.engine.modparam("tm", "auto_inv_100_reason", "Hold On").expect("it may change");
    assert_eq!(provisional(&rig), "SIP/2.0 100 Hold On");
    rig.engine.modparam("tm", "auto_inv_100", 0).expect("it may change");
    assert_eq!(provisional(&rig), "");
}

#[test]
fn a_503_of_the_only_branch_becomes_a_500() {
    for (remap, code) in [(1, 500), (0, 503)] {
        let rig = tm(&[("remap_503_500", remap)]);
        let out = relayed(&rig, &options());
        let up = answer(&rig, &out, 503, &[]);
        assert_eq!(up[0].code(), code);
    }
}

#[test]
fn challenges_of_all_branches_go_up_together() {
    for (aggregate, www, proxy) in [(1, vec!["b", "c"], vec!["a"]), (0, vec!["b"], vec![])] {
        let rig = tm(&[("aggregate_challenges", aggregate)]);
        let more = with(|call| {
            call.append_branch("sip:carol@10.0.0.4");
            call.append_branch("sip:dave@10.0.0.5");
        });
        let ran = rig.run(&invite(), &[more, f("t_relay", &[])]);
        let outs: Vec<&Msg> =
            ran.sent.iter().map(|(_, m)| m).filter(|m| m.method() == "INVITE").collect();
        let feed = |i: usize, code: u16, line: &str| {
            let text = outs[i].answer(code, "Who", &[line]);
            rig.feed(&format!("10.0.0.{}:5060", i + 3), &text);
        };
        feed(0, 407, "Proxy-Authenticate: Digest realm=\"a\"");
        feed(1, 401, "WWW-Authenticate: Digest realm=\"b\"");
        feed(2, 401, "WWW-Authenticate: Digest realm=\"c\"");
        let sent = rig.sent();
        let up = sent.iter().map(|(_, m)| m).find(|m| m.code() == 401).expect("a 401 goes up");
        let realms = |name: &str| {
            let mut all: Vec<String> = up.all(name).iter().map(|v| field(v, "realm")).collect();
            all.sort();
            all
        };
        assert_eq!(realms("WWW-Authenticate"), www, "{aggregate}");
        assert_eq!(realms("Proxy-Authenticate"), proxy, "{aggregate}");
    }
}

#[test]
fn branches_and_transactions_have_limits() {
    let three = || {
        with(|call| {
            call.append_branch("sip:carol@10.0.0.4");
            call.append_branch("sip:dave@10.0.0.5");
        })
    };
    for (limit, made) in [(3, 3), (2, 2), (1, 1)] {
        let rig = tm(&[("max_branches", limit)]);
        let ran = rig.run(&options(), &[three(), f("t_relay", &[])]);
        assert_eq!((ran.codes(), ran.sent.len()), (vec![1], made), "{ran:?}");
        assert_eq!(rig.log().iter().any(|l| l.contains("max_branches")), made < 3);
    }
    for (breadth, share) in [(3, Some("1")), (60, Some("20")), (2, None)] {
        let rig = tm(&[("max_breadth", breadth)]);
        let ran = rig.run(&options(), &[three(), f("t_relay", &[])]);
        match share {
            Some(share) => {
                assert_eq!(ran.sent.len(), 3);
                assert!(ran.sent.iter().all(|(_, m)| m.header("Max-Breadth") == share), "{ran:?}");
            }
            None => assert!(ran.error().starts_with("there are more branches than Max-Breadth")),
        }
    }
    let rig = tm(&[("max_transactions", 2)]);
    relayed(&rig, &options());
    relayed(&rig, &options());
    let ran = rig.run(&options(), &[f("t_relay", &[])]);
    assert_eq!(ran.error(), "there are too many transactions");
    assert_eq!(rig.stat("tmx", "refused_transactions"), 1);
    // Without a transaction all goes on.
    let ran = rig.run(&request("OPTIONS", "sip:bob@10.0.0.3"), &[f("forward", &[])]);
    assert_eq!(ran.codes(), [1]);
}
