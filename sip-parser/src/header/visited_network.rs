//! P-Visited-Network-ID (RFC 7315 4.3): the networks that a registration passed.

use super::quoted::QuotedText;
use super::write::{put_params, put_token_or_quoted};
use super::{At, Value, grammar};
use crate::Params;
use bytes::BytesMut;

/// One value of a P-Visited-Network-ID header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VisitedNetwork<'a> {
    /// The network: a token, or a quoted string with its quotes.
    pub id: &'a [u8],
    /// Parameters.
    pub params: Params<'a>,
}

impl<'a> VisitedNetwork<'a> {
    /// The network without quotes.
    pub fn text(&self) -> QuotedText<'a> {
        QuotedText::new(self.id)
    }
}

public_face!(VisitedNetwork: PVisitedNetworkId);

impl<'a> Value<'a> for VisitedNetwork<'a> {
    fn parse_member(s: &'a [u8], at: usize, _: u32) -> At<(VisitedNetwork<'a>, usize)> {
        let (id, params, end) = grammar::text_and_params(s, at)?;
        Ok((VisitedNetwork { id, params }, end))
    }

    fn put(&self, out: &mut BytesMut) {
        put_token_or_quoted(out, self.id);
        put_params(out, self.params);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_tokens_or_quoted() {
        let text = b"other.net, \"Visited network number 1\"";
        let (first, end) = VisitedNetwork::parse_member(text, 0, 0).unwrap();
        assert_eq!(first.text().inside(), b"other.net");
        let (second, _) = VisitedNetwork::parse_member(text, end + 2, 0).unwrap();
        assert_eq!(second.text().inside(), b"Visited network number 1");
        assert_eq!(second.to_string(), "\"Visited network number 1\"");
        let plain = VisitedNetwork { id: b"my net", params: Params::default() };
        assert_eq!(plain.to_string(), "\"my net\"");
        assert_eq!(VisitedNetwork::parse(b"a b").unwrap_err().offset, 2);
    }
}
