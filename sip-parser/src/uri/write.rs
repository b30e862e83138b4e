//! Writing URIs from their parts: what was changed in a [`Uri`] goes out, the rest as received.

use super::{Scheme, Uri};
use crate::Host;
use bytes::{BufMut, BytesMut};
use core::fmt;

impl Uri<'_> {
    /// Appends the URI as its fields say it: they are public, so that a parsed URI with another
    /// port or user can be written. Every part stands as it is, so that escaping is for whoever
    /// sets one ([`escape_user`](crate::escape_user), [`escape_param`](crate::escape_param)).
    /// Schemes other than sip, sips and tel are written from [`Uri::opaque`].
    pub fn write(&self, out: &mut BytesMut) {
        out.put_slice(self.scheme_name);
        out.put_u8(b':');
        match self.scheme {
            Scheme::Sip | Scheme::Sips => self.write_sip(out),
            Scheme::Tel => {
                out.put_slice(self.user.unwrap_or_default());
                out.put_slice(self.params.raw());
            }
            _ => out.put_slice(self.opaque),
        }
    }

    fn write_sip(&self, out: &mut BytesMut) {
        if let Some(user) = self.user {
            out.put_slice(user);
            if let Some(password) = self.password {
                out.put_u8(b':');
                out.put_slice(password);
            }
            out.put_u8(b'@');
        }
        match self.host {
            Host::Name(name) => out.put_slice(name),
            host => out.put_slice(host.to_string().as_bytes()),
        }
        if let Some(port) = self.port {
            out.put_slice(format!(":{port}").as_bytes());
        }
        out.put_slice(self.params.raw());
        if !self.headers.is_empty() {
            out.put_u8(b'?');
            out.put_slice(self.headers);
        }
    }
}

/// As on the wire; bytes that are not UTF-8 replaced.
impl fmt::Display for Uri<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = BytesMut::new();
        self.write(&mut out);
        f.write_str(&String::from_utf8_lossy(&out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_is_written_from_its_parts() {
        for text in [
            "sip:alice:pw@example.com:5070;transport=tcp;lr?subject=x&a=%20",
            "SIPS:[2001:db8::1]:1",
            "sip:192.0.2.1;lr",
            "sip:a@[fe80::1%25eth0]",
            "tel:+1-201;ext=5",
            "urn:service:sos",
            "http://a/b?c#d",
        ] {
            assert_eq!(Uri::parse(text.as_bytes()).unwrap().to_string(), text);
        }
        let mut uri = Uri::parse(b"sip:a@b;lr").unwrap();
        (uri.user, uri.port) = (Some(&b"c"[..]), Some(5061));
        assert_eq!(uri.to_string(), "sip:c@b:5061;lr");
    }
}
