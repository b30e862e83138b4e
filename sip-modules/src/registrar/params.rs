//! The parameters of the module `registrar` (registrar module documentation).

use sip_module_api::registry::{Declare, IntParam, StrParam, When};
use sip_usrloc::{AorRules, PathMode, RegistrarParams, ReplyParams};

/// Name, default, smallest, largest, doc.
type Spec = (&'static str, i64, i64, i64, &'static str);

const BIG: i64 = i32::MAX as i64;

const INTS: [Spec; 18] = [
    ("default_expires", 3600, 1, BIG, "seconds that a binding lasts for which none were asked"),
    ("default_expires_range", 0, 0, 100, "per cent by which chance shortens a default lifetime"),
    ("expires_range", 0, 0, 100, "per cent by which chance shortens a lifetime that was asked for"),
    ("min_expires", 60, 0, BIG, "shortest lifetime in seconds, 0 for none"),
    ("min_expires_mode", 0, 0, 1, "a shorter one is 0: lengthened; 1: refused with 423"),
    ("max_expires", 0, 0, BIG, "longest lifetime in seconds, 0 for none"),
    ("default_q", -1, -1, 1000, "q in thousandths of a contact that has none; -1: none"),
    ("max_contacts", 0, 0, BIG, "bindings of an address of record, 0 for no limit; else 503"),
    ("retry_after", 0, 0, BIG, "seconds in the Retry-After of a 5xx, 0 for none"),
    ("contact_max_size", 512, 1, 65_535, "longest contact URI in bytes"),
    ("use_path", 0, 0, 1, "1: Path headers are kept and used (RFC 3327)"),
    ("path_mode", 2, 0, 2, "a Path is 0: never sent back; 1: if the client supports it; 2: else 420"),
    ("path_use_received", 0, 0, 1, "1: the received parameter of the first Path is the client's address"),
    ("regid_mode", 0, 0, 1, "1: reg-id counts also for clients that do not support outbound"),
    ("method_filtering", 0, 0, 1, "1: lookup leaves contacts out that do not take the method"),
    ("append_branches", 1, 0, 1, "0: lookup takes the first contact only"),
    ("case_sensitive", 0, 0, 1, "1: the user part of an address of record keeps its case"),
    ("lookup_filter_mode", 0, 0, 1, "1: lookup takes contacts with one of the branch flags only"),
];

/// The cells.
pub(super) struct Params {
    ints: [IntParam; INTS.len()],
    received_param: StrParam,
    realm_prefix: StrParam,
}

impl Params {
    pub(super) fn new() -> Self {
        Self {
            ints: INTS.map(|(_, default, ..)| IntParam::new(default)),
            received_param: StrParam::new("received"),
            realm_prefix: StrParam::new(""),
        }
    }

    pub(super) fn declare(&self, d: &mut Declare<'_>) {
        for (cell, (name, _, min, max, doc)) in self.ints.iter().zip(INTS) {
            d.int(name, cell, min..=max, When::Always, doc);
        }
        let before = When::BeforeStart;
        d.str("received_param", &self.received_param, before,
            "the contact parameter of the 200 that tells the client's real address; empty: none");
        d.str("realm_prefix", &self.realm_prefix, before, "a prefix removed from hosts");
    }

    fn get(&self, name: &str) -> i64 {
        let at = INTS.iter().position(|(n, ..)| *n == name);
        at.and_then(|i| self.ints.get(i)).map_or(0, IntParam::get)
    }

    pub(super) fn on(&self, name: &str) -> bool {
        self.get(name) != 0
    }

    /// All of them now, as the registrar takes them.
    pub(super) fn registrar(&self) -> RegistrarParams {
        let [default_expires, default_range, range, min, min_mode, max, q, max_contacts, retry, size, use_path, path_mode, path_received, regid, ..] =
            &self.ints;
        let n = |p: &IntParam| u32::try_from(p.get()).unwrap_or(0);
        RegistrarParams {
            default_expires: n(default_expires),
            default_expires_range: n(default_range),
            expires_range: n(range),
            min_expires: n(min),
            refuse_short: min_mode.on(),
            max_expires: n(max),
            default_q: u16::try_from(q.get()).ok(),
            max_contacts: n(max_contacts),
            retry_after: n(retry),
            contact_max_size: n(size) as usize,
            use_path: use_path.on(),
            path_mode: PathMode::from_number(path_mode.get()).unwrap_or_default(),
            path_use_received: path_received.on(),
            use_regid: regid.on(),
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
            case_sensitive: self.on("case_sensitive"),
            realm_prefix: self.realm_prefix.get().to_vec(),
            ..AorRules::default()
        }
    }
}
