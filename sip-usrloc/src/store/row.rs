//! A binding as a row of the table `location`, and back.

use bytes::Bytes;
use sip_core::net::{Flow, Listeners};
use sip_core::time::Now;
use sip_db::{Row, Value};

use super::layout::{COLUMNS, Col, Layout};
use crate::aor::{Aor, split};
use crate::contact::{Contact, ContactData, PERMANENT};
use crate::domain::seconds;
use crate::methods::Methods;
use crate::persist::change::RowChange;

/// What Kamailio writes for a client that names itself with no User-Agent.
const NO_USER_AGENT: &[u8] = b"n/a";

/// What rows need to know of the engine.
#[derive(Clone, Debug, Default)]
pub struct RowRules {
    /// The host belongs to the address-of-record (`use_domain`).
    pub use_domain: bool,
    /// This engine's number among those that share the database (`server_id`).
    pub server_id: u32,
    /// Rows of other servers are not loaded, and their expired ones not deleted
    /// (`server_id_filter`).
    pub own_rows_only: bool,
    /// Rows on sockets that are none of ours are not loaded (`skip_remote_socket`).
    pub skip_remote_sockets: bool,
    /// Our listeners, whose names stand in the column `socket`, as `udp:192.0.2.1:5060`.
    pub sockets: Vec<Bytes>,
}

impl RowRules {
    /// Takes over the names of the engine's listeners.
    #[must_use]
    pub fn with_listeners(mut self, listeners: &Listeners) -> Self {
        self.sockets = listeners
            .iter()
            .map(|(_, l)| Bytes::from(format!("{}:{}", l.proto.token(), l.addr)))
            .collect();
        self
    }

    fn socket_of(&self, contact: &Contact) -> Value {
        let name = contact.listen().and_then(|id| self.sockets.get(usize::from(id.0)));
        match (contact.socket(), name) {
            (b"", Some(name)) => Value::Text(name.clone()),
            (b"", None) => Value::Null,
            (other, _) => Value::text(other),
        }
    }

    /// The row of a change, in the order of [`Col::ALL`].
    #[must_use]
    pub fn row(&self, layout: &Layout, change: &RowChange) -> Row {
        let contact = &change.contact;
        let (user, domain) =
            if self.use_domain { split(&change.aor) } else { (&change.aor[..], &b""[..]) };
        let text = |bytes: &[u8]| Value::text(bytes);
        let some = |bytes: &[u8]| if bytes.is_empty() { Value::Null } else { Value::text(bytes) };
        let number = |n: u32| Value::Int(i64::from(n));
        let agent = contact.user_agent();
        let methods = contact.methods();
        let expires = match contact.expires() {
            PERMANENT => 0,
            secs => i64::from(secs),
        };
        vec![
            text(contact.ruid()),
            text(user),
            if self.use_domain { text(domain) } else { Value::Null },
            text(contact.uri()),
            some(contact.received()),
            some(contact.path()),
            layout.time(expires),
            Value::Real(contact.q().map_or(-1.0, |q| f64::from(q) / 1000.0)),
            text(contact.call_id()),
            number(contact.cseq()),
            layout.time(i64::from(contact.modified())),
            number(contact.flags()),
            number(contact.cflags()),
            text(if agent.is_empty() { NO_USER_AGENT } else { agent }),
            self.socket_of(contact),
            if methods == Methods::ALL { Value::Null } else { number(methods.bits()) },
            some(contact.instance()),
            number(contact.reg_id()),
            number(self.server_id),
            Value::Int(contact.conn().map_or(-1, |c| i64::from(c.slot()))),
            Value::Int(0),
            Value::Int(0),
        ]
    }

