//! `lookup` and its like: from the table to the branches of a request.

use bytes::Bytes;
use sip_core::net::Target;
use sip_module_api::Value;
use sip_module_api::call::{Branch, CallState};
use sip_module_api::flow::{ActionCx, ActionError};
use sip_usrloc::{Aor, LookupRules, LookupTarget, Targets, lookup};

use super::{Registrar, uri_arg};
use crate::tm::numeric_hop;
use crate::usrloc::{Table, tell};

impl Registrar {
    pub(super) fn lookup(
        &self,
        cx: &mut ActionCx<'_, '_>,
        call: &mut CallState,
        function: &'static str,
        args: &[Value],
    ) -> Result<i64, ActionError> {
        let table = self.table(function, args)?;
        let aor = self.aor(call, &table, uri_arg(args, 1))?;
        let initial = call.msg.to().is_ok_and(|to| to.tag().is_none());
        let rules = LookupRules {
            method: call.msg.method().filter(|_| initial && self.params.on("method_filtering")),
            cflags: if self.params.on("lookup_filter_mode") { call.rewrite.flags } else { 0 },
            first_only: !self.params.on("append_branches"),
        };
        let mut targets = Targets::new();
        let looked = lookup(&table.domain, cx.core.now, &aor, &rules, &mut targets);
        let mut branches = targets.iter().map(branch);
        if function == "lookup"
            && let Some(first) = branches.next()
        {
            let rewrite = &mut call.rewrite;
            rewrite.uri = Some(first.uri);
            rewrite.target = first.target;
            rewrite.dst_uri = first.dst_uri;
            rewrite.path = first.path;
            rewrite.q = first.q;
            rewrite.flags = first.flags;
        }
        call.branches.extend(branches);
        Ok(looked as i64)
    }

    pub(super) fn registered(
        &self,
        cx: &mut ActionCx<'_, '_>,
        call: &mut CallState,
        args: &[Value],
    ) -> Result<i64, ActionError> {
        let table = self.table("registered", args)?;
        let aor = self.aor(call, &table, uri_arg(args, 1))?;
        Ok(if table.domain.is_registered(cx.core.now, &aor) { 1 } else { -1 })
    }

    pub(super) fn unregister(
        &self,
        cx: &mut ActionCx<'_, '_>,
        call: &mut CallState,
        args: &[Value],
    ) -> Result<i64, ActionError> {
        let table = self.table("unregister", args)?;
        let aor = self.aor(call, &table, uri_arg(args, 1))?;
        let ruid = uri_arg(args, 2);
        let changed = table
            .domain
            .remove(&aor, 0, |c| ruid.as_ref().is_none_or(|r| c.ruid() == r.as_ref()));
        if changed.pending {
            table.ring();
        }
        tell(cx.engine, cx.core.now, &changed.events);
        Ok(if changed.contacts > 0 { 1 } else { -1 })
    }

    /// The address of record that `uri`, or else the Request-URI, means.
    fn aor(&self, call: &CallState, table: &Table, uri: Option<Bytes>) -> Result<Aor, ActionError> {
        let rules = self.params.rules(table.domain.config().use_domain);
        let uri = uri.as_deref().unwrap_or_else(|| call.request_uri());
        rules.canonical(uri).map_err(|e| ActionError::Message(e.to_string()))
    }
}

/// A binding as a branch. One that was registered over a connection is reached over it while it is
/// open (RFC 5626 5.3), else at its address; a Path decides before either (RFC 3327 5.4).
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
        path: (!path.is_empty()).then(|| copy(path)),
        q: found.q(),
        flags: found.contact.cflags(),
    }
}
