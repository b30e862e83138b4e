//! CSeq (RFC 3261 20.16, 8.1.1.5).

use super::write::{put_number, put_token};
use super::{At, Value};
use crate::lex::{self, class, skip_lws};
use crate::{Fault, Method};
use bytes::{BufMut, BytesMut};

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
    /// A value to write.
    pub fn new(number: u32, method_name: &'a [u8]) -> CSeq<'a> {
        CSeq { number, method: Method::from_name(method_name), method_name }
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
        Ok(CSeq::new(number, s.get(at..end).unwrap_or_default()))
    }
}

public_face!(CSeq: CSeq);

impl<'a> Value<'a> for CSeq<'a> {
    fn parse_member(s: &'a [u8], at: usize, _: u32) -> At<(CSeq<'a>, usize)> {
        let text = s.get(at..).unwrap_or_default();
        let cseq = CSeq::parse_whole(text).map_err(|(fault, from)| (fault, at + from))?;
        Ok((cseq, s.len()))
    }

    fn put(&self, out: &mut BytesMut) {
        put_number(out, self.number);
        out.put_u8(b' ');
        put_token(out, self.method_name);
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
        assert_eq!(c.to_string(), "9 INVITE");
        let fault = |s| CSeq::parse(s).map_err(|e| e.fault);
        assert_eq!(fault(b"36893488147419103232 REGISTER"), Err(Fault::Number));
        for bad in [&b"1"[..], b"INVITE", b"1INVITE", b"1 IN VITE", b"-1 ACK", b""] {
            assert_eq!(fault(bad), Err(Fault::Syntax), "{}", String::from_utf8_lossy(bad));
        }
    }
}
