//! URIs for C, taken apart into offsets.

use std::ffi::c_char;

use looseroute::parser::{Scheme, Uri};

use super::error::{Parsed, Refusal, lr_parse_error, parsing};
use super::view::{Text, lr_view};
use crate::boundary::{put, required};
use crate::status::lr_status;

/// The scheme of a URI (Kamailio's `uri_type`).
#[repr(i32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum lr_uri_scheme {
    /// Any other scheme; its name is `scheme_name`.
    LR_URI_OTHER = 0,
    /// `sip`, RFC 3261 19.1.
    LR_URI_SIP = 1,
    /// `sips`, RFC 3261 19.1.
    LR_URI_SIPS = 2,
    /// `tel`, RFC 3966.
    LR_URI_TEL = 3,
    /// `urn`, RFC 8141.
    LR_URI_URN = 4,
}

/// A URI taken apart (Kamailio's `sip_uri`), escapes and case as they are. What it does not have is
/// empty.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lr_sip_uri {
    /// The whole URI.
    pub uri: lr_view,
    /// Which scheme it is of.
    pub scheme: lr_uri_scheme,
    /// The scheme as it is written.
    pub scheme_name: lr_view,
    /// The user part of sip and sips; the number of tel.
    pub user: lr_view,
    /// The password of sip and sips.
    pub password: lr_view,
    /// The host of sip and sips, an IPv6 address in its brackets.
    pub host: lr_view,
    /// Whether sip or sips has a port.
    pub has_port: bool,
    /// The port; 0 when there is none.
    pub port: u16,
    /// All parameters of sip, sips and tel, each with its semicolon before it; `lr_param_next` takes
    /// them apart.
    pub params: lr_view,
    /// What stands behind the question mark of sip and sips.
    pub headers: lr_view,
    /// The value of the parameter `transport`.
    pub transport: lr_view,
    /// The value of the parameter `user`, as `phone`.
    pub user_param: lr_view,
    /// The value of the parameter `method`.
    pub method: lr_view,
    /// The value of the parameter `ttl`.
    pub ttl: lr_view,
    /// The value of the parameter `maddr`.
    pub maddr: lr_view,
    /// The value of the parameter `gr` (RFC 5627); empty also when it has none.
    pub gr: lr_view,
    /// Whether there is a parameter `lr`: the proxy routes loosely.
    pub lr: bool,
}

/// Takes a URI apart (Kamailio's `parse_uri`): sip and sips (RFC 3261 19.1), tel (RFC 3966), and all
/// others as far as their scheme. All `len` bytes at `text` must be the URI; views count from
/// `text`. `LR_MESSAGE` when it is malformed. `lr_uri_parse` answers pointers instead.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_parse_uri(
    text: *const c_char,
    len: usize,
    uri: *mut lr_sip_uri,
    error: *mut lr_parse_error,
) -> lr_status {
    parsing(error, || {
        required(uri, "uri")?;
        let text = Text::given(text, len)?;
        put(uri, uri_of(text, text.bytes)?);
        Ok(())
    })
}

/// As `lr_parse_uri` (Kamailio's `parse_uri`), for the URI that stands at `view` in the `len` bytes at `text`, such as the
/// `uri` of an lr_to_body; views count from `text` again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_parse_uri_at(
    text: *const c_char,
    len: usize,
    view: lr_view,
    uri: *mut lr_sip_uri,
    error: *mut lr_parse_error,
) -> lr_status {
    parsing(error, || {
        required(uri, "uri")?;
        let text = Text::given(text, len)?;
        put(uri, uri_of(text, view.of(text.bytes, "view")?)?);
        Ok(())
    })
}

/// The URI `part`, which is a slice of `text`.
pub(crate) fn uri_of(text: Text<'_>, part: &[u8]) -> Parsed<lr_sip_uri> {
    let uri = Uri::parse(part).map_err(|e| Refusal::uri(e, text.view(part).offset))?;
    let value = |name: &[u8]| text.maybe(uri.params.value(name));
    Ok(lr_sip_uri {
        uri: text.view(part),
        scheme: match uri.scheme {
            Scheme::Sip => lr_uri_scheme::LR_URI_SIP,
            Scheme::Sips => lr_uri_scheme::LR_URI_SIPS,
            Scheme::Tel => lr_uri_scheme::LR_URI_TEL,
            Scheme::Urn => lr_uri_scheme::LR_URI_URN,
            Scheme::Other => lr_uri_scheme::LR_URI_OTHER,
        },
        scheme_name: text.view(uri.scheme_name),
        user: text.maybe(uri.user),
        password: text.maybe(uri.password),
        host: if uri.is_sip() { text.view(host_of(&uri)) } else { lr_view::default() },
        has_port: uri.port.is_some(),
        port: uri.port.unwrap_or(0),
        params: text.view(uri.params.raw()),
        headers: text.view(uri.headers),
        transport: value(b"transport"),
        user_param: value(b"user"),
        method: value(b"method"),
        ttl: value(b"ttl"),
        maddr: value(b"maddr"),
        gr: value(b"gr"),
        lr: uri.lr(),
    })
}

/// The host of a sip or sips URI as it is written: behind the user part and the password.
fn host_of<'a>(uri: &Uri<'a>) -> &'a [u8] {
    let before = match (uri.user, uri.password) {
        (Some(user), Some(password)) => user.len() + 1 + password.len() + 1,
        (Some(user), None) => user.len() + 1,
        _ => 0,
    };
    let rest = uri.opaque.get(before..).unwrap_or_default();
    let end = match rest.first() {
        Some(b'[') => rest.iter().position(|b| *b == b']').map(|at| at + 1),
        _ => rest.iter().position(|b| matches!(b, b':' | b';' | b'?')),
    };
    rest.get(..end.unwrap_or(rest.len())).unwrap_or_default()
}
