//! The engine's handle: the ways to drive it, to ask it and to end it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use sip_core::net::{Flow, Listeners, Proto};
use sip_core::output::{Input, Output};
use sip_core::rng::SeededRng;
use sip_core::stats::Snapshot;
use sip_core::time::Now;
use sip_module_api::Value;
use sip_module_api::call::WaitToken;
use sip_module_api::log::Level;
use sip_module_api::registry::Registry;
use sip_module_api::rpc::{RpcCx, RpcError, RpcValue};
use sip_transport::Transport;

use crate::builder::{Builder, entropy};
use crate::control::Control;
use crate::driver::Driver;
use crate::error::{EngineError, InputError};
use crate::jobs::Jobs;
use crate::listening::{Listening, Transports};
use crate::mail::WaitGone;
use crate::shared::{Shared, Stage};
use crate::threads::Threads;

/// A SIP proxy and registrar. See the crate's documentation for the ways to drive it. All methods
/// may be called from any thread; those that drive wait for each other. Several engines may live
/// in one process and share nothing.
pub struct Engine {
    pub(crate) shared: Arc<Shared>,
    listening: Listening,
    transport: Transports,
    control: Control,
    pub(crate) local: Mutex<Option<Driver>>,
    threads: Mutex<Threads>,
    jobs: Mutex<Option<Jobs>>,
}

/// How often a draining engine looks whether it is empty.
const DRAIN_STEP: Duration = Duration::from_millis(20);
/// How long a draining engine serves on after its last answer: T1 of RFC 3261 17, about what a
/// message takes to the peer and back.
const LINGER: Duration = Duration::from_millis(500);

