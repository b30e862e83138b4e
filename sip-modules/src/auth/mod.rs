//! The module `auth`: digest challenges and their check (auth and auth_db module documentation).
//! The accounts are in memory so far; `www_authenticate` and its like may come to wait for a store
//! without changing.

mod accounts;
mod check;

use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use bytes::{Bytes, BytesMut};
use sip_core::auth::{Algorithm, Authenticator, Authority, Challenge, QopOffer};
use sip_module_api::call::{CallState, RouteMask};
use sip_module_api::flow::{ActionCx, ActionError, Flow};
use sip_module_api::module::{InitCx, InitError};
use sip_module_api::registry::{Declare, IntParam, StrParam, When};
use sip_module_api::{Module, Value};

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
        qop: StrParam::new("auth"),
        realm_prefix: StrParam::new(""),
        force_stateless_reply: IntParam::new(0),
    })
}

/// Credentials kept on the call between the check and the challenge: whether the last failure was
/// the nonce's alone.
const STALE_AVP: &[u8] = b"auth:stale";

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
        d.event(
            "auth:failed",
            &["method", "source", "user", "reason"],
            "credentials were refused",
        );
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
        self.authenticator.set(authenticator).map_err(|_| InitError::new("auth", "is initialised twice"))
    }
}

impl Auth {
    fn declare_params(&self, d: &mut Declare<'_>) {
        let before = When::BeforeStart;
        d.str("secret", &self.secret, before, "what nonces are signed with; empty: drawn at start");
        d.int("nonce_expire", &self.nonce_expire, 1..=86_400, before, "seconds that a nonce is good for");
        d.int("nonce_auth_max_drift", &self.nonce_auth_max_drift, 0..=3600, before,
            "seconds that a nonce's time may lie in the future");
        d.int("nonce_count", &self.nonce_count, 0..=1, before,
            "1: a nonce count is taken once only (Kamailio's default is 0)");
        d.int("one_time_nonce", &self.one_time_nonce, 0..=1, before, "1: a nonce is taken once only");
        d.str("algorithm", &self.algorithm, before,
            "the algorithms that are offered and taken, separated by commas: MD5, SHA-256, \
             SHA-512-256; one header each, the strongest first (RFC 8760)");
        d.str("qop", &self.qop, before, "the protections offered: auth, auth-int, both, or empty");
        d.str("realm_prefix", &self.realm_prefix, before, "a prefix removed from realms");
        d.int("force_stateless_reply", &self.force_stateless_reply, 0..=1, before,
            "1: challenges are sent without a transaction");
    }

