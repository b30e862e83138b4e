//! URIs: sip, sips, tel, urn and anything else as opaque text. Owns the type and the grammar
//! (RFC 3261 19.1 and 25.1; RFC 3966 for tel).

mod compare;
pub(crate) mod host;
pub(crate) mod params;
pub(crate) mod tel;
pub(crate) mod urn;
mod write;

use crate::lex::{self, block, class, peek};
use crate::{Host, Params};
use thiserror::Error;

/// The scheme of a URI, compared without case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `sip`, RFC 3261 19.1.
    Sip,
    /// `sips`, RFC 3261 19.1.
    Sips,
    /// `tel`, RFC 3966.
    Tel,
    /// `urn`, RFC 8141; RFC 5031 for services.
    Urn,
    /// Any other; its name is [`Uri::scheme_name`].
    Other,
}

/// What is wrong with a URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum UriFault {
    /// No scheme with a colon.
    #[error("has no scheme")]
    Scheme,
    /// The part before `@` is malformed.
    #[error("has a malformed user part")]
    User,
    /// The host is missing or malformed.
    #[error("has a malformed host")]
    Host,
    /// The port is not a number up to 65,535.
    #[error("has a malformed port")]
    Port,
    /// A parameter is empty or malformed.
    #[error("has a malformed parameter")]
    Parameter,
    /// A header is malformed, or headers stand where none may (RFC 3261 19.1.1, table 1).
    #[error("has malformed or forbidden headers")]
    Header,
    /// A character that no URI may hold, or a percent sign that begins no escape.
    #[error("has an illegal character")]
    Character,
}

/// A URI that cannot be read: what, and at which byte of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[error("the URI {fault} (at its byte {offset})")]
pub struct UriError {
    /// Offset in the text given to [`Uri::parse`].
    pub offset: u32,
    /// What is wrong.
    pub fault: UriFault,
}

fn fault(fault: UriFault, at: usize) -> UriError {
    UriError { offset: crate::span::offset(at), fault }
}

/// A parsed URI; borrows the text it was parsed from, escapes and case as received.
#[derive(Clone, Copy, Debug)]
pub struct Uri<'a> {
    /// Its scheme.
    pub scheme: Scheme,
    /// The scheme as received.
    pub scheme_name: &'a [u8],
    /// User part of sip and sips; the subscriber number of tel.
    pub user: Option<&'a [u8]>,
    /// Password of sip and sips (RFC 3261 19.1.1 advises against it).
    pub password: Option<&'a [u8]>,
    /// Host of sip and sips; an empty name otherwise.
    pub host: Host<'a>,
    /// Port of sip and sips.
    pub port: Option<u16>,
    /// Parameters of sip, sips and tel.
    pub params: Params<'a>,
    /// What stands after `?` in sip and sips, without it; empty when there is nothing.
    pub headers: &'a [u8],
    /// All that follows `scheme:`.
    pub opaque: &'a [u8],
}

impl<'a> Uri<'a> {
    /// Parses all of `s`. Schemes other than sip, sips and tel are only checked for characters.
    pub fn parse(s: &'a [u8]) -> Result<Uri<'a>, UriError> {
        let colon = scheme_end(s)?;
        let scheme_name = s.get(..colon).unwrap_or_default();
        let scheme = scheme_of(scheme_name);
        let from = colon + 1;
        let opaque = s.get(from..).unwrap_or_default();
        let mut uri = Uri {
            scheme,
            scheme_name,
            user: None,
            password: None,
            host: Host::Name(b""),
            port: None,
            params: Params::default(),
            headers: b"",
            opaque,
        };
        match scheme {
            Scheme::Sip | Scheme::Sips => uri.parse_sip(s, from)?,
            Scheme::Tel => uri.parse_tel(s, from)?,
            _ => {
                let end = lex::span(s, from, class::URI);
                if end != s.len() || opaque.is_empty() {
                    return Err(fault(UriFault::Character, end));
                }
            }
        }
        Ok(uri)
    }

    fn parse_sip(&mut self, s: &'a [u8], from: usize) -> Result<(), UriError> {
        let host_at = self.parse_user(s, from)?;
        let (host, mut i) = host::scan(s, host_at).ok_or(fault(UriFault::Host, host_at))?;
        self.host = host;
        if peek(s, i) == b':' {
            let end = lex::span(s, i + 1, class::DIGIT);
            let port = s.get(i + 1..end).and_then(lex::port);
            self.port = Some(port.ok_or(fault(UriFault::Port, i + 1))?);
            i = end;
        }
        if peek(s, i) == b';' {
            let end = uri_params(s, i)?;
            self.params = Params::new(s.get(i..end).unwrap_or_default());
            i = end;
        }
        if peek(s, i) == b'?' {
            let end = uri_headers(s, i + 1)?;
            self.headers = s.get(i + 1..end).unwrap_or_default();
            i = end;
        }
        if i < s.len() { Err(fault(UriFault::Character, i)) } else { Ok(()) }
    }

    /// Takes the user part and the password, if there are any; returns where the host begins.
    fn parse_user(&mut self, s: &'a [u8], from: usize) -> Result<usize, UriError> {
        // Neither hosts nor parameters may hold an @, so that one anywhere ends a user part.
        let sign = block::find_byte(s, from, b'@');
        if sign == s.len() {
            return Ok(from);
        }
        let user_end = escaped_span(s, from, class::USER)?;
        let mut at = user_end;
        if peek(s, at) == b':' {
            at = escaped_span(s, at + 1, class::PASSWORD)?;
        }
        if at != sign {
            return Err(fault(UriFault::User, at));
        }
        if user_end == from {
            return Err(fault(UriFault::User, from));
        }
        let user = s.get(from..user_end).unwrap_or_default();
        self.user = Some(user);
        if at > user_end {
            let password = s.get(user_end + 1..at).unwrap_or_default();
            self.password = Some(password);
        }
        Ok(at + 1)
    }

    fn parse_tel(&mut self, s: &'a [u8], from: usize) -> Result<(), UriError> {
        let digit = |b: u8| {
            lex::is(b, class::HEX) || matches!(b, b'+' | b'*' | b'#' | b'-' | b'.' | b'(' | b')')
        };
        let rest = s.get(from..).unwrap_or_default();
        let end = from + rest.iter().position(|b| !digit(*b)).unwrap_or(rest.len());
        let number = s.get(from..end).unwrap_or_default();
        if !number.iter().any(|b| lex::is(*b, class::HEX) || matches!(b, b'*' | b'#')) {
            return Err(fault(UriFault::User, from));
        }
        self.user = Some(number);
        if peek(s, end) == b';' {
            let params_end = uri_params(s, end)?;
            self.params = Params::new(s.get(end..params_end).unwrap_or_default());
            return match params_end < s.len() {
                true => Err(fault(UriFault::Character, params_end)),
                false => Ok(()),
            };
        }
        if end < s.len() { Err(fault(UriFault::Character, end)) } else { Ok(()) }
    }

    /// Whether it is sip or sips.
    pub fn is_sip(&self) -> bool {
        matches!(self.scheme, Scheme::Sip | Scheme::Sips)
    }

    /// The `transport` parameter, as received.
    pub fn transport(&self) -> Option<&'a [u8]> {
        self.params.value(b"transport")
    }

