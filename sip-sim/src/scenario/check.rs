//! Which message an EXPECT means, and what it demands of it.

use sip_parser::Message;

use super::parse::Words;

/// Which message is meant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Pattern {
    /// A request with this method.
    Request(String),
    /// A response of this status, or of this class (`4xx`), to this method if one is given.
    Response { from: u16, to: u16, method: Option<String> },
    /// Any message.
    Any,
}

impl Pattern {
    pub(super) fn parse(words: &mut Words<'_>) -> Result<Self, String> {
        let word = words.next().ok_or("a method or a status is missing")?;
        if word == "any" {
            return Ok(Self::Any);
        }
        if !word.starts_with(|c: char| c.is_ascii_digit()) {
            return Ok(Self::Request(word.to_string()));
        }
        let (status, method) = match word.split_once('/') {
            Some((status, method)) => (status, Some(method.to_string())),
            None => (word, None),
        };
        let class = status.strip_suffix("xx").and_then(|c| c.parse::<u16>().ok());
        let (from, to) = match (class, status.parse::<u16>()) {
            (Some(class @ 1..=6), _) => (class * 100, class * 100 + 99),
            (None, Ok(status @ 100..=699)) => (status, status),
            _ => return Err(format!("{status} is no status")),
        };
        Ok(Self::Response { from, to, method })
    }

    pub(super) fn matches(&self, msg: &Message) -> bool {
        match self {
            Self::Any => true,
            Self::Request(method) => msg.is_request() && msg.method_name() == method.as_bytes(),
            Self::Response { from, to, method } => {
                let cseq = msg.cseq().map(|c| c.method_name.to_vec()).unwrap_or_default();
                msg.status().is_some_and(|status| (*from..=*to).contains(&status))
                    && method.as_ref().is_none_or(|m| m.as_bytes() == cseq)
            }
        }
    }
}

/// What is demanded of a message; the texts are templates until they are checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Check {
    Start(String),
    Header { name: String, glob: String },
    Absent { name: String, glob: Option<String> },
    Count { name: String, count: usize },
    Body(String),
}

impl Check {
    /// Reads one line of an EXPECT block; `None` for an empty line or a comment.
    pub(super) fn parse(line: &str) -> Result<Option<Self>, String> {
        let line = line.trim();
        if line.is_empty() || line.starts_with("# ") {
            return Ok(None);
        }
        if let Some(start) = line.strip_prefix("= ") {
            return Ok(Some(Self::Start(start.trim().to_string())));
        }
        if let Some(rest) = line.strip_prefix('!') {
            let (name, glob) = match rest.split_once(':') {
                Some((name, glob)) => (name, Some(glob.trim().to_string())),
                None => (rest, None),
            };
            return Ok(Some(Self::Absent { name: name.trim().to_string(), glob }));
        }
        if let Some((name, count)) = line.split_once('#')
            && !name.contains(':')
        {
            let count = count.trim().parse().map_err(|_| "a count is missing after #")?;
            return Ok(Some(Self::Count { name: name.trim().to_string(), count }));
        }
        let (name, glob) = line.split_once(':').ok_or("it goes: Header: what it looks like")?;
        let (name, glob) = (name.trim().to_string(), glob.trim().to_string());
        Ok(Some(if name == "BODY" { Self::Body(glob) } else { Self::Header { name, glob } }))
    }

    /// Looks whether `msg` is as demanded; `fill` replaces the variables. Says what is not.
    pub(super) fn look(
        &self,
        msg: &Message,
        mut fill: impl FnMut(&str) -> Result<String, String>,
    ) -> Result<(), String> {
        match self {
            Self::Start(glob) => {
                let glob = fill(glob)?;
                let end = msg.start_line_end() as usize;
                let line = text(msg.bytes().get(..end).unwrap_or_default());
                let line = line.trim();
                demand(matches(&glob, line), || format!("the start line is {line}"))
            }
            Self::Header { name, glob } => {
                let glob = fill(glob)?;
                let values = values(msg, name);
                demand(values.iter().any(|value| matches(&glob, value)), || {
                    format!("no {name} matches {glob}; there are {values:?}")
                })
            }
            Self::Absent { name, glob } => {
                let glob = glob.as_deref().map_or(Ok("*".into()), &mut fill)?;
                let values = values(msg, name);
                let found = values.iter().find(|value| matches(&glob, value));
                demand(found.is_none(), || format!("there is {name}: {values:?}"))
            }
            Self::Count { name, count } => {
                let values = values(msg, name);
                demand(values.len() == *count, || {
                    format!("there are {} {name}: {values:?}", values.len())
                })
            }
            Self::Body(glob) => {
                let glob = fill(glob)?;
                let body = text(msg.body());
                demand(matches(&glob, &body), || format!("the body is {body:?}"))
            }
        }
    }
}

fn demand(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

fn values(msg: &Message, name: &str) -> Vec<String> {
    msg.headers_named(name.as_bytes()).map(|header| text(header.value)).collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Whether `text` matches `glob`, in which `*` stands for any text, none included.
fn matches(glob: &str, text: &str) -> bool {
    let mut parts = glob.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        for (glob, text, expected) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("a*", "ab", true),
            ("*b", "ab", true),
            ("*;lr>*", "<sip:x;lr>", true),
            ("<*>;tag=*", "<sip:x>;tag=1", true),
            ("a*a", "a", false),
            ("*a*b*", "bab", true),
            ("*a*b*", "ba", false),
        ] {
            assert_eq!(matches(glob, text), expected, "{glob} and {text}");
        }
    }
}
