//! A registrar in a few lines: what the tests talk to.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part of it")]

use std::path::PathBuf;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use sip_core::net::{Flow, ListenId, Listener, Listeners, Proto};
use sip_core::rng::SeededRng;
use sip_core::time::{Duration, Instant, Now, WallTime};
use sip_db::{DbUrl, Driver, Durability, Name, OpenOptions};
use sip_parser::Message;
use sip_usrloc::store::layout::Layout;
use sip_usrloc::store::row::RowRules;
use sip_usrloc::{
    AorRules, Contact, Domain, DomainConfig, Plan, RegistrarParams, Reject, ReplyParams, Ruids,
    SaveKind, SaveOptions, Saved, SqlLocationStore, Targets,
};

pub const START: u64 = 1_795_389_698;

pub fn at(secs: u64) -> Now {
    let now = Now { mono: Instant::ZERO, wall: WallTime::from_secs(START) };
    now.later(Duration::from_secs(secs))
}

pub fn udp() -> Flow {
    Flow {
        proto: Proto::Udp,
        listen: ListenId(0),
        peer: "192.0.2.77:5060".parse().unwrap(),
        conn: None,
    }
}

pub fn listeners() -> Listeners {
    Listeners::new(vec![
        Listener::new(Proto::Udp, "127.0.0.1:5060".parse().unwrap(), None),
        Listener::new(Proto::Tcp, "127.0.0.1:5060".parse().unwrap(), None),
    ])
}

/// A REGISTER of `user` with these header lines.
pub fn register(user: &str, call_id: &str, cseq: u32, lines: &[&str]) -> Message {
    let mut text = format!(
        "REGISTER sip:test.org SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.77;branch=z9hG4bK{call_id}{cseq}\r\n\
         From: <sip:{user}@test.org>;tag=f\r\nTo: <sip:{user}@test.org>\r\n\
         Call-ID: {call_id}\r\nCSeq: {cseq} REGISTER\r\nMax-Forwards: 70\r\n"
    );
    for line in lines {
        text.push_str(line);
        text.push_str("\r\n");
    }
    text.push_str("Content-Length: 0\r\n\r\n");
    Message::parse(Bytes::from(text)).expect("the test's REGISTER parses")
}

/// A table with a registrar in front of it.
pub struct Registrar {
    pub domain: Arc<Domain>,
    pub rules: AorRules,
    pub params: RegistrarParams,
    pub reply: ReplyParams,
    pub now: Now,
    rng: SeededRng,
}

impl Registrar {
    pub fn new() -> Self {
        Self::with(DomainConfig::default())
    }

    pub fn with(config: DomainConfig) -> Self {
        let mut rng = SeededRng::new(7);
        let ruids = Arc::new(Ruids::new(WallTime::from_secs(START), 0, &mut rng));
        let rules = AorRules { use_domain: config.use_domain, ..AorRules::default() };
        let name = Name::fixed("location");
        Self {
            domain: Arc::new(Domain::new(name, config, ruids, &mut rng)),
            rules,
            params: RegistrarParams::default(),
            reply: ReplyParams { date: false, ..ReplyParams::default() },
            now: at(0),
            rng,
        }
    }

    /// Lets time pass.
    pub fn wait(&mut self, secs: u64) -> &mut Self {
        self.now = self.now.later(Duration::from_secs(secs));
        self
    }

    /// The REGISTER's outcome, and the headers of its answer.
    pub fn save(
        &mut self,
        msg: &Message,
        options: &SaveOptions<'_>,
    ) -> (Result<Saved, Reject>, String) {
        let mut headers = BytesMut::new();
        let flow = udp();
        let result = Plan::new(msg, &flow, &self.rules, &self.params, options, &mut self.rng)
            .and_then(|plan| {
                plan.write_headers(self.now.wall, &self.reply, &mut headers);
                self.domain.save(self.now, &plan, Some((&self.reply, &mut headers)))
            });
        if let Err(reject) = &result {
            headers.clear();
            reject.write_headers(self.params.retry_after, &mut headers);
        }
        (result, String::from_utf8(headers.to_vec()).unwrap())
    }

    /// `200` or the code of the refusal, and the headers of the answer.
    pub fn says(&mut self, user: &str, call_id: &str, cseq: u32, lines: &[&str]) -> (u16, String) {
        let msg = register(user, call_id, cseq, lines);
        let (result, headers) = self.save(&msg, &SaveOptions::default());
        (result.map_or_else(|r| r.code(), |_| 200), headers)
    }

    /// The headers of a 200.
    pub fn ok(&mut self, user: &str, call_id: &str, cseq: u32, lines: &[&str]) -> String {
        let (code, headers) = self.says(user, call_id, cseq, lines);
        assert_eq!(code, 200, "{headers}");
        headers
    }

    /// What a REGISTER did.
    pub fn kind(&mut self, user: &str, call_id: &str, cseq: u32, lines: &[&str]) -> SaveKind {
        let msg = register(user, call_id, cseq, lines);
        self.save(&msg, &SaveOptions::default()).0.unwrap().kind
    }

    /// The URIs bound to `aor`, in order.
    pub fn bound(&self, aor: &str) -> Vec<String> {
        uris(&self.contacts(aor))
    }

    pub fn contacts(&self, aor: &str) -> Vec<Contact> {
        let mut contacts = Vec::new();
        self.domain.lookup(self.now, aor.as_bytes(), &mut contacts);
        contacts
    }
}

pub fn uris(contacts: &[Contact]) -> Vec<String> {
    contacts.iter().map(|c| String::from_utf8_lossy(c.uri()).into_owned()).collect()
}

pub fn target_uris(targets: &Targets) -> Vec<String> {
    targets.iter().map(|t| String::from_utf8_lossy(t.uri()).into_owned()).collect()
}

/// A directory of this test's own, empty at its start.
pub fn dir(test: &str) -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("sip-usrloc").join(test);
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

pub fn sqlite(file: &std::path::Path, durability: Durability) -> Box<dyn Driver> {
    let url = DbUrl::parse(&format!("sqlite://{}", file.display())).unwrap();
    sip_db::open(&url, &OpenOptions { durability, busy_timeout_ms: 5000 }).unwrap()
}

pub fn store<D: Driver>(driver: D, use_domain: bool) -> SqlLocationStore<D> {
    let rules = RowRules { use_domain, ..RowRules::default() }.with_listeners(&listeners());
    SqlLocationStore::open(driver, Layout::new(Name::fixed("location")), rules, true).unwrap().0
}
