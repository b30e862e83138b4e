//! Engines on threads of their own: groups of sockets, connections of other workers, waits.

mod kit;

use std::collections::HashSet;
use std::sync::Arc;

use kit::{DOMAIN, PATIENCE, Phone, engine_addr, until, usual, usual_builder};
use looseroute::Engine;
use looseroute::core::net::Proto;
use looseroute::core::time::Duration;
use looseroute::prelude::*;
use parking_lot::Mutex;

/// Which worker runs this.
fn worker() -> String {
    std::thread::current().name().unwrap_or_default().to_owned()
}

type Seen = Arc<Mutex<Vec<(String, Option<u16>)>>>;

/// The usual engine on `workers` threads; it notes for each request the worker that runs its route
/// and the one that owns the connection it came by.
fn started(workers: usize) -> (Engine, Seen) {
    let seen = Seen::default();
    let note = seen.clone();
    let engine = usual_builder()
        .listen("127.0.0.1:0")
        .request_route(move |call: Call| {
            note.lock().push((worker(), call.flow().conn.map(|c| c.worker())));
            usual(call)
        })
        .build()
        .expect("the engine builds");
    engine.start(workers).expect("the engine starts");
    (engine, seen)
}

fn udp(engine: &Engine) -> std::net::SocketAddr {
    engine_addr(engine, Proto::Udp)
}

#[test]
fn a_group_of_sockets_spreads_phones_over_the_workers() {
    let (engine, seen) = started(4);
    let mut phones = Vec::new();
    until("every worker has served someone", || {
        let phone = Phone::udp(&format!("user{}", phones.len()), udp(&engine));
        phone.register();
        phones.push(phone);
        let workers: HashSet<String> = seen.lock().iter().map(|(w, _)| w.clone()).collect();
        workers.len() == 4
    });
    let expected: HashSet<String> = (0..4).map(|n| format!("lr-worker-{n}")).collect();
    assert_eq!(seen.lock().iter().map(|(w, _)| w.clone()).collect::<HashSet<_>>(), expected);
    // One table: whichever worker registered a phone, all find it; the sums are over all.
    assert_eq!(engine.statistic("usrloc", "registered_users"), Some(phones.len() as u64));
    assert_eq!(engine.statistic("registrar", "accepted_regs"), Some(phones.len() as u64));
    for pair in phones.chunks_exact(2) {
        pair[0].say(&pair[0].request("OPTIONS", &format!("sip:{}@{DOMAIN}", pair[1].user)));
        let heard = pair[1].hear_request("OPTIONS");
        pair[1].send(heard.answer(200, "OK", &[]));
        assert_eq!(pair[0].hear_code(200).to_tag(), "callee200");
    }
}

#[test]
fn a_call_reaches_a_connection_that_another_worker_owns() {
    let (engine, seen) = started(4);
    let callee = Phone::tcp("bob", engine_addr(&engine, Proto::Tcp));
    callee.register();
    let owner = seen.lock().last().and_then(|(_, conn)| *conn).expect("it came by TCP");
    // Callers from many ports, until two of other workers got through.
    let mut foreign = 0;
    until("workers that do not own the connection have used it", || {
        let caller = Phone::udp("alice", udp(&engine));
        let invite = caller.invite("bob");
        caller.say(&invite);
        let heard = callee.hear_request("INVITE");
        let runs = seen.lock().last().map(|(w, _)| w.clone()).expect("the route ran");
        callee.send(heard.answer(200, "OK", &[&format!("Contact: <{}>", callee.uri())]));
        let ok = caller.hear_code(200);
        caller.say(&invite.within("ACK", &ok));
        callee.hear_request("ACK");
        caller.say(&invite.within("BYE", &ok));
        let bye = callee.hear_request("BYE");
        callee.send(bye.answer(200, "OK", &[]));
        caller.hear_code(200);
        foreign += usize::from(runs != format!("lr-worker-{owner}"));
        foreign >= 2
    });
    assert_eq!(engine.statistic("tcp", "passive_open"), Some(1));
    assert_eq!(engine.statistic("tcp", "connect_success"), Some(0), "nobody opened another");
}

