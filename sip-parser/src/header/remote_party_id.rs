//! Remote-Party-ID (draft-ietf-sip-privacy-04): who calls or is called, as a trusted network says.

use super::{At, Value};
use crate::{NameAddr, Span};
use bytes::BytesMut;

/// One value of a Remote-Party-ID header.
#[derive(Clone, Copy, Debug)]
pub struct RemotePartyId<'a> {
    /// The party, with all parameters.
    pub addr: NameAddr<'a>,
}

impl<'a> RemotePartyId<'a> {
    /// `calling` or `called`.
    pub fn party(&self) -> Option<&'a [u8]> {
        self.addr.params.value(b"party")
    }

    /// `subscriber`, `user`, `alias`, `return` or `term`.
    pub fn id_type(&self) -> Option<&'a [u8]> {
        self.addr.params.value(b"id-type")
    }

    /// What is to be hidden: `full`, `name`, `uri` or `off`; without quotes.
    pub fn privacy(&self) -> Option<&'a [u8]> {
        self.addr.params.value(b"privacy").map(|v| super::quoted::QuotedText::new(v).inside())
    }

    /// Whether the network has verified the address: `screen=yes`.
    pub fn is_screened(&self) -> bool {
        self.addr.params.value(b"screen").is_some_and(|v| v.eq_ignore_ascii_case(b"yes"))
    }
}

public_face!(RemotePartyId: RemotePartyId);

impl<'a> Value<'a> for RemotePartyId<'a> {
    fn parse_member(s: &'a [u8], at: usize, base: u32) -> At<(RemotePartyId<'a>, usize)> {
        let (addr, end) = NameAddr::parse_member(s, at, base)?;
        Ok((RemotePartyId { addr }, end))
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
    fn parties_come_with_what_the_network_knows() {
        let text = b"\"John Doe\" <sip:jdoe@foo.com>;party=calling;id-type=subscriber;privacy=full;screen=Yes";
        let r = RemotePartyId::parse(text).unwrap();
        assert_eq!((r.party(), r.id_type()), (Some(&b"calling"[..]), Some(&b"subscriber"[..])));
        assert!(r.is_screened());
        assert_eq!(r.privacy(), Some(&b"full"[..]));
        assert_eq!(r.to_string().as_bytes(), text);
        assert!(!RemotePartyId::parse(b"<sip:a>;screen=no").unwrap().is_screened());
        assert_eq!(RemotePartyId::parse(b"\"John <sip:a>").unwrap_err().offset, 0);
    }
}
