//! Authorization, Proxy-Authorization, WWW-Authenticate, Proxy-Authenticate (RFC 3261 20.7,
//! 20.27, 20.28, 20.44; RFC 7616 and 8760 for Digest). Owns parsing and writing both directions;
//! knows nothing of hashes.

use super::grammar::{self, Parsed, located, mark};
use super::quoted::write_quoted;
use super::write::{put_text, put_token};
use super::{At, Value};
use crate::Fault;
use bytes::{BufMut, BytesMut};

/// The name and value of each parameter after the scheme, and whether it was quoted.
pub(super) fn each_param<'a>(
    s: &'a [u8],
    mut take: impl FnMut(&'a [u8], &'a [u8], bool) -> bool,
) -> Parsed<'a, ()> {
    let mut rest = s;
    loop {
        let (after, (name, value, quoted)) = grammar::pair(rest)?;
        if !take(name, value, quoted) {
            let kind = nom::error::ErrorKind::Verify;
            return Err(nom::Err::Failure(grammar::Rest::new(rest, kind)));
        }
        let (after, ()) = grammar::sws(after)?;
        if after.is_empty() {
            return Ok((after, ()));
        }
        rest = mark(b',')(after)?.0;
    }
}

/// Splits off the scheme; returns it and the offset of what follows.
fn scheme(s: &[u8]) -> At<(&[u8], usize)> {
    let (scheme, end) = located(s, grammar::token(s))?;
    let from = crate::lex::skip_lws(s, end);
    if from == end && end < s.len() { Err((Fault::Syntax, end)) } else { Ok((scheme, from)) }
}

fn is_digest(scheme: &[u8]) -> bool {
    scheme.eq_ignore_ascii_case(b"Digest")
}

/// Stores a parameter unless it is there already: a doubled one is an error, not a choice.
fn once<'a>(slot: &mut Option<&'a [u8]>, value: &'a [u8]) -> bool {
    slot.replace(value).is_none()
}

/// Answers to a challenge. Texts are what stands between the quotes, escapes as received, as
/// the digest is computed over them (RFC 7616 3.4.1 `unq`). A doubled parameter is refused.
///
/// Written are the fields that are filled, quoted where RFC 7616 3.4 says so, and behind them what
/// `rest` has beyond them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Credentials<'a> {
    /// Scheme as received; for any but Digest only [`Credentials::rest`] is filled.
    pub scheme: &'a [u8],
    /// All that follows the scheme, as received.
    pub rest: &'a [u8],
    /// `username`.
    pub username: Option<&'a [u8]>,
    /// `realm`.
    pub realm: Option<&'a [u8]>,
    /// `nonce`.
    pub nonce: Option<&'a [u8]>,
    /// `uri`.
    pub uri: Option<&'a [u8]>,
    /// `response`.
    pub response: Option<&'a [u8]>,
    /// `algorithm`, such as `MD5` or `SHA-256`.
    pub algorithm: Option<&'a [u8]>,
    /// `cnonce`.
    pub cnonce: Option<&'a [u8]>,
    /// `opaque`.
    pub opaque: Option<&'a [u8]>,
    /// `qop`, such as `auth`.
    pub qop: Option<&'a [u8]>,
    /// `nc`, eight hexadecimal digits.
    pub nc: Option<&'a [u8]>,
}

impl<'a> Credentials<'a> {
    pub(crate) fn parse_whole(s: &'a [u8]) -> At<Credentials<'a>> {
        let (scheme, from) = scheme(s)?;
        let rest = s.get(from..).unwrap_or_default();
        let mut c = Credentials { scheme, rest, ..Credentials::default() };
        if is_digest(scheme) {
            let outcome = each_param(rest, |name, value, _| c.take(name, value));
            located(rest, outcome).map_err(|(fault, at)| (fault, from + at))?;
        }
        Ok(c)
    }

    /// Where the parameter of that name, in lower case, is kept.
    fn slot(&mut self, name: &[u8]) -> Option<&mut Option<&'a [u8]>> {
        Some(match name {
            b"username" => &mut self.username,
            b"realm" => &mut self.realm,
            b"nonce" => &mut self.nonce,
            b"uri" => &mut self.uri,
            b"response" => &mut self.response,
            b"algorithm" => &mut self.algorithm,
            b"cnonce" => &mut self.cnonce,
            b"opaque" => &mut self.opaque,
            b"qop" => &mut self.qop,
            b"nc" => &mut self.nc,
            _ => return None,
        })
    }

