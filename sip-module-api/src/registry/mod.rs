//! What the modules declared: functions, parameters, RPC commands, statistics and events, each
//! once. Everything that shows, checks or calls them reads it here.

mod declare;
mod function;
mod param;

use std::any::{Any, TypeId};
use std::sync::Arc;

use hashbrown::HashMap;

pub use declare::Declare;
pub use function::{Function, FunctionId, Handler};
pub use param::{IntParam, Param, ParamError, ParamKind, StrParam, When};

use crate::rpc::RpcHandler;
use crate::value::Value;

/// A declared RPC command.
#[derive(Clone)]
pub struct Rpc {
    /// The module.
    pub module: &'static str,
    /// The command, as `ul.dump`.
    pub name: &'static str,
    /// What it does and takes.
    pub doc: &'static str,
    /// Its code.
    pub handler: RpcHandler,
}

/// A declared event.
#[derive(Clone, Copy, Debug)]
pub struct EventDecl {
    /// The module.
    pub module: &'static str,
    /// The event, as `usrloc:contact-expired`.
    pub name: &'static str,
    /// When it happens.
    pub doc: &'static str,
    /// Its fields in order.
    pub fields: &'static [&'static str],
}

/// A module in the registry.
#[derive(Clone, Copy, Debug)]
pub struct ModuleInfo {
    /// Its name, as in `loadmodule`.
    pub name: &'static str,
    /// One line on what it is for.
    pub doc: &'static str,
}

/// Everything declared. Built once before the engine starts, read-only afterwards.
#[derive(Default)]
pub struct Registry {
    modules: Vec<ModuleInfo>,
    functions: Vec<Function>,
    function_ids: HashMap<&'static str, FunctionId>,
    params: Vec<Param>,
    param_ids: HashMap<(&'static str, &'static str), usize>,
    rpcs: Vec<Rpc>,
    rpc_ids: HashMap<&'static str, usize>,
    events: Vec<EventDecl>,
    apis: HashMap<TypeId, Arc<dyn Any + Send + Sync>>,
}

impl Registry {
    /// The loaded modules, in load order.
    #[must_use]
    pub fn modules(&self) -> &[ModuleInfo] {
        &self.modules
    }

    /// All functions, in declaration order.
    #[must_use]
    pub fn functions(&self) -> &[Function] {
        &self.functions
    }

    /// The number of the function called `name`.
    #[must_use]
    pub fn function_id(&self, name: &str) -> Option<FunctionId> {
        self.function_ids.get(name).copied()
    }

    /// A function by its number.
    #[must_use]
    pub fn function(&self, id: FunctionId) -> Option<&Function> {
        self.functions.get(id.0 as usize)
    }

    /// All parameters.
    #[must_use]
    pub fn params(&self) -> &[Param] {
        &self.params
    }

    /// The parameter `name` of `module`.
    #[must_use]
    pub fn param(&self, module: &str, name: &str) -> Option<&Param> {
        self.param_ids.get(&(module, name)).and_then(|i| self.params.get(*i))
    }

    /// Sets a parameter, as `modparam(module, name, value)` does; `started` says whether the
    /// engine runs already.
    ///
    /// # Errors
    /// [`ParamError`] when there is no such parameter (with the nearest name as a hint), the value
    /// is of the wrong type or out of range, or it may not change any more.
    pub fn set_param(
        &self,
        module: &str,
        name: &str,
        value: &Value,
        started: bool,
    ) -> Result<(), ParamError> {
        let Some(param) = self.param(module, name) else {
            return Err(self.unknown_param(module, name));
        };
        if started && param.when == When::BeforeStart {
            return Err(ParamError::TooLate { module: param.module, name: param.name });
        }
        param.set(value)
    }

    fn unknown_param(&self, module: &str, name: &str) -> ParamError {
        if !self.modules.iter().any(|m| m.name == module) {
            return ParamError::UnknownModule(module.to_owned());
        }
        let names = self.params.iter().filter(|p| p.module == module).map(|p| p.name);
        let hint = nearest(name, names).map(str::to_owned);
        ParamError::Unknown { module: module.to_owned(), name: name.to_owned(), hint }
    }

    /// All RPC commands.
    #[must_use]
    pub fn rpcs(&self) -> &[Rpc] {
        &self.rpcs
    }

    /// The RPC command called `name`.
    #[must_use]
    pub fn rpc(&self, name: &str) -> Option<&Rpc> {
        self.rpc_ids.get(name).and_then(|i| self.rpcs.get(*i))
    }

    /// All events.
    #[must_use]
    pub fn events(&self) -> &[EventDecl] {
        &self.events
    }

    /// The interface of type `T` that a module offers to others (Kamailio's `bind_*`).
    #[must_use]
    pub fn api<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.apis.get(&TypeId::of::<T>()).and_then(|a| Arc::clone(a).downcast().ok())
    }
}

/// The name among `names` that `given` was probably meant to be: at most a third of its letters
/// away.
#[must_use]
pub fn nearest<'a>(given: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    names
        .map(|n| (distance(given.as_bytes(), n.as_bytes()), n))
        .min()
        .filter(|(d, n)| *d <= n.len().max(3) / 3)
        .map(|(_, n)| n)
}

fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_name_gets_the_nearest_as_a_hint() {
        let names = ["db_mode", "db_url", "hash_size"];
        assert_eq!(nearest("db_mod", names.into_iter()), Some("db_mode"));
        assert_eq!(nearest("hashsize", names.into_iter()), Some("hash_size"));
        assert_eq!(nearest("zzzzzz", names.into_iter()), None);
    }
}
