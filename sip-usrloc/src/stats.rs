//! The statistics of usrloc and registrar, under Kamailio's names.

use std::sync::Arc;

use sip_core::stats::{Builder, CounterId};

use crate::domain::Domain;
use crate::params::RegistrarParams;

/// The registrar's counters (group `registrar`).
#[derive(Clone, Copy, Debug)]
pub struct RegistrarStats {
    /// REGISTERs answered 200.
    pub accepted_regs: CounterId,
    /// REGISTERs refused.
    pub rejected_regs: CounterId,
}

impl RegistrarStats {
    /// Declares the counters, and the gauges that tell parameters; `params` is asked for their
    /// present values.
    pub fn declare(
        builder: &mut Builder,
        params: impl Fn() -> RegistrarParams + Clone + Send + Sync + 'static,
    ) -> Self {
        let mut gauge = |name: &'static str, doc, read: fn(&RegistrarParams) -> u32| {
            let params = params.clone();
            builder.gauge("registrar", name, doc, move || u64::from(read(&params())));
        };
        gauge("max_expires", "Parameter max_expires, in seconds", |p| p.max_expires);
        gauge("max_contacts", "Parameter max_contacts", |p| p.max_contacts);
        gauge("default_expire", "Parameter default_expires, in seconds", |p| p.default_expires);
        gauge("default_expires_range", "Parameter default_expires_range, in per cent", |p| {
            p.default_expires_range
        });
        gauge("expires_range", "Parameter expires_range, in per cent", |p| p.expires_range);
        Self {
            accepted_regs: builder.counter("registrar", "accepted_regs", "REGISTERs accepted"),
            rejected_regs: builder.counter("registrar", "rejected_regs", "REGISTERs refused"),
        }
    }
}

/// Declares a table's live numbers: `<domain>-users`, `<domain>-contacts`, `<domain>-expires`
/// (group `usrloc`).
pub fn declare_domain(builder: &mut Builder, domain: &Arc<Domain>) {
    let mut gauge = |what: &str, doc, read: fn(&Domain) -> u64| {
        let table = Arc::clone(domain);
        builder.gauge("usrloc", format!("{}-{what}", domain.name()), doc, move || read(&table));
    };
    gauge("users", "Addresses-of-record with a binding", Domain::users);
    gauge("contacts", "Bindings", Domain::contacts);
    gauge("expires", "Bindings that have expired", Domain::expired);
}

/// Declares `registered_users`: the addresses-of-record with a binding in any of `domains`.
pub fn declare_registered_users(builder: &mut Builder, domains: Vec<Arc<Domain>>) {
    let doc = "Addresses-of-record with a binding, in all tables";
    builder
        .gauge("usrloc", "registered_users", doc, move || domains.iter().map(|d| d.users()).sum());
}
