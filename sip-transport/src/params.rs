//! The transport's parameters: every limit and timeout with its name, default and range, readable
//! and changeable while the engine runs. Those that Kamailio's core has carry its names
//! (core cookbook, "TCP Parameters"); the rest say in their line that they are ours.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use sip_core::time::Duration;

/// What is to be known about one parameter: for the registry, `--help` and the reference docs.
#[derive(Clone, Copy, Debug)]
pub struct ParamInfo {
    /// The name users write.
    pub name: &'static str,
    /// The value it has unless set.
    pub default: u32,
    /// The smallest value taken.
    pub min: u32,
    /// The largest value taken.
    pub max: u32,
    /// One line on what it does, with its unit.
    pub doc: &'static str,
}

/// Why a parameter was not set.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ParamError {
    /// There is no such parameter.
    #[error("no such transport parameter")]
    Unknown,
    /// The value is outside the parameter's range.
    #[error("value out of range {min}..={max}")]
    OutOfRange {
        /// The smallest value taken.
        min: u32,
        /// The largest value taken.
        max: u32,
    },
}

macro_rules! params {
    ($($name:ident = $default:literal in $min:literal ..= $max:expr, $doc:literal;)*) => {
        /// The parameters of all workers' transports, shared and changed while they run. A value is
        /// read when it is needed, so a change acts on what happens next: a deadline that is being
        /// waited for is worked out again when its old time comes.
        #[derive(Debug)]
        pub struct TransportParams {
            $($name: AtomicU32,)*
        }

        impl Default for TransportParams {
            fn default() -> Self {
                Self { $($name: AtomicU32::new($default),)* }
            }
        }

        impl TransportParams {
            /// All parameters, in the order of their declaration.
            pub const INFO: &'static [ParamInfo] = &[
                $(ParamInfo {
                    name: stringify!($name), default: $default, min: $min, max: $max, doc: $doc,
                },)*
            ];

            /// The value of the parameter called `name`.
            #[must_use]
            pub fn value(&self, name: &str) -> Option<u32> {
                match name {
                    $(stringify!($name) => Some(self.$name.load(Relaxed)),)*
                    _ => None,
                }
            }

            fn cell(&self, name: &str) -> Option<&AtomicU32> {
                match name {
                    $(stringify!($name) => Some(&self.$name),)*
                    _ => None,
                }
            }

            $(#[doc = $doc]
            #[must_use]
            pub fn $name(&self) -> u32 {
                self.$name.load(Relaxed)
            })*
        }
    };
}

