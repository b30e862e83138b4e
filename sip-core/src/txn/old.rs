//! Matching for requests of RFC 2543, whose branch is missing or means nothing (RFC 3261 17.2.3,
//! second half). Such peers are rare: what matching needs is parsed again each time, so that
//! nobody else pays for it.

use sip_parser::{HeaderError, Message, Method};

use super::cell::Cell;
use super::hash::HashKey;

/// The hash of what an INVITE, its ACK and its CANCEL have in common.
pub(crate) fn hash(keys: &HashKey, msg: &Message) -> Result<u64, HeaderError> {
    let from = msg.from()?;
    Ok(keys
        .start()
        .bytes(msg.call_id()?)
        .bytes(from.tag().unwrap_or_default())
        .word(u64::from(msg.cseq()?.number))
        .finish())
}

/// Whether `msg` belongs to the transaction of `cell`. The methods have been compared.
pub(crate) fn matches(msg: &Message, cell: &Cell) -> bool {
    let Ok(first) = Message::parse(cell.request.clone()) else { return false };
    same(msg, &first, cell).unwrap_or(false)
}

fn same(msg: &Message, first: &Message, cell: &Cell) -> Result<bool, HeaderError> {
    let via = |m: &Message| m.top_via().map(|v| v.span);
    let common = msg.request_uri() == first.request_uri()
        && msg.call_id()? == first.call_id()?
        && msg.cseq()?.number == first.cseq()?.number
        && msg.from()?.tag() == first.from()?.tag()
        && msg.slice(via(msg)?) == first.slice(via(first)?);
    if !common {
        return Ok(false);
    }
    match msg.method() {
        // The To tag of an ACK is that of the answer it acknowledges.
        Some(Method::Ack) => Ok(match Message::parse(cell.last.clone()) {
            Ok(answer) => answer.to()?.tag() == msg.to()?.tag(),
            Err(_) => false,
        }),
        Some(Method::Other) => Ok(msg.method_name() == first.method_name() && tags(msg, first)?),
        _ => tags(msg, first),
    }
}

fn tags(a: &Message, b: &Message) -> Result<bool, HeaderError> {
    Ok(a.to()?.tag() == b.to()?.tag())
}
