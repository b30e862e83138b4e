//! Which grammar each header has. Owns the table from identity to value type, and the two things
//! that need nothing else: judging a value, and writing it in its normal form.

use super::number::Hops;
use super::tokens::Word;
use super::{At, Value};
use crate::lex::skip_lws;
use crate::{
    AccessNetwork, Agent, AuthenticationInfo, CSeq, CallId, Challenge, ChargingAddresses,
    ChargingVector, Contact, ContentDisposition, ContentType, Credentials, Date, Diversion, Event,
    Fault, FeatureSet, GeolocationError, HeaderError, HeaderId, HistoryInfo, Identity, InReplyTo,
    InfoUri, Join, MimeVersion, MinSe, NameAddr, Number, Privacy, RAck, Reason, ReferSub,
    ReferredBy, RemotePartyId, Replaces, ResourcePriority, RetryAfter, SecurityMechanism,
    ServiceId, SessionExpires, SessionId, Span, SubscriptionState, TargetDialog, Text, Timestamp,
    Tokens, Uri, UserToUser, Via, VisitedNetwork, Warning,
};
use bytes::{BufMut, BytesMut};

/// How many values a header has, and how often it may stand in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// One value in one header.
    Once,
    /// One value a header, in any number of headers.
    Each,
    /// A comma list; several headers are one list (RFC 3261 7.3.1).
    List,
    /// The same, and the list may be empty.
    ListOrEmpty,
}

/// Goes through all values of a header of that shape, and appends each when there is somewhere to.
type Walk = for<'a, 'b> fn(Shape, &'a [u8], Option<&'b mut BytesMut>) -> At<()>;

/// Parses the value at an offset, judges its URI, and appends it when there is somewhere to;
/// returns the offset of the comma behind it or of the end.
#[inline(always)]
fn step<'a, T: Value<'a>>(s: &'a [u8], at: usize, out: Option<&mut BytesMut>) -> At<usize> {
    let (value, end) = T::parse_member(s, at, 0)?;
    if let Some((uri, span)) = value.uri()
        && let Err(e) = Uri::parse(uri)
    {
        return Err((e.into(), span.start.saturating_add(e.offset) as usize));
    }
    if let Some(out) = out {
        value.put(out);
    }
    Ok(end)
}

fn walk<'a, T: Value<'a>>(shape: Shape, s: &'a [u8], mut out: Option<&mut BytesMut>) -> At<()> {
    let mut at = skip_lws(s, 0);
    if at >= s.len() && shape == Shape::ListOrEmpty {
        return Ok(());
    }
    loop {
        let end = step::<T>(s, at, out.as_deref_mut())?;
        if end >= s.len() {
            return Ok(());
        }
        if matches!(shape, Shape::Once | Shape::Each) {
            return Err((Fault::Syntax, end));
        }
        if let Some(out) = &mut out {
            out.put_slice(b", ");
        }
        at = skip_lws(s, end + 1);
    }
}

/// What a value must keep to that its getter lets pass; and which fault it is when it does not.
trait Strict {
    const FAULT: Fault = Fault::Parameter;

    fn is_lawful(&self) -> bool;
}

/// A value of which all is judged.
struct Judged<T>(T);

impl<'a, T: Value<'a> + Strict> Value<'a> for Judged<T> {
    #[inline(always)]
    fn parse_member(s: &'a [u8], at: usize, base: u32) -> At<(Judged<T>, usize)> {
        let (value, end) = T::parse_member(s, at, base)?;
        if value.is_lawful() { Ok((Judged(value), end)) } else { Err((T::FAULT, at)) }
    }

    fn put(&self, out: &mut BytesMut) {
        self.0.put(out);
    }

    fn uri(&self) -> Option<(&'a [u8], Span)> {
        self.0.uri()
    }
}

impl Strict for ContentType<'_> {
    #[inline(always)]
    fn is_lawful(&self) -> bool {
        !self.params.may_have(b"q") || self.q().is_some() || !self.params.has(b"q")
    }
}

impl Strict for Tokens<'_> {
    #[inline(always)]
    fn is_lawful(&self) -> bool {
        !self.params.may_have(b"q") || self.q().is_some() || !self.params.has(b"q")
    }
}

impl Strict for CSeq<'_> {
    const FAULT: Fault = Fault::Number;

    #[inline(always)]
    fn is_lawful(&self) -> bool {
        self.number < 1 << 31
    }
}

/// The number of a reliable response, which is never 0 (RFC 3262 7.1).
struct Sequence(Number);

impl<'a> Value<'a> for Sequence {
    fn parse_member(s: &'a [u8], at: usize, base: u32) -> At<(Sequence, usize)> {
        let (number, end) = Number::parse_member(s, at, base)?;
        if number.0 == 0 { Err((Fault::Number, at)) } else { Ok((Sequence(number), end)) }
    }

