//! A phone and a server, turn by turn.

use std::sync::atomic::Ordering;

use bytes::BytesMut;

use super::*;
use crate::rng::SeededRng;
use crate::time::{Duration, Instant, Now, WallTime};

const REALM: &[u8] = b"sip.test";

struct World {
    server: Authenticator,
    rng: SeededRng,
    now: Now,
}

/// What a phone sends, owned.
#[derive(Clone)]
struct Sent {
    nonce: Vec<u8>,
    nc: String,
    response: String,
    algorithm: Algorithm,
    qop: Option<Qop>,
}

impl Sent {
    fn fields(&self) -> DigestFields<'_> {
        DigestFields {
            scheme: b"digest",
            username: Some(b"alice"),
            realm: Some(REALM),
            nonce: Some(&self.nonce),
            uri: Some(b"sip:sip.test"),
            response: Some(self.response.as_bytes()),
            algorithm: Some(self.algorithm.token().as_bytes()),
            cnonce: self.qop.map(|_| &b"c0ffee"[..]),
            opaque: None,
            qop: self.qop.map(|q| q.token().as_bytes()),
            nc: self.qop.map(|_| self.nc.as_bytes()),
        }
    }
}

impl World {
    fn new() -> Self {
        let wall = WallTime::from_secs(1_700_000_000);
        let now = Now { mono: Instant::from_millis(5), wall };
        Self { server: Authenticator::new(b"secret", 256), rng: SeededRng::new(1), now }
    }

    fn nonce(&mut self) -> Nonce {
        self.server.nonce(self.now, &mut self.rng, REALM, &[])
    }

    fn pass(&mut self, seconds: u64) {
        self.now = self.now.later(Duration::from_secs(seconds));
    }

    fn sign(&self, nonce: &[u8], count: u32, password: &[u8]) -> Sent {
        self.sign_as(nonce, count, password, Algorithm::Md5, Some(Qop::Auth))
    }

    fn sign_as(
        &self,
        nonce: &[u8],
        count: u32,
        password: &[u8],
        a: Algorithm,
        qop: Option<Qop>,
    ) -> Sent {
        let nc = format!("{count:08x}");
        let p = qop.map(|qop| Protection { qop, nc: nc.as_bytes(), cnonce: b"c0ffee" });
        let ha2 = ha2(a, qop, b"REGISTER", b"sip:sip.test", b"body");
        let response = respond(a, &ha1(a, b"alice", REALM, password), nonce, p, &ha2).to_string();
        Sent { nonce: nonce.to_vec(), nc, response, algorithm: a, qop }
    }

    fn check(&self, sent: &Sent) -> Result<(), AuthFailure> {
        self.check_with(sent, Secret::Password(b"wonder"))
    }

    fn check_with(&self, sent: &Sent, secret: Secret<'_>) -> Result<(), AuthFailure> {
        let fields = find([DigestFields::default(), sent.fields()], REALM)?;
        let claim = self.server.precheck(self.now, &fields, &[])?;
        assert_eq!((claim.username, claim.realm), (&b"alice"[..], REALM));
        self.server.verify(self.now, &claim, b"REGISTER", b"body", secret)
    }
}

#[test]
fn a_phone_uses_its_nonce_until_it_is_stale() {
    let mut w = World::new();
    let nonce = w.nonce();
    assert_eq!(w.check(&w.sign(&nonce, 1, b"wonder")), Ok(()));
    w.pass(300);
    assert_eq!(w.check(&w.sign(&nonce, 2, b"wonder")), Ok(()));
    w.pass(1);
    let stale = w.check(&w.sign(&nonce, 3, b"wonder")).unwrap_err();
    assert_eq!(stale, AuthFailure::StaleNonce);
    assert!(stale.is_stale());
    let fresh = w.nonce();
    assert_eq!(w.check(&w.sign(&fresh, 1, b"wonder")), Ok(()));
}

