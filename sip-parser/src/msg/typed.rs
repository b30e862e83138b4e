//! Typed getters: header values parsed when asked for. Owns the walk over comma lists and over
//! headers of the same name, which are one list (RFC 3261 7.3.1), and the getters of what every
//! server reads; the others are its children, by what they are about.

mod addresses;
mod content;
mod network;
mod session;

use super::Message;
use crate::header::tokens::Word;
use crate::header::{self, At, Value};
use crate::lex::{self, block};
use crate::{
    CSeq, Challenge, Contact, ContentType, Credentials, Date, Event, Fault, HeaderError, HeaderId,
    NameAddr, Number, ParseError, ParseErrorKind, RetryAfter, Span, SubscriptionState, Tokens, Uri,
    Via,
};

/// A parser of one list member: value, offset in it, offset of the value in the message.
type Member<'a, T> = fn(&'a [u8], usize, u32) -> At<(T, usize)>;

/// The members of all headers of one identity, in order. After a malformed member it goes on
/// with the next header line, since the rest of that line cannot be trusted.
pub struct Values<'a, T> {
    message: &'a Message,
    id: HeaderId,
    next: Option<usize>,
    value: &'a [u8],
    base: u32,
    /// Where the next member of the line begins; None between lines.
    at: Option<usize>,
    /// Whether a header without any member is lawful (RFC 3261 20.37 and others).
    may_be_empty: bool,
    parse: Member<'a, T>,
}

impl<'a, T> Values<'a, T> {
    /// The same values, each with where it stands in the message, white space not counted: what
    /// [`Patch::remove_value`](crate::Patch::remove_value) takes.
    pub fn with_spans(mut self) -> impl Iterator<Item = Result<(Span, T), HeaderError>> {
        core::iter::from_fn(move || {
            let (at, end, member) = match self.step()? {
                Ok(found) => found,
                Err(e) => return Some(Err(e)),
            };
            let text = lex::trim_end(self.value.get(at..end).unwrap_or_default());
            Some(Ok((Span::at(self.base, at, at + text.len()), member)))
        })
    }

    /// The next member with the offsets where it begins and ends in its line.
    #[inline]
    fn step(&mut self) -> Option<Result<(usize, usize, T), HeaderError>> {
        let at = loop {
            match self.at {
                Some(0) if self.value.is_empty() && self.may_be_empty => self.at = None,
                Some(at) => break at,
                None => {
                    if !self.open() {
                        return None;
                    }
                }
            }
        };
        match (self.parse)(self.value, at, self.base) {
            Ok((member, end)) => {
                let more = end < self.value.len();
                self.at = more.then(|| lex::skip_lws(self.value, end + 1));
                Some(Ok((at, end, member)))
            }
            Err(fault) => {
                self.at = None;
                Some(Err(error(self.id, self.base, fault)))
            }
        }
    }

    /// Opens the next header line; false when there is none.
    fn open(&mut self) -> bool {
        let Some(i) = self.next else { return false };
        let index = &self.message.index;
        let Some(entry) = index.entry(i) else { return false };
        self.next = if index.is_doubled(self.id) { index.next_of(self.id, i + 1) } else { None };
        (self.value, self.base) = entry.value(&self.message.buf);
        self.at = Some(0);
        true
    }
}

impl<'a, T> Iterator for Values<'a, T> {
    type Item = Result<T, HeaderError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().map(|found| found.map(|(_, _, member)| member))
    }
}

fn error(header: HeaderId, base: u32, (fault, at): (Fault, usize)) -> HeaderError {
    HeaderError { header, offset: base.saturating_add(crate::span::offset(at)), fault }
}

impl Message {
    fn values<'a, T>(&'a self, id: HeaderId, parse: Member<'a, T>) -> Values<'a, T> {
        let next = self.index.first_of(id);
        let may_be_empty = false;
        Values { message: self, id, next, value: b"", base: 0, at: None, may_be_empty, parse }
    }

