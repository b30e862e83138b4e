//! JSON-RPC 2.0: one call or a batch in, the answer out (jsonrpc.org/specification).

use std::sync::Arc;

use serde_json::{Map, Number, Value as Json, json};
use sip_module_api::rpc::{RpcError, RpcValue};

use crate::engine::run_rpc;
use crate::shared::Shared;

const PARSE_ERROR: i32 = -32700;
const INVALID_REQUEST: i32 = -32600;
const METHOD_NOT_FOUND: i32 = -32601;
const INVALID_PARAMS: i32 = -32602;

/// Calls of one batch at most.
const MAX_BATCH: usize = 1000;

/// Answers a call or a batch; `None` when all of it are notifications.
pub(super) fn answer(shared: &Arc<Shared>, text: &[u8]) -> Option<Vec<u8>> {
    let reply = match serde_json::from_slice::<Json>(text) {
        Err(error) => Some(failure(Json::Null, PARSE_ERROR, &format!("not JSON: {error}"))),
        Ok(Json::Array(calls)) if calls.is_empty() || calls.len() > MAX_BATCH => {
            let text = format!("a batch holds 1 to {MAX_BATCH} calls");
            Some(failure(Json::Null, INVALID_REQUEST, &text))
        }
        Ok(Json::Array(calls)) => {
            let replies: Vec<Json> = calls.iter().filter_map(|c| answer_one(shared, c)).collect();
            (!replies.is_empty()).then_some(Json::Array(replies))
        }
        Ok(call) => answer_one(shared, &call),
    };
    reply.map(|r| r.to_string().into_bytes())
}

fn answer_one(shared: &Arc<Shared>, call: &Json) -> Option<Json> {
    let id = call.get("id").cloned();
    let (Some(Json::String(method)), Some("2.0")) =
        (call.get("method"), call.get("jsonrpc").and_then(Json::as_str))
    else {
        let text = "a call is an object with \"jsonrpc\": \"2.0\" and \"method\"";
        return Some(failure(id.unwrap_or_default(), INVALID_REQUEST, text));
    };
    let params = match call.get("params") {
        None | Some(Json::Null) => Vec::new(),
        Some(Json::Array(list)) => list.iter().map(from_json).collect(),
        // By name: the commands take theirs by position, in the order they are written.
        Some(Json::Object(named)) => named.values().map(from_json).collect(),
        Some(_) => {
            let text = "params is neither an array nor an object";
            return Some(failure(id?, INVALID_PARAMS, text));
        }
    };
    let result = run_rpc(shared, method, &params);
    let id = id?;
    Some(match result {
        Ok(value) => json!({"jsonrpc": "2.0", "result": to_json(&value), "id": id}),
        Err(RpcError { code: 404, message }) if shared.parts.registry.rpc(method).is_none() => {
            failure(id, METHOD_NOT_FOUND, &message)
        }
        Err(error) => failure(id, error.code, &error.message),
    })
}

fn failure(id: Json, code: i32, message: &str) -> Json {
    json!({"jsonrpc": "2.0", "error": {"code": code, "message": message}, "id": id})
}

/// Reads the parameters of a command from a JSON array; empty text is none.
pub(crate) fn params_from_json(text: &str) -> Result<Vec<RpcValue>, RpcError> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    match serde_json::from_str(text) {
        Ok(Json::Array(list)) => Ok(list.iter().map(from_json).collect()),
        Ok(_) => Err(RpcError::new(400, "the parameters are no JSON array")),
        Err(error) => Err(RpcError::new(400, format!("the parameters are no JSON: {error}"))),
    }
}

/// An RPC value as JSON text.
pub(crate) fn json_text(value: &RpcValue) -> String {
    to_json(value).to_string()
}

/// A JSON value as RPC commands take it.
pub(super) fn from_json(value: &Json) -> RpcValue {
    match value {
        Json::Null => RpcValue::Null,
        Json::Bool(b) => RpcValue::Bool(*b),
        Json::Number(n) => match n.as_i64() {
            Some(n) => RpcValue::Int(n),
            None => RpcValue::Double(n.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(s) => RpcValue::Str(s.clone()),
        Json::Array(list) => RpcValue::Array(list.iter().map(from_json).collect()),
        Json::Object(members) => {
            RpcValue::Struct(members.iter().map(|(n, v)| (n.clone(), from_json(v))).collect())
        }
    }
}

/// An RPC value as JSON. Members of a structure that share a name become a list, which is the only
/// way an object can hold them all.
pub(super) fn to_json(value: &RpcValue) -> Json {
    match value {
        RpcValue::Null => Json::Null,
        RpcValue::Bool(b) => Json::Bool(*b),
        RpcValue::Int(n) => Json::Number(Number::from(*n)),
        RpcValue::Double(d) => Number::from_f64(*d).map_or(Json::Null, Json::Number),
        RpcValue::Str(s) => Json::String(s.clone()),
        RpcValue::Array(list) => Json::Array(list.iter().map(to_json).collect()),
        RpcValue::Struct(members) => {
            let mut object = Map::new();
            for (name, _) in members {
                if object.contains_key(name) {
                    continue;
                }
                let mut same = members.iter().filter(|(n, _)| n == name).map(|(_, v)| to_json(v));
                let first = same.next().unwrap_or_default();
                let rest: Vec<Json> = same.collect();
                let value = if rest.is_empty() {
                    first
                } else {
                    Json::Array(std::iter::once(first).chain(rest).collect())
                };
                object.insert(name.clone(), value);
            }
            Json::Object(object)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_that_share_a_name_are_all_kept() {
        let value = RpcValue::Struct(vec![
            ("AoR".into(), RpcValue::Int(1)),
            ("n".into(), RpcValue::Null),
            ("AoR".into(), RpcValue::Int(2)),
        ]);
        assert_eq!(to_json(&value), json!({"AoR": [1, 2], "n": null}));
    }

    #[test]
    fn json_and_back_is_the_same() {
        let value = json!({"a": [1, 2.5, "x", null, true]});
        assert_eq!(to_json(&from_json(&value)), value);
    }
}