    fn apply(&self, authenticator: &Authenticator) -> Result<(), String> {
        let params = authenticator.params();
        let seconds = |p: &IntParam| u32::try_from(p.get()).unwrap_or(0);
        params.nonce_expire_s.store(seconds(&self.nonce_expire), Ordering::Relaxed);
        params.nonce_max_drift_s.store(seconds(&self.nonce_auth_max_drift), Ordering::Relaxed);
        params.nonce_count.store(self.nonce_count.on(), Ordering::Relaxed);
        params.one_time_nonce.store(self.one_time_nonce.on(), Ordering::Relaxed);
        let mut algorithms = Vec::new();
        for name in self.algorithm.text().split(',').map(str::trim).filter(|n| !n.is_empty()) {
            let algorithm = Algorithm::from_token(name.as_bytes()).ok_or_else(|| {
                format!("algorithm: `{name}` is none of MD5, SHA-256, SHA-512-256")
            })?;
            algorithms.push(algorithm);
        }
        if algorithms.is_empty() {
            algorithms.push(Algorithm::Md5);
        }
        params.set_algorithms(&algorithms);
        self.offer().map(drop)
    }

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
        self.authenticator.get().ok_or_else(|| ActionError::Module("auth is not initialised".into()))
    }

    fn realm(&self, function: &'static str, args: &[Value]) -> Result<Bytes, ActionError> {
        let realm = args.first().and_then(Value::as_bytes).filter(|r| !r.is_empty());
        let realm =
            realm.ok_or_else(|| ActionError::argument(function, 1, "must be a realm"))?;
        let prefix = self.realm_prefix.get();
        let stripped = realm.strip_prefix(prefix.as_ref()).filter(|_| !prefix.is_empty());
        Ok(stripped.map_or_else(|| realm.clone(), |rest| realm.slice_ref(rest)))
    }

    fn declare_checks(self: &Arc<Self>, d: &mut Declare<'_>) {
        for (names, authority) in [
            (["www_authenticate", "www_authorize"], Authority::Server),
            (["proxy_authenticate", "proxy_authorize"], Authority::Proxy),
        ] {
            for name in names {
                let auth = Arc::clone(self);
                d.function(
                    name,
                    1..=3,
                    RouteMask::REQUEST,
                    "*_authenticate(realm, table): checks the request's credentials against the \
                     accounts; 1, or -1 to -8 as Kamailio's auth_db",
                    move |cx, call, args| auth.run(cx, call, authority, |auth, cx, call| {
                        let realm = auth.realm(name, args)?;
                        auth.check(cx, call, authority, &realm, None)
                    }),
                );
            }
        }
        for (names, authority) in [
            (["pv_www_authenticate", "pv_www_authorize"], Authority::Server),
            (["pv_proxy_authenticate", "pv_proxy_authorize"], Authority::Proxy),
        ] {
            for name in names {
                let auth = Arc::clone(self);
                d.function(
                    name,
                    3..=4,
                    RouteMask::REQUEST,
                    "pv_*_authenticate(realm, password, flags): checks the request's credentials \
                     against this password (with flag 1: this HA1)",
                    move |cx, call, args| auth.run(cx, call, authority, |auth, cx, call| {
                        auth.check_given(cx, call, authority, name, args)
                    }),
                );
            }
        }
        let auth = Arc::clone(self);
        d.function(
            "auth_check",
            3..=3,
            RouteMask::REQUEST,
            "auth_check(realm, table, flags): www_authenticate for a REGISTER, else \
             proxy_authenticate; with flag 1 the user must also be the From's (for a REGISTER the \
             To's), else -8",
            move |cx, call, args| {
                let authority = check::authority(call);
                auth.run(cx, call, authority, |auth, cx, call| auth.auth_check(cx, call, args))
            },
        );
        d.function(
            "consume_credentials",
            0..=0,
            RouteMask::REQUEST,
            "consume_credentials(): removes the checked credentials from the request that goes out",
            |_, call, _| Flow::from(check::consume(call)),
        );
        d.function(
            "has_credentials",
            1..=1,
            RouteMask::REQUEST,
            "has_credentials(realm): whether the request has credentials for the realm",
            |_, call, args| {
                let realm = args.first().and_then(Value::as_bytes).cloned().unwrap_or_default();
                Flow::Return(if check::has_credentials(call, &realm) { 1 } else { -1 })
            },
        );
    }

    fn declare_challenges(self: &Arc<Self>, d: &mut Declare<'_>) {
        for (name, authority) in
            [("www_challenge", Some(Authority::Server)), ("proxy_challenge", Some(Authority::Proxy)), ("auth_challenge", None)]
        {
            let auth = Arc::clone(self);
            d.function(
                name,
                2..=3,
                RouteMask::REQUEST | RouteMask::FAILURE,
                "*_challenge(realm, flags): answers 401 or 407 with a challenge (auth_challenge: \
                 401 to a REGISTER, else 407); flag 1 offers a qop, 16 says stale",
                move |cx, call, args| Flow::from(auth.realm(name, args).and_then(|realm| {
                    let flags = args.get(1).and_then(Value::as_int).unwrap_or(1);
                    let authority = authority.unwrap_or_else(|| check::authority(call));
                    auth.challenge(cx, call, authority, &realm, flags)
                })),
            );
        }
    }

    /// Runs a check; a retransmission of credentials that were checked ends the route.
    fn run(
        &self,
        cx: &mut ActionCx<'_, '_>,
        call: &mut CallState,
        authority: Authority,
        check: impl FnOnce(&Self, &mut ActionCx<'_, '_>, &mut CallState) -> Result<i64, ActionError>,
    ) -> Flow {
        match self.first_use(cx, call, authority) {
            Ok(true) => Flow::from(check(self, cx, call)),
            Ok(false) => Flow::Exit,
            Err(error) => Flow::Error(error),
        }
    }

    /// Answers with a challenge. Where several algorithms are offered, each has its header.
    fn challenge(
        &self,
        cx: &mut ActionCx<'_, '_>,
        call: &mut CallState,
        authority: Authority,
        realm: &Bytes,
        flags: i64,
    ) -> Result<i64, ActionError> {
        let authenticator = self.authenticator()?;
        let offer = self.offer().map_err(ActionError::Module)?;
        let qop = if flags & 1 != 0 { offer } else { QopOffer::None };
        let stale = flags & 16 != 0 || call.avp(STALE_AVP).is_some();
        let algorithms: Vec<Algorithm> = authenticator.params().algorithms().collect();
        let challenge =
            Challenge { realm, algorithms: &algorithms, qop, stale, opaque: None };
        let mut scratch = BytesMut::with_capacity(256);
        let (now, rng) = (cx.core.now, &mut *cx.core.rng);
        let header = authority.challenge_header();
        authenticator.challenge(now, rng, &challenge, &[], &mut scratch, &mut |value| {
            call.append_to_reply(header, value);
        });
        let stateful = !self.force_stateless_reply.on();
        crate::sl::answer(cx, call, authority.status(), authority.reason().as_bytes(), stateful)
    }
}
