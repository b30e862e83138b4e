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
use find::Into;
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

const LOOKUP_ROUTES: RouteMask = RouteMask::REQUEST.with(RouteMask::FAILURE);

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
            "save(table [, flags [, uri]]): stores the contacts of a REGISTER and answers it; flags: 1 \
             no database, 2 no answer, 4 this contact only, 8 no chance in lifetimes; answers 1 \
             inserted, 2 updated, 3 removed, 4 asked, -1 refused, -2 too many contacts",
            move |cx, call, args| Flow::from(r.save(cx, call, args)),
        );
        self.declare_lookups(d);
        let r = Arc::clone(&self);
        d.function(
            "registered",
            1..=2,
            RouteMask::ANY,
            "registered(table [, uri]): whether the Request-URI (or the URI) has a binding; 1 or -1",
            move |cx, call, args| Flow::from(r.registered(cx, call, args)),
        );
        let r = self;
        d.function(
            "unregister",
            2..=3,
            RouteMask::ANY,
            "unregister(table, uri [, ruid]): removes the bindings of the URI, or the one with \
             that ruid; 1, or -3 when there was none",
            move |cx, call, args| Flow::from(r.unregister(cx, call, args)),
        );
    }

    fn init(self: Arc<Self>, cx: &mut InitCx<'_>) -> Result<(), InitError> {
        let locations = cx.api::<Locations>("registrar", "usrloc")?;
        let params = Arc::clone(&self.params);
        locations.set_rules(move |use_domain| params.rules(use_domain));
        let twice = || InitError::new("registrar", "is initialised twice");
        self.locations.set(locations).map_err(|_| twice())?;
        self.reply.set(self.params.reply()).map_err(|_| twice())
    }
}

impl Registrar {
    fn declare_lookups(self: &Arc<Self>, d: &mut Declare<'_>) {
        for (name, into, doc) in [
            (
                "lookup",
                Into::RequestUri,
                "lookup(table [, uri]): replaces the Request-URI by the contacts registered for it \
                 (or for the URI), the first in it and the others as branches; 1 found, -1 none, \
                 -2 none that takes the method",
            ),
            (
                "lookup_to_dset",
                Into::Branches,
                "lookup_to_dset(table [, uri]): as lookup, with all contacts as branches beside \
                 the Request-URI",
            ),
        ] {
            let r = Arc::clone(self);
            d.function(name, 1..=2, LOOKUP_ROUTES, doc, move |cx, call, args| {
                Flow::from(r.lookup(cx, call, name, args, into))
            });
        }
        let r = Arc::clone(self);
        d.function(
            "lookup_branches",
            1..=1,
            LOOKUP_ROUTES,
            "lookup_branches(table): lookup of the Request-URI and of every branch that has \
             nothing but a URI; 1 when contacts were found for any, else as lookup",
            move |cx, call, args| Flow::from(r.lookup_branches(cx, call, args)),
        );
    }

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
