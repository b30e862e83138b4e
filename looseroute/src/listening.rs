//! The engine's listen addresses, bound or only named, and what all workers' transports share.

use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use sip_core::net::{Listener, Listeners};
use sip_core::stats::{Builder, Shard};
use sip_transport::{
    BoundSocket, ConnDirectory, ListenSpec, Transport, TransportError, TransportParams,
    TransportStats, bind,
};

use crate::error::EngineError;

/// The engine's listen addresses.
pub(crate) enum Listening {
    /// Bound for one worker; the sockets are taken out by who drives.
    Bound(Mutex<Option<Vec<BoundSocket>>>, Arc<Listeners>),
    /// Addresses without sockets.
    Named(Arc<Listeners>),
}

impl Listening {
    /// Binds the addresses, or only reads them.
    pub(crate) fn open(
        addresses: &[String],
        sockets: bool,
        params: &TransportParams,
    ) -> Result<Self, EngineError> {
        let specs: Vec<ListenSpec> = addresses
            .iter()
            .map(|a| a.parse())
            .collect::<Result<_, _>>()
            .map_err(TransportError::from)?;
        if !sockets {
            return Ok(Self::Named(Arc::new(named(&specs)?)));
        }
        let mut bound = bind(&specs, 1, params)?;
        let sockets = bound.workers.pop().unwrap_or_default();
        Ok(Self::Bound(Mutex::new(Some(sockets)), bound.listeners))
    }

    /// The listeners, ports filled in.
    pub(crate) fn listeners(&self) -> Arc<Listeners> {
        let (Self::Bound(_, listeners) | Self::Named(listeners)) = self;
        Arc::clone(listeners)
    }

    /// The sockets of the first worker, once.
    pub(crate) fn take_sockets(&self) -> Option<Vec<BoundSocket>> {
        match self {
            Self::Bound(sockets, _) => sockets.lock().take(),
            Self::Named(_) => None,
        }
    }

    /// Binds the same addresses again, as groups for `workers` workers. The first worker's sockets
    /// must be closed.
    pub(crate) fn rebind(
        &self,
        workers: u16,
        params: &TransportParams,
    ) -> Result<Vec<Vec<BoundSocket>>, EngineError> {
        let specs: Vec<ListenSpec> = self
            .listeners()
            .iter()
            .map(|(_, l)| ListenSpec {
                protos: vec![l.proto],
                host: l.addr.ip().to_string(),
                port: l.addr.port(),
                advertised: l.advertised.clone().map(|(host, port)| (host, Some(port))),
            })
            .collect();
        Ok(bind(&specs, workers, params)?.workers)
    }
}

fn named(specs: &[ListenSpec]) -> Result<Listeners, EngineError> {
    let mut named = Vec::new();
    for spec in specs {
        let ip = spec.host.parse().ok().filter(|_| spec.port != 0).ok_or(EngineError::Mode(
            "an engine without sockets takes listen addresses as an IP address and a port",
        ))?;
        let advertised = spec.advertised.clone().map(|(h, p)| (h, p.unwrap_or(spec.port)));
        for proto in &spec.protos {
            let addr = SocketAddr::new(ip, spec.port);
            named.push(Listener::new(*proto, addr, advertised.clone()));
        }
    }
    Ok(Listeners::new(named))
}

/// What all workers' transports share.
#[derive(Default)]
pub(crate) struct TransportSetup {
    pub(crate) params: Arc<TransportParams>,
    pub(crate) directory: Arc<ConnDirectory>,
}

/// The same, with its statistics declared.
pub(crate) struct Transports {
    pub(crate) params: Arc<TransportParams>,
    pub(crate) directory: Arc<ConnDirectory>,
    stats: TransportStats,
}

impl TransportSetup {
    /// Declares the transport's statistics.
    pub(crate) fn declare(self, builder: &mut Builder) -> Transports {
        let stats = TransportStats::declare(builder, &self.directory);
        Transports { params: self.params, directory: self.directory, stats }
    }
}

impl Transports {
    /// The transport of one worker.
    pub(crate) fn make(
        &self,
        worker: u16,
        listeners: Arc<Listeners>,
        sockets: Vec<BoundSocket>,
        shard: Arc<Shard>,
    ) -> Result<Transport, EngineError> {
        Ok(Transport::new(
            worker,
            listeners,
            sockets,
            Arc::clone(&self.params),
            Arc::clone(&self.directory),
            self.stats.on(shard),
        )?)
    }
}
