//! The worker's own parameters, declared like any other module's. What needs no worker is declared
//! by `sip-modules/core`.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use sip_module_api::Module;
use sip_module_api::registry::{Declare, When};
use sip_transport::TransportParams;

use crate::shared::CoreParams;
use crate::timer::{HostTimers, MOST};

/// The transport's parameters, under Kamailio's core names.
struct TransportModule {
    params: Arc<TransportParams>,
}

/// The module that declares the transport's parameters.
pub(crate) fn transport(params: Arc<TransportParams>) -> Arc<dyn Module> {
    Arc::new(TransportModule { params })
}

impl Module for TransportModule {
    fn name(&self) -> &'static str {
        "transport"
    }

    fn doc(&self) -> &'static str {
        "sockets, connections and their limits (core parameters of Kamailio)"
    }

    fn declare(self: Arc<Self>, declare: &mut Declare<'_>) {
        for info in TransportParams::INFO {
            let (set, get) = (Arc::clone(&self.params), Arc::clone(&self.params));
            declare.int_with(
                info.name,
                i64::from(info.default),
                i64::from(info.min)..=i64::from(info.max),
                When::Always,
                info.doc,
                move |n| {
                    let n = u32::try_from(n).map_err(|e| e.to_string())?;
                    set.set(info.name, n).map_err(|e| e.to_string())
                },
                move || get.value(info.name).map_or(0, i64::from),
            );
        }
    }
}

struct EngineModule {
    params: Arc<CoreParams>,
    timers: Arc<HostTimers>,
}

/// The module that declares the worker's own parameters.
pub(crate) fn waiting(params: Arc<CoreParams>, timers: Arc<HostTimers>) -> Arc<dyn Module> {
    Arc::new(EngineModule { params, timers })
}

impl Module for EngineModule {
    fn name(&self) -> &'static str {
        "async"
    }

    fn doc(&self) -> &'static str {
        "calls that wait: deadlines and limits"
    }

    fn declare(self: Arc<Self>, declare: &mut Declare<'_>) {
        let mut int = |name, cell: fn(&CoreParams) -> &AtomicI64, min, doc| {
            let (set, get) = (Arc::clone(&self.params), Arc::clone(&self.params));
            declare.int_with(
                name,
                cell(&self.params).load(Ordering::Relaxed),
                min..=i64::from(i32::MAX),
                When::Always,
                doc,
                move |n| {
                    cell(&set).store(n, Ordering::Relaxed);
                    Ok(())
                },
                move || cell(&get).load(Ordering::Relaxed),
            );
        };
        int(
            "deadline",
            |p| &p.async_deadline,
            1,
            "the longest wait of an action that has no deadline of its own, in milliseconds",
        );
        int(
            "max_parked_calls",
            |p| &p.max_parked,
            0,
            "calls that one worker parks at most; beyond it a request that would wait gets a 503",
        );
        let (set, get) = (Arc::clone(&self.timers), Arc::clone(&self.timers));
        declare.int_with(
            "max_timers",
            MOST,
            0..=i64::from(i32::MAX),
            When::Always,
            "timers that the host may have started at a time; beyond it none is started",
            move |n| {
                set.set_limit(n);
                Ok(())
            },
            move || get.limit(),
        );
    }
}
