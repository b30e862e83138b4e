//! The end of an engine: what is under way is brought to its end, what is new is sent away, what
//! waits is answered, and stores are flushed.

mod kit;

use std::time::Duration;

use kit::{
    DOMAIN, PATIENCE, Phone, Served, Told, builds_again, engine_addr, now, scratch, until,
    usual_builder,
};
use looseroute::Engine;
use looseroute::core::net::Proto;
use looseroute::prelude::*;

/// Shuts down on a thread of its own; the answer comes when it is joined.
fn shutdown(engine: &std::sync::Arc<Engine>, grace: Duration) -> std::thread::JoinHandle<bool> {
    let engine = std::sync::Arc::clone(engine);
    std::thread::spawn(move || engine.shutdown(grace))
}

/// Waits until new calls are refused; the phone hears the refusal.
fn refused(phone: &Phone) -> kit::Msg {
    let mut refusal = None;
    until("new calls are refused", || {
        let invite = phone.invite("nobody");
        phone.say(&invite);
        let answer = loop {
            let heard = phone.hear();
            if heard.code() >= 200 && heard.header("Call-ID") == invite.call_id {
                break heard;
            }
        };
        phone.say(&invite.ack(&answer));
        refusal = Some(answer).filter(|a| a.code() == 503);
        refusal.is_some()
    });
    refusal.expect("until waits for it")
}

fn a_call_ends_in_order_while_new_ones_are_sent_away_on(start: impl Fn(Engine) -> Served) {
    let engine = usual_builder().listen("udp:127.0.0.1:0").build().expect("the engine builds");
    let served = start(engine);
    let at = served.udp();
    let (alice, bob, carol) =
        (Phone::udp("alice", at), Phone::udp("bob", at), Phone::udp("carol", at));
    bob.register();
    let invite = alice.invite("bob");
    alice.say(&invite);
    let ringing = bob.hear_request("INVITE");
    bob.send(ringing.answer(180, "Ringing", &[]));
    alice.hear_code(180);

    let ending = shutdown(&served.engine, PATIENCE);
    let refusal = refused(&carol);
    assert_eq!(refusal.header("Retry-After"), "10");
    assert!(!ending.is_finished(), "a call rings still");
    // The call that rings is answered and acknowledged as if nothing were.
    bob.send(ringing.answer(200, "OK", &[&format!("Contact: <{}>", bob.uri())]));
    let ok = alice.hear_code(200);
    // Nothing is left to answer now, but the call is not complete before its ACK, which takes its
    // time and needs the engine still.
    alice.hears_nothing();
    alice.say(&invite.within("ACK", &ok));
    assert_eq!(bob.hear_request("ACK").header("CSeq"), "1 ACK");
    assert!(ending.join().expect("the thread lives"), "everything ended in time");
    assert!(served.engine.shutdown(PATIENCE), "a second time does nothing");
    assert!(served.engine.process(None).is_err(), "nothing is left to drive");
}

#[test]
fn a_call_ends_in_order_while_new_ones_are_sent_away() {
    a_call_ends_in_order_while_new_ones_are_sent_away_on(Served::new);
}

#[test]
fn it_does_so_on_threads_of_the_engine_too() {
    a_call_ends_in_order_while_new_ones_are_sent_away_on(Served::started);
}

#[test]
fn the_deadline_ends_what_does_not_end_and_says_so() {
    let served = Served::usual(&["udp:127.0.0.1:0"]);
    let (alice, bob) = (Phone::udp("alice", served.udp()), Phone::udp("bob", served.udp()));
    bob.register();
    alice.say(&alice.invite("bob"));
    let ringing = bob.hear_request("INVITE");
    bob.send(ringing.answer(180, "Ringing", &[]));
    alice.hear_code(180);
    let began = now();
    assert!(!served.engine.shutdown(Duration::from_millis(150)));
    assert!(began.elapsed() >= Duration::from_millis(150));
    // What rings still is given up on both sides.
    assert_eq!(alice.hear_code(503).header("Retry-After"), "10");
    bob.hear_request("CANCEL");
    assert!(served.engine.shutdown(PATIENCE));
    served.join();
}

