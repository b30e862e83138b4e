//! What location costs, by itself: no transactions, no sockets, messages parsed beforehand.
//!
//! ```sh
//! cargo build --release -p looseroute-usrloc --example measure
//! target/release/examples/measure refresh 100000            # also: lookup, insert, expire
//! target/release/examples/measure through 100000 target/l.db power   # also: back, load
//! valgrind --tool=callgrind --toggle-collect='*measured*' \
//!     --callgrind-out-file=/dev/null target/release/examples/measure refresh 10000
//! ```
//!
//! The total that callgrind prints, divided by the printed count, is the instructions of one.

#![allow(clippy::disallowed_methods, reason = "a measurement reads the clock")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use sip_core::net::{Flow, ListenId, Listener, Listeners, Proto};
use sip_core::rng::SeededRng;
use sip_core::time::{Duration, Now, WallTime};
use sip_db::{DbUrl, Durability, Name, OpenOptions};
use sip_parser::Message;
use sip_usrloc::store::layout::Layout;
use sip_usrloc::store::row::RowRules;
use sip_usrloc::{
    AorRules, DbMode, Domain, DomainConfig, LookupRules, Plan, RegistrarParams, ReplyParams, Ruids,
    SaveOptions, SqlLocationStore, Sweep, Targets, Writer, lookup,
};

type SqlWriter = Writer<SqlLocationStore>;

struct Bench {
    domain: Arc<Domain>,
    rules: AorRules,
    params: RegistrarParams,
    reply: ReplyParams,
    flow: Flow,
    rng: SeededRng,
    now: Now,
    out: BytesMut,
}

impl Bench {
    fn new(mode: DbMode, hash_size: u32) -> Self {
        let mut rng = SeededRng::new(1);
        let ruids = Arc::new(Ruids::new(WallTime::from_secs(1_795_389_698), 0, &mut rng));
        let config = DomainConfig { mode, hash_size, use_domain: true, ..DomainConfig::default() };
        let domain = Arc::new(Domain::new(Name::fixed("location"), config, ruids, &mut rng));
        Self {
            domain,
            rules: AorRules { use_domain: true, ..AorRules::default() },
            params: RegistrarParams::default(),
            reply: ReplyParams::default(),
            flow: Flow {
                proto: Proto::Udp,
                listen: ListenId(0),
                peer: "192.0.2.77:5060".parse().expect("an address"),
                conn: None,
            },
            rng,
            now: Now::default().later(Duration::from_secs(1_795_389_698)),
            out: BytesMut::with_capacity(4096),
        }
    }

    /// One REGISTER from the parsed message to the headers of its 200.
    fn register(&mut self, msg: &Message, token: u64) {
        self.out.clear();
        let options = SaveOptions { token, ..SaveOptions::default() };
        let plan = Plan::new(msg, &self.flow, &self.rules, &self.params, &options, &mut self.rng)
            .expect("a good REGISTER");
        plan.write_headers(self.now.wall, &self.reply, &mut self.out);
        let saved = self.domain.save(self.now, &plan, Some((&self.reply, &mut self.out)));
        black_box(saved.expect("it is taken"));
        black_box(&self.out[..]);
    }

    fn writer(&self, file: &str, durability: Durability) -> SqlWriter {
        let url = DbUrl::parse(&format!("sqlite:{file}")).expect("a path");
        let options = OpenOptions { durability, ..OpenOptions::default() };
        let driver = sip_db::open(&url, &options).unwrap_or_else(|e| panic!("{e}"));
        let udp = Listener::new(Proto::Udp, "127.0.0.1:5060".parse().expect("an address"), None);
        let rules = RowRules { use_domain: true, ..RowRules::default() }
            .with_listeners(&Listeners::new(vec![udp]));
        let layout = Layout::new(Name::fixed("location"));
        let (store, _) =
            SqlLocationStore::open(driver, layout, rules, true).unwrap_or_else(|e| panic!("{e}"));
        Writer::new(Arc::clone(&self.domain), store)
    }
}

fn message(user: usize, cseq: u32) -> Message {
    let text = format!(
        "REGISTER sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.77:5060;branch=z9hG4bK{user}-{cseq}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:user{user}@127.0.0.1>;tag=f{user}\r\nTo: <sip:user{user}@127.0.0.1>\r\n\
         Call-ID: registration-of-{user}@192.0.2.77\r\nCSeq: {cseq} REGISTER\r\n\
         Contact: <sip:user{user}@192.0.2.77:5060>\r\nExpires: 3600\r\n\
         User-Agent: Some Phone 1.2.3\r\nContent-Length: 0\r\n\r\n"
    );
    Message::parse(Bytes::from(text)).expect("it parses")
}

fn report(what: &str, count: usize, start: Instant) {
    let took = start.elapsed();
    let each = took.as_nanos() as f64 / count.max(1) as f64;
    println!("{what}: {count} in {took:.2?}, {each:.0} ns each, {:.0} a second", 1e9 / each);
}

