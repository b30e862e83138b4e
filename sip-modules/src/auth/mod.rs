//! The module `auth`: digest challenges and their check (auth and auth_db module documentation).
//! The accounts are in memory so far; `www_authenticate` and its like may come to wait for a store
//! without changing.

mod accounts;
mod challenge;
mod check;
mod functions;
mod identity;

use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use sip_core::auth::{Algorithm, Authenticator, Authority, QopOffer};
use sip_core::lock::{LockReport, Locks};
use sip_module_api::call::CallState;
use sip_module_api::flow::ActionError;
use sip_module_api::module::{InitCx, InitError};
use sip_module_api::registry::{Declare, IntParam, StrParam, When};
use sip_module_api::{Module, Value};
use sip_parser::Method;

pub use accounts::{AccountError, Accounts, Password, parse_account, parse_accounts};

/// Nonces whose uses are remembered.
const NONCES: usize = 65_536;

struct Auth {
    accounts: Arc<Accounts>,
    authenticator: OnceLock<Authenticator>,
    secret: StrParam,
    nonce_expire: IntParam,
    nonce_auth_max_drift: IntParam,
    nonce_count: IntParam,
    one_time_nonce: IntParam,
    algorithm: StrParam,
    qop: StrParam,
    realm_prefix: StrParam,
    force_stateless_reply: IntParam,
    use_domain: IntParam,
}

/// The module.
#[must_use]
pub fn module() -> Arc<dyn Module> {
    Arc::new(Auth {
        accounts: Arc::default(),
        authenticator: OnceLock::new(),
        secret: StrParam::new(""),
        nonce_expire: IntParam::new(300),
        nonce_auth_max_drift: IntParam::new(3),
        nonce_count: IntParam::new(1),
        one_time_nonce: IntParam::new(0),
        algorithm: StrParam::new("MD5"),
        qop: StrParam::new(""),
        realm_prefix: StrParam::new(""),
        force_stateless_reply: IntParam::new(0),
        use_domain: IntParam::new(0),
    })
}

impl Module for Auth {
    fn name(&self) -> &'static str {
        "auth"
    }

    fn doc(&self) -> &'static str {
        "digest authentication"
    }

    fn declare(self: Arc<Self>, d: &mut Declare<'_>) {
        self.declare_params(d);
        d.api(Arc::clone(&self.accounts));
        d.event("auth:failed", &["method", "source", "user", "reason"], "credentials were refused");
        self.declare_checks(d);
        self.declare_challenges(d);
    }

    fn init(self: Arc<Self>, cx: &mut InitCx<'_>) -> Result<(), InitError> {
        let given = self.secret.get();
        let mut drawn = Vec::with_capacity(32);
        for _ in 0..4 {
            drawn.extend_from_slice(&cx.rng.next_u64().to_le_bytes());
        }
        let secret = if given.is_empty() { drawn.as_slice() } else { &given };
        let authenticator = Authenticator::new(secret, NONCES);
        self.apply(&authenticator).map_err(|e| InitError::new("auth", e))?;
        let twice = |_| InitError::new("auth", "is initialised twice");
        self.authenticator.set(authenticator).map_err(twice)?;
        cx.engine.locks.add(&self);
        Ok(())
    }
}

impl Locks for Auth {
    fn report_locks(&self, into: &mut Vec<LockReport>) {
        if let Some(authenticator) = self.authenticator.get() {
            authenticator.report_locks(into);
        }
    }
}

