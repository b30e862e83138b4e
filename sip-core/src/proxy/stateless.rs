//! Forwarding without a transaction: RFC 3261 16.11. Also how the ACK to a 2xx goes its way, and
//! stateless replies (RFC 3261 8.2.7).

use sip_parser::{Message, Method, Via};

use super::branch::{Leg, write_request};
use super::fork::{Received, without_via};
use super::request::validate;
use super::route::is_local_host;
use super::{Cx, DropCause, Handled, Proxy, RelayError, RelayPlan};
use crate::net::{Flow, Proto, Target};
use crate::txn::Facts;
use crate::txn::branch_id::StatelessBranch;
use crate::txn::hash::HashKey;
use crate::txn::key::via_target;
use crate::txn::recent;
use crate::uas::{Reply, ReplyError, ReplyText, Tag, write_reply};

impl Proxy {
    /// Forwards a request to the first branch of `plan` and forgets it. The branch parameter
    /// follows from the received one, so that retransmissions, a CANCEL and an ACK look alike to
    /// the next hop.
    ///
    /// # Errors
    /// Nothing was sent.
    pub fn forward_stateless(
        &self,
        cx: &mut Cx<'_>,
        flow: &Flow,
        msg: &Message,
        plan: &RelayPlan<'_>,
    ) -> Result<(), RelayError> {
        let hops = validate(msg)?;
        let branch = plan.branches.first().ok_or(RelayError::NoTarget)?;
        let arrival =
            recent::recall(&self.keys.table, flow, msg).map_err(|_| RelayError::Malformed)?;
        let (id, outward) = self.outward(&branch.target).ok_or(RelayError::NoListener)?;
        let key = &arrival.key;
        let received = key.cookie.then(|| (msg.slice(key.branch), msg.slice(key.sent_by)));
        let param = StatelessBranch {
            hash: match received {
                Some((branch, sent_by)) => branch_hash(&self.keys.branch, branch, sent_by, flow),
                None => old_hash(&self.keys.branch, key.hash, msg),
            },
            conn: flow.conn.filter(|_| received.is_some()),
        };
        let leg = Leg {
            request: msg,
            via: &arrival.via,
            peer: flow.peer,
            inward: self.listeners.by_id(flow.listen).unwrap_or(outward),
            outward,
            plan,
            branch,
            max_forwards: hops,
            max_breadth: None,
        };
        let bytes = cx.build(|out, patch| write_request(out, patch, &leg, |out| param.write(out)));
        cx.stats.inc(self.ids.fwd_requests);
        cx.out.send(Target { listen: Some(id), ..branch.target }, bytes, None);
        Ok(())
    }

    /// Answers a request without remembering it. The ACK to such an answer is recognised by its To
    /// tag and absorbed.
    ///
    /// # Errors
    /// The reply is malformed, or the request is an ACK or cannot be answered for lack of headers.
    pub fn reply_stateless(
        &self,
        cx: &mut Cx<'_>,
        flow: &Flow,
        msg: &Message,
        reply: &Reply<'_>,
    ) -> Result<(), ReplyError> {
        let sent = self.try_reply(cx, flow, msg, reply);
        match sent {
            Ok(()) => self.ids.stateless_reply(cx.stats, reply.code, reply.code >= 400),
            Err(_) => cx.stats.inc(self.ids.sl_failures),
        }
        sent
    }

    fn try_reply(
        &self,
        cx: &mut Cx<'_>,
        flow: &Flow,
        msg: &Message,
        reply: &Reply<'_>,
    ) -> Result<(), ReplyError> {
        reply.check()?;
        // RFC 3261 17: no response to an ACK.
        if matches!(msg.method(), None | Some(Method::Ack)) {
            return Err(ReplyError::Malformed);
        }
        let arrival = match reply.facts {
            Some(facts) => facts.arrival,
            None => {
                recent::recall(&self.keys.table, flow, msg).map_err(|_| ReplyError::Malformed)?
            }
        };
        let text = ReplyText {
            request: msg,
            via: &arrival.via,
            peer: flow.peer,
            tag: Tag::stateless(&self.keys.tag, &arrival.key, msg),
            in_dialog: reply.facts.map(Facts::in_dialog),
            server: &self.server_header,
        };
        let bytes = cx.build(|out, _| write_reply(out, &text, reply));
        cx.out.send(arrival.reply_to, bytes, None);
        Ok(())
    }

    /// Forwards a response that no transaction waits for to where its next Via says
    /// (RFC 3261 16.11, 18.2.2).
    pub(super) fn forward_response(
        &self,
        cx: &mut Cx<'_>,
        flow: &Flow,
        msg: &Message,
        top: &Via<'_>,
    ) -> Handled {
        let proto = Proto::from_token(top.transport);
        if !is_local_host(&self.listeners, &top.host, top.port, proto) {
            return self.drop_response(cx, DropCause::NotOurs);
        }
        let Some(Ok(next)) = msg.vias().nth(1) else {
            return self.drop_response(cx, DropCause::NoRoute);
        };
        let Some(mut target) = via_target(&next) else {
            return self.drop_response(cx, DropCause::NoRoute);
        };
        target.conn = self.proven_conn(top, &next);
        let Some(bytes) = without_via(cx, &Received { message: msg, via: top.span }, b"") else {
            return self.drop_response(cx, DropCause::NoRoute);
        };
        // Out by the listener it came to, if that one can reach the target.
        let same = self
            .listeners
            .by_id(flow.listen)
            .is_some_and(|l| l.proto == target.proto && l.addr.is_ipv4() == target.peer.is_ipv4());
        target.listen = match same {
            true => Some(flow.listen),
            false => self.listeners.for_target(target.proto, &target.peer),
        };
        cx.stats.inc(self.ids.fwd_replies);
        cx.out.send(target, bytes, None);
        Handled::Stateless
    }

    /// The connection that our branch parameter names, if the hash proves that we wrote it for
    /// this very Via: otherwise anyone could name any connection.
    fn proven_conn(&self, top: &Via<'_>, next: &Via<'_>) -> Option<crate::net::ConnId> {
        let own = StatelessBranch::parse(top.branch()?)?;
        let conn = own.conn?;
        let hash = self.keys.branch.start().bytes(next.branch()?).bytes(next.sent_by).word(conn.0);
        (hash.finish() == own.hash).then_some(conn)
    }
}

fn branch_hash(secret: &HashKey, branch: &[u8], sent_by: &[u8], flow: &Flow) -> u64 {
    let hash = secret.start().bytes(branch).bytes(sent_by);
    hash.word(flow.conn.map_or(0, |c| c.0)).finish()
}

/// For a branch that means nothing (RFC 3261 16.11): what no two transactions have in common.
fn old_hash(secret: &HashKey, key: u64, msg: &Message) -> u64 {
    let via = msg.top_via().map(|v| v.span).unwrap_or_default();
    let hash = secret.start().word(key).bytes(msg.slice(via)).bytes(msg.request_uri());
    let to = msg.to().ok().and_then(|to| to.tag()).unwrap_or_default();
    // A CANCEL and the ACK to a negative answer look like their INVITE, which has no tag of ours.
    let to = if matches!(msg.method(), Some(Method::Ack | Method::Cancel)) { b"" } else { to };
    hash.bytes(to).finish()
}
