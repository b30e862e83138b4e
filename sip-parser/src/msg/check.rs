//! Judging a message as a whole: the headers every message must have and a proxy must understand
//! (RFC 3261 8.1.1, 16.3 step 1). Owns which headers may be there once only.

use super::Message;
use crate::{
    Contact, Fault, HeaderError, HeaderId, Limits, Method, NameAddr, Params, ParseError,
    ParseErrorKind, Uri, UriFault,
};

fn fail(header: HeaderId, offset: u32, fault: Fault) -> ParseError {
    HeaderError { header, offset, fault }.into()
}

/// Checks that there are not more parameters than `limits` allow; `offset` is for the error.
#[inline]
fn count(
    params: Params<'_>,
    header: Option<HeaderId>,
    offset: u32,
    limits: &Limits,
) -> Result<(), ParseError> {
    // The shortest parameter has two bytes, `;a`, so that nearly no list has to be counted.
    if params.raw().len() / 2 <= limits.params || params.iter().count() <= limits.params {
        return Ok(());
    }
    Err(ParseError { offset, header, kind: ParseErrorKind::TooManyParameters })
}

/// Checks the URI inside an address, and how many parameters both have.
fn inner_uri(header: HeaderId, addr: &NameAddr<'_>, limits: &Limits) -> Result<(), ParseError> {
    count(addr.params, Some(header), addr.span.start, limits)?;
    match addr.parsed_uri() {
        Ok(uri) => count(uri.params, Some(header), addr.uri_span.start, limits),
        Err(e) => Err(fail(header, addr.uri_span.start.saturating_add(e.offset), e.into())),
    }
}

impl Message {
    /// Judges what every hop must understand: Via, From, To, Call-ID and CSeq present, once, and
    /// well formed; Max-Forwards in range; the Request-URI well formed and without headers;
    /// the method of CSeq that of the request. A proxy calls this before it does anything else.
    pub fn check(&self) -> Result<(), ParseError> {
        self.check_with(&Limits::DEFAULT)
    }

    /// [`Message::check`] under the given limits: only [`Limits::params`] counts here, the others
    /// were kept when the message was parsed.
    pub fn check_with(&self, limits: &Limits) -> Result<(), ParseError> {
        if self.is_request() {
            let uri = self.uri()?;
            if !uri.headers.is_empty() {
                return Err(self.forbidden_headers(&uri));
            }
            count(uri.params, None, self.request_uri_span().start, limits)?;
        }
        let mut vias = 0;
        for via in self.vias() {
            let via = via?;
            count(via.params, Some(HeaderId::Via), via.span.start, limits)?;
            vias += 1;
        }
        if vias == 0 {
            return Err(fail(HeaderId::Via, 0, Fault::Missing));
        }
        inner_uri(HeaderId::From, &self.from()?, limits)?;
        inner_uri(HeaderId::To, &self.to()?, limits)?;
        self.call_id()?;
        let cseq = self.cseq()?;
        let mismatch = match self.method() {
            Some(Method::Other) => cseq.method_name != self.method_name(),
            Some(method) => cseq.method != method,
            None => false,
        };
        if mismatch {
            let at = self.header(HeaderId::CSeq).map_or(0, |h| h.value_span.start);
            return Err(fail(HeaderId::CSeq, at, Fault::Mismatch));
        }
        self.max_forwards()?;
        Ok(())
    }

    /// [`Message::check`] and the headers that route: Route, Record-Route, Path, Service-Route
    /// and Contact, each value with its URI, and a `*` of Contact alone (RFC 3261 20.10). For registrars and user agents; a proxy between
    /// others need not judge what it does not use.
    pub fn check_routing(&self) -> Result<(), ParseError> {
        self.check_routing_with(&Limits::DEFAULT)
    }

    /// [`Message::check_routing`] under the given limits, as [`Message::check_with`].
    pub fn check_routing_with(&self, limits: &Limits) -> Result<(), ParseError> {
        self.check_with(limits)?;
        let lists =
            [HeaderId::Route, HeaderId::RecordRoute, HeaderId::Path, HeaderId::ServiceRoute];
        for id in lists {
            for addr in self.addresses(id) {
                inner_uri(id, &addr?, limits)?;
            }
        }
        let (mut all, mut stars) = (0, 0);
        for contact in self.contacts() {
            all += 1;
            match contact? {
                Contact::Star => stars += 1,
                Contact::Addr(addr) => inner_uri(HeaderId::Contact, &addr, limits)?,
            }
        }
        if stars > 0 && all > 1 {
            let at = self.header(HeaderId::Contact).map_or(0, |h| h.value_span.start);
            return Err(fail(HeaderId::Contact, at, Fault::Syntax));
        }
        Ok(())
    }

