//! History-Info (RFC 7044 5): the targets that a request was sent to before.

use super::{At, Value};
use crate::{NameAddr, Span, escape};
use bytes::BytesMut;
use std::borrow::Cow;

/// One entry of a History-Info header, the oldest first.
#[derive(Clone, Copy, Debug)]
pub struct HistoryInfo<'a> {
    /// The target, with all parameters.
    pub addr: NameAddr<'a>,
}

/// Numbers parted by points, which say where in the tree of targets an entry stands.
fn is_index(text: &[u8]) -> bool {
    text.split(|b| *b == b'.').all(|n| !n.is_empty() && n.iter().all(u8::is_ascii_digit))
}

impl<'a> HistoryInfo<'a> {
    fn index_in(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.addr.params.value(name).filter(|text| is_index(text))
    }

    /// Where in the tree of targets it stands, such as `1.2`; None when it is absent (RFC 4244
    /// allowed that) or malformed.
    pub fn index(&self) -> Option<&'a [u8]> {
        self.index_in(b"index")
    }

    /// The entry whose user agent retargeted to this one without changing the user (`rc`).
    pub fn rc(&self) -> Option<&'a [u8]> {
        self.index_in(b"rc")
    }

    /// The entry that was mapped to this one, which is another user (`mp`).
    pub fn mp(&self) -> Option<&'a [u8]> {
        self.index_in(b"mp")
    }

    /// The entry from which this one was made without any change (`np`).
    pub fn np(&self) -> Option<&'a [u8]> {
        self.index_in(b"np")
    }

    /// The Reason header in the URI, escapes taken off: why the request left this target.
    pub fn reason(&self) -> Option<Cow<'a, [u8]>> {
        self.header(b"Reason")
    }

    /// The Privacy header in the URI, escapes taken off.
    pub fn privacy(&self) -> Option<Cow<'a, [u8]>> {
        self.header(b"Privacy")
    }

    fn header(&self, name: &[u8]) -> Option<Cow<'a, [u8]>> {
        let uri = self.addr.parsed_uri().ok()?;
        let mut named = uri.header_iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        named.next().map(|(_, value)| escape::unescape(value))
    }
}

public_face!(HistoryInfo: HistoryInfo);

impl<'a> Value<'a> for HistoryInfo<'a> {
    fn parse_member(s: &'a [u8], at: usize, base: u32) -> At<(HistoryInfo<'a>, usize)> {
        let (addr, end) = NameAddr::parse_member(s, at, base)?;
        Ok((HistoryInfo { addr }, end))
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
    use crate::Fault;

    #[test]
    fn entries_say_where_they_come_from() {
        let text =
            b"<sip:bob@192.0.2.4?Reason=SIP%3Bcause%3D302&privacy=history>;index=1.2.1;rc=1.2";
        let h = HistoryInfo::parse(text).unwrap();
        assert_eq!((h.index(), h.rc()), (Some(&b"1.2.1"[..]), Some(&b"1.2"[..])));
        assert_eq!((h.mp(), h.np()), (None, None));
        assert_eq!(h.reason().as_deref(), Some(&b"SIP;cause=302"[..]));
        assert_eq!(h.privacy().as_deref(), Some(&b"history"[..]));
        assert_eq!(h.to_string().as_bytes(), text);
        let odd = HistoryInfo::parse(b"<sip:b>;index=1..2;mp=1;np=x").unwrap();
        assert_eq!((odd.index(), odd.mp(), odd.np()), (None, Some(&b"1"[..]), None));
        let e = HistoryInfo::parse(b"<sip:b>;index=1, ").unwrap_err();
        assert_eq!((e.fault, e.offset), (Fault::Syntax, 15));
    }
}
