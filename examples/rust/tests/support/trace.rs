//! The SIP trace that a phone prints, read back into messages: this is a test's log of the wire as
//! its own phones saw it.

/// One message as a phone sent or received it.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// `UDP`, `TCP`.
    pub(crate) transport: String,
    /// `address:port` of the end that sent it.
    pub(crate) from: String,
    pub(crate) start_line: String,
    /// Method of the CSeq header.
    pub(crate) method: String,
    pub(crate) headers: Vec<(String, String)>,
}

impl Entry {
    /// The status of a response, nothing for a request.
    pub(crate) fn status(&self) -> Option<u16> {
        self.start_line.strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok()
    }

    pub(crate) fn is_request(&self, method: &str) -> bool {
        self.status().is_none() && self.method == method
    }

    pub(crate) fn is_reply(&self, method: &str, status: u16) -> bool {
        self.method == method && self.status() == Some(status)
    }

    /// The first header of that name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }
}

/// Reads `TRANSPORT source -> destination` lines, each followed by a message up to its empty line.
/// A message that is still being printed is left out.
pub(crate) fn read(lines: &[String]) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut lines = lines.iter();
    while let Some(line) = lines.next() {
        let Some((transport, from)) = flow(line) else { continue };
        let Some(start_line) = lines.next() else { break };
        let mut headers = Vec::new();
        let mut complete = false;
        for line in lines.by_ref() {
            if line.is_empty() {
                complete = true;
                break;
            }
            if let Some((name, value)) = line.split_once(':') {
                headers.push((name.trim().to_owned(), value.trim().to_owned()));
            }
        }
        if complete {
            let cseq = headers.iter().find(|(n, _)| n.eq_ignore_ascii_case("cseq"));
            let method = cseq.and_then(|(_, v)| v.split(' ').nth(1)).unwrap_or_default().to_owned();
            let start_line = start_line.clone();
            entries.push(Entry { transport, from, start_line, method, headers });
        }
    }
    entries
}

fn flow(line: &str) -> Option<(String, String)> {
    let (transport, rest) = line.split_once(' ')?;
    let (from, _) = rest.split_once(" -> ")?;
    let known = matches!(transport, "UDP" | "TCP" | "TLS");
    known.then(|| (transport.to_owned(), from.to_owned()))
}

#[test]
fn a_printed_trace_becomes_messages() {
    let text = "baresip is ready.\n#\nUDP 127.0.0.1:1 -> 127.0.0.1:2\nACK sip:b@h SIP/2.0\n\
                CSeq: 7 ACK\nRoute: <sip:x;lr>\n\nnoise\nUDP 127.0.0.1:2 -> 127.0.0.1:1\n\
                SIP/2.0 200 Fine\nCSeq: 8 BYE\n\nTCP 127.0.0.1:1 -> 127.0.0.1:2\nBYE sip:b SIP/2.0";
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let entries = read(&lines);
    assert_eq!(entries.len(), 2, "{entries:?}");
    assert!(entries[0].is_request("ACK") && entries[0].header("route") == Some("<sip:x;lr>"));
    assert!(entries[1].is_reply("BYE", 200) && entries[1].from == "127.0.0.1:2");
}
