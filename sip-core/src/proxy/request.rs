//! Requests coming in: validation (RFC 3261 16.3), finding their transaction (RFC 3261 17.2.3,
//! 9.2), and making one.

use bytes::BytesMut;
use sip_parser::{Fault, HeaderError, HeaderId, Message, Method, ParseError, ParseErrorKind};

use super::{CreateError, Cx, Incoming, Proxy, RelayError};
use crate::net::Flow;
use crate::time::Instant;
use crate::txn::branch_id::TxnBranch;
use crate::txn::cell::{Cell, Server};
use crate::txn::id::Part;
use crate::txn::key::Arrival;
use crate::txn::recent;
use crate::txn::table::Bucket;
use crate::txn::{Effects, Facts, TxnId};
use crate::uas::{Reply, ReplyText, Tag, write_reply};

impl Proxy {
    /// Takes a request in. Looks only: nothing is remembered of a new one.
    ///
    /// Retransmissions are answered, ACKs to negative answers absorbed, with or without a
    /// transaction. A request that lacks what every answer needs is rejected; an ACK never is.
    pub fn handle_request(&self, cx: &mut Cx<'_>, flow: &Flow, msg: &Message) -> Incoming {
        let Some(method) = msg.method() else { return Incoming::Absorbed };
        self.ids.request_received(cx.stats, method);
        let facts = match self.read(flow, msg) {
            Ok(facts) => facts,
            Err(e) => return self.reject(cx, method, &e),
        };
        match method {
            Method::Ack => self.find_for_ack(cx, msg, facts),
            Method::Cancel => self.find_for_cancel(cx, msg, facts),
            _ => {
                let mut bucket = self.table.by_hash(facts.arrival.key.hash);
                match self.retransmission(cx, &mut bucket, msg, &facts.arrival) {
                    Some(_) => Incoming::Absorbed,
                    None => Incoming::Route { invite: None, facts },
                }
            }
        }
    }

    /// Makes the transaction of a request that [`handle_request`](Self::handle_request) passed up.
    /// An INVITE is answered 100 at once, unless `auto_inv_100` is off.
    ///
    /// # Errors
    /// The request has a transaction by now, can have none, or there are too many.
    pub fn create(
        &self,
        cx: &mut Cx<'_>,
        flow: &Flow,
        msg: &Message,
    ) -> Result<TxnId, CreateError> {
        self.create_with(cx, flow, msg, None)
    }

