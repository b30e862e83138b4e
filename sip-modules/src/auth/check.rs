//! Checking a request's credentials against an account.

use bytes::Bytes;
use sip_core::auth::{
    Algorithm, AuthFailure, Authority, Challenge, Claim, DigestFields, QopOffer, Secret, find,
};
use sip_core::proxy::CreateError;
use sip_module_api::Value;
use sip_module_api::call::{CallState, Identity, Outcome};
use sip_module_api::flow::{ActionCx, ActionError, Flow};
use sip_module_api::log;
use sip_parser::{HeaderId, Method};
use smallvec::smallvec;

use super::challenge::{STALE, STALE_AVP};
use super::functions::method_arg;
use super::identity::may_send;
use super::{Auth, Password, authority, int_arg};

/// Flags of `pv_*_authenticate`: the password is its hash.
const HA1: i64 = 1;
/// Leave a challenge without qop.
const LEAVE_PLAIN: i64 = 2;
/// Leave one that offers `auth`.
const LEAVE_AUTH: i64 = 4;
/// Leave one that offers `auth-int`.
const LEAVE_AUTH_INT: i64 = 8;

/// What credentials are checked against.
#[derive(Clone, Copy)]
pub(super) enum Against<'a> {
    /// The accounts.
    Accounts,
    /// This password.
    Given(&'a Password),
}

impl Auth {
    /// Runs a check; a retransmission of credentials that were checked ends the route.
    pub(super) fn run(
        &self,
        cx: &mut ActionCx<'_, '_>,
        call: &mut CallState,
        who: Authority,
        check: impl FnOnce(&Self, &mut ActionCx<'_, '_>, &mut CallState) -> Result<i64, ActionError>,
    ) -> Flow {
        match self.first_use(cx, call, who) {
            Ok(true) => Flow::from(check(self, cx, call)),
            Ok(false) => Flow::Exit,
            Err(error) => Flow::Error(error),
        }
    }

    /// Checks the credentials for `realm`, as those of a request with `method` if it is given.
    /// Answers 1 or Kamailio's negative code.
    pub(super) fn check(
        &self,
        cx: &mut ActionCx<'_, '_>,
        call: &mut CallState,
        who: Authority,
        realm: &Bytes,
        against: Against<'_>,
        method: Option<&[u8]>,
    ) -> Result<i64, ActionError> {
        call.avps.retain(|(name, _)| name.as_ref() != STALE_AVP);
        call.identity = None;
        match self.verify(cx, call, who, realm, against, method)? {
            Ok(user) => {
                call.identity = Some(Identity { user, realm: realm.clone() });
                Ok(1)
            }
            Err(failure) => {
                tell(cx, call, who, failure);
                if failure.is_stale() {
                    call.avps.push((Bytes::from_static(STALE_AVP), Value::Int(1)));
                }
                Ok(i64::from(failure.kamailio_code()))
            }
        }
    }

    /// Makes the request's transaction if its credentials are good for one use: a retransmission
    /// must be absorbed, not taken for a replay. False when it is one.
    fn first_use(
        &self,
        cx: &mut ActionCx<'_, '_>,
        call: &mut CallState,
        who: Authority,
    ) -> Result<bool, ActionError> {
        let counted = self.nonce_count.on() || self.one_time_nonce.on();
        let bare = call.msg.header(header_of(who)).is_none();
        if !counted || bare || call.txn.is_some() || call.msg.method() == Some(Method::Ack) {
            return Ok(true);
        }
        match cx.proxy.create_with(cx.core, &call.flow, &call.msg, call.facts.as_ref()) {
            Ok(txn) => {
                call.txn = Some(txn);
                Ok(true)
            }
            Err(CreateError::Retransmission(_)) => {
                call.outcome = Outcome::Absorbed;
                Ok(false)
            }
            Err(e) => Err(ActionError::Overload(e.to_string())),
        }
    }

    fn verify(
        &self,
        cx: &ActionCx<'_, '_>,
        call: &CallState,
        who: Authority,
        realm: &Bytes,
        against: Against<'_>,
        method: Option<&[u8]>,
    ) -> Result<Result<Bytes, AuthFailure>, ActionError> {
        let authenticator = self.authenticator()?;
        let now = cx.core.now;
        let credentials = call.msg.credentials(header_of(who)).filter_map(Result::ok);
        Ok((|| {
            let fields = find(credentials.map(DigestFields::from), realm)?;
            let claim = authenticator.precheck(now, &fields, &[])?;
            let user = Bytes::copy_from_slice(claim.user());
            let known = match against {
                Against::Given(password) => password.clone(),
                Against::Accounts => {
                    self.accounts.find(&user, realm).ok_or(AuthFailure::UnknownUser)?
                }
            };
            let secret = secret_of(&known, &claim)?;
            let method = method.unwrap_or_else(|| call.msg.method_name());
            authenticator.verify(now, &claim, method, call.msg.body(), secret)?;
            Ok(user)
        })())
    }

