//! The RPC commands of the core.

use sip_module_api::registry::{Declare, Registry};
use sip_module_api::rpc::{RpcArgs, RpcCx, RpcError, RpcValue, StructBuilder};
use sip_module_api::value::Value;

/// Declares them.
pub(super) fn declare(d: &mut Declare<'_>) {
    d.rpc("core.echo", "answers its parameters", |_, args| Ok(RpcValue::Array(args.to_vec())));
    d.rpc("core.version", "the version of the library", |_, _| {
        Ok(RpcValue::from(concat!("looseroute ", env!("CARGO_PKG_VERSION"))))
    });
    d.rpc("core.uptime", "seconds since the engine was made", |cx, _| {
        let (now, up) = (cx.now.wall.as_secs(), cx.engine.started.as_secs());
        Ok(StructBuilder::new()
            .with("now", now)
            .with("up_since", up)
            .with("uptime", now.saturating_sub(up))
            .build())
    });
    d.rpc("core.modules", "the loaded modules", |cx, _| {
        Ok(names(cx.engine.registry.modules().iter().map(|m| m.name)))
    });
    d.rpc("core.sockets_list", "the addresses that are listened on", |cx, _| {
        let sockets = cx.engine.listeners.iter().map(|(_, l)| {
            StructBuilder::new()
                .with("proto", l.proto.token())
                .with("addr", l.addr.ip().to_string())
                .with("port", l.addr.port())
                .with("advertise", String::from_utf8_lossy(l.sent_by()).into_owned())
                .build()
        });
        Ok(RpcValue::Array(sockets.collect()))
    });
    d.rpc("core.aliases_list", "the domains that mean this engine", |cx, _| {
        Ok(RpcValue::Array(cx.engine.domains.list().into_iter().map(RpcValue::from).collect()))
    });
    d.rpc("system.listMethods", "the names of all commands", |cx, _| {
        let mut all: Vec<_> = cx.engine.registry.rpcs().iter().map(|r| r.name).collect();
        all.sort_unstable();
        Ok(names(all.into_iter()))
    });
    d.rpc("system.methodHelp", "what a command (its name) does", |cx, args| {
        let name = RpcArgs::new(args).str("a command")?;
        let rpc = cx.engine.registry.rpc(name);
        rpc.map(|r| RpcValue::from(r.doc)).ok_or_else(|| RpcError::new(404, "no such command"))
    });
    d.rpc("modparam.list", "the parameters of a module (its name), or of all", |cx, args| {
        let module = args.first().and_then(RpcValue::as_str);
        Ok(list_params(&cx.engine.registry, module))
    });
    d.rpc("modparam.getn", "the integer of a parameter: module, name", param_value);
    d.rpc("modparam.gets", "the string of a parameter: module, name", param_value);
    d.rpc("modparam.setn", "sets an integer parameter: module, name, value", |cx, args| {
        let mut a = RpcArgs::new(args);
        let (module, name) = (a.str("a module")?, a.str("a parameter")?);
        set(cx, module, name, Value::Int(a.int("an integer")?))
    });
    d.rpc("modparam.sets", "sets a string parameter: module, name, value", |cx, args| {
        let mut a = RpcArgs::new(args);
        let (module, name) = (a.str("a module")?, a.str("a parameter")?);
        set(cx, module, name, Value::from(a.str("a string")?.to_owned()))
    });
}

fn names<'a>(names: impl Iterator<Item = &'a str>) -> RpcValue {
    RpcValue::Array(names.map(RpcValue::from).collect())
}

fn set(cx: &mut RpcCx<'_>, module: &str, name: &str, value: Value) -> Result<RpcValue, RpcError> {
    let set = cx.engine.registry.set_param(module, name, &value, true);
    set.map(|()| RpcValue::Null).map_err(|e| RpcError::new(400, e.to_string()))
}

fn param_value(cx: &mut RpcCx<'_>, args: &[RpcValue]) -> Result<RpcValue, RpcError> {
    let mut a = RpcArgs::new(args);
    let (module, name) = (a.str("a module")?, a.str("a parameter")?);
    let param = cx.engine.registry.param(module, name);
    let param = param.ok_or_else(|| RpcError::new(404, format!("no parameter {module}.{name}")))?;
    Ok(shown(&param.value()))
}

fn shown(value: &Value) -> RpcValue {
    match value {
        Value::Null => RpcValue::Null,
        Value::Int(n) => RpcValue::Int(*n),
        Value::Str(_) => RpcValue::Str(value.to_string()),
    }
}

fn list_params(registry: &Registry, module: Option<&str>) -> RpcValue {
    let wanted = registry.params().iter().filter(|p| module.is_none_or(|m| m == p.module));
    let list = wanted.map(|p| {
        StructBuilder::new()
            .with("module", p.module)
            .with("name", p.name)
            .with("value", shown(&p.value()))
            .with("default", shown(&p.default))
            .with("doc", p.doc)
            .build()
    });
    RpcValue::Array(list.collect())
}
