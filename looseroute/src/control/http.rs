//! JSON-RPC and metrics over HTTP/1.x on the stream listeners. Only for peers on this machine.

use std::sync::Arc;

use bytes::Bytes;
use sip_core::net::Flow;
use sip_module_api::log;
use sip_modules::core::METRICS_PREFIX;
use sip_parser::http::{Request, ResponseBuilder};

use super::{HttpAnswer, jsonrpc};
use crate::shared::Shared;

/// Where JSON-RPC is answered.
#[derive(Clone, Debug)]
pub(crate) struct HttpRpc {
    /// The path of the request, as `/RPC`.
    pub(crate) path: String,
}

pub(super) fn answer(shared: &Arc<Shared>, flow: &Flow, bytes: Bytes) -> HttpAnswer {
    let Ok(request) = Request::parse(bytes) else {
        return reply(400, "Bad Request", "text/plain", b"the request is malformed\n", true);
    };
    // HTTP/1.1 connections stay unless told otherwise, older ones close (RFC 9112 9.3).
    let close = match request.minor_version() {
        0 => !request.header_has("Connection", "keep-alive"),
        _ => request.header_has("Connection", "close"),
    };
    let path = request.path();
    let what = match (&shared.http_rpc, &shared.http_metrics) {
        (Some(rpc), _) if rpc.path.as_bytes() == path => Page::Rpc,
        (_, Some(metrics)) if metrics.as_bytes() == path => Page::Metrics,
        _ => return reply(404, "Not Found", "text/plain", b"there is nothing here\n", close),
    };
    if !flow.peer.ip().to_canonical().is_loopback() {
        let path = String::from_utf8_lossy(path);
        log!(shared.parts.log, Notice, "core", "{path} refused to {}", flow.peer);
        return reply(403, "Forbidden", "text/plain", b"only from this machine\n", true);
    }
    // A browser says from which site its page asks; none may ask this (cross-site request forgery).
    if request.header("Origin").is_some() {
        return reply(403, "Forbidden", "text/plain", b"not from a page of a browser\n", true);
    }
    match what {
        Page::Rpc if request.method() != b"POST" => {
            let answer = ResponseBuilder::new(405, "Method Not Allowed").header("Allow", "POST");
            finish(answer, "text/plain", b"POST a JSON-RPC call\n", close)
        }
        Page::Rpc => match jsonrpc::answer(shared, request.body()) {
            Some(body) => reply(200, "OK", "application/json", &body, close),
            None => reply(204, "No Content", "application/json", b"", close),
        },
        Page::Metrics if request.method() != b"GET" => {
            let answer = ResponseBuilder::new(405, "Method Not Allowed").header("Allow", "GET");
            finish(answer, "text/plain", b"GET the metrics\n", close)
        }
        Page::Metrics => {
            let mut text = String::new();
            let snapshot = shared.parts.stats.snapshot();
            snapshot.write_prometheus(METRICS_PREFIX, &mut text);
            reply(200, "OK", METRICS, text.as_bytes(), close)
        }
    }
}

/// What is asked for.
enum Page {
    Rpc,
    Metrics,
}

/// The type of Prometheus' text format.
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

fn reply(code: u16, reason: &str, kind: &str, body: &[u8], close: bool) -> HttpAnswer {
    finish(ResponseBuilder::new(code, reason), kind, body, close)
}

fn finish(answer: ResponseBuilder, kind: &str, body: &[u8], close: bool) -> HttpAnswer {
    let bytes = answer
        .header("Server", "looseroute")
        .header("Connection", if close { "close" } else { "keep-alive" })
        .body(kind, Bytes::copy_from_slice(body))
        .build();
    HttpAnswer { bytes, close }
}
