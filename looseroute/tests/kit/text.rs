//! SIP messages as tests write and read them: plain text, on purpose not by the engine's parser.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

/// A number that this test program has not had yet.
pub fn unique() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A message that was received.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Msg {
    pub start: String,
    pub lines: Vec<(String, String)>,
    pub body: String,
}

impl Msg {
    #[track_caller]
    pub fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").expect("a blank line ends the headers");
        let mut lines = head.split("\r\n");
        let start = lines.next().unwrap_or_default().to_owned();
        let lines = lines
            .map(|l| l.split_once(':').unwrap_or_else(|| panic!("no header: {l}")))
            .map(|(n, v)| (n.trim().to_owned(), v.trim().to_owned()))
            .collect();
        Self { start, lines, body: body.to_owned() }
    }

    /// The status of a response, 0 for a request.
    pub fn code(&self) -> u16 {
        let rest = self.start.strip_prefix("SIP/2.0 ");
        rest.and_then(|r| r.get(..3)).and_then(|c| c.parse().ok()).unwrap_or(0)
    }

    /// The method of a request, "" for a response.
    pub fn method(&self) -> &str {
        match self.code() {
            0 => self.start.split(' ').next().unwrap_or_default(),
            _ => "",
        }
    }

    /// The Request-URI.
    pub fn uri(&self) -> &str {
        self.start.split(' ').nth(1).unwrap_or_default()
    }

    /// The first header of that name; "" when there is none.
    pub fn header(&self, name: &str) -> &str {
        self.all(name).first().copied().unwrap_or_default()
    }

    /// All headers of that name.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let same = self.lines.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        same.map(|(_, v)| v.as_str()).collect()
    }

    /// The method of the CSeq.
    pub fn of(&self) -> &str {
        self.header("CSeq").split(' ').nth(1).unwrap_or_default()
    }

    /// The tag of the To header.
    pub fn to_tag(&self) -> &str {
        tag(self.header("To"))
    }

    /// The answer of a phone to this request: Vias, From, To, Call-ID, CSeq and Record-Routes
    /// copied; `more` are further header lines.
    pub fn answer(&self, code: u16, reason: &str, more: &[&str]) -> String {
        let mut out = format!("SIP/2.0 {code} {reason}\r\n");
        for name in ["Via", "Record-Route", "From", "To", "Call-ID", "CSeq"] {
            for value in self.all(name) {
                let untagged = name == "To" && code > 100 && tag(value).is_empty();
                let end = if untagged { format!(";tag=callee{code}") } else { String::new() };
                let _ = write!(out, "{name}: {value}{end}\r\n");
            }
        }
        more.iter().for_each(|line| {
            let _ = write!(out, "{line}\r\n");
        });
        out + "Content-Length: 0\r\n\r\n"
    }
}

fn tag(value: &str) -> &str {
    let after = value.split_once(";tag=").map(|(_, t)| t).unwrap_or_default();
    after.split([';', ' ']).next().unwrap_or_default()
}

/// A request that a test sends.
#[derive(Clone, Debug)]
pub struct Req {
    pub method: String,
    pub uri: String,
    /// Transport and sent-by, as `UDP 10.0.0.2:5060`.
    pub via: String,
    pub branch: String,
    pub from: String,
    pub to: String,
    pub call_id: String,
    pub cseq: u32,
    pub max_forwards: u32,
    pub more: Vec<String>,
    pub body: String,
}

impl Req {
    /// A request with a branch, From tag and Call-ID of its own.
    pub fn new(method: &str, uri: &str, via: &str) -> Self {
        let n = unique();
        Self {
            method: method.into(),
            uri: uri.into(),
            via: via.into(),
            branch: format!("z9hG4bKt{n}"),
            from: format!("<sip:alice@lr.test>;tag=from{n}"),
            to: format!("<{uri}>"),
            call_id: format!("call{n}@test"),
            cseq: 1,
            max_forwards: 70,
            more: Vec::new(),
            body: String::new(),
        }
    }

    /// Adds a header line.
    pub fn with(mut self, line: impl Into<String>) -> Self {
        self.more.push(line.into());
        self
    }

    /// The next request of the same kind in the same call: new branch and CSeq.
    pub fn again(&self) -> Self {
        let branch = format!("z9hG4bKt{}", unique());
        Self { branch, cseq: self.cseq + 1, ..self.clone() }
    }

    /// The CANCEL of this request (RFC 3261 9.1).
    pub fn cancel(&self) -> Self {
        Self { method: "CANCEL".into(), more: Vec::new(), body: String::new(), ..self.clone() }
    }

    /// The ACK to a negative answer (RFC 3261 17.1.1.3).
    pub fn ack(&self, answer: &Msg) -> Self {
        Self { method: "ACK".into(), to: answer.header("To").into(), ..self.cancel() }
    }

    /// A request of the dialog that `answer` to this INVITE made: to its Contact, by its
    /// Record-Routes (RFC 3261 12.2.1.1).
    pub fn within(&self, method: &str, answer: &Msg) -> Self {
        let mut next = self.again();
        let contact = answer.header("Contact");
        next.method = method.into();
        next.uri = contact.trim_start_matches('<').split('>').next().unwrap_or_default().into();
        next.to = answer.header("To").into();
        let mut routes = answer.all("Record-Route");
        routes.reverse();
        next.more = routes.iter().map(|r| format!("Route: {r}")).collect();
        next.body.clear();
        if method == "ACK" {
            next.cseq = self.cseq;
        }
        next
    }

    pub fn text(&self) -> String {
        let Self { method, uri, via, branch, from, to, call_id, cseq, max_forwards, body, .. } =
            self;
        let more: String = self.more.iter().map(|l| format!("{l}\r\n")).collect();
        let length = body.len();
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/{via};branch={branch};rport\r\n\
             Max-Forwards: {max_forwards}\r\nFrom: {from}\r\nTo: {to}\r\nCall-ID: {call_id}\r\n\
             CSeq: {cseq} {method}\r\n{more}Content-Length: {length}\r\n\r\n{body}"
        )
    }
}
