//! `lookup` and its like: from the table to the branches of a request.

use bytes::Bytes;
use sip_core::net::Target;
use sip_module_api::Value;
use sip_module_api::call::{Branch, CallState};
use sip_module_api::flow::{ActionCx, ActionError};
use sip_usrloc::{Aor, Looked, LookupRules, LookupTarget, Targets, lookup};

use super::{Registrar, uri_arg};
use crate::tm::numeric_hop;
use crate::usrloc::{Table, tell};

/// Where the contacts go that `lookup` and `lookup_to_dset` find.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Into {
    /// The first into the Request-URI, the others into branches.
    RequestUri,
    /// All into branches.
    Branches,
}

/// What unregister answers when there was nothing to remove.
const NOTHING_REMOVED: i64 = -3;

impl Registrar {
    pub(super) fn lookup(
        &self,
        cx: &mut ActionCx<'_, '_>,
        call: &mut CallState,
        function: &'static str,
        args: &[Value],
        into: Into,
    ) -> Result<i64, ActionError> {
        let table = self.table(function, args)?;
        let aor = self.aor(call, &table, uri_arg(args, 1).as_deref())?;
        let mut targets = Targets::new();
        let looked =
            lookup(&table.domain, cx.core.now, &aor, &self.lookup_rules(call), &mut targets);
        let mut branches = targets.iter().map(branch);
        if into == Into::RequestUri
            && let Some(first) = branches.next()
        {
            rewrite(call, first);
        }
        call.branches.extend(branches);
        Ok(looked as i64)
    }

    /// Looks up the Request-URI and every branch that has nothing but a URI yet.
    pub(super) fn lookup_branches(
        &self,
        cx: &mut ActionCx<'_, '_>,
        call: &mut CallState,
        args: &[Value],
    ) -> Result<i64, ActionError> {
        let table = self.table("lookup_branches", args)?;
        let bare = |b: &Branch| {
            b.target.is_none()
                && b.dst_uri.is_none()
                && b.path.is_none()
                && b.flags == 0
                && b.q == 0
        };
        let plain: Vec<usize> =
            call.branches.iter().enumerate().filter(|(_, b)| bare(b)).map(|(i, _)| i).collect();
        let rules = self.lookup_rules(call);
        let mut looked = self.lookup(
            cx,
            call,
            "lookup_branches",
            args.get(..1).unwrap_or_default(),
            Into::RequestUri,
        )?;
        for place in plain {
            let Some(uri) = call.branches.get(place).map(|b| b.uri.clone()) else { continue };
            // What is no address of record of ours stays as it is.
            let Ok(aor) = self.aor(call, &table, Some(&uri)) else { continue };
            let mut targets = Targets::new();
            let found = lookup(&table.domain, cx.core.now, &aor, &rules, &mut targets);
            let mut branches = targets.iter().map(branch);
            if let Some(first) = branches.next()
                && let Some(known) = call.branches.get_mut(place)
            {
                *known = first;
            }
            call.branches.extend(branches);
            if found == Looked::Found {
                looked = found as i64;
            }
        }
        Ok(looked)
    }

    fn lookup_rules(&self, call: &CallState) -> LookupRules {
        let initial = !call.in_dialog();
        let filter = self.params.lookup_filter_mode.on();
        LookupRules {
            method: call.msg.method().filter(|_| initial && self.params.method_filtering.on()),
            cflags: if filter { call.rewrite.flags } else { 0 },
            first_only: !self.params.append_branches.on(),
        }
    }

    pub(super) fn registered(
        &self,
        cx: &mut ActionCx<'_, '_>,
        call: &mut CallState,
        args: &[Value],
    ) -> Result<i64, ActionError> {
        let table = self.table("registered", args)?;
        let aor = self.aor(call, &table, uri_arg(args, 1).as_deref())?;
        Ok(if table.domain.is_registered(cx.core.now, &aor) { 1 } else { -1 })
    }

    pub(super) fn unregister(
        &self,
        cx: &mut ActionCx<'_, '_>,
        call: &mut CallState,
        args: &[Value],
    ) -> Result<i64, ActionError> {
        let table = self.table("unregister", args)?;
        let uri = uri_arg(args, 1)
            .ok_or_else(|| ActionError::argument("unregister", 2, "must be a URI"))?;
        let aor = self.aor(call, &table, Some(&uri))?;
        let ruid = uri_arg(args, 2);
        let changed =
            table.domain.remove(&aor, 0, |c| ruid.as_ref().is_none_or(|r| c.ruid() == r.as_ref()));
        if changed.pending {
            table.ring();
        }
        tell(cx.engine, cx.core.now, &changed.events);
        Ok(if changed.contacts > 0 { 1 } else { NOTHING_REMOVED })
    }

    /// The address of record that `uri`, or else the Request-URI, means.
    fn aor(&self, call: &CallState, table: &Table, uri: Option<&[u8]>) -> Result<Aor, ActionError> {
        let rules = self.params.rules(table.domain.config().use_domain);
        let uri = uri.unwrap_or_else(|| call.request_uri());
        rules.canonical(uri).map_err(|e| ActionError::Message(e.to_string()))
    }
}

fn rewrite(call: &mut CallState, found: Branch) {
    let rewrite = &mut call.rewrite;
    rewrite.uri = Some(found.uri);
    rewrite.target = found.target;
    rewrite.dst_uri = found.dst_uri;
    rewrite.listen = found.listen;
    rewrite.path = found.path;
    rewrite.q = found.q;
    rewrite.flags = found.flags;
}

/// A binding as a branch. One that was registered over a connection is reached over it while it is
/// open (RFC 5626 5.3), else at its address; a Path decides before either (RFC 3327 5.4). It is
/// sent from where the REGISTER came in, which may be the only way through a NAT device.
fn branch(found: &LookupTarget) -> Branch {
    let path = found.path();
    let hop = found.next_hop();
    let flow = found.contact.flow().filter(|_| path.is_empty());
    let target = match (numeric_hop(hop), flow) {
        (Some(to), Some(flow)) if flow.proto == to.proto => {
            Some(Target { listen: Some(flow.listen), conn: flow.conn, ..to })
        }
        (Some(to), _) => Some(to),
        (None, Some(flow)) if flow.conn.is_some() => Some(flow.back()),
        (None, _) => None,
    };
    let copy = Bytes::copy_from_slice;
    Branch {
        uri: copy(found.uri()),
        target,
        dst_uri: (hop != found.uri()).then(|| copy(hop)),
        listen: found.contact.listen(),
        path: (!path.is_empty()).then(|| copy(path)),
        q: found.q(),
        flags: found.contact.cflags(),
    }
}
