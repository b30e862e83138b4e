//! RAck (RFC 3262 7.2): which reliable provisional response is acknowledged.

use super::write::{put_number, put_token};
use super::{At, Value, grammar};
use crate::lex::skip_lws;
use crate::{Fault, Method};
use bytes::{BufMut, BytesMut};

/// The value of a RAck header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RAck<'a> {
    /// The RSeq of the response.
    pub response: u32,
    /// The number in the CSeq of the response.
    pub cseq: u32,
    /// The method in the CSeq of the response.
    pub method: Method,
    /// That method as received.
    pub method_name: &'a [u8],
}

impl<'a> RAck<'a> {
    /// A value to write.
    pub fn new(response: u32, cseq: u32, method_name: &'a [u8]) -> RAck<'a> {
        RAck { response, cseq, method: Method::from_name(method_name), method_name }
    }
}

public_face!(RAck: RAck);

/// The number at `at` and the offset behind the white space that must follow.
fn spaced_number(s: &[u8], at: usize) -> At<(u32, usize)> {
    let (number, end) = grammar::number(s, at)?;
    let next = skip_lws(s, end);
    if next == end { Err((Fault::Syntax, end)) } else { Ok((number, next)) }
}

impl<'a> Value<'a> for RAck<'a> {
    fn parse_member(s: &'a [u8], at: usize, _: u32) -> At<(RAck<'a>, usize)> {
        let (response, at) = spaced_number(s, at)?;
        let (cseq, at) = spaced_number(s, at)?;
        let (method, end) = grammar::run(s, at, grammar::token)?;
        Ok((RAck::new(response, cseq, method), grammar::ending(s, end)?))
    }

    fn put(&self, out: &mut BytesMut) {
        put_number(out, self.response);
        out.put_u8(b' ');
        put_number(out, self.cseq);
        out.put_u8(b' ');
        put_token(out, self.method_name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_response_and_its_request_are_named() {
        let r = RAck::parse(b"776656 1\r\n INVITE").unwrap();
        assert_eq!((r.response, r.cseq, r.method), (776_656, 1, Method::Invite));
        assert_eq!(r.to_string(), "776656 1 INVITE");
    }

    #[test]
    fn malformed_values_say_where() {
        for (s, fault, offset) in [
            (&b""[..], Fault::Empty, 0),
            (b"INVITE", Fault::Number, 0),
            (b"1", Fault::Syntax, 1),
            (b"1 INVITE", Fault::Number, 2),
            (b"1 4294967296 INVITE", Fault::Number, 2),
            (b"1 2INVITE", Fault::Syntax, 3),
            (b"1 2 ", Fault::Syntax, 4),
            (b"1 2 INVITE x", Fault::Syntax, 11),
        ] {
            let e = RAck::parse(s).unwrap_err();
            assert_eq!((e.fault, e.offset), (fault, offset), "{}", String::from_utf8_lossy(s));
        }
    }
}
