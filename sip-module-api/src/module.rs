//! What a module is, and the parts of an engine that all modules share.

use std::any::Any;
use std::net::IpAddr;
use std::sync::Arc;

use hashbrown::HashSet;
use parking_lot::RwLock;
use sip_core::net::Listeners;
use sip_core::proxy::{Cx, Proxy, is_local_uri};
use sip_core::time::{Duration, Now};
use sip_parser::{Host, Uri};
use thiserror::Error;

use crate::event::Events;
use crate::job::{JobQueue, JobQueueDecl, JobRunner, job_queue};
use crate::log::Log;
use crate::registry::{Declare, Registry};
use crate::router::RouterFactory;

/// A plug-in: declares itself once, is initialised once before traffic, and is told of the end.
pub trait Module: Send + Sync + 'static {
    /// The name, as in `loadmodule` without its ending.
    fn name(&self) -> &'static str;

    /// One line on what it is for.
    fn doc(&self) -> &'static str;

    /// Declares functions, parameters, RPC commands, statistics, events and interfaces. The
    /// parameters are not set yet.
    fn declare(self: Arc<Self>, declare: &mut Declare<'_>);

    /// Declares the statistics whose names depend on parameters, which are set by now.
    fn declare_stats(&self, _stats: &mut sip_core::stats::Builder) {}

    /// Reads the parameters, opens what it needs (this may block: no traffic flows yet), asks for
    /// queues and timers, and binds to other modules.
    ///
    /// # Errors
    /// [`InitError`] ends the start of the engine; its text says what to mend.
    fn init(self: Arc<Self>, _cx: &mut InitCx<'_>) -> Result<(), InitError> {
        Ok(())
    }

    /// The engine is draining: flush what is dirty. Runs once, on the thread that shuts down,
    /// before the job queues are closed.
    fn shutdown(&self, _now: Now) {}
}

/// Why a module could not start.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("module {module}: {problem}")]
pub struct InitError {
    /// The module.
    pub module: &'static str,
    /// What is wrong, with the place.
    pub problem: String,
}

impl InitError {
    /// An error of `module`.
    #[must_use]
    pub fn new(module: &'static str, problem: impl Into<String>) -> Self {
        Self { module, problem: problem.into() }
    }
}

/// The code of a module's timer; it runs on the first worker, must not block, and must bound what
/// it does in one call.
pub type TimerHandler = Arc<dyn Fn(&mut TimerCx<'_, '_>) + Send + Sync>;

/// What a module's timer may reach.
pub struct TimerCx<'a, 'c> {
    /// The turn.
    pub core: &'a mut Cx<'c>,
    /// Transactions and proxy core.
    pub proxy: &'a Arc<Proxy>,
    /// The engine's shared parts.
    pub engine: &'a Arc<EngineParts>,
    /// Set by the handler when it has more to do: it is called again in the next turn.
    pub again: bool,
}

/// A timer that a module asked for.
pub struct TimerDecl {
    /// The module.
    pub module: &'static str,
    /// How often; read again after each call.
    pub interval: Arc<dyn Fn() -> Duration + Send + Sync>,
    /// Its code.
    pub handler: TimerHandler,
}

/// The parts of an engine that every module and worker shares.
pub struct EngineParts {
    /// What is declared.
    pub registry: Registry,
    /// The addresses we listen on.
    pub listeners: Arc<Listeners>,
    /// The domains we are responsible for.
    pub domains: Domains,
    /// The routes, by kind and name.
    pub routes: Arc<dyn RouterFactory>,
    /// The log.
    pub log: Arc<Log>,
    /// The observers.
    pub events: Events,
    /// Everything that has locks: what makes a [`Lock`](sip_core::lock::Lock) or a set of them puts
    /// it here.
    pub locks: sip_core::lock::LockList,
    /// The statistics.
    pub stats: Arc<sip_core::stats::Stats>,
    /// The wall time at which the engine was made.
    pub started: sip_core::time::WallTime,
}

/// The host names and addresses that mean us, besides those we listen on (Kamailio's `alias`).
#[derive(Default)]
pub struct Domains(RwLock<DomainSet>);

#[derive(Default)]
struct DomainSet {
    names: HashSet<Vec<u8>>,
    addresses: HashSet<IpAddr>,
}

