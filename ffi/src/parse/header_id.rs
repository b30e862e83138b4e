//! Which header a name means, as numbers for C: the enumeration, the bits that stand for headers in
//! a mask, and the table between them and the parser's own identities.

use looseroute::HeaderId;
use looseroute::parser::HeaderSet;

/// A header by identity, full name and compact form being the same (Kamailio's `hdr_types_t`). The
/// numbers are fixed; later versions may have more.
#[repr(i32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum lr_hdr_type {
    /// Any header without a name here; told apart by its name.
    LR_HDR_OTHER = 0,
    /// Via, RFC 3261 20.42.
    LR_HDR_VIA = 1,
    /// From, RFC 3261 20.20.
    LR_HDR_FROM = 2,
    /// To, RFC 3261 20.39.
    LR_HDR_TO = 3,
    /// Call-ID, RFC 3261 20.8.
    LR_HDR_CALL_ID = 4,
    /// CSeq, RFC 3261 20.16.
    LR_HDR_CSEQ = 5,
    /// Max-Forwards, RFC 3261 20.22.
    LR_HDR_MAX_FORWARDS = 6,
    /// Contact, RFC 3261 20.10.
    LR_HDR_CONTACT = 7,
    /// Route, RFC 3261 20.34.
    LR_HDR_ROUTE = 8,
    /// Record-Route, RFC 3261 20.30.
    LR_HDR_RECORD_ROUTE = 9,
    /// Content-Length, RFC 3261 20.14.
    LR_HDR_CONTENT_LENGTH = 10,
    /// Content-Type, RFC 3261 20.15.
    LR_HDR_CONTENT_TYPE = 11,
    /// Expires, RFC 3261 20.19.
    LR_HDR_EXPIRES = 12,
    /// Min-Expires, RFC 3261 20.23.
    LR_HDR_MIN_EXPIRES = 13,
    /// Path, RFC 3327.
    LR_HDR_PATH = 14,
    /// Service-Route, RFC 3608.
    LR_HDR_SERVICE_ROUTE = 15,
    /// Authorization, RFC 3261 20.7.
    LR_HDR_AUTHORIZATION = 16,
    /// Proxy-Authorization, RFC 3261 20.28.
    LR_HDR_PROXY_AUTHORIZATION = 17,
    /// WWW-Authenticate, RFC 3261 20.44.
    LR_HDR_WWW_AUTHENTICATE = 18,
    /// Proxy-Authenticate, RFC 3261 20.27.
    LR_HDR_PROXY_AUTHENTICATE = 19,
    /// Authentication-Info, RFC 3261 20.6.
    LR_HDR_AUTHENTICATION_INFO = 20,
    /// Proxy-Authentication-Info, RFC 7615.
    LR_HDR_PROXY_AUTHENTICATION_INFO = 21,
    /// Require, RFC 3261 20.32.
    LR_HDR_REQUIRE = 22,
    /// Proxy-Require, RFC 3261 20.29.
    LR_HDR_PROXY_REQUIRE = 23,
    /// Supported, RFC 3261 20.37.
    LR_HDR_SUPPORTED = 24,
    /// Unsupported, RFC 3261 20.40.
    LR_HDR_UNSUPPORTED = 25,
    /// Allow, RFC 3261 20.5.
    LR_HDR_ALLOW = 26,
    /// Allow-Events, RFC 6665 8.2.2.
    LR_HDR_ALLOW_EVENTS = 27,
    /// Event, RFC 6665 8.2.1.
    LR_HDR_EVENT = 28,
    /// Subscription-State, RFC 6665 8.2.3.
    LR_HDR_SUBSCRIPTION_STATE = 29,
    /// SIP-ETag, RFC 3903 11.3.1.
    LR_HDR_SIP_ETAG = 30,
    /// SIP-If-Match, RFC 3903 11.3.2.
    LR_HDR_SIP_IF_MATCH = 31,
    /// Accept, RFC 3261 20.1.
    LR_HDR_ACCEPT = 32,
    /// Accept-Encoding, RFC 3261 20.2.
    LR_HDR_ACCEPT_ENCODING = 33,
    /// Accept-Language, RFC 3261 20.3.
    LR_HDR_ACCEPT_LANGUAGE = 34,
    /// Accept-Contact, RFC 3841 9.2.
    LR_HDR_ACCEPT_CONTACT = 35,
    /// Reject-Contact, RFC 3841 9.2.
    LR_HDR_REJECT_CONTACT = 36,
    /// Request-Disposition, RFC 3841 9.1.
    LR_HDR_REQUEST_DISPOSITION = 37,
    /// Accept-Resource-Priority, RFC 4412 3.2.
    LR_HDR_ACCEPT_RESOURCE_PRIORITY = 38,
    /// Resource-Priority, RFC 4412 3.1.
    LR_HDR_RESOURCE_PRIORITY = 39,
    /// Alert-Info, RFC 3261 20.4.
    LR_HDR_ALERT_INFO = 40,
    /// Call-Info, RFC 3261 20.9.
    LR_HDR_CALL_INFO = 41,
    /// Error-Info, RFC 3261 20.18.
    LR_HDR_ERROR_INFO = 42,
    /// Answer-Mode, RFC 5373.
    LR_HDR_ANSWER_MODE = 43,
    /// Priv-Answer-Mode, RFC 5373.
    LR_HDR_PRIV_ANSWER_MODE = 44,
    /// Content-Disposition, RFC 3261 20.11.
    LR_HDR_CONTENT_DISPOSITION = 45,
    /// Content-Encoding, RFC 3261 20.12.
    LR_HDR_CONTENT_ENCODING = 46,
    /// Content-Language, RFC 3261 20.13.
    LR_HDR_CONTENT_LANGUAGE = 47,
    /// Date, RFC 3261 20.17.
    LR_HDR_DATE = 48,
    /// Diversion, RFC 5806.
    LR_HDR_DIVERSION = 49,
    /// Flow-Timer, RFC 5626 11.4.
    LR_HDR_FLOW_TIMER = 50,
    /// Geolocation, RFC 6442 4.1.
    LR_HDR_GEOLOCATION = 51,
    /// Geolocation-Error, RFC 6442 4.3.
    LR_HDR_GEOLOCATION_ERROR = 52,
    /// Geolocation-Routing, RFC 6442 4.2.
    LR_HDR_GEOLOCATION_ROUTING = 53,
    /// History-Info, RFC 7044.
    LR_HDR_HISTORY_INFO = 54,
    /// Identity, RFC 8224 4.
    LR_HDR_IDENTITY = 55,
    /// Identity-Info, RFC 4474 9.
    LR_HDR_IDENTITY_INFO = 56,
    /// In-Reply-To, RFC 3261 20.21.
    LR_HDR_IN_REPLY_TO = 57,
    /// Info-Package, RFC 6086 10.8.
    LR_HDR_INFO_PACKAGE = 58,
    /// Recv-Info, RFC 6086 10.9.
    LR_HDR_RECV_INFO = 59,
    /// Join, RFC 3911 7.1.
    LR_HDR_JOIN = 60,
    /// Replaces, RFC 3891 6.1.
    LR_HDR_REPLACES = 61,
    /// Refer-To, RFC 3515 2.1.
    LR_HDR_REFER_TO = 62,
    /// Referred-By, RFC 3892 3.
    LR_HDR_REFERRED_BY = 63,
    /// Refer-Sub, RFC 4488 4.
    LR_HDR_REFER_SUB = 64,
    /// Refer-Events-At, RFC 7614.
    LR_HDR_REFER_EVENTS_AT = 65,
    /// Target-Dialog, RFC 4538 7.
    LR_HDR_TARGET_DIALOG = 66,
    /// Max-Breadth, RFC 5393 5.3.3.
    LR_HDR_MAX_BREADTH = 67,
    /// MIME-Version, RFC 3261 20.24.
    LR_HDR_MIME_VERSION = 68,
    /// Min-SE, RFC 4028 5.
    LR_HDR_MIN_SE = 69,
    /// Session-Expires, RFC 4028 4.
    LR_HDR_SESSION_EXPIRES = 70,
    /// Session-ID, RFC 7989.
    LR_HDR_SESSION_ID = 71,
    /// Organization, RFC 3261 20.25.
    LR_HDR_ORGANIZATION = 72,
    /// P-Access-Network-Info, RFC 7315 4.4.
    LR_HDR_P_ACCESS_NETWORK_INFO = 73,
    /// P-Asserted-Identity, RFC 3325 9.1.
    LR_HDR_P_ASSERTED_IDENTITY = 74,
    /// P-Preferred-Identity, RFC 3325 9.2.
    LR_HDR_P_PREFERRED_IDENTITY = 75,
    /// P-Asserted-Service, RFC 6050 4.1.
    LR_HDR_P_ASSERTED_SERVICE = 76,
    /// P-Preferred-Service, RFC 6050 4.2.
    LR_HDR_P_PREFERRED_SERVICE = 77,
    /// P-Associated-URI, RFC 7315 4.1.
    LR_HDR_P_ASSOCIATED_URI = 78,
    /// P-Called-Party-ID, RFC 7315 4.2.
    LR_HDR_P_CALLED_PARTY_ID = 79,
    /// P-Charging-Function-Addresses, RFC 7315 4.5.
    LR_HDR_P_CHARGING_FUNCTION_ADDRESSES = 80,
    /// P-Charging-Vector, RFC 7315 4.6.
    LR_HDR_P_CHARGING_VECTOR = 81,
    /// P-Visited-Network-ID, RFC 7315 4.3.
    LR_HDR_P_VISITED_NETWORK_ID = 82,
    /// P-Early-Media, RFC 5009.
    LR_HDR_P_EARLY_MEDIA = 83,
    /// Permission-Missing, RFC 5360.
    LR_HDR_PERMISSION_MISSING = 84,
    /// Privacy, RFC 3323 4.2.
    LR_HDR_PRIVACY = 85,
    /// Priority, RFC 3261 20.26.
    LR_HDR_PRIORITY = 86,
    /// RAck, RFC 3262 7.2.
    LR_HDR_RACK = 87,
    /// RSeq, RFC 3262 7.1.
    LR_HDR_RSEQ = 88,
    /// Reason, RFC 3326.
    LR_HDR_REASON = 89,
    /// Remote-Party-ID, draft-ietf-sip-privacy-04.
    LR_HDR_REMOTE_PARTY_ID = 90,
    /// Reply-To, RFC 3261 20.31.
    LR_HDR_REPLY_TO = 91,
    /// Retry-After, RFC 3261 20.33.
    LR_HDR_RETRY_AFTER = 92,
    /// Security-Client, RFC 3329 2.2.
    LR_HDR_SECURITY_CLIENT = 93,
    /// Security-Server, RFC 3329 2.2.
    LR_HDR_SECURITY_SERVER = 94,
    /// Security-Verify, RFC 3329 2.2.
    LR_HDR_SECURITY_VERIFY = 95,
    /// Server, RFC 3261 20.35.
    LR_HDR_SERVER = 96,
    /// Subject, RFC 3261 20.36.
    LR_HDR_SUBJECT = 97,
    /// Suppress-If-Match, RFC 5839.
    LR_HDR_SUPPRESS_IF_MATCH = 98,
    /// Timestamp, RFC 3261 20.38.
    LR_HDR_TIMESTAMP = 99,
    /// Trigger-Consent, RFC 5360.
    LR_HDR_TRIGGER_CONSENT = 100,
    /// User-Agent, RFC 3261 20.41.
    LR_HDR_USER_AGENT = 101,
    /// User-to-User, RFC 7433.
    LR_HDR_USER_TO_USER = 102,
    /// Warning, RFC 3261 20.43.
    LR_HDR_WARNING = 103,
    /// Feature-Caps, RFC 6809.
    LR_HDR_FEATURE_CAPS = 104,
}

