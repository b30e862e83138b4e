//! Headers that name another dialog: Replaces (RFC 3891 6.1), Join (RFC 3911 7.1) and Target-Dialog
//! (RFC 4538 7). Owns the Call-ID with its two tags.

use super::call_id::{embedded, put_embedded};
use super::write::put_params;
use super::{At, Value, grammar};
use crate::{Fault, Params};
use bytes::BytesMut;

/// The dialog that the new one takes the place of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replaces<'a> {
    /// Its Call-ID.
    pub call_id: &'a [u8],
    /// Parameters; `to-tag` and `from-tag` are among them, once each.
    pub params: Params<'a>,
}

impl<'a> Replaces<'a> {
    /// The tag of the side that receives this header.
    pub fn to_tag(&self) -> Option<&'a [u8]> {
        self.params.value(b"to-tag")
    }

    /// The tag of the other side.
    pub fn from_tag(&self) -> Option<&'a [u8]> {
        self.params.value(b"from-tag")
    }

    /// Whether only a dialog that is not confirmed yet is meant.
    pub fn early_only(&self) -> bool {
        self.params.has(b"early-only")
    }
}

/// The dialog that is to be joined to the new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Join<'a> {
    /// Its Call-ID.
    pub call_id: &'a [u8],
    /// Parameters; `to-tag` and `from-tag` are among them, once each.
    pub params: Params<'a>,
}

impl<'a> Join<'a> {
    /// The tag of the side that receives this header.
    pub fn to_tag(&self) -> Option<&'a [u8]> {
        self.params.value(b"to-tag")
    }

    /// The tag of the other side.
    pub fn from_tag(&self) -> Option<&'a [u8]> {
        self.params.value(b"from-tag")
    }
}

/// A dialog that the sender takes part in too, which proves that it may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetDialog<'a> {
    /// Its Call-ID.
    pub call_id: &'a [u8],
    /// Parameters.
    pub params: Params<'a>,
}

impl<'a> TargetDialog<'a> {
    /// The sender's tag.
    pub fn local_tag(&self) -> Option<&'a [u8]> {
        self.params.value(b"local-tag")
    }

    /// The receiver's tag.
    pub fn remote_tag(&self) -> Option<&'a [u8]> {
        self.params.value(b"remote-tag")
    }
}

public_face!(Replaces: Replaces, Join: Join, TargetDialog: TargetDialog);

/// A Call-ID and parameters, of which each of `tags` must be there once and have a value.
fn call_and_tags<'a>(s: &'a [u8], at: usize, tags: &[&str]) -> At<(&'a [u8], Params<'a>, usize)> {
    let (call_id, params_at) = embedded(s, at)?;
    let (params, end) = grammar::params(s, params_at)?;
    for tag in tags {
        let named = |name: &[u8]| name.eq_ignore_ascii_case(tag.as_bytes());
        let mut found = params.iter().filter(|(name, _)| named(name));
        if !matches!((found.next(), found.next()), (Some((_, Some(_))), None)) {
            return Err((Fault::Parameter, params_at));
        }
    }
    Ok((call_id, params, end))
}

impl<'a> Value<'a> for Replaces<'a> {
    fn parse_member(s: &'a [u8], at: usize, _: u32) -> At<(Replaces<'a>, usize)> {
        let (call_id, params, end) = call_and_tags(s, at, &["to-tag", "from-tag"])?;
        Ok((Replaces { call_id, params }, end))
    }

    fn put(&self, out: &mut BytesMut) {
        put_embedded(out, self.call_id);
        put_params(out, self.params);
    }
}

impl<'a> Value<'a> for Join<'a> {
    fn parse_member(s: &'a [u8], at: usize, _: u32) -> At<(Join<'a>, usize)> {
        let (call_id, params, end) = call_and_tags(s, at, &["to-tag", "from-tag"])?;
        Ok((Join { call_id, params }, end))
    }

    fn put(&self, out: &mut BytesMut) {
        put_embedded(out, self.call_id);
        put_params(out, self.params);
    }
}

impl<'a> Value<'a> for TargetDialog<'a> {
    fn parse_member(s: &'a [u8], at: usize, _: u32) -> At<(TargetDialog<'a>, usize)> {
        let (call_id, params, end) = call_and_tags(s, at, &[])?;
        Ok((TargetDialog { call_id, params }, end))
    }

    fn put(&self, out: &mut BytesMut) {
        put_embedded(out, self.call_id);
        put_params(out, self.params);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dialogs_are_named_by_call_and_tags() {
        let r =
            Replaces::parse(b"98732@sip.example.com ;from-tag=r33th4x0r;to-tag=ff87ff").unwrap();
        assert_eq!(r.call_id, b"98732@sip.example.com");
        assert_eq!((r.to_tag(), r.from_tag()), (Some(&b"ff87ff"[..]), Some(&b"r33th4x0r"[..])));
        assert!(!r.early_only());
        assert_eq!(r.to_string(), "98732@sip.example.com;from-tag=r33th4x0r;to-tag=ff87ff");
        let text = b"12adf2f34456gs5;to-tag=12345;from-tag=54321";
        assert_eq!(Join::parse(text).unwrap().to_tag(), Some(&b"12345"[..]));
        let early = b"a@b;to-tag=1;from-tag=2;early-only";
        assert!(Replaces::parse(early).unwrap().early_only());
        let t = TargetDialog::parse(
            b"fa77as7dad8-sd98ajzz@host.example.com;local-tag=kkaz-;remote-tag=6544",
        )
        .unwrap();
        assert_eq!((t.local_tag(), t.remote_tag()), (Some(&b"kkaz-"[..]), Some(&b"6544"[..])));
    }

    #[test]
    fn a_dialog_without_its_tags_is_none() {
        for (s, fault, offset) in [
            (&b""[..], Fault::Empty, 0),
            (b"a@b", Fault::Parameter, 3),
            (b"a@b;to-tag=1", Fault::Parameter, 3),
            (b"a@b;to-tag=1;from-tag", Fault::Parameter, 3),
            (b"a@b;to-tag=1;from-tag=2;to-tag=3", Fault::Parameter, 3),
            (b"a@b;to-tag=1;;from-tag=2", Fault::Parameter, 13),
            (b"a@b;to-tag=1;from-tag=2, c@d;to-tag=1;from-tag=2", Fault::Syntax, 23),
        ] {
            for e in [Replaces::parse(s).unwrap_err(), Join::parse(s).map(drop).unwrap_err()] {
                assert_eq!((e.fault, e.offset), (fault, offset), "{}", String::from_utf8_lossy(s));
            }
        }
    }
}
