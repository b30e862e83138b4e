//! The server's check of credentials, in two steps with the account's look-up between them.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};

use bytes::BytesMut;

use super::challenge::Challenge;
use super::counts::{NonceCounts, NonceRefusal};
use super::digest::{Algorithm, HexDigest, Protection, Qop, ha1, ha2, respond, same_digest};
use super::failure::AuthFailure;
use super::nonce::{Nonce, NonceError, NonceMaker, NonceStamp, millis};
use crate::lock::{LockReport, Locks};
use crate::rng::Rng;
use crate::time::Now;

/// The fields of an Authorization or Proxy-Authorization value, without their quotes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DigestFields<'a> {
    /// The scheme; only `Digest` is authenticated.
    pub scheme: &'a [u8],
    /// `username`.
    pub username: Option<&'a [u8]>,
    /// `realm`.
    pub realm: Option<&'a [u8]>,
    /// `nonce`.
    pub nonce: Option<&'a [u8]>,
    /// `uri`.
    pub uri: Option<&'a [u8]>,
    /// `response`.
    pub response: Option<&'a [u8]>,
    /// `algorithm`.
    pub algorithm: Option<&'a [u8]>,
    /// `cnonce`.
    pub cnonce: Option<&'a [u8]>,
    /// `opaque`.
    pub opaque: Option<&'a [u8]>,
    /// `qop`.
    pub qop: Option<&'a [u8]>,
    /// `nc`.
    pub nc: Option<&'a [u8]>,
}

impl<'a> From<sip_parser::Credentials<'a>> for DigestFields<'a> {
    fn from(c: sip_parser::Credentials<'a>) -> Self {
        Self {
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
}

/// What the account's store knows.
#[derive(Clone, Copy)]
pub enum Secret<'a> {
    /// The password itself.
    Password(&'a [u8]),
    /// H(username:realm:password) in lower-case hexadecimal, by the algorithm of the credentials.
    Ha1(&'a [u8]),
}

/// The parameters of an [`Authenticator`]; all may change while it works.
#[derive(Debug)]
pub struct AuthParams {
    /// How long a nonce is good for, in seconds: 300 (Kamailio `auth.nonce_expire`).
    pub nonce_expire_s: AtomicU32,
    /// How far in the future a nonce's time may lie, in seconds: 3 (`auth.nonce_auth_max_drift`).
    pub nonce_max_drift_s: AtomicU32,
    /// Whether a nonce count is taken once only: on (`auth.nonce_count`, there off by default).
    /// Credentials without a count fall to `one_time_nonce`.
    pub nonce_count: AtomicBool,
    /// Whether a nonce is taken once only: off (`auth.one_time_nonce`). With `nonce_count` on, it
    /// holds for credentials that have no count.
    pub one_time_nonce: AtomicBool,
    /// Whether credentials must have a qop: off, for phones older than RFC 3261.
    pub require_qop: AtomicBool,
    algorithms: AtomicU8,
}

impl Default for AuthParams {
    fn default() -> Self {
        let params = Self {
            nonce_expire_s: AtomicU32::new(300),
            nonce_max_drift_s: AtomicU32::new(3),
            nonce_count: AtomicBool::new(true),
            one_time_nonce: AtomicBool::new(false),
            require_qop: AtomicBool::new(false),
            algorithms: AtomicU8::new(0),
        };
        params.set_algorithms(&[Algorithm::Sha256, Algorithm::Md5]);
        params
    }
}

impl AuthParams {
    /// Sets the algorithms that credentials may use: SHA-256 and MD5 unless told otherwise. They
    /// should be those that are offered, since a weaker one accepted is one that an attacker uses.
    pub fn set_algorithms(&self, algorithms: &[Algorithm]) {
        let bits = algorithms.iter().fold(0, |bits, a| bits | *a as u8);
        self.algorithms.store(bits, Ordering::Relaxed);
    }

    /// Whether credentials may use `algorithm`.
    #[must_use]
    pub fn accepts(&self, algorithm: Algorithm) -> bool {
        self.algorithms.load(Ordering::Relaxed) & algorithm as u8 != 0
    }

    /// The algorithms that credentials may use, the strongest first.
    pub fn algorithms(&self) -> impl Iterator<Item = Algorithm> {
        Algorithm::ALL.into_iter().filter(|a| self.accepts(*a))
    }
}

/// Credentials whose form and nonce are right; what is left is whether the password is.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// Who it claims to be, as written: some phones write `user@domain`.
    pub username: &'a [u8],
    /// The realm.
    pub realm: &'a [u8],
    /// The URI that was signed.
    pub uri: &'a [u8],
    /// The algorithm.
    pub algorithm: Algorithm,
    /// The protection with its nonce count, if any.
    pub protection: Option<Protection<'a>>,
    nonce: &'a [u8],
    stamp: NonceStamp,
    count: Option<u32>,
    response: &'a [u8],
}

impl Claim<'_> {
    /// Whether the signed URI is the request's, octet by octet. What follows from a difference is
    /// the application's policy: proxies and NAT devices on the way may have changed the request's
    /// (RFC 3261 22.4 item 7); Kamailio does not compare them.
    #[must_use]
    pub fn uri_is(&self, request_uri: &[u8]) -> bool {
        self.uri == request_uri
    }

    /// The user part of a username written as `user@domain`, else all of it.
    #[must_use]
    pub fn user(&self) -> &[u8] {
        self.username.split(|c| *c == b'@').next().unwrap_or_default()
    }
}

