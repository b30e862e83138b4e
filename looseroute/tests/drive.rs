//! The engine without sockets: messages in, messages out, time told by the test.

use std::net::SocketAddr;

use bytes::Bytes;
use looseroute::core::net::Proto;
use looseroute::core::output::Output;
use looseroute::core::time::{Duration, Now};
use looseroute::prelude::*;

const HERE: &str = "10.0.0.1:5060";
const PHONE: &str = "10.0.0.2:5062";

fn addr(s: &str) -> SocketAddr {
    s.parse().expect("an address of the test")
}

fn at(ms: u64) -> Now {
    Now::default().later(Duration::from_secs(1_700_000_000)).later(Duration::from_millis(ms))
}

fn feed(engine: &Engine, now: Now, text: &str) {
    let bytes = Bytes::from(text.replace('\n', "\r\n"));
    engine.handle_input(now, Proto::Udp, bytes, addr(PHONE), addr(HERE)).expect("we listen there");
}

fn sent(engine: &Engine) -> Vec<(SocketAddr, String)> {
    let mut all = Vec::new();
    while let Some(output) = engine.poll_output() {
        if let Output::Send(send) = output {
            all.push((send.to.peer, String::from_utf8_lossy(&send.bytes).into_owned()));
        }
    }
    all
}

fn options(branch: &str) -> String {
    format!(
        "OPTIONS sip:bob@10.0.0.3 SIP/2.0\nVia: SIP/2.0/UDP 10.0.0.2:5062;branch=z9hG4bK{branch};rport\n\
         Max-Forwards: 70\nFrom: <sip:alice@10.0.0.1>;tag=1\nTo: <sip:bob@10.0.0.3>\n\
         Call-ID: c{branch}\nCSeq: 1 OPTIONS\nContent-Length: 0\n\n"
    )
}

#[test]
fn a_route_answers_without_a_transaction() {
    let engine = Engine::builder()
        .listen(format!("udp:{HERE}"))
        .without_sockets()
        .seed(1)
        .request_route(|call: Call| async move {
            call.append_to_reply("X-Seen", call.header("Call-ID").unwrap_or_default());
            Ok(call.reply(404, "Nobody Here").await?)
        })
        .build()
        .expect("the engine builds");
    feed(&engine, at(0), &options("a"));
    let all = sent(&engine);
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].0, addr(PHONE));
    assert!(all[0].1.starts_with("SIP/2.0 404 Nobody Here\r\n"), "{}", all[0].1);
    assert!(all[0].1.contains("X-Seen: ca\r\n"), "{}", all[0].1);
    assert_eq!(engine.live(), (0, 0, 0));
}

#[test]
fn a_relayed_request_goes_out_once_and_everything_is_gone_after_its_timers() {
    let engine = Engine::builder()
        .listen(format!("udp:{HERE}"))
        .without_sockets()
        .seed(2)
        .request_route(|call: Call| async move { Ok(call.relay().await?) })
        .build()
        .expect("the engine builds");
    feed(&engine, at(0), &options("b"));
    feed(&engine, at(1), &options("b"));
    let all = sent(&engine);
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!(all[0].0, addr("10.0.0.3:5060"));
    assert!(all[0].1.contains("Max-Forwards: 69\r\n"), "{}", all[0].1);
    assert_eq!(engine.live().1, 1);
    let mut now = at(1);
    for _ in 0..10_000 {
        let Some(when) = engine.poll_timeout() else { break };
        now = now.later(when.saturating_since(now.mono));
        engine.handle_timeout(now);
        if engine.live() == (0, 0, 0) {
            break;
        }
    }
    assert_eq!(engine.live(), (0, 0, 0));
}

