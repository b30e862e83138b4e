//! Several engines in one process, and addresses that are taken, wrong or free again.

mod kit;

use kit::{Phone, Served, builds_again, engine_addr, scratch, usual_builder};
use looseroute::Engine;
use looseroute::core::net::Proto;
use looseroute::prelude::*;

/// An engine that relays whatever is not for its own domain to `next`.
fn outer(domain: &str, next: std::net::SocketAddr) -> Engine {
    Engine::builder()
        .domain(domain)
        .listen("udp:127.0.0.1:0")
        .request_route(move |call: Call| async move {
            if call.in_dialog() && call.loose_route().await? {
                return Ok(call.relay().await?);
            }
            match call.method() {
                Method::Register => {
                    call.save("location").await?;
                    return Ok(());
                }
                Method::Invite => call.record_route().await?,
                _ => {}
            }
            if !call.is_myself().await? {
                call.set_destination(format!("sip:{next}"));
            } else if !call.lookup("location").await? {
                return Ok(call.reply(404, "Not Found").await?);
            }
            Ok(call.relay().await?)
        })
        .build()
        .expect("the engine builds")
}

#[test]
fn two_engines_register_phones_of_their_own_and_call_through_each_other() {
    let inner = Served::usual(&["udp:127.0.0.1:0"]);
    let west = Served::new(outer("west.test", inner.udp()));
    let alice = Phone::udp("alice", west.udp());
    let bob = Phone::udp("bob", inner.udp());
    alice.register();
    bob.register();
    for (served, user) in [(&west, "bob"), (&inner, "alice")] {
        let params = ["location".into(), format!("{user}@lr.test").as_str().into()];
        let missing = served.engine.rpc("ul.lookup", &params).expect_err("they share nothing");
        assert_eq!(missing.code, 404);
    }
    let invite = alice.invite("bob");
    alice.say(&invite);
    let heard = bob.hear_request("INVITE");
    assert_eq!(heard.all("Via").len(), 3, "{heard:?}");
    let routes = heard.all("Record-Route");
    assert!(routes[0].contains(&inner.udp().to_string()), "{routes:?}");
    assert!(routes[1].contains(&west.udp().to_string()), "{routes:?}");
    bob.send(heard.answer(200, "OK", &[&format!("Contact: <{}>", bob.uri())]));
    let ok = alice.hear_code(200);
    alice.say(&invite.within("ACK", &ok));
    bob.hear_request("ACK");
    alice.say(&invite.within("BYE", &ok));
    let bye = bob.hear_request("BYE");
    assert_eq!((bye.uri(), bye.all("Route").len()), (bob.uri().as_str(), 0));
    bob.send(bye.answer(200, "OK", &[]));
    alice.hear_code(200);
}

#[test]
fn one_engine_sends_to_itself_without_a_loop_of_locks() {
    // The Request-URI of the contact is the engine itself: the request comes back in.
    let served = Served::usual(&["udp:127.0.0.1:0"]);
    let alice = Phone::udp("alice", served.udp());
    let mut twisted = alice.registration();
    twisted.more = vec![format!("Contact: <sip:bob@{}>", served.udp())];
    alice.say(&twisted);
    assert_eq!(alice.hear().code(), 200);
    let bob = Phone::udp("bob", served.udp());
    bob.register();
    alice.say(&alice.invite("alice"));
    let heard = bob.hear_request("INVITE");
    assert_eq!(heard.all("Via").len(), 3);
    bob.send(heard.answer(486, "Busy Here", &[]));
    assert_eq!(alice.hear_code(486).code(), 486);
}

#[test]
fn an_address_in_use_is_named_by_a_second_engine() {
    let first = usual_builder().listen("127.0.0.1:0").build().expect("the engine builds");
    for proto in [Proto::Udp, Proto::Tcp] {
        let at = engine_addr(&first, proto);
        let error = usual_builder().listen(format!("{}:{at}", proto.token())).build();
        let error = error.err().expect("the address is taken");
        assert!(error.is_in_use(), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(&at.to_string()) && text.contains(proto.token()), "{text}");
    }
}