/// As C hands an lr_hdr_type in: any number may come.
pub type lr_hdr_type_raw = i32;

/// The bit of a mask of headers that stands for all of them and for the end of the head (Kamailio's
/// `HDR_EOH_F`). C has it from `cbindgen.toml`, beside `LR_HDR_F`.
pub(crate) const LR_HDR_EOH_F: u64 = 1 << 63;

/// Headers up to this number have a bit of their own.
const LAST_BIT: i32 = 62;

use lr_hdr_type::*;

/// Number and identity, by number from 1.
static NAMED: [(lr_hdr_type, HeaderId); 104] = [
    (LR_HDR_VIA, HeaderId::Via),
    (LR_HDR_FROM, HeaderId::From),
    (LR_HDR_TO, HeaderId::To),
    (LR_HDR_CALL_ID, HeaderId::CallId),
    (LR_HDR_CSEQ, HeaderId::CSeq),
    (LR_HDR_MAX_FORWARDS, HeaderId::MaxForwards),
    (LR_HDR_CONTACT, HeaderId::Contact),
    (LR_HDR_ROUTE, HeaderId::Route),
    (LR_HDR_RECORD_ROUTE, HeaderId::RecordRoute),
    (LR_HDR_CONTENT_LENGTH, HeaderId::ContentLength),
    (LR_HDR_CONTENT_TYPE, HeaderId::ContentType),
    (LR_HDR_EXPIRES, HeaderId::Expires),
    (LR_HDR_MIN_EXPIRES, HeaderId::MinExpires),
    (LR_HDR_PATH, HeaderId::Path),
    (LR_HDR_SERVICE_ROUTE, HeaderId::ServiceRoute),
    (LR_HDR_AUTHORIZATION, HeaderId::Authorization),
    (LR_HDR_PROXY_AUTHORIZATION, HeaderId::ProxyAuthorization),
    (LR_HDR_WWW_AUTHENTICATE, HeaderId::WwwAuthenticate),
    (LR_HDR_PROXY_AUTHENTICATE, HeaderId::ProxyAuthenticate),
    (LR_HDR_AUTHENTICATION_INFO, HeaderId::AuthenticationInfo),
    (LR_HDR_PROXY_AUTHENTICATION_INFO, HeaderId::ProxyAuthenticationInfo),
    (LR_HDR_REQUIRE, HeaderId::Require),
    (LR_HDR_PROXY_REQUIRE, HeaderId::ProxyRequire),
    (LR_HDR_SUPPORTED, HeaderId::Supported),
    (LR_HDR_UNSUPPORTED, HeaderId::Unsupported),
    (LR_HDR_ALLOW, HeaderId::Allow),
    (LR_HDR_ALLOW_EVENTS, HeaderId::AllowEvents),
    (LR_HDR_EVENT, HeaderId::Event),
    (LR_HDR_SUBSCRIPTION_STATE, HeaderId::SubscriptionState),
    (LR_HDR_SIP_ETAG, HeaderId::SipEtag),
    (LR_HDR_SIP_IF_MATCH, HeaderId::SipIfMatch),
    (LR_HDR_ACCEPT, HeaderId::Accept),
    (LR_HDR_ACCEPT_ENCODING, HeaderId::AcceptEncoding),
    (LR_HDR_ACCEPT_LANGUAGE, HeaderId::AcceptLanguage),
    (LR_HDR_ACCEPT_CONTACT, HeaderId::AcceptContact),
    (LR_HDR_REJECT_CONTACT, HeaderId::RejectContact),
    (LR_HDR_REQUEST_DISPOSITION, HeaderId::RequestDisposition),
    (LR_HDR_ACCEPT_RESOURCE_PRIORITY, HeaderId::AcceptResourcePriority),
    (LR_HDR_RESOURCE_PRIORITY, HeaderId::ResourcePriority),
    (LR_HDR_ALERT_INFO, HeaderId::AlertInfo),
    (LR_HDR_CALL_INFO, HeaderId::CallInfo),
    (LR_HDR_ERROR_INFO, HeaderId::ErrorInfo),
    (LR_HDR_ANSWER_MODE, HeaderId::AnswerMode),
    (LR_HDR_PRIV_ANSWER_MODE, HeaderId::PrivAnswerMode),
    (LR_HDR_CONTENT_DISPOSITION, HeaderId::ContentDisposition),
    (LR_HDR_CONTENT_ENCODING, HeaderId::ContentEncoding),
    (LR_HDR_CONTENT_LANGUAGE, HeaderId::ContentLanguage),
    (LR_HDR_DATE, HeaderId::Date),
    (LR_HDR_DIVERSION, HeaderId::Diversion),
    (LR_HDR_FLOW_TIMER, HeaderId::FlowTimer),
    (LR_HDR_GEOLOCATION, HeaderId::Geolocation),
    (LR_HDR_GEOLOCATION_ERROR, HeaderId::GeolocationError),
    (LR_HDR_GEOLOCATION_ROUTING, HeaderId::GeolocationRouting),
    (LR_HDR_HISTORY_INFO, HeaderId::HistoryInfo),
    (LR_HDR_IDENTITY, HeaderId::Identity),
    (LR_HDR_IDENTITY_INFO, HeaderId::IdentityInfo),
    (LR_HDR_IN_REPLY_TO, HeaderId::InReplyTo),
    (LR_HDR_INFO_PACKAGE, HeaderId::InfoPackage),
    (LR_HDR_RECV_INFO, HeaderId::RecvInfo),
    (LR_HDR_JOIN, HeaderId::Join),
    (LR_HDR_REPLACES, HeaderId::Replaces),
    (LR_HDR_REFER_TO, HeaderId::ReferTo),
    (LR_HDR_REFERRED_BY, HeaderId::ReferredBy),
    (LR_HDR_REFER_SUB, HeaderId::ReferSub),
    (LR_HDR_REFER_EVENTS_AT, HeaderId::ReferEventsAt),
    (LR_HDR_TARGET_DIALOG, HeaderId::TargetDialog),
    (LR_HDR_MAX_BREADTH, HeaderId::MaxBreadth),
    (LR_HDR_MIME_VERSION, HeaderId::MimeVersion),
    (LR_HDR_MIN_SE, HeaderId::MinSe),
    (LR_HDR_SESSION_EXPIRES, HeaderId::SessionExpires),
    (LR_HDR_SESSION_ID, HeaderId::SessionId),
    (LR_HDR_ORGANIZATION, HeaderId::Organization),
    (LR_HDR_P_ACCESS_NETWORK_INFO, HeaderId::PAccessNetworkInfo),
    (LR_HDR_P_ASSERTED_IDENTITY, HeaderId::PAssertedIdentity),
    (LR_HDR_P_PREFERRED_IDENTITY, HeaderId::PPreferredIdentity),
    (LR_HDR_P_ASSERTED_SERVICE, HeaderId::PAssertedService),
    (LR_HDR_P_PREFERRED_SERVICE, HeaderId::PPreferredService),
    (LR_HDR_P_ASSOCIATED_URI, HeaderId::PAssociatedUri),
    (LR_HDR_P_CALLED_PARTY_ID, HeaderId::PCalledPartyId),
    (LR_HDR_P_CHARGING_FUNCTION_ADDRESSES, HeaderId::PChargingFunctionAddresses),
    (LR_HDR_P_CHARGING_VECTOR, HeaderId::PChargingVector),
    (LR_HDR_P_VISITED_NETWORK_ID, HeaderId::PVisitedNetworkId),
    (LR_HDR_P_EARLY_MEDIA, HeaderId::PEarlyMedia),
    (LR_HDR_PERMISSION_MISSING, HeaderId::PermissionMissing),
    (LR_HDR_PRIVACY, HeaderId::Privacy),
    (LR_HDR_PRIORITY, HeaderId::Priority),
    (LR_HDR_RACK, HeaderId::RAck),
    (LR_HDR_RSEQ, HeaderId::RSeq),
    (LR_HDR_REASON, HeaderId::Reason),
    (LR_HDR_REMOTE_PARTY_ID, HeaderId::RemotePartyId),
    (LR_HDR_REPLY_TO, HeaderId::ReplyTo),
    (LR_HDR_RETRY_AFTER, HeaderId::RetryAfter),
    (LR_HDR_SECURITY_CLIENT, HeaderId::SecurityClient),
    (LR_HDR_SECURITY_SERVER, HeaderId::SecurityServer),
    (LR_HDR_SECURITY_VERIFY, HeaderId::SecurityVerify),
    (LR_HDR_SERVER, HeaderId::Server),
    (LR_HDR_SUBJECT, HeaderId::Subject),
    (LR_HDR_SUPPRESS_IF_MATCH, HeaderId::SuppressIfMatch),
    (LR_HDR_TIMESTAMP, HeaderId::Timestamp),
    (LR_HDR_TRIGGER_CONSENT, HeaderId::TriggerConsent),
    (LR_HDR_USER_AGENT, HeaderId::UserAgent),
    (LR_HDR_USER_TO_USER, HeaderId::UserToUser),
    (LR_HDR_WARNING, HeaderId::Warning),
    (LR_HDR_FEATURE_CAPS, HeaderId::FeatureCaps),
];