    /// Whether there is an `lr` parameter: the proxy routes loosely (RFC 3261 16.12).
    pub fn lr(&self) -> bool {
        self.params.has(b"lr")
    }

    /// The `maddr` parameter, as received.
    pub fn maddr(&self) -> Option<&'a [u8]> {
        self.params.value(b"maddr")
    }

    /// The headers after `?`: names and values with their escapes.
    pub fn header_iter(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        self.headers.split(|b| *b == b'&').filter(|h| !h.is_empty()).map(|h| {
            let eq = memchr::memchr(b'=', h).unwrap_or(h.len());
            (h.get(..eq).unwrap_or_default(), h.get(eq + 1..).unwrap_or_default())
        })
    }

    /// Whether both are equivalent by the rules of RFC 3261 19.1.4. Not transitive, as the RFC
    /// says itself. URIs that are neither sip nor sips are compared byte by byte but for the
    /// case of their scheme; tel by [`Tel::equivalent`](crate::Tel::equivalent) and urn by
    /// [`Urn::equivalent`](crate::Urn::equivalent), where both follow their grammar.
    pub fn equivalent(a: &Uri<'_>, b: &Uri<'_>) -> bool {
        compare::equivalent(a, b)
    }
}

/// Offset of the colon behind the scheme.
#[inline]
pub(crate) fn scheme_end(s: &[u8]) -> Result<usize, UriError> {
    if s.starts_with(b"sip:") {
        return Ok(3);
    }
    let end = lex::span(s, 0, class::SCHEME);
    let letter = s.first().is_some_and(|b| b.is_ascii_alphabetic());
    if letter && peek(s, end) == b':' { Ok(end) } else { Err(fault(UriFault::Scheme, end)) }
}

fn scheme_of(name: &[u8]) -> Scheme {
    if name.eq_ignore_ascii_case(b"sip") {
        Scheme::Sip
    } else if name.eq_ignore_ascii_case(b"sips") {
        Scheme::Sips
    } else if name.eq_ignore_ascii_case(b"tel") {
        Scheme::Tel
    } else if name.eq_ignore_ascii_case(b"urn") {
        Scheme::Urn
    } else {
        Scheme::Other
    }
}

/// [`lex::span`] over characters of a class and escapes.
#[inline(always)]
fn escaped_span(s: &[u8], at: usize, class: u16) -> Result<usize, UriError> {
    let end = lex::span(s, at, class);
    if peek(s, end) == b'%' { escapes_and_span(s, end, class) } else { Ok(end) }
}

#[cold]
fn escapes_and_span(s: &[u8], mut at: usize, class: u16) -> Result<usize, UriError> {
    while peek(s, at) == b'%' {
        if crate::escape::escaped(s.get(at..).unwrap_or_default()).is_none() {
            return Err(fault(UriFault::Character, at));
        }
        at = lex::span(s, at + 3, class);
    }
    Ok(at)
}

