//! The log under load: one thread at a time hands records to the sink, each whole; nothing within
//! the queue's bound is lost, and what a flood costs is counted.

mod kit;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::ThreadId;

use kit::{DOMAIN, Phone, Told, engine_addr, unique, until};
use looseroute::core::net::Proto;
use looseroute::module_api::flow::Flow;
use looseroute::module_api::log::Log;
use looseroute::module_api::module::{EngineParts, InitCx, InitError};
use looseroute::module_api::registry::Declare;
use looseroute::prelude::*;
use looseroute::{Engine, Level, Module, Record, RouteMask};
use parking_lot::Mutex;

/// What a sink has seen.
#[derive(Default)]
struct Seen {
    inside: AtomicBool,
    overlaps: AtomicU64,
    texts: Mutex<Vec<String>>,
}

impl Seen {
    /// As a sink that writes to a slow file: two threads in it at a time would mix their lines.
    fn take(&self, record: &Record) {
        if self.inside.swap(true, Ordering::SeqCst) {
            self.overlaps.fetch_add(1, Ordering::SeqCst);
        }
        for _ in 0..20 {
            std::thread::yield_now();
        }
        self.texts.lock().push(record.text.clone());
        self.inside.store(false, Ordering::SeqCst);
    }
}

/// A text that tells when a part of it is missing or another's.
fn whole(mark: &str) -> String {
    format!("[{mark}:{}]", mark.repeat(60))
}

const PHONES: usize = 24;
const REQUESTS: usize = 40;

#[test]
fn records_of_several_workers_come_out_whole_one_at_a_time_and_all() {
    let seen = Arc::new(Seen::default());
    let threads = Arc::new(Mutex::new(Vec::<ThreadId>::new()));
    let (sink, ran) = (Arc::clone(&seen), Arc::clone(&threads));
    let engine = Engine::builder()
        .domain(DOMAIN)
        .max_workers(4)
        .listen("udp:127.0.0.1:0")
        .log(Level::Error, move |record| sink.take(record))
        .request_route(move |call: Call| {
            let here = std::thread::current().id();
            if !ran.lock().contains(&here) {
                ran.lock().push(here);
            }
            async move { Err(whole(&String::from_utf8_lossy(&call.call_id())).into()) }
        })
        .build()
        .expect("the engine builds");
    let at = engine_addr(&engine, Proto::Udp);
    engine.start(4).expect("the engine starts");

    let phones: Vec<_> = (0..PHONES)
        .map(|n| {
            std::thread::spawn(move || {
                let phone = Phone::udp(&format!("p{n}"), at);
                let mut asked = Vec::new();
                for _ in 0..REQUESTS {
                    let request = phone.request("OPTIONS", "sip:bob@lr.test");
                    phone.say(&request);
                    assert_eq!(phone.hear().code(), 500);
                    asked.push(request.call_id);
                }
                asked
            })
        })
        .collect();
    let asked = phones.into_iter().flat_map(|p| p.join().expect("a phone's thread"));
    let expected: BTreeSet<String> = asked.map(|call_id| whole(&call_id)).collect();
    assert_eq!(expected.len(), PHONES * REQUESTS);

    // Nothing more comes in that would bring a worker to look again.
    until("all records come", || seen.texts.lock().len() >= expected.len());
    let texts = seen.texts.lock();
    let told: BTreeSet<String> = texts
        .iter()
        .map(|text| text.split_once(" failed: ").expect("the route's reason").1.to_owned())
        .collect();
    assert_eq!(texts.len(), expected.len(), "each record once");
    assert!(told == expected, "a record is not what its route wrote");
    assert_eq!(seen.overlaps.load(Ordering::SeqCst), 0, "two threads were in the sink");
    assert!(threads.lock().len() > 1, "the kernel gave all to one worker");
    assert_eq!(engine.statistic("core", "log_dropped"), Some(0));
}

