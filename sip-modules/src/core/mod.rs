//! The module `core`: the functions, parameters and RPC commands that Kamailio's core has and that
//! need no worker.

mod locks;
mod rpc;
mod stats;

use std::sync::Arc;

use bytes::Bytes;
use sip_module_api::Module;
use sip_module_api::call::RouteMask;
use sip_module_api::flow::{ActionError, Flow};
use sip_module_api::module::{InitCx, InitError};
use sip_module_api::registry::Declare;
use sip_module_api::value::Value;
use sip_parser::Uri;

pub use locks::WatchdogParams;
pub use stats::METRICS_PREFIX;

#[derive(Default)]
struct Core {
    locks: locks::LockParams,
}

/// The module.
#[must_use]
pub fn module() -> Arc<dyn Module> {
    Arc::new(Core::default())
}

impl Module for Core {
    fn name(&self) -> &'static str {
        "core"
    }

    fn doc(&self) -> &'static str {
        "the engine itself"
    }

    fn init(self: Arc<Self>, cx: &mut InitCx<'_>) -> Result<(), InitError> {
        self.locks.init(cx);
        Ok(())
    }

    fn declare(self: Arc<Self>, d: &mut Declare<'_>) {
        rpc::declare(d);
        stats::declare(d);
        self.locks.declare(d);
        d.function(
            "is_myself",
            0..=1,
            RouteMask::ANY,
            "is_myself([uri]): whether the Request-URI (or this URI) means this engine",
            |cx, call, args| {
                let given = args.first().and_then(Value::as_bytes);
                let uri = given.map_or_else(|| call.request_uri(), Bytes::as_ref);
                match Uri::parse(uri) {
                    Ok(u) => {
                        let ours = cx.engine.is_myself(&u);
                        Flow::Return(if ours { 1 } else { -1 })
                    }
                    Err(e) => Flow::Error(ActionError::Message(e.to_string())),
                }
            },
        );
        d.function(
            "append_to_reply",
            1..=1,
            RouteMask::REQUEST,
            "append_to_reply(lines): adds whole header lines to replies made here (Kamailio's \
             textops has it)",
            |_, call, args| match args.first().and_then(Value::as_bytes) {
                Some(lines) if is_header_lines(lines) => {
                    call.reply_headers.extend_from_slice(lines);
                    Flow::Return(1)
                }
                _ => Flow::Error(ActionError::argument(
                    "append_to_reply",
                    1,
                    "must be whole header lines, each ending in CRLF",
                )),
            },
        );
        d.function(
            "drop",
            0..=0,
            RouteMask::ANY,
            "drop(): ends the route without an answer",
            |_, _, _| Flow::Exit,
        );
    }
}

/// Whether `lines` are header lines and cannot end the head.
fn is_header_lines(lines: &[u8]) -> bool {
    lines.ends_with(b"\r\n")
        && lines.strip_suffix(b"\r\n").is_some_and(|all| {
            all.split(|b| *b == b'\n').all(|l| {
                let name = l.split(|b| *b == b':').next().unwrap_or_default();
                l.contains(&b':') && !name.is_empty() && name.iter().all(u8::is_ascii_graphic)
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_header_lines_go_into_a_reply() {
        assert!(is_header_lines(b"A: b\r\nC: d\r\n"));
        for bad in [&b"A: b"[..], b"\r\n", b"A: b\r\n\r\nbody\r\n", b"no colon\r\n", b" A: b\r\n"] {
            assert!(!is_header_lines(bad), "{:?}", String::from_utf8_lossy(bad));
        }
    }
}
