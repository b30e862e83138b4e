//! Server and User-Agent (RFC 3261 20.35, 20.41): what software the sender runs. Owns telling
//! products from comments. Any text is taken, since many agents name themselves as they like.

use super::retry_after::comment_end;
use super::write::put_text;
use super::{At, Value};
use crate::Fault;
use crate::lex::{self, class, peek, skip_lws};
use bytes::BytesMut;

/// The value of a Server or User-Agent header, folds as received; not empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agent<'a>(pub &'a [u8]);

/// One part of such a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentPart<'a> {
    /// A product with or without a version: `name/version`.
    Product {
        /// Its name.
        name: &'a [u8],
        /// Its version.
        version: Option<&'a [u8]>,
    },
    /// A comment, with its parentheses.
    Comment(&'a [u8]),
    /// What is neither.
    Other(&'a [u8]),
}

impl<'a> Agent<'a> {
    /// The products and comments in order.
    pub fn parts(&self) -> impl Iterator<Item = AgentPart<'a>> + use<'a> {
        let (s, mut at) = (self.0, 0);
        core::iter::from_fn(move || {
            let from = skip_lws(s, at);
            if from >= s.len() {
                return None;
            }
            let (part, end) = part(s, from);
            at = end;
            Some(part)
        })
    }
}

/// The part at `from` and the offset behind it, which is never `from` itself.
fn part(s: &[u8], from: usize) -> (AgentPart<'_>, usize) {
    let text = |end: usize| s.get(from..end).unwrap_or_default();
    if peek(s, from) == b'(' {
        return match comment_end(s, from) {
            Ok(end) => (AgentPart::Comment(text(end)), end),
            Err(_) => (AgentPart::Other(text(s.len())), s.len()),
        };
    }
    let mut end = from;
    while end < s.len() && s[end] != b'(' && !lex::is(s[end], class::LWS) {
        end += 1;
    }
    let word = text(end);
    let name_end = lex::span(word, 0, class::TOKEN);
    let name = word.get(..name_end).unwrap_or_default();
    let version = word.get(name_end..).unwrap_or_default();
    let part = match version {
        _ if name.is_empty() => AgentPart::Other(word),
        [] => AgentPart::Product { name, version: None },
        [b'/', version @ ..] if lex::all(version, class::TOKEN) => {
            AgentPart::Product { name, version: Some(version) }
        }
        _ => AgentPart::Other(word),
    };
    (part, end)
}

public_face!(Agent: Other);

impl<'a> Value<'a> for Agent<'a> {
    fn parse_member(s: &'a [u8], at: usize, _: u32) -> At<(Agent<'a>, usize)> {
        let text = lex::trim_end(s.get(at..).unwrap_or_default());
        let blank = text.iter().all(|b| *b == 0 || lex::is(*b, class::LWS));
        if blank { Err((Fault::Empty, at)) } else { Ok((Agent(text), s.len())) }
    }

    fn put(&self, out: &mut BytesMut) {
        put_text(out, self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_and_comments_are_told_apart() {
        let agent =
            Agent::parse(b"FPBX-16.0.33(18.9.0) snom300/8.4 <odd> a/b/c (x (y)\r\n z) (open")
                .unwrap();
        let product = |name, version| AgentPart::Product { name, version };
        let parts: Vec<_> = agent.parts().collect();
        assert_eq!(
            parts,
            [
                product(b"FPBX-16.0.33", None),
                AgentPart::Comment(b"(18.9.0)"),
                product(b"snom300", Some(b"8.4")),
                AgentPart::Other(b"<odd>"),
                AgentPart::Other(b"a/b/c"),
                AgentPart::Comment(b"(x (y)\r\n z)"),
                AgentPart::Other(b"(open"),
            ]
        );
        assert_eq!(Agent::parse(b" ").unwrap_err().fault, Fault::Empty);
        assert_eq!(Agent(b"A/1\r\n (b)").to_string(), "A/1 (b)");
    }
}
