//! The parameters of the module `tm`, which are the transaction layer's own.

use std::sync::Arc;

use sip_core::proxy::Proxy;
use sip_core::txn::{Param, TmParams};
use sip_module_api::Value;
use sip_module_api::registry::{Declare, When};

type Cell = fn(&TmParams) -> &Param;

const MS: std::ops::RangeInclusive<i64> = 1..=i32::MAX as i64;
const FLAG: std::ops::RangeInclusive<i64> = 0..=1;

/// Name, cell, range, doc.
const INTS: &[(&str, Cell, std::ops::RangeInclusive<i64>, &str)] = &[
    ("retr_timer1", |p| &p.retr_timer1, MS, "first retransmission interval, T1, in milliseconds"),
    ("retr_timer2", |p| &p.retr_timer2, MS, "longest retransmission interval, T2, in milliseconds"),
    ("fr_timer", |p| &p.fr_timer, MS, "milliseconds without any answer until a branch has failed"),
    ("fr_inv_timer", |p| &p.fr_inv_timer, MS, "milliseconds that an INVITE may ring"),
    ("wt_timer", |p| &p.wt_timer, MS, "milliseconds that a completed transaction stays in memory"),
    (
        "max_inv_lifetime",
        |p| &p.max_inv_lifetime,
        MS,
        "longest life of an INVITE transaction without a final answer, in milliseconds",
    ),
    (
        "max_noninv_lifetime",
        |p| &p.max_noninv_lifetime,
        MS,
        "longest life of another transaction without a final answer, in milliseconds",
    ),
    ("auto_inv_100", |p| &p.auto_inv_100, FLAG, "1: a new INVITE transaction answers 100 at once"),
    (
        "restart_fr_on_each_reply",
        |p| &p.restart_fr_on_each_reply,
        FLAG,
        "1: each provisional answer restarts fr_inv_timer",
    ),
    (
        "remap_503_500",
        |p| &p.remap_503_500,
        FLAG,
        "1: a 503 that is the only answer goes upstream as 500",
    ),
    (
        "aggregate_challenges",
        |p| &p.aggregate_challenges,
        FLAG,
        "1: the challenges of all branches go upstream",
    ),
    (
        "reply_408_code",
        |p| &p.reply_408_code,
        400..=699,
        "the code when no branch answered in time",
    ),
    (
        "max_branches",
        |p| &p.max_branches,
        1..=126,
        "branches of a transaction at most (Kamailio's core parameter)",
    ),
    (
        "max_breadth",
        |p| &p.max_breadth,
        1..=1000,
        "Max-Breadth of a request that forks and came without (RFC 5393); a fork beyond it gets a 440",
    ),
    (
        "disable_6xx_block",
        |p| &p.disable_6xx_block,
        FLAG,
        "1: a 6xx is a failure like others, so that branches may follow it",
    ),
    (
        "default_code",
        |p| &p.default_code,
        400..=699,
        "the code of t_reply_error, and when all answers were dropped",
    ),
    (
        "loop_detection",
        |p| &p.loop_detection,
        FLAG,
        "1: a request that comes back unchanged is answered 482 (RFC 3261 16.3)",
    ),
    (
        "udp_mtu",
        |p| &p.udp_mtu,
        0..=65_535,
        "bytes that a request may have over UDP; a longer one goes over TCP if it can (RFC 3261 \
         18.1.1; Kamailio's core parameter, 0 there), 0: never",
    ),
    (
        "max_transactions",
        |p| &p.max_transactions,
        1..=i32::MAX as i64,
        "transactions in memory at most; beyond it a request gets a 503",
    ),
];

/// Declares them.
pub(super) fn declare(d: &mut Declare<'_>) {
    for (name, cell, range, doc) in INTS {
        let (set, get) = (Arc::clone(d.proxy()), Arc::clone(d.proxy()));
        let default = i64::from(cell(d.proxy().params()).value());
        d.int_with(
            name,
            default,
            range.clone(),
            When::Always,
            doc,
            move |n| {
                let n = u32::try_from(n).map_err(|_| "is out of range".to_owned())?;
                cell(set.params()).set(n);
                Ok(())
            },
            move || i64::from(cell(get.params()).value()),
        );
    }
    text(d, "auto_inv_100_reason", "the reason phrase of the automatic 100", |p, s| {
        p.params().set_auto_inv_100_reason(s);
    });
    text(d, "default_reason", "the reason phrase that goes with default_code", |p, s| {
        p.params().set_default_reason(s);
    });
    text(d, "reply_408_reason", "the reason phrase when no branch answered in time", |p, s| {
        p.params().set_reply_408_reason(s);
    });
}

fn text(d: &mut Declare<'_>, name: &'static str, doc: &'static str, set: fn(&Proxy, &str)) {
    let proxy = Arc::clone(d.proxy());
    let last = Arc::new(parking_lot::RwLock::new(Value::Null));
    let shown = Arc::clone(&last);
    let store = move |value: &Value| {
        let text = value.as_str().ok_or("is no UTF-8 text")?;
        set(&proxy, text);
        *last.write() = value.clone();
        Ok(())
    };
    d.str_with(name, Value::Null, When::Always, doc, store, move || shown.read().clone());
}
