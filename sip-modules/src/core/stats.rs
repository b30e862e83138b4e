//! The commands that read and reset statistics (Kamailio's module kex has them), and the text for
//! Prometheus (xhttp_prom).

use sip_core::stats::Snapshot;
use sip_module_api::registry::Declare;
use sip_module_api::rpc::{RpcCx, RpcError, RpcValue};

/// What metrics' names begin with.
pub const METRICS_PREFIX: &str = "looseroute";

/// Declares them.
pub(super) fn declare(d: &mut Declare<'_>) {
    d.rpc(
        "stats.get_statistics",
        "statistics by `all`, `group:` or `group:name`, as lines",
        |cx, args| {
            let snapshot = cx.engine.stats.snapshot();
            let all = [RpcValue::from("all")];
            let wanted = if args.is_empty() { &all[..] } else { args };
            let lines = selected(&snapshot, wanted)?.into_iter().map(|v| line(&v, v.value));
            Ok(RpcValue::Array(lines.collect()))
        },
    );
    d.rpc(
        "stats.fetch",
        "statistics by `all`, `group:`, `group:name`, `group.name` or `name`, as a structure of texts",
        |cx, args| fetch(cx, args, |n| RpcValue::from(n.to_string())),
    );
    d.rpc("stats.fetchn", "as stats.fetch, as a structure of numbers", |cx, args| {
        fetch(cx, args, RpcValue::from)
    });
    d.rpc(
        "stats.reset_statistics",
        "sets counters to 0: `all`, `group:`, `group:name` or `name`",
        |cx, args| {
            needed(args)?;
            reset(cx, args)?;
            Ok(RpcValue::Null)
        },
    );
    d.rpc(
        "stats.clear_statistics",
        "as stats.reset_statistics, and answers what the values were: what happened since the last \
         time",
        |cx, args| {
            needed(args)?;
            let before = reset(cx, args)?;
            let lines = selected(&before, args)?.into_iter().map(|v| line(&v, v.value));
            Ok(RpcValue::Array(lines.collect()))
        },
    );
    d.rpc("stats.prometheus", "all statistics in the text format of Prometheus", |cx, _| {
        let mut out = String::new();
        cx.engine.stats.snapshot().write_prometheus(METRICS_PREFIX, &mut out);
        Ok(RpcValue::from(out))
    });
}

type Stat<'a> = sip_core::stats::Value<'a>;

fn line(stat: &Stat<'_>, value: u64) -> RpcValue {
    RpcValue::from(format!("{} = {value}", stat.full_name()))
}

fn needed(args: &[RpcValue]) -> Result<(), RpcError> {
    match args.is_empty() {
        true => Err(RpcError::new(400, "parameter 1 (which statistics) is missing")),
        false => Ok(()),
    }
}

/// The statistics that the selectors name, in their order.
fn selected<'a>(snapshot: &'a Snapshot, args: &[RpcValue]) -> Result<Vec<Stat<'a>>, RpcError> {
    let mut found = Vec::new();
    for arg in args {
        let selector = arg.as_str().ok_or_else(|| RpcError::new(400, "names are strings"))?;
        let selector = match selector.split_once('.') {
            Some((group, name)) if !selector.contains(':') => format!("{group}:{name}"),
            _ => selector.to_owned(),
        };
        found.extend(snapshot.iter().filter(|v| v.is_named(&selector)));
    }
    Ok(found)
}

fn fetch(
    cx: &mut RpcCx<'_>,
    args: &[RpcValue],
    shown: impl Fn(u64) -> RpcValue,
) -> Result<RpcValue, RpcError> {
    needed(args)?;
    let snapshot = cx.engine.stats.snapshot();
    let members = selected(&snapshot, args)?;
    let members = members.iter().map(|v| (format!("{}.{}", v.group, v.name), shown(v.value)));
    Ok(RpcValue::Struct(members.collect()))
}

/// Resets what the selectors name; answers the values from before. A count that comes between the
/// reading and the reset is lost, as one that comes with a reset always is.
fn reset(cx: &mut RpcCx<'_>, args: &[RpcValue]) -> Result<Snapshot, RpcError> {
    let before = cx.engine.stats.snapshot();
    for stat in selected(&before, args)? {
        cx.engine.stats.reset(stat.group, stat.name);
    }
    Ok(before)
}
