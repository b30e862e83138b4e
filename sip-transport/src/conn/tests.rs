//! The connection machine, told what happens and when.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::sync::Arc;

use bytes::Bytes;
use sip_core::mem::SlotPool;
use sip_core::net::{ConnId, Flow, ListenId, Proto};
use sip_core::output::{CloseReason, Input, SendError};
use sip_core::stats::{Builder, Stats};
use sip_core::time::{Duration, Instant};

use super::{Conn, ConnCx, Finish};
use crate::directory::ConnDirectory;
use crate::params::TransportParams;
use crate::stats::{Counters, TransportStats};

/// A connection and the world around it, in the words of a dialogue.
struct Talk {
    conn: Conn,
    now: Instant,
    params: TransportParams,
    pool: SlotPool,
    stats: Stats,
    counters: Counters,
    inputs: VecDeque<Input>,
}

fn flow() -> Flow {
    let peer = "192.0.2.1:40000".parse().unwrap();
    Flow { proto: Proto::Tcp, listen: ListenId(0), peer, conn: Some(ConnId::new(0, 0, 1)) }
}

impl Talk {
    fn connecting() -> Self {
        let params = TransportParams::default();
        let mut builder = Builder::new();
        let declared = TransportStats::declare(&mut builder, &Arc::new(ConnDirectory::new()));
        let stats = builder.build(1);
        let now = Instant::from_millis(1_000_000);
        Self {
            conn: Conn::new(flow(), false, now, &params),
            now,
            params,
            pool: SlotPool::new(1 << 20),
            counters: declared.on(stats.shard(0).unwrap()),
            stats,
            inputs: VecDeque::new(),
        }
    }

    fn accepted() -> Self {
        let mut talk = Self::connecting();
        talk.conn = Conn::new(flow(), true, talk.now, &talk.params);
        talk.tell(|conn, cx| conn.handle_accepted(cx));
        assert!(
            matches!(talk.inputs.pop_front(), Some(Input::ConnOpened { flow: f }) if f == flow())
        );
        talk
    }

