//! The RPC commands of the module `tm`.

use sip_module_api::registry::Declare;
use sip_module_api::rpc::StructBuilder;

/// Kamailio's name of each member of `tm.stats` that is a statistic, and which.
const STATS: [(&str, &str); 9] = [
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
    d.rpc(
        "tm.stats",
        "the transaction layer's counters: transactions in memory (current), of them with their \
         final answer (waiting), made for requests (total) and for our own (total_local), answers \
         by way and class, and transactions made and freed",
        |cx, _| {
            let get = |name| cx.engine.stats.get("tmx", name).unwrap_or(0);
            let current = get("inuse_transactions");
            let made = get("UAS_transactions") + get("UAC_transactions");
            let mut out = StructBuilder::new()
                .with("current", current)
                .with("waiting", current.saturating_sub(get("active_transactions")))
                .with("total", get("UAS_transactions"));
            for (name, statistic) in STATS {
                out = out.with(name, get(statistic));
            }
            Ok(out
                .with("created", made)
                .with("freed", made.saturating_sub(current))
                .with("delayed_free", 0)
                .build())
        },
    );
}
