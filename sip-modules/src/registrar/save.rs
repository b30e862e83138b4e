//! `save`: a REGISTER into the table and its answer, at once or after the commit.

use std::sync::Arc;

use sip_core::time::Now;
use sip_core::uas::Reply;
use sip_module_api::Value;
use sip_module_api::call::{CallState, Outcome};
use sip_module_api::flow::{ActionCx, ActionError, Flow, Resumed, Suspend};
use sip_parser::Method;
use sip_usrloc::{Event, Reject, ReplyParams, SaveKind, SaveOptions};
use smallvec::SmallVec;

use super::{Registrar, uri_arg};
use crate::usrloc::{Committed, Table, tell};

const MEMORY_ONLY: i64 = 0x01;
const NO_REPLY: i64 = 0x02;
const ONLY_THIS: i64 = 0x04;
const NO_RANGE: i64 = 0x08;

/// Flags in decimal or, after 0x, in hexadecimal.
fn flags(value: &Value) -> Option<i64> {
    let digits = value.as_str().and_then(|s| s.strip_prefix("0x").or(s.strip_prefix("0X")));
    match digits {
        Some(digits) => i64::from_str_radix(digits, 16).ok(),
        None => value.as_int(),
    }
}

impl Registrar {
    pub(super) fn save(
        &self,
        cx: &mut ActionCx<'_, '_>,
        call: &mut CallState,
        args: &[Value],
    ) -> Result<Flow, ActionError> {
        let table = self.table("save", args)?;
        let flags = match args.get(1) {
            None | Some(Value::Null) => 0,
            Some(v) => flags(v).ok_or_else(|| ActionError::argument("save", 2, "must be flags"))?,
        };
        if call.msg.method() != Some(Method::Register) {
            return Err(ActionError::Message("save is for a REGISTER".into()));
        }
        if let Outcome::Replied(code) = call.outcome {
            return Err(ActionError::Transaction(format!("the request was answered with {code}")));
        }
        let uri = uri_arg(args, 2);
        let quiet = flags & NO_REPLY != 0;
        let (Some(reply), Some(stats)) = (self.reply.get(), self.stats.get()) else {
            return Err(ActionError::Module("registrar is not initialised".into()));
        };
        let now = cx.core.now;
        let token = match table.is_write_through() && flags & MEMORY_ONLY == 0 {
            true => table.expect(cx.completion()),
            false => 0,
        };
        let mut options = SaveOptions { uri: uri.as_deref(), token, ..SaveOptions::default() };
        options.memory_only = flags & MEMORY_ONLY != 0;
        options.single = flags & ONLY_THIS != 0;
        options.no_range = flags & NO_RANGE != 0;
        options.cflags = call.rewrite.flags;
        let params = self.params.registrar();
        let rules = self.params.rules(table.domain.config().use_domain);
        let CallState { msg, flow, facts, reply_headers, .. } = call;
        options.facts = facts.as_ref();
        let done = table
            .domain
            .plan(msg, flow, &rules, &params, &options, &mut *cx.core.rng)
            .and_then(|plan| {
                plan.write_headers(now.wall, reply, reply_headers);
                let saved = table.domain.save(now, &plan, Some((reply, reply_headers)))?;
                Ok((saved, plan.aor))
            });
        match done {
            Ok((saved, aor)) if saved.pending => {
                table.ring();
                let stats = *stats;
                let reply = reply.clone();
                let then =
                    Pending { table, aor, reply, kind: saved.kind, events: saved.events, quiet };
                Ok(Flow::Suspend(Suspend {
                    deadline: None,
                    then: Box::new(move |cx, call, with| {
                        let accepted = then.finish(cx, call, with);
                        let counted = if matches!(accepted, Ok(n) if n > 0) {
                            stats.accepted_regs
                        } else {
                            stats.rejected_regs
                        };
                        cx.core.stats.inc(counted);
                        Flow::from(accepted)
                    }),
                }))
            }
            Ok((saved, _)) => {
                withdraw(&table, token);
                tell(cx.engine, now, &saved.events);
                cx.core.stats.inc(stats.accepted_regs);
                if !quiet {
                    answer(cx, call, 200, "OK")?;
                }
                Ok(Flow::Return(saved.kind as i64))
            }
            Err(reject) => {
                withdraw(&table, token);
                cx.core.stats.inc(stats.rejected_regs);
                refuse(cx, call, &reject, params.retry_after, quiet)?;
                Ok(Flow::Return(i64::from(reject.return_code())))
            }
        }
    }
}

/// Nothing is to be committed: the completion must not end the wait, for there is none.
fn withdraw(table: &Table, token: u64) {
    if token != 0
        && let Some(completion) = table.forget(token)
    {
        completion.withdraw();
    }
}

/// A change on its way to the database.
struct Pending {
    table: Arc<Table>,
    aor: SmallVec<[u8; 64]>,
    reply: ReplyParams,
    kind: SaveKind,
    events: Vec<Event>,
    quiet: bool,
}

impl Pending {
    fn finish(
        self,
        cx: &mut ActionCx<'_, '_>,
        call: &mut CallState,
        with: Resumed,
    ) -> Result<i64, ActionError> {
        let now: Now = cx.core.now;
        let committed = match with {
            Resumed::Done(result) => result.downcast::<Committed>().ok(),
            // Too late or the end: the commit may still happen, and the client asks again.
            Resumed::Deadline | Resumed::Shutdown | Resumed::Value(_) => None,
        };
        if let Some(Ok(())) = committed.map(|c| c.0) {
            self.table.domain.write_contacts(now, &self.aor, &self.reply, &mut call.reply_headers);
            tell(cx.engine, now, &self.events);
            if !self.quiet {
                answer(cx, call, 200, "OK")?;
            }
            return Ok(self.kind as i64);
        }
        call.reply_headers.clear();
        refuse(cx, call, &Reject::StoreFailed, 0, self.quiet)?;
        Ok(-1)
    }
}

fn refuse(
    cx: &mut ActionCx<'_, '_>,
    call: &mut CallState,
    reject: &Reject,
    retry_after: u32,
    quiet: bool,
) -> Result<(), ActionError> {
    sip_module_api::log!(
        cx.engine.log,
        Info,
        "registrar",
        "REGISTER from {}: {} {reject}",
        call.flow.peer,
        reject.code()
    );
    if quiet {
        return Ok(());
    }
    call.reply_headers.clear();
    reject.write_headers(retry_after, &mut call.reply_headers);
    answer(cx, call, reject.code(), reject.reason())
}

fn answer(
    cx: &mut ActionCx<'_, '_>,
    call: &mut CallState,
    code: u16,
    reason: &str,
) -> Result<(), ActionError> {
    if code >= 300 {
        return crate::sl::answer(cx, call, code, reason.as_bytes(), true).map(drop);
    }
    let headers = &call.reply_headers;
    let reply = Reply::with_reason(code, reason.as_bytes()).headers(headers).to(&call.msg);
    let reply = reply.known(call.facts.as_ref());
    let sent = match call.txn {
        Some(txn) => cx.proxy.reply(cx.core, txn, &reply),
        None => cx.proxy.reply_stateless(cx.core, &call.flow, &call.msg, &reply),
    };
    call.reply_headers.clear();
    sent.map_err(|e| ActionError::Transaction(e.to_string()))?;
    call.outcome = Outcome::Replied(code);
    Ok(())
}