    /// Headers may not stand in a Request-URI (RFC 3261 19.1.1 table 1).
    fn forbidden_headers(&self, uri: &Uri<'_>) -> ParseError {
        let len = crate::span::offset(uri.headers.len());
        ParseError {
            offset: self.request_uri_span().end.saturating_sub(len),
            header: None,
            kind: ParseErrorKind::RequestUri(UriFault::Header),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    const GOOD: &str = "REGISTER sip:b.example SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z\r\n\
        From: <sip:a@b.example>;tag=1\r\nTo: <sip:a@b.example>\r\nCall-ID: c@d\r\n\
        CSeq: 1 REGISTER\r\nMax-Forwards: 70\r\nContact: <sip:a@h>\r\n\r\n";

    fn verdict(old: &str, new: &str) -> Result<(), (u16, &'static str)> {
        assert!(GOOD.contains(old));
        let text = GOOD.replacen(old, new, 1);
        let m = Message::parse(Bytes::from(text.into_bytes())).map_err(|e| e.status())?;
        m.check_routing().map_err(|e| e.status())
    }

    #[test]
    fn parameters_are_counted_up_to_their_limit() {
        let limits = Limits { params: 3, ..Limits::DEFAULT };
        for (old, new, header) in [
            ("sip:b.example SIP", "sip:b.example;a;b;c SIP", None),
            (";branch=z", ";branch=z;b;c", Some(HeaderId::Via)),
            (";tag=1", ";tag=1;b;c", Some(HeaderId::From)),
            ("<sip:a@b.example>\r\nCall", "<sip:a@b.example;a;b;c>\r\nCall", Some(HeaderId::To)),
            ("<sip:a@h>", "<sip:a@h>;a;b;c", Some(HeaderId::Contact)),
        ] {
            for (extra, wanted) in [("", Ok(())), (";d", Err(header))] {
                let new = new.replacen(";b;c", &format!(";b;c{extra}"), 1);
                let text = GOOD.replacen(old, &new, 1);
                assert_ne!(text, GOOD);
                let m = Message::parse(Bytes::from(text.into_bytes())).unwrap();
                let got = m.check_routing_with(&limits);
                if let Err(e) = got {
                    assert_eq!(e.status(), (513, "Message Too Large (parameter count)"));
                }
                assert_eq!(got.map_err(|e| e.header), wanted, "{new}");
                assert_eq!(m.check_routing(), Ok(()));
            }
        }
        let many = GOOD.replacen(";branch=z", &";p".repeat(129), 1);
        let m = Message::parse(Bytes::from(many.into_bytes())).unwrap();
        assert_eq!(m.check().unwrap_err().status().0, 513);
    }

    #[test]
    fn a_good_message_passes_and_each_flaw_is_named() {
        assert_eq!(verdict("70", "70"), Ok(()));
        assert_eq!(verdict("Contact: <sip:a@h>", "Contact: *"), Ok(()));
        for (old, new, reason) in [
            ("sip:b.example SIP", "sip:b.example?Route=x SIP", "Bad Request-URI"),
            ("sip:b.example SIP", "sip:b.example:x SIP", "Bad Request-URI"),
            ("branch=z", "branch=z,", "Bad Via"),
            ("Via: SIP/2.0/UDP h;branch=z\r\n", "", "Missing Via"),
            ("From: <sip:a@b.example>;tag=1\r\n", "", "Missing From"),
            ("To: <sip:a@b.example>", "To: <sip:a@>", "Bad To"),
            ("Call-ID: c@d", "Call-ID: c d", "Bad Call-ID"),
            ("Call-ID: c@d", "Call-ID:", "Bad Call-ID"),
            ("1 REGISTER", "1 OPTIONS", "Bad CSeq"),
            ("1 REGISTER", "36893488147419103232 REGISTER", "Bad CSeq"),
            ("Max-Forwards: 70", "Max-Forwards: 300", "Bad Max-Forwards"),
            ("Max-Forwards: 70", "Max-Forwards: 7\r\nMax-Forwards: 8", "Duplicate Max-Forwards"),
            ("Contact: <sip:a@h>", "Contact: <sip:a@h:h>", "Bad Contact"),
            ("Contact: <sip:a@h>", "Contact: *, <sip:a@h>", "Bad Contact"),
            ("Contact: <sip:a@h>", "Contact: <sip:a@h>\r\nm: *", "Bad Contact"),
        ] {
            assert_eq!(verdict(old, new), Err((400, reason)), "{old} -> {new}");
        }
    }
}