impl Domains {
    /// Adds a domain name (neither case nor a dot at its end matters) or an IP address.
    pub fn add(&self, domain: &str) {
        let mut set = self.0.write();
        match Host::parse(domain.as_bytes()).and_then(|h| h.as_ip()) {
            Some(ip) => set.addresses.insert(ip),
            None => {
                let name = domain.strip_suffix('.').unwrap_or(domain);
                set.names.insert(name.to_ascii_lowercase().into_bytes())
            }
        };
    }

    /// Whether `host` is one of them.
    #[must_use]
    pub fn contains(&self, host: &Host<'_>) -> bool {
        let set = self.0.read();
        match (host, host.as_ip()) {
            (_, Some(ip)) => set.addresses.contains(&ip),
            (Host::Name(name), None) => {
                let name = name.strip_suffix(b".").unwrap_or(name);
                if name.iter().any(u8::is_ascii_uppercase) {
                    set.names.contains(name.to_ascii_lowercase().as_slice())
                } else {
                    set.names.contains(name)
                }
            }
            _ => false,
        }
    }

    /// All of them, sorted.
    #[must_use]
    pub fn list(&self) -> Vec<String> {
        let set = self.0.read();
        let names = set.names.iter().map(|d| String::from_utf8_lossy(d).into_owned());
        let mut all: Vec<_> = names.chain(set.addresses.iter().map(IpAddr::to_string)).collect();
        all.sort();
        all
    }
}

impl EngineParts {
    /// Whether a SIP URI means this engine: a listener, or one of our domains without a port or
    /// with one that we listen on (Kamailio's `uri == myself`, where an alias without a port holds
    /// for all of them: here a domain may be an address that others listen on as well).
    #[must_use]
    pub fn is_myself(&self, uri: &Uri<'_>) -> bool {
        let port_fits = || {
            uri.port
                .is_none_or(|p| p == 5060 || self.listeners.iter().any(|(_, l)| l.addr.port() == p))
        };
        is_local_uri(&self.listeners, uri)
            || (uri.is_sip() && self.domains.contains(&uri.host) && port_fits())
    }
}

/// What a module may reach and ask for while it starts.
pub struct InitCx<'a> {
    /// The engine's shared parts; the parameters are set.
    pub engine: &'a Arc<EngineParts>,
    /// Transactions and proxy core.
    pub proxy: &'a Arc<Proxy>,
    /// The time.
    pub now: Now,
    /// Chance, from the operating system.
    pub rng: &'a mut dyn sip_core::rng::Rng,
    queues: Vec<JobQueueDecl>,
    timers: Vec<TimerDecl>,
}

impl<'a> InitCx<'a> {
    /// A context for the start of an engine.
    pub fn new(
        engine: &'a Arc<EngineParts>,
        proxy: &'a Arc<Proxy>,
        now: Now,
        rng: &'a mut dyn sip_core::rng::Rng,
    ) -> Self {
        Self { engine, proxy, now, rng, queues: Vec::new(), timers: Vec::new() }
    }

    /// The interface of type `T` of another module.
    ///
    /// # Errors
    /// When `module`, which offers it, is not loaded; `wanted_by` is named in the text.
    pub fn api<T: Any + Send + Sync>(
        &self,
        wanted_by: &'static str,
        module: &str,
    ) -> Result<Arc<T>, InitError> {
        self.engine
            .registry
            .api::<T>()
            .ok_or_else(|| InitError::new(wanted_by, format!("needs module {module}, not loaded")))
    }

    /// A thread that drives `runner` with batches of what is submitted to the queue.
    pub fn job_queue(
        &mut self,
        name: impl Into<String>,
        bound: usize,
        max_batch: usize,
        runner: Box<dyn JobRunner>,
    ) -> JobQueue {
        let (queue, decl) = job_queue(name, bound, max_batch, runner);
        self.queues.push(decl);
        queue
    }

    /// A timer that calls `handler` every `interval()`.
    pub fn timer(
        &mut self,
        module: &'static str,
        interval: impl Fn() -> Duration + Send + Sync + 'static,
        handler: impl Fn(&mut TimerCx<'_, '_>) + Send + Sync + 'static,
    ) {
        let (interval, handler) = (Arc::new(interval), Arc::new(handler));
        self.timers.push(TimerDecl { module, interval, handler });
    }

    /// What was asked for.
    #[must_use]
    pub fn finish(self) -> (Vec<JobQueueDecl>, Vec<TimerDecl>) {
        (self.queues, self.timers)
    }
}