/// The numbers by the parser's own; a test fails when it learns a header that is not above.
static NUMBERS: [lr_hdr_type; 256] = {
    let mut numbers = [LR_HDR_OTHER; 256];
    let mut i = 0;
    while i < NAMED.len() {
        numbers[NAMED[i].1 as usize] = NAMED[i].0;
        i += 1;
    }
    numbers
};

/// The number of a header.
pub(crate) fn number_of(id: HeaderId) -> lr_hdr_type {
    NUMBERS.get(id as usize).copied().unwrap_or(LR_HDR_OTHER)
}

/// The header of a number; None when no header has it.
pub(crate) fn header_of(number: lr_hdr_type_raw) -> Option<HeaderId> {
    if number == LR_HDR_OTHER as i32 {
        return Some(HeaderId::Other);
    }
    let at = usize::try_from(number).ok()?.checked_sub(1)?;
    NAMED.get(at).map(|named| named.1)
}

/// The headers of a mask.
pub(crate) fn set_of(mask: u64) -> HeaderSet {
    if mask & LR_HDR_EOH_F != 0 {
        return HeaderSet::ALL;
    }
    let bits = (0..=LAST_BIT).filter(|bit| mask >> bit & 1 == 1);
    bits.filter_map(header_of).fold(HeaderSet::EMPTY, HeaderSet::with)
}

