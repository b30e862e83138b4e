//! What the transport counts. The names of group `tcp` that Kamailio's core has are its names
//! (`kamcmd stats.get_statistics tcp:`); group `udp` and `service` and the rest are ours.

use std::sync::Arc;

use sip_core::stats::{Builder, CounterId, Shard};

use crate::directory::ConnDirectory;

macro_rules! counters {
    ($($variant:ident = $group:literal $name:literal, $doc:literal;)*) => {
        /// One counter of the transport.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(usize)]
        pub enum Counter {
            $(#[doc = $doc] $variant,)*
        }

        const DECLARED: &[(&str, &str, &str)] = &[$(($group, $name, $doc),)*];
    };
}

counters! {
    ConReset = "tcp" "con_reset", "Connections reset by the peer.";
    ConTimeout = "tcp" "con_timeout", "Connections closed because they were idle or a message stayed unfinished.";
    ConnectFailed = "tcp" "connect_failed", "Outgoing connections that could not be opened.";
    ConnectSuccess = "tcp" "connect_success", "Outgoing connections opened.";
    Established = "tcp" "established", "Connections established, either way.";
    LocalReject = "tcp" "local_reject", "Connections that we refused: a limit was reached.";
    PassiveOpen = "tcp" "passive_open", "Connections accepted.";
    SendTimeout = "tcp" "send_timeout", "Connections closed because the peer took nothing for too long.";
    SendqFull = "tcp" "sendq_full", "Messages not sent because too much was waiting already.";
    TcpReceived = "tcp" "received_messages", "Messages read from connections.";
    TcpSent = "tcp" "sent_messages", "Messages handed to connections.";
    TcpKeepalive = "tcp" "keepalives", "Keep-alives (CRLF) read from connections.";
    TcpMalformed = "tcp" "malformed", "Connections closed because what came was no SIP or HTTP.";
    TcpHttp = "tcp" "http_requests", "HTTP requests read from connections.";
    AcceptError = "tcp" "accept_errors", "Failures of accept, such as no descriptor left.";
    UdpReceived = "udp" "received_messages", "Datagrams received, keep-alives not counted.";
    UdpSent = "udp" "sent_messages", "Datagrams sent.";
    UdpKeepalive = "udp" "keepalives", "Datagrams of nothing but line ends or zeros, dropped.";
    UdpTooLong = "udp" "too_long", "Datagrams longer than msg_recv_max_size, dropped.";
    UdpReceiveError = "udp" "receive_errors", "Errors told by the system when reading.";
    UdpSendError = "udp" "send_errors", "Datagrams that the system refused.";
    UdpSendqFull = "udp" "sendq_full", "Datagrams not sent because too many were waiting already.";
    UdpReceiveCall = "udp" "receive_calls", "System calls that received datagrams.";
    UdpSendCall = "udp" "send_calls", "System calls that sent datagrams.";
    ServiceOpened = "service" "opened", "Connections accepted on service sockets.";
    ServiceReject = "service" "local_reject", "Connections refused on service sockets: too many.";
    ServiceOverflow = "service" "overflow", "Service connections closed because they did not read.";
}

/// The transport's counters as declared in an engine's statistics. One for the engine; cheap to
/// clone.
#[derive(Clone, Debug)]
pub struct TransportStats {
    ids: Arc<[CounterId]>,
}

impl TransportStats {
    /// Declares all counters, and the gauges that `directory` tells.
    #[must_use]
    pub fn declare(builder: &mut Builder, directory: &Arc<ConnDirectory>) -> Self {
        let ids = DECLARED.iter().map(|(g, n, doc)| builder.counter(*g, *n, *doc)).collect();
        let d = Arc::clone(directory);
        builder.gauge("tcp", "current_opened_connections", "Connections open now.", move || {
            u64::from(d.open())
        });
        let d = Arc::clone(directory);
        builder.gauge(
            "tcp",
            "current_write_queue_size",
            "Bytes waiting to be written on all connections.",
            move || d.queued(),
        );
        Self { ids }
    }

    /// The id of one counter.
    #[must_use]
    pub fn id(&self, counter: Counter) -> Option<CounterId> {
        self.ids.get(counter as usize).copied()
    }

    /// The counters in one worker's memory, for its [`Transport`](crate::Transport).
    #[must_use]
    pub fn on(&self, shard: Arc<Shard>) -> Counters {
        Counters { ids: Arc::clone(&self.ids), shard }
    }
}

/// One worker's counters. Only that worker counts in it.
#[derive(Clone, Debug)]
pub struct Counters {
    ids: Arc<[CounterId]>,
    shard: Arc<Shard>,
}

impl Counters {
    /// Counts one.
    pub fn inc(&self, counter: Counter) {
        self.add(counter, 1);
    }

    /// Counts `n`.
    pub fn add(&self, counter: Counter, n: u64) {
        if let Some(id) = self.ids.get(counter as usize) {
            self.shard.add(*id, n);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_counts_under_its_own_name() {
        let mut builder = Builder::new();
        let declared = TransportStats::declare(&mut builder, &Arc::new(ConnDirectory::new()));
        let stats = builder.build(1);
        let counters = declared.on(stats.shard(0).expect("one shard was asked for"));
        counters.inc(Counter::ConReset);
        counters.add(Counter::ServiceOverflow, 3);
        assert_eq!(stats.get("tcp", "con_reset"), Some(1));
        assert_eq!(stats.get("service", "overflow"), Some(3));
        assert_eq!(stats.get("tcp", "con_timeout"), Some(0));
        assert_eq!(stats.get("tcp", "current_opened_connections"), Some(0));
        assert_eq!(DECLARED.len(), Counter::ServiceOverflow as usize + 1);
    }
}
