//! Building an engine: where it listens, what it is responsible for, its parameters and routes.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use sip_core::lock::LockList;
use sip_core::proxy::Proxy;
use sip_core::rng::SeededRng;
use sip_core::stats;
use sip_module_api::call::RouteMask;
use sip_module_api::event::{Event, Events};
use sip_module_api::log::{Level, Log, Record, Sink};
use sip_module_api::module::{Domains, EngineParts, InitCx, InitError, Module};
use sip_module_api::registry::{Declare, Registry};
use sip_module_api::router::RouterFactory;
use sip_module_api::{Call, Value};
use sip_modules::auth::Accounts;

use crate::clock::Clock;
use crate::control::{Control, HttpRpc};
use crate::engine::Engine;
use crate::error::{EngineError, RouteError};
use crate::jobs::Jobs;
use crate::listening::{Listening, TransportSetup};
use crate::mail::Mailboxes;
use crate::shared::{CoreParams, Shared, SharedInit, WorkerCounters};
use crate::timer::HostTimers;
use crate::worker::routes::RustRoutes;

/// What a route answers.
pub type Handled = Result<(), RouteError>;

/// What replies made here say in their Server header.
const SERVER: &str = concat!("Server: looseroute/", env!("CARGO_PKG_VERSION"));
/// Workers an engine has room for unless [`Builder::max_workers`] says otherwise.
const MAX_WORKERS: usize = 64;
/// Log records that wait for the sink at most.
const LOG_QUEUE: usize = 4096;

/// Builds an [`Engine`]. Mistakes are told by [`Builder::build`].
#[must_use = "an engine exists once it is built"]
pub struct Builder {
    listen: Vec<String>,
    sockets: bool,
    domains: Vec<String>,
    accounts: Vec<(String, String, String)>,
    params: Vec<(String, String, Value)>,
    routes: RustRoutes,
    has_route: bool,
    modules: Vec<Arc<dyn Module>>,
    observers: Vec<sip_module_api::event::Observer>,
    log: Option<(Level, Sink)>,
    control: Vec<String>,
    http_rpc: Option<HttpRpc>,
    http_metrics: Option<String>,
    max_workers: usize,
    seed: Option<u64>,
    server: Option<String>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            sockets: true,
            domains: Vec::new(),
            accounts: Vec::new(),
            params: Vec::new(),
            routes: RustRoutes::default(),
            has_route: false,
            modules: Vec::new(),
            observers: Vec::new(),
            log: None,
            control: Vec::new(),
            http_rpc: None,
            http_metrics: None,
            max_workers: MAX_WORKERS,
            seed: None,
            server: None,
        }
    }
}

impl Builder {
    /// Listens on `address`: `[udp:|tcp:]host[:port] [advertise host[:port]]`, as Kamailio's
    /// `listen`; without a transport on UDP and TCP. Port 0 lets the system pick one.
    pub fn listen(mut self, address: impl Into<String>) -> Self {
        self.listen.push(address.into());
        self
    }

    /// Opens no socket: the host hands messages in and takes them out (see
    /// [`Engine::handle_input`]). The listen addresses are still those that Via and Record-Route
    /// show, so their ports must be given.
    pub fn without_sockets(mut self) -> Self {
        self.sockets = false;
        self
    }

