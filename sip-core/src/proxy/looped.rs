//! Requests that come more than once by different ways: loops, and what merges here
//! (RFC 3261 8.2.2.2).
//!
//! A loop (RFC 3261 16.3 step 4) is a request that has been here before and would go the same way
//! again. One that comes back changed, such as with another Request-URI, is a spiral and goes on.
//!
//! The RFC has the proxy write a hash of what routing depends on into its branch parameter. Our
//! branch parameter names the transaction, and while a request is under way that transaction holds
//! the request as it came: the two are compared themselves, and no request pays for a hash.

use sip_parser::{HeaderId, Message, Method};

use super::{Cx, Proxy};
use crate::net::Flow;
use crate::time::Duration;
use crate::txn::branch_id::TxnBranch;
use crate::txn::recent;

/// What routing depends on, besides the Request-URI and the Routes (RFC 3261 16.6 step 8). The Vias
/// are not of it (RFC 5393 4.2).
const COMPARED: [HeaderId; 7] = [
    HeaderId::Route,
    HeaderId::CallId,
    HeaderId::CSeq,
    HeaderId::From,
    HeaderId::To,
    HeaderId::ProxyRequire,
    HeaderId::ProxyAuthorization,
];

impl Proxy {
    /// Whether `req` is in a loop.
    pub(super) fn is_loop(&self, req: &Message) -> bool {
        // Whoever has been here has our Via and that of the hop before.
        has_several_vias(req) && self.params.loop_detection.is_on() && self.has_come_back(req)
    }

    fn has_come_back(&self, req: &Message) -> bool {
        req.vias().map_while(Result::ok).any(|via| {
            let Some(own) = via.branch().and_then(TxnBranch::parse) else { return false };
            let before = {
                let mut bucket = self.table.by_id(own.txn);
                let cell = bucket.cell(own.txn);
                cell.filter(|c| c.random == own.random && !c.lean).map(|c| c.request.clone())
            };
            let before = before.and_then(|bytes| Message::parse(bytes).ok());
            before.is_some_and(|before| would_go_the_same_way(req, &before))
        })
    }
}

impl Proxy {
    /// Whether `msg` was forked on its way and came here before by another one: whoever answers it
    /// as a user agent server refuses it with 482 (RFC 3261 8.2.2.2). The first one that is asked
    /// about is remembered for 64 T1. A request in a dialog, an ACK and a CANCEL are never merged.
    pub fn is_merged(&self, cx: &Cx<'_>, flow: &Flow, msg: &Message) -> bool {
        let (Ok(from), Ok(to), Ok(cseq), Ok(call_id)) =
            (msg.from(), msg.to(), msg.cseq(), msg.call_id())
        else {
            return false;
        };
        if to.tag().is_some() || matches!(msg.method(), Some(Method::Ack | Method::Cancel)) {
            return false;
        }
        let Ok(arrival) = recent::recall(&self.keys.table, flow, msg) else { return false };
        let kind = self.keys.table.start().bytes(call_id).bytes(from.tag().unwrap_or_default());
        let kind = kind.bytes(cseq.method_name).word(u64::from(cseq.number)).finish();
        let keep = Duration::from_millis(u64::from(self.params.retr_timer1.value()) * 64);
        self.merged.is_merged(kind, arrival.key.hash, cx.now.mono, keep)
    }
}

fn has_several_vias(req: &Message) -> bool {
    let mut vias = req.headers_of(HeaderId::Via);
    let first = vias.next();
    vias.next().is_some() || first.is_some_and(|via| memchr::memchr(b',', via.value).is_some())
}

fn would_go_the_same_way(a: &Message, b: &Message) -> bool {
    let same = |id: HeaderId| {
        let values = |m: &Message| m.headers_of(id).map(|h| h.value.to_vec()).collect::<Vec<_>>();
        values(a) == values(b)
    };
    a.method_name() == b.method_name()
        && a.request_uri() == b.request_uri()
        && COMPARED.into_iter().all(same)
}
