//! URIs for C: the parts of one, as views into it.

use looseroute::parser::Uri;

use crate::boundary::{boundary, put, required};
use crate::status::{Failure, Outcome, lr_error, lr_status};
use crate::text::lr_str;

/// The parts of a URI: views into the text it was parsed from, escapes and case as they are.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lr_uri {
    /// The scheme, as `sip`.
    pub scheme: lr_str,
    /// The user part of sip and sips, or the number of tel; empty when there is none.
    pub user: lr_str,
    /// The host of sip and sips, an IPv6 address in its brackets; empty otherwise.
    pub host: lr_str,
    /// The port of sip and sips; 0 when there is none.
    pub port: u16,
    /// All parameters, each with its semicolon before it.
    pub parameters: lr_str,
}

/// Takes a URI apart (RFC 3261 19.1, RFC 3966). `LR_INVALID_ARGUMENT` when it is malformed, with
/// the place in the detail. The views live as long as the text of `uri` does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_uri_parse(
    uri: lr_str,
    parts: *mut lr_uri,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || {
        required(parts, "parts")?;
        put(parts, parts_of(uri.bytes("uri")?)?);
        Ok(())
    })
}

/// The user part of a URI, a view into it; empty when it has none or is malformed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_uri_user(uri: lr_str) -> lr_str {
    let parts = uri.bytes("uri").and_then(parts_of);
    parts.map_or(lr_str::of(b""), |parts| parts.user)
}

fn parts_of(text: &[u8]) -> Outcome<lr_uri> {
    let uri = Uri::parse(text).map_err(|e| Failure::invalid(e.to_string()))?;
    Ok(lr_uri {
        scheme: lr_str::of(uri.scheme_name),
        user: lr_str::of(uri.user.unwrap_or_default()),
        host: lr_str::of(if uri.is_sip() { host_of(&uri) } else { b"" }),
        port: uri.port.unwrap_or(0),
        parameters: lr_str::of(uri.params.raw()),
    })
}

/// The host as it is written. Neither a host nor a parameter may hold an `@`.
fn host_of<'a>(uri: &Uri<'a>) -> &'a [u8] {
    let all = uri.opaque;
    let from = match uri.user {
        Some(_) => all.iter().position(|b| *b == b'@').map_or(0, |at| at + 1),
        None => 0,
    };
    let rest = all.get(from..).unwrap_or_default();
    let end = match rest.first() {
        Some(b'[') => rest.iter().position(|b| *b == b']').map(|at| at + 1),
        _ => rest.iter().position(|b| matches!(b, b':' | b';' | b'?')),
    };
    rest.get(..end.unwrap_or(rest.len())).unwrap_or_default()
}

/// Checks text that is to become a URI of a message.
pub(crate) fn checked<'a>(text: &'a [u8], what: &str) -> Outcome<&'a [u8]> {
    Uri::parse(text).map_err(|e| Failure::invalid(format!("{what}: {e}")))?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> [String; 5] {
        let parts = parts_of(text.as_bytes()).expect("a URI");
        let text = |s: lr_str| {
            String::from_utf8(s.bytes("part").expect("a view").to_vec()).expect("UTF-8")
        };
        let port = parts.port.to_string();
        [text(parts.scheme), text(parts.user), text(parts.host), port, text(parts.parameters)]
    }

    #[test]
    fn a_uri_falls_into_its_parts() {
        assert_eq!(parts("sip:a@b.c:5;lr?x=y"), ["sip", "a", "b.c", "5", ";lr"]);
        assert_eq!(parts("sips:[::1]"), ["sips", "", "[::1]", "0", ""]);
        assert_eq!(parts("sip:u:pw@[::1]:7;a=b;c"), ["sip", "u", "[::1]", "7", ";a=b;c"]);
        assert_eq!(parts("tel:+49123;ext=4"), ["tel", "+49123", "", "0", ";ext=4"]);
        assert!(parts_of(b"sip:a b@c").is_err());
    }
}