impl Engine {
    /// A builder.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn assemble(
        shared: Arc<Shared>,
        listening: Listening,
        transport: Transports,
        control: Control,
        jobs: Jobs,
    ) -> Result<Self, EngineError> {
        let engine = Self {
            shared,
            listening,
            transport,
            control,
            local: Mutex::new(None),
            threads: Mutex::default(),
            jobs: Mutex::new(Some(jobs)),
        };
        engine.shared.set_stage(Stage::Built);
        // The first worker's sockets exist from now on, so that a path or port in use is told here.
        let driver = engine.local_driver()?;
        *engine.local.lock() = Some(driver);
        Ok(engine)
    }

    fn local_driver(&self) -> Result<Driver, EngineError> {
        let transport = match self.listening.take_sockets() {
            None => None,
            Some(sockets) => Some(self.make_transport(0, sockets)?),
        };
        Driver::new(Arc::clone(&self.shared), 0, transport)
    }

    /// The transport of one worker; the first one has the control sockets.
    fn make_transport(
        &self,
        worker: u16,
        sockets: Vec<sip_transport::BoundSocket>,
    ) -> Result<Transport, EngineError> {
        let parts = &self.shared.parts;
        let shard = parts.stats.shard(usize::from(worker)).ok_or(TOO_MANY)?;
        let mut transport =
            self.transport.make(worker, Arc::clone(&parts.listeners), sockets, shard)?;
        if worker == 0 {
            self.control.open(&mut transport)?;
        }
        Ok(transport)
    }

    /// The addresses the engine listens on, ports filled in.
    #[must_use]
    pub fn listeners(&self) -> &Listeners {
        &self.shared.parts.listeners
    }

    /// What is declared: functions, parameters, RPC commands, statistics and events.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.shared.parts.registry
    }

    // ---- driving ----

    /// Way A: a descriptor that becomes readable when [`Engine::process`] has something to do. Not
    /// to be read or closed. `None` when the engine has no sockets or runs on its own threads.
    #[cfg(unix)]
    #[must_use]
    pub fn fd(&self) -> Option<std::os::fd::RawFd> {
        Some(self.local.lock().as_ref()?.transport.as_ref()?.fd())
    }

    /// How long [`Engine::process`] may be left uncalled if the descriptor stays quiet; `None`: as
    /// long as you like.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Duration> {
        self.local.lock().as_ref()?.next_timeout(self.shared.now())
    }

    /// Ways A and B: one turn. Waits up to `timeout` for something to do (`None`: until there is
    /// something; zero: not at all).
    ///
    /// # Errors
    /// When the sockets cannot be polled, or the engine runs on its own threads or has stopped.
    pub fn process(&self, timeout: Option<Duration>) -> Result<(), EngineError> {
        let mut local = self.local.lock();
        let driver = local.as_mut().ok_or(NOT_LOCAL)?;
        if self.shared.stage() == Stage::Stopped {
            return Err(NOT_LOCAL);
        }
        self.run_stage();
        driver.turn(timeout)
    }

    /// Way B at its simplest: serves on the calling thread until [`Engine::shutdown`] or
    /// [`Engine::stop`] is called on another one.
    ///
    /// # Errors
    /// As [`Engine::process`].
    pub fn run(&self) -> Result<(), EngineError> {
        let stopped = || self.shared.stop.load(Ordering::Acquire);
        while !stopped() {
            // While draining, short turns: the thread in `shutdown` wants to look.
            let draining = self.shared.stage() == Stage::Draining;
            match self.process(draining.then_some(DRAIN_STEP)) {
                // The thread that ended the engine took the worker meanwhile.
                Err(_) if stopped() => break,
                done => done?,
            }
        }
        Ok(())
    }

    /// Way C: serves on `workers` threads of the engine's own and returns at once.
    ///
    /// # Errors
    /// When the engine is driven or stopped already, has no sockets, or the system refuses sockets
    /// or threads.
    pub fn start(&self, workers: usize) -> Result<(), EngineError> {
        let mut threads = self.threads.lock();
        let mut local = self.local.lock();
        if !threads.is_empty() || self.shared.stage() != Stage::Built {
            return Err(EngineError::Mode("the engine is driven or was stopped already"));
        }
        let Listening::Bound(..) = &self.listening else {
            return Err(EngineError::Mode("an engine without sockets has nothing to serve"));
        };
        let room = self.shared.parts.stats.shards();
        if workers == 0 || workers > room {
            return Err(TOO_MANY);
        }
        let first = local.take().ok_or(NOT_LOCAL)?;
        let drivers = if workers == 1 { vec![first] } else { self.spread(first, workers)? };
        self.run_stage();
        *threads = Threads::start(&self.shared, drivers)?;
        Ok(())
    }

    /// Rebinds the addresses as groups of `workers` sockets, one for each worker.
    fn spread(&self, first: Driver, workers: usize) -> Result<Vec<Driver>, EngineError> {
        drop(first);
        let count = u16::try_from(workers).map_err(|_| TOO_MANY)?;
        let groups = self.listening.rebind(count, &self.transport.params)?;
        let mut drivers = Vec::with_capacity(workers);
        for (index, sockets) in (0..count).zip(groups) {
            let transport = self.make_transport(index, sockets)?;
            drivers.push(Driver::new(Arc::clone(&self.shared), index, Some(transport))?);
        }
        Ok(drivers)
    }

    /// Way D: hands in one message that the host received on `to` (one of the listen addresses)
    /// from `from`. The time is the host's; it never goes back.
    ///
    /// # Errors
    /// When `to` is none of the listen addresses.
    pub fn handle_input(
        &self,
        now: Now,
        proto: Proto,
        bytes: Bytes,
        from: SocketAddr,
        to: SocketAddr,
    ) -> Result<(), InputError> {
        let mut listeners = self.shared.parts.listeners.iter();
        let (listen, _) = listeners
            .find(|(_, l)| l.addr == to && l.proto == proto)
            .ok_or(InputError::NotListening(to))?;
        let flow = Flow { proto, listen, peer: from, conn: None };
        self.handle_event(now, Input::Message { flow, bytes });
        Ok(())
    }

    /// Way D: hands in anything that may happen outside: a message of a flow, a closed connection,
    /// a failed send.
    pub fn handle_event(&self, now: Now, input: Input) {
        self.with_worker(now, |driver| driver.worker.handle_input(now, input));
    }

    /// Way D: takes the next thing to be carried out outside.
    #[must_use]
    pub fn poll_output(&self) -> Option<Output> {
        self.local.lock().as_mut()?.worker.poll_output()
    }

    /// Way D: when [`Engine::handle_timeout`] must be called at the latest.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<sip_core::time::Instant> {
        self.local.lock().as_ref()?.worker.poll_timeout()
    }

    /// Way D: lets time pass, and takes in what other threads have left (see
    /// [`Engine::set_wakeup`]). A call too early is harmless.
    pub fn handle_timeout(&self, now: Now) {
        self.with_worker(now, |driver| driver.worker.handle_timeout(now));
    }

    fn with_worker(&self, now: Now, step: impl FnOnce(&mut Driver)) {
        let mut local = self.local.lock();
        let Some(driver) = local.as_mut() else { return };
        if self.shared.stage() == Stage::Stopped {
            return;
        }
        self.shared.clock.tell(now);
        self.run_stage();
        let _turn = self.shared.begin_turn(0, now);
        driver.worker.handle_mail(now);
        step(driver);
        self.shared.parts.log.drain();
    }

    /// Ways A and D: `wakeup` is called, from any thread, when another thread has left something
    /// for the engine; the host then calls [`Engine::process`] or [`Engine::handle_timeout`] on
    /// its own thread. It must do no more than tell that thread. Ignored once the engine runs on
    /// its own threads.
    pub fn set_wakeup(&self, wakeup: impl Fn() + Send + Sync + 'static) {
        let local = self.local.lock();
        let Some(driver) = local.as_ref() else { return };
        let waker = driver.transport.as_ref().map(Transport::waker);
        self.shared.mail.set_waker(
            0,
            Arc::new(move || {
                if let Some(waker) = &waker {
                    crate::driver::wake(waker);
                }
                wakeup();
            }),
        );
    }

    fn run_stage(&self) {
        if self.shared.stage() == Stage::Built {
            self.shared.set_stage(Stage::Running);
        }
    }

    // ---- asking ----

    /// Sets a module's parameter. Some may only be set before the engine is driven.
    ///
    /// # Errors
    /// When there is no such parameter, the value does not fit, or it is too late.
    pub fn modparam(
        &self,
        module: &str,
        name: &str,
        value: impl Into<Value>,
    ) -> Result<(), EngineError> {
        let started = self.shared.stage() != Stage::Built;
        Ok(self.shared.parts.registry.set_param(module, name, &value.into(), started)?)
    }

    /// Runs an RPC command, on the calling thread.
    ///
    /// # Errors
    /// 404 when there is no such command (with the nearest name), else the command's own error.
    pub fn rpc(&self, command: &str, params: &[RpcValue]) -> Result<RpcValue, RpcError> {
        run_rpc(&self.shared, command, params)
    }

    /// As [`Engine::rpc`] with JSON in and out: `params` is a JSON array (or empty text for none),
    /// the answer is the JSON of the result.
    ///
    /// # Errors
    /// 400 when `params` is no JSON array, else as [`Engine::rpc`].
    pub fn rpc_json(&self, command: &str, params: &str) -> Result<String, RpcError> {
        let params = crate::control::params_from_json(params)?;
        Ok(crate::control::json_text(&self.rpc(command, &params)?))
    }

    /// The value of a statistic, as of `("usrloc", "registered_users")`.
    #[must_use]
    pub fn statistic(&self, group: &str, name: &str) -> Option<u64> {
        self.shared.parts.stats.get(group, name)
    }

    /// All statistics as they are now; the workers go on meanwhile. What happened between two of
    /// them is [`Snapshot::since`].
    #[must_use]
    pub fn statistics(&self) -> Snapshot {
        self.shared.parts.stats.snapshot()
    }

    /// Ends a wait that a route has opened with `Call::external_wait`; from any thread.
    ///
    /// # Errors
    /// [`WaitGone`] when it was ended before, its deadline has passed or its call is over.
    pub fn resume(&self, wait: WaitToken, value: impl Into<Value>) -> Result<(), WaitGone> {
        self.shared.mail.end_wait(wait, value.into())
    }

    /// Live objects that must all be gone once traffic has ended and timers have run: calls in a
    /// route of the local worker, transactions, open waits.
    #[must_use]
    pub fn live(&self) -> (usize, usize, usize) {
        let calls = self.local.lock().as_ref().map_or(0, |d| d.worker.live_calls());
        (calls, self.shared.proxy.live(), self.shared.mail.open_waits())
    }

    /// Sets the highest level of log records that are kept.
    pub fn set_log_level(&self, level: Level) {
        self.shared.parts.log.set_level(level as i32);
    }

    // ---- ending ----

    /// Ends the engine in order: new calls get a 503, what is under way has `grace` to end, then
    /// the rest is given up, stores are flushed and threads joined. Answers whether everything had
    /// ended in time. A second call does nothing and answers true.
    ///
    /// On an engine that the host drives, the calling thread drives it meanwhile. Without sockets
    /// nothing can be driven: what is under way is given up at once, and what is still to be sent
    /// is left for [`Engine::poll_output`].
    pub fn shutdown(&self, grace: Duration) -> bool {
        if !self.shared.begin_draining() {
            return true;
        }
        self.nudge();
        let deadline = self.shared.now().mono + grace;
        let told = matches!(*self.shared.clock, crate::clock::Clock::Told { .. });
        let ended = || self.shared.proxy.unfinished() == 0 && self.live().0 == 0;
        let mut quiet_since = None;
        loop {
            let now = self.shared.now().mono;
            // What was answered just now is acknowledged within a moment; the ACK to a 2xx is a
            // request of its own that only we can pass on.
            quiet_since = ended().then(|| quiet_since.unwrap_or(now));
            let acknowledged = quiet_since.is_some_and(|since| {
                self.shared.proxy.live() == 0 || now.saturating_since(since) >= LINGER
            });
            if told || acknowledged || now >= deadline {
                break;
            }
            if self.threads.lock().is_empty() {
                if self.process(Some(DRAIN_STEP)).is_err() {
                    break;
                }
            } else {
                std::thread::park_timeout(DRAIN_STEP);
            }
        }
        let ended = ended();
        self.stop();
        self.finish();
        ended
    }

    /// Makes [`Engine::run`] and the engine's threads return soon, without draining. Safe to call
    /// at any time, also from a signal-handling thread.
    pub fn stop(&self) {
        self.shared.stop.store(true, Ordering::Release);
        self.nudge();
    }

    /// Ends the current wait of every worker.
    fn nudge(&self) {
        for worker in 0..self.shared.parts.stats.shards() {
            self.shared.mail.post(worker as u16, crate::mail::Mail::Nudge);
        }
    }

    /// What comes after the last turn: waits are ended, modules flush, job threads finish.
    fn finish(&self) {
        let mut drivers = self.threads.lock().join();
        let now = self.shared.now();
        let mut local = self.local.lock();
        drivers.extend(local.take());
        for driver in &mut drivers {
            let turn = self.shared.begin_turn(driver.index(), now);
            driver.worker.abandon_all(now);
            drop(turn);
            if driver.transport.is_some() {
                let _sent = driver.turn(Some(Duration::ZERO));
            }
        }
        self.shared.set_stage(Stage::Stopped);
        self.shared.host_timers.clear();
        // Without sockets the host carries the last answers out.
        *local = drivers.pop().filter(|d| d.transport.is_none());
        drop((drivers, local));
        for module in &self.shared.modules {
            module.shutdown(now);
        }
        if let Some(jobs) = self.jobs.lock().take() {
            jobs.stop();
        }
        self.shared.parts.log.drain();
    }
}