    fn take(&mut self, name: &[u8], value: &'a [u8]) -> bool {
        // Nearly everybody writes them so.
        if let Some(slot) = self.slot(name) {
            return once(slot, value);
        }
        self.slot(&lowered(name)).is_none_or(|slot| once(slot, value))
    }

    /// Whether the scheme is Digest.
    pub fn is_digest(&self) -> bool {
        is_digest(self.scheme)
    }
}

public_face!(Credentials: Other, Challenge: Other);

/// The parameters that have a field in [`Credentials`].
const CREDENTIALS_FIELDS: [&str; 10] =
    ["username", "realm", "nonce", "uri", "response", "algorithm", "cnonce", "opaque", "qop", "nc"];

/// The parameters that have a field in [`Challenge`].
const CHALLENGE_FIELDS: [&str; 7] =
    ["realm", "domain", "nonce", "opaque", "stale", "algorithm", "qop"];

impl<'a> Value<'a> for Credentials<'a> {
    fn parse_member(s: &'a [u8], at: usize, _: u32) -> At<(Credentials<'a>, usize)> {
        let text = s.get(at..).unwrap_or_default();
        match Credentials::parse_whole(text) {
            Ok(value) => Ok((value, s.len())),
            Err((fault, from)) => Err((fault, at + from)),
        }
    }

    fn put(&self, out: &mut BytesMut) {
        let Some(mut list) = ListWriter::open(out, self.scheme, self.rest) else { return };
        list.quoted("username", self.username);
        list.quoted("realm", self.realm);
        list.quoted("nonce", self.nonce);
        list.quoted("uri", self.uri);
        list.quoted("response", self.response);
        list.plain("algorithm", self.algorithm);
        list.quoted("cnonce", self.cnonce);
        list.quoted("opaque", self.opaque);
        list.plain("qop", self.qop);
        list.plain("nc", self.nc);
        list.others(self.rest, &CREDENTIALS_FIELDS);
    }
}

/// A challenge. Texts are what stands between the quotes, escapes as received. A doubled parameter
/// is refused.
///
/// Written are the fields that are filled, quoted where RFC 7616 3.3 says so, and behind them what
/// `rest` has beyond them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Challenge<'a> {
    /// Scheme as received; for any but Digest only [`Challenge::rest`] is filled.
    pub scheme: &'a [u8],
    /// All that follows the scheme, as received.
    pub rest: &'a [u8],
    /// `realm`.
    pub realm: Option<&'a [u8]>,
    /// `domain`.
    pub domain: Option<&'a [u8]>,
    /// `nonce`.
    pub nonce: Option<&'a [u8]>,
    /// `opaque`.
    pub opaque: Option<&'a [u8]>,
    /// `stale`: `true` when only the nonce was too old.
    pub stale: Option<&'a [u8]>,
    /// `algorithm`.
    pub algorithm: Option<&'a [u8]>,
    /// `qop`: a comma list of what is offered.
    pub qop: Option<&'a [u8]>,
}

impl<'a> Challenge<'a> {
    pub(crate) fn parse_whole(s: &'a [u8]) -> At<Challenge<'a>> {
        let (scheme, from) = scheme(s)?;
        let rest = s.get(from..).unwrap_or_default();
        let mut c = Challenge { scheme, rest, ..Challenge::default() };
        if is_digest(scheme) {
            let outcome = each_param(rest, |name, value, _| c.take(name, value));
            located(rest, outcome).map_err(|(fault, at)| (fault, from + at))?;
        }
        Ok(c)
    }

    /// Where the parameter of that name, in lower case, is kept.
    fn slot(&mut self, name: &[u8]) -> Option<&mut Option<&'a [u8]>> {
        Some(match name {
            b"realm" => &mut self.realm,
            b"domain" => &mut self.domain,
            b"nonce" => &mut self.nonce,
            b"opaque" => &mut self.opaque,
            b"stale" => &mut self.stale,
            b"algorithm" => &mut self.algorithm,
            b"qop" => &mut self.qop,
            _ => return None,
        })
    }

