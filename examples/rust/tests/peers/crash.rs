//! Killed while phones register as fast as they can: after the restart every binding that had been
//! answered with 200 is there, once, and nothing else.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use crate::support::WorkDir;
use crate::support::ports::Ports;
use crate::support::server::{Account, Kind, Spec, Transport};
use crate::support::time::Deadline;
use crate::support::ua::Ua;

const PHONES: usize = 6;
/// Contacts that one phone's address of record may have at a time.
const CONTACTS: u32 = 12;

#[test]
fn every_answered_binding_survives_a_kill() {
    let test = "crash";
    let kind = Kind::main();
    if !kind.available(test) {
        return;
    }
    let work = WorkDir::new(test);
    let port = Ports::server();
    let mut spec = Spec::new(kind, &port, work.sub("data"));
    spec.accounts =
        (0..PHONES).map(|n| Account::new(&format!("phone{n}"), &format!("secret-{n}"))).collect();
    let mut known: Vec<Expected> = vec![Expected::new(); PHONES];
    // Each round goes on from what the last one left.
    for answers in [40, 150, 333] {
        let server = spec.start();
        let address = server.address();
        let (sender, acknowledged) = channel();
        let phones: Vec<_> = spec
            .accounts
            .iter()
            .zip(known)
            .map(|(account, expected)| {
                let (account, sender) = (account.clone(), sender.clone());
                std::thread::spawn(move || {
                    register_until_killed(address, &account, expected, &sender)
                })
            })
            .collect();
        let deadline = Deadline::after(Duration::from_secs(60));
        for count in 0..answers {
            let answer = acknowledged.recv_timeout(deadline.left());
            assert!(answer.is_ok(), "only {count} REGISTERs were answered in time");
        }
        server.crash();
        drop(acknowledged);
        known = phones.into_iter().map(|phone| phone.join().expect("a phone's thread")).collect();

        let server = spec.start();
        for (account, expected) in spec.accounts.iter().zip(&mut known) {
            check(server.address(), account, expected);
        }
        server.stop();
    }
}

/// What the phone knows of each of its contacts.
type Expected = BTreeMap<String, State>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Bound,
    Gone,
    /// The request was sent and not answered: either outcome is right.
    Open,
}

/// Adds, refreshes and removes contacts in turn until the server answers no more.
fn register_until_killed(
    server: SocketAddr,
    account: &Account,
    mut expected: Expected,
    acknowledged: &Sender<()>,
) -> Expected {
    let mut ua = Ua::connect(server, Transport::Udp);
    for turn in 0u32.. {
        // 7 and 12 share no factor, so that each contact is added, refreshed and removed in time.
        let number = turn * 7 % CONTACTS;
        let contact = format!("sip:{}@127.0.0.1:{}", account.user, 40_000 + number);
        let expires = if turn % 5 == 4 { 0 } else { 3600 };
        let after = if expires == 0 { State::Gone } else { State::Bound };
        let before = expected.get(&contact).copied().unwrap_or(State::Gone);
        if before != after {
            expected.insert(contact.clone(), State::Open);
        }
        let Ok(reply) = ua.register(account, Some((&contact, expires))) else { break };
        assert_eq!(reply.code, 200, "{}: {reply:?}", account.user);
        expected.insert(contact, after);
        if acknowledged.send(()).is_err() {
            break;
        }
    }
    expected
}

/// Compares what the restarted server tells with what was answered; afterwards nothing is open.
fn check(server: SocketAddr, account: &Account, expected: &mut Expected) {
    let mut ua = Ua::connect(server, Transport::Udp);
    let reply = ua.register(account, None).expect("the restarted server answers");
    assert_eq!(reply.code, 200, "{reply:?}");
    let told = reply.contacts();
    for contact in &told {
        let count = told.iter().filter(|other| *other == contact).count();
        assert_eq!(count, 1, "{contact} is there {count} times");
        let state = expected.get(contact).unwrap_or_else(|| panic!("{contact} came from nowhere"));
        assert_ne!(*state, State::Gone, "{contact} was removed with a 200 and is back");
    }
    for (contact, state) in expected {
        let there = told.contains(contact);
        assert!(there || *state != State::Bound, "{contact} was answered with 200 and is lost");
        *state = if there { State::Bound } else { State::Gone };
    }
}