/// The first digest credentials for `realm` among those of a request (`Message::credentials`, each
/// made into [`DigestFields`]). The realm is compared as it was received, escapes included.
pub fn find<'a>(
    credentials: impl IntoIterator<Item = DigestFields<'a>>,
    realm: &[u8],
) -> Result<DigestFields<'a>, AuthFailure> {
    credentials
        .into_iter()
        .find(|c| c.scheme.eq_ignore_ascii_case(b"Digest") && c.realm == Some(realm))
        .ok_or(AuthFailure::NoCredentials)
}

/// A server that challenges and checks. Shared by all workers; its only memory is the uses of
/// nonces, bounded.
#[derive(Debug)]
pub struct Authenticator {
    nonces: NonceMaker,
    counts: NonceCounts,
    params: AuthParams,
}

impl Authenticator {
    /// An authenticator with this secret (drawn from the operating system, or configured to be the
    /// same on several servers), which remembers the uses of some `nonces` nonces at a time.
    #[must_use]
    pub fn new(secret: &[u8], nonces: usize) -> Self {
        Self {
            nonces: NonceMaker::new(secret),
            counts: NonceCounts::new(nonces),
            params: AuthParams::default(),
        }
    }

    /// Its parameters.
    #[must_use]
    pub const fn params(&self) -> &AuthParams {
        &self.params
    }

    /// The uses of nonces that it remembers.
    #[must_use]
    pub const fn counts(&self) -> &NonceCounts {
        &self.counts
    }

    /// A new nonce for `realm`. `binding` must be the same when it comes back: empty, or the
    /// source address, Call-ID and the like (Kamailio `auth_checks_*`).
    #[must_use]
    pub fn nonce(&self, now: Now, rng: &mut dyn Rng, realm: &[u8], binding: &[&[u8]]) -> Nonce {
        self.nonces.make(now.wall, rng.next_u64(), &bound(realm, binding))
    }

    /// A new challenge: hands the value of each header to `each`, all with one nonce.
    pub fn challenge(
        &self,
        now: Now,
        rng: &mut dyn Rng,
        challenge: &Challenge<'_>,
        binding: &[&[u8]],
        scratch: &mut BytesMut,
        each: &mut dyn FnMut(&[u8]),
    ) {
        let nonce = self.nonce(now, rng, challenge.realm, binding);
        challenge.write(&nonce, scratch, each);
    }