    /// The list of a header whose values are of that type.
    fn list<'a, T: Value<'a>>(&'a self, id: HeaderId) -> Values<'a, T> {
        self.values(id, T::parse_member)
    }

    /// The same, where a header without any member is lawful.
    fn list_or_nothing<'a, T: Value<'a>>(&'a self, id: HeaderId) -> Values<'a, T> {
        Values { may_be_empty: true, ..self.list(id) }
    }

    /// The values of a header that has one in each line.
    fn each<'a, T: Value<'a>>(
        &'a self,
        id: HeaderId,
    ) -> impl Iterator<Item = Result<T, HeaderError>> {
        self.headers_of(id).map(move |h| {
            let base = h.value_span.start;
            header::whole(h.value, base).map_err(|e| error(id, base, e))
        })
    }

    /// The value of a header that may be there once at most; None when it is absent.
    fn once<'a, T: Value<'a>>(&'a self, id: HeaderId) -> Result<Option<T>, HeaderError> {
        let Some((value, base)) = self.single(id)? else { return Ok(None) };
        header::whole(value, base).map(Some).map_err(|e| error(id, base, e))
    }

    /// The token in a header that may be there once at most; None when it is absent.
    fn word(&self, id: HeaderId) -> Result<Option<&[u8]>, HeaderError> {
        Ok(self.once::<Word<'_>>(id)?.map(|word| word.0))
    }

    /// The number in a header that may be there once at most; None when it is absent.
    fn number(&self, id: HeaderId) -> Result<Option<u32>, HeaderError> {
        Ok(self.once::<Number>(id)?.map(|n| n.0))
    }

    /// The value of a header that may be there once at most, with its offset.
    #[inline]
    fn single(&self, id: HeaderId) -> Result<Option<(&[u8], u32)>, HeaderError> {
        let Some(entry) = self.index.first_of(id).and_then(|i| self.index.entry(i)) else {
            return Ok(None);
        };
        let (value, base) = entry.value(&self.buf);
        if self.index.is_doubled(id) {
            return Err(error(id, base, (Fault::Duplicate, 0)));
        }
        Ok(Some((value, base)))
    }

    #[inline]
    fn required(&self, id: HeaderId) -> Result<(&[u8], u32), HeaderError> {
        self.single(id)?.ok_or(HeaderError { header: id, offset: 0, fault: Fault::Missing })
    }

    fn address(&self, id: HeaderId) -> Result<NameAddr<'_>, HeaderError> {
        let (value, base) = self.required(id)?;
        NameAddr::parse_whole(value, base).map_err(|e| error(id, base, e))
    }

    /// The Request-URI taken apart. For a response, an error.
    pub fn uri(&self) -> Result<Uri<'_>, ParseError> {
        let span = self.request_uri_span();
        Uri::parse(self.request_uri()).map_err(|e| ParseError {
            offset: span.start.saturating_add(e.offset),
            header: None,
            kind: ParseErrorKind::RequestUri(e.fault),
        })
    }

    /// The Request-URI taken apart, when it is of a scheme that can be routed by SIP itself: sip
    /// or sips. Any other is [`ParseErrorKind::UriScheme`], 416 (RFC 3261 16.3).
    pub fn sip_uri(&self) -> Result<Uri<'_>, ParseError> {
        let uri = self.uri()?;
        if uri.is_sip() {
            return Ok(uri);
        }
        let offset = self.request_uri_span().start;
        Err(ParseError { offset, header: None, kind: ParseErrorKind::UriScheme })
    }