#[test]
fn every_algorithm_and_protection_that_is_offered_is_taken() {
    let mut w = World::new();
    w.server.params().set_algorithms(&Algorithm::ALL);
    for a in Algorithm::ALL {
        for qop in [None, Some(Qop::Auth), Some(Qop::AuthInt)] {
            let nonce = w.nonce();
            let sent = w.sign_as(&nonce, 1, b"wonder", a, qop);
            assert_eq!(w.check(&sent), Ok(()), "{a} {qop:?}");
            let ha1 = ha1(a, b"alice", REALM, b"wonder");
            let nonce = w.nonce();
            let sent = w.sign_as(&nonce, 1, b"wonder", a, qop);
            assert_eq!(w.check_with(&sent, Secret::Ha1(&ha1)), Ok(()), "{a} {qop:?}");
            let wrong = w.sign_as(&nonce, 2, b"wunder", a, qop);
            assert_eq!(w.check(&wrong), Err(AuthFailure::WrongPassword));
        }
    }
    w.server.params().set_algorithms(&[Algorithm::Sha256]);
    let sent = w.sign(&w.nonce_of(9), 1, b"wonder");
    assert_eq!(w.check(&sent), Err(AuthFailure::UnsupportedAlgorithm));
    assert_eq!(w.server.params().algorithms().collect::<Vec<_>>(), [Algorithm::Sha256]);
}

impl World {
    fn nonce_of(&self, seed: u64) -> Nonce {
        self.server.nonce(self.now, &mut SeededRng::new(seed), REALM, &[])
    }
}

#[test]
fn a_replayed_count_is_refused_and_a_wrong_password_spends_none() {
    let mut w = World::new();
    let nonce = w.nonce();
    assert_eq!(w.check(&w.sign(&nonce, 1, b"wrong")), Err(AuthFailure::WrongPassword));
    let sent = w.sign(&nonce, 1, b"wonder");
    assert_eq!(w.check(&sent), Ok(()));
    assert_eq!(w.check(&sent), Err(AuthFailure::ReplayedCount));
    assert_eq!(w.check(&w.sign(&nonce, 3, b"wonder")), Ok(()));
    assert_eq!(w.check(&w.sign(&nonce, 2, b"wonder")), Ok(()), "overtaken on the way");
    w.server.params().nonce_count.store(false, Ordering::Relaxed);
    assert_eq!(w.check(&sent), Ok(()), "nothing is counted");
}

#[test]
fn a_one_time_nonce_is_good_once_with_or_without_qop() {
    let mut w = World::new();
    let p = w.server.params();
    p.one_time_nonce.store(true, Ordering::Relaxed);
    let old = w.nonce_of(77);
    let without = w.sign_as(&old, 1, b"wonder", Algorithm::Md5, None);
    assert_eq!(w.check(&without), Ok(()));
    assert_eq!(w.check(&without), Err(AuthFailure::NonceReused));
    let counted = w.nonce();
    assert_eq!(w.check(&w.sign(&counted, 1, b"wonder")), Ok(()));
    assert_eq!(w.check(&w.sign(&counted, 2, b"wonder")), Ok(()), "a count is its own protection");
    w.server.params().nonce_count.store(false, Ordering::Relaxed);
    let once = w.nonce();
    assert_eq!(w.check(&w.sign(&once, 1, b"wonder")), Ok(()));
    assert_eq!(w.check(&w.sign(&once, 2, b"wonder")), Err(AuthFailure::NonceReused));
}