    /// The same, with what was read from the request when it came in.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn create_with(
        &self,
        cx: &mut Cx<'_>,
        flow: &Flow,
        msg: &Message,
        facts: Option<&Facts>,
    ) -> Result<TxnId, CreateError> {
        self.create_quietly(cx, flow, msg, facts, !self.params.auto_inv_100.is_on())
    }

    /// The same; with `quiet` an INVITE is not answered 100, whatever `auto_inv_100` says
    /// (`t_set_auto_inv_100`), and otherwise it is.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn create_quietly(
        &self,
        cx: &mut Cx<'_>,
        flow: &Flow,
        msg: &Message,
        facts: Option<&Facts>,
        quiet: bool,
    ) -> Result<TxnId, CreateError> {
        let method = msg.method().ok_or(CreateError::Malformed)?;
        if method == Method::Ack {
            return Err(CreateError::Ack);
        }
        let arrival = match facts {
            Some(facts) => facts.arrival,
            None => {
                recent::recall(&self.keys.table, flow, msg).map_err(|_| CreateError::Malformed)?
            }
        };
        let mut bucket = self.table.by_hash(arrival.key.hash);
        if let Some(txn) = self.retransmission(cx, &mut bucket, msg, &arrival) {
            return Err(CreateError::Retransmission(txn));
        }
        let limit = usize::try_from(self.params.max_transactions.value()).unwrap_or(usize::MAX);
        let bits = (cx.rng.next_u64(), cx.rng.next_u64());
        let made = (self.table.live() < limit)
            .then(|| self.insert(cx, &mut bucket, flow, msg, &arrival, bits))
            .flatten();
        let Some(txn) = made else {
            cx.stats.inc(self.ids.refused);
            return Err(CreateError::Full);
        };
        cx.stats.inc(self.ids.uas_transactions);
        if method != Method::Invite
            && let Some(cell) = bucket.cell(txn)
        {
            let times = cell.server_times(&self.params);
            cell.server.await_answer(cx.now.mono, &times);
        } else if !quiet && let Some(cell) = bucket.cell(txn) {
            self.params.with_auto_inv_100_reason(|reason| {
                let reply = Reply::with_reason(100, reason.as_bytes()).to(msg);
                self.answer(cx, cell, &reply);
            });
        }
        self.settle(cx, &mut bucket, txn);
        Ok(txn)
    }

    /// The key of a request, once all is known to be there that an answer copies
    /// (RFC 3261 8.2.6.2) and that routing needs (RFC 3261 16.3 step 1). What a proxy has no
    /// business with may be malformed; [`Message::check`] judges more strictly.
    fn read(&self, flow: &Flow, msg: &Message) -> Result<Facts, ParseError> {
        msg.uri()?;
        let arrival = recent::read(&self.keys.table, flow, msg)?;
        self.table.bring_near(arrival.key.hash);
        let from = msg.from()?;
        let to = msg.to()?;
        let call_id = msg.call_id()?;
        let cseq = msg.cseq()?;
        let same = match msg.method() {
            Some(Method::Other) => cseq.method_name == msg.method_name(),
            method => Some(cseq.method) == method,
        };
        if !same {
            let (header, offset) = (HeaderId::CSeq, 0);
            return Err(HeaderError { header, offset, fault: Fault::Mismatch }.into());
        }
        Ok(Facts::new(msg, arrival, &from, &to, call_id, &cseq))
    }

    fn reject(&self, cx: &Cx<'_>, method: Method, error: &ParseError) -> Incoming {
        let bad_uri = matches!(error.kind, ParseErrorKind::RequestUri(_));
        cx.stats.inc(self.ids.err_requests);
        cx.stats.inc(if bad_uri { self.ids.bad_uris } else { self.ids.bad_headers });
        if method == Method::Ack {
            // RFC 3261 17: no response to an ACK, ever.
            cx.stats.inc(self.ids.drop_requests);
            return Incoming::Absorbed;
        }
        let (code, reason) = error.status();
        Incoming::Reject { code, reason }
    }

    /// Answers a retransmission; tells which transaction it was.
    fn retransmission(
        &self,
        cx: &mut Cx<'_>,
        bucket: &mut Bucket,
        msg: &Message,
        arrival: &Arrival,
    ) -> Option<TxnId> {
        let key = &arrival.key;
        let txn = bucket.find(key.hash, |cell| key.matches(msg, cell, key.method))?;
        let cell = bucket.cell(txn)?;
        let times = cell.server_times(&self.params);
        let effects = self.note(cx, cell.server.request(cx.now.mono, &times));
        if effects.has(Effects::SEND) && !cell.last.is_empty() {
            cx.stats.inc(self.ids.retransmissions);
            cx.out.send(cell.reply_to, cell.last.clone(), Some(txn.origin(Part::Server)));
        }
        Some(txn)
    }

    fn find_for_ack(&self, cx: &mut Cx<'_>, msg: &Message, facts: Facts) -> Incoming {
        let key = &facts.arrival.key;
        let mut bucket = self.table.by_hash(key.hash);
        let found = bucket.find(key.hash, |cell| key.matches(msg, cell, Method::Invite));
        if let Some(txn) = found
            && let Some(cell) = bucket.cell(txn)
        {
            let times = cell.server_times(&self.params);
            let effects = self.note(cx, cell.server.ack(cx.now.mono, &times));
            self.settle(cx, &mut bucket, txn);
            return match effects.has(Effects::PASS) {
                true => Incoming::Route { invite: Some(txn), facts },
                false => Incoming::Absorbed,
            };
        }
        drop(bucket);
        let own = Tag::stateless(&self.keys.tag, key, msg);
        if facts.to_tag(msg) == Some(own.text()) {
            cx.stats.inc(self.ids.sl_acks);
            return Incoming::Absorbed;
        }
        Incoming::Route { invite: None, facts }
    }

    fn find_for_cancel(&self, cx: &mut Cx<'_>, msg: &Message, facts: Facts) -> Incoming {
        let key = &facts.arrival.key;
        let mut bucket = self.table.by_hash(key.hash);
        if self.retransmission(cx, &mut bucket, msg, &facts.arrival).is_some() {
            return Incoming::Absorbed;
        }
        let invite = bucket.find(key.hash, |cell| key.matches(msg, cell, Method::Invite));
        Incoming::Route { invite, facts }
    }

    fn insert(
        &self,
        cx: &Cx<'_>,
        bucket: &mut Bucket,
        flow: &Flow,
        msg: &Message,
        arrival: &Arrival,
        bits: (u64, u64),
    ) -> Option<TxnId> {
        let method = arrival.key.method;
        let life = Cell::lifetime(method, &self.params, cx.now.mono);
        let txn = self.table.insert(bucket, arrival.key.hash, |id| Cell {
            id,
            key: arrival.key,
            request: msg.bytes().clone(),
            flow: *flow,
            reply_to: arrival.reply_to,
            via: arrival.via,
            server: Server::for_method(method),
            last: bytes::Bytes::new(),
            answered: 0,
            random: TxnBranch::random(bits.0),
            tag: bits.1,
            branches: Vec::new(),
            cancelled: false,
            closed: false,
            life,
            armed_at: Instant::FAR,
            timer: None,
            lean: false,
            hooks: None,
        })?;
        self.active.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Some(txn)
    }

    /// Sends an answer made here through the server transaction of `cell`, if its state allows.
    pub(super) fn answer(&self, cx: &mut Cx<'_>, cell: &mut Cell, reply: &Reply<'_>) -> bool {
        let parsed;
        let request = match reply.request {
            Some(request) => request,
            None => match Message::parse(cell.request.clone()) {
                Ok(request) => {
                    parsed = request;
                    &parsed
                }
                Err(_) => return false,
            },
        };
        let times = cell.server_times(&self.params);
        let effects = self.note(cx, cell.server.respond(cx.now.mono, &times, reply.code));
        if !effects.has(Effects::SEND) {
            return false;
        }
        let text = ReplyText {
            request,
            via: &cell.via,
            peer: cell.flow.peer,
            tag: Tag::from_bits(cell.tag),
            in_dialog: reply.facts.map(Facts::in_dialog),
            server: &self.server_header,
        };
        let bytes = cx.build(|out, _| write_reply(out, &text, reply));
        cx.stats.inc(self.ids.rpl_generated);
        self.send_reply(cx, cell, bytes, reply.code);
        true
    }

    /// Sends a response upstream and keeps it for retransmissions.
    pub(super) fn send_reply(
        &self,
        cx: &mut Cx<'_>,
        cell: &mut Cell,
        bytes: bytes::Bytes,
        code: u16,
    ) {
        cx.stats.inc(self.ids.rpl_sent);
        if code >= 200 {
            self.note_answer(cx, cell, code);
        }
        cell.last = bytes.clone();
        cx.out.send(cell.reply_to, bytes, Some(cell.id.origin(Part::Server)));
    }
}