    /// The binding of a row that was read in the order of [`Col::ALL`]; `None` when it is not to
    /// be loaded.
    #[must_use]
    pub fn stored(&self, row: &[Value]) -> Option<StoredRow> {
        if row.len() < COLUMNS {
            return None;
        }
        let text = |col: Col| row[col as usize].as_bytes().cloned().unwrap_or_default();
        let number = |col: Col| row[col as usize].as_int();
        let small = |col: Col| number(col).and_then(|n| u32::try_from(n).ok()).unwrap_or_default();
        let own = small(Col::ServerId) == self.server_id;
        let contact = text(Col::Contact);
        if contact.is_empty() || (self.own_rows_only && !own) {
            return None;
        }
        let socket = text(Col::Socket);
        let listen = self.sockets.iter().position(|s| *s == socket);
        if self.skip_remote_sockets && !socket.is_empty() && listen.is_none() {
            return None;
        }
        let mut aor = Aor::from_slice(&text(Col::User));
        let domain = text(Col::Domain);
        if self.use_domain && !domain.is_empty() {
            aor.push(b'@');
            aor.extend_from_slice(&domain);
        }
        let agent = text(Col::UserAgent);
        let q = row[Col::Q as usize].as_real().filter(|q| (0.0..=1.0).contains(q));
        Some(StoredRow {
            aor,
            ruid: text(Col::Ruid),
            contact,
            received: text(Col::Received),
            path: text(Col::Path),
            call_id: text(Col::CallId),
            user_agent: if *agent == *NO_USER_AGENT { Bytes::new() } else { agent },
            instance: text(Col::Instance),
            socket,
            listen: listen.and_then(|i| u16::try_from(i).ok()),
            expires: match number(Col::Expires) {
                Some(0) | None => PERMANENT,
                Some(secs) => u32::try_from(secs).unwrap_or(0),
            },
            modified: small(Col::LastModified),
            q: q.map(|q| (q * 1000.0).round() as u16),
            cseq: small(Col::Cseq),
            flags: small(Col::Flags),
            cflags: small(Col::Cflags),
            methods: match number(Col::Methods) {
                None => Methods::ALL,
                Some(bits) => u32::try_from(bits).map_or(Methods::ALL, Methods::from_bits),
            },
            reg_id: small(Col::RegId),
        })
    }
}

/// A row as it was read.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "the fields are those of ContactData")]
pub struct StoredRow {
    pub aor: Aor,
    pub ruid: Bytes,
    pub contact: Bytes,
    pub received: Bytes,
    pub path: Bytes,
    pub call_id: Bytes,
    pub user_agent: Bytes,
    pub instance: Bytes,
    pub socket: Bytes,
    /// Our listener of that name.
    pub listen: Option<u16>,
    pub expires: u32,
    pub modified: u32,
    pub q: Option<u16>,
    pub cseq: u32,
    pub flags: u32,
    pub cflags: u32,
    pub methods: Methods,
    pub reg_id: u32,
}

impl StoredRow {
    /// The binding it says. Its connection is gone; a listener of ours is known again.
    #[must_use]
    pub fn data(&self, now: Now) -> ContactData<'_> {
        ContactData {
            uri: &self.contact,
            call_id: &self.call_id,
            cseq: self.cseq,
            expires: self.expires,
            q: self.q,
            received: &self.received,
            path: &self.path,
            user_agent: &self.user_agent,
            instance: &self.instance,
            reg_id: self.reg_id,
            socket: if self.listen.is_some() { b"" } else { &self.socket },
            methods: self.methods,
            flags: self.flags,
            cflags: self.cflags,
            modified: self.modified.min(seconds(now.wall)),
            flow: self.flow(),
        }
    }

    fn flow(&self) -> Option<Flow> {
        use sip_core::net::{ListenId, Proto};
        let token = self.socket.split(|b| *b == b':').next()?;
        Some(Flow {
            proto: Proto::from_token(token)?,
            listen: ListenId(self.listen?),
            peer: std::net::SocketAddr::from(([0, 0, 0, 0], 0)),
            conn: None,
        })
    }
}