    /// The first step: the fields' form, the algorithm, and whether the nonce is ours and fresh.
    /// Changes nothing, and may be done again.
    pub fn precheck<'a>(
        &self,
        now: Now,
        fields: &DigestFields<'a>,
        binding: &[&[u8]],
    ) -> Result<Claim<'a>, AuthFailure> {
        let need = |field: Option<&'a [u8]>, name| {
            field.filter(|f| !f.is_empty()).ok_or(AuthFailure::Malformed(name))
        };
        let realm = need(fields.realm, "realm")?;
        let username = need(fields.username, "username")?;
        let uri = need(fields.uri, "uri")?;
        let nonce = need(fields.nonce, "nonce")?;
        let response = need(fields.response, "response")?;
        let algorithm = self.algorithm(fields)?;
        let (protection, count) = self.protection(fields)?;
        let stamp = self.nonces.open(nonce, &bound(realm, binding)).map_err(|e| match e {
            NonceError::Malformed => AuthFailure::MalformedNonce,
            NonceError::Foreign => AuthFailure::ForeignNonce,
        })?;
        self.check_age(now, stamp)?;
        Ok(Claim { username, realm, uri, algorithm, protection, nonce, stamp, count, response })
    }

    /// The second step: the password, and then that the nonce was not used like this before, which
    /// it is from now on. `body` counts for `auth-int` only.
    pub fn verify(
        &self,
        now: Now,
        claim: &Claim<'_>,
        method: &[u8],
        body: &[u8],
        secret: Secret<'_>,
    ) -> Result<(), AuthFailure> {
        if !same_digest(&claim.expected(method, body, secret), claim.response) {
            return Err(AuthFailure::WrongPassword);
        }
        // The look-up between the two steps may have taken long.
        self.check_age(now, claim.stamp)?;
        self.record(now, claim)
    }

    fn algorithm(&self, fields: &DigestFields<'_>) -> Result<Algorithm, AuthFailure> {
        let algorithm = match fields.algorithm {
            Some(token) => Algorithm::from_token(token),
            None => Some(Algorithm::Md5),
        };
        algorithm.filter(|a| self.params.accepts(*a)).ok_or(AuthFailure::UnsupportedAlgorithm)
    }

    fn protection<'a>(
        &self,
        fields: &DigestFields<'a>,
    ) -> Result<(Option<Protection<'a>>, Option<u32>), AuthFailure> {
        let Some(token) = fields.qop else {
            let required = self.params.require_qop.load(Ordering::Relaxed);
            return if required { Err(AuthFailure::UnsupportedQop) } else { Ok((None, None)) };
        };
        let qop = Qop::from_token(token).ok_or(AuthFailure::UnsupportedQop)?;
        let cnonce = fields.cnonce.ok_or(AuthFailure::Malformed("cnonce"))?;
        let nc = fields.nc.ok_or(AuthFailure::Malformed("nc"))?;
        let count = parse_count(nc).ok_or(AuthFailure::Malformed("nc"))?;
        Ok((Some(Protection { qop, nc, cnonce }), Some(count)))
    }

    fn check_age(&self, now: Now, stamp: NonceStamp) -> Result<(), AuthFailure> {
        let drift = u64::from(self.params.nonce_max_drift_s.load(Ordering::Relaxed)) * 1000;
        let from_future = stamp.issued_ms > millis(now.wall).saturating_add(drift);
        if from_future || stamp.issued_ms < self.valid_from_ms(now) {
            return Err(AuthFailure::StaleNonce);
        }
        Ok(())
    }

    /// The issue time of the oldest nonce that is still good.
    fn valid_from_ms(&self, now: Now) -> u64 {
        let expire = u64::from(self.params.nonce_expire_s.load(Ordering::Relaxed)) * 1000;
        millis(now.wall).saturating_sub(expire)
    }

    /// Records the nonce's use, if uses are limited.
    fn record(&self, now: Now, claim: &Claim<'_>) -> Result<(), AuthFailure> {
        let counted = claim.count.filter(|_| self.params.nonce_count.load(Ordering::Relaxed));
        if counted.is_none() && !self.params.one_time_nonce.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.counts.record(claim.stamp, counted, self.valid_from_ms(now)).map_err(|e| match e {
            NonceRefusal::Forgotten => AuthFailure::ForgottenNonce,
            NonceRefusal::Replayed if counted.is_some() => AuthFailure::ReplayedCount,
            NonceRefusal::Replayed => AuthFailure::NonceReused,
        })
    }
}

impl Locks for Authenticator {
    fn report_locks(&self, into: &mut Vec<LockReport>) {
        self.counts.report_locks(into);
    }
}

impl Claim<'_> {
    /// The response that the secret would have given.
    fn expected(&self, method: &[u8], body: &[u8], secret: Secret<'_>) -> HexDigest {
        let a = self.algorithm;
        let ha2 = ha2(a, self.protection.map(|p| p.qop), method, self.uri, body);
        match secret {
            Secret::Password(password) => {
                let ha1 = ha1(a, self.username, self.realm, password);
                respond(a, &ha1, self.nonce, self.protection, &ha2)
            }
            Secret::Ha1(given) => respond(a, given, self.nonce, self.protection, &ha2),
        }
    }
}

/// What every nonce is bound to: the realm, and what the caller adds.
fn bound<'b>(realm: &'b [u8], binding: &[&'b [u8]]) -> smallvec::SmallVec<[&'b [u8]; 6]> {
    std::iter::once(realm).chain(binding.iter().copied()).collect()
}

/// Exactly eight hexadecimal digits (RFC 7616 3.4), not 0.
fn parse_count(nc: &[u8]) -> Option<u32> {
    let digits = std::str::from_utf8(nc).ok().filter(|s| s.len() == 8)?;
    // A sign would be no hexadecimal digit, but the number parser would take it.
    let all_hex = digits.bytes().all(|c| c.is_ascii_hexdigit());
    u32::from_str_radix(digits, 16).ok().filter(|n| all_hex && *n > 0)
}
