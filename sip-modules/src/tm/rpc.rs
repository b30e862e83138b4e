//! The RPC commands of the module `tm`.

use sip_module_api::registry::Declare;
use sip_module_api::rpc::{RpcValue, StructBuilder};

/// Kamailio's name of each member of `tm.stats`, and the statistic it shows.
const STATS: &[(&str, &str)] = &[
    ("current", "inuse_transactions"),
    ("waiting", "active_transactions"),
    ("total", "UAS_transactions"),
    ("total_local", "UAC_transactions"),
    ("rpl_received", "rpl_received"),
    ("rpl_generated", "rpl_generated"),
    ("rpl_sent", "rpl_sent"),
    ("6xx", "6xx_transactions"),
    ("5xx", "5xx_transactions"),
    ("4xx", "4xx_transactions"),
    ("3xx", "3xx_transactions"),
    ("2xx", "2xx_transactions"),
];

/// Declares them.
pub(super) fn declare(d: &mut Declare<'_>) {
    d.rpc("tm.stats", "the transaction layer's counters", |cx, _| {
        let mut out = StructBuilder::new();
        for (name, statistic) in STATS {
            if let Some(value) = cx.engine.stats.get("tmx", statistic) {
                out = out.with(*name, RpcValue::from(value));
            }
        }
        Ok(out.build())
    });
}
