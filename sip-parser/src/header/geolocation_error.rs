//! Geolocation-Error (RFC 6442 4.3): why a location was of no use.

use super::quoted::QuotedText;
use super::write::{put_number, put_params};
use super::{At, Value, grammar};
use crate::{Fault, Params};
use bytes::BytesMut;

/// The value of a Geolocation-Error header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GeolocationError<'a> {
    /// At most three digits, such as 100.
    pub code: u16,
    /// Parameters.
    pub params: Params<'a>,
}

impl<'a> GeolocationError<'a> {
    /// The text for humans (`code`).
    pub fn text(&self) -> Option<QuotedText<'a>> {
        self.params.value(b"code").map(QuotedText::new)
    }
}

public_face!(GeolocationError: GeolocationError);

impl<'a> Value<'a> for GeolocationError<'a> {
    fn parse_member(s: &'a [u8], at: usize, _: u32) -> At<(GeolocationError<'a>, usize)> {
        let (code, end) = grammar::number(s, at)?;
        let code = u16::try_from(code).ok().filter(|code| *code <= 999 && end <= at + 3);
        let code = code.ok_or((Fault::Number, at))?;
        let (params, end) = grammar::params(s, end)?;
        Ok((GeolocationError { code, params }, end))
    }

    fn put(&self, out: &mut BytesMut) {
        put_number(out, self.code.min(999));
        put_params(out, self.params);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_come_with_a_text() {
        let text = b"300;code=\"Permission To Use Location Information\"";
        let g = GeolocationError::parse(text).unwrap();
        assert_eq!(g.text().unwrap().inside(), b"Permission To Use Location Information");
        assert_eq!(g.to_string().as_bytes(), text);
        for (s, fault, offset) in [
            (&b""[..], Fault::Empty, 0),
            (b"1000", Fault::Number, 0),
            (b"0100", Fault::Number, 0),
            (b"x", Fault::Number, 0),
            (b"100 \"x\"", Fault::Syntax, 4),
        ] {
            let e = GeolocationError::parse(s).unwrap_err();
            assert_eq!((e.fault, e.offset), (fault, offset), "{}", String::from_utf8_lossy(s));
        }
    }
}
