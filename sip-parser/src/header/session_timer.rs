//! Session-Expires and Min-SE (RFC 4028 4 and 5): seconds with parameters.

use super::write::{put_number, put_params};
use super::{At, Value, grammar};
use crate::Params;
use bytes::BytesMut;

/// Who refreshes a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refresher {
    /// The side that sent the request.
    Uac,
    /// The side that answered it.
    Uas,
}

/// The value of a Session-Expires header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionExpires<'a> {
    /// Seconds without a refresh after which the session ends.
    pub seconds: u32,
    /// Parameters.
    pub params: Params<'a>,
}

impl SessionExpires<'_> {
    /// The refresher parameter, compared without case; None when it is absent or neither.
    pub fn refresher(&self) -> Option<Refresher> {
        match self.params.value(b"refresher")? {
            side if side.eq_ignore_ascii_case(b"uac") => Some(Refresher::Uac),
            side if side.eq_ignore_ascii_case(b"uas") => Some(Refresher::Uas),
            _ => None,
        }
    }
}

/// The value of a Min-SE header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MinSe<'a> {
    /// The shortest session interval that is taken, in seconds.
    pub seconds: u32,
    /// Parameters.
    pub params: Params<'a>,
}

public_face!(SessionExpires: SessionExpires, MinSe: MinSe);

fn seconds_and_params(s: &[u8], at: usize) -> At<(u32, Params<'_>, usize)> {
    let (seconds, end) = grammar::number(s, at)?;
    let (params, end) = grammar::params(s, end)?;
    Ok((seconds, params, end))
}

impl<'a> Value<'a> for SessionExpires<'a> {
    fn parse_member(s: &'a [u8], at: usize, _: u32) -> At<(SessionExpires<'a>, usize)> {
        let (seconds, params, end) = seconds_and_params(s, at)?;
        Ok((SessionExpires { seconds, params }, end))
    }

    fn put(&self, out: &mut BytesMut) {
        put_number(out, self.seconds);
        put_params(out, self.params);
    }
}

impl<'a> Value<'a> for MinSe<'a> {
    fn parse_member(s: &'a [u8], at: usize, _: u32) -> At<(MinSe<'a>, usize)> {
        let (seconds, params, end) = seconds_and_params(s, at)?;
        Ok((MinSe { seconds, params }, end))
    }

    fn put(&self, out: &mut BytesMut) {
        put_number(out, self.seconds);
        put_params(out, self.params);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fault;

    #[test]
    fn intervals_name_their_refresher() {
        let s = SessionExpires::parse(b"4000 ; Refresher=UAC").unwrap();
        assert_eq!((s.seconds, s.refresher()), (4000, Some(Refresher::Uac)));
        assert_eq!(s.to_string(), "4000;Refresher=UAC");
        assert_eq!(SessionExpires::parse(b"90;refresher=me").unwrap().refresher(), None);
        assert_eq!(MinSe::parse(b"3600;lr").unwrap().to_string(), "3600;lr");
    }

    #[test]
    fn malformed_intervals_say_where() {
        for (s, fault, offset) in [
            (&b""[..], Fault::Empty, 0),
            (b"uac", Fault::Number, 0),
            (b"90 refresher=uac", Fault::Syntax, 3),
            (b"90;;", Fault::Parameter, 3),
        ] {
            let e = SessionExpires::parse(s).unwrap_err();
            assert_eq!((e.fault, e.offset), (fault, offset), "{}", String::from_utf8_lossy(s));
        }
    }
}