/// What a proxy checks before it forwards a request (RFC 3261 16.3); answers Max-Forwards, `None`
/// when there is none. Run by every relay; a route may run it earlier.
///
/// # Errors
/// Max-Forwards is 0 or cannot be read, or Proxy-Require asks for an extension; none is known here.
pub fn validate(msg: &Message) -> Result<Option<u32>, RelayError> {
    let hops = msg.max_forwards().map_err(|_| RelayError::Malformed)?;
    if hops == Some(0) {
        return Err(RelayError::TooManyHops);
    }
    // RFC 3261 16.3 step 5; a CANCEL and an ACK are beyond negotiating (RFC 3261 8.2.2.3).
    let method = msg.method();
    if msg.header(HeaderId::ProxyRequire).is_some()
        && method != Some(Method::Cancel)
        && method != Some(Method::Ack)
    {
        return Err(RelayError::BadExtension);
    }
    Ok(hops)
}

/// Appends the Unsupported header lines of a 420: all that Proxy-Require asks for.
pub fn unsupported(msg: &Message, out: &mut BytesMut) {
    for header in msg.headers_of(HeaderId::ProxyRequire) {
        out.extend_from_slice(b"Unsupported: ");
        out.extend_from_slice(header.value);
        out.extend_from_slice(b"\r\n");
    }
}
