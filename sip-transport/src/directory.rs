//! What all workers know of each other's connections: which peer is reached over which connection,
//! how many there are in all and from each address, and the list that `core.tcp_list` shows.
//!
//! The sockets themselves belong to their workers. One [`LockSet`] of rank 40 holds it all; a
//! bucket is taken for one lookup or change and never while another is held.

use std::collections::HashMap;
use std::collections::hash_map::{Entry, RandomState};
use std::hash::BuildHasher;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use sip_core::lock::{LockReport, LockSet, Locks, Rank};
use sip_core::net::{ConnId, Flow, ListenId, Proto};
use sip_core::time::Instant;

use crate::params::TransportParams;

/// One connection, as listed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ConnInfo {
    /// Its id; the worker that owns it is part of it.
    pub id: ConnId,
    /// The transport.
    pub proto: Proto,
    /// The listener it came in on, or counts to.
    pub listen: ListenId,
    /// The other end.
    pub peer: SocketAddr,
    /// Our end; the listener's address as long as a connection that we open has none.
    pub local: SocketAddr,
    /// Whether the peer opened it.
    pub inbound: bool,
    /// When it was accepted or begun: its age is counted from here.
    pub opened: Instant,
    /// What it is doing.
    pub state: ConnState,
}

impl ConnInfo {
    /// The flow of messages on this connection.
    #[must_use]
    pub const fn flow(&self) -> Flow {
        Flow { proto: self.proto, listen: self.listen, peer: self.peer, conn: Some(self.id) }
    }
}

/// What a connection is doing, as listed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ConnState {
    /// Being opened by us.
    Connecting,
    /// Established.
    Open,
    /// Being closed: what is queued is still written, nothing is read.
    Closing,
}

/// Why a connection is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// `tcp_max_connections` are open.
    Total,
    /// `tcp_accept_iplimit` are open from this address.
    Address,
}

/// The directory of all connections of an engine, shared by its workers.
#[derive(Debug)]
pub struct ConnDirectory {
    parts: LockSet<Part>,
    /// Keyed, so that a peer cannot choose addresses that meet in one bucket.
    hasher: RandomState,
    open: AtomicU32,
    queued: AtomicU64,
}

#[derive(Debug, Default)]
struct Part {
    by_peer: HashMap<(Proto, SocketAddr), ConnId>,
    by_id: HashMap<ConnId, ConnInfo>,
    accepted: HashMap<IpAddr, u32>,
}

/// Buckets of the directory.
const PARTS: usize = 64;

impl Default for ConnDirectory {
    fn default() -> Self {
        Self::new()
    }
}

impl ConnDirectory {
    /// An empty directory.
    #[must_use]
    pub fn new() -> Self {
        Self {
            parts: LockSet::new("connections", Rank::CONN, PARTS, Part::default),
            hasher: RandomState::new(),
            open: AtomicU32::new(0),
            queued: AtomicU64::new(0),
        }
    }

    /// The connection that messages to `peer` go over, if one is open or being opened.
    #[must_use]
    pub fn find(&self, proto: Proto, peer: SocketAddr) -> Option<ConnId> {
        let key = (proto, peer);
        self.parts.lock_by_hash(self.hasher.hash_one(key)).by_peer.get(&key).copied()
    }

    /// One connection as listed.
    #[must_use]
    pub fn get(&self, id: ConnId) -> Option<ConnInfo> {
        self.parts.lock_by_hash(self.hasher.hash_one(id)).by_id.get(&id).copied()
    }

    /// All connections, in no order; those that open or close meanwhile may or may not be there.
    #[must_use]
    pub fn list(&self) -> Vec<ConnInfo> {
        let mut all = Vec::with_capacity(self.open() as usize);
        for i in 0..self.parts.buckets() {
            all.extend(self.parts.lock(i).by_id.values().copied());
        }
        all
    }

    /// How many connections are open or being opened.
    #[must_use]
    pub fn open(&self) -> u32 {
        self.open.load(Relaxed)
    }

    /// How many bytes wait to be written, on all connections.
    #[must_use]
    pub fn queued(&self) -> u64 {
        self.queued.load(Relaxed)
    }

    /// Counts one more connection, accepted from `from` or (`None`) opened by us, unless a limit
    /// is reached. Each success is undone by one [`release`](Self::release).
    pub(crate) fn admit(
        &self,
        from: Option<IpAddr>,
        params: &TransportParams,
    ) -> Result<(), Refusal> {
        let max = params.tcp_max_connections();
        let more = |open: u32| (open < max).then_some(open + 1);
        self.open.fetch_update(Relaxed, Relaxed, more).map_err(|_| Refusal::Total)?;
        let Some(ip) = from else { return Ok(()) };
        let limit = params.tcp_accept_iplimit();
        let mut part = self.parts.lock_by_hash(self.hasher.hash_one(ip));
        let count = part.accepted.entry(ip).or_insert(0);
        if limit != 0 && *count >= limit {
            drop(part);
            self.open.fetch_sub(1, Relaxed);
            return Err(Refusal::Address);
        }
        *count = count.saturating_add(1);
        Ok(())
    }