#[test]
fn a_host_ends_a_wait_once_and_a_deadline_ends_it_otherwise() {
    let tokens = std::sync::Arc::new(parking_lot::Mutex::new(Vec::new()));
    let given = tokens.clone();
    let engine = Engine::builder()
        .listen(format!("udp:{HERE}"))
        .without_sockets()
        .seed(3)
        .request_route(move |call: Call| {
            let given = given.clone();
            async move {
                let wait = call.external_wait(Duration::from_secs(5));
                given.lock().push(wait.token());
                match wait.await {
                    Ok(value) => call.reply(200, &value.to_string()).await?,
                    Err(ActionError::Deadline(_)) => call.reply(408, "Too Late").await?,
                    Err(other) => return Err(other.into()),
                }
                Ok(())
            }
        })
        .build()
        .expect("the engine builds");
    feed(&engine, at(0), &options("c"));
    feed(&engine, at(0), &options("d"));
    assert!(sent(&engine).is_empty());
    let tokens = tokens.lock().clone();
    assert_eq!(engine.resume(tokens[0], "Fine"), Ok(()));
    assert_eq!(engine.resume(tokens[0], "Twice"), Err(looseroute::WaitGone));
    engine.handle_timeout(at(10));
    let all = sent(&engine);
    assert_eq!(all.len(), 1);
    assert!(all[0].1.starts_with("SIP/2.0 200 Fine\r\n"), "{}", all[0].1);
    // RFC 4320 4.2: who waits for long is told so, though it is no INVITE.
    engine.handle_timeout(at(3_600));
    let all = sent(&engine);
    assert_eq!(all.len(), 1, "{all:?}");
    assert!(all[0].1.starts_with("SIP/2.0 100 Trying\r\n"), "{}", all[0].1);
    engine.handle_timeout(at(5_100));
    let all = sent(&engine);
    assert_eq!(all.len(), 1, "{all:?}");
    assert!(all[0].1.starts_with("SIP/2.0 408 Too Late\r\n"), "{}", all[0].1);
    assert_eq!(engine.resume(tokens[1], "Late"), Err(looseroute::WaitGone));
}

#[test]
fn a_retransmission_of_a_waiting_request_is_absorbed() {
    let engine = Engine::builder()
        .listen(format!("udp:{HERE}"))
        .without_sockets()
        .seed(4)
        .request_route(|call: Call| async move {
            call.pause(Duration::from_millis(300)).await?;
            Ok(call.reply(486, "Busy Here").await?)
        })
        .build()
        .expect("the engine builds");
    feed(&engine, at(0), &options("e"));
    feed(&engine, at(100), &options("e"));
    engine.handle_timeout(at(200));
    assert!(sent(&engine).is_empty());
    engine.handle_timeout(at(320));
    assert_eq!(sent(&engine).len(), 1);
    feed(&engine, at(400), &options("e"));
    let again = sent(&engine);
    assert_eq!(again.len(), 1, "the answer is sent again");
    assert!(again[0].1.starts_with("SIP/2.0 486"), "{}", again[0].1);
}

#[test]
fn a_panicking_route_is_a_500_and_the_engine_goes_on() {
    let engine = Engine::builder()
        .listen(format!("udp:{HERE}"))
        .without_sockets()
        .seed(5)
        .log(looseroute::Level::Critical, |_| {})
        .request_route(|call: Call| async move {
            if call.call_id() == "cf" {
                panic!("a mistake of the route");
            }
            Ok(call.reply(200, "OK").await?)
        })
        .build()
        .expect("the engine builds");
    feed(&engine, at(0), &options("f"));
    feed(&engine, at(1), &options("g"));
    let all = sent(&engine);
    assert!(all[0].1.starts_with("SIP/2.0 500 "), "{}", all[0].1);
    assert!(all[1].1.starts_with("SIP/2.0 200 "), "{}", all[1].1);
    assert_eq!(engine.statistic("core", "route_errors"), Some(1));
}

#[test]
fn parameters_and_commands_are_found_by_name_and_mistakes_are_told() {
    let engine = Engine::builder()
        .listen(format!("udp:{HERE}"))
        .without_sockets()
        .modparam("tm", "fr_timer", 1234)
        .request_route(|_: Call| async move { Ok(()) })
        .build()
        .expect("the engine builds");
    let value = engine.rpc("modparam.getn", &["tm".into(), "fr_timer".into()]);
    assert_eq!(value, Ok(RpcValue::Int(1234)));
    let error = engine.modparam("tm", "fr_timr", 1).unwrap_err().to_string();
    assert_eq!(error, "module tm has no parameter `fr_timr`; did you mean `fr_timer`?");
    let error = engine.rpc("tm.stat", &[]).unwrap_err();
    assert_eq!(
        (error.code, error.message.as_str()),
        (404, "there is no command tm.stat; did you mean tm.stats?")
    );
}
