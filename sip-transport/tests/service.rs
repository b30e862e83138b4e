//! Service sockets and the waker.

mod support;

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use sip_core::output::{Input, Output, ServiceId};
use sip_transport::{SendOutcome, ServiceAddr, TransportError};
use support::{PATIENCE, Rig, Worker};

const CTL: ServiceId = ServiceId(3);

/// A path of this test's own.
fn path(name: &str) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("lr-{}-{n}-{name}", std::process::id()));
    let _ = std::fs::remove_file(&path);
    path
}

fn rig_with(address: &ServiceAddr) -> Rig {
    let mut rig = Rig::new(&[]);
    rig.one().transport.open_service(CTL, address).unwrap();
    rig
}

fn refusal(address: &ServiceAddr) -> TransportError {
    Rig::new(&[]).one().transport.open_service(CTL, address).unwrap_err()
}

fn told(w: &mut Worker) -> (u64, Bytes) {
    w.expect("bytes", |i| match i {
        Input::Service { service: CTL, peer, bytes } => Some((*peer, bytes.clone())),
        _ => None,
    })
}

fn reply(w: &mut Worker, peer: u64, bytes: impl Into<Bytes>, close: bool) {
    w.output(Output::Service { service: CTL, peer, bytes: bytes.into(), close });
    w.flush();
}

fn phone(at: &PathBuf) -> UnixStream {
    let s = UnixStream::connect(at).unwrap();
    s.set_read_timeout(Some(PATIENCE)).unwrap();
    s
}

#[test]
fn a_stream_peer_asks_and_is_answered_and_is_told_apart_from_others() {
    let at = path("ctl");
    let mut rig = rig_with(&ServiceAddr::UnixStream(at.clone()));
    let mode = std::fs::metadata(&at).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let (mut a, mut b) = (phone(&at), phone(&at));
    a.write_all(b"ask a").unwrap();
    b.write_all(b"ask b").unwrap();
    let (first, second) = (told(rig.one()), told(rig.one()));
    assert_ne!(first.0, second.0);
    for (peer, question) in [first, second] {
        let answer = [b"re: ", &question[..]].concat();
        reply(rig.one(), peer, answer, false);
    }
    let mut buf = [0; 9];
    a.read_exact(&mut buf).unwrap();
    assert_eq!(&buf, b"re: ask a");
    b.read_exact(&mut buf).unwrap();
    assert_eq!(&buf, b"re: ask b");
    drop(rig);
    assert!(!at.exists(), "the file goes with the socket");
}

#[test]
fn a_peer_that_shuts_its_end_is_told_of_and_answered_still() {
    let at = path("half");
    let mut rig = rig_with(&ServiceAddr::UnixStream(at.clone()));
    let mut p = phone(&at);
    p.write_all(b"ask").unwrap();
    p.shutdown(Shutdown::Write).unwrap();
    let (peer, bytes) = told(rig.one());
    assert_eq!(bytes, "ask");
    assert_eq!(told(rig.one()), (peer, Bytes::new()));
    reply(rig.one(), peer, vec![b'x'; 3_000_000], true);
    let reader = std::thread::spawn(move || {
        let mut all = Vec::new();
        p.read_to_end(&mut all).unwrap();
        all.len()
    });
    while !reader.is_finished() {
        rig.one().turn(Duration::from_millis(5));
    }
    assert_eq!(reader.join().unwrap(), 3_000_000);
    assert!(rig.one().inputs.is_empty());
    reply(rig.one(), peer, &b"late"[..], false);
}

#[test]
fn a_peer_that_breaks_off_or_does_not_read_is_dropped_and_told_of_once() {
    let at = path("slow");
    let mut rig = rig_with(&ServiceAddr::UnixStream(at.clone()));
    rig.params.set("service_wq_max", 100_000).unwrap();
    let mut slow = phone(&at);
    slow.write_all(b"hi").unwrap();
    let (peer, _) = told(rig.one());
    for _ in 0..100 {
        reply(rig.one(), peer, vec![b'x'; 50_000], false);
    }
    assert_eq!(told(rig.one()), (peer, Bytes::new()));
    assert_eq!(rig.stats.get("service", "overflow"), Some(1));
    drop(slow);
    for _ in 0..3 {
        rig.one().turn(Duration::from_millis(5));
    }
    assert!(rig.one().inputs.is_empty());
}

