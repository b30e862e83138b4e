//! Identity (RFC 8224 4, with its erratum on base64url; the quoted form of RFC 4474 9 too): the
//! signature over who calls. Owns the one place where a parameter's value is a URI in brackets.

use super::write::{is_quoted, put_bracketed, put_named, put_unfolded};
use super::{At, Value, grammar};
use crate::Fault;
use crate::lex::{self, block, class, peek, skip_lws};
use bytes::{BufMut, BytesMut};

/// The value of an Identity header. Several signatures stand in several headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity<'a> {
    /// The signed token (PASSporT), full or with only its signature, `..sig`; with quotes in the
    /// form of RFC 4474.
    pub digest: &'a [u8],
    /// The parameters as received, from the first `;`. To be written, `;name=value` with the value
    /// a token, a quoted string or a URI in angle brackets.
    pub params: &'a [u8],
}

/// What may stand in a digest: base64, base64url, and the points of a token.
fn is_digest(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'/' | b'+' | b'=' | b'-' | b'_' | b'.')
}

impl<'a> Identity<'a> {
    /// Where the certificate is (`info`), without its brackets.
    pub fn info(&self) -> Option<&'a [u8]> {
        match self.param("info")? {
            [b'<', uri @ .., b'>'] => Some(uri),
            other => Some(other),
        }
    }

    /// How it is signed (`alg`), such as `ES256`; without quotes.
    pub fn alg(&self) -> Option<&'a [u8]> {
        self.param("alg").map(|v| super::quoted::QuotedText::new(v).inside())
    }

    /// What kind of token it is (`ppt`), such as `shaken`; without quotes.
    pub fn ppt(&self) -> Option<&'a [u8]> {
        self.param("ppt").map(|v| super::quoted::QuotedText::new(v).inside())
    }

    /// Each parameter in order: its name, and its value when it has one, with its quotes or
    /// brackets. It ends at the first that is malformed.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> + use<'a> {
        let (s, mut at) = (self.params, 0);
        core::iter::from_fn(move || {
            let (name, value, next) = param(s, at).ok().flatten()?;
            at = next;
            Some((name, value))
        })
    }

    fn param(&self, wanted: &str) -> Option<&'a [u8]> {
        self.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted.as_bytes()))?.1
    }
}

/// Name, value, and the offset behind them and white space.
type Param<'a> = (&'a [u8], Option<&'a [u8]>, usize);

/// The parameter whose semicolon stands at `at`; None when there is no semicolon.
fn param(s: &[u8], at: usize) -> At<Option<Param<'_>>> {
    if peek(s, at) != b';' {
        return Ok(None);
    }
    let name_at = skip_lws(s, at + 1);
    let name_end = lex::span(s, name_at, class::TOKEN);
    if name_end == name_at {
        return Err((Fault::Parameter, name_at));
    }
    let name = s.get(name_at..name_end).unwrap_or_default();
    let next = skip_lws(s, name_end);
    if peek(s, next) != b'=' {
        return Ok(Some((name, None, next)));
    }
    let from = skip_lws(s, next + 1);
    let end = match peek(s, from) {
        b'"' => lex::quoted_end(s, from)?,
        b'<' => bracket_end(s, from)?,
        _ => lex::span(s, from, class::VALUE),
    };
    if end == from {
        return Err((Fault::Parameter, from));
    }
    Ok(Some((name, s.get(from..end), skip_lws(s, end))))
}

fn bracket_end(s: &[u8], at: usize) -> At<usize> {
    let close = block::find(s, at + 1, b' ', [b'>', b'<', b'"', 0x7f]);
    match s.get(close) {
        Some(b'>') if close > at + 1 => Ok(close + 1),
        Some(_) => Err((Fault::Uri, close)),
        None => Err((Fault::Quote, at)),
    }
}

public_face!(Identity: Identity);

impl<'a> Value<'a> for Identity<'a> {
    fn parse_member(s: &'a [u8], at: usize, _: u32) -> At<(Identity<'a>, usize)> {
        grammar::present(s, at)?;
        let digest_end = match peek(s, at) {
            b'"' => lex::quoted_end(s, at)?,
            _ => at + s.iter().skip(at).take_while(|b| is_digest(**b)).count(),
        };
        if digest_end == at {
            return Err((Fault::Syntax, at));
        }
        let params_at = skip_lws(s, digest_end);
        let mut end = params_at;
        while let Some((_, _, next)) = param(s, end)? {
            end = next;
        }
        let identity = Identity {
            digest: s.get(at..digest_end).unwrap_or_default(),
            params: lex::trim_end(s.get(params_at..end).unwrap_or_default()),
        };
        Ok((identity, grammar::ending(s, end)?))
    }

    fn put(&self, out: &mut BytesMut) {
        if is_quoted(self.digest) {
            put_unfolded(out, self.digest);
        } else {
            out.extend(self.digest.iter().map(|b| if is_digest(*b) { *b } else { b'_' }));
        }
        for (name, value) in self.iter() {
            out.put_u8(b';');
            match value {
                Some([b'<', uri @ .., b'>']) => {
                    super::write::put_token(out, name);
                    out.put_u8(b'=');
                    put_bracketed(out, uri);
                }
                value => put_named(out, name, value),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_say_where_their_certificate_is() {
        let text = b"eyJhbGciOiJFUzI1NiJ9.eyJvcmlnIjp7fX0.rq3pjT1-hoRwakEGjHCnWSwUnshd0 ; \
                     info=<https://biloxi.example.org/biloxi.cer;v=1>;alg=ES256 ;ppt=\"shaken\"";
        let i = Identity::parse(text).unwrap();
        assert!(i.digest.starts_with(b"eyJ") && i.digest.ends_with(b"shd0"));
        assert_eq!(i.info(), Some(&b"https://biloxi.example.org/biloxi.cer;v=1"[..]));
        assert_eq!((i.alg(), i.ppt()), (Some(&b"ES256"[..]), Some(&b"shaken"[..])));
        let plain = String::from_utf8_lossy(text).replace(" ; ", ";").replace(" ;", ";");
        assert_eq!(i.to_string(), plain);
        let old =
            Identity::parse(b"\"ZYNBbHC00VMZr2kZt6VmCvPonWJMGvQTBDqghoWeLxJfzB2a1pxAr3VgrB0=\"");
        assert_eq!((old.unwrap().info(), old.unwrap().iter().count()), (None, 0));
        assert_eq!(Identity { digest: b"a b", params: b"" }.to_string(), "a_b");
    }

    #[test]
    fn malformed_signatures_say_where() {
        for (s, fault, offset) in [
            (&b""[..], Fault::Empty, 0),
            (b";info=<a:b>", Fault::Syntax, 0),
            (b"a;info=<a:b", Fault::Quote, 7),
            (b"a;info=<a b>", Fault::Uri, 9),
            (b"a;info=<>", Fault::Uri, 8),
            (b"a;info=", Fault::Parameter, 7),
            (b"a;;", Fault::Parameter, 2),
            (b"a b", Fault::Syntax, 2),
            (b"a;info=<a:b>x", Fault::Syntax, 12),
        ] {
            let e = Identity::parse(s).unwrap_err();
            assert_eq!((e.fault, e.offset), (fault, offset), "{}", String::from_utf8_lossy(s));
        }
    }
}