    /// The first Via value.
    pub fn top_via(&self) -> Result<Via<'_>, HeaderError> {
        let id = HeaderId::Via;
        let missing = HeaderError { header: id, offset: 0, fault: Fault::Missing };
        let i = self.index.first_of(id).ok_or(missing)?;
        let (value, base) = self.index.entry(i).ok_or(missing)?.value(&self.buf);
        let (via, _) = Via::parse_member(value, 0, base).map_err(|e| error(id, base, e))?;
        Ok(via)
    }

    /// All Via values, the latest hop first.
    pub fn vias(&self) -> Values<'_, Via<'_>> {
        self.values(HeaderId::Via, Via::parse_member)
    }

    /// From (RFC 3261 20.20).
    pub fn from(&self) -> Result<NameAddr<'_>, HeaderError> {
        self.address(HeaderId::From)
    }

    /// To (RFC 3261 20.39).
    pub fn to(&self) -> Result<NameAddr<'_>, HeaderError> {
        self.address(HeaderId::To)
    }

    /// Call-ID (RFC 3261 20.8); compared byte by byte, with case. Any visible text is taken, not
    /// only the `word` of the grammar: peers put base64 there.
    pub fn call_id(&self) -> Result<&[u8], HeaderError> {
        let (value, base) = self.required(HeaderId::CallId)?;
        let end = block::find(value, 0, b' ', [0x7f]);
        if value.is_empty() || end < value.len() {
            let fault = if value.is_empty() { Fault::Empty } else { Fault::Syntax };
            return Err(error(HeaderId::CallId, base, (fault, end)));
        }
        Ok(value)
    }

    /// CSeq (RFC 3261 20.16). Whether its method is that of the request is for
    /// [`Message::check`].
    pub fn cseq(&self) -> Result<CSeq<'_>, HeaderError> {
        let (value, base) = self.required(HeaderId::CSeq)?;
        CSeq::parse_whole(value).map_err(|e| error(HeaderId::CSeq, base, e))
    }

    /// Max-Forwards, 0 to 255 (RFC 3261 20.22); None when it is absent.
    pub fn max_forwards(&self) -> Result<Option<u32>, HeaderError> {
        match self.number(HeaderId::MaxForwards)? {
            Some(hops) if hops > 255 => {
                let base = self.header(HeaderId::MaxForwards).map_or(0, |h| h.value_span.start);
                Err(error(HeaderId::MaxForwards, base, (Fault::Number, 0)))
            }
            hops => Ok(hops),
        }
    }

    /// Expires in seconds (RFC 3261 20.19); None when it is absent.
    pub fn expires(&self) -> Result<Option<u32>, HeaderError> {
        self.number(HeaderId::Expires)
    }

    /// Min-Expires in seconds (RFC 3261 20.23); None when it is absent.
    pub fn min_expires(&self) -> Result<Option<u32>, HeaderError> {
        self.number(HeaderId::MinExpires)
    }

    /// Content-Length as the headers say (RFC 3261 20.14); None when it is absent.
    pub fn content_length(&self) -> Result<Option<u32>, HeaderError> {
        self.number(HeaderId::ContentLength)
    }

    /// All Contact values (RFC 3261 20.10).
    pub fn contacts(&self) -> Values<'_, Contact<'_>> {
        self.values(HeaderId::Contact, Contact::parse_member)
    }

    /// All Route values (RFC 3261 20.34).
    pub fn routes(&self) -> Values<'_, NameAddr<'_>> {
        self.values(HeaderId::Route, NameAddr::parse_member)
    }

    /// All Record-Route values (RFC 3261 20.30).
    pub fn record_routes(&self) -> Values<'_, NameAddr<'_>> {
        self.values(HeaderId::RecordRoute, NameAddr::parse_member)
    }

    /// All Path values (RFC 3327).
    pub fn paths(&self) -> Values<'_, NameAddr<'_>> {
        self.values(HeaderId::Path, NameAddr::parse_member)
    }

    /// All Service-Route values (RFC 3608).
    pub fn service_routes(&self) -> Values<'_, NameAddr<'_>> {
        self.values(HeaderId::ServiceRoute, NameAddr::parse_member)
    }

    /// All values of any header whose values are addresses, such as P-Asserted-Identity,
    /// Refer-To, Diversion, Reply-To.
    pub fn addresses(&self, id: HeaderId) -> Values<'_, NameAddr<'_>> {
        self.values(id, NameAddr::parse_member)
    }

    /// All members of a header whose values are tokens: Require, Proxy-Require, Supported,
    /// Unsupported, Allow, Allow-Events, Content-Encoding, Content-Language, Accept-Encoding,
    /// Accept-Language, Request-Disposition, Recv-Info, P-Early-Media. An empty header has none.
    pub fn tokens(&self, id: HeaderId) -> Values<'_, Tokens<'_>> {
        let list = self.values(id, Tokens::parse_member);
        Values { may_be_empty: true, ..list }
    }

    /// All credentials of Authorization or Proxy-Authorization, one a header.
    pub fn credentials(
        &self,
        id: HeaderId,
    ) -> impl Iterator<Item = Result<Credentials<'_>, HeaderError>> {
        self.each(id)
    }

    /// All challenges of WWW-Authenticate or Proxy-Authenticate, one a header.
    pub fn challenges(
        &self,
        id: HeaderId,
    ) -> impl Iterator<Item = Result<Challenge<'_>, HeaderError>> {
        self.each(id)
    }

    /// Content-Type; None when it is absent.
    pub fn content_type(&self) -> Result<Option<ContentType<'_>>, HeaderError> {
        self.once(HeaderId::ContentType)
    }

    /// Retry-After; None when it is absent.
    pub fn retry_after(&self) -> Result<Option<RetryAfter<'_>>, HeaderError> {
        self.once(HeaderId::RetryAfter)
    }

    /// Date; None when it is absent.
    pub fn date(&self) -> Result<Option<Date>, HeaderError> {
        self.once(HeaderId::Date)
    }

    /// Event; None when it is absent.
    pub fn event(&self) -> Result<Option<Event<'_>>, HeaderError> {
        self.once(HeaderId::Event)
    }

    /// Subscription-State; None when it is absent.
    pub fn subscription_state(&self) -> Result<Option<SubscriptionState<'_>>, HeaderError> {
        self.once(HeaderId::SubscriptionState)
    }

    /// Judges the value of every header with a name here by its own grammar
    /// ([`HeaderId::check`]), and that those which may be there once are there no more often, nor
    /// another Contact beside `*` (RFC 3261 20.10). For
    /// user agents and gateways that want no surprise later; a proxy must not refuse what it does
    /// not use, and calls [`Message::check`].
    pub fn check_headers(&self) -> Result<(), HeaderError> {
        for entry in (0..).map_while(|i| self.index.entry(i)) {
            let (value, base) = entry.value(&self.buf);
            if self.index.is_doubled(entry.id) && entry.id.is_single() {
                return Err(error(entry.id, base, (Fault::Duplicate, 0)));
            }
            let moved = |e: HeaderError| HeaderError { offset: base.saturating_add(e.offset), ..e };
            entry.id.check(value).map_err(moved)?;
            if entry.id == HeaderId::Contact
                && value.first() == Some(&b'*')
                && self.headers_of(HeaderId::Contact).nth(1).is_some()
            {
                return Err(error(entry.id, base, (Fault::Syntax, 0)));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn message(headers: &str) -> Message {
        let text = format!("INVITE sip:bob@b.example SIP/2.0\r\n{headers}\r\n");
        Message::parse(Bytes::from(text.into_bytes())).unwrap()
    }

    #[test]
    fn lists_run_over_commas_and_over_headers() {
        let m = message(
            "Via: SIP/2.0/UDP a;branch=1 , SIP/2.0/TCP b\r\nTo: x\r\nv: SIP/2.0/TLS c;x=\",\"\r\n",
        );
        let hosts: Vec<_> = m.vias().map(|v| v.unwrap().sent_by).collect();
        assert_eq!(hosts, [b"a", b"b", b"c"]);
        let second = m.vias().nth(1).unwrap().unwrap();
        assert_eq!(m.slice(second.span), b"SIP/2.0/TCP b");
        assert_eq!(m.top_via().unwrap().branch(), Some(&b"1"[..]));
    }

    #[test]
    fn no_other_contact_stands_beside_a_star() {
        assert_eq!(message("Contact: *\r\n").check_headers(), Ok(()));
        assert_eq!(message("Contact: <sip:a>\r\nm: <sip:b>\r\n").check_headers(), Ok(()));
        for headers in ["m: *\r\nContact: <sip:a>\r\n", "m: <sip:a>\r\nm: *\r\n", "m: *, *\r\n"] {
            let e = message(headers).check_headers().unwrap_err();
            assert_eq!((e.header, e.fault), (HeaderId::Contact, Fault::Syntax), "{headers}");
        }
    }

    #[test]
    fn empty_members_are_errors_but_empty_token_lists_are_not() {
        let m = message("Route: <sip:a>,\r\nRoute: <sip:b>\r\nSupported:\r\nk: a, b\r\n");
        let routes: Vec<_> = m.routes().map(|r| r.map(|r| r.uri).map_err(|e| e.fault)).collect();
        assert_eq!(routes, [Ok(&b"sip:a"[..]), Err(Fault::Empty), Ok(b"sip:b")]);
        let tags: Vec<_> = m.tokens(HeaderId::Supported).map(|t| t.unwrap().token).collect();
        assert_eq!(tags, [b"a", b"b"]);
        let m = message("Contact:\r\n");
        assert_eq!(m.contacts().next().unwrap().unwrap_err().fault, Fault::Empty);
    }

    #[test]
    fn errors_name_the_header_and_the_byte() {
        let m = message("To: \"x <sip:a>\r\n");
        let e = m.to().unwrap_err();
        assert_eq!((e.header, e.fault, e.status()), (HeaderId::To, Fault::Quote, (400, "Bad To")));
        assert_eq!(m.bytes()[e.offset as usize], b'"');
        assert_eq!(m.from().unwrap_err().status(), (400, "Missing From"));
        let m = message("To: <sip:a>\r\nt: <sip:b>\r\n");
        assert_eq!(m.to().unwrap_err().status(), (400, "Duplicate To"));
    }

    #[test]
    fn numbers_keep_to_their_ranges() {
        let m = message("Max-Forwards: 256\r\nExpires: 4294967296\r\nMin-Expires: 60\r\n");
        assert_eq!(m.max_forwards().unwrap_err().fault, Fault::Number);
        assert_eq!(m.expires().unwrap_err().fault, Fault::Number);
        assert_eq!(m.min_expires(), Ok(Some(60)));
        assert_eq!(m.content_length(), Ok(None));
    }

    #[test]
    fn a_uri_of_another_scheme_is_416_where_sip_is_wanted() {
        let m =
            Message::parse(Bytes::from_static(b"OPTIONS soap.beep://a:1 SIP/2.0\r\n\r\n")).unwrap();
        assert!(m.uri().is_ok());
        assert_eq!(m.sip_uri().unwrap_err().status().0, 416);
    }
}