#[test]
fn a_peer_that_closes_makes_room_for_another_whoever_heeds_it() {
    let at = path("gone");
    let mut rig = rig_with(&ServiceAddr::UnixStream(at.clone()));
    rig.params.set("service_max_peers", 1).unwrap();
    for _ in 0..5 {
        let mut p = phone(&at);
        p.write_all(b"x").unwrap();
        let (peer, _) = told(rig.one());
        p.shutdown(Shutdown::Write).unwrap();
        assert_eq!(told(rig.one()), (peer, Bytes::new()));
        drop(p);
        rig.one().turn(Duration::from_millis(50));
    }
    assert_eq!(rig.stats.get("service", "opened"), Some(5));
}

#[test]
fn only_so_many_peers_are_served_at_a_time() {
    let at = path("many");
    let mut rig = rig_with(&ServiceAddr::UnixStream(at.clone()));
    rig.params.set("service_max_peers", 2).unwrap();
    let _kept = [phone(&at), phone(&at)];
    let mut third = phone(&at);
    rig.until("the third", |r| r.stats.get("service", "local_reject") == Some(1));
    assert_eq!(third.read(&mut [0; 1]).unwrap(), 0);
    assert_eq!(rig.stats.get("service", "opened"), Some(2));
}

#[test]
fn a_stale_file_is_replaced_and_one_in_use_is_not() {
    let at = path("stale");
    drop(UnixListener::bind(&at).unwrap());
    assert!(at.exists());
    let rig = rig_with(&ServiceAddr::UnixStream(at.clone()));
    drop(phone(&at));

    let e = refusal(&ServiceAddr::UnixStream(at.clone()));
    assert!(matches!(e, TransportError::ServicePath { .. }), "{e}");
    assert!(e.to_string().contains("another engine or program answers"), "{e}");
    let e = refusal(&ServiceAddr::UnixDatagram(at.clone()));
    assert!(e.to_string().contains("another kind"), "{e}");
    drop(phone(&at));
    drop(rig);

    std::fs::write(&at, "precious").unwrap();
    let e = refusal(&ServiceAddr::UnixStream(at.clone()));
    assert!(e.to_string().contains("no socket"), "{e}");
    assert_eq!(std::fs::read(&at).unwrap(), b"precious");
    std::fs::remove_file(&at).unwrap();
    let e = refusal(&ServiceAddr::UnixStream("/no/such/directory/s".into()));
    assert!(e.to_string().contains("/no/such/directory/s"), "{e}");
}

#[test]
fn a_file_that_another_has_put_in_its_place_stays() {
    let at = path("moved");
    let rig = rig_with(&ServiceAddr::UnixStream(at.clone()));
    std::fs::remove_file(&at).unwrap();
    let other = UnixListener::bind(&at).unwrap();
    drop(rig);
    assert!(at.exists());
    drop(other);
    std::fs::remove_file(&at).unwrap();
}

#[test]
fn datagram_senders_keep_their_number_until_too_many_others_came() {
    let at = path("dgram");
    let mut rig = rig_with(&ServiceAddr::UnixDatagram(at.clone()));
    rig.params.set("service_max_peers", 2).unwrap();
    let sender = |name: &str| {
        let s = UnixDatagram::bind(path(name)).unwrap();
        s.set_read_timeout(Some(PATIENCE)).unwrap();
        s
    };
    let senders = [sender("s0"), sender("s1"), sender("s2")];
    let mut ask = |n: usize| {
        senders[n].send_to(b"?", &at).unwrap();
        told(rig.one()).0
    };
    let (a, b) = (ask(0), ask(1));
    assert_eq!((ask(0), ask(1)), (a, b));
    assert_ne!(a, b);
    let c = ask(2);
    assert_ne!(ask(0), a, "forgotten");
    reply(rig.one(), c, &b"!"[..], false);
    let mut buf = [0; 2];
    assert_eq!(senders[2].recv(&mut buf).unwrap(), 1);
    reply(rig.one(), a, &b"!"[..], false);
    let nameless = UnixDatagram::unbound().unwrap();
    nameless.send_to(b"?", &at).unwrap();
    let (peer, _) = told(rig.one());
    reply(rig.one(), peer, &b"!"[..], false);
    for s in &senders {
        if let Some(p) = s.local_addr().unwrap().as_pathname() {
            std::fs::remove_file(p).unwrap();
        }
    }
    drop(rig);
    assert!(!at.exists());
}

