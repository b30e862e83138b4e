//! Reason (RFC 3326 2): why a request was sent, or a call cleared.

use super::quoted::QuotedText;
use super::write::{put_params, put_token};
use super::{At, Value, grammar};
use crate::{Params, lex};
use bytes::BytesMut;

/// One value of a Reason header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason<'a> {
    /// Whose causes are meant, such as `SIP` or `Q.850`; compared without case.
    pub protocol: &'a [u8],
    /// Parameters.
    pub params: Params<'a>,
}

impl<'a> Reason<'a> {
    /// The cause: a status code for SIP, a cause value for Q.850.
    pub fn cause(&self) -> Option<u32> {
        self.params.value(b"cause").and_then(lex::number)
    }

    /// The text for humans.
    pub fn text(&self) -> Option<QuotedText<'a>> {
        self.params.value(b"text").map(QuotedText::new)
    }
}

public_face!(Reason: Reason);

impl<'a> Value<'a> for Reason<'a> {
    fn parse_member(s: &'a [u8], at: usize, _: u32) -> At<(Reason<'a>, usize)> {
        let (protocol, params, end) = grammar::token_and_params(s, at)?;
        Ok((Reason { protocol, params }, end))
    }

    fn put(&self, out: &mut BytesMut) {
        put_token(out, self.protocol);
        put_params(out, self.params);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fault;

    #[test]
    fn causes_and_texts_are_read() {
        let text = b"SIP ;cause=200 ;text=\"Call completed elsewhere\" , Q.850;cause=16";
        let (sip, end) = Reason::parse_member(text, 0, 0).unwrap();
        assert_eq!((sip.protocol, sip.cause(), text[end]), (&b"SIP"[..], Some(200), b','));
        assert_eq!(sip.text().unwrap().inside(), b"Call completed elsewhere");
        assert_eq!(sip.to_string(), "SIP;cause=200;text=\"Call completed elsewhere\"");
        let (q850, _) = Reason::parse_member(text, end + 2, 0).unwrap();
        assert_eq!((q850.protocol, q850.cause()), (&b"Q.850"[..], Some(16)));
        for (s, fault, offset) in [
            (&b""[..], Fault::Empty, 0),
            (b";cause=1", Fault::Syntax, 0),
            (b"SIP;text=\"open", Fault::Quote, 9),
            (b"SIP cause=1", Fault::Syntax, 4),
        ] {
            let e = Reason::parse(s).unwrap_err();
            assert_eq!((e.fault, e.offset), (fault, offset), "{}", String::from_utf8_lossy(s));
        }
    }
}
