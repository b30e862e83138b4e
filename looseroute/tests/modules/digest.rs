//! Digest credentials as a phone makes them.

use looseroute::core::auth::{Algorithm, Protection, Qop, ha1, ha2, respond};

use crate::text::{Msg, Req};

/// The value of a field of a challenge or of credentials, without its quotes.
pub fn field(value: &str, name: &str) -> String {
    let start = value.find(&format!("{name}=")).map(|at| at + name.len() + 1);
    let rest = start.map(|at| &value[at..]).unwrap_or_default();
    rest.trim_start_matches('"').split(['"', ',']).next().unwrap_or_default().to_owned()
}

/// Credentials as a phone makes them.
#[derive(Clone)]
pub struct Phone {
    pub user: &'static str,
    pub password: &'static str,
    pub realm: String,
    pub nonce: String,
    pub algorithm: Algorithm,
    /// What it signs instead of the request's method.
    pub method: Option<&'static str>,
    /// The nonce count with `auth`, or none.
    pub count: Option<u32>,
    pub qop: Qop,
}

impl Phone {
    /// One that answers this challenge with a nonce count.
    pub fn new(challenge: &Msg) -> Self {
        let value =
            ["WWW-Authenticate", "Proxy-Authenticate"].map(|n| challenge.header(n)).concat();
        Self {
            user: "alice",
            password: "secret",
            realm: field(&value, "realm"),
            nonce: field(&value, "nonce"),
            algorithm: Algorithm::Md5,
            method: None,
            count: Some(1),
            qop: Qop::Auth,
        }
    }

    fn value(&self, req: &Req) -> String {
        let Self { user, password, realm, nonce, algorithm, .. } = self;
        let uri = "sip:lr.test";
        let secret = ha1(*algorithm, user.as_bytes(), realm.as_bytes(), password.as_bytes());
        let method = self.method.unwrap_or(&req.method);
        let count = self.count.map(|n| format!("{n:08x}"));
        let protection = count.as_deref().map(|nc| Protection {
            qop: self.qop,
            nc: nc.as_bytes(),
            cnonce: b"cn",
        });
        let used = protection.map(|p| p.qop);
        let request = ha2(*algorithm, used, method.as_bytes(), uri.as_bytes(), req.body.as_bytes());
        let response = respond(*algorithm, &secret, nonce.as_bytes(), protection, &request);
        let counted = count.map_or_else(String::new, |nc| {
            format!(", qop={}, nc={nc}, cnonce=\"cn\"", self.qop.token())
        });
        format!(
            "Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", \
             response=\"{response}\", algorithm={}{counted}",
            algorithm.token()
        )
    }

    /// The request again with these credentials.
    pub fn sign(&self, req: &Req) -> Req {
        let req = req.again();
        let header = if req.method == "REGISTER" { "Authorization" } else { "Proxy-Authorization" };
        let value = self.value(&req);
        req.with(format!("{header}: {value}"))
    }
}