#[test]
fn a_udp_service_hears_and_answers() {
    let mut rig = rig_with(&ServiceAddr::Udp("127.0.0.1:0".parse().unwrap()));
    let at = rig.one().transport.service_addr(CTL).unwrap();
    let engine = UdpSocket::bind("127.0.0.1:0").unwrap();
    engine.set_read_timeout(Some(PATIENCE)).unwrap();
    for i in 0..40 {
        engine.send_to(format!("{i}").as_bytes(), at).unwrap();
    }
    for i in 0..40 {
        let (peer, bytes) = told(rig.one());
        assert_eq!(bytes, format!("{i}"));
        reply(rig.one(), peer, bytes, false);
        let mut buf = [0; 9];
        let n = engine.recv(&mut buf).unwrap();
        assert_eq!(&buf[..n], format!("{i}").as_bytes());
    }
    rig.one().transport.close_service(CTL);
    UdpSocket::bind(at).unwrap();
}

#[test]
fn a_peer_of_another_worker_is_given_back() {
    let mut rig = Rig::with(&[], 2, &[]);
    let at = path("foreign");
    rig.workers[1].transport.open_service(CTL, &ServiceAddr::UnixStream(at.clone())).unwrap();
    let mut p = phone(&at);
    p.write_all(b"x").unwrap();
    let (peer, _) = told(&mut rig.workers[1]);
    let now = rig.workers[0].now;
    let bytes = Bytes::from_static(b"y");
    let output = Output::Service { service: CTL, peer, bytes, close: true };
    let outcome = rig.workers[0].transport.send(now, output);
    let SendOutcome::Foreign { worker: 1, output } = outcome else { panic!("{outcome:?}") };
    rig.workers[1].output(output);
    rig.workers[1].flush();
    let mut all = Vec::new();
    p.read_to_end(&mut all).unwrap();
    assert_eq!(all, b"y");
}

#[test]
fn a_waiting_worker_is_woken_by_another_thread_and_no_wakeup_is_lost() {
    let mut rig = Rig::new(&["udp:127.0.0.1:0"]);
    let posted = Arc::new(AtomicU32::new(0));
    let (wake, counter) = (rig.one().transport.waker(), Arc::clone(&posted));
    const POSTS: u32 = 20_000;
    let thread = std::thread::spawn(move || {
        for _ in 0..POSTS {
            counter.fetch_add(1, Ordering::Release);
            wake.wake().unwrap();
        }
    });
    let clock = rig.one().clock;
    let start = clock.now().mono;
    let mut inputs = VecDeque::new();
    let mut taken = 0;
    while taken < POSTS {
        // Without a timeout a lost wake-up would hang; a long one makes it a failure.
        let before = clock.now().mono;
        rig.one().transport.poll(&mut || clock.now(), Some(PATIENCE), &mut inputs).unwrap();
        assert!(clock.now().mono - before < PATIENCE / 2, "a wake-up was lost at {taken}");
        taken += posted.swap(0, Ordering::AcqRel);
    }
    thread.join().unwrap();
    assert!(inputs.is_empty() && clock.now().mono - start < PATIENCE);
}

#[test]
fn the_descriptor_nests_in_a_loop_of_the_hosts() {
    let mut rig = Rig::new(&["udp:127.0.0.1:0"]);
    let fd = rig.one().transport.fd();
    let mut host = mio::Poll::new().unwrap();
    let mut source = mio::unix::SourceFd(&fd);
    host.registry().register(&mut source, mio::Token(1), mio::Interest::READABLE).unwrap();
    let mut events = mio::Events::with_capacity(4);
    let drained = |host: &mut mio::Poll, events: &mut mio::Events, wait: u64| match host
        .poll(events, Some(Duration::from_millis(wait)))
    {
        Err(e) if e.kind() == ErrorKind::Interrupted => false,
        other => {
            other.unwrap();
            !events.is_empty()
        }
    };
    // The first events say that the new sockets are writable.
    rig.one().turn(Duration::ZERO);
    drained(&mut host, &mut events, 0);
    let phone = UdpSocket::bind("127.0.0.1:0").unwrap();
    for i in 0..3 {
        phone.send_to(b"OPTIONS", rig.addr(0)).unwrap();
        assert!(drained(&mut host, &mut events, 5000), "datagram {i}");
        rig.one().turn(Duration::ZERO);
        assert_eq!(rig.one().inputs.len(), 1);
        rig.one().inputs.clear();
    }
    let wake = rig.one().transport.waker();
    std::thread::spawn(move || wake.wake().unwrap());
    assert!(drained(&mut host, &mut events, 5000), "the wake-up");
}