#[test]
fn a_nonce_of_another_server_realm_source_or_time_is_not_taken() {
    let mut w = World::new();
    let other = Authenticator::new(b"other", 16).nonce(w.now, &mut w.rng, REALM, &[]);
    assert_eq!(w.check(&w.sign(&other, 1, b"wonder")), Err(AuthFailure::ForeignNonce));
    let realm = w.server.nonce(w.now, &mut w.rng, b"else.test", &[]);
    assert_eq!(w.check(&w.sign(&realm, 1, b"wonder")), Err(AuthFailure::ForeignNonce));
    let source = w.server.nonce(w.now, &mut w.rng, REALM, &[b"192.0.2.1"]);
    let sent = w.sign(&source, 1, b"wonder");
    assert_eq!(w.check(&sent), Err(AuthFailure::ForeignNonce));
    let bound =
        |ip: &[u8]| w.server.precheck(w.now, &sent.fields(), &[ip]).map(|c| c.user().to_vec());
    assert_eq!(bound(b"192.0.2.1"), Ok(b"alice".to_vec()));
    assert_eq!(bound(b"192.0.2.2"), Err(AuthFailure::ForeignNonce));
    assert_eq!(w.check(&w.sign(b"zzz", 1, b"wonder")), Err(AuthFailure::MalformedNonce));
    let later = w.now.later(Duration::from_secs(4));
    let future = w.server.nonce(later, &mut w.rng, REALM, &[]);
    assert_eq!(w.check(&w.sign(&future, 1, b"wonder")), Err(AuthFailure::StaleNonce));
    let later = w.now.later(Duration::from_secs(3));
    let drifted = w.server.nonce(later, &mut w.rng, REALM, &[]);
    assert_eq!(w.check(&w.sign(&drifted, 1, b"wonder")), Ok(()));
}

#[test]
fn a_look_up_that_outlasts_the_nonce_is_stale() {
    let mut w = World::new();
    let nonce = w.nonce();
    let sent = w.sign(&nonce, 1, b"wonder");
    let fields = sent.fields();
    let claim = w.server.precheck(w.now, &fields, &[]).unwrap();
    w.pass(301);
    let r = w.server.verify(w.now, &claim, b"REGISTER", b"body", Secret::Password(b"wonder"));
    assert_eq!(r, Err(AuthFailure::StaleNonce));
}

#[test]
fn what_is_missing_or_malformed_is_named() {
    let mut w = World::new();
    let nonce = w.nonce();
    let sent = w.sign(&nonce, 1, b"wonder");
    let good = sent.fields();
    let said = |f: DigestFields<'_>| w.server.precheck(w.now, &f, &[]).map(|_| ()).unwrap_err();
    use AuthFailure::{Malformed, UnsupportedAlgorithm, UnsupportedQop};
    assert_eq!(said(DigestFields { username: None, ..good }), Malformed("username"));
    assert_eq!(said(DigestFields { username: Some(b""), ..good }), Malformed("username"));
    assert_eq!(said(DigestFields { realm: None, ..good }), Malformed("realm"));
    assert_eq!(said(DigestFields { uri: None, ..good }), Malformed("uri"));
    assert_eq!(said(DigestFields { nonce: None, ..good }), Malformed("nonce"));
    assert_eq!(said(DigestFields { response: None, ..good }), Malformed("response"));
    assert_eq!(said(DigestFields { cnonce: None, ..good }), Malformed("cnonce"));
    for nc in [&b""[..], b"1", b"00000000", b"000000001", b"+0000001", b"0000000g", b"\xff\xff"] {
        assert_eq!(said(DigestFields { nc: Some(nc), ..good }), Malformed("nc"));
    }
    assert_eq!(said(DigestFields { nc: None, ..good }), Malformed("nc"));
    assert_eq!(said(DigestFields { qop: Some(b"foo"), ..good }), UnsupportedQop);
    for a in [&b"MD5-sess"[..], b"SHA-512-256", b"", b"none"] {
        assert_eq!(said(DigestFields { algorithm: Some(a), ..good }), UnsupportedAlgorithm);
    }
    assert!(w.server.precheck(w.now, &DigestFields { algorithm: None, ..good }, &[]).is_ok());
    w.server.params().require_qop.store(true, Ordering::Relaxed);
    assert_eq!(said(DigestFields { qop: None, ..good }), UnsupportedQop);
}

