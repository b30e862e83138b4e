//! Templates: variables in lines, and message blocks written out for the wire.

use std::collections::HashMap;

use bytes::Bytes;
use sip_core::net::Flow;
use sip_core::rng::{Rng, SeededRng};
use sip_parser::{Contact, HeaderId, Message};

use crate::phone::answer_challenge;

/// The variables of a running scenario.
pub(super) struct Variables {
    texts: HashMap<String, String>,
    messages: HashMap<String, (Message, Flow)>,
    rng: SeededRng,
    branch: String,
}

impl Variables {
    pub(super) fn new(seed: u64) -> Self {
        let mut rng = SeededRng::new(seed ^ 0x5eed);
        let mut texts = HashMap::new();
        texts.insert("callid".into(), format!("{:016x}@scenario", rng.next_u64()));
        texts.insert("tag".into(), format!("{:08x}", rng.next_u64() as u32));
        Self { texts, messages: HashMap::new(), rng, branch: String::new() }
    }

    pub(super) fn set(&mut self, name: &str, value: String) {
        self.texts.insert(name.into(), value);
    }

    pub(super) fn name_message(&mut self, name: &str, msg: Message, flow: Flow) {
        self.messages.insert(name.into(), (msg, flow));
    }

    /// A message that was named, and the way it came.
    pub(super) fn message(&self, name: &str) -> Result<&(Message, Flow), String> {
        self.messages.get(name).ok_or_else(|| format!("no message is called {name}"))
    }

    /// A text with its variables filled in.
    pub(super) fn fill(&mut self, template: &str) -> Result<String, String> {
        let mut text = String::new();
        let mut rest = template;
        while let Some(at) = rest.find('$') {
            text.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix('$') {
                text.push('$');
                rest = after;
            } else if let Some(inside) = rest.strip_prefix('{') {
                let (name, after) = inside.split_once('}').ok_or("${ is not closed")?;
                text.push_str(&self.value(name)?);
                rest = after;
            } else {
                let name = &rest[..name_end(rest)];
                text.push_str(&self.value(name)?);
                rest = &rest[name.len()..];
            }
        }
        Ok(text + rest)
    }

    /// A message block for the wire. Unless it is `raw`, Content-Length is added when it is missing.
    pub(super) fn message_text(&mut self, lines: &[String], raw: bool) -> Result<Bytes, String> {
        self.branch = format!("z9hG4bK{:016x}", self.rng.next_u64());
        let blank = lines.iter().position(|line| line.trim().is_empty()).unwrap_or(lines.len());
        let (head, body) = (&lines[..blank], lines.get(blank + 1..).unwrap_or_default());
        let mut body_text = String::new();
        for line in body {
            body_text.push_str(&self.fill(line)?);
            body_text.push_str("\r\n");
        }
        let mut text = String::new();
        for line in head {
            match line.split_whitespace().next() {
                Some("COPY") => self.copy(line, &mut text)?,
                Some("ROUTES") => self.routes(line, &mut text)?,
                Some("AUTHORIZE") => self.authorize(line, &mut text)?,
                _ => {
                    text.push_str(&self.fill(line)?);
                    text.push_str("\r\n");
                }
            }
        }
        let lower = text.to_ascii_lowercase();
        if !raw && !lower.contains("\r\ncontent-length:") && !lower.contains("\r\nl:") {
            text.push_str(&format!("Content-Length: {}\r\n", body_text.len()));
        }
        // A raw block ends where it ends: without an empty line the message is unfinished.
        if !raw || blank < lines.len() {
            text.push_str("\r\n");
        }
        Ok(Bytes::from(text + &body_text))
    }

    fn value(&mut self, name: &str) -> Result<String, String> {
        if let Some(text) = self.texts.get(name) {
            return Ok(text.clone());
        }
        match name {
            "branch" => return Ok(self.branch.clone()),
            "random" => return Ok(format!("{:016x}", self.rng.next_u64())),
            _ => {}
        }
        let (message, field) =
            name.split_once('.').ok_or_else(|| format!("${name} is not known"))?;
        let (msg, _) = self.message(message)?;
        field_of(msg, field).ok_or_else(|| format!("{message} has no {field}"))
    }

