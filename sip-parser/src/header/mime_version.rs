//! MIME-Version (RFC 3261 20.24).

use super::write::put_number;
use super::{At, Value, grammar};
use crate::lex::peek;
use crate::{Fault, HeaderError, HeaderId};
use bytes::{BufMut, BytesMut};
use core::fmt;

/// The value of a MIME-Version header, normally 1.0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MimeVersion {
    /// What stands before the point.
    pub major: u32,
    /// What stands behind it.
    pub minor: u32,
}

impl MimeVersion {
    /// Parses `s`, which must be one version and nothing else.
    pub fn parse(s: &[u8]) -> Result<MimeVersion, HeaderError> {
        super::parse_alone(s, HeaderId::MimeVersion)
    }

    /// Appends the version.
    pub fn write(&self, out: &mut BytesMut) {
        self.put(out);
    }
}

impl fmt::Display for MimeVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl Value<'_> for MimeVersion {
    fn parse_member(s: &[u8], at: usize, _: u32) -> At<(MimeVersion, usize)> {
        let (major, point) = grammar::number(s, at)?;
        if peek(s, point) != b'.' {
            return Err((Fault::Syntax, point));
        }
        let (minor, end) = grammar::number(s, point + 1)?;
        Ok((MimeVersion { major, minor }, grammar::ending(s, end)?))
    }

    fn put(&self, out: &mut BytesMut) {
        put_number(out, self.major);
        out.put_u8(b'.');
        put_number(out, self.minor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_have_two_numbers() {
        assert_eq!(MimeVersion::parse(b"1.0"), Ok(MimeVersion { major: 1, minor: 0 }));
        assert_eq!(MimeVersion { major: 1, minor: 0 }.to_string(), "1.0");
        for (s, fault, offset) in [
            (&b""[..], Fault::Empty, 0),
            (b"1", Fault::Syntax, 1),
            (b"1.", Fault::Empty, 2),
            (b"1.x", Fault::Number, 2),
            (b"1.0.0", Fault::Syntax, 3),
        ] {
            let e = MimeVersion::parse(s).unwrap_err();
            assert_eq!((e.fault, e.offset), (fault, offset), "{}", String::from_utf8_lossy(s));
        }
    }
}
