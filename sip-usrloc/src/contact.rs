//! One binding: a contact address of an address-of-record with all that is kept about it.
//!
//! A [`Contact`] is small and cheap to clone: numbers, and one shared piece of memory with all its
//! texts. Tables change theirs by making a new text when one differs; whoever holds a clone keeps
//! the old one.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use sip_core::net::{ConnId, Flow, ListenId, Proto};
use smallvec::SmallVec;

use crate::methods::Methods;

/// The expiry of a binding that never expires.
pub const PERMANENT: u32 = u32::MAX;

/// The texts of a contact, in the order they are kept.
#[derive(Clone, Copy)]
enum Field {
    Uri,
    CallId,
    Ruid,
    Received,
    Path,
    UserAgent,
    Instance,
    Socket,
    Peer,
}

const FIELDS: usize = 9;

/// A binding as it is asked for: what a REGISTER or a database row says. Everything is borrowed;
/// an empty text means that there is none.
#[derive(Clone, Copy, Debug)]
pub struct ContactData<'a> {
    /// The contact's URI, as given.
    pub uri: &'a [u8],
    /// The Call-ID of the REGISTER.
    pub call_id: &'a [u8],
    /// Its CSeq number.
    pub cseq: u32,
    /// When it expires: seconds of wall time since the Unix epoch, or [`PERMANENT`].
    pub expires: u32,
    /// Its preference in thousandths; `None` when the client did not say.
    pub q: Option<u16>,
    /// The URI of where the REGISTER really came from, for clients behind NAT.
    pub received: &'a [u8],
    /// The Path (RFC 3327): route values separated by commas.
    pub path: &'a [u8],
    /// The client's User-Agent.
    pub user_agent: &'a [u8],
    /// The instance id with its angle brackets (RFC 5626 4.1).
    pub instance: &'a [u8],
    /// The reg-id (RFC 5626 4.2), 0 for none.
    pub reg_id: u32,
    /// The name of a socket that is not one of ours, as `udp:192.0.2.1:5060`.
    pub socket: &'a [u8],
    /// The methods it takes.
    pub methods: Methods,
    /// Kamailio's internal flags of a record.
    pub flags: u32,
    /// Branch flags to restore at lookup.
    pub cflags: u32,
    /// When it was last written, in seconds of wall time since the Unix epoch.
    pub modified: u32,
    /// The way the REGISTER came; `None` when it is not known any more (after a restart).
    pub flow: Option<Flow>,
}

impl Default for ContactData<'_> {
    /// A permanent contact without anything.
    fn default() -> Self {
        Self {
            uri: b"",
            call_id: b"",
            cseq: 0,
            expires: PERMANENT,
            q: None,
            received: b"",
            path: b"",
            user_agent: b"",
            instance: b"",
            reg_id: 0,
            socket: b"",
            methods: Methods::ALL,
            flags: 0,
            cflags: 0,
            modified: 0,
            flow: None,
        }
    }
}

/// One binding. See the module.
#[derive(Clone)]
pub struct Contact {
    text: Arc<[u8]>,
    ends: [u16; FIELDS],
    conn: u64,
    expires: u32,
    modified: u32,
    cseq: u32,
    methods: u32,
    flags: u32,
    cflags: u32,
    reg_id: u32,
    /// Counts the changes of a table's bucket; tells the states of one contact apart.
    pub(crate) version: u32,
    q: i16,
    listen: u16,
    proto: u8,
    pub(crate) state: State,
}

/// What a table knows about a contact and its row.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct State(u8);

impl State {
    /// The row is behind the contact.
    pub(crate) const DIRTY: u8 = 1;
    /// Added, and not committed yet: not to be seen by anybody.
    pub(crate) const TENTATIVE: u8 = 2;
    /// There is, or may be, a row.
    pub(crate) const STORED: u8 = 4;
    /// Never to be written to a database.
    pub(crate) const MEMORY_ONLY: u8 = 8;
    /// What seldom changes differs from the row: contact, connection.
    pub(crate) const DIRTY_FULL: u8 = 16;

    pub(crate) const fn has(self, bit: u8) -> bool {
        self.0 & bit != 0
    }

    pub(crate) const fn set(&mut self, bit: u8, on: bool) {
        if on { self.0 |= bit } else { self.0 &= !bit }
    }
}

const NO_CONN: u64 = u64::MAX;
const NO_LISTEN: u16 = u16::MAX;

