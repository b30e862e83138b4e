//! An engine without sockets whose route does what each test tells it: a list of the modules'
//! functions with their arguments, as a config script would have them. Time is the test's.

use std::cell::Cell;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use looseroute::core::net::{ConnId, Flow, ListenId, Proto, Target};
use looseroute::core::output::{Input, Output};
use looseroute::core::time::{Duration, Now};
use looseroute::prelude::*;
use looseroute::{Builder, Engine, EngineError, Event, Level, RpcError, RpcValue, Value};
use parking_lot::Mutex;

use crate::text::{Msg, Req};

/// Where every engine of these tests listens: on UDP and TCP.
pub const HERE: &str = "10.0.0.1:5060";
/// Its second UDP listener.
pub const SECOND: &str = "10.0.0.1:5070";
/// Where requests come from, over UDP.
pub const PHONE: &str = "10.0.0.2:5062";
/// The engine's domain.
pub const DOMAIN: &str = "lr.test";
/// The wall time at which engines start, in seconds.
pub const EPOCH: u64 = 1_700_000_000;

/// One step of a route.
#[derive(Clone)]
pub enum Step {
    /// A function of a module.
    Function(&'static str, Vec<Value>),
    /// Something on the message itself.
    Do(Arc<dyn Fn(&Call) + Send + Sync>),
    /// A time in milliseconds.
    Pause(u64),
}

/// A function with its arguments as a script writes them.
pub fn f(name: &'static str, args: &[&str]) -> Step {
    let value = |a: &&str| Value::Str(Bytes::copy_from_slice(a.as_bytes()));
    Step::Function(name, args.iter().map(value).collect())
}

/// Something on the message itself.
pub fn with(what: impl Fn(&Call) + Send + Sync + 'static) -> Step {
    Step::Do(Arc::new(what))
}

/// What the route has left of the message.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub uri: String,
    pub destination: String,
    pub branches: Vec<String>,
    pub flags: u32,
    pub user: Option<String>,
    pub challenge: String,
}

