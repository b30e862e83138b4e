//! P-Asserted-Service and P-Preferred-Service (RFC 6050 4.1, 4.2): URNs of services.

use super::{At, Value, grammar};
use crate::lex::{class, is};
use crate::{Fault, Scheme, Uri, uri};
use bytes::BytesMut;

/// One value of such a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ServiceId<'a> {
    /// The URN, such as `urn:urn-7:3gpp-service.ims.icsi.mmtel`.
    pub urn: &'a [u8],
}

public_face!(ServiceId: Other);

impl<'a> Value<'a> for ServiceId<'a> {
    fn parse_member(s: &'a [u8], at: usize, _: u32) -> At<(ServiceId<'a>, usize)> {
        grammar::present(s, at)?;
        let end = uri::bare_end(s, at);
        let urn = s.get(at..end).unwrap_or_default();
        let parsed = Uri::parse(urn).map_err(|e| (Fault::Uri, at + e.offset as usize))?;
        if parsed.scheme != Scheme::Urn {
            return Err((Fault::Uri, at));
        }
        Ok((ServiceId { urn }, grammar::ending(s, end)?))
    }

    fn put(&self, out: &mut BytesMut) {
        let fits = |b: u8| is(b, class::URI) && !matches!(b, b';' | b',');
        out.extend(self.urn.iter().map(|b| if fits(*b) { *b } else { b'_' }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_urns() {
        let text = b"urn:urn-7:3gpp-service.exampletelephony.version1";
        assert_eq!(ServiceId::parse(text).unwrap().to_string().as_bytes(), text);
        assert_eq!(ServiceId { urn: b"urn:a,b\r\n" }.to_string(), "urn:a_b__");
        for (s, fault, offset) in [
            (&b""[..], Fault::Empty, 0),
            (b"sip:a@b", Fault::Uri, 0),
            (b"urn:", Fault::Uri, 4),
            (b"urn:x y", Fault::Syntax, 6),
            (b"urn:x;y=1", Fault::Syntax, 5),
        ] {
            let e = ServiceId::parse(s).unwrap_err();
            assert_eq!((e.fault, e.offset), (fault, offset), "{}", String::from_utf8_lossy(s));
        }
    }
}
