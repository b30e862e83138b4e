//! Checking a request's credentials against an account.

use bytes::Bytes;
use sip_core::auth::{
    Algorithm, AuthFailure, Authority, Claim, DigestFields, HexDigest, Secret, find, ha1,
};
use sip_core::proxy::CreateError;
use sip_module_api::Value;
use sip_module_api::call::{CallState, Identity, Outcome};
use sip_module_api::flow::{ActionCx, ActionError};
use sip_module_api::log;
use sip_parser::{Credentials, HeaderId, Method, Uri};
use smallvec::smallvec;

use super::{Auth, Password, STALE_AVP};

impl Auth {
    /// Checks the credentials for `realm`; against `given` or else the accounts. Answers 1 or
    /// Kamailio's negative code.
    pub(super) fn check(
        &self,
        cx: &mut ActionCx<'_, '_>,
        call: &mut CallState,
        authority: Authority,
        realm: &Bytes,
        given: Option<&Password>,
    ) -> Result<i64, ActionError> {
        call.avps.retain(|(name, _)| name.as_ref() != STALE_AVP);
        match self.verify(cx, call, authority, realm, given)? {
            Ok(user) => {
                call.identity = Some(Identity { user, realm: realm.clone() });
                Ok(1)
            }
            Err(failure) => {
                tell(cx, call, authority, failure);
                if failure.is_stale() {
                    call.avps.push((Bytes::from_static(STALE_AVP), Value::Int(1)));
                }
                Ok(i64::from(failure.kamailio_code()))
            }
        }
    }

    /// Makes the request's transaction if its credentials are good for one use: a retransmission
    /// must be absorbed, not taken for a replay. False when it is one.
    pub(super) fn first_use(
        &self,
        cx: &mut ActionCx<'_, '_>,
        call: &mut CallState,
        authority: Authority,
    ) -> Result<bool, ActionError> {
        let counted = self.nonce_count.on() || self.one_time_nonce.on();
        let bare = call.msg.header(header_of(authority)).is_none();
        if !counted || bare || call.txn.is_some() || call.msg.method() == Some(Method::Ack) {
            return Ok(true);
        }
        match cx.proxy.create(cx.core, &call.flow, &call.msg) {
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
        authority: Authority,
        realm: &Bytes,
        given: Option<&Password>,
    ) -> Result<Result<Bytes, AuthFailure>, ActionError> {
        let authenticator = self.authenticator()?;
        let now = cx.core.now;
        let credentials: Vec<Credentials<'_>> =
            call.msg.credentials(header_of(authority)).filter_map(Result::ok).collect();
        Ok((|| {
            let fields = find(credentials.iter().map(fields), realm)?;
            let claim = authenticator.precheck(now, &fields, &[])?;
            let user = Bytes::copy_from_slice(claim.user());
            let known = match given {
                Some(password) => password.clone(),
                None => self.accounts.find(&user, realm).ok_or(AuthFailure::UnknownUser)?,
            };
            let hash = known_ha1(&known, &claim)?;
            let secret = match (&hash, &known) {
                (Some(hash), _) => Secret::Ha1(hash),
                (None, Password::Plain(p)) => Secret::Password(p),
                (None, Password::Ha1(h)) => Secret::Ha1(h),
            };
            authenticator.verify(now, &claim, call.msg.method_name(), call.msg.body(), secret)?;
            Ok(user)
        })())
    }

    pub(super) fn check_given(
        &self,
        cx: &mut ActionCx<'_, '_>,
        call: &mut CallState,
        authority: Authority,
        function: &'static str,
        args: &[Value],
    ) -> Result<i64, ActionError> {
        let realm = self.realm(function, args)?;
        let password = args.get(1).and_then(Value::as_bytes).cloned();
        let password = password
            .ok_or_else(|| ActionError::argument(function, 2, "must be a password or its hash"))?;
        let flags = args.get(2).and_then(Value::as_int);
        let flags =
            flags.ok_or_else(|| ActionError::argument(function, 3, "must be flags"))?;
        let given = if flags & 1 != 0 { Password::Ha1(password) } else { Password::Plain(password) };
        self.check(cx, call, authority, &realm, Some(&given))
    }

    pub(super) fn auth_check(
        &self,
        cx: &mut ActionCx<'_, '_>,
        call: &mut CallState,
        args: &[Value],
    ) -> Result<i64, ActionError> {
        let realm = self.realm("auth_check", args)?;
        let flags = args.get(2).and_then(Value::as_int).unwrap_or(0);
        let authority = authority(call);
        let result = self.check(cx, call, authority, &realm, None)?;
        if result < 0 || flags & 1 == 0 {
            return Ok(result);
        }
        let claimed = match authority {
            Authority::Server => call.msg.to(),
            Authority::Proxy => call.msg.from(),
        };
        let claimed = claimed.ok().and_then(|a| Uri::parse(a.uri).ok().and_then(|u| u.user));
        let proved = call.identity.as_ref().map(|i| i.user.as_ref());
        if claimed == proved {
            return Ok(1);
        }
        call.identity = None;
        Ok(i64::from(AuthFailure::UserMismatch.kamailio_code()))
    }
}

/// A hash that fits the claim's algorithm and the user as written. A stored hash of another
/// algorithm is no password.
fn known_ha1(known: &Password, claim: &Claim<'_>) -> Result<Option<HexDigest>, AuthFailure> {
    match known {
        // A phone that writes user@domain hashes that; the account is user's.
        Password::Plain(password) => {
            Ok(Some(ha1(claim.algorithm, claim.username, claim.realm, password)))
        }
        Password::Ha1(hash) => {
            let digits = if claim.algorithm == Algorithm::Md5 { 32 } else { 64 };
            if hash.len() == digits { Ok(None) } else { Err(AuthFailure::UnsupportedAlgorithm) }
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

fn fields<'a>(c: &Credentials<'a>) -> DigestFields<'a> {
    DigestFields {
        scheme: c.scheme,
        username: c.username,
        realm: c.realm,
        nonce: c.nonce,
        uri: c.uri,
        response: c.response,
        algorithm: c.algorithm,
        cnonce: c.cnonce,
        opaque: c.opaque,
        qop: c.qop,
        nc: c.nc,
    }
}

const fn header_of(authority: Authority) -> HeaderId {
    match authority {
        Authority::Server => HeaderId::Authorization,
        Authority::Proxy => HeaderId::ProxyAuthorization,
    }
}

/// Who challenges this request: a registrar or a proxy.
pub(super) fn authority(call: &CallState) -> Authority {
    match call.msg.method() {
        Some(Method::Register) => Authority::Server,
        _ => Authority::Proxy,
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
