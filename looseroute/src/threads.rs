//! Workers on threads of the engine.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{Builder, JoinHandle};

use sip_module_api::log;

use crate::driver::Driver;
use crate::error::EngineError;
use crate::shared::Shared;
use crate::watchdog::WatchdogThread;

/// The threads of an engine that was started.
#[derive(Default)]
pub(crate) struct Threads {
    workers: Vec<JoinHandle<Driver>>,
    watchdog: Option<WatchdogThread>,
}

impl Threads {
    /// Starts a thread for each driver.
    pub(crate) fn start(shared: &Arc<Shared>, drivers: Vec<Driver>) -> Result<Self, EngineError> {
        let mut threads = Vec::new();
        for (index, driver) in drivers.into_iter().enumerate() {
            let shared = Arc::clone(shared);
            let thread = Builder::new()
                .name(format!("lr-worker-{index}"))
                .spawn(move || serve(&shared, driver))
                .map_err(|source| EngineError::System { what: "a thread", source })?;
            threads.push(thread);
        }
        let watchdog = Some(WatchdogThread::start(shared)?);
        Ok(Self { workers: threads, watchdog })
    }

    /// Waits for the threads, which must have been told to stop; answers their drivers.
    pub(crate) fn join(&mut self) -> Vec<Driver> {
        let drivers = self.workers.drain(..).filter_map(|t| t.join().ok()).collect();
        if let Some(watchdog) = self.watchdog.take() {
            watchdog.end();
        }
        drivers
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.workers.is_empty()
    }
}

fn serve(shared: &Shared, mut driver: Driver) -> Driver {
    while !shared.stop.load(Ordering::Acquire) {
        if let Err(error) = driver.turn(None) {
            log!(shared.parts.log, Critical, "core", "a worker stopped: {error}");
            shared.parts.log.drain();
            break;
        }
    }
    driver
}