    fn take(&mut self, name: &[u8], value: &'a [u8]) -> bool {
        // Nearly everybody writes them so.
        if let Some(slot) = self.slot(name) {
            return once(slot, value);
        }
        self.slot(&lowered(name)).is_none_or(|slot| once(slot, value))
    }

    /// Whether the scheme is Digest.
    pub fn is_digest(&self) -> bool {
        is_digest(self.scheme)
    }

    /// Whether `stale` says true, compared without case.
    pub fn is_stale(&self) -> bool {
        self.stale.is_some_and(|s| s.eq_ignore_ascii_case(b"true"))
    }

    /// Whether `wanted` is among the offered values of `qop`.
    pub fn offers_qop(&self, wanted: &[u8]) -> bool {
        let mut offered = self.qop.unwrap_or_default().split(|b| *b == b',');
        offered.any(|q| crate::lex::trim(q).eq_ignore_ascii_case(wanted))
    }
}

impl<'a> Value<'a> for Challenge<'a> {
    fn parse_member(s: &'a [u8], at: usize, _: u32) -> At<(Challenge<'a>, usize)> {
        let text = s.get(at..).unwrap_or_default();
        match Challenge::parse_whole(text) {
            Ok(value) => Ok((value, s.len())),
            Err((fault, from)) => Err((fault, at + from)),
        }
    }

    fn put(&self, out: &mut BytesMut) {
        let Some(mut list) = ListWriter::open(out, self.scheme, self.rest) else { return };
        list.quoted("realm", self.realm);
        list.quoted("domain", self.domain);
        list.quoted("nonce", self.nonce);
        list.quoted("opaque", self.opaque);
        list.plain("stale", self.stale);
        list.plain("algorithm", self.algorithm);
        list.quoted("qop", self.qop);
        list.others(self.rest, &CHALLENGE_FIELDS);
    }
}

/// Parameter names are short; longer ones match nothing, so they need not be kept whole.
#[cold]
fn lowered(name: &[u8]) -> smallvec::SmallVec<[u8; 16]> {
    name.iter().take(16).map(u8::to_ascii_lowercase).collect()
}

/// Writes `scheme name=value, name="value"`.
pub(super) struct ListWriter<'a> {
    out: &'a mut BytesMut,
    /// What stands before the next parameter.
    gap: &'static [u8],
}