/// Checks `;name[=value]` from `at`; returns the offset after the last one.
fn uri_params(s: &[u8], at: usize) -> Result<usize, UriError> {
    let mut i = at;
    while peek(s, i) == b';' {
        let start = i + 1;
        i = escaped_span(s, start, class::URI_PARAM)?;
        if i == start {
            return Err(fault(UriFault::Parameter, start));
        }
        if peek(s, i) == b'=' {
            let from = i + 1;
            i = escaped_span(s, from, class::URI_PARAM)?;
            if i == from {
                return Err(fault(UriFault::Parameter, from));
            }
        }
    }
    Ok(i)
}

/// Checks `name=value[&...]` from `at`; returns the offset after the last one.
fn uri_headers(s: &[u8], at: usize) -> Result<usize, UriError> {
    let end = escaped_span(s, at, class::URI_HEADER)?;
    let text = s.get(at..end).unwrap_or_default();
    let named = |h: &[u8]| memchr::memchr(b'=', h).is_some_and(|eq| eq > 0);
    if text.split(|b| *b == b'&').all(named) { Ok(end) } else { Err(fault(UriFault::Header, at)) }
}

/// Offset after the `addr-spec` at `at` that stands without angle brackets: it ends at white
/// space, `;` or `,` (RFC 3261 20: what follows `;` belongs to the header, not to the URI).
pub(crate) fn bare_end(s: &[u8], at: usize) -> usize {
    let mut i = at;
    while i < s.len()
        && !matches!(s[i], b';' | b',' | b' ' | b'\t' | b'\r' | b'\n' | b'<' | b'>' | b'"')
    {
        i += 1;
    }
    i
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(s: &str) -> Uri<'_> {
        Uri::parse(s.as_bytes()).unwrap_or_else(|e| panic!("{s}: {e}"))
    }

    #[test]
    fn a_full_sip_uri_is_taken_apart() {
        let u = uri("sip:alice:secret@example.com:5070;transport=tcp;lr?subject=x&a=%20");
        assert_eq!(u.scheme, Scheme::Sip);
        assert_eq!(u.user, Some(&b"alice"[..]));
        assert_eq!(u.password, Some(&b"secret"[..]));
        assert_eq!(u.host, Host::Name(b"example.com"));
        assert_eq!(u.port, Some(5070));
        assert_eq!(u.transport(), Some(&b"tcp"[..]));
        assert!(u.lr());
        let headers: Vec<_> = u.header_iter().collect();
        assert_eq!(headers, [(&b"subject"[..], &b"x"[..]), (b"a", b"%20")]);
    }

    #[test]
    fn the_user_part_may_hold_what_looks_like_delimiters() {
        let u = uri("sip:u;par=u%40example.net?x/y@example.com");
        assert_eq!(u.user, Some(&b"u;par=u%40example.net?x/y"[..]));
        assert!(u.params.is_empty());
        let odd = "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com";
        assert_eq!(uri(odd).password, Some(&b"&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"[..]));
    }

    #[test]
    fn ports_and_ipv6_are_told_apart() {
        assert_eq!(uri("sip:[2001:db8::10:5070]").port, None);
        assert_eq!(uri("sip:[2001:db8::10]:5070").port, Some(5070));
        let bad = Uri::parse(b"sip:2001:db8::10").unwrap_err();
        assert_eq!(bad.fault, UriFault::Port);
    }

    #[test]
    fn malformed_uris_say_what_and_where() {
        for (s, fault, offset) in [
            ("<sip:a@b>", UriFault::Scheme, 0),
            ("sip", UriFault::Scheme, 3),
            ("sip:", UriFault::Host, 4),
            ("sip:@host", UriFault::User, 4),
            ("sip:a b@host", UriFault::User, 5),
            ("sip:a@", UriFault::Host, 6),
            ("sip:a@h:x", UriFault::Port, 8),
            ("sip:a@h:65536", UriFault::Port, 8),
            ("sip:a@h;", UriFault::Parameter, 8),
            ("sip:a@h;a;;b", UriFault::Parameter, 10),
            ("sip:a@h; lr", UriFault::Parameter, 8),
            ("sip:a@h?x", UriFault::Header, 8),
            ("sip:%4@h", UriFault::Character, 4),
            ("tel:", UriFault::User, 4),
            ("urn:", UriFault::Character, 4),
            ("urn:a b", UriFault::Character, 5),
        ] {
            let e = Uri::parse(s.as_bytes()).unwrap_err();
            assert_eq!((e.fault, e.offset), (fault, offset), "{s}");
        }
    }

    #[test]
    fn other_schemes_stay_opaque() {
        let u = uri("tel:+1-201-555-0123;phone-context=example.com");
        assert_eq!((u.scheme, u.user), (Scheme::Tel, Some(&b"+1-201-555-0123"[..])));
        assert_eq!(u.params.value(b"phone-context"), Some(&b"example.com"[..]));
        assert_eq!(uri("urn:service:sos").opaque, b"service:sos");
        assert_eq!(uri("soap.beep://192.0.2.103:3002").scheme_name, b"soap.beep");
        assert_eq!(uri("SIPS:host").scheme, Scheme::Sips);
    }
}