    fn tell<R>(&mut self, what: impl FnOnce(&mut Conn, &mut ConnCx<'_>) -> R) -> R {
        let mut cx = ConnCx {
            now: self.now,
            params: &self.params,
            pool: &mut self.pool,
            stats: &self.counters,
            inputs: &mut self.inputs,
        };
        what(&mut self.conn, &mut cx)
    }

    fn bytes(&mut self, data: &[u8]) {
        self.tell(|conn, cx| conn.handle_bytes(cx, data));
    }

    fn send(&mut self, text: &'static str, origin: Option<u64>) -> Result<(), SendError> {
        let notify = origin.map(|o| (o, flow().back()));
        self.conn.send(self.now, Bytes::from_static(text.as_bytes()), notify, &self.params)
    }

    /// Time goes on and whatever is due fires.
    fn wait(&mut self, secs: u64) {
        self.now += Duration::from_secs(secs);
        self.tell(|conn, cx| conn.handle_timeout(cx));
    }

    /// The peer takes everything.
    fn written(&mut self) -> Vec<u8> {
        let mut all = Vec::new();
        while self.conn.wants_write() {
            let mut slices = [IoSlice::new(&[]); 3];
            let n = self.conn.slices(&mut slices);
            let part: Vec<u8> = slices[..n].iter().flat_map(|s| s.iter().copied()).collect();
            self.conn.handle_written(self.now, part.len());
            all.extend(part);
        }
        all
    }

    fn messages(&mut self) -> Vec<Vec<u8>> {
        let take = |i| match i {
            Input::Message { flow: f, bytes } if f == flow() => bytes.to_vec(),
            other => panic!("no message: {other:?}"),
        };
        self.inputs.drain(..).map(take).collect()
    }

    fn end(&mut self) -> CloseReason {
        assert!(self.conn.is_closed());
        match self.inputs.pop_front() {
            Some(Input::ConnClosed { flow: f, reason }) if f == flow() => reason,
            other => panic!("no end: {other:?}"),
        }
    }

    fn stat(&self, name: &str) -> u64 {
        self.stats.get("tcp", name).unwrap()
    }
}

fn message(name: &str, body: &str) -> Vec<u8> {
    format!(
        "{name} sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

#[test]
fn messages_come_whole_at_every_split_point() {
    let all = [message("INVITE", "v=0\r\n\r\n"), message("ACK", ""), message("BYE", "x")];
    let stream = all.concat();
    for split in 0..=stream.len() {
        let mut t = Talk::accepted();
        t.bytes(&stream[..split]);
        t.bytes(&stream[split..]);
        assert_eq!(t.messages(), all, "split at {split}");
    }
}

#[test]
fn messages_come_whole_byte_at_a_time_and_all_in_one_read() {
    let all: Vec<_> = (0..20).map(|i| message("MESSAGE", &"y".repeat(i * 100))).collect();
    let stream = all.concat();
    let mut t = Talk::accepted();
    for b in &stream {
        t.bytes(std::slice::from_ref(b));
    }
    assert_eq!(t.messages(), all);
    t.bytes(&stream);
    assert_eq!(t.messages(), all);
    assert_eq!(t.stat("received_messages"), 40);
}

#[test]
fn a_double_crlf_is_answered_with_a_single_one_which_is_not_answered() {
    let mut t = Talk::accepted();
    t.bytes(b"\r\n\r\n");
    assert_eq!(t.written(), b"\r\n");
    t.bytes(b"\r\n");
    assert_eq!(t.written(), b"");
    t.wait(5);
    t.bytes(b"\r\n");
    assert_eq!(t.written(), b"", "two pongs are no ping");
    t.wait(5);
    for b in b"\r\n\r\n" {
        t.bytes(std::slice::from_ref(b));
    }
    assert_eq!(t.written(), b"\r\n", "byte at a time");
    t.bytes(&[b"\r\n\r\n".to_vec(), message("OPTIONS", "")].concat());
    assert_eq!(t.written(), b"\r\n", "before a message");
    assert_eq!(t.messages().len(), 1);
    t.params.set("tcp_crlf_ping", 0).unwrap();
    t.bytes(b"\r\n\r\n");
    assert_eq!(t.written(), b"", "switched off");
}

#[test]
fn a_message_that_stays_unfinished_ends_the_connection_however_it_trickles() {
    let mut t = Talk::accepted();
    let m = message("INVITE", "0123456789");
    t.bytes(&m);
    t.messages();
    t.wait(50);
    for b in &m[..19] {
        t.bytes(std::slice::from_ref(b));
        t.wait(1);
        assert!(!t.conn.is_closed());
    }
    t.wait(1);
    assert_eq!(t.end(), CloseReason::ReadTimeout);
    assert_eq!(t.stat("con_timeout"), 1);
}

#[test]
fn finishing_a_message_in_time_starts_the_count_anew_for_the_next() {
    let mut t = Talk::accepted();
    let m = message("INVITE", "0123456789");
    t.bytes(&m[..10]);
    t.wait(19);
    t.bytes(&[&m[10..], &m[..10]].concat());
    t.wait(19);
    assert!(!t.conn.is_closed());
    t.wait(1);
    assert!(t.conn.is_closed());
}

#[test]
fn an_accepted_connection_that_carries_nothing_ends_early_and_pings_do_not_save_it() {
    let mut t = Talk::accepted();
    t.wait(15);
    t.bytes(b"\r\n\r\n");
    t.wait(4);
    assert!(!t.conn.is_closed());
    t.wait(1);
    assert_eq!(t.end(), CloseReason::Idle);

    let mut t = Talk::accepted();
    t.params.set("tcp_msg_data_timeout", 0).unwrap();
    t.wait(119);
    assert!(!t.conn.is_closed());
    t.wait(1);
    assert_eq!(t.end(), CloseReason::Idle);
}

#[test]
fn what_passes_either_way_keeps_a_connection_alive() {
    let mut t = Talk::accepted();
    t.bytes(&message("REGISTER", ""));
    t.messages();
    t.wait(100);
    t.bytes(b"\r\n\r\n");
    t.written();
    t.wait(100);
    t.send("OPTIONS", None).unwrap();
    t.written();
    t.wait(119);
    assert!(!t.conn.is_closed());
    let due = t.conn.poll_timeout(&t.params).unwrap();
    assert_eq!(due, t.now + Duration::from_secs(1));
    t.wait(1);
    assert_eq!(t.end(), CloseReason::Idle);
    t.params.set("tcp_connection_lifetime", 0).unwrap();
    assert_eq!(t.conn.poll_timeout(&t.params), None);
}

#[test]
fn a_spare_timeout_is_harmless() {
    let mut t = Talk::accepted();
    t.bytes(&message("REGISTER", "")[..20]);
    for _ in 0..10 {
        t.wait(0);
    }
    t.now = Instant::ZERO;
    t.wait(0);
    assert!(!t.conn.is_closed() && t.inputs.is_empty());
}

#[test]
fn what_is_no_sip_ends_the_connection_after_the_answer() {
    let mut t = Talk::accepted();
    t.bytes(&message("OPTIONS", ""));
    t.messages();
    t.bytes(b"NOTIFY sip:a SIP/2.0\r\nNo length: 1\r\n\r\n");
    assert!(matches!(t.inputs.pop_front(),
        Some(Input::Malformed { head, .. }) if head.starts_with(b"NOTIFY")));
    t.send("SIP/2.0 400 Bad\r\n\r\n", None).unwrap();
    t.bytes(&message("OPTIONS", ""));
    assert!(t.inputs.is_empty(), "nothing is read any more");
    assert_eq!(t.tell(|c, cx| c.poll_finish(cx)), Finish::No);
    assert_eq!(t.written(), b"SIP/2.0 400 Bad\r\n\r\n");
    assert_eq!(t.tell(|c, cx| c.poll_finish(cx)), Finish::Shutdown);
    assert_eq!(t.send("late", None), Err(SendError::Closed));
    t.tell(|c, cx| c.handle_eof(cx));
    assert_eq!(t.end(), CloseReason::Protocol);
    assert_eq!(t.stat("malformed"), 1);
}

#[test]
fn noise_is_not_shown_and_a_peer_that_does_not_close_is_not_waited_for_long() {
    let mut t = Talk::accepted();
    t.bytes(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n");
    assert!(matches!(t.inputs.pop_front(),
        Some(Input::Malformed { head, .. }) if head.is_empty()));
    assert_eq!(t.tell(|c, cx| c.poll_finish(cx)), Finish::Shutdown);
    t.wait(1);
    assert!(!t.conn.is_closed());
    t.wait(1);
    assert_eq!(t.end(), CloseReason::Protocol);
}

#[test]
fn a_peer_that_pours_on_while_it_is_closed_is_cut_off() {
    let mut t = Talk::accepted();
    t.tell(|c, cx| c.close(cx));
    assert_eq!(t.tell(|c, cx| c.poll_finish(cx)), Finish::Shutdown);
    for _ in 0..40 {
        t.bytes(&[b'x'; 32768]);
    }
    assert!(t.conn.wants_finish());
    assert_eq!(t.tell(|c, cx| c.poll_finish(cx)), Finish::Close);
    assert_eq!(t.end(), CloseReason::Local);
}

#[test]
fn a_message_beyond_the_limits_is_malformed_as_soon_as_that_is_known() {
    for (name, at) in [("msg_recv_max_size", 2000), ("tcp_max_header", 300)] {
        let mut t = Talk::accepted();
        t.params.set(name, at).unwrap();
        t.conn = Conn::new(flow(), true, t.now, &t.params);
        t.tell(|c, cx| c.handle_accepted(cx));
        t.inputs.clear();
        t.bytes(&message("OPTIONS", "short"));
        assert_eq!(t.messages().len(), 1, "{name}");
        match name {
            "msg_recv_max_size" => {
                t.bytes(b"INVITE sip:a SIP/2.0\r\nContent-Length: 1990\r\n\r\n");
            }
            _ => (0..40).for_each(|_| t.bytes(b"X: aaaaaaaaaaaaaaaa\r\n")),
        }
        assert!(matches!(t.inputs.pop_front(), Some(Input::Malformed { .. })), "{name}");
        assert!(t.inputs.is_empty());
    }
}

#[test]
fn an_http_request_stops_the_reading_until_it_is_answered() {
    let mut t = Talk::accepted();
    let get = b"GET /rpc HTTP/1.1\r\nHost: a\r\n\r\n";
    let options = message("OPTIONS", "");
    t.bytes(&[&get[..], &get[..], &options[..]].concat());
    for _ in 0..2 {
        assert!(
            matches!(t.inputs.pop_front(), Some(Input::Http { bytes, .. }) if bytes == get[..])
        );
        assert!(t.inputs.is_empty() && !t.conn.wants_read());
        let reply = Bytes::from_static(b"HTTP/1.1 200 OK\r\n\r\n");
        assert!(t.tell(|c, cx| c.reply_http(cx, reply, false)));
        assert_eq!(t.written(), b"HTTP/1.1 200 OK\r\n\r\n");
    }
    assert!(t.conn.wants_read());
    assert_eq!(t.messages(), [options]);
    assert!(!t.tell(|c, cx| c.reply_http(cx, Bytes::new(), true)), "no request is waiting");
}

#[test]
fn an_http_answer_that_closes_is_written_first() {
    let mut t = Talk::accepted();
    t.bytes(b"GET / HTTP/1.1\r\n\r\n");
    t.inputs.clear();
    t.tell(|c, cx| c.reply_http(cx, Bytes::from_static(b"HTTP/1.1 404"), true));
    assert_eq!(t.tell(|c, cx| c.poll_finish(cx)), Finish::No);
    assert_eq!(t.written(), b"HTTP/1.1 404");
    assert_eq!(t.tell(|c, cx| c.poll_finish(cx)), Finish::Shutdown);
}

#[test]
fn the_answer_to_what_came_before_the_peers_end_is_still_written() {
    let mut t = Talk::accepted();
    t.bytes(&message("OPTIONS", ""));
    t.tell(|c, cx| c.handle_eof(cx));
    assert_eq!(t.messages().len(), 1);
    t.send("SIP/2.0 200 OK", None).unwrap();
    assert_eq!(t.written(), b"SIP/2.0 200 OK");
    assert_eq!(t.tell(|c, cx| c.poll_finish(cx)), Finish::Close);
    assert_eq!(t.end(), CloseReason::Peer);
}

#[test]
fn messages_wait_for_the_connection_to_be_established() {
    let mut t = Talk::connecting();
    t.send("one", Some(1)).unwrap();
    t.send("two", None).unwrap();
    assert!(!t.conn.wants_write());
    t.wait(9);
    t.tell(|c, cx| c.handle_connected(cx));
    assert!(matches!(t.inputs.pop_front(), Some(Input::ConnOpened { .. })));
    assert_eq!(t.written(), b"onetwo");
    t.wait(100);
    assert!(!t.conn.is_closed(), "one that we opened need not carry a message soon");
    assert_eq!((t.stat("connect_success"), t.stat("established")), (1, 1));
}

#[test]
fn a_connection_that_cannot_be_opened_fails_what_waits_on_it() {
    let mut t = Talk::connecting();
    t.send("one", Some(1)).unwrap();
    t.send("two", Some(2)).unwrap();
    t.wait(10);
    for expected in [1, 2] {
        assert!(matches!(t.inputs.pop_front(),
            Some(Input::SendFailed { origin, error: SendError::Connect, .. }) if origin == expected));
    }
    assert_eq!(t.end(), CloseReason::ConnectFailed);
    assert_eq!(t.stat("connect_failed"), 1);
}

#[test]
fn a_reset_fails_only_what_was_not_written() {
    let mut t = Talk::accepted();
    t.send("one", Some(1)).unwrap();
    t.written();
    t.send("two", Some(2)).unwrap();
    t.tell(|c, cx| c.handle_reset(cx));
    assert!(matches!(
        t.inputs.pop_front(),
        Some(Input::SendFailed { origin: 2, error: SendError::Closed, .. })
    ));
    assert_eq!(t.end(), CloseReason::Reset);
    assert_eq!(t.send("three", None), Err(SendError::Closed));
    t.tell(|c, cx| c.handle_reset(cx));
    t.bytes(b"x");
    t.wait(1000);
    assert!(t.inputs.is_empty(), "nothing comes after the end");
}

#[test]
fn a_full_queue_takes_no_more_but_an_empty_one_takes_any_message() {
    let mut t = Talk::accepted();
    t.params.set("tcp_conn_wq_max", 10).unwrap();
    t.send("a message of more than ten bytes", None).unwrap();
    assert_eq!(t.send("b", None), Err(SendError::QueueFull));
    t.written();
    t.send("12345", None).unwrap();
    t.send("67890", None).unwrap();
    assert_eq!(t.send("x", None), Err(SendError::QueueFull));
    assert_eq!(t.conn.queued(), 10);
}

#[test]
fn a_peer_that_takes_nothing_is_given_up_and_one_that_takes_a_little_is_not() {
    let mut t = Talk::accepted();
    t.bytes(&message("OPTIONS", ""));
    t.messages();
    t.send("0123456789", Some(1)).unwrap();
    for _ in 0..5 {
        t.wait(9);
        assert!(!t.conn.is_closed());
        t.conn.handle_written(t.now, 1);
    }
    t.wait(10);
    assert!(matches!(t.inputs.pop_front(), Some(Input::SendFailed { origin: 1, .. })));
    assert_eq!(t.end(), CloseReason::WriteTimeout);
    assert_eq!(t.stat("send_timeout"), 1);
}

#[test]
fn an_idle_connection_holds_little_memory() {
    let mut t = Talk::accepted();
    let m = message("REGISTER", &"z".repeat(5000));
    t.bytes(&m[..3000]);
    t.bytes(&m[3000..]);
    t.send("SIP/2.0 200 OK", None).unwrap();
    t.written();
    assert!(size_of::<Conn>() <= 512, "{}", size_of::<Conn>());
    assert_eq!(t.conn.held(), 0);
}
