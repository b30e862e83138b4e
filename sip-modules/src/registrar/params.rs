//! The parameters of the module `registrar` (registrar module documentation).

use sip_module_api::registry::{Declare, IntParam, StrParam, When};
use sip_usrloc::{AorRules, PathMode, RegistrarParams, ReplyParams};

/// The cells.
pub(super) struct Params {
    default_expires: IntParam,
    default_expires_range: IntParam,
    expires_range: IntParam,
    min_expires: IntParam,
    min_expires_mode: IntParam,
    max_expires: IntParam,
    default_q: IntParam,
    max_contacts: IntParam,
    retry_after: IntParam,
    contact_max_size: IntParam,
    use_path: IntParam,
    path_mode: IntParam,
    path_use_received: IntParam,
    regid_mode: IntParam,
    case_sensitive: IntParam,
    pub(super) method_filtering: IntParam,
    pub(super) append_branches: IntParam,
    pub(super) lookup_filter_mode: IntParam,
    received_param: StrParam,
    realm_prefix: StrParam,
}

const BIG: i64 = i32::MAX as i64;

impl Params {
    pub(super) fn new() -> Self {
        let int = IntParam::new;
        Self {
            default_expires: int(3600),
            default_expires_range: int(0),
            expires_range: int(0),
            min_expires: int(60),
            min_expires_mode: int(0),
            max_expires: int(0),
            default_q: int(-1),
            max_contacts: int(0),
            retry_after: int(0),
            contact_max_size: int(512),
            use_path: int(0),
            path_mode: int(2),
            path_use_received: int(0),
            regid_mode: int(0),
            case_sensitive: int(0),
            method_filtering: int(0),
            append_branches: int(1),
            lookup_filter_mode: int(0),
            received_param: StrParam::new("received"),
            realm_prefix: StrParam::new(""),
        }
    }

    pub(super) fn declare(&self, d: &mut Declare<'_>) {
        self.declare_lifetimes(d);
        self.declare_paths(d);
        let before = When::BeforeStart;
        d.str(
            "received_param",
            &self.received_param,
            before,
            "the contact parameter of the 200 that tells the client's real address; empty: none",
        );
        d.str(
            "realm_prefix",
            &self.realm_prefix,
            before,
            "a prefix removed from the hosts of addresses of record, as sip.",
        );
    }

    fn declare_lifetimes(&self, d: &mut Declare<'_>) {
        for (name, cell, min, max, doc) in [
            (
                "default_expires",
                &self.default_expires,
                1,
                BIG,
                "seconds that a binding lasts for which none were asked",
            ),
            (
                "default_expires_range",
                &self.default_expires_range,
                0,
                100,
                "per cent at most by which chance shortens a default lifetime",
            ),
            (
                "expires_range",
                &self.expires_range,
                0,
                100,
                "per cent at most by which chance shortens a lifetime that was asked for",
            ),
            ("min_expires", &self.min_expires, 0, BIG, "shortest lifetime in seconds, 0 for none"),
            (
                "min_expires_mode",
                &self.min_expires_mode,
                0,
                1,
                "a shorter one is 0: lengthened; 1: refused with 423",
            ),
            (
                "max_expires",
                &self.max_expires,
                0,
                BIG,
                "longest lifetime in seconds, to which a longer one is shortened; 0 for none",
            ),
            (
                "default_q",
                &self.default_q,
                -1,
                1000,
                "q in thousandths of a contact that has none; -1: none",
            ),
            (
                "max_contacts",
                &self.max_contacts,
                0,
                BIG,
                "bindings of an address of record, 0 for no limit; else 503",
            ),
            (
                "retry_after",
                &self.retry_after,
                0,
                BIG,
                "seconds in the Retry-After of a 5xx, 0 for no such header",
            ),
            (
                "contact_max_size",
                &self.contact_max_size,
                1,
                65_535,
                "longest contact URI in bytes; else 400",
            ),
            (
                "case_sensitive",
                &self.case_sensitive,
                0,
                1,
                "1: the user part of an address of record keeps its case",
            ),
        ] {
            d.int(name, cell, min..=max, When::Always, doc);
        }
    }

    fn declare_paths(&self, d: &mut Declare<'_>) {
        for (name, cell, max, doc) in [
            ("use_path", &self.use_path, 1, "1: Path headers are kept and used (RFC 3327)"),
            (
                "path_mode",
                &self.path_mode,
                2,
                "a Path is 0: never sent back; 1: sent back if the client supports it; 2: else 420",
            ),
            (
                "path_use_received",
                &self.path_use_received,
                1,
                "1: the received parameter of the first Path is the client's address",
            ),
            (
                "regid_mode",
                &self.regid_mode,
                1,
                "1: reg-id counts also for clients that do not support outbound (RFC 5626)",
            ),
            (
                "method_filtering",
                &self.method_filtering,
                1,
                "1: for a request outside of dialogs, lookup leaves contacts out that do not take \
                 its method",
            ),
            ("append_branches", &self.append_branches, 1, "0: lookup takes the first contact only"),
            (
                "lookup_filter_mode",
                &self.lookup_filter_mode,
                1,
                "1: lookup leaves contacts out that were saved without any of the request's branch \
                 flags",
            ),
        ] {
            d.int(name, cell, 0..=max, When::Always, doc);
        }
    }

    /// All of them now, as the registrar takes them.
    pub(super) fn registrar(&self) -> RegistrarParams {
        let n = |p: &IntParam| u32::try_from(p.get()).unwrap_or(0);
        RegistrarParams {
            default_expires: n(&self.default_expires),
            default_expires_range: n(&self.default_expires_range),
            expires_range: n(&self.expires_range),
            min_expires: n(&self.min_expires),
            refuse_short: self.min_expires_mode.on(),
            max_expires: n(&self.max_expires),
            default_q: u16::try_from(self.default_q.get()).ok(),
            max_contacts: n(&self.max_contacts),
            retry_after: n(&self.retry_after),
            contact_max_size: n(&self.contact_max_size) as usize,
            use_path: self.use_path.on(),
            path_mode: PathMode::from_number(self.path_mode.get()).unwrap_or_default(),
            path_use_received: self.path_use_received.on(),
            use_regid: self.regid_mode.on(),
            ..RegistrarParams::default()
        }
    }

    /// What a 200 says beside the bindings; fixed once the engine has started.
    pub(super) fn reply(&self) -> ReplyParams {
        ReplyParams { received_param: self.received_param.get().to_vec(), ..ReplyParams::default() }
    }

    /// How an address of record is made of a URI.
    pub(super) fn rules(&self, use_domain: bool) -> AorRules {
        AorRules {
            use_domain,
            case_sensitive: self.case_sensitive.on(),
            realm_prefix: self.realm_prefix.get().to_vec(),
            ..AorRules::default()
        }
    }
}
