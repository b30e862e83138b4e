//! User-to-User (RFC 7433 4.1): data of the callers that the network only carries.

use super::quoted::QuotedText;
use super::write::{put_params, put_token_or_quoted};
use super::{At, Value, grammar};
use crate::Params;
use bytes::BytesMut;

/// One value of a User-to-User header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserToUser<'a> {
    /// The data: a token, or a quoted string with its quotes.
    pub data: &'a [u8],
    /// Parameters.
    pub params: Params<'a>,
}

impl<'a> UserToUser<'a> {
    /// The data without quotes.
    pub fn text(&self) -> QuotedText<'a> {
        QuotedText::new(self.data)
    }

    /// What the data is for (`purpose`), such as `isdn-uui`.
    pub fn purpose(&self) -> Option<&'a [u8]> {
        self.params.value(b"purpose")
    }

    /// How the data is written (`encoding`): `hex` when it does not say.
    pub fn encoding(&self) -> Option<&'a [u8]> {
        self.params.value(b"encoding")
    }

    /// What the data holds (`content`).
    pub fn content(&self) -> Option<&'a [u8]> {
        self.params.value(b"content")
    }
}

public_face!(UserToUser: UserToUser);

impl<'a> Value<'a> for UserToUser<'a> {
    fn parse_member(s: &'a [u8], at: usize, _: u32) -> At<(UserToUser<'a>, usize)> {
        let (data, params, end) = grammar::text_and_params(s, at)?;
        Ok((UserToUser { data, params }, end))
    }

    fn put(&self, out: &mut BytesMut) {
        put_token_or_quoted(out, self.data);
        put_params(out, self.params);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fault;

    #[test]
    fn data_is_a_token_or_quoted() {
        let text = b"56a390f3d2b7310023a2;encoding=hex;purpose=foo;content=bar";
        let u = UserToUser::parse(text).unwrap();
        assert_eq!((u.text().inside(), u.encoding()), (&text[..20], Some(&b"hex"[..])));
        assert_eq!((u.purpose(), u.content()), (Some(&b"foo"[..]), Some(&b"bar"[..])));
        assert_eq!(u.to_string().as_bytes(), text);
        let quoted = UserToUser::parse(b"\"a;b\" ; purpose=x").unwrap();
        assert_eq!(quoted.text().inside(), b"a;b");
        assert_eq!(quoted.to_string(), "\"a;b\";purpose=x");
        for (s, fault, offset) in [
            (&b""[..], Fault::Empty, 0),
            (b";x", Fault::Syntax, 0),
            (b"\"open", Fault::Quote, 0),
            (b"ab cd", Fault::Syntax, 3),
        ] {
            let e = UserToUser::parse(s).unwrap_err();
            assert_eq!((e.fault, e.offset), (fault, offset), "{}", String::from_utf8_lossy(s));
        }
    }
}
