//! A stuck lock and a stuck worker of an engine on its own threads, told by its watchdog and read
//! over the control plane while they are stuck.

mod kit;

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use kit::{DOMAIN, PATIENCE, Phone, engine_addr, scratch, until, usual_builder};
use looseroute::core::lock::{Lock, LockReport, Locks, Rank};
use looseroute::core::net::Proto;
use looseroute::module_api::module::{InitCx, InitError};
use looseroute::module_api::registry::Declare;
use looseroute::prelude::*;
use looseroute::{Builder, Level, Module};
use parking_lot::Mutex;
use serde_json::{Value as Json, json};

/// A module with a lock that gets stuck.
struct Planted(Lock<()>);

impl Locks for Planted {
    fn report_locks(&self, into: &mut Vec<LockReport>) {
        self.0.report_locks(into);
    }
}

impl Module for Planted {
    fn name(&self) -> &'static str {
        "planted"
    }
    fn doc(&self) -> &'static str {
        "a lock that gets stuck"
    }
    fn declare(self: Arc<Self>, _: &mut Declare<'_>) {}
    fn init(self: Arc<Self>, cx: &mut InitCx<'_>) -> Result<(), InitError> {
        cx.engine.locks.add(&self);
        Ok(())
    }
}

/// What the engine has told.
#[derive(Default)]
struct Told {
    log: Mutex<Vec<String>>,
    events: Mutex<Vec<Event>>,
}

impl Told {
    /// The first event of this name whose first field is `of`. A busy machine may hold other
    /// threads up too.
    fn event(&self, name: &str, of: impl Into<Value>) -> Option<Event> {
        let of = of.into();
        let mut all = self.events.lock().clone().into_iter();
        all.find(|e| e.name == name && e.fields[0].1 == of)
    }
}

fn watched(planted: &Arc<Planted>, told: &Arc<Told>) -> Builder {
    let (log, events) = (Arc::clone(told), Arc::clone(told));
    usual_builder()
        .listen("127.0.0.1:0")
        .module(Arc::clone(planted) as Arc<dyn Module>)
        .modparam("core", "watchdog_interval", 20)
        .modparam("core", "lock_hold_limit", 60)
        .modparam("core", "worker_turn_limit", 60)
        .log(Level::Warning, move |r| log.log.lock().push(r.text.clone()))
        .on_event(move |e| events.events.lock().push(e.clone()))
}

/// One call over the control socket.
fn call(path: &str, method: &str) -> Json {
    let stream = UnixStream::connect(path).expect("the engine accepts");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout is set");
    let mut stream = BufReader::new(stream);
    let call = json!({"jsonrpc": "2.0", "method": method, "id": 1});
    stream.get_mut().write_all(format!("{call}\n").as_bytes()).expect("the engine reads");
    let mut line = String::new();
    stream.read_line(&mut line).expect("the engine answers");
    serde_json::from_str(&line).unwrap_or_else(|e| panic!("{line}: {e}"))
}

/// The holders of the planted lock, in the answer of `core.locks`.
fn holders(locks: &Json) -> Vec<Json> {
    let all = locks["locks"].as_array().expect("a list");
    let planted = all.iter().find(|l| l["name"] == "planted").expect("it is listed");
    planted["held"].as_array().expect("a list").clone()
}

#[test]
fn a_stuck_locks_holder_is_read_over_rpc_and_told_by_the_watchdog() {
    let planted = Arc::new(Planted(Lock::new("planted", Rank::HOST, ())));
    let told = Arc::new(Told::default());
    let path = scratch("watched.sock");
    let engine = watched(&planted, &told).control_socket(&path).build().expect("it builds");
    engine.start(2).expect("it starts");
    assert!(holders(&call(&path, "core.locks")["result"]).is_empty());

    let (taken, holds) = channel();
    let (release, released): (Sender<()>, Receiver<()>) = channel();
    let lock = Arc::clone(&planted);
    let thread = std::thread::Builder::new().name("planted-holder".into()).spawn(move || {
        let _guard = lock.0.lock();
        taken.send(line!() - 1).expect("the test listens");
        released.recv().expect_err("the test only hangs up");
    });
    let line = holds.recv().expect("it is taken");
    let site = format!("tests/watchdog.rs:{line}");
    let answer = call(&path, "core.locks");
    let held = holders(&answer["result"]);
    assert_eq!(held.len(), 1, "{answer}");
    assert_eq!(held[0]["thread_name"], "planted-holder");
    assert!(held[0]["site"].as_str().is_some_and(|s| s.ends_with(&site)), "{held:?}");
    // As `looseroute ctl` prints it.
    let ctl = std::process::Command::new(env!("CARGO_BIN_EXE_looseroute"))
        .args(["ctl", "--socket", &path, "core.locks"])
        .output()
        .expect("it runs");
    let printed = String::from_utf8_lossy(&ctl.stdout);
    assert!(printed.contains("thread_name: planted-holder\n"), "{printed}");

    until("the watchdog tells", || told.event("core:lock-stuck", "planted").is_some());
    let event = told.event("core:lock-stuck", "planted").expect("it was told");
    assert_eq!(event.field("name"), Some(&"planted-holder".into()));
    assert!(event.field("held_ms").and_then(Value::as_int) >= Some(60));
    until("the log tells", || {
        let log = told.log.lock();
        log.iter().any(|l| l.starts_with("lock planted[0] has been held") && l.ends_with(&site))
    });
    assert!(engine.statistic("core", "stuck_locks") >= Some(1));
    drop(release);
    thread.expect("a thread").join().expect("it ends");
    assert!(engine.shutdown(PATIENCE));
}

#[test]
fn a_worker_stuck_behind_a_lock_is_told_with_the_holder_it_waits_for() {
    let planted = Arc::new(Planted(Lock::new("planted", Rank::HOST, ())));
    let told = Arc::new(Told::default());
    let wanted = Arc::clone(&planted);
    let route = move |call: Call| {
        let wanted = Arc::clone(&wanted);
        async move {
            // What no route should do: the worker stands here.
            drop(wanted.0.lock());
            Ok(call.reply(200, "At Last").await?)
        }
    };
    let engine = watched(&planted, &told).request_route(route).build().expect("it builds");
    engine.start(1).expect("it starts");
    let guard = planted.0.lock();
    let phone = Phone::udp("alice", engine_addr(&engine, Proto::Udp));
    phone.say(&phone.request("OPTIONS", &format!("sip:{DOMAIN}")));
    until("the watchdog tells", || told.event("core:worker-stuck", 0).is_some());
    let event = told.event("core:worker-stuck", 0).expect("it was told");
    assert_eq!(event.field("state"), Some(&"busy".into()));
    until("the log tells", || {
        told.log.lock().iter().any(|l| l.starts_with("worker 0 has not turned for"))
    });
    // The only worker is stuck; any thread can ask all the same.
    let locks: Json =
        serde_json::from_str(&engine.rpc_json("core.locks", "").expect("a list")).expect("JSON");
    let own = std::thread::current().name().map(str::to_owned);
    assert_eq!(holders(&locks)[0]["thread_name"].as_str(), own.as_deref());
    drop(guard);
    phone.hear_code(200);
    assert!(engine.shutdown(PATIENCE));
}
