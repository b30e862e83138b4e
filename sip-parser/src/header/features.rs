//! Accept-Contact and Reject-Contact (RFC 3841 9.2) and Feature-Caps (RFC 6809): a `*` with
//! feature parameters (RFC 3840 9).

use super::write::put_params;
use super::{At, Value, grammar};
use crate::lex::peek;
use crate::{Fault, Params};
use bytes::{BufMut, BytesMut};

/// One value of such a header: a set of features.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeatureSet<'a> {
    /// The features, each with its value when it has one, and with `require` and `explicit`.
    pub params: Params<'a>,
}

impl FeatureSet<'_> {
    /// Whether contacts that do not match are left out, not only tried last (RFC 3841 9.2).
    pub fn is_required(&self) -> bool {
        self.params.has(b"require")
    }

    /// Whether a contact must name each feature to match (RFC 3841 9.2).
    pub fn is_explicit(&self) -> bool {
        self.params.has(b"explicit")
    }
}

public_face!(FeatureSet: Other);

impl<'a> Value<'a> for FeatureSet<'a> {
    fn parse_member(s: &'a [u8], at: usize, _: u32) -> At<(FeatureSet<'a>, usize)> {
        grammar::present(s, at)?;
        if peek(s, at) != b'*' {
            return Err((Fault::Syntax, at));
        }
        let (params, end) = grammar::params(s, at + 1)?;
        Ok((FeatureSet { params }, end))
    }

    fn put(&self, out: &mut BytesMut) {
        out.put_u8(b'*');
        put_params(out, self.params);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_are_parameters_of_a_star() {
        let text = b"* ; audio ; require , *;video;explicit;+sip.app=\"<a,b>\";methods=\"BYE\"";
        let (audio, end) = FeatureSet::parse_member(text, 0, 0).unwrap();
        assert!(audio.is_required() && !audio.is_explicit() && audio.params.has(b"audio"));
        let (video, _) = FeatureSet::parse_member(text, end + 2, 0).unwrap();
        assert!(video.is_explicit());
        assert_eq!(video.params.value(b"+sip.app"), Some(&b"\"<a,b>\""[..]));
        assert_eq!(video.to_string().as_bytes(), &text[end + 2..]);
        for (s, fault, offset) in [
            (&b""[..], Fault::Empty, 0),
            (b"audio", Fault::Syntax, 0),
            (b"*audio", Fault::Syntax, 1),
            (b"*;methods=\"BYE", Fault::Quote, 10),
        ] {
            let e = FeatureSet::parse(s).unwrap_err();
            assert_eq!((e.fault, e.offset), (fault, offset), "{}", String::from_utf8_lossy(s));
        }
    }
}
