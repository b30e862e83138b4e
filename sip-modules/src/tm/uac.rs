//! `t_uac_send`: requests of our own from a route, by a client transaction (tm module
//! documentation). The route does not wait for the answer.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use sip_core::net::{ListenId, Proto, Target};
use sip_core::uac::LocalRequest;
use sip_module_api::Value;
use sip_module_api::call::RouteMask;
use sip_module_api::flow::{ActionCx, ActionError, Flow, Resumed, Suspend};
use sip_module_api::job::Job;
use sip_module_api::registry::Declare;

use super::Tm;
use super::target::{Found, Hop, Lookup, next_hop};

const NAME: &str = "t_uac_send";

/// A request to be sent once its next hop is known.
struct Wanted {
    method: Bytes,
    uri: Bytes,
    listen: Option<ListenId>,
    from: Bytes,
    to: Bytes,
    headers: Bytes,
    body: Bytes,
}

/// Declares the function.
pub(super) fn declare(tm: &Arc<Tm>, d: &mut Declare<'_>) {
    let tm = Arc::clone(tm);
    d.function(
        NAME,
        6..=6,
        RouteMask::ANY,
        "t_uac_send(method, uri, next_hop, socket, headers, body): sends a request of our own; \
         next_hop (a URI) and socket (`transport:address:port`) may be empty, headers are whole \
         lines, From and To among them. What comes back is counted and dropped. No INVITE",
        move |cx, _, args| match wanted(cx, args) {
            Ok((wanted, Hop::Known(target))) => Flow::from(send(cx, &wanted, target)),
            Ok((wanted, Hop::Name(name))) => {
                let Some(resolver) = tm.resolver.get() else {
                    return Flow::Error(ActionError::Module("tm is not initialised".into()));
                };
                let work = Box::new(Lookup(vec![name]));
                if resolver.submit(Job { work, done: Some(cx.completion()) }).is_err() {
                    let text = "too many names wait to be looked up";
                    return Flow::Error(ActionError::Overload(text.into()));
                }
                Flow::Suspend(Suspend {
                    deadline: None,
                    then: Box::new(move |cx, _, resumed| Flow::from(found(cx, &wanted, resumed))),
                })
            }
            Err(error) => Flow::Error(error),
        },
    );
}

fn wanted(cx: &ActionCx<'_, '_>, args: &[Value]) -> Result<(Wanted, Hop), ActionError> {
    let text = |index: usize| match args.get(index) {
        Some(Value::Str(text)) => Ok(text.clone()),
        Some(Value::Null) => Ok(Bytes::new()),
        _ => Err(ActionError::argument(NAME, index + 1, "must be a string")),
    };
    let (method, uri, next, socket) = (text(0)?, text(1)?, text(2)?, text(3)?);
    let (lines, body) = (text(4)?, text(5)?);
    let listen = match socket.is_empty() {
        true => None,
        false => Some(listener(cx, &socket).ok_or_else(|| {
            ActionError::argument(NAME, 4, "must be `transport:address:port` of a listener")
        })?),
    };
    let hop = next_hop(if next.is_empty() { &uri } else { &next });
    let hop = hop.map_err(|e| ActionError::argument(NAME, 3, e.to_string()))?;
    let (mut from, mut to, mut headers) = (Bytes::new(), Bytes::new(), BytesMut::new());
    for line in lines.split(|b| *b == b'\n').map(|line| line.trim_ascii()) {
        if line.is_empty() {
            continue;
        }
        let name = line.split(|b| *b == b':').next().unwrap_or_default().trim_ascii();
        let value = || {
            let colon = line.iter().position(|b| *b == b':').map_or(line.len(), |at| at + 1);
            lines.slice_ref(line.get(colon..).unwrap_or_default().trim_ascii())
        };
        match name.to_ascii_lowercase().as_slice() {
            b"from" | b"f" => from = value(),
            b"to" | b"t" => to = value(),
            _ => {
                headers.put_slice(line);
                headers.put_slice(b"\r\n");
            }
        }
    }
    let tagged = from.to_ascii_lowercase().windows(5).any(|w| w == b";tag=");
    if from.is_empty() || to.is_empty() || tagged {
        let text = "must have a To and a From without a tag";
        return Err(ActionError::argument(NAME, 5, text));
    }
    let headers = headers.freeze();
    Ok((Wanted { method, uri, listen, from, to, headers, body }, hop))
}

/// The listener that `transport:address:port` names.
fn listener(cx: &ActionCx<'_, '_>, socket: &[u8]) -> Option<ListenId> {
    let text = std::str::from_utf8(socket).ok()?;
    let (proto, address) = text.split_once(':')?;
    let proto = Proto::from_token(proto.as_bytes())?;
    let address: std::net::SocketAddr = address.parse().ok()?;
    let mut all = cx.proxy.listeners().iter();
    all.find(|(_, l)| l.proto == proto && l.addr == address).map(|(id, _)| id)
}

fn found(cx: &mut ActionCx<'_, '_>, wanted: &Wanted, with: Resumed) -> Result<i64, ActionError> {
    let found = match with {
        Resumed::Done(result) => result.downcast::<Found>().map(|f| f.0).unwrap_or_default(),
        Resumed::Deadline => return Err(ActionError::Deadline("looking the next hop up")),
        Resumed::Shutdown => return Err(ActionError::Shutdown),
        Resumed::Value(_) => Vec::new(),
    };
    match found.into_iter().next() {
        Some(Ok(targets)) => match targets.first() {
            Some(target) => send(cx, wanted, *target),
            None => Err(ActionError::Transaction("the next hop has no address".into())),
        },
        Some(Err(reason)) => Err(ActionError::Transaction(reason)),
        None => Err(ActionError::Transaction("the next hop could not be looked up".into())),
    }
}

fn send(cx: &mut ActionCx<'_, '_>, w: &Wanted, target: Target) -> Result<i64, ActionError> {
    let request = LocalRequest {
        method: &w.method,
        uri: &w.uri,
        target: Target { listen: w.listen, ..target },
        from: &w.from,
        to: &w.to,
        call_id: b"",
        cseq: 1,
        headers: &w.headers,
        body: &w.body,
    };
    match cx.proxy.send_local(cx.core, &request, None, None) {
        Ok(_) => Ok(1),
        Err(error) => Err(ActionError::Transaction(error.to_string())),
    }
}