    /// Makes the engine responsible for a domain (Kamailio's `alias`).
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.domains.push(domain.into());
        self
    }

    /// Adds an account in memory that `www_authenticate` and `proxy_authenticate` know.
    pub fn account(
        mut self,
        user: impl Into<String>,
        realm: impl Into<String>,
        password: impl Into<String>,
    ) -> Self {
        self.accounts.push((user.into(), realm.into(), password.into()));
        self
    }

    /// Sets a module's parameter, as `modparam` does.
    pub fn modparam(
        mut self,
        module: impl Into<String>,
        name: impl Into<String>,
        value: impl Into<Value>,
    ) -> Self {
        self.params.push((module.into(), name.into(), value.into()));
        self
    }

    /// Keeps locations at `url` (`sqlite:///path/to/file.db`) and answers a REGISTER only once its
    /// contacts are committed there: `usrloc`'s `db_url` and `db_mode` 1.
    pub fn location_store(self, url: impl Into<String>) -> Self {
        self.modparam("usrloc", "db_url", url.into()).modparam("usrloc", "db_mode", 1)
    }

    /// The route that every request enters.
    pub fn request_route<F, Fut>(mut self, route: F) -> Self
    where
        F: Fn(Call) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Handled> + Send + 'static,
    {
        self.routes.add(RouteMask::REQUEST, "", route);
        self.has_route = true;
        self
    }

    /// A route for requests whose branches have all failed, by the name that `t_on_failure` arms
    /// ([`Actions::on_failure`](crate::Actions::on_failure)). It may relay to other destinations,
    /// answer, or leave the best answer to go upstream.
    ///
    /// ```no_run
    /// use looseroute::prelude::*;
    ///
    /// # fn main() -> Result<(), looseroute::EngineError> {
    /// let engine = looseroute::Engine::builder()
    ///     .listen("udp:192.0.2.1:5060")
    ///     .request_route(|call| async move {
    ///         call.on_failure("voicemail").await?;
    ///         Ok(call.relay().await?)
    ///     })
    ///     .failure_route("voicemail", |call| async move {
    ///         // Busy or nobody there: the caller hears of the voice mail instead.
    ///         if matches!(call.code(), Some(408 | 480 | 486)) {
    ///             call.set_request_uri("sip:voicemail@192.0.2.9");
    ///             call.relay().await?;
    ///         }
    ///         Ok(())
    ///     })
    ///     .build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn failure_route<F, Fut>(mut self, name: &str, route: F) -> Self
    where
        F: Fn(Call) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Handled> + Send + 'static,
    {
        self.routes.add(RouteMask::FAILURE, name, route);
        self
    }

    /// A route for each branch before it is made, by the name that `t_on_branch` arms
    /// ([`Actions::on_branch`](crate::Actions::on_branch)). It may edit the branch or discard it.
    pub fn branch_route<F, Fut>(mut self, name: &str, route: F) -> Self
    where
        F: Fn(Call) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Handled> + Send + 'static,
    {
        self.routes.add(RouteMask::BRANCH, name, route);
        self
    }

    /// A route for the responses of a transaction, by the name that `t_on_reply` arms
    /// ([`Actions::on_reply`](crate::Actions::on_reply)). It may edit the response.
    pub fn onreply_route<F, Fut>(mut self, name: &str, route: F) -> Self
    where
        F: Fn(Call) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Handled> + Send + 'static,
    {
        self.routes.add(RouteMask::TM_ONREPLY, name, route);
        self
    }

    /// A route for each branch that fails while others may still ring, by the name that
    /// `t_on_branch_failure` arms (Kamailio's `event_route[tm:branch-failure:name]`).
    pub fn branch_failure_route<F, Fut>(mut self, name: &str, route: F) -> Self
    where
        F: Fn(Call) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Handled> + Send + 'static,
    {
        self.routes.add(RouteMask::BRANCH_FAILURE, name, route);
        self
    }

    /// Adds a module of the host's own, after the built-in ones.
    pub fn module(mut self, module: Arc<dyn Module>) -> Self {
        self.modules.push(module);
        self
    }

    /// Tells `observer` of every event, on the worker where it happens. It must not block.
    pub fn on_event(mut self, observer: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.observers.push(Arc::new(observer));
        self
    }

    /// Passes log records up to `level` to `sink`; without it, warnings and worse go to standard
    /// error.
    pub fn log(mut self, level: Level, sink: impl Fn(&Record) + Send + Sync + 'static) -> Self {
        self.log = Some((level, Arc::new(sink)));
        self
    }

    /// Answers JSON-RPC 2.0 on a Unix stream socket at `path`, one call or batch a line.
    pub fn control_socket(mut self, path: impl Into<String>) -> Self {
        self.control.push(path.into());
        self
    }

    /// Answers JSON-RPC 2.0 over HTTP POST at `path` (as `/RPC`) on the stream listeners, for
    /// peers on this machine only.
    pub fn http_rpc(mut self, path: impl Into<String>) -> Self {
        self.http_rpc = Some(HttpRpc { path: path.into() });
        self
    }

    /// Answers GET at `path` (as `/metrics`) on the stream listeners with all statistics in the text
    /// format of Prometheus, for peers on this machine only.
    pub fn http_metrics(mut self, path: impl Into<String>) -> Self {
        self.http_metrics = Some(path.into());
        self
    }

    /// Room for up to `n` workers (statistics are kept by worker).
    pub fn max_workers(mut self, n: usize) -> Self {
        self.max_workers = n.clamp(1, usize::from(u16::MAX));
        self
    }

    /// The whole header line that replies made here carry, as `Server: my PBX` (Kamailio's
    /// `server_header`); empty: none.
    pub fn server_header(mut self, value: impl Into<String>) -> Self {
        self.server = Some(value.into());
        self
    }

    /// Makes tags, branches and nonces repeatable. For tests and simulations only: whoever knows
    /// the seed can forge them.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Builds the engine: binds the addresses, sets the parameters, starts the modules. Nothing is
    /// served before the engine is driven.
    ///
    /// # Errors
    /// [`EngineError`] names the address, parameter or module and what is wrong with it.
    pub fn build(self) -> Result<Engine, EngineError> {
        if !self.has_route {
            return Err(EngineError::NoRoute);
        }
        let clock = Arc::new(if self.sockets { Clock::system() } else { Clock::told() });
        let transport = TransportSetup::default();
        let listening = Listening::open(&self.listen, self.sockets, &transport.params)?;
        let listeners = listening.listeners();
        if listeners.iter().next().is_none() {
            return Err(EngineError::Mode(
                "the engine has no listen address: give it one with `listen`",
            ));
        }
        let mut builder = stats::Builder::new();
        let mut registry = Registry::default();
        let mut rng = SeededRng::from_entropy(entropy(self.seed)?);
        let mut proxy = Proxy::new(Arc::clone(&listeners), &mut builder, &mut rng);
        proxy.set_server_header(self.server.as_deref().unwrap_or(SERVER));
        let proxy = Arc::new(proxy);
        let counters = WorkerCounters::declare(&mut builder);
        let params = Arc::new(CoreParams {
            async_deadline: AtomicI64::new(30_000),
            max_parked: AtomicI64::new(100_000),
        });
        let transport = transport.declare(&mut builder);
        let mail = Arc::new(Mailboxes::new(self.max_workers));
        let host_timers = Arc::new(HostTimers::new(Arc::clone(&mail)));
        let counted = Arc::clone(&host_timers);
        let doc = "timers that the host has started";
        builder.gauge("core", "host_timers", doc, move || counted.count() as u64);
        let mut modules: Vec<Arc<dyn Module>> = vec![
            crate::modules::waiting(Arc::clone(&params), Arc::clone(&host_timers)),
            crate::modules::transport(Arc::clone(&transport.params)),
        ];
        modules.extend(sip_modules::catalogue());
        modules.extend(self.modules);
        for module in &modules {
            let mut declare =
                Declare::new(&mut registry, &mut builder, &proxy, module.name(), module.doc());
            Arc::clone(module).declare(&mut declare);
        }
        for (module, name, value) in &self.params {
            registry.set_param(module, name, value, false)?;
        }
        for module in &modules {
            module.declare_stats(&mut builder);
        }
        let events = Events::default();
        for observer in self.observers {
            events.subscribe(observer);
        }
        let domains = Domains::default();
        for domain in &self.domains {
            domains.add(domain);
        }
        let (level, sink) = self.log.unwrap_or_else(|| (Level::Warning, Arc::new(to_stderr)));
        let log = Arc::new(Log::new(level, LOG_QUEUE, sink));
        let lost = Arc::clone(&log);
        let doc = "log records that a full queue has dropped";
        builder.gauge("core", "log_dropped", doc, move || lost.dropped());
        let routes: Arc<dyn RouterFactory> = Arc::new(self.routes);
        let parts = Arc::new(EngineParts {
            registry,
            listeners,
            domains,
            routes: Arc::clone(&routes),
            log,
            events,
            locks: LockList::default(),
            stats: Arc::new(builder.build(self.max_workers)),
            started: clock.now().wall,
        });
        if let Some(accounts) = parts.registry.api::<Accounts>() {
            for (user, realm, password) in &self.accounts {
                accounts.add(user, realm, password);
            }
        }
        parts.locks.add(&proxy);
        parts.locks.add(&transport.directory);
        parts.locks.add(&host_timers);
        parts.locks.add(&mail);
        let mut init = InitCx::new(&parts, &proxy, clock.now(), &mut rng);
        for module in &modules {
            Arc::clone(module).init(&mut init)?;
        }
        let (queues, timers) = init.finish();
        let jobs = Jobs::start(queues, &clock)
            .map_err(|source| EngineError::System { what: "a thread", source })?;
        let shared = Arc::new(Shared::new(SharedInit {
            parts,
            proxy,
            routes,
            modules,
            mail,
            host_timers,
            clock,
            counters,
            params,
            http_rpc: self.http_rpc,
            http_metrics: self.http_metrics,
            seed: self.seed,
        }));
        *shared.timers.write() = Arc::new(timers);
        let control = Control { paths: self.control };
        Engine::assemble(shared, listening, transport, control, jobs)
    }
}

/// 32 bytes from the operating system, or from a test's seed for `stream`.
pub(crate) fn entropy(seed: Option<u64>) -> Result<[u8; 32], EngineError> {
    let mut bytes = [0u8; 32];
    match seed {
        Some(seed) => bytes[..8].copy_from_slice(&seed.to_le_bytes()),
        None => getrandom::fill(&mut bytes).map_err(|e| EngineError::System {
            what: "random numbers",
            source: std::io::Error::other(e.to_string()),
        })?,
    }
    Ok(bytes)
}

fn to_stderr(record: &Record) {
    eprintln!("{} {}: {}", record.level.name(), record.module, record.text);
}

impl From<InitError> for RouteError {
    fn from(error: InitError) -> Self {
        Self::Other(error.to_string())
    }
}
