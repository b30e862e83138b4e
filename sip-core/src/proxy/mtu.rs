//! Requests that are too long for a datagram: RFC 3261 18.1.1. They go over TCP before there is a
//! client transaction, which then has TCP's timers; if no connection can be made, over UDP after
//! all.

use bytes::Bytes;

use super::branch::Leg;
use super::{Cx, Proxy};
use crate::net::{Listener, Proto, Target};
use crate::txn::Effects;
use crate::txn::cell::{Cell, Client};
use crate::txn::id::Part;

impl Proxy {
    /// Where a request of `len` bytes goes instead of `target`, and by which listener. `None`: it
    /// may go there. What goes to a flow of its own (a registered contact behind the listener that
    /// it registered with) stays on it: nothing else would reach it.
    pub(super) fn too_long_for_udp(
        &self,
        leg: &Leg<'_>,
        target: &Target,
        len: usize,
    ) -> Option<(Target, &Listener)> {
        let limit = usize::try_from(self.params.udp_mtu.value()).unwrap_or(usize::MAX);
        if target.proto != Proto::Udp || len <= limit || limit == 0 {
            return None;
        }
        if leg.branch.target.listen.is_some() {
            return None;
        }
        let id = self.listeners.for_target(Proto::Tcp, &target.peer)?;
        let by_tcp = Target { proto: Proto::Tcp, listen: Some(id), ..*target };
        Some((by_tcp, self.listeners.by_id(id)?))
    }

    /// No connection could be made for a request that is too long: it goes over UDP after all, in
    /// a client transaction that begins anew.
    pub(super) fn fall_back(
        &self,
        cx: &mut Cx<'_>,
        cell: &mut Cell,
        index: u8,
        (target, request): (Target, Bytes),
    ) {
        let origin = cell.id.origin(Part::Branch(index));
        let method = cell.key.method;
        let times = cell.times(&self.params, target.proto.is_reliable());
        let Some(branch) = cell.branches.get_mut(usize::from(index)) else { return };
        (branch.target, branch.request) = (target, request);
        branch.client = Client::for_method(method);
        if self.note(cx, branch.client.start(cx.now.mono, &times)).has(Effects::SEND) {
            cx.out.send(target, branch.request.clone(), Some(origin));
        }
        if cell.cancelled {
            // The wish to cancel was the old machine's.
            self.cancel_branches(cx, cell);
        }
    }
}