/// A route's name, and what its functions answered.
pub type Hooked = (&'static str, Vec<Result<i64, String>>);

#[derive(Default)]
struct Shared {
    program: Mutex<Vec<Step>>,
    results: Mutex<Vec<Result<i64, String>>>,
    /// The steps of the routes beside the request route, by name.
    hooks: Mutex<Vec<(&'static str, Vec<Step>)>>,
    /// What their functions answered, in the order in which they ran.
    hooked: Mutex<Vec<Hooked>>,
    seen: Mutex<Seen>,
    events: Mutex<Vec<Event>>,
    log: Mutex<Vec<String>>,
}

/// The engine with its time and its route.
pub struct Rig {
    pub engine: Engine,
    ms: Cell<u64>,
    shared: Arc<Shared>,
}

/// What came of a request.
#[derive(Debug)]
pub struct Ran {
    pub results: Vec<Result<i64, String>>,
    pub seen: Seen,
    pub sent: Vec<(Target, Msg)>,
}

impl Ran {
    /// What the functions answered.
    #[track_caller]
    pub fn codes(&self) -> Vec<i64> {
        let code = |r: &Result<i64, String>| r.clone().unwrap_or_else(|e| panic!("{e}"));
        self.results.iter().map(code).collect()
    }

    /// The error of the last function.
    #[track_caller]
    pub fn error(&self) -> &str {
        let last = self.results.last().expect("a function ran");
        last.as_ref().expect_err("it fails")
    }

    /// The only message that was sent.
    #[track_caller]
    pub fn one(&self) -> &Msg {
        assert_eq!(self.sent.len(), 1, "{:?}", self.sent);
        &self.sent[0].1
    }
}

async fn step(call: &Call, step: Step) -> Option<Result<i64, String>> {
    match step {
        Step::Do(what) => {
            what(call);
            None
        }
        Step::Function(name, args) => {
            let result = call.function(name, args).await;
            Some(result.map(|v| v.as_int().unwrap_or(i64::MIN)).map_err(|e| e.to_string()))
        }
        Step::Pause(ms) => {
            let _ = call.sleep(Duration::from_millis(ms)).await;
            None
        }
    }
}

/// A failure, branch, reply or branch failure route called `name`.
async fn hook(call: Call, name: &'static str, shared: Arc<Shared>) -> Result<(), RouteError> {
    let program = shared.hooks.lock().iter().find(|(n, _)| *n == name).map(|(_, p)| p.clone());
    let at = {
        let mut hooked = shared.hooked.lock();
        hooked.push((name, Vec::new()));
        hooked.len() - 1
    };
    for one in program.unwrap_or_default() {
        if let Some(result) = step(&call, one).await {
            shared.hooked.lock()[at].1.push(result);
        }
    }
    Ok(())
}

async fn route(call: Call, shared: Arc<Shared>) -> Result<(), RouteError> {
    let program = shared.program.lock().clone();
    for one in program {
        if let Some(result) = step(&call, one).await {
            shared.results.lock().push(result);
        }
    }
    let state = call.lock();
    let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
    *shared.seen.lock() = Seen {
        uri: text(state.request_uri()),
        destination: text(state.rewrite.dst_uri.as_deref().unwrap_or_default()),
        branches: state.branches.iter().map(|b| text(&b.uri)).collect(),
        flags: state.rewrite.flags,
        user: state.identity.as_ref().map(|i| text(&i.user)),
        challenge: state.avp(b"digest_challenge").map(Value::to_string).unwrap_or_default(),
    };
    Ok(())
}

impl Rig {
    /// An engine; `more` adds parameters, accounts and the like.
    #[track_caller]
    pub fn new(more: impl FnOnce(Builder) -> Builder) -> Self {
        Self::try_new(more).expect("the engine builds")
    }

    /// The same, where building may fail.
    pub fn try_new(more: impl FnOnce(Builder) -> Builder) -> Result<Self, EngineError> {
        let shared = Arc::new(Shared::default());
        let (routed, told, logged) = (shared.clone(), shared.clone(), shared.clone());
        let builder = Engine::builder()
            .listen(HERE)
            .listen(format!("udp:{SECOND}"))
            .domain(DOMAIN)
            .without_sockets()
            .seed(11)
            .log(Level::Info, move |r| logged.log.lock().push(r.text.clone()))
            .on_event(move |e| told.events.lock().push(e.clone()))
            .request_route(move |call| route(call, routed.clone()));
        let builder = ["failed", "failed-again"].into_iter().fold(builder, |b, name| {
            let shared = shared.clone();
            b.failure_route(name, move |call| hook(call, name, shared.clone()))
        });
        let builder = ["replied", "replied-too"].into_iter().fold(builder, |b, name| {
            let shared = shared.clone();
            b.onreply_route(name, move |call| hook(call, name, shared.clone()))
        });
        let (branch, one) = (shared.clone(), shared.clone());
        let builder = builder
            .branch_route("branch", move |call| hook(call, "branch", branch.clone()))
            .branch_failure_route("one", move |call| hook(call, "one", one.clone()));
        Ok(Self { engine: more(builder).build()?, ms: Cell::new(0), shared })
    }

    /// An engine with these parameters.
    #[track_caller]
    pub fn params(params: &[(&str, &str, Value)]) -> Self {
        Self::new(|b| set(b, params))
    }

    pub fn now(&self) -> Now {
        let start = Now::default().later(Duration::from_secs(EPOCH));
        start.later(Duration::from_millis(self.ms.get()))
    }

    /// A request from the phone meets a route of these steps.
    pub fn run(&self, req: &Req, steps: &[Step]) -> Ran {
        self.run_text(&req.text(), steps)
    }

    pub fn run_text(&self, text: &str, steps: &[Step]) -> Ran {
        self.program(steps);
        self.feed(PHONE, text);
        self.ran()
    }

    /// Sets what the route does from now on.
    pub fn program(&self, steps: &[Step]) {
        *self.shared.program.lock() = steps.to_vec();
        self.shared.results.lock().clear();
        *self.shared.seen.lock() = Seen::default();
    }

    /// Sets what the route called `name` does from now on: `failed` and `failed-again` are failure
    /// routes, `replied` and `replied-too` reply routes, `branch` is a branch route and `one` a
    /// branch failure route.
    pub fn hook(&self, name: &'static str, steps: &[Step]) {
        let mut hooks = self.shared.hooks.lock();
        hooks.retain(|(n, _)| *n != name);
        hooks.push((name, steps.to_vec()));
    }

    /// Which of them ran since the last call, and what their functions answered.
    pub fn hooked(&self) -> Vec<Hooked> {
        std::mem::take(&mut *self.shared.hooked.lock())
    }

    /// What came of what was fed.
    pub fn ran(&self) -> Ran {
        Ran {
            results: std::mem::take(&mut *self.shared.results.lock()),
            seen: self.shared.seen.lock().clone(),
            sent: self.sent(),
        }
    }

    /// As [`Rig::run`] where another thread has a part in it: waits until something is sent.
    #[track_caller]
    pub fn run_and_wait(&self, req: &Req, steps: &[Step]) -> Ran {
        let mut ran = self.run(req, steps);
        for _ in 0..10_000 {
            if !ran.sent.is_empty() {
                let late = self.ran();
                ran.results.extend(late.results);
                return ran;
            }
            std::thread::park_timeout(Duration::from_millis(1));
            self.engine.handle_timeout(self.now());
            let Ran { results, seen, sent } = self.ran();
            ran.results.extend(results);
            (ran.seen, ran.sent) = (seen, sent);
        }
        panic!("nothing was sent");
    }

    /// A message over UDP to [`HERE`].
    pub fn feed(&self, from: &str, text: &str) {
        self.feed_to(from, HERE, text);
    }

    pub fn feed_to(&self, from: &str, to: &str, text: &str) {
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        let fed = self.engine.handle_input(self.now(), Proto::Udp, bytes, addr(from), addr(to));
        fed.expect("the engine listens there");
    }

    /// A message over the TCP connection number `conn` of `from`.
    pub fn feed_tcp(&self, from: &str, conn: u32, text: &str) {
        let flow = Flow {
            proto: Proto::Tcp,
            listen: self.listener(Proto::Tcp, HERE),
            peer: addr(from),
            conn: Some(ConnId::new(0, 1, conn)),
        };
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        self.engine.handle_event(self.now(), Input::Message { flow, bytes });
    }

    #[track_caller]
    pub fn listener(&self, proto: Proto, address: &str) -> ListenId {
        let mut all = self.engine.listeners().iter();
        let found = all.find(|(_, l)| l.proto == proto && l.addr == addr(address));
        found.expect("the engine listens there").0
    }

    /// Everything the engine wants sent.
    pub fn sent(&self) -> Vec<(Target, Msg)> {
        let mut all = Vec::new();
        while let Some(output) = self.engine.poll_output() {
            if let Output::Send(send) = output {
                all.push((send.to, Msg::parse(&String::from_utf8_lossy(&send.bytes))));
            }
        }
        all
    }

    /// Lets time pass, stopping wherever a timer wants it; answers what was sent and when, in
    /// milliseconds since the engine's start.
    pub fn pass(&self, ms: u64) -> Vec<(u64, Msg)> {
        let end = self.ms.get() + ms;
        let mut all = Vec::new();
        while self.ms.get() < end {
            let now = self.now();
            let due = self.engine.poll_timeout().map(|at| at.saturating_since(now.mono));
            let step = due.map_or(u64::MAX, |d| d.as_micros().div_ceil(1000) as u64).max(1);
            self.ms.set(self.ms.get().saturating_add(step).min(end));
            self.engine.handle_timeout(self.now());
            all.extend(self.sent().into_iter().map(|(_, msg)| (self.ms.get(), msg)));
        }
        all
    }

    /// Lets time pass at once: timers that are due run, but each only once.
    pub fn leap(&self, ms: u64) {
        self.ms.set(self.ms.get() + ms);
        self.engine.handle_timeout(self.now());
    }

    /// Runs a command.
    pub fn rpc(&self, command: &str, params: &[RpcValue]) -> Result<RpcValue, RpcError> {
        self.engine.rpc(command, params)
    }

    /// The value of a statistic.
    #[track_caller]
    pub fn stat(&self, group: &str, name: &str) -> u64 {
        self.engine.statistic(group, name).unwrap_or_else(|| panic!("no {group}.{name}"))
    }

    /// The events since the last call.
    pub fn events(&self) -> Vec<Event> {
        std::mem::take(&mut *self.shared.events.lock())
    }

    /// The log's lines since the last call.
    pub fn log(&self) -> Vec<String> {
        self.engine.handle_timeout(self.now());
        std::mem::take(&mut *self.shared.log.lock())
    }
}

/// The same builder with these parameters.
pub fn set(builder: Builder, params: &[(&str, &str, Value)]) -> Builder {
    params
        .iter()
        .fold(builder, |b, (module, name, value)| b.modparam(*module, *name, value.clone()))
}

pub fn addr(text: &str) -> SocketAddr {
    text.parse().expect("an address of the test")
}

/// A request of the phone.
pub fn request(method: &str, uri: &str) -> Req {
    Req::new(method, uri, &format!("UDP {PHONE}"))
}

/// A REGISTER of `user` with these Contact values.
pub fn register(user: &str, contacts: &[&str]) -> Req {
    let mut req = request("REGISTER", &format!("sip:{DOMAIN}"));
    req.to = format!("<sip:{user}@{DOMAIN}>");
    req.from = format!("{};tag=r", req.to);
    req.more = contacts.iter().map(|c| format!("Contact: {c}")).collect();
    req
}

/// A file name in the tests' own directory.
pub fn scratch(name: &str) -> String {
    let n = crate::text::unique();
    format!("{}/modules-{}-{n}-{name}", env!("CARGO_TARGET_TMPDIR"), std::process::id())
}
