//! What was read from the last request of this thread, kept for the calls that follow on it.
//!
//! A request is looked up first and gets its transaction, or its stateless answer, a moment later:
//! the same Via would be read twice. This remembers one [`Arrival`] for each thread. It is a cache
//! and nothing else: it holds no message, and what it says is checked against the message's own
//! branch and sent-by, under the engine's secret, before it is believed.

use std::cell::Cell;

use sip_parser::{HeaderError, Message};

use super::hash::HashKey;
use super::key::Arrival;
use crate::net::Flow;

#[derive(Clone, Copy)]
struct Recent {
    /// Where the message's bytes lie, and how many.
    place: (usize, usize),
    flow: Flow,
    arrival: Arrival,
}

thread_local! {
    static RECENT: Cell<Option<Recent>> = const { Cell::new(None) };
}

/// Reads the message and remembers what was read.
pub(crate) fn read(keys: &HashKey, flow: &Flow, msg: &Message) -> Result<Arrival, HeaderError> {
    let arrival = Arrival::read(keys, flow, msg)?;
    if arrival.key.cookie {
        RECENT.set(Some(Recent { place: place(msg), flow: *flow, arrival }));
    }
    Ok(arrival)
}

/// What was read from the message, if it is the last one of this thread; reads it otherwise.
pub(crate) fn recall(keys: &HashKey, flow: &Flow, msg: &Message) -> Result<Arrival, HeaderError> {
    match RECENT.get() {
        Some(r) if r.place == place(msg) && r.flow == *flow && r.arrival.key.holds(keys, msg) => {
            Ok(r.arrival)
        }
        _ => Arrival::read(keys, flow, msg),
    }
}

fn place(msg: &Message) -> (usize, usize) {
    (msg.bytes().as_ptr() as usize, msg.bytes().len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{ListenId, Proto};
    use crate::rng::SeededRng;
    use bytes::Bytes;

    fn message(branch: &str) -> Message {
        let text =
            format!("ACK sip:a SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK{branch}\r\n\r\n");
        Message::parse(Bytes::from(text)).unwrap()
    }

    #[test]
    fn what_is_recalled_is_what_would_be_read() {
        let keys = HashKey::new(&mut SeededRng::new(1));
        let other = HashKey::new(&mut SeededRng::new(2));
        let peer = "192.0.2.1:5060".parse().unwrap();
        let flow = Flow { proto: Proto::Udp, listen: ListenId(0), peer, conn: None };
        let (a, b) = (message("a"), message("b"));
        for (secret, msg) in [(&keys, &a), (&keys, &b), (&other, &a), (&keys, &a)] {
            let read = Arrival::read(secret, &flow, msg).unwrap();
            assert_eq!(recall(secret, &flow, msg).unwrap().key, read.key);
        }
        read(&keys, &flow, &a).unwrap();
        let elsewhere = Flow { peer: "192.0.2.2:1".parse().unwrap(), ..flow };
        for (secret, flow, msg) in
            [(&keys, &flow, &a), (&keys, &elsewhere, &a), (&other, &flow, &a), (&keys, &flow, &b)]
        {
            let fresh = Arrival::read(secret, flow, msg).unwrap();
            let known = recall(secret, flow, msg).unwrap();
            assert_eq!((known.key, known.reply_to), (fresh.key, fresh.reply_to));
        }
    }
}
