//! Two URIs: reading them does no harm, parts lie in order in the text, comparison is reflexive
//! and symmetric, escapes survive a round trip.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sip_parser::{Host, NameAddr, Uri, escape_user, unescape};

fn parts(text: &[u8], uri: &Uri<'_>) {
    assert!(text.starts_with(uri.scheme_name));
    assert_eq!(text.get(uri.scheme_name.len()), Some(&b':'));
    assert!(text.ends_with(uri.opaque));
    if uri.is_sip() {
        let mut len = uri.params.raw().len();
        len += uri.user.map_or(0, |u| u.len() + 1);
        len += uri.password.map_or(0, |p| p.len() + 1);
        len += if uri.headers.is_empty() { 0 } else { uri.headers.len() + 1 };
        assert!(len < uri.opaque.len(), "parts do not overlap");
        let shown = uri.host.to_string();
        let again = Host::parse(shown.as_bytes()).expect("a host stays a host");
        assert!(again.equivalent(&uri.host));
    }
    for (name, value) in uri.params {
        assert!(!name.is_empty());
        assert!(uri.params.has(name));
        let _ = value.map(unescape);
    }
    uri.header_iter().for_each(|(name, _)| assert!(!name.is_empty()));
    let _ = (uri.transport(), uri.lr(), uri.maddr());
}

fuzz_target!(|data: &[u8]| {
    let cut = data.iter().position(|b| *b == b'\n').unwrap_or(data.len());
    let (a, b) = (&data[..cut], data.get(cut + 1..).unwrap_or_default());
    let (one, two) = (Uri::parse(a), Uri::parse(b));
    for (text, uri) in [(a, &one), (b, &two)] {
        match uri {
            Ok(uri) => {
                parts(text, uri);
                assert!(Uri::equivalent(uri, uri));
                let wrapped = [b"<", text, b">;tag=x"].concat();
                let addr = NameAddr::parse(&wrapped).expect("a URI fits into brackets");
                assert_eq!(addr.uri, text);
            }
            Err(e) => assert!(e.offset as usize <= text.len()),
        }
    }
    if let (Ok(one), Ok(two)) = (&one, &two) {
        assert_eq!(Uri::equivalent(one, two), Uri::equivalent(two, one));
    }
    assert_eq!(&*unescape(&escape_user(a)), a);
});