impl<'a> ListWriter<'a> {
    /// Writes the scheme; of any but Digest also the rest, and then there is no list.
    fn open(out: &'a mut BytesMut, scheme: &[u8], rest: &[u8]) -> Option<ListWriter<'a>> {
        put_token(out, scheme);
        if is_digest(scheme) {
            return Some(ListWriter { out, gap: b" " });
        }
        let scheme_end = out.len();
        out.put_u8(b' ');
        put_text(out, rest);
        if out.len() == scheme_end + 1 {
            out.truncate(scheme_end);
        }
        None
    }

    /// A list without a scheme.
    pub(super) fn bare(out: &'a mut BytesMut) -> ListWriter<'a> {
        ListWriter { out, gap: b"" }
    }

    /// Writes what is in the list `rest`, as received, and has none of these names.
    pub(super) fn others(&mut self, rest: &[u8], names: &[&str]) {
        // A list that was not parsed ends where it is malformed.
        let _ = each_param(rest, |name, value, quoted| {
            if !names.iter().any(|n| n.as_bytes().eq_ignore_ascii_case(name)) {
                match quoted {
                    true => self.quoted_bytes(name, value),
                    false => self.loose(name, value),
                }
            }
            true
        });
    }

    fn loose(&mut self, name: &[u8], value: &[u8]) {
        self.name(name);
        self.out.put_slice(value);
    }

    fn quoted_bytes(&mut self, name: &[u8], value: &[u8]) {
        self.name(name);
        write_quoted(self.out, value);
    }

    fn name(&mut self, name: &[u8]) {
        self.out.put_slice(self.gap);
        self.out.put_slice(name);
        self.out.put_u8(b'=');
        self.gap = b", ";
    }

    pub(super) fn quoted(&mut self, name: &str, value: Option<&[u8]>) {
        if let Some(value) = value {
            self.quoted_bytes(name.as_bytes(), value);
        }
    }

    /// Unquoted, as a token; a value that is none is quoted, so that it cannot break the list.
    pub(super) fn plain(&mut self, name: &str, value: Option<&[u8]>) {
        let Some(value) = value else { return };
        self.name(name.as_bytes());
        if crate::lex::all(value, crate::lex::class::TOKEN) {
            self.out.put_slice(value);
        } else {
            write_quoted(self.out, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &[u8] = b"Digest username=\"bob\", realm=\"a.example\",\r\n nonce=\"n,1\", \
        uri=\"sip:a.example\",response=\"6629fae49393a05397450978507c4ef1\", algorithm=MD5, \
        cnonce=\"0a4f113b\", opaque=\"\", qop=auth, nc=00000001, x-unknown=1";

    #[test]
    fn digest_credentials_are_read_unquoted_and_written_back() {
        let c = Credentials::parse(LINE).unwrap();
        assert!(c.is_digest());
        assert_eq!(c.username, Some(&b"bob"[..]));
        assert_eq!(c.nonce, Some(&b"n,1"[..]));
        assert_eq!(c.opaque, Some(&b""[..]));
        assert_eq!((c.qop, c.nc), (Some(&b"auth"[..]), Some(&b"00000001"[..])));
        let mut out = BytesMut::new();
        c.write(&mut out);
        let again = Credentials::parse(&out).unwrap();
        assert_eq!(Credentials { rest: b"", ..again }, Credentials { rest: b"", ..c });
        assert!(out.ends_with(b", nc=00000001, x-unknown=1"));
    }

    #[test]
    fn an_unknown_scheme_keeps_its_text() {
        let c = Credentials::parse(b"NoOneKnowsThisScheme opaque-data=here").unwrap();
        assert!(!c.is_digest());
        assert_eq!(c.rest, b"opaque-data=here");
        assert_eq!(c.to_string(), "NoOneKnowsThisScheme opaque-data=here");
        assert_eq!(Credentials::parse(b"Odd \0\0").unwrap().to_string(), "Odd");
        assert_eq!(c.opaque, None);
    }

    #[test]
    fn malformed_credentials_are_refused() {
        for (s, fault) in [
            (&b""[..], Fault::Syntax),
            (b"Digest", Fault::Syntax),
            (b"Digest username=\"bob", Fault::Quote),
            (b"Digest username=\"bob\" realm=\"x\"", Fault::Syntax),
            (b"Digest username=\"a\", username=\"b\"", Fault::Syntax),
            (b"Digest =1", Fault::Syntax),
        ] {
            let e = Credentials::parse(s).unwrap_err();
            assert_eq!(e.fault, fault, "{}", String::from_utf8_lossy(s));
        }
    }

    #[test]
    fn a_challenge_is_read_and_written_back() {
        let text = b"Digest realm=\"a.example\", nonce=\"abc\", stale=TRUE, algorithm=SHA-256, \
            qop=\"auth,auth-int\"";
        let c = Challenge::parse(text).unwrap();
        assert!(c.is_stale() && c.offers_qop(b"auth") && !c.offers_qop(b"aut"));
        assert_eq!(c.to_string().as_bytes(), text);
        let more =
            Challenge::parse(b"Digest realm=\"a\", charset=UTF-8,userhash=\"true\"").unwrap();
        let plain = "Digest realm=\"a\", charset=UTF-8, userhash=\"true\"";
        assert_eq!(more.to_string(), plain);
    }
}