impl Contact {
    /// A contact with the name `ruid`. Texts longer than 65,535 bytes together are cut; the
    /// registrar refuses long ones long before.
    #[must_use]
    pub fn new(data: &ContactData<'_>, ruid: &[u8]) -> Self {
        let (text, ends) = texts(data, ruid);
        let mut contact = Self {
            text,
            ends,
            conn: NO_CONN,
            expires: 0,
            modified: 0,
            cseq: 0,
            methods: 0,
            flags: 0,
            cflags: 0,
            reg_id: 0,
            version: 0,
            q: -1,
            listen: NO_LISTEN,
            proto: 0,
            state: State::default(),
        };
        contact.set_numbers(data);
        contact
    }

    /// Takes over `data`, keeping the ruid. Tells whether what seldom changes did: the URI or the
    /// connection.
    pub(crate) fn update(&mut self, data: &ContactData<'_>) -> bool {
        let mut full = self.conn != data.flow.and_then(|f| f.conn).map_or(NO_CONN, |c| c.0);
        if !self.has_texts(data) {
            full |= self.uri() != data.uri;
            let (text, ends) = texts(data, self.ruid());
            self.text = text;
            self.ends = ends;
        }
        self.set_numbers(data);
        full
    }

    fn set_numbers(&mut self, data: &ContactData<'_>) {
        self.expires = data.expires;
        self.modified = data.modified;
        self.cseq = data.cseq;
        self.methods = data.methods.bits();
        self.flags = data.flags;
        self.cflags = data.cflags;
        self.reg_id = data.reg_id;
        self.q = data.q.and_then(|q| i16::try_from(q).ok()).unwrap_or(-1);
        self.conn = data.flow.and_then(|f| f.conn).map_or(NO_CONN, |c| c.0);
        self.listen = data.flow.map_or(NO_LISTEN, |f| f.listen.0);
        self.proto = data.flow.map_or(0, |f| f.proto as u8);
    }

    fn has_texts(&self, data: &ContactData<'_>) -> bool {
        let mut peer = [0; 18];
        self.uri() == data.uri
            && self.call_id() == data.call_id
            && self.field(Field::UserAgent) == data.user_agent
            && self.received() == data.received
            && self.path() == data.path
            && self.instance() == data.instance
            && self.socket() == data.socket
            && self.field(Field::Peer) == packed(kept_peer(data), &mut peer)
    }

    #[inline]
    fn field(&self, field: Field) -> &[u8] {
        let i = field as usize;
        let start = i.checked_sub(1).map_or(0, |before| usize::from(self.ends[before]));
        self.text.get(start..usize::from(self.ends[i])).unwrap_or_default()
    }

    /// The contact's URI, as the client gave it.
    #[must_use]
    pub fn uri(&self) -> &[u8] {
        self.field(Field::Uri)
    }

    /// The Call-ID of the REGISTER that wrote it last.
    #[must_use]
    pub fn call_id(&self) -> &[u8] {
        self.field(Field::CallId)
    }

    /// Its name, unique for good.
    #[must_use]
    pub fn ruid(&self) -> &[u8] {
        self.field(Field::Ruid)
    }

    /// The URI of where the REGISTER really came from, empty when that was not kept.
    #[must_use]
    pub fn received(&self) -> &[u8] {
        self.field(Field::Received)
    }

    /// The Path (RFC 3327): route values separated by commas; empty for none.
    #[must_use]
    pub fn path(&self) -> &[u8] {
        self.field(Field::Path)
    }

    /// The client's User-Agent, empty when it did not say.
    #[must_use]
    pub fn user_agent(&self) -> &[u8] {
        self.field(Field::UserAgent)
    }

    /// The instance id with its angle brackets, empty for none.
    #[must_use]
    pub fn instance(&self) -> &[u8] {
        self.field(Field::Instance)
    }

    /// The name of the socket it was registered on, when that is none of ours; else empty.
    #[must_use]
    pub fn socket(&self) -> &[u8] {
        self.field(Field::Socket)
    }

    /// When it expires: seconds of wall time since the Unix epoch, or [`PERMANENT`].
    #[must_use]
    pub const fn expires(&self) -> u32 {
        self.expires
    }

    /// Whether it is alive at `now`, seconds of wall time since the Unix epoch.
    #[must_use]
    pub const fn is_live(&self, now: u32) -> bool {
        self.expires > now
    }