/// The mask of what is in a set, as far as it has bits; the end of the head is not among them.
pub(crate) fn mask_of(set: HeaderSet) -> u64 {
    let bits = (0..=LAST_BIT).filter(|bit| header_of(*bit).is_some_and(|id| set.contains(id)));
    bits.fold(0, |mask, bit| mask | 1 << bit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_header_has_a_number_and_every_number_its_header() {
        for (at, (number, id)) in NAMED.iter().enumerate() {
            assert_eq!(*number as usize, at + 1, "{id:?}: numbers follow each other");
            assert_eq!((header_of(*number as i32), number_of(*id)), (Some(*id), *number));
        }
        for id in HeaderId::all() {
            assert_ne!(number_of(*id), LR_HDR_OTHER, "{id:?} has no number: add it at the end");
        }
        assert_eq!(header_of(0), Some(HeaderId::Other));
        for none in [-1, NAMED.len() as i32 + 1, i32::MIN, i32::MAX] {
            assert_eq!(header_of(none), None);
        }
    }

    #[test]
    fn a_mask_is_a_set() {
        let mask = 1 << LR_HDR_VIA as u64 | 1 << LR_HDR_TO as u64 | 1;
        let set = HeaderSet::of(&[HeaderId::Via, HeaderId::To, HeaderId::Other]);
        assert_eq!((set_of(mask), mask_of(set)), (set, mask));
        assert_eq!(set_of(mask | LR_HDR_EOH_F), HeaderSet::ALL);
        assert_eq!(mask_of(HeaderSet::ALL), LR_HDR_EOH_F - 1);
        assert_eq!(set_of(0), HeaderSet::EMPTY);
    }
}