#[test]
fn parked_calls_are_answered_at_the_end() {
    let route = |call: Call| async move {
        let wait = call.external_wait(Duration::from_secs(100));
        wait.await?;
        Ok(())
    };
    let engine = usual_builder().listen("127.0.0.1:0").request_route(route).build();
    let served = Served::new(engine.expect("the engine builds"));
    let phones = [Phone::udp("alice", served.udp()), Phone::tcp("bob", served.tcp())];
    for phone in &phones {
        phone.say(&phone.invite("carol"));
        phone.hear_code(100);
    }
    assert!(!served.engine.shutdown(Duration::from_millis(50)));
    for phone in &phones {
        let last = phone.hear_code(503);
        assert_eq!(last.header("Retry-After"), "10", "{last:?}");
    }
    assert_eq!(served.engine.live().2, 0);
}

#[test]
fn a_route_that_waits_again_and_again_does_not_hold_the_end_up() {
    let t = Told::new(Engine::builder().domain(DOMAIN).request_route(|call| async move {
        loop {
            let _ended = call.pause(Duration::from_secs(100)).await;
        }
    }));
    let phone = "10.0.0.2:5060";
    t.say(phone, &Told::request(phone, "OPTIONS", "bob"));
    assert!(!t.engine.shutdown(Duration::ZERO));
    // Without sockets the last answers are the host's to carry.
    assert_eq!(t.sent_one(phone).code(), 503);
    t.say(phone, &Told::request(phone, "OPTIONS", "bob"));
    assert!(t.sent().is_empty(), "nothing is served any more");
}

#[test]
fn an_engine_that_never_served_ends_at_once() {
    let engine = usual_builder().listen("127.0.0.1:0").build().expect("the engine builds");
    let at = engine_addr(&engine, Proto::Tcp);
    assert!(engine.shutdown(PATIENCE));
    drop(engine);
    builds_again(|| usual_builder().listen(at.to_string()).build());
}

#[test]
fn bindings_of_write_back_are_in_the_store_after_the_end() {
    let path = scratch("location.db");
    let build = || {
        usual_builder()
            .listen("udp:127.0.0.1:0")
            .modparam("usrloc", "db_url", format!("sqlite://{path}"))
            .modparam("usrloc", "db_mode", 2)
            .modparam("usrloc", "timer_interval", 3600)
            .build()
            .expect("the engine builds")
    };
    let served = Served::new(build());
    let phone = Phone::udp("alice", served.udp());
    phone.register();
    assert!(served.engine.shutdown(PATIENCE));
    served.join();
    let engine = build();
    let found = engine.rpc("ul.lookup", &["location".into(), "alice@lr.test".into()]);
    let text = format!("{:?}", found.expect("the binding is there"));
    assert!(text.contains(&phone.uri()), "{text}");
}

#[test]
fn a_register_that_waits_for_its_commit_is_answered_at_the_end() {
    // Write-through: the 200 comes after the commit, and the end waits for it.
    let path = scratch("through.db");
    let build = || {
        let builder = usual_builder().listen("udp:127.0.0.1:0");
        builder.location_store(format!("sqlite://{path}")).build().expect("the engine builds")
    };
    let served = Served::new(build());
    let phones: Vec<Phone> =
        (0..10).map(|n| Phone::udp(&format!("user{n}"), served.udp())).collect();
    phones.iter().for_each(|p| p.say(&p.registration()));
    let parked = || served.engine.statistic("core", "parked_calls");
    until("all of them wait, or did", || parked() == Some(10));
    assert!(served.engine.shutdown(PATIENCE));
    phones.iter().for_each(|p| assert_eq!(p.hear().code(), 200));
    drop(served);
    let engine = build();
    for phone in &phones {
        let aor = format!("{}@{DOMAIN}", phone.user);
        let found = engine.rpc("ul.lookup", &["location".into(), aor.as_str().into()]);
        assert!(found.is_ok(), "{aor}: {found:?}");
    }
}

#[test]
fn a_stopped_engine_returns_from_run_without_waiting_for_traffic() {
    let served = Served::usual(&["udp:127.0.0.1:0"]);
    // No timer of the engine is due for long: only the stop itself can end the wait.
    served.engine.stop();
    served.join();
}

#[test]
fn connections_are_closed_at_the_end_and_the_port_is_free() {
    let served = Served::usual(&["tcp:127.0.0.1:0"]);
    let at = served.tcp();
    let phone = Phone::tcp("alice", at);
    phone.register();
    assert!(served.engine.shutdown(PATIENCE));
    drop(served);
    assert!(phone.is_closed());
    builds_again(|| usual_builder().listen(format!("tcp:{at}")).build());
}
