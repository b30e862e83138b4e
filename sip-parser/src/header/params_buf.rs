//! Parameters that are being put together. Owns quoting them as they are added.

use super::quoted::put_plain_quoted;
use super::write::{put_param, put_token};
use crate::Params;
use bytes::{BufMut, BytesMut};

/// A list of `;name=value` parameters to write a header with; [`ParamsBuf::params`] is what the
/// fields of header values take. Names that are no tokens have their odd bytes replaced by `_`.
///
/// ```
/// use sip_parser::{NameAddr, ParamsBuf};
///
/// let params = ParamsBuf::new().value("tag", b"1a2b").flag("lr").text("note", b"say \"hi\"");
/// let to = NameAddr::new(Some(b"Bob, B."), b"sip:bob@b.example", params.params());
/// assert_eq!(
///     to.to_string(),
///     r#""Bob, B." <sip:bob@b.example>;tag=1a2b;lr;note="say \"hi\"""#
/// );
/// ```
#[derive(Clone, Debug, Default)]
pub struct ParamsBuf {
    raw: BytesMut,
}

impl ParamsBuf {
    /// No parameters.
    pub fn new() -> ParamsBuf {
        ParamsBuf::default()
    }

    /// Adds a parameter without a value, such as `lr`.
    pub fn flag(mut self, name: &str) -> ParamsBuf {
        put_param(&mut self.raw, name.as_bytes(), None);
        self
    }

    /// Adds a parameter. A value that is a quoted string already, or can stand without quotes,
    /// stays as it is; any other is quoted.
    pub fn value(mut self, name: &str, value: &[u8]) -> ParamsBuf {
        put_param(&mut self.raw, name.as_bytes(), Some(value));
        self
    }

    /// Adds a parameter whose value is this text, always quoted.
    pub fn text(mut self, name: &str, text: &[u8]) -> ParamsBuf {
        self.raw.put_u8(b';');
        put_token(&mut self.raw, name.as_bytes());
        self.raw.put_u8(b'=');
        put_plain_quoted(&mut self.raw, text);
        self
    }

    /// Adds a parameter whose value is a number.
    pub fn number(self, name: &str, number: u64) -> ParamsBuf {
        self.value(name, number.to_string().as_bytes())
    }

    /// The parameters, as header values hold them.
    pub fn params(&self) -> Params<'_> {
        Params::new(&self.raw)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_back_as_they_were_added() {
        let buf = ParamsBuf::new().flag("a b").value("v", b"x;y").number("n", 7).text("t", b"1");
        assert_eq!(buf.params().raw(), br#";a_b;v="x;y";n=7;t="1""#);
        let all: Vec<_> = buf.params().iter().collect();
        assert_eq!(all.len(), 4);
        assert_eq!(buf.params().value(b"n"), Some(&b"7"[..]));
    }
}