    fn put(&self, out: &mut BytesMut) {
        self.0.put(out);
    }
}

/// A value of Contact: `*` stands alone (RFC 3261 25.1).
struct Binding<'a>(Contact<'a>);

impl<'a> Value<'a> for Binding<'a> {
    #[inline(always)]
    fn parse_member(s: &'a [u8], at: usize, base: u32) -> At<(Binding<'a>, usize)> {
        let (contact, end) = Contact::parse_member(s, at, base)?;
        match contact {
            Contact::Star if at > skip_lws(s, 0) => Err((Fault::Syntax, at)),
            Contact::Star if end < s.len() => Err((Fault::Syntax, end)),
            Contact::Addr(addr)
                if addr.params.may_have(b"q") && addr.q().is_none() && addr.params.has(b"q") =>
            {
                Err((Fault::Parameter, at))
            }
            _ => Ok((Binding(contact), end)),
        }
    }

    fn put(&self, out: &mut BytesMut) {
        self.0.put(out);
    }

    fn uri(&self) -> Option<(&'a [u8], Span)> {
        self.0.uri()
    }
}

macro_rules! of {
    ($shape:ident, $type:ty) => {
        (Shape::$shape, (|shape, s, out| walk::<$type>(shape, s, out)) as Walk)
    };
}

