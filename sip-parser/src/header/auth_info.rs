//! Authentication-Info and Proxy-Authentication-Info (RFC 3261 20.6, RFC 7615 4): what a server
//! tells a client that it has authenticated. Owns parsing and writing; knows nothing of hashes.

use super::auth::{ListWriter, each_param};
use super::grammar::{self, located};
use super::{At, Value};
use bytes::BytesMut;

/// The value of an Authentication-Info header. Texts are what stands between the quotes, escapes
/// as received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AuthenticationInfo<'a> {
    /// The whole list as received; what has no field here is written from it.
    pub rest: &'a [u8],
    /// `nextnonce`: the nonce to use from now on.
    pub nextnonce: Option<&'a [u8]>,
    /// `qop`, such as `auth`.
    pub qop: Option<&'a [u8]>,
    /// `rspauth`: the server's proof that it knows the secret too.
    pub rspauth: Option<&'a [u8]>,
    /// `cnonce`.
    pub cnonce: Option<&'a [u8]>,
    /// `nc`, eight hexadecimal digits.
    pub nc: Option<&'a [u8]>,
}

const FIELDS: [&str; 5] = ["nextnonce", "qop", "rspauth", "cnonce", "nc"];

impl<'a> AuthenticationInfo<'a> {
    /// Takes one parameter; false when it is there already.
    fn take(&mut self, name: &[u8], value: &'a [u8]) -> bool {
        let Some(i) = FIELDS.iter().position(|f| f.as_bytes().eq_ignore_ascii_case(name)) else {
            return true;
        };
        let slots =
            [&mut self.nextnonce, &mut self.qop, &mut self.rspauth, &mut self.cnonce, &mut self.nc];
        slots.into_iter().nth(i).is_none_or(|slot| slot.replace(value).is_none())
    }
}

public_face!(AuthenticationInfo: AuthenticationInfo);

impl<'a> Value<'a> for AuthenticationInfo<'a> {
    fn parse_member(s: &'a [u8], at: usize, _: u32) -> At<(AuthenticationInfo<'a>, usize)> {
        grammar::present(s, at)?;
        let rest = s.get(at..).unwrap_or_default();
        let mut info = AuthenticationInfo { rest, ..AuthenticationInfo::default() };
        let outcome = each_param(rest, |name, value, _| info.take(name, value));
        located(rest, outcome).map_err(|(fault, from)| (fault, at + from))?;
        Ok((info, s.len()))
    }

    fn put(&self, out: &mut BytesMut) {
        let mut list = ListWriter::bare(out);
        list.quoted("nextnonce", self.nextnonce);
        list.plain("qop", self.qop);
        list.quoted("rspauth", self.rspauth);
        list.quoted("cnonce", self.cnonce);
        list.plain("nc", self.nc);
        list.others(self.rest, &FIELDS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fault;

    #[test]
    fn what_the_server_proves_is_read_and_written_back() {
        let text = b"nextnonce=\"47364c23432d2e131a5fb210812c\", qop=auth, rspauth=\"ab\", x=\"1\"";
        let info = AuthenticationInfo::parse(text).unwrap();
        assert_eq!(info.nextnonce, Some(&b"47364c23432d2e131a5fb210812c"[..]));
        assert_eq!((info.qop, info.rspauth, info.nc), (Some(&b"auth"[..]), Some(&b"ab"[..]), None));
        assert_eq!(info.to_string().as_bytes(), text);
    }

    #[test]
    fn malformed_lists_say_where() {
        for (s, fault, offset) in [
            (&b""[..], Fault::Empty, 0),
            (b"nextnonce", Fault::Syntax, 9),
            (b"nc=1, nc=2", Fault::Syntax, 6),
            (b"qop=auth cnonce=\"1\"", Fault::Syntax, 9),
            (b"cnonce=\"1", Fault::Quote, 7),
        ] {
            let e = AuthenticationInfo::parse(s).unwrap_err();
            assert_eq!((e.fault, e.offset), (fault, offset), "{}", String::from_utf8_lossy(s));
        }
    }
}
