//! Resource-Priority and Accept-Resource-Priority (RFC 4412 3.1, 3.2).

use super::{At, Value, grammar};
use crate::Fault;
use crate::lex::{class, is};
use bytes::{BufMut, BytesMut};

/// One value of such a header: a priority in a namespace, such as `dsn.flash`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ResourcePriority<'a> {
    /// The namespace; compared without case.
    pub namespace: &'a [u8],
    /// The priority; compared without case. What is more urgent, the namespace says.
    pub priority: &'a [u8],
}

public_face!(ResourcePriority: Other);

impl<'a> Value<'a> for ResourcePriority<'a> {
    fn parse_member(s: &'a [u8], at: usize, _: u32) -> At<(ResourcePriority<'a>, usize)> {
        grammar::present(s, at)?;
        let (value, end) = grammar::run(s, at, grammar::token)?;
        let dot = memchr::memchr(b'.', value).ok_or((Fault::Syntax, end))?;
        let (namespace, rest) = value.split_at(dot);
        let priority = rest.get(1..).unwrap_or_default();
        if namespace.is_empty() {
            return Err((Fault::Syntax, at));
        }
        if priority.is_empty() || priority.contains(&b'.') {
            return Err((Fault::Syntax, at + dot + 1));
        }
        Ok((ResourcePriority { namespace, priority }, grammar::ending(s, end)?))
    }

    fn put(&self, out: &mut BytesMut) {
        let fits = |b: u8| is(b, class::TOKEN) && b != b'.';
        let plain = |part: &[u8], out: &mut BytesMut| {
            out.extend(part.iter().map(|b| if fits(*b) { *b } else { b'_' }));
        };
        plain(self.namespace, out);
        out.put_u8(b'.');
        plain(self.priority, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priorities_stand_in_namespaces() {
        let (r, end) = ResourcePriority::parse_member(b"wps.3 , dsn.flash-override", 0, 0).unwrap();
        assert_eq!((r.namespace, r.priority, end), (&b"wps"[..], &b"3"[..], 6));
        assert_eq!(r.to_string(), "wps.3");
        let odd = ResourcePriority { namespace: b"a.b", priority: b"c d" };
        assert_eq!(odd.to_string(), "a_b.c_d");
        for (s, fault, offset) in [
            (&b""[..], Fault::Empty, 0),
            (b"dsn", Fault::Syntax, 3),
            (b".flash", Fault::Syntax, 0),
            (b"dsn.", Fault::Syntax, 4),
            (b"dsn.a.b", Fault::Syntax, 4),
            (b"dsn.flash;x", Fault::Syntax, 9),
        ] {
            let e = ResourcePriority::parse(s).unwrap_err();
            assert_eq!((e.fault, e.offset), (fault, offset), "{}", String::from_utf8_lossy(s));
        }
    }
}