#[test]
fn connections_are_spread_and_their_phones_call_each_other() {
    let (engine, seen) = started(2);
    let at = engine_addr(&engine, Proto::Tcp);
    let mut phones: Vec<Phone> = Vec::new();
    let owners = || seen.lock().iter().filter_map(|(_, c)| *c).collect::<HashSet<u16>>();
    until("both workers own connections", || {
        let phone = Phone::tcp(&format!("user{}", phones.len()), at);
        phone.register();
        phones.push(phone);
        owners().len() == 2
    });
    let last = phones.last().expect("there are some");
    for caller in &phones[..phones.len() - 1] {
        caller.say(&caller.invite(&last.user));
        let heard = last.hear_request("INVITE");
        last.send(heard.answer(603, "Decline", &[]));
        assert_eq!(caller.hear_code(603).of(), "INVITE");
        last.hear_request("ACK");
    }
}

#[test]
fn a_call_waits_and_goes_on_on_the_worker_that_parked_it() {
    let (send, tokens) = std::sync::mpsc::channel();
    let sender = Mutex::new(send);
    let engine = usual_builder()
        .listen("udp:127.0.0.1:0")
        .request_route(move |call: Call| {
            let wait = call.external_wait(Duration::from_secs(8));
            let given = sender.lock().send(wait.token());
            async move {
                given.map_err(|e| e.to_string())?;
                let before = worker();
                call.pause(Duration::from_millis(5)).await?;
                wait.await?;
                let text = if before == worker() { "Same" } else { "Moved" };
                Ok(call.reply(200, text).await?)
            }
        })
        .build()
        .expect("the engine builds");
    engine.start(3).expect("the engine starts");
    let phones: Vec<Phone> = (0..24).map(|_| Phone::udp("alice", udp(&engine))).collect();
    phones.iter().for_each(|p| p.say(&p.request("OPTIONS", "sip:bob@lr.test")));
    for _ in &phones {
        let token = tokens.recv_timeout(PATIENCE).expect("the route runs");
        assert_eq!(engine.resume(token, 1), Ok(()));
    }
    phones.iter().for_each(|p| assert_eq!(p.hear().start, "SIP/2.0 200 Same"));
}

#[test]
fn answers_that_reach_another_worker_find_their_transaction() {
    let (engine, seen) = started(4);
    let callee = Phone::udp("bob", udp(&engine));
    callee.register();
    // The callee's port leads to one worker, its callers' ports to others.
    until("requests and answers came to different workers", || {
        let caller = Phone::udp("alice", udp(&engine));
        caller.say(&caller.invite("bob"));
        let heard = callee.hear_request("INVITE");
        callee.send(heard.answer(486, "Busy Here", &[]));
        assert_eq!(caller.hear_code(486).of(), "INVITE");
        callee.hear_request("ACK");
        let seen = seen.lock();
        seen.iter().map(|(w, _)| w).collect::<HashSet<_>>().len() >= 3
    });
    assert_eq!(engine.statistic("tmx", "active_transactions"), Some(0));
}

#[test]
fn one_worker_is_no_group_so_that_nobody_else_may_join_its_port() {
    let engine = usual_builder().listen("udp:127.0.0.1:0").build().expect("the engine builds");
    engine.start(1).expect("the engine starts");
    let taken = std::net::UdpSocket::bind(udp(&engine));
    assert!(taken.is_err());
    let phone = Phone::udp("alice", udp(&engine));
    phone.register();
}

#[test]
fn control_sockets_and_modules_timers_move_to_the_first_worker() {
    use std::io::{BufRead, BufReader, Write};
    let path = kit::scratch("workers.sock");
    let engine = usual_builder()
        .listen("udp:127.0.0.1:0")
        .control_socket(&path)
        .modparam("usrloc", "timer_interval", 1)
        .modparam("registrar", "min_expires", 0)
        .build()
        .expect("the engine builds");
    engine.start(2).expect("the engine starts");
    let mut client = std::os::unix::net::UnixStream::connect(&path).expect("the engine accepts");
    client.set_read_timeout(Some(PATIENCE)).expect("a timeout is set");
    let add = r#"{"jsonrpc":"2.0","method":"ul.add","params":["location","a","sip:a@b",1],"id":1}"#;
    client.write_all(format!("{add}\n").as_bytes()).expect("the engine reads");
    let mut line = String::new();
    BufReader::new(&client).read_line(&mut line).expect("the engine answers");
    assert!(line.contains("\"result\":null"), "{line}");
    assert_eq!(engine.statistic("usrloc", "registered_users"), Some(1));
    // The binding lasts a second; only a timer takes it out of the table.
    until("the binding has expired", || engine.statistic("usrloc", "registered_users") == Some(0));
}