    /// The check of `pv_*_authenticate`, with the challenge that its flags ask for.
    pub(super) fn check_given(
        &self,
        cx: &mut ActionCx<'_, '_>,
        call: &mut CallState,
        who: Authority,
        function: &'static str,
        args: &[Value],
    ) -> Result<i64, ActionError> {
        let realm = self.realm(function, args)?;
        let password = args.get(1).and_then(Value::as_bytes).cloned();
        let password = password
            .ok_or_else(|| ActionError::argument(function, 2, "must be a password or its hash"))?;
        let flags = int_arg(function, args, 2, "flags")?;
        let method = method_arg(function, args, 3)?;
        let known = match flags & HA1 {
            0 => Password::Plain(password),
            _ => Password::Ha1(Bytes::from(password.to_ascii_lowercase())),
        };
        let result = self.check(cx, call, who, &realm, Against::Given(&known), method)?;
        let qop = match flags {
            f if f & LEAVE_AUTH_INT != 0 => QopOffer::AuthInt,
            f if f & LEAVE_AUTH != 0 => QopOffer::Auth,
            f if f & LEAVE_PLAIN != 0 => QopOffer::None,
            _ => return Ok(result),
        };
        if result < 0 {
            let stale = flags & STALE != 0 || call.avp(STALE_AVP).is_some();
            let algorithms: Vec<Algorithm> = self.authenticator()?.params().algorithms().collect();
            let challenge =
                Challenge { realm: &realm, algorithms: &algorithms, qop, stale, opaque: None };
            self.leave_challenge(cx, call, who, &challenge)?;
        }
        Ok(result)
    }

    pub(super) fn auth_check(
        &self,
        cx: &mut ActionCx<'_, '_>,
        call: &mut CallState,
        args: &[Value],
    ) -> Result<i64, ActionError> {
        let realm = self.realm("auth_check", args)?;
        let flags = int_arg("auth_check", args, 2, "flags")?;
        let result = self.check(cx, call, authority(call), &realm, Against::Accounts, None)?;
        let proved = call.identity.as_ref().map(|i| i.user.clone());
        let hosts = self.use_domain.on().then_some(realm.as_ref());
        match proved {
            Some(user) if !may_send(call, &user, flags, hosts) => {
                tell(cx, call, authority(call), AuthFailure::UserMismatch);
                call.identity = None;
                Ok(i64::from(AuthFailure::UserMismatch.kamailio_code()))
            }
            _ => Ok(result),
        }
    }
}

/// What the account knows, as the claim's algorithm needs it. A stored hash of another algorithm
/// is no password.
fn secret_of<'a>(known: &'a Password, claim: &Claim<'_>) -> Result<Secret<'a>, AuthFailure> {
    match known {
        Password::Plain(password) => Ok(Secret::Password(password)),
        Password::Ha1(hash) => {
            let digits = if claim.algorithm == Algorithm::Md5 { 32 } else { 64 };
            if hash.len() != digits {
                return Err(AuthFailure::UnsupportedAlgorithm);
            }
            Ok(Secret::Ha1(hash))
        }
    }
}

/// Tells who failed and why; a request that has no credentials yet has not failed.
fn tell(cx: &ActionCx<'_, '_>, call: &CallState, authority: Authority, failure: AuthFailure) {
    if failure == AuthFailure::NoCredentials {
        return;
    }
    let method = || String::from_utf8_lossy(call.msg.method_name()).into_owned();
    log!(cx.engine.log, Info, "auth", "{} from {}: {failure}", method(), call.flow.peer);
    cx.engine.events.emit("auth:failed", || {
        let mut credentials = call.msg.credentials(header_of(authority)).flatten();
        let user = credentials.find_map(|c| c.username).map(Bytes::copy_from_slice);
        smallvec![
            ("method", Value::from(method())),
            ("source", Value::from(format!("{}:{}", call.flow.proto, call.flow.peer))),
            ("user", user.map(Value::from).unwrap_or_default()),
            ("reason", Value::from(failure.to_string())),
        ]
    });
}

const fn header_of(authority: Authority) -> HeaderId {
    match authority {
        Authority::Server => HeaderId::Authorization,
        Authority::Proxy => HeaderId::ProxyAuthorization,
    }
}

/// Whether the request has credentials for `realm`.
pub(super) fn has_credentials(call: &CallState, realm: &[u8]) -> bool {
    [HeaderId::Authorization, HeaderId::ProxyAuthorization]
        .into_iter()
        .any(|id| call.msg.credentials(id).flatten().any(|c| c.realm == Some(realm)))
}

/// Removes the credentials for the proved identity's realm from the request that goes out.
pub(super) fn consume(call: &mut CallState) -> Result<i64, ActionError> {
    let Some(identity) = call.identity.clone() else { return Ok(-1) };
    let CallState { msg, patch, .. } = call;
    let mut removed = false;
    for id in [HeaderId::Authorization, HeaderId::ProxyAuthorization] {
        // Credentials are one a header: a comma separates their fields (RFC 3261 20.7).
        for (header, credentials) in msg.headers_of(id).zip(msg.credentials(id)) {
            if credentials.is_ok_and(|c| c.realm == Some(identity.realm.as_ref())) {
                patch.remove_header(&header);
                removed = true;
            }
        }
    }
    Ok(if removed { 1 } else { -1 })
}
