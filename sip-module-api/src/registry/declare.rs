//! The pen a module declares itself with.

use std::any::Any;
use std::ops::RangeInclusive;
use std::sync::Arc;

use sip_core::proxy::Proxy;
use sip_core::stats;

use super::{
    EventDecl, Function, FunctionId, IntParam, ModuleInfo, Param, ParamKind, Registry, Rpc,
    StrParam, When,
};
use crate::call::{CallState, RouteMask};
use crate::flow::{ActionCx, Flow};
use crate::rpc::{RpcCx, RpcError, RpcValue};
use crate::value::Value;

/// Declares for one module. A name declared twice is a mistake of the program, not of its user,
/// and panics at start-up.
pub struct Declare<'a> {
    registry: &'a mut Registry,
    stats: &'a mut stats::Builder,
    proxy: &'a Arc<Proxy>,
    module: &'static str,
}

impl<'a> Declare<'a> {
    /// A pen for `module`, described by `doc`.
    pub fn new(
        registry: &'a mut Registry,
        stats: &'a mut stats::Builder,
        proxy: &'a Arc<Proxy>,
        module: &'static str,
        doc: &'static str,
    ) -> Self {
        assert!(
            registry.modules.iter().all(|m| m.name != module),
            "module {module} is declared twice"
        );
        registry.modules.push(ModuleInfo { name: module, doc });
        Self { registry, stats, proxy, module }
    }

    /// A function taking `args` arguments in routes of the kinds `routes`.
    pub fn function(
        &mut self,
        name: &'static str,
        args: RangeInclusive<u8>,
        routes: RouteMask,
        doc: &'static str,
        handler: impl Fn(&mut ActionCx<'_, '_>, &mut CallState, &[Value]) -> Flow
        + Send
        + Sync
        + 'static,
    ) {
        let id = FunctionId(u32::try_from(self.registry.functions.len()).unwrap_or(u32::MAX));
        let old = self.registry.function_ids.insert(name, id);
        assert!(old.is_none(), "function {name} is declared twice");
        self.registry.functions.push(Function {
            module: self.module,
            name,
            args: (*args.start(), *args.end()),
            routes,
            doc,
            handler: Arc::new(handler),
        });
    }

    /// An integer parameter in `cell`, which holds its default now.
    pub fn int(
        &mut self,
        name: &'static str,
        cell: &IntParam,
        range: RangeInclusive<i64>,
        when: When,
        doc: &'static str,
    ) {
        let (set, get) = (cell.clone(), cell.clone());
        self.int_with(
            name,
            cell.get(),
            range,
            when,
            doc,
            move |n| {
                set.set(n);
                Ok(())
            },
            move || get.get(),
        );
    }

    /// An integer parameter that is kept elsewhere: `set` may refuse with a reason.
    #[expect(clippy::too_many_arguments, reason = "each is one part of the declaration")]
    pub fn int_with(
        &mut self,
        name: &'static str,
        default: i64,
        range: RangeInclusive<i64>,
        when: When,
        doc: &'static str,
        set: impl Fn(i64) -> Result<(), String> + Send + Sync + 'static,
        get: impl Fn() -> i64 + Send + Sync + 'static,
    ) {
        self.add_param(Param {
            module: self.module,
            name,
            kind: ParamKind::Int,
            default: Value::Int(default),
            range,
            when,
            doc,
            setter: Arc::new(move |v| set(v.as_int().unwrap_or_default())),
            getter: Arc::new(move || Value::Int(get())),
        });
    }

    /// A string parameter in `cell`, which holds its default now.
    pub fn str(&mut self, name: &'static str, cell: &StrParam, when: When, doc: &'static str) {
        let (set, get) = (cell.clone(), cell.clone());
        let store = move |v: &Value| {
            set.set(v.as_bytes().cloned().unwrap_or_default());
            Ok(())
        };
        self.str_with(name, Value::Str(cell.get()), when, doc, store, move || {
            Value::Str(get.get())
        });
    }

    /// A string parameter that is kept elsewhere: `set` may refuse with a reason.
    pub fn str_with(
        &mut self,
        name: &'static str,
        default: Value,
        when: When,
        doc: &'static str,
        set: impl Fn(&Value) -> Result<(), String> + Send + Sync + 'static,
        get: impl Fn() -> Value + Send + Sync + 'static,
    ) {
        self.add_param(Param {
            module: self.module,
            name,
            kind: ParamKind::Str,
            default,
            range: 0..=0,
            when,
            doc,
            setter: Arc::new(set),
            getter: Arc::new(get),
        });
    }

    fn add_param(&mut self, param: Param) {
        let key = (param.module, param.name);
        let old = self.registry.param_ids.insert(key, self.registry.params.len());
        assert!(old.is_none(), "parameter {}.{} is declared twice", key.0, key.1);
        self.registry.params.push(param);
    }

    /// An RPC command.
    pub fn rpc(
        &mut self,
        name: &'static str,
        doc: &'static str,
        handler: impl Fn(&mut RpcCx<'_>, &[RpcValue]) -> Result<RpcValue, RpcError>
        + Send
        + Sync
        + 'static,
    ) {
        let old = self.registry.rpc_ids.insert(name, self.registry.rpcs.len());
        assert!(old.is_none(), "RPC command {name} is declared twice");
        let handler = Arc::new(handler);
        self.registry.rpcs.push(Rpc { module: self.module, name, doc, handler });
    }

    /// An event with its fields.
    pub fn event(
        &mut self,
        name: &'static str,
        fields: &'static [&'static str],
        doc: &'static str,
    ) {
        self.registry.events.push(EventDecl { module: self.module, name, doc, fields });
    }

    /// The statistics of the engine, to declare counters and gauges in.
    pub fn stats(&mut self) -> &mut stats::Builder {
        self.stats
    }

    /// Transactions and proxy core, whose parameters the module `tm` declares.
    #[must_use]
    pub const fn proxy(&self) -> &'a Arc<Proxy> {
        self.proxy
    }

    /// An interface that other modules bind to by its type.
    pub fn api<T: Any + Send + Sync>(&mut self, api: Arc<T>) {
        self.registry.apis.insert(std::any::TypeId::of::<T>(), api);
    }
}
