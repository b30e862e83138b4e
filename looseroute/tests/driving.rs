//! The ways to drive an engine: inside a host's own loop, on a host's thread, and without sockets.

mod kit;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use kit::{DOMAIN, PATIENCE, Phone, Told, engine_addr, now, usual_builder};
use looseroute::core::net::Proto;
use looseroute::core::time::Instant;
use looseroute::prelude::*;
use looseroute::{Engine, InputError, WaitToken};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};
use parking_lot::Mutex;

/// A host with a poll of its own, in which the engine's descriptor is one of many.
struct Host {
    engine: Arc<Engine>,
    stop: Arc<AtomicBool>,
    waker: Arc<Waker>,
    /// Turns that the engine was given.
    turns: Arc<AtomicUsize>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Host {
    fn new(engine: Engine) -> Self {
        let engine = Arc::new(engine);
        let mut poll = Poll::new().expect("a poll");
        let waker = Arc::new(Waker::new(poll.registry(), Token(1)).expect("a waker"));
        let (stop, turns) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let fd = engine.fd().expect("it has sockets");
        poll.registry()
            .register(&mut SourceFd(&fd), Token(0), Interest::READABLE)
            .expect("the descriptor can be polled");
        let (served, ended, counted) = (engine.clone(), stop.clone(), turns.clone());
        let thread = std::thread::spawn(move || {
            let mut events = Events::with_capacity(8);
            while !ended.load(Ordering::SeqCst) {
                let wait = served.next_timeout();
                poll.poll(&mut events, wait).expect("the poll works");
                counted.fetch_add(1, Ordering::SeqCst);
                served.process(Some(Duration::ZERO)).expect("a turn");
            }
        });
        Self { engine, stop, waker, turns, thread: Some(thread) }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        self.waker.wake().expect("the host wakes");
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking());
        }
    }
}

#[test]
fn an_engine_serves_calls_inside_the_hosts_own_loop() {
    let host = Host::new(usual_builder().listen("127.0.0.1:0").build().expect("the engine builds"));
    let at = |proto| engine_addr(&host.engine, proto);
    let (alice, bob) = (Phone::udp("alice", at(Proto::Udp)), Phone::tcp("bob", at(Proto::Tcp)));
    bob.register();
    for _ in 0..20 {
        let invite = alice.invite("bob");
        alice.say(&invite);
        let heard = bob.hear_request("INVITE");
        bob.send(heard.answer(200, "OK", &[&format!("Contact: <{}>", bob.uri())]));
        let ok = alice.hear_code(200);
        alice.say(&invite.within("ACK", &ok));
        bob.hear_request("ACK");
    }
}

#[test]
fn many_datagrams_at_once_are_all_served_though_the_descriptor_tells_only_once() {
    // More than one turn takes: what is left over must not wait for the next datagram.
    let builder = usual_builder().listen("udp:127.0.0.1:0").modparam("transport", "udp_budget", 4);
    let builder = builder.modparam("transport", "turn_inputs", 4);
    let host = Host::new(builder.build().expect("the engine builds"));
    let phone = Phone::udp("alice", engine_addr(&host.engine, Proto::Udp));
    for _ in 0..5 {
        (0..50).for_each(|_| phone.say(&phone.request("OPTIONS", "sip:nobody@lr.test")));
        (0..50).for_each(|_| assert_eq!(phone.hear().code(), 404));
    }
}

#[test]
fn an_idle_engine_in_a_hosts_loop_wants_no_turns() {
    let host = Host::new(usual_builder().listen("127.0.0.1:0").build().expect("the engine builds"));
    let phone = Phone::udp("alice", engine_addr(&host.engine, Proto::Udp));
    phone.register();
    let before = host.turns.load(Ordering::SeqCst);
    phone.hears_nothing();
    let turns = host.turns.load(Ordering::SeqCst) - before;
    assert!(turns <= 5, "{turns} turns for nothing");
}

#[test]
fn timers_and_other_threads_are_heard_in_a_hosts_loop() {
    let (send, tokens) = mpsc::channel::<WaitToken>();
    let sender = Mutex::new(send);
    let engine = usual_builder()
        .listen("udp:127.0.0.1:0")
        .request_route(move |call: Call| {
            let wait = call.external_wait(Duration::from_secs(8));
            let given = sender.lock().send(wait.token());
            async move {
                given.map_err(|e| e.to_string())?;
                call.pause(Duration::from_millis(40)).await?;
                let value = wait.await?;
                Ok(call.reply(200, &value.to_string()).await?)
            }
        })
        .build()
        .expect("the engine builds");
    let host = Host::new(engine);
    let rung = Arc::new(AtomicUsize::new(0));
    let count = rung.clone();
    host.engine.set_wakeup(move || {
        count.fetch_add(1, Ordering::SeqCst);
    });
    let phone = Phone::udp("alice", engine_addr(&host.engine, Proto::Udp));
    let began = now();
    phone.say(&phone.request("OPTIONS", "sip:bob@lr.test"));
    let token = tokens.recv_timeout(PATIENCE).expect("the route runs");
    assert_eq!(host.engine.resume(token, "Awake"), Ok(()));
    // The pause ends by the time that `next_timeout` told: no datagram comes meanwhile.
    assert_eq!(phone.hear().start, "SIP/2.0 200 Awake");
    assert!(began.elapsed() >= Duration::from_millis(40));
    assert_eq!(rung.load(Ordering::SeqCst), 1, "the host is told as well");
}