#[test]
fn credentials_are_found_by_scheme_and_realm() {
    let basic = DigestFields { scheme: b"Basic", realm: Some(REALM), ..Default::default() };
    let other = DigestFields { scheme: b"Digest", realm: Some(b"x"), ..Default::default() };
    let ours = DigestFields { scheme: b"DIGEST", realm: Some(REALM), ..Default::default() };
    assert_eq!(find([basic, other], REALM), Err(AuthFailure::NoCredentials));
    assert_eq!(find([basic, other, ours], REALM), Ok(ours));
}

#[test]
fn what_the_parser_read_can_be_checked() {
    let mut w = World::new();
    let nonce = w.nonce();
    let sent = w.sign(&nonce, 1, b"wonder");
    let value = format!(
        "Digest username=\"alice\", realm=\"sip.test\", nonce=\"{nonce}\", uri=\"sip:sip.test\", \
         response=\"{}\", algorithm=MD5, cnonce=\"c0ffee\", qop=auth, nc=00000001",
        sent.response
    );
    let parsed = sip_parser::Credentials::parse(value.as_bytes()).unwrap();
    let fields = DigestFields::from(parsed);
    assert_eq!(fields, DigestFields { scheme: b"Digest", ..sent.fields() });
    let claim = w.server.precheck(w.now, &find([fields], REALM).unwrap(), &[]).unwrap();
    let secret = Secret::Password(b"wonder");
    assert_eq!(w.server.verify(w.now, &claim, b"REGISTER", b"", secret), Ok(()));
}

#[test]
fn a_challenge_is_answered_by_what_it_says() {
    let mut w = World::new();
    let challenge = Challenge {
        realm: REALM,
        algorithms: &[Algorithm::Sha256, Algorithm::Md5],
        qop: QopOffer::Auth,
        stale: false,
        opaque: None,
    };
    let mut seen = Vec::new();
    let mut keep = |v: &[u8]| seen.push(String::from_utf8(v.to_vec()).unwrap());
    let mut scratch = BytesMut::new();
    w.server.challenge(w.now, &mut w.rng, &challenge, &[], &mut scratch, &mut keep);
    assert_eq!(seen.len(), 2);
    let nonce_in = |v: &str| v.split("nonce=\"").nth(1).unwrap()[..56].to_owned();
    assert_eq!(nonce_in(&seen[0]), nonce_in(&seen[1]));
    let sent =
        w.sign_as(nonce_in(&seen[0]).as_bytes(), 1, b"wonder", Algorithm::Sha256, Some(Qop::Auth));
    assert_eq!(w.check(&sent), Ok(()));
}

#[test]
fn the_signed_uri_and_the_user_part_are_there_for_policy() {
    let mut w = World::new();
    let nonce = w.nonce();
    let sent = w.sign(&nonce, 1, b"wonder");
    let fields = DigestFields { username: Some(b"alice@sip.test"), ..sent.fields() };
    let claim = w.server.precheck(w.now, &fields, &[]).unwrap();
    assert!(claim.uri_is(b"sip:sip.test") && !claim.uri_is(b"sip:else.test"));
    assert_eq!(claim.user(), b"alice");
}

#[test]
fn each_failure_has_kamailios_code() {
    use AuthFailure as F;
    let codes = [
        (F::Malformed("nc"), -1),
        (F::WrongPassword, -2),
        (F::UnknownUser, -3),
        (F::StaleNonce, -4),
        (F::ForeignNonce, -4),
        (F::ReplayedCount, -4),
        (F::NoCredentials, -5),
        (F::NonceReused, -6),
        (F::UserMismatch, -8),
    ];
    assert!(codes.iter().all(|(f, code)| f.kamailio_code() == *code));
    assert!(!F::WrongPassword.is_stale() && F::Malformed("nc").is_bad_request());
}
