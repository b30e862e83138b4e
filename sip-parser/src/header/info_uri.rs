//! URIs in angle brackets with parameters: Alert-Info, Call-Info, Error-Info (RFC 3261 20.4, 20.9,
//! 20.18), Geolocation (RFC 6442 4.1), Identity-Info (RFC 4474 9), Refer-Events-At (RFC 7614).
//! Owns their common grammar: an address without a display name, whose brackets may not be left
//! out, and whose URI may be of any scheme.

use super::name_addr::NameAddr;
use super::write::{put_bracketed, put_params};
use super::{At, Value, grammar};
use crate::lex::peek;
use crate::{Fault, Params, Span, Uri, UriError};
use bytes::BytesMut;

/// One value of such a header.
#[derive(Clone, Copy, Debug)]
pub struct InfoUri<'a> {
    /// The URI, without angle brackets. Its scheme is checked, the rest when it is asked for.
    pub uri: &'a [u8],
    /// Where the URI stands in the message.
    pub uri_span: Span,
    /// Parameters.
    pub params: Params<'a>,
    /// The whole value in the message.
    pub span: Span,
}

impl<'a> InfoUri<'a> {
    /// A value to write. Its spans are empty.
    pub fn new(uri: &'a [u8], params: Params<'a>) -> InfoUri<'a> {
        InfoUri { uri, uri_span: Span::default(), params, span: Span::default() }
    }

    /// The URI taken apart.
    pub fn parsed_uri(&self) -> Result<Uri<'a>, UriError> {
        Uri::parse(self.uri)
    }

    /// The purpose parameter of Call-Info, such as `icon`, `info` or `card`.
    pub fn purpose(&self) -> Option<&'a [u8]> {
        self.params.value(b"purpose")
    }

    /// The alg parameter of Identity-Info, such as `rsa-sha1`.
    pub fn alg(&self) -> Option<&'a [u8]> {
        self.params.value(b"alg")
    }
}

public_face!(InfoUri: Other);

impl<'a> Value<'a> for InfoUri<'a> {
    fn parse_member(s: &'a [u8], at: usize, base: u32) -> At<(InfoUri<'a>, usize)> {
        grammar::present(s, at)?;
        if peek(s, at) != b'<' {
            return Err((Fault::Syntax, at));
        }
        let (NameAddr { uri, uri_span, params, span, .. }, end) =
            NameAddr::parse_member(s, at, base)?;
        Ok((InfoUri { uri, uri_span, params, span }, end))
    }

    fn put(&self, out: &mut BytesMut) {
        put_bracketed(out, self.uri);
        put_params(out, self.params);
    }

    fn uri(&self) -> Option<(&'a [u8], Span)> {
        Some((self.uri, self.uri_span))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_of_any_scheme_come_with_parameters() {
        let text = b"<http://wwww.example.com/alice/photo.jpg> ;purpose=icon,\r\n \
                     <http://www.example.com/alice/> ;purpose=info";
        let (icon, end) = InfoUri::parse_member(text, 0, 100).unwrap();
        assert_eq!(icon.uri, b"http://wwww.example.com/alice/photo.jpg");
        assert_eq!((icon.purpose(), text[end]), (Some(&b"icon"[..]), b','));
        assert_eq!((icon.span.start, icon.uri_span), (100, Span::new(101, 140)));
        let cid = InfoUri::parse(b"<cid:alice123@atlanta.example.com>").unwrap();
        assert_eq!(cid.parsed_uri().unwrap().scheme_name, b"cid");
        let alg = b"<https://atlanta.example.com/atlanta.cer>;alg=rsa-sha1";
        assert_eq!(InfoUri::parse(alg).unwrap().alg(), Some(&b"rsa-sha1"[..]));
        assert_eq!(InfoUri::parse(alg).unwrap().to_string().as_bytes(), alg);
    }

    #[test]
    fn brackets_may_not_be_left_out() {
        for (s, fault, offset) in [
            (&b""[..], Fault::Empty, 0),
            (b"http://a/", Fault::Syntax, 0),
            (b"Ring <http://a/>", Fault::Syntax, 0),
            (b"<http://a/", Fault::Quote, 0),
            (b"<no scheme>", Fault::Uri, 3),
            (b"<http://a/>;", Fault::Parameter, 12),
        ] {
            let e = InfoUri::parse(s).unwrap_err();
            assert_eq!((e.fault, e.offset), (fault, offset), "{}", String::from_utf8_lossy(s));
        }
    }
}