    /// Undoes [`admit`](Self::admit).
    pub(crate) fn release(&self, from: Option<IpAddr>) {
        self.open.fetch_sub(1, Relaxed);
        let Some(ip) = from else { return };
        let mut part = self.parts.lock_by_hash(self.hasher.hash_one(ip));
        if let Entry::Occupied(mut count) = part.accepted.entry(ip) {
            *count.get_mut() = count.get().saturating_sub(1);
            if *count.get() == 0 {
                count.remove();
            }
        }
    }

    /// Lists a connection. One that the peer opened takes the place of an older one to the same
    /// peer; for one of ours the other, which stays, is the error: it is to be used instead.
    pub(crate) fn insert(&self, info: ConnInfo) -> Result<(), ConnId> {
        let key = (info.proto, info.peer);
        {
            let mut part = self.parts.lock_by_hash(self.hasher.hash_one(key));
            match part.by_peer.entry(key) {
                Entry::Occupied(known) if !info.inbound => return Err(*known.get()),
                Entry::Occupied(mut known) => {
                    known.insert(info.id);
                }
                Entry::Vacant(free) => {
                    free.insert(info.id);
                }
            }
        }
        self.parts.lock_by_hash(self.hasher.hash_one(info.id)).by_id.insert(info.id, info);
        Ok(())
    }

    /// Changes what is listed of a connection.
    pub(crate) fn update(&self, id: ConnId, change: impl FnOnce(&mut ConnInfo)) {
        if let Some(info) = self.parts.lock_by_hash(self.hasher.hash_one(id)).by_id.get_mut(&id) {
            change(info);
        }
    }

    /// Lets no more messages go over a connection that is being closed.
    pub(crate) fn unroute(&self, id: ConnId, proto: Proto, peer: SocketAddr) {
        let key = (proto, peer);
        let mut part = self.parts.lock_by_hash(self.hasher.hash_one(key));
        if part.by_peer.get(&key) == Some(&id) {
            part.by_peer.remove(&key);
        }
    }

    /// Takes a connection off the list.
    pub(crate) fn remove(&self, id: ConnId, proto: Proto, peer: SocketAddr) {
        self.unroute(id, proto, peer);
        self.parts.lock_by_hash(self.hasher.hash_one(id)).by_id.remove(&id);
    }

    /// Counts bytes that wait to be written.
    pub(crate) fn queue(&self, bytes: usize) {
        self.queued.fetch_add(bytes as u64, Relaxed);
    }

    /// Counts bytes that wait no longer.
    pub(crate) fn unqueue(&self, bytes: usize) {
        self.queued.fetch_sub(bytes as u64, Relaxed);
    }
}

impl Locks for ConnDirectory {
    fn report_locks(&self, into: &mut Vec<LockReport>) {
        into.push(self.parts.report());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(slot: u32, peer: &str, inbound: bool) -> ConnInfo {
        ConnInfo {
            id: ConnId::new(0, 0, slot),
            proto: Proto::Tcp,
            listen: ListenId(0),
            peer: peer.parse().unwrap(),
            local: "127.0.0.1:5060".parse().unwrap(),
            inbound,
            opened: Instant::ZERO,
            state: ConnState::Open,
        }
    }

    #[test]
    fn a_peer_is_found_under_its_newest_accepted_connection_until_that_closes() {
        let d = ConnDirectory::new();
        let (a, b) = (info(1, "10.0.0.1:4000", true), info(2, "10.0.0.1:4000", true));
        d.insert(a).unwrap();
        d.insert(b).unwrap();
        assert_eq!(d.find(Proto::Tcp, a.peer), Some(b.id));
        assert_eq!(d.find(Proto::Tls, a.peer), None);
        d.remove(a.id, a.proto, a.peer);
        assert_eq!(d.find(Proto::Tcp, a.peer), Some(b.id));
        d.remove(b.id, b.proto, b.peer);
        assert_eq!(d.find(Proto::Tcp, a.peer), None);
        assert!(d.list().is_empty());
    }

    #[test]
    fn two_workers_that_open_to_one_peer_end_up_with_one_connection() {
        let d = ConnDirectory::new();
        let (a, b) = (info(1, "[::1]:5060", false), info(2, "[::1]:5060", false));
        assert_eq!(d.insert(a), Ok(()));
        assert_eq!(d.insert(b), Err(a.id));
        assert_eq!(d.list(), [a]);
    }

    #[test]
    fn the_limits_hold_in_all_and_for_each_address() {
        let (d, p) = (ConnDirectory::new(), TransportParams::default());
        p.set("tcp_max_connections", 3).unwrap();
        p.set("tcp_accept_iplimit", 2).unwrap();
        let ip = |s: &str| Some(s.parse::<IpAddr>().unwrap());
        assert_eq!(d.admit(ip("10.0.0.1"), &p), Ok(()));
        assert_eq!(d.admit(ip("10.0.0.1"), &p), Ok(()));
        assert_eq!(d.admit(ip("10.0.0.1"), &p), Err(Refusal::Address));
        assert_eq!(d.admit(ip("10.0.0.2"), &p), Ok(()));
        assert_eq!(d.admit(None, &p), Err(Refusal::Total));
        d.release(ip("10.0.0.1"));
        assert_eq!(d.admit(ip("10.0.0.1"), &p), Ok(()));
        assert_eq!(d.open(), 3);
    }
}
