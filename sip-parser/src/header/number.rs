//! Headers that are one decimal number: Max-Forwards (RFC 3261 20.22), Expires (20.19), Min-Expires
//! (20.23), Content-Length (20.14), RSeq (RFC 3262 7.1), Flow-Timer (RFC 5626 11.4), Max-Breadth
//! (RFC 5393 5.3.3).

use super::write::put_number;
use super::{At, Value, grammar};
use crate::{Fault, HeaderError, HeaderId};
use bytes::BytesMut;
use core::fmt;

/// A number alone in its header; seconds, hops, bytes or a sequence number, as the header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Number(pub u32);

impl Number {
    /// Parses `s`, which must be one number that fits 32 bits and nothing else.
    pub fn parse(s: &[u8]) -> Result<Number, HeaderError> {
        super::parse_alone(s, HeaderId::Other)
    }

    /// Appends the number.
    pub fn write(&self, out: &mut BytesMut) {
        self.put(out);
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Value<'_> for Number {
    fn parse_member(s: &[u8], at: usize, _: u32) -> At<(Number, usize)> {
        let (number, end) = grammar::number(s, at)?;
        Ok((Number(number), grammar::ending(s, end)?))
    }

    fn put(&self, out: &mut BytesMut) {
        put_number(out, self.0);
    }
}

/// A number of hops, at most 255 (RFC 3261 20.22).
pub(crate) struct Hops(u32);

impl Value<'_> for Hops {
    fn parse_member(s: &[u8], at: usize, base: u32) -> At<(Hops, usize)> {
        let (Number(hops), end) = Number::parse_member(s, at, base)?;
        if hops > 255 { Err((Fault::Number, at)) } else { Ok((Hops(hops), end)) }
    }

    fn put(&self, out: &mut BytesMut) {
        put_number(out, self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_whole_or_not_at_all() {
        assert_eq!(Number::parse(b"0070 "), Ok(Number(70)));
        assert_eq!(Number(70).to_string(), "70");
        for (s, fault, offset) in [
            (&b""[..], Fault::Empty, 0),
            (b"soon", Fault::Number, 0),
            (b"4294967296", Fault::Number, 0),
            (b"1 2", Fault::Syntax, 2),
            (b"1, 2", Fault::Syntax, 1),
        ] {
            let e = Number::parse(s).unwrap_err();
            assert_eq!((e.fault, e.offset), (fault, offset), "{}", String::from_utf8_lossy(s));
        }
    }
}