    /// Its preference in thousandths, `None` when the client did not say.
    #[must_use]
    pub fn q(&self) -> Option<u16> {
        u16::try_from(self.q).ok()
    }

    /// Its preference for sorting: without one it comes last, as in Kamailio.
    pub(crate) const fn rank(&self) -> i16 {
        self.q
    }

    /// The CSeq number of the REGISTER that wrote it last.
    #[must_use]
    pub const fn cseq(&self) -> u32 {
        self.cseq
    }

    /// When it was written last: seconds of wall time since the Unix epoch.
    #[must_use]
    pub const fn modified(&self) -> u32 {
        self.modified
    }

    /// The methods it takes.
    #[must_use]
    pub const fn methods(&self) -> Methods {
        Methods::from_bits(self.methods)
    }

    /// Kamailio's internal flags of a record.
    #[must_use]
    pub const fn flags(&self) -> u32 {
        self.flags
    }

    /// Branch flags to restore at lookup.
    #[must_use]
    pub const fn cflags(&self) -> u32 {
        self.cflags
    }

    /// The reg-id, 0 for none.
    #[must_use]
    pub const fn reg_id(&self) -> u32 {
        self.reg_id
    }

    /// Kamailio's name for how its row stands: `CS_NEW` there is none, `CS_DIRTY` it is behind,
    /// `CS_SYNC` it is the same.
    #[must_use]
    pub const fn row_state(&self) -> &'static str {
        match (self.state.has(State::STORED), self.state.has(State::DIRTY)) {
            (false, _) => "CS_NEW",
            (true, true) => "CS_DIRTY",
            (true, false) => "CS_SYNC",
        }
    }

    /// The connection it was registered over, on stream transports.
    #[must_use]
    pub fn conn(&self) -> Option<ConnId> {
        (self.conn != NO_CONN).then_some(ConnId(self.conn))
    }

    /// The listener it was registered on.
    #[must_use]
    pub fn listen(&self) -> Option<ListenId> {
        (self.listen != NO_LISTEN).then_some(ListenId(self.listen))
    }

    /// The transport it was registered over.
    #[must_use]
    pub fn proto(&self) -> Option<Proto> {
        [Proto::Udp, Proto::Tcp, Proto::Tls, Proto::Sctp, Proto::Ws, Proto::Wss]
            .into_iter()
            .find(|p| *p as u8 == self.proto)
    }

    /// The flow to reach it on, for contacts registered over a connection: requests go back the
    /// way the REGISTER came. `None` for datagrams, where [`received`](Self::received) or the
    /// URI says where to.
    #[must_use]
    pub fn flow(&self) -> Option<Flow> {
        Some(Flow {
            proto: self.proto()?,
            listen: self.listen()?,
            peer: unpacked(self.field(Field::Peer))?,
            conn: Some(self.conn()?),
        })
    }

    /// All of it, to be written elsewhere.
    #[must_use]
    pub fn data(&self) -> ContactData<'_> {
        ContactData {
            uri: self.uri(),
            call_id: self.call_id(),
            cseq: self.cseq,
            expires: self.expires,
            q: self.q(),
            received: self.received(),
            path: self.path(),
            user_agent: self.user_agent(),
            instance: self.instance(),
            reg_id: self.reg_id,
            socket: self.socket(),
            methods: self.methods(),
            flags: self.flags,
            cflags: self.cflags,
            modified: self.modified,
            flow: self.flow(),
        }
    }

    /// The bytes of memory it holds beside itself.
    #[must_use]
    pub fn heap_size(&self) -> usize {
        self.text.len() + 2 * size_of::<usize>()
    }
}

impl fmt::Debug for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contact")
            .field("uri", &String::from_utf8_lossy(self.uri()))
            .field("call_id", &String::from_utf8_lossy(self.call_id()))
            .field("cseq", &self.cseq)
            .field("expires", &self.expires)
            .field("ruid", &String::from_utf8_lossy(self.ruid()))
            .field("version", &self.version)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// The peer is worth keeping only where a connection leads back to it.
fn kept_peer(data: &ContactData<'_>) -> Option<SocketAddr> {
    data.flow.filter(|f| f.conn.is_some()).map(|f| f.peer)
}