#[inline(never)]
fn measured_registers(bench: &mut Bench, messages: &[Message]) {
    for msg in messages {
        bench.register(msg, 0);
    }
}

#[inline(never)]
fn measured_lookups(bench: &Bench, aors: &[Vec<u8>]) {
    let rules = LookupRules::default();
    let mut targets = Targets::new();
    for aor in aors {
        targets.clear();
        black_box(lookup(&bench.domain, bench.now, aor, &rules, &mut targets));
        black_box(&targets);
    }
}

fn fill(bench: &mut Bench, users: usize) {
    for user in 0..users {
        bench.register(&message(user, 1), 0);
    }
}

fn resident_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("VmRSS")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap_or_default()
}

/// A sample of the users, in an order that the caches cannot guess.
fn sample(users: usize) -> Vec<usize> {
    (0..users.min(100_000)).map(|i| (i * 7_919_999 + 13) % users).collect()
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let arg = |i: usize| args.get(i).map(String::as_str).unwrap_or_default();
    let users: usize = arg(2).parse().unwrap_or(100_000);
    let durability = if arg(4) == "power" { Durability::Power } else { Durability::Process };
    match arg(1) {
        "lookup" => lookups(users),
        "insert" => inserts(users),
        "expire" => expire(users),
        "through" => through(users, arg(3), durability),
        "back" => back(users, arg(3), durability),
        "load" => load(arg(3)),
        _ => refresh(users),
    }
}

fn refresh(users: usize) {
    let mut bench = Bench::new(DbMode::None, 10);
    fill(&mut bench, users);
    let messages: Vec<Message> = sample(users).into_iter().map(|u| message(u, 2)).collect();
    bench.now = bench.now.later(Duration::from_secs(60));
    let start = Instant::now();
    measured_registers(&mut bench, &messages);
    report("refresh", messages.len(), start);
}

fn lookups(users: usize) {
    let mut bench = Bench::new(DbMode::None, 10);
    fill(&mut bench, users);
    let aors: Vec<Vec<u8>> =
        sample(users).into_iter().map(|u| format!("user{u}@127.0.0.1").into_bytes()).collect();
    let start = Instant::now();
    measured_lookups(&bench, &aors);
    report("lookup", aors.len(), start);
}

fn inserts(users: usize) {
    let before = resident_kib();
    let mut bench = Bench::new(DbMode::None, 10);
    let start = Instant::now();
    fill(&mut bench, users);
    report("insert, parsing included", users, start);
    let bytes = (resident_kib() - before) * 1024 / users.max(1);
    println!(
        "{bytes} bytes resident for each binding, {} by our own count",
        bench.domain.memory() / users.max(1)
    );
}

fn expire(users: usize) {
    let mut bench = Bench::new(DbMode::None, 10);
    fill(&mut bench, users);
    let later = bench.now.later(Duration::from_secs(3601));
    let (mut sweep, mut events, mut longest) = (Sweep::new(), Vec::new(), Duration::ZERO);
    let start = Instant::now();
    loop {
        let turn = Instant::now();
        let more = bench.domain.expire(later, &mut sweep, 2000, &mut events);
        longest = longest.max(turn.elapsed());
        if !more {
            break;
        }
    }
    report("expire", users, start);
    println!("the longest turn of at most 2,000: {longest:.2?}");
}

fn through(users: usize, file: &str, durability: Durability) {
    let mut bench = Bench::new(DbMode::WriteThrough, 10);
    let mut writer = bench.writer(file, durability);
    for (what, cseq) in [("write-through, new", 1), ("write-through, refresh", 2)] {
        for group in [1usize, 20, 200] {
            let messages: Vec<Message> = (0..users.min(200 * group))
                .map(|u| message(u, cseq * 10 + group.ilog2()))
                .collect();
            let start = Instant::now();
            let mut done = Vec::new();
            for chunk in messages.chunks(group) {
                chunk.iter().for_each(|msg| bench.register(msg, 1));
                while writer.turn(&mut done).more {}
            }
            assert!(done.iter().all(|c| c.result.is_ok()), "a commit failed");
            report(&format!("{what}, {group} a commit"), messages.len(), start);
        }
    }
}

fn back(users: usize, file: &str, durability: Durability) {
    let mut bench = Bench::new(DbMode::WriteBack, 10);
    let mut writer = bench.writer(file, durability);
    for (what, cseq) in [("write-back, new", 1), ("write-back, refresh", 2)] {
        for user in 0..users {
            bench.register(&message(user, cseq), 0);
        }
        let start = Instant::now();
        let rows = writer.flush().unwrap_or_else(|e| panic!("{e}")).rows;
        report(what, rows, start);
    }
}

fn load(file: &str) {
    let bench = Bench::new(DbMode::LoadOnly, 10);
    let mut writer = bench.writer(file, Durability::Process);
    let start = Instant::now();
    let loaded = writer.load(bench.now).unwrap_or_else(|e| panic!("{e}"));
    report("load", usize::try_from(loaded.added).unwrap_or_default(), start);
    println!("{loaded:?}");
}