params! {
    tcp_connection_lifetime = 120 in 0..=604_800, "Seconds after which a connection on which nothing was received or sent is closed; 0: never.";
    tcp_connect_timeout = 10 in 1..=3600, "Seconds an outgoing connection may take to be established.";
    tcp_send_timeout = 10 in 1..=3600, "Seconds a peer may take nothing of what waits to be written before its connection is closed.";
    tcp_msg_read_timeout = 20 in 1..=3600, "Seconds from the first byte of a message until all of it must be there.";
    tcp_msg_data_timeout = 20 in 0..=3600, "Seconds after which an accepted connection that has carried no message yet is closed; 0: never. Keep-alives are no message.";
    tcp_max_connections = 2048 in 0..=4_294_967_295, "Connections of all workers together, accepted and opened; more are refused.";
    tcp_accept_iplimit = 1024 in 0..=4_294_967_295, "Connections accepted from one address at a time; 0: no limit.";
    tcp_rd_buf_size = 16384 in 512..=16_777_216, "Bytes of the buffer that a worker reads streams into; read when the worker starts.";
    tcp_conn_wq_max = 32768 in 0..=1_073_741_824, "Bytes that may wait to be written on one connection. A message too many closes it; one message always fits an empty queue.";
    tcp_wq_max = 10_485_760 in 0..=4_294_967_295, "Bytes that may wait to be written on all connections together.";
    tcp_crlf_ping = 1 in 0..=1, "Whether a double CRLF is answered with a single one (RFC 5626 4.4.1).";
    tcp_no_connect = 0 in 0..=1, "Whether opening connections is forbidden.";
    tcp_listen_backlog = 1024 in 1..=65535, "Connections that the system queues until they are accepted; read at bind.";
    tcp_keepalive = 1 in 0..=1, "Whether the system probes idle connections (SO_KEEPALIVE); read at bind and connect.";
    tcp_keepidle = 0 in 0..=86400, "Seconds of silence before the first probe; 0: the system's default.";
    tcp_keepintvl = 0 in 0..=86400, "Seconds between probes; 0: the system's default.";
    tcp_keepcnt = 0 in 0..=1024, "Lost probes that end a connection; 0: the system's default.";
    msg_recv_max_size = 65535 in 512..=16_777_216, "Bytes of the longest message taken: a longer datagram is dropped, a longer message on a stream closes its connection. (Kamailio's default is 32767.)";
    tcp_max_header = 32768 in 256..=65535, "Bytes of the longest start line and headers taken from a stream; read when a connection begins. (Ours.)";
    tcp_linger = 2000 in 0..=60000, "Milliseconds that we wait for the peer to close too after the last byte was written, so that it can read that byte. (Ours.)";
    tcp_reads_per_turn = 4 in 1..=1024, "Reads of one connection before the others get their turn. (Ours.)";
    tcp_accepts_per_turn = 64 in 1..=65536, "Connections accepted on one listener before the others get their turn. (Ours.)";
    udp_batch = 64 in 1..=1024, "Datagrams received or sent with one system call; read when the worker starts. (Ours.)";
    udp_budget = 128 in 1..=65536, "Datagrams taken from one socket before the others get their turn. (Ours.)";
    udp_wq_max = 4096 in 1..=1_048_576, "Datagrams that may wait on one socket that the system takes no more from. (Ours.)";
    udp_plain = 0 in 0..=1, "Whether datagrams are received and sent one by one even where the system has batches; read when the worker starts. (Ours.)";
    udp_rcvbuf = 0 in 0..=1_073_741_824, "Bytes asked of the system for a UDP socket's receive queue; 0: its default; read at bind. (Ours.)";
    udp_sndbuf = 0 in 0..=1_073_741_824, "Bytes asked of the system for a UDP socket's send queue; 0: its default; read at bind. (Ours.)";
    turn_inputs = 1024 in 1..=1_048_576, "Inputs after which one turn of the transport ends, whatever is still ready. (Ours.)";
    service_wq_max = 16_777_216 in 4096..=4_294_967_295, "Bytes that may wait to be written to one peer of a service socket; more closes it. (Ours.)";
    service_max_peers = 256 in 1..=65536, "Peers that one service socket serves at a time. (Ours.)";
}

impl TransportParams {
    /// What a message on a stream may take.
    pub(crate) fn stream_limits(&self) -> sip_parser::Limits {
        let whole = self.msg_recv_max_size() as usize;
        let head = (self.tcp_max_header() as usize).min(whole);
        sip_parser::Limits { head, body: whole, ..sip_parser::Limits::DEFAULT }
    }

    /// Sets the parameter called `name`.
    ///
    /// # Errors
    /// [`ParamError`] when there is none or the value is outside its range.
    pub fn set(&self, name: &str, value: u32) -> Result<(), ParamError> {
        let info = Self::INFO.iter().find(|i| i.name == name).ok_or(ParamError::Unknown)?;
        if !(info.min..=info.max).contains(&value) {
            return Err(ParamError::OutOfRange { min: info.min, max: info.max });
        }
        self.cell(name).ok_or(ParamError::Unknown)?.store(value, Relaxed);
        Ok(())
    }
}

/// A parameter in seconds as a time; `None` for 0, which means "never" where it is allowed.
pub(crate) fn seconds(value: u32) -> Option<Duration> {
    (value != 0).then(|| Duration::from_secs(u64::from(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_in_its_range_and_every_name_can_be_set_and_read() {
        let p = TransportParams::default();
        for info in TransportParams::INFO {
            assert!((info.min..=info.max).contains(&info.default), "{}", info.name);
            assert_eq!(p.value(info.name), Some(info.default));
            assert_eq!(p.set(info.name, info.min), Ok(()));
            assert_eq!(p.value(info.name), Some(info.min));
        }
        assert_eq!(p.tcp_conn_wq_max(), 0);
    }

    #[test]
    fn a_value_out_of_range_and_an_unknown_name_are_refused_and_change_nothing() {
        let p = TransportParams::default();
        assert_eq!(
            p.set("tcp_rd_buf_size", 1),
            Err(ParamError::OutOfRange { min: 512, max: 16_777_216 })
        );
        assert_eq!(p.tcp_rd_buf_size(), 16384);
        assert_eq!(p.set("tcp_foo", 1), Err(ParamError::Unknown));
        assert_eq!(p.value("tcp_foo"), None);
    }
}
