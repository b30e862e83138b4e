//! P-Charging-Vector and P-Charging-Function-Addresses (RFC 7315 4.6, 4.5): how a call is
//! accounted. Owns their common grammar: parameters without anything in front of them.

use super::quoted::QuotedText;
use super::write::{put_named, put_params};
use super::{At, Value, grammar};
use crate::lex::{self, class};
use crate::{Fault, Params};
use bytes::BytesMut;

/// `name=value;name=value`: the first parameter, and those behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct List<'a> {
    first: (&'a [u8], Option<&'a [u8]>),
    rest: Params<'a>,
}

impl<'a> List<'a> {
    fn iter(self) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> {
        core::iter::once(self.first).chain(self.rest)
    }

    fn texts(self, wanted: &str) -> impl Iterator<Item = &'a [u8]> {
        let named = move |name: &[u8]| name.eq_ignore_ascii_case(wanted.as_bytes());
        let values = self.iter().filter(move |(name, _)| named(name));
        values.filter_map(|(_, value)| value).map(|v| QuotedText::new(v).inside())
    }

    fn parse(s: &'a [u8], at: usize) -> At<(List<'a>, usize)> {
        grammar::present(s, at)?;
        let (name, end) = grammar::run(s, at, grammar::token)?;
        let mark = lex::skip_lws(s, end);
        if lex::peek(s, mark) != b'=' {
            let (rest, end) = grammar::params(s, end)?;
            return Ok((List { first: (name, None), rest }, end));
        }
        let from = lex::skip_lws(s, mark + 1);
        let end = match lex::peek(s, from) {
            b'"' => lex::quoted_end(s, from)?,
            _ => lex::span(s, from, class::VALUE),
        };
        if end == from {
            return Err((Fault::Parameter, from));
        }
        let value = s.get(from..end);
        let (rest, end) = grammar::params(s, end)?;
        Ok((List { first: (name, value), rest }, end))
    }

    fn put(self, out: &mut BytesMut) {
        put_named(out, self.first.0, self.first.1);
        put_params(out, self.rest);
    }
}

/// The value of a P-Charging-Vector header: what joins the records of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChargingVector<'a> {
    list: List<'a>,
}

impl<'a> ChargingVector<'a> {
    /// A value to write: this `icid-value` and other parameters.
    pub fn new(icid: &'a [u8], rest: Params<'a>) -> ChargingVector<'a> {
        ChargingVector { list: List { first: (b"icid-value", Some(icid)), rest } }
    }

    /// Each parameter in order: its name, and its value when it has one, a quoted value with its
    /// quotes.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> + use<'a> {
        self.list.iter()
    }

    /// The identity of the call (`icid-value`), without quotes.
    pub fn icid(&self) -> Option<&'a [u8]> {
        self.list.texts("icid-value").next()
    }

    /// The host that made the identity (`icid-generated-at`), without quotes.
    pub fn generated_at(&self) -> Option<&'a [u8]> {
        self.list.texts("icid-generated-at").next()
    }

    /// The network that the call comes from (`orig-ioi`), without quotes.
    pub fn orig_ioi(&self) -> Option<&'a [u8]> {
        self.list.texts("orig-ioi").next()
    }

    /// The network that the call goes to (`term-ioi`), without quotes.
    pub fn term_ioi(&self) -> Option<&'a [u8]> {
        self.list.texts("term-ioi").next()
    }
}

/// The value of a P-Charging-Function-Addresses header: where records are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChargingAddresses<'a> {
    list: List<'a>,
}

impl<'a> ChargingAddresses<'a> {
    /// A value to write: the first parameter, such as `ccf` with an address, and others.
    pub fn new(name: &'a [u8], value: &'a [u8], rest: Params<'a>) -> ChargingAddresses<'a> {
        ChargingAddresses { list: List { first: (name, Some(value)), rest } }
    }

    /// Each parameter in order: its name, and its value when it has one, a quoted value with its
    /// quotes.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> + use<'a> {
        self.list.iter()
    }

    /// The functions that collect records afterwards (`ccf`), the one to prefer first; without
    /// quotes.
    pub fn collection(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.list.texts("ccf")
    }

    /// The functions that account while the call lasts (`ecf`), the one to prefer first; without
    /// quotes.
    pub fn events(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.list.texts("ecf")
    }
}

public_face!(
    ChargingVector: PChargingVector,
    ChargingAddresses: PChargingFunctionAddresses,
);

impl<'a> Value<'a> for ChargingVector<'a> {
    fn parse_member(s: &'a [u8], at: usize, _: u32) -> At<(ChargingVector<'a>, usize)> {
        let (list, end) = List::parse(s, at)?;
        Ok((ChargingVector { list }, end))
    }

    fn put(&self, out: &mut BytesMut) {
        self.list.put(out);
    }
}

impl<'a> Value<'a> for ChargingAddresses<'a> {
    fn parse_member(s: &'a [u8], at: usize, _: u32) -> At<(ChargingAddresses<'a>, usize)> {
        let (list, end) = List::parse(s, at)?;
        Ok((ChargingAddresses { list }, end))
    }

    fn put(&self, out: &mut BytesMut) {
        self.list.put(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_named_for_their_records() {
        let text = b"icid-value=\"1234bc98;6e\"; icid-generated-at=192.0.6.8; orig-ioi=home1.net";
        let v = ChargingVector::parse(text).unwrap();
        assert_eq!(
            (v.icid(), v.generated_at()),
            (Some(&b"1234bc98;6e"[..]), Some(&b"192.0.6.8"[..]))
        );
        assert_eq!((v.orig_ioi(), v.term_ioi()), (Some(&b"home1.net"[..]), None));
        let plain = "icid-value=\"1234bc98;6e\";icid-generated-at=192.0.6.8;orig-ioi=home1.net";
        assert_eq!(v.to_string(), plain);
        let own = ChargingVector::new(b"a b", Params::new(b";orig-ioi=x"));
        assert_eq!(own.to_string(), "icid-value=\"a b\";orig-ioi=x");
    }

    #[test]
    fn addresses_may_be_repeated() {
        let text = b"ccf=192.0.8.1; ecf=192.0.8.3; CCF=[2001:db8::2]; x";
        let a = ChargingAddresses::parse(text).unwrap();
        assert_eq!(a.collection().collect::<Vec<_>>(), [&b"192.0.8.1"[..], b"[2001:db8::2]"]);
        assert_eq!((a.events().count(), a.iter().count()), (1, 4));
        assert_eq!(a.to_string(), "ccf=192.0.8.1;ecf=192.0.8.3;CCF=[2001:db8::2];x");
        for (s, fault, offset) in [
            (&b""[..], Fault::Empty, 0),
            (b"=1", Fault::Syntax, 0),
            (b"ccf=", Fault::Parameter, 4),
            (b"ccf=\"1", Fault::Quote, 4),
            (b"ccf=1 ecf=2", Fault::Syntax, 6),
            (b"ccf;;", Fault::Parameter, 4),
        ] {
            let e = ChargingAddresses::parse(s).unwrap_err();
            assert_eq!((e.fault, e.offset), (fault, offset), "{}", String::from_utf8_lossy(s));
        }
    }
}