#[test]
fn an_address_is_in_use_for_workers_groups_as_well() {
    // SO_REUSEPORT would let a second group in; the plain bind before it does not.
    let first = usual_builder().listen("udp:127.0.0.1:0").build().expect("the engine builds");
    let at = engine_addr(&first, Proto::Udp);
    first.start(2).expect("the engine starts");
    let error = usual_builder().listen(format!("udp:{at}")).build().err();
    assert!(error.as_ref().is_some_and(EngineError::is_in_use), "{error:?}");
    assert!(error.is_some_and(|e| e.to_string().contains(&at.to_string())));
}

#[test]
fn an_engine_that_was_dropped_has_freed_its_addresses_and_its_control_socket() {
    let path = scratch("freed.sock");
    for workers in [0, 1, 3] {
        let build = |at: String| usual_builder().listen(at).control_socket(&path).build();
        let first = build("127.0.0.1:0".into()).expect("the engine builds");
        let at = engine_addr(&first, Proto::Udp);
        if workers > 0 {
            first.start(workers).expect("the engine starts");
        }
        assert!(std::path::Path::new(&path).exists());
        drop(first);
        assert!(!std::path::Path::new(&path).exists(), "the socket's file is gone");
        builds_again(|| build(at.to_string()));
    }
}

#[test]
fn a_control_socket_in_use_is_named_and_one_left_behind_is_replaced() {
    let path = scratch("taken.sock");
    let build = || usual_builder().listen("udp:127.0.0.1:0").control_socket(&path).build();
    let first = build().expect("the engine builds");
    let error = build().err().expect("the path is taken");
    assert!(error.is_in_use() && error.to_string().contains(&path), "{error}");
    drop(first);
    // What a killed program leaves: a socket that nobody listens on.
    drop(std::os::unix::net::UnixListener::bind(&path).expect("a free path"));
    assert!(build().is_ok());
    // Anything else in the way is nobody's to remove.
    std::fs::write(&path, "precious").expect("a file is written");
    let error = build().err().expect("a file is in the way");
    assert!(error.to_string().contains(&path), "{error}");
    assert_eq!(std::fs::read(&path).ok().as_deref(), Some(&b"precious"[..]));
}

#[test]
fn addresses_that_make_no_sense_are_told_apart_from_those_in_use() {
    for wrong in ["127.0.0.1:99999", "pigeon:127.0.0.1:5060", "udp:", "[::1:5060"] {
        let error = usual_builder().listen(wrong).build().err().expect("it makes no sense");
        assert!(error.is_invalid_address() && !error.is_in_use(), "{wrong}: {error}");
    }
    let twice = usual_builder().listen("udp:127.0.0.1:0").build().expect("the engine builds");
    let at = engine_addr(&twice, Proto::Udp);
    drop(twice);
    let twice = usual_builder().listen(format!("udp:{at}")).listen(format!("udp:{at}")).build();
    let error = twice.err().expect("it is there twice");
    assert!(error.is_invalid_address() && error.to_string().contains("twice"), "{error}");
    let none = usual_builder().build().err().expect("no address");
    assert!(none.to_string().contains("no listen address"), "{none}");
    let no_route = Engine::builder().listen("udp:127.0.0.1:0").build().err();
    assert!(matches!(no_route, Some(EngineError::NoRoute)));
}

#[test]
fn an_engine_is_driven_in_one_way_only() {
    let engine = usual_builder().listen("udp:127.0.0.1:0").build().expect("the engine builds");
    for wrong in [0, 5] {
        let error = engine.start(wrong).expect_err("there is room for four");
        assert!(error.to_string().contains("max_workers"), "{error}");
    }
    assert!(engine.fd().is_some());
    engine.start(1).expect("the engine starts");
    assert!(engine.start(1).is_err() && engine.process(None).is_err() && engine.run().is_err());
    assert!(engine.fd().is_none() && engine.next_timeout().is_none());
    drop(engine);

    let driven = usual_builder().listen("udp:127.0.0.1:0").build().expect("the engine builds");
    driven.process(Some(std::time::Duration::ZERO)).expect("a turn");
    let error = driven.start(2).expect_err("its calls would be lost");
    assert!(error.to_string().contains("driven"), "{error}");
    driven.process(Some(std::time::Duration::ZERO)).expect("it goes on as it was");

    let told = usual_builder().listen("udp:10.0.0.1:5060").without_sockets().build();
    let error = told.expect("the engine builds").start(1).expect_err("nothing to serve");
    assert!(error.to_string().contains("without sockets"), "{error}");
}