impl Auth {
    fn declare_params(&self, d: &mut Declare<'_>) {
        let before = When::BeforeStart;
        let mut int = |name, cell, range, doc| d.int(name, cell, range, before, doc);
        int("nonce_expire", &self.nonce_expire, 1..=86_400, "seconds that a nonce is good for");
        int(
            "nonce_auth_max_drift",
            &self.nonce_auth_max_drift,
            0..=3600,
            "seconds that a nonce's time may lie in the future",
        );
        int(
            "nonce_count",
            &self.nonce_count,
            0..=1,
            "1: a nonce count is taken once only (Kamailio's default is 0)",
        );
        int("one_time_nonce", &self.one_time_nonce, 0..=1, "1: a nonce is taken once only");
        int(
            "force_stateless_reply",
            &self.force_stateless_reply,
            0..=1,
            "1: challenges are sent without a transaction",
        );
        int(
            "use_domain",
            &self.use_domain,
            0..=1,
            "1: auth_check compares the hosts of the URIs that it looks at with the realm too",
        );
        let mut text = |name, cell, doc| d.str(name, cell, before, doc);
        text("secret", &self.secret, "what nonces are signed with; empty: drawn at start");
        text(
            "algorithm",
            &self.algorithm,
            "the algorithms that are offered and taken, separated by commas: MD5, SHA-256, \
             SHA-512-256; one header each, the strongest first (RFC 8760); empty: MD5",
        );
        text(
            "qop",
            &self.qop,
            "the protections that challenges offer whose flags do not say: auth, auth-int, both, \
             or empty for none",
        );
        text("realm_prefix", &self.realm_prefix, "a prefix removed from realms, as sip.");
    }

    fn apply(&self, authenticator: &Authenticator) -> Result<(), String> {
        let params = authenticator.params();
        let seconds = |p: &IntParam| u32::try_from(p.get()).unwrap_or(0);
        params.nonce_expire_s.store(seconds(&self.nonce_expire), Ordering::Relaxed);
        params.nonce_max_drift_s.store(seconds(&self.nonce_auth_max_drift), Ordering::Relaxed);
        params.nonce_count.store(self.nonce_count.on(), Ordering::Relaxed);
        params.one_time_nonce.store(self.one_time_nonce.on(), Ordering::Relaxed);
        let mut algorithms =
            parse_algorithms(&self.algorithm.text()).map_err(|e| format!("algorithm: {e}"))?;
        if algorithms.is_empty() {
            algorithms.push(Algorithm::Md5);
        }
        params.set_algorithms(&algorithms);
        self.offer().map(drop)
    }

    /// What the parameter `qop` offers.
    fn offer(&self) -> Result<QopOffer, String> {
        let text = self.qop.text();
        let mut list: Vec<&str> =
            text.split(',').map(str::trim).filter(|q| !q.is_empty()).collect();
        list.sort_unstable();
        match list.as_slice() {
            [] => Ok(QopOffer::None),
            ["auth"] => Ok(QopOffer::Auth),
            ["auth-int"] => Ok(QopOffer::AuthInt),
            ["auth", "auth-int"] => Ok(QopOffer::AuthOrAuthInt),
            _ => Err(format!("qop: `{text}` is neither auth, auth-int nor both")),
        }
    }

    fn authenticator(&self) -> Result<&Authenticator, ActionError> {
        let missing = || ActionError::Module("auth is not initialised".into());
        self.authenticator.get().ok_or_else(missing)
    }

    /// The realm that the first argument names, without `realm_prefix`.
    fn realm(&self, function: &'static str, args: &[Value]) -> Result<Bytes, ActionError> {
        let realm = args.first().and_then(Value::as_bytes).filter(|r| !r.is_empty());
        let realm = realm.ok_or_else(|| ActionError::argument(function, 1, "must be a realm"))?;
        let prefix = self.realm_prefix.get();
        let stripped = realm.strip_prefix(prefix.as_ref()).filter(|_| !prefix.is_empty());
        Ok(stripped.map_or_else(|| realm.clone(), |rest| realm.slice_ref(rest)))
    }
}

/// The algorithms of a list with commas.
fn parse_algorithms(list: &str) -> Result<Vec<Algorithm>, String> {
    let names = list.split(',').map(str::trim).filter(|n| !n.is_empty());
    names
        .map(|name| {
            let unknown = || format!("`{name}` is none of MD5, SHA-256, SHA-512-256");
            Algorithm::from_token(name.as_bytes()).ok_or_else(unknown)
        })
        .collect()
}

/// Who challenges this request: a registrar or a proxy.
fn authority(call: &CallState) -> Authority {
    match call.msg.method() {
        Some(Method::Register) => Authority::Server,
        _ => Authority::Proxy,
    }
}

/// The integer of an argument.
fn int_arg(
    function: &'static str,
    args: &[Value],
    index: usize,
    what: &str,
) -> Result<i64, ActionError> {
    let value = args.get(index).and_then(Value::as_int);
    value.ok_or_else(|| ActionError::argument(function, index + 1, format!("must be {what}")))
}
