//! The modules of looseroute, one folder each. A module declares itself with `sip-module-api` and
//! knows neither a script nor the loop that runs it.

#![forbid(unsafe_code)]

use std::sync::Arc;

use sip_module_api::Module;

pub mod auth;
pub mod cfgutils;
pub mod core;
pub mod maxfwd;
pub mod registrar;
pub mod rr;
pub mod sl;
pub mod tm;
pub mod usrloc;

/// Every module that is built in, in load order: alphabetical, but for those that others bind to.
#[must_use]
pub fn catalogue() -> Vec<Arc<dyn Module>> {
    vec![
        core::module(),
        auth::module(),
        cfgutils::module(),
        maxfwd::module(),
        rr::module(),
        sl::module(),
        tm::module(),
        usrloc::module(),
        registrar::module(),
    ]
}
