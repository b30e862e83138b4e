//! A message as the fields that must not differ between two servers.
//!
//! What may differ is replaced first: the server's own address, the branches and tags it makes up,
//! a Server header, the order of parameters and of headers with different names.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddrV4;

/// A message, made comparable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fields {
    /// Request line without the server's address, or the status without its phrase.
    pub(crate) start: String,
    /// Values by header name, in order; the body under the empty name.
    pub(crate) headers: BTreeMap<String, Vec<String>>,
}

impl Fields {
    /// Reads a message that the server at `server` sent. `known_tags` are those the probe chose.
    pub(crate) fn read(text: &str, server: SocketAddrV4, known_tags: &[&str]) -> Fields {
        let text = text.replace(&server.to_string(), "SERVER");
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let mut lines = head.split("\r\n");
        let start = lines.next().unwrap_or_default();
        let start = if start.starts_with("SIP/2.0") {
            start.split(' ').take(2).collect::<Vec<_>>().join(" ")
        } else {
            start.to_owned()
        };
        let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
        headers.entry(String::new()).or_default().push(body.to_owned());
        for line in lines {
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            let name = long_name(name.trim());
            if name == "server" {
                continue;
            }
            let values = headers.entry(name.clone()).or_default();
            match name.as_str() {
                "via" | "contact" | "record-route" | "route" => {
                    values.extend(split(value, ',').map(|v| normal(v, known_tags)));
                }
                _ => values.push(normal(value, known_tags)),
            }
        }
        // A list of bindings has no order.
        if let Some(contacts) = headers.get_mut("contact") {
            contacts.sort();
        }
        Fields { start, headers }
    }

    /// The fields that differ from the same message of the other server.
    pub(crate) fn differences(&self, other: &Fields) -> Vec<Difference> {
        let mut all = vec![Difference {
            header: "start line".to_owned(),
            ours: self.start.clone(),
            theirs: other.start.clone(),
        }];
        let names: BTreeSet<_> = self.headers.keys().chain(other.headers.keys()).collect();
        let of = |f: &Fields, name| f.headers.get(name).map_or(String::new(), |v| v.join(", "));
        all.extend(names.into_iter().map(|name| Difference {
            header: name.clone(),
            ours: of(self, name),
            theirs: of(other, name),
        }));
        all.retain(|d| d.ours != d.theirs);
        all
    }
}

/// One header with its values on both sides; empty where it is absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) header: String,
    pub(crate) ours: String,
    pub(crate) theirs: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Difference { header, ours, theirs } = self;
        write!(f, "{header}: ours `{ours}`, theirs `{theirs}`")
    }
}

/// A value with its parameters sorted and what servers make up replaced.
fn normal(value: &str, known_tags: &[&str]) -> String {
    let mut parts = split(value.trim(), ';');
    let first = parts.next().unwrap_or_default().trim().to_owned();
    let own = first.ends_with("SERVER");
    let mut params: Vec<String> = parts
        .map(|param| match param.trim().split_once('=') {
            Some(("branch", _)) if own => "branch=MADE".to_owned(),
            Some(("tag", tag)) if !known_tags.contains(&tag) => "tag=MADE".to_owned(),
            // A second may pass between the request and the reply.
            Some(("expires", "3598" | "3599")) => "expires=3600".to_owned(),
            _ => param.trim().to_owned(),
        })
        .collect();
    params.sort();
    params.insert(0, first);
    params.join(";")
}

/// Splits at a separator outside of quotes and angle brackets.
fn split(value: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut angle) = (false, false);
    value.split(move |c| {
        match c {
            '"' => quoted = !quoted,
            '<' if !quoted => angle = true,
            '>' if !quoted => angle = false,
            _ => {}
        }
        c == separator && !quoted && !angle
    })
}

fn long_name(name: &str) -> String {
    match name.to_ascii_lowercase().as_str() {
        "v" => "via",
        "f" => "from",
        "t" => "to",
        "i" => "call-id",
        "m" => "contact",
        "l" => "content-length",
        "c" => "content-type",
        other => other,
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, port: u16) -> Fields {
        Fields::read(text, SocketAddrV4::new([127, 0, 0, 1].into(), port), &["mine"])
    }

    #[test]
    fn what_servers_make_up_and_order_do_not_count() {
        let a = read(
            "SIP/2.0 100 Trying\r\nVia: SIP/2.0/UDP 127.0.0.1:5;branch=z9hG4bKa;i=1\r\n\
             To: <sip:a>;tag=xyz\r\nServer: a\r\nContact: <sip:b;x=1>;q=1;expires=3599\r\n\r\n",
            5,
        );
        let b = read(
            "SIP/2.0 100 trying\r\nm: <sip:b;x=1>;expires=3600;q=1\r\nt: <sip:a>;tag=abc\r\n\
             v: SIP/2.0/UDP 127.0.0.1:6;i=1;branch=z9hG4bKb\r\n\r\n",
            6,
        );
        assert_eq!(a.differences(&b), []);
    }

    #[test]
    fn everything_else_does() {
        let a = read(
            "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=1\r\nTo: <x>;tag=mine\r\n\r\nb",
            5,
        );
        let b = read(
            "SIP/2.0 202 OK\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=2\r\nTo: <x>;tag=new\r\nX: 1\r\n\r\n",
            5,
        );
        let found: Vec<_> = a.differences(&b).iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "start line: ours `SIP/2.0 200`, theirs `SIP/2.0 202`",
                ": ours `b`, theirs ``",
                "to: ours `<x>;tag=mine`, theirs `<x>;tag=MADE`",
                "via: ours `SIP/2.0/UDP 10.0.0.1;branch=1`, theirs `SIP/2.0/UDP 10.0.0.1;branch=2`",
                "x: ours ``, theirs `1`",
            ]
        );
    }

    #[test]
    fn a_comma_list_equals_separate_lines() {
        let a = read("SIP/2.0 200 OK\r\nContact: <sip:a,b>, \"x, y\" <sip:c>\r\n\r\n", 5);
        let b =
            read("SIP/2.0 200 OK\r\nContact: <sip:a,b>\r\nContact: \"x, y\" <sip:c>\r\n\r\n", 5);
        assert_eq!(a, b);
    }
}