#[test]
fn a_turn_with_a_timeout_returns_by_itself_and_one_without_when_woken() {
    let engine = usual_builder().listen("udp:127.0.0.1:0").build().expect("the engine builds");
    // The system tells once that the new sockets are writable.
    engine.process(Some(Duration::ZERO)).expect("a turn");
    let began = now();
    engine.process(Some(Duration::from_millis(20))).expect("a turn");
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(19) && took < PATIENCE, "{took:?}");
    std::thread::scope(|s| {
        let turn = s.spawn(|| engine.process(None));
        engine.stop();
        assert!(turn.join().expect("the thread lives").is_ok());
    });
    // Stopped is not ended: a host that goes on driving is served until it shuts down.
    engine.process(Some(Duration::ZERO)).expect("a turn");
    assert!(engine.shutdown(Duration::ZERO));
    assert!(engine.process(Some(Duration::ZERO)).is_err());
}

#[test]
fn letters_for_an_engine_without_sockets_make_it_due_at_once() {
    let token = Arc::new(Mutex::new(None));
    let given = token.clone();
    let t = Told::new(Engine::builder().domain(DOMAIN).request_route(move |call: Call| {
        let wait = call.external_wait(Duration::from_secs(9));
        *given.lock() = Some(wait.token());
        async move {
            wait.await?;
            Ok(call.reply(200, "OK").await?)
        }
    }));
    let phone = "10.0.0.2:5060";
    t.say(phone, &Told::request(phone, "OPTIONS", "bob"));
    let due = t.engine.poll_timeout().expect("the deadline");
    assert!(due > t.now().mono);
    let token = token.lock().expect("the route ran");
    assert_eq!(t.engine.resume(token, 1), Ok(()));
    assert_eq!(t.engine.poll_timeout(), Some(Instant::ZERO));
    // A host that says late how it is to be woken is woken for what came before.
    let rung = Arc::new(AtomicBool::new(false));
    let flag = rung.clone();
    t.engine.set_wakeup(move || flag.store(true, Ordering::SeqCst));
    assert!(rung.load(Ordering::SeqCst));
    t.engine.handle_timeout(t.now());
    assert_eq!(t.sent_one(phone).code(), 200);
}

#[test]
fn another_thread_wakes_a_host_without_sockets_which_serves_it_on_its_own() {
    let (send, woken) = mpsc::channel::<()>();
    let later = kit::futures::Later::default();
    let inside = later.clone();
    let t = Told::new(Engine::builder().domain(DOMAIN).request_route(move |call: Call| {
        let inside = inside.clone();
        async move {
            let here = std::thread::current().id();
            let n = inside.await;
            // Polled by who drives, not by who woke.
            let same = here == std::thread::current().id();
            Ok(call.reply(200, &format!("{n} {same}")).await?)
        }
    }));
    let send = Mutex::new(send);
    t.engine.set_wakeup(move || {
        let _nobody_waits = send.lock().send(());
    });
    let phone = "10.0.0.2:5060";
    t.say(phone, &Told::request(phone, "OPTIONS", "bob"));
    std::thread::spawn(move || later.finish(3));
    woken.recv_timeout(PATIENCE).expect("the host is woken");
    t.engine.handle_timeout(t.now());
    assert_eq!(t.sent_one(phone).start, "SIP/2.0 200 3 true");
}

#[test]
fn messages_for_addresses_of_others_are_not_taken() {
    let t = Told::new(usual_builder());
    let there = kit::addr("10.0.0.8:5060");
    let text = Told::request("10.0.0.2:5060", "OPTIONS", "bob").text();
    let given =
        t.engine.handle_input(t.now(), Proto::Udp, text.into(), kit::addr("10.0.0.2:5060"), there);
    assert_eq!(given, Err(InputError::NotListening(there)));
    assert!(t.engine.fd().is_none(), "there is nothing to poll");
}

#[test]
fn time_that_stands_still_or_is_told_again_is_harmless() {
    let t = Told::new(usual_builder());
    let phone = "10.0.0.2:5060";
    t.add("bob", "sip:bob@10.0.0.3");
    t.say(phone, &Told::request(phone, "OPTIONS", "bob"));
    assert_eq!(t.sent().len(), 1);
    let early = t.now();
    t.pass(600);
    assert_eq!(t.sent().len(), 1, "sent again after T1");
    (0..100).for_each(|_| t.engine.handle_timeout(early));
    assert!(t.sent().is_empty());
    t.settle();
}

#[test]
fn a_wakeup_set_on_a_started_engine_does_not_take_its_workers_wakes() {
    let (send, tokens) = mpsc::channel::<WaitToken>();
    let sender = Mutex::new(send);
    let engine = usual_builder()
        .listen("udp:127.0.0.1:0")
        .request_route(move |call: Call| {
            let wait = call.external_wait(Duration::from_secs(30));
            let given = sender.lock().send(wait.token());
            async move {
                given.map_err(|e| e.to_string())?;
                wait.await?;
                Ok(call.reply(200, "OK").await?)
            }
        })
        .build()
        .expect("the engine builds");
    let phone = Phone::udp("alice", engine_addr(&engine, Proto::Udp));
    engine.start(1).expect("the engine starts");
    engine.set_wakeup(|| {});
    let mut waited = Duration::ZERO;
    for _ in 0..5 {
        phone.say(&phone.request("OPTIONS", "sip:bob@lr.test"));
        let token = tokens.recv_timeout(PATIENCE).expect("the route runs");
        // By now the worker sleeps, and a module's timer wakes it but once a second.
        phone.hears_nothing();
        let resumed = now();
        assert_eq!(engine.resume(token, 1), Ok(()));
        assert_eq!(phone.hear().code(), 200);
        waited += resumed.elapsed();
    }
    assert!(waited < Duration::from_secs(2), "only timers woke the worker: {waited:?}");
}
