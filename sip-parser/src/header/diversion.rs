//! Diversion (RFC 5806): who redirected the call and why.

use super::quoted::QuotedText;
use super::{At, Value};
use crate::{NameAddr, Span, lex};
use bytes::BytesMut;

/// One value of a Diversion header, the latest first.
#[derive(Clone, Copy, Debug)]
pub struct Diversion<'a> {
    /// Who diverted, with all parameters.
    pub addr: NameAddr<'a>,
}

impl<'a> Diversion<'a> {
    /// Why, such as `no-answer` or `unconditional`, without quotes: some write
    /// `reason="unconditional"`.
    pub fn reason(&self) -> Option<&'a [u8]> {
        self.text(b"reason")
    }

    /// How many diversions this value stands for; 1 when it does not say, None when it says no
    /// number.
    pub fn counter(&self) -> Option<u32> {
        match self.addr.params.get(b"counter") {
            None => Some(1),
            Some(counter) => counter.and_then(lex::number),
        }
    }

    /// How many diversions are allowed.
    pub fn limit(&self) -> Option<u32> {
        self.addr.params.value(b"limit").and_then(lex::number)
    }

    /// `full`, `name`, `uri` or `off`.
    pub fn privacy(&self) -> Option<&'a [u8]> {
        self.text(b"privacy")
    }

    /// `yes` or `no`: whether the address was verified.
    pub fn screen(&self) -> Option<&'a [u8]> {
        self.text(b"screen")
    }

    fn text(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.addr.params.value(name).map(|v| QuotedText::new(v).inside())
    }
}

public_face!(Diversion: Diversion);

impl<'a> Value<'a> for Diversion<'a> {
    fn parse_member(s: &'a [u8], at: usize, base: u32) -> At<(Diversion<'a>, usize)> {
        let (addr, end) = NameAddr::parse_member(s, at, base)?;
        Ok((Diversion { addr }, end))
    }

    fn put(&self, out: &mut BytesMut) {
        self.addr.put(out);
    }

    fn uri(&self) -> Option<(&'a [u8], Span)> {
        self.addr.uri()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fault;

    #[test]
    fn reasons_and_counters_are_read_quoted_or_not() {
        let text =
            b"<sip:+19195551002@a.example>;reason=\"user-busy\";counter=2;privacy=off;screen=yes";
        let d = Diversion::parse(text).unwrap();
        assert_eq!((d.reason(), d.counter(), d.limit()), (Some(&b"user-busy"[..]), Some(2), None));
        assert_eq!((d.privacy(), d.screen()), (Some(&b"off"[..]), Some(&b"yes"[..])));
        assert_eq!(d.to_string().as_bytes(), text);
        let plain = Diversion::parse(b"Bob <sip:b>;reason=no-answer;limit=5").unwrap();
        assert_eq!((plain.reason(), plain.counter()), (Some(&b"no-answer"[..]), Some(1)));
        assert_eq!(plain.limit(), Some(5));
        assert_eq!(Diversion::parse(b"<sip:b>;counter=x").unwrap().counter(), None);
        let e = Diversion::parse(b"<sip:b>;reason=").unwrap_err();
        assert_eq!((e.fault, e.offset), (Fault::Parameter, 15));
    }
}
