//! CSeq (RFC 3261 20.16, 8.1.1.5).

use super::At;
use crate::lex::{self, class, skip_lws};
use crate::{Fault, Method};

/// The value of a CSeq header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CSeq<'a> {
    /// The sequence number. RFC 3261 8.1.1.5 asks senders to stay below 2^31; here any 32-bit
    /// number is taken, and none is ever cut to fit.
    pub number: u32,
    /// The method.
    pub method: Method,
    /// The method as received.
    pub method_name: &'a [u8],
}

impl<'a> CSeq<'a> {
    /// Parses `s`, which must be one value and nothing else.
    pub fn parse(s: &'a [u8]) -> Result<CSeq<'a>, Fault> {
        CSeq::parse_whole(s).map_err(|(fault, _)| fault)
    }

    pub(crate) fn parse_whole(s: &'a [u8]) -> At<CSeq<'a>> {
        let digits_end = lex::span(s, 0, class::DIGIT);
        let digits = s.get(..digits_end).unwrap_or_default();
        let at = skip_lws(s, digits_end);
        let end = lex::span(s, at, class::TOKEN);
        if digits.is_empty() || at == digits_end || end == at || end < s.len() {
            return Err((Fault::Syntax, if digits.is_empty() { 0 } else { end }));
        }
        let number = lex::number(digits).ok_or((Fault::Number, 0))?;
        let method_name = s.get(at..end).unwrap_or_default();
        Ok(CSeq { number, method: Method::from_name(method_name), method_name })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_leading_zeros_and_folds_but_never_wrap() {
        let c = CSeq::parse(b"0009\r\n  INVITE").unwrap();
        assert_eq!((c.number, c.method), (9, Method::Invite));
        assert_eq!(CSeq::parse(b"4294967295 FOO").unwrap().method_name, b"FOO");
        assert_eq!(CSeq::parse(b"36893488147419103232 REGISTER"), Err(Fault::Number));
        for bad in [&b"1"[..], b"INVITE", b"1INVITE", b"1 IN VITE", b"-1 ACK", b""] {
            assert_eq!(CSeq::parse(bad), Err(Fault::Syntax), "{}", String::from_utf8_lossy(bad));
        }
    }
}
