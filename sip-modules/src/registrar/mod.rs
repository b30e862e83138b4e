//! The module `registrar`: `save`, `lookup` and their like over the location tables (registrar
//! module documentation, RFC 3261 10).

mod find;
mod params;
mod save;

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use sip_module_api::call::RouteMask;
use sip_module_api::flow::{ActionError, Flow};
use sip_module_api::module::{InitCx, InitError};
use sip_module_api::registry::Declare;
use sip_module_api::{Module, Value};
use sip_usrloc::{RegistrarStats, ReplyParams};

use crate::usrloc::{Locations, Table};
use params::Params;

pub(crate) struct Registrar {
    params: Arc<Params>,
    locations: OnceLock<Arc<Locations>>,
    stats: OnceLock<RegistrarStats>,
    reply: OnceLock<ReplyParams>,
}

/// The module.
#[must_use]
pub fn module() -> Arc<dyn Module> {
    Arc::new(Registrar {
        params: Arc::new(Params::new()),
        locations: OnceLock::new(),
        stats: OnceLock::new(),
        reply: OnceLock::new(),
    })
}

impl Module for Registrar {
    fn name(&self) -> &'static str {
        "registrar"
    }

    fn doc(&self) -> &'static str {
        "REGISTER processing and contact lookup"
    }

    fn declare(self: Arc<Self>, d: &mut Declare<'_>) {
        self.params.declare(d);
        let params = Arc::clone(&self.params);
        let stats = RegistrarStats::declare(d.stats(), move || params.registrar());
        let _set_once = self.stats.set(stats);
        let r = Arc::clone(&self);
        d.function(
            "save",
            1..=3,
            RouteMask::REQUEST,
            "save(table, flags, uri): stores the contacts of a REGISTER and answers it; flags: 1 \
             no database, 2 no answer, 4 this contact only, 8 no chance in lifetimes; answers 1 \
             inserted, 2 updated, 3 removed, 4 asked, -1 refused, -2 too many contacts",
            move |cx, call, args| Flow::from(r.save(cx, call, args)),
        );
        for name in ["lookup", "lookup_branches"] {
            let r = Arc::clone(&self);
            d.function(
                name,
                1..=2,
                RouteMask::REQUEST | RouteMask::FAILURE,
                "lookup(table, uri): replaces the Request-URI by the contacts registered for it \
                 (or for the URI); 1 found, -1 none, -2 none that takes the method",
                move |cx, call, args| Flow::from(r.lookup(cx, call, name, args)),
            );
        }
        let r = Arc::clone(&self);
        d.function(
            "registered",
            1..=2,
            RouteMask::ANY,
            "registered(table, uri): whether the Request-URI (or the URI) has a binding",
            move |cx, call, args| Flow::from(r.registered(cx, call, args)),
        );
        let r = self;
        d.function(
            "unregister",
            2..=3,
            RouteMask::ANY,
            "unregister(table, uri, ruid): removes the bindings of the URI, or the one with that \
             ruid",
            move |cx, call, args| Flow::from(r.unregister(cx, call, args)),
        );
    }

    fn init(self: Arc<Self>, cx: &mut InitCx<'_>) -> Result<(), InitError> {
        let locations = cx.api::<Locations>("registrar", "usrloc")?;
        let twice = || InitError::new("registrar", "is initialised twice");
        self.locations.set(locations).map_err(|_| twice())?;
        self.reply.set(self.params.reply()).map_err(|_| twice())
    }
}

impl Registrar {
    /// The table that the first argument names.
    fn table(&self, function: &'static str, args: &[Value]) -> Result<Arc<Table>, ActionError> {
        let name = args.first().and_then(Value::as_bytes);
        let name = name.ok_or_else(|| ActionError::argument(function, 1, "must be a table"))?;
        self.locations.get().and_then(|l| l.table(name)).ok_or_else(|| {
            let problem = format!(
                "names no table: `{}` is not in usrloc's preload",
                String::from_utf8_lossy(name)
            );
            ActionError::argument(function, 1, problem)
        })
    }
}

/// An optional URI argument; an empty one counts as none.
fn uri_arg(args: &[Value], index: usize) -> Option<Bytes> {
    args.get(index).and_then(Value::as_bytes).filter(|u| !u.is_empty()).cloned()
}