/// The family of a header; None for those without a name here.
fn family(id: HeaderId) -> Option<(Shape, Walk)> {
    use HeaderId as Id;
    Some(match id {
        Id::Via => of!(List, Via<'_>),
        Id::From | Id::To | Id::ReplyTo | Id::ReferTo | Id::PCalledPartyId => {
            of!(Once, NameAddr<'_>)
        }
        Id::Contact => of!(List, Binding<'_>),
        Id::Route | Id::RecordRoute | Id::Path | Id::ServiceRoute => of!(List, NameAddr<'_>),
        Id::PAssertedIdentity | Id::PPreferredIdentity => of!(List, NameAddr<'_>),
        Id::PermissionMissing | Id::TriggerConsent => of!(List, NameAddr<'_>),
        Id::PAssociatedUri => of!(ListOrEmpty, NameAddr<'_>),
        Id::RemotePartyId => of!(List, RemotePartyId<'_>),
        Id::Diversion => of!(List, Diversion<'_>),
        Id::HistoryInfo => of!(List, HistoryInfo<'_>),
        Id::ReferredBy => of!(Once, ReferredBy<'_>),
        Id::ReferSub => of!(Once, ReferSub<'_>),
        Id::CallId => of!(Once, CallId<'_>),
        Id::InReplyTo => of!(List, InReplyTo<'_>),
        Id::Replaces => of!(Once, Replaces<'_>),
        Id::Join => of!(Once, Join<'_>),
        Id::TargetDialog => of!(Once, TargetDialog<'_>),
        Id::CSeq => of!(Once, Judged<CSeq<'_>>),
        Id::RAck => of!(Once, RAck<'_>),
        Id::MaxForwards => of!(Once, Hops),
        Id::ContentLength | Id::Expires | Id::MinExpires | Id::FlowTimer | Id::MaxBreadth => {
            of!(Once, Number)
        }
        Id::RSeq => of!(Once, Sequence),
        Id::SessionExpires => of!(Once, SessionExpires<'_>),
        Id::MinSe => of!(Once, MinSe<'_>),
        Id::RetryAfter => of!(Once, RetryAfter<'_>),
        Id::Date => of!(Once, Date),
        Id::Timestamp => of!(Once, Timestamp<'_>),
        Id::MimeVersion => of!(Once, MimeVersion),
        Id::ContentType => of!(Once, ContentType<'_>),
        Id::Accept => of!(ListOrEmpty, Judged<ContentType<'_>>),
        Id::ContentDisposition => of!(Once, ContentDisposition<'_>),
        Id::AcceptEncoding | Id::AcceptLanguage => of!(ListOrEmpty, Judged<Tokens<'_>>),
        Id::Supported | Id::Allow | Id::RecvInfo | Id::PEarlyMedia => {
            of!(ListOrEmpty, Tokens<'_>)
        }
        Id::Require
        | Id::ProxyRequire
        | Id::Unsupported
        | Id::AllowEvents
        | Id::ContentEncoding
        | Id::ContentLanguage
        | Id::RequestDisposition => of!(List, Tokens<'_>),
        Id::InfoPackage | Id::AnswerMode | Id::PrivAnswerMode => of!(Once, Tokens<'_>),
        Id::Priority
        | Id::SipEtag
        | Id::SipIfMatch
        | Id::SuppressIfMatch
        | Id::GeolocationRouting => {
            of!(Once, Word<'_>)
        }
        Id::Event => of!(Once, Event<'_>),
        Id::SubscriptionState => of!(Once, SubscriptionState<'_>),
        Id::Authorization | Id::ProxyAuthorization => of!(Each, Credentials<'_>),
        Id::WwwAuthenticate | Id::ProxyAuthenticate => of!(Each, Challenge<'_>),
        Id::AuthenticationInfo | Id::ProxyAuthenticationInfo => of!(Once, AuthenticationInfo<'_>),
        Id::Identity => of!(Each, Identity<'_>),
        Id::IdentityInfo => of!(Once, InfoUri<'_>),
        Id::AlertInfo | Id::CallInfo | Id::ErrorInfo | Id::Geolocation => of!(List, InfoUri<'_>),
        Id::ReferEventsAt => of!(Once, InfoUri<'_>),
        Id::GeolocationError => of!(Once, GeolocationError<'_>),
        Id::AcceptContact | Id::RejectContact | Id::FeatureCaps => of!(List, FeatureSet<'_>),
        Id::ResourcePriority => of!(List, ResourcePriority<'_>),
        Id::AcceptResourcePriority => of!(ListOrEmpty, ResourcePriority<'_>),
        Id::SecurityClient | Id::SecurityServer | Id::SecurityVerify => {
            of!(List, SecurityMechanism<'_>)
        }
        Id::PAssertedService | Id::PPreferredService => of!(List, ServiceId<'_>),
        Id::PAccessNetworkInfo => of!(List, AccessNetwork<'_>),
        Id::PVisitedNetworkId => of!(List, VisitedNetwork<'_>),
        Id::PChargingVector => of!(Once, ChargingVector<'_>),
        Id::PChargingFunctionAddresses => of!(Once, ChargingAddresses<'_>),
        Id::Privacy => of!(Once, Privacy<'_>),
        Id::Reason => of!(List, Reason<'_>),
        Id::Warning => of!(List, Warning<'_>),
        Id::SessionId => of!(Once, SessionId<'_>),
        Id::UserToUser => of!(List, UserToUser<'_>),
        Id::Subject | Id::Organization => of!(Once, Text<'_>),
        Id::Server | Id::UserAgent => of!(Once, Agent<'_>),
        Id::Other => return None,
    })
}

impl HeaderId {
    fn read(self, value: &[u8], out: Option<&mut BytesMut>) -> Result<(), HeaderError> {
        let Some((shape, walk)) = family(self) else {
            if let Some(out) = out {
                out.put_slice(value);
            }
            return Ok(());
        };
        walk(shape, value, out).map_err(|(fault, at)| HeaderError {
            header: self,
            offset: crate::span::offset(at),
            fault,
        })
    }

    /// Judges the value of such a header by its own grammar, all members of its list, and the URIs
    /// in it. The offset of an error counts in `value`. [`HeaderId::Other`] takes anything.
    ///
    /// It is stricter than the getters of [`Message`](crate::Message), which judge a URI only when
    /// it is asked for, and take an empty list for a list of nothing. It also refuses what they
    /// let pass: a `*` of Contact that is not alone (RFC 3261 20.10), a q that is none in Contact,
    /// Accept, Accept-Encoding and Accept-Language (25.1 qvalue), a CSeq
    /// of 2^31 and more (8.1.1.5), an RSeq of 0 (RFC 3262 7.1).
    ///
    /// Not judged are other values of parameters, beyond being a token, a host or a quoted string:
    /// neither their form nor their range (rport, received, maddr, ttl and branch of Via; tag; expires
    /// of Contact; Digest parameters beyond their syntax), nor whether a parameter stands there
    /// twice or may stand there at all; the meaning of tokens (methods, option tags, events); and
    /// whether headers fit each other, or fit the method.
    ///
    /// ```
    /// use sip_parser::{Fault, HeaderId};
    ///
    /// assert!(HeaderId::Reason.check(b"SIP;cause=480, Q.850;cause=16").is_ok());
    /// let e = HeaderId::Route.check(b"<sip:a>, <sip:b@>").unwrap_err();
    /// assert_eq!((e.fault, e.offset, e.status()), (Fault::Host, 16, (400, "Bad Route")));
    /// ```
    pub fn check(self, value: &[u8]) -> Result<(), HeaderError> {
        self.read(value, None)
    }

    /// Appends the value of such a header in its normal form: no folds and no white space that is
    /// not needed, quotes and brackets where this crate writes them; the meaning, the order and
    /// the case stay. What was appended passes [`HeaderId::check`] and is its own normal form.
    /// [`HeaderId::Other`] is appended as it is. On an error nothing is appended.
    pub fn normalize(self, value: &[u8], out: &mut BytesMut) -> Result<(), HeaderError> {
        let len = out.len();
        let outcome = self.read(value, Some(out));
        if outcome.is_err() {
            out.truncate(len);
        }
        outcome
    }

    /// Whether such a header may stand in a message only once. [`HeaderId::Other`] may stand
    /// there any number of times.
    pub fn is_single(self) -> bool {
        matches!(family(self), Some((Shape::Once, _)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(id: HeaderId, value: &str) -> Result<String, (Fault, u32)> {
        let mut out = BytesMut::new();
        out.put_slice(b"kept");
        let outcome = id.normalize(value.as_bytes(), &mut out);
        assert_eq!(outcome, id.check(value.as_bytes()));
        assert!(out.starts_with(b"kept") && (outcome.is_ok() || out.len() == 4));
        let text = String::from_utf8(out.split_off(4).to_vec()).unwrap();
        outcome.map(|()| text).map_err(|e| (e.fault, e.offset))
    }

    #[test]
    fn lists_are_written_member_by_member() {
        let via = "SIP / 2.0 / UDP a : 5060 ;branch=z ,\r\n SIP/2.0/TCP [::1]";
        let plain = "SIP/2.0/UDP a:5060;branch=z, SIP/2.0/TCP [::1]";
        assert_eq!(normal(HeaderId::Via, via).as_deref(), Ok(plain));
        assert_eq!(normal(HeaderId::Supported, " ").as_deref(), Ok(""));
        assert_eq!(normal(HeaderId::Require, ""), Err((Fault::Empty, 0)));
        assert_eq!(normal(HeaderId::Require, "a, "), Err((Fault::Empty, 3)));
        assert_eq!(normal(HeaderId::Event, "a, b"), Err((Fault::Syntax, 1)));
        assert_eq!(normal(HeaderId::Identity, "a;info=<b:c>, d"), Err((Fault::Syntax, 12)));
    }

    #[test]
    fn unknown_headers_are_kept_byte_for_byte() {
        let value = " ;;,\r\n \"<";
        assert_eq!(normal(HeaderId::Other, value).as_deref(), Ok(value));
    }

    #[test]
    fn uris_are_judged_where_they_stand() {
        assert_eq!(normal(HeaderId::Contact, "*").as_deref(), Ok("*"));
        assert_eq!(normal(HeaderId::Contact, "a <sip:b>, <sip:c@h:h>"), Err((Fault::Host, 20)));
        assert_eq!(normal(HeaderId::Diversion, "<sip:c@h;>"), Err((Fault::Uri, 9)));
        assert_eq!(normal(HeaderId::AlertInfo, "<urn:>"), Err((Fault::Uri, 5)));
    }

    #[test]
    fn ranges_are_judged_that_getters_let_pass() {
        for (id, good, bad) in [
            (HeaderId::Contact, "<sip:a>;q=0.5, <sip:b>", "<sip:a>;q=0.5, <sip:b>;q=2"),
            (HeaderId::Contact, "<sip:a>;q=1.000", "<sip:a>;q=1.001"),
            (HeaderId::Contact, " *", "<sip:a>, *"),
            (HeaderId::Contact, "*", "*, <sip:a>"),
            (HeaderId::Contact, "*<sip:a>", "*, *"),
            (HeaderId::Accept, "a/b;q=0", "a/b;q=-1"),
            (HeaderId::AcceptEncoding, "gzip;q=.5", "gzip;q"),
            (HeaderId::AcceptLanguage, "en;q=0.123", "en, de;q=0.1234"),
            (HeaderId::CSeq, "2147483647 ACK", "2147483648 ACK"),
            (HeaderId::RSeq, "4294967295", "0"),
        ] {
            assert!(normal(id, good).is_ok(), "{id}: {good}");
            assert!(normal(id, bad).is_err(), "{id}: {bad}");
        }
        assert_eq!(normal(HeaderId::Contact, "<sip:a>, *"), Err((Fault::Syntax, 9)));
        assert_eq!(normal(HeaderId::Contact, "*, <sip:a>"), Err((Fault::Syntax, 1)));
        assert_eq!(normal(HeaderId::RSeq, "0"), Err((Fault::Number, 0)));
    }

    #[test]
    fn every_header_has_a_family_and_says_how_often_it_may_stand() {
        for &id in HeaderId::all() {
            assert!(family(id).is_some(), "{id}");
        }
        assert!(HeaderId::From.is_single() && HeaderId::CSeq.is_single());
        assert!(!HeaderId::Via.is_single() && !HeaderId::Authorization.is_single());
        assert!(!HeaderId::Supported.is_single() && !HeaderId::Other.is_single());
    }
}