fn texts(data: &ContactData<'_>, ruid: &[u8]) -> (Arc<[u8]>, [u16; FIELDS]) {
    let mut peer = [0; 18];
    let parts: [&[u8]; FIELDS] = [
        data.uri,
        data.call_id,
        ruid,
        data.received,
        data.path,
        data.user_agent,
        data.instance,
        data.socket,
        packed(kept_peer(data), &mut peer),
    ];
    let mut text: SmallVec<[u8; 512]> = SmallVec::new();
    let mut ends = [0; FIELDS];
    for (part, end) in parts.into_iter().zip(&mut ends) {
        let room = usize::from(u16::MAX) - text.len();
        text.extend_from_slice(part.get(..room).unwrap_or(part));
        *end = u16::try_from(text.len()).unwrap_or(u16::MAX);
    }
    (Arc::from(&text[..]), ends)
}

fn packed(peer: Option<SocketAddr>, room: &mut [u8; 18]) -> &[u8] {
    let Some(peer) = peer else { return &[] };
    let port = peer.port().to_be_bytes();
    let end = match peer.ip() {
        IpAddr::V4(ip) => {
            room[..4].copy_from_slice(&ip.octets());
            4
        }
        IpAddr::V6(ip) => {
            room[..16].copy_from_slice(&ip.octets());
            16
        }
    };
    room[end..end + 2].copy_from_slice(&port);
    &room[..end + 2]
}

fn unpacked(bytes: &[u8]) -> Option<SocketAddr> {
    let (ip, port) = bytes.split_last_chunk::<2>()?;
    let ip = match ip.len() {
        4 => IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(ip).ok()?)),
        16 => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(ip).ok()?)),
        _ => return None,
    };
    Some(SocketAddr::new(ip, u16::from_be_bytes(*port)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data() -> ContactData<'static> {
        ContactData {
            uri: b"sip:a@192.0.2.1:5060",
            call_id: b"call-1",
            cseq: 4,
            expires: 1000,
            q: Some(500),
            received: b"sip:198.51.100.7:61000",
            path: b"<sip:p1;lr>,<sip:p2;lr>",
            user_agent: b"Phone 1",
            instance: b"<urn:uuid:1>",
            reg_id: 2,
            socket: b"",
            methods: Methods::parse(b"INVITE, ACK"),
            flags: 1,
            cflags: 64,
            modified: 900,
            flow: Some(Flow {
                proto: Proto::Tcp,
                listen: ListenId(3),
                peer: "198.51.100.7:61000".parse().unwrap(),
                conn: Some(ConnId::new(1, 2, 3)),
            }),
        }
    }

    #[test]
    fn a_contact_gives_back_what_it_was_made_of() {
        let contact = Contact::new(&data(), b"uloc-1");
        assert_eq!(format!("{:?}", contact.data()), format!("{:?}", data()));
        assert_eq!(contact.ruid(), b"uloc-1");
        assert!(contact.is_live(999) && !contact.is_live(1000));
    }

    #[test]
    fn a_refresh_with_the_same_texts_keeps_their_memory() {
        let mut contact = Contact::new(&data(), b"uloc-1");
        let before = contact.clone();
        assert!(!contact.update(&ContactData { cseq: 5, expires: 2000, ..data() }));
        assert!(Arc::ptr_eq(&before.text, &contact.text));
        assert_eq!((before.cseq(), contact.cseq(), contact.expires()), (4, 5, 2000));
        assert!(!contact.update(&ContactData { user_agent: b"Phone 2", ..data() }));
        assert_eq!((contact.user_agent(), contact.ruid()), (&b"Phone 2"[..], &b"uloc-1"[..]));
        assert!(contact.update(&ContactData { uri: b"sip:b@192.0.2.1", ..data() }));
        assert!(contact.update(&ContactData { uri: b"sip:b@192.0.2.1", flow: None, ..data() }));
        assert_eq!((contact.flow(), contact.conn()), (None, None));
    }

    #[test]
    fn a_flow_survives_in_both_address_families() {
        for peer in ["192.0.2.9:5060", "[2001:db8::9]:65535"] {
            let mut room = [0; 18];
            let peer: SocketAddr = peer.parse().unwrap();
            assert_eq!(unpacked(packed(Some(peer), &mut room)), Some(peer));
        }
        assert_eq!(unpacked(b"\x01\x02\x03"), None);
    }

    #[test]
    fn a_contact_stays_small() {
        assert!(size_of::<Contact>() <= 80, "{}", size_of::<Contact>());
    }
}
