//! What REFER adds to addresses: Refer-Sub (RFC 4488 4) and Referred-By (RFC 3892 3). Refer-To
//! (RFC 3515 2.1) is an address and nothing more.

use super::write::put_params;
use super::{At, Value, grammar};
use crate::{Fault, NameAddr, Params, Span};
use bytes::{BufMut, BytesMut};

/// The value of a Refer-Sub header: whether REFER makes a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReferSub<'a> {
    /// Whether it does.
    pub subscribes: bool,
    /// Parameters.
    pub params: Params<'a>,
}

/// The value of a Referred-By header: who sent the REFER.
#[derive(Clone, Copy, Debug)]
pub struct ReferredBy<'a> {
    /// The address, with all parameters.
    pub addr: NameAddr<'a>,
}

impl<'a> ReferredBy<'a> {
    /// The Content-ID of the body part that proves it, without quotes.
    pub fn cid(&self) -> Option<&'a [u8]> {
        self.addr.params.value(b"cid").map(|v| super::quoted::QuotedText::new(v).inside())
    }
}

public_face!(ReferSub: ReferSub, ReferredBy: ReferredBy);

impl<'a> Value<'a> for ReferSub<'a> {
    fn parse_member(s: &'a [u8], at: usize, _: u32) -> At<(ReferSub<'a>, usize)> {
        let (word, params, end) = grammar::token_and_params(s, at)?;
        let subscribes = word.eq_ignore_ascii_case(b"true");
        if !subscribes && !word.eq_ignore_ascii_case(b"false") {
            return Err((Fault::Syntax, at));
        }
        Ok((ReferSub { subscribes, params }, end))
    }

    fn put(&self, out: &mut BytesMut) {
        out.put_slice(if self.subscribes { b"true" } else { b"false" });
        put_params(out, self.params);
    }
}

impl<'a> Value<'a> for ReferredBy<'a> {
    fn parse_member(s: &'a [u8], at: usize, base: u32) -> At<(ReferredBy<'a>, usize)> {
        let (addr, end) = NameAddr::parse_member(s, at, base)?;
        Ok((ReferredBy { addr }, end))
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

    #[test]
    fn a_refer_says_whether_it_subscribes() {
        assert_eq!(ReferSub::parse(b"False ; x=1").unwrap().to_string(), "false;x=1");
        assert!(ReferSub::parse(b"true").unwrap().subscribes);
        for (s, fault, offset) in
            [(&b""[..], Fault::Empty, 0), (b"yes", Fault::Syntax, 0), (b"true x", Fault::Syntax, 5)]
        {
            let e = ReferSub::parse(s).unwrap_err();
            assert_eq!((e.fault, e.offset), (fault, offset), "{}", String::from_utf8_lossy(s));
        }
    }

    #[test]
    fn who_refers_may_prove_it() {
        let text =
            b"<sip:referror@referror.example>;cid=\"20398823.2UWQFN309shb3@referror.example\"";
        let by = ReferredBy::parse(text).unwrap();
        assert_eq!(by.cid(), Some(&b"20398823.2UWQFN309shb3@referror.example"[..]));
        assert_eq!(by.to_string().as_bytes(), text);
    }
}
