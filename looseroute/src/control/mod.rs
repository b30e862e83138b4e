//! The control plane: JSON-RPC 2.0 over a Unix stream socket and over HTTP on a stream port. Reads
//! the commands from the registry; knows none itself.

mod http;
mod jsonrpc;
mod lines;

use std::sync::Arc;

use bytes::Bytes;
use sip_core::net::Flow;
use sip_core::output::ServiceId;
use sip_transport::{ServiceAddr, Transport};

use crate::error::EngineError;
use crate::shared::Shared;

pub(crate) use http::HttpRpc;
pub(crate) use jsonrpc::{json_text, params_from_json};
pub(crate) use lines::{Cut, Lines};

/// The control sockets of an engine.
pub(crate) struct Control {
    pub(crate) paths: Vec<String>,
}

impl Control {
    /// Opens them on the first worker's transport.
    pub(crate) fn open(&self, transport: &mut Transport) -> Result<(), EngineError> {
        for (number, path) in (0..).zip(&self.paths) {
            let address = ServiceAddr::UnixStream(path.into());
            transport.open_service(ServiceId(number), &address)?;
        }
        Ok(())
    }
}

/// An answer to an HTTP request.
pub(crate) struct HttpAnswer {
    pub(crate) bytes: Bytes,
    pub(crate) close: bool,
}

/// Answers an HTTP request on a stream listener: JSON-RPC where it is switched on, else 404.
pub(crate) fn answer_http(shared: &Arc<Shared>, flow: &Flow, request: Bytes) -> HttpAnswer {
    http::answer(shared, flow, request)
}

/// Answers one line of a control connection; `None` when it wants no answer.
pub(crate) fn answer_line(shared: &Arc<Shared>, line: &[u8]) -> Option<Bytes> {
    let mut answer = jsonrpc::answer(shared, line)?;
    answer.push(b'\n');
    Some(Bytes::from(answer))
}
