//! Answering a challenge as a client: RFC 7616 3.4, RFC 3261 22.

use bytes::{BufMut, BytesMut};
use sip_parser::{HeaderId, Message};

use super::Account;
use crate::auth::{Algorithm, Protection, Qop, ha1, ha2, respond};

/// The header line that answers a challenge.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct AnsweredChallenge {
    pub(crate) line: BytesMut,
}

/// The answer to the first challenge of `response` whose algorithm is known here: the strongest
/// comes first (RFC 8760 2.3). `None` when it has none that can be answered. `cnonce` is ours.
pub(crate) fn answer_challenge(
    sent: &Message,
    response: &Message,
    account: &Account,
    cnonce: &[u8],
) -> Option<AnsweredChallenge> {
    let (challenges, name) = match response.status()? {
        401 => (HeaderId::WwwAuthenticate, "Authorization"),
        407 => (HeaderId::ProxyAuthenticate, "Proxy-Authorization"),
        _ => return None,
    };
    for challenge in response.challenges(challenges).filter_map(Result::ok) {
        let algorithm = match challenge.algorithm {
            None => Some(Algorithm::Md5),
            Some(token) => Algorithm::from_token(token),
        };
        let (Some(algorithm), true) = (algorithm, challenge.is_digest()) else { continue };
        let (Some(realm), Some(nonce)) = (challenge.realm, challenge.nonce) else { continue };
        let qop = match challenge.qop {
            None => None,
            Some(_) if challenge.offers_qop(b"auth") => Some(Qop::Auth),
            Some(_) if challenge.offers_qop(b"auth-int") => Some(Qop::AuthInt),
            // A protection that nobody knows.
            Some(_) => continue,
        };
        let uri = sent.request_uri();
        let a1 = ha1(algorithm, &account.user, realm, &account.password);
        let a2 = ha2(algorithm, qop, sent.method_name(), uri, sent.body());
        let protection = qop.map(|qop| Protection { qop, nc: b"00000001", cnonce });
        let response = respond(algorithm, &a1, nonce, protection, &a2);
        let mut line = BytesMut::new();
        let mut put = |parts: &[&[u8]]| parts.iter().for_each(|p| line.put_slice(p));
        put(&[name.as_bytes(), b": Digest username=\"", &account.user]);
        put(&[b"\", realm=\"", realm, b"\", nonce=\"", nonce, b"\", uri=\"", uri]);
        put(&[b"\", response=\"", &response, b"\", algorithm=", algorithm.token().as_bytes()]);
        if let Some(opaque) = challenge.opaque {
            put(&[b", opaque=\"", opaque, b"\""]);
        }
        if let Some(p) = protection {
            put(&[b", qop=", p.qop.token().as_bytes(), b", nc=", p.nc]);
            put(&[b", cnonce=\"", p.cnonce, b"\""]);
        }
        put(&[b"\r\n"]);
        return Some(AnsweredChallenge { line });
    }
    None
}