    /// `COPY message Header ...`: all lines of these headers as they stood.
    fn copy(&self, line: &str, text: &mut String) -> Result<(), String> {
        let mut words = line.split_whitespace().skip(1);
        let (msg, _) = self.message(words.next().ok_or("it goes: COPY message Header")?)?;
        for name in words {
            let before = text.len();
            for header in msg.headers_named(name.as_bytes()) {
                text.push_str(&String::from_utf8_lossy(msg.slice(header.span)));
            }
            if text.len() == before {
                return Err(format!("there is no {name} to copy"));
            }
        }
        Ok(())
    }

    /// `ROUTES message` or `ROUTES message reversed`: its Record-Routes as a route set.
    fn routes(&self, line: &str, text: &mut String) -> Result<(), String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (msg, _) = self.message(words.get(1).ok_or("it goes: ROUTES message")?)?;
        let mut routes: Vec<String> = msg
            .record_routes()
            .filter_map(Result::ok)
            .map(|route| String::from_utf8_lossy(msg.slice(route.span)).into_owned())
            .collect();
        if words.get(2) == Some(&"reversed") {
            routes.reverse();
        }
        routes.iter().for_each(|route| text.push_str(&format!("Route: {route}\r\n")));
        Ok(())
    }

    /// `AUTHORIZE message user password`: credentials that answer its challenge, for the request
    /// whose start line was written before.
    fn authorize(&mut self, line: &str, text: &mut String) -> Result<(), String> {
        let filled = self.fill(line)?;
        let words: Vec<&str> = filled.split_whitespace().collect();
        let [_, message, user, password] = words[..] else {
            return Err("it goes: AUTHORIZE message user password".into());
        };
        let (msg, _) = self.message(message)?.clone();
        let mut start = text.split(' ');
        let (method, uri) = (start.next().unwrap_or_default(), start.next().unwrap_or_default());
        let line = answer_challenge(&msg, user, password, (method, uri.as_bytes()), &mut self.rng)
            .ok_or_else(|| format!("{message} has no challenge that can be answered"))?;
        text.push_str(&String::from_utf8_lossy(&line));
        Ok(())
    }
}

/// Where a variable's name ends: letters, digits and `_`, then perhaps a dot and a field, in which
/// `-` is allowed as well.
fn name_end(text: &str) -> usize {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let end = text.find(|c| !plain(c)).unwrap_or(text.len());
    let field = text[end..].strip_prefix('.').unwrap_or_default();
    if end == 0 || !field.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return end;
    }
    end + 1 + field.find(|c| !plain(c) && c != '-').unwrap_or(field.len())
}

fn field_of(msg: &Message, field: &str) -> Option<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match field {
        "uri" if msg.is_request() => Some(text(msg.request_uri())),
        "status" => msg.status().map(|status| status.to_string()),
        "branch" => Some(text(msg.top_via().ok()?.branch()?)),
        "cseq" => Some(msg.cseq().ok()?.number.to_string()),
        "from-tag" => Some(text(msg.from().ok()?.tag()?)),
        "to-tag" => Some(text(msg.to().ok()?.tag()?)),
        "contact" => match msg.contacts().next()?.ok()? {
            Contact::Addr(addr) => Some(text(addr.uri)),
            Contact::Star => Some("*".into()),
        },
        name => msg.headers_named(name.as_bytes()).next().map(|header| text(header.value)),
    }
}

/// A response to `request`: what RFC 3261 8.2.6 copies, then `lines`.
pub(super) fn response_lines(
    request: &Message,
    (status, reason): (u16, &str),
    tag: &str,
    lines: &[String],
) -> Vec<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().replace('$', "$$");
    let mut all = vec![format!("SIP/2.0 {status} {reason}")];
    for header in request.headers() {
        match header.id {
            HeaderId::Via | HeaderId::From | HeaderId::CallId | HeaderId::CSeq => {
                all.push(text(request.slice(header.span)));
            }
            HeaderId::RecordRoute if (101..300).contains(&status) => {
                all.push(text(request.slice(header.span)));
            }
            HeaderId::To => {
                let tagged = request.to().is_ok_and(|to| to.tag().is_some()) || status == 100;
                let tag = if tagged { String::new() } else { format!(";tag={tag}") };
                all.push(format!("To: {}{tag}", text(header.value)));
            }
            _ => {}
        }
    }
    all.extend_from_slice(lines);
    all
}