impl Drop for Engine {
    /// An engine that was not shut down is stopped without grace; its stores are flushed.
    fn drop(&mut self) {
        if self.shared.stage() != Stage::Stopped {
            self.shared.set_stage(Stage::Draining);
            self.stop();
            self.finish();
        }
    }
}

const NOT_LOCAL: EngineError =
    EngineError::Mode("the engine runs on its own threads or has stopped");

pub(crate) const TOO_MANY: EngineError =
    EngineError::Mode("the number of workers must be from 1 to the builder's max_workers");

/// Runs an RPC command for whichever way it came in.
pub(crate) fn run_rpc(
    shared: &Arc<Shared>,
    command: &str,
    params: &[RpcValue],
) -> Result<RpcValue, RpcError> {
    let registry = &shared.parts.registry;
    let Some(rpc) = registry.rpc(command) else {
        let names = registry.rpcs().iter().map(|r| r.name);
        let hint = sip_module_api::registry::nearest(command, names)
            .map(|n| format!("; did you mean {n}?"))
            .unwrap_or_default();
        return Err(RpcError::new(404, format!("there is no command {command}{hint}")));
    };
    let entropy = entropy(shared.seed).map_err(|e| RpcError::new(500, e.to_string()))?;
    let mut rng = SeededRng::from_entropy(entropy);
    let now = shared.now();
    if !sip_core::lock::on_worker() {
        sip_core::lock::set_turn(now.mono);
    }
    let mut cx = RpcCx { now, engine: &shared.parts, rng: &mut rng, proxy: &shared.proxy };
    (rpc.handler)(&mut cx, params)
}