#[test]
fn what_is_handed_out_and_what_is_dropped_is_all_that_was_written() {
    const WRITERS: u64 = 4;
    const EACH: u64 = 20_000;
    let seen = Arc::new(Seen::default());
    let sink = Arc::clone(&seen);
    let log = Log::new(Level::Info, 64, Arc::new(move |r: &Record| sink.take(r)));
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let log = &log;
            scope.spawn(move || {
                for n in 0..EACH {
                    looseroute::module_api::log!(log, Info, "test", "{writer} {n}");
                    if n % 50 == writer {
                        log.drain();
                    }
                }
                log.drain();
            });
        }
    });
    log.drain();
    let texts = seen.texts.lock();
    assert_eq!(seen.overlaps.load(Ordering::SeqCst), 0, "two threads were in the sink");
    assert_eq!(texts.len() as u64 + log.dropped(), WRITERS * EACH);
    assert!(log.dropped() > 0 && texts.len() >= 64, "{} dropped", log.dropped());
    // What one thread wrote comes in its order.
    for writer in 0..WRITERS {
        let start = format!("{writer} ");
        let numbers = texts.iter().filter_map(|t| t.strip_prefix(&start)?.parse::<u64>().ok());
        assert!(numbers.is_sorted_by(|a, b| a < b), "writer {writer}");
    }
}

#[test]
fn what_comes_while_another_thread_is_in_the_sink_is_left_to_that_one() {
    // The queue holds one record: the second comes when the round of the first is over already.
    let seen = Arc::new(Seen::default());
    let own = Arc::new(OnceLock::<Arc<Log>>::new());
    let (sink, inner) = (Arc::clone(&seen), Arc::clone(&own));
    let log = Arc::new(Log::new(
        Level::Info,
        1,
        Arc::new(move |r: &Record| {
            if r.text == "first" {
                let log = inner.get().expect("set below").clone();
                let other = std::thread::spawn(move || {
                    looseroute::module_api::log!(log, Info, "test", "second");
                    log.drain();
                });
                other.join().expect("who comes second does not wait");
            }
            sink.take(r);
        }),
    ));
    assert!(own.set(Arc::clone(&log)).is_ok());
    looseroute::module_api::log!(log, Info, "test", "first");
    log.drain();
    assert_eq!(*seen.texts.lock(), ["first", "second"]);
    assert_eq!((log.dropped(), seen.overlaps.load(Ordering::SeqCst)), (0, 0));
}

/// Writes more in one turn than the engine's log holds.
#[derive(Default)]
struct Flood(OnceLock<Arc<EngineParts>>);

impl Module for Flood {
    fn name(&self) -> &'static str {
        "flood"
    }

    fn doc(&self) -> &'static str {
        "a test's module"
    }

    fn declare(self: Arc<Self>, d: &mut Declare<'_>) {
        let write = move |lines: i64| {
            let parts = self.0.get().expect("initialised");
            for n in 0..lines {
                looseroute::module_api::log!(parts.log, Notice, "flood", "line {n}");
            }
            Flow::Return(1)
        };
        d.function("flood", 1..=1, RouteMask::REQUEST, "flood(n)", move |_, _, args| {
            write(args.first().and_then(Value::as_int).unwrap_or(0))
        });
    }

    fn init(self: Arc<Self>, cx: &mut InitCx<'_>) -> Result<(), InitError> {
        let twice = |_| InitError::new("flood", "is initialised twice");
        self.0.set(Arc::clone(cx.engine)).map_err(twice)
    }
}

#[test]
fn a_flood_is_bounded_counted_and_over_with_the_turn() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    let builder = Engine::builder()
        .domain(DOMAIN)
        .module(Arc::new(Flood::default()))
        .log(Level::Notice, move |record| sink.lock().push(record.text.clone()))
        .request_route(|call: Call| async move {
            let lines = call.header("X-Lines").expect("the phone says how many");
            let lines: i64 = String::from_utf8_lossy(&lines).parse().expect("a number");
            call.function("flood", [lines.into()]).await?;
            Ok(call.reply(200, "OK").await?)
        });
    let t = Told::new(builder);
    let phone = "10.0.0.2:5060";
    let flood = |lines: u32| {
        let request = Told::request(phone, "OPTIONS", &format!("u{}", unique()));
        t.say(phone, &request.with(format!("X-Lines: {lines}")));
        assert_eq!(t.sent_one(phone).code(), 200);
        std::mem::take(&mut *seen.lock())
    };
    // The queue's bound: none lost within it.
    let lines = |count: u32| (0..count).map(|n| format!("line {n}")).collect::<Vec<_>>();
    assert!(flood(4096) == lines(4096));
    assert_eq!(t.statistic("core", "log_dropped"), 0);
    // The first ones are kept, as they tell how it began; the rest is a number.
    assert!(flood(10_000) == lines(4096));
    assert_eq!(t.statistic("core", "log_dropped"), 10_000 - 4096);
    assert!(flood(3) == lines(3), "and it goes on");
    assert_eq!(t.statistic("core", "log_dropped"), 10_000 - 4096);
}
